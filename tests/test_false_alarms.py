"""Right closed forms are accused by neither judge, whatever is done to them. Many more: python benchmarks/false_alarms.py"""

from __future__ import annotations

from benchmarks.false_alarms import run, told


def test_no_right_form_is_accused() -> None:
    counts, alarms = run(0, 500, "short")
    assert not alarms, "\n".join(map(told, alarms))
    found = {v: sum(n for (_, verdict), n in counts.items() if verdict == v) for v in ("true", "inconclusive")}
    assert found["true"] > 0.75 * sum(counts.values()), found
    assert found["inconclusive"] < 0.05 * sum(counts.values()), found
