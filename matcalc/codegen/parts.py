"""What a compiled or exported function gives: expressions, and the form in which a value is expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .. import dims
from ..compiler import axes, shaped, unstacked
from ..dims import Shape
from ..expr import Expr
from .graph import Op
from .lowering import Lowering
from .tensors import tensor

Sizes = Mapping[str, int]


class Part(NamedTuple):
    """One result: its expressions, and how a user expects it; from the values computed node by node, and as an operation."""

    roots: Sequence[Expr]
    finish: Callable[[Sequence[Any], Sizes], Any]
    operation: Callable[[Lowering], Op]


def plain(root: Expr, shape: Shape) -> Part:
    """As a user expects it: a scalar as a float, a vector as an array of one axis."""
    def operation(lowering: Lowering) -> Op:
        graph, op = lowering.graph, lowering.lower(root)
        if root.is_scalar:
            return graph.op("float", (op,), ())
        return graph.reshape(op, (1, *op.shape)) if root.is_row else op

    return Part([root], lambda values, sizes: shaped(values[0], shape), operation)


def as_tensor(root: Expr, of: Any) -> Part:
    """The tensor with the axes of the function and those of the variable."""
    def finish(values: Sequence[Any], sizes: Sizes) -> Any:
        return unstacked(values[0].T if of.layout == "denominator" else values[0], of.shape, of.wrt.shape, sizes)

    def operation(lowering: Lowering) -> Op:
        graph, sizes, op = lowering.graph, lowering.sizes, lowering.lower(root)
        if root.is_scalar or root.is_row or root.is_column:
            op = graph.reshape(op, tuple(dims.evaluate(d, sizes) for d in root.shape))
        if of.layout == "denominator":
            op = graph.transpose(op)
        pairs = [(dims.evaluate(r, sizes), dims.evaluate(c, sizes)) for r, c in (of.shape, of.wrt.shape)]
        wanted = (*axes(of.shape, sizes), *axes(of.wrt.shape, sizes))
        found = op if op.shape == wanted and 1 in pairs[0] and 1 in pairs[1] else tensor(graph, op, pairs[0], pairs[1])
        return found if found.shape == wanted else graph.reshape(found, wanted)

    return Part([root], finish, operation)
