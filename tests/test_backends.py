"""Functions compiled for PyTorch, JAX and the array API: the values of node by node, the kind and the memory of arrays, typed errors."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.codegen.backends import Elsewhere
from tests.compiled import SINGLE, by_node, called
from tests.exported import differing, numbers
from tests.oracle.jax_oracle import jax_space
from tests.test_compiled import BAD, PLAIN, QUADRATIC, SQUARES, WAYS, tensors
from tests.test_exported import GROUPS, INDEXED, NAMES, TOGETHER, fraction, let_of


class Backend:
    """What `compile` takes, and arrays for it."""

    def __init__(self, name: str) -> None:
        self.name: str = name
        self.compiled: Any = name
        if name == "jax":
            pytest.importorskip("jax")
            jax_space()
            import jax

            self.array: Callable[[Any], Any] = jax.numpy.asarray
            self.kind: Any = jax.Array
        elif name == "torch":
            torch = pytest.importorskip("torch")
            self.array, self.kind = torch.as_tensor, torch.Tensor
        else:
            self.compiled = space = pytest.importorskip(name)
            self.array, self.kind = space.asarray, type(space.asarray(0.0))

    def arrays(self, values: dict[str, Any], kind: Any = np.float64) -> dict[str, Any]:
        """Arrays of the library; numbers stay numbers."""
        return {n: self.array(v.astype(kind)) if isinstance(v, np.ndarray) else v for n, v in values.items()}


ORACLE = pytest.param("jax", marks=pytest.mark.oracle)
backends = pytest.mark.parametrize("backend", ["torch", "array_api_strict", ORACLE], indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Backend:
    return Backend(request.param)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What NumPy is asked, because the library has no code or its code failed: the reasons."""
    found: list[Any] = []
    with_numpy = Elsewhere._with_numpy

    def seen(self: Any, own: Any, dimensions: Any, failed: Any = None) -> Any:
        found.append(failed)
        return with_numpy(self, own, dimensions, failed)

    monkeypatch.setattr(Elsewhere, "_with_numpy", seen)
    return found


# ---------------------------------------------------------------- values
def faults(d: Any, backend: Backend, values: dict[str, Any], kind: Any, tensor: bool) -> str:
    """What is wrong with two calls: the second finds a plan. A result that is written to changes nothing else."""
    given, before = backend.arrays(values, kind), backend.arrays(values, kind)
    try:
        wanted = by_node(d, values, tensor)
    except mc.MatcalcError as error:
        wanted = error
    f = d.compile(backend=backend.compiled, tensor=tensor)
    for _ in range(2):
        got = called_quietly(f, given)
        if isinstance(wanted, Exception) or isinstance(got, Exception):
            return "" if type(got) is type(wanted) else f"{got!r} where {wanted!r} was expected"
        if not isinstance(got, backend.kind):
            return f"a {type(got)}"
        if np.isfinite(wanted).all() and (fault := differing(d, values, got, wanted, tensor, 1e-9 if kind is np.float64 else SINGLE)):
            return fault
        if any(isinstance(v, backend.kind) for v in given.values()) and numbers(got).dtype != kind:
            return f"of {got.dtype}"
        if backend.name != "jax":
            got[...] = 77
        if any(not np.array_equal(numbers(given[n]), numbers(v)) for n, v in before.items()):
            return "an argument has changed"
    return ""


