"""What is to be checked: a function, a variable, an answer, and in which sense the answer is its derivative.

Every answer says what f does to a small change D of the variable. A gradient says <answer, D>, a Jacobian
answer @ vec(D), a Hessian vec(D).T @ answer @ vec(D), a differential just its value at dX = D.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..dims import Shape
from ..syntax import Reading, Symbol
from .calls import NUMERIC
from .curves import CALLS
from .evidence import Unknown
from .plan import Plan, Sizes, concrete
from .sampling import size_choices, space

OPS = ("grad", "jacobian", "hessian", "differential", "jvp", "vjp", "equal")
Rows = list[list[Any]]


class Problem:
    """A question to the checker, planned once and asked at several points."""

    def __init__(self, reading: Reading, wrt: str, answer: Reading, *, op: str = "grad", structure: str = "free",
                 layout: str = "numerator", tangent: str | None = None, cotangent: str = "G",
                 values: Mapping[str, object] | None = None) -> None:
        if op not in OPS:
            raise Unknown(f"no check for {op}")
        self.op, self.structure, self.transposed = op, structure, layout == "denominator"
        self.wrt, self.tangent, self.cotangent = wrt, tangent or "d" + wrt, cotangent
        self.plan = Plan({name: v for name, v in (values or {}).items() if name not in CALLS and name not in NUMERIC})
        self.f = self.plan.add(reading.root)
        self.stop = len(self.plan.steps)  # steps before this one belong to f
        self.answer = self.plan.add(answer.root)
        self.f_shape, self.answer_shape = reading.root.shape, answer.root.shape
        special = {self.tangent, self.cotangent} if op in ("differential", "jvp", "vjp") else set()
        self.symbols = {**{n: s for n, s in answer.symbols.items() if n not in special}, **reading.symbols}
        used = {s.data for s in self.plan.steps if s.kind == "name"}
        self.symbols = {n: s for n, s in self.symbols.items() if n in used or n == wrt}
        self.variable: Symbol | None = self.symbols.get(wrt)
        if op != "equal" and self.variable is None:
            raise Unknown(f"{wrt} is in neither the expression nor the answer")
        self.where = space(self.variable, structure) if self.variable else frozenset()
        if structure == "independent" and "orthogonal" in self.where:
            raise Unknown("an orthogonal matrix has no independent entries")
        self.order = 3 if op == "hessian" else 2  # coefficients of the power series that are needed
        self.choices = size_choices(self.plan)[:2]
        self.exponents = self._exponents()

    @property
    def shape(self) -> Shape:
        assert self.variable is not None
        return self.variable.shape

    def _exponents(self) -> bool:
        """Whether a scalar variable is an exponent: exact arithmetic then wants integers."""
        return any((s.kind == "power" or s.data in ("norm", "mpow")) and len(s.args) == 2
                   and self.plan.steps[s.args[1]].kind not in ("number", "size") for s in self.plan.steps)

    def expected_shape(self, sizes: Sizes) -> tuple[int, int]:
        """The shape that the answer must have."""
        p, q = concrete(self.f_shape, sizes)
        if self.op in ("differential", "jvp", "equal"):
            return p, q
        m, n = concrete(self.shape, sizes)
        if self.op in ("grad", "vjp"):
            return m, n
        if self.op == "hessian":
            return m * n, m * n
        shape = (p, q) if self.shape == (1, 1) else (p * q, m * n)
        return shape[::-1] if self.transposed else shape

    def shape_fault(self, sizes: Sizes) -> str:
        """What is wrong with the answer's shape, or nothing."""
        if self.op in ("grad", "hessian") and concrete(self.f_shape, sizes) != (1, 1):
            raise Unknown("the expression is not a scalar")
        got, wanted = concrete(self.answer_shape, sizes), self.expected_shape(sizes)
        return "" if got == wanted else f"the answer is {got[0]} x {got[1]}, and should be {wanted[0]} x {wanted[1]}"

    # --- what the answer says of a direction ------------------------------------------------------------------------

    def rows(self, answer: Rows) -> list[Rows]:
        """For each output of f, the answer's gradient of it, shaped as the variable is."""
        if self.op in ("grad", "vjp"):
            return [answer]
        if self.transposed:
            answer = [list(column) for column in zip(*answer, strict=False)]
        if self.shape == (1, 1) and self.op == "jacobian":
            return [[[x]] for column in zip(*answer, strict=False) for x in column]
        return [self.unvec(row) for row in answer]

    def unvec(self, entries: list[Any]) -> Rows:
        m = self._height
        return [[entries[j * m + i] for j in range(len(entries) // m)] for i in range(m)]

    def says(self, answer: Rows, direction: Rows, reduce: Callable[[Any], Any]) -> list[Any]:
        """What the answer says f changes by, output by output (stacked by columns)."""
        if self.op in ("differential", "jvp"):
            return [x for column in zip(*answer, strict=False) for x in column]
        self._height = len(direction)
        found = [reduce(self._pair(row, direction)) for row in self.rows(answer)]
        if self.op != "hessian":
            return found
        return [reduce(self._pair(self.unvec(found), direction))]

    def _pair(self, gradient: Rows, direction: Rows) -> Any:
        """<gradient, D>; with independent entries, each of them counted once."""
        once = self.structure == "independent" and bool(self.where & {"symmetric", "skew"})
        return sum(g * d for i, (row, other) in enumerate(zip(gradient, direction, strict=False))
                   for j, (g, d) in enumerate(zip(row, other, strict=False)) if not once or i <= j)

    def outside(self, answer: Rows, x: Rows, reduce: Callable[[Any], Any], negligible: Callable[[Any], bool]) -> bool:
        """Whether a gradient in the answer leaves the space of matrices that it should be in."""
        if self.op == "hessian":
            size = range(len(answer))
            if any(not negligible(reduce(answer[i][j] - answer[j][i])) for i in size for j in range(i)):
                return True
        if not self.where or self.op in ("differential", "jvp"):
            return False
        self._height = len(x)
        gradients = self.rows(answer)
        return any(not negligible(reduce(fault)) for g in gradients for fault in self._faults(g, x))

    def _faults(self, g: Rows, x: Rows) -> list[Any]:
        """Numbers that are all 0 if the gradient g is in the space."""
        size = range(len(g))
        if "orthogonal" in self.where:  # X.T @ g is skew
            h = [[sum(x[k][i] * g[k][j] for k in size) for j in range(len(g[0]))] for i in range(len(x[0]))]
            return [h[i][j] + h[j][i] for i in range(len(h)) for j in range(i + 1)]
        faults = [g[i][j] - g[j][i] for i in size for j in range(i)] if "symmetric" in self.where else []
        if "skew" in self.where:
            faults += [g[i][j] + g[j][i] for i in size for j in range(i + 1)]
        if self.where & {"diagonal", "lower"}:
            faults += [g[i][j] for i in size for j in range(i + 1, len(g))]
        if self.where & {"diagonal", "upper"}:
            faults += [g[i][j] for i in size for j in range(i)]
        return faults
