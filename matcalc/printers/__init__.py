"""One table for each output format. The text decides which parts get names; every other format uses the same ones."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from ..expr import Expr
from .forms import in_order, render

FORMATS = {"text": "text", "unicode": "unicode", "latex": "latex", "mathml": "latex"}  # format: its module


def printed(e: Expr, format: str, decimals: bool = False, typed: Iterable[Expr] = (), taken: Iterable[str] = ()) -> str:
    """e in one of the formats, its repeated parts named."""
    from .text import expression_text, named_parts

    if format == "text":
        return expression_text(e, decimals, typed, taken)
    if format == "mathml":
        from .mathml import from_latex

        return from_latex(printed(e, "latex", decimals, typed, taken))
    import_module(f".{FORMATS[format]}", __package__)
    from .layout import FORMATS as printers

    named = named_parts(e, decimals, typed, taken)
    printer = printers[format](decimals, typed)
    letters = {part.of: printer.name(named.names[id(part)]) for part in named.parts}
    whole = printer.form(e)
    names = {id(f): letters[f.of] for f in in_order(whole) if f.of in letters}
    parts = [part.of for part in named.parts if part.of is not None]
    definitions = [(letters[part], render(printer.form(part), names, printer.brackets)) for part in parts]
    return printer.finish(render(whole, names, printer.brackets), definitions)
