"""To SymPy and back: every answer has the same value there, and what comes from there is read as it was meant."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from sympy import (
    Abs,
    DiagMatrix,
    DiagonalMatrix,
    DiagonalOf,
    HadamardPower,
    HadamardProduct,
    Identity,
    ImmutableMatrix,
    KroneckerProduct,
    MatPow,
    MatrixSymbol,
    Max,
    OneMatrix,
    Rational,
    Symbol,
    Trace,
    ZeroMatrix,
    det,
    exp,
    log,
    pi,
    sqrt,
    symbols,
)

import matcalc as mc
from matcalc.checker import draw
from matcalc.expr import symbol
from matcalc.knowledge import Function, known
from matcalc.parser import read
from matcalc.printers.sympy import explicit, to_sympy

CASES = [case for path in sorted((Path(__file__).parent / "corpus").glob("*.toml")) for case in tomllib.loads(path.read_text())["case"]]
SIZES = dict(zip("mnkpqr", (2, 3, 4, 2, 3, 2), strict=True))

m, n = symbols("m n", integer=True, positive=True)
c, t = symbols("c t")
A, B, X, x, y = MatrixSymbol("A", m, n), MatrixSymbol("B", n, n), MatrixSymbol("X", n, n), MatrixSymbol("x", n, 1), MatrixSymbol("y", m, 1)


def in_sympy(e: Any, values: Mapping[str, Any], sizes: Mapping[str, int]) -> np.ndarray:
    """The value of a SymPy expression at numbers given by name."""
    numbers: dict[Any, Any] = {}
    for s in e.free_symbols:
        if s.name in values and s.is_Matrix:
            array = np.asarray(values[s.name], float)
            numbers[s] = ImmutableMatrix(array.reshape(-1, 1) if array.ndim < 2 and s.shape[1] == 1 else np.atleast_2d(array))
        elif s.name in values:
            numbers[s] = sympy.Float(float(np.asarray(values[s.name]).item()), 17)
        else:
            numbers[s] = sympy.Integer(sizes[s.name])
    value = explicit(e, numbers).evalf()
    return np.array(value.tolist() if value.is_Matrix else [[value]], dtype=complex)


def same(got: np.ndarray, expected: Any) -> bool:
    expected = np.asarray(expected)
    return bool(np.allclose(got.reshape(-1), expected.reshape(-1), rtol=1e-9, atol=1e-10, equal_nan=False))


# ---------------------------------------------------------------- out
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_an_answer_has_the_same_value_in_sympy(case: dict[str, Any]) -> None:
    """The whole corpus: with numbers put in, SymPy computes what `d(...)` does. (adj((A + t * U) @ B) has an inverse in it: m >= n.)"""
    verb = getattr(mc, case.get("op", "grad"))
    d = verb(case["expr"], case["wrt"], case["let"], structure="free", check=False)  # test_corpus checks it
    values, sizes = draw(read(case["expr"], known().language(), case["let"]), 1, {"m": 3, "n": 2} if "adj(" in case["expr"] else None)
    expected = d({**values, **{name: size for name, size in sizes.items() if name not in values}})
    assert same(in_sympy(d.sympy(), values, sizes), expected), d.sympy()


OVERLOADS = [(f, kind) for fs in known().functions.values() for f in fs for kind in ("scalar", "vector(n)", "matrix(m, n)")
             if kind == "scalar" or any(p.kind == "any" for p in f.signature.params)]


@pytest.mark.parametrize(("function", "kind"), OVERLOADS, ids=lambda v: v.entry if isinstance(v, Function) else v)
def test_every_function_of_the_rules_has_the_same_value_in_sympy(function: Function, kind: str) -> None:
    text, let = called(function, kind)
    values, sizes = draw(read(text, known().language(), [f"{d} positive" if d.endswith((")", "scalar")) else d for d in let]), 1)
    values = {name: np.asarray(v) / 2 / np.max(v) + np.eye(*np.shape(v)) * (np.ndim(v) == 2) / 4 for name, v in values.items()}
    if any(word in condition for condition in function.words("domain") for word in ("spd", "symmetric")):
        values = {name: v @ v.T for name, v in values.items()}
    e = mc.parse(text, let).sympy()
    assert same(in_sympy(e, values, sizes), mc.evaluate(text, values, let)), e


def called(function: Function, kind: str) -> tuple[str, list[str]]:
    """A call with a parameter of `kind` for each that may be any, and its declarations."""
    params = [p for p in function.signature.params if p.kind != "axis"]
    let = []
    for p in params:
        if p.kind != "integer":
            declared = kind if p.kind == "any" else f"{p.kind}({', '.join(map(str, p.dims))})" if p.dims else p.kind
            let.append(f"{p.name}: {declared}")
    axis = "" if function.head.axis is None else f", axis={function.head.axis}"
    return f"{function.name}({', '.join('3' if p.kind == 'integer' else p.name for p in params)}{axis})", let


@pytest.mark.parametrize("text", [
    "commat(m, n) @ vec(A)", "vec(A.T)", "kron(A, X)", "diag(x) @ X", "A[1:, :-1]", "A[-1, :].T", "x[-1] * x[:-1]",
    "diagv(X @ B)", "A[0, 1]", "A + x.T", "A + c", "sum(A, axis=0)", "mean(A, axis=1)", "x**c", "A**2 / 3", "2 * maximum(A, A**2)",
    "maximum(x, c)", "mpow(X, 3)",
    "inv(X).T @ x", "x.T @ X @ B @ x", "m * n * A", "ones(m, n) - zeros(m, n)",
    "pi * x / (y.T @ y)", "tr(X) * eye(n)", "max(A, axis=0)",
    "minimum(A, 0.3)", "softmax(A)", "pinv(A) @ y", "argmaxmask(A, axis=1)", "tril(X) @ triu(X)", "norm(X) * norm(x, 3)", "x @ x.T",
])
def test_operators_have_the_same_value_in_sympy(text: str) -> None:
    shapes = {"A": "matrix(m, n)", "B": "matrix(n, n)", "X": "matrix(n, n)", "x": "vector(n)", "y": "vector(m)", "c": "scalar"}
    let = [f"{name}: {shape}" for name, shape in shapes.items() if re.search(rf"\b{name}\b", text)]
    rng = np.random.default_rng(1)
    sized = {"matrix(m, n)": (2, 3), "matrix(n, n)": (3, 3), "vector(n)": 3, "vector(m)": 2, "scalar": ()}
    values = {d.split(":")[0]: rng.uniform(0.2, 1.2, sized[d.partition(": ")[2]]) for d in let}
    e = mc.parse(text, let)
    numbers = {**values, **{name: SIZES[name] for name in "mn" if Symbol(name, integer=True, positive=True) in e.sympy().free_symbols}}
    assert same(in_sympy(e.sympy(), values, SIZES), mc.evaluate(text, {**values, **numbers}, let)), e.sympy()


@pytest.mark.parametrize("structure", ["projected", "independent"])
@pytest.mark.parametrize("kind", ["symmetric", "skew", "diagonal", "lower", "upper"])
def test_structured_answers_have_the_same_value_in_sympy(structure: str, kind: str) -> None:
    d = mc.grad("tr(A @ X @ X @ B)", "X", [f"X: matrix(n, n) {kind}"], structure=structure, check=False)
    values, sizes = draw(read("tr(A @ X @ X @ B)", known().language(), [f"X: matrix(n, n) {kind}"]), 2)
    assert same(in_sympy(d.sympy(), values, sizes), d(values))


@pytest.mark.parametrize(("f", "wrt", "expected"), [
    ("x.T A x", "x", (MatrixSymbol("A", n, n) + MatrixSymbol("A", n, n).T) * x),
    ("norm2sq(A @ x - y)", "x", 2 * A.T * (A * x - y)),
    ("log(det(X))", "X", X.T.I),
    ("tr(X) + 1", "X", Identity(n)),
    ("norm(x)", "x", x / sqrt(Trace(x.T * x))),
    ("sum(exp(x))", "x", to_sympy(mc.parse("exp(x)", ["x: vector(n)"]))),
    ("tr(X) * t", "t", Trace(X)),
])
def test_the_form_is_the_one_a_sympy_user_writes(f: str, wrt: str, expected: Any) -> None:
    assert mc.grad(f, wrt).sympy() == expected


def test_sympy_takes_answers_and_expressions_as_they_are() -> None:
    d = mc.grad("x.T A x", "x")
    assert sympy.sympify(d) == d.sympy()
    assert x + d == x + d.sympy()
    assert sympy.sympify(mc.parse("2 * x")) == 2 * x


def test_an_answer_that_is_wrong_does_not_reach_sympy(monkeypatch: pytest.MonkeyPatch) -> None:
    from matcalc import derivatives

    right = derivatives.derive_gradient
    monkeypatch.setattr(derivatives, "derive_gradient", lambda *a: right(*a)._replace(expression=2 * right(*a).expression))
    with pytest.raises(mc.CheckFailed):
        mc.grad("x.T A x", "x").sympy()


def test_a_name_that_is_not_one_word_becomes_no_symbol() -> None:
    for shape in ((1, 1), ("n", "n"), ("print(1)", 1)):
        with pytest.raises(mc.DomainError):
            to_sympy(symbol("__import__('os').getcwd()" if shape[0] != "print(1)" else "x", shape))


def test_a_function_that_rules_do_not_spell_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    table = known().functions["erf"][0].table
    monkeypatch.delitem(table, "sympy")
    with pytest.raises(mc.NotSupported, match="erf"):
        mc.parse("erf(x)").sympy()
    monkeypatch.setitem(table, "sympy", "lambdify")  # in SymPy, but no class of expressions
    with pytest.raises(mc.RuleError):
        mc.parse("erf(x)").sympy()


def test_deep_and_shared_expressions_cost_no_more_than_their_nodes() -> None:
    squares = "; ".join(f"y{i + 1} = tanh(y{i}) * tanh(y{i})" for i in range(1, 50))
    e = mc.parse(f"y50 where {squares}; y1 = x", ["x: vector(n)"]).sympy()
    assert e.shape == (n, 1)


def test_sympy_is_not_imported_before_it_is_needed() -> None:
    script = "import sys, matcalc as mc; d = mc.grad('x.T A x', 'x'); str(d); assert not {'sympy', 'numpy'} & set(sys.modules); d.sympy()"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parent.parent)


# ---------------------------------------------------------------- in
WRONG_OR_ZERO = [  # SymPy's own .diff gives 0 for each
    (Trace(X) + 1, X, Identity(n)),
    (log(det(X)), X, X.T.I),
    (exp(Trace(X)), X, exp(Trace(X)) * Identity(n)),
    (Trace(A.T * A) + Trace(B.T * B), A, 2 * A),
]


@pytest.mark.parametrize(("f", "wrt", "expected"), WRONG_OR_ZERO, ids=str)
def test_what_sympy_differentiates_to_zero(f: Any, wrt: Any, expected: Any) -> None:
    assert f.diff(wrt) == 0 or f.diff(wrt).is_ZeroMatrix
    d = mc.grad(f, wrt)
    assert d.evidence.verdict is True
    assert d.sympy() == expected


READ = [
    (x.T * X * x, "x.T @ X @ x"),
    (Trace(X**3), "tr(mpow(X, 3))"),
    (Trace(X.I * B) / 2, "tr(inv(X) @ B) / 2"),
    (Trace(MatPow(X, -2)), "tr(mpow(X, -2))"),
    (sqrt(x.T * x), "sqrt(x.T @ x)"),
    (Trace(X) * (x.T * x) ** -1, "tr(X) / (x.T @ x)"),
    (OneMatrix(1, n) * x.applyfunc(exp), "ones(1, n) @ exp(x)"),
    (log(Trace(X.applyfunc(lambda s: s**2 + 1))), "log(tr(1 + X**2))"),
    (Trace(X.applyfunc(lambda s: 2**s)), "tr(exp(X * log(2)))"),
    (Trace(X.applyfunc(lambda s: sympy.Integer(3))), "tr(3 * ones(n, n))"),
    (Trace(HadamardProduct(X, B) * B), "tr((B * X) @ B)"),
    (Trace(HadamardPower(X, 2)), "tr(X**2)"),
    (Trace(KroneckerProduct(X, B, B)), "tr(kron(kron(X, B), B))"),
    (Trace(DiagMatrix(x) * X), "tr(diag(x) @ X)"),
    (Trace(DiagonalMatrix(X) * X), "tr(diag(diagv(X)) @ X)"),
    (DiagonalOf(X).T * x, "diagv(X).T @ x"),
    (Trace(X + Identity(n)) * det(X + 0 * B), "det(X) * tr(eye(n) + X)"),
    (x[1:, :].T * x[:-1, :], "x[1:].T @ x[:-1]"),
    (x[0, 0] * x[n - 1, 0] * X[1, 2], "X[1, 2] * x[0] * x[-1]"),
    (c**2 * Trace(X) / t - c / 2 + pi * exp(c) - 0.5, None),
    (3 * c ** Rational(3, 2) / (2 * (2 * c + 1) ** 2), "3 * c**(3 / 2) / 2 / (1 + 2 * c)**2"),
    (Max(c, t, 2) * Abs(c), None),
    (Trace(X - ZeroMatrix(n, n)) / n, "tr(X) / n"),
    (-(c - 1) * (c - 2) / 3, None),
    (1 / sqrt(c), "1 / sqrt(c)"),
    (c**t / -t, "-c**t / t"),
    (1e-10 * c + sympy.Float("1e25"), None),
    (sympy.digamma(c) + sympy.trigamma(c) + sympy.loggamma(c) + sympy.asin(c), None),
]


@pytest.mark.parametrize(("f", "text"), READ, ids=[str(f) for f, _ in READ])
def test_what_comes_from_sympy_is_read_as_it_was_meant(f: Any, text: str | None) -> None:
    """The text is this one, and has the value that SymPy's expression has."""
    d = mc.simplify(f)
    assert text is None or d.reading.text == text
    rng = np.random.default_rng(2)
    sized = {"A": (2, 3), "B": (3, 3), "X": (3, 3), "x": 3, "y": 2, "c": (), "t": ()}
    values = {s.name: rng.uniform(0.2, 0.9, sized[s.name]) for s in f.free_symbols if s.name in sized}
    got = in_sympy(f, values, SIZES)
    used = {name: value for name, value in {**values, "n": 3}.items() if re.search(rf"\b{name}\b", d.reading.text)}
    assert same(got, mc.evaluate(f, used))
    assert same(in_sympy(d.sympy(), values, SIZES), got)


