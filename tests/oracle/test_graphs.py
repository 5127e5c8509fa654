"""Random computations with Variables against JAX, a few; benchmarks/graphs.py has many."""

from __future__ import annotations

import pytest

from .random_graphs import OPERATIONS, judge, operations_met

pytestmark = pytest.mark.oracle
COUNT, SEED = 60, "0"


def test_no_computation_differs_from_jax() -> None:
    pytest.importorskip("jax")
    pytest.importorskip("scipy")
    found = {f"{SEED}:{i}": judge(f"{SEED}:{i}") for i in range(COUNT)}
    wrong = [f"{name}: {detail}" for name, (kind, detail) in found.items() if kind == "wrong"]
    assert not wrong, "\n".join(wrong)
    assert sum(kind == "right" for kind, _ in found.values()) > 0.9 * COUNT


def test_every_operation_is_met() -> None:
    assert set(operations_met(SEED, 400)) == set(OPERATIONS)
