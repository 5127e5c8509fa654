"""Descent written out: gradient descent, momentum, Nesterov, Adam and Newton. One loop each, one rule for stopping.

Sources: Nocedal & Wright, Numerical Optimization (2nd ed.), ch. 3 and 6; Polyak (1964); Nesterov (1983), restarted as in
O'Donoghue & Candes (2015); Kingma & Ba (2015), whose rate is halved here whenever progress stops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .objective import Objective, Point
from .plan import Array

ARMIJO = 1e-4  # the part of the promised decrease that a step must keep
HALVINGS = 60
UNBOUNDED = -1e100
PATIENCE = 50  # Adam: iterations without a new best before its rate is halved


class Settings(NamedTuple):
    """What stops a run, and how long its steps are."""

    tolerance: float = 1e-8  # of the largest entry of the gradient, relative to max(1, that at the start) ** 0.5
    iterations: int = 100_000
    rate: float | None = None  # of fixed steps; None: from the curvature at the start
    momentum: float = 0.9


class End(NamedTuple):
    """Where a method stopped, and why."""

    point: Point
    iterations: int
    converged: bool
    reason: str


Watch = Callable[[int, Point], None]
Method = Callable[[Objective, Point, Settings, Watch], End]


def small(point: Point, settings: Settings) -> bool:
    return point.norm <= settings.tolerance


def unbounded(point: Point) -> bool:
    return point.value <= UNBOUNDED


def _stopped(point: Point, k: int, settings: Settings) -> End | None:
    """The end, if this point is one."""
    if small(point, settings):
        return End(point, k, True, f"the gradient is at most {settings.tolerance:g}")
    if unbounded(point):
        return End(point, k, False, "the objective falls without bound")
    if k >= settings.iterations:
        return End(point, k, False, f"{settings.iterations:,} iterations were not enough")
    return None


def line_search(f: Objective, p: Point, direction: Array, step: float = 1.0) -> tuple[Point, float] | None:
    """Backtracking, by the parabola through what is known; None where no step goes down."""
    slope = float(p.gradient @ direction)
    for _ in range(HALVINGS):
        q = f.at(p.x + step * direction)
        if np.isfinite(q.value) and np.isfinite(q.gradient).all() and q.value <= p.value + ARMIJO * step * slope:
            return q, step
        # at rounding level the value says nothing any more: a smaller gradient does
        if abs(q.value - p.value) <= 1e-14 * max(1.0, abs(p.value)) and q.norm < p.norm:
            return q, step
        bend = q.value - p.value - step * slope
        shorter = -slope * step**2 / (2 * bend) if np.isfinite(bend) and bend > 0 else 0.0
        step = min(max(shorter, 0.1 * step), 0.5 * step)
    return None


def curvature(f: Objective, p: Point, rounds: int = 12) -> float:
    """The largest curvature at a point, by power iteration on Hessian-vector products."""
    v = p.gradient / (np.linalg.norm(p.gradient) or 1.0)
    largest = 1.0
    for _ in range(rounds):
        w = f.product(p.x, v)
        size = float(np.linalg.norm(w))
        if not np.isfinite(size) or size == 0:
            break
        largest, v = size, w / size
    return largest


def _stuck(p: Point, k: int) -> End:
    return End(p, k, False, "no shorter step goes down: rounding, or a kink")


def gradient_descent(f: Objective, p: Point, settings: Settings, watch: Watch) -> End:
    """Down the gradient, each step as long as backtracking allows, first tried at the length of Barzilai and Borwein (1988)."""
    step = 1.0 / max(1.0, p.norm) if settings.rate is None else settings.rate
    k = 0
    while (end := _stopped(p, k, settings)) is None:
        found = line_search(f, p, -p.gradient, step)
        if found is None:
            return _stuck(p, k)
        q, used = found
        s, y = q.x - p.x, q.gradient - p.gradient
        bent = float(s @ y)
        step = min(max(float(s @ s) / bent, 1e-12), 1e12) if bent > 0 else 4 * used
        p, k = q, k + 1
        watch(k, p)
    return end


def _rate(f: Objective, p: Point, settings: Settings) -> float:
    return settings.rate if settings.rate is not None else 1.0 / max(curvature(f, p), 1e-12)


def fixed_steps(f: Objective, p: Point, settings: Settings, watch: Watch) -> End:
    """Down the gradient with one rate, 1 / curvature at the start; halved where the objective rises."""
    rate, k = _rate(f, p, settings), 0
    while (end := _stopped(p, k, settings)) is None:
        q = f.at(p.x - rate * p.gradient)
        if not q.value <= p.value + 1e-14 * abs(p.value) or not np.isfinite(q.gradient).all():
            if settings.rate is not None and not np.isfinite(q.value):
                return End(p, k, False, f"the rate {rate:g} is too large: the objective is not finite any more")
            rate /= 2
            if rate < 1e-18:
                return _stuck(p, k)
            continue
        p, k = q, k + 1
        watch(k, p)
    return end


def heavy_ball(f: Objective, p: Point, settings: Settings, watch: Watch) -> End:
    """Momentum: each step keeps a part of the one before. Where the objective rises, the momentum is dropped and the rate halved."""
    rate, k, velocity = _rate(f, p, settings), 0, np.zeros_like(p.x)
    best, since, top = p.value, 0, p.value + 10 * (1 + abs(p.value))
    while (end := _stopped(p, k, settings)) is None:
        velocity = settings.momentum * velocity - rate * p.gradient
        q = f.at(p.x + velocity)
        since = 0 if q.value < best else since + 1
        best = min(best, q.value)
        if not np.isfinite(q.value) or not np.isfinite(q.gradient).all() or q.value > top or since > 20 * PATIENCE:
            rate, velocity, since = rate / 2, np.zeros_like(p.x), 0
            if rate < 1e-18:
                return _stuck(p, k)
            if not np.isfinite(q.value):
                continue
        p, k = q, k + 1
        watch(k, p)
    return end


def nesterov(f: Objective, p: Point, settings: Settings, watch: Watch) -> End:
    """Accelerated descent: the gradient is taken ahead; momentum begins anew whenever it points uphill."""
    rate, k, t = _rate(f, p, settings), 0, 1.0
    ahead = p
    while (end := _stopped(p, k, settings)) is None:
        q = f.at(ahead.x - rate * ahead.gradient)
        if not q.value <= ahead.value - 0.25 * rate * float(ahead.gradient @ ahead.gradient) + 1e-15 * abs(ahead.value) \
                or not np.isfinite(q.gradient).all():
            rate /= 2
            if rate < 1e-18:
                return _stuck(p, k)
            continue
        following = (1 + (1 + 4 * t * t) ** 0.5) / 2
        if float(ahead.gradient @ (q.x - p.x)) > 0:
            following, ahead = 1.0, q
        else:
            ahead = f.at(q.x + (t - 1) / following * (q.x - p.x))
            if not np.isfinite(ahead.value) or not np.isfinite(ahead.gradient).all():
                following, ahead = 1.0, q
        p, t, k = q, following, k + 1
        watch(k, p)
    return end


def adam(f: Objective, p: Point, settings: Settings, watch: Watch) -> End:
    """Adam, its rate (0.1 at first) halved after 50 iterations without progress; what is returned is the best point met."""
    rate = 0.1 if settings.rate is None else settings.rate
    first, second, k, age = np.zeros_like(p.x), np.zeros_like(p.x), 0, 0
    best, since = p, 0
    while (end := _stopped(p, k, settings)) is None:
        age += 1
        first = 0.9 * first + 0.1 * p.gradient
        second = 0.999 * second + 0.001 * p.gradient**2
        q = f.at(p.x - rate * (first / (1 - 0.9**age)) / (np.sqrt(second / (1 - 0.999**age)) + 1e-12))
        if q.value < best.value - 1e-15 * abs(best.value) or (q.value <= best.value and q.norm < best.norm):
            best, since = q, 0
        else:
            since += 1
        if since > PATIENCE or not np.isfinite(q.value) or not np.isfinite(q.gradient).all():
            rate, since, q = rate / 2, 0, best
            first, second, age = np.zeros_like(p.x), np.zeros_like(p.x), 0
            if rate < 1e-14:
                return _stuck(best, k)
        p, k = q, k + 1
        watch(k, p)
    return end if end.converged else end._replace(point=best)


def newton(f: Objective, p: Point, settings: Settings, watch: Watch) -> End:
    """Newton's steps by the exact Hessian. Where it is indefinite, its eigenvalues are taken by their size: every step goes down."""
    k = 0
    while (end := _stopped(p, k, settings)) is None:
        direction = newton_direction(f.hessian(p.x), p.gradient)
        found = line_search(f, p, direction) or line_search(f, p, -p.gradient, 1.0 / max(1.0, p.norm))
        if found is None:
            return _stuck(p, k)
        p, k = found[0], k + 1
        watch(k, p)
    return end


def newton_direction(hessian: Array, gradient: Array) -> Array:
    """-inv(H) g where H is positive definite, by Cholesky; else -inv(|H|) g, small eigenvalues raised."""
    try:
        lower = np.linalg.cholesky(hessian)
        if lower.diagonal().min() < 1e-5 * lower.diagonal().max():
            raise np.linalg.LinAlgError
        return -np.linalg.solve(hessian, gradient)
    except np.linalg.LinAlgError:
        if not np.isfinite(hessian).all():
            return -gradient
        values, vectors = np.linalg.eigh(hessian)
        floor = 1e-12 * max(1.0, float(np.abs(values).max()))
        along = vectors.T @ gradient
        along[(np.abs(values) < 1e4 * floor) & (np.abs(along) < 1e-8 * np.abs(along).max(initial=0.0))] = 0.0  # rounding, not a slope
        return -vectors @ (along / np.maximum(np.abs(values), floor))


METHODS: dict[str, Method] = {
    "gd": gradient_descent, "fixed": fixed_steps, "momentum": heavy_ball, "nesterov": nesterov, "adam": adam, "newton": newton,
}


def describe(name: str) -> str:
    return (METHODS[name].__doc__ or "").split(".")[0].split(":")[0].strip()


