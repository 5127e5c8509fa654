"""A compiled function against the same expression computed node by node: its values, and what it may not do to its arguments."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from matcalc import dims
from matcalc.checker import draw
from matcalc.compiler import Program, shaped, unstacked
from matcalc.errors import DomainError, MatcalcError
from matcalc.expr import symbol

from .derivatives import plain

EXACT, SINGLE = 1e-9, 1e-3  # relative to the largest entry, or to 1
LAYOUTS = ("C", "F", "strided", "backwards")


# ---------------------------------------------------------------- points
def point(d: Any, sizes: Mapping[str, int] | None = None, seed: int = 0, strategy: str = "signed") -> dict[str, Any]:
    """Generic values by name, as a user passes them, and the sizes that no array tells."""
    shapes = {n: s.shape for n, s in d.reading_of_input.symbols.items()}
    values, chosen = draw(d.reading_of_input, seed, sizes, strategy)
    given = {n: plain(v, shapes[n]) for n, v in values.items()}
    try:
        by_node(d, given)
    except DomainError:
        return given | {n: chosen[n] for n in d.reading_of_input.dims}
    return given


def drawn(seed: int = 0, **shapes: tuple[int, ...]) -> dict[str, Any]:
    """Normal entries for arrays of these shapes."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def laid_out(x: Any, layout: str) -> Any:
    """The same entries, in another place of memory."""
    if not isinstance(x, np.ndarray) or layout == "C":
        return np.copy(x) if isinstance(x, np.ndarray) else x
    if layout == "F":
        return x.copy(order="F")
    if layout == "backwards":
        turned = tuple(slice(None, None, -1) for _ in x.shape)
        return x[turned].copy()[turned]
    inside = tuple(slice(1, 2 * n + 1, 2) for n in x.shape)
    around = np.full([2 * n + 1 for n in x.shape], np.nan, x.dtype)
    around[inside] = x
    return around[inside]


def single(values: Mapping[str, Any]) -> dict[str, Any]:
    return {n: v.astype(np.float32) if isinstance(v, np.ndarray) else v for n, v in values.items()}


# ---------------------------------------------------------------- what is expected
def by_node(d: Any, values: Mapping[str, Any], tensor: bool = False) -> Any:
    """The value of an answer with every node of its expression computed on its own."""
    of = d.of
    wanted = {n: symbol(n, s.shape) for n, s in d.known_symbols().items() if n in values}
    value, sizes = Program(d.compact, wanted, d.reading_of_input.dims).run(values)
    if tensor and of is not None and of.is_matrix:
        return unstacked(value.T if of.layout == "denominator" else value, of.shape, of.wrt.shape, sizes)
    return shaped(value, d.shape)


def spread(d: Any, values: Mapping[str, Any], tensor: bool, relative: float = 1e-10) -> float:
    """How far the value moves where the arguments are rounded: large near a pole and where everything cancels."""
    rng, step = np.random.default_rng(1), 1e-10  # as small as declared properties allow
    moved = {n: v if isinstance(v, int) else v * (1 + step * rng.normal(size=np.shape(v))) for n, v in values.items()}
    try:
        return largest(by_node(d, moved, tensor) - np.asarray(by_node(d, values, tensor))) * relative / step
    except MatcalcError:
        return np.inf


def largest(a: Any) -> float:
    a = np.abs(np.asarray(a, float))
    return float(a[np.isfinite(a)].max(initial=0))


def is_settled(d: Any, values: Mapping[str, Any], tensor: bool = False) -> bool:
    """Can a comparison at this point find a fault?"""
    try:
        wanted = by_node(d, values, tensor)
    except MatcalcError:
        return False
    return bool(np.isfinite(wanted).all()) and spread(d, values, tensor) <= 1e-6 * max(1.0, largest(wanted))


# ---------------------------------------------------------------- what is found
def faults(d: Any, values: Mapping[str, Any], tensor: bool = False, layout: str = "C", planned: bool = True) -> list[str]:
    """What is wrong with two calls of a freshly compiled function: the first makes a plan, the second finds it made."""
    values = {n: laid_out(v, layout) for n, v in values.items()}
    before = {n: np.copy(v) for n, v in values.items()}
    try:
        wanted: Any = by_node(d, values, tensor)
    except MatcalcError as error:
        wanted = error
    found = []
    f = fresh(d, tensor)
    for call in ("first", "second"):
        got = called(f, values)
        found += [f"{call} call: {fault}" for fault in compared(d, values, got, wanted, tensor)]
        if isinstance(got, np.ndarray) and not got.flags.writeable:
            found.append(f"{call} call: nobody can write into the result")
        elif isinstance(got, np.ndarray):
            got[...] = 77
        changed = [n for n, v in values.items() if not np.array_equal(v, before[n], equal_nan=True)]
        if changed:
            return [*found, f"{call} call: {', '.join(changed)} changed"]
    if planned and is_settled(d, values, tensor) and not is_planned(f):
        found.append("the plan is not used: it has other values, or there is none")
    return found


def is_planned(f: Any) -> bool:
    """Does a compiled function use a plan? One that has not the values of node by node is not used."""
    return bool(f.__globals__.get("_matcalc_plans", True))


def fresh(d: Any, tensor: bool = False) -> Any:
    """A compiled function that has no plans yet."""
    d._compiled.clear()
    return d.compile(tensor=tensor)


def called(f: Any, values: Mapping[str, Any]) -> Any:
    """The result, or the error; a warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return f(**values)
        except Exception as error:
            return error


def compared(d: Any, values: Mapping[str, Any], got: Any, wanted: Any, tensor: bool = False, tolerance: float = EXACT) -> list[str]:
    """What tells a result from what it should be: its type, its shape, an entry."""
    if isinstance(got, Exception) or isinstance(wanted, Exception):
        return [] if type(got) is type(wanted) else [f"{got!r} where {wanted!r} was expected"]
    a, b = np.asarray(got), np.asarray(wanted)
    if type(got) is not type(wanted) or a.shape != b.shape or a.dtype.kind != "f":
        return [f"{type(got).__name__} {a.dtype} {a.shape} where {type(wanted).__name__} {b.dtype} {b.shape} was expected"]
    known = np.isfinite(b)  # where inf meets 0 the order of the factors decides
    error = largest(np.where(known & np.isfinite(a), a - b, 0))
    if known.all() and not np.isfinite(a).all():
        error = np.inf
    allowed = tolerance * max(1.0, largest(b))
    if error > allowed:
        allowed += spread(d, values, tensor, tolerance / 10)
    return [] if error <= allowed else [f"an error of {error:.1e}, {allowed:.1e} would be rounding: {a.tolist()} for {b.tolist()}"[:400]]


def sizes_of(shape: Any, sizes: Mapping[str, int]) -> tuple[int, int]:
    rows, columns = (dims.evaluate(d, sizes) for d in shape)
    return rows, columns
