"""Variables: values and derivatives of first and second order against differences, by both modes; and all that may go wrong."""

from __future__ import annotations

import copy
import gc
import math
import operator
import pickle
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matcalc import autograd as ag
from matcalc.autograd import Variable, concatenate, grad, hessian, hvp, jacobian, jvp, no_grad, stack, value_and_grad, vjp, where
from matcalc.autograd.functions import made
from matcalc.errors import DomainError, MatcalcError, NotDifferentiable, NotSupported, ShapeError
from matcalc.knowledge import known

Array = Any
ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
RNG = np.random.default_rng(0)
X, M, T, S = (RNG.normal(size=shape) for shape in ((3,), (4, 3), (2, 3, 4), (2, 3, 3)))


def differences(f: Callable[[Any], Any], x: Any, h: float = 1e-3) -> Array:
    """df/dx of a function whose value is a number or an array, by four points: shape(f) + shape(x)."""
    x = np.array(x, float)
    columns = []
    for at in np.ndindex(x.shape):
        d = np.zeros(x.shape)
        d[at] = h
        low2, low, high, high2 = (np.asarray(_value(f(_plain(x + k * d)))) for k in (-2, -1, 1, 2))
        columns.append((low2 - 8 * low + 8 * high - high2) / (12 * h))
    return np.stack(columns, axis=-1).reshape(columns[0].shape + x.shape)


def _plain(x: Array) -> Any:
    return x if x.ndim else float(x)


def _value(y: Any) -> Any:
    return y.value if isinstance(y, Variable) else y


def close(a: Any, b: Any, tolerance: float = 1e-7) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and bool(np.abs(a - b).max(initial=0) <= tolerance * max(1.0, np.abs(b).max(initial=0)))


def holds(f: Callable[[Any], Any], x: Any, *, second: bool = True, tolerance: float = 1e-7) -> None:
    """Both modes, backward, vjp, and the second order by three ways agree with differences."""
    x = _plain(np.array(x, float))
    wanted = differences(f, x)
    assert close(jacobian(f, mode="reverse")(x), wanted, tolerance)
    assert close(jacobian(f, mode="forward")(x), wanted, tolerance)
    y, back = vjp(f, x)
    g, v = np.cos(np.arange(np.size(y))).reshape(np.shape(y)), np.sin(1.0 + np.arange(np.size(x))).reshape(np.shape(x))
    assert close(back(_plain(g))[0], np.tensordot(g, wanted, np.ndim(y)), tolerance)
    assert close(jvp(f, x, _plain(v))[1], np.tensordot(wanted, v, np.ndim(x)), tolerance)

    def number(z: Any) -> Any:
        return ag.sum(ag.sin(f(z)) * g)

    leaf = Variable(x)
    number(leaf).backward()
    slopes = grad(number)(x)
    assert leaf.grad is None or close(leaf.grad, slopes, 1e-12)
    assert type(slopes) is (float if np.ndim(x) == 0 else np.ndarray)
    if second:
        wanted = differences(grad(number), x)
        assert close(hessian(number)(x), wanted, tolerance)
        assert close(hvp(number, x, _plain(v)), np.tensordot(wanted, v, np.ndim(x)), tolerance)
        assert close(grad(lambda z: ag.sum(grad(number)(z) * v))(x), np.tensordot(v, wanted, np.ndim(x)), tolerance)


# ---------------------------------------------------------------- functions of entries
ELEMENTWISE = [n for n, f in known().functions.items() if n != "polygamma" and f[0].signature.result.kind == "like"
               and f[0].signature.params[0].kind == "any" and len(f[0].signature.params) == 1 and n != "argmaxmask"]
STEEP = ("gammaln", "digamma", "trigamma")  # towards zero


def test_all_functions_of_entries_are_here() -> None:
    assert len(ELEMENTWISE) >= 25
    assert {"tanh", "exp", "sqrt", "square", "relu", "softplus", "trigamma"} <= set(ELEMENTWISE)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 1, 3)], ids=str)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_functions_of_entries(name: str, shape: tuple[int, ...]) -> None:
    f = getattr(ag, name)
    x = 0.1 + 0.13 * np.arange(int(np.prod(shape))).reshape(shape) + (2.0 if name in STEEP else 0.0)
    holds(f, x, tolerance=1e-6)
    y = f(Variable(_plain(np.asarray(x))))
    assert type(y.value) is (np.ndarray if shape else float)
    assert close(y.value, f(_plain(np.asarray(x))), 1e-15)


@pytest.mark.parametrize("name", ["tanh", "exp", "sin", "log", "arctan", "sinh", "expm1", "log1p", "sqrt", "cosh", "square"])
def test_against_the_complex_step(name: str) -> None:
    x = np.array([0.3, 1.7])
    assert close(jacobian(getattr(ag, name))(x), np.diag(getattr(np, name)(x + 1e-30j).imag / 1e-30), 1e-14)


