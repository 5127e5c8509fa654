"""Where a function is defined, and smooth: a value and a slope wherever its table says so, a convention that can be evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..checker import Evidence
from ..knowledge import Function, known
from ..parser import read
from .calls import integers
from .facts import KINK, holds
from .points import special, unequal
from .sides import Valued

STEP = 1e-5  # one-sided slopes: they differ by about STEP where f is smooth, by their own size at a kink or a jump
INTEGERS = (3, 0, -1)  # what a whole number among the parameters may be


def edge_cases(f: Function, call: str, let: list[str], values: dict[str, Any]) -> Iterator[Evidence]:
    """Zeros, ties and singular matrices: a value wherever `domain` allows one, and a slope wherever `smooth` does."""
    named = set(re.findall(r"\w+", " ".join([f.name, *(text for text in f.table.values() if isinstance(text, str))])))
    if any(isinstance(v, str) for n, v in values.items() if n in named):
        return  # a user's own code may have no value at an edge, and say so in its own way
    inside = smooth = 0
    for k in INTEGERS if integers(f) and not f.get("role") else INTEGERS[:1]:  # a negative power wants an inverse
        reading = read(re.sub(r"\b3\b", str(k), call), known().language(), let)
        sizes = unequal(reading)
        for names in special(reading, sizes):
            seen = {**names, **dict.fromkeys(integers(f), k)}
            if any(holds(c, seen) is not True for c in f.words("domain")):
                continue
            inside += 1
            claimed = all(holds(c, seen) is True for c in f.words("smooth"))
            smooth += claimed
            fault = _fault_at(f, Valued(reading, sizes, values), names, claimed)
            if fault:
                yield Evidence("numeric", False, 1, reason=fault, counterexample={"sizes": sizes, "inputs": names})
                return
    for key, count in (("domain", inside), ("smooth", smooth)):
        if not count and all(holds(c, seen) is not None for c in f.words(key)):
            yield Evidence("numeric", False, 1, reason=f"no point is in the {key} of the table")
            return
    yield Evidence("numeric", True, 1)


def _fault_at(f: Function, call: Valued, names: dict[str, Any], claimed: bool) -> str:
    """What is wrong at one point of the domain: no value; or, where the table claims a slope, a kink or a jump."""
    here = call.at(names)
    if not np.isfinite(here).all() and "written_out" not in f.table:
        return "no value at a point of the domain"
    if not claimed:
        return ""
    rng = np.random.default_rng(0)
    inner = all(holds(c, names, inside=True) is not False for c in f.words("domain"))
    for name, value in names.items():
        d = rng.uniform(0.5, 1.5, value.shape) * (rng.choice([-1, 1], value.shape) if inner else 1)
        if any(c.strip() in (f"{name}: symmetric", f"{name}: spd") for c in f.words("domain")):
            d = d + d.T
        slopes = [(call.at({**names, name: value + t * d}) - here) / t for t in (STEP, STEP / 4, -STEP, -STEP / 4)]
        if not inner:  # at the border, from within
            slopes = [s for s in slopes if np.isfinite(s).all()] or [here]
        if not all(np.allclose(s, slopes[0], rtol=KINK, atol=KINK) for s in slopes):
            return "a kink where the table says it is smooth"
    return ""


def convention_case(f: Function, let: list[str]) -> Evidence:
    """Where the table states a convention for a kink, its derivative has a value."""
    tangents = [f"d{declaration}" for declaration in let]
    text = f"({f.get('derivative')}) + 0 * {f.signature.params[0].name}" if "derivative" in f.table else f.get("differential")
    derivative = read(text, known().language(), [*let, *tangents])
    sizes = unequal(derivative)
    there = Valued(derivative, sizes, known().added_values(derivative.text))
    right = all(np.isfinite(there.at(names)).all() for names in special(derivative, sizes))
    return Evidence("numeric", right, 1, reason="" if right else "the derivative has no value at the kink")
