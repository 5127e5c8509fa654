"""Indices and slices: `x[0]`, `x[1:]`, `X[:, 1:3]`, with whole numbers as in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .dims import Dim, add, text
from .errors import DomainError, Fix, NotSupported, ParseError
from .tokens import Token

if TYPE_CHECKING:
    from .grammar import Grammar

Selector = int | slice


def read_selectors(grammar: Grammar, opened: Token) -> tuple[tuple[Selector, ...], int]:
    """The selectors after `[`, and the column after `]`."""
    selectors: list[Selector] = []
    while True:
        selectors.append(_selector(grammar))
        kind, _, start, end = grammar.tokens[grammar.i]
        grammar.i += 1
        if kind == "]":
            if len(selectors) > 2:
                second = grammar.text.rindex(",", opened[2], end)
                raise ParseError("a matrix has two indices", (opened[2], end), fixes=[Fix(grammar.splice((second, end - 1), ""))])
            return tuple(selectors), end
        if kind != ",":
            raise ParseError(
                "'[' is never closed",
                (opened[2], opened[3]),
                (start, start),
                label="expected ']' here",
                fixes=[Fix(grammar.splice((start, start), "]")), Fix(grammar.splice((start, end), "]"))],
            )


def _selector(grammar: Grammar) -> Selector:
    parts: list[int | None] = [_integer(grammar)]
    at = grammar.tokens[grammar.i]
    while grammar.tokens[grammar.i][0] == ":" and len(parts) < 3:
        grammar.i += 1
        parts.append(_integer(grammar))
    if len(parts) == 1:
        if parts[0] is None:
            raise ParseError(
                "an index is a whole number or a slice",
                (at[2], at[3]),
                detail="for example x[0], x[1:], X[:, 1:3]",
                fixes=[Fix(grammar.splice((at[2], at[3]), s)) for s in ("0", "0]")],
            )
        return parts[0]
    if len(parts) == 3 and parts[2] == 0:
        raise DomainError(
            "a slice has a step of zero",
            (at[2], grammar.tokens[grammar.i][2]),
            fixes=[Fix(grammar.splice((at[2], grammar.tokens[grammar.i][2]), ":"))],
        )
    return slice(*parts)


def _integer(grammar: Grammar) -> int | None:
    sign = grammar.tokens[grammar.i][0] == "-"
    kind, value, start, end = grammar.tokens[grammar.i + sign]
    if kind != "number":
        if kind == "name":
            raise NotSupported(
                "an index is a whole number",
                (start, end),
                detail="names as indices are not supported",
                fixes=[Fix(grammar.splice((start, end), "0"))],
            )
        return None
    if value.denominator != 1:
        raise ParseError("an index is a whole number", (start, end), fixes=[Fix(grammar.splice((start, end), str(int(value))))])
    if value > grammar.limits.dimension:
        raise grammar.limits.exceeded("dimension", "an index is too large", int(value), (start, end))
    grammar.i += 1 + sign
    return -int(value) if sign else int(value)


def selected(dim: Dim, selector: Selector, span: tuple[int, int]) -> tuple[Dim, Selector]:
    """How many entries a selector takes of `dim`, and the selector in its plain form."""
    if isinstance(selector, int):
        if isinstance(dim, int) and not -dim <= selector < dim:
            raise DomainError(f"index {selector} is outside: there are {dim} entries", span)
        return 1, selector
    start, stop, step = selector.start, selector.stop, selector.step
    if isinstance(dim, int):
        count: Dim = len(range(*selector.indices(dim)))
    elif step in (None, 1):
        count = _symbolic(dim, start or 0, stop, span)
    elif step == -1 and start is None and stop is None:
        count = dim
    else:
        raise NotSupported("a step in a slice needs a dimension that is a number", span, detail=f"the dimension here is {text(dim)}")
    if isinstance(count, int) and count <= 0:
        raise DomainError("this slice selects nothing", span)
    return count, slice(start or None, stop, None if step == 1 else step)


def _symbolic(dim: Dim, start: int, stop: int | None, span: tuple[int, int]) -> Dim:
    """stop - start, where a negative end counts from the end."""
    if stop is None:
        return -start if start < 0 else add(dim, start, -1)
    if (start < 0) == (stop < 0):
        return stop - start
    if stop < 0:
        return add(dim, start - stop, -1)
    raise NotSupported("how many entries this slice has is not clear", span, detail=f"the dimension is {text(dim)}")
