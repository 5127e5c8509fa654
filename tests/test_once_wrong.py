"""The smallest expressions that once had no answer, or a wrong one; each is measured."""

from __future__ import annotations

import numpy as np
import pytest

import matcalc as mc
from tests.helpers import measured

ONCE_WRONG = [
    ("sum(B[-1, :])", "B", ["B: matrix(k, m)"]),  # a row and its transpose, for ever
    ("sum(max(Y, axis=0))", "Y", ["Y: matrix(n, n)"]),
    ("sum(sum(Y, axis=0))", "Y", ["Y: matrix(p, n)"]),
    ("w.T @ Y @ sum(A, axis=1)", "Y", ["A: matrix(p, n)", "Y: matrix(k, p)", "w: vector(k)"]),
    ("logsumexp(D @ v**2)", "v", ["D: matrix(m, k)", "v: vector(k)"]),
    ("square(exp(B) @ v).T @ a", "B", ["B: matrix(p, m)", "a: vector(p)", "v: vector(m)"]),
    ("sum(log(2 + (A / D)**2))", "A", ["A: matrix(m, k)", "D: matrix(m, k)"]),  # a matrix below the line, a product behind it
    ("mean(minimum(vec(X), vec(C)))", "X", ["C: matrix(k, p)", "X: matrix(p, k)"]),  # vec(A) + vec(B) of unlike shapes
    ("softmax(A @ x + b).T @ c", "x", ["A: matrix(m, n)", "b: vector(m)", "c: vector(m)"]),  # a vector is no shift
    ("tr(inv(X + A))", "X", ["A: matrix(n, n)"]),  # A.T - A does not match X + A
    ("x.T @ K @ y", "x", ["K: matrix(n, n) skew"]),
    ("tr(arcsin(C / 9))", "C", ["C: matrix(k, k)"]),
    ("logdet(X.T @ X)", "X", ["X: matrix(m, n)"]),  # det(A @ B) only for square factors
    ("sum(step(cosh(log(A))) * Y)", "Y", ["A: matrix(p, m) positive", "Y: matrix(p, m)"]),
    ("((sign(y) - t).T @ y)**2", "t", ["t: scalar positive", "y: vector(k)"]),  # a product as it was typed, its difference turned
    ("sum(A @ x).T * sum(D.T @ Z @ D) + sum(x)", "x", ["A: matrix(m, n)", "Z: skew", "D: matrix(p, n)"]),  # turned for ever
    ("(x - u).T @ (x - u) / norm(x)", "x", ["x: vector(n)", "u: vector(n)"]),
]


@pytest.mark.parametrize(("f", "wrt", "let"), ONCE_WRONG, ids=[c[0] for c in ONCE_WRONG])
def test_once_wrong(f: str, wrt: str, let: list[str]) -> None:
    answer = mc.grad(f, wrt, let)
    assert answer.evidence.verdict is True
    measured(f, wrt, let, answer)


@pytest.mark.parametrize(("f", "let"), [("mean(x)", "x: vector(n) simplex"), ("x.T @ x", "x: vector(n) onehot"),
                                        ("sum(arcsin(sigmoid(x) / 2) + arctan(softplus(x)))", "x: vector(m) onehot"),
                                        ("abs(sum(x)) + sigmoid(x).T @ x", "x: vector(k) onehot")])
def test_a_constraint_holds_at_the_point_and_not_along_the_way(f: str, let: str) -> None:
    answer = mc.grad(f, "x", [let])
    assert str(answer)
    measured(f, "x", [let], answer)


def test_a_size_that_no_variable_has_is_given_by_name() -> None:
    answer = mc.grad("gammaln(k / r)", "r", ["r: scalar", "k: dimension"])
    assert answer.tensor({"r": 2.0, "k": 6}) == pytest.approx(-1.5 * (1 + 1 / 2 - 0.5772156649015329))


def test_a_point_outside_the_domain_accuses_nobody() -> None:
    assert mc.grad("sum(step(cosh(log(A))) * Y)", "Y", ["A: matrix(p, m)", "Y: matrix(p, m)"]).evidence.verdict is True


def test_a_slice_with_a_step_is_refused() -> None:
    with pytest.raises(mc.NotSupported, match="step"):
        mc.grad("x.T @ x[::-1]", "x", ["x: vector(n)"])


def test_a_norm_that_wants_full_column_rank_is_not_that_of_the_transpose() -> None:
    d = mc.grad("nuclear(A.T)", "A", ["A: matrix(p, m)"])
    wide = [[1.0, 2.0, -1.0], [0.5, -3.0, 2.0]]
    shifted = [[1.0, 2.0 + 1e-6, -1.0], [0.5, -3.0, 2.0]]
    slope = (mc.evaluate("nuclear(A.T)", {"A": shifted}) - mc.evaluate("nuclear(A.T)", {"A": wide})) / 1e-6
    assert d(A=wide)[0, 1] == pytest.approx(slope, rel=1e-4)


def test_a_declared_size_before_a_bracket_is_a_factor() -> None:
    let = ["X: matrix(n, p)", "r: scalar"]
    assert mc.parse("sum(X) / (n p (r + 1))", let) is mc.parse("sum(X) / (n * p * (r + 1))", let)
    assert mc.parse("π (r + 1) * sum(X)", let) is mc.parse("pi * (r + 1) * sum(X)", let)
    assert mc.grad("mean(X) / (pi + r)", "X", let).unicode() == "ones(n, p) / (n p (π + r))"


def test_sympys_size_is_a_number_too() -> None:
    mean = mc.grad("mean(x)", "x", ["x: vector(n)"])
    assert str(mc.parse(mean.sympy())) == "ones(n) / n"


def test_a_tie_that_rounding_breaks_leaves_the_gradient_symmetric() -> None:
    g = mc.grad("min(adj(A))", "A", ["A: matrix(k, k) spd"])(A=[[2.0, 0.5], [0.5, 1.0]])
    assert g == pytest.approx(np.array([[0, -0.5], [-0.5, 0]]), abs=1e-12)
