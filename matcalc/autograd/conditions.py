"""Comparisons and choices while a formula is read off running code: a plain boolean would keep one side only, step(x) says both."""

from __future__ import annotations

from typing import Any

from ..errors import NotSupported
from ..knowledge import known
from . import operations as op
from .variable import Variable


class Condition:
    """What a comparison of Variables is in a formula: a Variable that is 1 where it holds and 0 elsewhere."""

    __slots__ = ("indicator",)
    __array_ufunc__ = None  # so that array * condition comes here

    def __init__(self, indicator: Any) -> None:
        self.indicator = indicator

    def __invert__(self) -> Condition:
        return Condition(1.0 - self.indicator)

    def __and__(self, other: Any) -> Condition:
        return Condition(self.indicator * _indicator(other))

    def __or__(self, other: Any) -> Condition:
        return ~(~self & Condition(1.0 - _indicator(other)))

    def __mul__(self, other: Any) -> Any:
        return self.indicator * _indicator(other)

    def __add__(self, other: Any) -> Any:
        return self._as_number(other) + other

    def __sub__(self, other: Any) -> Any:
        return self._as_number(other) - other

    def __rsub__(self, other: Any) -> Any:
        return other - self._as_number(other)

    __rand__, __ror__, __rmul__, __radd__ = __and__, __or__, __mul__, __add__

    def _as_number(self, other: Any) -> Any:
        if isinstance(other, Condition):
            raise NotSupported("two conditions are no numbers to be added", detail="& and | join them")
        return self.indicator

    def __bool__(self) -> bool:
        raise branched()

    def __getattr__(self, name: str) -> Any:
        if name in ("sum", "mean", "shape", "ndim", "size", "T"):
            return getattr(self.indicator, name)
        if name.startswith("__array"):
            raise NotSupported("entries picked by a condition have no formula in matcalc's notation",
                               detail="where(condition, x, 0.0) has, and keeps the shape")
        raise NotSupported(f"a condition on Variables has no {name} in a formula", detail="where(condition, a, b), ~ & | and products have")

    def chosen(self, a: Any, b: Any) -> Any:
        """a where it holds, b elsewhere, as a sum of products: both must have a value everywhere."""
        for branch in (a, b):
            bad = partial_operation(branch)
            if bad:
                raise NotSupported(f"a choice is written step(x) * a + step(-x) * b: both must have a value everywhere, and {bad} has not",
                                   detail="choose inside, as in log(where(x > 0, x, 1.0))")
        return self.indicator * a + (1.0 - self.indicator) * b


def _indicator(x: Any) -> Any:
    return x.indicator if isinstance(x, Condition) else x * 1.0


def compared(sign: str, a: Any, b: Any) -> Condition:
    """a > b is step(a - b), and a >= b is not (b > a)."""
    from .functions import made

    step = made("step")
    if sign in ("eq", "ne"):
        raise NotSupported("a comparison with == has no formula", detail="x > c and x < c have")
    if sign in ("gt", "le"):
        found = Condition(step(a - b))
    else:
        found = Condition(step(b - a))
    return found if sign in ("gt", "lt") else ~found


def branched() -> NotSupported:
    return NotSupported("the function branches on the value of a Variable, and a formula would have one branch only",
                        detail="where(x > 0, a, b) has both; so have maximum, minimum and abs")


def partial_operation(x: Any) -> str:
    """The name of an operation that x was computed by and that has no value somewhere, or ""."""
    from .walk import recorded

    if x.__class__ is not Variable:
        return ""
    nodes, _ = recorded(x, object())
    for n in nodes:
        n._g = None
    return next(filter(None, map(_partial, nodes)), "")


def _partial(n: Variable) -> str:
    kind = n._op
    if kind.sign == "/":
        return "" if kind is op.DIV_C else "a quotient"
    if kind is op.POW_C and n._b.__class__ is float and n._b >= 0 and n._b == int(n._b):
        return ""
    if kind.sign == "**":
        return "a power"
    overloads = known().functions.get(kind.name.split(":")[0], [])
    return kind.name if any(f.words("domain") for f in overloads) else ""
