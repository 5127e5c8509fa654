"""Functions that NumPy has and rules/ do not, written with those that are here, so that their derivatives follow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DomainError, ShapeError
from ..expr import Expr
from .elementwise import two
from .functions import axis_of, concatenate, given, made, matmul, mean, reshape, transpose
from .operations import shape_of, weight_of
from .variable import Variable, operand, plain


# ---------------------------------------------------------------- of entries
def clip(x: Any, min: Any = None, max: Any = None) -> Any:
    """The entries, kept between two bounds; at a bound, x and the bound share the derivative."""
    x = x if min is None else two("maximum")(x, min)
    return x if max is None else two("minimum")(x, max)


def log2(x: Any) -> Any:
    """The logarithm to base 2."""
    return made("log")(x) / math.log(2.0)


def log10(x: Any) -> Any:
    """The logarithm to base 10."""
    return made("log")(x) / math.log(10.0)


def exp2(x: Any) -> Any:
    """2 to the power x."""
    return made("exp")(_array(x) * math.log(2.0))


def reciprocal(x: Any) -> Any:
    """1 / x of every entry."""
    return 1.0 / _array(x)


def logaddexp(a: Any, b: Any) -> Any:
    """log(exp(a) + exp(b)) of two arrays, entry by entry. Never overflows."""
    high = two("maximum")(a, b)
    return high + made("softplus")(-made("abs")(_array(a) - _array(b)))


def _array(x: Any) -> Any:
    found = operand(x)
    return x if found is NotImplemented else found


# ---------------------------------------------------------------- along an axis
def var(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """The mean of the squares of the deviations from the mean, of all entries or along axes; `ddof`: 1 divides by one less."""
    if isinstance(x, Expr):
        return mean((x - mean(x, axis)) ** 2, axis)
    x = given("var", x)
    found = mean((x - mean(x, axis, axis is not None)) ** 2, axis, keepdims)
    count = weight_of(shape_of(x), axis)
    return found if not ddof else found * (count / (count - ddof) if count != ddof else math.nan)


def std(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """The square root of var. Where all entries are equal it has no derivative: nan."""
    return made("sqrt")(var(x, axis, ddof, keepdims))


def prod(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The product of all entries, or along an axis; the derivative is right at zeros too."""
    x = given("prod", x)
    shape = shape_of(x)
    if axis is None:
        rows, kept = ravel(x) if shape else expand_dims(x, 0), (1,) * len(shape) if keepdims else ()
    else:
        axis = axis_of("prod", x, axis)
        rows = transpose(x, (*(i for i in range(len(shape)) if i != axis), axis))
        kept = tuple(1 if i == axis else n for i, n in enumerate(shape) if i != axis or keepdims)
    if not shape_of(rows)[-1]:
        return np.ones(kept) if kept else 1.0
    while shape_of(rows)[-1] > 1:  # halves are multiplied: log2(n) steps
        half, odd = divmod(shape_of(rows)[-1], 2)
        halves = rows[..., :half] * rows[..., half:2 * half]
        rows = concatenate([halves, rows[..., 2 * half:]], axis=-1) if odd else halves
    found = rows.reshape(kept)
    return found if kept or isinstance(found, Variable) else float(found)


def diff(x: Any) -> Any:
    """The differences of neighbours along the last axis."""
    x = given("diff", x)
    return x[..., 1:] - x[..., :-1]


def flip(x: Any, axis: int | None = None) -> Any:
    """The entries in reverse order, along one axis or all."""
    x = given("flip", x)
    back = slice(None, None, -1)
    chosen = None if axis is None else axis_of("flip", x, axis)
    return x[tuple(back if chosen in (None, i) else slice(None) for i in range(len(shape_of(x))))]


# ---------------------------------------------------------------- shapes
def ravel(x: Any) -> Any:
    """All entries as one vector, row after row."""
    return reshape(x, -1)


def squeeze(x: Any) -> Any:
    """Without the axes of length 1."""
    x = given("squeeze", x)
    return x if x.__class__ is float else x.reshape(tuple(n for n in shape_of(x) if n != 1))


def expand_dims(x: Any, axis: int) -> Any:
    """With one more axis of length 1."""
    x = given("expand_dims", x)
    shape = list(shape_of(x))
    if not -len(shape) - 1 <= axis <= len(shape):
        raise ShapeError(f"there is no place {axis} for an axis in shape {shape_of(x)}")
    shape.insert(axis if axis >= 0 else len(shape) + 1 + axis, 1)
    return np.full(shape, x) if x.__class__ is float else x.reshape(tuple(shape))


def swapaxes(x: Any, one: int, other: int) -> Any:
    """With two axes exchanged."""
    x = given("swapaxes", x)
    return x.swapaxes(axis_of("swapaxes", x, one), axis_of("swapaxes", x, other))


def broadcast_to(x: Any, shape: Any) -> Any:
    """Repeated to a shape, as in sums with arrays of that shape."""
    x = given("broadcast_to", x)
    try:
        np.broadcast_to(plain(x), shape)
    except ValueError:
        raise ShapeError(f"shape {shape_of(x)} is not repeated to {shape}") from None
    return x + np.zeros(shape)


def vstack(parts: Sequence[Any]) -> Any:
    """On top of each other; vectors are rows."""
    return concatenate([p.reshape(1, -1) if len(shape_of(p)) < 2 else p for p in _at_least_vectors("vstack", parts)])


def hstack(parts: Sequence[Any]) -> Any:
    """Side by side; vectors one after the other."""
    kept = _at_least_vectors("hstack", parts)
    return concatenate(kept, axis=1 if kept and len(shape_of(kept[0])) > 1 else 0)


def _at_least_vectors(name: str, parts: Sequence[Any]) -> list[Any]:
    return [expand_dims(p, 0) if not shape_of(p) else p for p in (given(name, p) for p in parts)]


# ---------------------------------------------------------------- products
def inner(a: Any, b: Any) -> Any:
    """The sum of the products of entries of two vectors; of matrices, of their rows: a @ b.T."""
    a, b = given("inner", a), given("inner", b)
    return a * b if not shape_of(a) or not shape_of(b) else matmul(a, b if len(shape_of(b)) < 2 else b.swapaxes(-1, -2))


def vdot(a: Any, b: Any) -> Any:
    """The sum of the products of the entries of two arrays."""
    return matmul(ravel(_vector(a)), ravel(_vector(b)))


def _vector(x: Any) -> Any:
    x = given("vdot", x)
    return x if shape_of(x) else expand_dims(x, 0)


def multi_dot(parts: Sequence[Any]) -> Any:
    """The product of several matrices, from the left."""
    if len(parts) < 2:
        raise DomainError("multi_dot takes two matrices or more")
    found = parts[0]
    for p in parts[1:]:
        found = matmul(found, p)
    return found


def solve(A: Any, b: Any) -> Any:
    """inv(A) @ b, for a vector or a matrix b."""
    return matmul(made("inv")(A), b)


def slogdet(A: Any) -> tuple[Any, Any]:
    """The sign of the determinant, and the logarithm of its absolute value."""
    found = made("logdet")(A)
    with np.errstate(all="ignore"):
        sign = np.linalg.slogdet(plain(A))[0]
    return (sign if np.ndim(sign) else float(sign)), found


ARRAYS = ("broadcast_to", "clip", "diff", "einsum", "exp2", "expand_dims", "flip", "hstack", "inner", "log10", "log2", "logaddexp",
          "multi_dot", "prod", "ravel", "reciprocal", "slogdet", "solve", "squeeze", "std", "swapaxes", "var", "vdot", "vstack")
