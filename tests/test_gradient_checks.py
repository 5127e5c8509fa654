"""mc.gradcheck: right gradients pass, wrong ones are found with their likely mistake, kinks are inconclusive."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.autograd import Variable, grad, relu, tanh
from matcalc.errors import DomainError, MatcalcError, ShapeError
from matcalc.gradient_checks import _jitter

RNG = np.random.default_rng(0)
A = RNG.normal(size=(4, 4))
B = RNG.normal(size=(3, 4))
X = RNG.normal(size=4)


def quadratic(x: Any) -> Any:
    return x @ A @ x


# ---------------------------------------------------------------- right ones
RIGHT: list[tuple[Callable[..., Any], Any, Callable[..., Any] | None]] = [
    (quadratic, X, None), (quadratic, X, lambda x: (A + A.T) @ x), (lambda x: (quadratic(x), (A + A.T) @ x), X, None),
    (lambda x: (tanh(B @ x) ** 2).sum(), X, None), (lambda x: (relu(x) ** 2).sum(), X, None),
    (lambda x: np.sum(np.abs(x)), X, np.sign), (np.max, X, lambda x: np.eye(4)[np.argmax(x)]),
    (lambda x: np.linalg.norm(x), X, lambda x: x / np.linalg.norm(x)), (lambda s: s**3, 2.0, lambda s: 3 * s**2), (lambda s: s**3, 2.0,
    None),
    (lambda W, x: ((W @ x) ** 2).sum(), (B, X), None), (lambda W, x: ((W @ x) ** 2).sum(), [B, X], None),
    (lambda W, x: ((W @ x) ** 2).sum(), (B, X), lambda W, x: (2 * np.outer(W @ x, x), 2 * W.T @ W @ x)),
    (lambda W, x: ((W @ x) ** 2).sum(), {"W": B, "x": X}, None),
    (lambda W, x: ((W @ x) ** 2).sum(), {"W": B, "x": X}, lambda W, x: {"W": 2 * np.outer(W @ x, x), "x": 2 * W.T @ W @ x}),
    (lambda x: np.linalg.slogdet(x @ x.T)[1], B, lambda x: 2 * np.linalg.pinv(x).T), (lambda x: 3.0, X, lambda x: np.zeros(4)),
    (lambda x: (x[::-1] * x).sum(), [1.0, 2.0, 3.0], None),
    (lambda x, y: x.sum() + y @ y, (np.zeros((2, 0)), X), lambda x, y: (np.ones((2, 0)), 2 * y)),
    (lambda x: math.log(x), 0.1, lambda x: 1 / x),
]


@pytest.mark.parametrize(("f", "inputs", "gradient"), RIGHT, ids=[str(i) for i in range(len(RIGHT))])
def test_right(f: Callable[..., Any], inputs: Any, gradient: Callable[..., Any] | None) -> None:
    found = mc.gradcheck(f, inputs, gradient)
    assert found.verdict is True, str(found)
    assert bool(found)
    assert str(found).startswith("right: ")


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e3, 1e6])
def test_scales(scale: float) -> None:
    for c, x in [(scale, X), (1.0, scale * X), (scale, X / scale)]:
        for method in ("auto", "stencil"):
            def f(v: Any, c: float = c) -> Any:
                return c * (v @ A @ v)

            assert mc.gradcheck(f, x, lambda v, c=c: c * (A + A.T) @ v, method=method).verdict is True
            assert mc.gradcheck(f, x, lambda v, c=c: c * 2 * A @ v, method=method).verdict is False
            assert mc.gradcheck(f, x, lambda v, c=c: 1.01 * c * (A + A.T) @ v, method=method).verdict is False


# ---------------------------------------------------------------- wrong ones
SQUARE = RNG.normal(size=(3, 3))
WRONG: list[tuple[str, Callable[..., Any], Any, Callable[..., Any]]] = [
    ("a transpose is missing", quadratic, X, lambda x: 2 * A @ x),
    ("it is transposed", lambda x: np.trace(SQUARE @ x), SQUARE, lambda x: SQUARE),
    ("it is 0.5 times", quadratic, X, lambda x: 0.5 * (A + A.T) @ x),
    ("the sign is wrong", quadratic, X, lambda x: -(A + A.T) @ x),
    ("the same number in every entry, 1", lambda x: x @ x + x.sum(), X, lambda x: 2 * x),
    ("times the input itself", lambda x: (x**3).sum() + 0.5 * x @ x, X, lambda x: 3 * x**2),
    ("1 of 4 entries are wrong", quadratic, X, lambda x: (A + A.T) @ x + np.array([0, 0, 1e-3, 0])),
    ("not finite", quadratic, X, lambda x: np.full(4, np.nan)),
    ("no simple form", lambda x: np.sin(x).sum() + x @ x, X, lambda x: np.cos(x) + x**2),
]


@pytest.mark.parametrize("method", ["auto", "stencil"])
@pytest.mark.parametrize(("words", "f", "inputs", "gradient"), WRONG, ids=[w[0] for w in WRONG])
def test_wrong(words: str, f: Callable[..., Any], inputs: Any, gradient: Callable[..., Any], method: str) -> None:
    found = mc.gradcheck(f, inputs, gradient, method=method)
    assert found.verdict is False
    assert not found
    assert words in str(found)
    assert str(found).startswith("wrong: at x")


def test_one_wrong_entry_of_many_is_always_found() -> None:
    a = RNG.normal(size=(30, 30)) / 30
    x = RNG.normal(size=(30, 30))

    def right(x: Any) -> Any:
        return (a + a.T) @ x

    assert mc.gradcheck(lambda x: np.sum(x * (a @ x)), x, right)
    for i, j in [(0, 0), (29, 29), (7, 19)]:
        def wrong(x: Any, at: tuple[int, int] = (i, j)) -> Any:
            g = right(x)
            g[at] += 1e-4
            return g

        found = mc.gradcheck(lambda x: np.sum(x * (a @ x)), x, wrong)
        assert found.verdict is False
        assert found.position == (i, j)
        assert "1 of 900 entries" in found.mistake


def test_the_wrong_argument_is_named() -> None:
    found = mc.gradcheck(lambda W, x: ((W @ x) ** 2).sum(), (B, X), lambda W, x: (np.outer(W @ x, x), 2 * W.T @ W @ x))
    assert found.argument == "W"
    assert "0.5 times" in found.mistake
    found = mc.gradcheck(lambda W, x: ((W @ x) ** 2).sum(), {"W": B, "x": X}, lambda W, x: {"W": 2 * np.outer(W @ x, x),
        "x": -2 * W.T @ W @ x})
    assert found.argument == "x"


def test_parts_by_name_may_come_in_any_order() -> None:
    assert mc.gradcheck(lambda W, x: ((W @ x) ** 2).sum(), {"x": X, "W": B}, None).verdict is True
    found = mc.gradcheck(lambda W, x: ((W @ x) ** 2).sum(), {"W": B, "x": X}, lambda W, x: {"x": 2 * W.T @ W @ x,
        "W": 2 * np.outer(W @ x, x)})
    assert found.verdict is True


# ---------------------------------------------------------------- kinks, and how it is measured
@pytest.mark.parametrize(("f", "x", "gradient"), [
    (lambda x: np.maximum(x, 0).sum(), [1.0, 0.0], lambda x: (x > 0) * 1.0),
    (lambda x: np.abs(x).sum(), [0.0, 1.0], np.sign),
    (np.max, [1.0, 1.0, 0.0], lambda x: np.array([0.5, 0.5, 0.0])),
    (lambda x: np.linalg.norm(x), [0.0, 0.0], lambda x: x),
    (lambda x: relu(x).sum(), [1.0, 0.0], None),
], ids=["relu", "abs", "max", "norm", "Variables"])
def test_kinks_are_inconclusive(f: Callable[..., Any], x: list[float], gradient: Callable[..., Any] | None) -> None:
    found = mc.gradcheck(f, x, gradient)
    assert found.verdict is None, str(found)
    assert "kink" in str(found)


def test_a_kink_does_not_hide_a_wrong_entry() -> None:
    assert mc.gradcheck(lambda x: np.abs(x).sum(), [0.0, 1.0], lambda x: -np.sign(x)).verdict is False


def test_the_complex_step_where_it_holds() -> None:
    assert mc.gradcheck(quadratic, X).method == "4-point stencil" or mc.gradcheck(quadratic, X).error < 1e-9
    assert mc.gradcheck(lambda x: np.sum(np.sin(x)), X, np.cos).method == "complex step"
    assert mc.gradcheck(lambda x: np.sum(np.abs(x)), X, np.sign).method == "4-point stencil"
    assert mc.gradcheck(lambda x: np.sum(x * np.conj(x)).real, X, lambda x: 2 * x).method == "4-point stencil"
    assert mc.gradcheck(lambda x: float(np.sum(x**2).real), X, lambda x: 2 * x).method == "4-point stencil"
    assert mc.gradcheck(lambda x: np.sum(np.sin(x)), X, np.cos, method="stencil").method == "4-point stencil"
    assert mc.gradcheck(lambda x: np.sum(np.sin(x)), X, lambda x: np.cos(x) * (1 + 1e-7)).verdict is False


def test_functions_of_the_engine() -> None:
    d = mc.grad("norm2sq(A @ x)", wrt="x")
    assert mc.gradcheck(lambda x: np.sum((A @ x) ** 2), X, lambda x: d(A=A, x=x))
    assert mc.gradcheck(lambda x: np.sum((A @ x) ** 2), X, grad(lambda x: ((A @ x) ** 2).sum()))
    assert mc.gradcheck(lambda x: ((A @ x) ** 2).sum(), Variable(X))


def test_inputs_are_left_alone() -> None:
    x = X.copy()

    def rude(v: Any) -> Any:
        return np.sum(v**2)

    mc.gradcheck(rude, x, lambda v: 2 * v)
    assert (x == X).all()


# ---------------------------------------------------------------- errors
@pytest.mark.parametrize(("call", "error"), [
    (lambda: mc.gradcheck(lambda x: x * 2, X, lambda x: x), ShapeError),
    (lambda: mc.gradcheck(lambda x: x * 2, X), ShapeError),
    (lambda: mc.gradcheck(quadratic, X, lambda x: x[:2]), ShapeError),
    (lambda: mc.gradcheck(lambda x: np.sum(x), B, lambda x: np.ones((4, 3))), ShapeError),
    (lambda: mc.gradcheck(lambda a, b: a * b, (1.0, 2.0), lambda a, b: b), ShapeError),
    (lambda: mc.gradcheck(lambda x: np.log(-1.0) * x.sum(), X, lambda x: x), DomainError),
    (lambda: mc.gradcheck(quadratic, "abc"), DomainError),
    (lambda: mc.gradcheck(quadratic, [np.nan]), DomainError),
    (lambda: mc.gradcheck(quadratic, X, method="guess"), DomainError),
    (lambda: mc.gradcheck(lambda x: float(np.sum(x)), X, lambda x: np.ones(4), method="complex"), DomainError),
    (lambda: mc.gradcheck(lambda x: "one", 1.0, lambda x: x), DomainError),
    (lambda: mc.gradcheck(lambda x: None, 1.0, lambda x: x), DomainError),
    (lambda: mc.gradcheck(lambda x: x, {}, None), DomainError),
])
@pytest.mark.filterwarnings("ignore")
def test_errors_are_typed(call: Callable[[], Any], error: type[MatcalcError]) -> None:
    with pytest.raises(error):
        call()


# ---------------------------------------------------------------- scales, rounding, and functions that write into their arguments
POINT = np.array([1.0, 2.0])


def test_where_the_slope_vanishes_rounding_is_no_mistake() -> None:
    assert mc.gradcheck(lambda x: (x - 1) @ (x - 1), np.ones(2), lambda x: 2 * (x - 1)).verdict is True


def test_differences_that_are_mere_rounding_accuse_nobody() -> None:
    for f in (lambda x: 1e10 + np.real(x) @ np.real(x), lambda x: np.float32(np.sum(np.real(x).astype(np.float32) ** 2))):
        r = mc.gradcheck(f, POINT, lambda x: 2 * x, method="stencil")
        assert r.verdict is None
        assert "known to" in r.reason
        assert mc.gradcheck(f, POINT, lambda x: -2 * x, method="stencil").verdict is False


SINGLE: list[Callable[[Any], Any]] = [
    lambda x: float((np.real(x).astype(np.float32) ** 2).sum()), lambda x: (x.astype(np.float32) ** 2).sum(),
    lambda x: np.float64(np.float32(np.real(x @ x))), lambda x: (x.astype(np.complex64) ** 2).sum().real,
    lambda x: float(np.sum(np.real(x).astype(np.float32) ** 2) + np.float32(1000)), lambda x: round(float(np.real(x @ x)), 4)]


@pytest.mark.parametrize("f", SINGLE, ids=[str(i) for i in range(len(SINGLE))])
@pytest.mark.parametrize("method", ["auto", "stencil"])
def test_single_precision_is_no_mistake(f: Callable[..., Any], method: str) -> None:
    rng = np.random.default_rng(3)
    for x in (np.array([1.0, 2.0, 3.0]), rng.normal(size=5), 10 * rng.normal(size=3)):
        with warnings.catch_warnings():
            warnings.simplefilter("error" if method == "auto" else "default")
            right = mc.gradcheck(f, x, lambda x: 2 * x, method=method)
        assert right.verdict is not False, str(right)
        assert right.verdict or "float32" in right.reason
        assert mc.gradcheck(f, x, lambda x: -2 * x, method=method).verdict is False


def test_scatter_is_not_seen_in_smooth_functions_and_kinks() -> None:
    for f in (lambda x: np.exp(x).sum(), lambda x: np.sin(30 * x).sum(), lambda x: np.abs(x - X).sum(), lambda x: 1e6 * x @ x):
        assert _jitter(lambda xs, f=f: f(xs[0]), [X]) <= 1e-11 * max(1.0, abs(f(X)))
    assert 1e-8 < _jitter(lambda xs: np.float64(np.float32(xs[0] @ xs[0])), [X]) < 1e-6


# ---------------------------------------------------------------- what a function of the user's raises
def test_what_a_function_raises_comes_through() -> None:
    class Mine(RuntimeError):
        pass

    def off_the_point(x: Any) -> Any:
        if np.any(np.real(x) < 1):
            raise Mine("below 1")
        return x @ x

    for method in ("auto", "stencil"):
        with pytest.raises(Mine, match="below 1") as caught:
            mc.gradcheck(off_the_point, np.ones(2), lambda x: 2 * x, method=method)
        assert "a step away from the input 1.0" in caught.value.__notes__[0]
    for gradient in (None, lambda x: x):
        with pytest.raises(KeyError, match="mine"):
            mc.gradcheck(lambda x: {}["mine"], X, gradient)

    def picky(x: Any) -> Any:
        if not (x == X).all():
            raise Mine
        return 2 * x + np.arange(4.0)

    assert mc.gradcheck(lambda x: np.sin(x).sum(), X, picky).verdict is False  # the hint at a transpose is not worth an error


def test_what_refuses_complex_numbers_is_measured_by_real_ones() -> None:
    class Refused(Exception):
        pass

    def real_only(x: Any) -> Any:
        if np.iscomplexobj(x):
            raise Refused("no complex numbers")
        return x @ x

    assert mc.gradcheck(real_only, X, lambda x: 2 * x).method == "4-point stencil"
    with pytest.raises(DomainError, match="Refused: no complex numbers"):
        mc.gradcheck(real_only, X, lambda x: 2 * x, method="complex")


def test_functions_of_torch() -> None:
    torch = pytest.importorskip("torch")
    for f in (lambda x: torch.relu(torch.tensor(x)).sum(), lambda x: (torch.tensor(x) @ torch.eye(4, dtype=torch.float64)).sum(),
              lambda x: float(torch.tensor(x).sum()), lambda x: torch.tensor(x, requires_grad=True).sum()):
        assert mc.gradcheck(f, np.abs(X), lambda x: torch.ones(4, requires_grad=True)).verdict is True
        assert mc.gradcheck(f, torch.tensor(np.abs(X), requires_grad=True), lambda x: -np.ones(4)).verdict is False
    assert mc.gradcheck(lambda x: torch.tensor(x, dtype=torch.float32).square().sum().item(), X, lambda x: 2 * x).verdict is None
    with pytest.raises(DomainError, match="not on Variables"):
        mc.gradcheck(lambda x: torch.as_tensor(x).square().sum(), X)


def test_a_small_entry_beside_a_large_one_is_judged_by_its_own_size() -> None:
    def f(x):
        return 1e8 * x[0] ** 2 + x[1] ** 2

    for method in ("complex", "stencil"):
        assert mc.gradcheck(f, POINT, lambda x: np.array([2e8 * x[0], 2 * x[1]]), method=method).verdict is True
        assert mc.gradcheck(f, POINT, lambda x: np.array([2e8 * x[0], -2 * x[1]]), method=method).verdict is False
    tiny = mc.gradcheck(lambda x: 1e8 * x[0] ** 2 + 1e-4 * x[1] ** 2, POINT, lambda x: np.array([2e8 * x[0], -2e-4 * x[1]]))
    assert tiny.verdict is None
    assert "too small" in tiny.reason


def test_a_function_may_write_into_its_argument() -> None:
    def doubled(x):
        x *= 2
        return x

    x = POINT.copy()
    assert mc.gradcheck(lambda x: doubled(x) @ x / 4, x, doubled).verdict is True
    assert mc.gradcheck(lambda x: x @ x, x, doubled, method="stencil").verdict is True
    assert x.tolist() == POINT.tolist()


def test_a_list_of_vectors_of_one_length_is_as_many_arguments_as_the_function_has() -> None:
    assert mc.gradcheck(lambda x, y: x @ y, [POINT, POINT + 1], lambda x, y: (y, x)).entries == 4
    assert mc.gradcheck(lambda X: (X * X).sum(), [[1.0, 2], [3, 4]], lambda X: 2 * X).entries == 4


@pytest.mark.parametrize("call", [
    lambda: mc.gradcheck(lambda x: x @ x, POINT, lambda x: 2 * x + 1j), lambda: mc.gradcheck(lambda x: x @ x, POINT, lambda x: ["a", "b"]),
    lambda: mc.gradcheck(lambda x: x @ x, POINT, lambda x: None), lambda: mc.gradcheck(lambda x: x @ x + 1j, POINT, lambda x: 2 * x),
    lambda: mc.gradcheck(lambda x: x @ x, POINT * 1j, lambda x: 2 * x), lambda: mc.gradcheck(lambda: 1.0, (), lambda: ()),
    lambda: mc.gradcheck(lambda x: x.sum(), np.zeros(0), lambda x: x), lambda: mc.gradcheck(lambda x: 0.0, (np.zeros(0), []), lambda x: x),
    lambda: mc.gradcheck(lambda x: x @ x, POINT, gradient=2 * POINT), lambda: mc.gradcheck(lambda x, y: x @ y, POINT, lambda x: x),
    lambda: mc.gradcheck(lambda x: x @ x, POINT, lambda x, y: x), lambda: mc.gradcheck(lambda x: x @ x, (POINT, POINT)),
    lambda: mc.gradcheck(3, POINT), lambda: mc.gradcheck(lambda x: x @ x, POINT, 3),
    lambda: mc.gradcheck(lambda x: x @ x, POINT, lambda x: 2 * x, tolerance=-1)])
def test_what_is_no_question_is_refused(call) -> None:
    with pytest.raises(mc.DomainError):
        call()