@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, -1.0, 1000.0, -1000.0, math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_floats_at_edges_are_like_arrays(name: str, value: float) -> None:
    f = getattr(ag, name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = f(Variable(value))
        slope = grad(f)(value)
    assert type(y.value) is float
    assert type(slope) is float
    assert np.isclose(y.value, f(Variable([value])).value[0], rtol=1e-15, atol=0, equal_nan=True)
    if math.isfinite(value):
        assert np.isclose(slope, grad(lambda z: f(z).sum())([value])[0], rtol=1e-15, atol=0, equal_nan=True)


def test_arithmetic_of_floats_at_edges() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (1.0 / Variable(0.0)).value == math.inf
        assert (Variable(-1.0) / 0).value == -math.inf
        assert math.isnan((Variable(0.0) / 0.0).value)
        assert math.isnan((Variable(-1.0) ** 0.5).value)
        assert (Variable(1e200) ** 2).value == math.inf
        assert (Variable(-2.0) ** 1025.0).value == -math.inf
        assert (Variable(-0.0) ** -1.0).value == -math.inf
        assert grad(lambda x: x**0.5)(0.0) == math.inf
        assert math.isnan(grad(lambda x: x**0.5)(-1.0))


def test_powers_at_zero() -> None:
    for k in (0, 1, 2, 3):
        slopes, f = [], (lambda x, k=k: ag.sum(x**k))
        for _ in range(4):
            f = grad(f)
            slopes.append(f(0.0))
        assert slopes == [float(math.factorial(k)) if i + 1 == k else 0.0 for i in range(4)]
    assert close(hessian(lambda x: (x ** np.array([2.0, 1.0])).sum())([0.0, 0.0]), [[2, 0], [0, 0]])


def test_high_order() -> None:
    f: Any = ag.tanh
    for _ in range(4):
        f = grad(f)
    t = math.tanh(0.3)
    assert math.isclose(f(0.3), 8 * t * (1 - t * t) * (2 - 3 * t * t), rel_tol=1e-12)


def test_polygamma() -> None:
    holds(lambda x: ag.polygamma(2, x), [2.7, 1.9])


# ---------------------------------------------------------------- functions of matrices
def definite(x: Any) -> Any:
    return x @ x.swapaxes(-1, -2) + 2 * np.eye(x.shape[-1])


MATRICES: dict[str, tuple[Callable[[Any], Any], Array]] = {
    **{n: (getattr(ag, n), S) for n in ("det", "adj", "tril", "triu", "trace", "diagv", "norm", "norm2sq", "norm1", "norminf")},
    **{n: (getattr(ag, n), S + 3 * np.eye(3)) for n in ("inv", "logdet")},
    **{n: (getattr(ag, n), 0.5 * T) for n in ("pinv", "spectral", "nuclear", "norm", "softmax", "logsumexp", "max", "min")},
    **{n: ((lambda f: lambda x: f(definite(x)))(made(n)), 0.5 * S) for n in ("logm", "sqrtm", "chol")},
    "expm": (ag.expm, 0.3 * S), "eigmax": (lambda x: ag.eigmax(x + x.swapaxes(-1, -2)), S), "mpow": (lambda x: ag.mpow(x, 3), S),
    "mpow -2": (lambda x: ag.mpow(x, -2), S + 3 * np.eye(3)), "nuclear tall": (ag.nuclear, T.swapaxes(-1, -2)),
    "pinv tall": (ag.pinv, T.swapaxes(-1, -2)), "norm 3": (lambda x: ag.norm(x, 3), T),
}


MATRICES_OF_RULES = ("inv", "det", "logdet", "adj", "pinv", "tril", "triu", "expm", "logm", "sqrtm", "chol", "spectral", "eigmax")


@pytest.mark.parametrize("stacked", [False, True], ids=["matrix", "stack"])
@pytest.mark.parametrize("name", MATRICES)
def test_functions_of_matrices(name: str, stacked: bool) -> None:
    f, x = MATRICES[name]
    holds(f, x if stacked else x[0], tolerance=1e-6, second=not (stacked and name in ("logm", "sqrtm", "expm")))


@pytest.mark.parametrize("name", "softmax logsumexp max min norm norm1 norminf norm2sq cumsum argmaxmask diag sum mean vec".split())
def test_functions_of_vectors(name: str) -> None:
    holds(getattr(ag, name), M if name == "vec" else X)


def test_products_of_vectors() -> None:
    holds(lambda x: ag.outer(x, x), X)
    holds(lambda x: ag.kron(x, M), T[0])
    holds(lambda x: ag.norm(x, 1.5), X)
    holds(lambda x: ag.dot(x, M.T), X)


def test_a_determinant_has_a_gradient_at_a_singular_matrix() -> None:
    a = np.outer([1.0, 2.0, 3.0], [1.0, -1.0, 2.0]) + np.diag([1.0, 0, 0])
    assert close(grad(ag.det)(a), differences(ag.det, a), 1e-9)
    assert close(jvp(ag.det, a, np.eye(3))[1], np.trace(differences(ag.det, a)), 1e-9)
    for nearly in (a, a + 1e-13, np.zeros((3, 3)), np.stack([a, np.eye(3)])):
        holds(ag.det, nearly)


def test_conventions_at_kinks() -> None:
    assert grad(ag.norm)([0.0, 0.0]).tolist() == [0.0, 0.0]
    assert grad(ag.max)([1.0, 1.0, 0.0]).tolist() == [0.5, 0.5, 0.0]
    assert grad(ag.maximum, (0, 1))(1.0, 1.0) == (0.5, 0.5)
    assert grad(ag.abs)(0.0) == 0.0
    assert grad(ag.relu)(0.0) == 0.0


# ---------------------------------------------------------------- products, broadcasting, axes
RANKS = [(3,), (4, 3), (3, 4), (2, 4, 3), (2, 3, 4), (5, 1, 3, 4), (1, 3)]
PAIRS = [(a, b) for a in RANKS for b in RANKS if a[-1] == b[-2 if len(b) > 1 else 0]]


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=str)
def test_matmul(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    a, b = RNG.normal(size=one), RNG.normal(size=other)
    holds(lambda x: x @ b, a, second=a.size < 13, tolerance=1e-6)
    holds(lambda x: a @ x, b, second=b.size < 13, tolerance=1e-6)


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, ag.maximum, ag.minimum]
SHAPES = [((3,), (4, 3)), ((4, 1), (1, 3)), ((4, 1), (3,)), ((), (4, 3)), ((), (3,)), ((3,), (2, 4, 3)), ((1,), (3,)), ((), ()), ((3,),
    (3,))]


