"""The verbs: what a call of the public API does, from text to answer. Errors leave here with the request attached."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

from . import dims
from .algebra import transpose
from .answer import Answer, Answers, Derivative
from .build import build
from .derive import (
    Derived,
    derive_differential,
    derive_gradient,
    derive_hessian,
    derive_hvp,
    derive_jacobian,
    derive_pullback,
    derive_simplified,
)
from .errors import DomainError, Fix, LimitError, MatcalcError, NotSupported, Request, ShapeError, UnknownName, nearest
from .expr import Expr, symbol, symbols
from .indices import index_form
from .knowledge import Function, Identity, PropertyRule, known, load
from .parser import Limits, canonical_variable, read
from .readings.sympy import is_sympy, name_of, spell
from .structured import CONVENTIONS
from .syntax import Node, Reading, Symbol, fold
from .transposition import gradient

if TYPE_CHECKING:
    from .claims import Judgement


@contextmanager
def asked(request: Request) -> Iterator[None]:
    """Attach the request to every error; and point at the function that has no rule."""
    try:
        yield
    except MatcalcError as error:
        error.at(request)
        raise
    except RecursionError:
        detail = "definitions after `where` make it shallower"
        raise LimitError("the expression is nested too deeply to be worked on", detail=detail).at(request) from None
    except MemoryError:
        raise LimitError("the expression is too large for the memory").at(request) from None


def grad(f: Any, wrt: Any = None, let: Sequence[str] = (), *, syntax: str = "auto", structure: str = "projected", rules: Sequence[str] = (),
         check: bool = True, seed: int = 0, limits: Any = None) -> Any:
    """The gradient of a scalar expression: shaped like the variable, with df = <G, dX>.

    f: text, an expression, or one of SymPy.     wrt: a variable, or several in a list, which give a list; may be left out where there is
    only one.
    let: declarations, "A: matrix(n, n) symmetric".     structure: the convention for a structured variable: "projected" (the
    gradient within the space of such matrices), "independent" (by the free entries) or "free" (all entries vary).

    >>> import matcalc as mc
    >>> print(mc.grad("norm2sq(A x - b)", wrt="x"))
    2 * A.T @ (A @ x - b)

    Errors: MatcalcError, with the place in the text, a cause and a fix.
    """
    return _differentiated("grad", f, wrt, let, gradient_of, syntax=syntax, structure=structure, rules=rules,
                           check=check, seed=seed, limits=limits)


def jacobian(f: Any, wrt: Any = None, let: Sequence[str] = (), *, layout: str = "numerator", form: str = "matrix", syntax: str = "auto",
             structure: str = "projected", rules: Sequence[str] = (), check: bool = True, seed: int = 0, limits: Any = None) -> Any:
    """The Jacobian: rows are the entries of f, columns those of the variable, matrices stacked by columns (vec).

    By a scalar, in the shape of f.     layout: "numerator", or "denominator" for its transpose.     form: "matrix", or "index" for the
    tensor by its entries.     The rest: as for `grad`.

    >>> import matcalc as mc
    >>> print(mc.jacobian("diag(x) A x", wrt="x"))
    diag(A @ x) + diag(x) @ A
    >>> print(mc.jacobian("A X B", wrt="X"))
    kron(B.T, A)
    >>> print(mc.jacobian("A X B", wrt="X", form="index"))
    dF[i,j]/dX[k,l] = A[i,k] * B[l,j]
    """
    return _differentiated("jacobian", f, wrt, let, jacobian_of, syntax=syntax, structure=structure, rules=rules, check=check, seed=seed,
                           limits=limits, layout=layout, form=form)


def hessian(f: Any, wrt: Any = None, let: Sequence[str] = (), *, layout: str = "numerator", syntax: str = "auto",
            structure: str = "projected", rules: Sequence[str] = (), check: bool = True, seed: int = 0, limits: Any = None) -> Any:
    """The matrix of second derivatives of a scalar expression; for a matrix variable, by its entries stacked by columns.

    wrt: a variable, or two for the mixed block: rows the first, columns the second (layout="denominator": the other way round).

    >>> import matcalc as mc
    >>> print(mc.hessian("x.T A x", wrt="x"))
    A + A.T
    >>> print(mc.hessian("x.T A y", wrt=["x", "y"], let=["y: vector(m)"]))
    A
    """
    return _differentiated("hessian", f, wrt, let, hessian_of, syntax=syntax, structure=structure, rules=rules, check=check, seed=seed,
                           limits=limits, layout=layout)


def hvp(f: Any, wrt: Any = None, let: Sequence[str] = (), *, syntax: str = "auto", structure: str = "projected", rules: Sequence[str] = (),
        check: bool = True, seed: int = 0, limits: Any = None) -> Any:
    """The product of the Hessian with a direction dx, in closed form: no matrix of second derivatives is made.

    >>> import matcalc as mc
    >>> print(mc.hvp("norm2sq(A x - b)", wrt="x"))
    2 * A.T @ A @ dx
    """
    return _differentiated("hvp", f, wrt, let, hvp_of, syntax=syntax, structure=structure, rules=rules,
                           check=check, seed=seed, limits=limits)


def differential(f: Any, wrt: Any = None, let: Sequence[str] = (), *, syntax: str = "auto", structure: str = "projected",
                 rules: Sequence[str] = (), check: bool = True, seed: int = 0, limits: Any = None) -> Any:
    """df, in the shape of f and linear in dX, a small change of the variable.

    >>> import matcalc as mc
    >>> print(mc.differential("inv(X)", wrt="X"))
    -inv(X) @ dX @ inv(X)
    """
    return _differentiated("differential", f, wrt, let, differential_of, syntax=syntax, structure=structure, rules=rules,
                           check=check, seed=seed, limits=limits)


def jvp(f: Any, wrt: Any = None, let: Sequence[str] = (), *, syntax: str = "auto", structure: str = "projected", rules: Sequence[str] = (),
        check: bool = True, seed: int = 0, limits: Any = None) -> Any:
    """The Jacobian times a direction dX: forward mode in closed form. The same as the differential.

    >>> import matcalc as mc
    >>> print(mc.jvp("tanh(A x)", wrt="x"))
    (1 - tanh(A @ x)**2) * (A @ dx)
    """
    return _differentiated("jvp", f, wrt, let, differential_of, syntax=syntax, structure=structure, rules=rules,
                           check=check, seed=seed, limits=limits)


def vjp(f: Any, wrt: Any = None, let: Sequence[str] = (), *, syntax: str = "auto", structure: str = "projected", rules: Sequence[str] = (),
        check: bool = True, seed: int = 0, limits: Any = None) -> Any:
    """What a cotangent G of f gives to the variable: reverse mode in closed form, shaped like the variable and linear in G.

    >>> import matcalc as mc
    >>> print(mc.vjp("A X B", wrt="X"))
    A.T @ G @ B.T
    """
    return _differentiated("vjp", f, wrt, let, vjp_of, syntax=syntax, structure=structure, rules=rules,
                           check=check, seed=seed, limits=limits)


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
        structure = LINEAR & known().closure(variable.properties)
        spelled = f"d{variable.spelled}" if variable.spelled else ""
        return Symbol(self._fresh(f"d{variable.name}"), variable.shape, frozenset(structure), spelled=spelled)

    def cotangent(self) -> Symbol:
        """G: shaped like the value of f."""
        shape = self.reading.root.shape
        return Symbol(self._fresh("g" if 1 in shape else "G"), shape)

    def symbol(self, s: Symbol) -> Expr:
        return symbol(s.name, s.shape, known().closure(s.properties), len(self.reading.symbols) + 1, s.spelled)


LINEAR = frozenset(["symmetric", "skew", "diagonal", "lower", "upper"])  # what a small change of such a matrix is, too


def _differentiated(verb: str, f: Any, wrt: Any, let: Sequence[str], one: Callable[[Ask, Symbol], Answer], *, syntax: str, structure: str,
                    rules: Sequence[str], check: bool, seed: int, limits: Any, layout: str = "numerator",
                    form: str = "matrix", claim: str | None = None, of: str = "auto") -> Any:
    """The answer for every variable that was asked for: a list for a list."""
    text, let, atoms = as_text(f, let, wrt)
    several, names = variables_of(wrt)
    plain(syntax=syntax, structure=structure, rules=rules, seed=seed)
    words = (("structure", structure, CONVENTIONS), ("layout", layout, LAYOUTS), ("form", form, FORMS), ("of", of, KINDS))
    options = [(name, str(value)) for name, value, choices in words if value != choices[0]]
    said = (("claim", claim),) if claim is not None else ()
    request = Request(verb, text, names, tuple(let), (*options, *_options(syntax, rules), *said))
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
    """The differential, and the terms that are read off it."""
    from .indexed import IndexAnswer

    change = ask.change(variable)
    tangent = ask.symbol(change)
    derived = derive_differential(ask.reading, variable, ask.structure, tangent)
    of = Derivative("differential", ask.reading.root.shape, variable, linear_in=change)
    wrt = symbol(variable.name, variable.shape, spelled=variable.spelled)
    return IndexAnswer(ask.answer(derived, of), index_form(derived.expression, tangent, build(ask.reading), wrt))


def gradient_of(ask: Ask, variable: Symbol) -> Answer:
    ask.needs_scalar(variable)
    return ask.answer(derive_gradient(ask.reading, variable, ask.structure), Derivative("grad", dims.SCALAR, variable))


def jacobian_of(ask: Ask, variable: Symbol) -> Answer:
    if ask.form == "index":
        return _indexed(ask, variable)
    of = Derivative("jacobian", ask.reading.root.shape, variable, ask.layout if variable.shape != dims.SCALAR else None)
    return ask.answer(_laid_out(derive_jacobian(ask.reading, variable, ask.structure), of), of)


def hessian_of(ask: Ask, variable: Symbol) -> Answer:
    ask.needs_scalar(variable)
    other = ask.variables[-1]
    derived = derive_hessian(ask.reading, variable, ask.structure, other)
    shown = ask.layout if other.shape != dims.SCALAR else None
    if other.name == variable.name:
        return ask.answer(derived, Derivative("hessian", variable.shape, variable, shown))
    of = Derivative("jacobian", variable.shape, other, shown, first=gradient_of(ask, variable))
    return ask.answer(_laid_out(derived, of), of)


def hvp_of(ask: Ask, variable: Symbol) -> Answer:
    ask.needs_scalar(variable)
    change = ask.change(variable)
    of = Derivative("differential", variable.shape, variable, linear_in=change, first=gradient_of(ask, variable))
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
    return derived._replace(expression=transpose(derived.expression)) if of.layout == "denominator" else derived


def _unused(s: Symbol, reading: Reading, variable: Symbol) -> str:
    meant = None if s.name == variable.name else nearest(s.name, set(reading.symbols))
    return f"{s.name} is declared, but not in the expression" + (f"; did you mean {meant}?" if meant else "")


def check(f: Any, wrt: Any = None, claim: Any = None, let: Sequence[str] = (), *, of: str = "auto", layout: str = "numerator",
          syntax: str = "auto", structure: str = "projected", rules: Sequence[str] = (), seed: int = 0, limits: Any = None) -> Judgement:
    """A claim about a derivative, judged: is it the derivative of f by wrt? If not: what is wrong, when it would hold, where it fails.

    claim: text over the same variables.     of: "grad", "jacobian" or "hessian" (two variables: the mixed block); "auto": the gradient
    of a scalar, the Jacobian of anything else.     The rest: as for `grad`.

    >>> import matcalc as mc
    >>> r = mc.check("norm2sq(A x - b)", wrt="x", claim="A.T (A x - b)")
    >>> print(r.lines()[0])
    false: a factor 2 is missing

    Errors: MatcalcError, for f as for the claim.
    """
    from .claims import judge

    if not isinstance(claim, str):
        raise DomainError("a claim is text", fixes=[Fix(say='mc.check("x.T @ A @ x", wrt="x", claim="(A + A.T) @ x")')])

    def one(ask: Ask, variable: Symbol) -> Answer:
        kind = ("grad" if ask.reading.root.shape == dims.SCALAR else "jacobian") if of == "auto" else of
        return {"grad": gradient_of, "jacobian": jacobian_of, "hessian": hessian_of}[kind](ask, variable)

    if of != "hessian" and isinstance(wrt, (list, tuple)) and len(wrt) == 1:
        wrt = wrt[0]
    answer = _differentiated("check", f, wrt, let, one, syntax=syntax, structure=structure, rules=rules,
                             check=True, seed=seed, limits=limits,
                             layout=layout, claim=claim, of=of)
    request = answer.request
    with asked(request):
        return judge(answer, claim, request, seed)


def simplify(f: Any, let: Sequence[str] = (), *, syntax: str = "auto", rules: Sequence[str] = (), check: bool = True, seed: int = 0,
             limits: Any = None) -> Answer:
    """The expression in the form a person would have written.

    >>> import matcalc as mc
    >>> print(mc.simplify("inv(A) @ A @ x + x"))
    2 * x
    """
    text, let, atoms = as_text(f, let)
    plain(syntax=syntax, rules=rules, seed=seed)
    request = Request("simplify", text, (), tuple(let), _options(syntax, rules))
    with asked(request):
        reading = understand(text, let, syntax, rules, (), limits)
        return Answer(request, reading, None, derive_simplified(reading), check=check, seed=seed, atoms=atoms)


def evaluate(f: Any, values: Mapping[str, Any] | None = None, let: Sequence[str] = (), *, syntax: str = "auto", rules: Sequence[str] = (),
             limits: Any = None) -> Any:
    """The value of an expression: a scalar as a float, a vector as a 1-D array.

    >>> import matcalc as mc
    >>> mc.evaluate("x.T @ x", {"x": [1, 2]})
    5.0
    """
    from .compiler import Program, shaped

    text, let, _ = as_text(f, let)
    plain(syntax=syntax, rules=rules)
    if values is not None and not isinstance(values, Mapping):
        raise DomainError('values are given by name, {"x": [1, 2]}', fixes=[Fix(say='mc.evaluate("x.T @ x", {"x": [1, 2]})')])
    with asked(Request("eval", text, (), tuple(let), _options(syntax, rules))):
        reading = _with_numbers(let, values or {}, lambda declared: understand(text, declared, syntax, rules, (), limits))
        e = build(reading)
        spelled = {s.spelled: s.name for s in reading.symbols.values() if s.spelled}
        given = {spelled.get(k, k): v for k, v in (values or {}).items()}
        unknown = [k for k in given if k not in reading.symbols and k not in reading.dims]
        if unknown:
            raise DomainError(f"{unknown[0]} is not a variable of the expression", detail="its variables: " + ", ".join(reading.symbols))
        return shaped(Program(e, symbols(e), reading.dims)(given), e.shape)


def _with_numbers(let: Sequence[str], values: Mapping[str, Any], reader: Callable[[Sequence[str]], Reading]) -> Reading:
    """The reading in which what a bare number is given for is no vector."""
    said = {d.split(":")[0].strip() for d in let}
    numbers = [name for name, value in values.items() if name not in said and _is_number(value)]
    try:
        reading = reader(let)
    except MatcalcError:
        try:
            return reader([*let, *(f"{name}: scalar" for name in numbers)])
        except MatcalcError:
            return reader(let)  # the error of what was typed
    vectors = [s.name for s in reading.assumed if s.shape != dims.SCALAR and {s.name, s.spelled} & set(numbers)]
    return reader([*let, *(f"{name}: scalar" for name in vectors)]) if vectors else reading


def _is_number(value: Any) -> bool:
    return (isinstance(value, (int, float)) and not isinstance(value, bool)) or getattr(value, "ndim", None) == 0


def parse(text: Any, let: Sequence[str] = (), *, syntax: str = "auto", limits: Any = None) -> Expr:
    """The expression of a text, or of a SymPy expression. Equal expressions are equal objects, whatever they were typed in.

    >>> import matcalc as mc
    >>> mc.parse("x.T A x") is mc.parse("x.T @ A @ x")
    True
    """
    text, let, _ = as_text(text, let)
    plain(syntax=syntax)
    with asked(Request("simplify", text, (), tuple(let))):
        return build(understand(text, let, syntax, (), (), limits))


def rules(rules: Sequence[str] = ()) -> list[Function | Identity | PropertyRule]:
    """Everything that matcalc knows: functions, identities and properties, each with its text and source."""
    plain(rules=rules)
    for path in rules:
        load_rules(path)
    return known().entries()


def load_rules(path: Any) -> None:
    """Add a file of rules of your own: functions and identities, in the form of rules/."""
    from .rulecheck import check_file

    with asked(Request("rules", "")):
        if not isinstance(path, (str, PathLike)) or "\0" in str(path):
            raise DomainError("rules are loaded from a file, given by its path", fixes=[Fix(say='mc.load_rules("mine.toml")')])
        check_file(str(path))
        load(str(path))


# ---------------------------------------------------------------- reading the request
def as_text(f: Any, declared: Any, wrt: Any = None) -> tuple[str, Sequence[str], dict[str, Any]]:
    """The text of what was passed, the declarations that it brings along, and what its names stand for in SymPy."""
    let: list[str] = list(declared) if isinstance(declared, (list, tuple)) else [declared]
    if not all(isinstance(d, str) for d in let):
        raise DomainError("let is a list of declarations as text", fixes=[Fix(say='let=["A: matrix(n, n)", "x: vector(n)"]')])
    foreign = [w for w in (wrt if isinstance(wrt, (list, tuple)) else [wrt]) if is_sympy(w)]
    if is_sympy(f) or (foreign and isinstance(f, str)):
        spelled = spell(f, foreign, _names_in_sympy())
        return spelled.text, _together(spelled.let, let), spelled.atoms
    if isinstance(f, str):
        return f, let, {}
    if isinstance(f, Expr):
        given = {d.split(":")[0].strip() for d in let}
        found = [_declaration(s) for name, s in symbols(f).items() if name not in given]
        return str(f), [*found, *let], {}
    raise DomainError(f"an expression is text, made by mc.parse, or of SymPy, not {type(f).__name__}",
                      fixes=[Fix(say='mc.grad("x.T @ A @ x", wrt="x")')])


def _together(shapes: Sequence[str], let: Sequence[str]) -> list[str]:
    """The shapes that symbols bring along, and what the user says of them: properties are added, a kind goes before."""
    said = {d.partition(":")[0].strip(): d.partition(":")[2] for d in let}
    found = []
    for shape in shapes:
        more = said.get(shape.partition(":")[0], "")
        if not re.match(r"\s*(matrix|vector|scalar)\b", more):
            found.append(f"{shape} {more}".strip())
            said.pop(shape.partition(":")[0], None)
    return [*found, *(d for d in let if d.partition(":")[0].strip() in said)]


def _names_in_sympy() -> dict[str, tuple[str, int | None]]:
    """The classes of SymPy, and ours beside them, that rules/ names: the function that each is, and its axis."""
    found: dict[str, tuple[str, int | None]] = {}
    for f in [f for overloads in known().functions.values() for f in overloads]:
        found.setdefault(f.get("sympy").removeprefix("matcalc."), (f.name, f.head.axis))
    return found


def variables_of(wrt: Any) -> tuple[bool, tuple[str, ...]]:
    """Is it several variables, and their names."""
    if wrt is None:
        return False, ()
    several = isinstance(wrt, (list, tuple))
    names = tuple(wrt) if several else (wrt,)
    names = tuple(name_of(w) if is_sympy(w) else w for w in names)
    if not all(isinstance(w, (str, Expr)) for w in names):
        raise DomainError("wrt is the name of a variable, or a list of names", fixes=[Fix(say='mc.grad("x.T @ A @ x", wrt="x")')])
    return several, tuple(str(w) for w in names)


def plain(**options: Any) -> None:
    """Refuse options of the wrong type, by name."""
    wanted: dict[str, tuple[tuple[type, ...], str]] = {"syntax": ((str,), "a word"), "structure": ((str,), "a word"),
                                                       "seed": ((int,), "a whole number"), "rules": ((list, tuple), "a list of paths")}
    for name, value in options.items():
        kind, words = wanted[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise DomainError(f"{name} is {words}, not {value!r}"[:200])
        if isinstance(value, (list, tuple)) and not all(isinstance(p, (str, PathLike)) for p in value):
            raise DomainError("rules is a list of paths")


def _declaration(s: Expr) -> str:
    return f"{s.data.name}: {dims.shape_text(s.shape)} {' '.join(sorted(s.data.properties))}".strip()


def _options(syntax: str, rules: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return (*((("syntax", syntax),) if syntax != "auto" else ()), *(("rules", str(r)) for r in rules))


def choose(name: str, value: str, choices: Sequence[str]) -> None:
    """Refuse a word that is none of the choices."""
    if value not in choices:
        meant = nearest(str(value), set(choices)) or choices[0]
        raise DomainError(f"{name} is one of {', '.join(choices)}; not {value!r}", fixes=[Fix(options=((name, meant),))])


def understand(text: str, let: Sequence[str], syntax: str, rules: Sequence[str], wrt: Sequence[str], limits: Any) -> Reading:
    """The reading of a request, with the user's own rules loaded."""
    for path in rules:
        load_rules(path)
    if isinstance(limits, Mapping):
        limits = Limits.of([f"{k}={v}" for k, v in limits.items()])
    elif limits is not None and not isinstance(limits, Limits):
        raise DomainError('limits are given by name, {"depth": 400}', fixes=[Fix(say='limits={"depth": 400}')])
    return read(text, known().language(), let, syntax, [canonical_variable(n) for n in wrt], limits)


