"""Differences of neighbours: products with slices of eye are slices, in compiled functions and in code, and no matrix is formed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen import in_place
from matcalc.codegen.compiled import Planned
from matcalc.codegen.parts import Part
from tests.compiled import drawn, faults, fresh

LET = ["x: vector(n)", "y: vector(n)", "A: matrix(n, n)", "X: matrix(n, k)", "w: vector(m)", "c: scalar"]
FORMS = [
    "(eye(n)[1:, :] - eye(n)[:-1, :]) @ x", "(eye(n)[:, 1:] - eye(n)[:, :-1]) @ (x[1:] - x[:-1])", "c * eye(n)[:, 1:] @ x[1:]",
    "x + c * (eye(n)[:, 2:] - 2 * eye(n)[:, 1:-1] + eye(n)[:, :-2]) @ (x[2:] - 2 * x[1:-1] + x[:-2])", "x + eye(n)[:, 1:] @ x[:-1]",
    "(eye(n)[1:, :] - eye(n)[:-1, :]) @ A", "A @ (eye(n)[:, 1:] - 3 * eye(n)[:, :-1])", "A @ (eye(n)[:, 1:] - eye(n)[:, :-1]) @ x[1:]",
    "eye(n)[:, 1:-1] @ diag(x[1:-1]) @ eye(n)[1:-1, :]", "(eye(n)[1:, :] - eye(n)[:-1, :]) @ diag(x) @ eye(n)[:, 1:]",
    "(eye(n)[:, 1:] - eye(n)[:, :-1]) @ diag(square(x[1:])) @ (eye(n)[1:, :] - eye(n)[:-1, :])", "A + eye(n)[:, 1:] @ eye(n)[:-1, :]",
    "eye(n) + c * (eye(n)[:, 2:] - 2 * eye(n)[:, 1:-1]) @ diag(x[2:]) @ (eye(n)[2:, :] - eye(n)[:-2, :])", "eye(n)[2:, 1:] @ x[1:]",
    "eye(n)[2:, :-1] @ A[1:, :]", "A[1:, :] @ eye(n)[:, 2:]", "kron(eye(n)[1:, :], c * eye(n)[:, 1:])",
    "tr(eye(n)[1:, :] @ A @ eye(n)[:, 1:])",
    "eye(n)[1:3, :] @ x", "eye(n)[-3:, :] @ A", "eye(n)[:, :2] @ x[:2]", "X[1:, :].T @ (eye(n)[1:, :] @ X)",
    "sum(eye(n)[1:, :] @ diag(x))", "inv(eye(n) + eye(n)[:, 1:] @ eye(n)[:-1, :])", "x[1:-1]", "x.T[0, 1:]", "x[2]", "x[-2:]",
    "(eye(n)[:, 1:] @ x[1:]).T @ (eye(n)[:, 1:] @ x[1:])", "square(eye(n)[:, 1:] @ x[1:]) + eye(n)[:, 1:] @ x[1:]"]
# a difference of neighbours, a smoother one, a penalty on a matrix, a product of neighbours
DERIVATIVES = [
    ("norm2sq(x - y) / 2 + c * sum(sqrt(square(x[1:] - x[:-1]) + 1))", "x"), ("sum(exp(x[2:] - 2 * x[1:-1] + x[:-2]))", "x"),
    ("norm2sq(X[1:, :] - X[:-1, :])", "X"), ("sum(x[1:] * x[:-1])", "x"), ("x[1:].T @ A[1:, :-1] @ x[:-1]", "x")]
SIZES = {"n": 6, "k": 4, "m": 5}


def values_of(d: Any, **sizes: int) -> dict[str, Any]:
    shapes = {"x": "n", "y": "n", "A": "nn", "X": "nk", "w": "m", "c": ""}
    found = drawn(1, **{name: tuple(sizes[s] for s in shape) for name, shape in shapes.items()})
    found = {name: float(v) if np.shape(v) == () else v for name, v in found.items() if name in d.reading_of_input.symbols}
    return found if any(map(np.shape, found.values())) else {**found, "n": sizes["n"]}


def all_of_them() -> list[Any]:
    found = [mc.simplify(f, LET, check=False) for f in FORMS]
    for f, x in DERIVATIVES:
        found += [mc.grad(f, x, LET, check=False), mc.hessian(f, x, LET, check=False)]
    return found


@pytest.mark.parametrize("entries", [in_place.LARGE, 2], ids=["as planned", "overwriting everything"])
def test_bands_are_computed_as_node_by_node(entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_place, "LARGE", entries)
    for d in all_of_them():
        for layout in ("C", "F"):
            found = faults(d, values_of(d, **SIZES), False, layout)
            assert not found, f"{d}: {found}"


def test_code_for_any_size_has_the_same_bands() -> None:
    for d in all_of_them():
        scope: dict[str, Any] = {}
        exec(d.code("numpy"), scope)  # noqa: S102 (our own source)
        f = next(v for name, v in scope.items() if callable(v) and not name.startswith("__"))
        for sizes in (SIZES, {"n": 9, "k": 3, "m": 4}):
            values = values_of(d, **sizes)
            wanted = d(values)
            assert np.allclose(np.reshape(f(**values), np.shape(wanted)), wanted), f"{d}\n{d.code('numpy')}"


@pytest.mark.parametrize(("f", "x"), DERIVATIVES[:2])
def test_a_gradient_of_a_long_signal_forms_no_matrix(f: str, x: str) -> None:
    d = mc.grad(f, x, LET, check=False)
    values = {**values_of(d, n=8, k=1, m=1), **drawn(**{name: (10**6,) for name in ("x", "y") if name in d.reading_of_input.symbols})}
    assert np.isfinite(fresh(d)(**values)).all()


def test_a_hessian_of_neighbours_multiplies_no_matrices() -> None:
    d = mc.hessian(*DERIVATIVES[0], LET, check=False)
    root = d.expression
    source = Planned([Part([root], lambda v, _: v[0], lambda lowering: lowering.lower(root))], ["x", "c"], SIZES).source
    assert not any(word in source for word in ("eye", "@")), source
