"""One comparison in floating point: what f does along a basis of directions, and what the answer says it does."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .evidence import Redraw
from .floats import Floats
from .modular import Stream
from .plan import Sizes, concrete
from .problem import Problem
from .sampling import array, floats, within

Array = Any
STEP = 1e-3  # 4-point stencil: truncation ~ h^4 meets rounding ~ eps / h here
TINY = 1e-25  # the complex step: no difference is taken, so nothing cancels
NUDGES = (1e-11, -1e-11, 1e-6, -1e-6)  # relative changes of the inputs that a real difference survives; ones + 1e-7 * X feels the large
EXACT_STEP, STENCIL_STEP, OPAQUE_STEP = range(3)
TOLERANCE = (1e-9, 1e-8, 1e-5)  # relative, by method
ROUNDING = (8e-16, 1e-11, 1e-11)  # relative to the largest part, by method


class Undefined(Redraw):
    """The answer has no value where the expression has one."""


class Measurement:
    """The ways of one problem: how its derivative is measured, and how far that can be trusted."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.opaque = any(isinstance(problem.plan.values.get(name), str) for name in problem.plan.functions)
        self.method = OPAQUE_STEP if self.opaque else STENCIL_STEP if problem.op == "hessian" else EXACT_STEP
        self.words = "values" if problem.op == "equal" else "4-point stencil" if self.opaque else "complex step"

    def compare(self, names: dict[str, Array], sizes: Sizes) -> Point:
        """The comparison at one point; Redraw where floats cannot say.

        A real difference is a smooth function of the inputs. Rounding is not, and it is small beside what it came from.
        """
        problem, names = self.problem, dict(names)
        if problem.op == "vjp":
            shape = concrete(problem.f_shape, sizes)
            names[problem.cotangent] = np.array(array(shape, frozenset(), floats(Stream(sum(shape), 98))))
        basis = directions(problem, names[problem.wrt]) if problem.op != "equal" else None
        if problem.op in ("differential", "jvp"):  # a formula in the change may be right along a basis and not be linear
            basis = np.concatenate([basis, combination(basis)])
        point = self.measure(names, sizes, basis)
        if point.fault and self.stays(point, names, sizes, basis):
            return point._replace(differs=True)
        if point.difference <= TOLERANCE[self.method] * point.scale:
            if point.fault:
                raise Redraw("a difference no larger than rounding errors")
            return point
        rounding = ROUNDING[self.method] * point.level
        if point.difference > rounding:
            changes = [point.difference_from(self.measure(near, sizes, basis)) for near in _nudged(names)]
            if max(changes) < 0.1 * point.difference:
                return point._replace(differs=True)
        if point.scale > 100 * rounding:  # else both are zero, as far as floats can say
            raise Redraw("a difference no larger than rounding errors")
        return point

    def stays(self, point: Point, names: dict[str, Array], sizes: Sizes, basis: Array) -> bool:
        """Whether what leaves the space of matrices is the same under nudges: rounding is not."""
        changes = [point.outside - self.measure(near, sizes, basis).outside for near in _nudged(names)]
        return largest(changes) < 0.1 * largest([point.outside])

    def measure(self, names: dict[str, Array], sizes: Sizes, basis: Array) -> Point:
        problem = self.problem
        run = Floats(problem.plan, sizes)
        real = {**names, problem.tangent: basis} if problem.op in ("differential", "jvp") else names
        values = run.run(real)
        answer = values[problem.answer]
        if not np.all(np.isfinite(values[problem.f])) or any(np.isnan(v).any() for v in values[:problem.stop]):  # max(nan, x) hides it
            raise Redraw("the expression is not finite at the points tried")
        if not np.all(np.isfinite(answer)):
            raise Undefined("the answer is not finite where the expression is")
        if problem.op == "equal":
            return _point(answer, values[problem.f], values, [])
        wanted, tangents = self.changes(run, names, basis)
        if problem.op == "vjp":
            wanted = np.sum(wanted * names[problem.cotangent], axis=(-2, -1), keepdims=True)
        if not np.all(np.isfinite(wanted)):
            raise Redraw("the derivative is not finite at the points tried")
        point = _point(says(problem, answer, basis), np.swapaxes(wanted, -1, -2).reshape(len(wanted), -1), values, tangents)
        beyond = outside(problem, answer, names[problem.wrt])
        if largest([beyond]) > 10 * TOLERANCE[self.method] * max(largest([answer]), 1e-6):
            kind = "a tangent" if "orthogonal" in problem.where else " ".join(sorted(problem.where)) or "symmetric"
            point = point._replace(fault=f"the answer is not {kind}")
        return point._replace(outside=beyond)

    def changes(self, run: Floats, names: dict[str, Array], basis: Array) -> tuple[Array, list[Array]]:
        """df in every direction of the basis, and the tangents of all parts."""
        problem, x = self.problem, names[self.problem.wrt]

        def at(points: Array) -> list[Array]:
            return run.run({**names, problem.wrt: points}, 0, problem.stop)

        def spread(value: Array) -> Array:
            return np.broadcast_to(value, (len(basis), *value.shape[-2:]))

        if problem.op == "hessian":
            return self.second(at, x, basis)
        if self.opaque:
            fine = self.stencil(lambda c: spread(at(x + c * basis)[problem.f]))
            return fine, [at(x)[problem.f]]
        values = at(x + 1j * TINY * basis)
        return spread(np.imag(values[problem.f]) / TINY), [np.imag(v) / TINY for v in values if np.iscomplexobj(v)]

    def second(self, at: Any, x: Array, basis: Array) -> tuple[Array, list[Array]]:
        """Second derivatives, for every pair of directions: a stencil over the complex step."""
        n, f, seen = len(basis), self.problem.f, []

        def slope(c: float) -> Array:
            value = np.imag(at(x + c * basis[:, None] + 1j * TINY * basis[None, :])[f]) / TINY
            seen.append(value)
            return np.broadcast_to(value, (n, n, 1, 1))

        return self.stencil(slope).reshape(n, n, 1), seen

    def stencil(self, at: Any) -> Array:
        """The derivative of `at` at 0; Redraw if half the step says something else."""
        v = {c: at(c * STEP) for c in (-2, -1, -0.5, 0.5, 1, 2)}
        coarse = (v[-2] - 8 * v[-1] + 8 * v[1] - v[2]) / (12 * STEP)
        fine = (v[-1] - 8 * v[-0.5] + 8 * v[0.5] - v[1]) / (6 * STEP)
        noise = 0.1 * ROUNDING[self.method] * largest(list(v.values()))
        if largest([coarse - fine]) > TOLERANCE[self.method] * largest([fine]) + noise:
            raise Redraw("a kink, or a function that changes too fast")
        return fine


