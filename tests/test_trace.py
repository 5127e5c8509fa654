"""mc.from_function: the expression equals the function at other sizes; what cannot be read off is refused with words."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc import autograd as ag
from matcalc.autograd import Variable
from matcalc.errors import DomainError, MatcalcError, NotSupported

SIZES = {"n": 4, "m": 3, "k": 2, "h": 5, "d": 6}, {"n": 2, "m": 5, "k": 4, "h": 3, "d": 1}
A, AX, XY = ["A: matrix(n, n)"], ["A: matrix(n, n)", "x: vector(n)"], ["x: vector(n)", "y: vector(n)"]
M, MX, LS = ["X: matrix(m, n)"], ["X: matrix(m, n)", "w: vector(n)", "y: vector(m)"], ["A: matrix(m, n)", "x: vector(n)", "b: vector(m)"]
X = ["x: vector(n)"]
CLASSES = ["X: matrix(m, n)", "W: matrix(n, k)", "Y: matrix(m, k)"]
NETWORK = ["X: matrix(m, n)", "W: matrix(n, h)", "b: vector(h)", "U: matrix(h, k)", "c: vector(k)"]

CASES: list[tuple[str, Callable[..., Any], Sequence[str], str]] = [
    ("least squares", lambda A, x, b: ((A @ x - b) ** 2).sum(), LS, "sum((A @ x - b)**2)"),
    ("mean squares", lambda A, x, b: ((A @ x - b) ** 2).mean(), LS, "sum((A @ x - b)**2) / m"),
    ("logistic", lambda X, w, y: ag.log(1 + ag.exp(-y * (X @ w))).sum(), MX, "sum(log(exp(-y * (X @ w)) + 1))"),
    ("softplus", lambda X, w, y: ag.softplus(-y * (X @ w)).mean(), MX, "sum(softplus(-y * (X @ w))) / m"),
    ("cross-entropy", lambda X, W, Y: (ag.logsumexp(X @ W, axis=1) - (Y * (X @ W)).sum(axis=1)).mean(), CLASSES, ""),
    ("softmax", lambda X, W, Y: -(Y * ag.log(ag.softmax(X @ W))).sum() / X.shape[0], CLASSES, "-sum(Y * log(softmax(X @ W))) / m"),
    ("attention", lambda Q, K, V: ag.softmax(Q @ K.T / np.sqrt(Q.shape[1])) @ V,
     ["Q: matrix(m, d)", "K: matrix(k, d)", "V: matrix(k, h)"], "softmax(Q @ K.T / sqrt(d)) @ V"),
    ("network", lambda X, W, b, U, c: ag.tanh(X @ W + b) @ U + c, NETWORK, "tanh(X @ W + b.T) @ U + c.T"),
    ("one input", lambda x, W, b: ag.tanh(W @ x + b).sum(), ["x: vector(n)", "W: matrix(h, n)", "b: vector(h)"], "sum(tanh(W @ x + b))"),
    ("Rosenbrock", lambda x: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(), X, ""),
    ("norm", ag.norm, X, "sqrt(norm2sq(x))"),
    ("3-norm", lambda x: ag.norm(x, 3), X, "sum(abs(x)**3)**(1 / 3)"),
    ("unit", lambda x: x / ag.norm(x), X, "x / sqrt(norm2sq(x))"),
    ("deviation", lambda x: ((x - x.mean()) ** 2).mean() ** 0.5, X, "sqrt(sum((x - sum(x) / n)**2) / n)"),
    ("column means", lambda X: X.mean(axis=0), M, "sum(X, axis=0).T / m"),
    ("centred", lambda X: ((X - X.mean(axis=0)) ** 2).sum(), M, "sum((X - sum(X, axis=0) / m)**2)"),
    ("covariance", lambda X: (X - X.mean(axis=0)).T @ (X - X.mean(axis=0)) / X.shape[0], M, ""),
    ("rows of length 1", lambda X: X / ag.sqrt((X**2).sum(axis=1, keepdims=True)), M, "X / (sqrt(sum(X**2, axis=1)) @ ones(1, n))"),
    ("distances", lambda X: (X**2).sum(axis=1).reshape(-1, 1) - 2 * X @ X.T + (X**2).sum(axis=1), M, ""),
    ("quadratic", lambda A, x: x @ A @ x, AX, "x.T @ A @ x"),
    ("Rayleigh", lambda A, x: (x @ A @ x) / (x @ x), AX, "x.T @ A @ x / sum(x**2)"),
    ("Gauss", lambda A, x: ag.logdet(A) + x @ ag.inv(A) @ x, AX, "logdet(A) + x.T @ inv(A) @ x"),
    ("shifted", lambda A: ag.logdet(A + 2 * np.eye(A.shape[0])), A, "logdet(A + 2 * eye(n))"),
    ("power", lambda A: ag.mpow(A, 3), A, "mpow(A, 3)"),
    ("row maxima", lambda X: ag.max(X, axis=1).sum(), M, "sum(max(X, axis=1))"),
    ("column minima", lambda X: ag.min(X, axis=0), M, "min(X.T, axis=1)"),
    ("largest", lambda X: ag.max(X), M, "max(vec(X.T))"),
    ("softmax of a vector", ag.softmax, X, "softmax(x)"),
    ("softmax of columns", lambda X: ag.softmax(X, axis=0), M, "softmax(X.T).T"),
    ("logsumexp of a vector", ag.logsumexp, X, "logsumexp(x)"),
    ("entries", lambda x: x[0] * x[-1] + x[1:].sum(), X, "x[0] * x[-1] + sum(x[1:])"),
    ("rows", lambda X: X[0] @ X[-1], M, ""),
    ("columns", lambda X: X[:, 0] @ X[:, 1], M, "X[:, 0].T @ X[:, 1]"),
    ("scaled rows", lambda x, A: x.reshape(-1, 1) * A, ["x: vector(m)", "A: matrix(m, n)"], "x @ ones(1, n) * A"),
    ("scaled columns", lambda x, A: A * x, ["x: vector(n)", "A: matrix(m, n)"], "A * (ones(m) @ x.T)"),
    ("powers of numbers", lambda x, y: (x**2.5).sum() + (2.0**y).sum(), XY, ""),
    ("trigamma", lambda x: ag.polygamma(1, x).sum(), X, "sum(polygamma(1, x))"),
    ("Kronecker", lambda X, A: ag.kron(X, A), ["X: matrix(m, n)", "A: matrix(k, h)"], "kron(X, A)"),
    ("joined", lambda x, y: ag.concatenate([x, y, x]), XY, "kron(eye(3)[:, 0], x) + kron(eye(3)[:, 1], y) + kron(eye(3)[:, 2], x)"),
    ("stacked", lambda x, y: ag.stack([x, y]) @ x, XY, ""),
    ("side by side", lambda X: ag.hstack([X, 2 * X]).sum(axis=0), M, ""),
    ("clipped", lambda x: x.clip(0.5, 1.0).sum(), X, "sum(minimum(maximum(x, 1 / 2), 1))"),
    ("variance", lambda x: np.var(x), X, "sum((x - sum(x) / n)**2) / n"),
    ("spread of columns", lambda X: X.std(axis=0), M, ""),
    ("nuclear", lambda X: ag.nuclear(X), M, "nuclear(X)"),
    ("numbers", lambda x: 3 * x.sum() + 4 * (x * x).sum() + 0.25, X, "3 * sum(x) + 4 * sum(x**2) + 1 / 4"),
    ("a fifth", lambda x: x.sum() / 5, X, "sum(x) / 5"),
]


def values(let: Sequence[str], sizes: dict[str, int]) -> dict[str, Any]:
    """Arrays of our own for the declared names."""
    rng = np.random.default_rng(1)
    found: dict[str, Any] = {}
    for line in let:
        name, kind = line.split(": ")
        dims = kind[kind.index("(") + 1:-1].split(", ")
        array = 0.2 + rng.uniform(size=[sizes[d] for d in dims])
        found[name] = array + 2 * np.eye(len(array)) if dims == ["n", "n"] else array
    return found


@pytest.mark.parametrize(("f", "let", "text"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_the_expression_is_the_function(f: Callable[..., Any], let: Sequence[str], text: str) -> None:
    e = mc.from_function(f, let)
    assert not text or str(e) == text
    for sizes in SIZES:
        given = values(let, sizes)
        wanted = f(*(Variable(v) for v in given.values())).value
        assert np.allclose(np.ravel(mc.evaluate(e, given)), np.ravel(wanted), rtol=1e-12)


def test_its_gradient_is_that_of_the_function() -> None:
    def loss(A: Any, x: Any, b: Any) -> Any:
        return ((A @ x - b) ** 2).mean()

    d = mc.grad(mc.from_function(loss, LS), "x")
    assert str(d) == "2 / m * A.T @ (A @ x - b)"
    given = values(LS, SIZES[0])
    assert np.allclose(d(given), ag.grad(loss, 1)(*given.values()))


def test_examples_instead_of_declarations() -> None:
    e = mc.from_function(lambda A, x: A @ x, A=np.ones((3, 2)), x=np.ones(2))
    assert str(e) == "A @ x"
    assert str(mc.from_function(lambda a, x: a * x, ["x: vector(n)"], a=2.0)) == "a * x"


REFUSED: list[tuple[Callable[..., Any], Sequence[str], type[MatcalcError], str]] = [
    (lambda x: sum(x[i] ** 2 for i in range(len(x))), X, NotSupported, "something else at other sizes"),
    (lambda x: x.sum() if len(x) < 5 else (x * x).sum(), X, NotSupported, "something else at other sizes"),
    (lambda x: x @ np.arange(float(len(x))), X, NotSupported, "array of numbers stands inside"),
    (lambda x: x[: len(x) // 2].sum(), X, NotSupported, "depends on its sizes"),
    (lambda x: x.sum() / (len(x) - 1), X, NotSupported, "depends on its sizes"),
    (lambda x: x[[0, 0]].sum(), X, NotSupported, "picked by a list"),
    (lambda x: x[::2].sum(), X, NotSupported, "picked by a list"),
    (lambda x: ag.where([True], x, 0.0).sum(), X, NotSupported, "mask has no formula"),
    (lambda x: ag.concatenate([x, [1.0]]).sum(), X, NotSupported, "blocks of shapes"),
    (lambda x: ag.where(x > 0, ag.log(x), 0.0).sum(), X, NotSupported, "log has not"),
    (lambda x: ag.where(x > 0, 1 / x, 0.0).sum(), X, NotSupported, "a quotient has not"),
    (lambda x: x[x > 1], X, NotSupported, "picked by a condition"),
    (lambda A: ag.einsum("ij,ij", A, A), A, NotSupported, "einsum has no formula"),
    (lambda x: (x == 1.0) * x, X, NotSupported, "=="),
    (lambda x: ((x > 0) + (x > 1)) * x, X, NotSupported, "no numbers"),
    (lambda x: (x > 0).argmax() * x, X, NotSupported, "no argmax"),
    (lambda x: x.sum() * np.random.default_rng().uniform(), X, NotSupported, "drawn at random"),
    (3, X, DomainError, "reads a Python function"),
    (lambda x: (x**x).sum(), X, NotSupported, "exponent for each entry"),
    (lambda X: (X.reshape(1, *X.shape) * X).sum(), M, NotSupported, "reshape"),
    (lambda x: 3.0, X, DomainError, "must return what it computed"),
    (lambda x, y: x @ y, X, DomainError, "nothing is known of the argument y"),
]


@pytest.mark.parametrize(("f", "let", "error", "words"), REFUSED, ids=[str(i) for i in range(len(REFUSED))])
def test_refusals(f: Callable[..., Any], let: Sequence[str], error: type[MatcalcError], words: str) -> None:
    with pytest.raises(error, match=words):
        mc.from_function(f, let)


def under_no_grad(x: Any) -> Any:
    with ag.no_grad():
        return x * 2.0


KEPT: list[Callable[..., Any]] = [
    lambda x: math.exp(x) * x, lambda x: float(x) * x, lambda x: int(x) * x, lambda x: x.item() * x, lambda x: x.value * x,
    lambda x: math.floor(x) * x, lambda x: x.tolist() * x, lambda x: x.detach() * x, lambda x: under_no_grad(x) * x,
    lambda x: complex(x).real * x, lambda x: float(f"{x:.9f}") * x, lambda x: np.isfinite(x) * x, lambda x: np.argmax(x.reshape(1)) * x,
    lambda x: x if x > 0 else -x, lambda x: x if x else -x, lambda x: max(x, 0.0), lambda x: x * (2.0 if x > 0 and x < 9 else 1.0)]


@pytest.mark.parametrize("f", KEPT, ids=[str(i) for i in range(len(KEPT))])
def test_a_value_never_stays_in_the_formula(f: Callable[..., Any]) -> None:
    with pytest.raises(MatcalcError, match=r"constant|branch|depends on the values"):
        mc.from_function(f, ["x: scalar"])


def test_constants_from_outside_stay() -> None:
    c = Variable(3.0)
    assert str(mc.from_function(lambda x: x * c.item() + c.value * math.exp(0.0) + float(c), X)) == "3 * x + 6"
    with ag.no_grad():
        assert str(mc.from_function(lambda x: x @ x, X)) == "sum(x**2)"
    assert str(mc.from_function(lambda x: x * ag.grad(lambda y: x * y * y)(2.0), ["x: scalar"])) == "4 * x**2"


def test_a_choice_holds_on_both_sides() -> None:
    for f in (lambda x, y: ag.where(x > 0, x * x, y).sum(), lambda x, y: ag.where((x >= y) & ~(y < 0.0), x, 2.0 * y).sum(),
              lambda x, y: ((x <= 0.0) | (y > 1.0)) * x @ y, lambda x, y: (x > y).sum() * 1.0,
              lambda x, y: (x * (1.0 - (x > 0)) + (y > 0)).sum()):
        e = mc.from_function(f, XY)
        for seed in range(5):
            x, y = np.random.default_rng(seed).normal(size=(2, 4))
            assert mc.evaluate(e, {"x": x, "y": y}) == pytest.approx(float(f(Variable(x), Variable(y)) * 1.0))


def test_a_function_is_not_hidden_by_a_module() -> None:
    """autograd.trace is the trace, also after a formula was read off."""
    ask = "import matcalc as mc; from matcalc import autograd as ag; mc.from_function(lambda A: A @ A, ['A: matrix(n, n)']); " \
          "print(ag.trace([[1.0, 2.0], [3.0, 4.0]]))"
    ran = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent)
    assert ran.stdout == "5.0\n", ran.stderr


@pytest.mark.parametrize("number", [lambda m, n: n / m, lambda m, n: n - m, lambda m, n: n // m, lambda m, n: m + n])
def test_a_number_made_of_two_sizes_is_not_taken_for_a_constant(number: Callable[[int, int], float]) -> None:
    with pytest.raises(NotSupported, match=r"depends on its sizes|something else"):
        mc.from_function(lambda X: X.sum() * number(*X.shape), M)
    with pytest.raises(NotSupported, match=r"depends on its sizes|something else"):
        mc.from_function(lambda X, W: X.sum() * number(*X.shape) * number(*W.shape), ["X: matrix(m, n)", "W: matrix(k, h)"])


def test_a_matrix_of_one_column_is_not_a_vector() -> None:
    column = np.array([[1.0], [2.0]])
    e = mc.from_function(lambda X: X @ X.T, ["X: matrix(n, 1)"])
    assert mc.evaluate(e, {"X": column}) == pytest.approx(column @ column.T)
    e = mc.from_function(lambda X, y: X + y, ["X: matrix(n, 1)", "y: vector(n)"])
    assert mc.evaluate(e, {"X": column, "y": [3.0, 5]}) == pytest.approx(column + np.array([3.0, 5]))


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_number_that_is_none(number: float) -> None:
    with pytest.raises(NotSupported, match="a number in the function"):
        mc.from_function(lambda x: x * number, X)
