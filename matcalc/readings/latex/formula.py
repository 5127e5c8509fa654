"""A formula cut into lexemes, with what is asked of its places: what was typed there, which columns, which name begins."""

from __future__ import annotations

from ...calls import Calls
from ...errors import Span
from . import commands
from .extents import Extents
from .lexemes import Lexeme, partners, spliced
from .names import Base, base_at, index_text

NO_FUNCTIONS = commands.WORDS - commands.FUNCTION_COMMANDS | {"vec"}


class Formula:
    """The lexemes of one text."""

    def __init__(self, text: str, lexemes: list[Lexeme], calls: Calls) -> None:
        self.text, self.lexemes, self.calls = text, lexemes, calls
        self.pairs = partners(text, lexemes)
        self.opener = {close: begin for begin, close in self.pairs.items()}
        self.extents = Extents(lexemes, self.pairs, self.function_at)

    def kind(self, i: int) -> str:
        return self.extents.kind(i)

    def span(self, i: int, stop: int | None = None) -> Span:
        """The columns of the lexemes from i to before stop."""
        last = len(self.lexemes) - 1
        return self.lexemes[min(i, last)].start, self.lexemes[min(stop - 1 if stop else i, last)].end

    def typed(self, i: int, stop: int | None = None) -> str:
        start, end = self.span(i, stop)
        return self.text[start:end]

    def inside(self, i: int) -> str:
        """What was typed between the delimiter at i and its partner."""
        return self.text[self.lexemes[i].end : self.lexemes[self.pairs[i]].start].strip()

    def argument(self, i: int) -> str:
        """What was typed as the argument that begins at i, without its braces."""
        return self.inside(i) if self.kind(i) == "{" else self.typed(i, self.extents.argument[i])

    def instead(self, i: int, stop: int, replacement: str) -> str:
        """The text with other words for the lexemes from i to before stop."""
        return spliced(self.text, self.span(i, stop), replacement)

    def end_of(self, i: int) -> int:
        return self.lexemes[i - 1].end

    def content(self, i: int, stop: int) -> list[Lexeme]:
        """The lexemes from i to before stop, without braces."""
        return [lexeme for lexeme in self.lexemes[i:stop] if lexeme.kind not in ("{", "}")]

    def base(self, i: int) -> Base | None:
        """The name that begins at i, without its scripts."""
        return base_at(self.lexemes, self.pairs, self.extents, i)

    def index(self, i: int) -> str | None:
        """What the script at i adds to a name."""
        return index_text(self.lexemes, self.pairs, self.extents, i)

    def is_sign(self, i: int) -> bool:
        """Whether a sign of multiplication or division stands there."""
        kind = self.kind(i)
        return kind in ("/", "*", "@") or (kind == "command" and self.lexemes[i].value in commands.SIGNS)

    def function_at(self, i: int) -> str | None:
        """The function that the word or command at i names."""
        lexeme = self.lexemes[i]
        if lexeme.kind == "word" and lexeme.value not in commands.LETTERS:
            return function_named(lexeme.value, self.calls)
        if lexeme.kind != "command" or lexeme.value in NO_FUNCTIONS:
            return None
        return function_named(lexeme.value, self.calls)


def function_named(word: str, calls: Calls) -> str | None:
    """The function that a word of a formula names, also one that is known and has no rule."""
    if calls.is_variable(word):
        return None
    found = commands.FUNCTIONS.get(word) or calls.resolve(word) or (calls.resolve(word.lower()) if len(word) > 1 else None)
    unsupported = calls.language.unsupported
    return found or next((w for w in (word, word.lower()) if len(word) > 1 and w in unsupported), None)