def find_variable(reading: Reading, name: str) -> Symbol:
    """The variable of that name; one that is declared and absent has a zero derivative, one that is nowhere is an error."""
    if name in reading.symbols:
        return reading.symbols[name]
    for s in reading.unused:
        if s.name == name:
            return s
    meant = nearest(name, set(reading.symbols))
    others = [meant] if meant else list(reading.symbols)
    detail = (f"did you mean {meant}? " if meant else "") + "names are case sensitive"
    raise UnknownName(f"{name} is not in the expression", detail=detail, fixes=[Fix(wrt=(n,)) for n in others])


def only_variable(reading: Reading) -> Symbol:
    """The variable, where none was named and there is only one."""
    if len(reading.symbols) == 1:
        return next(iter(reading.symbols.values()))
    if not reading.symbols:
        raise DomainError("there is no variable in the expression")
    raise DomainError("which variable? several are in the expression: " + ", ".join(reading.symbols),
                      fixes=[Fix(wrt=(name,)) for name in reading.symbols])


# ---------------------------------------------------------------- errors that know the request
def not_scalar(reading: Reading, variable: Symbol, request: Request) -> ShapeError:
    """A gradient needs a scalar; what is near it, each as a request that works."""
    root = reading.root
    what = dims.shape_text(root.shape)
    if root.shape[0] == 1:
        what = f"a row, {what}"
    fixes = [*_inner_product(reading), *_one_scalar(reading, request), *_all_scalars(reading, request), *_other_verbs(reading)]
    hint, meant = _elementwise_hint(reading)
    fixes = meant or fixes
    if _is_outer(root):
        hint = "a column times a row is an outer product; an inner product has the transpose in front"
    if not hint and reading.assumed:
        hint = "assumed: " + ", ".join(f"{s.spelled or s.name} {dims.shape_text(s.shape)}" for s in reading.assumed)
    return ShapeError(f"grad needs a scalar, and this is {what}", (root.start, root.end), detail=hint, fixes=fixes)


