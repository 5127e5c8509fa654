"""An answer depends on what was asked, not on its letters, the order of its sums, or the process that computes it."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import zlib
from typing import Any

import pytest

import matcalc as mc
from tests.test_corpus import EVERY, operators

NAMES = [f"{letter}{i}v" for letter in "qhg" for i in range(9)]


def name_of(declaration: str) -> str:
    return declaration.split(":")[0].strip()


def renamed(case: dict[str, Any], seed: int) -> dict[str, Any]:
    """The same problem in other letters."""
    names = [name_of(d) for d in case["let"]]
    fresh = dict(zip(names, random.Random(seed + zlib.crc32(case["id"].encode())).sample(NAMES, len(names)), strict=True))

    def new(text: str) -> str:
        return re.sub(r"(?<!\.)\b[A-Za-z_]\w*", lambda m: fresh.get(m[0], m[0]), text)

    let = [fresh[name_of(d)] + ":" + d.split(":", 1)[1] for d in case["let"]]
    return {**case, "expr": new(case["expr"]), "wrt": fresh[case["wrt"]], "let": let}


def answered(case: dict[str, Any]) -> str:
    return str(getattr(mc, case.get("op", "grad"))(case["expr"], case["wrt"], case["let"], structure="free", check=False))


@pytest.mark.parametrize("case", EVERY, ids=lambda c: c["id"])
def test_other_letters_change_nothing_but_letters(case: dict[str, Any]) -> None:
    length = operators(answered(case))
    for seed in range(3):
        assert operators(answered(renamed(case, seed))) == length


@pytest.mark.parametrize("terms", [
    ["x.T @ A @ x", "b.T @ x", "norm2sq(x - a)", "c * sum(x)"],
    ["sum(log(1 + exp(-y * (X @ w))))", "c * norm2sq(w)", "a.T @ w"],
    ["tr(A @ X @ B)", "norm2sq(X - C)", "tr(X.T @ D @ X)"],
], ids=lambda t: t[0])
def test_the_order_of_a_sum_changes_no_length(terms: list[str]) -> None:
    wrt = "w" if "w" in terms[0] else "x" if "x." in terms[0] else "X"
    let = ["a: vector(n)", "c: scalar"] if wrt != "X" else []
    lengths = set()
    for seed in range(6):
        order = list(terms)
        random.Random(seed).shuffle(order)
        lengths.add(operators(str(mc.grad(" + ".join(order), wrt, [d for d in let if name_of(d) in " ".join(terms)]))))
    assert len(lengths) == 1


def test_every_process_gives_the_same_text() -> None:
    ask = ("import matcalc as mc; print(mc.grad('norm2sq(X - X @ W @ W.T)', 'W')); print(mc.grad('sum(pinv(X))', 'X'));"
           "print(mc.grad('norm2sq(tanh(V @ tanh(W @ x)))', 'x'))")
    run = [subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": str(seed)})
           for seed in range(4)]
    texts = {r.stdout for r in run}
    assert len(texts) == 1


def test_an_earlier_question_changes_no_later_answer() -> None:
    first = str(mc.grad("norm2sq(y + x) + sum(x * y)", "x", ["x: vector(n)", "y: vector(n)"]))
    mc.grad("sum(x * y) + norm2sq(x + y)", "x", ["x: vector(n)", "y: vector(n)"])
    assert str(mc.grad("norm2sq(y + x) + sum(x * y)", "x", ["x: vector(n)", "y: vector(n)"])) == first
