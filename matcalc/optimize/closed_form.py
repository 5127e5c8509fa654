"""Where the gradient is affine in the variable, the minimiser has a closed form: A @ x = b, solved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from ..algebra import add, content, eye, matmul, mul, negate, power, scale, zeros
from ..cost import cost
from ..differentials import depends, differential, tangent
from ..expr import Expr, number, postorder, symbols
from ..factoring import expanded
from ..functions import apply
from ..knowledge import known
from ..rebuild import substitute
from ..simplifier import Simplifier
from .plan import Array, Layout, Plan


@dataclass(frozen=True)
class ClosedForm:
    """The solution of a linear equation `left @ x = right` (or `x @ left = right`), and as one expression."""

    left: Expr
    right: Expr
    from_left: bool
    expression: Expr

    @cached_property
    def layout(self) -> Layout:
        return Layout([self.left, self.right], ())

    def solved(self, arrays: Mapping[str, Array], sizes: Mapping[str, int]) -> tuple[Array, bool, bool, bool]:
        """The solution by a solve, whether there is one, whether it is the only one, and whether the matrix is positive definite."""
        a, b = Plan(self.layout, arrays, sizes)({})
        if not self.from_left:
            a, b = a.T, b.T
        if a.shape == (1, 1) and b.shape[0] != 1:
            a = a.item() * np.eye(b.shape[0])
        definite = False
        try:
            lower = np.linalg.cholesky(a)
            sizes_of = lower.diagonal()
            if np.abs(a - a.T).max() > 1e-12 * np.abs(a).max() or sizes_of.min() < 1e-6 * sizes_of.max():
                raise np.linalg.LinAlgError
            x, only, definite = np.linalg.solve(a, b), True, True
        except np.linalg.LinAlgError:
            x, _, rank, _ = np.linalg.lstsq(a, b, rcond=None)
            only = rank == a.shape[1]
        holds = bool(np.abs(a @ x - b).max(initial=0.0) <= 1e-6 * max(1.0, float(np.abs(b).max(initial=0.0))))
        return (x if self.from_left else x.T), holds, bool(only), definite


def closed_form(gradient: Expr, name: str) -> ClosedForm | None:
    """The equation gradient = 0, solved for the variable of that name; None where it is not A @ x = b."""
    x = symbols(gradient).get(name)
    if x is None:
        return None
    change = tangent(f"d{name}", x)
    linear = Simplifier().simplify(differential(gradient, x, change))
    if depends(linear, x)[linear]:
        return None
    sides = _sides(expanded(linear) or linear, change)
    if sides is None:
        return None
    left, from_left = sides
    right = negate(substitute(gradient, {x: zeros(x.shape)}))
    simplifier = Simplifier()
    left, right = _without_common(simplifier.simplify(left), simplifier.simplify(right))
    inverse = power(left, number(-1)) if left.is_scalar else apply(known().role("inverse"), [left])
    form = mul([inverse, right]) if left.is_scalar else matmul([inverse, right] if from_left else [right, inverse])
    return ClosedForm(left, right, from_left, form)


def _without_common(left: Expr, right: Expr) -> tuple[Expr, Expr]:
    """Both sides without the number that they share: 2 * A, 2 * b are A, b."""
    c, scalars = left.data if left.op == "mul" else content(left)[0] if left.op == "add" else 1, []
    if left.op == "mul" and not left.is_scalar:
        scalars = [power(a, number(-1)) for a in left.args if _is_size(a)]
    c = abs(c)  # the sign stays: it tells a minimum from a maximum
    if c == 0 or (c == 1 and not scalars):
        return left, right
    core, other = (Simplifier().simplify(mul([*scalars, scale(Fraction(1) / c, e)])) for e in (left, right))
    return (core, other) if cost(core) + cost(other) <= cost(left) + cost(right) else (left, right)


def _is_size(e: Expr) -> bool:
    """A dimension, or a power of one: positive, whatever it is."""
    return e.op == "size" or (e.op == "pow" and e.args[0].op == "size")


def _sides(linear: Expr, change: Expr) -> tuple[Expr, bool] | None:
    """The A of A @ dx, or of dx @ A; None where the change stands between matrices or under a function."""
    terms = [(c, t) for c, t in zip(linear.data, linear.args, strict=True)] if linear.op == "add" else [(1, linear)]
    found: list[tuple[Any, list[Expr], list[Expr], list[Expr]]] = []
    for c, t in terms:
        scalars: list[Expr] = []
        if t.op == "mul":
            scalars = [a for a in t.args if a.is_scalar and not _within(a, change)]
            inner = [a for a in t.args if a not in scalars]
            c = c * t.data
            if len(inner) != 1:
                if not change.is_column and not change.is_scalar:
                    return None
                rest = [a for a in inner if not _within(a, change)]
                if len(inner) - len(rest) != 1 or next(a for a in inner if _within(a, change)) is not change:
                    return None
                from ..operators import diagonal_matrix

                found.append((c, scalars, [diagonal_matrix(mul(rest))], []))
                continue
            t = inner[0]
        chain = list(t.args) if t.op == "matmul" else [t]
        at = [i for i, a in enumerate(chain) if _within(a, change)]
        if len(at) != 1 or chain[at[0]] is not change:
            return None
        found.append((c, scalars, chain[:at[0]], chain[at[0] + 1:]))
    if all(not right for _, _, _, right in found):
        return _added(found, change.shape[0], True), True
    if all(not left for _, _, left, _ in found):
        return _added(found, change.shape[1], False), False
    return None


def _added(found: list[tuple[Any, list[Expr], list[Expr], list[Expr]]], n: Any, from_left: bool) -> Expr:
    parts = []
    for c, scalars, left, right in found:
        factors = left if from_left else right
        parts.append(mul([number(c), *scalars, matmul(factors) if factors else eye(n) if n != 1 else number(1)]))
    return add(parts, (n, n))


def _within(e: Expr, change: Expr) -> bool:
    return any(n is change for n in postorder([e]))
