"""Expressions in SymPy, over MatrixSymbols with symbolic dimensions; what is 1 x 1 is a scalar, by its trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy
from sympy.core.sympify import _sympify  # which takes no text
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement

from ..dims import SCALAR, Dim, Shape
from ..errors import DomainError, Fix, NotSupported, RuleError
from ..expr import Expr, Number, fold
from ..functions import kind, of_call, template, written_out
from ..knowledge import Function
from ..syntax import fold as walk
from . import sympy_classes as ours

FAULTS = (TypeError, ValueError, ArithmeticError, AttributeError, LookupError, NotImplementedError, RecursionError)  # SymPy's refusals
OWN = Fix(say="str(d) is the same in matcalc's own notation")


def to_sympy(e: Expr, atoms: Mapping[str, Any] | None = None) -> Any:
    """The SymPy expression; `atoms`: what names of variables and dimensions stand for already.

    >>> from matcalc import parse
    >>> to_sympy(parse("(A + A.T) @ x"))
    (A + A.T)*x
    """
    try:
        return Writer(atoms or {}).write(e)
    except FAULTS as error:
        raise NotSupported(f"SymPy does not take this: {error}", fixes=[OWN]) from None


class Writer:
    """Visits each distinct node once. `atoms`: names with their SymPy expressions; a name without one becomes a symbol."""

    def __init__(self, atoms: Mapping[str, Any]) -> None:
        self.atoms = dict(atoms)

    def write(self, e: Expr) -> Any:
        return fold(written_out(e), self.visit)

    def visit(self, node: Expr, args: list[Any]) -> Any:
        return _OPERATORS[node.op](self, node, args)

    def size(self, dim: Dim) -> Any:
        if isinstance(dim, int):
            return sympy.Integer(dim)
        if isinstance(dim, str):
            if dim not in self.atoms:
                self.atoms[dim] = sympy.Symbol(safe(dim), integer=True, positive=True)
            return self.atoms[dim]
        return sympy.Add(*[sympy.Mul(c, *map(self.size, names)) for names, c in dim.terms])

    def shape(self, shape: Shape) -> tuple[Any, Any]:
        return self.size(shape[0]), self.size(shape[1])

    def symbol(self, node: Expr) -> Any:
        name = node.data.name
        if name not in self.atoms:
            self.atoms[name] = sympy.Symbol(safe(name)) if node.is_scalar else sympy.MatrixSymbol(safe(name), *self.shape(node.shape))
        return self.atoms[name]


def safe(name: str) -> str:
    """SymPy runs what stands in a symbol's name when it makes code of it: a name is one word."""
    if not name.isidentifier():
        raise DomainError(f"{name!r} is no name for a symbol of SymPy", fixes=[Fix(say="letters, digits and _ make a name")])
    return name


def _number(c: Number) -> Any:
    return sympy.Rational(c.numerator, c.denominator) if isinstance(c, Fraction) else sympy.Integer(c)


# ---------------------------------------------------------------- operators
def scaled(scalars: Sequence[Any], e: Any) -> Any:
    """scalars * e, as SymPy's own operators would have it."""
    c = sympy.Mul(*scalars)
    return e if c == 1 else _done(sympy.MatMul(c, e)) if e.is_Matrix else sympy.Mul(c, e)


def _done(e: Any) -> Any:
    """In SymPy's own normal form, where it finds one: it fails on a Kronecker product of products."""
    try:
        return e.doit(deep=False)
    except AttributeError:
        return e


def _sum(w: Writer, node: Expr, args: list[Any]) -> Any:
    terms = [scaled([_number(c)], a) for c, a in zip(node.data, args, strict=True)]
    return sympy.Add(*terms) if node.is_scalar else _done(sympy.MatAdd(*terms))


def _elementwise_product(w: Writer, node: Expr, args: list[Any]) -> Any:
    matrices = [a for a in args if a.is_Matrix]
    scalars = [_number(node.data), *[a for a in args if not a.is_Matrix]]
    if not matrices:
        return sympy.Mul(*scalars)
    return scaled(scalars, matrices[0] if len(matrices) == 1 else sympy.HadamardProduct(*matrices))


def _power(w: Writer, node: Expr, args: list[Any]) -> Any:
    return sympy.Pow(*args) if node.is_scalar else sympy.HadamardPower(*args)


