"""Expressions as text: matcalc's own notation, which it reads again. This text also decides which parts have names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .. import dims
from ..errors import LimitError
from ..expr import Expr, postorder
from ..knowledge import known
from .forms import SUM, Form, fresh, in_order, render, shared
from .layout import Printer

PRINTED_PARTS = 20_000  # of a result: signs, names and brackets, a shared part counted once
LETTERS = {"scalar": "tsrcqh", "vector": "srvzhq", "matrix": "SRPMHQ"}


class Text(Printer, format="text"):
    """The table is that of the base class."""


class Named(NamedTuple):
    """Expressions laid out, and the names of their parts; a part is mentioned before it is defined."""

    forms: list[Form]
    names: dict[int, str]  # of forms, by identity
    parts: list[Form]


def named_parts(es: Sequence[Expr], decimals: bool = False, typed: Iterable[Expr] = (), taken: Iterable[str] = ()) -> Named:
    """The expressions, what repeats in them named. `typed`: the sums as the user wrote them; `taken`: names in use."""
    printer = Text(decimals, typed)
    forms = [printer.form(e) for e in es]
    whole = forms[0] if len(forms) == 1 else Form(SUM, [(form, 0) for form in forms])
    if sum([len(f.parts) for f in in_order(whole)]) > PRINTED_PARTS:
        raise LimitError(f"the answer has more than {PRINTED_PARTS:,} parts", detail="repeated parts named after `where` make it shorter")
    named = shared(whole)
    names: dict[int, str] = {}
    if named:
        used = set().union(*map(names_in, es)) | set(taken)
        for part in named:
            assert part.of is not None
            names[id(part)] = letter_for(part.of, used)
            used.add(names[id(part)])
    return Named(forms, names, named[::-1])


def expression_text(e: Expr, decimals: bool = False, typed: Iterable[Expr] = (), taken: Iterable[str] = ()) -> str:
    """The whole text, repeated parts named after `where`."""
    (form,), names, parts = named_parts([e], decimals, typed, taken)
    return Text.finish(render(form, names), [(names[id(part)], render(part, names)) for part in parts])


def names_in(e: Expr) -> set[str]:
    """Names that mean something already."""
    names = set(known().functions) | set(known().language().aliases) | {"pi", "I"}
    for node in postorder([e]):
        names |= {node.data.name} if node.op == "sym" else set()
        names |= {n for d in node.shape for n in dims.names(d)}
    return names


def letter_for(e: Expr, used: Iterable[str]) -> str:
    """A name for a part, one that is not in use."""
    return fresh(LETTERS["scalar" if e.is_scalar else "vector" if e.is_column else "matrix"], used)
