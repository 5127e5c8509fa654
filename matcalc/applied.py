"""Functions applied to their arguments: the signature that fits, `axis=`, and the shape of the result."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from . import mismatch
from .dimensions import product as dimension_product
from .dims import SCALAR, Dim, Shape, multiply
from .errors import NotSupported, Span
from .signatures import COLUMN, MATRIX, ROW, SCALAR_KIND, by_row, choose, kind_of, overloads, result_shape, takes_axis
from .syntax import Node, Signature
from .unify import has_variables

if TYPE_CHECKING:
    from .shapes import Shapes

CONSTRUCTOR_SHAPES: dict[str, Any] = {
    "eye": lambda n: (n, n),
    "ones": lambda m, n=1: (m, n),
    "zeros": lambda m, n=1: (m, n),
    "commat": lambda m, n: (multiply(m, n), multiply(m, n)),
}


def call(s: Shapes, node: Node) -> None:
    constructor = CONSTRUCTOR_SHAPES.get(node.data)
    if constructor is not None:
        sizes = [child.data for child in node.children]
        node.shape = constructor(*sizes)
    else:
        function(s, node)


def function(s: Shapes, node: Node) -> None:
    """The shape of a call by its signature."""
    candidates = overloads(s.language, node.data)
    args = node.children
    if not candidates:
        raise NotSupported(f"there is no rule for {node.data}", node.span)
    kinds = [kind_of(arg.shape) for arg in args]
    if node.data == "diag" and kinds == [MATRIX]:
        node.data, candidates = "diagv", overloads(s.language, "diagv")
        s.note("diag of a matrix is its diagonal, diagv(X)")
    if node.axis is not None:
        axis(s, node, candidates, kinds[0])
        if node.axis is not None:
            return
    signature = choose(candidates, kinds)
    if signature is None:
        raise mismatch.no_overload(s, node, candidates)
    if node.start in s.typeset.doubtful and signature.result.kind == "like" and _has_sibling(s, node.data) and _may_be_square(s, args[0]):
        raise mismatch.function_of_matrix(s, node)
    if node.start in s.typeset.doubtful and kinds == [MATRIX] and not s.typeset.latex and signature.result.kind != "like":
        raise mismatch.down_the_columns(s, node)
    node.shape = apply_signature(s, node, signature)
    if signature.elementwise and kinds == [MATRIX] and _has_sibling(s, node.data) and s.known is None:
        s.note(f"{node.data}(X) is elementwise; the function of the matrix is {node.data}m(X)")


def _may_be_square(s: Shapes, arg: Node) -> bool:
    rows, columns = (s.unifier.resolve(dim) for dim in arg.shape)
    return kind_of(arg.shape) == MATRIX and (rows == columns or has_variables(rows) or has_variables(columns))


def _has_sibling(s: Shapes, function: str) -> bool:
    """Whether there is a function of the matrix beside the elementwise one, as expm beside exp."""
    return function + "m" in s.language.signatures


def axis(s: Shapes, node: Node, candidates: Sequence[Signature], kind: int) -> None:
    """Settle `axis=`; where it says no more than the function does without it, it is dropped."""
    axis = node.axis
    if axis == -1:
        axis = 0 if kind == COLUMN else 1
    if by_row(candidates):
        if axis == 0 and kind == MATRIX:
            raise mismatch.axis_zero(s, node)
        node.axis = None
    elif not takes_axis(candidates):
        raise mismatch.no_axis(s, node)
    elif kind == SCALAR_KIND or (kind, axis) in ((COLUMN, 0), (ROW, 1)):
        node.axis = None
    elif kind != MATRIX:
        raise mismatch.axis_of_vector(s, node)
    else:
        node.axis = axis
        rows, columns = node.children[0].shape
        if candidates[0].result.kind != "like":  # a reduction; a mask keeps the shape
            rows, columns = (1, columns) if axis == 0 else (rows, 1)
        node.shape = (rows, columns)


def apply_signature(s: Shapes, node: Node, signature: Signature) -> Shape:
    args = node.children
    if signature.elementwise and len(args) > 1:
        return elementwise_call(s, node)
    values: dict[str, Dim] = {}
    for param, arg in zip(signature.params, args, strict=True):
        if param.kind == "integer":
            integer(s, node, arg)
        for dim, size in zip(param.dims, arg.shape, strict=False):
            if isinstance(dim, str) and dim not in values:
                values[dim] = size
            elif not s.unifier.unify(values.get(str(dim), dim), size):
                if len(args) == 1 or param.dims[:1] == param.dims[1:]:
                    raise mismatch.not_square(s, node.data, node, arg)
                raise mismatch.arguments(s, node, args[0], arg)
    result = signature.result
    if result.kind == "like":
        return next((arg.shape for arg in args if arg.shape != SCALAR), SCALAR)
    if result.kind == "scalar":
        return SCALAR
    if node.data in ("kron", "vec"):
        return products_of_dimensions(s, node)
    return result_shape(result, values)


def products_of_dimensions(s: Shapes, node: Node) -> Shape:
    """The shapes of kron and vec, with a limit on how many terms a dimension has."""
    shapes = [tuple(s.unifier.resolve(dim) for dim in arg.shape) for arg in node.children]
    if node.data == "vec":
        return dimension_product(shapes[0][0], shapes[0][1], s.limits, node.span), 1
    (m, n), (p, q) = shapes
    return dimension_product(m, p, s.limits, node.span), dimension_product(n, q, s.limits, node.span)


def elementwise_call(s: Shapes, node: Node) -> Shape:
    """The common shape of the arguments; scalars fit every shape."""
    args = node.children
    widest = next((arg for arg in args if arg.shape != SCALAR), args[0])
    for arg in args:
        if arg.shape != SCALAR:
            same = kind_of(arg.shape) == kind_of(widest.shape)
            if not (same and all(s.unifier.unify(a, b) for a, b in zip(arg.shape, widest.shape, strict=True))):
                raise mismatch.arguments(s, node, widest, arg)
    return widest.shape


def integer(s: Shapes, node: Node, arg: Node) -> None:
    value = s.constants.exponent(arg)
    if value is None or value.denominator != 1:
        raise mismatch.integer_argument(s, node, arg)
    if arg.kind not in ("number", "neg"):
        number = s.make("number", (), Fraction(abs(value)), arg.span, SCALAR)
        replacement = s.make("neg", [number], None, arg.span, SCALAR) if value < 0 else number
        node.children = tuple(replacement if child is arg else child for child in node.children)


def apply(s: Shapes, name: str, args: list[Node], span: Span) -> Node:
    """A call that the text has in another form, such as the inverse in A^-1."""
    node = s.make("call", args, name, span, SCALAR)
    function(s, node)
    return node