def called_quietly(f: Any, given: dict[str, Any]) -> Any:
    """The result, or the error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of SciPy, in single precision
        try:
            return f(**given)
        except Exception as error:
            return error


@pytest.mark.parametrize("kind", [np.float64, np.float32], ids=["double", "single"])
@pytest.mark.parametrize("group", GROUPS)
@backends
def test_values_are_those_of_node_by_node(backend: Backend, group: str, kind: Any, asked: list[Any]) -> None:
    slow = backend.name == "jax"
    found, cases = {}, GROUPS[group]()
    for c in fraction(cases, max(1, len(cases) // (20 if slow else 200))):
        for values in c.points[:1 if slow else 2] if group != "large_sizes" else c.points[2:5]:
            values = {n: v for n, v in values.items() if n in (*c.d.reading_of_input.symbols, *c.d.reading_of_input.dims)}
            for tensor in tensors(c.d) if group != "large_sizes" else [False]:
                found[c.name, tensor] = faults(c.d, backend, values, kind, tensor)
    wrong = [f"{name}: {fault}" for name, fault in found.items() if fault]
    assert not wrong, "\n".join(wrong[:5])
    assert not [e for e in asked if e is not None and not isinstance(e, ArithmeticError | np.linalg.LinAlgError)], "code that failed"


@pytest.mark.parametrize("backend", ["torch", "array_api_strict"], indirect=True)
def test_an_axis_that_no_part_of_a_sum_has(backend: Backend, asked: list[Any]) -> None:
    let = ["w: vector(k)", "v: vector(p)", "n: dimension"]
    d = mc.simplify("A.T @ A where A = kron(ones(n, p), w.T) - kron(w.T, v.T)", let, check=False)
    values = {"w": np.array([0.5, -1.0, 2.0, 3.0]), "v": np.array([1.0, 2.0]), "n": 3}
    assert not faults(d, backend, values, np.float64, False)
    assert not asked


@pytest.mark.parametrize("name", INDEXED)
@backends
def test_index_forms(backend: Backend, name: str) -> None:
    f, wrt, let = INDEXED[name]
    d, matrix = mc.jacobian(f, wrt, let_of(let), form="index"), mc.jacobian(f, wrt, let_of(let))
    rng = np.random.default_rng(0)
    values = {"X": rng.normal(size=(3, 3)), "A": rng.normal(size=(2, 3)), "x": rng.normal(size=3), "s": 0.5}
    values = {n: v for n, v in values.items() if n in matrix.reading_of_input.symbols}
    got = d.compile(backend=backend.compiled)(**backend.arrays(values))
    assert isinstance(got, backend.kind)
    assert numbers(got) == pytest.approx(np.asarray(matrix.tensor(values)))


@pytest.mark.parametrize("name", TOGETHER)
@backends
def test_value_and_gradients(backend: Backend, name: str) -> None:
    f, wrt, let = TOGETHER[name]
    both = mc.value_and_grad(f, wrt, let_of(let))
    rng = np.random.default_rng(1)
    values = {"X": rng.normal(size=(4, 3)), "y": rng.normal(size=4), "w": rng.normal(size=3), "c": 0.5, "S": np.eye(3) + 0.1,
              "x": rng.normal(size=3), "T": rng.normal(size=(4, 3)), "U": rng.normal(size=(4, 2)), "V": rng.normal(size=(3, 2))}
    values = {n: v for n, v in values.items() if n in both[0].reading_of_input.symbols}
    for kind in (np.float64, np.float32):
        got = both.compile(backend=backend.compiled)(**backend.arrays(values, kind))
        assert isinstance(got, tuple)
        for a, b in zip(got, both.compile()(**values), strict=True):
            assert isinstance(a, backend.kind)
            assert numbers(a).dtype == kind
            assert numbers(a) == pytest.approx(np.asarray(b), rel=1e-9 if kind is np.float64 else 1e-3)


@backends
def test_several_results_share_no_memory(backend: Backend) -> None:
    results = mc.vjp("sin(X) * Y", ["X", "Y"], ["X: matrix(m, n)", "Y: matrix(m, n)"]).compile(backend=backend.compiled)(
        **backend.arrays({n: np.full((2, 2), 0.5) for n in "XYG"}))
    before = [np.copy(numbers(r)) for r in results]
    if backend.name != "jax":
        results[0][...] = 7
    assert np.array_equal(numbers(results[1]), before[1])


# ---------------------------------------------------------------- arguments
@pytest.mark.parametrize("way", WAYS)
@backends
def test_arguments_may_be_given_in_any_way(backend: Backend, way: str) -> None:
    d = mc.grad(*QUADRATIC, check=False)
    f, wanted, own = d.compile(backend=backend.compiled), by_node(d, PLAIN), backend.arrays(PLAIN)
    for how in ({}, WAYS[way], {}, WAYS[way]):
        for values in (own | how, PLAIN | how):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                got = f(**values)
            assert isinstance(got, backend.kind)
            assert numbers(got) == pytest.approx(wanted, rel=1e-3 if way == "half" else 1e-6)


@backends
def test_numbers_may_be_arrays_without_axes(backend: Backend) -> None:
    d = mc.grad(*QUADRATIC, check=False)
    f, own = d.compile(backend=backend.compiled), backend.arrays(PLAIN, np.float32)
    of_the_library = [backend.array(t) for t in (2.0, np.array(2.0), np.array([2.0]), np.array(2))]
    for t in (2.0, 2, np.array(2), np.float32(2), *of_the_library):
        for _ in range(2):
            got = f(**own | {"t": t})
            assert numbers(got).dtype == np.float32
            assert numbers(got) == pytest.approx(by_node(d, PLAIN))


@pytest.mark.parametrize("name", ["torch", "array_api_strict"])
def test_what_is_made_is_on_the_device_of_the_arguments(name: str) -> None:
    """Also what is made from nothing or from a list; `meta` has shapes and no numbers, so nothing was computed elsewhere."""
    backend, space = Backend(name), pytest.importorskip(name)
    device = space.device("meta") if name == "torch" else space.Device("device1")
    for f, wrt, let in (QUADRATIC, ("mean(x) + t * sum(x)", "x", ["x: vector(n)", "t: scalar"]), ("x.T @ x", "x", ["x: vector(n)"]),
                        ("logdet(X + eye(n))", "X", ["X: matrix(n, n)"])):
        d = mc.hessian(f, wrt, let, check=False) if wrt == "x" else mc.grad(f, wrt, let, check=False)
        for kind in (space.float32, space.float64):
            given = {"A": space.ones((3, 2)), "x": space.ones(2), "X": space.eye(2), "t": 2.0, "b": [1.0, 2.0, 3.0]}
            given = {n: space.asarray(v, dtype=kind, device=device) if isinstance(v, backend.kind) else v for n, v in given.items()}
            given = {n: v for n, v in given.items() if n in d.reading_of_input.symbols}
            for _ in range(2):
                got = d.compile(backend=backend.compiled)(given)
                assert got.device == device
                assert got.dtype == kind


@backends
def test_whole_numbers_become_fractions(backend: Backend) -> None:
    d = mc.grad(*QUADRATIC, check=False)
    f = d.compile(backend=backend.compiled)
    whole = {n: backend.array(np.asarray(v).astype(int)) for n, v in PLAIN.items()}
    assert numbers(f(**whole)) == pytest.approx(by_node(d, PLAIN))
    mixed = f(**whole | {"x": backend.array(PLAIN["x"].astype(np.float32))})
    assert numbers(mixed).dtype == np.float32
    assert numbers(mixed) == pytest.approx(by_node(d, PLAIN))


@pytest.mark.parametrize("known", [False, True], ids=["at once", "after a plan was made"])
@pytest.mark.parametrize("bad", BAD)
@backends
def test_a_wrong_argument_is_named_with_the_shape_that_is_expected(backend: Backend, bad: str, known: bool) -> None:
    wrong, kind, said = BAD[bad]
    d = mc.grad(*QUADRATIC, check=False)
    d._compiled.clear()
    f, own = d.compile(backend=backend.compiled), backend.arrays(PLAIN)
    if known:
        f(**own)
    for values in (wrong, {n: backend.array(v) for n, v in wrong.items() if isinstance(v, np.ndarray) and v.dtype == float}):
        if values:
            with pytest.raises(kind, match=re.escape(said)):
                f(**own | values)
    assert numbers(f(**own)) == pytest.approx(by_node(d, PLAIN))


@backends
def test_arguments_that_are_missing_or_complex_are_named(backend: Backend) -> None:
    f, own = mc.grad(*QUADRATIC, check=False).compile(backend=backend.compiled), backend.arrays(PLAIN)
    with pytest.raises(mc.DomainError, match="no value is given for x"):
        f(**{n: v for n, v in own.items() if n != "x"})
    for wrong in ({"x": PLAIN["x"] * 1j}, {"x": backend.array(PLAIN["x"] * 1j)}, {"x": [1j, 2]}):
        with pytest.raises(mc.DomainError, match=re.escape("x must be vector(n) of real numbers; it is complex")):
            f(**own | wrong)
    with pytest.raises(mc.DomainError, match="t must be scalar of real numbers; it is complex"):
        f(**own | {"t": 2j})


@pytest.mark.parametrize("name", NAMES)
@backends
def test_a_variable_may_have_any_name(backend: Backend, name: str) -> None:
    d = mc.grad(f"norm2sq(M @ {name})", name, ["M: matrix(p, q)", f"{name}: vector(q)"], check=False)
    given = {"M": backend.array(np.ones((3, 2))), name: backend.array(np.array([1.0, 2.0]))}
    assert numbers(d.compile(backend=backend.compiled)(given)).tolist() == [18.0, 18.0]


def test_sizes_are_given_by_name() -> None:
    torch = pytest.importorskip("torch")
    f = mc.simplify("sum(x) * ones(k)", ["x: vector(n)", "k: dimension"], check=False).compile(backend="torch")
    assert [f(x=torch.ones(2), k=k).tolist() for k in (3, 2, 3)] == [[2.0] * 3, [2.0] * 2, [2.0] * 3]
    with pytest.raises(mc.DomainError, match="k is a dimension"):
        f(x=torch.ones(2), k="a")


# ---------------------------------------------------------------- namespaces
def test_numpy_is_numpy_by_any_name() -> None:
    d = mc.grad(*QUADRATIC, check=False)
    for space in (np, pytest.importorskip("array_api_compat.numpy")):
        assert type(d.compile(backend=space)(**PLAIN)) is np.ndarray


def test_torch_is_torch_by_any_name() -> None:
    torch = pytest.importorskip("torch")
    d = mc.grad(*QUADRATIC, check=False)
    for space in (torch, pytest.importorskip("array_api_compat.torch")):
        found = d.compile(backend=space)(**PLAIN)
        assert isinstance(found, torch.Tensor)
        assert found.dtype == torch.float64
        assert found.numpy() == pytest.approx(by_node(d, PLAIN))


@pytest.mark.parametrize("backend", ["fortran", "", None, 3, ["torch"], np.linalg, re])
def test_what_is_no_backend_is_said(backend: Any) -> None:
    with pytest.raises(mc.NotSupported, match="there is no backend"):
        mc.grad(*QUADRATIC, check=False).compile(backend=backend)


# ---------------------------------------------------------------- where there is no value, or no code
@pytest.mark.parametrize("square", ["good", "indefinite", "singular", "zero", "1 x 1, zero", "nan", "infinite"])
@pytest.mark.parametrize("text", ["inv(S)", "logdet(S) * inv(S)", "b.T @ inv(S) @ b + logdet(S)", "chol(S @ S)"])
@pytest.mark.parametrize("backend", ["torch", "array_api_strict"], indirect=True)
def test_what_has_no_value_is_said_as_numpy_says_it(backend: Backend, text: str, square: str) -> None:
    d = mc.simplify(text, ["S: matrix(n, n)", *(["b: vector(n)"] if "b." in text else [])], check=False)
    values = {"S": SQUARES[square], "b": np.arange(1.0, len(SQUARES[square]) + 1)}
    values = {n: v for n, v in values.items() if n in d.reading_of_input.symbols}
    wanted = called(lambda **v: by_node(d, v), values)
    for _ in range(2):
        got = called_quietly(d.compile(backend=backend.compiled), backend.arrays(values))
        assert isinstance(got, mc.MatcalcError | backend.kind), got
        if isinstance(wanted, mc.DomainError):
            assert isinstance(got, mc.DomainError) or not np.isfinite(numbers(got)).all()
        elif np.isfinite(wanted).all():
            assert numbers(got) == pytest.approx(np.asarray(wanted), rel=1e-6)


@backends
def test_what_was_declared_must_hold(backend: Backend) -> None:
    f = mc.grad("logdet(S)", "S", ["S: spd"], check=False).compile(backend=backend.compiled)
    with pytest.raises(mc.DomainError, match="S is declared spd"):
        f(S=backend.array(-np.eye(2)))


@pytest.mark.parametrize("text", ["adj(X)", "eigmax(X)"])
@backends
def test_what_the_library_has_no_words_for_is_computed_with_numpy(backend: Backend, text: str) -> None:
    d = mc.simplify(text, ["X: symmetric"], check=False)
    x = np.array([[2.0, 1.0], [1.0, 3.0]])
    got = d.compile(backend=backend.compiled)(X=backend.array(x.astype(np.float32)))
    assert isinstance(got, backend.kind)
    assert numbers(got).dtype == np.float32
    assert numbers(got) == pytest.approx(np.asarray(d(X=x)), rel=1e-5)


# ---------------------------------------------------------------- PyTorch
def ridge(backend: Any) -> tuple[Any, Any]:
    """The value and the gradient, one a function of the other's library."""
    let = ["X: matrix(m, n)", "y: vector(m)", "w: vector(n)", "c: scalar"]
    f = "sum(log(1 + exp(-y * (X @ w)))) + exp(c) * norm2sq(w)"
    return mc.simplify(f, let, check=False).compile(backend=backend), mc.grad(f, "w", let, check=False).compile(backend=backend)


