"""Constructors of the other operators: tr, diag, diagv, kron, vec, slices. Linear in each argument: scalars come out in front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import dims
from .algebra import (
    ONE,
    call,
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
from .dims import SCALAR, Dim, Shape
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
    left, right = transpose(a), b
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
        return make("tr", (run(min(left, transpose(left), key=lambda e: (e.transposes, e.key)), 2),), None, SCALAR)
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


# ---------------------------------------------------------------- Kronecker products and stacking
def kron(a: Expr, b: Expr) -> Expr:
    if a.shape == SCALAR or b.shape == SCALAR:
        return mul([a, b])
    outside = [s for e in (a, b) for s in scalar_part(e)[0]]
    if outside:
        return mul([*outside, kron(scalar_part(a)[1], scalar_part(b)[1])])
    shape = (dims.multiply(a.shape[0], b.shape[0]), dims.multiply(a.shape[1], b.shape[1]))
    if "zeros" in (a.op, b.op):
        return zeros(shape)
    if a.op == b.op == "eye":
        return eye(shape[0])
    if a.op == b.op == "ones":
        return ones(shape)
    if a.op == b.op == "diag":
        return diagonal_matrix(kron(a.args[0], b.args[0]))
    if (a.is_column and b.is_row) or (a.is_row and b.is_column):
        return matmul([a, b] if a.is_column else [b, a])
    if b.op == "kron":
        return kron(kron(a, b.args[0]), b.args[1])
    return make("kron", (a, b), None, shape)


def vec(e: Expr) -> Expr:
    """The columns of e, stacked."""
    if e.shape == SCALAR or e.is_column:
        return e
    if e.is_row:
        return transpose(e)
    if (found := linear(vec, e)) is not None:
        return found
    shape = (dims.multiply(*e.shape), 1)
    if e.op in ("zeros", "ones"):
        return make(e.op, (), None, shape)
    if e.op == "matmul":
        left, _, right = segments(list(e.args))
        if left and right and left[-1].shape[1] == 1:
            return kron(transpose(matmul(right)), matmul(left))
    return make("vec", (e,), None, shape)


def unstack(g: Expr, shape: Shape) -> Expr:
    """The matrix whose columns, stacked, are g: the transpose of `vec`."""
    m, n = shape
    if g.op == "vec" and g.args[0].shape == shape:
        return g.args[0]
    if m == 1 or n == 1:
        return transpose(g) if m == 1 else g
    if g.op in ("zeros", "ones"):
        return make(g.op, (), None, shape)
    if g.op == "add":
        return from_terms([(c, unstack(a, shape)) for c, a in zip(g.data, g.args, strict=True)], shape)
    if g.op == "mul":
        return mul([number(g.data), *[f if f.shape == SCALAR else unstack(f, shape) for f in g.args]])
    if g.op == "pow":
        return power(unstack(g.args[0], shape), g.args[1])
    if g.op == "call" and g.data.elementwise:
        return call(g.data, [a if a.shape == SCALAR else unstack(a, shape) for a in g.args], shape)
    if g.op == "matmul" and g.args[0].op == "kron" and len(g.args) == 2:
        a, b = g.args[0].args
        inner = unstack(g.args[1], (b.shape[1], a.shape[1]))
        return matmul([b, inner, transpose(a)])
    if g.op == "kron" and g.args[0].is_column and g.args[1].shape == (m, 1):
        return matmul([g.args[1], transpose(g.args[0])])
    # column j of the result is (e_j.T kron I) g
    return matmul([kron(transpose(vec(eye(n))), eye(m)), kron(eye(n), g)])


def commutation(m: Dim, n: Dim) -> Expr:
    """commat(m, n) @ vec(A) = vec(A.T) for A m x n."""
    size_ = dims.multiply(m, n)
    return eye(size_) if m == 1 or n == 1 else make("commat", (), (m, n), (size_, size_))


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


def rebuild(e: Expr, args: Sequence[Expr], shape: Shape | None = None) -> Expr:
    """The same operator on other arguments, in normal form. (Constants keep their shape unless one is given.)"""
    op = e.op
    if op == "add":
        return from_terms(zip(e.data, args, strict=True), _like(e, args) if shape is None else shape)
    if op == "mul":
        return mul([number(e.data), *args])
    if op == "pow":
        return power(*args)
    if op == "matmul":
        return matmul(args)
    if op == "call":
        return call(e.data, args, _result_shape(e, args))
    return _BUILD[op](e, args)


def _result_shape(e: Expr, args: Sequence[Expr]) -> Shape:
    """The shape of a call, from where its dimensions stood before."""
    moved = {old: new for a, b in zip(e.args, args, strict=True) for old, new in zip(a.shape, b.shape, strict=True)}
    rows, columns = e.shape
    return moved.get(rows, rows), moved.get(columns, columns)


def _like(e: Expr, args: Sequence[Expr]) -> Shape:
    return next((a.shape for a in args if a.shape != SCALAR), SCALAR)


_BUILD: dict[str, Callable[[Expr, Sequence[Expr]], Expr]] = {
    "transpose": lambda e, a: transpose(a[0]),
    "tr": lambda e, a: trace(a[0]),
    "sum": lambda e, a: total(a[0]),
    "diag": lambda e, a: diagonal_matrix(a[0]),
    "diagv": lambda e, a: diagonal(a[0]),
    "kron": lambda e, a: kron(*a),
    "vec": lambda e, a: vec(a[0]),
    "index": lambda e, a: index(a[0], e.data),
    "run": lambda e, a: run(a[0], e.data),
}


def substitute(e: Expr, values: dict[Expr, Expr], sizes: dict[str, Dim] | None = None, memo: dict[Expr, Any] | None = None) -> Expr:
    """e with nodes (usually symbols) and dimension names replaced, rebuilt in normal form."""
    from .expr import fold

    def visit(node: Expr, args: list[Expr]) -> Expr:
        if node.args:
            if all([a is b for a, b in zip(args, node.args, strict=True)]):
                return node
            if sizes and node.op == "add":
                return rebuild(node, args, (dims.substitute(node.shape[0], sizes), dims.substitute(node.shape[1], sizes)))
            return rebuild(node, args)
        if not sizes:
            return node
        if node.op == "size":
            return size(dims.substitute(node.data, sizes))
        if node.op in ("eye", "ones", "zeros"):
            shape = (dims.substitute(node.shape[0], sizes), dims.substitute(node.shape[1], sizes))
            return eye(shape[0]) if node.op == "eye" else ones(shape) if node.op == "ones" else zeros(shape)
        if node.op == "commat":
            return commutation(*[dims.substitute(d, sizes) for d in node.data])
        return node

    known = dict(values) if memo is None else memo
    if memo is not None:
        for k, v in values.items():
            known.setdefault(k, v)
    result: Expr = fold(e, visit, known)
    return result
