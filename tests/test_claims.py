"""Claims from textbooks, lecture notes and forums, right and wrong, each with the words that a teacher would find."""

from __future__ import annotations

import time

import numpy as np
import pytest

import matcalc as mc
from matcalc.claims import as_step
from tests.command_line import command_line

# what is differentiated, by what, declarations, the claim, what it is a claim about, and the first line of the verdict
CLAIMS = [
    ("x.T @ A @ x", "x", [], "2 * A @ x", "auto", "false: true only if A is symmetric; differs by (A.T - A) @ x"),
    ("x.T @ A @ x", "x", [], "(A + A.T) @ x", "auto", "true: exact, 3 points"),
    ("x.T @ A @ x", "x", ["A: matrix(n, n) symmetric"], "2 * A @ x", "auto", "true: exact, 3 points"),
    ("x.T @ A @ x", "x", [], "A @ x", "auto", "false: the term A.T @ x is missing"),
    ("x.T @ A @ x", "x", [], "x.T @ (A + A.T)", "auto", "false: it is transposed: a row, where the gradient is shaped like x"),
    ("x.T @ A @ x", "x", [], "A + A.T", "hessian", "true: exact, 3 points"),
    ("x.T @ A @ x", "x", [], "2 * A", "hessian", "false: true only if A is symmetric; differs by A.T - A"),
    ("a.T @ x", "x", ["a: vector(n)"], "a", "auto", "true: exact, 3 points"),
    ("a.T @ x", "x", ["a: vector(n)"], "a.T", "auto", "false: it is transposed: a row, where the gradient is shaped like x"),
    ("norm2sq(A @ x - b)", "x", [], "2 * A.T @ (A @ x - b)", "auto", "true: exact, 3 points"),
    ("norm2sq(A @ x - b)", "x", [], "A.T @ (A @ x - b)", "auto", "false: a factor 2 is missing"),
    ("norm2sq(A @ x - b)", "x", [], "2 * A.T @ (b - A @ x)", "auto", "false: the sign is wrong"),
    ("norm2sq(A @ x - b)", "x", [], "2 * A.T @ A @ x", "auto", "false: the term -2 * A.T @ b is missing"),
    ("norm2sq(A @ x - b)", "x", [], "2 * A.T @ A", "hessian", "true: exact, 3 points"),
    ("norm2sq(A @ x - b)", "x", [], "2 * A @ A.T", "hessian",
     "false: the shapes differ: the Hessian is matrix(n, n), the claim is matrix(m, m)"),
    ("norm2sq(X @ w - y) / (2 * n)", "w", ["X: matrix(n, d)", "w: vector(d)"], "X.T @ (X @ w - y) / n", "auto", "true: exact, 3 points"),
    ("norm2sq(X @ w - y) / n", "w", ["X: matrix(n, d)", "w: vector(d)"], "2 * X.T @ (X @ w - y)", "auto",
     "false: a factor 1 / n is missing"),
    ("norm(x)", "x", [], "x / norm(x)", "auto", "true: exact, 8 points"),
    ("norm(x)", "x", [], "2 * x", "auto", "false: differs by x / norm(x) - 2 * x"),
    ("norm(x)", "x", [], "eye(n) / norm(x) - x @ x.T / norm(x)**3", "hessian", "true: exact, 8 points"),
    ("logdet(X)", "X", [], "inv(X).T", "auto", "true: exact, 3 points"),
    ("logdet(X)", "X", [], "inv(X)", "auto", "false: it is transposed; true only if X is symmetric"),
    ("log(det(X))", "X", ["X: matrix(n, n) spd"], "inv(X)", "auto", "true: exact, 3 points"),
    ("logdet(X)", "X", ["X: matrix(n, n) symmetric"], "2 * inv(X) - diag(diagv(inv(X)))", "auto",
     'false: true with structure="independent"'),
    ("det(X)", "X", [], "det(X) * inv(X).T", "auto", "true: exact, 3 points"),
    ("det(X)", "X", [], "det(X) * inv(X)", "auto", "false: it is transposed; true only if X is symmetric"),
    ("tr(A @ X)", "X", [], "A.T", "auto", "true: exact, 3 points"),
    ("tr(A @ X)", "X", [], "A", "auto", "false: it is transposed"),
    ("tr(X.T @ X)", "X", [], "2 * X", "auto", "true: exact, 3 points"),
    ("tr(X.T @ A @ X)", "X", [], "2 * A @ X", "auto", "false: true only if A is symmetric; differs by (A.T - A) @ X"),
    ("tr(X.T @ A @ X @ B)", "X", [], "2 * A @ X @ B", "auto",
     "false: true only if A and B are symmetric; differs by A.T @ X @ B.T - A @ X @ B"),
    ("tr(A @ X @ B @ X.T)", "X", [], "A.T @ X @ B.T + A @ X @ B", "auto", "true: exact, 3 points"),
    ("a.T @ inv(X) @ b", "X", ["a: vector(n)", "b: vector(n)"], "-inv(X).T @ a @ b.T @ inv(X).T", "auto", "true: exact, 3 points"),
    ("a.T @ inv(X) @ b", "X", ["a: vector(n)", "b: vector(n)"], "-inv(X) @ a @ b.T @ inv(X)", "auto",
     "false: true only if X is symmetric; differs by inv(X) @ a @ b.T @ inv(X) - inv(X).T @ a @ b.T @ inv(X).T"),
    ("sum(log(1 + exp(-y * (X @ w))))", "w", ["w: vector(n)"], "-X.T @ (y * sigmoid(-y * (X @ w)))", "auto", "true: exact, 3 points"),
    ("sum(log(1 + exp(-y * (X @ w))))", "w", ["w: vector(n)"], "X.T @ (sigmoid(X @ w) - y)", "auto",
     "false: differs by X.T @ (y - y * sigmoid(-y * (X @ w)) - sigmoid(X @ w))"),
    ("sum(softplus(X @ w)) - y.T @ X @ w", "w", ["w: vector(n)"], "X.T @ diag(sigmoid(X @ w) * (1 - sigmoid(X @ w))) @ X", "hessian",
     "true: exact, 3 points"),
    ("logsumexp(z) - y.T @ z", "z", [], "softmax(z) - y", "auto", "true: exact, 3 points"),
    ("logsumexp(z) - y.T @ z", "z", [], "y - softmax(z)", "auto", "false: the sign is wrong"),
    ("softmax(z)", "z", [], "diag(softmax(z)) - softmax(z) @ softmax(z).T", "auto", "true: exact, 3 points"),
    ("softmax(z)", "z", [], "diag(softmax(z))", "auto", "false: the term -softmax(z) @ softmax(z).T is missing"),
    ("softmax(z)", "z", [], "diag(softmax(z) * (1 - softmax(z)))", "auto", "false: it takes only the diagonal of the Jacobian"),
    ("softmax(z)", "z", [], "softmax(z) * (1 - softmax(z))", "auto", "false: it takes only the diagonal of the Jacobian"),
    ("softmax(A @ x)", "x", [], "diag(softmax(A @ x) * (1 - softmax(A @ x))) @ A", "auto",
     "false: it takes only the diagonal of the outer Jacobian"),
    ("A @ softmax(x)", "x", [], "A @ diag(softmax(x) * (1 - softmax(x)))", "auto",
     "false: it takes only the diagonal of the inner Jacobian"),
    ("tanh(A @ x)", "x", [], "diag(1 - tanh(A @ x)**2) @ A", "auto", "true: exact, 3 points"),
    ("tanh(A @ x)", "x", [], "A.T @ diag(1 - tanh(A @ x)**2)", "auto", "false: true in denominator layout: it is transposed"),
    ("A @ x", "x", [], "A.T", "auto", "false: true in denominator layout: it is transposed"),
    ("sin(x)", "x", ["x: vector(n)"], "cos(x)", "auto", "false: its entries are right, but they stand on a diagonal: diag(cos(x))"),
    ("sum(relu(x))", "x", [], "step(x)", "auto", "true: exact, 16 points"),
    ("norm1(x)", "x", [], "sign(x)", "auto", "true: exact, 16 points"),
    ("sum(x)", "x", [], "ones(n)", "auto", "true: exact, 3 points"),
    ("(x - mu).T @ inv(Sigma) @ (x - mu)", "mu", ["mu: vector(n)"], "-2 * inv(Sigma) @ (x - mu)", "auto",
     "false: true only if Sigma is symmetric; differs by (inv(Sigma).T - inv(Sigma)) @ (mu - x)"),
    ("(x - mu).T @ inv(Sigma) @ (x - mu)", "x", ["mu: vector(n)"], "2 * inv(Sigma) @ (x - mu)", "auto",
     "false: true only if Sigma is symmetric; differs by (inv(Sigma).T - inv(Sigma)) @ (x - mu)"),
    ("A @ X @ B", "X", [], "kron(B.T, A)", "auto", "true: exact, 3 points"),
    ("A @ X @ B", "X", [], "kron(A, B.T)", "auto", "false: differs by kron(B.T, A) - kron(A, B.T)"),
    ("inv(X)", "X", [], "-kron(inv(X).T, inv(X))", "auto", "true: exact, 3 points"),
    ("x**3", "x", ["x: scalar"], "x**2", "auto", "false: a factor 3 is missing"),
    ("sum(exp(A @ x))", "x", [], "A.T @ exp(A @ x)", "auto", "true: exact, 3 points"),
    ("sum(exp(A @ x))", "x", [], "exp(A @ x)", "auto", "false: the factor A.T in front is missing"),
]