def data() -> dict[str, Any]:
    rng = np.random.default_rng(2)
    return {"X": rng.normal(size=(5, 3)), "y": rng.choice([-1.0, 1.0], 5), "w": rng.normal(size=3), "c": 0.3}


def test_torch_differentiates_compiled_functions() -> None:
    torch = pytest.importorskip("torch")
    value, gradient = ridge("torch")
    given = {n: torch.as_tensor(v) for n, v in data().items()}
    w = given["w"].requires_grad_()
    slope, = torch.autograd.grad(value(**given), w, create_graph=True)
    assert slope.detach().numpy() == pytest.approx(gradient(**given).detach().numpy())
    twice = torch.stack([torch.autograd.grad(s, w, retain_graph=True)[0] for s in slope])
    once = torch.stack([torch.autograd.grad(s, w, retain_graph=True)[0] for s in gradient(**given)])
    assert twice.detach().numpy() == pytest.approx(once.detach().numpy())


def test_torch_differentiates_a_number_that_is_spread() -> None:
    torch = pytest.importorskip("torch")
    for text in ("t * ones(3)", "exp(t) * ones(3)", "t * ones(2, 3)"):
        t = torch.tensor(0.5, requires_grad=True)
        mc.simplify(text, ["t: scalar"], check=False).compile(backend="torch")(t=t).sum().backward()
        assert t.grad is not None, text


