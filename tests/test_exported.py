"""Exported code has the values of node by node, at any sizes, in each language that can be run here; Julia is looked at."""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import matcalc as mc
from matcalc.checker import choices
from matcalc.codegen.languages import TARGETS
from tests.derivatives import ALL, given
from tests.exported import answers_of, arguments, code_of, differing, faults, in_octave, in_python, numbers, sized, two_axes
from tests.oracle.jax_oracle import jax_space
from tests.test_compiled import ENTRYWISE, RANDOM, READ_BY, REPEATED, SMALL, SQUARE, answer
from tests.test_corpus import EVERY

# a singular matrix at unequal sizes: its inverse is all rounding
NO_VALUE = {"sympy-issue-24859-066"}
LARGE = ({"m": 101, "n": 103}, {"m": 103, "n": 101}, {"m": 1, "n": 101}, {"m": 103, "n": 1}, {"m": 103, "n": 103}, {"m": 2, "n": 2})


class Case(NamedTuple):
    """An answer, and points at which its code is run: at least two sets of sizes wherever there are sizes."""

    name: str
    d: Any
    points: list[dict[str, Any]]


# ---------------------------------------------------------------- the cases
def of_corpus() -> Iterator[Case]:
    for name in [c["id"] for c in EVERY if c["id"] not in NO_VALUE]:
        d = answer(name)
        sizes = [choices(d.reading_of_input)[0], *[dict.fromkeys(d.reading_of_input.dims, n) for n in (1, 2)]]
        yield Case(name, d, [sized(d, s, i) for i, s in enumerate(sizes)])


def of_functions() -> Iterator[Case]:
    """Every function of rules/, with one and with two arguments."""
    for c in ALL:
        d = mc.simplify(c.text, c.let, check=False)
        yield Case(c.id, d, [{n: v for n, v in given(c).items() if n in (*d.reading_of_input.symbols, *d.reading_of_input.dims)}])


def of_repeats() -> Iterator[Case]:
    for i, inside in enumerate(REPEATED):
        for j, f in enumerate(ENTRYWISE, i):
            for outside in READ_BY[j % 6::6]:
                text = outside.replace("{}", f.replace("{}", inside))
                let = [d for d in ("x: vector(3)", "y: vector(3)", "A: matrix(3, 3)", "c: scalar") if re.search(rf"\b{d[0]}\b", text)]
                d = mc.simplify(text, let, check=False)
                yield Case(text, d, [{n: v for n, v in SQUARE.items() if n in d.reading_of_input.symbols}])


def of_derivatives() -> Iterator[Case]:
    """Small ones and random ones."""
    problems = [(verb, f, wrt, let.split("; ")) for verb, f, wrt, let in SMALL.values()] + [(p.op, p.text, p.wrt, p.let) for p in RANDOM]
    for verb, f, wrt, let in problems:
        try:
            d = getattr(mc, verb)(f, wrt, let, check=False)
        except mc.MatcalcError:
            continue
        yield Case(f"{verb} {f}", d, [sized(d, s, 1) for s in (*choices(d.reading_of_input), dict.fromkeys(d.reading_of_input.dims, 3))])


