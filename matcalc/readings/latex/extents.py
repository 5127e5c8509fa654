r"""Where each operand ends: that of `\frac12`, of `\log x_i^2`, of `\mathbf x`; found from right to left, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from . import commands
from .lexemes import Lexeme

SCRIPTS = frozenset(["^", "_", "'", "sup", "."])
WRAPPERS = commands.STYLES | frozenset(commands.ACCENTS) | frozenset(["norm", "abs"])
NO_OPERANDS = frozenset(commands.SIGNS)


class Extents:
    """For every lexeme: the index after the atom, the operand with its scripts, or the argument in TeX's sense, that begins there."""

    def __init__(self, lexemes: Sequence[Lexeme], pairs: Mapping[int, int], function_at: Callable[[int], str | None]) -> None:
        count = len(lexemes)
        self.lexemes, self.pairs, self.function_at = lexemes, pairs, function_at
        self.atom = [count] * (count + 3)
        self.operand = [count] * (count + 3)
        self.argument = [count] * (count + 3)
        self.scripts = [count] * (count + 3)  # the index after the scripts that begin there
        for i in reversed(range(count)):
            self.scripts[i] = self._scripts_from(i)
            self.atom[i] = min(self._atom_from(i), count)
            self.operand[i] = self.scripts[self.atom[i]]
            self.argument[i] = self.atom[i] if lexemes[i].kind in ("{", "command", "word", "bar") else min(i + 1, count)
            if lexemes[i].kind == "-":  # X^-1, where TeX would take the sign alone
                self.argument[i] = self.argument[i + 1]

    def kind(self, i: int) -> str:
        return self.lexemes[i].kind if i < len(self.lexemes) else "end"

    def begins_operand(self, i: int) -> bool:
        kind = self.kind(i)
        return (
            kind in ("name", "digit", "word", "open", "{")
            or (kind == "bar" and i in self.pairs)
            or (kind == "command" and self.lexemes[i].value not in NO_OPERANDS)
        )

    def opens(self, i: int) -> bool:
        """Whether a bracket opens there that can hold the argument of a function."""
        return self.kind(i) == "open" and self.lexemes[i].value != ">"

    def after_scripts_of_function(self, i: int) -> int:
        """Where the argument of the function at i begins."""
        return self.scripts[i + 1] if self.kind(i + 1) in ("^", "_") else i + 1

    def _scripts_from(self, i: int) -> int:
        kind = self.kind(i)
        if kind not in SCRIPTS:
            return i
        if kind in ("^", "_"):
            return self.scripts[self.argument[i + 1]]
        if kind == ".":
            return self.scripts[i + 2] if self.kind(i + 1) == "name" and self.lexemes[i + 1].value == "T" else i
        return self.scripts[i + 1]

    def _atom_from(self, i: int) -> int:
        lexeme, following = self.lexemes[i], i + 1
        kind, value = lexeme.kind, lexeme.value
        if i in self.pairs:
            return self.pairs[i] + 1
        if kind == "digit":
            joined = self.kind(following) == "digit" and self.lexemes[following].start == lexeme.end
            return self.atom[following] if joined else following
        if self.function_at(i) is not None:
            argument = self.after_scripts_of_function(i)
            if self.opens(argument):
                return self.pairs[argument] + 1
            return self.operand[argument] if self.begins_operand(argument) else argument
        if kind == "word" and value == "d" and self.kind(following) in ("name", "command"):
            return self.atom[following]
        if kind == "command" and value in WRAPPERS:
            return self.argument[following]
        if kind == "command" and value in commands.FRACTIONS:
            return self.argument[self.argument[following]]
        if kind == "command" and value == "sqrt":
            return self.argument[self.pairs[following] + 1 if self.opens(following) else following]
        return following
