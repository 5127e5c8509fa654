"""Text to tokens. Every token knows its columns in the text as the user typed it.

A token is a tuple (kind, value, start, end). The kind is `name` (value: canonical name), `number` (value: Fraction),
`sup` (superscript; value: ASCII text, `T` or `-1`), `end`, or the sign itself.

>>> [(kind, value) for kind, value, *_ in scan("Σᵀ − 2x²")[0]]
[('name', 'Sigma'), ('sup', 'T'), ('-', None), ('number', Fraction(2, 1)), ('name', 'x'), ('sup', '2'), ('end', None)]
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .errors import Fix, ParseError
from .limits import Limits
from .names import LETTERS, WORD, canonical

Token = tuple[str, Any, int, int]

BLANKS = frozenset(" \t\n\r\f\v")
INVISIBLE = frozenset("\ufeff\u200b\u200c\u200d\u2060")
DIGITS = frozenset("0123456789")
SIGNS = frozenset("+-@/\\^()[]{},;:=")
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ᵀ", "0123456789-+T", strict=True))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True)) | {"∞": "inf"}  # after norm bars; in a name they are digits
SAME = {
    "−": "-",
    "–": "-",
    "‐": "-",
    "⋅": "·",
    "∙": "·",
    "•": "·",
    "·": "·",
    "×": "×",
    "✕": "×",
    "⊙": "⊙",
    "∘": "⊙",
    "◦": "⊙",
    "⊗": "⊗",
    "∗": "*",
    "÷": "/",
    "∕": "/",
    "‖": "||",
    "∥": "||",
    "∣": "|",
    "’": "'",
    "‘": "'",
    "′": "'",
    "´": "'",
    "`": "'",
    "（": "(",
    "）": ")",
    "，": ",",
    "；": ";",
    "＝": "=",
    "＋": "+",
}
QUOTED = frozenset(["fro", "nuc"])  # what norm takes in quotes
QUOTES = frozenset("\"“”„")
HINTS = {
    "∑": "a sum is written sum(...); the letter is Σ or Sigma",
    "∏": "a product over an index is not supported",
    "∂": "the verb says what to differentiate: grad, jacobian, hessian",
    "∇": "the verb says what to differentiate: grad, jacobian, hessian",
    "√": "a root is written sqrt(...)",
    "∫": "integrals are not supported",
    "†": "the pseudo-inverse is written pinv(A), the transpose A.T",
    "#": "there are no comments in an expression",
    "%": "there is no remainder here",
    "!": "there is no factorial: gammaln(x + 1) is its logarithm",
    "<": "an inequality is no expression",
    ">": "an inequality is no expression",
    "$": "write the formula without $",
} | dict.fromkeys(QUOTES, "there are no quotes inside an expression")
INSTEAD = {"<": ("-",), ">": ("-",), "∑": ("Σ", "sum"), "√": ("sqrt",)}


def scan(text: str, limits: Limits | None = None) -> tuple[list[Token], bool]:
    """The tokens of a text, ending with `end`, and whether a decimal point was typed."""
    limits = limits or Limits()
    tokens: list[Token] = []
    append = tokens.append
    decimals = False
    i, n = _within_quotes(text)
    while i < n:
        c = text[i]
        if c in BLANKS:
            i += 1
        elif c in LETTERS:
            j = i + 1
            while j < n and text[j] in WORD:
                j += 1
            if j < n and text[j] > "\x7f":
                j = _word_end(text, j)
            append(("name", canonical(text[i:j]), i, j))
            i = j
        elif c in SIGNS:
            append((c, None, i, i + 1))
            i += 1
        elif c in DIGITS or (c == "." and i + 1 < n and text[i + 1] in DIGITS):
            value, j, fractional = number_at(text, i, limits)
            append(("number", value, i, j))
            decimals = decimals or fractional
            i = j
        else:
            i = sign_at(text, i, tokens)
    if len(tokens) > limits.tokens:
        raise limits.exceeded(
            "tokens", f"the text has {len(tokens):,} words and signs", len(tokens), (tokens[limits.tokens][2], tokens[limits.tokens][3])
        )
    append(("end", None, n, n))
    return tokens, decimals


def _within_quotes(text: str) -> tuple[int, int]:
    """Where the expression begins and ends: curly quotes around it came along when it was copied."""
    inside = text.strip()
    if len(inside) > 2 and inside[0] in "“„" and inside[-1] in "”“":
        start = text.index(inside) + 1
        return start, start + len(inside) - 2
    return 0, len(text)


def sign_at(text: str, i: int, tokens: list[Token]) -> int:
    """Scan a sign of several characters, a superscript, or anything beyond ASCII."""
    c = text[i]
    pair = text[i : i + 2]
    if c == "*" or c == "|":
        kind = pair if pair == c + c else c
        tokens.append((kind, None, i, i + len(kind)))
        return i + len(kind)
    if (c == "'" or c == '"') and tokens and tokens[-1][0] in (",", "="):
        closing = text.find(c, i + 1)
        if text[i + 1 : closing] in QUOTED:
            tokens.append(("quoted", text[i + 1 : closing], i, closing + 1))
            return closing + 1
    if c == "'":
        tokens.append(("'", None, i, i + 1))
        return i + 1
    if c == ".":
        kind = pair if pair in (".*", "./", ".^", ".'", ".\\") else "."
        tokens.append(("'" if kind == ".'" else kind, None, i, i + len(kind)))
        return i + len(kind)
    if c in SUPERSCRIPTS:
        j = i
        while j < len(text) and text[j] in SUPERSCRIPTS:
            j += 1
        tokens.append(("sup", "".join(SUPERSCRIPTS[s] for s in text[i:j]), i, j))
        return j
    if c in SAME:
        tokens.append((SAME[c], None, i, i + 1))
        return i + 1
    if c in SUBSCRIPTS:
        j = i
        while j < len(text) and text[j] in SUBSCRIPTS:
            j += 1
        tokens.append(("sub", "_" + "".join(SUBSCRIPTS[s] for s in text[i:j]), i, j))
        return j
    if c == "⊤" or c == "ᐪ":
        tokens.append(("sup", "T", i, i + 1))
        return i + 1
    if c > "\x7f" and (c.isspace() or c in INVISIBLE):
        return i + 1
    if c > "\x7f" and canonical(c).isidentifier():
        j = _word_end(text, i)
        tokens.append(("name", canonical(text[i:j]), i, j))
        return j
    raise unexpected(text, i)


def _word_end(text: str, i: int) -> int:
    """Where a name ends that has letters beyond ASCII: at the first sign or superscript."""
    while i < len(text) and (
        text[i] in WORD
        or (
            text[i] > "\x7f"
            and text[i] not in SUPERSCRIPTS
            and text[i] not in SAME
            and ("a" + canonical(text[i])).isidentifier()
            and text[i] not in "⊤ᐪ"
        )
    ):
        i += 1
    return i


def renamed(text: str, tokens: list[Token], name: str, other: str) -> str:
    """The text with another name for a variable."""
    for kind, value, start, end in reversed(tokens):
        if kind == "name" and value == name:
            text = text[:start] + other + text[end:]
    return text


def unexpected(text: str, i: int) -> ParseError:
    """The error for a character that no expression has."""
    c = text[i]
    shown = f"'{c}'" if c.isprintable() else f"U+{ord(c):04X}"
    end = i + 1 + (c in "<>" and text[i + 1 : i + 2] == "=")
    error = ParseError(
        f"{shown} is not part of any expression",
        (i, end),
        detail=HINTS.get(c, ""),
        fixes=[Fix("".join(sign for sign in text if sign not in QUOTES))]
        if c in QUOTES
        else [Fix(text[:i] + word + text[end:]) for word in INSTEAD.get(c, ("", "*", "@"))],
    )
    error.shown = 1
    return error


def number_at(text: str, i: int, limits: Limits) -> tuple[Fraction, int, bool]:
    """The exact value of a literal, its end, and whether it was typed as a decimal."""
    j = _digits_end(text, i)
    whole, fraction, exponent = text[i:j], "", 0
    point = text[j : j + 1] == "." and (text[j + 1 : j + 2] in DIGITS or not _joins(text[j + 1 : j + 2]))
    if point:
        end = _digits_end(text, j + 1)
        fraction, j = text[j + 1 : end], end
    if text[j : j + 1] in ("e", "E"):
        sign = text[j + 1 : j + 2] if text[j + 1 : j + 2] in ("+", "-") else ""
        begin = j + 1 + len(sign)
        end = _digits_end(text, begin)
        if end > begin:
            digits = text[begin:end].lstrip("0") or "0"
            if len(digits) > 9:
                raise limits.exceeded("digits", "a number is too large or too small to be exact", 10**9, (i, end))
            exponent, j = int(sign + digits), end
    length = max(len(whole) + len(fraction), len(whole) + exponent, len(fraction) - exponent)
    if length > limits.digits:
        raise limits.exceeded("digits", f"a number has {length:,} digits", length, (i, j))
    mantissa, scale = integer(whole + fraction), exponent - len(fraction)
    value = Fraction(mantissa * 10**scale) if scale >= 0 else Fraction(mantissa, 10**-scale)
    return value, j, point or scale < 0


def _joins(following: str) -> bool:
    """Whether a point before this character belongs to what follows (`2.T`, `2.*x`), not to the number."""
    return following != "" and (following in LETTERS or following in "*/^'\\")


def _digits_end(text: str, i: int) -> int:
    while i < len(text) and text[i] in DIGITS:
        i += 1
    return i


def integer(digits: str) -> int:
    """int(digits), also beyond the 4,300 digits that Python converts at once."""
    value = 0
    for k in range(0, len(digits), 4000):
        part = digits[k : k + 4000]
        value = value * 10 ** len(part) + int(part)
    return value
