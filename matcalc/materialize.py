"""d vec f = J d vec X -> J: a linear expression as a matrix, columns stacked. With vectors on both sides plain matrices remain."""

from __future__ import annotations

from collections.abc import Sequence

from . import dims
from .algebra import ONE, add, eye, is_zero, matmul, mul, transpose, zeros
from .differentials import differential_of, inputs, tangent
from .dims import Dim
from .errors import NotDifferentiable, NotSupported
from .expr import Expr, number
from .functions import instantiate, of_call
from .kronecker import columns_paired, commutation, kron, vec
from .operators import diagonal_matrix, selection
from .syntax import fold
from .transposition import transposed


def jacobian(root: Expr, wrt: Expr) -> Expr:
    """The matrix J with d vec(root) = J d vec(wrt): numerator layout. One product for every edge of the DAG.

    Source: Magnus & Neudecker, Matrix Differential Calculus, ch. 9.
    """
    size = entries(wrt)
    found: dict[Expr, Expr] = {wrt: eye(size)}

    def visit(node: Expr, below: list[Expr]) -> Expr:
        parts = inputs(node)
        tangents = {i: tangent(f"d{i}", a) for i, a in enumerate(parts) if not is_zero(below[i])}
        if not tangents:
            return zeros((entries(node), size))
        local = materialized(differential_of(node, tangents))
        pieces = [matmul([local[d], below[i]]) for i, d in tangents.items() if d in local]
        return add(pieces, (entries(node), size))

    result: Expr = fold(root, inputs, visit, found)
    return result


def entries(e: Expr) -> Dim:
    """The number of entries: the length of vec(e)."""
    return dims.multiply(*e.shape)


def materialized(linear: Expr) -> dict[Expr, Expr]:
    """For an expression that is linear in tangents: vec(linear) = sum of M @ vec(tangent), as {tangent: M}."""
    found: dict[Expr, list[Expr]] = {}
    todo: list[tuple[Expr, list[Expr]]] = [(linear, [])]  # what is still to be read, and the factors that stand before it
    while todo:
        e, before = todo.pop()
        if e.rank >= 0:  # no tangent inside: zero, or the expression is not linear
            if e.op not in ("zeros", "num"):
                raise NotDifferentiable(f"{e} is not linear in its differential")
        elif e.op == "sym":
            found.setdefault(e, []).append(matmul([*before, eye(entries(e))]))
        elif e.op == "add":
            todo.extend([(a, [number(c), *before]) for c, a in reversed(list(zip(e.data, e.args, strict=True)))])
        elif e.is_scalar:
            for d, g in transposed(e, ONE).items():
                found.setdefault(d, []).append(matmul([*before, transpose(vec(g))]))
        else:
            inner, factor = _step(e)
            todo.append((inner, [*before, factor]))
    return {d: add(parts, parts[0].shape) for d, parts in found.items()}


def _step(e: Expr) -> tuple[Expr, Expr]:
    """The part of `e` that holds the tangent, and the matrix that takes its entries to those of `e`."""
    i = next(i for i, a in enumerate(e.args) if a.rank < 0)
    inner = e.args[i]
    if e.op == "mul":
        others = mul([number(e.data), *[a for j, a in enumerate(e.args) if j != i]])
        if others.is_scalar:
            return inner, mul([others, eye(entries(inner))])
        return inner, vec(others) if inner.is_scalar else diagonal_matrix(vec(others))
    if e.op == "matmul":
        return _chain(e.args[:i], inner, e.args[i + 1:])
    if e.op == "kron":
        return inner, _kron(e, i)
    if e.op == "transpose":
        return inner, commutation(*inner.shape)
    if e.op == "vec":
        return inner, eye(entries(inner))
    if e.op == "index":
        rows, columns = (selection(s, d) for s, d in zip(e.data, inner.shape, strict=True))
        return inner, kron(columns, rows)
    if e.op == "diag":
        n = e.shape[0]
        return inner, columns_paired(eye(n), eye(n))
    if e.op == "diagv":
        return _diagonal(inner)
    if e.op == "call" and of_call(e).get("matrix"):
        return inner, instantiate(of_call(e), "matrix", e.args)
    name = e.data.name if e.op == "call" else e.op
    raise NotSupported(f"{name} of a differential has no matrix form", detail="the product with a vector has: use vjp")


def _chain(before: Sequence[Expr], inner: Expr, behind: Sequence[Expr]) -> tuple[Expr, Expr]:
    """vec(L @ dX @ R) = kron(R.T, L) @ vec(dX); of a diagonal matrix, the columns that its vector meets."""
    left = matmul(before) if before else eye(inner.shape[0])
    right = transpose(matmul(behind)) if behind else eye(inner.shape[1])
    if inner.op == "diag":
        return inner.args[0], columns_paired(right, left)
    return inner, kron(right, left)


def _diagonal(inner: Expr) -> tuple[Expr, Expr]:
    """diagv(L @ dX @ R): its i-th entry pairs the i-th row of L with the i-th column of R."""
    n = inner.shape[0]
    left, right = eye(n), eye(n)
    if inner.op == "matmul":
        i = next(i for i, a in enumerate(inner.args) if a.rank < 0)
        left, right = (matmul(f) if f else eye(n) for f in (inner.args[:i], inner.args[i + 1:]))
        inner = inner.args[i]
    return inner, transpose(columns_paired(right, transpose(left)))


def _kron(e: Expr, i: int) -> Expr:
    """vec(kron(A, B)) = kron(eye(n), commat(q, m), eye(p)) @ kron(vec(A), vec(B)) for A m x n and B p x q."""
    a, b = e.args
    (m, n), (p, q) = a.shape, b.shape
    order = kron(kron(eye(n), commutation(q, m)), eye(p))
    pairs = kron(eye(entries(a)), vec(b)) if i == 0 else kron(vec(a), eye(entries(b)))
    return matmul([order, pairs])
