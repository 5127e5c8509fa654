"""What a caller gets: the form, its reading, its conditions, its evidence, and the steps that led to it."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import dims
from .build import build
from .checker import Evidence, verify, verify_equal
from .conditions import alternatives, conditions_of
from .derive import Derived
from .errors import CheckFailed, DomainError, Fix, LimitError, MatcalcError, NotSupported, Request
from .expr import Expr, symbol, symbols
from .knowledge import known
from .limits import PRINTED, Limits
from .parser import read
from .printers.text import expression_text
from .structured import structure_of
from .syntax import Reading, Symbol
from .unparse import show

if TYPE_CHECKING:
    from .codegen.parts import Part
    from .derivation import Derivation

LANGUAGES = ("numpy", "jax", "torch", "julia", "matlab")  # that `code` writes


class Understood(NamedTuple):
    """How the input was read; a part of every answer."""

    text: str
    read_as: str
    symbols: tuple[Symbol, ...]
    notes: tuple[str, ...]
    layout: str | None
    structure: str | None

    @property
    def assumed(self) -> tuple[Symbol, ...]:
        """The variables that nobody declared."""
        return tuple(s for s in self.symbols if not s.declared)

    def __str__(self) -> str:
        return self.read_as


_TAKEN = {"grad": "the gradient is taken", "jacobian": "the Jacobian is taken", "hessian": "the Hessian is taken",
          "vjp": "what comes back is taken", "differential": "its small changes stay"}


class Derivative(NamedTuple):
    """What an answer is a derivative of: the operation, by which variable, how it is laid out, and the symbols that it is linear in."""

    op: str  # as the checker names it: grad, jacobian, hessian, differential, vjp
    shape: dims.Shape  # of what is differentiated
    wrt: Symbol
    layout: str | None = None
    linear_in: Symbol | None = None  # the tangent or the cotangent
    first: Answer | None = None  # of a second derivative by another variable or along a direction: the gradient that it is taken of

    @property
    def is_matrix(self) -> bool:
        """Rows are outputs and columns are inputs."""
        return self.op in ("jacobian", "hessian") and self.wrt.shape != dims.SCALAR


class Answer:
    """A closed form, checked before it is first shown or used.

    >>> import matcalc as mc
    >>> d = mc.grad("x.T A x", wrt="x")
    >>> str(d), str(d.check())
    ('(A + A.T) @ x', 'exact, 3 points')
    >>> d(A=[[1, 2], [0, 1]], x=[1, 1]).tolist()
    [4.0, 4.0]
    """

    def __init__(self, request: Request, reading: Reading, of: Derivative | None, derived: Derived, *, check: bool, seed: int,
                 notes: tuple[str, ...] = (), atoms: Mapping[str, Any] | None = None) -> None:
        self._request, self._reading, self._of, self._derived = request, reading, of, derived
        self._wants_check, self._seed = check, seed
        self._evidence: Evidence | None = None
        self._text: str | None = None
        self._compiled: dict[tuple[bool, Any], Callable[..., Any]] = {}
        self._derivation: Derivation | None = None
        self._notes = notes
        self.maps: Callable[[], tuple[Answer, Answer | None]] | None = None  # of a matrix: its products with vectors, from both sides
        self._atoms = atoms or {}  # what names stand for, where the question came from SymPy

    # ------------------------------------------------------------ the form
    @property
    def compact(self) -> Expr:
        """The form that is computed: functions that only the engine needs are not written out."""
        self._ensure_checked()
        return self._derived.compact

    @property
    def text(self) -> str:
        """The closed form in matcalc's own notation."""
        self._ensure_checked()
        return self._printed()

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{self._request.verb}: {self.text}>"

    @property
    def expression(self) -> Expr:
        """The closed form as an expression."""
        self._ensure_checked()
        return self._derived.expression

    @property
    def shape(self) -> dims.Shape:
        return self._derived.expression.shape

    def _printed(self) -> str:
        if self._text is None:
            self._text = self._show(self._derived.expression)
        return self._text

    def _show(self, e: Expr) -> str:
        try:
            return expression_text(e, self._reading.decimals, self._derived.typed, self._taken())
        except ValueError:  # Python writes no integer of more than 4,300 digits
            raise LimitError("the answer has a number that is too long to be written").at(self._request) from None

    def _taken(self) -> list[str]:
        """Names that mean something in the input."""
        return [*self.known_symbols(), *self._reading.dims]

    # ------------------------------------------------------------ other notations
    def to(self, format: str) -> str:
        """The form in one of the formats of the command: text, unicode, latex, mathml, sympy, numpy."""
        formats = {"text": lambda: self.text, "sympy": lambda: str(self.sympy())}
        return formats[format]() if format in formats else self.code(format) if format in LANGUAGES else self._in(format)

    def latex(self) -> str:
        r"""The form in LaTeX, for amsmath: `\left(A + A^{\top}\right) x`."""
        return self._in("latex")

    def unicode(self) -> str:
        """The form as people write it in a mail: `(A + Aᵀ) x`."""
        return self._in("unicode")

    def mathml(self) -> str:
        """The form in MathML, for web pages."""
        return self._in("mathml")

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.latex()}$"

    def _in(self, format: str) -> str:
        from .printers import FORMATS, printed

        if format not in FORMATS:
            raise NotSupported(f"there is no format {format!r}", detail=f"the formats: {', '.join(FORMATS)}, sympy, {', '.join(LANGUAGES)}")
        self._ensure_checked()
        return printed(self._derived.expression, format, self._reading.decimals, self._derived.typed, self._taken())

    def code(self, target: str = "numpy", sizes: Mapping[str, int] | None = None) -> str:
        """A complete function as source text, with the formula and the shapes; it needs nothing of matcalc.

        target: numpy, jax, torch, julia or matlab. `sizes`: about how large the dimensions are, where that decides in which order
        products are computed; the function takes arrays of any size.

        >>> import matcalc as mc
        >>> print(mc.grad("x.T A x", wrt="x").code("numpy"))
        import numpy as np
        <BLANKLINE>
        <BLANKLINE>
        def grad(x, A):
            \"\"\"(A + A.T) @ x
        <BLANKLINE>
            x: array (n,)
            A: array (n, n)
            returns: array (n,)
            \"\"\"
            return A @ x + A.T @ x
        <BLANKLINE>
        """
        return exported([self], target, sizes)

    # ------------------------------------------------------------ evidence
    @property
    def evidence(self) -> Evidence:
        """What the check found; it runs once, before the answer is first shown or used."""
        if self._evidence is None:
            self._evidence = self._checked() if self._wants_check else Evidence("unchecked", None, reason="the check was switched off")
        return self._evidence

    def check(self) -> Evidence:
        """Run the check (also where it was switched off) and return the evidence."""
        if self._evidence is None or not self._wants_check:
            self._evidence = self._checked()
        return self._evidence

    def _ensure_checked(self) -> None:
        evidence = self.evidence
        if evidence.verdict is False:
            detail = f"withheld: {self._printed()}\n{evidence.reason}\nthis is a fault of matcalc; please report it with the command"
            raise CheckFailed("matcalc found its own answer wrong and withholds it", detail=detail).at(self._request)

    @property
    def request(self) -> Request:
        """What was asked."""
        return self._request

    @property
    def of(self) -> Derivative | None:
        """What it is a derivative of."""
        return self._of

    @property
    def op(self) -> str:
        """The kind of derivative: grad, jacobian, hessian, differential or vjp."""
        return self._of.op if self._of is not None else "simplify"

    @property
    def reading_of_input(self) -> Reading:
        """The tree of what was typed."""
        return self._reading

    def known_symbols(self) -> dict[str, Symbol]:
        """The symbols that an answer may mention: those of the input, the variable, and what the answer is linear in."""
        found = dict(self._reading.symbols)
        for s in (self._of.wrt, self._of.linear_in) if self._of is not None else ():
            if s is not None:
                found.setdefault(s.name, s)
        return found

    def _needed(self) -> dict[str, Symbol]:
        """The symbols that have a value: all but a variable that is declared and absent."""
        of, symbols_ = self._of, self.known_symbols()
        return {n: s for n, s in symbols_.items() if n in self._reading.symbols or (of and of.linear_in and n == of.linear_in.name)}

    def read(self, text: str, limits: Limits | None = PRINTED) -> Reading:
        """A text over the symbols of this answer."""
        return read(text, known().language(), known=self.known_symbols(), dims=self._reading.dims, limits=limits)

    def judged(self, claim: Reading, reading: Reading, structure: str | None = None) -> Evidence:
        """What the check finds of a text as this derivative of `reading`."""
        of, values = self._of, known().added_values(self._reading.text, claim.text)
        if of is None:
            return verify_equal(reading, claim, seed=self._seed, values=values)
        if of.first is not None:
            before = of.first.evidence
            if before.verdict is not True:
                return before._replace(reason=f"of the gradient that it follows from: {before.reason}")
            reading = of.first.read(of.first._printed())._replace(symbols={**of.first.known_symbols(), **reading.symbols})
        structure = structure or self._derived.structure
        return verify(reading, of.wrt.name, claim, op=of.op, structure=structure, layout=of.layout or "numerator",
                      tangent=of.linear_in.name if of.linear_in and of.op == "differential" else None,
                      cotangent=of.linear_in.name if of.linear_in and of.op == "vjp" else "G", seed=self._seed, values=values)

    def _reads_as_shown(self, text: str) -> bool:
        """Is this text the same object as the text that was checked?"""
        variables = symbols(self._derived.expression)
        one, other = (build(self.read(t), variables=variables) for t in (text, self._printed()))
        return one.canon is other.canon

    def _checked(self) -> Evidence:
        try:
            printed = self.read(self._printed())
        except MatcalcError as error:
            return Evidence("exact", False, reason=f"the printed text cannot be read again: {error.message}")
        return self.judged(printed, self._reading)

    # ------------------------------------------------------------ what belongs to it
    @property
    def reading(self) -> Understood:
        """How the input was read."""
        r = self._reading
        structure = self._derived.structure if self._of is not None else None
        layout = self._of.layout if self._of is not None else None
        notes = (*r.notes, *self._notes, *self._convention())
        return Understood(r.text, show(r.root, r.symbols), tuple(r.symbols.values()), notes, layout, structure)

    def _convention(self) -> tuple[str, ...]:
        if self._of is None or self._derived.structure == "free":
            return ()
        of, free_entries = self._of, self._derived.structure == "independent" and self._of.op != "differential"
        by = "by its free entries" if free_entries else "within the matrices of its structure"
        return (f"{of.wrt.spelled or of.wrt.name} is structured, and {_TAKEN[of.op]} {by} (structure={self._derived.structure})",)

    @property
    def wrt(self) -> str | None:
        return None if self._of is None else self._of.wrt.name

    @property
    def structure(self) -> str:
        return self._derived.structure

    @property
    def conditions(self) -> tuple[str, ...]:
        """When the answer holds: `valid if x != 0`; and what it is at kinks."""
        return conditions_of(self._reading, self._derived, differentiated=self._of is not None)

    @property
    def alternative(self) -> tuple[str, ...]:
        """Other forms, with the condition under which they hold."""
        return alternatives(self._derived.expression, self._show)

    @property
    def derivation(self) -> Derivation:
        """The steps, each an equation: left, before, after, rule, source. Written, and checked, when they are first asked for.

        >>> import matcalc as mc
        >>> print(mc.grad("x.T A x", wrt="x").derivation)
        df = d(x.T @ A @ x)
           = dx.T @ A @ x + x.T @ A @ dx      product rule
           = x.T @ A.T @ dx + x.T @ A @ dx    a number is its own transpose
        G  = A @ x + A.T @ x                  df = <G, dx>
           = (A + A.T) @ x                    collected
        """
        from .derivation import Derivation

        if self._derivation is None:
            self._derivation = Derivation(self)
        return self._derivation

    def equals(self, claim: str) -> bool:
        """Is this other text the same value? Decided by evaluation, at points drawn like those of the check."""
        self._ensure_checked()
        if not isinstance(claim, str):
            raise DomainError("a claim is text", fixes=[Fix(say='d.equals("(A + A.T) @ x")')])
        try:
            other, mine = self.read(claim), self.read(self._printed())
        except MatcalcError as error:
            raise error.at(Request("simplify", claim)) from None
        return verify_equal(mine, other, seed=self._seed, values=known().added_values(mine.text, other.text)).verdict is True

    # ------------------------------------------------------------ other notations
    def sympy(self) -> Any:
        """The form in SymPy, over MatrixSymbols with symbolic dimensions; over the asker's own symbols if the question came from there."""
        from .printers.sympy import to_sympy

        return to_sympy(self.expression, self._atoms)

    _sympy_ = sympy

    # ------------------------------------------------------------ values
    def compile(self, backend: Any = "numpy", *, tensor: bool = False) -> Callable[..., Any]:
        """A function of keyword arrays (or of one mapping) that gives the value of the form; `tensor`: that of `d.tensor`.

        The gradient of a scalar has the shape of its variable either way.
        """
        self._ensure_checked()
        stacked = tensor and self._of is not None and self._of.is_matrix
        key = (stacked, backend if isinstance(backend, str) else id(backend))  # which the function keeps alive
        if key not in self._compiled:
            self._compiled[key] = compiled([self], backend, stacked)
        return self._compiled[key]

    def _part(self, tensor: bool = False) -> Part:
        """What compiled and exported functions compute."""
        from .codegen.parts import as_tensor, plain

        root = self._derived.compact
        return as_tensor(root, self._of) if tensor and self._of is not None and self._of.is_matrix else plain(root, self.shape)

    def _result(self) -> dims.Shape | str:
        """The shape that exported functions say."""
        return self._derived.compact.shape

    def __call__(self, values: Mapping[str, Any] | None = None, /, *more: Any, **arrays: Any) -> Any:
        """The value of the form shown: a vector as a 1-D array, a scalar as a float."""
        return self.compile()(values, *more, **arrays)

    def tensor(self, values: Mapping[str, Any] | None = None, /, *more: Any, **arrays: Any) -> Any:
        """The derivative with shape(f) + shape(wrt); vectors are 1-D, scalars ()."""
        return self.compile(tensor=True)(values, *more, **arrays)

    def operator(self, values: Mapping[str, Any] | None = None, /, **arrays: Any) -> Any:
        """A Hessian or a Jacobian at these numbers as a SciPy LinearOperator: its products with vectors, without the matrix.

        The vectors are stacked by columns, as the matrix is. What does not depend on them is computed once.

        >>> import matcalc as mc, numpy as np
        >>> H = mc.hessian("norm2sq(T - U @ V.T)", "U").operator(T=np.ones((3, 4)), U=np.ones((3, 2)), V=np.ones((4, 2)))
        >>> H.shape, H @ np.ones(6)
        ((6, 6), array([16., 16., 16., 16., 16., 16.]))
        """
        from .codegen.linear_map import linear_operator

        of = self._of
        if self.maps is None or of is None:
            raise NotSupported("only a Jacobian or a Hessian by one variable is a LinearOperator")
        if self._derived.structure != "free" and structure_of(of.wrt):
            raise NotSupported(f"{of.wrt.name} is {structure_of(of.wrt)}: products with vectors know nothing of that",
                               fixes=[Fix(options=(("structure", "free"),))])
        self._ensure_checked()
        forth, back = self.maps()
        given = {**(values or {}), **arrays}
        shapes = (of.shape, of.wrt.shape)
        if of.layout == "denominator" and back is not None:
            forth, back, shapes = back, forth, shapes[::-1]
        names = tuple(a._of.linear_in.name if a is not None and a._of is not None and a._of.linear_in else "" for a in (forth, back))
        wanted = {s.name: symbol(s.name, s.shape, known().closure(s.properties)) for s in self._needed().values()}
        spelled = {s.spelled: s.name for s in self.known_symbols().values() if s.spelled}
        given = {spelled.get(n, n): v for n, v in given.items()}
        return linear_operator((forth.compact, back.compact if back is not None else None), (names[0], names[1]), shapes, wanted, given,
                               frozenset(self._reading.dims))

    def to_dict(self) -> dict[str, Any]:
        """Every field, for JSON."""
        r, e = self.reading, self.evidence
        return {
            "text": r.text, "wrt": self.wrt, "answer": self.text,
            "reading": {"text": r.text, "read_as": r.read_as, "notes": list(r.notes), "layout": r.layout, "structure": r.structure,
                        "symbols": [_described(s) for s in r.symbols]},
            "conditions": list(self.conditions), "alternative": list(self.alternative),
            "evidence": {"kind": e.kind, "points": e.points, "worst": e.worst, "verdict": e.verdict, "reason": e.reason},
            "derivation": self._steps(),
        }

    def _steps(self) -> list[dict[str, str]]:
        """The derivation as data; none if it is withheld, or too long to be written."""
        try:
            return self.derivation.to_list()
        except (CheckFailed, LimitError):
            return []


