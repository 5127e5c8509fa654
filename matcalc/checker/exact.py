"""The exact judge: f and the answer modulo the prime 2^61 - 1, at random points and directions."""

from __future__ import annotations

from .curves import Curve, Series
from .evidence import Evidence, NotRational, Redraw
from .modular import P, Stream, mix, scale
from .plan import Sizes, concrete
from .problem import Problem, Rows
from .sampling import draw_symbols, residues, tangent

BRANCHED_POINTS = (0, 8, 16, 16)  # by kinds of branch: sqrt(x**2) = x passes at every other point
ATTEMPTS = 120  # draws in all; roots exist for half of them
GIVE_UP = 12  # draws without a single point that could be used, where roots are not to blame
LARGEST = 400  # entries of the largest part: products and eliminations in plain integers take n^3


def decide(problem: Problem, seed: int, points: int) -> Evidence:
    """Exact evidence; NotRational where this arithmetic cannot decide."""
    plan = problem.plan
    unknown = [s.data for s in plan.steps if s.kind == "call" and isinstance(plan.values.get(s.data), str)]
    if unknown:
        raise NotRational(unknown[0])
    choices = problem.choices
    if not choices:
        raise NotRational("no sizes fit")
    if plan.largest(choices[0]) > LARGEST:
        raise NotRational("large")
    passed, failed = 0, [0] * len(choices)
    for attempt in range(ATTEMPTS):
        usable = [i for i, n in enumerate(failed) if n < GIVE_UP or passed > 1]
        if not usable:
            break
        which = usable[attempt % len(usable)]
        sizes = choices[which]
        try:
            holds, branches = _point(problem, sizes, Stream(seed, attempt))
        except Redraw as reason:
            failed[which] += 1 if "square" not in str(reason) else 0
            continue
        if not holds:
            return Evidence("exact", False, attempt + 1, reason="the values differ", counterexample={"sizes": dict(sizes)},
                            method="modulo 2^61 - 1")
        passed += 1
        if passed >= max(points, BRANCHED_POINTS[branches]):
            return Evidence("exact", True, passed, method="modulo 2^61 - 1")
    raise NotRational("no point could be used")


def _point(problem: Problem, sizes: Sizes, stream: Stream) -> tuple[bool, int]:
    """Whether the answer is right at one point, and which kinds of branch took part."""
    ring = residues(stream)
    names = draw_symbols(problem.symbols, sizes, ring)
    if problem.exponents:
        _small_integers(problem, names, stream)
    series: dict[str, Series] = {name: [value] for name, value in names.items()}
    curve = Curve(problem.plan, sizes, problem.order, mix(stream.state))
    if problem.op == "equal":
        values = curve.run(series, 0, problem.stop)
        holds = values[problem.f][0] == _answer(problem, curve, series, values)
    else:
        holds = _derivative_holds(problem, names, series, curve, ring_tangent(problem, names, sizes, stream), stream)
    if not holds and curve.tokens:
        raise NotRational("functions that are not rational")
    return holds, curve.branches


def ring_tangent(problem: Problem, names: dict[str, Rows], sizes: Sizes, stream: Stream) -> Rows:
    return tangent(names[problem.wrt], problem.shape, problem.where, sizes, residues(stream))


def _derivative_holds(problem: Problem, names: dict[str, Rows], series: dict[str, Series], curve: Curve,
                      direction: Rows, stream: Stream) -> bool:
    x = names[problem.wrt]
    series[problem.wrt] = [x, direction]
    values = curve.run(series, 0, problem.stop)
    change = values[problem.f][problem.order - 1:]  # empty if f is constant along the curve
    series[problem.wrt] = [x]
    ring = residues(stream)
    cotangent: Rows = []
    if problem.op in ("differential", "jvp"):
        series[problem.tangent] = [direction]
    if problem.op == "vjp":
        m, n = concrete(problem.f_shape, curve.sizes)
        cotangent = [[ring.entry(False) for _ in range(n)] for _ in range(m)]
        series[problem.cotangent] = [cotangent]
    answer = _answer(problem, curve, series, [v[:1] for v in values])
    m, n = concrete(problem.f_shape, curve.sizes)
    df = change[0] if change else [[0] * n for _ in range(m)]
    if problem.op == "hessian":
        df = scale(df, 2)
    if problem.op == "vjp":
        outputs = [sum(g * d for r, s in zip(cotangent, df, strict=False) for g, d in zip(r, s, strict=False)) % P]
    else:
        outputs = [entry for column in zip(*df, strict=False) for entry in column]
    if outputs != problem.says(answer, direction, lambda a: a % P):
        return False
    return not problem.outside(answer, x, lambda a: a % P, lambda a: a == 0)


def _answer(problem: Problem, curve: Curve, series: dict[str, Series], values: list[Series]) -> Rows:
    """The value of the answer; where f has one and the answer has not, its domain may be too small."""
    try:
        return curve.run(series, problem.stop, None, values)[problem.answer][0]
    except Redraw as reason:
        if "square" in str(reason):
            raise NotRational("roots in the answer alone") from None
        raise


def _small_integers(problem: Problem, names: dict[str, Rows], stream: Stream) -> None:
    """Scalars as integers of 40 bits, so that sums of exponents do not wrap."""
    for name, symbol in problem.symbols.items():
        if symbol.shape == (1, 1):
            names[name] = [[(stream.residue() >> 24) * 12]]