def _elementwise_hint(reading: Reading) -> tuple[str, list[Fix]]:
    """log(X) is elementwise: the functions of the whole matrix that may have been meant."""
    from .unparse import show

    root = reading.root
    if root.kind != "call" or root.data not in known().functions or 1 in root.shape:
        return "", []
    function = known().functions[root.data][0]
    if not function.see():
        return "", []
    argument = show(root.children[0], reading.symbols)
    others = {text.replace(f"({function.signature.params[0].name})", f"({argument})"): what for text, what in function.see().items()}
    hint = f"{root.data} is elementwise; for {', for '.join(f'{what}: {text}' for text, what in others.items())}"
    return hint, _working([Fix(text) for text in others], reading)


def _is_outer(root: Node) -> bool:
    return root.kind == "product" and len(root.children) == 2 and root.children[0].shape[1] == 1 and root.children[1].shape[0] == 1


def _inner_product(reading: Reading) -> list[Fix]:
    """x @ y.T -> x.T @ y."""
    root = reading.root
    if not _is_outer(root) or root.children[1].kind != "transpose":
        return []
    from .unparse import show

    a, b = root.children[0], root.children[1].children[0]
    left = Node("transpose", (a,))
    product = Node("product", (left, b), ("@",))
    return _working([Fix(show(product, reading.symbols))], reading)