@pytest.mark.parametrize(("one", "other"), SHAPES, ids=str)
@pytest.mark.parametrize("op", OPERATORS, ids=lambda f: f.__name__)
def test_broadcasting(op: Callable[[Any, Any], Any], one: tuple[int, ...], other: tuple[int, ...]) -> None:
    a, b = (_plain(np.asarray(start + 0.37 * np.arange(int(np.prod(s))).reshape(s) % 1)) for s, start in ((one, 1.0), (other, 1.205)))
    for f, x in [(lambda x: op(x, b), a), (lambda x: op(a, x), b), (lambda x: op(b, x), a), (lambda x: op(x, a), b)]:
        holds(f, x, second=np.size(x) < 5)
    u, v = Variable(a), Variable(b)
    op(u, v).sum().backward()
    assert np.shape(u.grad) == one
    assert np.shape(v.grad) == other
    assert close(u.grad, differences(lambda x: ag.sum(op(x, b)), a))


@pytest.mark.parametrize("f", [lambda x: x * x, lambda x: x - x, lambda x: x / x, lambda x: x + x, lambda x: x**x, lambda x: x @ x,
                               lambda x: concatenate([x, x]), lambda x: ag.outer(x, x), lambda x: x * x * x - x * (x + x)])
def test_a_value_used_twice(f: Callable[[Any], Any]) -> None:
    holds(f, np.abs(X) + 0.5)


def test_a_result_used_again() -> None:
    def f(x: Any) -> Any:
        y = ag.tanh(x)
        z = y * y + y
        return z @ y + (z * y).sum() + z[0] * y[1]

    holds(f, X)


AXES = [None, 0, 1, -1, (0, 1), (0, -1), (0, 1, 2), ()]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("name", "sum mean max min logsumexp softmax".split())
def test_axes(name: str, axis: Any, keepdims: bool) -> None:
    if isinstance(axis, tuple) and name not in ("sum", "mean"):
        return
    if name == "softmax" and (keepdims or axis is None):
        return
    options = {"axis": axis} if name == "softmax" else {"axis": axis, "keepdims": keepdims}
    x = np.cos(np.arange(12.0) * 5).reshape(2, 3, 2)
    y = getattr(ag, name)(Variable(x), **options)
    if name in ("sum", "mean", "max", "min"):
        assert np.allclose(y.value, getattr(np, name)(x, **options))
        assert y.shape == getattr(np, name)(x, **options).shape
    holds(lambda z: getattr(ag, name)(z, **options), x)


# ---------------------------------------------------------------- entries, shapes, choices
INDICES: list[tuple[Array, Any]] = [
    *((X, i) for i in (0, -1, slice(None, None, -1), slice(2, None, -2), None, Ellipsis, [0, 0, 2], np.array([1, 1, 1]), X > 0, [True,
        False, True],
                       (None, 0), (slice(None), None), np.int64(1), np.array([[0, 1], [1, 1]]), slice(0, 0), [], np.array(1), True)),
    *((M, i) for i in (0, (0, 1), (slice(None), 0), ([0, 0, 0], [1, 1, 2]), (slice(None, None, -1), [0, 0]), M > 0, (Ellipsis, None),
                       (slice(1, None), X > 0), (np.array([[0], [1]]), np.array([0, 2])), ([0, 1], None, 1))),
    *((T, i) for i in ((0, slice(None), [0, 0]), (slice(None), 0, 0), ([0, 1], slice(None), [0, 0]), (slice(None), T[0] > 0), (0,
        Ellipsis, 0))),
]


@pytest.mark.parametrize(("x", "index"), INDICES, ids=lambda v: str(v)[:40].replace("\n", " ") if not isinstance(v, np.ndarray) else "")
def test_indexing(x: Array, index: Any) -> None:
    assert np.array_equal(Variable(x)[index].value, x[index])
    holds(lambda z: z[index] if isinstance(z, Variable) else Variable(z)[index], x)


SHAPED = [lambda x: x.T, lambda x: x.transpose(2, 0, 1), lambda x: x.transpose(-1, 0, 1), lambda x: x.swapaxes(0, -1),
          lambda x: x.reshape(6, -1), lambda x: x.reshape((24,)), lambda x: x.ravel(), lambda x: x.flatten(), lambda x: ag.transpose(x,
          (1, 0, 2)),
          lambda x: concatenate([x, 2.0 * x, np.ones((2, 3, 1))], axis=-1), lambda x: concatenate([x, x * x], axis=None),
          lambda x: stack([x, x * x, T], axis=1), lambda x: stack([x, x], axis=-1), lambda x: stack([2 * row for row in x]),
          lambda x: where(T > 0, x, x * x), lambda x: where(T > 0, 1.0, x), lambda x: where(T[0] > 0, x[0], x)]


@pytest.mark.parametrize("f", SHAPED)
def test_shapes(f: Callable[[Any], Any]) -> None:
    holds(f, T, second=False)
    holds(lambda x: ag.sum(f(x) ** 3, axis=0), T, tolerance=1e-6)


