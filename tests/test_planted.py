"""Wrong closed forms planted into every answer of the corpus: the check must contradict each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

import matcalc as mc
from matcalc.algebra import add, eye, matmul, negate, scale, terms_of, transpose
from matcalc.checker import verify_equal
from matcalc.dims import SCALAR
from matcalc.expr import Expr, number
from matcalc.knowledge import known
from matcalc.operators import index
from matcalc.printers.text import expression_text
from tests.test_corpus import CASES, OTHERS, answered

EVERYTHING = [*CASES, *OTHERS]


def planted(e: Expr) -> Iterator[tuple[str, Expr]]:
    """The usual faults: a factor, a sign, a transpose, a term too few, one wrong entry."""
    yield "factor", scale(2, e)
    yield "sign", negate(e)
    if e.shape[0] == e.shape[1] != 1:
        yield "transpose", transpose(e)
    for c, core in terms_of(e)[:4] if e.op == "add" else []:
        yield "term", add([e, scale(-c, core)], e.shape)
    yield "entry", add([e, one_entry(e)], e.shape)


def one_entry(e: Expr) -> Expr:
    """1 in the first entry, 0 elsewhere."""
    if e.shape == SCALAR:
        return number(1)
    column = index(eye(e.shape[0]), ((None, None), 0)) if e.shape[0] != 1 else number(1)
    row = index(eye(e.shape[1]), (0, (None, None))) if e.shape[1] != 1 else number(1)
    return matmul([column, row])


@cache
def verdicts() -> dict[str, list[tuple[str, str, Any]]]:
    """For every kind of fault, the cases in which it was not contradicted."""
    found: dict[str, list[tuple[str, str, Any]]] = {"count": []}
    counts: Counter[str] = Counter()
    for case in EVERYTHING:
        answer = answered(case)
        names = list(answer.known_symbols())
        for kind, wrong in planted(answer.expression):
            text = expression_text(wrong, taken=names)
            try:
                claim = answer.read(text)
            except mc.MatcalcError:
                continue  # what cannot be read is no closed form
            if wrong.canon is answer.expression.canon:
                continue
            verdict = answer.judged(claim, answer.reading_of_input).verdict
            if verdict is True and verify_equal(claim, answer.read(str(answer)), values=known().added_values(text)).verdict is True:
                continue  # no fault: -A.T of a skew A
            counts[kind] += 1
            if verdict is not False:
                found.setdefault(kind, []).append((case["id"], text, verdict))
    found["count"] = [(kind, str(n), None) for kind, n in counts.items()]
    return found


def test_more_than_a_thousand_faults_are_planted() -> None:
    assert sum(int(n) for _, n, _ in verdicts()["count"]) > 1_000


@pytest.mark.parametrize("kind", ["factor", "sign", "transpose", "term", "entry"])
def test_every_planted_fault_is_contradicted(kind: str) -> None:
    assert not verdicts().get(kind), verdicts()[kind][:5]
