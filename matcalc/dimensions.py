"""Dimensions as they are typed, in `eye(n + 1)` and `matrix(2 * m, n)`: sums and products of names and whole numbers."""

from __future__ import annotations

from .dims import Dim, Poly, add, multiply
from .errors import ParseError
from .limits import Limits
from .tokens import Token

PRECEDENCE = {"+": 1, "-": 1, "*": 2}


def term_count(dim: Dim) -> int:
    return len(dim.terms) if isinstance(dim, Poly) else 1


def degree(dim: Dim) -> int:
    """The most names that one of its terms multiplies."""
    return max(len(names) for names, _ in dim.terms) if isinstance(dim, Poly) else int(isinstance(dim, str))


def digit_count(dim: Dim) -> int:
    """About how many digits its longest number has."""
    numbers = [c for _, c in dim.terms] if isinstance(dim, Poly) else [dim] if isinstance(dim, int) else []
    return max([abs(c).bit_length() for c in numbers], default=0) * 30103 // 100000


def product(a: Dim, b: Dim, limits: Limits, *spans: tuple[int, int]) -> Dim:
    """a * b, refused when it would have too many terms, names or digits to write down."""
    count = max(term_count(a) * term_count(b), degree(a) + degree(b))
    if count > limits.terms:
        raise limits.exceeded("terms", f"a dimension has {count:,} terms or factors", count, *spans)
    digits = digit_count(a) + digit_count(b)
    if digits > limits.digits:
        raise limits.exceeded("digits", f"a dimension has {digits:,} digits", digits, *spans)
    return multiply(a, b)


def read_dimension(tokens: list[Token], i: int, limits: Limits) -> tuple[Dim, int]:
    """The dimension that begins at token i, and the token after it."""
    first = tokens[i][2]
    values: list[Dim] = []
    signs: list[str] = []
    while True:
        while tokens[i][0] == "(":
            signs.append("(")
            i += 1
        value, i = _atom(tokens, i, limits)
        values.append(value)
        while tokens[i][0] == ")" and "(" in signs:
            _reduce(values, signs, 0, limits, (first, tokens[i][3]))
            signs.pop()
            i += 1
        kind = tokens[i][0]
        sign = "*" if kind == "name" or (kind == "(" and signs != []) else kind  # 2n
        if sign not in PRECEDENCE:
            if "(" in signs:
                raise ParseError("a bracket in a dimension is never closed", (tokens[i][2], tokens[i][3]))
            _reduce(values, signs, 0, limits, (first, tokens[i][2]))
            return values[0], i
        _reduce(values, signs, PRECEDENCE[sign], limits, (first, tokens[i][3]))
        signs.append(sign)
        i += kind == sign


def _atom(tokens: list[Token], i: int, limits: Limits) -> tuple[Dim, int]:
    kind, value, start, end = tokens[i]
    if kind == "name":
        return value, i + 1
    if kind != "number":
        raise ParseError("a dimension is expected here: a name or a whole number", (start, end))
    if value.denominator != 1:
        raise ParseError("a dimension is a whole number", (start, end))
    number, i = int(value), i + 1
    while number <= limits.dimension and tokens[i][0] in ("**", "^") and tokens[i + 1][0] == "number":
        power = tokens[i + 1][1]
        if power > limits.exponent:
            raise limits.exceeded("exponent", "an exponent is too large", int(power), (tokens[i + 1][2], tokens[i + 1][3]))
        number, end, i = number ** int(power), tokens[i + 1][3], i + 2
    if number > limits.dimension:
        raise limits.exceeded("dimension", f"{number:,} is too large for a dimension", number, (start, end))
    return number, i


def _reduce(values: list[Dim], signs: list[str], precedence: int, limits: Limits, span: tuple[int, int]) -> None:
    while signs and signs[-1] != "(" and PRECEDENCE[signs[-1]] >= precedence:
        sign, b, a = signs.pop(), values.pop(), values.pop()
        if sign == "*":
            values.append(product(a, b, limits, span))
        else:
            values.append(add(a, b, 1 if sign == "+" else -1))
        if term_count(values[-1]) > limits.terms:
            raise limits.exceeded("terms", "a dimension has too many terms", term_count(values[-1]), span)
