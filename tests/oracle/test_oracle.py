"""Random derivatives against JAX: none wrong, none withheld, nothing but a MatcalcError escapes. And every function, one by one."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from tests.derivatives import ALL, Case, Refused, answer, close, given, is_symmetric, point, reading_of
from tests.derivatives import axes as shape_of

from . import jax_oracle
from .judge import Outcome, judge
from .random_expressions import Problem, callable_functions, problems

pytestmark = pytest.mark.oracle
COUNTS, SEED = {"grad": 1800, "jacobian": 120, "hessian": 80}, 0
FAULTS = ("wrong", "wrong text", "withheld", "crashed", "hang", "unread")


@pytest.fixture(scope="module", params=COUNTS)
def judged(request: pytest.FixtureRequest) -> list[tuple[Problem, Outcome]]:
    pytest.importorskip("jax")
    pytest.importorskip("scipy")
    return [(p, judge(p)) for p in problems(SEED, COUNTS[request.param], request.param)]


@pytest.mark.parametrize("kind", FAULTS)
def test_no_derivative_is(kind: str, judged: list[tuple[Problem, Outcome]]) -> None:
    found = [f"{p.call}\n    {o.answer}\n    {o.detail}" for p, o in judged if o.kind == kind]
    assert not found, "\n".join([f"{len(found)} of {len(judged)} are {kind}:", *found])


def test_what_is_refused_has_no_rule(judged: list[tuple[Problem, Outcome]], capsys: pytest.CaptureFixture[str]) -> None:
    kinds = Counter(o.kind for _, o in judged)
    refusals = Counter(o.detail for _, o in judged if o.kind == "refused")
    with capsys.disabled():
        print(f"\n{len(judged)} random, {judged[0][0].op}: {kinds['right'] / len(judged):.1%} answered and right, {dict(kinds)}")
        print("\n".join(f"{n:4d}  {what}" for what, n in refusals.most_common()))
    assert kinds["right"] > 0.9 * len(judged)
    assert kinds["unjudged"] + kinds["unstable"] + kinds["doubted"] < 0.05 * len(judged)


@pytest.mark.parametrize("op", COUNTS)
def test_every_function_is_met(op: str) -> None:
    met = {name for p in problems(SEED, 3000, op) for name in re.findall(r"(\w+)\(", p.text)}
    assert {f.name for f in callable_functions()} <= met
    assert {"sum", "mean", "tr", "diag", "diagv", "kron", "vec", "ones", "eye"} <= met


# ---------------------------------------------------------------- every function, for every kind of argument and variable
@pytest.mark.parametrize("order", [1, 2], ids=["jacobian", "hessian"])
@pytest.mark.parametrize("case", ALL, ids=lambda c: c.id)
def test_jax_agrees(case: Case, order: int) -> None:
    pytest.importorskip("jax")
    pytest.importorskip("scipy")
    d = answer(case, "jacobian" if order == 1 else "hessian")
    if isinstance(d, Refused):
        return
    values, sizes = point(case)
    _, slopes = jax_oracle.derivative(case.text if order == 1 else case.summed, case.wrt, values, sizes, order)
    if is_symmetric(case, case.wrt):
        slopes = both_sides(slopes) if order == 2 else along(slopes)
    reading = reading_of(case.text, case.let)
    by = shape_of(reading.symbols[case.wrt].shape, sizes)
    of = by if order == 2 else shape_of(reading.root.shape, sizes)
    assert close(d.tensor(given(case)), slopes.reshape([*of, *by]), 1e-8), str(d)


def along(slopes: Any) -> Any:
    """Within the symmetric matrices, on the last two axes."""
    return (slopes + slopes.swapaxes(-1, -2)) / 2


def both_sides(slopes: Any) -> Any:
    return along(along(slopes).transpose(2, 3, 0, 1)).transpose(2, 3, 0, 1)
