"""MATLAB's own words as tokens of the grammar: entries counted from 1, `vector(1)`, `sum(A, 2)`, `f = ...;`.

What `*` means there is a matter of the grammar.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from ..calls import Calls
from ..errors import Fix, NotSupported, ParseError
from ..tokens import Token

CONSTANTS = {"vector": 1, "matrix": 2}  # of matrixcalculus.org: every entry the same; how many sizes
SQUARE = frozenset(["ones", "zeros"])
SUMS, EXTREMES = frozenset(["sum", "mean"]), frozenset(["max", "min"])
FRESH = 2 * 10**7  # dimensions that only the use decides


def in_matlab(text: str, tokens: list[Token], calls: Calls, note: Callable[[str], None]) -> list[Token]:
    """The tokens with MATLAB's words said in those of the grammar."""
    tokens = _one_formula(tokens, note)
    out: list[Token] = []
    opened: list[str] = []  # what each open bracket belongs to
    i = 0
    while i < len(tokens):
        kind, value, start, end = tokens[i]
        called = kind == "name" and tokens[i + 1][0] == "("
        function = calls.resolve(value) if called and not calls.is_variable(value) else None
        if called and value in CONSTANTS and not calls.is_variable(value) and tokens[i + 2][0] == "number" and tokens[i + 3][0] == ")":
            out += _constant(value, tokens[i + 2], start, tokens[i + 3][3])
            i += 4
            continue
        if called and value in SQUARE and not calls.is_variable(value):
            _refuse_square(text, tokens, i)
        if called and function is None and (found := _index(tokens, i + 1, note)) is not None:
            out += [tokens[i], *found[0]]
            i = found[1]
            continue
        if kind == "name" and value == "eye" and not called and not calls.is_variable("eye"):
            value = "I"
        if kind == "name" and value == "Inf" and not calls.is_variable("Inf"):
            value = "inf"
        if kind == "," and opened and (found := _dimension(tokens, i, opened[-1])) is not None:
            out += found[0]
            i = found[1]
            continue
        if kind == "(":
            before = out[-1] if out else None
            opened.append(calls.resolve(before[1]) or "" if before and before[0] == "name" else "")
        elif kind == ")" and opened:
            opened.pop()
        out.append((kind, value, start, end))
        i += 1
    return out


def _refuse_square(text: str, tokens: list[Token], i: int) -> None:
    """`ones(n)` is n x n in MATLAB, and a vector in NumPy."""
    j, depth = i + 2, 1
    while tokens[j][0] != "end" and depth and not (depth == 1 and tokens[j][0] == ","):
        depth += (tokens[j][0] == "(") - (tokens[j][0] == ")")
        j += 1
    if depth == 0:
        size, at = text[tokens[i + 1][3] : tokens[j - 1][2]], tokens[j - 1][2]
        fixes = [Fix(text[:at] + ", 1" + text[at:], note="a vector"), Fix(f"{text[:at]}, {size}{text[at:]}", note="as in MATLAB")]
        raise ParseError(f"whether {tokens[i][1]}({size}) is a vector is not clear", (tokens[i][2], tokens[j - 1][3]), fixes=fixes)


def _one_formula(tokens: list[Token], note: Callable[[str], None]) -> list[Token]:
    """Without the semicolon that ends a statement, and without the name that it assigns to."""
    if len(tokens) > 2 and tokens[-2][0] == ";":
        tokens = [*tokens[:-2], tokens[-1]]
    if len(tokens) > 3 and tokens[0][0] == "name" and tokens[1][0] == "=" and all(token[1] != tokens[0][1] for token in tokens[2:]):
        note(f"{tokens[0][1]} = is left out: it names the formula")
        tokens = tokens[2:]
    return tokens


def _constant(word: str, number: Token, start: int, end: int) -> list[Token]:
    """`vector(1)`: ones of the size that its use decides."""
    sizes: list[Token] = []
    for k in range(CONSTANTS[word]):
        sizes += [(",", None, start, start)] * (k > 0) + [("name", f"?{FRESH + 2 * start + k}", start, end)]
    ones: list[Token] = [("name", "ones", start, end), ("(", None, start, end), *sizes, (")", None, end, end)]
    return ones if number[1] == 1 else [("{(", None, start, start), number, (".*", None, start, start), *ones, (")", None, end, end)]


def _index(tokens: list[Token], i: int, note: Callable[[str], None]) -> tuple[list[Token], int] | None:
    """`A(1, 2)`, `x(2:end)`, `A(:, 1)`: an entry or a part, counted from 1; None where the bracket holds anything else."""
    parts: list[list[Token]] = [[]]
    j = i + 1
    while tokens[j][0] in ("number", ":", ",") or (tokens[j][0] == "name" and tokens[j][1] == "end"):
        if tokens[j][0] == ",":
            parts.append([])
        else:
            parts[-1].append(tokens[j])
        j += 1
    if tokens[j][0] != ")" or not all(parts) or len(parts) > 2:
        return None
    if len(parts) == 1 and [t[0] for t in parts[0]] == [":"]:
        at = tokens[i][2], tokens[i][3]
        return [(".", None, *at), ("name", "vec", *at), ("(", None, *at), (")", None, *tokens[j][2:])], j + 1
    note("entries are counted from 1, as in MATLAB")
    out: list[Token] = [("[", None, tokens[i][2], tokens[i][3])]
    for k, part in enumerate(parts):
        out += [(",", None, part[0][2], part[0][2])] * (k > 0) + _selector(part)
    return [*out, ("]", None, tokens[j][2], tokens[j][3])], j + 1


def _selector(part: list[Token]) -> list[Token]:
    """One index from 0: `2:5` is `1:5`, `end` is `-1`."""
    kinds = [token[0] for token in part]
    span = part[0][2], part[-1][3]
    if kinds == [":"]:
        return part
    if len(part) == 1:
        return _from_zero(part[0])
    if kinds[1:2] != [":"] or len(part) != 3 or kinds[0] not in ("number", "name"):
        raise NotSupported("this range is not read", span, detail="ranges are a:b and a:end")
    last = [] if part[2][0] == "name" else [part[2]]
    return [*_from_zero(part[0]), part[1], *last]


def _from_zero(token: Token) -> list[Token]:
    kind, value, start, end = token
    if kind == "name":
        return [("-", None, start, end), ("number", Fraction(1), start, end)]
    if value < 1:
        raise NotSupported("entries are counted from 1 in MATLAB", (start, end))
    return [("number", value - 1, start, end)]


def _dimension(tokens: list[Token], i: int, function: str) -> tuple[list[Token], int] | None:
    """`, 1)` and `, [], 1)` behind the argument of a sum or maximum: its axis."""
    empty = [t[0] for t in tokens[i + 1 : i + 4]] == ["[", "]", ","]
    if function not in (EXTREMES if empty else SUMS):  # max(A, 1) compares with 1
        return None
    j = i + 4 if empty else i + 1
    number = tokens[j]
    if number[0] != "number" or number[1] not in (1, 2) or tokens[j + 1][0] != ")":
        return None
    span = number[2], number[3]
    return [tokens[i], ("name", "axis", *span), ("=", None, *span), ("number", number[1] - 1, *span)], j + 1