class Point(NamedTuple):
    """What was found at one point: N directions x outputs of f."""

    got: Array
    wanted: Array
    difference: float
    scale: float  # the largest of the two
    level: float  # the largest of the parts that went into them
    differs: bool = False
    fault: str = ""
    outside: Array = np.zeros(0)  # what should be 0 where the answer is in its space of matrices

    @property
    def error(self) -> float:
        return self.difference / self.level if self.difference else 0.0

    def difference_from(self, other: Point) -> float:
        """How much the difference itself changes from one point to another."""
        return largest([(self.got - self.wanted) - (other.got - other.wanted)])


def _point(got: Array, wanted: Array, values: list[Array], tangents: list[Array]) -> Point:
    scale, difference = largest([got, wanted]), largest([got - wanted])
    cancelled = difference > TOLERANCE[0] * scale  # perhaps what is left of larger numbers
    return Point(got, wanted, difference, scale, max(scale, largest(values), largest(tangents)) if cancelled else scale)


def largest(arrays: list[Array]) -> float:
    """The largest finite entry."""
    found = [float(np.max(np.abs(a), initial=0.0)) for a in arrays]
    return max((f for f in found if np.isfinite(f)), default=0.0)


def _nudged(names: dict[str, Array]) -> list[dict[str, Array]]:
    factors = Stream(7)
    return [{k: v * (1 + nudge * (0.5 + factors.uniform())) for k, v in names.items()} for nudge in NUDGES]


def combination(basis: Array) -> Array:
    """One generic combination of directions, of both signs."""
    stream = Stream(len(basis), 95)
    weights = [(0.4 + stream.uniform()) * (-1 if (i + (stream.residue() & 1024 == 0)) % 2 else 1) for i in range(len(basis))]
    return np.tensordot(np.array(weights), basis, axes=1)[None]


# --- directions ---------------------------------------------------------------------------------------------------

def directions(problem: Problem, x: Array) -> Array:
    """A basis of the directions that the variable may move in: N x m x n."""
    m, n = x.shape
    if "orthogonal" in problem.where:
        return np.array([x @ s for s in _structured(n, frozenset({"skew"}))]).reshape(-1, m, n)
    if problem.where:
        return _structured(n, problem.where)
    return np.eye(m * n).reshape(m * n, m, n)


def _structured(n: int, where: frozenset[str]) -> Array:
    """E_ij + E_ji, E_ij - E_ji or E_ij, once each."""
    found = []
    for i in range(n):
        for j in range(i if where & {"symmetric", "skew"} else 0, n):
            d = within([[float((r, c) == (i, j)) for c in range(n)] for r in range(n)], where)
            if any(any(row) for row in d):
                found.append(d)
    return np.array(found).reshape(-1, n, n)


def says(problem: Problem, answer: Array, basis: Array) -> Array:
    """What the answer says of each direction: N x outputs."""
    if problem.op in ("differential", "jvp"):
        answer = np.broadcast_to(answer, (len(basis), *answer.shape[-2:]))
        return np.swapaxes(answer, -1, -2).reshape(len(basis), -1)
    once = problem.structure == "independent" and problem.where & {"symmetric", "skew"}
    flat = np.swapaxes(np.triu(basis) if once else basis, -1, -2).reshape(len(basis), -1)
    if problem.op == "hessian":
        return (flat @ answer @ flat.T).reshape(len(basis), -1)
    return flat @ _gradients(problem, answer).T


def _gradients(problem: Problem, answer: Array) -> Array:
    """outputs x entries of the variable, both stacked by columns."""
    if problem.op in ("grad", "vjp"):
        return answer.T.reshape(1, -1)
    if problem.transposed:
        answer = answer.T
    return answer.T.reshape(-1, 1) if problem.shape == (1, 1) else answer


def outside(problem: Problem, answer: Array, x: Array) -> Array:
    """Numbers that are all 0 if the gradients in the answer are in the space of matrices that they should be in."""
    found: list[float] = []

    def kept(number: float) -> bool:
        found.append(number)
        return True

    if problem.op not in ("differential", "jvp") and (problem.where or problem.op == "hessian"):
        problem.outside(answer.tolist(), x.tolist(), lambda a: a, kept)
    return np.array(found)
