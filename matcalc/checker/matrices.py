"""Values of the matrix functions in floating point, batched over leading axes, analytic as values.py says."""

from __future__ import annotations

from typing import Any

import numpy as np

from .evidence import Redraw

Array = Any
WORST_CONDITION = 1e8


def transpose(a: Array) -> Array:
    return np.swapaxes(a, -1, -2)


def lower_ones(a: Array, k: int) -> Array:
    """1 on and below the k-th diagonal, in the shape of A."""
    m, n = a.shape[-2:]
    return np.tri(m, n, k)


def eye(n: int) -> Array:
    return np.eye(n)


def inverse(a: Array) -> Array:
    """inv(A); Redraw where floats could not say what it is."""
    if a.shape[-1] != a.shape[-2]:
        raise Redraw("a matrix that is not square")
    try:
        out = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        raise Redraw("a singular matrix") from None
    first, second = (np.real(m).reshape(-1, *m.shape[-2:])[0] for m in (a, out))
    condition = float(np.linalg.norm(first) * np.linalg.norm(second))
    if not np.isfinite(condition):
        raise Redraw("a matrix that is singular or not finite")
    if condition > WORST_CONDITION:
        raise Redraw(f"a matrix of condition {condition:.0e}")
    return out


def det(a: Array) -> Array:
    """det(A); Redraw where it is what rounding left of products that cancel."""
    out = np.linalg.det(a)
    first = np.real(a).reshape(-1, *a.shape[-2:])[0]
    size, bound = abs(float(np.real(out).reshape(-1)[0])), float(np.prod(np.linalg.norm(first, axis=-1)))
    if 0 < size < bound / WORST_CONDITION:
        raise Redraw("a determinant of digits that cancelled")
    return out[..., None, None]


def adjugate(a: Array) -> Array:
    """By cofactors, so of singular matrices too."""
    n = a.shape[-1]
    if n == 1:
        return np.ones_like(a)
    out = np.empty_like(a)
    for i in range(n):
        rows = [r for r in range(n) if r != i]
        for j in range(n):
            columns = [c for c in range(n) if c != j]
            out[..., j, i] = (-1) ** (i + j) * np.linalg.det(a[..., rows, :][..., columns])
    return out


def logdet(a: Array) -> Array:
    d = det(a)
    return 0.5 * np.log(d * d)


def pinv(a: Array) -> Array:
    """Of any rank as a value; along a tangent of full rank only, for the rank must not change."""
    if not np.iscomplexobj(a):
        return np.linalg.pinv(a, rcond=1e-10) if np.all(np.isfinite(a)) else np.full_like(transpose(a), np.nan)
    t = transpose(a)
    return inverse(t @ a) @ t if a.shape[-2] >= a.shape[-1] else t @ inverse(a @ t)


def power(a: Array, k: int) -> Array:
    return np.linalg.matrix_power(inverse(a) if k < 0 else a, abs(k))


def _norm(a: Array) -> float:
    return float(np.max(np.sum(np.abs(np.real(a)), axis=-2), initial=0.0))


def expm(a: Array) -> Array:
    """Scaling, a Taylor polynomial of degree 18, squaring."""
    size = _norm(a)
    if not size < 2.0**29:  # not a number, too
        raise Redraw("an exponential of a large matrix")
    squarings = max(0, int(np.ceil(np.log2(max(size, 1e-9)))) + 1)
    small = a / 2**squarings
    total = term = eye(a.shape[-1]) + 0 * small
    for k in range(1, 19):
        term = term @ small / k
        total = total + term
    for _ in range(squarings):
        total = total @ total
    return total


SETTLED = 4  # steps that are left once the real part has seven digits: each doubles them, those of the derivative one step later