def test_torch_functions_are_mapped() -> None:
    torch = pytest.importorskip("torch")
    value, gradient = ridge("torch")
    given = {n: torch.as_tensor(v) for n, v in data().items()}
    batch = torch.stack([given["w"], 2 * given["w"], -given["w"]])
    for f in (value, gradient):
        mapped = torch.func.vmap(lambda w, f=f: f(**given | {"w": w}))(batch)
        assert mapped.numpy() == pytest.approx(np.stack([f(**given | {"w": w}).numpy() for w in batch]))
    assert torch.func.grad(lambda w: value(**given | {"w": w}))(given["w"]).numpy() == pytest.approx(gradient(**given).numpy())


def test_what_numpy_computes_is_not_silently_a_constant_for_torch() -> None:
    torch = pytest.importorskip("torch")
    f = mc.simplify("eigmax(X)", ["X: symmetric"], check=False).compile(backend="torch")
    with pytest.raises(mc.NotSupported, match="traced or differentiated"):
        f(X=torch.eye(2).requires_grad_())
    with pytest.raises(mc.NotSupported, match="traced or differentiated"):
        torch.func.vmap(lambda x: f(X=x))(torch.eye(2).repeat(3, 1, 1))
    with torch.no_grad():
        assert f(X=torch.eye(2).requires_grad_()).item() == 1


