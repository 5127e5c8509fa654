"""What the pictures show, in numbers: functions on grids, contour levels, directions among many variables, paths. No matplotlib here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..asking import as_text, understand
from ..build import build
from ..errors import DomainError, Fix, NotSupported
from ..expr import symbols
from ..optimize.minimizer import KEPT, Minimum, minimize
from ..optimize.objective import Objective
from ..optimize.plan import Array, Layout, Plan

HALF = 2.0  # a range that is not given is -2 to 2
FINE = 121  # points a side of a grid of values
COARSE = 21  # arrows a side
ASPECT = 1.7  # axes are to scale unless one range is so many times longer than the other
DIRECTIONS = ("auto", "random", "filters", "path")

Range = tuple[float, float]


class Problem(NamedTuple):
    """What is drawn: a function, the variables that move, where they start, and the values of the others."""

    f: Any
    over: list[str]
    start: dict[str, Any]
    data: dict[str, Any]
    question: dict[str, Any]

    def objective(self) -> Objective:
        return Objective({"f": self.f, **self.question}, self.over, self.data, self.start)

    def minimum(self, method: str, iterations: int | None) -> Minimum:
        return minimize(self.f, self.over, self.start, self.data, method=method, iterations=iterations, **self.question)


class Grid(NamedTuple):
    """Values of a function at x[j], y[i]; nan where it has no finite value."""

    x: Array
    y: Array
    z: Array

    @property
    def missing(self) -> int:
        return int(np.isnan(self.z).sum())


def problem(f: Any, over: Any, start: Mapping[str, Any] | None, data: Mapping[str, Any] | None,
            question: Mapping[str, Any]) -> Problem:
    """The problem; without `over`, all variables without data move; a vector of unknown length has 2 entries, or as many as are read."""
    known = dict(data or {})
    text, let, _ = as_text(f, question["let"])
    e = build(understand(text, let, question["syntax"], question["rules"], (), None))
    found = symbols(e)
    names = [n for n in found if n not in known] if over is None else [over] if isinstance(over, str) else [str(n) for n in over]
    if not names:
        raise DomainError("every variable has data; nothing is left to vary", fixes=[Fix(options=(("set", ""),))])
    begin = {n: v for n, v in known.items() if n in names} | dict(start or {})  # data of a variable is where it starts
    rest = {n: v for n, v in known.items() if n not in names}
    settled = {d for n, s in found.items() if n in rest or n in begin for d in s.shape} | set(rest)
    for n in names:
        rows, columns = found[n].shape if n in found else (1, 1)
        if n not in begin and columns == 1 and isinstance(rows, str) and rows not in settled:
            begin[n] = np.zeros(max(2, *(int(i) + 1 for i in re.findall(rf"\b{re.escape(n)}\[(\d+)\]", str(e))), 0))
    return Problem(f, names, begin, rest, dict(question))


# ---------------------------------------------------------------- ranges and grids


def read_range(given: Any, count: int) -> list[Range] | None:
    """Ranges as text, "-2:2,-1:3", or as pairs of numbers; one range serves for all entries.

    >>> read_range("-2:2,-1:3", 2)
    [(-2.0, 2.0), (-1.0, 3.0)]
    """
    if given is None:
        return None
    fix = Fix(options=(("range", ",".join(["-2:2"] * count)),))
    if isinstance(given, str):
        pairs: list[Any] = [part.split(":") for part in given.split(",")]
    else:
        pairs = [given] if np.ndim(given) == 1 else list(given)
    try:
        ranges = [(float(low), float(high)) for low, high in pairs]
    except (TypeError, ValueError):
        raise DomainError("a range is two numbers, low:high, for each entry", detail=f"not {given}", fixes=[fix]) from None
    if not all(np.isfinite(r).all() and r[0] < r[1] for r in ranges):
        raise DomainError("the low end of a range is below its high end, and both are finite", detail=f"not {given}", fixes=[fix])
    if len(ranges) not in (1, count):
        raise DomainError(f"{len(ranges)} ranges were given for {count} {'entry' if count == 1 else 'entries'}", fixes=[fix])
    return ranges * count if len(ranges) == 1 else ranges


def around(points: Array, margin: float = 0.15) -> list[Range]:
    """The box of some points, each a row, with a margin; neither side is much shorter than the other."""
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.maximum(high - low, max(0.4 * float((high - low).max()), 1e-3))
    middle = (low + high) / 2
    half = size * (0.5 + margin)
    return [(float(a), float(b)) for a, b in zip(middle - half, middle + half, strict=True)]


def values(f: Objective, origin: Array, directions: Array, ranges: Sequence[Range], points: int = FINE) -> Grid:
    """f at origin + s * directions[0] + t * directions[1]; only f is computed, not its gradient."""
    plan = Plan(Layout([f.f], f.over), f.arrays, f.sizes)
    s, t = (np.linspace(low, high, points) for low, high in ranges)
    z = np.full((points, points), np.nan)
    with np.errstate(all="ignore"):
        for i, b in enumerate(t):
            row = origin + b * directions[1]
            for j, a in enumerate(s):
                try:
                    z[i, j] = plan(f.split(row + a * directions[0]))[0][0, 0]
                except np.linalg.LinAlgError:  # no value here
                    continue
    z[~np.isfinite(z)] = np.nan
    if np.isnan(z).all():
        raise nowhere_finite(2)
    return Grid(s, t, z)


def nowhere_finite(count: int) -> DomainError:
    fix = Fix(options=(("range", ",".join(["0.1:2"] * count)),))
    where = "give a range where it has values, as 0.1:2 for log"
    return DomainError("the function has no finite value anywhere in the range", detail=where, fixes=[fix])


def plane(f: Objective, ranges: Sequence[Range], points: int = FINE) -> Grid:
    """A function of two entries on a grid."""
    return values(f, np.zeros(2), np.eye(2), ranges, points)


def gradients(f: Objective, ranges: Sequence[Range], count: int = COARSE) -> tuple[Array, Array]:
    """Places inside the range, each a row, and the gradients there; places without a finite gradient are left out."""
    sides = [low + (high - low) * (np.arange(count) + 0.5) / count for low, high in ranges]
    places = np.array([[a, b] for b in sides[1] for a in sides[0]])
    with np.errstate(all="ignore"):
        points = [f.at(p) for p in places]
    slopes = np.array([p.gradient for p in points])
    good = np.isfinite(slopes).all(axis=1) & np.isfinite([p.value for p in points])  # 1/x has values where log(x) has none
    return places[good], slopes[good]


def levels(z: Array, count: int = 16) -> Array:
    """Contour levels that are log-spaced above the lowest value: close together in the valley, wide apart on the walls."""
    finite = z[np.isfinite(z)]
    low, high = float(finite.min()), float(finite.max())
    above = finite[finite > low] - low
    if not len(above):
        return np.array([low, low + max(abs(low), 1.0) * 1e-9])
    first = max(float(np.quantile(above, 0.02)), (high - low) * 1e-9)
    return low + np.geomspace(first, high - low, count)


# ---------------------------------------------------------------- directions in a space of many variables


def orthonormal(rows: Array) -> Array:
    """Rows made orthonormal, in their order, without turning any of them round."""
    q, r = np.linalg.qr(rows.T)
    return np.asarray((q * np.where(np.diag(r) < 0, -1.0, 1.0)).T)


def random_directions(f: Objective, centre: Array, seed: int) -> Array:
    """Two orthogonal directions, as long as the centre (at least 1)."""
    rows = np.random.default_rng(seed).standard_normal((2, f.size))
    return orthonormal(rows) * max(1.0, float(np.linalg.norm(centre)))


def filter_directions(f: Objective, centre: Array, seed: int) -> Array:
    """Two random directions in which each row of each matrix (a unit of a layer) is as long as that row at the centre; a vector is one row.

    Source: Li, Xu, Taylor, Studer, Goldstein, Visualizing the Loss Landscape of Neural Nets (2018), section 4.
    """
    random = np.random.default_rng(seed)
    found = np.zeros((2, f.size))
    for d in found:
        at = 0
        for name, (m, n) in zip(f.over, f.shapes, strict=True):
            rows = (1, m * n) if n == 1 else (m, n)
            here = f.split(centre)[name].reshape(rows)
            part = random.standard_normal(rows)
            part *= np.linalg.norm(here, axis=1, keepdims=True) / np.linalg.norm(part, axis=1, keepdims=True)
            d[at:at + m * n] = part.ravel()
            at += m * n
    return found


def path_directions(xs: Array, centre: Array, seed: int) -> tuple[Array, float]:
    """The two principal directions of points around the centre, and the part of their variance that they keep."""
    spread = xs - centre
    _, sizes, rows = np.linalg.svd(spread, full_matrices=False)
    total = float((sizes**2).sum())
    kept = float((sizes[:2] ** 2).sum()) / total if total else 1.0
    enough = len(sizes) > 1 and sizes[1] > 1e-12 * sizes[0]
    second = rows[1] if enough else np.random.default_rng(seed).standard_normal(xs.shape[1])
    found = orthonormal(np.array([rows[0], second]))
    signs = np.sign(found[np.arange(2), np.abs(found).argmax(axis=1)])
    return found * signs[:, None], kept


def coordinates(xs: Array, centre: Array, directions: Array) -> Array:
    """How far along each direction the points are, by least squares."""
    return np.asarray(np.linalg.lstsq(directions.T, (xs - centre).T, rcond=None)[0].T)


# ---------------------------------------------------------------- paths


def visited(m: Minimum) -> Array:
    """The points that a minimisation went through, each a row."""
    if not m.history:
        raise DomainError(f"{m.method} solves at once: it has no path", fixes=[Fix(options=(("method", "newton"),))])
    if any(v.x is None for v in m.history):
        instead = Fix(verb="plot convergence", options=(("range", ""), ("directions", ""), ("scale", "")))
        raise NotSupported(f"the path itself is kept for at most {KEPT} entries", fixes=[instead])
    return np.array([v.x for v in m.history])
