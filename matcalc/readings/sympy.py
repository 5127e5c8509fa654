"""SymPy's expressions as text in matcalc's own notation, with declarations: what is read from here on is what is echoed and checked."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ..errors import DomainError, Fix, LimitError, NotSupported
from ..limits import DEFAULTS
from ..names import canonical, is_name
from ..syntax import fold

ATOM, POSTFIX, POWER, PRODUCT, NEGATED, SUM = 6, 5, 4, 3, 2, 1
Functions = Mapping[str, tuple[str, int | None]]  # a class of SymPy -> the function it is here, and its axis


class Piece(NamedTuple):
    """A part of the text, and how strongly it holds together. `NEGATED`: a product with a minus in front."""

    text: str
    strength: int

    def within(self, strength: int) -> str:
        return self.text if self.strength >= strength else f"({self.text})"


class Spelled(NamedTuple):
    """A SymPy expression in our notation; `atoms`: what its names stand for in SymPy."""

    text: str
    let: list[str]
    atoms: dict[str, Any]


def is_sympy(value: Any) -> bool:
    """Whether a value is an expression or a matrix of SymPy, which nobody can have made without importing it."""
    sympy = sys.modules.get("sympy")
    return sympy is not None and hasattr(sympy, "Basic") and isinstance(value, (sympy.Basic, sympy.MatrixBase))


def spell(f: Any, variables: Iterable[Any], functions: Functions) -> Spelled:
    """The text of an expression (or text as it is), the declarations of its symbols and of the variables asked for, and these by name.

    >>> from sympy import MatrixSymbol, Symbol, Trace
    >>> X = MatrixSymbol("X", Symbol("n"), Symbol("n"))
    >>> spell(Trace(X.T * X) / 2, [X], {}).text, spell(Trace(X), [], {}).let
    ('tr(X.T @ X) / 2', ['X: matrix(n, n)'])
    """
    import sympy

    reader = Reader(functions)
    names = [(name_of(v), reader.note(v))[0] for v in variables]
    try:
        text = f if isinstance(f, str) else reader.read(f.as_immutable() if isinstance(f, sympy.MatrixBase) else f).text
    except RecursionError:
        raise LimitError("the expression is nested too deeply to be worked on", detail="text with `where` makes it shallower") from None
    sizes = [name for name in names if name in reader.sizes]
    if sizes:
        fix = Fix(say="a variable of the expression as wrt")
        raise DomainError(f"{sizes[0]} is a dimension, and no derivative is taken by it", fixes=[fix])
    let = reader.declarations()
    return Spelled(text, let, {name: a[0, 0] if a.is_Matrix and a.shape == (1, 1) else a for name, a in reader.atoms.items()})


def name_of(variable: Any) -> str:
    """The name of a variable that is a SymPy symbol."""
    import sympy

    if not isinstance(variable, (sympy.Symbol, sympy.MatrixSymbol)):
        raise NotSupported(f"a derivative is taken by a Symbol or a MatrixSymbol, not by {variable}",
                           fixes=[Fix(say='mc.grad(f, sympy.MatrixSymbol("X", n, n))')])
    return checked_name(variable)


def checked_name(symbol: Any) -> str:
    """A symbol's name as matcalc writes it; anything but one word would be read as something else."""
    name = canonical(symbol.name)
    if is_name(name):
        return name
    free = re.sub(r"\W+", "_", name).strip("_") or "X"
    free = free if free.isidentifier() else f"x{free}"
    raise DomainError(f"{symbol.name!r} is no name of a variable", detail="a name is one word of letters, digits and _",
                      fixes=[Fix(say=f"f.xreplace({{{_made(symbol)}: {_made(symbol, free)}}})")])