@pytest.mark.parametrize("case", CASES[::2], ids=lambda case: case["id"])
def test_there_and_back(case: dict[str, Any]) -> None:
    """What matcalc writes for SymPy it reads again, as the same value."""
    e = mc.parse(case["expr"], case["let"]).sympy()
    if e.has(sympy.FunctionMatrix):  # the masks of triangles and the commutation matrix are written for SymPy alone
        with pytest.raises(mc.NotSupported):
            mc.parse(e)
        return
    values, sizes = draw(read(case["expr"], known().language(), case["let"]), 3)
    numbers = {**values, **{name: size for name, size in sizes.items() if name not in values}}
    back = mc.parse(e)
    numbers = {k: v for k, v in numbers.items() if k in {s.name for s in e.free_symbols}}
    expected = mc.evaluate(case["expr"], {**values, **numbers}, case["let"])
    assert np.allclose(mc.evaluate(back, numbers), expected, rtol=1e-9, equal_nan=True), str(back)


def test_an_answer_is_over_the_symbols_of_the_question() -> None:
    size = Symbol("n")  # not an integer for SymPy
    Y, s = MatrixSymbol("Y", size, size), Symbol("s", positive=True)
    d = mc.grad(s**2 * Trace(Y.T * Y) + size, Y)
    assert d.sympy() == 2 * s**2 * Y
    assert mc.grad(Trace(Y.T * Y) * sqrt(s), s).sympy() == Trace(Y.T * Y) / (2 * sqrt(s))
    gradients = mc.grad(x.T * X * x, [x, X])
    assert [g.sympy() for g in gradients] == [(X + X.T) * x, x * x.T]
    assert str(mc.grad(x.T * X * x, "x", let=["X: symmetric"])) == "2 * X @ x"
    assert mc.grad("x.T @ X @ x", x).sympy() == (X + X.T) * x
    assert mc.grad(2 * c, X).sympy() == ZeroMatrix(n, n)
    one = MatrixSymbol("w", 1, 1)
    assert mc.grad(c * one, c).sympy() == one[0, 0]


