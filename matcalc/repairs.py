"""Fixes for shape errors: small edits of the text, and declarations. The reader keeps those that really remove the error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .declarations import Declaration
from .errors import Fix, Span
from .syntax import Node

TIGHT = frozenset({"name", "call", "index", "transpose", "ref", "bars", "pi", "size"})  # `.T` can follow these as they stand
GROUPED = frozenset({"product", "add"})  # as a factor or an argument in brackets these carry their brackets in their span


class Editor:
    """The text and its declarations, for making fixes."""

    def __init__(self, text: str, declared: Mapping[str, Declaration], latex: bool = False) -> None:
        self.text, self.declared, self.latex = text, declared, latex
        self.transpose, self.times, self.entrywise = ("^\\top", " ", " \\odot ") if latex else (".T", " @ ", " * ")

    def of(self, span: Span) -> str:
        return self.text[span[0] : span[1]]

    def splice(self, span: Span, replacement: str) -> Fix:
        """The text with a part of it replaced."""
        return Fix(self.text[: span[0]] + replacement + self.text[span[1] :])

    def tight(self, node: Node) -> str:
        """A node's text as something that a postfix operator can follow."""
        text = self.of(node.span)
        if self.latex and "^" in text and not self._bracketed(text):  # a letter has one superscript
            return f"({text})"
        return text if node.kind in TIGHT or (node.kind in GROUPED and self._bracketed(text)) else f"({text})"

    def tight_span(self, span: Span) -> str:
        text = self.of(span)
        return text if text.replace("_", "").isalnum() or self._bracketed(text) else f"({text})"

    def _bracketed(self, text: str) -> bool:
        """Whether the text is one pair of brackets and what is in it."""
        if text[:1] != "(" or text[-1:] != ")":
            return False
        depth = 0
        for i, c in enumerate(text):
            depth += (c == "(") - (c == ")")
            if depth == 0 and i < len(text) - 1:
                return False
        return True

    def transposed(self, node: Node) -> str:
        """A node's text, transposed: a transpose is taken off, or put on."""
        if node.kind == "transpose" and node.children[0].start == node.start:
            return self.of(node.children[0].span)
        return self.tight(node) + self.transpose

    def product(self, left: Span, right: Span, factors: list[Node], factor: Node) -> list[Fix]:
        """Edits of `left @ right` that transpose, swap or replace; `factors` are those of the left side."""
        whole = (left[0], right[1])
        between = self.text[left[1] : right[0]]
        last = factors[-1]
        fixes = [self.splice(factor.span, self.transposed(factor)), self.splice(last.span, self.transposed(last))]
        if len(factors) > 1:
            fixes.append(self.splice(left, self.tight_span(left) + self.transpose))
            fixes.append(self.splice((last.start, factor.end), self.transposed(last) + between + self.transposed(factor)))
        fixes.append(self.splice((left[1], right[0]), self.entrywise))
        fixes.append(self.splice(whole, f"{self.of(right)}{self.times}{self.tight_span(left)}"))
        return fixes

    def redeclare(self, nodes: Iterable[Node]) -> list[Fix]:
        """Declarations of the variables in these nodes, without their dimensions."""
        fixes: list[Fix] = []
        for name in names_in(nodes):
            declaration = self.declared.get(name)
            if declaration is not None and declaration.dims is not None:
                words = " ".join([declaration.kind or "matrix", *sorted(declaration.properties)])
                fixes.append(Fix(declare=(f"{declaration.spelled}: {words}",)))
        return fixes

    def declare(self, node: Node, kind: str) -> list[Fix]:
        """The declaration of a node that is a plain name."""
        while node.kind in ("neg", "ref") and node.children:
            node = node.children[0]
        if node.kind != "name":
            return []
        spelled = self.declared[node.data].spelled if node.data in self.declared else node.data
        return [Fix(declare=(f"{spelled}: {kind}",))]

    def call(self, function: str, args: Iterable[Node]) -> str:
        return self.applied(function, ", ".join(self.of(arg.span) for arg in args))

    def applied(self, function: str, argument: str) -> str:
        """A function of what was typed."""
        return f"\\operatorname{{{function}}}({argument})" if self.latex else f"{function}({argument})"


def names_in(nodes: Iterable[Node]) -> list[str]:
    """The variables in some nodes, in order, each once."""
    found: dict[str, None] = {}
    seen: set[int] = set()
    stack = list(reversed(list(nodes)))
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.kind == "name":
            found[node.data] = None
        stack.extend(reversed(node.children))
    return list(found)
