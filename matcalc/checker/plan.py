"""A flat plan of one or more trees: each distinct part once, children first.

The same plan serves every point and both kinds of arithmetic. Parts that are equal (not only the same node) are
one step, so the answer's `X @ w - y` is not computed again after the input's.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from .. import dims
from ..dims import Dim, Shape
from ..syntax import Node, Reading, fold
from .evidence import Redraw, Unknown

Sizes = Mapping[str, int]
MAX_NESTING = 30  # functions of a user that call each other


class Step(NamedTuple):
    """One operation: `args` are the numbers of earlier steps, `shapes` the static shapes of the arguments."""

    kind: str
    args: tuple[int, ...]
    data: Any
    axis: int | None
    shape: Shape
    shapes: tuple[Shape, ...]


class Plan:
    """Steps in an order in which they can be computed, and the steps that hold the values of the trees."""

    def __init__(self, values: Mapping[str, object] | None = None) -> None:
        self.steps: list[Step] = []
        self.roots: list[int] = []
        self.functions: set[str] = set()
        self.values = values or {}
        self._known: dict[Any, int] = {}
        self._composite: list[Shape] | None = None

    def add(self, root: Node) -> int:
        """Append a tree; the number of its step."""
        index = self._insert(root, {}, {}, 0)
        self.roots.append(index)
        return index

    def _insert(self, root: Node, bound: Mapping[str, int], renamed: Mapping[str, Dim], nesting: int) -> int:
        """`bound`: steps of a user function's parameters; `renamed`: what its dimension names are at this call."""
        if nesting > MAX_NESTING:
            raise Unknown("a function is defined by itself")

        def visit(node: Node, args: list[int]) -> int:
            kind = node.kind
            if kind == "ref":
                return args[0]
            if kind == "name" and node.data in bound:
                return bound[node.data]
            if kind == "call":
                value = self.values.get(node.data)
                if value is not None and not isinstance(value, str):
                    return self._call(node, args, value, nesting)
            return self._step(node, tuple(args), renamed)

        index: int = fold(root, lambda node: node.children, visit)
        return index

    def _call(self, node: Node, args: list[int], value: object, nesting: int) -> int:
        """A user's function, given as a tree: its body in place of the call."""
        params, body = _body(value, node.data)
        if len(params) != len(args):
            raise Unknown(f"{node.data} takes {len(params)} arguments, not {len(args)}")
        renamed: dict[str, Dim] = {}
        for name, arg in zip(params, args, strict=False):
            if name in body.symbols:
                for formal, actual in zip(body.symbols[name].shape, self.steps[arg].shape, strict=False):
                    if isinstance(formal, str):
                        renamed.setdefault(formal, actual)
        return self._insert(body.root, dict(zip(params, args, strict=False)), renamed, nesting + 1)

    def _step(self, node: Node, args: tuple[int, ...], renamed: Mapping[str, Dim]) -> int:
        data, shape = node.data, node.shape
        if renamed:
            shape = (dims.substitute(shape[0], renamed), dims.substitute(shape[1], renamed))
            if node.kind == "size":
                data = dims.substitute(data, renamed)
        if node.kind == "index":
            data = tuple((s.start, s.stop, s.step) if isinstance(s, slice) else s for s in data)
        key = (node.kind, args, data, node.axis, shape)
        known = self._known.get(key)
        if known is not None:
            return known
        if node.kind == "call":
            self.functions.add(data)
        steps = self.steps
        steps.append(Step(node.kind, args, data, node.axis, shape, tuple([steps[a].shape for a in args])))
        self._known[key] = len(steps) - 1
        return len(steps) - 1

    def dim_names(self) -> list[str]:
        """Every dimension name in use, in order of appearance."""
        found: dict[str, None] = {}
        for step in self.steps:
            for dim in (*step.shape, step.data) if step.kind == "size" else step.shape:
                if isinstance(dim, str):
                    found[dim] = None
                elif not isinstance(dim, int):
                    found.update(dict.fromkeys(sorted(dims.names(dim))))
        return list(found)

    def fits(self, sizes: Sizes) -> bool:
        """Every part has at least one entry, and every index is inside."""
        if self._composite is None:
            self._composite = [s.shape for s in self.steps if not isinstance(s.shape[0], str) or not isinstance(s.shape[1], str)]
            self._composite = [s for s in dict.fromkeys(self._composite) if not (s[0] == 1 and s[1] == 1)]
        if any(dims.evaluate(d, sizes) < 1 for shape in self._composite for d in shape):
            return False
        try:
            for step in self.steps:
                if step.kind == "index":
                    selection(step, sizes)
        except Redraw:
            return False
        return True

    def largest(self, sizes: Sizes) -> int:
        """Entries of the largest part."""
        return max(dims.evaluate(m, sizes) * dims.evaluate(n, sizes) for m, n in {s.shape for s in self.steps})

    def rational(self, index: int, sizes: Sizes, depth: int = 0) -> Fraction | None:
        """The value of a step made of numbers and sizes alone, or None."""
        step = self.steps[index]
        if step.kind == "number":
            return Fraction(step.data)
        if step.kind == "size":
            return Fraction(dims.evaluate(step.data, sizes))
        if step.kind not in ("neg", "add", "product") or depth > 50:
            return None
        parts = [self.rational(a, sizes, depth + 1) for a in step.args]
        if any(p is None for p in parts):
            return None
        numbers = [p for p in parts if p is not None]
        if step.kind == "neg":
            return -numbers[0]
        if step.kind == "add":
            return sum((sign * n for sign, n in zip(step.data, numbers, strict=False)), Fraction(0))
        total = numbers[0]
        for op, n in zip(step.data, numbers[1:], strict=False):
            if op == "/" and not n:
                return None
            total = total / n if op == "/" else total * n
        return total


