"""Random texts in short; benchmarks/parser_fuzz.py makes as many as one likes."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("lark")

from . import grammar, parser_fuzz


def test_random_texts_are_read_as_the_grammar_reads_them_or_refused() -> None:
    faults: list[str] = []
    counts = parser_fuzz.run(5_000, seed=2, say=faults.append)
    assert not faults, "\n".join(faults[:10])
    assert counts["compared"] > 1_000
    assert counts["read"] > 200


def test_random_latex_is_read_or_refused() -> None:
    faults: list[str] = []
    counts = parser_fuzz.run_latex(4_000, seed=2, say=faults.append)
    assert not faults, "\n".join(faults[:10])
    assert counts["read"] > 150


@pytest.mark.parametrize(
    ("text", "bracketed"),
    [
        ("-x**2", "(-(x**2))"),
        ("a - b + c d", "(a - b + (c d))"),
        ("2**-c**2", "(2**(-(c**2)))"),
        ("c**2**3.T", "(c**(2**3)).T"),
        ("c**x.T", "(c**x.T)"),
        ("X^{-1}.T", "(X^(-1)).T"),
        ("|a|b|c|", "(|a|abs b |c|abs)"),
        ("x'*A*x", "(x.T @ A @ x)"),
        ("x'Ax", "(x.T A x)"),
        ("X[1:, 2].sum(axis=0)", "sum(X[1::, 2], axis=0)"),
        ("p q where q = 1; p = 2 q", "(p q) where p = (2 q) where q = 1"),
    ],
)
def test_the_second_parser(text: str, bracketed: str) -> None:
    """What is compared: both parsers bracket as a reader does, each by itself."""
    assert grammar.ours(text) == bracketed
    assert grammar.theirs(text) == bracketed


def test_generated_texts_are_of_the_grammar() -> None:
    rng = random.Random(3)
    texts = [grammar.generated(rng, 30, 10) for _ in range(300)]
    assert len(set(texts)) > 290
    assert sum(grammar.ours(text) is not None for text in texts) > 295  # a bar can close what another was to close
