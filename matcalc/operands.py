"""Python operators on expressions: + - * / @ ** and slices, with the shapes checked as the language checks them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from .algebra import add, divide, matmul, mul, negate, ones, power
from .dims import SCALAR, shape_text
from .errors import DomainError, ShapeError
from .expr import Expr, number, symbol, symbols
from .operators import index
from .rebuild import substitute


def expression(value: Any) -> Expr:
    """A number as an expression; a float is the decimal that Python prints for it."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction)) or value != value or abs(value) == float("inf"):
        raise DomainError(f"an expression takes expressions and finite numbers, not {type(value).__name__}",
                          detail="arrays are given when an answer is evaluated: d(A=..., x=...)")
    return number(Fraction(repr(value)) if isinstance(value, float) else value)


def together(a: Any, b: Any) -> tuple[Expr, Expr]:
    """Two operands over the same symbols, in the order in which they come."""
    a, b = expression(a), expression(b)
    found: dict[str, Expr] = {}
    for name, s in [*_typed(a), *_typed(b)]:
        same = found.setdefault(name, s)
        if (same.shape, same.data.properties) != (s.shape, s.data.properties):
            raise DomainError(f"{name} is {shape_text(same.shape)} on one side and {shape_text(s.shape)} on the other",
                              detail="one name is one variable, with one shape and the same properties")
    ranked = {name: symbol(name, s.shape, s.data.properties, i, s.data.spelled) for i, (name, s) in enumerate(found.items(), 1)}
    return tuple(substitute(e, {s: ranked[name] for name, s in symbols(e).items()}) for e in (a, b))  # type: ignore[return-value]


def _typed(e: Expr) -> list[tuple[str, Expr]]:
    """The symbols in the order in which they were typed."""
    return sorted(symbols(e).items(), key=lambda item: item[1].data.rank)


def clash(sign: str, a: Expr, b: Expr) -> ShapeError:
    return ShapeError(f"shapes do not match in {a} {sign} {b}", detail=f"{shape_text(a.shape)} and {shape_text(b.shape)}")


def plus(a: Any, b: Any) -> Expr:
    a, b = together(a, b)
    if a.shape != b.shape and SCALAR not in (a.shape, b.shape):
        row, full = (a, b) if a.is_row else (b, a)
        if not row.is_row or row.shape[1] != full.shape[1]:
            raise clash("+", a, b)
        widened = matmul([ones((full.shape[0], 1)), row])  # a row added to each row
        a, b = (widened, b) if row is a else (a, widened)
    return add([a, b], b.shape if a.is_scalar else a.shape)


def minus(a: Any, b: Any) -> Expr:
    return plus(a, negate(expression(b)))


def _elementwise(sign: str, build: Callable[[Expr, Expr], Expr]) -> Callable[[Any, Any], Expr]:
    def apply(a: Any, b: Any) -> Expr:
        a, b = together(a, b)
        if a.shape != b.shape and SCALAR not in (a.shape, b.shape):
            raise clash(sign, a, b)
        return build(a, b)

    return apply


times = _elementwise("*", lambda a, b: mul([a, b]))
over = _elementwise("/", divide)


def at(a: Any, b: Any) -> Expr:
    """The matrix product; a scalar on either side scales."""
    a, b = together(a, b)
    if SCALAR not in (a.shape, b.shape) and a.shape[1] != b.shape[0]:
        raise clash("@", a, b)
    return matmul([a, b])


def raised(a: Any, b: Any) -> Expr:
    """The elementwise power."""
    a, b = together(a, b)
    if not b.is_scalar:
        raise ShapeError(f"an exponent is a scalar, and {b} is {shape_text(b.shape)}")
    return power(a, b)


def part(e: Expr, key: Any) -> Expr:
    """e[i], e[1:], e[i, :], e[:, 1:3], as in NumPy."""
    keys = key if isinstance(key, tuple) else (key,) if 1 in e.shape else (key, slice(None))
    if len(keys) == 1 and e.is_row:
        keys = (slice(None), keys[0])
    if len(keys) > 2:
        raise ShapeError(f"{e} has two axes, and {len(keys)} indices are given")
    selectors = [_selector(k) for k in (*keys, slice(None))[:2]]
    return index(e, selectors)


def _selector(key: Any) -> int | tuple[int | None, int | None]:
    if isinstance(key, int) and not isinstance(key, bool):
        return key
    if isinstance(key, slice) and key.step in (None, 1) and all(k is None or isinstance(k, int) for k in (key.start, key.stop)):
        return (key.start, key.stop)
    raise DomainError(f"an index is a whole number or a slice start:stop, not {key!r}")


def applied(name: str, args: Sequence[Any], axis: int | None = None) -> Expr:
    """A function of expressions and numbers, with the shapes checked as the language checks them."""
    from .build import build
    from .knowledge import known
    from .parser import read

    parts = [expression(a) for a in args]
    stand_ins = {f"arg{i}_": p for i, p in enumerate(parts)}
    let = [f"{n}: {shape_text(p.shape)}" for n, p in stand_ins.items()]
    inside = ", ".join([str(p) if p.op == "num" else n for n, p in stand_ins.items()] + ([] if axis is None else [f"axis={axis}"]))
    built = build(read(f"{name}({inside})", known().language(), let))
    return substitute(built, {s: stand_ins[n] for n, s in symbols(built).items()})
