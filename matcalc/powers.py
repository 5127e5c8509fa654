"""Powers, bars and indices: `^` is a power, an inverse or a matrix power; bars are norms or absolute values."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from . import applied, mismatch
from .dims import SCALAR
from .selectors import selected
from .signatures import COLUMN, MATRIX, ROW, SCALAR_KIND, kind_of
from .syntax import Node

if TYPE_CHECKING:
    from .shapes import Shapes


def power(s: Shapes, node: Node) -> None:
    base, exponent = node.children
    value = s.constants.exponent(exponent)
    if exponent.shape != SCALAR:
        raise mismatch.exponent(s, node)
    if base in s.norm_bars and value == 2 and "norm2sq" in s.language.signatures:
        s.become(node, "call", base.children, "norm2sq", SCALAR)
        return
    kind = kind_of(base.shape)
    if node.data == "^" and kind != SCALAR_KIND:
        caret(s, node, base, value)
        return
    if kind != SCALAR_KIND and s.known is None:
        note_power(s, base, kind, value)
    node.data, node.shape = None, base.shape
    s.constants.power(node, value)


def note_power(s: Shapes, base: Node, kind: int, value: Fraction | None) -> None:
    text = s.editor.tight(base)
    if kind == MATRIX and value == -1:
        s.note(f"{text}**-1 is the elementwise reciprocal; did you mean inv({s.editor.of(base.span)})?")
    elif kind == MATRIX:
        s.note("** is elementwise; the matrix power is X^2")
    else:
        s.note("** is elementwise")


def caret(s: Shapes, node: Node, base: Node, value: Fraction | None) -> None:
    """`^` on a vector is refused; on a square matrix it is the inverse or the matrix power."""
    if kind_of(base.shape) != MATRIX:
        raise mismatch.vector_power(s, node, value)
    if not s.unifier.unify(*base.shape):
        raise mismatch.not_square(s, "a matrix power", node, base)
    if value is not None and value < 0:
        base = applied.apply(s, "inv", [base], node.span)
        value = -value
        if value == 1:
            s.become(node, "call", base.children, "inv", base.shape)
            return
    if value == Fraction(1, 2) and "sqrtm" in s.language.signatures:
        s.become(node, "call", [base], "sqrtm", base.shape)
        return
    if value is None or value.denominator != 1:
        raise mismatch.matrix_power(s, node)
    exponent = s.make("number", (), value, node.children[1].span, SCALAR)
    s.constants.number(exponent)
    s.become(node, "call", [base, exponent], "mpow", base.shape)
    applied.function(s, node)


def bars(s: Shapes, node: Node) -> None:
    which, inner = node.data, node.children[0]
    kind = kind_of(inner.shape)
    if which == "abs" and kind == MATRIX:
        raise mismatch.bars_of_matrix(s, node)
    if which == "logabs":
        log_of_bars(s, node, inner, kind)
        return
    if which == "norm_2":
        if kind == MATRIX:
            raise mismatch.norm_2_of_matrix(s, node)
        which = "norm"
    s.become(node, "call", [inner], which, SCALAR)
    if which == "norm":
        s.norm_bars.add(node)
    applied.function(s, node)


def log_of_bars(s: Shapes, node: Node, inner: Node, kind: int) -> None:
    """log|X| is the logarithm of the determinant of a matrix, log|det X| too, and log(abs(x)) of anything else."""
    determinant = inner.kind == "call" and inner.data == "det"
    if determinant or kind == MATRIX:
        s.become(node, "call", inner.children if determinant else [inner], "logdet", SCALAR)
        s.note("log|X| of a matrix is logdet(X)")
    else:
        s.become(node, "call", [applied.apply(s, "abs", [inner], node.span)], "log", SCALAR)
    applied.function(s, node)


def index(s: Shapes, node: Node) -> None:
    base = node.children[0]
    rows, columns = (s.unifier.resolve(dim) for dim in base.shape)
    selectors = node.data
    kind = kind_of((rows, columns))
    if kind == SCALAR_KIND:
        raise mismatch.index_of_scalar(s, node)
    if len(selectors) == 1 and kind != COLUMN:
        selectors = (slice(None), selectors[0]) if kind == ROW else (selectors[0], slice(None))
    elif len(selectors) == 2 and kind == COLUMN:
        selected(1, selectors[1], node.span)
        selectors = selectors[:1]
    found = [selected(dim, selector, node.span) for dim, selector in zip((rows, columns), selectors, strict=False)]
    node.data = tuple(selector for _, selector in found)
    node.shape = (found[0][0], found[1][0] if len(found) == 2 else 1)