def _body(value: object, name: str) -> tuple[tuple[str, ...], Reading]:
    """The parameters and the tree of a user's function: a Reading, or (parameters, Reading)."""
    if isinstance(value, Reading):
        return tuple(value.symbols), value
    if isinstance(value, tuple) and len(value) == 2 and type(value[1]).__name__ == "Reading":
        return tuple(value[0]), value[1]
    raise Unknown(f"the value of {name} is neither a dotted name nor an expression")


def concrete(shape: Shape, sizes: Sizes) -> tuple[int, int]:
    """The shape at these sizes."""
    m, n = shape
    return (m if isinstance(m, int) else dims.evaluate(m, sizes), n if isinstance(n, int) else dims.evaluate(n, sizes))


def selection(step: Step, sizes: Sizes) -> tuple[range, range]:
    """The rows and columns that an `index` step selects; a single selector of a row selects columns."""
    m, n = concrete(step.shapes[0], sizes)
    selectors = step.data
    if len(selectors) == 1:
        row = step.shapes[0][0] == 1 and step.shapes[0][1] != 1
        selectors = ((None, None, None), selectors[0]) if row else (selectors[0], (None, None, None))
    rows, columns = _range(selectors[0], m, sizes), _range(selectors[1], n, sizes)
    expected = concrete(step.shape, sizes)
    if (len(rows), len(columns)) not in (expected, expected[::-1]):
        raise Redraw("an index is outside")
    return rows, columns


def _range(selector: Any, size: int, sizes: Sizes) -> range:
    def number(bound: Dim | None) -> int | None:
        return None if bound is None else dims.evaluate(bound, sizes)

    if isinstance(selector, tuple):
        start, stop, stride = (number(b) for b in selector)
        return range(*slice(start, stop, stride).indices(size))
    i = dims.evaluate(selector, sizes)
    if not -size <= i < size:
        raise Redraw("an index is outside")
    return range(i % size, i % size + 1)
