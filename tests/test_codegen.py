"""Compiled answers against evaluation node by node: values, tensors, arguments that stay as they are, errors of ours."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc import dims
from matcalc.codegen import in_place
from matcalc.codegen.compiled import Planned
from matcalc.codegen.parts import Part
from matcalc.compiler import Program
from matcalc.expr import Expr, symbols
from matcalc.knowledge import known

FILES = sorted((Path(__file__).parent / "corpus").glob("*.toml"))
CASES = [case for file in FILES for case in tomllib.loads(file.read_text())["case"]][::4]
SIZES = (5, 4, 3, 6, 2, 7, 8)


def drawn(e: Expr, sizes: dict[str, int], rng: np.random.Generator) -> Any:
    """Numbers for a variable, with what was declared of it, as a plan takes them."""
    rows, columns = (dims.evaluate(d, sizes) for d in e.shape)
    x = rng.uniform(0.2, 1, (rows, columns))
    if rows == columns:
        words = known().closure(e.data.properties)
        x = x @ x.T + np.eye(rows) if words & {"spd", "psd"} else x + x.T if "symmetric" in words else x + 2 * np.eye(rows)
    return x.item() if e.is_scalar else x[:, 0] if e.is_column else x[0] if e.is_row else x


@pytest.mark.parametrize("large", [in_place.LARGE, 2], ids=["as planned", "overwriting"])
@pytest.mark.parametrize("verb", ["grad", "jacobian", "hessian"])
def test_the_corpus_is_computed_as_node_by_node(verb: str, large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_place, "LARGE", large)
    rng, seen = np.random.default_rng(0), 0
    for case in CASES:
        try:
            answers = getattr(mc, verb)(case["expr"], case["wrt"], case.get("let", []), check=False)
        except mc.MatcalcError:
            continue
        for answer in answers if isinstance(answers, list) else [answers]:
            root = answer._derived.compact
            variables = symbols(root)
            names = sorted({n for e in [root, *variables.values()] for d in e.shape for n in dims.names(d)} | set(answer._reading.dims))
            sizes = {n: 3 if n == "n" and "m" in names else SIZES[i % 7] for i, n in enumerate(names)}
            values = {n: drawn(e, sizes, rng) for n, e in variables.items()}
            before = {n: np.copy(v) for n, v in values.items()}
            try:
                wanted = Program(root, variables, names)({**values, **{n: k for n, k in sizes.items() if n not in variables}})
            except mc.DomainError:
                continue  # declared onehot, say
            plan = Planned([Part([root], lambda v, _: v[0], lambda lowering, root=root: lowering.lower(root))], list(variables), sizes)
            got = np.asarray(plan.run(*values.values()), dtype=float).reshape(wanted.shape)
            assert all((values[n] == before[n]).all() for n in values), f"{answer} changes an argument\n{plan.source}"
            near = 1e-9 * np.abs(wanted).max(initial=0.0)
            assert np.allclose(got, wanted, rtol=1e-9, atol=near, equal_nan=True), f"{answer}\n{plan.source}"
            seen += 1
    assert seen > 60


def arrays(*shapes: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(1)
    return [rng.normal(size=s) for s in shapes]


@pytest.mark.parametrize(("f", "wrt", "shapes"), [
    ("norm2sq(T - U @ V.T)", "U", {"T": (3, 4), "U": (3, 2), "V": (4, 2)}), ("logdet(X)", "X", {"X": (3, 3)}),
    ("tr(A @ X @ B @ X.T)", "X", {"A": (3, 3), "X": (3, 2), "B": (2, 2)}), ("sum(X**3)", "X", {"X": (2, 3)})])
def test_the_tensor_of_a_hessian_is_what_the_gradient_does(f: str, wrt: str, shapes: dict[str, tuple[int, ...]]) -> None:
    values = dict(zip(shapes, arrays(*shapes.values()), strict=True))
    gradient, tensor = mc.grad(f, wrt), mc.hessian(f, wrt).tensor(values)
    for place in np.ndindex(shapes[wrt]):
        step = np.zeros(shapes[wrt])
        step[place] = 1e-6
        slope = (gradient({**values, wrt: values[wrt] + step}) - gradient({**values, wrt: values[wrt] - step})) / 2e-6
        assert tensor[(..., *place)] == pytest.approx(slope, rel=1e-5, abs=1e-5)


def test_value_and_gradient_share_their_work() -> None:
    S, x = arrays((4, 4), (4,))
    S = S @ S.T + np.eye(4)
    both = mc.value_and_grad("logdet(S) + x.T inv(S) x", "S", ["S: spd"]).compile()
    value, slope = both(S=S, x=x)
    assert value == pytest.approx(np.linalg.slogdet(S)[1] + x @ np.linalg.solve(S, x))
    assert slope == pytest.approx(mc.grad("logdet(S) + x.T inv(S) x", "S", ["S: spd"])(S=S, x=x))
    assert isinstance(value, float)


@pytest.mark.parametrize(("f", "products"), [("tr(A @ X @ B @ X.T)", 4), ("tr(X @ B @ X @ B @ X @ B)", 4)])
def test_a_trace_needs_no_product_beside_those_of_its_gradient(f: str, products: int) -> None:
    d = mc.value_and_grad(f, "X", check=False)
    roots = [a._derived.compact for a in (mc.simplify(f, check=False), mc.grad(f, "X", check=False))]
    names = [n for n in "ABX" if n in symbols(roots[0])]
    parts = [Part([r], lambda v, _: v[0], lambda lowering, r=r: lowering.lower(r)) for r in roots]
    sizes = {n: 5 for e in symbols(roots[0]).values() for x in e.shape for n in dims.names(x)}
    assert Planned(parts, names, sizes).source.count("@") <= products
    values = dict(zip(names, arrays(*[(5, 5)] * len(names)), strict=True))
    value, slope = d.compile()(values)
    assert value == pytest.approx(mc.evaluate(f, values))
    assert slope == pytest.approx(mc.grad(f, "X", check=False)(values))


def test_an_argument_is_never_changed_and_never_returned() -> None:
    A, = arrays((60, 60))
    for f, let in (("tr(A.T @ X)", []), ("sum(A * X)", []), ("vec(A).T @ vec(X)", ["A: matrix(n, n)", "X: matrix(n, n)"])):
        X, before = np.asfortranarray(A.T.copy()), A.copy()
        found = mc.grad(f, "X", let).compile()(A=A, X=X)
        found[:] = 7
        assert (before == A).all()


def test_single_precision_stays_single() -> None:
    A, x = (a.astype(np.float32) for a in arrays((4, 4), (4,)))
    assert mc.grad("norm2sq(A x)", "x").compile()(A=A, x=x).dtype == np.float32
    assert mc.hessian("norm2sq(x)", "x").compile()(x=x).dtype == np.float32


def test_calls_again_are_as_the_first() -> None:
    f = mc.grad("sum(erf(x)) + sum(relu(A x))", "x").compile()
    A, x = arrays((3, 4), (4,))
    assert (f(A=A, x=x) == f(A=A, x=x)).all()
    assert f({"A": A.tolist(), "x": x[:, None]}) == pytest.approx(f(A=A, x=x))
    for wrong, words in (({"A": A}, "no value is given for x"), ({"A": A, "x": A}, "x must be"),
                         ({"A": A, "x": x, "y": 1}, "y is not a variable"), ({"A": "a", "x": x}, "of numbers")):
        with pytest.raises(mc.MatcalcError, match=words):
            f(**wrong)
    with pytest.raises(mc.MatcalcError, match="no value at these numbers"):
        mc.grad("logdet(X)", "X").compile()(X=np.zeros((2, 2)))


@pytest.mark.parametrize("f", ["sum(softplus(x @ ones(1, 3)))", "vec(relu(x @ ones(1, 3)))", "diagv(sigmoid(x @ ones(1, 3)))",
                               "norm2sq(maximum(x @ ones(1, 3), c))", "kron((x @ ones(1, 3))**c, x)", "inv(3 * eye(3) + x @ ones(1, 3))",
                               "sum(diag(vec(step(x @ ones(1, 3)))))", "sum(relu(ones(3) @ x.T), axis=1)"])
def test_a_repeated_vector_is_a_whole_matrix(f: str) -> None:
    d = mc.simplify(f, ["x: vector(3)", "c: scalar"], check=False)
    values = {"x": np.array([0.2, 0.7, 0.4]), "c": 0.5}
    values = {n: v for n, v in values.items() if n in symbols(d.expression)}
    assert d(values) == pytest.approx(mc.evaluate(f, values, ["x: vector(3)", "c: scalar"]))


@pytest.mark.parametrize("f", ["logdet(X) + a.T inv(X) b", "tr(inv(X) @ Y) - 2 * logdet(X)", "logdet(X)"])
def test_a_matrix_is_factored_once_for_all_that_is_asked_of_it(f: str) -> None:
    X, Y, a, b = arrays((5, 5), (5, 5), (5,), (5,))
    values = {n: v for n, v in {"X": X[::-1] + np.eye(5), "Y": Y, "a": a, "b": b}.items() if re.search(rf"\b{n}\b", f)}
    answers = mc.value_and_grad(f, "X")
    source = Planned([d._part() for d in answers], list(values), {"n": 5}).source
    assert source.count("lu_factors(") == 1
    assert "inverse(" not in source
    assert "solution(" not in source
    value, slope = answers.compile()(values)
    assert value == pytest.approx(mc.evaluate(f, values))
    assert slope == pytest.approx(answers[1].compile(tensor=True)(values))
    for i, j in ((0, 0), (2, 4)):
        step = np.zeros((5, 5))
        step[i, j] = 1e-6
        rise = mc.evaluate(f, {**values, "X": values["X"] + step}) - mc.evaluate(f, {**values, "X": values["X"] - step})
        assert slope[i, j] == pytest.approx(rise / 2e-6, rel=1e-5, abs=1e-6)


def test_a_determinant_has_the_sign_of_its_factors() -> None:
    X, a = arrays((4, 4), (4,))
    d = mc.simplify("det(X) + a.T inv(X) a", check=False)
    for order in ([0, 1, 2, 3], [1, 0, 2, 3], [1, 2, 0, 3], [3, 2, 1, 0]):
        Y = X[order] + np.eye(4)
        assert d(X=Y, a=a) == pytest.approx(np.linalg.det(Y) + a @ np.linalg.solve(Y, a))
    assert "determinant_of_lu(" in Planned([d._part()], ["X", "a"], {"n": 4}).source


def test_a_number_that_a_product_has_taken_is_not_multiplied_again() -> None:
    """-2 went into S @ y @ y.T @ S, which a Kronecker product reads in a sum."""
    d = mc.hessian("y.T @ inv(K + s * eye(m)) @ y + logdet(K + s * eye(m))", "K", ["K: spd", "y: vector(m)", "s: scalar"], check=False)
    K, y = arrays((3, 3), (3,))
    values = {"K": K @ K.T + np.eye(3), "y": y, "s": 0.7}
    names = list(symbols(d._derived.compact))
    plan = Planned([d._part()], names, {"m": 3})
    assert plan.run(*(values[n] for n in names)) == pytest.approx(Program(d._derived.compact)(values)), plan.source


@pytest.mark.parametrize("f", ["(3 * A @ B + C) @ x + diagv(C + 3 * A @ B)", "(3 * A @ B + C) @ ones(n) + diagv(C + 3 * A @ B)",
                               "-2 * (A @ B) @ x + diagv(-2 * A @ B)", "(3 * A @ B + C) @ x + sum(3 * A @ B @ C) * x",
                               "kron(3 * A @ B + C, A) @ vec(B @ (3 * A @ B + C))"])
def test_a_number_before_a_product_is_multiplied_once(f: str) -> None:
    d = mc.simplify(f, ["A: matrix(n, n)", "B: matrix(n, n)", "C: matrix(n, n)", "x: vector(n)"], check=False)
    names = list(symbols(d._derived.compact))
    values = dict(zip(names, arrays(*[(5,) if n == "x" else (5, 5) for n in names]), strict=True))
    plan = Planned([d._part()], names, {"n": 5})
    assert plan.run(*values.values()) == pytest.approx(Program(d._derived.compact)(values).ravel()), plan.source


def test_a_compiled_function_says_what_it_takes() -> None:
    import inspect

    f = mc.grad("lambda * norm2sq(A x)", "x").compile()
    assert list(inspect.signature(f).parameters) == ["lambda_", "A", "x"]
    A, x = arrays((3, 2), (2,))
    assert f(A=A, x=x, lambda_=0.5) == pytest.approx(A.T @ A @ x)
    assert f({"A": A, "x": x, "lambda": 0.5}) == pytest.approx(A.T @ A @ x)


@pytest.mark.parametrize(("ask", "fix"), [(lambda d: d.compile(backend="pytorch"), 'd.compile(backend="torch")'),
                                          (lambda d: d.code("NumPy"), 'd.code("numpy")'), (lambda d: d.code("pytorch"), 'd.code("torch")')])
def test_what_was_meant_is_offered(ask: Any, fix: str) -> None:
    with pytest.raises(mc.NotSupported) as caught:
        ask(mc.grad("x.T x", "x"))
    assert fix in str(caught.value)


LETTERED = ["B: matrix(n, n)", "C: matrix(n, n)", "M: matrix(n, n)", "N: matrix(n, n)", "V: matrix(n, n)", "W: matrix(n, n)",
            "u: vector(n)", "v: vector(n)", "w: vector(n)", "x: vector(n)"]


@pytest.mark.parametrize("large", [None, 2])
@pytest.mark.parametrize(("verb", "f", "wrt"), [
    ("grad", "sum(softmax(-2 * M.T @ N) * (-2 * M.T @ N))", "M"),  # of M.T @ N the transpose is read without -2
    ("grad", "sum(kron(u, tr(M @ V @ W.T)))**2", "M"),  # tr(M @ V @ W.T) needs W @ V.T without the number before it
    ("grad", "sum(-W * relu(M))", "M"), ("grad", "sum(-W * V * relu(M @ N))", "M"),  # true and false have no sign
    ("jacobian", "sum(B @ C @ B.T, axis=1)", "B"),  # a sum that begins with what is broadcast
    ("simplify", "sum(vec(diag(v)) * kron(u, w) * vec(diag(u)))", ""),
    ("jacobian", "kron(x @ sum(B, axis=1).T, softmax(W @ W)) @ vec(ones(n) @ (N.T @ w).T)", "W"),
    ("simplify", "kron(exp(ones(n) @ u.T), ones(3))", ""), ("jacobian", "(ones(n) @ w.T) @ (W + V.T)", "w"),
    ("hessian", "sum(M.T @ V @ M.T)", "M")])
def test_a_plan_is_right_and_its_result_may_be_written_to(verb: str, f: str, wrt: str, large: int | None) -> None:
    d = getattr(mc, verb)(f, *[wrt] * bool(wrt), LETTERED, check=False)
    names = list(symbols(d._derived.compact))
    values = dict(zip(names, arrays(*[(3,) if n in "uvwx" else (3, 3) for n in names]), strict=True))
    wanted = Program(d._derived.compact, symbols(d._derived.compact), ["n"])({**values, "n": 3})
    for tensor in {False, verb in ("jacobian", "hessian")}:
        plan = Planned([d._part(tensor)], names, {"n": 3}, large=large)
        found = plan.run(*values.values())
        assert tensor or np.ravel(found) == pytest.approx(np.ravel(wanted)), plan.source
        assert sorted(np.ravel(found)) == pytest.approx(sorted(np.ravel(wanted))), plan.source
        assert not isinstance(found, np.ndarray) or found.flags.writeable, plan.source


def test_a_size_is_read_off_one_that_is_less_by_one() -> None:
    d = mc.simplify("eye(n)[:, 1:] @ q", ["q: vector(n - 1)"], check=False)
    for f in (d.compile(), d.compile(backend=np)):
        assert f(q=np.ones(3)).tolist() == f(q=np.ones(3), n=4).tolist() == [0, 1, 1, 1]
    with pytest.raises(mc.MatcalcError, match="must be vector"):
        d.compile()(q=np.ones(3), n=5)


def test_a_size_that_no_array_tells_is_asked_for() -> None:
    for backend in ("numpy", np):
        f = mc.simplify("ones(n) * sum(q)", ["q: vector(n * k)"], check=False).compile(backend=backend)
        with pytest.raises(mc.DomainError, match="the size of ones"):
            f(q=np.ones(6))
        assert mc.simplify("sum(q)", ["q: vector(n * k)"], check=False).compile(backend=backend)(q=np.ones(6)) == 6
