"""verify: exact where it can be, numeric otherwise, and a reason where neither can say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..syntax import Node, Reading
from . import exact
from .evidence import Evidence, NotRational, Unknown
from .problem import Problem

NUMERIC_POINTS = 2
FAILURES = (ArithmeticError, ValueError, LookupError, MemoryError)  # never a reason to lose the answer, nor to trust it


def verify(reading: Reading, wrt: str, answer: Reading, *, op: str = "grad", structure: str = "free", layout: str = "numerator",
           tangent: str | None = None, cotangent: str = "G", seed: int = 0, values: Mapping[str, object] | None = None,
           points: int = 3) -> Evidence:
    """What a check finds of `answer` as a derivative of `reading` by `wrt`.

    op: grad, jacobian, hessian (by one variable), differential or jvp (linear in the name `tangent`, dX by default), vjp
    (linear in `cotangent`).     structure: free, projected, independent.     points: of an exact check.
    values: of functions that a user added: a dotted name, a Reading in the function's parameters, or (names of the
    parameters in order, Reading).
    """
    if wrt not in reading.symbols and wrt not in answer.symbols:  # declared, and used nowhere
        return verify_equal(answer, _zeros(answer), seed=seed, values=values, points=points)
    try:
        problem = Problem(reading, wrt, answer, op=op, structure=structure, layout=layout, tangent=tangent,
                          cotangent=cotangent, values=values)
        return _decide(problem, seed, points)
    except Unknown as reason:
        return Evidence("unchecked", None, reason=str(reason))
    except FAILURES as reason:
        return _failure(reason)


def _zeros(like: Reading) -> Reading:
    """Zeros in the shape of an answer."""
    root = Node("call", (), "zeros")
    root.shape = like.root.shape
    return like._replace(text="zeros", root=root)


def verify_equal(left: Reading, right: Reading, *, seed: int = 0, values: Mapping[str, object] | None = None, points: int = 3) -> Evidence:
    """What a check finds of `left == right`, in value and shape."""
    try:
        return _decide(Problem(left, "", right, op="equal", values=values), seed, points)
    except Unknown as reason:
        return Evidence("unchecked", None, reason=str(reason))
    except FAILURES as reason:
        return _failure(reason)


def _failure(reason: Exception) -> Evidence:
    return Evidence("inconclusive", None, reason=f"the checker could not evaluate this ({type(reason).__name__}: {reason})")


def _decide(problem: Problem, seed: int, points: int) -> Evidence:
    for sizes in problem.choices[:1]:
        fault = problem.shape_fault(sizes)
        if fault:
            return Evidence("exact", False, 1, reason=fault, counterexample={"sizes": dict(sizes)}, method="shapes")
    try:
        found = exact.decide(problem, seed, points)
    except NotRational:
        from . import numeric

        return numeric.decide(problem, seed, NUMERIC_POINTS)
    return found if found.verdict else _illustrated(found, problem, seed)


def _illustrated(found: Evidence, problem: Problem, seed: int) -> Evidence:
    """An exact contradiction, with a counterexample in numbers that a person can read."""
    from . import numeric

    shown = numeric.decide(problem, seed, NUMERIC_POINTS)
    example: dict[str, Any] | None = shown.counterexample if shown.verdict is False else found.counterexample
    return found._replace(counterexample=example, reason=shown.reason if shown.verdict is False else found.reason)


def draw(reading: Any, seed: int = 0, sizes: Mapping[str, int] | None = None,
         strategy: str = "signed") -> tuple[dict[str, Any], dict[str, int]]:
    """Generic inputs (numpy arrays with two axes) for a Reading or a mapping of Symbols, and the sizes they have.

    strategy: signed, or one of those with square matrices near the identity, which have a root and a logarithm: positive,
    unit, large, small.
    """
    import numpy as np

    from .. import dims
    from .modular import Stream
    from .plan import Plan, concrete
    from .sampling import array, floats, size_choices

    symbols = reading.symbols if isinstance(reading, Reading) else dict(reading)
    plan = Plan()
    if isinstance(reading, Reading):
        plan.add(reading.root)
    given = dict(sizes or {})
    chosen = next(iter(size_choices(plan, given)), given)
    others = sorted({n for s in symbols.values() for d in s.shape for n in dims.names(d)} - set(chosen))
    chosen = chosen | {name: 2 + (i + 1) % 4 for i, name in enumerate(others)}
    ring, near = floats(Stream(seed, 5), strategy), strategy not in ("signed", "small")
    rows = {name: array(concrete(s.shape, chosen), s.properties, ring, near) for name, s in symbols.items()}
    return {name: np.array(value, dtype=float) for name, value in rows.items()}, chosen


def choices(*readings: Reading) -> list[dict[str, int]]:
    """Sizes at which every part of these has at least one entry: unequal ones in several orders, and where it can be, all 1."""
    from .plan import Plan
    from .sampling import size_choices

    plan = Plan()
    for reading in readings:
        plan.add(reading.root)
    ones = dict.fromkeys(plan.dim_names(), 1)
    return size_choices(plan) + ([ones] if ones and plan.fits(ones) else [])


def evaluate(reading: Reading, values: Mapping[str, Any], sizes: Mapping[str, int], functions: Mapping[str, object] | None = None) -> Any:
    """The value of a tree in floating point, as a matrix; a vector may be given with one axis, a scalar with none."""
    import numpy as np

    from .floats import Floats
    from .plan import Plan, concrete

    plan = Plan(functions)
    root = plan.add(reading.root)
    arrays = {name: np.asarray(value) for name, value in values.items()}
    names = {name: a.reshape(concrete(reading.symbols[name].shape, sizes)) if a.ndim < 2 and name in reading.symbols else a
             for name, a in arrays.items()}
    out = Floats(plan, sizes).run(names)[root]
    return np.broadcast_to(out, concrete(reading.root.shape, sizes)).copy()
