"""All that is measured of one entry: of a function, an identity, a property, an implication."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..build import build
from ..checker import Evidence, draw, evaluate, verify, verify_equal
from ..checker.evidence import Undecided
from ..declared import has
from ..differentials import differential
from ..expr import symbol, symbols
from ..identities import readings
from ..knowledge import Function, Identity, PropertyRule, known
from ..parser import read
from ..syntax import Reading, Symbol
from .calls import called, circle, declared, with_integers, within_domain
from .kinks import edge_cases
from .points import ATTEMPTS, edges, points
from .sides import same_at_points
from .values import other_forms, shape_case, value_cases


def function_cases(f: Function, seed: int) -> Iterator[Evidence]:
    """All that the table says of a function, for each kind of argument."""
    if circular := circle(known().functions, f.name):
        yield Evidence("exact", False, 1, reason=f"its {circular} comes back to {f.name}")
        return
    values = known().added_values(*(text for text in f.table.values() if isinstance(text, str)), f.name)
    for let, args in declared(f):
        call = called(f, args)
        reading = read(call, known().language(), let)
        yield shape_case(f, call, let)
        yield from value_cases(reading, f, seed)
        yield from other_forms(f, call, let, args, seed, values)
        yield from edge_cases(f, call, let, values)
        if "definition" in f.table:
            yield verify_equal(reading, read(f.get("definition"), known().language(), let), seed=seed, values=values)
            continue
        for name in [a for a in args if not a.isdigit()]:
            yield from _differential_cases(f, reading, let, name, seed, values)
    if "written_out" in f.table:  # what it is made for says what its value is
        for user in [g for overloads in known().functions.values() for g in overloads if g is not f]:
            if f"{f.name}(" in user.get("differential") and "written_out" not in user.table:
                yield from function_cases(user, seed)


def _differential_cases(f: Function, call: Reading, let: list[str], name: str, seed: int, values: dict[str, Any]) -> Iterator[Evidence]:
    """The formulas of the table against the function's own change, as one argument changes and the others stand still."""
    kinds = {d.split(":")[0]: d.split(":", 1)[1].strip() for d in let}
    words = {c.partition(":")[2].strip() for c in f.words("domain") if ":" in c}
    structure = "projected" if any("symmetric" in known().closure(frozenset({word})) for word in words) else "free"
    for reading, text in _changes(f, call, let, name):
        for other in kinds.keys() - {name}:
            text = re.sub(rf"\bd{other}\b", f"(0 * {other})", text)
        formula = within_domain(read(text, known().language(), [*let, f"d{name}: {kinds[name]}"]), f)
        yield verify(within_domain(reading, f), name, formula, op="differential", structure=structure, tangent=f"d{name}", seed=seed,
                     values=values)


def _changes(f: Function, call: Reading, let: list[str], name: str) -> Iterator[tuple[Reading, str]]:
    """What changes, and the formula of the table for it."""
    if "derivative" in f.table:
        yield call, f"({f.get('derivative')}) * d{name}"
    if "differential" in f.table:
        yield call, with_integers(f, f.get("differential"))
    if "trace_differential" in f.table:
        yield read(f"tr({call.text})", known().language(), let), f.get("trace_differential")
    if f.get("role") and not {"derivative", "differential", "trace_differential"} & f.table.keys():  # the engine's own operator
        e = build(call)
        variable = symbols(e)[name]
        yield call, str(differential(e, variable, symbol(f"d{name}", variable.shape)))


def identity_cases(entry: Identity, seed: int) -> Iterator[Evidence]:
    for left, right in readings(entry):
        assert right is not None
        values = known().added_values(left.text, right.text)
        yield verify_equal(left, right, seed=seed, values=values)
        yield from same_at_points(left, right, seed, values)


def property_cases(entry: PropertyRule, seed: int) -> Iterator[Evidence]:
    for reading, _ in readings(entry):
        even = dict.fromkeys(reading.dims, 4)  # the inverse of a skew matrix
        for names, sizes in [*edges(reading, seed), *points([reading], seed), *((draw(reading, seed + i, even)) for i in range(3))]:
            evidence = _property_at(entry, reading, names, sizes)
            if evidence is not None:
                yield evidence


def _property_at(entry: PropertyRule, reading: Reading, values: dict[str, Any], sizes: dict[str, int]) -> Evidence | None:
    """The properties at one point; None where there is no value."""
    try:
        with np.errstate(all="ignore"):
            found = evaluate(reading, values, sizes)
    except (Undecided, np.linalg.LinAlgError):
        return None
    if not np.isfinite(found).all():
        return None
    for word in entry.properties:
        if not has(found, word):
            return Evidence("numeric", False, 1, reason=f"the value is not {word}", counterexample={"sizes": sizes, "inputs": values})
    return Evidence("numeric", True, 1)


def implied(word: str, follows: str, seed: int = 0) -> Evidence:
    """Whether what has one property has another that is said to follow from it."""
    reading = read("A", known().language(), ["A: matrix(n, n)"])
    reading = reading._replace(symbols={"A": Symbol("A", ("n", "n"), frozenset({word}))})
    for i, (names, sizes) in enumerate(points([reading], seed)):
        if not has(names["A"], follows):
            return Evidence("numeric", False, i + 1, reason=f"{word}, and not {follows}", counterexample={"sizes": sizes, "inputs": names})
    return Evidence("numeric", True, ATTEMPTS)
