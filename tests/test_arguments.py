"""Python functions in place of text: kinds by the names of the arguments, sizes by what fits, and refusals where it could be two things."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_overloads

import numpy as np
import pytest

import matcalc as mc
from matcalc import api
from matcalc.answer import Answer, Answers
from matcalc.autograd import norm, softmax, tanh

F = Callable[..., Any]


def annotated(x: "vector(n)", A: "matrix(n, n) symmetric", lam: float, scale: float = 2.0) -> Any:  # noqa: F722, F821, UP037
    return lam * (x @ A @ x) + scale * (x @ x)


@pytest.mark.parametrize(("f", "wrt", "answer"), [
    (lambda x, A: x.T @ A @ x, "x", "(A + A.T) @ x"),
    (lambda x, A: x @ A @ x, "x", "(A + A.T) @ x"),
    (lambda x, A, b: norm(A @ x - b) ** 2, "x", "2 * A.T @ (A @ x - b)"),
    (lambda x, A, b: ((A @ x - b) ** 2).sum(), "A", "2 * (A @ x - b) @ x.T"),
    (lambda X: np.trace(X @ X), "X", "2 * X.T"),
    (lambda x, c: c * (x @ x), "x", "2 * c * x"),
    (lambda a, b, x: (a @ x) * (b @ x), "x", "(b.T @ x) * a + (a.T @ x) * b"),
    (lambda X, w, y: np.mean((X @ w - y) ** 2), "w", "2 / m * X.T @ (X @ w - y)"),
    (annotated, "x", "2 * lam * A @ x + 4 * x"),
])
def test_gradients(f: F, wrt: str, answer: str) -> None:
    d = mc.grad(f, wrt)
    assert d.equals(answer)
    assert str(d.check()).startswith("exact")


def test_it_is_the_function_that_was_written() -> None:
    """The formula and the function have the same values, so that no size was taken for another."""
    def f(W1: Any, W2: Any, x: Any, y: Any) -> Any:
        return ((y - W2 @ tanh(W1 @ x)) ** 2).sum()

    rng = np.random.default_rng(0)
    values = {"W1": rng.normal(size=(4, 3)), "W2": rng.normal(size=(2, 4)), "x": rng.normal(size=3), "y": rng.normal(size=2)}
    assert np.isclose(mc.evaluate(f, values), float(f(**values)))


def test_every_verb_takes_a_function() -> None:
    assert str(mc.hessian(lambda x, A: x @ A @ x, "x")) == "A + A.T"
    assert str(mc.jacobian(lambda x, A: tanh(A @ x), "x")) == str(mc.jacobian("tanh(A x)", "x"))
    assert mc.check(lambda x: x @ x, "x", "2 x").holds
    assert str(mc.simplify(lambda A: A + A)) == "2 * A"
    assert str(mc.parse(lambda x, A: x @ A @ x)) == "x.T @ A @ x"
    assert len(mc.vjp(lambda Q, K, V: softmax(Q @ K.T) @ V, ["Q", "K", "V"])) == 3


def test_declarations_are_taken() -> None:
    assert str(mc.grad(lambda x, A: x @ A @ x, "x", let=["A: symmetric"])) == "2 * A @ x"
    assert mc.grad(lambda A: np.trace(A @ A), "A", let=["A: matrix(3, 3)"]).reading.symbols[0].shape == (3, 3)
    assert str(mc.grad(lambda b: b.sum(), "b", let=["b: vector(n)"])) == "ones(n)"


def test_declarations_by_name() -> None:
    assert str(mc.grad("x.T A x", "x", let={"A": "symmetric"})) == "2 * A @ x"
    assert str(mc.simplify("A.T + B", {"A": "symmetric", "B": "matrix(n, n)"})) == "A + B"


@pytest.mark.parametrize(("name", "meant"), [("gradient", "grad"), ("hess", "hessian")])
def test_a_name_that_is_not_there(name: str, meant: str) -> None:
    with pytest.raises(AttributeError, match=f"did you mean mc.{meant}"):
        getattr(mc, name)
    assert not hasattr(mc, "_nothing")


def test_what_was_assumed_is_said() -> None:
    d = mc.grad(lambda x, A: x @ A @ x, "x")
    assert {s.name: s.shape for s in d.reading.assumed} == {"x": ("n", 1), "A": ("n", "n")}


@pytest.mark.parametrize(("f", "error"), [
    (lambda b: b.sum(), "b may be a number or a vector"),
    (lambda *x: x[0], "*args"),
    (lambda x, A: A @ x + x[:2], "do not fit together"),
    (lambda x: "x", "must return what it computed"),
    (lambda a, b, c, d, e, x: (a + b + c + d + e) * (x @ x), "a may be a number or a vector"),
    (lambda A, B, C, D, x: x @ A @ B @ C @ D @ x, "too many to be found out"),
    (lambda z: z @ z, "x is not in the expression"),
    (lambda x: x, "grad needs a scalar"),
    (dict, "does not say the names of its arguments"),
])
def test_refusals(f: F, error: str) -> None:
    with pytest.raises(mc.MatcalcError) as refused:
        mc.grad(f, "x")
    assert error in str(refused.value)


def test_a_fix_has_the_function_and_not_its_text() -> None:
    def loss(x: Any, A: Any) -> Any:
        return x @ A @ x

    for f, name in ((loss, "loss"), (lambda x, A: x @ A @ x, "f")):
        with pytest.raises(mc.MatcalcError, match="which variable") as refused:
            mc.grad(f)
        assert {fix.split(": ")[1] for fix in str(refused.value).splitlines()[1:]} == {f'mc.grad({name}, wrt="{v}")' for v in "xA"}


def test_a_number_is_no_expression() -> None:
    with pytest.raises(mc.MatcalcError, match="3 is a number, and no expression"):
        mc.grad(3, "x")


def test_an_error_of_the_function_itself_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        mc.grad(lambda x: x @ x / 0 * (1 // 0), "x")


def test_an_answer_is_differentiated_again() -> None:
    assert str(mc.jacobian(mc.grad("x.T A x + b.T x", "x"), "x")) == "A + A.T"
    assert str(mc.jacobian(mc.grad("b.T x + sum(b)", "x"), "b")) == "eye(n)"


def test_what_a_prompt_and_an_editor_show() -> None:
    assert repr(mc.parse("x.T A x")) == "<x.T @ A @ x>"
    assert repr(mc.grad("x.T A x", "x")) == "<grad: (A + A.T) @ x>"
    shown = {rule.name: repr(rule) for rule in mc.rules()}
    assert shown["inv"].startswith("<function inv: inv(X: matrix(n, n)) -> matrix(n, n)")
    assert shown["trace-gram"] == "<normal trace-gram: tr(A.T @ A) -> norm2sq(A)>"
    compiled = mc.grad("x.T A x", "x").compile()
    assert (compiled.__name__, compiled.__doc__.splitlines()[0]) == ("grad", "(A + A.T) @ x")
    for verb in ("grad", "jacobian", "hvp", "differential", "jvp", "vjp"):
        several, one = get_overloads(getattr(api, verb))
        assert (several.__annotations__["return"], one.__annotations__["return"]) == (Answers.__name__, Answer.__name__)