def _made(symbol: Any, name: str = "") -> str:
    """How a symbol is made, or one like it with another name."""
    assumed = [f"{k}={v}" for k, v in getattr(symbol, "_assumptions_orig", {}).items()]
    return f"sympy.{type(symbol).__name__}({', '.join([repr(name or symbol.name), *map(str, getattr(symbol, 'shape', ())), *assumed])})"


class Reader:
    """Each distinct node once. `atoms`: the symbols met, by name; `sizes`: the names of those that are dimensions."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.atoms: dict[str, Any] = {}
        self.sizes: set[str] = set()
        self.bound: set[Any] = set()  # what elementwise functions call their argument
        self.pieces: dict[Any, Piece] = {}  # what has been read

    # ------------------------------------------------------------ names
    def note(self, symbol: Any) -> str:
        """The name of a symbol; one name is one symbol."""
        name = checked_name(symbol)
        other = self.atoms.setdefault(name, symbol)
        if other != symbol:
            one = _made(other) if not symbol.is_Matrix and not other.is_Matrix else _made(symbol, f"{name}_1")
            raise DomainError(f"two symbols are called {name}", detail=f"{_made(other)} and {_made(symbol)}",
                              fixes=[Fix(say=f"f.xreplace({{{_made(symbol)}: {one}}})")])
        if symbol.is_Matrix:
            self.shape(symbol)
        return name

    def shape(self, e: Any) -> tuple[str, str]:
        return self.size(e.shape[0]), self.size(e.shape[1])

    def size(self, dim: Any) -> str:
        """A dimension: a polynomial of names with whole coefficients."""
        import sympy

        if dim.is_Symbol:
            self.sizes.add(self.note(dim))
            return self.note(dim)
        if dim.is_Integer:
            return str(dim)
        names = sorted(dim.free_symbols, key=str)
        try:
            terms = sympy.Poly(dim, *names).terms()
        except sympy.PolynomialError:
            terms = []
        if not terms or not all(c.is_Integer for _, c in terms):
            raise NotSupported(f"a dimension is a whole number, a symbol, or sums and products of these, not {dim}",
                               fixes=[Fix(say=f"f.xreplace({{{dim}: sympy.Symbol('n')}})")])
        written = []
        for powers, c in terms:
            factors = [self.size(s) for s, k in zip(names, powers, strict=True) for _ in range(k)]
            written.append(" * ".join(factors if factors and c == 1 else [str(c), *factors]))
        return " + ".join(written).replace("+ -", "- ")

    def declarations(self) -> list[str]:
        """How each name is meant; a dimension declares itself in the shape of a matrix."""
        found, told = [], set()
        for name, atom in list(self.atoms.items()):
            if atom.is_Matrix and atom.shape != (1, 1):
                rows, columns = self.shape(atom)
                told |= {n for n in self.sizes if re.search(rf"\b{n}\b", f"{rows} {columns}")}
                found.append(f"{name}: vector({rows})" if columns == "1" else f"{name}: matrix({rows}, {columns})")
            elif name not in self.sizes:
                found.append(f"{name}: scalar")
        return found + [f"{name}: dimension" for name in self.atoms if name in self.sizes - told]

    # ------------------------------------------------------------ the tree
    def read(self, e: Any, known: dict[Any, Piece] | None = None) -> Piece:
        outer, self.pieces = self.pieces, dict(known or {})
        piece: Piece = fold(e, _parts, self.visit, self.pieces)
        self.pieces = outer
        return piece

    def visit(self, node: Any, args: list[Piece]) -> Piece:
        for kind in type(node).__mro__:
            if kind.__name__ in _NODES:
                piece = _NODES[kind.__name__](self, node, args)
                break
        else:
            piece = self.function(node, args)
        if len(piece.text) > DEFAULTS["text"]:
            raise LimitError(f"the expression is longer than {DEFAULTS['text']:,} letters when written out",
                             detail="SymPy repeats what is used several times; text with `where` names it once")
        return piece

    def function(self, node: Any, args: list[Piece]) -> Piece:
        """A function that rules/ spells with this class of SymPy."""
        import sympy

        kind = type(node).__name__
        if kind == "polygamma" and node.args[0] in (0, 1):
            kind, args = ("digamma", "trigamma")[int(node.args[0])], args[1:]
        if kind not in self.functions or not isinstance(node, sympy.Expr):
            raise NotSupported(f"{kind} of SymPy has no counterpart here", detail=f"in {str(node)[:80]}", fixes=_instead(node))
        if isinstance(node, sympy.Function) and any(_is_wide(a) for a in node.args):
            wide = next(a for a in node.args if _is_wide(a))
            raise NotSupported(f"{node} has a matrix where SymPy's {kind} takes a number", detail="a function of every entry is applyfunc",
                               fixes=[Fix(say=f"({wide}).applyfunc(sympy.{kind})")])
        name, axis = self.functions[kind]
        texts = [a.text for a in args]
        if len(texts) > 2 and kind in ("Max", "Min"):
            while len(texts) > 2:
                texts[-2:] = [f"{name}({texts[-2]}, {texts[-1]})"]
        return Piece(f"{name}({', '.join([*texts, *([] if axis is None else [f'axis={axis}'])])})", ATOM)


def _parts(node: Any) -> tuple[Any, ...]:
    """What is read before a node: not the dimensions, and not the bodies of functions."""
    if node.is_Symbol or isinstance(node, _leaves()):
        return ()
    name = type(node).__name__
    if name == "ElementwiseApplyFunction":
        return (node.expr,)
    return tuple(node.args[:1] if name in ("MatrixElement", "MatrixSlice") else node.args)


def _leaves() -> tuple[type, ...]:
    import sympy

    return (sympy.MatrixSymbol, sympy.MatrixBase, sympy.Number, sympy.NumberSymbol, sympy.Identity, sympy.OneMatrix, sympy.ZeroMatrix,
            sympy.FunctionMatrix, sympy.Sum, sympy.Integral, sympy.Derivative, sympy.Piecewise)


def _is_wide(e: Any) -> bool:
    return bool(e.is_Matrix) and e.shape != (1, 1)


def _instead(node: Any) -> list[Fix]:
    """What says the same and can be read."""
    import sympy

    kind = type(node).__name__
    if isinstance(node, sympy.MatrixBase):
        return [Fix(say=f'sympy.MatrixSymbol("M", {node.rows}, {node.cols}) in its place, and its numbers as d(M=...)')]
    if kind == "Sum":
        try:
            made = sympy.MatrixExpr.from_index_summation(node)
        except Exception:  # it has no error of its own for what it cannot do
            made = None
        if made is not None and not made.has(sympy.Sum):
            return [Fix(say="f.replace(lambda e: isinstance(e, sympy.Sum), sympy.MatrixExpr.from_index_summation)")]
        return [Fix(say="sympy.Trace and products of matrices instead of indices")]
    if kind in ("Adjoint", "Conjugate", "conjugate"):
        return [Fix(say=f"({node.args[0]}).T    matrices are real here")]
    if kind == "Derivative":
        return [Fix(say=f"mc.grad({node.args[0]}, {node.args[1][0]})")]
    return []


# ---------------------------------------------------------------- sums and products
def _sum(r: Reader, node: Any, args: list[Piece]) -> Piece:
    terms = list(zip(node.args, args, strict=True))
    terms.sort(key=lambda term: term[1].strength == NEGATED)  # SymPy has its own order of sums; ours begins without a minus
    text = ""
    for _, piece in terms:
        if not text:
            text = piece.text
        elif piece.strength == NEGATED:
            text += f" - {piece.text[1:]}"
        else:
            text += f" + {piece.within(PRODUCT)}"
    return Piece(text, SUM)


def _product(r: Reader, node: Any, args: list[Piece]) -> Piece:
    """numbers * scalars * matrices, in this order, over what has a negative power."""
    negative, above, matrices, below = False, [], [], []
    for arg, piece in zip(node.args, args, strict=True):
        if arg.is_Number and (arg.is_Rational or arg.is_Float):
            negative ^= bool(arg < 0)
            size = abs(arg)
            if arg.is_Float:
                above.append(_float(size))
            else:
                above += [str(size.p)] if size.p != 1 else []
                below += [str(size.q)] if size.q != 1 else []
        elif _divides(arg):
            below.append(_raised(r, arg.args[0], -arg.args[1]).within(POWER))
        elif _is_wide(arg):
            matrices.append(piece.within(POWER))
        else:
            (matrices if arg.is_Matrix else above).append(piece.within(POWER))
    top = " * ".join([*above, *([" @ ".join(matrices)] if matrices else [])]) or "1"
    text = " / ".join([top, *below])
    return Piece(f"-{text}", NEGATED) if negative else Piece(text, PRODUCT)


def _divides(e: Any) -> bool:
    """A negative power of a number, written below the line."""
    is_power = e.is_Pow or type(e).__name__ in ("MatPow", "Inverse")
    return bool(is_power and not _is_wide(e) and e.args[1].is_Number and e.args[1].is_negative)


def _float(value: Any) -> str:
    """The shortest decimal that is this number."""
    return repr(float(value)) if value._prec <= 53 else str(value)


def _number(r: Reader, node: Any, args: list[Piece]) -> Piece:
    if not (node.is_Rational or node.is_Float) or not node.is_finite:
        raise DomainError(f"{node} is no finite real number", fixes=[Fix(say="sympy.Symbol('c') in its place")])
    sign = "-" if node < 0 else ""
    size = abs(node)
    if node.is_Float:
        return Piece(sign + _float(size), NEGATED if sign else ATOM)
    text = str(size.p) if size.q == 1 else f"{size.p} / {size.q}"
    return Piece(sign + text, NEGATED if sign else ATOM if size.q == 1 else PRODUCT)


def _constant(r: Reader, node: Any, args: list[Piece]) -> Piece:
    import sympy

    if node is sympy.pi:
        return Piece("pi", ATOM)
    if node is sympy.E:
        return Piece("exp(1)", ATOM)
    raise NotSupported(f"the constant {node} has no name here", fixes=[Fix(say=f"f.xreplace({{sympy.{node}: sympy.{node}.evalf()}})")])


# ---------------------------------------------------------------- powers
def _power(r: Reader, node: Any, args: list[Piece]) -> Piece:
    base, exponent = node.args
    if _is_wide(exponent):
        raise NotSupported(f"the exponent in {node} is a matrix", fixes=[Fix(say="applyfunc of a function of one number")])
    if exponent.is_Number and exponent < 0:
        return Piece(f"1 / {_raised(r, base, -exponent).within(POWER)}", PRODUCT)
    if exponent.is_Rational:
        return _raised(r, base, exponent)
    if exponent.free_symbols & r.bound:  # an exponent is a scalar; c**x at every entry of x is written out
        return Piece(f"exp({args[1].within(POWER)} * log({args[0].text}))", ATOM)
    return Piece(f"{args[0].within(POSTFIX)}**{args[1].within(ATOM)}", POWER)


def _raised(r: Reader, base: Any, exponent: Any) -> Piece:
    """base**exponent for a positive number as exponent."""
    below = r.pieces[base]
    if exponent == 1:
        return below
    if exponent.is_Rational and (exponent.p, exponent.q) == (1, 2):
        return Piece(f"sqrt({below.text})", ATOM)
    return Piece(f"{below.within(POSTFIX)}**{_number(r, exponent, []).within(ATOM)}", POWER)


def _matrix_power(r: Reader, node: Any, args: list[Piece]) -> Piece:
    import sympy

    base, exponent = node.args
    if node.shape == (1, 1):
        return _power(r, node, args)
    name = {sympy.Rational(-1): "inv", sympy.Rational(1, 2): "sqrtm"}.get(exponent)
    if name:
        return Piece(f"{name}({args[0].text})", ATOM)
    if not exponent.is_Integer:
        raise NotSupported(f"a power of a matrix has a whole number as exponent, not {exponent}",
                           fixes=[Fix(say=f"sympy.MatPow({base}, 2), or ({base}).applyfunc(...) for every entry")])
    return Piece(f"mpow({args[0].text}, {exponent})", ATOM)


def _inverse(r: Reader, node: Any, args: list[Piece]) -> Piece:
    return Piece(f"inv({args[0].text})", ATOM) if _is_wide(node) else Piece(f"1 / {args[0].within(POWER)}", PRODUCT)


def _entrywise_power(r: Reader, node: Any, args: list[Piece]) -> Piece:
    if _is_wide(node.exp) or node.exp.free_symbols & r.bound:
        raise NotSupported(f"the exponent in {node} is a matrix", fixes=[Fix(say="applyfunc of a function of one number")])
    return Piece(f"{args[0].within(POSTFIX)}**{args[1].within(ATOM)}", POWER)


# ---------------------------------------------------------------- matrices
def _symbol(r: Reader, node: Any, args: list[Piece]) -> Piece:
    if node.is_Dummy or not (node.is_commutative or node.is_Matrix):
        raise NotSupported(f"{node} is no variable with a value", fixes=[Fix(say=f"sympy.Symbol('{node.name}') in its place")])
    return Piece(r.note(node), ATOM)


def _call(name: str) -> Callable[[Reader, Any, list[Piece]], Piece]:
    """A function of a matrix; of what is 1 x 1, it is the number itself."""
    return lambda r, node, args: Piece(f"{name}({args[0].text})", ATOM) if _is_wide(node.args[0]) else args[0]


def _constant_matrix(name: str, value: str) -> Callable[[Reader, Any, list[Piece]], Piece]:
    def write(r: Reader, node: Any, args: list[Piece]) -> Piece:
        rows, columns = r.shape(node)
        return Piece(f"{name}({rows}{'' if name == 'eye' else f', {columns}'})", ATOM) if _is_wide(node) else Piece(value, ATOM)
    return write


def _transpose(r: Reader, node: Any, args: list[Piece]) -> Piece:
    return Piece(f"{args[0].within(POSTFIX)}.T", POSTFIX) if _is_wide(node) else args[0]


def _hadamard(r: Reader, node: Any, args: list[Piece]) -> Piece:
    return Piece(" * ".join([a.within(POWER) for a in args]), PRODUCT)


def _kronecker(r: Reader, node: Any, args: list[Piece]) -> Piece:
    text = args[0].text
    for a in args[1:]:
        text = f"kron({text}, {a.text})"
    return Piece(text, ATOM)


def _diagonal(r: Reader, node: Any, args: list[Piece]) -> Piece:
    """DiagMatrix of a vector; DiagonalMatrix, which keeps the diagonal of a matrix; DiagonalOf, that as a vector."""
    arg = node.args[0]
    if not _is_wide(arg):
        return args[0]
    kind = type(node).__name__
    if kind == "DiagMatrix" and 1 in arg.shape:
        return Piece(f"diag({args[0].text if arg.shape[1] == 1 else args[0].within(POSTFIX) + '.T'})", ATOM)
    if kind == "DiagMatrix" or arg.shape[0] != arg.shape[1]:
        raise NotSupported(f"{node} needs {'a vector' if kind == 'DiagMatrix' else 'a square matrix'} here",
                           fixes=[Fix(say="sympy.DiagMatrix(x) of a vector x, or sympy.DiagonalOf(X) of a square matrix X")])
    text = f"diagv({args[0].text})"
    return Piece(text if kind == "DiagonalOf" else f"diag({text})", ATOM)


def _at_each_entry(r: Reader, node: Any, args: list[Piece]) -> Piece:
    """The body of the function, with the matrix for its variable: in our notation it means every entry."""
    (variable,), body = node.function.variables, node.function.expr
    if variable not in body.free_symbols:
        constant = r.read(body)
        return Piece(f"{constant.within(POWER)} * ones({', '.join(r.shape(node))})", PRODUCT) if _is_wide(node) else constant
    outer, r.bound = r.bound, r.bound | {variable}
    piece = r.read(body, {variable: args[0]})
    r.bound = outer
    return piece


def _entry(r: Reader, node: Any, args: list[Piece]) -> Piece:
    parent, *indices = node.args
    if parent.shape == (1, 1):
        return args[0]
    places = [_place(i, size) for i, size in zip(indices, parent.shape, strict=True)]
    if "" in places:
        raise NotSupported(f"{node} has an index that is no number", fixes=[Fix(say=f"{parent}[0, 0], or a product of matrices")])
    inside = ", ".join(i for i, size in zip(places, parent.shape, strict=True) if size != 1 or 1 not in parent.shape)
    return Piece(f"{args[0].within(POSTFIX)}[{inside}]", POSTFIX)


def _place(index: Any, size: Any) -> str:
    """A whole number, counted from the end where the index is so many less than the size; nothing for any other."""
    if index.is_Integer:
        return str(index)
    from_end = index - size
    return str(from_end) if from_end.is_Integer and from_end < 0 else ""


def _slice(r: Reader, node: Any, args: list[Piece]) -> Piece:
    parent = node.args[0]
    inside = [_range(node, part, size) for part, size in zip(node.args[1:], parent.shape, strict=True)]
    if 1 in parent.shape:
        inside = [text for text, size in zip(inside, parent.shape, strict=True) if size != 1] or inside
    return Piece(f"{args[0].within(POSTFIX)}[{', '.join(inside)}]", POSTFIX)


def _range(node: Any, part: Any, size: Any) -> str:
    """start:stop, counted from the end where it is so many less than the size."""
    start, stop, step = part
    texts = []
    for bound, whole in ((start, 0), (stop, size)):
        texts.append("" if bound == whole else _place(bound, size) or "?")
    if step != 1 or "?" in texts:
        raise NotSupported(f"{node} has a range that is no start:stop of numbers", fixes=[Fix(say="X[1:, :-1]")])
    return ":".join(texts)


def _several(r: Reader, node: Any, args: list[Piece]) -> Piece:
    """A function of several numbers at each entry of several matrices: a class of ours."""
    outer, r.bound = r.bound, r.bound | set(node.function.variables)
    piece = r.read(node.function.expr, dict(zip(node.function.variables, args[1:], strict=True)))
    r.bound = outer
    return piece


_NODES: dict[str, Callable[[Reader, Any, list[Piece]], Piece]] = {
    "MatrixSymbol": _symbol, "Symbol": _symbol,
    "Number": _number, "NumberSymbol": _constant,
    "Add": _sum, "MatAdd": _sum, "Mul": _product, "MatMul": _product,
    "Pow": _power, "Inverse": _inverse, "MatPow": _matrix_power,
    "Transpose": _transpose, "Trace": _call("tr"), "Determinant": _call("det"), "Vec": _call("vec"),
    "Identity": _constant_matrix("eye", "1"), "OneMatrix": _constant_matrix("ones", "1"), "ZeroMatrix": _constant_matrix("zeros", "0"),
    "HadamardProduct": _hadamard, "HadamardPower": _entrywise_power, "KroneckerProduct": _kronecker,
    "DiagMatrix": _diagonal, "DiagonalMatrix": _diagonal, "DiagonalOf": _diagonal,
    "ElementwiseApplyFunction": _at_each_entry, "Entrywise": _several,
    "MatrixElement": _entry, "MatrixSlice": _slice,
}
