"""Array operations as a graph: vectors have one axis, scalars none; what is equal is one node.

A node is an operation on values of earlier nodes. Its kind says how it is written; its shape is known, because a plan is made for given
sizes. Constructors fold what costs nothing to fold, so that every later step sees few forms.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import numpy as np

Shape = tuple[int, ...]


class Op:
    """One operation. `args` are earlier operations, `data` what else it needs."""

    __slots__ = ("kind", "args", "data", "shape", "number")

    def __init__(self, kind: str, args: tuple[Op, ...], data: Any, shape: Shape, number: int) -> None:
        self.kind, self.args, self.data, self.shape, self.number = kind, args, data, shape, number

    @property
    def size(self) -> int:
        n = 1
        for d in self.shape:
            n *= d
        return n

    def __repr__(self) -> str:
        return f"{self.kind}{self.shape}({', '.join(a.kind + str(a.number) for a in self.args)}; {self.data})"


class Graph:
    """A table of operations."""

    def __init__(self, named: Container[int] = ()) -> None:
        self._table: dict[Any, Op] = {}
        self.named = named  # sizes that are names and no numbers
        self.ops: list[Op] = []
        self.shared: set[Op] = set()  # what several operations read: it stays whole, to be computed once

    def op(self, kind: str, args: Sequence[Op], shape: Shape, data: Any = None) -> Op:
        key = (kind, tuple(a.number for a in args), data, shape)
        found = self._table.get(key)
        if found is None:
            found = self._table[key] = Op(kind, tuple(args), data, shape, len(self.ops))
            self.ops.append(found)
        return found

    def share(self, a: Op) -> None:
        """Several operations read it."""
        a = a.args[0] if a.kind == "transpose" else a
        if a.kind in ("linear", "product"):
            self.shared.add(a)

    # ------------------------------------------------------------ leaves
    def number(self, value: float) -> Op:
        return self.op("number", (), (), float(value))

    def count(self, n: int) -> Op:
        """How many entries there are."""
        return self.op("size", (), (), n) if n in self.named else self.number(n)

    def input(self, name: str, shape: Shape) -> Op:
        return self.op("input", (), shape, name)

    def full(self, value: float, shape: Shape) -> Op:
        """The same number everywhere; in a sum or a product it acts as the number."""
        return self.op("full", (), shape, float(value)) if shape else self.number(value)

    # ------------------------------------------------------------ views
    def transpose(self, a: Op) -> Op:
        if len(a.shape) < 2:
            return a
        if a.kind == "transpose":
            return a.args[0]
        if a.kind == "full":
            return self.full(a.data, a.shape[::-1])
        if a.kind == "repeat":
            return self.op("repeat", a.args, a.shape[::-1], 1 - a.data)
        if a.kind == "band":
            return self.op("band", a.args, a.shape[::-1], a.data[::-1])
        if a.kind == "arranged":
            return self.op("arranged", a.args, a.shape[::-1], renamed(a.data[0], a.data[1][::-1], a.data[2]))
        if a.kind == "padded":
            return self.op("padded", (self.transpose(a.args[0]),), a.shape[::-1], a.data[::-1])
        if self._is_symmetric(a):
            return a
        if a.kind == "outer":
            return self.op("outer", a.args[::-1], a.shape[::-1])
        if a.kind == "kron":
            return self.kron(*(self.transpose(x) for x in a.args))
        return self.op("transpose", (a,), a.shape[::-1])

    def _is_symmetric(self, a: Op) -> bool:
        if a.kind in ("linear", "product"):
            return all(not f.shape or (f.shape == a.shape and self._is_symmetric(f)) for f in a.args)
        return a.kind in ("eye", "diag", "weighted gram") or (a.kind == "inverse" and a.data) or \
            (a.kind == "dot" and len(a.shape) == 2 and self._is_gram(*a.args))

    def _is_gram(self, a: Op, b: Op) -> bool:
        return len(a.shape) == 2 and len(b.shape) == 2 and (
            (a.kind == "transpose" and a.args[0] is b) or (b.kind == "transpose" and b.args[0] is a))

    def repeat(self, v: Op, axis: int, shape: Shape) -> Op:
        """A vector along one axis, the same for every place of the other: it is never formed where it is only added or multiplied."""
        if v.kind in ("number", "full"):
            return self.full(v.data, shape)
        return self.op("spread", v.args, shape) if v.kind == "spread" else self.op("repeat", (v,), shape, axis)

    def reshape(self, a: Op, shape: Shape) -> Op:
        if a.shape == shape:
            return a
        if a.kind in ("full", "number"):
            return self.full(a.data, shape)
        if a.kind == "reshape":
            a = a.args[0]
        if a.kind == "map" and _is_step(a) and a.shape != shape:
            return self.map("sign", [self.reshape(a.args[0], shape)], shape)
        return a if a.shape == shape else self.op("reshape", (a,), shape)

    def stacked(self, a: Op) -> Op:
        """The columns, one under the other."""
        if len(a.shape) < 2:
            return a
        if 1 in a.shape:
            return self.reshape(a, (a.size,))
        if a.kind == "map" and _is_step(a):
            return self.map("sign", [self.stacked(a.args[0])], (a.size,))
        return self.full(a.data, (a.size,)) if a.kind == "full" else self.op("stacked", (a,), (a.size,))

    # ------------------------------------------------------------ entries one by one
    def linear(self, terms: Sequence[tuple[float, Op]], constant: float, shape: Shape) -> Op:
        """c1 * a1 + c2 * a2 + ... + constant."""
        flat: dict[Op, float] = {}
        for c, a in terms:
            a = a.args[0] if a.kind == "spread" else a
            if a.kind in ("number", "full") and len(a.shape) in (0, len(shape)):
                constant += c * a.data
                continue
            if a.kind == "linear" and a.shape == shape and a not in self.shared:
                coefficients, inner = a.data
                for d, b in zip(coefficients, a.args, strict=True):
                    flat[b] = flat.get(b, 0.0) + c * d
                constant += c * inner
                continue
            if a.kind == "product" and a.data < 0 and a not in self.shared:
                c, a = -c, self.product(-a.data, a.args, a.shape)
            if a.kind == "outer" and abs(c) != 1:  # a number scales the shorter vector
                c, a = (1.0 if c > 0 else -1.0), self.product(abs(c), [a], a.shape)
            flat[a] = flat.get(a, 0.0) + c
        parts = [(c, a) for a, c in flat.items() if c != 0]
        if not parts:
            return self.full(constant, shape)
        if shape and not any(a.shape for _, a in parts):
            return self.op("spread", (self.linear(parts, constant, ()),), shape)
        if constant == 0 and len(parts) == 1:
            return self.product(parts[0][0], [parts[0][1]], shape)
        axis = _repeated_along([a for _, a in parts])
        if axis is not None:
            inner = self.linear([(c, a.args[0] if a.shape else a) for c, a in parts], constant, (shape[axis],))
            return self.repeat(inner, axis, shape)
        if self._all_turned([a for _, a in parts], shape):
            return self.transpose(self.linear([(c, self._turned(a)) for c, a in parts], constant, shape[::-1]))
        parts.sort(key=lambda part: part[0] < 0)  # what is subtracted comes last
        return self.op("linear", [a for _, a in parts], shape, (tuple(c for c, _ in parts), constant))

    def _all_turned(self, args: Sequence[Op], shape: Shape) -> bool:
        """Are all matrices transposed? What is computed of them entry by entry lies in memory as they do, and is turned at the end."""
        kinds = {a.kind for a in args if a.shape}
        return len(shape) == 2 and "transpose" in kinds and kinds <= {"transpose", "repeat"}

    def _turned(self, a: Op) -> Op:
        return self.transpose(a) if a.shape else a

    def product(self, c: float, factors: Sequence[Op], shape: Shape) -> Op:
        """c * a1 * a2 * ..., entry by entry; scalars and repeated vectors among them."""
        flat: list[Op] = []
        for a in factors:
            a = a.args[0] if a.kind == "spread" else a
            if a.kind in ("number", "full"):
                c *= a.data
            elif a.kind == "product" and a not in self.shared:
                c *= a.data
                flat += a.args
            else:
                flat.append(a)
        if c == 0 or not flat:
            return self.full(c, shape)
        if shape and not any(a.shape for a in flat):
            return self.op("spread", (self.product(c, flat, ()),), shape)
        if len(flat) == 1 and c == 1 and flat[0].shape == shape:
            return flat[0]
        if len(flat) == 1 and flat[0].kind == "outer" and c != 1:  # a number scales the shorter vector
            u, v = flat[0].args
            return self.outer(self.product(c, [u], u.shape), v) if u.size < v.size else self.outer(u, self.product(c, [v], v.shape))
        if len(flat) == 1 and flat[0].kind == "linear" and flat[0].shape == shape and flat[0] not in self.shared:
            coefficients, constant = flat[0].data
            return self.linear([(c * d, a) for d, a in zip(coefficients, flat[0].args, strict=True)], c * constant, shape)
        if shape and len(shape) == 2 and all(not a.shape or (a.kind == "repeat" and a.data == next(
                b.data for b in flat if b.shape)) for a in flat):
            first = next(a for a in flat if a.shape)
            inner = self.product(c, [a.args[0] if a.shape else a for a in flat], first.args[0].shape)
            return self.repeat(inner, first.data, shape)
        logistic = self._logistic(flat, shape)
        if logistic is not None:
            return self.product(c, logistic, shape) if c != 1 or len(logistic) > 1 else logistic[0]
        if self._all_turned(flat, shape):
            return self.transpose(self.product(c, [self._turned(a) for a in flat], shape[::-1]))
        if any(a.shape and not _is_step(a) for a in flat):
            flat = [self._comparison(a) if _is_step(a) else a for a in flat]  # a comparison is quicker than numbers
        flat.sort(key=lambda a: (len(a.shape), a.kind == "repeat", a.kind == "power" and a.data is not None and a.data < 0))
        return self.op("product", flat, shape, c)

    def _comparison(self, a: Op) -> Op:
        if a.kind == "repeat":
            return self.op("repeat", (self._comparison(a.args[0]),), a.shape, a.data)
        return self.op("above zero", a.args, a.shape)

    def power(self, a: Op, exponent: float) -> Op:
        if exponent == 1:
            return a
        if a.kind in ("number", "full") and (a.data > 0 or (exponent == int(exponent) and a.data != 0)):
            return self.full(a.data ** exponent, a.shape)
        if exponent == -0.5 and a.shape:
            return self.power(self.power(a, 0.5), -1)
        if exponent == 0:
            return self.full(1.0, a.shape)
        if a.kind in ("full", "spread"):
            return self.product(1.0, [self.power(self.number(a.data) if a.kind == "full" else a.args[0], exponent)], a.shape)
        if a.kind == "repeat":
            return self.repeat(self.power(a.args[0], exponent), a.data, a.shape)
        if a.kind == "transpose":
            return self.transpose(self.power(a.args[0], exponent))
        return self.op("power", (a,), a.shape, exponent)

    def map(self, name: str, args: Sequence[Op], shape: Shape) -> Op:
        """A function of NumPy, entry by entry."""
        args = [self.number(a.data) if a.kind == "full" else a.args[0] if a.kind == "spread" else a for a in args]
        if shape and not any(a.shape for a in args):
            return self.product(1.0, [self.map(name, args, ())], shape)
        value = _of_numbers(name, args)
        if value is not None:
            return self.number(value)
        axis = _repeated_along(args)
        if axis is not None:
            inner = [a.args[0] if a.shape else a for a in args]
            return self.repeat(self.map(name, inner, (shape[axis],)), axis, shape)
        if self._all_turned(args, shape):
            return self.transpose(self.map(name, [self._turned(a) for a in args], shape[::-1]))
        return self.op("map", args, shape, name)

    def raised(self, a: Op, b: Op, shape: Shape) -> Op:
        """a ** b, b no number."""
        axis = _repeated_along([a, b])
        if axis is not None:
            base, exponent = (x.args[0] if x.shape else x for x in (a, b))
            return self.repeat(self.raised(base, exponent, (shape[axis],)), axis, shape)
        if a.kind in ("full", "spread"):
            a = self.number(a.data) if a.kind == "full" else a.args[0]
            return self.product(1.0, [self.raised(a, b, ())], shape) if not b.shape else self.op("raised", (a, b), shape)
        return self.op("raised", (a, b), shape)

    def _logistic(self, factors: list[Op], shape: Shape) -> list[Op] | None:
        """exp(minimum(x, 0)) / (1 + exp(-abs(x))), which never overflows, is 1 / (1 + exp(-x)), which does so harmlessly: to 0.

        The operation takes -x, in which a sign may go away.
        """
        for e in factors:
            if e.kind != "map" or e.data != "exp" or e.args[0].kind != "map" or e.args[0].data != "minimum":
                continue
            x, zero = e.args[0].args
            if zero.kind != "number" or zero.data != 0:
                continue
            bottom = self.power(self.linear([(1.0, self.map("exp", [self.product(-1.0, [self.map("abs", [x], x.shape)], x.shape)],
                                                            x.shape))], 1.0, x.shape), -1)
            if bottom in factors:
                rest = [f for f in factors if f is not e and f is not bottom]
                negative = self.op("product", x.args, x.shape, -x.data) if x.kind == "product" and x.data != -1 else \
                    self.product(1.0, x.args, x.shape) if x.kind == "product" else self.product(-1.0, [x], x.shape)
                return [*rest, self.op("logistic", (negative,), x.shape)]
        return None

    # ------------------------------------------------------------ sums of products
    def dot(self, a: Op, b: Op) -> Op:
        """a @ b, as NumPy means it: of vectors and matrices."""
        if len(a.shape) == len(b.shape) == 2 and not self._is_gram(a, b):
            mirrored = self._table.get(("dot", (self.transpose(b).number, self.transpose(a).number), None, (b.shape[1], a.shape[0])))
            if mirrored is not None:
                return self.transpose(mirrored)
        shape = a.shape[:-1] + (b.shape[1:] if len(b.shape) == 2 else ())
        return self.op("dot", (a, b), shape)

    def kron(self, a: Op, b: Op) -> Op:
        if a.shape == (1, 1) and a.kind == "eye":
            return b
        if b.shape == (1, 1) and b.kind == "eye":
            return a
        shape = (a.shape[0] * b.shape[0], a.shape[1] * b.shape[1])
        if a.kind == b.kind == "eye":
            return self.op("eye", (), shape)
        if a.kind == b.kind == "full":
            return self.full(a.data * b.data, shape)
        return self.op("kron", (a, b), shape)

    def outer(self, u: Op, v: Op) -> Op:
        return self.op("outer", (u, v), (*u.shape, *v.shape))

    def total(self, a: Op, axis: int | None = None) -> Op:
        """The sum of the entries, of all or along an axis."""
        shape = () if axis is None else (a.shape[1 - axis],)
        if a.kind == "full":
            return self.product(a.data, [self.count(a.size if axis is None else a.shape[axis])], shape)
        if a.kind == "spread":
            return self.product(1.0, [self.count(a.size if axis is None else a.shape[axis]), a.args[0]], shape)
        if a.kind == "repeat":
            inner = a.args[0]
            if axis is None:
                return self.product(1.0, [self.count(a.shape[1 - a.data]), self.total(inner)], ())
            if axis == a.data:
                return self.product(1.0, [self.total(inner)], shape)
            return self.product(1.0, [self.count(a.shape[axis]), inner], shape)
        if a.kind == "product" and a.data != 1:
            return self.product(a.data, [self.total(self.product(1.0, a.args, a.shape), axis)], shape)
        if a.kind == "power" and a.data == 2:
            return self.inner(a.args[0], a.args[0], axis)
        if a.kind == "product" and a.data == 1:
            scalars = [f for f in a.args if not f.shape]
            others = [f for f in a.args if f.shape]
            if scalars:
                return self.product(1.0, [*scalars, self.total(self.product(1.0, others, a.shape), axis)], shape)
            whole = [f for f in others if f.kind != "repeat"]
            if len(others) == 2 and len(whole) == 1 and len(a.shape) == 2:
                return self._weighted_total(whole[0], next(f for f in others if f.kind == "repeat"), axis)
            if len(whole) == len(others) and len(others) >= 2:
                return self.inner(self.product(1.0, others[:-1], a.shape), others[-1], axis)
        if a.kind == "transpose":
            return self.total(a.args[0], None if axis is None else 1 - axis)
        return self.op("total", (a,), shape, axis)

    def _weighted_total(self, a: Op, weights: Op, axis: int | None) -> Op:
        """The sum of rows, or of columns, with weights: a product with a vector."""
        along, v = weights.data, weights.args[0]
        if axis is not None and axis != along:
            return self.product(1.0, [v, self.total(a, axis)], v.shape)
        if a.kind == "transpose":
            a, along = a.args[0], 1 - along
        found = self.dot(a, v) if along else self.dot(v, a)
        return self.total(found) if axis is None else found

    def inner(self, a: Op, b: Op, axis: int | None = None) -> Op:
        """The sum of a * b, of all entries or along an axis."""
        if len(a.shape) == 1:
            return self.dot(a, b)
        if a.kind == "transpose" and b.kind == "transpose":
            return self.inner(a.args[0], b.args[0], None if axis is None else 1 - axis)
        return self.op("inner", (a, b), () if axis is None else (a.shape[1 - axis],), axis)


LETTERS = "abcdefghijklmnopqrstuvwxyz"


Arranged = tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]]


def renamed(subscripts: Sequence[str], groups: Sequence[str], sizes: Sequence[int]) -> Arranged:
    """What an `arranged` operation knows: the axes of its arguments, those of each of its own axes, and their sizes, in the order in
    which they appear."""
    letters = dict(zip(dict.fromkeys("".join(groups)), LETTERS, strict=False))
    first, second = (tuple("".join(letters[x] for x in text) for text in texts) for texts in (subscripts, groups))
    return first, second, tuple(sizes[LETTERS.index(x)] for x in letters)


def _of_numbers(name: str, args: Sequence[Op]) -> float | None:
    """The value of a function of numbers alone; None where it is not finite, or no function of NumPy."""
    f = getattr(np, name.removeprefix("numpy."), None)
    if f is None or not all(a.kind == "number" for a in args):
        return None
    with np.errstate(all="ignore"):
        value = float(f(*[a.data for a in args]))
    return value if np.isfinite(value) else None


def _repeated_along(args: Sequence[Op]) -> int | None:
    """The axis along which all arrays are repeated vectors; what is computed of them is one, too."""
    axes = {a.data if a.kind == "repeat" else None for a in args if a.shape}
    return axes.pop() if len(axes) == 1 else None


def _is_step(a: Op) -> bool:
    """Is it sign(maximum(x, 0)), 1 above zero and 0 elsewhere, perhaps looked at in another shape?"""
    if a.kind == "repeat":
        return _is_step(a.args[0])
    if a.kind != "map" or a.data != "sign":
        return False
    inner = a.args[0]
    while inner.kind in ("stacked", "reshape", "transpose"):
        inner = inner.args[0]
    return inner.kind == "map" and inner.data == "maximum" and inner.args[1].kind == "number" and inner.args[1].data == 0
