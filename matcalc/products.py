"""Sums and products: which shapes fit together, and what `\\`, `·`, `×`, `⊙` and `⊗` stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import applied, mismatch
from .dims import SCALAR, Shape
from .errors import Span
from .signatures import COLUMN, MATRIX, SCALAR_KIND, kind_of
from .syntax import Node

if TYPE_CHECKING:
    from .shapes import Shapes

Rewritten = tuple[list[Node], list[str], str, Node, Shape]  # factors and signs so far, the sign and factor to come, the shape so far


def add(s: Shapes, node: Node) -> None:
    terms = node.children
    kinds = {kind_of(term.shape) for term in terms}
    kinds.discard(SCALAR_KIND)
    if not kinds:
        s.constants.add(node)
        return
    if COLUMN in kinds and len(kinds) > 1:
        raise mismatch.sum_of_kinds(s, node)
    widest = next(t for t in terms if kind_of(t.shape) == min(kinds))
    for term in terms:
        kind = kind_of(term.shape)
        if kind == SCALAR_KIND:
            if s.soft_scalars:
                refuse_soft_term(s, term, widest)
            continue
        fits = s.unifier.unify(widest.shape[1], term.shape[1])
        if kind == kind_of(widest.shape):
            fits = fits and s.unifier.unify(widest.shape[0], term.shape[0])
        if not fits:
            raise mismatch.elementwise(s, "a sum", widest, term)
    node.shape = widest.shape


def refuse_soft_term(s: Shapes, term: Node, widest: Node) -> None:
    """A soft name beside a matrix may be a row, a scalar or a matrix; a product of soft names beside a vector may be one."""
    factors = [term]
    while len(factors) == 1 and factors[0].kind in ("neg", "product"):
        factors = [f for f in factors[0].children if f.kind not in ("number", "pi")]
    if not all(f.kind == "name" and f.data in s.soft_scalars for f in factors):
        return
    if len(factors) == 1 and kind_of(widest.shape) != COLUMN:
        raise mismatch.soft_in_matrix_sum(s, factors[0], widest)
    if len(factors) > 1:
        raise mismatch.soft_product_in_sum(s, factors, term, widest)


def refuse_soft_operand(s: Shapes, operand: Node, other: Node, token: Any) -> None:
    """`X @ (c * b)`, where nothing says which of the soft names is a vector."""
    soft: list[Node] = []
    stack = [operand]
    while stack:
        node = stack.pop()
        if node.shape != SCALAR:
            return
        if node.kind == "name" and node.data in s.soft_scalars:
            soft.append(node)
        elif node.kind in ("neg", "add", "product") or (
            node.kind == "call" and node.data in s.language.signatures and s.language.signatures[node.data][0].elementwise
        ):
            stack.extend(reversed(node.children))
        elif node.kind == "power":
            stack.append(node.children[0])
    if soft:
        raise mismatch.soft_operand(s, soft, operand, other, token)


def product(s: Shapes, node: Node) -> None:
    factors = [node.children[0]]
    signs: list[str] = []
    shape = factors[0].shape
    for token, right in zip(node.data, node.children[1:], strict=True):
        sign = token[0]
        span = (node.children[0].start, factors[-1].end)
        if sign in REWRITTEN:
            factors, signs, sign, right, shape = REWRITTEN[sign](s, factors, signs, right, shape, span, token)
            if not sign:
                continue
        if shape == SCALAR or right.shape == SCALAR:
            if sign == "@" and s.soft_scalars and shape != right.shape:
                operand, other = (right, factors[-1]) if right.shape == SCALAR else (factors[-1], right)
                refuse_soft_operand(s, operand, other, token)
            shape = scaled(s, sign, shape, right.shape)
            signs.append("/" if sign == "/" else "*")
        elif sign in ("*", "/"):
            match(s, node, factors, span, right, shape, token)
            signs.append(sign)
        else:
            shape = multiply(s, factors, span, right, shape)
            signs.append("@")
        factors.append(right)
    node.shape = shape
    if len(factors) == 1:
        s.become(node, factors[0].kind, factors[0].children, factors[0].data, shape)
        return
    node.children, node.data = tuple(factors), tuple(signs)
    if shape == SCALAR:
        s.constants.product(node)


def scaled(s: Shapes, sign: str, left: Shape, right: Shape) -> Shape:
    return right if left == SCALAR else left


def match(s: Shapes, node: Node, factors: list[Node], span: Span, right: Node, shape: Shape, token: Any) -> None:
    """An elementwise product or quotient: equal shapes."""
    unify = s.unifier.unify
    if kind_of(shape) != kind_of(right.shape) or not (unify(shape[0], right.shape[0]) and unify(shape[1], right.shape[1])):
        raise mismatch.elementwise_product(s, node, factors, span, right, shape, token)
    if token[0] == "*" and kind_of(shape) == MATRIX and s.known is None:
        s.note("* is elementwise; the matrix product is @")


def multiply(s: Shapes, factors: list[Node], span: Span, right: Node, shape: Shape) -> Shape:
    inner, outer = shape[1], right.shape[0]
    if ((inner == 1) != (outer == 1) and (isinstance(inner, int) or isinstance(outer, int))) or not s.unifier.unify(inner, outer):
        raise mismatch.matrix_product(s, factors, span, right, shape)
    return shape[0], right.shape[1]


def joined(s: Shapes, factors: list[Node], signs: list[str], shape: Shape, span: Span) -> Node:
    """The product so far as one node."""
    return factors[0] if len(factors) == 1 else s.make("product", factors, tuple(signs), span, shape)


def solve(s: Shapes, factors: list[Node], signs: list[str], right: Node, shape: Shape, span: Span, token: Any) -> Rewritten:
    """A \\ b = inv(A) @ b."""
    left = joined(s, factors, signs, shape, span)
    inverse = applied.apply(s, "inv", [left], left.span)
    s.note("A\\b is inv(A) @ b")
    return [inverse], [], "@", right, inverse.shape


def left_divide(s: Shapes, factors: list[Node], signs: list[str], right: Node, shape: Shape, span: Span, token: Any) -> Rewritten:
    """MATLAB's A .\\ B = B ./ A, entry by entry."""
    left = joined(s, factors, signs, shape, span)
    if SCALAR not in (shape, right.shape) and not (
        kind_of(shape) == kind_of(right.shape) and s.unifier.unify(shape[0], right.shape[0]) and s.unifier.unify(shape[1], right.shape[1])
    ):
        raise mismatch.elementwise(s, "an elementwise quotient", left, right)
    return [right], [], "/", left, right.shape


