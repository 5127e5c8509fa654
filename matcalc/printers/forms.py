"""What a printer lays out: pieces of text around parts, each with the strength that decides about brackets; shared parts get names.

Every printer turns an expression into forms once for each distinct node, so that output, too, is linear in the DAG.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence

from ..expr import Expr

ATOM, POSTFIX, POWER, PRODUCT, SUM = 5, 4, 3, 2, 1
Part = "str | tuple[Form, int]"


class Form:
    """One node as it will be printed. parts: text, or (form, weakest strength that needs no brackets there)."""

    __slots__ = ("strength", "parts", "of", "length")

    def __init__(self, strength: int, parts: Sequence[str | tuple[Form, int]], of: Expr | None = None) -> None:
        self.strength, self.parts, self.of = strength, tuple(parts), of
        self.length = 0
        for part in self.parts:
            if isinstance(part, str):
                self.length += len(part)
            else:
                self.length += part[0].length + (2 if part[0].strength < part[1] else 0)

    @property
    def children(self) -> list[Form]:
        return [p[0] for p in self.parts if not isinstance(p, str)]

    @property
    def is_turned(self) -> bool:
        """A form with a transposition behind it: its inside is worth a name, it itself is not."""
        return len(self.parts) == 2 and self.strength == POSTFIX and self.parts[1] == ".T"

    def begins_with_digit(self, needed: int) -> bool:
        """Does it begin with a number, where it is put with that strength needed?"""
        return self._first(needed)[:1].isdigit()

    def begins_with(self, sign: str, needed: int) -> bool:
        return self._first(needed).startswith(sign)

    def _first(self, needed: int) -> str:
        form: Form = self
        while form.strength >= needed:
            part = form.parts[0]
            if isinstance(part, str):
                return part
            form, needed = part
        return "("


_patterns: dict[tuple[str, tuple[str, ...]], tuple[int, list[str | tuple[int, bool]]]] = {}


def fill(pattern: str, operands: Mapping[str, Form], script: str = "^") -> Form:
    """A pattern such as `{X}^{-1}`, with a form for each name in braces; other braces are text.

    An operand at an end stands open and is bracketed unless it is an atom; one inside needs no brackets.
    What is raised by a `script` is no atom itself.
    """
    names = tuple(operands)
    strength, pieces = _patterns.get((pattern, names)) or _read(pattern, names, script)
    forms = list(operands.values())
    return Form(strength, [p if isinstance(p, str) else (forms[p[0]], ATOM if p[1] else 0) for p in pieces])


def _read(pattern: str, names: tuple[str, ...], script: str) -> tuple[int, list[str | tuple[int, bool]]]:
    found = re.split(r"\{(" + "|".join(map(re.escape, names)) + r")\}", pattern) if names else [pattern]
    pieces: list[str | tuple[int, bool]] = []
    for i, piece in enumerate(found):
        if i % 2:
            open_ended = (i == 1 and not found[0]) or (i == len(found) - 2 and not found[-1])
            pieces.append((names.index(piece), open_ended))
        elif piece:
            pieces.append(piece)
    raised = any(sign in text for text in found[::2] for sign in script)
    _patterns[pattern, names] = (POSTFIX if raised or not isinstance(pieces[0], str) else ATOM, pieces)
    return _patterns[pattern, names]


def in_order(root: Form, named: Container[int] = ()) -> list[Form]:
    """Every distinct form that is written out below root, parts before wholes; the walk stops at forms that have a name."""
    out: list[Form] = []
    seen: set[int] = set()
    stack: list[tuple[Form, bool]] = [(root, False)]
    while stack:
        form, ready = stack.pop()
        if ready:
            out.append(form)
        elif id(form) not in seen:
            seen.add(id(form))
            stack.append((form, True))
            stack.extend([(c, False) for c in reversed(form.children) if id(c) not in seen and id(c) not in named])
    return out


def shared(root: Form, name_length: int = 1, overhead: int = 6) -> list[Form]:
    """The forms to name: those that occur so often that the whole gets shorter. Wholes before parts decide, once each."""
    order = in_order(root)
    uses = {id(f): 0 for f in order}
    uses[id(root)] = 1
    named: list[Form] = []
    first = 2 * overhead  # the word `where`
    for form in reversed(order):
        count = uses[id(form)]
        if form is not root and count > 1 and form.of is not None and form.of.op != "transpose" and not form.is_turned:
            saved = count * form.length - (count * name_length + form.length + overhead + (0 if named else first))
            if saved > 0 and form.length > 4 * name_length + 4:
                named.append(form)
                count = 1
        for child in form.children:
            uses[id(child)] += count
    named.reverse()
    return named


def render(root: Form, names: Mapping[int, str], brackets: tuple[str, str] = ("(", ")")) -> str:
    """The text of a form, with the forms in `names` (but for the root itself) replaced by their names."""
    left, right = brackets
    texts: dict[int, str] = {}
    for form in in_order(root, {i for i in names if i != id(root)}):
        pieces = []
        for part in form.parts:
            if isinstance(part, str):
                pieces.append(part)
            else:
                child, needed = part
                name = names.get(id(child))
                text = name if name is not None else texts[id(child)]
                pieces.append(f"{left}{text}{right}" if name is None and child.strength < needed else text)
        texts[id(form)] = "".join(pieces)
    return texts[id(root)]


def fresh(letters: Sequence[str], taken: Iterable[str]) -> str:
    """The first of the letters that is free, or one with a number."""
    for letter in letters:
        if letter not in taken:
            return letter
    i = 1
    while f"{letters[0]}{i}" in taken:
        i += 1
    return f"{letters[0]}{i}"