def test_equal_questions_are_equal_expressions() -> None:
    assert mc.parse(x.T * X * x) is mc.parse("x.T X x")
    assert mc.parse("exp(x)", ["x: vector(n)"]).sympy() == mc.parse("exp(x)", ["x: vector(n)"]).sympy()


REFUSED = [
    (exp(x), "matrix where SymPy's exp takes a number"),
    (Trace(X.adjoint()), "Adjoint"),
    (Trace(MatPow(X, c)), "whole number as exponent"),
    ((x.T * X * x)[0, 0], "Sum"),
    (sympy.Piecewise((c, c > 0), (0, True)), "Piecewise"),
    (c * sympy.I, "ImaginaryUnit"),
    (c + sympy.oo, "finite"),
    (c * sympy.EulerGamma, "EulerGamma"),
    (sympy.Eq(c, 2), "Equality"),
    (sympy.Matrix([[c]]), "ImmutableDenseMatrix"),
    (sympy.Derivative(c**2, c), "Derivative"),
    (Symbol("c d") + 1, "no name"),
    (Symbol("exec('1')") + c, "no name"),
    (Trace(MatrixSymbol("X'", n, n)), "no name"),
    (Trace(MatrixSymbol("Y", sqrt(n), sqrt(n))), "dimension"),
    (c * Symbol("n") + Trace(X), "two symbols are called n"),
    (Symbol("X") * Trace(X), "two symbols are called X"),
    (sympy.Symbol("z", commutative=False) * 2, "no variable"),
    (sympy.Function("f")(c), "f of SymPy"),
    (Symbol("exp") * c, "exp is a function"),
]


