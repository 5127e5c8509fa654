"""Hessians and Jacobians as SciPy LinearOperators: the columns of the matrix, one product at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen import linear_map

CASES = [
    ("hessian", "norm2sq(T - U @ V.T)", "U", {"T": (3, 4), "U": (3, 2), "V": (4, 2)}),
    ("hessian", "logdet(S)", "S", {"S": (3, 3)}),
    ("hessian", "sum(log(1 + exp(A x))) + x.T inv(B) x", "x", {"A": (5, 3), "x": (3,), "B": (3, 3)}),
    ("hessian", "sum((x[1:] - x[:-1])**4)", "x", {"x": (5,)}),
    ("jacobian", "tanh(A X B)", "X", {"A": (2, 3), "X": (3, 4), "B": (4, 5)}),
    ("jacobian", "softmax(A x)", "x", {"A": (5, 3), "x": (3,)}),
    ("jacobian", "A X", "X", {"A": (5, 3), "X": (3, 2)}),
    ("jacobian", "x.T A x", "x", {"A": (3, 3), "x": (3,)}),
    ("jacobian", "t * A", "t", {"t": (), "A": (2, 3)}),
]


def numbers(shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {n: rng.uniform(0.3, 1, size=s) + (2 * np.eye(s[0]) if len(s) == 2 and s[0] == s[1] else 0) for n, s in shapes.items()}


@pytest.mark.parametrize("layout", ["numerator", "denominator"])
@pytest.mark.parametrize(("verb", "f", "wrt", "shapes"), CASES, ids=[f"{c[0]} of {c[1]}" for c in CASES])
def test_an_operator_acts_as_the_matrix(verb: str, f: str, wrt: str, shapes: dict[str, tuple[int, ...]], layout: str) -> None:
    d = getattr(mc, verb)(f, wrt, layout=layout)
    values = numbers(shapes)
    operator = d.operator(values)
    matrix = np.asarray(d(values)).reshape(operator.shape, order="F")
    rows, columns = operator.shape
    assert operator @ np.eye(columns) == pytest.approx(matrix, abs=1e-12)
    assert operator.T @ np.eye(rows) == pytest.approx(matrix.T, abs=1e-12)


def test_what_no_vector_changes_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sources: list[str] = []
    made = linear_map.made
    monkeypatch.setattr(linear_map, "made", lambda source, *rest: sources.append(source) or made(source, *rest))
    values = numbers({"S": (4, 4), "x": (4,)})
    mc.hessian("x.T inv(S) x", "x").operator(values)
    before, after = sources[:2]
    assert "inverse(" in before
    assert "inverse(" not in after
    assert "solution(" not in after


def test_what_an_operator_needs_is_said() -> None:
    H = mc.hessian("norm2sq(T - U @ V.T)", "U")
    values = numbers(CASES[0][3])
    for wrong, words in (({"V": np.ones((5, 2))}, "V must be"), ({"z": 1}, "z is not a variable"), ({"V": None}, "V must be")):
        with pytest.raises(mc.MatcalcError, match=words):
            H.operator({**values, **wrong})
    with pytest.raises(mc.MatcalcError, match="only a Jacobian or a Hessian"):
        mc.grad("x.T x", "x").operator(x=[1, 2])
    with pytest.raises(mc.MatcalcError, match="products with vectors know nothing of that"):
        mc.hessian("logdet(S)", "S", ["S: symmetric"]).operator(S=np.eye(2))
