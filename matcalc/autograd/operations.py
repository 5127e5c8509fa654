"""The operations of arrays that are no function of rules/: sums, products, shapes, entries; each with its differential and its transpose.

`pull_a(g, y, a, b)` is what a cotangent g of y = f(a, b) gives to a; `push(da, db, y, a, b)` is the tangent of y, where None is zero.
All are written with operators and methods that arrays and Variables share, so the same lines give numbers, and derivatives of derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..errors import ShapeError

Pull = Callable[[Any, Any, Any, Any], Any]
Push = Callable[[Any, Any, Any, Any, Any], Any]


class Operation:
    """One operation: its value, and how cotangents go down and tangents up."""

    __slots__ = ("name", "sign", "value", "pull_a", "pull_b", "push", "graph_a", "graph_push", "many", "pull")

    def __init__(self, name: str, pull_a: Pull, pull_b: Pull | None = None, push: Push | None = None, *, sign: str = "",
                 value: Callable[[Any, Any], Any] | None = None, graph_a: Pull | None = None, graph_push: Push | None = None) -> None:
        self.name, self.sign, self.value = name, sign, value
        self.pull_a, self.pull_b, self.push = pull_a, pull_b, push
        self.graph_a, self.graph_push = graph_a or pull_a, graph_push or push
        self.many = False
        self.pull: Any = None

    @classmethod
    def of_many(cls, name: str, pull: Callable[..., Any], push: Callable[..., Any]) -> Operation:
        """An operation on a tuple: pull(g, i, y, parts, data), push(tangents, y, parts, data)."""
        op = cls(name, lambda *_: None, None, push)
        op.many, op.pull = True, pull
        return op

    def __repr__(self) -> str:
        return f"<{self.name}>"


# ---------------------------------------------------------------- shapes
def shape_of(x: Any) -> tuple[int, ...]:
    return () if x.__class__ is float else x.shape


def unbroadcast(g: Any, like: Any) -> Any:
    """The transpose of broadcasting: g summed over the axes along which `like` was repeated; a constant is repeated itself."""
    have, want = shape_of(g), shape_of(like)
    if have == want:
        return g
    if len(have) < len(want) or any(n == 1 != k for n, k in zip(have[len(have) - len(want):], want, strict=True)):
        g = spread(g, _Shape(np.broadcast_shapes(have, want)))
        have = shape_of(g)
    extra = len(have) - len(want)
    axes = tuple(range(extra)) + tuple(i + extra for i, n in enumerate(want) if n == 1 != have[i + extra])
    if axes:
        g = g.sum(axis=axes)
    if not want:
        return float(g) if not hasattr(g, "_op") else g
    return g if shape_of(g) == want else g.reshape(want)


def spread(t: Any, y: Any) -> Any:
    """t, repeated to the shape of y."""
    want = shape_of(y)
    if shape_of(t) == want:
        return t
    if hasattr(t, "_op"):
        return t + np.zeros(want)
    return np.broadcast_to(t, want)


def added(x: Any, y: Any) -> Any:
    return y if x is None else x if y is None else x + y


def negated(x: Any) -> Any:
    return None if x is None else -x


def times(x: Any, y: Any) -> Any:
    return None if x is None else x * y


def swapped(x: Any) -> Any:
    """The transpose of the last two axes."""
    return x.swapaxes(-1, -2)


# ---------------------------------------------------------------- sums and products
ADD = Operation("add", lambda g, y, a, b: g, lambda g, y, a, b: g, lambda s, t, y, a, b: added(s, t), sign="+")
ADD_C = Operation("add a constant", lambda g, y, a, b: g, None, lambda s, t, y, a, b: s, sign="+")
ADD_B = Operation("add", lambda g, y, a, b: unbroadcast(g, a), lambda g, y, a, b: unbroadcast(g, b),
                  lambda s, t, y, a, b: spread(added(s, t), y), sign="+", value=lambda a, b: a + b)
SUB = Operation("subtract", lambda g, y, a, b: g, lambda g, y, a, b: -g, lambda s, t, y, a, b: added(s, negated(t)), sign="-")
SUB_B = Operation("subtract", lambda g, y, a, b: unbroadcast(g, a), lambda g, y, a, b: unbroadcast(-g, b),
                  lambda s, t, y, a, b: spread(added(s, negated(t)), y), sign="-", value=lambda a, b: a - b)
MUL = Operation("multiply", lambda g, y, a, b: g * b, lambda g, y, a, b: g * a,
                lambda s, t, y, a, b: added(times(s, b), times(t, a)), sign="*")
MUL_C = Operation("multiply by a constant", lambda g, y, a, b: g * b, None, lambda s, t, y, a, b: s * b, sign="*")
MUL_B = Operation("multiply", lambda g, y, a, b: unbroadcast(g * b, a), lambda g, y, a, b: unbroadcast(g * a, b),
                  lambda s, t, y, a, b: added(times(s, b), times(t, a)), sign="*", value=lambda a, b: a * b)
NEG = Operation("negate", lambda g, y, a, b: -g, None, lambda s, t, y, a, b: -s)


def quotient(a: Any, b: Any) -> Any:
    """a / b, where a number divided by zero is infinite, as it is for arrays."""
    try:
        return a / b
    except ZeroDivisionError:
        with np.errstate(all="ignore"):
            return float(np.float64(a) / np.float64(b))


def raised(a: Any, b: Any) -> Any:
    """a ** b in the real numbers: nan where there is none."""
    if a.__class__ is not float or b.__class__ is not float:
        return a**b
    try:
        found = a**b
    except (OverflowError, ZeroDivisionError):
        with np.errstate(all="ignore"):
            return float(np.float64(a) ** np.float64(b))
    return found if found.__class__ is float else float("nan")


def power_slope(a: Any, b: Any) -> Any:
    """d(a**b)/da = b * a**(b - 1), for a constant b."""
    if b.__class__ is float:
        if b in (0.0, 1.0, 2.0):  # also at 0, where a**-1 is infinite
            return 2.0 * a if b == 2 else b + 0.0 * a
        if a.__class__ is float:
            return b * raised(a, b - 1.0)
    elif not hasattr(b, "_op"):
        return b * a ** (b - 1.0 + (b == 0.0))  # 0 * a**0, for a**-1 is infinite at 0
    return b * a ** (b - 1.0)


def logarithm(x: Any) -> Any:
    from .functions import made

    return made("log")(x)


DIV = Operation("divide", lambda g, y, a, b: unbroadcast(quotient(g, b), a), lambda g, y, a, b: unbroadcast(quotient(-(g * y), b), b),
                lambda s, t, y, a, b: spread(quotient(added(s, negated(times(t, y))), b), y), sign="/", value=quotient)
DIV_C = Operation("divide", lambda g, y, a, b: unbroadcast(quotient(g, b), a), None, lambda s, t, y, a, b: quotient(s, b), sign="/",
                  value=quotient)
RDIV = Operation("divide", lambda g, y, a, b: unbroadcast(quotient(-(g * y), a), a), None,
                 lambda s, t, y, a, b: quotient(-(s * y), a), sign="/", value=lambda a, b: quotient(b, a))
POW = Operation("raise", lambda g, y, a, b: unbroadcast(g * power_slope(a, b), a),
                lambda g, y, a, b: unbroadcast(g * (y * logarithm(a)), b),
                lambda s, t, y, a, b: added(None if s is None else s * power_slope(a, b), None if t is None else t * (y * logarithm(a))),
                sign="**", value=raised)
POW_C = Operation("raise", lambda g, y, a, b: unbroadcast(g * power_slope(a, b), a), None,
                  lambda s, t, y, a, b: s * power_slope(a, b), sign="**", value=raised)
RPOW = Operation("raise", lambda g, y, a, b: unbroadcast(g * (y * logarithm(b)), a), None,
                 lambda s, t, y, a, b: s * (y * logarithm(b)), sign="**", value=lambda a, b: raised(b, a))


# ---------------------------------------------------------------- products of matrices
def _pull_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    """What a @ b gives to a: vectors are rows on the left and columns on the right; stacks are broadcast."""
    if len(shape_of(b)) == 1:
        return unbroadcast(_expanded(g, -1) * b, a)
    if len(shape_of(a)) == 1:
        return unbroadcast(_expanded(g, -2) @ swapped(b), _Shape((1, *shape_of(a)))).reshape(shape_of(a))
    return unbroadcast(g @ swapped(b), a)


def _pull_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    if len(shape_of(a)) == 1:
        if len(shape_of(b)) == 1:
            return g * a
        return unbroadcast(_expanded(a, -1) * _expanded(g, -2), b)
    if len(shape_of(b)) == 1:
        found = swapped(a) @ _expanded(g, -1)
        return unbroadcast(found, _Shape((*shape_of(b), 1))).reshape(shape_of(b))
    return unbroadcast(swapped(a) @ g, b)


class _Shape:
    """What unbroadcast needs to know of an array."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape


