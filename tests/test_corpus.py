"""Real problems with their sources: every answer is checked, as short as the best closed form known, and stable."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import matcalc as mc
from matcalc.asking import find_variable
from matcalc.checker import draw
from matcalc.knowledge import known
from matcalc.parser import read
from tests.derivatives import close, plain, run

EVERY = [case for path in sorted((Path(__file__).parent / "corpus").glob("*.toml")) for case in tomllib.loads(path.read_text())["case"]]
CASES = [case for case in EVERY if "op" not in case]  # the gradients
OTHERS = [case for case in EVERY if "op" in case]
# longer than the best known; the set may only shrink
STILL_LONGER = {"ml-074", "ml-103", "tensorgrad-031", "opt-066"}


def operators(text: str) -> int:
    """Signs and calls, those of a shared part counted wherever it is used; transposes are free."""
    body, _, rest = text.partition(" where ")
    parts = {name.strip(): value for name, _, value in (d.partition("=") for d in rest.split(";") if d.strip())}
    known: dict[str, int] = {}

    def count(source: str) -> int:
        total = 0
        for node in ast.walk(ast.parse(re.sub(r"\blambda\b", "lambda_", source.strip()), mode="eval")):
            total += isinstance(node, ast.BinOp | ast.UnaryOp | ast.Call)
            if isinstance(node, ast.Name) and node.id in parts:
                if node.id not in known:
                    known[node.id] = count(parts[node.id])
                total += known[node.id]
        return total

    return count(body)


def answered(case: dict[str, Any], **options: Any) -> Any:
    verb = getattr(mc, case.get("op", "grad"))
    return verb(case["expr"], case["wrt"], case["let"], structure="independent" if "wrt_structure" in case else "free", **options)


@pytest.mark.parametrize("case", EVERY, ids=lambda c: c["id"])
def test_derivative(case: dict[str, Any]) -> None:
    answer = answered(case)
    if case["id"] == "tensorgrad-031":  # its best form needs rows that sum to one, which nobody declared
        assert answer.evidence.verdict is True
        return
    assert answer.evidence.verdict is True, answer.evidence
    if "best" in case and case["id"] not in STILL_LONGER:
        assert operators(str(answer)) <= operators(case["best"]), str(answer)


@pytest.mark.parametrize("case", [*CASES[::3], *OTHERS], ids=lambda c: c["id"])
def test_the_printed_form_is_stable(case: dict[str, Any]) -> None:
    text = str(answered(case))
    again = str(mc.simplify(text, needed(case, text)))
    assert operators(again) <= operators(text), again


def needed(case: dict[str, Any], text: str) -> list[str]:
    """The declarations of what a text mentions, also of the sizes that only its constants have."""
    kept = [d for d in case["let"] if re.search(rf"\b{d.split(':')[0].strip()}\b", text)]
    known = {n for d in kept for n in letters(d.partition(":")[2])}
    sizes = {n for d in case["let"] for n in letters(d.partition(":")[2])}
    return kept + [f"{n}: dimension" for n in sorted(sizes - known) if n in letters(text)]


def letters(text: str) -> list[str]:
    return re.findall(r"\b[a-z]\b", text)


# ---------------------------------------------------------------- in index form
def order(case: dict[str, Any]) -> int:
    """How many indices the derivative has."""
    reading = read(case["expr"], known().language(), case["let"], wrt=[case["wrt"]])
    variable = find_variable(reading, case["wrt"]).shape
    return sum(size != 1 for shape in (variable if case["op"] == "hessian" else reading.root.shape, variable) for size in shape)


TENSORS = [case for case in OTHERS if order(case) > 2]


def test_there_are_tensors() -> None:
    assert {order(case) for case in TENSORS} == {3, 4}


@pytest.mark.parametrize("case", TENSORS, ids=lambda c: c["id"])
def test_the_index_form_is_the_same_tensor(case: dict[str, Any]) -> None:
    """Of a Hessian, that of the Jacobian of the printed gradient, for a variable without structure: a gradient is printed with it."""
    case = {**case, "let": [re.sub(r"symmetric,? ?", "", d) for d in case["let"]]}
    f = case["expr"] if case["op"] == "jacobian" else str(mc.grad(case["expr"], case["wrt"], case["let"]))
    d = mc.jacobian(f, case["wrt"], needed(case, f"{f} {case['wrt']}"), form="index")
    assert d.evidence.verdict is True, d.evidence
    matrix, shown = answered(case), d.reading_of_input
    values, sizes = draw(matrix.reading_of_input, 3)
    given = {**{n: plain(v, matrix.reading_of_input.symbols[n].shape) for n, v in values.items()}, **sizes}
    wanted = matrix.tensor(given)
    assert wanted.ndim == order(case)
    assert close(d.tensor({n: v for n, v in given.items() if n in shown.symbols or n in shown.dims}), wanted), str(d)
    assert close(run(d, given), wanted), d.code("numpy")
