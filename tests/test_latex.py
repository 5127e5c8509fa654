r"""LaTeX: what matcalc prints is read again, and what the reader says of a formula."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import matcalc as mc
from matcalc import dims
from matcalc.build import build
from matcalc.checker import verify_equal
from matcalc.errors import MatcalcError
from matcalc.expr import Expr, symbols
from matcalc.identities import readings
from matcalc.knowledge import known
from matcalc.parser import read
from matcalc.printers import printed
from matcalc.unparse import show

CASES = [case for path in sorted((Path(__file__).parent / "corpus").glob("*.toml")) for case in tomllib.loads(path.read_text())["case"]]
# What a reader of our own LaTeX cannot tell, and is asked: e^{X}, \sigma(x) and \psi(x), \exp(X) and |X| of a matrix, \|X\|_2.
DOUBTS = ("whether e is the base", "is a function or a factor is not clear", "is of the matrix or of every entry",
          "what bars around a matrix mean", "which norm of a matrix is meant")


def declared(e: Expr) -> list[str]:
    found = [f"{s.data.name}: {dims.shape_text(s.shape)} {' '.join(sorted(s.data.properties))}".strip() for s in symbols(e).values()]
    return found or [f"{name}: dimension" for name in sorted({name for dim in e.shape for name in dims.names(dim)})]


def outcome(e: Expr) -> str:
    """`same` for what is read again as the object itself, `equal` for an equal value in another form, or the doubt."""
    latex, let = printed(e, "latex"), declared(e)
    try:
        again = mc.parse(latex, let=let, syntax="latex")
    except MatcalcError as error:
        return next((doubt for doubt in DOUBTS if doubt in error.message), f"{latex}\n{error}")
    if str(again) == str(e):
        return "same"
    left, right = (read(str(x), known().language(), let) for x in (e, again))
    assert verify_equal(left, right).verdict is not False, f"{latex}\nread as {again}, not {e}"
    return "equal"


def test_what_is_printed_is_read_again() -> None:
    counts: Counter[str] = Counter()
    for case in CASES:
        for text in (case["expr"], case.get("best", case["expr"])):
            try:
                e = mc.parse(text, let=case.get("let", []))
            except MatcalcError:  # an answer in index form is no expression
                continue
            counts[outcome(e)] += 1
    assert not set(counts) - {"same", "equal", *DOUBTS}
    assert counts["same"] > 0.9 * counts.total(), counts


def test_both_sides_of_every_identity_are_read_again() -> None:
    counts: Counter[str] = Counter()
    for identity in known().identities:
        for sides in readings(identity):
            counts.update(outcome(build(side)) for side in sides if side is not None)
    assert not set(counts) - {"same", "equal", *DOUBTS}
    assert counts["same"] > 0.8 * counts.total(), counts


# ---------------------------------------------------------------- what is said
def reading(text: str, *let: str) -> Any:
    return read(text, known().language(), let)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (r"f(x) = x^\top x", "f(x) = is left out: it names the formula"),
        (r"\log|X|", "log|X| of a matrix is logdet(X)"),
        (r"$x^T x$", "^T is read as the transpose"),
        (r"x^{(1)} - \bar{x}", "x^{(1)} is read as the name x_1"),
        (r"A(x + \bar{x})", "A (...) is read as a product"),
    ],
)
def test_notes(text: str, note: str) -> None:
    assert note in reading(text).notes


def test_bold_letters_are_vectors() -> None:
    shapes = {name: s.shape for name, s in reading(r"\mathbf{a} + c \mathbf{b}").symbols.items()}
    assert shapes == {"a": ("n", 1), "c": (1, 1), "b": ("n", 1)}


def test_declared_names_of_several_letters_are_names() -> None:
    assert set(reading(r"Ax + \lambda x", "Ax: vector(n)").symbols) == {"Ax", "lambda", "x"}
    assert set(reading(r"W_1 x + \mathbf{b}_1", "W1: matrix(m, n)").symbols) == {"W1", "x", "b_1"}


def test_variables_are_named_with_a_backslash_too() -> None:
    assert str(mc.grad(r"\operatorname{tr}(\Sigma A)", r"\Sigma")) == "A.T"


@pytest.mark.parametrize(("typed", "name"), [(r"\mathbf{x}", "x"), (r"\Sigma_2", "Sigma_2"), (r"\mathbf w", "w"),
                                             (r"\boldsymbol{\beta}", "beta"), ("W_{ij}", "W_ij"), (r"\hat{y}", "y_hat")])
def test_a_variable_and_a_declaration_may_be_set_in_latex(typed: str, name: str) -> None:
    assert str(mc.grad(f"{name} ** 2", wrt=typed, let=[f"{typed}: scalar"])) == f"2 * {name}"


@pytest.mark.parametrize("typed", [r"\Sigma^{-1}", r"\log", r"\mathbf{1}", r"\mathbf{Ax}"])
def test_what_is_more_than_a_name_is_no_variable(typed: str) -> None:
    with pytest.raises(MatcalcError, match="is not a variable"):
        mc.grad("x.T x", wrt=typed)
    with pytest.raises(MatcalcError, match="begins with a name"):
        mc.grad("x.T x", wrt="x", let=[f"{typed}: scalar"])


def test_errors_point_into_what_was_typed() -> None:
    text = r"\frac{1}{2} \mathbf{x}^\top \left( A + b \right) x_2"
    with pytest.raises(MatcalcError) as caught:
        reading(text, "A: matrix(m, n)", "b: vector(m)")
    start, end = caught.value.spans[0]
    assert text[start:end] == "A"


def test_the_reading_is_echoed_plainly() -> None:
    found = reading(r"\tfrac12\lVert X\beta - y\rVert_2^2")
    assert show(found.root, found.symbols) == "(1 / 2) * norm2sq(X @ beta - y)"
    assert found.syntax == "latex"


@pytest.mark.parametrize("text", ["A\\b", "A \\ x", "x^T A x", "||X||_{F}^2"])
def test_plain_texts_stay_plain(text: str) -> None:
    assert reading(text).syntax == "numpy"


@pytest.mark.parametrize("text", ["{" * 5000, "\\frac" * 5000, "\\sqrt" * 9000 + "x", "x" + "^{x" * 3000, "(" * 9000, "|" * 9001,
                                  "\\log" * 9000 + " x", "x_{1}" * 9000, "\\left(" * 3000 + "x" + "\\right)" * 3000,
                                  "\\hat" * 9000 + "x", "1" * 9000 + "'" * 900])
def test_hostile_formulas_end_quickly(text: str) -> None:
    with pytest.raises(MatcalcError):
        mc.parse(text, syntax="latex")




def test_claims_are_read_too() -> None:
    assert mc.check(r"x^\top A x", "x", r"(A + A^\top) x").holds
    assert not mc.check(r"x^\top A x", "x", r"2 A x").holds
    assert mc.grad("x.T A x", "x").equals(r"\left(A^\top + A\right) x")
