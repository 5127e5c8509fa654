"""Formulas of rules/ on arrays: an expression of the engine, evaluated on plain values or on Variables by the same steps.

The last two axes of an array are the matrix; axes before them are a stack. Elementwise formulas take any shapes that broadcast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import pi
from typing import Any

import numpy as np

from .. import dims
from ..expr import Expr, postorder
from .operations import kronecker, raised, shape_of

Sizes = dict[str, int]


class Formula:
    """An expression over named values. `call(node, args)` gives the value of a function's call."""

    def __init__(self, e: Expr, call: Callable[[Expr, Sequence[Any]], Any]) -> None:
        self.nodes = list(postorder([e]))
        self.place = {n: i for i, n in enumerate(self.nodes)}
        self.call = call
        self.sized = [n for n in self.nodes if n.op in ("eye", "ones", "zeros", "size", "commat")]

    def __call__(self, values: Mapping[str, Any], shapes: Mapping[str, dims.Shape] | None = None) -> Any:
        """The value; `shapes` are those of the names, whose letters get their sizes from the values."""
        sizes = sizes_of(values, shapes or {}) if self.sized else {}
        found: list[Any] = []
        for n in self.nodes:
            if n.op == "sym":
                found.append(values[n.data.name])
            elif n.op == "call":
                found.append(self.call(n, [found[self.place[a]] for a in n.args]))
            else:
                found.append(STEPS[n.op](n, [found[self.place[a]] for a in n.args], sizes))
        return found[-1]


def sizes_of(values: Mapping[str, Any], shapes: Mapping[str, dims.Shape]) -> Sizes:
    sizes: Sizes = {}
    for name, shape in shapes.items():
        have = shape_of(values[name])[-2:] if name in values else ()
        sizes.update({d: n for d, n in zip(shape, have, strict=False) if isinstance(d, str)})
    return sizes


def _concrete(e: Expr, sizes: Sizes) -> tuple[int, int]:
    rows, columns = (dims.evaluate(d, sizes) for d in e.shape)
    return rows, columns


def _add(e: Expr, args: Sequence[Any], sizes: Sizes) -> Any:
    total = None
    for c, a in zip(e.data, args, strict=True):
        if total is None:
            total = a if c == 1 else -a if c == -1 else a * float(c)
        else:
            total = total + a if c == 1 else total - a if c == -1 else total + a * float(c)
    return total


def _mul(e: Expr, args: Sequence[Any], sizes: Sizes) -> Any:
    total = args[0]
    for a in args[1:]:
        total = total * a
    return total if e.data == 1 else -total if e.data == -1 else total * float(e.data)


def _pow(e: Expr, args: Sequence[Any], sizes: Sizes) -> Any:
    base, exponent = args
    return raised(base, exponent) if not hasattr(base, "_op") else base**exponent


def _matmul(e: Expr, args: Sequence[Any], sizes: Sizes) -> Any:
    if e.args[-1].shape[1] == 1:  # from the right: vectors first
        total = args[-1]
        for a in reversed(args[:-1]):
            total = a @ total
        return total
    total = args[0]
    for a in args[1:]:
        total = total @ a
    return total


def _run(e: Expr, args: Sequence[Any], sizes: Sizes) -> Any:
    total = args[0]
    for _ in range(e.data - 1):
        total = total @ args[0]
    return total


def _identity(x: Any) -> Any:
    return np.eye(shape_of(x)[-1])


def vec(a: Any) -> Any:
    *s, m, n = shape_of(a)
    return a.swapaxes(-1, -2).reshape((*s, m * n, 1))


def _commutation(e: Expr, args: Sequence[Any], sizes: Sizes) -> Any:
    m, n = (dims.evaluate(d, sizes) for d in e.data)
    return np.eye(m * n)[np.arange(m * n).reshape(n, m).T.ravel()]


def _index(e: Expr, args: Sequence[Any], sizes: Sizes) -> Any:
    picks = tuple(slice(s, s + 1 or None) if isinstance(s, int) else slice(*s) for s in e.data)
    return args[0][(Ellipsis, *picks)]


STEPS: dict[str, Callable[[Expr, Sequence[Any], Sizes], Any]] = {
    "num": lambda e, a, s: float(e.data),
    "pi": lambda e, a, s: pi,
    "size": lambda e, a, s: float(s[e.data]),
    "eye": lambda e, a, s: np.eye(*_concrete(e, s)),
    "ones": lambda e, a, s: np.ones(_concrete(e, s)),
    "zeros": lambda e, a, s: np.zeros(_concrete(e, s)),
    "commat": _commutation,
    "add": _add, "mul": _mul, "pow": _pow, "matmul": _matmul, "run": _run, "index": _index,
    "transpose": lambda e, a, s: a[0].swapaxes(-1, -2),
    "tr": lambda e, a, s: (a[0] * _identity(a[0])).sum(axis=(-2, -1), keepdims=True),
    "sum": lambda e, a, s: a[0].sum(axis=(-2, -1), keepdims=True),
    "diag": lambda e, a, s: a[0] * np.eye(shape_of(a[0])[-2]),
    "diagv": lambda e, a, s: (a[0] * _identity(a[0])).sum(axis=-1, keepdims=True),
    "kron": lambda e, a, s: kronecker(a[0], a[1]),
    "vec": lambda e, a, s: vec(a[0]),
}