def right_divide(s: Shapes, factors: list[Node], signs: list[str], right: Node, shape: Shape, span: Span, token: Any) -> Rewritten:
    """MATLAB's A / B = A @ inv(B)."""
    if right.shape == SCALAR:
        return factors, signs, "/", right, shape
    return factors, signs, "@", applied.apply(s, "inv", [right], right.span), shape


def fraction(s: Shapes, factors: list[Node], signs: list[str], right: Node, shape: Shape, span: Span, token: Any) -> Rewritten:
    """A quotient with a bar: below it stands a scalar."""
    if right.shape != SCALAR:
        raise mismatch.below_the_bar(s, joined(s, factors, signs, shape, span), right)
    return factors, signs, "/", right, shape


def dot(s: Shapes, factors: list[Node], signs: list[str], right: Node, shape: Shape, span: Span, token: Any) -> Rewritten:
    """x · y of two vectors is x.T @ y, otherwise the product."""
    if kind_of(shape) == COLUMN and kind_of(right.shape) == COLUMN:
        left = joined(s, factors, signs, shape, span)
        shape = (shape[1], shape[0])
        factors, signs = [s.make("transpose", [left], None, left.span, shape)], []
    return factors, signs, "@", right, shape


def cross(s: Shapes, factors: list[Node], signs: list[str], right: Node, shape: Shape, span: Span, token: Any) -> Rewritten:
    if shape != SCALAR and right.shape != SCALAR:
        raise mismatch.cross(s, span, right, token)
    return factors, signs, "*", right, shape


def elementwise_sign(s: Shapes, factors: list[Node], signs: list[str], right: Node, shape: Shape, span: Span, token: Any) -> Rewritten:
    return factors, signs, "*", right, shape


def kron_sign(s: Shapes, factors: list[Node], signs: list[str], right: Node, shape: Shape, span: Span, token: Any) -> Rewritten:
    if shape == SCALAR or right.shape == SCALAR:
        return factors, signs, "*", right, shape
    if kind_of(shape) == COLUMN and kind_of(right.shape) == COLUMN:
        raise mismatch.kron_of_vectors(s, span, right)
    result = applied.apply(s, "kron", [joined(s, factors, signs, shape, span), right], (span[0], right.end))
    return [result], [], "", right, result.shape


REWRITTEN = {"\\": solve, ".\\": left_divide, "//": right_divide, "·": dot, "dot": dot, "×": cross, "⊙": elementwise_sign, "⊗": kron_sign,
             "frac": fraction}
