"""Values of a plan in floating point: real, or complex with tangents in a tiny imaginary part, over a leading batch axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from .. import dims
from . import matrices as mat
from .evidence import Redraw, Unknown
from .plan import Plan, Sizes, Step, concrete, selection
from .values import ELEMENTWISE, KINKED, Function, dotted, polygamma

Array = Any
NEAR = 1e-7  # closer than this to a kink, relative to the entries, is at the kink


class Floats:
    """One evaluation of a plan at one point (or a batch of points that differ in one variable)."""

    def __init__(self, plan: Plan, sizes: Sizes) -> None:
        self.plan, self.sizes = plan, sizes
        self.opaque: dict[str, Function] = {
            name: dotted(value) for name, value in plan.values.items() if isinstance(value, str) and name in plan.functions}

    def run(self, names: Mapping[str, Array], start: int = 0, stop: int | None = None, before: list[Array] | None = None) -> list[Array]:
        """The values of steps start .. stop; `before` are those of the steps that precede."""
        values = before if before is not None else []
        with np.errstate(all="ignore"):
            for step in self.plan.steps[start:stop]:
                if step.kind == "name":
                    values.append(names[step.data])
                else:
                    values.append(self.operation(step)(self, step, [values[a] for a in step.args]))
        return values

    def operation(self, step: Step) -> Operation:
        if step.kind != "call":
            return KINDS[step.kind]
        if step.data in self.opaque:
            return _opaque
        try:
            return CALLS[step.data]
        except KeyError:
            raise Unknown(f"the checker has no value of {step.data}") from None

    def exponent(self, step: Step, position: int) -> Fraction | None:
        return self.plan.rational(step.args[position], self.sizes)


Operation = Callable[[Floats, Step, list[Array]], Array]


def is_scalar(a: Array) -> bool:
    return bool(a.shape[-2:] == (1, 1))


def _opaque(run: Floats, step: Step, args: list[Array]) -> Array:
    """A user's dotted function: of each entry, or of a matrix whose result has the shape of the signature."""
    if any(np.iscomplexobj(a) for a in args):
        raise Redraw(f"{step.data} takes real numbers only")
    shape = concrete(step.shape, run.sizes)
    batch = np.broadcast_shapes(*(a.shape[:-2] for a in args))
    function = run.opaque[step.data]
    if isinstance(function, (np.ufunc, np.vectorize)):
        return np.asarray(function(*args), dtype=float)
    spread = [np.broadcast_to(a, (*batch, *a.shape[-2:])) for a in args]
    out = np.empty((*batch, *shape))
    for i in np.ndindex(batch):  # numpy.linalg.norm, for one, would take a batch for a tensor
        try:
            out[i] = np.asarray(function(*(a[i] for a in spread)), dtype=float).reshape(shape)
        except (TypeError, ValueError, ArithmeticError) as reason:
            raise Unknown(f"{step.data} has no value here: {reason}") from None
    return out


def _add(run: Floats, step: Step, args: list[Array]) -> Array:
    total = args[0] if step.data[0] > 0 else -args[0]
    for sign, a in zip(step.data[1:], args[1:], strict=False):
        total = total + a if sign > 0 else total - a
    return total


def _product(run: Floats, step: Step, args: list[Array]) -> Array:
    total = args[0]
    for op, factor in zip(step.data, args[1:], strict=False):
        if op == "/":
            total = total / factor
        elif op == "@" and not is_scalar(total) and not is_scalar(factor):
            total = total @ factor
        else:
            total = total * factor
    return total


def _power(run: Floats, step: Step, args: list[Array]) -> Array:
    return power(args[0], run.exponent(step, 1), args[1])


def power(base: Array, fixed: Fraction | None, exponent: Array) -> Array:
    """base ** exponent; products for integers, so that a negative base is no matter."""
    if fixed is not None and fixed.denominator == 1:
        k, square, total = abs(int(fixed)), base, np.ones_like(base)
        while k:
            if k & 1:
                total = total * square
            square, k = square * square, k >> 1
        return 1 / total if fixed < 0 else total
    if fixed == Fraction(1, 2):
        return np.sqrt(base)
    if np.iscomplexobj(base) or np.iscomplexobj(exponent):
        return np.exp(exponent * np.log(base))
    return np.power(base, exponent)


