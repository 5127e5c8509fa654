"""A formula read off running code: a Python function is run on Variables, and what was recorded is written in matcalc's notation."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ..declarations import declare
from ..dims import evaluate, names
from ..errors import DomainError, NotSupported
from ..limits import Limits
from . import operations as op
from .conditions import Condition
from .variable import Variable, reading, recording
from .walk import recorded

LETTERS = ("n", "m", "k", "p", "q", "r", "d", "h")
SIZES = ((3, 4, 5, 7, 11, 13, 17, 19), (25, 21, 18, 16, 14, 12, 10, 9))  # unlike each other: a size says which dimension it is; and in
# another order, so that no difference, ratio or quotient of two sizes is the same number in both runs
WITHOUT = {"einsum": "@, .T, sum and * have", "mask": "where(x > 0, a, b) has, with a comparison of Variables"}
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def from_function(f: Callable[..., Any], let: Sequence[str] = (), /, **arguments: Any) -> Any:
    """The expression that a Python function of Variables computes.

    Its arguments are declared in `let`, as for `mc.grad`, or given as example arrays by name, whose equal sizes become equal dimensions.
    The function is run at two sizes, so that a number that is a size is told from one that is not, and once more at other values. What
    would keep a value in the formula is refused: a branch on it, math.exp(x), x.item(). A vector is a column: `x @ y` is `x.T @ y`.

    >>> import matcalc as mc
    >>> from matcalc.autograd import tanh
    >>> print(mc.from_function(lambda A, x: tanh(A @ x) @ x, ["A: matrix(n, n)", "x: vector(n)"]))
    x.T @ tanh(A @ x)
    """
    import matcalc as mc

    text, declared = traced(f, let, arguments)
    return mc.parse(text, let=declared)


def traced(f: Callable[..., Any], let: Sequence[str], arguments: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The text of the formula, and the declarations of its names."""
    if not callable(f):
        raise DomainError(f"from_function reads a Python function, not {type(f).__name__}", detail="mc.parse reads text")
    try:
        parameters = inspect.signature(f).parameters.values()
        said = {d.name for d in declare(tuple(let), Limits()).values()} | set(arguments)
        wanted = [p.name for p in parameters if p.name in said or p.default is p.empty]
    except (TypeError, ValueError):
        wanted = list(arguments)
    declared = [*let, *_declarations(wanted, let, arguments)]
    first, sizes = _run(f, wanted, declared, SIZES[0])
    if _run(f, wanted, declared, SIZES[0], seed=1)[0] != first:
        raise NotSupported("a number in the function depends on the values of its arguments, or is drawn at random",
                           detail="make it an argument: it will have a name")
    second, others = _run(f, wanted, declared, SIZES[1])
    return _together(first, second, sizes, others), declared


def _run(f: Callable[..., Any], wanted: Sequence[str], declared: Sequence[str], choices: Sequence[int],
         seed: int = 0) -> tuple[str, dict[str, int]]:
    """The text of one run at sizes and values of our own, and these sizes."""
    said = {d.name: d for d in declare(tuple(declared), Limits()).values()}
    shapes = {name: d.shape or (1, 1) for name, d in said.items()}
    sizes: dict[str, int] = {}
    for name in wanted:
        for dim in shapes[name]:
            for letter in sorted(names(dim)):
                if letter not in sizes and len(sizes) == len(choices):
                    raise NotSupported(f"a function of more than {len(choices)} dimensions is not read")
                if letter not in sizes:
                    sizes[letter] = choices[len(sizes)]
    rng = np.random.default_rng(seed)
    leaves: dict[str, Variable] = {}
    for name in wanted:
        rows, columns = (evaluate(d, sizes) for d in shapes[name])
        shape = () if (rows, columns) == (1, 1) else (rows,) if columns == 1 and said[name].kind != "matrix" else (rows, columns)
        leaves[name] = Variable(0.5 + rng.uniform(size=shape) + (2 * np.eye(rows) if rows == columns and shape else 0))
    with recording():
        names_read = reading.set(frozenset(map(id, leaves.values())))
        try:
            result = f(*(leaves[name] for name in wanted))
        finally:
            reading.reset(names_read)
    result = result.indicator if isinstance(result, Condition) else result
    if not isinstance(result, Variable):
        raise DomainError(f"the function must return what it computed from its arguments, not {type(result).__name__}")
    return _Writer({id(leaf): name for name, leaf in leaves.items()}, {n: d for d, n in sizes.items()}).write(result), sizes


