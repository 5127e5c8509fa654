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
            named = _FORMULA.search(r.words) and ("^" in r.words or not r.words.startswith("d "))  # the name of a rule, not of a function
            words = _plain("" if formula else r.rule if named else r.words)
            where = cite.source(r).strip()
            if len(where) > INLINE:
                comments.append(f"{r.rule}: {where[1:-1]}")
            text = " ".join(filter(None, (words, _plain(where) if len(where) <= INLINE else "")))
            found.append(formula + (r"\ " if formula and text else "") + (rf"\text{{{text}}}" if text else ""))
    return r",\ ".join(dict.fromkeys(found)), "; ".join(comments)


_FORMULA = re.compile(r"[=*@^<>_()]")


def _latex_formula(words: str) -> str:
    """A rule as a formula, if it is one that our notation says as it stands; `d` in front is the differential."""
    changes = dict.fromkeys(re.findall(r"(?<!\w)d([A-Za-z])(?!\w)", words))
    for square in (False, True):
        shapes = {name: "vector(n)" if name.islower() else "matrix(n, n)" if square else "matrix(m, n)" for name in changes}
        sides = [_latex_side(side, [f"{name}: {shape}" for x, shape in shapes.items() for name in (x, f"d{x}")])
                 for side in words.split(" = ")]
        if len(sides) == 2 and all(sides):
            return " = ".join(sides)
    return ""


def _latex_side(side: str, let: Sequence[str]) -> str:
    text, opened = (side[2:], r"\mathrm{d}\,") if side.startswith("d ") else (side, "")
    try:
        e = build(read(text, known().language(), let))
    except MatcalcError:
        return ""
    if not let and expression_text(e) != text:  # both sides of an identity may have one normal form
        return ""
    formula = printed(e, "latex")
    return opened + formula if "aligned" not in formula else ""


def _plain(text: str) -> str:
    """Words as LaTeX sets them."""
    return re.sub(r"([&%$#_{}])", r"\\\1", text.replace("\\", "/")).replace("~", " ").replace("^", " ")