# ---------------------------------------------------------------- JAX
@pytest.mark.oracle
def test_jax_compiles_maps_and_differentiates() -> None:
    pytest.importorskip("jax")
    jax_space()
    import jax

    value, gradient = ridge("jax")
    given = {n: jax.numpy.asarray(v) for n, v in data().items()}
    wanted = ridge("numpy")[1](**data())
    assert numbers(jax.jit(gradient)(**given)) == pytest.approx(wanted)
    assert numbers(jax.grad(lambda w: value(**given | {"w": w}))(given["w"])) == pytest.approx(wanted)
    batch = jax.numpy.stack([given["w"], 2 * given["w"]])
    mapped = jax.vmap(lambda w: gradient(**given | {"w": w}))(batch)
    assert numbers(mapped) == pytest.approx(np.stack([ridge("numpy")[1](**data() | {"w": np.asarray(w)}) for w in batch]))
    hessian = jax.jacobian(lambda w: gradient(**given | {"w": w}))(given["w"])
    assert numbers(hessian) == pytest.approx(numbers(jax.hessian(lambda w: value(**given | {"w": w}))(given["w"])))


@pytest.mark.oracle
def test_what_numpy_computes_is_not_traced_by_jax() -> None:
    pytest.importorskip("jax")
    jax_space()
    import jax

    f = mc.simplify("eigmax(X)", ["X: symmetric"], check=False).compile(backend="jax")
    for traced in (jax.jit(lambda x: f(X=x)), jax.grad(lambda x: f(X=x))):
        with pytest.raises(mc.NotSupported, match="traced or differentiated"):
            traced(jax.numpy.eye(2))
    with pytest.raises(mc.NotSupported, match="traced or differentiated"):
        jax.vmap(lambda x: f(X=x))(jax.numpy.ones((3, 2, 2)))


