"""Evidence: what a check found, with everything that a report of it needs."""

from __future__ import annotations

from typing import Any, NamedTuple


class Evidence(NamedTuple):
    """The outcome of a check: what kind it is, what it says, and where it failed.

    >>> str(Evidence("exact", True, points=3)), str(Evidence("numeric", True, points=2, worst=2e-12))
    ('exact, 3 points', 'numeric, 2 points, worst relative error 2e-12')
    """

    kind: str  # exact, numeric, inconclusive, unchecked
    verdict: bool | None
    points: int = 0
    worst: float | None = None  # largest relative error, of numeric evidence
    reason: str = ""
    counterexample: dict[str, Any] | None = None  # sizes, inputs, entry, got, wanted
    method: str = ""

    def __str__(self) -> str:
        if self.kind in ("inconclusive", "unchecked"):
            return f"{self.kind}: {self.reason}"
        text = f"{self.kind}, {self.points} point{'s' if self.points != 1 else ''}"
        if self.worst is not None:
            text += f", worst relative error {self.worst:.0e}"
        return text


class Undecided(Exception):
    """One point, or one method, cannot decide; the message says why."""


class Redraw(Undecided):
    """This point is singular, outside a domain or at a kink: another one may do."""


class NotRational(Undecided):
    """No exact arithmetic for this expression: floating point must decide."""


class Unknown(Exception):
    """A function whose value nobody gave to the checker."""
