"""Kronecker products and stacking by columns: kron, vec and its inverse, commutation matrices, and how they meet in products."""

from __future__ import annotations

from . import dims
from .algebra import call, eye, from_terms, matmul, mul, ones, power, scalar_part, segments, transpose, zeros
from .dims import SCALAR, Dim, Shape
from .expr import Expr, make, number
from .operators import diagonal_matrix, linear


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


def columns_paired(a: Expr, b: Expr) -> Expr:
    """The matrix whose j-th column is kron(a[:, j], b[:, j]): vec(b @ diag(x) @ a.T) = that @ x.

    Source: Khatri & Rao (1968), Solutions to some functional equations.
    """
    return mul([kron(a, ones((b.shape[0], 1))), kron(ones((a.shape[0], 1)), b)])


def paired(e: Expr) -> tuple[Expr, Expr] | None:
    """a and b of columns_paired(a, b)."""
    if e.op != "mul" or e.data != 1 or len(e.args) != 2 or any([f.op != "kron" for f in e.args]):
        return None
    for left, right in (e.args, e.args[::-1]):
        (a, repeated), (again, b) = left.args, right.args
        if repeated.op == again.op == "ones" and repeated.shape == (b.shape[0], 1) and again.shape == (a.shape[0], 1):
            return a, b
    return None


# ---------------------------------------------------------------- in products
def neighbours(a: Expr, b: Expr) -> Expr | None:
    """a @ b in a simpler form, for two factors of a product of which one is of this file."""
    if a.op == "kron" and b.op == "kron":
        return _mixed(a, b)
    if a.op == "kron" and b.op == "vec":
        p, q = a.args
        x = b.args[0]
        fits = q.shape[1] == x.shape[0] and p.shape[1] == x.shape[1]
        return vec(matmul([q, x, transpose(p)])) if fits else None
    if _absorbs(a, b):
        return b
    if _absorbs(b, a):
        return a
    if a.op == "commat":
        return _commuted(a, b)
    if b.op == "kron" and b.args[0].is_row:  # A @ kron(x.T, B) = kron(x.T, A @ B)
        return kron(b.args[0], matmul([a, b.args[1]]))
    if a.op == "kron" and a.args[0].is_column:
        return kron(a.args[0], matmul([a.args[1], b]))
    if b.op == "kron" and b.args[1].is_row:
        return kron(matmul([a, b.args[0]]), b.args[1])
    if a.op == "kron" and a.args[1].is_column:
        return kron(matmul([a.args[0], b]), a.args[1])
    return _paired_product(a, b)


def _absorbs(k: Expr, e: Expr) -> bool:
    """commat(n, n) @ (eye(n * n) + commat(n, n)) is the second factor again: both project on vec of symmetric matrices."""
    if k.op != "commat" or k.data[0] != k.data[1] or e.op != "add" or len(e.args) != 2:
        return False
    return {a.op for a in e.args} == {"eye", "commat"} and e.data[0] == e.data[1] and k in e.args


def _mixed(a: Expr, b: Expr) -> Expr | None:
    (p, q), (r, s) = a.args, b.args
    if p.shape[1] != r.shape[0] or q.shape[1] != s.shape[0]:
        return None
    joined = kron(matmul([p, r]), matmul([q, s]))
    return joined if joined.op == "kron" else None


def _commuted(k: Expr, b: Expr) -> Expr | None:
    """commat moves to the right: past kron it swaps the factors, vec it transposes, and two of them cancel."""
    m, n = k.data
    if b.op == "commat" and b.data == (n, m):
        return eye(b.shape[0])
    if b.op == "vec" and b.args[0].shape == (m, n):
        return vec(transpose(b.args[0]))
    if b.op == "kron":
        p, q = b.args
        if (q.shape[0], p.shape[0]) == (m, n):
            swapped = kron(q, p)
            order = commutation(q.shape[1], p.shape[1])
            return swapped if order.op == "eye" else make("matmul", (swapped, order), None, b.shape)
    return None


def _paired_product(a: Expr, b: Expr) -> Expr | None:
    """kron(P, Q) keeps columns paired; paired columns on both sides give an elementwise product."""
    right, left = paired(b), paired(transpose(a))
    if left and right and left[0].shape[0] == right[0].shape[0]:
        return mul([matmul([transpose(left[0]), right[0]]), matmul([transpose(left[1]), right[1]])])
    if right and a.op == "kron" and a.args[0].shape[1] == right[0].shape[0]:
        return columns_paired(matmul([a.args[0], right[0]]), matmul([a.args[1], right[1]]))
    if left and b.op == "kron" and b.args[0].shape[0] == left[0].shape[0]:
        return transpose(columns_paired(matmul([transpose(b.args[0]), left[0]]), matmul([transpose(b.args[1]), left[1]])))
    return None