def _expanded(x: Any, axis: int) -> Any:
    """x with an axis of length 1 more."""
    shape = list(shape_of(x))
    shape.insert(len(shape) + 1 + axis, 1)
    return np.reshape(x, shape) if x.__class__ is float else x.reshape(tuple(shape))


def _product_push(s: Any, t: Any, y: Any, a: Any, b: Any) -> Any:
    return added(None if s is None else s @ b, None if t is None else a @ t)


MATMUL = Operation("matmul", lambda g, y, a, b: g @ b.T, lambda g, y, a, b: a.T @ g, _product_push, sign="@")
MATMUL_N = Operation("matmul", _pull_left, _pull_right, _product_push, sign="@")


def kron(a: Any, b: Any) -> Any:
    """Blocks a[i, j] * b, on the last two axes."""
    blocks = _in_blocks(a, left=True) * _in_blocks(b, left=False)
    *lead, m, p, n, q = shape_of(blocks)
    return blocks.reshape((*lead, m * p, n * q))


def _in_blocks(x: Any, left: bool) -> Any:
    *s, m, n = shape_of(x)
    return x.reshape((*s, m, 1, n, 1) if left else (*s, 1, m, 1, n))


def _blocks(g: Any, a: Any, b: Any) -> Any:
    """A cotangent of kron(a, b), with an axis each for the rows of a, of b, the columns of a, of b."""
    (m, n), (p, q) = shape_of(a)[-2:], shape_of(b)[-2:]
    return g.reshape((*shape_of(g)[:-2], m, p, n, q))


