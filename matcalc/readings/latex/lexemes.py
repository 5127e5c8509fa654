r"""LaTeX to lexemes: commands, letters, digits, delimiters; each knows its columns in the text, and which delimiter is its partner.

A letter is a lexeme of its own, as in TeX; `\left(` is one lexeme, and so is `\operatorname{tr}`. What only sets the page is left out.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ...errors import Fix, ParseError, Span
from ...limits import Limits
from ...names import LETTERS as ASCII
from ...tokens import BLANKS, DIGITS, Token, sign_at, unexpected
from . import commands

COMMAND = re.compile(r"\\(?:[A-Za-z]+\*?|.)", re.DOTALL)
DELIMITER = re.compile(r"\s*(\\[A-Za-z]+|\\.|.)", re.DOTALL)
OPENED = re.compile(r"\\begin\s*\{([A-Za-z]+\*?)\}")
WORD = re.compile(r"\s*(?:\{(?:\\(?:rm|bf|it|sf|tt)\b)?((?:[^{}\\]|\\[_,;!: ])*)\}|([A-Za-z]))")
OLD = re.compile(r"\{\s*\\(rm|bf|it|sf|tt)\s*(?:\s([A-Za-z]+)|\{([A-Za-z]+)\})\s*\}")  # {\rm tr}
WHERE = re.compile(r"\s*\\text\{where\}")
GROUP = re.compile(r"\s*\{[^{}]*\}")
PAIRS = (("$$", "$$"), ("$", "$"), ("\\[", "\\]"), ("\\(", "\\)"))
MIDDLE = frozenset("+-=,;:/*")  # before a bar, an operand is still to come


class Lexeme(NamedTuple):
    """kind: name digit word command open close bar { } ^ _ ' sup, or the sign itself. value: a name, a character, the closing delimiter."""

    kind: str
    value: Any
    start: int
    end: int
    side: str = ""  # of a bar: left, right, or not said; of a word: the command that set it


def spliced(text: str, span: Span, replacement: str) -> str:
    return text[: span[0]] + replacement + text[span[1] :]


def refuse(message: str, span: Span, detail: str, *texts: str) -> ParseError:
    """A refusal; the texts are ways to write what may have been meant."""
    return ParseError(message, span, detail=detail, fixes=[Fix(text.strip()) for text in texts])


def body(text: str) -> Span:
    """The formula itself: without dollars, without the environment around it, and without the full stop behind it."""
    start, end = 0, len(text)
    while True:
        while start < end and text[start] in BLANKS:
            start += 1
        while end > start and (text[end - 1] in BLANKS or (text[end - 1] in ".,;" and text[end - 2 : end - 1] != "\\")):
            end -= 1
        pair = next((p for p in PAIRS if text.startswith(p[0], start, end) and text.endswith(p[1], start + len(p[0]), end)), None)
        opened = OPENED.match(text, start, end)
        if pair:
            start, end = start + len(pair[0]), end - len(pair[1])
        elif opened and opened[1] in commands.ENVIRONMENTS and text.endswith(f"\\end{{{opened[1]}}}", opened.end(), end):
            start, end = opened.end(), end - len(f"\\end{{{opened[1]}}}")
        else:
            return start, end


def lexemes(text: str, limits: Limits) -> list[Lexeme]:
    """The lexemes of a formula."""
    found: list[Lexeme] = []
    i, end = body(text)
    has_definitions, defining = WHERE.search(text) is not None, False  # lines after `where`, as matcalc prints them
    while i < end:
        c = text[i]
        if c in BLANKS or c == "~":
            i += 1
        elif c in ASCII and c != "_":
            found.append(Lexeme("name", c, i, i + 1))
            i += 1
        elif c in DIGITS:
            found.append(Lexeme("digit", c, i, i + 1))
            i += 1
        elif c == "\\":
            i = _command(text, i, end, found, defining)
            defining = defining or (found != [] and found[-1].value == "where")
        elif c in commands.BRACKETS:
            kind, value, side = commands.BRACKETS[c]
            found.append(Lexeme(kind, value, i, i + 1, side))
            i += 1
        elif c == "{" and (old := OLD.match(text, i, end)):
            word = old[2] or old[3]
            if old[1] == "bf" and len(word) == 1:
                found += [
                    Lexeme("command", "mathbf", i, old.start(2 if old[2] else 3)),
                    Lexeme("name", word, old.start(2 if old[2] else 3), old.end()),
                ]
            else:
                found.append(Lexeme("word", word, i, old.end(), old[1]))
            i = old.end()
        elif c == "." and text[i + 1 : i + 2] in DIGITS and i + 1 < end:
            found.append(Lexeme("digit", c, i, i + 1))
            i += 1
        elif c in "{}^_'":
            found.append(Lexeme(c, None, i, i + 1))
            i += 1
        elif c == "&":
            if not has_definitions:
                raise _aligned(text, (i, i + 1))
            i += 1
        else:
            i = _sign(text, i, found)
        if len(found) > limits.tokens:
            raise limits.exceeded("tokens", f"the text has {len(found):,} words and signs", len(text), (found[-1].start, found[-1].end))
    return found