def test_scalars_in_stacks_and_choices() -> None:
    holds(lambda x: stack([x, x * x, 1.0]), 0.7)
    holds(lambda x: where(M > 0, x, M), 0.7)
    holds(lambda x: where(x > 0, ag.sin(x), x), 0.7)


def test_a_branch_not_taken_gives_no_nan() -> None:
    for f, x in [(ag.log, [-1.0, 0.0, 2.0]), (lambda z: z**0.5, [0.0, -1.0, 4.0]), (lambda z: 1.0 / z, [0.0, 1.0]), (ag.sqrt, [0.0, 1.0]),
                 (lambda z: ag.log(z * 2.0) * z, [0.0, 3.0])]:
        def chosen(z: Any, f: Any = f) -> Any:
            return where(z > 0, f(z), 0.0).sum()

        wanted = [grad(lambda z, f=f: f(z))(v) if v > 0 else 0.0 for v in x]
        assert close(grad(chosen)(x), wanted, 1e-14)
        assert close(jvp(chosen, x, np.ones(len(x)))[1], sum(wanted), 1e-14)
        leaf = Variable(x)
        chosen(leaf).backward()
        assert close(leaf.grad, wanted, 1e-14)
        assert np.isfinite(hessian(chosen)(x)).all()
    assert grad(lambda z: where(z > 0, ag.log(z), z))(0.0) == 1.0
    assert type(grad(lambda z: where(z > 0, ag.log(z), 0.0))(-1.0)) is float


# ---------------------------------------------------------------- NumPy's functions
def test_functions_of_numpy() -> None:
    x, a = Variable(X), Variable(S[0])
    pairs = [(np.tanh(x), np.tanh(X)), (np.sum(a, axis=0), S[0].sum(axis=0)), (np.mean(a), S[0].mean()), (np.max(a, axis=1),
        S[0].max(axis=1)),
             (S[0] @ x, S[0] @ X), (np.concatenate([x, X]), np.concatenate([X, X])), (np.stack([x, x]), np.stack([X, X])),
             (X + x, X + X), (np.float64(2.0) * x, 2 * X), (np.subtract(X, x), X - X), (np.maximum(x, 0.0), np.maximum(X, 0)),
             (np.linalg.inv(a), np.linalg.inv(S[0])), (np.linalg.det(a), np.linalg.det(S[0])), (np.trace(a), np.trace(S[0])),
             (np.where(X > 0, x, 0.0), np.where(X > 0, X, 0)), (np.dot(a, x), S[0] @ X), (np.dot(2.0, x), 2 * X), (np.outer(x, x),
             np.outer(X, X)),
             (np.abs(x), abs(X)), (abs(x), abs(X)), (np.reshape(a, (9,)), S[0].reshape(9)), (np.transpose(a), S[0].T), (np.sqrt(x * x),
             abs(X))]
    for order in (None, 1, 2, 3, np.inf):
        pairs.append((np.linalg.norm(x, order), np.linalg.norm(X, order)))
    for order in (None, "fro", 2, "nuc"):
        pairs.append((np.linalg.norm(a, order), np.linalg.norm(S[0], order)))
    pairs.append((np.linalg.norm(a, axis=1), np.linalg.norm(S[0], axis=1)))
    for got, wanted in pairs:
        assert isinstance(got, Variable)
        assert not isinstance(got, ag.variable.Constant)
        assert close(got.value, wanted, 1e-13)


def moved(x: Any) -> Any:
    return np.abs(x) + 0.5


# a function of an array, by what NumPy calls it; and where it is compared with NumPy's own
NAMED: list[tuple[Callable[[Any], Any], Array]] = [
    *((f, T) for f in (
        lambda x: np.clip(x, -0.5, 0.4), lambda x: np.var(x), lambda x: np.var(x, axis=(0, 2), ddof=1),
        lambda x: np.std(x, axis=1, keepdims=True), np.prod, lambda x: np.prod(x, axis=1),
        lambda x: np.prod(x, axis=0, keepdims=True), lambda x: np.cumsum(x, axis=1), np.cumsum, np.diff,
        np.flip, lambda x: np.flip(x, axis=1), np.ravel, lambda x: np.swapaxes(x, 0, 2), lambda x: np.expand_dims(x, 1),
        lambda x: np.squeeze(np.expand_dims(x, -1)), lambda x: np.broadcast_to(x, (2, 2, 3, 4)), lambda x: np.vstack([x, x * x]),
        lambda x: np.hstack([x, x]), lambda x: np.einsum("aij,akj->ik", x, x), lambda x: np.einsum("aij->ji", x),
        lambda x: np.einsum("aij,j,aik->k", x, x[0, 0], x), lambda x: np.vdot(x, x * x), lambda x: np.logaddexp(x, 0.3), np.exp2,
        lambda x: np.log2(moved(x)), lambda x: np.log10(moved(x)), lambda x: np.reciprocal(moved(x)),
        lambda x: np.linalg.vector_norm(x[0, 0]), lambda x: np.inner(x[0], x[1]))),
    *((f, S[0] + 3 * np.eye(3)) for f in (
        lambda x: np.linalg.solve(x, X), lambda x: np.linalg.solve(x, x.T), lambda x: np.linalg.slogdet(x)[1],
        lambda x: np.linalg.matrix_power(x, 3), lambda x: np.linalg.multi_dot([x, x.T, x]),
        lambda x: np.einsum("ii", x), lambda x: np.einsum("ii->i", x), lambda x: np.diagonal(x),
        lambda x: np.linalg.cholesky(x @ x.T), lambda x: np.tril(x) + np.triu(x))),
    *((f, X) for f in (lambda x: np.hstack([x, x]), lambda x: np.vstack([x, x]), lambda x: np.inner(x, x), lambda x: x.std(),
                       lambda x: x.prod())),
]


