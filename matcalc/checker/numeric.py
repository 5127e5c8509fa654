"""The numeric judge: several points, drawn where the expression has a value, and a second look before it accuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .evidence import Evidence, Redraw
from .measure import Measurement, Point, Undefined
from .modular import Stream
from .plan import Sizes, concrete
from .problem import Problem
from .sampling import STRATEGIES, array, floats
from .values import KINKED

Array = Any
ATTEMPTS = 48
KINKED_POINTS = 12  # a fault may show on one side of a kink only
NEARBY = 0.02  # relative distance of the second point at which a difference must be seen
UNDEFINED = 2  # points where the expression has a value and the answer has none, before that is said
LARGEST = 200_000  # entries of a part
BATCH = 4_000_000  # entries of a part, over all directions
WEIGHTS = {"logm": 400, "nuclear": 100, "sqrtm": 80, "expm": 25, "eigmax": 15, "spectral": 15, "pinv": 8}  # of an entry of their argument


def decide(problem: Problem, seed: int, points: int) -> Evidence:
    """Numeric evidence, or inconclusive."""
    choices = problem.choices
    if not choices:
        return Evidence("inconclusive", None, reason="no small sizes fit the expression")
    if problem.plan.largest(choices[0]) > LARGEST or _work(problem, choices[0]) > BATCH:
        return Evidence("inconclusive", None, reason="too large to check")
    ways = Measurement(problem)
    kinked = bool(problem.plan.functions & KINKED)
    points = max(points, KINKED_POINTS) if kinked else points
    passed, worst, reason, undefined = 0, 0.0, "no point could be used", 0
    good: dict[str, str] | None = None  # a way of drawing that gave a point
    for attempt in range(ATTEMPTS):
        sizes = choices[passed % len(choices) if attempt < ATTEMPTS // 2 else attempt % len(choices)]
        drawn = good if good is not None and attempt % 2 else _strategies(problem, attempt, seed, kinked and passed > 1)
        names = draw_arrays(problem, sizes, Stream(seed, attempt, 99), drawn, bool(passed % 2))
        try:
            point = ways.compare(names, sizes)
            if point.differs and _again(ways, names, sizes, Stream(seed, attempt, 96)):
                return _false(point, sizes, names, ways)
        except (Redraw, FloatingPointError, OverflowError, np.linalg.LinAlgError) as why:
            undefined += isinstance(why, Undefined)
            reason = str(why) if not undefined or isinstance(why, Undefined) else reason
            continue
        if point.differs:
            reason = "a difference at one point could not be confirmed"
            continue
        good, passed, worst = drawn, passed + 1, max(worst, point.error)
        if passed >= points:
            break
    if passed >= points and undefined < UNDEFINED:
        return Evidence("numeric", True, passed, worst, method=ways.words)
    return Evidence("inconclusive", None, passed, reason=reason)


def _again(ways: Measurement, names: dict[str, Array], sizes: Sizes, stream: Stream) -> bool:
    """Whether the difference is seen at a second point, near the first and so on the same side of every kink."""
    rigid = {n for n, s in ways.problem.symbols.items() if s.properties & {"orthogonal", "simplex", "onehot"}}
    for _ in range(3):
        near = {k: v if k in rigid else v * (1 + NEARBY * (stream.uniform() - 0.3)) for k, v in names.items()}
        try:
            return ways.compare(near, sizes).differs
        except Redraw:
            continue
    return False


def _work(problem: Problem, sizes: Sizes) -> int:
    """Entries of the largest part, or those that go through matrix functions if they count for more, times the number of directions."""
    if problem.op == "equal":
        return 0
    m, n = concrete(problem.shape, sizes)
    through = [(step.data, *concrete(step.shapes[0], sizes)) for step in problem.plan.steps[:problem.stop]
               if step.kind == "call" and step.data in WEIGHTS]
    entries = max(problem.plan.largest(sizes), sum(WEIGHTS[name] * rows * columns for name, rows, columns in through))
    return entries * m * n * (m * n if problem.op == "hessian" else 1)


def _strategies(problem: Problem, attempt: int, seed: int, mixed: bool) -> dict[str, str]:
    """How each variable is drawn: all alike at first, then a mixture, for log(b - A @ x) and for both sides of kinks."""
    if attempt < 8 and not mixed:
        return dict.fromkeys(problem.symbols, STRATEGIES[(0, 0, 1, 2, 4, 1, 3, 2)[attempt]])
    if mixed and attempt % 6 == 2:  # the largest of x is rarely below 0 by chance
        return dict.fromkeys(problem.symbols, "negative")
    stream = Stream(seed, attempt, 97)
    return {name: STRATEGIES[stream.below(len(STRATEGIES))] for name in problem.symbols}


def draw_arrays(problem: Problem, sizes: Sizes, stream: Stream, strategies: Mapping[str, str], flip: bool) -> dict[str, Array]:
    names: dict[str, Array] = {}
    for name, symbol in problem.symbols.items():
        strategy = strategies[name]
        near = strategy not in ("signed", "small")  # a matrix near the identity has a determinant, a root and a logarithm
        rows = array(concrete(symbol.shape, sizes), symbol.properties, floats(stream, strategy, flip), near)
        names[name] = np.array(rows, dtype=float)
    return names


# --- counterexamples ----------------------------------------------------------------------------------------------

def _false(point: Point, sizes: Sizes, names: dict[str, Array], ways: Measurement) -> Evidence:
    """A contradiction, with the point, and the entry where it is largest."""
    difference = np.abs(point.got - point.wanted)
    where = np.unravel_index(int(np.argmax(difference)), difference.shape)
    first, second = (int(i) for i in where)
    example: dict[str, Any] = {
        "sizes": dict(sizes), "inputs": {k: v.tolist() for k, v in names.items()},
        "entry": (first, second) if ways.problem.op == "equal" else _entry(ways.problem, names, first, second),
        "got": float(point.got[where]), "wanted": float(point.wanted[where])}
    return Evidence("numeric", False, 2, point.error, point.fault or "the values differ", example, ways.words)


def _entry(problem: Problem, names: dict[str, Array], direction: int, output: int) -> tuple[int, int]:
    """Row and column of the answer where direction and output meet; of a structured variable, their numbers."""
    m, n = names[problem.wrt].shape
    if problem.where or problem.op not in ("grad", "vjp", "jacobian"):
        return direction, output
    if problem.op != "jacobian":
        return direction // n, direction % n
    column = direction % n * m + direction // n
    return (column, output) if problem.transposed else (output, column)