SPECIAL = {  # verb, f, by which variable (none for a value), declarations
    "a row": ("grad", "r @ A @ r.T", "r", "r: matrix(1, n); A: matrix(n, n)"),
    "a row that is the result": ("jacobian", "b.T @ sin(x)", "x", "b: vector(n); x: vector(n)"),
    "a literal size": ("grad", "norm2sq(x - x[0, :] @ ones(1, 1))", "x", "x: vector(3)"),
    "literal sizes and others": ("jacobian", "kron(x, y)", "y", "x: vector(3); y: vector(n)"),
    "a slice": ("grad", "norm2sq(x[1:] - x[:-1])", "x", "x: vector(n)"),
    "a row of a matrix": ("grad", "sum(X[-1, :]**3)", "X", "X: matrix(m, n)"),
    "a column of a matrix": ("grad", "norm2sq(X[:, 0])", "X", "X: matrix(m, n)"),
    "a part": ("grad", "sum(exp(X[1:, :-1]))", "X", "X: matrix(m, n)"),
    "a Kronecker product": ("jacobian", "kron(A, B)", "B", "A: matrix(m, n); B: matrix(n, m)"),
    "a commutation": ("jacobian", "X.T", "X", "X: matrix(m, n)"),
    "scalars only": ("grad", "a**2 * sqrt(b) + exp(a * b)", "a", "a: scalar; b: scalar"),
    "a scalar that is spread": ("grad", "t * sum(x)", "x", "t: scalar; x: vector(n)"),
    "a scalar function that is spread": ("grad", "exp(t) * sum(X)", "X", "t: scalar; X: matrix(m, n)"),
    "no arrays at all": ("simplify", "ones(2, 3) * 2", "", ""),
    "a number": ("simplify", "2 + 1 / 2", "", ""),
    "a whole number": ("simplify", "2 + 3", "", ""),
    "a size": ("simplify", "eye(n) * n", "", "n: dimension"),
    "sizes that no array tells": ("jacobian", "ones(k) * sum(x)", "x", "x: vector(n); k: dimension"),
    "a mean": ("hessian", "mean(exp(x)) + mean(x)**2", "x", "x: vector(n)"),
    "a diagonal and a row": ("simplify", "diag(x) * 2 + eye(n) + y.T", "", "x: vector(n); y: vector(n)"),
    "the argument itself": ("jacobian", "A @ x", "x", "A: matrix(m, n); x: vector(n)"),
}
NAMES = "lambda end function e i np T jnp torch eps ans class None print β_1 é Ω_2 x̂ I im dot s t r S P math value u repmat psi".split()
INDEXED = {
    "a Gram matrix": ("X.T @ X", "X", "X: matrix(m, n)"), "a product": ("A @ x", "x", "A: matrix(m, n); x: vector(n)"),
    "a scalar": ("s**3", "s", "s: scalar"), "entries": ("exp(x)", "x", "x: vector(n)"), "a trace": ("tr(X)", "X", "X: matrix(n, n)"),
    "a constant": ("X", "X", "X: matrix(m, n)"), "a scaled one": ("s * X", "s", "X: matrix(m, n); s: scalar"),
}
TOGETHER = {
    "a logistic regression": ("sum(log(1 + exp(-y * (X @ w)))) + c * norm2sq(w)", ["w"],
                              "X: matrix(m, n); y: vector(m); w: vector(n); c: scalar"),
    "a Gaussian": ("logdet(S) + x.T inv(S) x", ["S", "x"], "S: spd; x: vector(n)"),
    "factors": ("norm2sq(T - U @ V.T)", ["U", "V"], "T: matrix(m, n); U: matrix(m, 2); V: matrix(n, 2)"),
}


def let_of(text: str) -> list[str]:
    return text.split("; ") if text else []


def of_special() -> Iterator[Case]:
    for name, (verb, f, wrt, let) in SPECIAL.items():
        d = getattr(mc, verb)(f, wrt, let_of(let), check=False) if wrt else mc.simplify(f, let_of(let), check=False)
        names = d.reading_of_input.dims
        sizes = [dict(zip(names, (5, 4, 3), strict=False)), dict(zip(names, (4, 5, 3), strict=False)), dict.fromkeys(names, 3)]
        yield Case(name, d, [sized(d, s, i, "positive") for i, s in enumerate(sizes if names else sizes[:1])])
    for name in NAMES:
        d = mc.grad(f"sum(exp(M @ {name} - a)) + norm2sq(M @ {name})", name, ["M: matrix(p, q)", f"{name}: vector(q)", "a: vector(p)"],
                    check=False)
        yield Case(f"a variable {name}", d, [sized(d, {"p": p, "q": q}) for p, q in ((3, 2), (2, 2))])


def of_large_sizes() -> Iterator[Case]:
    """Sizes that are those for which code is planned, or the other way round, or all alike."""
    for verb, f, wrt, let in (("grad", "norm2sq(tanh(A @ x) - b)", "x", "A: matrix(m, n); x: vector(n); b: vector(m)"),
                              ("grad", "sum(softplus(A @ B @ x))", "B", "A: matrix(m, n); B: matrix(n, m); x: vector(m)"),
                              ("grad", "sum(softmax(X))", "X", "X: matrix(m, n)"), ("hessian", "mean(exp(x[1:]))", "x", "x: vector(n)"),
                              ("grad", "logdet(X.T @ X + eye(n)) + mean(X)", "X", "X: matrix(m, n)"),
                              ("grad", "norm2sq(X - ones(m) @ mean(X, axis=0))", "X", "X: matrix(m, n)")):
        d = getattr(mc, verb)(f, wrt, let_of(let), check=False)
        points = [{n: k for n, k in s.items() if n in d.reading_of_input.dims} for s in LARGE]
        yield Case(f"{verb} {f}", d, [sized(d, s, i) for i, s in enumerate(points) if "[1:]" not in f or s["n"] > 1])


