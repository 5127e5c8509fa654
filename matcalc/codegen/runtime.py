"""Linear algebra that compiled functions call: LAPACK by way of SciPy where it is there, else NumPy. Arguments are never changed."""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

try:
    from scipy.linalg import lapack
except ImportError:
    lapack = None

Array = Any
REFUSED = getattr(getattr(lapack, "_flapack", None), "__flapack_error", ValueError)  # what LAPACK raises for an argument that cannot be


def _silence() -> tuple[Any, Any]:
    """What np.errstate sets, and to what, at an eighth of its price; where NumPy keeps it elsewhere, a variable that nobody reads."""
    try:
        umath: Any = import_module("numpy._core.umath")
        return umath._extobj_contextvar, umath._make_extobj(all="ignore")
    except (ImportError, AttributeError):
        return ContextVar("unread"), None


WARNINGS, SILENT = _silence()

HAS_LAPACK = lapack is not None


@cache
def _routine(name: str, kind: str) -> Any:
    return getattr(lapack, {"d": "d", "f": "s"}[kind] + name) if lapack is not None and kind in "df" else None


def lapack_function(name: str, a: Array) -> Any:
    """A routine of LAPACK for the kind of numbers in a; None without SciPy."""
    return _routine(name, a.dtype.char)


def refuse_skewed(a: Array) -> None:
    """One row against its column: a matrix that was declared symmetric and is not shows it there."""
    row, column = a[-1], a[:, -1]
    if row.tobytes() != column.tobytes() and np.abs(row - column).max() > 1e-6 * np.abs(row).max():
        raise np.linalg.LinAlgError("not symmetric")


def cholesky_factor(a: Array) -> Array:
    """L, lower, of a = L @ L.T, with zeros above the diagonal."""
    refuse_skewed(a)
    potrf = lapack_function("potrf", a)
    if potrf is None:
        return np.linalg.cholesky(a)
    factor, info = potrf(a.T, lower=1)
    if info:
        raise np.linalg.LinAlgError("not positive definite")
    return factor


def inverse_of_factored(factor: Array) -> Array:
    """The inverse of L @ L.T."""
    potri = lapack_function("potri", factor)
    if potri is None:
        part = np.linalg.inv(factor)
        return part.T @ part
    lower, _ = potri(factor, lower=1)  # above the diagonal the zeros are still there
    whole = lower + lower.T
    whole.flat[::len(whole) + 1] *= 0.5
    return whole


def solution_of_factored(factor: Array, b: Array) -> Array:
    """x of L @ L.T @ x = b."""
    potrs = lapack_function("potrs", factor)
    if potrs is None:
        return np.linalg.solve(factor.T, np.linalg.solve(factor, b))
    return potrs(factor, b, lower=1)[0]


def log_determinant_of_factored(factor: Array) -> Any:
    return 2 * np.log(factor.diagonal()).sum()


def inverse(a: Array) -> Array:
    """The inverse, from the LU factors: a quarter less work than solving for the identity."""
    getrf = lapack_function("getrf", a)
    if getrf is None or not a.size:
        return np.linalg.inv(a)
    factors, pivots, info = getrf(a.T)
    if info:
        raise np.linalg.LinAlgError("singular")
    return lapack_function("getri", a)(factors, pivots, lwork=64 * len(a), overwrite_lu=1)[0].T


def lu_factors(a: Array) -> Any:
    """The LU factors of a, transposed as LAPACK sees it, for an inverse, a determinant and solutions together."""
    factors, pivots, info = lapack_function("getrf", a)(a.T)
    if info:
        raise np.linalg.LinAlgError("singular")
    return factors, pivots


def inverse_of_lu(lu: Any) -> Array:
    return lapack_function("getri", lu[0])(*lu, lwork=64 * len(lu[0]))[0].T


def solution_of_lu(lu: Any, b: Array, transposed: bool = False) -> Array:
    """x of a @ x = b, or of a.T @ x = b; LAPACK has the factors of a.T."""
    return lapack_function("getrs", lu[0])(*lu, b, trans=0 if transposed else 1)[0]


def log_determinant_of_lu(lu: Any) -> Any:
    return np.log(np.abs(lu[0].diagonal())).sum()


def determinant_of_lu(lu: Any) -> Any:
    factors, pivots = lu
    swaps = np.count_nonzero(pivots != np.arange(len(pivots)))
    return factors.diagonal().prod() * (-1) ** swaps


def solution(a: Array, b: Array) -> Array:
    """x of a @ x = b."""
    return np.linalg.solve(a, b)


def solution_spd(a: Array, b: Array) -> Array:
    """x of a @ x = b, a symmetric positive definite."""
    refuse_skewed(a)
    posv = lapack_function("posv", a)
    if posv is None:
        return np.linalg.solve(a, b)
    _, x, info = posv(a.T, b, lower=1)
    if info:
        raise np.linalg.LinAlgError("not positive definite")
    return x


def last(value: Any) -> Any:
    """Of several results the last: expm_frechet returns the exponential and its derivative."""
    return value[-1] if isinstance(value, tuple) else value


def entrywise(f: Any) -> Any:
    """A function of Python's numbers, for every entry; single precision stays single, and of a number it is a number."""
    def of(*args: Any) -> Any:
        found = np.vectorize(f, otypes=[np.result_type(*args, 0.0)])(*args)
        return found if found.ndim else found.item()

    return of


def weighted_gram(d: Array, x: Array) -> Array:
    """x.T @ diag(d) @ x; as the square of one matrix, at half the price, where no weight is negative."""
    if d.size and d.min() >= 0:
        half = np.sqrt(d)[:, None] * x
        return half.T @ half
    return x.T @ (d[:, None] * x)
