"""tokens.py: text to tokens, with the columns of the text as it was typed."""

from fractions import Fraction

import pytest

from matcalc.errors import LimitError, ParseError
from matcalc.limits import Limits
from matcalc.tokens import scan


def kinds(text):
    return [value if kind in ("name", "number", "sup", "sub") else kind for kind, value, *_ in scan(text)[0]][:-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x.T @ A", ["x", ".", "T", "@", "A"]),
        ("x'Ax", ["x", "'", "Ax"]),
        ("‖Ax − b‖²", ["||", "Ax", "-", "b", "||", "2"]),
        ("Aᵀ⁻¹", ["A", "T-1"]),
        ("A⁻ᵀ b", ["A", "-T", "b"]),
        ("2.T", [2, ".", "T"]),
        ("1.*x", [1, ".*", "x"]),
        (".5x", [Fraction(1, 2), "x"]),
        ("2e3x", [2000, "x"]),
        ("2e", [2, "e"]),
        ("x₁ + ‖x‖₁", ["x1", "+", "||", "x", "||", "_1"]),
        ("Σ_1 λ β̂ 𝐱", ["Sigma_1", "lambda", "beta_hat", "x"]),
        ("\ufeffx\r\n+\u00a0y", ["x", "+", "y"]),
        ("a’b′", ["a", "'", "b", "'"]),
        ("A\\b × c · d ⊗ e ⊙ f", ["A", "\\", "b", "×", "c", "·", "d", "⊗", "e", "⊙", "f"]),
    ],
)
def test_tokens(text, expected):
    assert kinds(text) == expected


def test_columns_are_those_of_the_typed_text():
    assert [token[2:] for token in scan("\ufeffΣᵀ  −x")[0]] == [(1, 2), (2, 3), (5, 6), (6, 7), (7, 7)]


@pytest.mark.parametrize(
    ("text", "value", "decimals"),
    [("2", 2, False), ("0.5", Fraction(1, 2), True), ("1e-3", Fraction(1, 1000), True), ("1e3", 1000, False), ("2.", 2, True)],
)
def test_numbers_are_exact(text, value, decimals):
    tokens, found = scan(text)
    assert (tokens[0][1], found) == (value, decimals)


@pytest.mark.parametrize("text", ["1e999", "1e-999", "1e999999999999999999", "9" * 301, "0." + "1" * 400])
def test_numbers_too_long_are_never_built(text):
    with pytest.raises(LimitError, match=r"digits|exact"):
        scan(text)


def test_digits_beyond_what_python_converts_at_once():
    assert scan("9" * 5000, Limits(digits=5000))[0][0][1] == 10**5000 - 1


@pytest.mark.parametrize("text", ["∑", "x\0", "\ud800", "x ? y", "√x", "$x$"])
def test_other_characters_are_refused_where_they_stand(text):
    with pytest.raises(ParseError) as caught:
        scan(text)
    start, end = caught.value.spans[0]
    assert end - start == 1


def test_tokens_have_a_limit():
    with pytest.raises(LimitError, match="10,001"):
        scan("+" * 10_001)