@pytest.mark.parametrize(("f", "x"), NAMED, ids=[str(i) for i in range(len(NAMED))])
def test_by_the_name_that_numpy_gives(f: Callable[[Any], Any], x: Array) -> None:
    y = f(Variable(x))
    assert type(y) is Variable
    assert close(y.value, f(x), 1e-12)
    holds(lambda z: f(z if isinstance(z, Variable) else Variable(z)), x, second=x.size < 10, tolerance=1e-6)


def test_a_product_has_a_derivative_at_zeros() -> None:
    holds(ag.prod, [0.0, 2.0, 3.0])
    holds(ag.prod, [0.0, 2.0, 0.0, 4.0, 5.0])


def test_functions_of_one_array_are_methods() -> None:
    x, a = Variable(np.abs(X)), Variable(S[0] + 3 * np.eye(3))
    for name in [*ELEMENTWISE, "max", "min", "std", "var", "prod", "cumsum", "norm", "softmax", "logsumexp", "squeeze", "ravel", "clip"]:
        assert np.array_equal(getattr(x, name)().value, getattr(ag, name)(x).value, equal_nan=True), name
    for name in ("inv", "det", "logdet", "trace", "diagonal", "expm"):
        assert type(getattr(a, name)()) is Variable
    holds(lambda z: Variable(z).exp().log().tanh().max(axis=0) if not isinstance(z, Variable) else z.exp().log().tanh().max(axis=0), T)
    assert x.dot(x).value == x.value @ x.value
    assert np.array_equal(np.clip(x, a_min=0.2, a_max=0.3).value, x.clip(max=0.3, min=0.2).value)
    assert x.clip(0.2, 0.3).max().value <= 0.3
    assert "exp" in dir(x)
    assert "sort" not in dir(x)
    assert "exp of every entry" in x.exp.__doc__
    assert (x.argmax(), x.any(), x.dtype, x.tolist()) == (np.argmax(x.value), True, np.float64, x.value.tolist())


