"""One table for each output format. The text decides which parts get names; every other format uses the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from ..expr import Expr
from .forms import in_order, render

if TYPE_CHECKING:
    from .layout import Printer

FORMATS = {"text": "text", "unicode": "unicode", "latex": "latex", "mathml": "latex"}  # format: its module


def printed(e: Expr, format: str, decimals: bool = False, typed: Iterable[Expr] = (), taken: Iterable[str] = ()) -> str:
    """e in one of the formats, its repeated parts named."""
    if format == "text":
        from .text import expression_text

        return expression_text(e, decimals, typed, taken)
    if format == "mathml":
        from .mathml import from_latex

        return from_latex(printed(e, "latex", decimals, typed, taken))
    bodies, definitions = printed_together([e], format, decimals, typed, taken)
    return printer_of(format).finish(bodies[0], definitions)


def printed_together(es: Sequence[Expr], format: str, decimals: bool = False, typed: Iterable[Expr] = (),
                     taken: Iterable[str] = ()) -> tuple[list[str], list[tuple[str, str]]]:
    """Several expressions, and the definitions of what repeats in all of them."""
    from .text import named_parts

    typed = list(typed)
    named = named_parts(es, decimals, typed, taken)
    printer = printer_of(format)(decimals, typed)
    letters = {part.of: printer.name(named.names[id(part)]) for part in named.parts}
    forms = [printer.form(e) for e in es]
    names = {id(f): letters[f.of] for form in forms for f in in_order(form) if f.of in letters}
    parts = [part.of for part in named.parts if part.of is not None]
    definitions = [(letters[part], render(printer.form(part), names, printer.brackets)) for part in parts]
    return [names.get(id(f)) or render(f, names, printer.brackets) for f in forms], definitions


def printer_of(format: str) -> type[Printer]:
    """The printer of a format."""
    import_module(f".{FORMATS[format]}", __package__)
    from .layout import FORMATS as printers

    return printers[format]
