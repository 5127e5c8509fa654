"""Soft names: undeclared lower-case letters that are scalars, unless their use says that they are vectors.

`X @ beta`, `A x - b`, `(x - mu).T` and `sum(p * log(p))` have vectors; `c * x`, `A + s*I` and `norm2sq(r) / n` scalars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .signatures import COLUMN, CONSTRUCTORS, MATRIX, ROW, SCALAR_KIND, TRANSPOSED, choose, makes_vector, overloads, result_kind
from .syntax import Language, Node

ROUNDS = 50  # how often a decision may lead to another before a declaration is asked for


class Unsettled(Exception):
    """The decisions did not come to an end."""


class SoftNames:
    """Decides which soft names are vectors: by operators first, then by sums, then by the reductions that are left without a vector.

    In `b.T x + c` the product is a scalar once b is known to be a vector: a sum that was read before would have made one of c.
    """

    def __init__(self, nodes: Sequence[Node], kinds: Mapping[str, int], soft: frozenset[str], language: Language) -> None:
        self.nodes, self.names, self.soft, self.language = nodes, kinds, soft, language
        self.vectors: set[str] = set()
        self.kinds: dict[Node, int] = {}
        self.reductions: list[Node] = []
        self.sums: list[Node] = []  # terms beside a vector

    def settle(self) -> set[str]:
        """The soft names that are vectors."""
        for _ in range(ROUNDS):
            before = len(self.vectors)
            self._walk()
            if len(self.vectors) != before:
                continue
            for node in self.sums:
                self._promote(node)
            if len(self.vectors) != before:
                continue
            for node in self.reductions:
                self._promote_all(node)
            if len(self.vectors) == before:
                return self.vectors
        raise Unsettled

    def _walk(self) -> None:
        kinds = self.kinds
        self.reductions, self.sums = [], []
        for node in self.nodes:
            visit = VISIT.get(node.kind)
            kinds[node] = visit(self, node) if visit else SCALAR_KIND

    # ---------------------------------------------------------------- kinds
    def _name(self, node: Node) -> int:
        name = node.data
        if name in self.soft:
            return COLUMN if name in self.vectors else SCALAR_KIND
        return self.names.get(name, SCALAR_KIND)

    def _same(self, node: Node) -> int:
        return self.kinds[node.children[0]]

    def _transpose(self, node: Node) -> int:
        self._promote(node.children[0])
        return TRANSPOSED[self.kinds[node.children[0]]]

    def _add(self, node: Node) -> int:
        found = {self.kinds[term] for term in node.children}
        if MATRIX in found or (ROW in found and COLUMN in found):
            return MATRIX
        if ROW in found:
            return ROW
        if COLUMN in found:
            self.sums += node.children
            return COLUMN
        return SCALAR_KIND

    def _product(self, node: Node) -> int:
        factors = node.children
        kind = self.kinds[factors[0]]
        for position, (token, factor) in enumerate(zip(node.data, factors[1:], strict=True)):
            sign, right = token[0], self.kinds[factor]
            if sign in ("@", "\\", "dot"):
                if position == 0:
                    self._promote(factors[0])
                self._promote(factor)
            elif sign in ("", "*@") and kind in (MATRIX, ROW):  # MATLAB's * is a product like that without a sign
                self._promote(factor)
            elif sign == "//" and right == MATRIX and position == 0:
                self._promote(factors[0])
            kind = _product_kind(sign, kind, right)
        return kind

    def _power(self, node: Node) -> int:
        return self.kinds[node.children[0]]

    def _index(self, node: Node) -> int:
        self._promote(node.children[0])
        kind, selectors = self.kinds[node.children[0]], node.data
        if len(selectors) == 1 and kind != COLUMN:
            return kind | (COLUMN if kind == ROW else ROW) if isinstance(selectors[0], int) else kind
        for bit, selector in zip((ROW, COLUMN), selectors, strict=False):
            if isinstance(selector, int):
                kind |= bit
        return kind

    def _bars(self, node: Node) -> int:
        inner = self.kinds[node.children[0]]
        if node.data == "abs" or (node.data == "logabs" and inner != MATRIX):
            return inner
        self._reduction(node.children[0])
        return SCALAR_KIND

    def _ref(self, node: Node) -> int:
        return self.kinds[node.children[0]]

    def _call(self, node: Node) -> int:
        function, args = node.data, node.children
        if function in CONSTRUCTORS:
            return _constructor_kind(function, args)
        kinds = [self.kinds[arg] for arg in args]
        candidates = overloads(self.language, function)
        for position, arg in enumerate(args):
            if kinds[position] == SCALAR_KIND and makes_vector(candidates, position):
                self._reduction(arg)
        signature = choose(candidates, kinds)
        if signature is None:
            return SCALAR_KIND if not candidates or candidates[0].result.kind == "scalar" else kinds[0]
        return result_kind(signature, kinds, node.axis)

    def _reduction(self, arg: Node) -> None:
        if self.kinds[arg] == SCALAR_KIND:
            self.reductions.append(arg)

    # ---------------------------------------------------------------- decisions
    def _promote(self, node: Node) -> None:
        """A soft name that stands here through signs and brackets is a vector."""
        stack = [node]
        while stack:
            node = stack.pop()
            if self.kinds[node] != SCALAR_KIND:
                continue
            if node.kind == "name" and node.data in self.soft:
                self.vectors.add(node.data)
            elif node.kind in ("neg", "add", "ref"):
                stack.extend(node.children)
            elif node.kind == "product":  # a number in front is like a sign
                rest = [f for f in node.children if f.kind not in ("number", "pi")]
                if len(rest) == 1:
                    stack.append(rest[0])

    def _promote_all(self, arg: Node) -> None:
        """The soft names of an argument are vectors, unless it has another vector or matrix in it."""
        entries: list[str] = []
        seen: set[Node] = set()
        stack: list[tuple[Node, bool]] = [(arg, True)]
        while stack:
            node, elementwise = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if node.kind == "name":
                if node.data in self.soft and node.data not in self.vectors:
                    if elementwise:
                        entries.append(node.data)
                elif self._name(node) != SCALAR_KIND:
                    return
            elif node.kind == "power":
                stack += [(node.children[1], False), (node.children[0], elementwise)]
            else:
                inner = elementwise and self._is_elementwise(node)
                stack.extend((child, inner) for child in node.children)
        self.vectors.update(entries)

    def _is_elementwise(self, node: Node) -> bool:
        if node.kind == "bars":
            return node.data in ("abs", "logabs")
        if node.kind != "call":
            return True
        candidates = overloads(self.language, node.data)
        return bool(candidates) and candidates[0].result.kind == "like"


def _constructor_kind(function: str, args: Sequence[Node]) -> int:
    """ones(n) is a column, ones(m, n) and eye(n) are matrices, unless a dimension is typed as 1."""
    one_row: int = ROW if args[0].data == 1 else 0
    if function == "eye":
        return SCALAR_KIND if one_row else MATRIX
    return one_row | (COLUMN if len(args) == 1 or args[1].data == 1 else 0)


def _product_kind(sign: str, left: int, right: int) -> int:
    if left == SCALAR_KIND:
        return right
    if right == SCALAR_KIND:
        return left
    if sign in ("*", "/", ".\\", "⊙", "frac"):
        return left
    if sign in ("·", "dot") and left == right == COLUMN:
        return SCALAR_KIND
    if sign == "⊗":
        return left & right
    return (left & ROW) | (right & COLUMN)


VISIT = {
    "name": SoftNames._name,
    "neg": SoftNames._same,
    "power": SoftNames._power,
    "transpose": SoftNames._transpose,
    "add": SoftNames._add,
    "product": SoftNames._product,
    "index": SoftNames._index,
    "bars": SoftNames._bars,
    "ref": SoftNames._ref,
    "call": SoftNames._call,
}
