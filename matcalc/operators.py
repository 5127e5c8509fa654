"""Constructors of the other operators: tr, diag, diagv, kron, vec, slices. Linear in each argument: scalars come out in front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import dims
from .algebra import (
    ONE,
    eye,
    from_terms,
    matmul,
    mul,
    ones,
    orientation,
    power,
    run,
    scalar_part,
    segments,
    size,
    total,
    transpose,
    zeros,
)
from .dims import SCALAR, Dim
from .expr import Expr, make, number

Selector = int | tuple[int | None, int | None]  # an index, or the start and stop of a slice


def linear(build: Callable[[Expr], Expr], e: Expr) -> Expr | None:
    """A linear operator of s * x is s times that of x."""
    outside, core = scalar_part(e)
    return mul([*outside, build(core)]) if outside else None


# ---------------------------------------------------------------- trace
def trace(e: Expr) -> Expr:
    """tr(e): cut open where it is an outer product, else the rotation that begins with what was typed first."""
    if e.shape == SCALAR:
        return e
    op = e.op
    if op == "zeros":
        return zeros(SCALAR)
    if op == "eye":
        return size(e.shape[0])
    if op == "ones":
        return size(e.shape[0])
    if op == "transpose":
        return trace(e.args[0])
    if op == "diag":
        return total(e.args[0])
    if op == "kron" and e.args[0].shape[0] == e.args[0].shape[1]:
        return mul([trace(e.args[0]), trace(e.args[1])])
    if (found := linear(trace, e)) is not None:
        return found
    if op == "mul":
        return _trace_of_product(e)
    if op == "matmul":
        return _trace_of_chain(e)
    if op == "add":
        flipped = transpose(e)
        if (flipped.transposes, flipped.key) < (e.transposes, e.key):
            e = flipped
    elif op == "run" and transpose(e).transposes < e.transposes:
        e = transpose(e)
    return make("tr", (e,), None, SCALAR)


def _trace_of_product(e: Expr) -> Expr:
    """tr(A * eye(n)) = tr(A), and so for every factor: only the diagonals meet."""
    if any(f.op == "eye" for f in e.args):
        rest = mul([f for f in e.args if f.op != "eye"])
        return trace(rest) if rest.shape != SCALAR else mul([rest, size(e.shape[0])])
    return make("tr", (e,), None, SCALAR)


def _trace_of_chain(e: Expr) -> Expr:
    chain = list(e.args)
    cut = next((i for i, f in enumerate(chain) if f.shape[0] == 1), None)
    if cut is not None:
        return matmul(chain[cut:] + chain[:cut])
    base = [f.args[0] if f.op == "run" else f for f in (chain[0], chain[-1])]
    if base[0].canon is base[1].canon:  # X ... X: the ends meet in the rotation
        return trace(matmul([chain[-1], *chain[:-1]]))
    if len(chain) == 2:
        return frobenius(transpose(chain[0]), chain[1])
    if chain[0].op == "diag" or chain[-1].op == "diag":
        rolled = chain if chain[0].op == "diag" else [chain[-1], *chain[:-1]]
        return total(mul([rolled[0].args[0], diagonal(matmul(rolled[1:]))]))
    best = min(_orientations(chain), key=orientation)
    return make("tr", (make("matmul", tuple(best), None, (best[0].shape[0], best[0].shape[0])),), None, SCALAR)


def _orientations(chain: list[Expr]) -> list[list[Expr]]:
    """The chain and its transpose, each begun where its ranks, and then its keys, are the smallest."""
    flipped = [transpose(f) for f in reversed(chain)]
    plain = [chain, flipped] if not any(f.op in ("mul", "add") and scalar_part(f)[0] for f in flipped) else [chain]
    return [_rolled(c) for c in plain]


def _rolled(chain: list[Expr]) -> list[Expr]:
    start, period = least_rotation([f.rank for f in chain])
    chain = chain[start:] + chain[:start]
    if period < len(chain):
        blocks = [tuple([f.key for f in chain[i:i + period]]) for i in range(0, len(chain), period)]
        start = least_rotation(blocks)[0] * period
        chain = chain[start:] + chain[:start]
    return chain


def least_rotation(letters: Sequence[Any]) -> tuple[int, int]:
    """Where the smallest rotation of a sequence begins, and after how many letters that rotation repeats itself. Linear time.

    >>> least_rotation("bcabca"), least_rotation("ba")
    ((2, 3), (1, 2))
    """
    n = len(letters)
    i, j, k = 0, 1, 0  # the rotations at i and j agree in k letters
    while i < n and j < n and k < n:
        a, b = letters[(i + k) % n], letters[(j + k) % n]
        if a == b:
            k += 1
            continue
        if a > b:
            i += k + 1
        else:
            j += k + 1
        j += i == j
        k = 0
    return min(i, j), abs(i - j) if k == n else n


def frobenius(a: Expr, b: Expr) -> Expr:
    """<a, b> = tr(a.T @ b) = sum(a * b), with one form for each value."""
    if a.shape == SCALAR or a.is_column or a.is_row:
        return total(mul([a, b]))
    outside = [s for e in (a, b) for s in scalar_part(e)[0]]
    if outside:
        return mul([*outside, frobenius(scalar_part(a)[1], scalar_part(b)[1])])
    if "ones" in (a.op, b.op):
        return total(b if a.op == "ones" else a)
    if a.op in ("mul", "pow", "eye") or b.op in ("mul", "pow", "eye") or a.canon is b.canon:
        return total(mul([a, b])) if not {a.op, b.op} & {"eye"} else trace(b if a.op == "eye" else a)
    signs, left = scalar_part(transpose(a))  # a skew matrix turns its sign
    return mul([*signs, _trace_of_pair(left, b)]) if signs else _trace_of_pair(left, b)


def _trace_of_pair(left: Expr, right: Expr) -> Expr:
    """tr(left @ right), with one form for each value."""
    if (left.op == "mul" or right.op == "diag" or left.op == "diag") and (left.op == "diag" or right.op == "diag"):
        d, other = (left, right) if left.op == "diag" else (right, left)
        return total(mul([d.args[0], diagonal(other)]))
    if left.op == "matmul" or right.op == "matmul" or left.op == "run" or right.op == "run":
        product = matmul([left, right])
        if product.op != "matmul" or len(product.args) != 2:
            return trace(product)
        left, right = product.args
    pairs = [(left, right), (right, left), (transpose(right), transpose(left)), (transpose(left), transpose(right))]
    pairs = [p for p in pairs if p[0].op not in ("mul",) and p[1].op not in ("mul",)] or pairs[:1]
    if left.canon is right.canon:
        either = [e for e in (left, transpose(left)) if e.op != "mul"]
        return make("tr", (run(min(either, key=lambda e: (e.transposes, e.key)), 2),), None, SCALAR)
    best = min(pairs, key=orientation)
    return make("tr", (make("matmul", best, None, (best[0].shape[0], best[0].shape[0])),), None, SCALAR)


# ---------------------------------------------------------------- diagonals
def diagonal(e: Expr) -> Expr:
    """diagv(e): the diagonal of a square matrix as a column."""
    if e.shape == SCALAR:
        return e
    column = (e.shape[0], 1)
    op = e.op
    if op == "zeros":
        return zeros(column)
    if op in ("eye", "ones"):
        return ones(column)
    if op == "diag":
        return e.args[0]
    if op == "transpose":
        return diagonal(e.args[0])
    if (found := linear(diagonal, e)) is not None:
        return found
    if op == "mul":
        return mul([diagonal(f) for f in e.args])
    if op == "pow":
        return power(diagonal(e.args[0]), e.args[1])
    if op == "matmul":
        if e.args[0].op == "diag":
            return mul([e.args[0].args[0], diagonal(matmul(e.args[1:]))])
        if e.args[-1].op == "diag":
            return mul([e.args[-1].args[0], diagonal(matmul(e.args[:-1]))])
        left, _, right = segments(list(e.args))
        if left and right and left[-1].shape[1] == 1:
            return mul([matmul(left), transpose(matmul(right))])
    flipped = transpose(e)
    if op != "call" and (flipped.transposes, flipped.rank, flipped.key) < (e.transposes, e.rank, e.key) and flipped.op == op:
        e = flipped
    return make("diagv", (e,), None, column)


def diagonal_matrix(e: Expr) -> Expr:
    """diag(e): the diagonal matrix of a vector."""
    if e.shape == SCALAR:
        return e
    if e.is_row:
        e = transpose(e)
    n = e.shape[0]
    if e.op == "zeros":
        return zeros((n, n))
    if e.op == "ones":
        return eye(n)
    if (found := linear(diagonal_matrix, e)) is not None:
        return found
    return make("diag", (e,), None, (n, n))


# ---------------------------------------------------------------- slices
def length(selector: Selector, n: Dim) -> Dim:
    """How many entries a selector picks of n."""
    if isinstance(selector, int):
        return 1
    start, stop = selector
    first: Dim = 0 if start is None else (start if start >= 0 else dims.add(n, start))
    last: Dim = n if stop is None else (stop if stop >= 0 else dims.add(n, stop))
    return dims.add(last, first, -1)


def index(e: Expr, selectors: Sequence[Selector]) -> Expr:
    """e[selectors]; slices of sums and elementwise products are those of their parts."""
    rows: Selector = selectors[0]
    columns: Selector = selectors[1] if len(selectors) > 1 else (None, None)
    if e.is_row and len(selectors) == 1:
        rows, columns = (None, None), selectors[0]
    shape = (length(rows, e.shape[0]), length(columns, e.shape[1]))
    whole = (None, None)
    if rows == whole and columns == whole:
        return e
    if e.op in ("zeros", "ones"):
        return make(e.op, (), None, shape) if shape != SCALAR else (ONE if e.op == "ones" else zeros(SCALAR))
    if e.op == "add":
        return from_terms([(c, index(a, (rows, columns))) for c, a in zip(e.data, e.args, strict=True)], shape)
    if e.op == "mul":
        return mul([number(e.data), *[f if f.shape == SCALAR else index(f, (rows, columns)) for f in e.args]])
    if e.op == "pow":
        return power(index(e.args[0], (rows, columns)), e.args[1])
    if e.op == "transpose":
        return transpose(index(e.args[0], (columns, rows)))
    if e.op == "matmul" and (rows == whole) != (columns == whole):
        if columns == whole:
            return matmul([index(e.args[0], (rows, whole)), *e.args[1:]])
        return matmul([*e.args[:-1], index(e.args[-1], (whole, columns))])
    return make("index", (e,), (rows, columns), shape)


def selection(selector: Selector, n: Dim) -> Expr:
    """The rows of eye(n) that a selector picks: x[s] = selection(s, n) @ x."""
    return index(eye(n), (selector, (None, None)))
