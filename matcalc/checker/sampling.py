"""Points: a size for every dimension, and generic values that have the declared properties.

One recipe serves residues and floating-point numbers: it needs only sums, products and quotients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..dims import Shape
from ..syntax import Symbol
from .modular import P, Stream
from .plan import Plan, Sizes, concrete

Rows = list[list[Any]]
SYMMETRIC = frozenset({"symmetric", "psd", "spd"})
SPACES = ("skew", "diagonal", "lower", "upper", "orthogonal")
STRATEGIES = ("signed", "positive", "small", "large", "unit", "negative")


class Ring:
    """Numbers of one sort: how an entry is drawn, and how it is reduced and divided."""

    def __init__(self, entry: Callable[[bool], Any], choose: Callable[[int], int],
                 reduce: Callable[[Any], Any], divide: Callable[[Any, Any], Any], shift: Any) -> None:
        self.entry, self.choose, self.reduce, self.divide = entry, choose, reduce, divide
        self.shift = shift  # added to the diagonal of a positive definite matrix, to keep it well conditioned


def residues(stream: Stream) -> Ring:
    """Integers modulo P; a positive one is a square."""
    def entry(positive: bool) -> int:
        r = stream.residue()
        return r * r % P if positive else r

    return Ring(entry, stream.below, lambda a: a % P, lambda a, b: a * pow(b, -1, P) % P, 0)


def floats(stream: Stream, strategy: str = "signed", flip: bool = False) -> Ring:
    """Two decimals, magnitudes of 0.3 to 2 (small: to 0.4; large: 5 to 9; unit: 0.1 to 0.9), never 0; negative: all below it."""
    low, high = {"small": (0.05, 0.4), "large": (5.0, 9.0), "unit": (0.1, 0.9)}.get(strategy, (0.3, 2.0))
    signed = strategy in ("signed", "small")

    def entry(positive: bool) -> float:
        value = round(low + (high - low) * stream.uniform(), 2 if strategy != "small" else 3)
        negative = (stream.residue() & 1024 == 0) != flip  # flip: the next point has the other signs
        return -value if (strategy == "negative" or (signed and negative)) and not positive else value

    return Ring(entry, stream.below, lambda a: a, lambda a, b: a / b, 0.5)


def array(shape: tuple[int, int], properties: frozenset[str], ring: Ring, near_identity: bool = False) -> Rows:
    """A generic matrix of this size with these properties, as a list of rows."""
    m, n = shape
    positive = bool(properties & {"positive", "nonnegative"})
    if "onehot" in properties:
        return _rows(m, n, lambda size: _onehot(size, ring))
    if "simplex" in properties:
        return _rows(m, n, lambda size: _simplex(size, ring))
    if "orthogonal" in properties:
        return _orthogonal(m, n, properties, ring)
    if properties & {"psd", "spd"}:
        return _gram(n, properties, positive, ring)
    rows = [[ring.entry(positive) for _ in range(n)] for _ in range(m)]
    if near_identity and m == n > 1:
        rows = [[2 * (i == j) + 0.3 * x for j, x in enumerate(row)] for i, row in enumerate(rows)]
    return within(rows, properties, ring.reduce)


def within(rows: Rows, properties: frozenset[str], reduce: Callable[[Any], Any] = lambda a: a) -> Rows:
    """The matrix made to have a linear structure: mirrored, or with zeros."""
    size = range(len(rows))
    if properties & SYMMETRIC:
        rows = [[rows[min(i, j)][max(i, j)] for j in size] for i in size]
    if "skew" in properties:
        rows = [[0 if i == j else rows[i][j] if i < j else reduce(-rows[j][i]) for j in size] for i in size]
    if "diagonal" in properties or {"lower", "upper"} <= properties:
        return [[x if i == j else 0 for j, x in enumerate(row)] for i, row in enumerate(rows)]
    if "lower" in properties:
        return [[x if i >= j else 0 for j, x in enumerate(row)] for i, row in enumerate(rows)]
    if "upper" in properties:
        return [[x if i <= j else 0 for j, x in enumerate(row)] for i, row in enumerate(rows)]
    return rows


def _rows(m: int, n: int, draw: Callable[[int], list[Any]]) -> Rows:
    """Row by row; a column as a whole."""
    return [[x] for x in draw(m)] if n == 1 else [draw(n) for _ in range(m)]


def _onehot(size: int, ring: Ring) -> list[Any]:
    hot = ring.choose(size)
    return [int(i == hot) for i in range(size)]


def _simplex(size: int, ring: Ring) -> list[Any]:
    weights = [ring.entry(True) for _ in range(size)]
    total = ring.reduce(sum(weights))
    return [ring.divide(w, total) for w in weights]


def _gram(n: int, properties: frozenset[str], positive: bool, ring: Ring) -> Rows:
    if properties & {"diagonal", "lower", "upper"}:
        return within([[ring.entry(True) for _ in range(n)] for _ in range(n)], frozenset({"diagonal"}))
    b = [[ring.entry(positive) for _ in range(n)] for _ in range(n)]
    shift = ring.shift if "spd" in properties else 0
    gram = [[sum(x * y for x, y in zip(r, s, strict=True)) for s in b] for r in b]
    return [[ring.reduce(x + shift if i == j else x) for j, x in enumerate(row)] for i, row in enumerate(gram)]


def _orthogonal(m: int, n: int, properties: frozenset[str], ring: Ring) -> Rows:
    """A product of reflections: rational, so it exists in every ring."""
    size = max(m, n)
    if properties & ({"diagonal", "lower", "upper"} | SYMMETRIC) or size == 1:
        q = [[(-1 if ring.choose(2) else 1) if i == j else 0 for j in range(size)] for i in range(size)]
        q = [[ring.reduce(x) for x in row] for row in q]
        if "diagonal" in properties or size == 1:
            return [row[:n] for row in q[:m]]
        turns = 1
        q = [[int(i == j) for j in range(size)] for i in range(size)]
    else:
        q = [[int(i == j) for j in range(size)] for i in range(size)]
        turns = size - ring.choose(2)
    for _ in range(turns):
        v = [ring.entry(False) for _ in range(size)]
        factor = ring.divide(2, ring.reduce(sum(x * x for x in v)))
        image = [ring.reduce(sum(x * y for x, y in zip(row, v, strict=False)) * factor) for row in q]  # Q v * 2 / |v|^2
        q = [[ring.reduce(x - image[i] * v[j]) for j, x in enumerate(row)] for i, row in enumerate(q)]
    return [row[:n] for row in q[:m]]


def space(symbol: Symbol, structure: str) -> frozenset[str]:
    """The structure that the directions and the answer are held in; empty if they are unrestricted."""
    if structure == "free":
        return frozenset()
    if symbol.shape == (1, 1):
        return symbol.properties & {"skew", "orthogonal"}  # which is 0, or does not move
    kept = symbol.properties & set(SPACES)
    return kept | {"symmetric"} if symbol.properties & SYMMETRIC else kept


def size_choices(plan: Plan, given: Mapping[str, int] | None = None) -> list[dict[str, int]]:
    """Sizes to try, the first choice first: all unequal, at least 2, in several orders."""
    names = [n for n in plan.dim_names() if not given or n not in given]
    fixed = dict(given or {})
    k = len(names)
    if not k:
        return [fixed] if plan.fits(fixed) else []
    distinct = list(range(2, 2 + min(max(k, 2), 6)))  # more than six dimensions share sizes
    turned = distinct[1:] + distinct[:1]
    orders = (turned, turned[::-1], distinct, distinct[::-1])  # X.T @ X is singular if X is wide, X @ X.T if it is tall
    for more in (0, 1, 3, 7, 15):  # x[3:] needs a longer x
        choices = [fixed | {name: order[i % len(order)] + more for i, name in enumerate(names)} for order in orders]
        found = [c for i, c in enumerate(choices) if c not in choices[:i] and plan.fits(c)]
        if found:
            return found
    return []


def draw_symbols(symbols: Mapping[str, Symbol], sizes: Sizes, ring: Ring) -> dict[str, Rows]:
    return {name: array(concrete(s.shape, sizes), s.properties, ring) for name, s in symbols.items()}


def tangent(x: Rows, shape: Shape, where: frozenset[str], sizes: Sizes, ring: Ring) -> Rows:
    """A generic direction: of any kind, or of the structure `where` (orthogonal: X times a skew matrix)."""
    m, n = concrete(shape, sizes)
    free = [[ring.entry(False) for _ in range(n)] for _ in range(m)]
    if "orthogonal" not in where:
        return within(free, where, ring.reduce) if where else free
    skew = within([[ring.entry(False) for _ in range(n)] for _ in range(n)], frozenset({"skew"}), ring.reduce)
    columns = list(zip(*skew, strict=False))
    return [[ring.reduce(sum(a * b for a, b in zip(row, column, strict=False))) for column in columns] for row in x]
