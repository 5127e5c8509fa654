"""The verbs: what a call of the public API does, from text to answer. Errors leave here with the request attached."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, Unpack, overload

from . import dims
from .answer import Answer, Answers
from .asking import as_text, asked, options_of, plain, understand
from .asking import load_rules as load_rules
from .build import build
from .derivatives import (
    Ask,
    differential_of,
    differentiated,
    gradient_of,
    hessian_of,
    hvp_of,
    jacobian_of,
    vjp_of,
)
from .derive import derive_simplified
from .errors import DomainError, Fix, MatcalcError, Request
from .expr import Expr, symbols
from .knowledge import Function, Identity, PropertyRule, known
from .syntax import Reading, Symbol

if TYPE_CHECKING:
    from .claims import Judgement

Formula: TypeAlias = Any  # text, an expression, an answer, one of SymPy, or a Python function of named arguments
Variable: TypeAlias = Any  # a name, or a symbol of matcalc or SymPy; None where there is only one
Variables: TypeAlias = list[Any] | tuple[Any, ...]
Declarations: TypeAlias = Sequence[str] | Mapping[str, str]


class Options(TypedDict, total=False):
    """What every derivative takes."""

    syntax: Literal["auto", "numpy", "matlab", "latex"]
    structure: Literal["projected", "independent", "free"]
    rules: Sequence[str]
    check: bool
    seed: int
    limits: Any


class JacobianOptions(Options, total=False):
    """What a Jacobian takes, too."""

    layout: Literal["numerator", "denominator"]
    form: Literal["matrix", "index"]


@overload
def grad(f: Formula, wrt: Variables, let: Declarations = (), **options: Unpack[Options]) -> Answers: ...
@overload
def grad(f: Formula, wrt: Variable = None, let: Declarations = (), **options: Unpack[Options]) -> Answer: ...
def grad(f: Formula, wrt: Any = None, let: Declarations = (), *, syntax: str = "auto", structure: str = "projected",
         rules: Sequence[str] = (), check: bool = True, seed: int = 0, limits: Any = None) -> Any:
    """The gradient of a scalar expression: shaped like the variable, with df = <G, dX>.

    f           text, an expression, one of SymPy, or a Python function, whose arguments are the variables
    wrt         the variable; several in a list give a list of answers; may be left out where there is only one
    let         declarations: ["A: matrix(n, n) symmetric", "x: vector(n)", "c: scalar"], or by name, {"A": "symmetric"}
    syntax      how text is read: "auto", "numpy", "matlab" or "latex"
    structure   of a symmetric, diagonal ... variable: the gradient within the space of such matrices ("projected"), by the free
                entries ("independent"), or as if all entries varied ("free")
    rules       files of functions and identities of your own
    check       False: the answer is not checked before it is shown;  seed: of the points at which it is
    limits      what is too large to be read, {"depth": 400}

    >>> import matcalc as mc
    >>> d = mc.grad("norm2sq(A x - b)", wrt="x")
    >>> print(d)
    2 * A.T @ (A @ x - b)
    >>> d(A=[[1, 2], [3, 4]], x=[1, 1], b=[1, 0]).tolist()
    [46.0, 64.0]
    >>> print(d.latex())
    2 A^{\\top} (A x - b)
    >>> print(mc.grad("x.T A x", wrt="x", let=["A: symmetric"]))
    2 * A @ x
    >>> print(mc.grad(lambda x, A: x @ A @ x, wrt="x"))
    (A + A.T) @ x

    The answer also has .code() .compile() .sympy() .check() .derivation .conditions .reading .equals("...").
    Errors: MatcalcError, with the place in the text, a cause and a fix.
    """
    return differentiated("grad", f, wrt, let, gradient_of, syntax=syntax, structure=structure, rules=rules,
                           check=check, seed=seed, limits=limits)


def value_and_grad(f: Formula, wrt: Any = None, let: Declarations = (), **options: Unpack[Options]) -> Answers:
    """The value of a scalar expression and its gradient, or gradients, together: `compile` gives one function for all of them.

    The arguments are those of `grad`.

    >>> import matcalc as mc
    >>> both = mc.value_and_grad("norm2sq(A x - b)", wrt="x")
    >>> print(both)
    norm2sq(A @ x - b)
    2 * A.T @ (A @ x - b)
    >>> both.compile()(A=[[1.0, 2.0]], x=[1.0, 1.0], b=[1.0])
    (4.0, array([4., 8.]))
    """
    found = grad(f, wrt, let, **options)
    rest = {k: v for k, v in options.items() if k != "structure"}
    return Answers([simplify(f, let, **rest), *(found if isinstance(found, list) else [found])])  # type: ignore[arg-type]


@overload
def jacobian(f: Formula, wrt: Variables, let: Declarations = (), **options: Unpack[JacobianOptions]) -> Answers: ...
@overload
def jacobian(f: Formula, wrt: Variable = None, let: Declarations = (), **options: Unpack[JacobianOptions]) -> Answer: ...
def jacobian(f: Formula, wrt: Any = None, let: Declarations = (), *, layout: str = "numerator", form: str = "matrix", syntax: str = "auto",
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
    return differentiated("jacobian", f, wrt, let, jacobian_of, syntax=syntax, structure=structure, rules=rules, check=check, seed=seed,
                           limits=limits, layout=layout, form=form)


def hessian(f: Formula, wrt: Any = None, let: Declarations = (), *, layout: str = "numerator", syntax: str = "auto",
            structure: str = "projected", rules: Sequence[str] = (), check: bool = True, seed: int = 0, limits: Any = None) -> Answer:
    """The matrix of second derivatives of a scalar expression; for a matrix variable, by its entries stacked by columns.

    wrt: a variable, or two for the mixed block: rows the first, columns the second (layout="denominator": the other way round).

    >>> import matcalc as mc
    >>> print(mc.hessian("x.T A x", wrt="x"))
    A + A.T
    >>> print(mc.hessian("x.T A y", wrt=["x", "y"], let=["y: vector(m)"]))
    A
    """
    answer: Answer = differentiated("hessian", f, wrt, let, hessian_of, syntax=syntax, structure=structure, rules=rules, check=check,
                                    seed=seed, limits=limits, layout=layout)
    return answer


@overload
def hvp(f: Formula, wrt: Variables, let: Declarations = (), **options: Unpack[Options]) -> Answers: ...
@overload
def hvp(f: Formula, wrt: Variable = None, let: Declarations = (), **options: Unpack[Options]) -> Answer: ...
def hvp(f: Formula, wrt: Any = None, let: Declarations = (), *, syntax: str = "auto", structure: str = "projected",
        rules: Sequence[str] = (), check: bool = True, seed: int = 0, limits: Any = None) -> Any:
    """The product of the Hessian with a direction dx, in closed form: no matrix of second derivatives is made.

    >>> import matcalc as mc
    >>> print(mc.hvp("norm2sq(A x - b)", wrt="x"))
    2 * A.T @ A @ dx
    """
    return differentiated("hvp", f, wrt, let, hvp_of, syntax=syntax, structure=structure, rules=rules,
                           check=check, seed=seed, limits=limits)


@overload
def differential(f: Formula, wrt: Variables, let: Declarations = (), **options: Unpack[Options]) -> Answers: ...
@overload
def differential(f: Formula, wrt: Variable = None, let: Declarations = (), **options: Unpack[Options]) -> Answer: ...
def differential(f: Formula, wrt: Any = None, let: Declarations = (), *, syntax: str = "auto", structure: str = "projected",
                 rules: Sequence[str] = (), check: bool = True, seed: int = 0, limits: Any = None) -> Any:
    """df, in the shape of f and linear in dX, a small change of the variable.

    >>> import matcalc as mc
    >>> print(mc.differential("inv(X)", wrt="X"))
    -inv(X) @ dX @ inv(X)
    """
    return differentiated("differential", f, wrt, let, differential_of, syntax=syntax, structure=structure, rules=rules,
                           check=check, seed=seed, limits=limits)


@overload
def jvp(f: Formula, wrt: Variables, let: Declarations = (), **options: Unpack[Options]) -> Answers: ...
@overload
def jvp(f: Formula, wrt: Variable = None, let: Declarations = (), **options: Unpack[Options]) -> Answer: ...
def jvp(f: Formula, wrt: Any = None, let: Declarations = (), *, syntax: str = "auto", structure: str = "projected",
        rules: Sequence[str] = (), check: bool = True, seed: int = 0, limits: Any = None) -> Any:
    """The Jacobian times a direction dX: forward mode in closed form. The same as the differential.

    >>> import matcalc as mc
    >>> print(mc.jvp("tanh(A x)", wrt="x"))
    (1 - tanh(A @ x)**2) * (A @ dx)
    """
    return differentiated("jvp", f, wrt, let, differential_of, syntax=syntax, structure=structure, rules=rules,
                           check=check, seed=seed, limits=limits)


@overload
def vjp(f: Formula, wrt: Variables, let: Declarations = (), **options: Unpack[Options]) -> Answers: ...
@overload
def vjp(f: Formula, wrt: Variable = None, let: Declarations = (), **options: Unpack[Options]) -> Answer: ...
def vjp(f: Formula, wrt: Any = None, let: Declarations = (), *, syntax: str = "auto", structure: str = "projected",
        rules: Sequence[str] = (), check: bool = True, seed: int = 0, limits: Any = None) -> Any:
    """What a cotangent G of f gives to the variable: reverse mode in closed form, shaped like the variable and linear in G.

    >>> import matcalc as mc
    >>> print(mc.vjp("A X B", wrt="X"))
    A.T @ G @ B.T
    """
    return differentiated("vjp", f, wrt, let, vjp_of, syntax=syntax, structure=structure, rules=rules,
                           check=check, seed=seed, limits=limits)


def check(f: Formula, wrt: Any = None, claim: Any = None, let: Declarations = (), *, of: str = "auto", layout: str = "numerator",
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
    answer = differentiated("check", f, wrt, let, one, syntax=syntax, structure=structure, rules=rules,
                             check=True, seed=seed, limits=limits,
                             layout=layout, claim=claim, of=of)
    request = answer.request
    with asked(request):
        return judge(answer, claim, request, seed)


def simplify(f: Formula, let: Declarations = (), *, syntax: str = "auto", rules: Sequence[str] = (), check: bool = True, seed: int = 0,
             limits: Any = None) -> Answer:
    """The expression in the form a person would have written.

    >>> import matcalc as mc
    >>> print(mc.simplify("inv(A) @ A @ x + x"))
    2 * x
    """
    text, let, atoms = as_text(f, let)
    plain(syntax=syntax, rules=rules, seed=seed)
    request = Request("simplify", text, (), tuple(let), options_of(syntax, rules, limits))
    with asked(request):
        reading = understand(text, let, syntax, rules, (), limits)
        return Answer(request, reading, None, derive_simplified(reading), check=check, seed=seed, atoms=atoms)


def evaluate(f: Formula, values: Mapping[str, Any] | None = None, let: Declarations = (), *, syntax: str = "auto",
             rules: Sequence[str] = (), limits: Any = None) -> Any:
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
    with asked(Request("eval", text, (), tuple(let), options_of(syntax, rules, limits))):
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


def parse(text: Formula, let: Declarations = (), *, syntax: str = "auto", limits: Any = None) -> Expr:
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