KRON = Operation("kron", lambda g, y, a, b: unbroadcast((_blocks(g, a, b) * _in_blocks(b, left=False)).sum(axis=(-3, -1)), a),
                 lambda g, y, a, b: unbroadcast((_blocks(g, a, b) * _in_blocks(a, left=True)).sum(axis=(-4, -2)), b),
                 lambda s, t, y, a, b: added(None if s is None else kron(s, b), None if t is None else kron(a, t)))


def kronecker(a: Any, b: Any) -> Any:
    """The Kronecker product, recorded as one operation."""
    if not hasattr(a, "_op") and not hasattr(b, "_op"):
        return kron(a, b)
    from .variable import plain, record

    try:
        return record(KRON, kron(plain(a), plain(b)), a, b)
    except ValueError:
        raise ShapeError(f"kron of stacks of shapes {shape_of(a)} and {shape_of(b)}") from None


# ---------------------------------------------------------------- shapes and entries
def _pull_sum(g: Any, y: Any, a: Any, data: Any) -> Any:
    axis, keepdims, shape = data
    if axis is not None and not keepdims and shape_of(y):
        axes = {i % len(shape) for i in (axis if isinstance(axis, tuple) else (axis,))}
        g = g.reshape(tuple(1 if i in axes else n for i, n in enumerate(shape)))
    elif shape_of(g) and len(shape_of(g)) != len(shape):
        g = g.reshape(tuple(1 for _ in shape))
    return spread(g, _Shape(shape)) if hasattr(g, "_op") else np.broadcast_to(g, shape)


