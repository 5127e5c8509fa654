"""What a printer lays out: pieces of text around parts, each with the strength that decides about brackets; shared parts get names.

Every printer turns an expression into forms once for each distinct node, so that output, too, is linear in the DAG.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from ..expr import Expr

ATOM, POSTFIX, POWER, PRODUCT, SUM = 5, 4, 3, 2, 1


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
        if form is not root and count > 1 and form.of is not None and form.strength < ATOM + 1:
            saved = count * form.length - (count * name_length + form.length + overhead + (0 if named else first))
            if saved > 0 and form.length > 4 * name_length + 4:
                named.append(form)
                count = 1
        for child in form.children:
            uses[id(child)] += count
    named.reverse()
    return named


def render(root: Form, names: dict[int, str]) -> str:
    """The text of a form, with the forms in `names` (but for the root itself) replaced by their names."""
    texts: dict[int, str] = {}
    for form in in_order(root, names):
        pieces = []
        for part in form.parts:
            if isinstance(part, str):
                pieces.append(part)
            else:
                child, needed = part
                name = names.get(id(child))
                text = name if name is not None else texts[id(child)]
                pieces.append(f"({text})" if name is None and child.strength < needed else text)
        texts[id(form)] = "".join(pieces)
    return texts[id(root)]


def with_definitions(root: Form, taken: set[str], letters: Callable[[Expr], str], join: Callable[[str, list[tuple[str, str]]], str]) -> str:
    """The text with its shared parts named; `letters` says which letters suit an expression."""
    named = shared(root)
    names: dict[int, str] = {}
    used = set(taken)
    for form in named:
        assert form.of is not None
        names[id(form)] = fresh(letters(form.of), used)
        used.add(names[id(form)])
    definitions = [(names[id(f)], render(f, {k: v for k, v in names.items() if k != id(f)})) for f in reversed(named)]
    return join(render(root, names), definitions)


def fresh(letters: str, taken: set[str]) -> str:
    """The first of the letters that is free, or one with a number."""
    for letter in letters:
        if letter not in taken:
            return letter
    i = 1
    while f"{letters[0]}{i}" in taken:
        i += 1
    return f"{letters[0]}{i}"
