"""Rules that are broken on purpose: the rule check must refuse them. All of them: python benchmarks/mutation.py"""

from __future__ import annotations

from benchmarks.mutation import run, survivors


def test_mutants_of_rules_are_caught() -> None:
    found, total = run(450, seed=11)
    assert not survivors(found)
    assert total > 16_000
    assert sum(said in ("caught", "refused") for _, said in found) > 150
