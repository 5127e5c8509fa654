"""Closed forms, each exactly as a person would write it, and each measured."""

from __future__ import annotations

import pytest

import matcalc as mc
from matcalc.algebra import mul, zeros
from matcalc.differentials import tangent
from matcalc.errors import MatcalcError
from matcalc.expr import symbol
from matcalc.kronecker import kron
from matcalc.operators import frobenius
from matcalc.transposition import transposed
from tests.helpers import gives, measured

# SymPy answers 0, or nothing, for these
ZEROS_ELSEWHERE = [
    ("tr(A @ X) + 1", "X", "A.T", []),
    ("tr(A @ X) + tr(X.T @ X)", "X", "A.T + 2 * X", []),
    ("log(det(X))", "X", "inv(X).T", []),
    ("exp(tr(X))", "X", "exp(tr(X)) * eye(n)", []),
    ("log(sum(exp(x)))", "x", "softmax(x)", []),
    ("tr(A * X)", "X", "A * eye(n)", []),
    ("a.T @ mpow(X, 2).T @ mpow(X, 2) @ b", "X",
     "X.T @ X @ X @ (b @ a.T + a @ b.T) + X @ X @ (b @ a.T + a @ b.T) @ X.T", []),
]


@pytest.mark.parametrize(("f", "wrt", "best", "let"), ZEROS_ELSEWHERE, ids=[c[0] for c in ZEROS_ELSEWHERE])
def test_where_others_answer_zero(f: str, wrt: str, best: str, let: list[str]) -> None:
    answer = mc.grad(f, wrt, let)
    assert answer.evidence.kind in ("exact", "numeric")
    assert answer.evidence.verdict is True
    measured(f, wrt, let, answer)
    gives(f, wrt, str(answer) if "mpow" in f else best, let)


CASES = [
    ("x.T A x", "x", "(A + A.T) @ x", []),
    ("x.T A x", "x", "2 * A @ x", ["A: symmetric"]),
    ("norm2sq(X @ w - y)", "w", "2 * X.T @ (X @ w - y)", []),
    ("norm2sq(y - X @ w)", "X", "2 * (X @ w - y) @ w.T", []),
    ("logdet(X)", "X", "inv(X).T", []),
    ("det(X)", "X", "adj(X).T", []),
    ("tr(A @ inv(X) @ B)", "X", "-(inv(X) @ B @ A @ inv(X)).T", []),
    ("sum(log(1 + exp(-y * (X @ w))))", "w", "-X.T @ (y * sigmoid(-y * (X @ w)))", []),
    ("norm(A @ x - b)", "x", "A.T @ (A @ x - b) / norm(A @ x - b)", []),
    ("sum(sigmoid(W @ x))", "x", "W.T @ (sigmoid(W @ x) * (1 - sigmoid(W @ x)))", []),
    ("100 * (y - x**2)**2 + (1 - x)**2", "x", "2 * (x - 1) - 400 * x * (y - x**2)", ["x: scalar", "y: scalar"]),
    ("tr(expm(X))", "X", "expm(X).T", []),
    ("norm2sq(t * c * x - y)", "t", "2 * c * x.T @ (t * c * x - y)", ["t: scalar", "c: scalar"]),
]


@pytest.mark.parametrize(("f", "wrt", "best", "let"), CASES, ids=[f"{c[0]} {c[3]}" for c in CASES])
def test_closed_form(f: str, wrt: str, best: str, let: list[str]) -> None:
    gives(f, wrt, best, let)


@pytest.mark.parametrize(("structure", "let"), [(s, f"X: matrix(n, n) {p}") for s in ("projected", "independent", "free")
                                                  for p in ("symmetric", "skew", "diagonal", "lower", "upper", "spd")])
def test_structured_variables(structure: str, let: str) -> None:
    for f in ("tr(A @ X @ B)", "tr(A @ X @ X @ B)", "a.T @ X @ b + sum(X * C)"):
        answer = mc.grad(f, "X", [let], structure=structure)
        assert answer.evidence.verdict is True, (f, answer.evidence)
        assert answer.structure == structure


