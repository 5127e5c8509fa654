r"""The names in LaTeX: `\mathbf{x}`, `\hat\beta`, `W_{ij}`, `x^{(1)}` are one name each, and `\mathbf{x}` beside `x` is doubtful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...errors import Fix, ParseError, Span
from ...names import is_name
from . import commands
from .extents import Extents
from .lexemes import Lexeme, spliced

WRAPPED = 8  # \hat{\mathbf{x}}: more of them is no name


class Base(NamedTuple):
    """A name without its scripts: the word, the accents and style it was set in, and the index after it."""

    word: str
    style: str
    end: int


def base_at(lexemes: Sequence[Lexeme], pairs: Mapping[int, int], extents: Extents, i: int) -> Base | None:
    """The name that begins at a lexeme; None where there is none, as in `\\mathbf{A x}`."""
    style, accents, index = "", "", ""
    end: int | None = None  # after the outermost wrapper
    stop: int | None = None  # after what the innermost wrapper holds
    for _ in range(WRAPPED):
        kind = extents.kind(i)
        value = lexemes[i].value if kind != "end" else None
        if kind == "command" and (value in commands.STYLES or value in commands.ACCENTS):
            style = style if value in commands.ACCENTS else str(value)
            accents = f"_{commands.ACCENTS[value]}" + accents if value in commands.ACCENTS else accents
            end = extents.argument[i + 1] if end is None else end
            i, stop = i + 1, extents.argument[i + 1]
            if extents.kind(i) == "{":
                i, stop = i + 1, pairs[i]
            continue
        word = _word(lexemes, i) if kind != "end" else None
        if word is None:
            return None
        if kind == "word":
            style = "" if len(word) > 1 else style or lexemes[i].side
        if kind == "command":
            style = style or commands.LETTERS[str(value)][1]
        after = i + 1
        if stop is not None and after < stop and lexemes[after].kind == "_" and extents.argument[after + 1] == stop:
            index, after = index_text(lexemes, pairs, extents, after) or "", stop
            if not index:
                return None
        if stop is not None and after != stop:
            return None
        return Base(word + accents + (f"_{index}" if index else ""), style, after if end is None else end)
    return None


def _word(lexemes: Sequence[Lexeme], i: int) -> str | None:
    lexeme = lexemes[i]
    if lexeme.kind == "name" or (lexeme.kind == "word" and is_name(lexeme.value)):
        return str(lexeme.value)
    return commands.LETTERS[lexeme.value][0] if lexeme.kind == "command" and lexeme.value in commands.LETTERS else None


def index_text(lexemes: Sequence[Lexeme], pairs: Mapping[int, int], extents: Extents, i: int) -> str | None:
    """What the script at i adds to a name, None where it is no plain index: `_{ij}` is `ij`, `^{(1)}` is `1`."""
    begin, stop = i + 1, extents.argument[i + 1]
    if extents.kind(begin) == "{":
        begin, stop = begin + 1, stop - 1
    if extents.kind(begin) == "open" and pairs[begin] == stop - 1 and lexemes[i].kind == "^":
        begin, stop = begin + 1, stop - 1
    parts = []
    for lexeme in lexemes[begin:stop]:
        if lexeme.kind in ("name", "digit", "word"):
            parts.append(str(lexeme.value))
        elif lexeme.kind == "command" and lexeme.value in commands.LETTERS:
            parts.append(commands.LETTERS[lexeme.value][0])
        elif lexeme.kind == "command" and lexeme.value in ("max", "min", "star"):
            parts.append(lexeme.value)
        elif lexeme.kind == "*":
            parts.append("star")
        elif lexeme.kind != ",":
            return None
    text = "".join(parts)
    return text if text and is_name("a" + text) else None


class Names:
    """The names that were seen, each with the styles it was set in."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.seen: dict[str, dict[str, list[tuple[str, Span]]]] = {}  # name -> style -> how it was set, and where
        self.vectors: set[str] = set()

    def add(self, name: str, style: str, span: Span, shown: str = "") -> None:
        bold = style in commands.BOLD
        self.seen.setdefault(name, {}).setdefault("bold" if bold else style, []).append((shown or self.text[span[0] : span[1]], span))
        if bold and name[0].islower():
            self.vectors.add(name)

    def one_style_each(self) -> None:
        r"""`\mathbf{x}` and `x` in one formula: one variable, or two?"""
        for name, styles in self.seen.items():
            if len(styles) > 1:
                raise _two_styles(self.text, name, *list(styles.values())[:2])


def _two_styles(text: str, name: str, first: list[tuple[str, Span]], second: list[tuple[str, Span]]) -> ParseError:
    one, other = first[0][0], second[0][0]
    letter = name.partition("_")[0]
    choices = [(second, one, "one variable"), (first, other, "one variable")]
    choices.append((second, f"{letter}_{{2}}" if len(letter) == 1 else f"\\{letter}_{{2}}", "two variables"))
    fixes = []
    for places, replacement, note in choices:
        mended = text
        for _, span in reversed(places):
            mended = spliced(mended, span, replacement)
        fixes.append(Fix(mended, note=note))
    return ParseError(f"whether {one} and {other} are one variable is not clear", second[0][1], first[0][1], fixes=fixes)
