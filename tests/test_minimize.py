"""Minimising: known minima by every method, closed forms against a solve, constraints, and what is said of a run that fails."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.optimize.minimizer import OURS, SCIPYS

from .command_line import CommandLine

matcalc = CommandLine()

ROSENBROCK = "(1 - x[0])**2 + 100 * (x[1] - x[0]**2)**2"
FUNCTIONS: dict[str, tuple[str, list[float], list[list[float]]]] = {
    "rosenbrock": (ROSENBROCK, [-1.2, 1], [[1, 1]]),
    "himmelblau": ("(x[0]**2 + x[1] - 11)**2 + (x[0] + x[1]**2 - 7)**2", [0, 0],
                   [[3, 2], [-2.805118, 3.131312], [-3.779310, -3.283186], [3.584428, -1.848126]]),
    "booth": ("(x[0] + 2 * x[1] - 7)**2 + (2 * x[0] + x[1] - 5)**2", [0, 0], [[1, 3]]),
    "beale": ("(1.5 - x[0] + x[0] * x[1])**2 + (2.25 - x[0] + x[0] * x[1]**2)**2 + (2.625 - x[0] + x[0] * x[1]**3)**2", [1, 1], [[3, 0.5]]),
    "quadratic": ("x[0]**2 / 2 + 5000 * x[1]**2", [1, 1], [[0, 0]]),
}
SLOW = {("fixed", "quadratic"), ("fixed", "rosenbrock"), ("momentum", "quadratic")}  # many thousand steps: in docs/minimize.md
UNCONSTRAINED = [m for m in (*OURS, *SCIPYS) if m not in ("slsqp", "trust-constr")]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("method", UNCONSTRAINED)
def test_every_method_finds_a_minimum(method: str, name: str) -> None:
    if method in SCIPYS:
        pytest.importorskip("scipy")
    if (method, name) in SLOW:
        pytest.skip("many thousand steps")
    f, start, minima = FUNCTIONS[name]
    m = mc.minimize(f, "x", {"x": start}, method=method)
    assert m.converged, m.report
    assert m.kind == "minimum"
    assert min(np.abs(m.x["x"] - at).max() for at in minima) < 1e-5
    assert m.value == pytest.approx(mc.evaluate(f, {"x": m.x["x"]}))
    assert len(m.history) == m.iterations + 1 or method in SCIPYS


def test_newton_on_rosenbrocks_valley() -> None:
    m = mc.minimize(ROSENBROCK, "x", {"x": [-1.2, 1]}, method="newton")
    assert m.iterations <= 25
    assert np.abs(m.x["x"] - 1).max() < 1e-8


def test_a_run_that_is_too_short_says_so() -> None:
    m = mc.minimize(ROSENBROCK, "x", {"x": [-1.2, 1]}, method="gd", iterations=10)
    assert not m.converged
    assert "10 iterations were not enough" in m.report


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("method", ["newton", "nesterov", "bfgs"])
def test_from_anywhere_it_converges_or_says_that_it_did_not(method: str, seed: int) -> None:
    start = np.random.default_rng(seed).uniform(-4, 4, 2)
    m = mc.minimize(FUNCTIONS["beale"][0], "x", {"x": start}, method=method, iterations=3000)
    slope = mc.grad(FUNCTIONS["beale"][0], "x")(x=m.x["x"])
    assert m.converged == bool(np.abs(slope).max() <= 1e-8) or m.converged is False


def test_the_second_minimum_of_the_long_valley_is_told_as_what_it_is() -> None:
    f = "sum((1 - x[:-1])**2) + 100 * sum((x[1:] - x[:-1]**2)**2)"
    m = mc.minimize(f, "x", {"x": [-1.0] + [1.0] * 9}, method="newton")
    assert m.kind == "minimum"
    assert m.value == pytest.approx(3.98658, abs=1e-4)


# ---------------------------------------------------------------- closed forms
def arrays(*shapes: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(5)
    return [rng.normal(size=s) for s in shapes]


def test_least_squares_has_a_closed_form() -> None:
    X, y = arrays((30, 4), (30,))
    m = mc.minimize("norm2sq(X w - y)", "w", data={"X": X, "y": y})
    assert m.closed_form == "w = inv(X.T @ X) @ X.T @ y"
    assert m.x["w"] == pytest.approx(np.linalg.lstsq(X, y, rcond=None)[0])
    assert mc.evaluate(m.closed_form.partition(" = ")[2], {"X": X, "y": y}) == pytest.approx(m.x["w"])


@pytest.mark.parametrize(("f", "over", "names"), [
    ("norm2sq(X w - y) + lambda norm2sq(w)", "w", ["X", "y", "lambda"]),
    ("norm2sq(X W - Y) / 2 + lambda / 2 * norm2sq(W)", "W", ["X", "Y", "lambda"]),
    ("norm2sq(W X.T - Y.T)", "W", ["X", "Y"]), ("mean((X w - y)**2)", "w", ["X", "y"]), ("w.T X.T X w / 2 - y.T X w", "w", ["X", "y"])])
def test_a_closed_form_is_where_the_gradient_vanishes(f: str, over: str, names: list[str]) -> None:
    X, y, Y = arrays((30, 4), (30,), (30, 3))
    data = {k: v for k, v in {"X": X, "y": y, "Y": Y, "lambda": 0.7}.items() if k in names}
    m = mc.minimize(f, over, data=data)
    assert m.closed_form
    assert m.converged
    by_text = mc.evaluate(m.closed_form.partition(" = ")[2], data, ["lambda: scalar"] if "lambda" in names else [])
    assert by_text == pytest.approx(m.x[over])
    assert np.abs(mc.grad(f, over)({**data, over: m.x[over]})).max() < 1e-8
    other = mc.minimize(f, over, data=data, method="newton")
    assert other.x[over] == pytest.approx(m.x[over], abs=1e-7)


@pytest.mark.parametrize(("f", "data", "words"), [
    ("x.T A x", {"A": [[1.0, 0], [0, -1]]}, "saddle"), ("b.T x", {"b": [1.0, 2]}, "falls without bound"),
    ("x.T A x - b.T x", {"A": [[1.0, 0], [0, 0]], "b": [1.0, 1]}, "falls without bound"), ("-norm2sq(x - b)", {"b": [1.0, 2]}, "maximum")])
def test_what_has_no_minimum_is_told(f: str, data: dict[str, Any], words: str) -> None:
    m = mc.minimize(f, "x", data=data)
    assert not m.converged
    assert words in m.report


def test_a_solution_that_is_not_unique_is_told() -> None:
    X = np.ones((5, 2))
    m = mc.minimize("norm2sq(X w - y)", "w", data={"X": X, "y": np.arange(5.0)})
    assert m.converged
    assert "not unique" in m.report
    assert m.x["w"] == pytest.approx([1, 1])


# ---------------------------------------------------------------- constraints, several variables, structures
def test_bounds_and_a_sum() -> None:
    pytest.importorskip("scipy")
    m = mc.minimize("norm2sq(x - b)", "x", data={"b": [0.9, 0.6, -0.5]}, subject_to=["x >= 0", "sum(x) == 1"])
    assert m.converged, m.report
    assert m.x["x"] == pytest.approx([0.65, 0.35, 0], abs=1e-6)


def test_inequalities_with_matrices() -> None:
    pytest.importorskip("scipy")
    m = mc.minimize("norm2sq(x)", "x", data={"A": [[-1.0, -1]], "c": [-2.0]}, start={"x": [3.0, 0]}, subject_to=["A @ x <= c"],
                    let=["A: matrix(m, n)", "c: vector(m)", "x: vector(n)"])
    assert m.x["x"] == pytest.approx([1, 1], abs=1e-5)


def test_constraints_that_leave_nothing() -> None:
    pytest.importorskip("scipy")
    m = mc.minimize("norm2sq(x)", "x", {"x": [3.0, 1]}, subject_to=["sum(x) == 1", "x >= 0.6"])
    assert not m.converged
    assert "missed" in m.report
    with pytest.raises(mc.DomainError, match="leave nothing"):
        mc.minimize("norm2sq(x)", "x", {"x": [3.0, 1]}, subject_to=["x >= 1", "x <= 0"])


def test_several_variables_at_once() -> None:
    V, = arrays((6, 5))
    V = np.abs(V)
    start = {"W": np.full((6, 2), 0.5) + np.arange(12).reshape(6, 2) / 30, "H": np.full((2, 5), 0.4) + np.arange(10).reshape(2, 5) / 40}
    m = mc.minimize("norm2sq(V - W H)", ["W", "H"], start, {"V": V}, method="newton")
    best = np.sum(np.linalg.svd(V)[1][2:] ** 2)
    assert m.value == pytest.approx(best, rel=1e-6)


def test_a_symmetric_variable_stays_symmetric() -> None:
    S = np.array([[2.0, 0.5], [0.5, 1.0]])
    m = mc.minimize("tr(X S) - logdet(X)", "X", {"X": np.eye(2)}, {"S": S}, let=["X: spd"])
    assert m.x["X"] == pytest.approx(np.linalg.inv(S), abs=1e-7)


@pytest.mark.parametrize("options", [{}, {"seed": 2}, {"method": "bfgs"}, {"start": {"X": np.eye(2)}}], ids=str)
def test_a_definite_variable_stays_definite_and_its_minimum_is_one(options: dict[str, Any]) -> None:
    S = np.array([[2.0, 1], [1, 3]])
    m = mc.minimize("tr(S X) - logdet(X)", "X", data={"S": S}, let=["X: spd"], **options)
    assert m.kind == "minimum", m.report
    assert m.x["X"] == pytest.approx(np.linalg.inv(S), abs=1e-6)


@pytest.mark.parametrize(("f", "start", "kind", "converged"), [
    ("exp(x)", 0.0, "unknown", False), ("1 / (1 + x**2)", 1.0, "unknown", False), ("-1 * exp(-x**2)", 5.0, "maximum", False),
    ("x**4", 1.0, "flat", True), ("-1 * exp(-x**2)", 0.3, "minimum", True)])
def test_a_small_gradient_is_no_minimum_yet(f: str, start: float, kind: str, converged: bool) -> None:
    m = mc.minimize(f, "x", {"x": start}, let=["x: scalar"])
    assert (m.kind, m.converged) == (kind, converged), m.report


@pytest.mark.parametrize(("f", "options", "kind", "x"), [
    ("norm2sq(x - b)", {"subject_to": ["0 <= x <= 1"]}, "minimum", [1.0, 0.0]),
    ("norm2sq(x - b)", {"subject_to": ["x >= 0, sum(x) == 1"]}, "minimum", [1.0, 0.0]),
    ("-1 * norm2sq(x)", {"subject_to": ["sum(x) == 1"], "start": [0.5, 0.5]}, "maximum", [0.5, 0.5]),
    ("-1 * x[0] * x[1]", {"subject_to": ["norm2sq(x) == 2"], "start": [0.3, 1.0]}, "minimum", [1.0, 1.0]),
    ("x[0] + x[1]", {"subject_to": ["norm2sq(x) <= 2"], "start": [0.3, 1.0]}, "minimum", [-1.0, -1.0]),
    ("x[0]**2 + 3 * x[1]**2", {"subject_to": ["norm2sq(x) == 1"], "start": [0.3, 1.0]}, "minimum", [1.0, 0.0]),
    ("x[0]**2 + 3 * x[1]**2", {"subject_to": ["norm2sq(x) == 1"], "start": [0.0, 1.0]}, "maximum", [0.0, 1.0]),
    ("-1 * norm2sq(x)", {"subject_to": ["-1 <= x", "x <= 1"], "start": [0.0, 0.0]}, "maximum", [0.0, 0.0])])
def test_a_point_under_constraints_is_judged_along_them(f: str, options: dict[str, Any], kind: str, x: list[float]) -> None:
    start = options.pop("start", [0.5, 0.2])
    m = mc.minimize(f, "x", {"x": start}, {"b": [2.0, -1.0]} if "b" in f else {}, **options)
    assert (m.kind, m.converged) == (kind, kind == "minimum"), m.report
    assert m.x["x"] == pytest.approx(x, abs=1e-6)
    assert m.gradient_norm < 1e-5


@pytest.mark.parametrize(("f", "bounds", "words"), [
    ("-1 * sum(x)", ["x >= 0"], "falls without bound"), ("norm2sq(x)", ["x >= 2", "sum(x) == 1"], "contradict"),
    ("norm2sq(x)", ["sum(x) == 1", "sum(x) == 2"], "contradict")])
def test_constraints_that_leave_no_minimum_are_told(f: str, bounds: list[str], words: str) -> None:
    m = mc.minimize(f, "x", {"x": [0.3, 1.0]}, subject_to=bounds)
    assert not m.converged
    assert words in m.report
    assert m.evaluations < 10_000


def test_one_variable_after_the_other() -> None:
    V, W, H = arrays((9, 7), (9, 3), (3, 7))
    start, low = {"W": np.abs(W), "H": np.abs(H)}, ["W >= 0", "H >= 0", "H <= 0.9"]
    m = mc.minimize("norm2sq(V - W H) / 2", ["W", "H"], start, {"V": np.abs(V)}, subject_to=low)
    assert m.method == "alternating"
    assert m.converged, m.report
    assert 0 <= m.x["H"].min() <= m.x["H"].max() <= 0.9
    for name in ("W", "H"):  # each is the best, the other held
        other = {k: v for k, v in m.x.items() if k != name}
        one = mc.minimize("norm2sq(V - W H) / 2", name, {name: start[name]}, {"V": np.abs(V), **other}, method="l-bfgs-b",
                          subject_to=[b for b in low if b.startswith(name)])
        assert m.value == pytest.approx(one.value, rel=1e-9)
    free = mc.minimize("norm2sq(V - W H) / 2", ["W", "H"], {"W": W, "H": H}, {"V": V}, method="alternating")
    best = 0.5 * float((np.linalg.svd(V, compute_uv=False)[3:] ** 2).sum())  # Eckart and Young
    assert free.converged, free.report
    assert free.value == pytest.approx(best, rel=1e-9)
    with pytest.raises(mc.MatcalcError, match="affine in each variable"):
        mc.minimize("sum(exp(x))", "x", {"x": [1.0]}, method="alternating")
    with pytest.raises(mc.MatcalcError, match="no other constraints"):
        mc.minimize("norm2sq(x)", "x", {"x": [1.0]}, method="alternating", subject_to=["sum(x) == 1"])


def test_kinks_and_functions_are_told() -> None:
    assert "kinks" in mc.minimize("norm1(x - b)", "x", {"x": [0.3, 1]}, {"b": [1.0, 2]}).report
    with pytest.raises(mc.MatcalcError, match="from_function"):
        mc.minimize(lambda x: x @ x, "x", {"x": [1.0]})


@pytest.mark.parametrize(("let", "value"), [("A: symmetric", [[1, 2], [3, 4]]), ("A: spd", [[2, 1], [0, 2]]), ("A: spd", [[1, 2], [2, 1]]),
                                            ("A: skew", np.eye(2)), ("A: diagonal", [[1, 2], [0, 1]]), ("A: orthogonal", [[1, 0], [0, 2]])])
def test_numbers_that_are_not_what_was_declared_are_refused(let: str, value: Any) -> None:
    for ask in (lambda: mc.minimize("x.T A x - b.T x", "x", data={"A": value, "b": [1.0, 1]}, let=[let]),
                lambda: mc.grad("x.T A x", "x", [let])(A=value, x=[1, 1]), lambda: mc.evaluate("tr(A)", {"A": value}, [let])):
        with pytest.raises(mc.MatcalcError, match=f"declared {let[3:]}, and these numbers are not"):
            ask()


def test_separable_labels_have_no_minimum() -> None:
    X, = arrays((20, 2))
    m = mc.minimize("sum(softplus(-s * (X w)))", "w", data={"X": X, "s": np.sign(X @ [1.0, 2.0])})
    assert not m.converged
    assert "still falls" in m.report


# ---------------------------------------------------------------- mistakes
@pytest.mark.parametrize(("arguments", "words"), [
    ({"f": "norm2sq(A x - b)", "over": "x"}, "no value is given for A, b"), ({"f": "norm2sq(x)", "over": "x"}, "size of x is not known"),
    ({"f": "norm2sq(x)", "over": "x", "start": {"x": [1, 2]}, "method": "newtn"}, "no method"),
    ({"f": "x.T y", "start": {}}, "which variable"),
    ({"f": "norm2sq(x)", "over": "x", "start": {"y": [1, 2]}}, "y has a start"),
    ({"f": "norm2sq(x)", "over": "x", "data": {"q": 1}, "start": {"x": [1]}}, "q is not"),
    ({"f": "sum(log(x))", "over": "x", "start": {"x": [-1.0, 2]}}, "not finite at the start"),
    ({"f": "x", "over": "x", "start": {"x": [1.0, 2]}}, "scalar"),
    ({"f": "norm2sq(x)", "over": "x", "start": {"x": [1.0, 2]}, "subject_to": ["x + 1"]}, "a constraint is expressions"),
    ({"f": "norm2sq(x)", "over": "x", "start": {"x": [1.0, 2]}, "subject_to": ["x >= 0"], "method": "gd"}, "knows no such constraints"),
    ({"f": "exp(norm2sq(x))", "over": "x", "start": {"x": [1.0, 2]}, "method": "closed-form"}, "no closed form"),
    ({"f": "norm2sq(x)", "over": "x", "start": np.ones(2)}, "given by name"),
    ({"f": "norm2sq(x)", "over": "x", "data": [1, 2]}, "given by name"),
    ({"f": "norm2sq(x)", "over": "x", "start": {"x": [1.0]}, "subject_to": [abs]}, "constraints are text"),
    ({"f": "logdet(X)", "over": "X", "start": {"X": [[1, 0.5], [0.1, 1]]}, "let": ["X: spd"]}, "declared spd, and these numbers are not"),
    ({"f": "norm2sq(x - b)", "over": "x", "data": {"b": [np.nan, 1.0]}}, "not finite")])
def test_mistakes_are_told(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(mc.MatcalcError, match=words):
        mc.minimize(**arguments)


# ---------------------------------------------------------------- the command
def test_the_command(tmp_path: Path) -> None:
    X, y = arrays((12, 2), (12,))
    np.savetxt(tmp_path / "X.csv", X, delimiter=",")
    np.savetxt(tmp_path / "y.csv", y)
    run = matcalc("minimize", "norm2sq(X w - y)", "--over", "w", "--data", str(tmp_path / "X.csv"), "--data", str(tmp_path / "y.csv"),
                  "--save", str(tmp_path / "w.npz"))
    assert run.code == 0
    assert "closed form: w = inv(X.T @ X) @ X.T @ y" in run.out
    assert "positive definite" in run.err
    assert np.load(tmp_path / "w.npz")["w"] == pytest.approx(np.linalg.lstsq(X, y, rcond=None)[0])


def test_columns_with_names(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("age,height\n1,2\n2,4\n3,6.3\n")
    run = matcalc("minimize", "norm2sq(height - c * age)", "--over", "c", "--let", "c: scalar", "--data", str(tmp_path / "table.csv"),
                  "--to", "json")
    found = json.loads(run.out)
    assert found["x"]["c"] == pytest.approx((2 + 8 + 18.9) / 14)
    assert found["converged"] is True


@pytest.mark.parametrize("text", ["", "a,b\n", "1,2\n3\n", "1,2\n3,x\n", "\x00\x01"])
def test_a_table_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    run = matcalc("minimize", "norm2sq(x - t)", "--over", "x", "--data", str(tmp_path / "t.csv"))
    assert run.code == 2
    assert run.err.startswith("error: ")
    assert "fix:" in run.err


def test_a_run_without_end_is_told_by_the_exit_code() -> None:
    assert matcalc("minimize", "x.T A x", "--over", "x", "--set", "A=[[1, 0], [0, -1]]").code == 5


def test_what_to_minimise_over_may_be_named_as_for_a_derivative() -> None:
    line = 'matcalc minimize "norm2sq(A w - b)" {} w --set "A=[[1, 2], [3, 4]]" --set "b=[1, 2]"'
    assert matcalc.run_line(line.format("--wrt")).out == matcalc.run_line(line.format("--over")).out != ""


def test_without_scipy_none_of_our_methods_is_named_under_constraints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matcalc.optimize.with_scipy.available", lambda: False)
    for subject_to, ours in (((), True), (["x >= 1"], False)):
        with pytest.raises(mc.MatcalcError, match="not installed") as refused:
            mc.minimize("norm2sq(x)", "x", {"x": [1.0, 2.0]}, method="l-bfgs-b", subject_to=subject_to)
        assert ("newton" in str(refused.value)) is ours


# ---------------------------------------------------------------- mistakes on the command line
@pytest.mark.parametrize(("line", "words"), [
    ('minimize "norm2sq(houses[:, :1] w - price)" --over w --data house.csv', "there is no file house.csv"),
    ('minimize "norm2sq(w)" --over w --data nowhere.npz', "files of numbers there: houses.csv"),
    ('minimize "norm2sq(A x - b)" --over z --set "A=[[1,2],[3,4]]" --set "b=[1,2]"', "z is not in the expression"),
    ('minimize "exp(x) - x" --over x', "an objective is a scalar"),
    ('minimize "log(x)" --over x --start "x=[1,2]"', "an objective is a scalar"),
    ('minimize "norm2sq(x)" --over x --start "x=[1,2]" --to latex', "--to takes text, json"),
    ('minimize "norm2sq(x)" --over x --start "x=[1,2]" --save out.txt', "out.txt is none"),
    ('minimize "x[5]**2" --over x --start "x=[1,2]"', "entries that x does not have")])
def test_mistakes_on_the_command_line(line: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "houses.csv").write_text("area,price\n1,2\n2,4\n3,7\n")
    seen = matcalc.run_line(f"matcalc {line}")
    assert seen.code == 2
    assert words in seen.err
    for fix in re.findall(r"^(?:fix| or): (matcalc .*)$", seen.err, re.M):
        again = matcalc.run_line(fix)
        assert words not in again.err


def test_pictures_read_tables_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "houses.csv").write_text("area,price\n1,2\n2,4\n3,7\n")
    seen = matcalc.run_line('matcalc plot field "norm2sq(area * a + b - price)" --over a --over b --data houses.csv --save f.png'
                            ' --let "a: scalar" --let "b: scalar"')
    assert (seen.code, seen.out.strip()) == (0, "f.png"), seen.err
