"""What a test says in one line: `gives` for a closed form, `refuses` for an error."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

import matcalc as mc
from matcalc.checker import draw
from matcalc.dims import shape_text
from matcalc.knowledge import known
from matcalc.parser import read

STEP = 1e-3  # 4-point stencil: truncation ~ h^4 meets rounding ~ eps / h here


def gives(f: str, wrt: str, best: str, let: Sequence[str] = (), seed: int = 0, **options: Any) -> None:
    """The gradient is exactly this text, equals finite differences of f, and simplifying it again changes nothing."""
    answer = mc.grad(f, wrt, let, **options)
    assert str(answer) == best
    assert answer.evidence.verdict is True, answer.evidence
    if answer.structure == "free":
        measured(f, wrt, let, answer, seed)
    said = {d.split(":")[0].strip() for d in let}
    others = [s for s in answer.reading.symbols if s.name not in said]
    declared = [*let, *[f"{s.name}: {shape(s)} {' '.join(s.properties)}" for s in others]]
    used = [d for d in declared if d.split(":")[0].strip() in str(answer)]
    assert str(mc.simplify(best, used)) == best


def shape(s: Any) -> str:
    from matcalc.dims import shape_text

    return shape_text(s.shape)


def measured(f: str, wrt: str, let: Sequence[str], answer: Any, seed: int = 0) -> None:
    """The value of the answer is what f does to small changes of each entry."""
    reading = read(f, known().language(), let, wrt=[wrt])
    for attempt in range(20):  # a logarithm of a determinant wants a positive one
        values, sizes = draw(reading, seed + attempt)
        value = mc.evaluate(f, {**values, **{d: n for d, n in sizes.items() if d not in values}}, let)
        if np.isfinite(value):
            break
    names = {**values, **{d: n for d, n in sizes.items() if d not in values}}
    got = np.asarray(answer.tensor(names), float).reshape(values[wrt].shape)

    # a step of one entry leaves what was declared of the variable
    free = [*(d for d in let if d.partition(":")[0].strip() != wrt), f"{wrt}: {shape_text(reading.symbols[wrt].shape)}"]

    def at(x: np.ndarray) -> float:
        return float(mc.evaluate(f, {**names, wrt: x}, free))

    for entry in np.ndindex(values[wrt].shape):
        d = np.zeros(values[wrt].shape)
        d[entry] = STEP
        x = values[wrt]
        slope = (8 * (at(x + d) - at(x - d)) - (at(x + 2 * d) - at(x - 2 * d))) / (12 * STEP)
        scale = max(1.0, abs(slope), abs(at(x)))
        assert abs(got[entry] - slope) < 1e-6 * scale, (f, wrt, entry, got[entry], slope, seed)


def shuffled(terms: Sequence[str], seed: int) -> str:
    """The same sum, its terms in another order."""
    order = list(terms)
    random.Random(seed).shuffle(order)
    return " + ".join(order)
