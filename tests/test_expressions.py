"""Expressions: interned, immutable in use, built by text or by Python operators alike."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import matcalc as mc

LET = ["A: matrix(m, n)", "B: matrix(m, n)", "x: vector(n)", "b: vector(m)", "c: scalar", "S: matrix(n, n) symmetric"]


def e(text: str) -> mc.Expr:
    return mc.parse(text, [d for d in LET if d.split(":")[0] in text])


def test_equal_expressions_are_one_object() -> None:
    assert mc.parse("x.T A x") is mc.parse("x.T @ A @ x") is mc.parse("x' A x") is mc.parse("x^T A x")
    assert mc.parse("A @ x + A @ x") is mc.parse("2 * A @ x")
    assert copy.deepcopy(e("A")) is e("A")


@pytest.mark.parametrize(("built", "typed"), [
    (lambda: e("A") @ e("x") - e("b"), "A @ x - b"),
    (lambda: 2 * e("A") + e("B") / 3, "2 * A + B / 3"),
    (lambda: (e("A") @ e("x")).T @ e("b"), "(A @ x).T @ b"),
    (lambda: e("A") * e("B") ** 2, "A * B**2"),
    (lambda: e("c") @ e("x") + 1, "c * x + 1"),
    (lambda: 1 - e("x"), "1 - x"),
    (lambda: 1 / e("x"), "1 / x"),
    (lambda: -e("A")[1:, 0], "-A[1:, 0]"),
    (lambda: e("x")[:-1], "x[:-1]"),
    (lambda: 0.5 * e("S") @ e("x"), "0.5 * S @ x"),
    (lambda: e("A") + e("x").T, "A + x.T"),
])
def test_operators_build_what_text_says(built: object, typed: str) -> None:
    assert built() is e(typed)  # type: ignore[operator]


def test_the_text_of_an_expression_parses_back_to_it() -> None:
    for text in ("(A + B) @ x - b", "A * B / (1 + c)", "S @ S @ x", "x[1:] - x[:-1]**2", "kron(A, B)", "tr(S) * x"):
        assert e(str(e(text))) is e(text)


def test_gradient_of_an_expression() -> None:
    r = e("A") @ e("x") - e("b")
    assert str(mc.grad(r.T @ r, e("x"))) == "2 * A.T @ (A @ x - b)"
    assert str(mc.grad(e("x").T @ e("S") @ e("x"), "x")) == "2 * S @ x"


@pytest.mark.parametrize("wrong", [
    lambda: e("A") @ e("b"), lambda: e("A") + e("b"), lambda: e("A") * e("x"), lambda: np.ones(3) @ e("x"), lambda: e("x") @ "x",
    lambda: e("A")[0, 0, 0], lambda: e("A")["a"], lambda: e("A") ** e("x"), lambda: e("x") + float("nan"),
    lambda: mc.parse("x", ["x: vector(k)"]) + e("x"),
])
def test_wrong_operands_are_typed_errors(wrong: object) -> None:
    with pytest.raises(mc.MatcalcError):
        wrong()  # type: ignore[operator]