@pytest.mark.oracle
def test_the_largest_of_computed_entries_is_not_sought_under_jit() -> None:
    """What jit computes twice, with two roundings, need not equal its own maximum."""
    pytest.importorskip("jax")
    jax_space()
    import jax

    d = mc.grad("max(A x - b)", "x")
    f = d.compile(backend="jax")
    rng = np.random.default_rng(0)
    values = {"A": rng.normal(size=(40, 3)), "x": rng.normal(size=3), "b": rng.normal(size=40)}
    assert numbers(f(**values)) == pytest.approx(d(**values))
    with pytest.raises(mc.NotSupported, match="two roundings"):
        jax.jit(lambda x: f(A=values["A"], b=values["b"], x=x))(values["x"])
    g = mc.grad("max(x)", "x").compile(backend="jax")
    assert numbers(jax.jit(lambda x: g(x=x))(values["b"])) == pytest.approx(mc.grad("max(x)", "x")(x=values["b"]))
    assert "Not for jax.jit" in d.code("jax")


@backends
def test_a_plan_with_other_values_is_not_used(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a library would compute wrongly is computed with NumPy."""
    monkeypatch.setattr(Elsewhere, "_written", lambda self, *_: lambda *arrays: arrays[0] * 2)
    d = mc.grad("sum(sin(x))", "x")
    given = {"x": np.array([0.3, 0.7])}
    assert numbers(d.compile(backend=backend.compiled)(**backend.arrays(given))) == pytest.approx(d(**given))


def test_the_largest_entry_is_sought_by_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = pytest.importorskip("array_api_strict")
    monkeypatch.setattr(Elsewhere, "_with_numpy", None)
    X = np.arange(6.0).reshape(2, 3) ** 0.5
    for f in ("softmax(X)", "logsumexp(X)", "max(X)", "min(X)"):
        d = mc.simplify(f, ["X: matrix(m, n)"], check=False)
        assert np.asarray(d.compile(backend=strict)(X=strict.asarray(X))) == pytest.approx(np.asarray(d(X=X)))
