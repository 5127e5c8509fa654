"""Expressions: an immutable, interned DAG of the closed set of operators; equal expressions are the same object.

    num        data: int or Fraction                          a number
    sym        data: Variable                                 a variable
    size       data: name                                     a dimension used as a number
    pi eye ones zeros commat                                  constants; shape says their size
    add        data: coefficients, one an argument            sum of terms
    mul        data: coefficient                              elementwise product; scalars scale
    pow        (base, exponent)                               elementwise power, the exponent a scalar
    matmul     factors without scalars                        matrix product
    run        data: k                                        k-fold product of a square matrix with itself
    transpose  (x,)                                           of a symbol, a call or a slice; inside all else it moves inward
    tr sum diag diagv kron vec                                as in the language
    index      data: selectors                                slices
    call       data: name                                     a function, of which only rules/ knows more

The constructors in `algebra` bring operators into a normal form; nodes are never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple
from weakref import ref
from zlib import crc32

from .dims import SCALAR, Shape
from .syntax import fold as walk

Number = int | Fraction


class Variable(NamedTuple):
    """What makes a symbol itself. `rank`: its place among the variables of one expression (first typed, first printed)."""

    name: str
    properties: frozenset[str] = frozenset()
    rank: int = 0
    spelled: str = ""


class Head(NamedTuple):
    """What the algebra has to know of a function: facts from its table that travel with every call.

    transpose: "through" if f(X.T) = f(X).T, "same" if f(X.T) = f(X), else "".   result: the kind of its value.
    """

    name: str
    transpose: str = ""
    elementwise: bool = False
    axis: int | None = None


class Expr:
    """One node. `canon`: the same value with the terms of sums and products in a fixed order, for finding like terms;
    `key`: a structural number for that order; `rank`: the lowest rank of a variable in it; `transposes`: how many `.T` it shows."""

    __slots__ = ("op", "args", "data", "shape", "key", "rank", "transposes", "canon", "_transpose", "_cost", "_terms", "_turns", "_content",
                 "_opened", "__weakref__")
    op: str
    args: tuple[Expr, ...]
    data: Any
    shape: Shape
    key: int
    rank: int
    transposes: int
    canon: Expr
    _transpose: Expr | None
    _cost: int | None
    _terms: int | None
    _turns: bool | None
    _content: tuple[Number, Expr] | None
    _opened: tuple[Expr, ...] | None

    @property
    def is_scalar(self) -> bool:
        return self.shape == SCALAR

    @property
    def is_column(self) -> bool:
        return self.shape[1] == 1 and self.shape[0] != 1

    @property
    def is_row(self) -> bool:
        return self.shape[0] == 1 and self.shape[1] != 1

    @property
    def T(self) -> Expr:
        from .algebra import transpose

        return transpose(self)

    __array_ufunc__ = None  # NumPy leaves `array @ expression` to us, who say what is wrong with it

    def _by(self, operation: str, *operands: Any) -> Expr:
        from . import operands as on

        result: Expr = getattr(on, operation)(*operands)
        return result

    def __add__(self, other: Any) -> Expr:
        return self._by("plus", self, other)

    def __radd__(self, other: Any) -> Expr:
        return self._by("plus", other, self)

    def __sub__(self, other: Any) -> Expr:
        return self._by("minus", self, other)

    def __rsub__(self, other: Any) -> Expr:
        return self._by("minus", other, self)

    def __mul__(self, other: Any) -> Expr:
        return self._by("times", self, other)

    def __rmul__(self, other: Any) -> Expr:
        return self._by("times", other, self)

    def __truediv__(self, other: Any) -> Expr:
        return self._by("over", self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return self._by("over", other, self)

    def __matmul__(self, other: Any) -> Expr:
        return self._by("at", self, other)

    def __rmatmul__(self, other: Any) -> Expr:
        return self._by("at", other, self)

    def __pow__(self, other: Any) -> Expr:
        return self._by("raised", self, other)

    def __rpow__(self, other: Any) -> Expr:
        return self._by("raised", other, self)

    def __neg__(self) -> Expr:
        return self._by("times", -1, self)

    def __getitem__(self, key: Any) -> Expr:
        return self._by("part", self, key)

    __iter__ = None  # an expression has no length to run through

    def __copy__(self) -> Expr:
        return self

    def __deepcopy__(self, memo: Any) -> Expr:
        return self

    def __reduce__(self) -> Any:
        raise TypeError("expressions are interned and cannot be pickled; keep their text")

    def sympy(self) -> Any:
        """The same value in SymPy, over MatrixSymbols with symbolic dimensions."""
        from .printers.sympy import to_sympy

        return to_sympy(self)

    _sympy_ = sympy

    def __str__(self) -> str:
        from .printers.text import expression_text

        return expression_text(self)

    def __repr__(self) -> str:
        return f"<{self}>"

    def _repr_latex_(self) -> str:
        from .printers import printed

        return rf"$\displaystyle {printed(self, 'latex')}$"


Identity = tuple[str, Any, tuple["Expr", ...], Shape]


class _Entry(ref[Expr]):
    """A node in the table, which forgets it when nobody holds it any more. (A WeakValueDictionary does the same, twice as slowly.)"""

    __slots__ = ("identity",)
    identity: Identity


_interned: dict[Identity, _Entry] = {}


def _forget(entry: ref[Expr]) -> None:
    assert isinstance(entry, _Entry)
    if _interned.get(entry.identity) is entry:
        del _interned[entry.identity]


_ORDERLESS = ("add", "mul")
NO_RANK = 1 << 30


def make(op: str, args: tuple[Expr, ...] = (), data: Any = None, shape: Shape = SCALAR) -> Expr:
    """The one node with these parts. Only constructors call this; it checks nothing."""
    identity = (op, data, args, shape)
    entry = _interned.get(identity)
    if entry is not None:
        found = entry()
        if found is not None:
            return found
    node: Expr = object.__new__(Expr)
    node.op, node.args, node.data, node.shape = op, args, data, shape
    node._transpose = node._cost = node._terms = node._turns = node._content = node._opened = None
    rank, transposes, same = NO_RANK, 1 if op == "transpose" else 0, True
    for a in args:
        if a.rank < rank:
            rank = a.rank
        transposes += a.transposes
        same = same and a.canon is a
    node.rank, node.transposes = rank, transposes
    if op in _ORDERLESS:
        node.canon, node.key = _canonical_sum_or_product(node)
    else:
        node.key = _key(node)
        node.canon = node if same else make(op, tuple([a.canon for a in args]), data, shape)
    entry = _Entry(node, _forget)
    entry.identity = identity
    _interned[identity] = entry
    return node


def _canonical_sum_or_product(node: Expr) -> tuple[Expr, int]:
    if node.op == "add":
        pairs = sorted([(a.key, c, a.canon) for a, c in zip(node.args, node.data, strict=True)], key=_key_and_number)
        args, data = tuple([p[2] for p in pairs]), tuple([p[1] for p in pairs])
        key = hash((2, *[p[0] for p in pairs], *data))
    else:
        args = tuple(sorted([a.canon for a in node.args], key=_key_of))
        data = node.data
        key = hash((3, data, *[a.key for a in args]))
    if args == node.args and data == node.data:
        return node, key
    return make(node.op, args, data, node.shape), key


_key_of = attrgetter("key")
_key_and_number = itemgetter(0, 1)


_OPS = {op: i for i, op in enumerate(
    "num sym size pi eye ones zeros commat add mul pow matmul run transpose tr sum diag diagv kron vec index call".split(), 11)}


def _key(node: Expr) -> int:
    """Deterministic: built from ranks, numbers and checksums, never from addresses or salted hashes."""
    data = node.data
    if node.op == "sym":
        data = data.rank if data.rank else crc32(data.name.encode())
        node.rank = node.data.rank or NO_RANK - 1
    elif isinstance(data, str):
        data = crc32(data.encode())
    elif data is None:
        data = 0  # the hash of None is an address
    elif not isinstance(data, (int, Fraction)):
        data = crc32(repr(data).encode())
    return hash((_OPS[node.op], hash(data), *[a.key for a in node.args]))


def symbol(name: str, shape: Shape, properties: frozenset[str] = frozenset(), rank: int = 0, spelled: str = "") -> Expr:
    """A variable; `rank` 0 stands for none."""
    return make("sym", (), Variable(name, properties, rank, spelled), shape)


def number(value: Number) -> Expr:
    if type(value) is not int and value.denominator == 1:
        value = value.numerator
    return make("num", (), value)


def magnitude(value: Number) -> Number:
    """The absolute value, with its type."""
    return value if value >= 0 else -value


def fold(root: Expr, visit: Callable[[Expr, list[Any]], Any], values: dict[Expr, Any] | None = None) -> Any:
    """visit(node, values of its arguments) once for every distinct node below root, arguments first."""
    return walk(root, _arguments, visit, values)


def _arguments(node: Expr) -> tuple[Expr, ...]:
    return node.args


def postorder(roots: Iterable[Expr]) -> list[Expr]:
    """Every distinct node below the roots, arguments first, the last argument's first: reversed, terms come in typed order."""
    seen: set[Expr] = set()
    out: list[Expr] = []
    stack = [(r, False) for r in roots]
    while stack:
        node, ready = stack.pop()
        if ready:
            out.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend([(a, False) for a in node.args if a not in seen])
    return out


def settle(root: Expr, waiting: Callable[[Expr], list[Expr]], visit: Callable[[Expr], None]) -> None:
    """visit(node) for the root and the parts that wait below it, parts first: for what nodes remember of themselves."""
    stack = [root]
    while stack:
        parts = waiting(stack[-1])
        if parts:
            stack.extend(parts)
        else:
            visit(stack.pop())


def symbols(root: Expr) -> dict[str, Expr]:
    """The variables of an expression by name, in order of appearance."""
    return {node.data.name: node for node in reversed(postorder([root])) if node.op == "sym"}