@pytest.mark.parametrize(("f", "wrt", "let", "claim", "of", "said"), CLAIMS, ids=[f"{c[3]} of {c[0]}" for c in CLAIMS])
def test_a_claim_is_judged(f: str, wrt: str, let: list[str], claim: str, of: str, said: str) -> None:
    judgement = mc.check(f, wrt, claim, let, of=of)
    assert judgement.lines()[0] == said
    assert judgement.holds is said.startswith("true")
    example = judgement.counterexample
    if example is not None:
        assert example.right != example.claimed
        known = {s.name for s in judgement.answer.reading.symbols}
        right = judgement.answer({n: v for n, v in example.inputs.items() if n in known})
        assert np.ravel(right) == pytest.approx(np.ravel(example.right), rel=1e-5)


def test_the_sample_is_large_and_mixed() -> None:
    assert len(CLAIMS) >= 50
    assert 20 < sum(c[5].startswith("true") for c in CLAIMS) < len(CLAIMS) - 20


def test_what_a_claim_needs_is_needed_and_enough() -> None:
    wrong = mc.check("tr(X.T @ A @ X @ B)", "X", "2 * A @ X @ B")
    assert wrong.holds_if == ("A and B are symmetric",)
    right = mc.check("tr(X.T @ A @ X @ B)", "X", "2 * A @ X @ B", ["A: symmetric", "B: symmetric"])
    assert right.holds is True
    assert mc.check("tr(X.T @ A @ X @ B)", "X", "2 * A @ X @ B", ["A: symmetric"]).holds is False