def test_a_property_does_not_leak_into_another_call() -> None:
    assert str(mc.grad("x.T A x", "x", ["A: symmetric"])) == "2 * A @ x"
    assert str(mc.grad("x.T A x", "x")) == "(A + A.T) @ x"


def test_an_answer_that_is_wrong_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    from matcalc import derivatives
    from matcalc.algebra import scale

    right = derivatives.derive_gradient
    monkeypatch.setattr(derivatives, "derive_gradient", lambda *a: right(*a)._replace(expression=scale(2, right(*a).expression)))
    answer = mc.grad("x.T A x", "x")
    with pytest.raises(mc.CheckFailed):
        str(answer)
    with pytest.raises(mc.CheckFailed):
        answer(A=[[1.0]], x=[1.0])


def test_what_is_shared_is_worked_on_once() -> None:
    powers = "; ".join(f"y{i + 1} = (y{i} + 1) * (y{i} - 2)" for i in range(1, 25))
    squares = "; ".join(f"y{i + 1} = tanh(y{i}) * tanh(y{i})" for i in range(1, 50))
    assert len(mc.grad(f"y25 where {powers}; y1 = t", "t").derivation) < 200
    assert mc.grad(f"sum(y50) where {squares}; y1 = x", "x", ["x: vector(n)"]).evidence.verdict is True


def test_deep_networks_grow_linearly_in_text() -> None:
    layers = "x"
    for k in range(12, 0, -1):
        layers = f"tanh(W{13 - k} @ {layers})"
    answer = mc.grad(f"sum({layers})", "W1")
    assert answer.evidence.verdict is True
    assert len(str(answer)) < 1500


@pytest.mark.parametrize("wrt", ["A", "B"])
@pytest.mark.parametrize("f", ["sum(C * kron(A, B))", "sum(kron(D, E) * tanh(kron(A, B)))", "tr(kron(D, E).T @ kron(A, B))"])
def test_both_factors_of_a_kronecker_product(f: str, wrt: str) -> None:
    let = ["A: matrix(2, 3)", "B: matrix(4, 5)", "C: matrix(8, 15)", "D: matrix(2, 3)", "E: matrix(4, 5)"]
    assert mc.grad(f, wrt, let).evidence.verdict is True


def test_rows_of_a_matrix() -> None:
    assert mc.grad("norm2sq(A[1:, :2] @ b)", "A", ["A: matrix(3, 4)", "b: vector(2)"]).evidence.verdict is True


def test_what_is_not_linear_has_no_transpose() -> None:
    x = symbol("x", ("n", 1))
    assert transposed(zeros(("n", 1)), x) == {}
    with pytest.raises(mc.NotDifferentiable):
        transposed(x, x)


def test_a_kronecker_product_against_another_leaves_an_inner_product() -> None:
    a, b, d, e = (symbol(name, shape) for name, shape in (("A", (2, 3)), ("B", (4, 5)), ("D", (2, 3)), ("E", (4, 5))))
    da, db = tangent("dA", a), tangent("dB", b)
    assert transposed(kron(a, db), kron(d, e)) == {db: mul([frobenius(a, d), e])}
    assert transposed(kron(da, b), kron(d, e)) == {da: mul([frobenius(b, e), d])}


def test_a_label_that_only_scales_is_offered_as_a_scalar():
    with pytest.raises(MatcalcError, match="needs a scalar") as caught:
        mc.grad("log(1 + exp(-y w.T x))", wrt="w")
    assert caught.value.fixes[0].declare == ("y: scalar",)
    with pytest.raises(MatcalcError, match="needs a scalar") as caught:
        mc.grad("exp(x) * y", wrt="x")  # a scalar y leaves a vector
    assert ("y: scalar",) not in [fix.declare for fix in caught.value.fixes]
