"""The rules of calculus, and what changes no derivative, on random problems. Many more of them: python benchmarks/laws.py"""

from __future__ import annotations

import zlib
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.laws import LAWS, Answered, judge

FEWER = {"sympy": 8}  # SymPy takes a third of a second for each
seeds = st.integers(0, 10**6)


@pytest.mark.parametrize("name", LAWS)
def test_law(name: str) -> None:
    """Every problem obeys the law, and of almost every one the law has something to say."""
    found: Counter[str] = Counter()

    @settings(max_examples=FEWER.get(name, 35), derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(seeds)
    def holds(seed: int) -> None:
        verdict, detail = judge(name, str(seed))
        found[verdict] += 1
        assert verdict != "broken", f"{name}, seed {seed}: {detail}"

    holds()
    assert found["holds"] > 0.8 * sum(found.values()), found


def test_a_broken_law_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every question has an error of its own, each law that asks two of them sees it."""
    right = Answered.at
    monkeypatch.setattr(Answered, "at", lambda self, values: right(self, values) * (1 + zlib.crc32(self.problem.text.encode()) % 97 / 1e4))
    for name in ("linearity", "product", "quotient", "chain", "composition", "transposition", "substitution"):
        assert "broken" in {judge(name, str(seed)).verdict for seed in range(4)}, name
