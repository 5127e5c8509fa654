"""Every function, for every kind of argument and variable that it takes: Jacobian, Hessian, jvp and vjp, measured and compared."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from benchmarks.coverage import PAGE, answered, listed, table
from matcalc import dims
from tests.derivatives import (
    ALL,
    Case,
    Refused,
    answer,
    axes,
    close,
    declared,
    given,
    is_symmetric,
    measured,
    measured_again,
    point,
    run,
    value,
)

EVERY = pytest.mark.parametrize("case", ALL, ids=lambda c: c.id)
EXACT = 1e-9  # two closed forms of one thing, in floating point


def needs_a_rule(found: Refused, case: Case) -> None:
    """A refusal names a function or an operator of the expression: nothing else is ever a reason."""
    assert re.match(r"no rule gives the derivative of \w+$|\w+ of a differential has no (matrix|index) form$", found.reason), found
    assert re.search(r"derivative of (\w+)|^(\w+)", found.reason), case


# ---------------------------------------------------------------- measured
@EVERY
def test_the_jacobian_is_what_f_does_to_small_changes(case: Case) -> None:
    assert close(mc.evaluate(case.text, given(case), case.let), value(case), EXACT)
    d = answer(case, "jacobian")
    if isinstance(d, Refused):
        return needs_a_rule(d, case)
    assert d.evidence.verdict is True, d.evidence
    assert close(d.tensor(given(case)), measured(case)), str(d)


@EVERY
def test_the_hessian_is_what_the_gradient_does_to_small_changes(case: Case) -> None:
    g, h = answer(case, "grad"), answer(case, "hessian")
    if isinstance(h, Refused):
        return needs_a_rule(h, case)
    assert h.evidence.verdict is True, h.evidence
    slopes = measured(case)
    assert close(g.tensor(given(case)), slopes.sum(axis=tuple(range(value(case).ndim)))), str(g)
    assert close(h.tensor(given(case)), measured_again(case)), str(h)


# ---------------------------------------------------------------- laws
@EVERY
def test_products_with_vectors(case: Case) -> None:
    push, pull, d = answer(case, "jvp"), answer(case, "vjp"), answer(case, "jacobian")
    if isinstance(push, Refused) or isinstance(pull, Refused):
        assert push == pull, "forward and reverse mode know the same functions"
        return needs_a_rule(pull, case)
    rng = np.random.default_rng(5)
    change, cotangent = (rng.normal(size=axes(found.shape, point(case)[1])) for found in (pull, push))
    change = change + change.T if is_symmetric(case, case.wrt) else change
    forward = push({**given(case), _new(push): change})
    reverse = pull({**given(case), _new(pull): cotangent})
    assert np.vdot(cotangent, forward) == pytest.approx(np.vdot(reverse, change), rel=EXACT, abs=EXACT), "they are adjoint"
    assert close(forward, np.tensordot(measured(case), change, np.ndim(change)))
    if not isinstance(d, Refused):
        tensor = d.tensor(given(case))
        assert close(forward, np.tensordot(tensor, change, np.ndim(change)), EXACT)
        assert close(reverse, np.tensordot(cotangent, tensor, np.ndim(cotangent)), EXACT)


def _new(found: Any) -> str:
    """The name of the direction or of the cotangent."""
    return found.of.linear_in.name


@EVERY
def test_laws_of_the_hessian(case: Case) -> None:
    h, g, product = answer(case, "hessian"), answer(case, "grad"), answer(case, "hvp")
    if isinstance(h, Refused):
        return needs_a_rule(h, case)
    matrix, tensor = np.atleast_2d(h(given(case))), h.tensor(given(case))
    assert close(matrix, matrix.T, EXACT), "symmetric"
    again = mc.jacobian(str(g), wrt=case.wrt, let=declared(case, str(g)), check=False)
    if of_inverses(again) - of_inverses(h):
        return  # the gradient is printed with the adjugate of a singular matrix, which has no derivative without its inverse
    names = {*again.reading_of_input.symbols, *again.reading_of_input.dims}
    assert close(again.tensor({n: v for n, v in given(case).items() if n in names}), tensor, EXACT), "the Jacobian of the printed gradient"
    if not isinstance(product, Refused):
        direction = np.random.default_rng(6).normal(size=axes(product.shape, point(case)[1]))
        direction = direction + direction.T if is_symmetric(case, case.wrt) else direction
        along = product({**given(case), _new(product): direction})
        assert close(along, np.tensordot(tensor, direction, np.ndim(direction)), EXACT), "hvp"


def of_inverses(found: Any) -> set[str]:
    return {c for c in found.conditions if c.endswith("is invertible")}


@EVERY
def test_the_other_layout_is_the_transpose(case: Case) -> None:
    d = answer(case, "jacobian")
    if isinstance(d, Refused) or case.variable == "scalar" or (case.argument, case.variable) == ("scalar", "itself"):
        return
    other = mc.jacobian(case.text, wrt=case.wrt, let=case.let, layout="denominator", check=False)
    assert close(np.atleast_2d(_matrix(other, case)), np.atleast_2d(_matrix(d, case)).T, EXACT), str(other)
    assert close(other.tensor(given(case)), d.tensor(given(case)), EXACT)


def _matrix(found: Any, case: Case) -> Any:
    """The value of the form, with two axes."""
    rows, columns = found.shape
    shape = tuple(dims.evaluate(d, point(case)[1]) for d in (rows, columns))
    return np.reshape(found(given(case)), shape)


@EVERY
def test_the_index_form(case: Case) -> None:
    d = answer(case, "index")
    if isinstance(d, Refused):
        return needs_a_rule(d, case)
    assert d.evidence.verdict is True, d.evidence
    wanted = np.squeeze(measured(case))
    assert close(np.squeeze(d.tensor(given(case))), wanted), str(d)
    assert close(np.squeeze(run(d, given(case))), wanted), d.code("numpy")
    matrix = answer(case, "jacobian")
    if not isinstance(matrix, Refused):
        assert close(np.squeeze(d.tensor(given(case))), np.squeeze(matrix.tensor(given(case))), EXACT)


# ---------------------------------------------------------------- once wrong, and the conventions of structured variables
def test_the_index_form_of_a_zero_derivative() -> None:
    assert str(mc.jacobian("sign(x)", "x", ["x: vector(n)"], form="index")).endswith("= 0")


def test_the_index_form_inside_a_domain() -> None:
    d = mc.jacobian("sqrt(x)", "x", ["x: vector(n)"], form="index")
    assert close(d.tensor(x=[0.25, 4.0]), [[1, 0], [0, 0.25]], EXACT)


def test_the_index_form_where_points_may_be_singular() -> None:
    d = mc.jacobian("nuclear(X.T)", "X", ["X: matrix(m, n)"], form="index")
    assert d.check().verdict is not False


def test_both_forms_of_a_row_have_one_shape() -> None:
    shapes = {form: mc.jacobian("x.T @ A", "x", form=form).tensor(x=[1, 2], A=[[1, 2, 3], [4, 5, 6]]).shape for form in ("matrix", "index")}
    assert shapes["matrix"] == shapes["index"]


STRUCTURED = ["symmetric", "skew", "diagonal", "lower", "upper", "spd"]
N = np.array([[2, 3, 1], [5, 7, 4], [1, 6, 9]]) / 4


def within(word: str, x: Any) -> Any:
    """A matrix of this structure."""
    return {"skew": x - x.T, "diagonal": x * np.eye(3), "lower": np.tril(x), "upper": np.triu(x)}.get(word, x + x.T)


@pytest.mark.parametrize("word", STRUCTURED)
def test_of_a_structured_variable_directions_are_within_its_space(word: str) -> None:
    let = [f"X: matrix(n, n) {word}"]
    values = {"A": N, "B": N[::-1], "X": within(word, N @ N) + 9 * np.eye(3) * (word == "spd")}
    change, cotangent = within(word, N[:, ::-1]), N @ N[::-1]
    f, g = "A @ X.T @ X @ B", "tr(A @ X.T @ A @ X @ B)"
    push, pull = mc.jvp(f, "X", let)(values, dX=change), mc.vjp(f, "X", let)(values, G=cotangent)
    d = mc.jacobian(f, "X", let).tensor(values)
    assert np.vdot(cotangent, push) == pytest.approx(np.vdot(pull, change), rel=EXACT)
    assert close(np.tensordot(d, change), push, EXACT)
    assert close(np.tensordot(cotangent, d), pull, EXACT)
    h, product = mc.hessian(g, "X", let).tensor(values), mc.hvp(g, "X", let)(values, dX=change)
    assert close(h, h.transpose(2, 3, 0, 1), EXACT)
    assert close(np.tensordot(h, change), product, EXACT)


@pytest.mark.parametrize("word", STRUCTURED)
def test_the_index_form_of_a_structured_variable(word: str) -> None:
    index, matrix = (mc.jacobian("tr(A @ X)", "X", [f"X: matrix(n, n) {word}"], form=form) for form in ("index", "matrix"))
    X = N - N.T if word == "skew" else np.eye(3)
    assert close(index.tensor(A=N, X=X), matrix.tensor(A=N, X=X), EXACT)


@pytest.mark.parametrize(("verb", "f"), [("jvp", "X.T @ A"), ("hvp", "tr(X.T @ A @ X.T @ B)")])
def test_of_a_free_variable_a_direction_is_free(verb: str, f: str) -> None:
    let, values = ["X: matrix(n, n) symmetric"], {"A": N, "B": N[::-1], "X": N + N.T}
    values = {n: v for n, v in values.items() if n in f}
    whole = getattr(mc, {"jvp": "jacobian", "hvp": "hessian"}[verb])(f, "X", let, structure="free").tensor(values)
    product = getattr(mc, verb)(f, "X", let, structure="free")
    assert close(product({**values, "dX": N}), np.tensordot(whole, N), EXACT)


def test_the_jacobian_by_an_orthogonal_variable() -> None:
    assert mc.jacobian("Q @ a", "Q", ["Q: matrix(n, n) orthogonal"]).evidence.verdict is True


def test_the_jacobian_of_a_transpose_by_a_symmetric_variable() -> None:
    assert str(mc.jacobian("X.T", "X", ["X: matrix(n, n) symmetric"])) == "(eye(n * n) + commat(n, n)) / 2"


# ---------------------------------------------------------------- the page
def test_no_count_of_the_page_falls() -> None:
    found, promised = table(), listed(PAGE.read_text())
    assert len(promised) > 500
    fallen = {key: (dict(counts), dict(found[key])) for key, counts in promised.items()
              if key in found and (answered(found[key]) < answered(counts) or found[key]["exact"] < counts["exact"])}
    assert not fallen, f"if this is meant: python benchmarks/coverage.py\n{fallen}"


def test_the_page_is_of_today() -> None:
    """Every function is in it, and no verdict that matcalc no longer gives."""
    assert listed(PAGE.read_text()).keys() == table().keys(), "python benchmarks/coverage.py"


def test_every_function_is_answered_or_refused_with_a_reason() -> None:
    for counts in table().values():
        assert set(counts) <= {"exact", "numeric", "inconclusive", "refused"}
        assert not counts["inconclusive"]
