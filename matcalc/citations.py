"""The reasons of a line in words or in LaTeX, each with its source where it is named first."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .build import build
from .errors import MatcalcError
from .knowledge import known
from .parser import read
from .printers import printed
from .printers.layout import Printer
from .printers.text import expression_text
from .steps import Reason

INLINE = 40  # characters of a source that stands in a line of LaTeX; a longer one is a comment behind it


class Citations:
    """What has been cited already in one derivation."""

    def __init__(self) -> None:
        self._seen: set[Reason] = set()

    def said(self, reasons: Sequence[Reason]) -> str:
        """The reasons in words."""
        return ", ".join(dict.fromkeys(r.words + self.source(r) for r in reasons if r.words))

    def source(self, reason: Reason) -> str:
        """The source of a reason, if it is new."""
        if not reason.source or reason in self._seen:
            return ""
        self._seen.add(reason)
        return f"  [{cited(reason.source)}]"


def cited(source: str) -> str:
    """The first place that a source names, in short.

    >>> cited("Matrix Cookbook (2012-11-15) eq. 40 (number recalled); Giles 2008 (NA-08/01) sec. 2.2.3")
    'cf. Matrix Cookbook eq. 40'
    """
    first = source.split(";")[0].replace("(2012-11-15) ", "").strip()
    return ("cf. " if "recalled" in first else "") + re.sub(r" \((number |from )?recalled[^)]*\)", "", first)


def latex_left(left: str, printer: Printer) -> str:
    """What stands left of the equal sign: df, vec(dF), <G, dF>, J.T."""
    return re.sub(r"[A-Za-z_]\w*", lambda m: r"\operatorname{vec}" if m[0] == "vec" else _latex_name(m[0], printer), left).replace(
        ".T", r"^{\top}").replace("<", r"\langle ").replace(">", r" \rangle")


def _latex_name(name: str, printer: Printer) -> str:
    return rf"\mathrm{{d}}{printer.name(name[1:])}" if name[0] == "d" and len(name) > 1 else printer.name(name)


def latex_reasons(reasons: Sequence[Reason], printer: Printer, cite: Citations) -> tuple[str, str]:
    """The same in LaTeX, a rule as a formula where our notation says it, else its name; and the sources that are too long for a line."""
    found, comments = [], []
    for r in reasons:
        if r.rule == "read off":
            found.append(latex_left(re.sub(r" [@*] ", r" \\, ", r.words), printer))
        elif r.words:
            formula = _latex_formula(r.words)
            words = _plain("" if formula else r.rule if _FORMULA.search(r.words) else r.words)
            where = cite.source(r).strip()
            if len(where) > INLINE:
                comments.append(f"{r.rule}: {where[1:-1]}")
            text = " ".join(filter(None, (words, _plain(where) if len(where) <= INLINE else "")))
            found.append(formula + (r"\ " if formula and text else "") + (rf"\text{{{text}}}" if text else ""))
    return r",\ ".join(dict.fromkeys(found)), "; ".join(comments)


_FORMULA = re.compile(r"[=*@^<>_()]")


def _latex_formula(words: str) -> str:
    """A rule as a formula, if it is one that our notation says as it stands; `d` in front is the differential."""
    sides = []
    for side in words.split(" = "):
        text, opened = (side[2:], r"\mathrm{d}\,") if side.startswith("d ") else (side, "")
        change = [f"d{name}: vector(n)" for name in ("x",) if f"d{name}" in text]
        try:
            e = build(read(text, known().language(), [*change, *(["x: vector(n)"] if change else [])]))
        except MatcalcError:
            return ""
        if expression_text(e) != text:
            return ""
        sides.append(opened + printed(e, "latex"))
    return " = ".join(sides) if len(sides) == 2 else ""


def _plain(text: str) -> str:
    """Words as LaTeX sets them."""
    return re.sub(r"([&%$#_{}])", r"\\\1", text.replace("\\", "/")).replace("~", " ").replace("^", " ")
