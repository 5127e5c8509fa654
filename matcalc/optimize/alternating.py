"""One variable after the other: where the gradient is affine in each, it is solved for that one, the others held.

Without bounds that is a linear equation (alternating least squares); within bounds, sweeps of coordinate descent over its columns, several
for each new equation, after Gillis & Glineur (Neural Computation 24, 2012). Steps are extrapolated after Ang & Gillis (Neural Computation
31, 2019), and taken back where the objective rises.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .closed_form import ClosedForm
from .constraints import Constraints, projected
from .methods import End, Settings, Watch, unbounded
from .objective import Objective, Point
from .plan import Array, Plan

SWEEPS = 8  # over the columns, for each new equation
FIRST, GROWTH, DECAY, CALMER = 0.5, 1.05, 1.5, 1.01  # of the extrapolation
STILL = 1e-13  # a relative change that is rounding


class _Block(NamedTuple):
    """One variable: its equation, and where it may be. An equation X @ A = B is kept as it is, A @ X = B turned."""

    name: str
    equation: Plan
    turned: bool
    lower: Array
    upper: Array
    bounded: bool

    def solved(self, x: Array, others: dict[str, Array]) -> Array | None:
        """A better x, the others held; None where the equation has no solution that is a minimum."""
        a, b = self.equation(others)
        if self.turned:
            x, a, b = x.T, a.T, b.T
        if a.shape == (1, 1) and x.shape[1] != 1:
            a = a.item() * np.eye(x.shape[1])
        if not self.bounded:
            try:
                np.linalg.cholesky(a)
                x = np.linalg.solve(a.T, b.T).T
            except np.linalg.LinAlgError:
                return None
        else:
            x = self._swept(np.array(x, order="F"), a, b)
        return x.T if self.turned else x

    def _swept(self, x: Array, a: Array, b: Array) -> Array:
        """Sweeps over the columns: each is solved for alone, and brought back within its bounds."""
        size = a.diagonal()
        lower, upper = (self.lower.T, self.upper.T) if self.turned else (self.lower, self.upper)
        ways = []
        for j in np.flatnonzero(size > 0).tolist():
            way = a[:, j] / size[j]
            way[j] = 0.0
            high = upper[:, j] if np.isfinite(upper[:, j]).any() else None
            ways.append((x[:, j], way, b[:, j] / size[j], lower[:, j], high))
        others = np.empty(len(x))
        for _ in range(SWEEPS):
            for column, way, goal, low, high in ways:
                np.dot(x, way, out=others)
                np.subtract(goal, others, out=column)
                np.maximum(column, low, out=column)
                if high is not None:
                    np.minimum(column, high, out=column)
        return x


def possible(f: Objective) -> bool:
    """Has each variable an equation of its own?"""
    return all(form is not None for form in f.formulas.blocks) and not any(s.properties for s in f.symbols)


def run(f: Objective, p: Point, settings: Settings, watch: Watch, constraints: Constraints) -> End:
    """Descend until what the bounds leave of the gradient is small."""
    blocks = _blocks(f, constraints)
    here = f.split(p.x)
    ahead, k, reach, most = here, 0, FIRST, 1.0
    while True:
        left = projected(p, constraints)
        if left <= settings.tolerance:
            return End(p, k, True, f"the gradient is at most {settings.tolerance:g}" + " where no bound holds" * constraints.bounded)
        if unbounded(p):
            return End(p, k, False, "the objective falls without bound")
        if k >= settings.iterations:
            return End(p, k, False, f"{settings.iterations:,} iterations were not enough")
        found: dict[str, Array] = {}
        beyond: dict[str, Array] = {}
        for block in blocks:
            new = block.solved(ahead[block.name], {**ahead, **beyond})
            if new is None:
                return End(p, k, False, f"the equation of {block.name} alone has no minimum")
            found[block.name] = new
            beyond[block.name] = np.clip(new + reach * (new - here[block.name]), block.lower, block.upper)
        q = f.at(np.concatenate([found[name].ravel() for name in f.over]))
        # at rounding level the value says nothing any more: a smaller gradient does
        even = abs(q.value - p.value) <= STILL * abs(p.value)
        if not q.value < p.value and not (even and projected(q, constraints) < left):
            if ahead is here:
                return End(p, k, False, "no step goes down any more: rounding")
            most, reach, ahead = reach, reach / DECAY, here
            continue
        reach, most = min(most, GROWTH * reach), min(1.0, CALMER * most)
        here, ahead, p, k = found, beyond, q, k + 1
        watch(k, p)


def _blocks(f: Objective, constraints: Constraints) -> list[_Block]:
    lower, upper = f.split(constraints.lower), f.split(constraints.upper)
    found = []
    for name, form, layout in zip(f.over, f.formulas.blocks, f.formulas.block_layouts, strict=True):
        assert isinstance(form, ClosedForm)
        bounded = bool(np.isfinite(lower[name]).any() or np.isfinite(upper[name]).any())
        found.append(_Block(name, Plan(layout, f.arrays, f.sizes), form.from_left, lower[name], upper[name], bounded))
    return found
