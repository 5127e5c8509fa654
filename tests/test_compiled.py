"""Compiled functions: the values of node by node, for every shape, layout and kind of number; arguments are never changed."""

from __future__ import annotations

import keyword
import re
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.checker import choices
from matcalc.checker.evidence import Redraw
from matcalc.checker.floats import Floats
from matcalc.checker.plan import Plan
from matcalc.codegen import compiled, in_place, runtime
from matcalc.codegen.graph import Graph
from matcalc.codegen.trials import reduced
from tests.compiled import (
    LAYOUTS,
    SINGLE,
    by_node,
    called,
    compared,
    drawn,
    faults,
    fresh,
    is_planned,
    is_settled,
    largest,
    point,
    single,
    sizes_of,
    spread,
)
from tests.derivatives import ALL, differences, given
from tests.oracle.random_expressions import SIZES, problems
from tests.oracle.random_expressions import draw as draw_problem
from tests.test_corpus import EVERY, answered
from tests.test_growth import counted

UNFORCED, FORCED = in_place.LARGE, 2  # entries; a scalar is a Python number, which is never overwritten
large = pytest.mark.parametrize("large", [UNFORCED, FORCED], ids=["as planned", "overwriting everything"])


@pytest.fixture(autouse=True)
def plans(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The source of every plan that is made, shown if the test fails."""
    made: list[str] = []
    init = compiled.Planned.__init__

    def recorded(self: Any, *args: Any, **more: Any) -> None:
        init(self, *args, **more)
        made.append(self.source)

    monkeypatch.setattr(compiled.Planned, "__init__", recorded)
    yield made
    print("\n".join(made[-2:]))


def overwrite(monkeypatch: pytest.MonkeyPatch, entries: int) -> None:
    monkeypatch.setattr(in_place, "LARGE", entries)


# ---------------------------------------------------------------- the corpus
@cache
def answer(name: str, **other: Any) -> Any:
    """The answer to a case of the corpus, or to the same question with another verb; the evidence is judged elsewhere."""
    return answered({**next(c for c in EVERY if c["id"] == name), **other}, check=False)


@cache
def points(name: str) -> list[dict[str, Any]]:
    """Unequal sizes, all sizes 1, all sizes 2; square matrices near the identity and not."""
    d = answer(name)
    sizes = [choices(d.reading_of_input)[0], *[dict.fromkeys(d.reading_of_input.dims, n) for n in (1, 2)]]
    return [point(d, s, i, "unit" if i == 0 else "signed") for i, s in enumerate(sizes)]


def tensors(d: Any) -> list[bool]:
    return [False, True] if d.of is not None and d.of.is_matrix else [False]


@large
@pytest.mark.parametrize("name", [c["id"] for c in EVERY])
def test_the_corpus_is_computed_as_node_by_node(name: str, large: int, plans: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    overwrite(monkeypatch, large)
    d, forced = answer(name), large == FORCED
    for i, values in enumerate(points(name)[::2] if forced else points(name)[:2], 2 * forced):
        for tensor in tensors(d):
            plans.clear()
            found = faults(d, values, tensor, LAYOUTS[i % 4])
            assert not found, f"{d}\n{LAYOUTS[i % 4]}, {'tensor' if tensor else 'matrix'}, {values}: {found}"
            assert plans or isinstance(called(fresh(d, tensor), values), mc.MatcalcError), "computed node by node"
    assert any(is_settled(d, values) for values in points(name))


@pytest.mark.parametrize("name", [c["id"] for c in EVERY])
def test_overwriting_repeats_no_work(name: str, plans: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no temporary is overwritten, what several operations read has a name and is computed once."""
    counts = []
    for entries in (10**9, FORCED):
        overwrite(monkeypatch, entries)
        plans.clear()
        fresh(answer(name))(**points(name)[0])
        counts.append({sign: plans[-1].count(sign) for sign in (" @ ", "np.exp(", "inverse(", "solution(", "kron(")})
    assert all(counts[1][sign] <= n for sign, n in counts[0].items()), str(answer(name))


@pytest.mark.parametrize("name", [c["id"] for c in EVERY])
def test_single_precision_stays_single(name: str) -> None:
    d = answer(name)
    double = points(name)[0]
    values = single(double)
    for tensor in tensors(d):
        wanted, f = by_node(d, double, tensor), fresh(d, tensor)
        for _ in range(2):
            got = called(f, values)
            assert not compared(d, double, got, wanted, tensor, SINGLE)
            if isinstance(got, np.ndarray) and any(isinstance(v, np.ndarray) for v in values.values()) and is_planned(f):
                assert got.dtype == np.float32


@pytest.mark.parametrize("name", [c["id"] for c in EVERY if c.get("op") != "hessian"])
def test_the_corpus_is_what_is_measured(name: str) -> None:
    """The tensor of the Jacobian, or the gradient, against 4-point differences of the checker's values of what was typed."""
    d = answer(name)
    if d.structure != "free":
        pytest.skip("a derivative by the free entries")
    for strategy in ("unit", "signed", "positive", "small"):
        for seed, sizes in enumerate(choices(d.reading_of_input)[:3]):
            values = point(d, sizes, seed, strategy)
            got = called(d.compile(tensor=True), values)
            if isinstance(got, mc.MatcalcError) or not np.isfinite(got).all():
                continue
            try:
                slopes, scale = slopes_of(d, values, sizes)
            except Redraw:
                continue
            error = largest(got - slopes.reshape(np.shape(got)))
            if np.isfinite(slopes).all() and spread(d, values, True) <= 1e-8 * max(1.0, largest(got)):
                assert error <= 1e-6 * max(scale, largest(got)), f"{d}\n{values}\n{got}\n{slopes}"
                return
    pytest.fail("no point")


def slopes_of(d: Any, values: dict[str, Any], sizes: dict[str, int]) -> tuple[Any, float]:
    """The differences, along every entry of the variable, and the size of the values that they are of."""
    reading, plan = d.reading_of_input, Plan()
    root = plan.add(reading.root)
    shapes = {n: sizes_of(s.shape, sizes) for n, s in {**reading.symbols, d.wrt: d.of.wrt}.items()}
    arrays = {n: np.reshape(values.get(n, np.ones(shape)), shape) for n, shape in shapes.items()}

    def f(x: Any) -> Any:
        batch = {n: np.broadcast_to(v, (len(x), *v.shape)) for n, v in arrays.items()}
        return np.broadcast_to(Floats(plan, sizes).run({**batch, d.wrt: x})[root], (len(x), *sizes_of(reading.root.shape, sizes)))

    with np.errstate(all="ignore"):
        return differences(f, arrays[d.wrt], False), max(1.0, largest(f(arrays[d.wrt][None])))


@pytest.mark.parametrize("name", [c["id"] for c in EVERY if c.get("op") == "hessian"])
def test_a_hessian_is_what_is_measured_of_the_compiled_gradient(name: str) -> None:
    d, gradient = answer(name), answer(name, op="grad").compile()
    values = point(d, None, 3, "unit")
    x = np.asarray(values[d.wrt], float)
    got = np.asarray(d.compile(tensor=True)(**values))
    assert got.shape == x.shape * 2
    symmetric = bool({"symmetric", "spd", "psd"} & d.of.wrt.properties)
    slopes = differences(lambda xs: [gradient(**{**values, d.wrt: x if x.ndim else float(x)}) for x in xs], x, symmetric)
    along = (got + got.swapaxes(-1, -2)) / 2 if symmetric else got
    assert largest(along - slopes.reshape(got.shape)) <= 1e-6 * max(1.0, largest(got)), str(d)


# ---------------------------------------------------------------- every function, and what nobody thought of
@pytest.mark.parametrize("case", ALL, ids=lambda c: c.id)
def test_every_function_is_computed_as_node_by_node(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    d = mc.simplify(case.text, case.let, check=False)
    values = {n: v for n, v in given(case).items() if n in d.reading_of_input.symbols}
    assert not faults(d, values), str(d)
    overwrite(monkeypatch, FORCED)
    assert not faults(d, values, layout="F"), str(d)


ENTRYWISE = (
    "{}", "exp({})", "softplus({})", "sigmoid({})", "relu({})", "step({})", "abs({})", "({})**2", "1 / (2 + ({}))", "({})**c",
    "softmax({})", "maximum({}, c)", "minimum({}, exp({}))", "argmaxmask({}, axis=0)", "tril({})",
)
REPEATED = (
    "x @ ones(1, 3)", "ones(3) @ x.T", "c * ones(3, 3)", "eye(3)", "eye(3) - c", "x.T + eye(3)", "diag(x) + y @ ones(1, 3)",
    "x.T + y.T - A", "x @ ones(1, 3) + y @ ones(1, 3) - A", "A + x.T - c", "ones(3, 3) - diag(x)", "x @ y.T + c",
)
READ_BY = (
    "{}", "({}).T", "sum({})", "sum({}, axis=0)", "sum({}, axis=1)", "max({}, axis=0)", "min({}, axis=1)", "max({})", "tr({})", "diagv({})",
    "vec({})", "({}) @ y", "y.T @ ({})", "({}) @ A", "A.T @ ({}).T", "kron({}, y)", "({})[1:, :]", "norm2sq({})", "diag(vec({}))",
    "inv(3 * eye(3) + ({}))", "logsumexp({})", "A * ({}) + y.T", "sum(({}) * ({}).T, axis=0)",
)
SQUARE = {"x": np.array([0.2, 0.7, 0.4]), "y": np.array([0.6, 0.3, 0.9]), "c": 0.45,
          "A": np.array([[0.1, 0.9, 0.3], [0.78, 0.5, 0.2], [0.4, 0.7, 0.6]])}


@large
@pytest.mark.parametrize("inside", REPEATED)
def test_what_repeats_is_read_as_what_it_stands_for(inside: str, large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row, a column, a number or a diagonal that stands for a matrix: wherever that is read, all of it is read."""
    overwrite(monkeypatch, large)
    found = {}
    for i, f in enumerate(ENTRYWISE, REPEATED.index(inside) + (large == FORCED)):
        for outside in READ_BY[i % 6::6]:
            text = outside.replace("{}", f.replace("{}", inside))
            let = [d for d in ("x: vector(3)", "y: vector(3)", "A: matrix(3, 3)", "c: scalar") if re.search(rf"\b{d[0]}\b", text)]
            d = mc.simplify(text, let, check=False)
            found[text] = faults(d, {n: v for n, v in SQUARE.items() if n in d.reading_of_input.symbols})
    wrong = [f"{text}: {fault[0][:200]}" for text, fault in found.items() if fault]
    assert not wrong, f"{len(wrong)} of {len(found)}\n" + "\n".join(wrong)


SMALL = {  # verb, f, by which variable, declarations
    "a part of a shared vec": ("jacobian", "softmax(X)", "X", "X: matrix(m, n)"),
    "a vec of another shape": ("jacobian", "softmax(vec(X))", "X", "X: matrix(m, n)"),
    "a row of one": ("jacobian", "a.T @ x", "x", "a: vector(n); x: vector(n)"),
    "a transposed Jacobian": ("jacobian", "maximum(x.T @ A, y.T)", "x", "x: vector(m); A: matrix(m, n); y: vector(n)"),
    "an identity and a number": ("grad", "sum(maximum(eye(n) * tr(X), s))", "s", "s: scalar; X: matrix(n, n)"),
    "an identity and a row": ("hessian", "sum(exp(eye(n) + z.T))", "z", "z: vector(n)"),
    "ones and a row": ("jacobian", "sigmoid(ones(n, n) + z.T)", "z", "z: vector(n)"),
    "a maximum of ones": ("grad", "z.T @ argmaxmask(eye(n), axis=0) @ z", "z", "z: vector(n)"),
    "rows under a minimum": ("grad", "min(A - v.T - mean(B, axis=0))", "A", "A: matrix(k, n); B: matrix(m, n); v: vector(n)"),
    "a step of a sum": ("jacobian", "step(ones(m, n) @ z) * (B @ v)", "v", "B: matrix(m, m); v: vector(m); z: vector(n)"),
    "a power of a matrix": ("grad", "tr(softmax(eye(n)) * X**c)", "c", "X: matrix(n, n) positive; c: scalar"),
    "columns of a sum": ("grad", "sum(softplus(S * S) * S) where S = ones(4) @ sum(X, axis=0)", "X", "X: matrix(m, n)"),
    "a kink": ("hessian", "sum(relu(log(z)))", "z", "z: vector(n) positive"),
    "entries of a vec": ("jacobian", "kron(w, u) / (1 + square(vec(Y)))", "Y", "w: vector(k); u: vector(m); Y: matrix(k, m)"),
    "ones under a minimum": ("jacobian", "z * minimum(ones(n), 2)", "z", "z: vector(n)"),
    "a row of the identity": ("grad", "tr(X) + sum(X[:, -1])", "X", "X: matrix(n, n)"),
    "columns of a quotient": ("jacobian", "norm2sq(X) / (Y @ ones(n, k))", "X", "X: matrix(m, l); Y: matrix(n, n); k: dimension"),
    "a trace of a softmax": ("grad", "tr(softmax(X))", "X", "X: matrix(n, n)"),
    "a p-norm": ("grad", "norm(vec(X), 1 / 2)", "X", "X: matrix(m, n)"),
}


@large
@pytest.mark.parametrize("name", SMALL)
def test_small_derivatives_are_computed_as_node_by_node(name: str, large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    overwrite(monkeypatch, large)
    verb, f, wrt, let = SMALL[name]
    d = getattr(mc, verb)(f, wrt, let.split("; "), check=False)
    for sizes in choices(d.reading_of_input):
        for tensor in tensors(d):
            for layout in LAYOUTS:
                assert not faults(d, point(d, sizes, 1, "unit"), tensor, layout), f"{d}, {sizes}"


COUNTS = {"grad": 32, "jacobian": 24, "hessian": 16}
RANDOM = [p for op, count in COUNTS.items() for p in problems(5, count, op)]


@large
@pytest.mark.parametrize("problem", RANDOM, ids=lambda p: f"{p.op} {p.seed}")
def test_random_derivatives_are_computed_as_node_by_node(problem: Any, large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    overwrite(monkeypatch, large)
    try:
        d = getattr(mc, problem.op)(problem.text, wrt=problem.wrt, let=problem.let, check=False)
    except mc.MatcalcError:
        pytest.skip("refused")
    names = d.reading_of_input.symbols
    values = {n: float(v.item()) if names[n].shape == (1, 1) else v[:, 0] if names[n].shape[1] == 1 else v
              for n, v in draw_problem(problem.variables, SIZES, np.random.default_rng(5)).items() if n in names}
    if isinstance(called(lambda **v: by_node(d, v), values), mc.MatcalcError):
        values |= {n: SIZES[n] for n in problem.dims}
    for tensor in tensors(d):
        for layout in ("C", "F"):
            assert not faults(d, values, tensor, layout), f"{problem.call}\n{d}"


# ---------------------------------------------------------------- large arrays
N = 46  # 46 * 46 entries are more than LARGE
MANY = {  # f, by which variable (none: f itself), the declarations, the shapes
    "a vec of a transpose": ("exp(vec(A.T))", "", "A: matrix(n, n)", {"A": (N, N)}),
    "a vec": ("2 * vec(A) + b", "", "A: matrix(n, n); b: vector(n*n)", {"A": (N, N), "b": (N * N,)}),
    "a shared product": ("exp(A @ B / 9) + sin(A @ B / 9)", "", "A: matrix(n, n); B: matrix(n, n)", {"A": (N, N), "B": (N, N)}),
    "rows": ("u.T + v.T - A", "", "A: matrix(m, n); u: vector(n); v: vector(n)", {"A": (50, N), "u": (N,), "v": (N,)}),
    "columns": ("exp(u @ ones(n).T + v @ ones(n).T - A)", "", "A: matrix(m, n); u: vector(m); v: vector(m)",
                {"A": (50, N), "u": (50,), "v": (50,)}),
    "a trace of a softmax": ("tr(softmax(A))", "grad A", "A: matrix(n, n)", {"A": (N, N)}),
    "a row of a Jacobian": ("norm2sq(X)", "jacobian X", "X: matrix(n, n)", {"X": (N, N)}),
    "half of a maximum": ("maximum(x.T @ A + b.T, y.T)", "jacobian x", "A: matrix(m, n); x: vector(m); b: vector(n); y: vector(n)",
                          {"A": (50, N), "x": (50,), "b": (N,), "y": (N,)}),
    "softmax": ("sum(log(softmax(X @ W)) * Y)", "grad W", "X: matrix(m, n); W: matrix(n, k); Y: matrix(m, k)",
                {"X": (60, 40), "W": (40, 50), "Y": (60, 50)}),
    "logistic": ("sum(softplus(-y * (X @ w)))", "grad w", "X: matrix(m, n); y: vector(m); w: vector(n)",
                 {"X": (2500, 4), "y": (2500,), "w": (4,)}),
    "a network": ("norm2sq(tanh(tanh(X @ U) @ V) - Y)", "grad U", "X: matrix(m, n); U: matrix(n, k); V: matrix(k, l); Y: matrix(m, l)",
                  {"X": (70, 30), "U": (30, 40), "V": (40, 35), "Y": (70, 35)}),
    "relu": ("sum(relu(X @ W)**2)", "grad W", "X: matrix(m, n); W: matrix(n, k)", {"X": (60, 40), "W": (40, 50)}),
    "normalised": ("sum(tanh((X - ones(m) @ mean(X, axis=0)) * S))", "grad X", "X: matrix(m, n); S: matrix(m, n)",
                   {"X": (60, 40), "S": (60, 40)}),
    "a covariance": ("b.T @ inv(X.T @ X + eye(n)) @ b + logdet(X.T @ X + eye(n))", "grad X", "X: matrix(m, n); b: vector(n)",
                     {"X": (60, N), "b": (N,)}),
    "long vectors": ("sum(exp(-(norm2sq(x) + y**2)) * (A @ sin(x) + y))", "grad y", "x: vector(n); y: vector(m); A: matrix(m, n)",
                     {"x": (4,), "y": (2100,), "A": (2100, 4)}),
    "a Hessian of a vector": ("sum(log(1 + exp(X @ w)))", "hessian w", "X: matrix(m, n); w: vector(n)", {"X": (60, 50), "w": (50,)}),
    "a Hessian of a matrix": ("norm2sq(T - U @ V.T)", "hessian U", "T: matrix(m, n); U: matrix(m, k); V: matrix(n, k)",
                              {"T": (9, 8), "U": (9, 5), "V": (8, 5)}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", MANY)
def test_large_temporaries_are_overwritten_and_arguments_are_not(name: str, layout: str) -> None:
    f, question, let, shapes = MANY[name]
    verb, _, wrt = question.partition(" ")
    d = getattr(mc, verb)(f, wrt, let.split("; "), check=False) if verb else mc.simplify(f, let.split("; "), check=False)
    for tensor in tensors(d):
        assert not faults(d, drawn(**shapes), tensor, layout), str(d)


@pytest.mark.parametrize("large", [1, FORCED, UNFORCED])
def test_several_answers_share_no_memory(large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    overwrite(monkeypatch, large)
    values = drawn(A=(3, 4), x=(4,), b=(3,))
    for f, wrt in (("sum(exp(A @ x - b))", ["x", "b", "A"]), ("b.T @ A @ x", ["b", "x", "A"]), ("sum(A.T @ b) + sum(x)", ["x", "b"])):
        together = mc.grad(f, wrt, ["A: matrix(m, n)", "x: vector(n)", "b: vector(m)"], check=False)
        needed = {n: v for n, v in values.items() if n in together[0].reading_of_input.symbols}
        before = {n: v.copy() for n, v in needed.items()}
        f_all = together.compile()
        for _ in range(2):
            results = f_all(**needed)
            for i, result in enumerate(results):
                assert not compared(together[i], before, result, by_node(together[i], before))
                result[...] = 77
            assert all(np.array_equal(v, before[n]) for n, v in needed.items())


# ---------------------------------------------------------------- matrices that are not what they should be
RNG = np.random.default_rng(3)
B = RNG.normal(size=(4, 4))
GOOD = B @ B.T + np.eye(4)
SQUARES = {
    "good": GOOD, "of Fortran": np.asfortranarray(GOOD), "single": GOOD.astype(np.float32), "indefinite": B + B.T, "negative": -GOOD,
    "singular": np.ones((4, 4)), "zero": np.zeros((4, 4)), "nan": np.full((4, 4), np.nan), "infinite": np.diag([1, np.inf, 1, 1]),
    "1 x 1": np.array([[2.5]]), "1 x 1, negative": np.array([[-2.5]]), "1 x 1, zero": np.array([[0.0]]), "empty": np.zeros((0, 0)),
    "tiny": GOOD * 1e-200, "huge": GOOD * 1e200,
    **{f"skewed at {i}, {j}": GOOD + np.eye(4)[:, [i]] @ np.eye(4)[[j]] / 2 for i in range(4) for j in range(4) if i != j},
}
OF_SQUARES = ("inv(S)", "inv(S) @ b", "b.T @ inv(S) @ b", "logdet(S)", "logdet(S) * inv(S)", "b.T @ inv(S) @ b + logdet(S)", "det(S)",
              "inv(S + eye(n)) @ (S - eye(n))", "inv(inv(S) + eye(n))")


@pytest.mark.parametrize("scipy", [True, False], ids=["with SciPy", "without"])
@pytest.mark.parametrize("square", SQUARES)
@pytest.mark.parametrize("declared", ["", "spd"])
def test_inverses_and_factors_are_those_of_node_by_node(declared: str, square: str, scipy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the matrix is not what was declared: the value is that of what was given, or a typed error says that there is none."""
    if not scipy:
        monkeypatch.setattr(runtime, "lapack", None)
    s = SQUARES[square]
    for text in OF_SQUARES:
        d = mc.simplify(text, [f"S: matrix(n, n) {declared}", *(["b: vector(n)"] if "b" in text else [])], check=False)
        values = {"S": s, "b": np.arange(1.0, len(s) + 1).astype(s.dtype)}
        values = {n: v for n, v in values.items() if n in d.reading_of_input.symbols}
        try:
            wanted = by_node(d, values)
        except mc.MatcalcError as error:
            wanted = error
        f = fresh(d)
        for _ in range(2):
            got = called(f, values)
            assert not compared(d, values, got, wanted, tolerance=SINGLE if square == "single" else 1e-8), text
            if square == "nan":
                assert isinstance(got, mc.MatcalcError) or np.isnan(got).any(), text


# ---------------------------------------------------------------- where there is no value
OF_NUMBERS = {
    "1 / t": (0.0,), "t**-2": (0.0, 1e-200), "t**0.5": (-1.0,), "t**(-1 / 2)": (0.0, -1.0), "t**1.5": (-2.0, 1e300, -1e300),
    "t**t": (-0.5, 1e300), "t**64": (1e300,), "1 / (1 - t)": (1.0,), "exp(t)": (1000.0, np.inf, np.nan), "log(t)": (0.0, -1.0),
    "abs(sqrt(t))": (-1.0,), "maximum(sqrt(t), 2)": (-1.0,), "sqrt(t)**2 + sqrt(t)": (-4.0,), "tanh(t) / t": (0.0,),
    "t * t * t": (1e200,), "t - t**2 / t": (np.inf,), "sigmoid(t)": (-1000.0, 1000.0, np.inf, -np.inf),
    "softplus(t)": (-1000.0, 1000.0, np.inf), "gammaln(t)": (0.0, -1.0, np.inf), "erf(t)": (np.inf, np.nan),
}
OF_VECTORS = (
    "x / t", "sqrt(t) * x", "abs(sqrt(t)) * x", "t**1.5 * x", "x - 1 / t", "1 / (t * sum(x))", "x**t", "x * t", "x**3 * t", "x + t",
    "mean(x) * t", "t * norm2sq(x)", "max(t * x)", "x * x", "norm(x)", "norm(x, 3)", "x / norm(x)", "x / x**2", "1 / x", "sum(x)",
    "x @ x.T", "x @ x.T @ x", "exp(x)", "log(x)", "sqrt(x)", "tanh(x)", "erf(x)", "gammaln(x)", "sigmoid(x)", "softplus(x)", "softmax(x)",
    "logsumexp(x)", "step(x)", "relu(x) - x",
)
NUMBERS = (0.0, -1.0, 1e308, np.inf, -np.inf, np.nan)
VECTORS = {"plain": [1.0, -2.0, 0.5], "zero": [0.0, -0.0, 0.0], "large": [1e200, -1e308, 1e308], "infinite": [np.inf, -np.inf, 1.0],
           "not a number": [np.nan, 1.0, 2.0]}


@pytest.mark.parametrize("text", OF_NUMBERS)
def test_a_scalar_function_has_no_value_where_node_by_node_has_none(text: str) -> None:
    d = mc.simplify(text, ["t: scalar"], check=False)
    for t in OF_NUMBERS[text]:
        f, wanted = fresh(d), called(lambda t, d=d: by_node(d, {"t": t}), {"t": t})
        for _ in range(2):
            got = called(f, {"t": t})
            assert type(got) is type(wanted), f"{got!r} at {t}"
            assert not isinstance(got, float) or got == pytest.approx(wanted, nan_ok=True), t


@large
@pytest.mark.parametrize("text", OF_VECTORS)
def test_there_is_no_warning_and_no_error_where_there_is_no_value(text: str, large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    overwrite(monkeypatch, large)
    d = mc.simplify(text, [s for s in ("t: scalar", "x: vector(n)") if s[0] in text.replace("exp", "").replace("max", "")], check=False)
    for t in NUMBERS:
        for x in VECTORS.values():
            values = {n: v for n, v in {"t": t, "x": np.array(x)}.items() if n in d.reading_of_input.symbols}
            found = faults(d, values)
            assert not found, f"{values}: {found}"


def test_what_scipy_warns_of_stays_inside() -> None:
    d = mc.simplify("tr(sqrtm(X))", ["X: matrix(n, n)"], check=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f = fresh(d)
        for _ in range(2):
            assert f(X=np.array([[0.0, 1.0], [0.0, 0.0]])) == 0
            assert f(X=np.ones((2, 2))) == pytest.approx(2 ** 0.5)


def test_a_relu_is_a_number() -> None:
    d = mc.grad("sum(relu(x))", "x", ["x: vector(n)"])
    assert d(x=[1.0, -1.0, 0.0]).tolist() == [1.0, 0.0, 0.0]
    assert d(x=np.array([1.0, -1.0])).dtype == float
    assert (-mc.grad("sum(relu(-x))", "x", ["x: vector(n)"])(x=np.array([1.0, -1.0]))).tolist() == [0.0, 1.0]


# ---------------------------------------------------------------- how arguments are given
QUADRATIC = ("norm2sq(A @ x - t * b)", "x", ["A: matrix(m, n)", "x: vector(n)", "b: vector(m)", "t: scalar"])
PLAIN = {"A": np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]), "x": np.array([1.0, 2.0]), "b": np.array([1.0, 0.0, 3.0]), "t": 2.0}
WAYS = {
    "lists": {"A": [[1, 2], [3, 4], [5, 7]], "x": [1, 2], "b": [1.0, 0, 3]}, "tuples": {"x": (1, 2)},
    "whole numbers": {"A": PLAIN["A"].astype(int)},
    "small whole numbers": {"A": PLAIN["A"].astype(np.uint8)}, "columns": {"x": [[1], [2]], "b": PLAIN["b"][:, None]},
    "Fortran": {"A": np.asfortranarray(PLAIN["A"])}, "every second": {"A": np.repeat(np.repeat(PLAIN["A"], 2, 0), 2, 1)[::2, ::2]},
    "read-only": {"x": np.broadcast_to(PLAIN["x"], (2,))}, "big-endian": {"A": PLAIN["A"].astype(">f8"), "x": PLAIN["x"].astype(">f8")},
    "masked": {"A": np.ma.array(PLAIN["A"])}, "of a file": {"A": PLAIN["A"].view(np.recarray)},
    "mixed": {"A": PLAIN["A"].astype(np.float32)}, "half": {"A": PLAIN["A"].astype(np.float16)},
    "long": {"A": PLAIN["A"].astype(np.longdouble)},
    **{f"t a {type(t).__name__} {np.shape(t)}": {"t": t}
       for t in (2, np.float32(2), np.float64(2), np.int8(2), np.array(2), np.array([2.0]), [2], [[2.0]])},
    "its size": {"n": 2, "m": 3},
}


@pytest.mark.parametrize("order", [("plain", "way", "plain"), ("way", "way", "plain")], ids=["after", "before"])
@pytest.mark.parametrize("way", WAYS)
def test_arguments_may_be_given_in_any_way(way: str, order: tuple[str, ...]) -> None:
    d = mc.grad(*QUADRATIC, check=False)
    f, wanted = fresh(d), by_node(d, PLAIN)
    for how in order:
        values = PLAIN | (WAYS[way] if how == "way" else {})
        for got in (f(**values), f(values), d(values)):
            assert type(got) is np.ndarray
            assert got.shape == (2,)
            assert got == pytest.approx(wanted)


BAD = {  # what is wrong, and what must be said of it
    "a row": ({"x": np.ones((1, 2))}, mc.ShapeError, "x must be vector(n)"),
    "longer": ({"x": np.ones(3)}, mc.ShapeError, "x must be vector(n) with n = 2"),
    "three axes": ({"x": np.ones((2, 1, 1))}, mc.ShapeError, "x must be vector(n)"),
    "three axes of a matrix": ({"A": np.ones((1, 3, 2))}, mc.ShapeError, "A must be matrix(m, n)"),
    "of another vector": ({"b": np.ones(4)}, mc.ShapeError, "b must be vector(m) with m = 3"),
    "a number for a vector": ({"b": 1.0}, mc.ShapeError, "b must be vector(m) with m = 3"),
    "a vector for a number": ({"t": np.ones(2)}, mc.ShapeError, "t must be scalar"),
    "nothing for a number": ({"t": []}, mc.ShapeError, "t must be scalar"),
    "objects": ({"x": np.array([1.0, 2.0], object)}, mc.DomainError, "x must be vector(n) of numbers"),
    "a text": ({"A": "A"}, mc.DomainError, "A must be matrix(m, n) of numbers"),
    "texts": ({"A": PLAIN["A"].astype(str)}, mc.DomainError, "A must be matrix(m, n) of numbers"),
    "ragged": ({"A": [[1.0, 2.0], [3.0]]}, mc.DomainError, "A must be matrix(m, n) of numbers"),
    "a dictionary": ({"A": {}}, mc.DomainError, "A must be matrix(m, n) of numbers"),
    "days": ({"x": np.array(["2020-01-01", "2020-01-02"], "M8[D]")}, mc.DomainError, "x must be vector(n) of numbers"),
    "a number in a text": ({"t": "2"}, mc.DomainError, "t must be scalar of numbers"),
    "a number too large": ({"t": 10**400}, mc.DomainError, "t must be scalar of numbers"),
    "no number": ({"t": None}, mc.DomainError, "no value is given for t"),
    "no matrix": ({"A": None}, mc.DomainError, "no value is given for A"),
    "one too many": ({"q": 1.0}, mc.DomainError, "q is not a variable of this answer"),
    "another size": ({"m": 4}, mc.ShapeError, "A must be matrix(m, n) with m = 4"),
    "a size in a text": ({"m": "3"}, mc.DomainError, "m is a dimension"),
    "half a size": ({"n": 2.5}, mc.DomainError, "n is a dimension"),
}


@pytest.mark.parametrize("known", [False, True], ids=["at once", "after a plan was made"])
@pytest.mark.parametrize("bad", BAD)
def test_a_wrong_argument_is_named_with_the_shape_that_is_expected(bad: str, known: bool) -> None:
    wrong, kind, said = BAD[bad]
    f = fresh(mc.grad(*QUADRATIC, check=False))
    if known:
        f(**PLAIN)
    with pytest.raises(kind, match=re.escape(said)):
        f(**PLAIN | wrong)
    assert f(**PLAIN) == pytest.approx(by_node(mc.grad(*QUADRATIC, check=False), PLAIN))


def test_arrays_are_passed_by_name() -> None:
    f = mc.grad(*QUADRATIC, check=False).compile()
    for wrong in (PLAIN.values(), (PLAIN, PLAIN), (PLAIN["A"],), (), ({},), ({1: 2.0},)):
        with pytest.raises(mc.DomainError, match=r"by name|no value is given|not a variable"):
            f(*wrong)
    assert f({"A": PLAIN["A"], "x": PLAIN["x"]}, b=PLAIN["b"], t=2.0) == pytest.approx(f(PLAIN))


def test_a_complex_argument_is_a_complex_step() -> None:
    d = mc.simplify("sum(exp(t * x)) / t", ["t: scalar", "x: vector(n)"], check=False)
    slope = mc.grad("sum(exp(t * x)) / t", "t", ["t: scalar", "x: vector(n)"], check=False)
    x = np.array([0.3, -0.7])
    f = d.compile()
    f(t=0.5, x=x)
    assert f(t=0.5 + 1e-20j, x=x).imag / 1e-20 == pytest.approx(slope(t=0.5, x=x))


def test_other_shapes_have_plans_of_their_own(plans: list[str]) -> None:
    f = fresh(mc.grad("x.T A x", "x"))
    for _ in range(2):
        for n in range(1, 2 * compiled.MOST_PLANS):
            assert f(A=np.eye(n), x=np.full(n, float(n))).tolist() == [2.0 * n] * n
    plans.clear()
    f(A=np.eye(5), x=np.ones(5))
    f(A=np.eye(5), x=np.ones(5))
    assert len(plans) <= 1


# ---------------------------------------------------------------- a plan is judged before it is used
@pytest.mark.parametrize("n", [3, 1200], ids=["short", "long"])
def test_a_wrong_plan_is_made_once_and_never_used(n: int, plans: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Graph, "transpose", lambda self, a: a)
    d, values = mc.grad("norm2sq(A @ x)", "x", ["A: matrix(n, n)", "x: vector(n)"], check=False), drawn(A=(n, n), x=(n,))
    f = fresh(d)
    assert f(**values) == pytest.approx(2 * values["A"].T @ (values["A"] @ values["x"]))
    assert not is_planned(f)
    made = len(plans)
    assert f(**values) == pytest.approx(by_node(d, values))
    assert len(plans) == made


def test_what_is_long_is_computed_node_by_node_only_in_small(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, by_nodes = [], compiled.Compiled._by_node

    def seen(self: Any, given: Any) -> Any:
        sizes.append([len(given[n]) for n in "TUV"])
        return by_nodes(self, given)

    monkeypatch.setattr(compiled.Compiled, "_by_node", seen)
    f = fresh(mc.hessian("norm2sq(T - U @ V.T)", "U", ["T: matrix(m, n)", "U: matrix(m, k)", "V: matrix(n, k)"], check=False))
    values = drawn(T=(300, 200), U=(300, 8), V=(200, 8))
    assert largest(f(**values) - np.kron(2 * values["V"].T @ values["V"], np.eye(300))) <= 1e-9
    assert sizes == [[4, 4, 3]]
    assert is_planned(f)


def test_small_sizes_keep_what_a_plan_may_depend_on() -> None:
    assert next(reduced({"m": 300, "n": 20, "k": 1, "l": 300}, [])) == {"m": 3, "n": 2, "k": 1, "l": 3}


def test_where_everything_cancels_a_plan_is_judged_by_other_numbers() -> None:
    d = mc.simplify("X @ inv(X.T @ X) @ X.T - eye(m)", ["X: matrix(m, n)"], check=False)
    f = fresh(d)
    assert largest(f(X=np.eye(3) + 0.1)) < 1e-12
    assert is_planned(f)


def test_where_there_is_no_value_a_plan_is_neither_used_nor_given_up() -> None:
    f = fresh(mc.simplify("log(x) + x", ["x: vector(n)"], check=False))
    f(x=np.array([-1.0, 2.0]))
    assert not is_planned(f)
    f(x=np.array([1.0, 2.0]))
    assert is_planned(f)


def test_what_lapack_refuses_is_computed_node_by_node(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(a: Any) -> Any:
        raise runtime.REFUSED("(lwork>=n) failed")

    monkeypatch.setattr(runtime, "inverse", refuse)
    assert fresh(mc.simplify("inv(A)", check=False))(A=np.eye(2) * 2).tolist() == [[0.5, 0], [0, 0.5]]


@pytest.mark.parametrize("text", ["A", "A.T", "diagv(A)", "A[1:, :]", "vec(A)"])
def test_without_a_plan_the_result_is_an_array_of_its_own(text: str) -> None:
    a = np.ones((3, 3), np.float16)  # no plan computes in half precision
    found = fresh(mc.simplify(text, ["A: matrix(n, n)"], check=False))(A=a)
    found[...] = 77
    assert (a == 1).all()


def test_sizes_given_by_name_have_a_plan_that_is_kept(plans: list[str]) -> None:
    f = fresh(mc.simplify("sum(x) * ones(k)", ["x: vector(n)", "k: dimension"], check=False))
    assert [f(x=np.ones(2), k=k).tolist() for k in (3, 2, 3, 2)] == [[2.0] * 3, [2.0] * 2] * 2
    assert len(plans) == 2


def test_single_precision_does_not_leak_into_double() -> None:
    f = fresh(mc.hessian("norm2sq(x)", "x", ["x: vector(n)"], check=False))
    assert [f(x=np.ones(2, kind)).dtype for kind in ("f", "d", "f")] == ["f", "d", "f"]


# ---------------------------------------------------------------- names
NAMES = ("lambda class def None True self np run t1 a0 t2 float compiled values KeyError Exception LinAlgError n v k array len print "
         "dict match λ θ β_1 μ É ψ Ω_2 x̂").split()


@large
@pytest.mark.parametrize("name", NAMES)
def test_a_variable_may_have_any_name(name: str, large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    overwrite(monkeypatch, large)
    let = ["M: matrix(p, q)", f"{name}: vector(q)", "a1: vector(p)"]
    d = mc.grad(f"sum(exp(M @ {name} - a1)) + norm2sq(M @ {name})", name, let, check=False)
    values = drawn(M=(3, 2), a1=(3,))
    given = {**values, name: np.array([0.5, -0.25])}
    inside = {**values, d.wrt: given[name]}
    f = fresh(d)
    for _ in range(2):
        for got in (f(given), f(**given)):
            assert not compared(d, inside, got, by_node(d, inside))
    for wrong in ({**given, name: np.ones(3)}, {n: v for n, v in given.items() if n != name}, {**given, name: "a"}):
        with pytest.raises(mc.MatcalcError):
            f(**wrong)
    assert isinstance(f(M=np.ones((1, 2)), a1=np.ones(1), **{name: np.ones(2)}), np.ndarray)


def test_names_include_keywords_and_letters_of_other_alphabets() -> None:
    assert any(map(keyword.iskeyword, NAMES))
    assert not all(map(str.isascii, NAMES))


# ---------------------------------------------------------------- long expressions
@pytest.mark.parametrize("layer", ["tanh(W @ {})", "sigmoid({})", "exp(-{})", "softplus({})", "relu({} - 1)", "({})**3", "1 / (2 + {})"])
def test_a_deep_expression_has_a_value(layer: str) -> None:
    for depth in (20, 45, 60, 90, 94):
        text = "x"
        for _ in range(depth):
            text = layer.format(text)
        try:
            d = mc.simplify(text, ["x: vector(n)", *(["W: matrix(n, n)"] if "W" in text else [])], check=False)
        except mc.LimitError:
            continue
        values = {"x": np.array([0.1, 0.2]), "W": np.eye(2) * 0.9}
        assert not faults(d, {n: v for n, v in values.items() if n in d.reading_of_input.symbols}, planned=False), depth


CHAINS = {
    "slices": ("exp(x)[1:]", "(q{0} * cos(q{0}))[1:]", "x: vector(40)"),
    "slices of matrices": ("X[1:, :]", "sin(q{0}.T @ q{0})[1:, :]", "X: matrix(40, 40)"),
    "vecs": ("x", "vec(q{0} @ q{0}.T)[:40]", "x: vector(40)"),
    "transposes": ("X", "inv(q{0} @ q{0}.T + X)", "X: matrix(40, 40)"),
    "diagonals": ("X", "q{0} @ diag(diagv(q{0}))", "X: matrix(40, 40)"),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_plan_is_not_longer_than_what_is_shared(name: str, plans: list[str]) -> None:
    """What several parts read is written once, also where they read only a part of it."""
    first, step, let = CHAINS[name]
    values = {let[0]: np.full((40, 40) if let[0] == "X" else 40, 0.01) + (np.eye(40) if let[0] == "X" else 0)}
    lengths = []
    for k in (6, 12):
        parts = "; ".join([f"q0 = {first}", *(f"q{i + 1} = {step.format(i)}" for i in range(k))])
        d = mc.simplify(f"sum(q{k}) where {parts}", [let], check=False)
        fresh(d)(**values)
        lengths.append(len(plans[-1]))
    assert lengths[1] < 5 * lengths[0]  # twice as many steps, each with more parts


def test_a_long_product_is_planned_in_cubic_time() -> None:
    def work(n: int) -> int:
        d = mc.simplify(" @ ".join(f"W_{i}" for i in range(n)), [f"W_{i}: matrix(n, n)" for i in range(n)], check=False)
        f = fresh(d)
        with counted() as calls:
            f(**{f"W_{i}": np.eye(3) for i in range(n)})
        return calls[0]

    assert work(20) < 8 * work(10)
