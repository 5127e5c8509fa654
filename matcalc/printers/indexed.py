"""Index form in print: text and LaTeX; and its terms as NumPy's einsum takes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..expr import Expr, Number, magnitude
from ..indices import Entry, IndexForm, Term
from .forms import ATOM, POSTFIX, Form, fresh, render
from .latex import Latex
from .layout import Printer
from .text import LETTERS, Text

NAMED = 24  # characters of an array that is worth a name even if it stands only once


class Indexed:
    """An index form laid out in one notation: arrays that are long or repeated have names."""

    def __init__(self, form: IndexForm, printer: Printer, taken: Iterable[str]) -> None:
        self.form, self.printer = form, printer
        self.arrays: dict[Expr, Form] = {}
        used = Counter([e.array for t in form.terms for e in t.entries if not _is_delta(e)])
        self.names: dict[Expr, str] = {}
        self.taken = {*taken, *form.of, *form.by}
        for array, count in used.items():
            self.arrays[array] = printer.form(array)
            length = self.arrays[array].length
            if array.op not in ("sym", "num", "size") and (length > NAMED or (count > 1 and length > 4)):
                letters = LETTERS["scalar" if array.is_scalar else "vector" if 1 in array.shape else "matrix"]
                self.names[array] = fresh(letters, self.taken)
                self.taken.add(self.names[array])
        self.function = fresh("f" if form.function.is_scalar or 1 in form.function.shape else "FYZ", self.taken)

    def array(self, array: Expr) -> tuple[str, bool]:
        """The text of an array, and whether an index may follow it as it stands."""
        if array in self.names:
            return self.printer.name(self.names[array]), True
        form = self.arrays[array]
        return render(form, {}, self.printer.brackets), form.strength >= ATOM

    def definitions(self) -> list[tuple[str, str]]:
        return [(self.printer.name(n), render(self.arrays[a], {}, self.printer.brackets)) for a, n in self.names.items()]


def index_text(form: IndexForm, decimals: bool = False, taken: Iterable[str] = ()) -> str:
    """`dF[i,j]/dX[k,l] = A[i,k] * B[l,j]`: an equation that begins with its left side."""
    laid = Indexed(form, Text(decimals), taken)
    delta = fresh(["delta", "kronecker"], laid.taken)

    def entry(e: Entry) -> str:
        if _is_delta(e):
            return f"{delta}[{','.join(e.at)}]"
        text, whole = laid.array(e.array)
        if not e.at:
            return text if whole or laid.arrays[e.array].strength >= POSTFIX else f"({text})"
        return f"{text if whole else f'({text})'}[{','.join(e.at)}]"

    def product(t: Term) -> str:
        body = " * ".join([*_number(t.coefficient, laid.printer), *(entry(e) for e in t.entries)]) or "1"
        return f"sum_{''.join(t.summed)}({body})" if t.summed else body

    left = f"d{laid.function}{_at(form.of)}/d{form.wrt.data.spelled or form.wrt.data.name}{_at(form.by)}"
    where = "; ".join(f"{n} = {t}" for n, t in laid.definitions())
    return f"{left} = {_sum(form, product, ' - ', '-')}" + (f" where {where}" if where else "")


def index_latex(form: IndexForm, decimals: bool = False, taken: Iterable[str] = ()) -> str:
    r"""`\frac{\partial F_{ij}}{\partial X_{kl}} = A_{ik} B_{lj}`."""
    laid = Indexed(form, Latex(decimals), taken)

    def entry(e: Entry) -> str:
        below = f"_{{{''.join(e.at)}}}" if e.at else ""
        if _is_delta(e):
            return rf"\delta{below}"
        text, whole = laid.array(e.array)
        plain = (whole or laid.arrays[e.array].strength >= POSTFIX) if not e.at else (whole and "_{" not in text)
        return (text if plain else f"({text})") + below

    def product(t: Term) -> str:
        body = " ".join([*_number(t.coefficient, laid.printer), *(entry(e) for e in t.entries)]) or "1"
        return (rf"\sum_{{{''.join(t.summed)}}} " if t.summed else "") + body

    of, by = (f"_{{{''.join(at)}}}" if at else "" for at in (form.of, form.by))
    wrt = laid.printer.name(form.wrt.data.spelled or form.wrt.data.name)
    variable = f"({wrt}){by}" if by and "_{" in wrt else f"{wrt}{by}"
    left = rf"\frac{{\partial {laid.function}{of}}}{{\partial {variable}}}"
    return laid.printer.finish(f"{left} = {_sum(form, product, ' - ', '-')}", laid.definitions())


def einsums(form: IndexForm) -> list[tuple[Number, str, list[Expr]]]:
    """For each term its number, its subscripts for numpy.einsum, and its arrays; an index that no array has is broadcast."""
    found = []
    for t in form.terms:
        met = "".join([x for x in (*form.of, *form.by) if any(x in e.at for e in t.entries)])
        found.append((t.coefficient, ",".join("".join(e.at) for e in t.entries) + "->" + met, [e.array for e in t.entries]))
    return found


def _is_delta(e: Entry) -> bool:
    return e.array.op == "eye"


def _at(indices: tuple[str, ...]) -> str:
    return f"[{','.join(indices)}]" if indices else ""


def _number(c: Number, printer: Printer) -> list[str]:
    return [] if magnitude(c) == 1 else [printer._number(magnitude(c))[0]]


def _sum(form: IndexForm, product: object, minus: str, negative: str) -> str:
    assert callable(product)
    text = ""
    for t in form.terms:
        sign = (minus if t.coefficient < 0 else " + ") if text else (negative if t.coefficient < 0 else "")
        text += sign + product(t)
    return text or "0"
