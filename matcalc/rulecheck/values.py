"""What the table says of a value: the shape, the function of NumPy or SymPy, other ways to write it, its transpose and its pullback."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .. import dims
from ..build import build
from ..checker import Evidence, draw, evaluate, verify_equal
from ..checker.evidence import Undecided, Unknown
from ..checker.values import dotted
from ..compiler import Program
from ..errors import DomainError, NotSupported
from ..knowledge import Function, is_dotted, known
from ..parser import read
from ..syntax import Reading
from .calls import transposes, with_integers, within_domain
from .kinks import convention_case
from .points import points, unequal
from .sides import FINE, POINTS, close, same_at_points


def shape_case(f: Function, call: str, let: list[str]) -> Evidence:
    """The shapes of the values that the table states in our syntax: at other shapes than the call's nothing can be compared."""
    language = known().language()
    wanted = read(call, language, let).root.shape
    for key in ("definition", "numpy", "written_out"):
        text = with_integers(f, f.get(key))
        if text and not is_dotted(text) and (shape := read(text, language, let).root.shape) != wanted:
            return Evidence("exact", False, 1, reason=f"{key} is {dims.shape_text(shape)}, the function {dims.shape_text(wanted)}")
    return Evidence("exact", True, 1)


def value_cases(reading: Reading, f: Function, seed: int) -> Iterator[Evidence]:
    """The value that the table names against the checker's own."""
    if not f.where.file.startswith("rules/") or not f.get("numpy"):
        return
    found = 0
    for values, sizes in points([within_domain(reading, f)], seed):
        try:
            with np.errstate(all="ignore"):
                wanted = evaluate(reading, values, sizes, known().added_values(f.name))
            if not np.isfinite(wanted).all():
                continue
            plain = "definition" in f.table and is_dotted(f.get("numpy"))  # which the engine writes out, and never calls
            given = np.reshape(dotted(f.get("numpy"))(*values.values()), wanted.shape) if plain else Program(build(reading))(values)
        except (Undecided, Unknown, DomainError, NotSupported, ValueError, np.linalg.LinAlgError):
            continue
        near = (FINE, FINE) if f.head.elementwise else (1e-8, 1e-10)
        right = wanted.shape == given.shape and np.allclose(given, wanted, *near)
        yield Evidence("numeric", bool(right), 1, reason="" if right else "the value of the table is not the function's")
        found += 1
        if found == POINTS:
            return


def other_forms(f: Function, call: str, let: list[str], args: list[str], seed: int, values: dict[str, Any]) -> Iterator[Evidence]:
    """What else the table says of the function: its transpose, its pullback and its matrix where it is linear, other ways to write it."""
    language = known().language()
    last = args[-1]
    result = dims.shape_text(read(call, language, let).root.shape)

    def same(left: str, right: str, more: Sequence[str] = ()) -> Iterator[Evidence]:
        a, b = (within_domain(read(text, language, [*let, *more]), f) for text in (left, right))
        both = known().added_values(left, right) | values
        yield verify_equal(a, b, seed=seed, values=both)
        yield from same_at_points(a._replace(symbols={**b.symbols, **a.symbols}), b, seed, both)

    if "adjoint" in f.table:
        yield from same(f"sum(G * {call})", f"sum(({f.get('adjoint')}) * {last})", [f"G: {result}"])
    if "matrix" in f.table:
        yield from same(f"vec({call})", f"({f.get('matrix')}) @ vec({last})")
    if f.get("transpose") and any("matrix" in d for d in let):
        yield from same(*transposes(f, call, args))
    if "alternative" in f.table:
        yield from same(call, with_integers(f, f.get("alternative")))
    if "kink" in f.table and "definition" not in f.table:
        yield convention_case(f, let)
    if "numpy" in f.table and not is_dotted(f.get("numpy")) and f.where.file.startswith("rules/"):
        yield from same(call, with_integers(f, f.get("numpy")))
    if "sympy" in f.table:
        named = _is_class(f)
        yield from sympy_case(within_domain(read(call, language, let), f), seed) if named else same(call, with_integers(f, f.get("sympy")))


def _is_class(f: Function) -> bool:
    from ..printers.sympy import constructor

    return constructor(f.get("sympy")) is not None


def sympy_case(reading: Reading, seed: int) -> Iterator[Evidence]:
    """The class of SymPy that the table names, at one point in the middle of the domain."""
    import sympy

    from ..printers.sympy import FAULTS, explicit, to_sympy

    values, sizes = draw(reading, seed, unequal(reading), "positive")
    near = {n: a / 2 / np.abs(a).max() + np.eye(*a.shape) * (min(a.shape) > 1) / 4 for n, a in values.items()}
    try:
        e = to_sympy(build(reading))
        numbers = {s: sympy.ImmutableMatrix(near[s.name]) if s.is_Matrix else sympy.Float(near[s.name].item()) if s.name in near
                   else sympy.Integer(sizes[s.name]) for s in e.free_symbols}
        found = explicit(e, numbers).evalf()
        got = np.array(found.tolist() if found.is_Matrix else [[found]], dtype=complex)
        right = close(got, evaluate(reading, near, sizes))
    except (*FAULTS, NotSupported, Undecided) as error:
        yield Evidence("unchecked", None, reason=f"SymPy: {error}")
        return
    yield Evidence("numeric", right, 1, reason="" if right else "SymPy's value is not the function's")
