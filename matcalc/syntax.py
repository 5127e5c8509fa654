"""What the parser produces: the tree of a text, its names and their shapes, and what was assumed to read it.

The tree stays close to the text, so that errors can point into it and the checker can evaluate what was typed and not
what the engine made of it. Resolved kinds of `Node` (after shapes are inferred):

    number     data: Fraction
    name       data: canonical name of a variable
    size       data: Dim, a dimension used as a number            pi
    neg        [x]
    add        terms; data: tuple of +1/-1, one a term. Shapes are equal, or scalar (added to every entry), or a row
               added to each row of a matrix
    product    factors; data: tuple of "@" "*" "/", one fewer than factors, applied left to right; a scalar on either side scales
    power      [base, exponent], elementwise, the exponent a scalar
    transpose  [x]
    index      [x]; data: tuple of one or two selectors, each an int or a slice
    call       arguments; data: name of the function or operator; axis: None, 0 or 1
    ref        [definition]: a name of `where`; the definition's node is shared between its uses
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from .dims import SCALAR, Dim, Shape
from .errors import Span

T = TypeVar("T")


class Node:
    """One part of a text. `shape` is filled by shape inference; (start, end) are columns of the text."""

    __slots__ = ("kind", "children", "data", "axis", "start", "end", "shape")

    def __init__(self, kind: str, children: Iterable[Node] = (), data: Any = None, span: Span = (0, 0), axis: int | None = None) -> None:
        self.kind, self.children, self.data, self.axis = kind, tuple(children), data, axis
        self.start, self.end = span
        self.shape: Shape = SCALAR

    @property
    def span(self) -> Span:
        return (self.start, self.end)

    def __repr__(self) -> str:
        return f"Node({self.kind}, {list(self.children)}, {self.data!r})"


class Symbol(NamedTuple):
    """A variable: its name as matcalc knows it, as it was typed (Σ for Sigma), its shape and what is declared of it."""

    name: str
    shape: Shape
    properties: frozenset[str] = frozenset()
    declared: bool = False
    spelled: str = ""


class Param(NamedTuple):
    """A parameter of a function: kind is any, scalar, vector, matrix or integer; dims are its dimension names."""

    name: str
    kind: str
    dims: tuple[Dim, ...] = ()


class Signature(NamedTuple):
    """What a function takes and gives; the result's kind is like (the shape of the first parameter), scalar, vector, row or matrix."""

    function: str
    params: tuple[Param, ...]
    result: Param
    elementwise: bool = False


class Language(NamedTuple):
    """What the parser has to know of functions: data, so that it depends on no rule file."""

    signatures: dict[str, tuple[Signature, ...]]  # every function that has a rule, with its overloads
    unsupported: dict[str, tuple[str, str]]  # known names without a rule: (what it is, what comes closest as an expression or "")
    aliases: dict[str, str]  # trace -> tr, ln -> log


class Typeset(NamedTuple):
    """What the look of a text says beyond its words: in LaTeX, bold letters are vectors."""

    latex: bool = False
    vectors: frozenset[str] = frozenset()
    doubtful: frozenset[int] = frozenset()  # columns at which functions begin that may be of a matrix or of its entries


class Reading(NamedTuple):
    """A text, read: the tree with shapes, its variables in order of appearance, and what was assumed."""

    text: str
    root: Node
    symbols: dict[str, Symbol]
    dims: frozenset[str]  # names of dimensions in use
    notes: tuple[str, ...] = ()  # what a user should know about how the text was read
    decimals: bool = False  # a decimal point was typed
    syntax: str = "numpy"
    unused: tuple[Symbol, ...] = ()  # declared, but not in the text

    @property
    def assumed(self) -> tuple[Symbol, ...]:
        """The variables that nobody declared."""
        return tuple(s for s in self.symbols.values() if not s.declared)


def fold(root: T, children: Callable[[T], Sequence[T]], visit: Callable[[T, list[Any]], Any], values: dict[T, Any] | None = None) -> Any:
    """visit(node, values of its children) once for every distinct node, children first, without recursion.

    The one way in which every pass walks a tree or a DAG: linear in its size, whatever its depth. `values` may hold what is
    known already; it is filled.
    """
    values = {} if values is None else values
    stack = [root]
    while stack:
        node = stack[-1]
        if node in values:
            stack.pop()
            continue
        below = children(node)
        waiting = [c for c in below if c not in values]
        if waiting:
            waiting.reverse()
            stack.extend(waiting)
        else:
            stack.pop()
            values[node] = visit(node, [values[c] for c in below])
    return values[root]