def _together(first: str, second: str, sizes: Mapping[str, int], others: Mapping[str, int]) -> str:
    """One text of two runs: a number that follows a size is written by it."""
    if NUMBER.sub("#", first) != NUMBER.sub("#", second):
        raise NotSupported("the function computes something else at other sizes", detail="a loop over the entries, or a branch on a size")
    there = iter(NUMBER.findall(second))

    def agreed(found: re.Match[str]) -> str:
        here, other = found.group(), next(there)
        if here == other:
            return here
        for d, n in sizes.items():
            for text, k in ((d, 1.0), (f"(1 / {d})", -1.0), (f"sqrt({d})", 0.5), (f"(1 / sqrt({d}))", -0.5)):
                if abs(n**k - float(here)) < 1e-12 * float(here) and abs(others[d] ** k - float(other)) < 1e-12 * float(other):
                    return text
        raise NotSupported(f"a number in the function depends on its sizes: {here} at one, {other} at another",
                           detail="mean(), and the sizes themselves, are understood")

    return NUMBER.sub(agreed, first)


def _declarations(wanted: Sequence[str], let: Sequence[str], arguments: Mapping[str, Any]) -> list[str]:
    """Of the arguments that are given by example: equal sizes are equal dimensions."""
    said = declare(tuple(let), Limits())
    missing = [n for n in wanted if n not in {d.name for d in said.values()} and n not in arguments]
    if missing:
        raise DomainError(f"nothing is known of the argument {missing[0]}",
                          detail=f'declare it, as in let=["{missing[0]}: vector(n)"], or give an example, {missing[0]}=array')
    taken = {letter for d in said.values() for dim in d.shape or () for letter in names(dim)}
    free = [x for x in LETTERS if x not in taken]
    known: dict[int, str] = {1: "1"}
    found = []
    for name in arguments:
        shape = np.shape(arguments[name])
        if len(shape) > 2:
            raise NotSupported(f"a formula has vectors and matrices; {name} has {len(shape)} axes")
        for size in shape:
            if size not in known:
                known[size] = free.pop(0)
        dims = [known[size] for size in shape]
        found.append(f"{name}: " + ("scalar" if not dims else f"vector({dims[0]})" if len(dims) == 1 else f"matrix({dims[0]}, {dims[1]})"))
    return found


def _picks_row(index: Any) -> bool:
    """Does an index into a matrix leave a row, which is a vector for NumPy and a row in formulas?"""
    first = index[0] if isinstance(index, tuple) else index
    return isinstance(first, int | np.integer)


