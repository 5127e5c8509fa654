"""Rules that are broken on purpose: the rule check must refuse them. All of them: python benchmarks/mutation.py"""

from __future__ import annotations

import pytest

from benchmarks.mutation import run


def test_mutants_of_rules_are_caught(request: pytest.FixtureRequest) -> None:
    verdicts, survivors = run(1_500, seed=11)
    assert not survivors, [(m.original.name, m.fault, m.before, m.after) for m in survivors]
    assert verdicts["caught"] + verdicts["refused"] > 900
