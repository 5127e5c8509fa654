"""Deriving is linear in the expression, and so is what is printed: work is counted, never timed."""

from __future__ import annotations

import gc
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import matcalc as mc
from benchmarks.growth import FAMILIES, Family
from matcalc.derive import derive_gradient
from matcalc.identities import identities
from matcalc.knowledge import known
from matcalc.operators import least_rotation
from matcalc.parser import read

LINEAR = 2.5  # at twice the size, at most that many times the work
SMALL = {"network": 15, "trace": 20, "squaring": 12, "products": 20, "sums": 40}


@contextmanager
def counted() -> Iterator[list[int]]:
    """The number of calls, of Python functions and of built-in ones, in what is run inside: the same in every run on every machine."""
    calls = [0]

    def count(frame: Any, event: str, argument: Any) -> None:
        if event in ("call", "c_call"):
            calls[0] += 1

    gc.collect()  # else what an earlier run has left would be found, and not made again
    gc.disable()
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def every_rule() -> None:
    """All rules are compiled before anything is counted: the more there are, the more is tried."""
    identities().meet(known().functions)


def work(family: Family, k: int) -> int:
    reading = read(family.text(k), known().language(), wrt=(family.wrt,))
    with counted() as calls:
        derive_gradient(reading, reading.symbols[family.wrt], "projected")
    return calls[0]


def compared(count: Callable[[Family, int], int], name: str) -> float:
    family, k = FAMILIES[name], SMALL[name]
    count(family, k // 2)  # formulas of rules/ are read when they are first used
    before = count(family, k)
    return count(family, 2 * k) / before


@pytest.mark.parametrize("name", FAMILIES)
def test_deriving_is_linear(name: str) -> None:
    assert compared(work, name) < LINEAR


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_printed_is_linear(name: str) -> None:
    assert compared(lambda family, k: len(str(mc.grad(family.text(k), wrt=family.wrt, check=False))), name) < LINEAR


@pytest.mark.parametrize("name", FAMILIES)
def test_what_grew_is_still_right(name: str) -> None:
    answer = mc.grad(FAMILIES[name].text(SMALL[name]), wrt=FAMILIES[name].wrt)
    assert answer.check().verdict is True
    assert answer.check().kind == "exact"


def test_a_product_that_doubles_is_not_written_out() -> None:
    text = "tr(y8) where y1 = A @ X @ B; " + "; ".join(f"y{i} = y{i - 1} @ C @ y{i - 1}" for i in range(2, 9))
    answer = mc.grad(text, wrt="X")
    assert answer.check().verdict is True
    assert len(str(answer)) < 3000


@pytest.mark.parametrize("letters", ["a", "ba", "bcabca", "aab" * 4, "abaab", "cbabcab"])
def test_the_least_rotation(letters: str) -> None:
    rotations = [letters[i:] + letters[:i] for i in range(len(letters))]
    start, period = least_rotation(letters)
    assert rotations[start] == min(rotations)
    assert period == next(p for p in range(1, len(letters) + 1) if rotations[start] == rotations[(start + p) % len(letters)])


def test_a_cold_answer_imports_neither_numpy_nor_sympy() -> None:
    code = ("import sys; from matcalc.cli import main; main(['grad', 'x.T A x', '--wrt', 'x']); "
            "sys.exit(', '.join({'numpy', 'sympy', 'rich'} & set(sys.modules)) or 0)")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout == "(A + A.T) @ x\n"
    assert ran.returncode == 0, ran.stderr


def test_the_version_is_known_without_the_metadata() -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert mc.__version__ == project["version"]  # reading it from the installed package takes longer than all of --help
