"""Expressions as text: matcalc's own notation, which it reads again. This text also decides which parts have names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .. import dims
from ..errors import LimitError
from ..expr import Expr, postorder
from ..knowledge import known
from .forms import Form, fresh, in_order, render, shared
from .layout import Printer

PRINTED_PARTS = 20_000  # of a result: signs, names and brackets, a shared part counted once
LETTERS = {"scalar": "tsrcqh", "vector": "srvzhq", "matrix": "SRPMHQ"}


class Text(Printer, format="text"):
    """The table is that of the base class."""


class Named(NamedTuple):
    """An expression laid out, and the names of its parts, those first that others mention last."""

    form: Form
    names: dict[int, str]  # of forms, by identity
    parts: list[Form]


def named_parts(e: Expr, decimals: bool = False, typed: Iterable[Expr] = (), taken: Iterable[str] = ()) -> Named:
    """e with its repeated parts named. `typed`: the sums as the user wrote them; `taken`: names in use."""
    form = Text(decimals, typed).form(e)
    if sum([len(f.parts) for f in in_order(form)]) > PRINTED_PARTS:
        raise LimitError(f"the answer has more than {PRINTED_PARTS:,} parts", detail="repeated parts named after `where` make it shorter")
    named = shared(form)
    names: dict[int, str] = {}
    if named:
        used = _names_in(e) | set(taken)
        for part in named:
            assert part.of is not None
            names[id(part)] = fresh(_letters(part.of), used)
            used.add(names[id(part)])
    return Named(form, names, named[::-1])


def expression_text(e: Expr, decimals: bool = False, typed: Iterable[Expr] = (), taken: Iterable[str] = ()) -> str:
    """The whole text, repeated parts named after `where`."""
    form, names, parts = named_parts(e, decimals, typed, taken)
    body = render(form, names)
    return body + (" where " + "; ".join(f"{names[id(part)]} = {render(part, names)}" for part in parts) if parts else "")


def _names_in(e: Expr) -> set[str]:
    """Names that mean something already."""
    names = set(known().functions) | set(known().language().aliases) | {"pi", "I"}
    for node in postorder([e]):
        names |= {node.data.name} if node.op == "sym" else set()
        names |= {n for d in node.shape for n in dims.names(d)}
    return names


def _letters(e: Expr) -> str:
    return LETTERS["scalar" if e.is_scalar else "vector" if e.is_column else "matrix"]