def sqrtm(a: Array) -> Array:
    """The principal square root, by the Denman-Beavers iteration."""
    y, z, left = a, eye(a.shape[-1]) + 0 * a, 40
    while left > 0:
        before, y, z = y, (y + inverse(z)) / 2, (z + inverse(y)) / 2
        left = min(left - 1, SETTLED) if left > SETTLED and _norm(y - before) < 1e-7 * _norm(y) else left - 1
    if not np.allclose(np.real(y @ y), np.real(a), rtol=1e-8, atol=1e-10 * _norm(a)):
        raise Redraw("a matrix without a principal square root")
    return y


def logm(a: Array) -> Array:
    """Inverse scaling by square roots, then the series of artanh."""
    roots, identity = 0, eye(a.shape[-1])
    while _norm(a - identity) > 0.1 and roots < 30:
        a, roots = sqrtm(a), roots + 1
    z = inverse(a + identity) @ (a - identity)  # log A = 2 artanh z
    square, term, total = z @ z, z, z
    for k in range(1, 12):
        term = term @ square
        total = total + term / (2 * k + 1)
    return 2 * total * 2**roots


def chol(a: Array) -> Array:
    """The lower factor, without conjugation."""
    _require_symmetric(a)
    n = a.shape[-1]
    out = np.zeros_like(a)
    for j in range(n):
        row = out[..., j, :j]
        out[..., j, j] = np.sqrt(a[..., j, j] - np.sum(row * row, axis=-1))
        for i in range(j + 1, n):
            out[..., i, j] = (a[..., i, j] - np.sum(out[..., i, :j] * row, axis=-1)) / out[..., j, j]
    if np.any(np.real(a)[..., range(n), range(n)] <= 0) or not np.all(np.isfinite(out)) or np.any(np.imag(out) > 1e-3):
        return np.full_like(out, np.nan)
    return out


def _require_symmetric(a: Array) -> None:
    real = np.real(a)
    if not np.allclose(real, transpose(real), rtol=1e-9, atol=1e-12):
        raise Redraw("a matrix that is not symmetric")


def eigmax(a: Array) -> Array:
    """The largest eigenvalue of a symmetric matrix, to the first order in the imaginary part."""
    _require_symmetric(a)
    values, vectors = np.linalg.eigh(np.real(a))
    top, v = values[..., -1:, None], vectors[..., :, -1:]
    if not np.iscomplexobj(a):
        return top
    if values.shape[-1] > 1 and np.any(values[..., -1] - values[..., -2] < 1e-4 * np.abs(values).max()):
        raise Redraw("two eigenvalues that are nearly equal")
    return top + 1j * (transpose(v) @ np.imag(a) @ v)


def spectral(a: Array) -> Array:
    return np.sqrt(eigmax(transpose(a) @ a))


def nuclear(a: Array) -> Array:
    """The sum of singular values: the trace of the root of the smaller Gram matrix."""
    if not np.iscomplexobj(a):
        finite = bool(np.all(np.isfinite(a)))
        return np.linalg.svd(a, compute_uv=False).sum(axis=-1)[..., None, None] if finite else np.full_like(a[..., :1, :1], np.nan)
    t = transpose(a)
    gram = t @ a if a.shape[-2] >= a.shape[-1] else a @ t
    return np.trace(sqrtm(gram), axis1=-2, axis2=-1)[..., None, None]


def commat(m: int, n: int) -> Array:
    """The matrix K with K vec(A) = vec(A.T), for A m x n."""
    rows = np.arange(m * n)
    out = np.zeros((m * n, m * n))
    out[rows, rows % n * m + rows // n] = 1.0
    return out


def vec(a: Array) -> Array:
    return transpose(a).reshape(*a.shape[:-2], -1, 1)


def kron(a: Array, b: Array) -> Array:
    product = a[..., :, None, :, None] * b[..., None, :, None, :]
    m, p, n, q = product.shape[-4:]
    return product.reshape(*product.shape[:-4], m * p, n * q)


def diagonal(x: Array) -> Array:
    flat = x.reshape(*x.shape[:-2], -1)
    return flat[..., :, None] * eye(flat.shape[-1])


def diagonal_of(a: Array) -> Array:
    return np.diagonal(a, axis1=-2, axis2=-1)[..., None]
