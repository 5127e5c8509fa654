"""Shapes: the kinds first, then the dimensions by unification; what the text left open is resolved on the way.

One walk over the nodes, children first. Each visit sets the node's shape and turns it, in place, into one of the kinds of
syntax.py: `^` becomes a power, `mpow` or `inv`; `A\\b` becomes `inv(A) @ b`; bars become norms; `I` becomes `eye(n)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from . import applied, mismatch, powers, products
from .constants import Constants
from .declarations import Declaration
from .dims import SCALAR, Dim, Shape, names, substitute
from .errors import Fix, ShapeError, Span, UnknownName
from .kinds import SoftNames, Unsettled
from .limits import Limits
from .names import letter_class
from .repairs import Editor
from .signatures import COLUMN, MATRIX, SCALAR_KIND, kind_of
from .syntax import Language, Node, Symbol, Typeset
from .unify import Unifier

PLAIN = Typeset()
LETTERS = ("m", "n", "k", "p", "q", "r", "s")  # for dimensions that nobody named
KIND_OF_WORD = {"matrix": MATRIX, "vector": COLUMN, "scalar": SCALAR_KIND, "soft": SCALAR_KIND}


class Inferred(NamedTuple):
    symbols: dict[str, Symbol]
    unused: tuple[Symbol, ...]
    dims: frozenset[str]
    notes: tuple[str, ...]


class Shapes:
    """The inference of one text."""

    def __init__(
        self,
        text: str,
        nodes: list[Node],
        language: Language,
        limits: Limits,
        declared: Mapping[str, Declaration],
        known: Mapping[str, Symbol] | None,
        wrt: Sequence[str],
        spelled: dict[str, str],
        dims: frozenset[str] = frozenset(),
        typeset: Typeset = PLAIN,
    ) -> None:
        self.text, self.nodes, self.language, self.limits = text, nodes, language, limits
        self.declared, self.known, self.wrt = declared, known, wrt
        self.unifier = Unifier(limits)
        self.fresh = self.unifier.fresh
        self.shapes: dict[str, Shape] = {}
        self.spelled, self.typeset = spelled, typeset
        self.soft_scalars: frozenset[str] = frozenset()
        self.notes: list[str] = []
        self.made: list[Node] = []  # nodes that resolution added
        self.norm_bars: set[Node] = set()
        self.constants = Constants(limits)
        self.editor = Editor(text, declared, typeset.latex)
        self.rigid = self._rigid_names() | dims

    def infer(self) -> Inferred:
        """Shapes for every node and symbol."""
        self._symbols()
        for node in self.nodes:
            visit = VISIT.get(node.kind)
            if visit is not None:
                visit(self, node)
        return self._finish()

    def _rigid_names(self) -> set[str]:
        """Dimensions that were declared."""
        if self.known is not None:
            return {name for symbol in self.known.values() for dim in symbol.shape for name in names(dim)}
        rigid = {name for d in self.declared.values() for dim in d.dims or () for name in names(dim)}
        return rigid | {d.name for d in self.declared.values() if d.kind == "dimension"}

    # ---------------------------------------------------------------- symbols
    def _symbols(self) -> None:
        """Kinds and dimension variables for every name in the text, in its order."""
        used = [node for node in self.nodes if node.kind == "name"]
        used.sort(key=lambda node: node.start)
        explicit = {name: node for node in self.nodes if node.kind == "size" for name in names(node.data)}
        words: dict[str, str] = {}
        for node in used:
            name = node.data
            if name in words or name in self.rigid:
                continue
            if name in explicit:
                raise mismatch.dimension_and_variable(self, explicit[name], node)
            word = self._word(node)
            if word:
                words[name] = word
        for name, node in explicit.items():
            if name in self.declared and self.declared[name].kind != "dimension":
                raise mismatch.dimension_is_variable(self, node, name)
        vectors = self._soft_vectors(words) if "soft" in words.values() else frozenset()
        self.soft_scalars = frozenset(name for name, word in words.items() if word == "soft" and name not in vectors)
        for name, word in words.items():
            self.shapes[name] = self._new_shape(name, "vector" if name in vectors else word)

    def _word(self, node: Node) -> str:
        """The kind of a name by its declaration or its first letter; empty for the identity `I`."""
        name = node.data
        if self.known is not None:
            if name not in self.known:
                raise UnknownName(f"unknown name '{name}'", node.span)
            return "known"
        declaration = self.declared.get(name)
        if declaration is not None:
            return declaration.settled_kind()
        if name == "I" and "I" not in self.wrt:
            return ""
        return "vector" if name in self.typeset.vectors else letter_class(name)

    def _new_shape(self, name: str, word: str) -> Shape:
        if self.known is not None:
            return self.known[name].shape
        declaration = self.declared.get(name)
        if declaration is not None and declaration.shape is not None:
            return declaration.shape
        if word == "matrix":
            rows = self.fresh()
            return rows, (rows if declaration is not None and mismatch.is_square(declaration) else self.fresh())
        return (self.fresh(), 1) if word == "vector" else SCALAR

    def _soft_vectors(self, words: Mapping[str, str]) -> set[str]:
        kinds = {}
        for name, word in words.items():
            declaration = self.declared.get(name)
            shape = declaration.shape if declaration else None
            kinds[name] = kind_of(shape) if shape else KIND_OF_WORD.get(word, MATRIX)
        kinds["I"] = kinds.get("I", MATRIX)
        soft = frozenset(name for name, word in words.items() if word == "soft")
        try:
            return SoftNames(self.nodes, kinds, soft, self.language).settle()
        except Unsettled:
            raise ShapeError(
                "which of the lower-case names are vectors is not clear",
                detail="declare them: " + ", ".join(sorted(soft)[:5]),
                fixes=[Fix(declare=tuple(f"{name}: scalar" for name in sorted(soft)))],
            ) from None

    # ---------------------------------------------------------------- nodes
    def _number(self, node: Node) -> None:
        self.constants.number(node)

    def _name(self, node: Node) -> None:
        name = node.data
        shape = self.shapes.get(name)
        if shape is not None:
            node.shape = shape
        elif name in self.rigid:
            node.kind = "size"
        else:
            size = self.fresh()
            self.become(node, "call", [self.make("size", (), size, node.span, SCALAR)], "eye", (size, size))

    def _neg(self, node: Node) -> None:
        node.shape = node.children[0].shape
        self.constants.neg(node)

    def _transpose(self, node: Node) -> None:
        if node.children[0].kind == "number" and self.known is None and node.data != ".T":  # 1^T in a book is a vector of ones
            raise mismatch.number_transposed(self, node)
        rows, columns = node.children[0].shape
        node.shape = (columns, rows)
        node.data = None

    def _ref(self, node: Node) -> None:
        node.shape = node.children[0].shape
        self.constants.ref(node)

    # ---------------------------------------------------------------- making nodes
    def make(self, kind: str, children: Iterable[Node], data: Any, span: Span, shape: Shape) -> Node:
        node = Node(kind, children, data, span)
        node.shape = shape
        self.made.append(node)
        return node

    def become(self, node: Node, kind: str, children: Iterable[Node], data: Any, shape: Shape) -> None:
        node.kind, node.children, node.data, node.shape = kind, tuple(children), data, shape

    def note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    # ---------------------------------------------------------------- names for dimensions
    def variable_names(self) -> dict[str, Dim]:
        """A letter for every dimension that is not settled, in the order of the symbols."""
        resolve = self.unifier.resolve
        dims = [resolve(dim) for shape in self.shapes.values() for dim in shape]
        dims += [resolve(dim) for node in (*self.nodes, *self.made) if node.kind == "size" for dim in (node.data,)]
        return self._letters(dims, in_use=set(self.shapes) | self.rigid | set(self.declared))

    def _letters(self, dims: Iterable[Dim], in_use: set[str]) -> dict[str, Dim]:
        order: dict[str, None] = {}
        taken = set(in_use)
        for dim in dims:
            if not isinstance(dim, int):
                for name in sorted(names(dim), key=lambda name: (name[0] != "?", len(name), name)):
                    if name[0] == "?":
                        order[name] = None
                    else:
                        taken.add(name)
        letters = ("n", "m", *LETTERS[2:]) if len(order) == 1 else LETTERS
        free = [letter for letter in letters if letter not in taken]
        more = (f"n{i}" for i in count(1))
        while len(free) < len(order):
            candidate = next(more)
            if candidate not in taken:
                free.append(candidate)
        return dict(zip(order, free, strict=False))

    def display(self, shape: Shape) -> Shape:
        """A shape with letters for what is not settled, for messages."""
        letters = self.variable_names()
        rows, columns = (self._settle(dim, letters) for dim in shape)
        return rows, columns

    def _settle(self, dim: Dim, letters: Mapping[str, Dim]) -> Dim:
        return substitute(self.unifier.resolve(dim), letters)

    def _finish(self) -> Inferred:
        """Put the final dimensions into every node and symbol."""
        letters = self.variable_names()
        settled: dict[Dim, Dim] = {}

        def settle(dim: Dim) -> Dim:
            if isinstance(dim, int):
                return dim
            found = settled.get(dim)
            if found is None:
                found = settled[dim] = self._settle(dim, letters)
            return found

        for nodes in (self.nodes, self.made):
            for node in nodes:
                rows, columns = node.shape
                if not (rows == 1 and columns == 1):
                    node.shape = (settle(rows), settle(columns))
                if node.kind == "size":
                    node.data = settle(node.data)
        symbols = {name: self._symbol(name, (settle(shape[0]), settle(shape[1]))) for name, shape in self.shapes.items()}
        dims = {name for symbol in symbols.values() for dim in symbol.shape if not isinstance(dim, int) for name in names(dim)}
        dims |= {name for nodes in (self.nodes, self.made) for node in nodes if node.kind == "size" for name in names(node.data)}
        in_use = dims | set(symbols) | self.rigid | set(self.declared)
        unused = tuple(self._unused(d, in_use) for d in self.declared.values() if d.name not in symbols and d.kind != "dimension")
        self._note_identity()
        return Inferred(symbols, unused, frozenset(dims), tuple(self.notes))

    def _note_identity(self) -> None:
        sizes = {
            str(node.children[0].data): None
            for node in self.nodes
            if node.kind == "call" and node.data == "eye" and self.text[node.start : node.end] == "I"
        }
        for size in sizes:
            self.note(f"I is the identity, eye({size})")

    def _symbol(self, name: str, shape: Shape) -> Symbol:
        if self.known is not None:
            return self.known[name]
        declaration = self.declared.get(name)
        spelled = self.spelled[name]
        if declaration is None:
            return Symbol(name, shape, frozenset(), False, spelled)
        return Symbol(name, shape, declaration.properties, declaration.shape is not None, spelled)

    def _unused(self, declaration: Declaration, in_use: set[str]) -> Symbol:
        """A declared variable that the text does not have; dimensions that it leaves out get letters of their own."""
        shape = declaration.shape
        if shape is None:
            shape = self._new_shape(declaration.name, declaration.settled_kind())
            letters = self._letters(shape, in_use=in_use)
            shape = self._settle(shape[0], letters), self._settle(shape[1], letters)
        return Symbol(declaration.name, shape, declaration.properties, declaration.shape is not None, declaration.spelled)


VISIT: dict[str, Callable[[Shapes, Node], None]] = {
    "number": Shapes._number,
    "name": Shapes._name,
    "neg": Shapes._neg,
    "transpose": Shapes._transpose,
    "ref": Shapes._ref,
    "add": products.add,
    "product": products.product,
    "power": powers.power,
    "bars": powers.bars,
    "index": powers.index,
    "call": applied.call,
}
