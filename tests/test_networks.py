"""Products with Kronecker structure: the values of node by node, in compiled functions and in code, and no Kronecker product is formed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen import in_place
from tests.compiled import drawn, faults, fresh

LET = ["A: matrix(m, n)", "B: matrix(m, n)", "C: matrix(k, k)", "D: matrix(n, k)", "S: matrix(m, m)", "x: vector(m)", "y: vector(n)",
       "z: vector(k)", "c: scalar"]
SHAPES = {"A": "mn", "B": "mn", "C": "kk", "D": "nk", "S": "mm", "x": "m", "y": "n", "z": "k", "c": ""}
FORMS = [
    "kron(C, S) @ kron(C, A)", "kron(x.T, C) @ kron(S, z)", "kron(C, S) @ vec(x @ z.T)", "kron(D, A) @ commat(k, n)",
    "commat(m, n) @ vec(A)", "commat(n, m) @ kron(D, x @ x.T) @ commat(k, m)",
    "commat(m, n) @ diag(vec(A)) @ commat(n, m)", "kron(A.T, eye(k)) @ diag(vec(ones(k, m))) @ kron(B, eye(k))",
    "kron(A.T, eye(k)) @ diag(vec(z @ x.T)) @ kron(B, eye(k))",
    "kron(eye(k), A.T) @ diag(kron(z, x)) @ kron(eye(k), B)",
    "kron(ones(1, m), eye(n)) @ kron(x, c * eye(n))",
    "kron(ones(1, m), eye(n)) @ vec(A.T)", "vec(A).T @ kron(ones(n, n), S) @ vec(B)", "kron(ones(k, 1), A) - kron(z, ones(m, n))",
    "kron(ones(1, k), diag(x) - x @ x.T) @ kron(z, A)", "(eye(k * m) - kron(ones(k, k), S)) @ kron(z, A)", "c * kron(C, A) @ commat(k, n)",
    "(kron(C, A) + c * kron(ones(k, k), B)) @ kron(z, D)", "diag(kron(x, ones(k))) @ kron(A, z)", "tr(kron(C, S) @ kron(C.T, S))",
    "sum(kron(C, A) @ kron(C, y))", "sum(kron(ones(m, k), D))", "tr(commat(m, n) @ kron(A, B.T))", "kron(x, kron(y, z)) @ ones(1, 2)",
    "kron(kron(x.T, eye(n)), z.T) @ kron(x, kron(D, C)) / m", "kron(kron(eye(m), y.T) @ kron(A, D), C)", "kron(1 * eye(k), x) @ C",
    "kron(x, eye(n)) @ kron(x, eye(n)).T", "kron(A, eye(k)).T @ kron(A, eye(k))",
    "(kron(C, A) * kron(z @ ones(1, k), B)) @ kron(z, eye(n))",
    "commat(k, n) @ (kron(D, eye(k)) - kron(y @ z.T, C))", "kron(x, ones(n)) + vec(A.T)", "kron(A, y.T @ D) @ commat(k, n)"]
# a layer with softmax, its weights and its offsets; a factorisation; a density; a mixture; a covariance; two layers; a Sylvester equation
DERIVATIVES = [
    ("sum(logsumexp(A @ D)) - sum((x @ z.T) * (A @ D))", "D"), ("sum(logsumexp(A @ D + z.T)) / m", "z"),
    ("sum(exp(A @ D) - (x @ z.T) * log(square(A @ D)))", "A"), ("log(sum(exp(-sum(square(A - ones(m) @ y.T), axis=1) / 2)))", "y"),
    ("norm2sq(A) / 2 - sum(logsumexp(A @ D - (ones(m) @ sum(square(D), axis=0)) / 2))", "D"), ("norm2sq(A - A @ D @ D.T)", "D"),
    ("norm2sq(tanh(A @ D + z.T) @ C)", "D"), ("norm2sq(S @ A + A @ D @ D.T)", "A"), ("sum(exp(kron(C, x)))", "C"),
    ("norm2sq(kron(D, A))", "D"), ("tr(kron(C, S) @ kron(C, S))", "C"), ("sum(square(A.T @ S @ B))", "S")]
SIZES = [{"m": 4, "n": 3, "k": 2}, {"m": 2, "n": 5, "k": 3}, {"m": 1, "n": 2, "k": 1}]


def values_of(d: Any, sizes: dict[str, int]) -> dict[str, Any]:
    found = drawn(1, **{name: tuple(sizes[s] for s in shape) for name, shape in SHAPES.items()})
    found = {name: float(v) if np.shape(v) == () else v for name, v in found.items() if name in d.reading_of_input.symbols}
    return {**found, **{s: n for s, n in sizes.items() if s in d.reading_of_input.dims and not any(s in SHAPES[name] for name in found)}}


def all_of_them() -> list[tuple[Any, bool]]:
    found = [(mc.simplify(f, LET, check=False), False) for f in FORMS]
    for f, x in DERIVATIVES:
        found += [(mc.grad(f, x, LET, check=False), False), (mc.hessian(f, x, LET, check=False), False)]
        found += [(mc.hessian(f, x, LET, check=False), True)] if x.isupper() else []
    return found


@pytest.mark.parametrize("entries", [in_place.LARGE, 2], ids=["as planned", "overwriting everything"])
def test_they_are_computed_as_node_by_node(entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_place, "LARGE", entries)
    for d, tensor in all_of_them():
        for sizes, layout in zip(SIZES, ("C", "F", "strided"), strict=True):
            found = faults(d, values_of(d, sizes), tensor, layout)
            assert not found, f"{d}, {sizes}: {found}"


def test_code_for_any_size_has_the_same_values() -> None:
    for d, tensor in all_of_them():
        if tensor:
            continue
        scope: dict[str, Any] = {}
        exec(d.code("numpy"), scope)  # noqa: S102 (our own source)
        f = next(v for name, v in scope.items() if callable(v) and not name.startswith("__"))
        for sizes in SIZES:
            values = values_of(d, sizes)
            wanted = d(values)
            assert np.allclose(np.reshape(f(**values), np.shape(wanted)), wanted), f"{d}\n{d.code('numpy')}"


@pytest.mark.parametrize(("f", "x"), DERIVATIVES[:5])
def test_a_hessian_forms_nothing_larger_than_its_result(f: str, x: str) -> None:
    sizes = {"m": 4000, "n": 5, "k": 3}
    if x == "A":
        sizes = {"m": 30, "n": 5, "k": 2000}
    d = mc.hessian(f, x, LET, check=False)
    assert np.shape(fresh(d)(**{n: 0.1 * v for n, v in values_of(d, sizes).items()}))[0] <= 150