def product(factors: Sequence[Any], scalar: bool) -> Any:
    made = _done(sympy.MatMul(*factors))
    return sympy.Trace(made) if scalar and made.is_Matrix else made


def _transposed(e: Any) -> Any:
    return sympy.Transpose(e).doit(deep=False)


def _total(w: Writer, node: Expr, args: list[Any]) -> Any:
    """The sum of all entries: an inner product where it is one, else between vectors of ones."""
    inner, (e,) = node.args[0], args
    if inner.op == "pow" and inner.args[1].op == "num" and inner.args[1].data == 2:
        base = e.args[0]
        return product([_transposed(base), base], scalar=True)
    if e.is_Matrix and isinstance(e, sympy.HadamardProduct) and len(e.args) == 2:
        return product([_transposed(e.args[0]), e.args[1]], scalar=True)
    rows, columns = w.shape(inner.shape)
    left = [] if rows == 1 else [sympy.OneMatrix(1, rows)]
    right = [] if columns == 1 else [sympy.OneMatrix(columns, 1)]
    return product([*left, e, *right], scalar=True)


def _part(w: Writer, node: Expr, args: list[Any]) -> Any:
    ranges = [_range(s, size) for s, size in zip(node.data, w.shape(node.args[0].shape), strict=True)]
    if node.is_scalar:
        return MatrixElement(args[0], ranges[0][0], ranges[1][0])
    return sympy.MatrixSlice(args[0], *ranges)


def _range(selector: int | tuple[int | None, int | None], size: Any) -> tuple[Any, Any]:
    """The first index, and one more than the last, counted from the front."""
    if isinstance(selector, int):
        first = selector if selector >= 0 else size + selector
        return first, first + 1
    start, stop = selector
    first = 0 if start is None else start if start >= 0 else size + start
    return first, size if stop is None else stop if stop >= 0 else size + stop


_OPERATORS: dict[str, Callable[[Writer, Expr, list[Any]], Any]] = {
    "num": lambda w, n, a: _number(n.data),
    "sym": lambda w, n, a: w.symbol(n),
    "size": lambda w, n, a: w.size(n.data),
    "pi": lambda w, n, a: sympy.pi,
    "eye": lambda w, n, a: sympy.Identity(w.size(n.shape[0])),
    "ones": lambda w, n, a: sympy.OneMatrix(*w.shape(n.shape)),
    "zeros": lambda w, n, a: sympy.ZeroMatrix(*w.shape(n.shape)),
    "commat": lambda w, n, a: ours.Commutation(*w.shape(n.data)),
    "add": _sum,
    "mul": _elementwise_product,
    "pow": _power,
    "matmul": lambda w, n, a: product(a, n.is_scalar),
    "run": lambda w, n, a: sympy.MatPow(a[0], n.data),
    "transpose": lambda w, n, a: _transposed(a[0]),
    "tr": lambda w, n, a: sympy.Trace(a[0]),
    "sum": _total,
    "diag": lambda w, n, a: sympy.DiagMatrix(a[0]),
    "diagv": lambda w, n, a: sympy.DiagonalOf(a[0]),
    "kron": lambda w, n, a: sympy.KroneckerProduct(*a),
    "vec": lambda w, n, a: ours.Vec(a[0]),
    "index": _part,
    "call": lambda w, n, a: _call(n, a),
}


# ---------------------------------------------------------------- functions of rules/
def _call(node: Expr, args: list[Any]) -> Any:
    function = of_call(node)
    named = constructor(function.get("sympy"))
    numbers = isinstance(named, type) and issubclass(named, sympy.Function)  # which takes no matrices
    if numbers or node.data.elementwise or function.signature.elementwise:
        return _at_each_entry(function, args)
    value = _value(function, tuple([kind(a) for a in node.args]), args)
    return sympy.Trace(value) if node.shape == SCALAR and value.is_Matrix else value


def _at_each_entry(function: Function, args: list[Any]) -> Any:
    """f of numbers; of one matrix, with what else it needs closed in; or of several."""
    matrices = [a for a in args if a.is_Matrix]
    entries = ours.bound("d", len(matrices))
    fresh = iter(entries)
    body = _value(function, ("scalar",) * len(args), [next(fresh) if a.is_Matrix else a for a in args])
    if not matrices:
        return body
    if len(matrices) == 1:
        return ElementwiseApplyFunction(sympy.Lambda(entries[0], body), matrices[0])
    return ours.Entrywise(sympy.Lambda(tuple(entries), body), *matrices)


