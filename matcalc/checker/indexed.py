"""Is an index form, read again from its text, the same linear map as a differential that was checked?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..syntax import Reading
from .evidence import Evidence, Undecided, Unknown

POINTS = 2
ATTEMPTS = 20
STRATEGIES = ("signed", "positive", "small", "large", "unit")
FAILURES = (ArithmeticError, ValueError, LookupError)
TOLERANCE = 1e-9  # relative to the largest entry: sums of products, each to rounding

Tree = tuple[float, list[tuple[str, str]]]  # a number, and (text of an array, its indices) for each factor


def verify_index(differential: Reading, names: tuple[str, str], text: str, reader: Callable[[str], Reading], *,
                 structure: tuple[str, str] = ("free", ""), seed: int = 0, values: Mapping[str, object] | None = None) -> Evidence:
    """`differential` is linear in the change `names[1]` of the variable `names[0]`, all entries free; the contraction of the index form
    with every small change must equal it, for what the change stands for by the convention `structure[0]` in the space `structure[1]`.
    """
    try:
        of, by, terms, where = parsed(text)
    except ValueError as error:
        return Evidence("numeric", False, reason=f"the index form cannot be read again: {error}")
    wrt, change = names
    if change not in differential.symbols:  # nothing changes
        return Evidence("numeric", not terms, POINTS, 0.0, reason="the differential is zero, and the index form is not" if terms else "")
    worst, found = 0.0, 0
    for attempt in range(ATTEMPTS):
        given = _drawn(differential, seed + attempt, attempt)
        off = None if given is None else _off(differential, wrt, change, given, (of, by, terms, where), reader, structure, values)
        if off is None:
            continue
        if not off <= TOLERANCE:
            return Evidence("numeric", False, found + 1, off, reason=f"the index form differs from the differential by {off:.2g}")
        worst, found = max(worst, off), found + 1
        if found == POINTS:
            return Evidence("numeric", True, POINTS, worst, method="index form against the checked differential")
    return Evidence("inconclusive", None, reason="no point was found at which the index form has a value")


def _drawn(differential: Reading, seed: int, attempt: int) -> tuple[dict[str, Any], dict[str, int]] | None:
    """Inputs: generic ones, then such as lie inside the domains of logarithms, roots and arcs; then at other sizes."""
    from .verdict import draw

    strategy = STRATEGIES[attempt % len(STRATEGIES)]
    try:
        given, sizes = draw(differential, seed, None, strategy)
        if attempt >= ATTEMPTS // 2:
            others = dict(zip(sizes, reversed(sizes.values()), strict=True))
            given, sizes = draw(differential, seed, others, strategy)
        return given, sizes
    except (Undecided, *FAILURES):
        return None


def _off(differential: Reading, wrt: str, change: str, point: tuple[dict[str, Any], dict[str, int]], form: tuple[str, str, list[Tree], Any],
         reader: Callable[[str], Reading], structure: tuple[str, str], values: Mapping[str, object] | None) -> float | None:
    """The largest relative error along all changes of one entry; None where there is no value."""
    import numpy as np

    from .plan import concrete
    from .verdict import evaluate

    (given, sizes), (of, by, terms, where) = point, form
    inputs, basis = {n: v for n, v in given.items() if n != change}, given[change]
    shape = concrete(differential.root.shape, sizes)
    axes = (*_longer(shape, differential.root.shape), *_longer(basis.shape, differential.symbols[change].shape))
    worst = 0.0
    try:
        with np.errstate(all="ignore"):
            known = dict(zip(of + by, axes, strict=True))
            tensor = _tensor(of, by, terms, lambda t: _value(reader(where.get(t, t)), inputs, sizes, values), known)
            for entry in np.ndindex(basis.shape):
                step = np.zeros(basis.shape)
                step[entry] = 1.0
                meant = _stands_for(step, structure, inputs.get(wrt))
                wanted = evaluate(differential, {**inputs, change: meant}, sizes, values)
                got = tensor[(..., *_longer_at(entry, differential.symbols[change].shape))]
                if not (np.isfinite(got).all() and np.isfinite(wanted).all()):
                    return None
                scale = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
                worst = max(worst, float(np.max(np.abs(got - wanted.reshape(got.shape)), initial=0.0)) / scale)
    except (Undecided, Unknown, *FAILURES):
        return None
    return worst


def _stands_for(step: Any, structure: tuple[str, str], x: Any) -> Any:
    """The change of a structured matrix that a change of one entry means."""
    import numpy as np

    convention, word = structure
    half = 1.0 if convention == "independent" else 0.5
    if word == "symmetric":
        return half * (step + step.T) - (np.diag(np.diag(step)) if convention == "independent" else 0)
    if word == "skew":
        return half * (step - step.T)
    if word == "orthogonal":
        return (step - x @ step.T @ x) / 2
    if word == "diagonal":
        return np.diag(np.diag(step))
    return np.tril(step) if word == "lower" else np.triu(step) if word == "upper" else step


def _longer_at(entry: tuple[int, ...], shape: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(k for k, dim in zip(entry, shape, strict=True) if dim != 1)


def _longer(sizes: tuple[int, ...], shape: tuple[Any, ...]) -> list[int]:
    """The sizes of the dimensions that have an index."""
    return [n for n, dim in zip(sizes, shape, strict=True) if dim != 1]


def _value(reading: Reading, inputs: Mapping[str, Any], sizes: Mapping[str, int], values: Mapping[str, object] | None) -> Any:
    from .verdict import evaluate

    return evaluate(reading, {n: v for n, v in inputs.items() if n in reading.symbols}, sizes, values)


def parsed(text: str) -> tuple[str, str, list[Tree], dict[str, str]]:
    """The indices of both sides, the terms, and the definitions of `dF[i,j]/dX[k,l] = ... where ...`."""
    left, equals, right = text.partition(" = ")
    sides = re.fullmatch(r"d\w+(?:\[([\w,]*)\])?/d\w+(?:\[([\w,]*)\])?", left)
    if not equals or not sides:
        raise ValueError(left)
    body, _, where = right.partition(" where ")
    of, by = ((side or "").replace(",", "") for side in sides.groups())
    terms = [] if body == "0" else [_term(sign, part) for sign, part in _split(body, " + ", " - ")]
    definitions = dict([d.split(" = ", 1) for d in where.split("; ")]) if where else {}
    return of, by, terms, definitions


def _term(sign: str, text: str) -> Tree:
    summed = re.fullmatch(r"sum_\w+\((.*)\)", text)
    number = -1.0 if sign == " - " else 1.0
    factors = []
    for _, part in _split(summed[1] if summed else text, " * ", " * "):
        found = re.fullmatch(r"(.*)\[([a-z](?:,[a-z])?)\]", part)
        if found:
            factors.append((found[1], found[2].replace(",", "")))
        elif re.fullmatch(r"\d+(\.\d+)?( / \d+)?", part):
            top, _, bottom = part.partition(" / ")
            number *= float(top) / float(bottom or 1)
        else:
            factors.append((part, ""))
    return number, factors


def _split(text: str, *signs: str) -> list[tuple[str, str]]:
    """The text cut at the signs outside all brackets, each part with the sign before it."""
    parts: list[tuple[str, str]] = []
    depth = start = i = 0
    before = " - " if text.startswith("-") and " - " in signs else signs[0]
    start = i = 1 if before == " - " else 0
    while i < len(text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[i], 0)
        sign = next((s for s in signs if text.startswith(s, i)), None) if not depth else None
        if sign:
            parts.append((before, text[start:i]))
            before, i = sign, i + 3
            start = i
        else:
            i += 1
    return [*parts, (before, text[start:])]


def _tensor(of: str, by: str, terms: list[Tree], value: Callable[[str], Any], sizes: dict[str, int]) -> Any:
    """The array with an axis for every index of `of` and `by`, whose sizes are given."""
    import numpy as np

    out = of + by
    total = np.zeros([sizes[x] for x in out])
    for number, factors in terms:
        operands = []
        for text, at in factors:
            if text in ("delta", "kronecker"):
                operands.append((np.eye(sizes[at[0]]), at))
                continue
            array = value(text)
            operands.append((array if len(at) == 2 else array.reshape(-1) if at else array.reshape(()), at))
        met = "".join(x for x in out if any(x in at for _, at in operands))
        subscripts = ",".join(at for _, at in operands) + "->" + met
        part = np.einsum(subscripts, *[a for a, _ in operands]) if operands else np.ones(())
        total = total + number * part.reshape([sizes[x] if x in met else 1 for x in out])
    return total
