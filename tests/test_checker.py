"""The checker: wrong closed forms are caught, right ones are never accused, whatever the scale and the size."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest

from matcalc.checker import Evidence, draw, evaluate, exact, numeric, verify, verify_equal
from matcalc.checker.evidence import NotRational
from matcalc.checker.floats import weights
from matcalc.checker.problem import Problem

from .checker_helpers import read, symbol

LET = ["A: matrix(n, n)", "B: matrix(n, n)", "X: matrix(n, n)", "M: matrix(m, n)", "x: vector(n)", "y: vector(n)", "b: vector(m)",
       "c: scalar", "t: scalar", "S: matrix(n, n) spd", "p: vector(n) positive", "W: matrix(m, k)", "V: matrix(k, n)"]

RIGHT = [  # function, variable, its gradient, the kind of evidence
    ("x.T @ A @ x", "x", "(A + A.T) @ x", "exact"),
    ("norm2sq(M @ x - b)", "x", "2 * M.T @ (M @ x - b)", "exact"),
    ("norm2sq(M @ x - b)", "M", "2 * (M @ x - b) @ x.T", "exact"),
    ("det(X)", "X", "adj(X).T", "exact"),
    ("det(X)", "X", "det(X) * inv(X).T", "exact"),
    ("logdet(X)", "X", "inv(X).T", "exact"),
    ("log(det(X))", "X", "inv(X.T)", "exact"),
    ("x.T @ inv(A) @ y", "A", "-inv(A).T @ x @ y.T @ inv(A).T", "exact"),
    ("tr(mpow(X, 3) @ A)", "X", "(A @ X @ X + X @ A @ X + X @ X @ A).T", "exact"),
    ("sum(kron(A, X))", "X", "sum(A) * ones(n, n)", "exact"),
    ("sum(diag(x) @ A @ diag(x))", "x", "(A + A.T) @ x", "exact"),
    ("norm(M @ x - b)", "x", "M.T @ (M @ x - b) / norm(M @ x - b)", "exact"),
    ("sum(sqrt(1 + x**2))", "x", "x / sqrt(1 + x**2)", "exact"),
    ("sum(x**3 / y)", "y", "-x**3 / y**2", "exact"),
    ("sum(exp(M @ x))", "x", "M.T @ exp(M @ x)", "exact"),
    ("sum(log(1 + exp(-y * x)))", "x", "-y * sigmoid(-x * y)", "exact"),
    ("sum(tanh(x))", "x", "1 - tanh(x)**2", "exact"),
    ("sum(tanh(x))", "x", "4 / (exp(x) + exp(-x))**2", "exact"),
    ("sum(sin(x) * cos(x))", "x", "1 - 2 * sin(x)**2", "exact"),
    ("sum(sin(x) * cos(x))", "x", "cos(2 * x)", "numeric"),
    ("exp(x.T @ y)", "x", "exp(x.T @ y / 2)**2 * y", "numeric"),
    ("logsumexp(x)", "x", "softmax(x)", "exact"),
    ("sum(logsumexp(M))", "M", "softmax(M)", "exact"),
    ("logsumexp(x)", "x", "softmax(x - max(x))", "numeric"),
    ("sum(abs(x))", "x", "sign(x)", "exact"),
    ("sum(relu(M @ x))", "x", "M.T @ step(M @ x)", "exact"),
    ("max(x)", "x", "argmaxmask(x)", "exact"),
    ("sum(maximum(x, y))", "x", "step(x - y)", "exact"),
    ("norm(x, 3)", "x", "x * abs(x) / norm(x, 3)**2", "numeric"),
    ("norm1(M @ x)", "x", "M.T @ sign(M @ x)", "exact"),
    ("norminf(x)", "x", "sign(x) * argmaxmask(abs(x))", "exact"),
    ("c**t", "c", "t * c**(t - 1)", "exact"),
    ("c**t", "t", "log(c) * c**t", "exact"),
    ("sum(p * log(p))", "p", "1 + log(p)", "exact"),
    ("sum(log(b - M @ x))", "x", "-M.T @ (1 / (b - M @ x))", "exact"),
    ("sum(log(p**2))", "p", "2 / p", "exact"),
    ("tr(expm(X))", "X", "expm(X).T", "numeric"),
    ("tr(sqrtm(S))", "S", "inv(sqrtm(S)) / 2", "numeric"),
    ("tr(logm(S))", "S", "inv(S)", "numeric"),
    ("nuclear(M)", "M", "M @ inv(sqrtm(M.T @ M))", "numeric"),
    ("nuclear(W @ V)", "c", "0", "numeric"),
    ("spectral(X)**2 - eigmax(X.T @ X)", "X", "zeros(n, n)", "numeric"),
    ("eigmax(S) + 0 * tr(X)", "X", "zeros(n, n)", "numeric"),
    ("sum(chol(S) * A)", "A", "chol(S)", "numeric"),
    ("sum(erf(x))", "x", "2 / sqrt(pi) * exp(-x**2)", "exact"),
    ("sum(gammaln(p))", "p", "digamma(p)", "exact"),
    ("sum(digamma(p))", "p", "trigamma(p)", "exact"),
    ("sum(arctan(x))", "x", "1 / (1 + x**2)", "exact"),
    ("sum(arcsin(x))", "x", "1 / sqrt(1 - x**2)", "exact"),
    ("sum(pinv(M) @ b)", "b", "pinv(M).T @ ones(n)", "exact"),
    ("sum(M, axis=0) @ x + x.T @ mean(M, axis=0).T", "M", "(1 + 1 / m) * ones(m) @ x.T", "exact"),
    ("x[0] * x[1]", "x", "x[1] * vstack(1, zeros(n - 1)) + x[0] * (eye(n) @ ones(n) - vstack(1, zeros(n - 1))) * (eye(n)[:, 1])", "exact"),
    ("sum(x[1:] * x[:-1])", "x", "vstack(zeros(1), x[:-1]) + vstack(x[1:], zeros(1))", "exact"),
    ("sum(commat(m, n) @ vec(M) - vec(M.T))", "M", "zeros(m, n)", "exact"),
    ("sum(tril(X) * A) + sum(cumsum(x))", "X", "tril(A)", "exact"),
    ("sum(A)", "c", "0", "exact"),
]


def check(f, wrt, answer, **options):
    return verify(read(f, LET), wrt, read(answer, LET), **options)


@pytest.mark.parametrize(("f", "wrt", "answer", "kind"), RIGHT, ids=lambda v: str(v))
def test_right_answers_hold(f, wrt, answer, kind):
    found = check(f, wrt, answer)
    assert found.verdict is True, found
    assert found.kind == kind, found


@pytest.mark.parametrize(("f", "wrt", "answer", "kind"), [r for r in RIGHT if r[1] != "c"], ids=lambda v: str(v))
@pytest.mark.parametrize("fault", ["2 * ({})", "-({})", "({}) * 1.000001", "({}) + {one}", "({}) + 0.0001 * {entry}"])
def test_planted_faults_are_caught(f, wrt, answer, kind, fault):
    m, n = symbol(next(d for d in LET if d.startswith(wrt + ":"))).shape
    one = f"ones({m}, {n})"
    entry = f"eye({m})[:, 0] @ eye({n})[0, :]" if n != 1 else f"eye({m})[:, 0]"
    wrong = fault.replace("{}", answer).replace("{one}", one).replace("{entry}", entry)
    if answer.startswith("zeros") and "{one}" not in fault and "{entry}" not in fault:
        return
    found = check(f, wrt, wrong)
    assert found.verdict is False, found
    assert found.counterexample


@pytest.mark.parametrize(("f", "wrt", "answer", "wrong"), [
    ("x.T @ A @ x", "x", "(A + A.T) @ x", "2 * A @ x"),
    ("logdet(X)", "X", "inv(X).T", "inv(X)"),
    ("det(X)", "X", "adj(X).T", "adj(X)"),
    ("tr(A @ X @ B)", "X", "A.T @ B.T", "B.T @ A.T"),
    ("norm(x)", "x", "x / norm(x)", "x / norm2sq(x)"),
])
def test_a_forgotten_transpose_is_caught_by_both_judges(f, wrt, answer, wrong):
    for text, verdict in ((answer, True), (wrong, False)):
        problem = Problem(read(f, LET), wrt, read(text, LET))
        assert numeric.decide(problem, 0, 2).verdict is verdict
        try:
            assert exact.decide(problem, 0, 3).verdict is verdict
        except NotRational:
            assert not verdict


@pytest.mark.parametrize(("f", "wrt", "answer", "kind"), RIGHT, ids=lambda v: str(v))
def test_the_numeric_judge_agrees(f, wrt, answer, kind):
    for seed in range(3):
        found = numeric.decide(Problem(read(f, LET), wrt, read(answer, LET)), seed, 2)
        assert found.verdict is True, found


@pytest.mark.parametrize("scale", ["0.000000001", "0.001", "1000000", "1000000000000"])
@pytest.mark.parametrize(("f", "wrt", "answer"), [
    ("x.T @ A @ x", "x", "(A + A.T) @ x"), ("sum(exp(M @ x))", "x", "M.T @ exp(M @ x)"), ("logdet(X)", "X", "inv(X).T"),
    ("norm(x)", "x", "x / norm(x)"), ("tr(expm(X))", "X", "expm(X).T"),
])
def test_scale_is_no_matter(f, wrt, answer, scale):
    problem = Problem(read(f"{scale} * ({f})", LET), wrt, read(f"{scale} * ({answer})", LET))
    for seed in range(5):
        assert numeric.decide(problem, seed, 2).verdict is True
    wrong = Problem(read(f"{scale} * ({f})", LET), wrt, read(f"1.00001 * {scale} * ({answer})", LET))
    assert numeric.decide(wrong, 0, 2).verdict is False


@pytest.mark.parametrize(("f", "wrt", "answer"), [
    ("sum(softmax(x))", "x", "zeros(n)"),  # numbers of order 1 that cancel
    ("sum(x) - ones(n).T @ x", "x", "zeros(n)"),
    ("tr(inv(X + 0.0000001 * A) @ (X + 0.0000001 * A))", "X", "zeros(n, n)"),
    ("1000000 * sum(x) + c", "c", "1"),
    ("log(1000000000 + c)", "c", "1 / (1000000000 + c)"),
    ("1 / ((c - t) * (c - t) + 0.00000001)", "c", "-2 * (c - t) / ((c - t)**2 + 0.00000001)**2"),
])
def test_no_false_alarm_at_the_edge_of_floats(f, wrt, answer):
    for seed in range(10):
        assert numeric.decide(Problem(read(f, LET), wrt, read(answer, LET)), seed, 2).verdict is not False


def test_numbers_that_cancel_are_zero_as_far_as_floats_can_say():
    assert numeric.decide(Problem(read("sum(softmax(x))", LET), "x", read("zeros(n)", LET)), 0, 2).verdict is True
    large = "100000000000 * sum(x) - 100000000000 * sum(x) + sum(x)"
    found = numeric.decide(Problem(read(large, LET), "x", read("1.00003 * ones(n)", LET)), 0, 2)
    assert (found.verdict, found.reason) == (None, "a difference no larger than rounding errors")


def test_what_is_too_small_beside_a_constant_to_be_nudged_accuses_nobody():
    """Rounding errors look like a difference that stays, where a nudge of X does not reach the sum."""
    inside = "ones(n, n) + 0.0000001 * X"
    answer = f"0.0000001 * inv(kron(eye(n), sqrtm({inside})) + kron(sqrtm({inside}).T, eye(n)))"
    for seed in range(5):
        problem = Problem(read(f"sqrtm({inside})", LET), "X", read(answer, LET), op="jacobian")
        assert numeric.decide(problem, seed, 2).verdict is not False
    assert numeric.decide(Problem(read("sqrtm(S)", LET), "S", read("2 * eye(n * n)", LET), op="jacobian"), 0, 2).verdict is False


def test_a_point_without_a_value_inside_an_exponential_is_another_point():
    for seed in range(4):
        assert check("tr(expm(log(X)))", "X", "expm(log(X)).T / X", seed=seed).verdict is True


def test_the_smaller_of_two_has_no_value_where_one_has_none():
    for text in ("minimum(arccos(x), y)", "minimum(y, arccos(x))", "maximum(arccos(x), y)"):
        assert np.isnan(evaluate(read(text, LET), {"x": np.full(2, 2.0), "y": np.ones(2)}, {"n": 2})).all()


@pytest.mark.parametrize(("f", "wrt", "answer"), [
    ("log(det(Q.T @ Q)) where Q = ones(m, n) + 0.00000001 * M", "M", "0.00000002 * pinv(ones(m, n) + 0.00000001 * M).T"),
    ("sum(log(softplus(x - 32)))", "x", "sigmoid(x - 32) / softplus(x - 32)"),
])
def test_digits_that_are_lost_in_the_checker_accuse_nobody(f, wrt, answer):
    for seed in range(5):
        assert numeric.decide(Problem(read(f, LET), wrt, read(answer, LET)), seed, 2).verdict is not False


def test_a_matrix_of_one_entry_that_does_not_move():
    let = ["K: matrix(1, 1) skew"]
    assert verify(read("sum(arctan(K))", let), "K", read("zeros(1, 1)", let), structure="projected").verdict is not False
    let = ["K: matrix(1, 1) orthogonal"]
    assert verify(read("logdet(K)", let), "K", read("zeros(1, 1)", let), structure="projected").verdict is not False


def test_a_hessian_that_rounding_makes_unsymmetric_is_not_wrong():
    f = "logdet(1000000 * M.T @ M + eye(n))"
    answer = ("2000000 * (kron(S, eye(m)) - kron(S, Q @ S) @ (kron(eye(n), Q) @ commat(n, n) + kron(eye(n), Q)).T)"
              " where Q = 1000 * M; S = inv(Q.T @ Q + eye(n))")
    for seed in range(20):
        assert numeric.decide(Problem(read(f, LET), "M", read(answer, LET), op="hessian"), seed, 2).verdict is not False


def test_ill_conditioned_for_ever_is_inconclusive_and_not_wrong():
    hilbert = "(M.T @ M * 0.000000000001 + x @ x.T)"
    found = numeric.decide(Problem(read(f"tr(inv({hilbert}))", LET), "x", read("x", LET)), 0, 2)
    assert found.verdict is None
    assert "condition" in found.reason


def test_kinds_of_function_that_the_checker_does_not_know():
    found = check("sum(mystery(x))", "x", "x")
    assert found.kind == "unchecked"
    assert "mystery" in str(found)


def test_values_of_a_users_function():
    body = (("u",), read("u**2 + u", ["u: vector(n)"]))
    assert str(check("sum(mine(x))", "x", "2 * x + 1", values={"mine": body})) == "exact, 3 points"
    assert check("sum(mine(x))", "x", "2 * x", values={"mine": body}).verdict is False
    dotted = {"mine": "scipy.special.expit"}
    assert check("sum(mine(x))", "x", "mine(x) * (1 - mine(x))", values=dotted).verdict is True
    assert check("sum(mine(x))", "x", "mine(x)", values=dotted).verdict is False
    assert check("sum(mine(x))", "x", "2 * exp(-x**2) / sqrt(pi)", values={"mine": "math.erf"}).verdict is True
    assert check("sum(mine(X))", "X", "-inv(X).T @ ones(n, n) @ inv(X).T", values={"mine": "numpy.linalg.inv"}).verdict is True
    assert check("sum(mine(x))", "x", "x", values={"mine": "os.system"}).kind == "unchecked"
    assert check("sum(mine(x))", "x", "x", values={"mine": "numpy.load"}).kind == "unchecked"


def test_a_users_function_with_dimensions_of_its_own():
    body = (("P", "q"), read("P * d / k + ones(k) @ q.T", ["P: matrix(k, d)", "q: vector(d)"]))
    assert check("sum(mine(M, x))", "M", "n / m * ones(m, n)", values={"mine": body}).verdict is True
    assert check("sum(mine(M, x))", "x", "m * ones(n)", values={"mine": body}).verdict is True


# --- shapes and other results -------------------------------------------------------------------------------------

def test_shapes_are_compared():
    assert "1 x 3" in check("x.T @ A @ x", "x", "x.T @ (A + A.T)").reason
    assert verify_equal(read("x", LET), read("x.T", LET)).verdict is False
    assert verify_equal(read("sum(x)", LET), read("x.T @ ones(n)", LET)).verdict is True


@pytest.mark.parametrize(("f", "wrt", "answer"), [
    ("A @ x", "x", "A"), ("tanh(M @ x)", "x", "diag(1 - tanh(M @ x)**2) @ M"),
    ("x * c", "c", "x"), ("A * c**2", "c", "2 * c * A"),
    ("W @ V", "W", "kron(V.T, eye(m))"), ("W @ V", "V", "kron(eye(n), W)"), ("x.T @ A @ x", "x", "x.T @ (A + A.T)"),
    ("inv(X)", "X", "-kron(inv(X).T, inv(X))"), ("M.T", "M", "commat(m, n)"),
])
def test_jacobians(f, wrt, answer):
    assert check(f, wrt, answer, op="jacobian").verdict is True
    assert check(f, wrt, f"({answer}).T", op="jacobian", layout="denominator").verdict is True
    assert check(f, wrt, f"1.001 * ({answer})", op="jacobian").verdict is False
    problem = Problem(read(f, LET), wrt, read(answer, LET), op="jacobian")
    assert numeric.decide(problem, 1, 2).verdict is True


@pytest.mark.parametrize(("f", "wrt", "answer"), [
    ("x.T @ A @ x", "x", "A + A.T"), ("sum(x**4)", "x", "diag(12 * x**2)"),
    ("logsumexp(x)", "x", "diag(softmax(x)) - softmax(x) @ softmax(x).T"),
    ("tr(X @ A @ X.T)", "X", "kron(A + A.T, eye(n))"), ("norm(x)", "x", "eye(n) / norm(x) - x @ x.T / norm(x)**3"),
    ("exp(c**2)", "c", "(2 + 4 * c**2) * exp(c**2)"),
])
def test_hessians(f, wrt, answer):
    assert check(f, wrt, answer, op="hessian").verdict is True
    assert check(f, wrt, f"1.001 * ({answer})", op="hessian").verdict is False
    assert numeric.decide(Problem(read(f, LET), wrt, read(answer, LET), op="hessian"), 1, 2).verdict is True


def test_the_second_derivative_of_a_variable_power_is_not_zero():
    assert check("c**t", "c", "t * (t - 1) * c**(t - 2)", op="hessian").verdict is True
    assert check("c**t", "c", "0 * c", op="hessian").verdict is False


def test_an_unsymmetric_hessian_is_caught():
    assert check("x.T @ A @ x", "x", "2 * A", op="hessian").verdict is False


@pytest.mark.parametrize("op", ["differential", "jvp"])
def test_differentials(op):
    let = [*LET, "dX: matrix(n, n)"]
    for text, verdict in (("-inv(X) @ dX @ inv(X)", True), ("-inv(X) @ dX.T @ inv(X)", False), ("-inv(X) @ inv(X) @ dX", False)):
        problem = Problem(read("inv(X)", LET), "X", read(text, let), op=op)
        assert verify(read("inv(X)", LET), "X", read(text, let), op=op).verdict is verdict
        assert numeric.decide(problem, 0, 2).verdict is verdict


def test_a_change_that_is_right_along_every_axis_and_not_linear():
    problem = Problem(read("sum(exp(x))", LET), "x", read("norm1(exp(x) * dx)", [*LET, "dx: vector(n)"]), op="differential")
    assert numeric.decide(problem, 0, 2).verdict is False


def test_the_largest_entry_may_be_below_zero():
    assert check("max(diag(x))", "x", "argmaxmask(x)").verdict is False
    assert check("max(relu(x))", "x", "argmaxmask(x)").verdict is False
    assert check("max(diag(x))", "x", "diagv(argmaxmask(diag(x)))").verdict is True


def test_a_maximum_does_not_hide_that_a_part_has_no_value():
    let = ["x: vector(m)", "u: vector(m)", "v: vector(m)"]
    for seed in range(8):
        assert verify(read("x.T @ maximum(sin(arcsin(v)), -u)", let), "x", read("maximum(v, -u)", let), seed=seed).verdict is True


def test_vjp():
    let = [*LET, "G: matrix(n, n)"]
    for text, verdict in (("-inv(X).T @ G @ inv(X).T", True), ("-inv(X) @ G @ inv(X)", False)):
        assert verify(read("inv(X)", LET), "X", read(text, let), op="vjp").verdict is verdict
        assert numeric.decide(Problem(read("inv(X)", LET), "X", read(text, let), op="vjp"), 0, 2).verdict is verdict


# --- structure ----------------------------------------------------------------------------------------------------

def measured(f, let, x, direction, values, sizes):
    """df in one direction, by a 4-point stencil in this test."""
    t = 1e-3
    a, b, c, d = (evaluate(read(f, let), {**values, "X": x + k * t * direction}, sizes).item() for k in (-2, -1, 1, 2))
    return (a - 8 * b + 8 * c - d) / (12 * t)


STRUCTURES = {  # property: (gradient within the space, by the free entries), for G the unrestricted gradient
    "symmetric": ("({G} + {G}.T) / 2", "{G} + {G}.T - {G} * eye(n)"),
    "spd": ("({G} + {G}.T) / 2", "{G} + {G}.T - {G} * eye(n)"),
    "skew": ("({G} - {G}.T) / 2", "{G} - {G}.T"),
    "diagonal": ("{G} * eye(n)", "{G} * eye(n)"),
    "lower": ("tril({G})", "tril({G})"),
    "upper": ("triu({G})", "triu({G})"),
    "orthogonal": ("({G} - X @ {G}.T @ X) / 2", None),
}


@pytest.mark.parametrize(("f", "free"), [
    ("tr(A @ X)", "A.T"), ("tr(A @ X @ X)", "(A @ X + X @ A).T"), ("x.T @ X @ B @ X.T @ x", "x @ x.T @ X @ (B + B.T)"),
])
@pytest.mark.parametrize("word", STRUCTURES)
def test_structures(f, free, word):
    let = [d for d in LET if not d.startswith("X:")] + [f"X: matrix(n, n) {word}"]
    projected, independent = (s and s.replace("{G}", f"({free})") for s in STRUCTURES[word])
    texts = {"free": free, "projected": projected, "independent": independent}
    for structure, text in texts.items():
        if text is None:
            continue
        problem = Problem(read(f, let), "X", read(text, let), structure=structure)
        assert verify(read(f, let), "X", read(text, let), structure=structure).verdict is True
        assert numeric.decide(problem, 3, 2).verdict is True
        for other, wrong in texts.items():
            values, sizes = draw(read(f, let), 4)
            if wrong and not np.allclose(*(evaluate(read(t, let), values, sizes) for t in (text, wrong))):
                assert verify(read(f, let), "X", read(wrong, let), structure=structure).verdict is False, (structure, other)
                assert numeric.decide(Problem(read(f, let), "X", read(wrong, let), structure=structure), 3, 2).verdict is False


@pytest.mark.parametrize("word", ["symmetric", "skew", "diagonal", "lower", "upper"])
def test_conventions_are_what_finite_differences_say(word):
    f, free = "tr(A @ X @ X)", "(A @ X + X @ A).T"
    let = [d for d in LET if not d.startswith("X:")] + [f"X: matrix(n, n) {word}"]
    values, sizes = draw(read(f, let), 2)
    n = sizes["n"]
    independent = evaluate(read(STRUCTURES[word][1].replace("{G}", f"({free})"), let), values, sizes)
    for i in range(n):
        for j in range(n):
            unit = np.zeros((n, n))
            unit[i, j] = 1
            if word == "symmetric":
                unit = np.maximum(unit, unit.T)
            if word == "skew":
                unit = unit - unit.T
            allowed = {"diagonal": i == j, "lower": i >= j, "upper": i <= j}.get(word, True)
            wanted = measured(f, let, values["X"], unit, values, sizes) if allowed else 0.0
            assert independent[i, j] == pytest.approx(wanted, abs=1e-8)


# --- tokens -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("left", "right", "kind"), [
    ("sin(x)**2 + cos(x)**2", "ones(n)", "exact"), ("exp(-x) * exp(x)", "ones(n)", "exact"), ("sinh(x) / cosh(x)", "tanh(x)", "exact"),
    ("sigmoid(-x)", "1 - sigmoid(x)", "exact"), ("sin(-x)", "-sin(x)", "exact"), ("log(1 / p)", "-log(p)", "exact"),
    ("exp(x + y)", "exp(x) * exp(y)", "numeric"), ("log(exp(x))", "x", "numeric"), ("sqrt(p)**2", "p", "exact"),
    ("sqrt(p**2)", "p", "exact"), ("sqrt(x**2)", "abs(x)", "exact"), ("abs(x) * abs(y)", "abs(x * y)", "exact"),
    ("relu(x) - relu(-x)", "x", "exact"), ("maximum(x, y) + minimum(x, y)", "x + y", "exact"), ("max(-x)", "-min(x)", "exact"),
    ("p**t * p**c", "p**(t + c)", "exact"), ("arcsin(x) + arccos(x)", "pi / 2 * ones(n)", "exact"),
    ("softmax(x + c)", "softmax(x)", "numeric"),
    ("A @ B @ x", "A @ (B @ x)", "exact"), ("pinv(M) @ M @ pinv(M)", "pinv(M)", "exact"),
    ("inv(expm(X))", "expm(-X)", "numeric"), ("gammaln(p + 1)", "gammaln(p) + log(p)", "numeric"),
    ("logm(expm(0.1 * X))", "0.1 * X", "numeric"),
    ("cumsum(M, axis=1)", "M @ triu(ones(n, n))", "exact"), ("cumsum(M, axis=0)", "tril(ones(m, m)) @ M", "exact"),
    ("cumsum(x.T)", "x.T @ triu(ones(n, n))", "exact"), ("mpow(S, 0.5) @ mpow(S, 0.5)", "S", "numeric"),
    ("norm(x, t)", "sum(abs(x)**t)**(1 / t)", "numeric"), ("norm(x, 3)", "norm(-x, 3)", "exact"), ("max(x.T, axis=1)", "max(x)", "exact"),
    ("diag(x.T)", "diag(x)", "exact"), ("mean(x.T)", "mean(x)", "exact"), ("0.5 * x + x / 2", "x", "exact"),
    ("sign(0 * x)", "0 * x", "exact"), ("c + M", "c * ones(m, n) + M", "exact"),
    ("softplus(x)", "log(1 + exp(x))", "exact"), ("log1p(x)", "log(1 + x)", "exact"),
    ("expm1(x)", "exp(x) - 1", "exact"), ("arctan(-x)", "-arctan(x)", "exact"), ("erf(-x)", "-erf(x)", "exact"),
    ("arcsin(-x)", "-arcsin(x)", "exact"), ("x**0", "ones(n)", "exact"), ("p**(-2)", "1 / p**2", "exact"),
    ("det(ones(n, n))", "0", "exact"), ("(2 * p)**(1 / 3)", "2**(1 / 3) * p**(1 / 3)", "numeric"),
    ("max(c * ones(n))", "c", "exact"), ("norm(x, 3)", "sum(abs(x)**3)**(1 / 3)", "exact"),
])
def test_equalities(left, right, kind):
    found = verify_equal(read(left, LET), read(right, LET))
    assert found.verdict is True, found
    assert found.kind == kind, found
    assert numeric.decide(Problem(read(left, LET), "", read(right, LET), op="equal"), 0, 2).verdict is True


@pytest.mark.parametrize(("left", "right"), [
    ("sqrt(x**2)", "x"), ("abs(x)", "x"), ("relu(x)", "x"), ("A @ B", "B @ A"),
    ("exp(x + y)", "exp(x) + exp(y)"),
    ("max(x)", "x[0]"), ("norm(x)", "norm1(x)"), ("abs(x + y)", "abs(x) + abs(y)"), ("sign(x)", "step(x)"), ("sqrt((x * y)**2)", "x * y"),
    ("inv(A).T", "inv(A)"), ("tr(A @ B @ X)", "tr(B @ A @ X)"), ("sum(x)", "mean(x)"),
])
def test_inequalities(left, right):
    found = verify_equal(read(left, LET), read(right, LET))
    assert found.verdict is False, found


def test_a_root_has_two_values_and_wants_more_points():
    assert str(verify_equal(read("p**0.5 * p**0.5", LET), read("p", LET))) == "exact, 8 points"
    assert str(verify_equal(read("norm1(x)", LET), read("norm1(-x)", LET))) == "exact, 16 points"


def test_an_answer_with_a_smaller_domain_is_not_accepted():
    assert check("sum(abs(x))", "x", "x / sqrt(x)**2").verdict is not True
    assert check("sum(log(x**2))", "x", "2 * exp(-log(x))").verdict is not True
    assert verify_equal(read("log(x**2)", LET), read("2 * log(x)", LET)).verdict is not True
    assert verify_equal(read("log(x**2)", LET), read("2 * log(x) + 0.001", LET)).verdict is False


# --- points -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("seed", range(5))
def test_draws_have_their_properties(seed):
    words = ["symmetric", "skew", "diagonal", "lower", "upper", "orthogonal", "psd", "spd", "invertible", "positive", "simplex", "onehot",
             "diagonal positive", "spd diagonal", "symmetric positive", "symmetric orthogonal"]
    symbols = {f"X{i}": symbol(f"X{i}: matrix(n, n) {w}") for i, w in enumerate(words)}
    values, _ = draw(symbols, seed, {"n": 4})
    x = dict(zip(words, values.values(), strict=False))
    for word in ("symmetric", "psd", "spd", "symmetric positive", "symmetric orthogonal"):
        assert np.allclose(x[word], x[word].T)
    assert np.allclose(x["skew"], -x["skew"].T)
    assert np.any(x["skew"])
    assert np.allclose(x["diagonal"], np.diag(np.diag(x["diagonal"])))
    assert np.allclose(x["lower"], np.tril(x["lower"]))
    assert np.allclose(x["upper"], np.triu(x["upper"]))
    for word in ("orthogonal", "symmetric orthogonal"):
        assert np.allclose(x[word].T @ x[word], np.eye(4))
    assert np.linalg.eigvalsh(x["psd"]).min() > -1e-9
    assert np.linalg.eigvalsh(x["spd"]).min() > 0.1
    assert np.all(x["positive"] > 0)
    assert np.all(x["simplex"] > 0)
    assert np.allclose(x["simplex"].sum(axis=1), 1)
    assert np.allclose(np.sort(x["onehot"], axis=1)[:, -1], 1)
    assert np.allclose(x["onehot"].sum(axis=1), 1)
    assert np.linalg.cond(x["invertible"]) < 1e6
    assert not np.allclose(x["invertible"], x["invertible"].T)


def test_sizes_are_unequal_and_long_enough():
    _, sizes = draw(read("sum(W @ V) + sum(b)", LET))
    assert len(set(sizes.values())) == 3
    assert min(sizes.values()) >= 2
    _, sizes = draw(read("x[5] + sum(x[2:] * x[:-2])", LET))
    assert sizes["n"] > 5


def test_a_variable_that_is_used_nowhere():
    f = read("sum(x)", ["x: vector(n)"])
    assert verify(f, "A", read("zeros(n, n)", ["x: vector(n)"])).verdict is True
    assert verify(f, "A", read("ones(n, n)", ["x: vector(n)"])).verdict is False


def test_singular_for_ever_at_one_order_of_sizes():
    for f, answer in (("logdet(M.T @ M)", "2 * M @ inv(M.T @ M)"), ("logdet(M @ M.T)", "2 * inv(M @ M.T) @ M")):
        assert check(f, "M", answer).kind == "exact"


def test_literal_sizes():
    let = ["x: vector(3)", "A: matrix(3, 3)", "Z: matrix(1000, 1000)", "z: vector(1000)", "s: matrix(1, 1)"]
    assert verify(read("x.T @ A @ x", let), "x", read("(A + A.T) @ x", let)).verdict is True
    assert "too large" in verify(read("z.T @ Z @ z", let), "z", read("(Z + Z.T) @ z", let)).reason
    assert verify(read("sum(z)", let), "z", read("ones(1000)", let)).verdict is True


def test_a_matrix_function_in_many_directions_is_too_large_and_in_few_is_not():
    for n, reason in ((6, "too large to check"), (3, "the values differ")):
        let = [f"Y: matrix({n}, {n})"]
        found = verify(read(f"tr(logm(Y.T @ Y + eye({n})))", let), "Y", read(f"eye({n * n})", let), op="hessian")
        assert found.reason == reason


def test_the_largest_of_no_numbers_at_all_warns_nobody():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with np.errstate(all="ignore"):
            assert np.isnan(weights(np.full((2, 1), np.nan + 1j), (-2, -1), False)).all()


def test_deep_expressions_do_not_recurse():
    text = "x"
    for _ in range(50):
        text = f"tanh(A @ {text})"
    shared = "; ".join(f"h{i + 1} = tanh(h{i} + h{i} * h{i})" for i in range(1, 200))
    assert check(f"sum({text})", "b", "zeros(m)").verdict is True
    found = verify_equal(read(f"h200 where h1 = x; {shared}", LET), read(f"h200 where h1 = x; {shared}", LET))
    assert found.verdict is True


def test_evidence_in_words():
    assert str(Evidence("inconclusive", None, reason="a kink")) == "inconclusive: a kink"
    found = check("x.T @ A @ x", "x", "2 * A @ x")
    example = found.counterexample
    assert found.verdict is False
    assert set(example) >= {"sizes", "inputs", "entry", "got", "wanted"}
    i, j = example["entry"]
    x, a = np.array(example["inputs"]["x"]), np.array(example["inputs"]["A"])
    assert example["got"] == pytest.approx((2 * a @ x)[i, j])
    assert example["wanted"] == pytest.approx(((a + a.T) @ x)[i, j])


def test_a_counterexample_names_the_entry_of_a_jacobian():
    let = ["M: matrix(2, 3)"]
    wrong = "eye(6) + 0.5 * eye(6)[:, 4] @ eye(6)[1, :]"
    for layout, entry in (("numerator", (4, 1)), ("denominator", (4, 1))):
        found = numeric.decide(Problem(read("vec(M)", let), "M", read(wrong, let), op="jacobian", layout=layout), 0, 2)
        assert (found.verdict, found.points, found.counterexample["entry"]) == (False, 2, entry)


def test_no_size_is_long_enough_for_an_index_far_out():
    found = numeric.decide(Problem(read("x[5000]", LET), "x", read("x", LET)), 0, 2)
    assert str(found) == "inconclusive: no small sizes fit the expression"


def test_the_diagonal_of_two_rows():
    let = ["Z: matrix(2, 2)"]
    assert str(verify_equal(read("diag(Z)", let), read("vstack(Z[0, 0], Z[1, 1])", let))) == "exact, 3 points"


def test_the_same_seed_gives_the_same_evidence():
    assert check("tr(expm(X))", "X", "expm(X)", seed=4) == check("tr(expm(X))", "X", "expm(X)", seed=4)


def test_the_exact_path_imports_no_numpy_and_nothing_of_the_engine():
    code = ("import sys\nfrom tests.checker_helpers import read\nfrom matcalc.checker import verify\n"
            "let = ['A: matrix(n, n)', 'x: vector(n)']\n"
            "assert verify(read('x.T @ A @ x', let), 'x', read('(A + A.T) @ x', let)).kind == 'exact'\n"
            "loaded = {m for m in sys.modules if m.startswith('matcalc.')}\n"
            "print('numpy' in sys.modules, sorted(m for m in loaded if not m.startswith('matcalc.checker')))")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split(maxsplit=1)[0] == "False"
    assert out.split(maxsplit=1)[1].strip() == "['matcalc.dims', 'matcalc.errors', 'matcalc.syntax']"


@pytest.mark.parametrize(("left", "right"), [("det(X @ X)", "det(X)**2"), ("adj(X @ X)", "adj(X) @ adj(X)")])
def test_a_determinant_has_its_own_scale_at_even_and_odd_sizes(left: str, right: str) -> None:
    """Twice the determinant would still have twice the adjugate as its gradient."""
    one, other = (read(text, ["X: matrix(n, n)"]) for text in (left, right))
    found = verify_equal(one, other)
    assert (found.kind, found.verdict) == ("exact", True)


def test_a_jacobian_of_a_matrix_is_stacked_by_columns_where_it_is_measured() -> None:
    let = ["A: matrix(n, n)", "X: matrix(n, p)"]
    f, right, wrong = (read(text, let) for text in (
        "expm(A) @ X", "kron(eye(p), expm(A))", "kron(expm(A), eye(p))"))
    assert verify(f, "X", right, op="jacobian").verdict is True
    assert verify(f, "X", wrong, op="jacobian").verdict is False