def _one_scalar(reading: Reading, request: Request) -> list[Fix]:
    """A capital that was read as a matrix and only scales, such as N in / (2 * N), declared scalar."""
    matrices = [s.name for s in reading.assumed if 1 not in s.shape]
    return _working([Fix(declare=(f"{name}: scalar",)) for name in matrices], reading, request)[:1]


def _all_scalars(reading: Reading, request: Request) -> list[Fix]:
    """Letters that were read as vectors, declared scalar, if that makes the whole a scalar."""
    vectors = [s.name for s in reading.assumed if s.shape[1] == 1 and s.shape != dims.SCALAR]
    if not vectors or any(s.shape[1] != 1 for s in reading.symbols.values()):
        return []

    def of_vectors(node: Node, below: list[bool]) -> bool:
        return any(below) or (node.kind in ("transpose", "call") and node.shape != dims.SCALAR)

    if fold(reading.root, lambda n: n.children, of_vectors):
        return []
    return _working([Fix(declare=tuple(f"{name}: scalar" for name in vectors))], reading, request)


def _working(fixes: list[Fix], reading: Reading, request: Request | None = None) -> list[Fix]:
    """The fixes that give a scalar."""
    kept = []
    for fix in fixes:
        mended = (request or Request("grad", reading.text)).mended(fix)
        try:
            if read(mended.text, known().language(), mended.let).root.shape == dims.SCALAR:
                kept.append(fix)
        except MatcalcError:
            continue
    return kept


def _other_verbs(reading: Reading) -> list[Fix]:
    whole = _answered(f"sum({reading.text})") if " where " not in reading.text else None
    if 1 in reading.root.shape:
        return [Fix(verb="jacobian"), *([Fix(whole)] if whole else [])]
    return [*([Fix(whole)] if whole else []), Fix(verb="vjp"), Fix(verb="jacobian", options=(("form", "index"),))]


def _answered(text: str) -> str | None:
    """The text, if all its functions can be differentiated."""
    try:
        f = build(read(text, known().language()))
        for variable in symbols(f).values():
            gradient(f, variable)
    except MatcalcError:
        return None
    return text


def pointed(error: NotSupported, root: Node) -> None:
    """Put a caret under the call that an error is about."""
    found: list[Node] = []
    fold(root, lambda n: n.children, lambda n, _: found.append(n) if n.kind == "call" else None)
    for node in found:
        if f" {node.data}" in error.message and not error.spans:
            error.spans = ((node.start, node.end),)