def _sign(text: str, i: int, found: list[Lexeme]) -> int:
    """A sign that means what it means in a plain text."""
    if text[i] in "+-@/,;:=":
        found.append(Lexeme(text[i], None, i, i + 1))
        return i + 1
    if text[i] == "$":
        raise refuse("a formula stands between one pair of dollars", (i, i + 1), "", text.replace("$", ""), text.partition("$")[0])
    if text[i] == "%":
        stop = text.find("\n", i)
        raise refuse("% begins a comment", (i, i + 1), "", text[:i] + (text[stop:] if stop > 0 else ""))
    scanned: list[Token] = []
    end = sign_at(text, i, scanned)
    found += [Lexeme(*token) for token in scanned]
    return end


def _command(text: str, i: int, end: int, found: list[Lexeme], defining: bool) -> int:
    """The lexeme of a command, and where it ends."""
    match = COMMAND.match(text, i, end)
    if match is None:
        raise unexpected(text, i)
    word, j = match[0][1:], match.end()
    if word == "operatorname*":
        word = "operatorname"
    elif len(word) > 1 and word.endswith("*"):  # a sign of its own
        word, j = word[:-1], j - 1
    if word in commands.SKIPPED:
        return j
    if word == "\\":
        if WHERE.match(text, j):
            return j
        if defining:
            found.append(Lexeme(";", None, i, j))
            return j
        raise _aligned(text, (i, j))
    if word in commands.SIZES:
        delimiter = DELIMITER.match(text, j, end)
        if delimiter is None or delimiter[1] not in commands.BRACKETS:
            raise refuse(
                f"a delimiter is expected after \\{word}",
                (i, j),
                "",
                text[:i] + text[j:],
                text[:i] + text[delimiter.end() if delimiter else j :],
            )
        kind, value, side = commands.BRACKETS[delimiter[1]]
        found.append(Lexeme(kind, value, i, delimiter.end(), commands.SIZES[word] or side))
        return delimiter.end()
    if match[0] in commands.BRACKETS:
        kind, value, side = commands.BRACKETS[match[0]]
        found.append(Lexeme(kind, value, i, j, side))
        return j
    if word in commands.WITH_ARGUMENT:
        group = GROUP.match(text, j, end)
        return group.end() if group else j
    if word in ("begin", "end"):
        group = GROUP.match(text, j, end)
        raise refuse(
            "matrices, cases and lists of equations are not read",
            (i, group.end() if group else j),
            commands.CASES,
            text[:i] + text[group.end() if group else j :],
        )
    content = WORD.match(text, j, end) if word in commands.ROMAN else None
    if content:
        inside = content[1] if content[1] is not None else content[2]
        inside = re.sub(r"\\[,;!: ]", "", inside).replace("\\_", "_").replace("~", " ")
        prose = inside.strip() not in ("where", "") and " " in inside and word in commands.PROSE
        found.append(Lexeme("prose" if prose else "word", inside.strip(), i, content.end(), word))
        return content.end()
    found.append(Lexeme("command", word, i, j))
    return j