GROUPS = {f.__name__.removeprefix("of_"): cache(lambda f=f: list(f()))
          for f in (of_corpus, of_functions, of_repeats, of_derivatives, of_special, of_large_sizes)}
groups = pytest.mark.parametrize("group", GROUPS)


def has_code(d: Any, target: str) -> bool:
    """Or does it say, typed, that there is none?"""
    return bool(code_of(d, target))


def fraction(cases: list[Case], parts: int) -> list[Case]:
    """Always the same cases, one of so many."""
    return [c for c in cases if zlib.crc32(c.name.encode()) % parts == 0]


# ---------------------------------------------------------------- executed
@groups
def test_numpy_code(group: str) -> None:
    """Without a warning, too."""
    wrong = [f"{c.name}: {fault}" for c in GROUPS[group]() for v in c.points if (fault := faults(c.d, "numpy", v))]
    assert not wrong, "\n".join(wrong[:5])


@groups
def test_torch_code(group: str) -> None:
    torch = pytest.importorskip("torch")
    cases = [c for c in GROUPS[group]() if has_code(c.d, "torch")]
    wrong = [f"{c.name}: {fault}" for c in cases for v in c.points if (fault := faults(c.d, "torch", v, torch.as_tensor))]
    assert not wrong, "\n".join(wrong[:5])
    assert len(cases) > 0.9 * len(GROUPS[group]())


@pytest.mark.oracle
@groups
def test_jax_code(group: str) -> None:
    pytest.importorskip("jax")
    jax_space()
    import jax.numpy as jnp

    cases = [c for c in fraction(GROUPS[group](), 1 if len(GROUPS[group]()) < 60 else 8) if has_code(c.d, "jax")]
    wrong = [f"{c.name}: {fault}" for c in cases for v in c.points[:2] if (fault := faults(c.d, "jax", v, jnp.asarray))]
    assert not wrong, "\n".join(wrong[:5])


@pytest.mark.skipif(shutil.which("octave") is None, reason="octave is not on the path")
def test_matlab_code(tmp_path: Path) -> None:
    calls, wanted = [], []
    for group, cases in GROUPS.items():
        for c in cases():
            for v in c.points if group != "large_sizes" else c.points[2:]:
                try:
                    values = [two_axes(d, v) for d in answers_of(c.d)]
                except mc.MatcalcError:
                    continue
                if has_code(c.d, "matlab") and np.isfinite(values[0]).all():
                    code = code_of(c.d, "matlab")
                    calls.append((code, arguments(c.d, code, "matlab", v), 1))
                    wanted.append((c, v, values))
    wrong = []
    for (c, v, values), got, call in zip(wanted, in_octave(calls, tmp_path), calls, strict=True):
        fault = str(got) if isinstance(got, Exception) else differing(c.d, v, got[0], values[0])
        wrong += [f"{c.name}: {fault}\n{call[0]}"] if fault else []
    assert not wrong, f"{len(wrong)} of {len(calls)}\n" + "\n".join(wrong[:5])
    assert len(calls) > 2000


# ---------------------------------------------------------------- index forms, several results
@pytest.mark.parametrize("target", ["numpy", "torch", pytest.param("jax", marks=pytest.mark.oracle)])
@pytest.mark.parametrize("name", INDEXED)
def test_an_index_form(name: str, target: str) -> None:
    f, wrt, let = INDEXED[name]
    d, matrix = mc.jacobian(f, wrt, let_of(let), form="index"), mc.jacobian(f, wrt, let_of(let))
    for sizes in ({"m": 3, "n": 2}, {"m": 2, "n": 2}, {"m": 1, "n": 4}):
        values = sized(matrix, {n: k for n, k in sizes.items() if n in matrix.reading_of_input.dims})
        got = run_in(d, target, values)
        assert numbers(got) == pytest.approx(np.asarray(matrix.tensor(values)), abs=1e-12)
        assert numbers(got).shape == np.shape(matrix.tensor(values))