def _index(run: Floats, step: Step, args: list[Array]) -> Array:
    rows, columns = selection(step, run.sizes)
    out = args[0][..., list(rows), :][..., list(columns)]
    return out if out.shape[-2:] == concrete(step.shape, run.sizes) else mat.transpose(out)


def _number(run: Floats, step: Step, args: list[Array]) -> Array:
    return np.full((1, 1), float(step.data))


KINDS: dict[str, Operation] = {
    "number": _number,
    "size": lambda run, step, args: np.full((1, 1), float(dims.evaluate(step.data, run.sizes))),
    "pi": lambda run, step, args: np.full((1, 1), np.pi),
    "neg": lambda run, step, args: -args[0],
    "add": _add, "product": _product, "power": _power, "index": _index,
    "transpose": lambda run, step, args: mat.transpose(args[0]),
}


# --- functions ----------------------------------------------------------------------------------------------------

def _elementwise(function: Function, kinked: bool) -> Operation:
    def operation(run: Floats, step: Step, args: list[Array]) -> Array:
        if kinked:
            away_from_kink(args[0])
        return function(args[0])
    return operation


def away_from_kink(u: Array) -> None:
    """Redraw where an entry with a tangent is at 0."""
    if np.iscomplexobj(u):
        real = np.abs(np.real(u))
        if np.any((real <= NEAR * max(1e-3, float(real.max(initial=0.0)))) & (np.imag(u) != 0)):
            raise Redraw("a kink")


CALLS: dict[str, Operation] = {name: _elementwise(f, name in KINKED) for name, f in ELEMENTWISE.items()}


def simple(function: Callable[[Array], Array]) -> Operation:
    return lambda run, step, args: function(args[0])


CALLS.update({
    "inv": simple(mat.inverse), "det": simple(mat.det), "logdet": simple(mat.logdet), "pinv": simple(mat.pinv), "adj": simple(mat.adjugate),
    "expm": simple(mat.expm), "logm": simple(mat.logm), "sqrtm": simple(mat.sqrtm), "chol": simple(mat.chol),
    "eigmax": simple(mat.eigmax), "spectral": simple(mat.spectral), "nuclear": simple(mat.nuclear),
    "tr": simple(lambda a: np.trace(a, axis1=-2, axis2=-1)[..., None, None]),
    "vec": simple(mat.vec), "diagv": simple(mat.diagonal_of),
    "diag": simple(lambda a: mat.diagonal_of(a) if min(a.shape[-2:]) > 1 else mat.diagonal(a)),
    "tril": simple(lambda a: a * mat.lower_ones(a, 0)), "triu": simple(lambda a: a * (1 - mat.lower_ones(a, -1))),
    "kron": lambda run, step, args: mat.kron(*args),
    "commat": lambda run, step, args: mat.commat(*(round(float(np.real(a).reshape(-1)[0])) for a in args)),
    "eye": lambda run, step, args: np.eye(*concrete(step.shape, run.sizes)),
    "ones": lambda run, step, args: np.ones(concrete(step.shape, run.sizes)),
    "zeros": lambda run, step, args: np.zeros(concrete(step.shape, run.sizes)),
    "hstack": lambda run, step, args: _stack(args, -1), "vstack": lambda run, step, args: _stack(args, -2),
})


def call(*names: str) -> Callable[[Operation], Operation]:
    def register(operation: Operation) -> Operation:
        CALLS.update(dict.fromkeys(names, operation))
        return operation
    return register


def _axes(axis: int | None) -> tuple[int, ...]:
    return (-2, -1) if axis is None else (axis - 2,)


def _stack(args: list[Array], axis: int) -> Array:
    batch = np.broadcast_shapes(*(a.shape[:-2] for a in args))
    return np.concatenate([np.broadcast_to(a, (*batch, *a.shape[-2:])) for a in args], axis=axis)


@call("sum", "mean")
def _sum(run: Floats, step: Step, args: list[Array]) -> Array:
    reduce = np.sum if step.data == "sum" else np.mean
    return reduce(args[0], axis=_axes(step.axis), keepdims=True)


@call("cumsum")
def _cumsum(run: Floats, step: Step, args: list[Array]) -> Array:
    return np.cumsum(args[0], axis=-1 if step.axis == 1 or (step.axis is None and args[0].shape[-2] == 1) else -2)


