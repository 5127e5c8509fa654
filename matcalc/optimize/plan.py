"""Several expressions over arrays, some of which move: their order is found once, what stays is computed once for its arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from ..chains import needed, operands
from ..compiler import step_for
from ..expr import Expr, postorder
from ..functions import instantiate, of_call
from ..knowledge import is_dotted
from ..rebuild import substitute

Array = Any


class Layout:
    """The steps that compute some roots, before there are arrays: `first` of what stays, `steps` of what moves."""

    def __init__(self, roots: Sequence[Expr], moving: Sequence[str]) -> None:
        roots = _inlined(roots)
        nodes = needed(list(postorder(roots)), roots)
        place = {n: i for i, n in enumerate(nodes)}
        self.size = len(nodes)
        self.roots = [place[r] for r in roots]
        self.symbols: list[tuple[int, str]] = []
        self.moving: list[tuple[int, str]] = []
        self.first: list[tuple[int, Any, Any]] = []  # the place of a value, how it is computed, and what takes its operands
        self.steps: list[tuple[int, Any, Any]] = []
        loose = set()
        for i, n in enumerate(nodes):
            if n.op == "sym":
                moves = n.data.name in moving
                (self.moving if moves else self.symbols).append((i, n.data.name))
                if moves:
                    loose.add(i)
                continue
            at = tuple(place[a] for a in operands(n))
            moves = not loose.isdisjoint(at)
            if moves:
                loose.add(i)
            taken = itemgetter(*at) if len(at) > 1 else itemgetter(slice(at[0], at[0] + 1)) if at else itemgetter(slice(0, 0))
            (self.steps if moves else self.first).append((i, step_for(n), taken))


def _inlined(roots: Sequence[Expr]) -> list[Expr]:
    """Calls whose value is a formula of their table, replaced by it: what they share with the rest is then computed once."""
    found = list(roots)
    while True:
        values: dict[Expr, Expr] = {}
        for n in postorder(found):
            key = _formula(n)
            if key:
                values[n] = instantiate(of_call(n), key, [substitute(a, values) for a in n.args])
        if not values:
            return found
        found = [substitute(r, values) for r in found]


def _formula(n: Expr) -> str:
    """The key of the formula that says how a call is computed; none where it is a function of NumPy, or elementwise."""
    if n.op != "call":
        return ""
    function = of_call(n)
    key = next((k for k in ("numpy", "definition", "written_out") if function.get(k)), "")
    return "" if not key or is_dotted(function.get(key)) or function.signature.elementwise else key


class Plan:
    """A layout with its arrays; called with those that move. Values are two-dimensional."""

    def __init__(self, layout: Layout, arrays: Mapping[str, Array], sizes: Mapping[str, int]) -> None:
        self.layout, self.sizes = layout, sizes
        self.values: list[Any] = [None] * layout.size
        for i, name in layout.symbols:
            self.values[i] = arrays[name]
        for i, step, taken in layout.first:
            self.values[i] = step(taken(self.values), sizes)

    def __call__(self, arrays: Mapping[str, Array]) -> list[Array]:
        """The values of the roots."""
        values, sizes = self.values, self.sizes
        for i, name in self.layout.moving:
            values[i] = arrays[name]
        for i, step, taken in self.layout.steps:
            values[i] = step(taken(values), sizes)
        return [values[i] for i in self.layout.roots]
