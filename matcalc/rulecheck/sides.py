"""The values of one reading at a point, and of two readings that must agree wherever the first has a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..checker import Evidence, evaluate
from ..checker.evidence import Undecided, Unknown
from ..syntax import Reading
from .points import edges, points

POINTS = 8  # at which identities and properties are compared, beside the checker's own
NEAR = 1e-6  # relative: a draw may be badly conditioned, and a fault is of the size of the value
FINE = 1e-14  # relative and absolute: what a value of one number is known to


class Valued(NamedTuple):
    """A call, and what is needed for its value at a point."""

    reading: Reading
    sizes: dict[str, int]
    values: dict[str, Any]

    def at(self, names: Mapping[str, Any]) -> Any:
        try:
            with np.errstate(all="ignore"):
                return evaluate(self.reading, dict(names), self.sizes, self.values)
        except (Undecided, np.linalg.LinAlgError):
            return np.array([[np.nan]])


def close(got: Any, wanted: Any) -> bool:
    scale = max(float(np.abs(wanted).max(initial=0)), 1e-3)
    return bool(got.shape == wanted.shape and np.isfinite(got).all() and np.abs(got - wanted).max(initial=0) <= NEAR * scale)


def unsteady(side: Valued, names: Mapping[str, Any], value: Any) -> bool:
    """A value made of rounding errors, as the logarithm of a determinant that is zero: it moves by far more than any jump."""
    nearby = side.at({n: a + 1e-7 * np.cos(np.arange(a.size)).reshape(a.shape) for n, a in names.items()})
    return bool(10 < np.abs(nearby - value).max(initial=0) < 100)


def same_at_points(left: Reading, right: Reading, seed: int, values: Mapping[str, Any]) -> Iterator[Evidence]:
    """Both sides at other sizes and at the edges: wherever the left has a value, the right has the same."""
    found = 0
    special = list(edges(left, seed))
    for i, (names, sizes) in enumerate((*special, *points([left, right], seed))):
        try:
            with np.errstate(all="ignore"):
                wanted = evaluate(left, names, sizes, values)
                got = evaluate(right, names, sizes, values) if np.isfinite(wanted).all() else wanted
        except (Undecided, Unknown, np.linalg.LinAlgError):
            continue
        if not np.isfinite(wanted).all():
            continue
        if not close(got, wanted):
            if unsteady(Valued(left, sizes, dict(values)), names, wanted):
                continue
            yield Evidence("numeric", False, 1, reason="the values differ", counterexample={"sizes": sizes, "inputs": names})
            return
        found += 1
        if found >= POINTS and i >= len(special) + 2 * POINTS:
            break
    if found:
        yield Evidence("numeric", True, found)