SUM = Operation("sum", _pull_sum, None, lambda s, t, y, a, data: s.sum(axis=data[0], keepdims=data[1]) if shape_of(s) else s)


def weight_of(shape: tuple[int, ...], axis: Any) -> int:
    """How many entries are reduced to one."""
    return prod(shape) if axis is None else prod(shape[i] for i in (axis if isinstance(axis, tuple) else (axis,)))


MEAN = Operation("mean", lambda g, y, a, data: _pull_sum(g * (1.0 / weight_of(data[2], data[0])), y, a, data), None,
                 lambda s, t, y, a, data: s.mean(axis=data[0], keepdims=data[1]) if shape_of(s) else s)


RESHAPE = Operation("reshape", lambda g, y, a, shape: _reshaped(g, shape), None, lambda s, t, y, a, shape: _reshaped(s, shape_of(y)))


def _reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    if x.__class__ is float:
        return np.full(shape, x) if shape else x
    x = x.reshape(shape)
    return float(x) if not shape and not hasattr(x, "_op") else x


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argsort(order))


TRANSPOSE = Operation("transpose", lambda g, y, a, order: g.transpose(_inverse(order)), None, lambda s, t, y, a, order: s.transpose(order))


def _numbers(x: Any) -> Any:
    """An entry as a float, anything larger as it is."""
    return float(x) if x.__class__ is not float and not hasattr(x, "_op") and x.ndim == 0 else x


INDEX = Operation("index", lambda g, y, a, data: scattered(g, data), None, lambda s, t, y, a, data: _numbers(s[data[0]]))
SCATTER = Operation("scatter", lambda g, y, a, data: _numbers(g[data[0]]), None, lambda s, t, y, a, data: scattered(s, data))


def scattered(g: Any, data: Any) -> Any:
    """Zeros with g added at an index: the transpose of taking entries."""
    index, shape = data
    out = np.zeros(shape)
    v = g._v if hasattr(g, "_op") else g
    if _is_basic(index):
        out[index] = v
    else:  # the same entry may be taken twice
        np.add.at(out, index, v)
    if not hasattr(g, "_op"):
        return out
    from .variable import record

    return record(SCATTER, out, g, data)


def _is_basic(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(p is None or p is Ellipsis or isinstance(p, int | slice | np.integer) for p in parts)


# ---------------------------------------------------------------- several arrays
def _pull_concatenate(g: Any, i: int, y: Any, parts: Any, axis: int) -> Any:
    start = sum(shape_of(p)[axis] for p in parts[:i])
    where = [slice(None)] * len(shape_of(y))
    where[axis] = slice(start, start + shape_of(parts[i])[axis])
    return g[tuple(where)]


def _push_concatenate(tangents: Any, y: Any, parts: Any, axis: int) -> Any:
    from .functions import concatenate

    return concatenate([np.zeros(shape_of(p)) if t is None else t for t, p in zip(tangents, parts, strict=True)], axis=axis)


CONCATENATE = Operation.of_many("concatenate", _pull_concatenate, _push_concatenate)
MASK = Operation("mask", lambda g, y, a, mask: masked(g, mask), None, lambda s, t, y, a, mask: masked(s, mask))


def masked(x: Any, mask: Any) -> Any:
    """x where the mask holds and 0 elsewhere, also where x is not finite."""
    if not hasattr(x, "_op"):
        return _numbers(np.where(mask, x, 0.0))
    from .variable import record

    return record(MASK, np.where(mask, x._v, 0.0), x, mask)
