"""The same bytes for the same question, in any process. Many more questions: python benchmarks/determinism.py"""

from __future__ import annotations

from benchmarks.determinism import PROCESSES, differences, printed


def test_every_process_prints_the_same_bytes() -> None:
    assert len({p.hashes for p in PROCESSES}) == 3
    assert {p.threads for p in PROCESSES} == {"1", "2"}
    assert {p.order for p in PROCESSES} == {"forwards", "backwards", "twice"}
    assert not differences(60, "determinism")


def test_a_difference_would_be_seen() -> None:
    first, other = (printed(10, seed, "forwards") for seed in ("a", "b"))
    assert set(first.values()) != set(other.values())
    assert printed(10, "a", "backwards") == first
