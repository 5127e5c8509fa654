"""Constraints as text: `x >= 0`, `sum(x) == 1`, `A @ x <= b`. Bounds on a variable itself are bounds; the rest are functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..build import build
from ..compiler import arranged
from ..errors import DomainError, Fix
from ..expr import symbols
from .objective import Objective, Point
from .plan import Array, Layout, Plan

SIGN = re.compile(r"(<=|>=|==|≤|≥|=|<|>)")
TOUCHING = 1e-9  # of a bound, relative to the variable
SAME = {"≤": "<=", "≥": ">=", "=": "==", "<": "<=", ">": ">="}


class Constraint(NamedTuple):
    """lhs - rhs, compared with 0."""

    text: str
    sign: str
    plan: Plan
    slopes: Any  # Jacobians by each variable, in the order of the objective


class Constraints(NamedTuple):
    """Bounds of the flat vector, and what is no bound."""

    lower: Array
    upper: Array
    others: list[Constraint]

    @property
    def bounded(self) -> bool:
        return bool(np.isfinite(self.lower).any() or np.isfinite(self.upper).any())

    @property
    def any(self) -> bool:
        return self.bounded or bool(self.others)


def words(texts: Sequence[str]) -> set[str]:
    """The names in some constraints."""
    return {word for text in texts for word in re.findall(r"[^\W\d]\w*", text)}


def separate(texts: Sequence[str]) -> list[str]:
    """One comparison each: `x >= 0, sum(x) == 1` are two constraints, and so is `0 <= x <= 1`."""
    found = []
    for text in texts:
        depth, begin, pieces = 0, 0, []
        for i, c in enumerate(text):
            depth += (c in "([{") - (c in ")]}")
            if c in ",;" and depth == 0:
                pieces.append(text[begin:i])
                begin = i + 1
        for piece in [*pieces, text[begin:]]:
            parts = SIGN.split(piece)
            if len(parts) < 3 or not all(part.strip() for part in parts):
                raise DomainError(f"a constraint is expressions with <=, >= or == between them, not '{piece.strip()}'",
                                  fixes=[Fix(say='such as "x >= 0", "0 <= x <= 1", "sum(x) == 1", "A @ x <= b"')])
            found += ["".join(parts[i:i + 3]).strip() for i in range(0, len(parts) - 2, 2)]
    return found


def read(texts: Sequence[str], f: Objective, data: Mapping[str, Any]) -> Constraints:
    """The constraints of some texts, over the variables and the data of an objective."""
    lower, upper = np.full(f.size, -np.inf), np.full(f.size, np.inf)
    others = []
    for text in separate(texts):
        parts = SIGN.split(text)
        left, sign, right = parts[0].strip(), SAME.get(parts[1], parts[1]), parts[2].strip()
        if right in f.over and left not in f.over:
            left, right, sign = right, left, {"<=": ">=", ">=": "<=", "==": "=="}[sign]
        if left in f.over and _constant(right, f, data) and sign != "==":
            places = _places(left, f)
            value = _value(right, f, data, left)
            if value.size not in (1, lower[places].size):
                raise DomainError(f"the bound {text} has {value.size} entries, and {left} has {lower[places].size}")
            if np.isnan(value).any() or np.iscomplexobj(value):
                raise DomainError(f"the bound {text} is no real number")
            limit = np.broadcast_to(value, lower[places].shape)
            if sign == ">=":
                lower[places] = np.maximum(lower[places], limit)
            else:
                upper[places] = np.minimum(upper[places], limit)
        else:
            others.append(_function(text, left, sign, right, f, data))
    if (lower > upper).any():
        raise DomainError("the bounds leave nothing: a lower one is above an upper one")
    return Constraints(lower, upper, others)


def _places(name: str, f: Objective) -> slice:
    at = np.cumsum([0, *(m * n for m, n in f.shapes)])
    i = f.over.index(name)
    return slice(int(at[i]), int(at[i + 1]))


def _declared(f: Objective, data: Mapping[str, Any]) -> list[str]:
    """The declarations of everything that the objective has, so that a constraint is read with the same shapes; and of other vectors."""
    from ..dims import shape_text

    said = {d.partition(":")[0].strip() for d in f.question.get("let", ())} | set(f.reading.symbols)
    vectors = [f"{n}: vector" for n, v in data.items() if n not in said and len(np.shape(v)) == 1]
    return [*(f"{s.name}: {shape_text(s.shape)}" for s in f.reading.symbols.values()), *vectors]


def _read(text: str, f: Objective, data: Mapping[str, Any]) -> Any:
    import matcalc as mc

    return mc.parse(text, let=[*_declared(f, data), *_extra(f)])


def _extra(f: Objective) -> list[str]:
    said = {s.name for s in f.reading.symbols.values()}
    return [d for d in f.question.get("let", ()) if d.split(":")[0].strip() not in said]


def _constant(text: str, f: Objective, data: Mapping[str, Any]) -> bool:
    return not set(symbols(_read(text, f, data))) & set(f.over)


def _value(text: str, f: Objective, data: Mapping[str, Any], of: str) -> Array:
    import matcalc as mc

    value = np.asarray(mc.evaluate(text, {k: v for k, v in data.items() if re.search(rf"\b{re.escape(k)}\b", text)},
                                   let=[*_declared(f, {k: v for k, v in data.items() if re.search(rf"\b{re.escape(k)}\b", text)}),
                                        *_extra(f)]))
    return value.ravel()


def _function(text: str, left: str, sign: str, right: str, f: Objective, data: Mapping[str, Any]) -> Constraint:
    import matcalc as mc

    difference = f"({left}) - ({right})"
    let = [*_declared(f, {k: v for k, v in data.items() if re.search(rf"\b{re.escape(k)}\b", text)}), *_extra(f)]
    reading = mc.simplify(difference, let=let)
    e = build(reading.reading_of_input)
    used = set(symbols(e))
    own = {n: s for n, s in symbols(e).items() if n not in f.arrays and n not in f.over}
    missing = sorted(set(own) - set(data))
    if missing:
        raise DomainError(f"no value is given for {', '.join(missing)} of the constraint {text}")
    arrays, sizes = arranged(own, {n: data[n] for n in own})
    slopes = [mc.jacobian(difference, wrt=name, let=let).compact if name in used else None for name in f.over]
    present = [s for s in slopes if s is not None]
    if not present:
        raise DomainError(f"the constraint {text} has none of the variables {', '.join(f.over)}")
    plan = Plan(Layout([e, *present], f.over), {**f.arrays, **arrays}, {**f.sizes, **sizes})
    if not plan(f.split(f.start))[0].size:
        raise DomainError(f"the constraint {text} reads entries that {' and '.join(f.over)} do not have")
    return Constraint(text, sign, plan, [s is not None for s in slopes])


def values(c: Constraint, f: Objective, x: Array) -> Array:
    """lhs - rhs, column by column."""
    return c.plan(f.split(x))[0].ravel(order="F")


def slopes(c: Constraint, f: Objective, x: Array) -> Array:
    """The Jacobian of `values` by the flat vector."""
    value, *parts = c.plan(f.split(x))
    found = []
    given = iter(parts)
    for (m, n), there in zip(f.shapes, c.slopes, strict=True):
        part = next(given) if there else np.zeros((value.size, m * n))
        # columns of a Jacobian follow vec(X), column by column; the flat vector goes row by row
        found.append(part.reshape(value.size, n, m).transpose(0, 2, 1).reshape(value.size, m * n))
    return np.hstack(found)


def projected(p: Point, cs: Constraints) -> float:
    """The largest entry of the gradient that is not held by a bound."""
    held = ((p.x <= cs.lower) & (p.gradient > 0)) | ((p.x >= cs.upper) & (p.gradient < 0))
    return _top(np.where(held, 0.0, p.gradient))


class Edge(NamedTuple):
    """What the constraints do at a point: which hold it, and what they leave of the gradient and of the curvature."""

    left: float  # the largest entry of the gradient less the constraints' part of it
    holding: int  # constraints that hold the point
    free: Array | None  # directions, as columns, along which none of those that push changes
    bend: Array | float  # of the constraints along them: to be taken from the Hessian of f
    doubtful: bool  # one holds the point without pushing


def edge(cs: Constraints, f: Objective, p: Point, largest: int) -> Edge:
    """The multipliers by least squares, as in Nocedal & Wright (2nd ed.), section 12.3; those of inequalities are not negative.

    largest: entries of the variables up to which the free directions are wanted.
    """
    x, near = p.x, TOUCHING * np.maximum(1.0, np.abs(p.x))
    at_lower, at_upper = x - cs.lower <= near, cs.upper - x <= near
    held, pinned = at_lower | at_upper, at_lower & at_upper
    inward = np.where(at_lower, 1.0, -1.0)[held]  # where a bound allows to go
    if not cs.others:
        slope = inward * p.gradient[held]
        pushes = np.where(pinned[held], slope, np.maximum(slope, 0.0))
        strong = pinned[held] | _strong(pushes)
        left = p.gradient.copy()
        left[held] -= inward * pushes
        fixed = held.copy()
        fixed[held] = strong
        units = np.eye(len(x))[~fixed].T if len(x) <= largest else None
        return Edge(_top(left), int(held.sum()), _within(f, units, fixed), 0.0, not bool(strong.all()))
    from scipy.optimize import lsq_linear

    active = _active(cs, f, x)
    rows = np.vstack([_normals(active, f, x), np.eye(len(x))[held] * inward[:, None]])
    equal = np.concatenate([*(np.full(int(mask.sum()), c.sign == "==") for c, mask in active), pinned[held]]).astype(bool)
    pushes = lsq_linear(rows.T, p.gradient, (np.where(equal, -np.inf, 0.0), np.full(len(rows), np.inf)), tol=1e-14).x if len(rows) else \
        np.zeros(0)
    strong = equal | _strong(pushes)
    left = p.gradient - rows.T @ pushes
    if len(x) > largest:
        return Edge(_top(left), len(rows), None, 0.0, not bool(strong.all()))
    space = f.space()
    space = np.eye(len(x)) if space is None else space
    _, size, v = np.linalg.svd(rows[strong] @ space) if strong.any() else (None, np.zeros(0), np.eye(space.shape[1]))
    free = space @ v[int((size > 1e-9 * _top(size)).sum()):].T
    bend = np.zeros((free.shape[1], free.shape[1]))
    multipliers = pushes[:len(rows) - int(held.sum())]
    h = 6e-6 * max(1.0, _top(x))
    for j, direction in enumerate(free.T if len(multipliers) else ()):
        change = _normals(active, f, x + h * direction) - _normals(active, f, x - h * direction)
        bend[:, j] = free.T @ change.T @ multipliers / (2 * h)
    return Edge(_top(left), len(rows), free, (bend + bend.T) / 2, not bool(strong.all()))


def _top(x: Array) -> float:
    return float(np.abs(x).max(initial=0.0))


def _strong(pushes: Array) -> Array:
    return pushes > 1e-7 * max(1.0, _top(pushes))


def _within(f: Objective, units: Array | None, fixed: Array) -> Array | None:
    """The directions that keep the declared structures, of those that bounds leave free."""
    space = f.space() if units is not None else None
    if space is None:
        return units
    _, size, v = np.linalg.svd(space[fixed]) if fixed.any() else (None, np.zeros(0), np.eye(space.shape[1]))
    return space @ v[int((size > 1e-9).sum()):].T


def _active(cs: Constraints, f: Objective, x: Array) -> list[tuple[Constraint, Array]]:
    """The constraints that are no bounds, and which of their entries hold with equality at x."""
    found = []
    for c in cs.others:
        near = 1e-6 * max(1.0, float(np.abs(slopes(c, f, x)).max(initial=0.0)))
        v = values(c, f, x)
        found.append((c, np.full(len(v), True) if c.sign == "==" else np.abs(v) <= near))
    return found


def _normals(active: list[tuple[Constraint, Array]], f: Objective, x: Array) -> Array:
    """The slopes of active constraints, as rows that point where they allow to go."""
    return np.vstack([np.zeros((0, len(x))), *((-1.0 if c.sign == "<=" else 1.0) * slopes(c, f, x)[mask] for c, mask in active)])


def violation(cs: Constraints, f: Objective, x: Array) -> float:
    """By how much the worst constraint is missed."""
    worst = [0.0, float(np.max(cs.lower - x, initial=0.0)), float(np.max(x - cs.upper, initial=0.0))]
    for c in cs.others:
        v = values(c, f, x)
        worst.append(float(np.abs(v).max() if c.sign == "==" else np.max(v if c.sign == "<=" else -v, initial=0.0)))
    return max(worst)
