"""The problems that compiled derivatives are measured on: the expert is right, matcalc gives the same, and the command runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import matcalc as mc

pytest.importorskip("scipy")

from benchmarks.compiled import Row, failures, page, report, worst_error
from benchmarks.problems import PROBLEMS, Problem, Sizes, verify

ROOT = Path(__file__).parent.parent


def arrays(problem: Problem, sizes: Sizes) -> dict[str, Any]:
    return problem.draw(np.random.default_rng(2), **sizes)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_expert_agrees_with_differences(name: str) -> None:
    assert max(verify(PROBLEMS[name]).values()) < 1e-6


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_expert_leaves_arguments_as_they_are(name: str) -> None:
    problem = PROBLEMS[name]
    given, kept = arrays(problem, problem.small), arrays(problem, problem.small)
    problem.gradient(**given)
    problem.both(**given)
    if problem.hessian_sizes:
        problem.hessian(**given)
    assert all(np.array_equal(given[k], kept[k]) for k in kept)


def test_names_can_be_given_to_the_command() -> None:
    assert not any("," in name for name in PROBLEMS)


def agrees(answer: Any, expert: Callable[..., Any], problem: Problem, *sizes: Sizes) -> bool:
    """At each of the sizes, all by one function, which plans for each."""
    function = answer.compile() if isinstance(answer, list) else answer.compile(tensor=True)
    drawn = [arrays(problem, s) for s in sizes]
    return max(worst_error(function(**given), expert(**given)) for given in drawn) < 1e-8


@pytest.mark.parametrize("name", PROBLEMS)
def test_matcalc_agrees_with_the_expert_on_value_and_gradient(name: str) -> None:
    p = PROBLEMS[name]
    assert agrees(mc.value_and_grad(p.text, p.wrt, list(p.let), check=False), p.both, p, p.small, p.sizes[0])


@pytest.mark.parametrize("name", PROBLEMS)
def test_matcalc_agrees_with_the_expert_on_the_gradient(name: str) -> None:
    p = PROBLEMS[name]
    assert agrees(mc.grad(p.text, p.wrt, list(p.let), check=False), p.gradient, p, p.small, p.sizes[0])


@pytest.mark.parametrize("name", [name for name, p in PROBLEMS.items() if p.hessian_sizes])
def test_matcalc_agrees_with_the_expert_on_the_hessian(name: str) -> None:
    p = PROBLEMS[name]
    assert agrees(mc.hessian(p.text, p.wrt, list(p.let), check=False), p.hessian, p, p.small, p.hessian_sizes[0])


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "benchmarks/compiled.py", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_runs() -> None:
    ran = run("--only", "hess", "--problems", "ridge,total variation", "--peers", "matcalc", "--rounds", "1")
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    measured = [line for line in lines if line.startswith("hess ")]
    assert len(measured) == sum(len(PROBLEMS[name].hessian_sizes) for name in ("ridge", "total variation"))
    assert all("matcalc" in line and "us" in line for line in measured)
    assert any(line.startswith("| Hessians | 5 | ") for line in lines)


def test_a_page_of_a_part_is_not_written() -> None:
    ran = run("--problems", "ridge", "--write")
    assert ran.returncode == 2
    assert "--write goes with all problems and kinds" in ran.stderr


def test_rows_are_compared_round_by_round() -> None:
    times = {"expert": [1.0, 2.0, 4.0], "matcalc": [1.1, 2.4, 4.4], "jax": [2.0, 4.0, 8.0]}
    said = {peer: {"first": 9.0, "warm": 1.0} for peer in times} | {"matcalc": {"first": 1.5, "warm": 1.0, "derive": 0.1, "compile": 0.2}}
    failed = said | {"jax": {"failed": "ArithmeticError: wrong: relative error 1e-02"}}
    rows = [Row("ridge", "value", {"m": 2}, said, times, times),
            Row("ridge", "value", {"m": 3}, failed, {p: t for p, t in times.items() if p != "jax"}, times)]
    assert rows[0].ratio("matcalc") == pytest.approx(1.1)
    assert failures(rows) == ["value, ridge, m=3: jax: ArithmeticError: wrong: relative error 1e-02"]
    assert "| Value and gradient | 2 | 1.10 | 0 | 1.10 | 0 | 1 of 1 |" in report(rows)
    written = page(rows, ["matcalc"], ["torch"], 3)
    assert "| ridge | m=2 | 2000000 | 1.10 | 1.00 | 1.00 |" in written
    assert "| ridge | value and gradient | 100 | 200.0 | 500.0, 500.0 |" in written
    assert "Not installed, and left out: torch." in written