@pytest.mark.parametrize(("f", "words"), REFUSED, ids=[str(f) for f, _ in REFUSED])
def test_what_cannot_be_read_is_a_typed_error(f: Any, words: str) -> None:
    with pytest.raises(mc.MatcalcError, match=words):
        mc.grad(f, c)


MENDED = ("no name", "Sum", "two symbols are called n", "two symbols are called X", "EulerGamma")


@pytest.mark.parametrize("f", [f for f, words in REFUSED if words in MENDED], ids=str)
def test_the_fix_works(f: Any) -> None:
    with pytest.raises(mc.MatcalcError) as caught:
        mc.simplify(f)
    mended = eval(caught.value.fixes[0].say, {"f": f, "sympy": sympy, "n": n})  # noqa: S307  our own text
    assert mc.simplify(mended).evidence.verdict is True


def test_variables_are_symbols() -> None:
    for wrong in (Trace(X), x[0, 0], n):
        with pytest.raises(mc.MatcalcError):
            mc.grad(Trace(X), wrong)


def test_what_is_written_out_too_long_or_too_deep_is_a_limit() -> None:
    e: Any = x
    for _ in range(40):
        e = HadamardProduct(e, e)
    with pytest.raises(mc.LimitError):
        mc.simplify(e)
    e = c
    for _ in range(3000):
        e = sympy.sin(e, evaluate=False)
    with pytest.raises(mc.LimitError):
        mc.simplify(e)