def test_what_arrays_have_and_variables_have_not_is_told() -> None:
    x = Variable(X)
    for name, words in [("numpy", "x.value"), ("data", "x.value"), ("view", "reshape"), ("sort", "max"), ("round", "rounding"),
                        ("take", "x.exp()"), ("where", "is a function"), ("astype", "float64")]:
        assert not hasattr(x, name)
        with pytest.raises(MatcalcError, match=words.replace("(", r"\(").replace(")", r"\)")):
            getattr(x, name)
    with pytest.raises(AttributeError, match="gradd"):
        x.gradd  # noqa: B018
    for bad in (lambda: x // 2, lambda: x % 2, lambda: divmod(x, 2), lambda: 7 // x, lambda: round(x)):
        with pytest.raises(NotSupported, match="no derivative"):
            bad()


@pytest.mark.parametrize(("call", "words"), [
    (lambda x: np.linalg.svd(x), "np.linalg.svd"), (lambda x: np.sort(x), "max"), (lambda x: np.floor(x), "rounding"),
    (lambda x: np.tile(x, 2), "x.value"), (lambda x: np.sum(x, dtype=float), "dtype"), (lambda x: np.tanh(x, where=True), "where"),
    (lambda x: np.add.reduce(x), "add.reduce"), (lambda x: np.reshape(x, -1, order="F"), "order"),
    (lambda x: np.trace(x, 1), "trace"), (lambda x: np.linalg.eigh(x), "eigenvalues"),
    (lambda x: np.einsum("...i", x), "without"), (lambda x: np.mod(x, 2), "remainder"),
    (lambda x: np.concatenate([x, x], dtype=float), "dtype")])
def test_what_numpy_has_and_is_not_here_is_refused_with_words(call: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(NotSupported) as caught:
        call(Variable(S[0]))
    assert words in str(caught.value)


def test_all_names_are_here_and_imported_by_a_star() -> None:
    assert sorted(ag.__all__) == sorted({*ag.__all__})
    space: dict[str, Any] = {}
    exec("from matcalc.autograd import *", space)  # noqa: S102
    page = (ROOT / "docs" / "autograd.md").read_text().partition("## Functions\n")[2].partition("## ")[0]
    documented = re.findall(r"`([^`]+)`", "".join(line for line in page.splitlines() if line.startswith("|")))
    names = {n for words in documented for n in re.findall(r"\b[a-z]\w+", re.sub(r"\([^)]*\)", "", words))} - {"rules"}
    assert len(names) > 50
    assert names <= set(space), names - set(space)
    assert {*ELEMENTWISE, *MATRICES_OF_RULES} <= set(space)
    assert set(ag.__all__) <= set(dir(ag))


def test_questions_of_numpy_have_plain_answers() -> None:
    x = Variable(X)
    assert np.shape(x) == (3,)
    assert np.isfinite(x).all()
    assert np.argmax(x) == np.argmax(X)
    assert np.zeros_like(x).tolist() == [0, 0, 0]
    assert np.allclose(x, X)


def test_what_numpy_would_do_otherwise_is_refused() -> None:
    with pytest.raises(NotSupported, match="of a matrix"):
        np.linalg.norm(Variable(M), 1)
    with pytest.raises(ShapeError, match="vectors and matrices"):
        np.dot(M, Variable(T))
    with pytest.raises(DomainError, match="lose the derivative"):
        np.asarray(Variable(X))
    with pytest.raises(DomainError, match="lose the derivative"):
        Variable([Variable(1.0), Variable(2.0)])
    a = np.ones(3)
    with pytest.raises(DomainError, match="in place"):
        a += Variable(X)
    assert np.asarray(Variable(X).detach()).tolist() == X.tolist()


# ---------------------------------------------------------------- what a Variable is
def test_numbers_stay_python_floats() -> None:
    x = Variable(2.0)
    for y in (x + 1, 1 - x, x * x, x / 3, x**2, 2**x, -x, ag.exp(x), Variable([1.0, 2.0]).sum(), Variable([1.0, 2.0])[0],
        Variable(np.float32(2)),
              Variable(np.array(2.0)), Variable(3), Variable(X) @ X, ag.logdet(Variable(np.eye(2))), ag.max(Variable(X)), np.float64(3) * x,
              ag.norm(Variable(X)), ag.trace(Variable(np.eye(2))), Variable([[3.0]]).reshape(()), where(True, x, 0.0)):
        assert type(y.value) is float, y
    assert type(value_and_grad(lambda v: v * v)(3)[0]) is float


def test_no_grad_and_detach() -> None:
    x = Variable(X)
    with no_grad():
        y = (x * x).sum()
    for silent in (y, x.detach(), x.detach() * 2.0, Variable(X, requires_grad=False)):
        with pytest.raises(NotDifferentiable, match="nothing was recorded"):
            silent.backward(np.ones(silent.shape))
    assert grad(lambda z: (z * z.detach()).sum())(X).tolist() == X.tolist()
    assert grad(lambda z: 3.0)(X).tolist() == [0, 0, 0]
    assert isinstance(x * 2, Variable)
    assert close(grad(lambda z: (z.detach() + z).sum())(X), np.ones(3))


def test_a_leaf_is_updated_under_no_grad() -> None:
    w = Variable([1.0, 2.0])
    held = w
    with no_grad():
        w -= 0.5
        w *= 2.0
        w += [1.0, 0.0]
        w /= 2.0
    assert w is held
    assert w.value.tolist() == [1.0, 1.5]
    w -= 1.0
    assert w is not held
    assert not w.is_leaf


def test_an_update_outside_no_grad_is_explained_where_it_hurts() -> None:
    w = Variable([1.0, 2.0])
    (w @ w).backward()
    w -= 0.1 * w.grad
    (w @ w).backward()
    for hurt in (lambda: w.grad, w.zero_grad):
        with pytest.raises(DomainError, match=r"with no_grad\(\):\n +w -= 0.1 \* w.grad"):
            hurt()
    with no_grad():
        w = Variable([1.0]) - 0.1
    with pytest.raises(NotDifferentiable, match="w -= "):
        w.backward([1.0])


def test_no_grad_is_of_one_thread() -> None:
    entered, done = threading.Event(), threading.Event()
    kinds: list[Any] = []

    def silent() -> None:
        with no_grad():
            entered.set()
            done.wait(5)
            kinds.append(type(Variable(1.0) * 2.0))

    other = threading.Thread(target=silent)
    other.start()
    entered.wait(5)
    x = Variable(3.0)
    y = x * x + x - 1.0
    y.backward()
    w = x
    w -= 1.0
    done.set()
    other.join()
    assert x.grad == 7.0
    assert w is not x
    assert kinds == [ag.variable.Constant]
    assert type(x + x) is Variable


def test_nothing_changes_unseen() -> None:
    given = np.array([1.0, 2.0])
    w = Variable(given)
    given[0] = 9.0
    assert w.value.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        w.value[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        (w * 2).value[0] = 1.0
    with pytest.raises(DomainError, match="not changed in place"):
        w[0] = 1.0
    y = (w * w).sum()
    w.value = [3.0, 4.0]
    with pytest.raises(DomainError, match="after it was used"):
        y.backward()
    with pytest.raises(ShapeError, match="new value has shape"):
        w.value = [1.0]
    with pytest.raises(DomainError, match="only a leaf"):
        (w * 2).value = [1.0, 2.0]


def test_backward_adds_up() -> None:
    w = Variable([1.0, 2.0])
    y = (w * w).sum()
    y.backward()
    first = w.grad
    y.backward()
    assert first.tolist() == [2.0, 4.0]
    assert w.grad.tolist() == [4.0, 8.0]
    w.zero_grad()
    assert w.grad is None
    for bad, error, words in [(lambda: (w * 2).grad, DomainError, "only leaves keep"), (lambda: (w * 2).backward(), ShapeError,
        "begins at a number"),
                              (lambda: (w * 2).backward([1.0]), ShapeError, "cotangent"), (lambda: setattr(w, "grad", 1.0), DomainError,
                              "added up")]:
        with pytest.raises(error, match=words):
            bad()
    (w * 2).backward([1.0, 10.0])
    assert w.grad.tolist() == [2.0, 20.0]


def test_gradients_are_arrays_of_their_own() -> None:
    c = np.ones(2)
    a, b = Variable([1.0, 2.0]), Variable([3.0, 4.0])
    (a + b).backward(c)
    a.grad[0] = 99.0
    assert b.grad.tolist() == c.tolist() == [1.0, 1.0]
    one, other = vjp(lambda x, y: x + y, c, c)[1](c)
    one[0] = 99.0
    assert other.tolist() == c.tolist() == [1.0, 1.0]
    one, other = grad(lambda x, y: (x + y).sum(), (0, 1))(c, c)
    one[0] = 99.0
    assert other.tolist() == [1.0, 1.0]
    for f in (lambda x: x, lambda x: x + 0.0, lambda x: x.reshape(1, 2)):
        jvp(f, c, c)[1][...] = 99.0
        leaf = Variable(c)
        y = f(leaf)
        y.backward(np.ones(y.shape))
        leaf.grad[0] = 99.0
    assert c.tolist() == [1.0, 1.0]
    held = Variable(np.ones(10))
    held[:2].sum().backward()
    assert held.grad.flags.owndata


def test_comparing_hashing_printing() -> None:
    x, s = Variable([1.0, 2.0]), Variable(2.0)
    assert (x == x).tolist() == (x >= 1.0).tolist() == [True, True]
    assert (x < [2.0, 2.0]).tolist() == [True, False]
    assert s == 2.0
    assert s != 3.0
    assert (s == "a") is False
    assert {x: 1}[x] == 1
    assert hash(x) == hash(x)
    assert bool(s)
    assert float(s) == s.item() == 2.0
    assert f"{s:.2f}" == "2.00"
    assert f"{s}" == repr(s) == "Variable(2.0)"
    assert repr(x) == "Variable([1., 2.])"
    assert repr(x.detach()) == "Constant([1., 2.])"
    assert len(x) == 2
    with pytest.raises(ShapeError, match="do not fit"):
        x == Variable([1.0, 2.0, 3.0])  # noqa: B015
    with pytest.raises(TypeError, match="no len"):
        len(s)


def test_copies() -> None:
    x = Variable([1.0, 2.0])
    (x * x).sum().backward()
    for again in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):  # noqa: S301
        assert again.is_leaf
        assert again.value.tolist() == [1.0, 2.0]
        assert again.grad.tolist() == [2.0, 4.0]
        (again * again).sum().backward()
        assert again.grad.tolist() == [4.0, 8.0]
        assert x.grad.tolist() == [2.0, 4.0]
    assert isinstance(copy.deepcopy(x.detach()), ag.variable.Constant)
    with pytest.raises(DomainError, match="only leaves are copied"):
        copy.deepcopy(x * 2)


BAD: list[tuple[Callable[[], Any], type[MatcalcError]]] = [
    *((f, ShapeError) for f in (
        lambda: Variable(X) + [1.0, 2.0], lambda: np.ones(2) - Variable(X), lambda: Variable(X) * np.ones(2),
        lambda: Variable(X) ** np.ones(2),
        lambda: np.ones(2) / Variable(X), lambda: Variable(M) @ np.ones(2), lambda: np.ones(2) @ Variable(M), lambda: Variable(2.0) @ X,
        lambda: Variable(X).sum(axis=2), lambda: ag.max(Variable(X), axis=4), lambda: Variable(X).reshape(2, 2),
        lambda: Variable(X).reshape(-1, -1),
        lambda: Variable(M).transpose(0, 0), lambda: Variable(M).transpose(0, 5), lambda: Variable(M).swapaxes(0, 5),
        lambda: Variable(X)[5],
        lambda: Variable(X)[0, 0], lambda: Variable(2.0)[0], lambda: ag.inv(Variable(X)), lambda: ag.inv(Variable(M)),
        lambda: ag.mpow(Variable(M), 2),
        lambda: where([True, False], Variable(X), 0.0), lambda: ag.kron(Variable(X), X), lambda: ag.trace(Variable(M)),
        lambda: Variable(X) > [1.0, 2.0],
        lambda: ag.prod(Variable(M), axis=2), lambda: ag.flip(Variable(M), 2), lambda: ag.cumsum(Variable(M), 2),
        lambda: Variable(M).sum(axis="a"), lambda: ag.einsum("ij,jk", Variable(M), M), lambda: ag.vstack([Variable(X), [1.0]]),
        lambda: ag.broadcast_to(Variable(X), (2, 2)), lambda: ag.expand_dims(Variable(X), 4), lambda: Variable(X).item(),
        lambda: concatenate([Variable(X), M]), lambda: stack([Variable(X), 1.0]), lambda: stack([]), lambda: concatenate([Variable(1.0)]),
        lambda: ag.maximum(Variable(X), [1.0, 2.0]), lambda: jvp(lambda x: x, X, [1.0]), lambda: hvp(ag.sum, X, [1.0]),
        lambda: vjp(lambda x: x, X)[1]([1.0]), lambda: grad(lambda x: x)(X))),
    *((f, DomainError) for f in (
        lambda: Variable("a"), lambda: Variable(1j), lambda: Variable(None), lambda: Variable([[1, 2], [3]]), lambda: Variable(10**400),
        lambda: ag.inv(Variable(np.ones((2, 2)))), lambda: ag.chol(Variable(-np.eye(2))), lambda: ag.logm(Variable(-np.eye(2))),
        lambda: ag.tanh("a"), lambda: ag.sum(None), lambda: concatenate(["a"]), lambda: ag.mpow(Variable(np.eye(2)), 0.5),
        lambda: ag.norm(Variable(X), -1), lambda: ag.polygamma(1.5, 1.0), lambda: ag.max(Variable([])), lambda: grad(lambda x: [x])(1.0),
        lambda: ag.max(Variable(M), axis=(0, 1)), lambda: ag.prod(Variable(M), axis="a"), lambda: ag.sum(x[0] for x in [X]),
        lambda: grad(lambda x: x, 3)(1.0), lambda: grad(lambda: 1.0)(), lambda: jacobian(lambda x: x, mode="sideways"))),
]


@pytest.mark.parametrize(("bad", "error"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_errors_are_typed(bad: Callable[[], Any], error: type[MatcalcError]) -> None:
    with pytest.raises(error) as found:
        bad()
    assert "NotImplemented" not in str(found.value)


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="no function 'tanhh'; 'tanh' comes closest"):
        _ = ag.tanhh
    assert "tanh" in dir(ag)
    assert "expm_frechet" not in dir(ag)


def test_derivatives_are_taken_under_no_grad() -> None:
    with no_grad():
        assert grad(lambda x: x**3)(2.0) == 12.0
        assert grad(grad(lambda x: x**3))(2.0) == 12.0
        assert hessian(lambda x: x**3)(2.0) == 12.0
        assert jvp(lambda x: x**3, 2.0, 1.0) == (8.0, 12.0)
        assert jacobian(lambda x: x**3)(2.0) == vjp(lambda x: x**3, 2.0)[1](1.0)[0] == 12.0
        assert isinstance(Variable(1.0) * 2, ag.variable.Constant)


def test_derivatives_inside_derivatives_of_closures() -> None:
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6.0
    assert grad(lambda x: jvp(lambda y: x * x * y, 2.0, 1.0)[1])(3.0) == 6.0
    assert jvp(lambda x: grad(lambda y: x**3 * y)(2.0), 2.0, 1.0)[1] == 12.0
    assert hessian(lambda x: grad(lambda y: x**3 * y)(2.0))(2.0) == 12.0
    for inner in (hessian, jacobian):
        with pytest.raises(NotSupported, match="plain numbers"):
            grad(lambda x, inner=inner: inner(lambda y: x * y * y)(2.0))(3.0)
    w = Variable(2.0)
    assert grad(lambda y: w * y)(3.0) == 2.0
    assert type(grad(lambda y: w * y)(3.0)) is float


def test_a_derivative_that_would_be_lost_is_refused() -> None:
    for lost in (lambda x: jacobian(lambda y: y**3)(x).sum(), lambda x: hessian(lambda y: (y**3).sum())(x).sum(),
                 lambda x: hvp(lambda y: (y**3).sum(), x, X).sum(), lambda x: vjp(lambda y: y**3, x)[1](X)[0].sum()):
        with pytest.raises(NotSupported, match="plain numbers"):
            grad(lost)(X)


def test_which_mode_and_why() -> None:
    array, why = jacobian(lambda x: M @ x, explain=True)(X)
    assert close(array, M)
    assert why.startswith("forward mode: 3 inputs, 4 outputs")


# ---------------------------------------------------------------- size
def chain(x: Any) -> Any:
    for _ in range(50_000):
        x = x * 0.99999 + 1e-6
    return x


def test_deep_graphs() -> None:
    x = Variable(0.5)
    y = chain(x)
    y.backward()
    wanted = 0.99999**50_000
    assert math.isclose(x.grad, wanted, rel_tol=1e-9)
    assert math.isclose(grad(chain)(0.5), wanted, rel_tol=1e-9)
    assert math.isclose(jvp(chain, 0.5, 1.0)[1], wanted, rel_tol=1e-9)
    assert hvp(chain, 0.5, 1.0) == 0.0
    assert repr(y).startswith("Variable(")
    del y
    z = Variable(np.ones(2))
    for _ in range(100_000):
        z = -z
    del z


@pytest.mark.parametrize(("back", "steps"), [(True, 10_000), (False, 2_000)], ids=["backward", "no backward"])
def test_a_loop_takes_no_memory(back: bool, steps: int) -> None:
    w, b = Variable(np.ones(50)), Variable(0.1)

    def step() -> None:
        y = (ag.tanh(w * b + 1.0) ** 2).sum() + ag.max(ag.softmax(w)) + concatenate([w, w * 2.0])[3] + where(w > 0, w, 0.0)[1]
        if back:
            y.backward()
            w.zero_grad()
            b.zero_grad()

    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            step()
        before = sys.getallocatedblocks()
        for _ in range(steps):
            step()
        grown = sys.getallocatedblocks() - before
    finally:
        gc.enable()
    assert grown < 10_000, grown  # steps that are kept would be 75 blocks each; the interpreter's own stores settle at a few thousand


# ---------------------------------------------------------------- rules of users
TABLE = """
[swish]
signature    = "swish(x: any) -> like(x)"
derivative   = "sigmoid(x) + x * sigmoid(x) * (1 - sigmoid(x))"
numpy        = "x * sigmoid(x)"
latex        = '\\operatorname{swish}({x})'
source       = "Ramachandran, Zoph & Le 2017"
"""
ASK = """
import sys, numpy as np, matcalc as mc
mc.load_rules(sys.argv[1])
from matcalc import autograd as ag
x = np.array([0.3, -1.2])
slope = lambda v: (ag.swish(v + 1e-5) - ag.swish(v - 1e-5)) / 2e-5
print(np.abs(ag.grad(lambda v: ag.swish(v).sum())(x) - slope(x)).max() < 1e-9, type(ag.swish(ag.Variable(0.3)).value).__name__)
print(np.abs(ag.hessian(lambda v: ag.swish(v).sum())(x) - np.diag([ag.grad(ag.grad(ag.swish))(v) for v in x])).max() < 1e-12)
"""


def test_a_rule_from_a_file_is_a_function_here(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(TABLE)
    ran = subprocess.run([sys.executable, "-c", ASK, str(file)], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parent.parent)
    assert ran.stdout.split() == ["True", "float", "True"], ran.stderr


def test_pythons_math_would_lose_the_derivative_and_is_refused() -> None:
    with pytest.raises(DomainError, match="derivative would be lost"):
        grad(lambda x: math.exp(x) * x)(1.0)
    assert float(Variable(2.0) * 3) == 6.0