def _value(function: Function, kinds: tuple[str, ...], args: Sequence[Any]) -> Any:
    """What the table says of a function, with its arguments put in."""
    key = "sympy" if function.get("sympy") else "definition"
    spelling = function.get(key)
    if not spelling:
        raise NotSupported(f"rules/ gives {function.name} no name in SymPy", detail=f"{function.where} has no line sympy = ...",
                           fixes=[OWN])
    params = [p for p in function.signature.params if p.kind != "axis"]
    named = constructor(spelling)
    if named is not None:
        pairs = zip(args, params, strict=True)
        return named(*[sympy.ImmutableMatrix([[a]]) if p.kind == "matrix" and not a.is_Matrix else a for a, p in pairs])
    formula, symbols = template(function, key, tuple(["matrix" if k == "row" else k for k in kinds]))
    unknown = set(symbols) - {p.name for p in params}
    if unknown:
        raise RuleError(f"{function.where}: {key} = {spelling!r} names {min(unknown)}, which is neither a class of SymPy nor a parameter")
    atoms: dict[str, Any] = {}
    for param, arg in zip(params, args, strict=True):
        atoms[param.name] = arg
        if param.name in symbols and arg.is_Matrix:
            atoms |= {d: n for d, n in zip(symbols[param.name].shape, arg.shape, strict=True) if isinstance(d, str)}
    return Writer(atoms).write(formula)


def constructor(spelling: str) -> Callable[..., Any] | None:
    """The class that a table names: one of SymPy's expressions, or `matcalc.NAME`, one of ours; None for a formula."""
    if spelling.startswith("matcalc.") and spelling.removeprefix("matcalc.") in OURS:
        named: Callable[..., Any] = getattr(ours, spelling.removeprefix("matcalc."))
        return named
    found = getattr(sympy, spelling, None) if spelling.isidentifier() else None
    return found if isinstance(found, type) and issubclass(found, sympy.Expr) else None


OURS = frozenset("""Adjugate CholeskyFactor Entrywise Largest LargestEigenvalue LowerTriangle MatrixExponential MatrixLogarithm
                    PseudoInverse RowMax SquareRoot UpperTriangle Vec""".split())


# ---------------------------------------------------------------- numbers
def explicit(e: Any, values: Mapping[Any, Any]) -> Any:
    """A SymPy expression at numbers: a Matrix or a number, each distinct part worked out once.

    `.subs` and `.doit()` leave `OneMatrix(2, 1)`, `DiagonalOf` and others unevaluated inside what they evaluate.

    >>> from sympy import ImmutableMatrix, MatrixSymbol, OneMatrix, Symbol, Trace
    >>> n = Symbol("n", integer=True, positive=True)
    >>> x = MatrixSymbol("x", n, 1)
    >>> explicit(Trace(OneMatrix(1, n) * x), {x: ImmutableMatrix([1, 2]), n: 2})
    3
    """
    known = {k: _sympify(v) for k, v in values.items()}

    def parts(node: Any) -> tuple[Any, ...]:
        return () if node in known or isinstance(node, (sympy.MatrixBase, sympy.MatrixSymbol)) else node.args

    def visit(node: Any, args: list[Any]) -> Any:
        if node in known:
            return known[node]
        if isinstance(node, (sympy.DiagonalOf, sympy.DiagonalMatrix)) and isinstance(args[0], sympy.MatrixBase):
            entries = args[0].diagonal()  # their own shape wants symbols
            return sympy.ImmutableMatrix(entries.T if isinstance(node, sympy.DiagonalOf) else sympy.diag(*entries))
        made = node.func(*args) if args else node.xreplace(known)
        if isinstance(made, sympy.MatrixExpr) and not isinstance(made, sympy.MatrixBase):
            made = made.doit(deep=False)
            if not isinstance(made, sympy.MatrixBase) and all(isinstance(s, (int, sympy.Integer)) for s in made.shape):
                made = made.as_explicit()
        elif isinstance(made, sympy.Expr):
            made = made.doit(deep=False)
        return made

    return walk(_sympify(e), parts, visit)
