"""One derivative for one variable: from a request that has been read to an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from . import dims
from .algebra import transpose
from .answer import Answer, Answers, Derivative
from .asking import (
    as_text,
    asked,
    choose,
    find_variable,
    function_name,
    not_scalar,
    only_variable,
    options_of,
    plain,
    pointed,
    understand,
    variables_of,
)
from .build import build
from .derive import Derived, derive_differential, derive_gradient, derive_hessian, derive_hvp, derive_jacobian, derive_pullback
from .errors import DomainError, Fix, NotSupported, Request, nearest
from .expr import Expr, symbol, symbols
from .indices import index_form
from .knowledge import known
from .parser import canonical_variable
from .rebuild import substitute
from .structured import CONVENTIONS, LINEAR, refuse_orthogonal, structure_of, structured_change
from .syntax import Reading, Symbol

LAYOUTS = ("numerator", "denominator")  # the usual one first
FORMS = ("matrix", "index")
KINDS = ("auto", "grad", "jacobian", "hessian")


class Ask(NamedTuple):
    """One request, read: what a verb needs to answer it."""

    request: Request
    reading: Reading
    variables: list[Symbol]
    structure: str
    layout: str
    form: str
    check: bool
    seed: int
    atoms: Mapping[str, Any]

    def answer(self, derived: Derived, of: Derivative) -> Answer:
        notes = tuple(_unused(s, self.reading, of.wrt) for s in self.reading.unused)
        return Answer(self.request, self.reading, of, derived, check=self.check, seed=self.seed, notes=notes, atoms=self.atoms)

    def needs_scalar(self, variable: Symbol) -> None:
        if self.reading.root.shape != dims.SCALAR:
            raise not_scalar(self.reading, variable, self.request)

    def _fresh(self, name: str) -> str:
        taken = {*self.reading.symbols, *self.reading.dims, *(s.name for s in self.variables), *known().functions}
        while name in taken:
            name += "_"
        return name

    def change(self, variable: Symbol) -> Symbol:
        """dX: a small change of X, with those of its properties that are linear."""
        structure = frozenset() if self.structure == "free" else LINEAR & known().closure(variable.properties)
        plain = f"d{variable.name}"
        name = self._fresh(plain)
        spelled = f"d{variable.spelled}{name.removeprefix(plain)}" if variable.spelled else ""
        return Symbol(name, variable.shape, frozenset(structure), spelled=spelled)

    def cotangent(self) -> Symbol:
        """G: shaped like the value of f."""
        shape = self.reading.root.shape
        return Symbol(self._fresh("g" if 1 in shape else "G"), shape)

    def symbol(self, s: Symbol) -> Expr:
        return symbol(s.name, s.shape, known().closure(s.properties), len(self.reading.symbols) + 1, s.spelled)


def differentiated(verb: str, f: Any, wrt: Any, let: Any, one: Callable[[Ask, Symbol], Answer], *, syntax: str, structure: str,
                    rules: Sequence[str], check: bool, seed: int, limits: Any, layout: str = "numerator",
                    form: str = "matrix", claim: str | None = None, of: str = "auto") -> Any:
    """The answer for every variable that was asked for: a list for a list."""
    text, let, atoms = as_text(f, let, wrt)
    several, names = variables_of(wrt)
    plain(syntax=syntax, structure=structure, rules=rules, seed=seed)
    words = (("structure", structure, CONVENTIONS), ("layout", layout, LAYOUTS), ("form", form, FORMS), ("of", of, KINDS))
    options = [(name, str(value)) for name, value, choices in words if value != choices[0]]
    said = (("claim", claim),) if claim is not None else ()
    options += [*options_of(syntax, rules, limits), *said]
    request = Request(verb, text, names, tuple(let), tuple(options), function=function_name(f))
    with asked(request):
        for name, value, choices in words:
            choose(name, value, choices)
        if several and not names:
            raise DomainError("wrt is empty", fixes=[Fix(wrt=("x",))])
        reading = understand(text, let, syntax, rules, names, limits)
        variables = [find_variable(reading, canonical_variable(n)) for n in names] or [only_variable(reading)]
        ask = Ask(request, reading, variables, structure, layout, form, check, seed, atoms)
        mixed = "hessian" in (verb, of)
        if (mixed or claim is not None) and len(variables) > 1 + mixed:
            what = "a Hessian has one variable, or two for the mixed block" if mixed else "a claim is about one variable"
            raise DomainError(what, fixes=[Fix(wrt=names[:1 + mixed])])
        answers = Answers(_pointing(ask, one, v) for v in (variables[:1] if mixed else variables))
    return answers if several and not mixed else answers[0]


def _pointing(ask: Ask, one: Callable[[Ask, Symbol], Answer], variable: Symbol) -> Answer:
    try:
        return one(ask, variable)
    except NotSupported as error:
        pointed(error, ask.reading.root)
        raise


def _indexed(ask: Ask, variable: Symbol) -> Answer:
    """The differential, and the terms that are read off it, for a change of any entry: of what that stands for in a structure."""
    from .indexed import IndexAnswer

    structure = structure_of(variable) if ask.structure != "free" else ""
    change = ask.change(variable)
    within = ask.symbol(change)
    derived = derive_differential(ask.reading, variable, ask.structure, within)
    of = Derivative("differential", ask.reading.root.shape, variable, linear_in=change)
    wrt = symbol(variable.name, variable.shape, known().closure(variable.properties), spelled=variable.spelled)
    free, linear = within, derived.expression
    if structure:
        free = ask.symbol(change._replace(properties=frozenset()))
        x = symbols(linear).get(variable.name, wrt)
        linear = substitute(linear, {within: structured_change(ask.structure, structure, free, x)})
    convention = ask.structure if structure else "free"
    return IndexAnswer(ask.answer(derived, of), index_form(linear, free, build(ask.reading), wrt), convention, structure)


def gradient_of(ask: Ask, variable: Symbol) -> Answer:
    ask.needs_scalar(variable)
    return ask.answer(derive_gradient(ask.reading, variable, ask.structure), Derivative("grad", dims.SCALAR, variable))


def jacobian_of(ask: Ask, variable: Symbol) -> Answer:
    if ask.form == "index":
        return _indexed(ask, variable)
    of = Derivative("jacobian", ask.reading.root.shape, variable, ask.layout if variable.shape != dims.SCALAR else None)
    found = ask.answer(_laid_out(derive_jacobian(ask.reading, variable, ask.structure), of), of)
    found.maps = lambda: (differential_of(ask, variable), vjp_of(ask, variable))
    return found


def hessian_of(ask: Ask, variable: Symbol) -> Answer:
    ask.needs_scalar(variable)
    other = ask.variables[-1]
    if other.name != variable.name and ask.structure != "free" and (structure_of(variable) or structure_of(other)):
        raise DomainError("mixed second derivatives by structured variables have no convention here",
                          fixes=[Fix(options=(("structure", "free"),))])
    derived = derive_hessian(ask.reading, variable, ask.structure, other)
    shown = ask.layout if other.shape != dims.SCALAR else None
    if other.name == variable.name:
        found = ask.answer(derived, Derivative("hessian", variable.shape, variable, shown))
        found.maps = lambda: (hvp_of(ask, variable), None)
        return found
    of = Derivative("jacobian", variable.shape, other, shown, first=gradient_of(ask._replace(reading=_freed(ask.reading, other)), variable))
    return ask.answer(_laid_out(derived, of), of)


def _freed(reading: Reading, variable: Symbol) -> Reading:
    """The reading with nothing known of a variable: what is to be differentiated by it next."""
    symbols_ = {n: s._replace(properties=frozenset()) if n == variable.name else s for n, s in reading.symbols.items()}
    return reading._replace(symbols=symbols_)


def hvp_of(ask: Ask, variable: Symbol) -> Answer:
    ask.needs_scalar(variable)
    refuse_orthogonal(structure_of(variable) if ask.structure != "free" else "")
    change = ask.change(variable)
    before, by = ask, variable
    if ask.structure == "free":  # the gradient to be differentiated must not use what holds at the point alone
        before, by = ask._replace(reading=_freed(ask.reading, variable)), variable._replace(properties=frozenset())
    of = Derivative("differential", variable.shape, variable, linear_in=change, first=gradient_of(before, by))
    return ask.answer(derive_hvp(ask.reading, variable, ask.structure, ask.symbol(change)), of)


def differential_of(ask: Ask, variable: Symbol) -> Answer:
    change = ask.change(variable)
    of = Derivative("differential", ask.reading.root.shape, variable, linear_in=change)
    return ask.answer(derive_differential(ask.reading, variable, ask.structure, ask.symbol(change)), of)


def vjp_of(ask: Ask, variable: Symbol) -> Answer:
    cotangent = ask.cotangent()
    of = Derivative("vjp", ask.reading.root.shape, variable, linear_in=cotangent)
    return ask.answer(derive_pullback(ask.reading, variable, ask.structure, ask.symbol(cotangent)), of)


def _laid_out(derived: Derived, of: Derivative) -> Derived:
    if of.layout != "denominator":
        return derived
    return derived._replace(expression=transpose(derived.expression), compact=transpose(derived.compact))


def _unused(s: Symbol, reading: Reading, variable: Symbol) -> str:
    meant = None if s.name == variable.name else nearest(s.name, set(reading.symbols))
    return f"{s.name} is declared, but not in the expression" + (f"; did you mean {meant}?" if meant else "")