def run_in(d: Any, target: str, values: dict[str, Any]) -> Any:
    array: Any = np.asarray
    if target != "numpy":
        array = pytest.importorskip("torch").as_tensor if target == "torch" else pytest.importorskip("jax.numpy").asarray
    if target == "jax":
        jax_space()
    got = in_python(d, d.code(target), values, array)
    if isinstance(got, Exception):
        raise got
    return got


@pytest.mark.parametrize("target", ["julia", "matlab"])
@pytest.mark.parametrize("name", INDEXED)
def test_an_index_form_has_code_or_a_typed_error_in_languages_of_matrices(name: str, target: str) -> None:
    f, wrt, let = INDEXED[name]
    has_code(mc.jacobian(f, wrt, let_of(let), form="index"), target)


@pytest.mark.parametrize("target", ["numpy", "torch", pytest.param("jax", marks=pytest.mark.oracle)])
@pytest.mark.parametrize("name", TOGETHER)
def test_value_and_gradients_in_one_function(name: str, target: str) -> None:
    f, wrt, let = TOGETHER[name]
    both = mc.value_and_grad(f, wrt, let_of(let))
    for size in ({"m": 4, "n": 3}, {"m": 1, "n": 1}):
        values = sized(both[0], {n: k for n, k in size.items() if n in both[0].reading_of_input.dims})
        got = run_in(both, target, values)
        assert len(got) == 1 + len(wrt)
        for d, g in zip(both, got, strict=True):
            assert not differing(d, values, g if numbers(g).dtype.kind == "f" else float(g), d(values))


@pytest.mark.skipif(shutil.which("octave") is None, reason="octave is not on the path")
def test_value_and_gradients_in_matlab(tmp_path: Path) -> None:
    calls, wanted = [], []
    for f, wrt, let in TOGETHER.values():
        both = mc.value_and_grad(f, wrt, let_of(let))
        values, code = sized(both[0]), both.code("matlab")
        calls.append((code, arguments(both, code, "matlab", values), 1 + len(wrt)))
        wanted.append([two_axes(d, values) for d in both])
    for found, values in zip(in_octave(calls, tmp_path), wanted, strict=True):
        assert len(found) == len(values)
        for a, b in zip(found, values, strict=True):
            assert a == pytest.approx(b)


# ---------------------------------------------------------------- the text
def test_single_precision_stays_single() -> None:
    torch = pytest.importorskip("torch")
    for c in [*fraction(GROUPS["corpus"](), 3), *GROUPS["special"]()]:
        values = {n: v.astype(np.float32) if isinstance(v, np.ndarray) else v for n, v in c.points[0].items()}
        if any(isinstance(v, np.ndarray) for v in values.values()) and has_code(c.d, "torch"):
            got = run_in(c.d, "torch", values)
            assert not isinstance(got, torch.Tensor) or got.dtype == torch.float32 or "dtype=torch.float64" in code_of(c.d, "torch"), c.name


@pytest.mark.parametrize("hint", [{"n": 5}, {"m": 7, "n": 7}, {"n": 10**30}, {"m": 101, "n": 101}, {"m": np.int64(3)}])
def test_sizes_that_are_expected_choose_a_plan_and_nothing_else(hint: Any) -> None:
    d = mc.grad("sum(A @ B @ x)", "x", ["A: matrix(m, n)", "B: matrix(n, n)", "x: vector(n)"])
    for sizes in ({"m": 2, "n": 3}, {"m": 3, "n": 3}):
        values = sized(d, sizes)
        scope: dict[str, Any] = {}
        exec(d.code("numpy", sizes=hint), scope)  # noqa: S102 (our own output)
        assert scope["grad"](*[values[n] for n in ("A", "B", "x")]) == pytest.approx(d(values))


@pytest.mark.parametrize("hint", [{"n": "a"}, {"n": 0}, {"n": -1}, {"n": 2.5}, {"n": None}, {"q": 3}, {"x": 3}, {1: 2}, [1], "n=3", 4])
def test_sizes_that_are_none_are_named(hint: Any) -> None:
    with pytest.raises(mc.DomainError, match=r"dimension|by name"):
        mc.grad("mean(x)", "x", ["x: vector(n)"]).code("numpy", sizes=hint)