class _Writer:
    """Writes each recorded node once; a vector of Variables is a column of the language."""

    def __init__(self, leaves: dict[int, str], sizes: dict[int, str]) -> None:
        self.leaves, self.sizes = leaves, sizes

    def write(self, root: Variable) -> str:
        nodes, _ = recorded(root, object())
        texts: dict[int, str] = {}
        self.columns: dict[int, str] = {}  # of a row that was a column: its text

        def text(p: Any) -> str:
            if isinstance(p, Variable):
                return texts[id(p)] if id(p) in texts else self.leaves[id(p)] if id(p) in self.leaves else self._number(p._v)
            return self._number(p)

        for n in reversed(nodes):
            n._g = None
            texts[id(n)] = self._node(n, text)
        return text(root)

    def _number(self, v: Any) -> str:
        if v.__class__ is not float:
            flat = np.ravel(v)
            if flat.size and (flat == flat[0]).all():
                return self._filled(float(flat[0]), np.shape(v))
            if np.ndim(v) == 2 and v.shape[0] == v.shape[1] and (v == np.eye(len(v)) * v[0, 0]).all():
                return f"({self._number(float(v[0, 0]))} * eye({self._size(len(v))}))"
            raise NotSupported("an array of numbers stands inside the function", detail="make it an argument: it will have a name")
        if not np.isfinite(v):
            raise NotSupported(f"a number in the function is {v}: there is no formula of it")
        whole = int(v) if v == int(v) and abs(v) < 1e15 else v
        return f"({whole!r})" if whole < 0 else repr(whole)

    def _size(self, n: int) -> str:
        return self.sizes.get(n, str(n))

    def _filled(self, x: float, shape: tuple[int, ...]) -> str:
        size = ", ".join(self._size(n) for n in shape)
        return f"({self._number(x)} * ones({size}))" if shape else self._number(x)

    def _node(self, n: Variable, text: Callable[[Any], str]) -> str:
        a, b, kind = n._a, n._b, n._op
        if kind.sign in ("+", "-", "*", "/"):
            return self._entrywise(n, kind, text)
        if kind.sign == "**":
            return self._power(*((b, a) if kind is op.RPOW else (a, b)), text)
        if kind.sign == "@":
            return self._product(a, b, text)
        if kind is op.NEG:
            return f"(-{text(a)})"
        if kind is op.SUM or kind is op.MEAN:
            return self._reduced("sum" if kind is op.SUM else "mean", n, text)
        if kind is op.TRANSPOSE:
            return text(a) if n.ndim < 2 or b == tuple(range(n.ndim)) else f"({text(a)}).T"
        if kind is op.RESHAPE:
            return self._reshaped(n, text)
        if kind is op.INDEX:
            found = f"({text(a)})[{self._index(b[0])}]"
            return f"({found}).T" if n.ndim == 1 and _picks_row(b[0]) and len(b[1]) == 2 else found
        if kind is op.CONCATENATE:
            return self._joined(n, text)
        if kind.many or kind in (op.MASK, op.SCATTER):
            raise NotSupported(f"{kind.name} has no formula in matcalc's notation", detail=WITHOUT.get(kind.name, ""))
        return self._function(n, kind.name.split(":"), text)

    def _power(self, base: Any, exponent: Any, text: Callable[[Any], str]) -> str:
        values = np.ravel(exponent._v if isinstance(exponent, Variable) else exponent)
        if op.shape_of(exponent) and (isinstance(exponent, Variable) or (values != values[0]).any()):
            if isinstance(base, Variable) or np.ndim(base) or base <= 0:
                raise NotSupported("a power with an exponent for each entry has no formula in matcalc's notation",
                                   detail="exp(y * log(x)) has, for positive x")
            return f"exp({text(exponent)} * log({self._number(base)}))"
        if isinstance(exponent, Variable):
            return f"({text(base)})**({text(exponent)})"
        whole = Fraction(float(values[0])).limit_denominator(1000)
        return f"({text(base)})**({whole if float(whole) == values[0] else self._number(float(values[0]))})"

    def _function(self, n: Variable, name: list[str], text: Callable[[Any], str]) -> str:
        """A call: whole numbers stand first, an axis last; a single row is written as the column that it was."""
        args = [p for p in (n._a, n._b) if p is not None]
        before, after = ([w for w in name[1:] if ("=" in w) == said] for said in (False, True))
        if len(args) == 1 and op.shape_of(args[0])[:1] == (1,) and id(args[0]) in self.columns:
            found = f"{name[0]}({self.columns[id(args[0])]})"
            return f"({found}).T" if n.shape == args[0].shape and n.shape != (1, 1) else found
        return f"{name[0]}({', '.join([*before, *map(text, args), *after])})"

    def _entrywise(self, n: Variable, kind: op.Operation, text: Callable[[Any], str]) -> str:
        left, right = (n._b, n._a) if kind is op.RDIV else (n._a, n._b)
        return f"({self._spread(left, n.shape, kind.sign, text)} {kind.sign} {self._spread(right, n.shape, kind.sign, text)})"

    def _spread(self, p: Any, shape: tuple[int, ...], sign: str, text: Callable[[Any], str]) -> str:
        """An operand, repeated as NumPy broadcasts it: the language repeats rows in sums, and numbers."""
        have = op.shape_of(p)
        if have == shape or np.prod(have) == 1:
            return text(p)
        if len(shape) > 2:
            raise NotSupported("a formula has vectors and matrices; this value has more axes")
        if len(have) == 1 and len(shape) == 2:
            row = f"({text(p)}).T"
            return row if sign in "+-" else f"(ones({self._size(shape[0])}) @ {row})"
        if have == (1, shape[-1]):
            return text(p) if sign in "+-" else f"(ones({self._size(shape[0])}) @ {text(p)})"
        if len(have) == 2 and have[1] == 1 and len(shape) == 2:
            return f"({text(p)} @ ones(1, {self._size(shape[1])}))"
        raise NotSupported(f"shapes {have} and {shape} in one {sign} have no formula in matcalc's notation")

    def _product(self, a: Any, b: Any, text: Callable[[Any], str]) -> str:
        m, n = len(op.shape_of(a)), len(op.shape_of(b))
        if m > 2 or n > 2:
            raise NotSupported("a formula has no stacks of matrices")
        if m == 1:
            return f"(({text(a)}).T @ {text(b)})" if n == 1 else f"(({text(b)}).T @ {text(a)})"
        return f"({text(a)} @ {text(b)})"

    def _reduced(self, name: str, n: Variable, text: Callable[[Any], str]) -> str:
        axis, keepdims, shape = n._b
        if axis is None or len(shape) == 1:
            return f"{name}({text(n._a)})"
        if isinstance(axis, tuple):
            if len(axis) != len(shape):
                raise NotSupported("a sum over several axes has no formula in matcalc's notation")
            return f"{name}({text(n._a)})"
        found = f"{name}({text(n._a)}, axis={axis % 2})"
        return found if axis % 2 == 1 or keepdims else f"({found}).T"

    def _reshaped(self, n: Variable, text: Callable[[Any], str]) -> str:
        have, want = n._b, n.shape
        inner = text(n._a)
        def column(s: tuple[int, ...]) -> bool:
            return len(s) == 1 or (len(s) == 2 and s[1] == 1)
        if have == want or (column(have) and column(want)) or (not want) or (not have):
            return inner
        if (column(have) and want[:1] == (1,)) or (have[:1] == (1,) and column(want)):
            self.columns[id(n)] = inner
            return f"({inner}).T"
        if len(have) == 2 and column(want):
            return f"vec(({inner}).T)"
        raise NotSupported(f"a reshape from {have} to {want} has no formula in matcalc's notation")

    def _joined(self, n: Variable, text: Callable[[Any], str]) -> str:
        """Blocks of one shape: block i is kron(unit column i, block), or with a unit row where they stand side by side."""
        shapes = [op.shape_of(p) for p in n._a]
        if len(set(shapes)) > 1 or n.ndim > 2:
            raise NotSupported(f"blocks of shapes {', '.join(map(str, shapes))} are joined, which has no formula in matcalc's notation",
                               detail="blocks of one shape have; else split the function into its blocks")
        k, side = len(shapes), n.ndim == 2 and n._b == 1
        units = [f"eye({k})[{i}, :]" if side else f"eye({k})[:, {i}]" for i in range(k)]
        return "(" + " + ".join(f"kron({unit}, {text(p)})" for unit, p in zip(units, n._a, strict=True)) + ")"

    def _index(self, index: Any) -> str:
        parts = index if isinstance(index, tuple) else (index,)
        texts = []
        for p in parts:
            if isinstance(p, int | np.integer) and not isinstance(p, bool):
                texts.append(str(int(p)))
            elif isinstance(p, slice) and p.step in (None, 1):
                texts.append(f"{'' if p.start is None else p.start}:{'' if p.stop is None else p.stop}")
            else:
                raise NotSupported("entries picked by a list have no formula in matcalc's notation")
        return ", ".join(texts)