@call("mpow")
def _mpow(run: Floats, step: Step, args: list[Array]) -> Array:
    exponent = run.exponent(step, 1)
    k = float(exponent) if exponent is not None else float(np.real(args[1]).reshape(-1)[0])
    if k == int(k):
        return mat.power(args[0], int(k))
    return mat.expm(args[1] * mat.logm(args[0]))


@call("polygamma")
def _polygamma(run: Floats, step: Step, args: list[Array]) -> Array:
    k = run.exponent(step, 0)
    if k is None or k < 1 or k > 20 or k != int(k):
        raise Redraw("an order of polygamma beyond 20")
    return polygamma(int(k), args[1])


@call("norm2sq")
def _norm2sq(run: Floats, step: Step, args: list[Array]) -> Array:
    return np.sum(args[0] * args[0], axis=(-2, -1), keepdims=True)


@call("norm")
def _norm(run: Floats, step: Step, args: list[Array]) -> Array:
    p = Fraction(2) if len(args) == 1 else run.exponent(step, 1)
    if p == 2:
        total = _norm2sq(run, step, args)
        away_from_kink(total)
        return np.sqrt(total)
    if p != int(p or 0) or int(p) % 2:
        away_from_kink(args[0])
    exponent = args[1]
    total = np.sum(power(_abs(args[0]), p, exponent), axis=(-2, -1), keepdims=True)
    return power(total, 1 / p if p else None, 1 / exponent)


def _abs(a: Array) -> Array:
    return ELEMENTWISE["abs"](a)


@call("norm1")
def _norm1(run: Floats, step: Step, args: list[Array]) -> Array:
    away_from_kink(args[0])
    return np.sum(_abs(args[0]), axis=(-2, -1), keepdims=True)


def _by_rows(step: Step) -> int:
    """The axis that softmax and logsumexp go along: down a column, along the rows of anything else."""
    return -2 if step.shapes[0][1] == 1 else -1


@call("softmax", "logsumexp")
def _softmax(run: Floats, step: Step, args: list[Array]) -> Array:
    axis, a = _by_rows(step), args[0]
    top = np.max(np.real(a), axis=axis, keepdims=True)
    e = np.exp(a - top)
    total = np.sum(e, axis=axis, keepdims=True)
    return e / total if step.data == "softmax" else np.log(total) + top


@call("argmaxmask")
def _argmaxmask(run: Floats, step: Step, args: list[Array]) -> Array:
    return weights(args[0], _axes(step.axis), False)


def weights(a: Array, axes: tuple[int, ...], least: bool) -> Array:
    """1 at the largest (least) entry, shared by ties; Redraw if a near tie has tangents that differ."""
    real = -np.real(a) if least else np.real(a)
    top = np.max(real, axis=axes, keepdims=True)
    hits = (real == top).astype(float)
    if np.iscomplexobj(a):
        near = real >= top - NEAR * np.maximum(1e-3, np.abs(top))
        slopes = np.imag(a)
        if np.any(np.max(slopes, axis=axes, where=near, initial=-np.inf) > np.min(slopes, axis=axes, where=near, initial=np.inf)):
            raise Redraw("a tie")
    return hits / np.sum(hits, axis=axes, keepdims=True)


@call("max", "min", "maximum", "minimum")
def _extreme(run: Floats, step: Step, args: list[Array]) -> Array:
    least = step.data in ("min", "minimum")
    if len(args) == 2:
        difference = args[0] - args[1]
        away_from_kink(difference)
        first = np.real(difference) < 0 if least else np.real(difference) > 0
        chosen = np.where(first, args[0], args[1])
        return np.where(np.isnan(difference), difference, chosen)  # neither of the two hides that the other has no value
    axes = _axes(step.axis)
    top = (np.min if least else np.max)(np.real(args[0]), axis=axes, keepdims=True)  # exactly: its difference from a tie is zero
    if not np.iscomplexobj(args[0]):
        return top
    return top + 1j * np.sum(np.where(w := weights(args[0], axes, least), w * np.imag(args[0]), 0), axis=axes, keepdims=True)


@call("norminf")
def _norminf(run: Floats, step: Step, args: list[Array]) -> Array:
    a = _abs(args[0])
    return np.sum(weights(a, (-2, -1), False) * a, axis=(-2, -1), keepdims=True)
