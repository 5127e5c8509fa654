"""What a compiled or exported function gives: an expression, and the form in which its value is expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .. import dims
from ..compiler import axes, shaped, unstacked
from ..dims import Shape
from ..expr import Expr
from .graph import Graph, Op
from .tensors import tensor

Sizes = Mapping[str, int]
Finish = Callable[[Any, Sizes], Any]  # from the two-dimensional value to what the caller wants
Shaping = Callable[[Graph, Op, Sizes], Op]  # the same, as an operation


class Part(NamedTuple):
    """One result: its expression, and how a user expects it; from the value computed node by node, and as an operation."""

    root: Expr
    finish: Finish
    shaping: Shaping


def plain(root: Expr, shape: Shape) -> Part:
    """As a user expects it: a scalar as a float, a vector as an array of one axis."""
    def shaping(graph: Graph, op: Op, sizes: Sizes) -> Op:
        if root.is_scalar:
            return graph.op("float", (op,), ())
        return graph.reshape(op, (1, *op.shape)) if root.is_row else op

    return Part(root, lambda value, sizes: shaped(value, shape), shaping)


def as_tensor(root: Expr, of: Any) -> Part:
    """The tensor with the axes of the function and those of the variable."""
    def finish(value: Any, sizes: Sizes) -> Any:
        return unstacked(value.T if of.layout == "denominator" else value, of.shape, of.wrt.shape, sizes)

    def shaping(graph: Graph, op: Op, sizes: Sizes) -> Op:
        if root.is_scalar or root.is_row or root.is_column:
            op = graph.reshape(op, tuple(dims.evaluate(d, sizes) for d in root.shape))
        if of.layout == "denominator":
            op = graph.transpose(op)
        pairs = [(dims.evaluate(r, sizes), dims.evaluate(c, sizes)) for r, c in (of.shape, of.wrt.shape)]
        wanted = (*axes(of.shape, sizes), *axes(of.wrt.shape, sizes))
        found = op if op.shape == wanted and 1 in pairs[0] and 1 in pairs[1] else tensor(graph, op, pairs[0], pairs[1])
        return found if found.shape == wanted else graph.reshape(found, wanted)

    return Part(root, finish, shaping)