@pytest.mark.parametrize("target", TARGETS)
@groups
def test_the_text_says_nothing_of_the_sizes_that_it_was_planned_for(group: str, target: str) -> None:
    for c in GROUPS[group]():
        if has_code(c.d, target):
            code = code_of(c.d, target)
            assert not re.search(r"\b(6[17]|7[139]|83|89|97|10[1379]|113)\b", code), code
            assert "matcalc" not in code


PYTHONIC = re.compile(r"\*\*|\[[^\]]*\bNone\b|axis=|\bnp\.|\bTrue\b|\bFalse\b|\bdef\b|\blambda:|:$| @ |//|\bimport\b|\.T\b|\.shape|\[\]")


@groups
def test_julia_code_looks_like_julia(group: str) -> None:
    """Nobody runs it here: brackets match, every name is an argument or assigned before, and nothing is Python."""
    for c in GROUPS[group]():
        if not has_code(c.d, "julia"):
            continue
        code = code_of(c.d, "julia")
        body = code[code.rindex('"""') + 3:].strip()
        assert body.startswith("function ")
        assert body.endswith("\nend")
        assert not PYTHONIC.search(body), code
        balanced(body)


@pytest.mark.parametrize(("text", "line"), [
    ("polygamma(3, x)", "polygamma.(3, x)"), ("polygamma(3, x.T)", "polygamma.(3, x)'"), ("polygamma(3, sum(x))", "polygamma(3, sum(x))"),
    ("erf(x)", "erf.(x)"), ("x.T @ x * x", "dot(x, x) .* x"), ("X**2 @ x", "X .^ 2 * x"), ("x[0, :] * x", "only(x[1:1]) .* x"),
    ("expm(X)", "exp(X)"), ("X + x.T", "X .+ x'"), ("X @ X - 1", "X^2 .- 1"), ("2 * X + X.T", "2 * X + X'"),
    ("max(X, axis=0)", "vec(maximum(X, dims=1))'"),
])
def test_julia_code_has_dots_where_entries_are_meant(text: str, line: str) -> None:
    let = [d for d in ("x: vector(n)", "X: matrix(n, n)") if re.search(rf"\b{d[0]}\b", text)]
    assert f"    return {line}\n" in mc.simplify(text, let, check=False).code("julia")


def balanced(text: str) -> None:
    pairs, stack = {")": "(", "]": "["}, []
    for character in text:
        if character in "([":
            stack.append(character)
        elif character in pairs:
            assert stack, text
            assert stack.pop() == pairs[character], text
    assert not stack, text


@pytest.mark.parametrize("name", [*NAMES, "a" * 200, "b" * 62 + "_1", "b" * 62 + "_2"])
def test_names_in_matlab_are_of_ascii_and_not_too_long(name: str) -> None:
    code = mc.grad(f"{name} * norm2sq(w)", "w", [f"{name}: scalar", "w: vector(n)"], check=False).code("matlab")
    header = re.search(r"^function value = grad\((.*), (.*)\)$", code, re.M)
    assert header, code
    assert all(re.fullmatch(r"[A-Za-z]\w{0,62}", word, re.ASCII) for word in header.groups()), code


def test_the_sign_of_a_product_is_not_that_of_its_first_factor() -> None:
    """-A @ x negates a matrix before it is multiplied."""
    assert "2 * (U @ (V.T @ V) - T @ V)" in mc.grad("norm2sq(T - U @ V.T)", "U").code("numpy", sizes={"k": 5, "m": 1000, "n": 1000})
    assert "-(A.T @" in mc.simplify("-(A.T @ x)", ["A: matrix(m, n)", "x: vector(m)"]).code("numpy")


def test_a_product_of_differences_of_sizes_is_no_number() -> None:
    d = mc.hessian("sum(softmax((eye(n)[1:, :] - eye(n)[:-1, :]).T @ diag(q) @ (eye(n)[1:, :] - eye(n)[:-1, :])) * (N.T @ N))", "q",
                   ["N: matrix(m, n)", "q: vector(n - 1)"], check=False)
    values = {n: np.random.default_rng(0).normal(size=s) for n, s in {"N": (3, 4), "q": (3,)}.items()}
    for target in ("numpy", "torch"):
        assert "3600" not in d.code(target)
    assert not faults(d, "numpy", values)