def test_the_command_says_it_in_one_line_with_a_counterexample() -> None:
    ran = command_line("check", "x.T A x", "--wrt", "x", "--claim", "2 A x")
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "false: true only if A is symmetric; differs by (A.T - A) @ x",
        "the gradient is (A + A.T) @ x",
        "for example, at x = [1, 0], A = [[0, 1], [0, 0]] it is [0, 1], and the claim says [0, 0]",
    ]


@pytest.mark.parametrize(("claim", "code", "said"), [
    ("(A + A.T) @ x", 0, "true: exact, 3 points"),
    ("2 A z", 2, ""),
    ("2 A x)", 2, ""),
    ("A.T @ A @ B", 2, ""),
])
def test_the_exit_code_of_a_claim(claim: str, code: int, said: str) -> None:
    ran = command_line("check", "x.T A x", "--wrt", "x", "--claim", claim)
    assert ran.code == code
    assert ran.out.strip() == said
    if code == 2:
        assert ran.fixes
        assert command_line.run_line(ran.fixes[0]).code in (0, 1)


def test_a_claim_fits_the_schema() -> None:
    import json

    ran = command_line("check", "x.T A x", "--wrt", "x", "--claim", "2 A x", "--to", "json")
    told = json.loads(ran.out)
    assert told["holds"] is False
    assert told["holds_if"] == ["A is symmetric"]
    assert told["counterexample"]["right"] == [0, 1]
    assert told["answer"] == "(A + A.T) @ x"


@pytest.mark.parametrize(("f", "claim", "written"), [
    ("sum(relu(x))", "x > 0", "step(x)"), ("sum(relu(x))", "0 < x", "step(x)"), ("sum(relu(A x))", "A.T (A x > 0)", "A.T step(A x)"),
    ("sum(relu(x - c))", "(x > c)", "step(x - (c))"), ("sum(abs(x))", "2 * (x > 0) - 1", "2 * step(x) - 1"),
    ("sum(relu(-x))", "-(0 >= x)", "-step(-(x))")])
def test_an_inequality_in_a_claim_is_a_step(f: str, claim: str, written: str) -> None:
    with pytest.raises(mc.ParseError) as caught:
        mc.check(f, "x", claim)
    assert f'claim="{written}")' in str(caught.value)
    assert mc.check(f, "x", written).holds is True


def test_two_inequalities_in_a_row_are_no_step() -> None:
    assert as_step("0 < x < 1") == as_step("x") == ""
    assert as_step("sum((x > 1), axis=0) * (y < x[1])") == "sum(step(x - (1)), axis=0) * step(x[1] - (y))"


@pytest.mark.parametrize("claim", ["kron(" * 9 + "A" + ", A)" * 9, "eye(k)"])
def test_a_claim_of_another_shape_is_never_multiplied_out(claim: str) -> None:
    begin = time.process_time()
    judgement = mc.check("x.T @ A @ x", "x", claim)
    assert judgement.holds is False
    assert time.process_time() - begin < 2


def test_the_fix_of_a_claim_is_a_whole_call() -> None:
    with pytest.raises(mc.MatcalcError) as caught:
        mc.check("x.T @ A @ x", "x", "A x + (x")
    assert 'fix: mc.check("x.T @ A @ x", wrt="x", claim="A x + (x)")' in str(caught.value)


@pytest.mark.parametrize(
    ("text", "wrt", "claim"),
    [
        (r"\operatorname{tr}(AXB)", "X", "(BA)^T"),
        (r"\operatorname{tr}(AXB)", "X", "A.T @ B.T"),
        ("(Ax-b)'(Ax-b)", "x", "2A'(Ax-b)"),
        ("x'*A*x + b'*x", "x", "A*x + A'*x + b"),
        ("x'*A*x", "x", "(A + A.T) @ x"),
        ("c*trace(A'*X)", "X", "A*c"),
    ],
)
def test_a_claim_is_read_in_the_notation_of_its_expression(text, wrt, claim):
    assert mc.check(text, wrt=wrt, claim=claim).holds