def _verb(answers: Sequence[Answer]) -> str:
    """What a function of them is called."""
    last = answers[-1]._request.verb
    return f"value_and_{last}" if answers[0]._request.verb == "simplify" != last else last


def exported(answers: Sequence[Answer], target: str, sizes: Mapping[str, int] | None) -> str:
    """The source of one function for the values of several answers to questions about the same variables."""
    from .codegen.exported import exported
    from .codegen.languages import Function, language

    for answer in answers:
        answer._ensure_checked()
    arrays = {s.name: s.shape for d in answers for s in d._needed().values()}
    formula = "\n    ".join(d._printed() for d in answers)
    function = Function(_verb(answers), arrays, formula, [d._result() for d in answers])
    return exported(language(target), [d._part() for d in answers], function, sizes)


def compiled(answers: Sequence[Answer], backend: Any, tensor: bool) -> Callable[..., Any]:
    """One function for the values of several answers to questions about the same variables; what they share is computed once."""
    from .codegen.backends import Elsewhere, is_numpy, library
    from .codegen.compiled import Compiled

    wanted: dict[str, Expr] = {}
    spelled: dict[str, str] = {}
    dimensions: set[str] = set()
    others: set[str] = set()
    for d in answers:
        wanted |= {s.name: symbol(s.name, s.shape, known().closure(s.properties)) for s in d._needed().values()}
        spelled |= {s.spelled: s.name for s in d.known_symbols().values() if s.spelled}
        spelled |= {f"{s.name}_": s.name for s in d._needed().values() if keyword.iskeyword(s.name)}
        dimensions |= set(d._reading.dims)
        others |= {*d._reading.dims, *([d.wrt] if d.wrt else [])}
    of = ([d._part(tensor) for d in answers], wanted, frozenset(dimensions), others, spelled)
    if is_numpy(backend):
        function = Compiled(*of).function()
    else:
        function = Elsewhere(library(backend), *of).function()
    function.__name__ = function.__qualname__ = _verb(answers)
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(n + "_" * keyword.iskeyword(n), inspect.Parameter.KEYWORD_ONLY) for n in wanted if n.isidentifier()])
    arrays = "".join(f"\n{name}: {dims.shape_text(e.shape)}" for name, e in wanted.items())
    function.__doc__ = "\n".join(d._printed() for d in answers) + f"\n{arrays}"
    return function