def _aligned(text: str, span: Span) -> ParseError:
    sign = text[span[0] : span[1]]
    without = text.replace("&", "").replace("\\\\", " ")
    first = re.sub(r"\\(begin|end)\s*\{[^{}]*\}", "", text).split("\\\\")[0].replace("&", "")
    return refuse(
        f"'{sign}' belongs to several lines, and one expression is read at a time",
        span,
        "",
        without,
        first,
        re.sub(r"\\(begin|end)\s*\{[^{}]*\}", "", without),
    )


# ---------------------------------------------------------------- partners
def partners(text: str, found: list[Lexeme]) -> dict[int, int]:
    """The closing delimiter of each that opens; brackets, braces and bars nest."""
    pairs: dict[int, int] = {}
    opened: list[tuple[str, int]] = []  # what closes it, and where it is
    operand = False  # whether an operand has just ended, so that a bar closes
    i = 0
    while i < len(found):
        lexeme = found[i]
        kind = lexeme.kind
        if kind == "{" or kind == "open":
            opened.append(("}}" if kind == "{" else lexeme.value, i))
            operand = False
        elif kind in ("}", "close"):
            _close(text, found, opened, pairs, i, "}}" if kind == "}" else lexeme.value)
            operand = True
        elif kind == "bar":
            closes = lexeme.side == "right" or (lexeme.side == "" and operand and any(c in ("|", "||") for c, _ in opened[-1:]))
            value = lexeme.value
            if (
                value == "|"
                and lexeme.side == ""
                and i + 1 < len(found)
                and _is_twin(lexeme, found[i + 1])
                and not (closes and opened[-1][0] == "|")
            ):
                found[i : i + 2] = [Lexeme("bar", "||", lexeme.start, found[i + 1].end)]
                value = "||"
            if closes:
                _close(text, found, opened, pairs, i, value)
                operand = True
            else:
                opened.append((value, i))
                operand = False
        else:
            operand = not (
                kind in MIDDLE
                or (kind == "command" and (lexeme.value in commands.SIGNS or lexeme.value in commands.FRACTIONS))
                or kind in ("^", "_")
            )
        i += 1
    if opened:
        raise _never_closed(text, found, opened[-1], len(text))
    return pairs


def _is_twin(bar: Lexeme, following: Lexeme) -> bool:
    return following.kind == "bar" and following.value == "|" and following.side == "" and following.start == bar.end


def _close(text: str, found: list[Lexeme], opened: list[tuple[str, int]], pairs: dict[int, int], i: int, closer: str) -> None:
    lexeme = found[i]
    if not opened:
        raise refuse(
            f"'{text[lexeme.start : lexeme.end]}' was never opened",
            (lexeme.start, lexeme.end),
            "",
            spliced(text, (lexeme.start, lexeme.end), ""),
        )
    expected, begin = opened[-1]
    if expected != closer and not {expected, closer} <= {")", "]"}:
        raise _never_closed(text, found, opened[-1], lexeme.start)
    if expected != closer:
        raise refuse(
            "the brackets are of two kinds",
            (found[begin].start, found[begin].end),
            "",
            spliced(text, (lexeme.start, lexeme.end), _closing(text[found[begin].start : found[begin].end])),
        )
    opened.pop()
    pairs[begin] = i


def _closing(opener: str) -> str:
    """The delimiter that closes another."""
    swaps = {
        "(": ")",
        "[": "]",
        "{": "}",
        "\\{": "\\}",
        "left": "right",
        "lVert": "rVert",
        "lvert": "rvert",
        "langle": "rangle",
        "bigl": "bigr",
        "Bigl": "Bigr",
        "lbrace": "rbrace",
        "lbrack": "rbrack",
    }
    return re.sub("|".join(re.escape(s) for s in sorted(swaps, key=len, reverse=True)), lambda m: swaps[m[0]], opener)


def _never_closed(text: str, found: list[Lexeme], opened: tuple[str, int], at: int) -> ParseError:
    lexeme = found[opened[1]]
    typed = text[lexeme.start : lexeme.end]
    closing = _closing(typed)
    stop = body(text)[1]
    error = refuse(
        f"'{typed}' is never closed",
        (lexeme.start, lexeme.end),
        "",
        spliced(text, (stop, stop), closing),
        spliced(text, (at, at), closing),
        spliced(text, (lexeme.start, lexeme.end), ""),
    )
    error.shown = 1
    return error
