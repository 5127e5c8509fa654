"""Random gradients against JAX: none wrong, none withheld, nothing but a MatcalcError escapes."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from matcalc.knowledge import known

from .judge import Outcome, judge
from .random_expressions import Problem, problems

pytestmark = pytest.mark.oracle
COUNT, SEED = 500, 0
FAULTS = ("wrong", "wrong text", "withheld", "crashed", "hang", "unread")


@pytest.fixture(scope="module")
def judged() -> list[tuple[Problem, Outcome]]:
    pytest.importorskip("jax")
    pytest.importorskip("scipy")
    return [(p, judge(p)) for p in problems(SEED, COUNT)]


@pytest.mark.parametrize("kind", FAULTS)
def test_no_gradient_is(kind: str, judged: list[tuple[Problem, Outcome]]) -> None:
    found = [f"{p.call}\n    {o.answer}\n    {o.detail}" for p, o in judged if o.kind == kind]
    assert not found, "\n".join([f"{len(found)} of {len(judged)} are {kind}:", *found])


def test_what_is_refused_has_no_rule(judged: list[tuple[Problem, Outcome]], capsys: pytest.CaptureFixture[str]) -> None:
    kinds = Counter(o.kind for _, o in judged)
    refusals = Counter(o.detail for _, o in judged if o.kind == "refused")
    with capsys.disabled():
        print(f"\n{len(judged)} random gradients: {kinds['right'] / len(judged):.1%} answered and right, {dict(kinds)}")
        print("\n".join(f"{n:4d}  {what}" for what, n in refusals.most_common()))
    assert kinds["right"] > 0.9 * len(judged)
    assert kinds["unjudged"] + kinds["unstable"] + kinds["doubted"] < 0.05 * len(judged)


def test_every_function_is_met() -> None:
    met = {name for p in problems(SEED, 3000) for name in re.findall(r"(\w+)\(", p.text)}
    assert set(known().functions) <= met
    assert {"sum", "mean", "tr", "diag", "diagv", "kron", "vec", "ones", "eye"} <= met