class Answers(list[Answer]):
    """The answers for several variables, in the order in which they were asked for; `str` names what they share once.

    >>> import matcalc as mc
    >>> print(mc.vjp("softmax(Q @ K.T) @ V", wrt=["K", "V"]))
    (S.T * (V @ G.T - sum(S.T * (V @ G.T), axis=0))) @ Q
    S.T @ G
    where S = softmax(Q @ K.T)
    """

    def compile(self, backend: Any = "numpy", *, tensor: bool = False) -> Callable[..., Any]:
        """One function of keyword arrays for all: a tuple of their values; what they share is computed once."""
        for answer in self:
            answer._ensure_checked()
        return compiled(self, backend, tensor)

    def code(self, target: str = "numpy", sizes: Mapping[str, int] | None = None) -> str:
        """The source of one function for all, as that of one answer."""
        return exported(self, target, sizes)

    def lines(self, format: str = "text") -> list[str]:
        """One line for each answer, and one for the parts that have names."""
        together = self._together(format) if format in ("text", "unicode") else None
        if together is None:
            return [answer.to(format) for answer in self]
        bodies, definitions = together
        return [*bodies, "where " + "; ".join(f"{name} = {text}" for name, text in definitions)]

    def _together(self, format: str) -> tuple[list[str], list[tuple[str, str]]] | None:
        """The answers, and the definitions of what repeats in all of them; nothing where they are shown apart."""
        from .printers import printed_together

        if len(self) < 2 or not all(type(answer) is Answer for answer in self):
            return None
        for answer in self:
            answer._ensure_checked()
        typed = [e for answer in self for e in answer._derived.typed]
        taken = [name for answer in self for name in answer._taken()]

        def shown(format: str) -> tuple[list[str], list[tuple[str, str]]]:
            return printed_together([a.expression for a in self], format, self[0]._reading.decimals, typed, taken)

        bodies, definitions = shown("text")
        where = "where " + "; ".join(f"{name} = {text}" for name, text in definitions)
        if not definitions or not all(answer._reads_as_shown(f"{body} {where}") for answer, body in zip(self, bodies, strict=True)):
            return None  # nothing is shared; or what was checked and what would be shown are not the same object
        return shown(format)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        return "[" + ",\n ".join(map(repr, self)) + "]"

    def _repr_latex_(self) -> str:
        from .printers.latex import aligned, typeset

        bodies, definitions = self._together("latex") or ([], [])
        return rf"$\displaystyle {aligned([*map(typeset, bodies)] or [answer.latex() for answer in self], definitions)}$"


def _described(s: Symbol) -> dict[str, Any]:
    return {"name": s.name, "shape": dims.shape_text(s.shape), "properties": sorted(s.properties), "declared": s.declared}
