"""Matrices with a few diagonals, as differences of neighbours have them, `eye(n)[1:, :] - eye(n)[:-1, :]`: products with them are slices.

A `band` is a vector w within zeros, M[row + i, column + i] = w[i]. A `padded` array has zeros before and after it, along each axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .graph import Graph, Op

MOST = 25  # bands in one product; a second difference of a second difference has 9
LITERAL = 60  # a smaller number is itself, also where sizes are names


class Band(NamedTuple):
    """c times a band."""

    c: float
    w: Op
    row: int
    column: int


def selected(graph: Graph, n: int, picks: Sequence[object]) -> Op | None:
    """Neighbouring rows and columns of eye(n); None where there are steps, or where a number would stand for a name."""
    ranges = [_range(graph, p, n) for p in picks]
    if any(r is None for r in ranges):
        return None
    (top, bottom), (left, right) = ((r[0], r[1]) for r in ranges if r is not None)
    first, last = max(top, left), max(bottom, right)
    if n - first - last < 1:
        return None
    return band(graph, graph.full(1.0, (n - first - last,)), first - top, first - left, (n - top - bottom, n - left - right))


def _range(graph: Graph, pick: object, n: int) -> tuple[int, int] | None:
    """How many a slice leaves out before and after."""
    if isinstance(pick, int):
        return None
    start, stop, step = (*pick, None)[:3]  # type: ignore[misc]
    if step not in (None, 1) or (n in graph.named and ((start or 0) < 0 or (stop or 0) > 0)):
        return None
    first, end, _ = slice(start, stop).indices(n)
    return (first, n - end) if end > first else None


def band(graph: Graph, w: Op, row: int, column: int, shape: tuple[int, int]) -> Op:
    if row == column == 0 and shape == (w.size, w.size):
        return graph.op("eye", (), shape) if w.kind == "full" and w.data == 1 else graph.op("diag", (w,), shape)
    return graph.op("band", (w,), shape, (row, column))


def bands(graph: Graph, a: Op) -> list[Band] | None:
    """A matrix as a sum of bands; None where it is none, or nothing but a diagonal matrix."""
    found = _parts(graph, a)
    return found if found and any((b.row, b.column) != (0, 0) or b.w.size != max(a.shape) for b in found) else None


def _parts(graph: Graph, a: Op) -> list[Band] | None:
    if a.kind == "band":
        return [Band(1.0, a.args[0], *a.data)]
    if a.kind == "eye":
        return [Band(1.0, graph.full(1.0, a.shape[:1]), 0, 0)]
    if a.kind == "diag":
        return [Band(1.0, a.args[0], 0, 0)]
    if a.kind == "transpose":
        found = _parts(graph, a.args[0])
        return found and [Band(b.c, b.w, b.column, b.row) for b in found]
    if a.kind == "product" and len(a.args[-1].shape) == 2 and not any(f.shape for f in a.args[:-1]):
        found = _parts(graph, a.args[-1])
        return found and [Band(a.data * b.c, graph.product(1.0, [*a.args[:-1], b.w], b.w.shape), b.row, b.column) for b in found]
    if a.kind == "linear" and len(a.shape) == 2 and not a.data[1]:
        sums: list[Band] = []
        for c, t in zip(a.data[0], a.args, strict=True):
            found = _parts(graph, t) if t.shape == a.shape else None
            if found is None:
                return None
            sums += [Band(c * b.c, b.w, b.row, b.column) for b in found]
        return sums
    return None


def scaled(graph: Graph, c: float, scalars: Sequence[Op], a: Op) -> Op | None:
    """A number times a sum of bands, or of what has zeros around it: the number goes into what is not zero."""
    if a.kind == "padded":
        return graph.op("padded", (graph.product(c, [*scalars, a.args[0]], a.args[0].shape),), a.shape, a.data)
    if a.kind == "linear" and not a.data[1] and all(t.kind == "padded" for t in a.args):
        parts = [(d, scaled(graph, c, scalars, t)) for d, t in zip(a.data[0], a.args, strict=True)]
        return graph.linear([(d, t) for d, t in parts if t is not None], 0.0, a.shape)
    found = bands(graph, a)
    if found is None:
        return None
    rows, columns = a.shape
    terms = [(b.c, band(graph, graph.product(c, [*scalars, b.w], b.w.shape), b.row, b.column, (rows, columns))) for b in found]
    return graph.linear(terms, 0.0, a.shape)


def multiplied(graph: Graph, a: Op, b: Op) -> Op | None:
    """a @ b where one of them is a sum of bands, and b a matrix or a vector."""
    left = bands(graph, a)
    right = bands(graph, b) if len(b.shape) == 2 else None
    if left is None and right is None:
        return None
    shape = (a.shape[0], *b.shape[1:])
    if left is None or right is None:
        left, right = left or _parts(graph, a), right or (_parts(graph, b) if len(b.shape) == 2 else None)
    if left is not None and right is not None:
        if len(left) * len(right) > MOST:
            return None
        pairs = [_product(graph, x, y, shape) for x in left for y in right]
        return None if None in pairs else graph.linear([(p.c, band(graph, p.w, p.row, p.column, shape))  # type: ignore[arg-type]
                                                        for p in pairs if p is not None and p.w.size], 0.0, shape)
    if len(left or right or ()) > MOST:
        return None
    if left is not None:
        return graph.linear([(x.c, _rows(graph, x, b, shape)) for x in left], 0.0, shape)
    assert right is not None
    turned = graph.transpose(a)
    terms = [(y.c, _rows(graph, Band(1.0, y.w, y.column, y.row), turned, shape[::-1])) for y in right]
    return graph.transpose(graph.linear(terms, 0.0, shape[::-1]))


def _product(graph: Graph, a: Band, b: Band, shape: tuple[int, ...]) -> Band | None:
    """Where the rows of one band meet the columns of the other; None where a name would be lost."""
    first = max(0, b.row - a.column)
    end = min(a.w.size, b.row + b.w.size - a.column)
    length, second = max(end - first, 0), first + a.column - b.row
    if graph.named and length not in graph.named and length >= LITERAL:
        return None
    if not length:
        return Band(0.0, graph.full(0.0, (0,)), 0, 0)
    x, y = cut(graph, a.w, first, a.w.size - first - length), cut(graph, b.w, second, b.w.size - second - length)
    return Band(a.c * b.c, graph.product(1.0, [x, y], (length,)), a.row + first, b.column + second)


def _rows(graph: Graph, a: Band, b: Op, shape: tuple[int, ...]) -> Op:
    """A band times a matrix or a vector: some rows, weighted, within zeros."""
    n = a.w.size
    rows = cut(graph, b, a.column, b.shape[0] - a.column - n)
    weights = a.w if len(shape) == 1 else graph.repeat(a.w, 0, rows.shape)
    return padded(graph, graph.product(1.0, [weights, rows], rows.shape), a.row, shape[0] - a.row - n)


def cut(graph: Graph, a: Op, before: int, after: int) -> Op:
    """Without some entries of a vector, or rows of a matrix, at the beginning and at the end."""
    if not before and not after:
        return a
    shape = (a.shape[0] - before - after, *a.shape[1:])
    if a.kind == "full":
        return graph.full(a.data, shape)
    if a.kind == "repeat":
        return graph.repeat(a.args[0] if a.data else cut(graph, a.args[0], before, after), a.data, shape)
    rows = (before or None, -after or None, None)
    return graph.op("slice", (a,), shape, (rows, *[(None, None, None)] * (len(shape) - 1)))


def padded(graph: Graph, a: Op, before: int, after: int) -> Op:
    """With zeros before and after it, along the first axis."""
    if not before and not after:
        return a
    return graph.op("padded", (a,), (before + a.shape[0] + after, *a.shape[1:]), ((before, after), *[(0, 0)] * (len(a.shape) - 1)))
