"""The code that judges answers, broken on purpose: do the checker's own tests notice?

    python benchmarks/code_mutation.py [--count 40] [--seed 1] [--file curves] [--tests tests/test_checker.py]

Each mutant is one change in one file, in a copy of the tree under a temporary folder; it is killed if a test fails or
runs out of time. The survivors are printed with their lines: each is equivalent, or a test is missing.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
FILES = [*(f"checker/{name}" for name in "curves calls scalars modular exact numeric measure".split()), "transposition"]
TIMEOUT = 60  # seconds for the tests of one mutant: unbroken they take about 5
OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Add, ast.Pow: ast.Mult,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And}


class Mutant(NamedTuple):
    """One file with one fault, and where the fault stands."""

    file: str
    line: int
    fault: str
    text: str


def mutants(file: str) -> Iterator[Mutant]:
    tree = ast.parse((ROOT / "matcalc" / f"{file}.py").read_text())
    for i, node in enumerate(ast.walk(tree)):
        for fault in faults(node):
            new = copy.deepcopy(tree)
            break_(list(ast.walk(new))[i], fault)
            yield Mutant(file, getattr(node, "lineno", 0), fault, ast.unparse(ast.fix_missing_locations(new)))


def faults(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.BoolOp(op=op) if type(op) in OPERATORS:
            yield f"{type(op).__name__} -> {OPERATORS[type(op)].__name__}"
        case ast.Compare(ops=[op]) if type(op) in OPERATORS:
            yield f"{type(op).__name__} -> {OPERATORS[type(op)].__name__}"
        case ast.Constant(value=bool()):
            yield "other truth"
        case ast.Constant(value=int() | float()):
            yield "constant + 1"
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield "dropped sign or not"
        case ast.If() | ast.IfExp() | ast.While():
            yield "not"
        case ast.Call(args=[ast.AST(), ast.AST(), *_]):
            yield "swapped arguments"
        case ast.FunctionDef(body=[*_]) | ast.For(body=[*_]) | ast.If(body=[*_]):
            yield from (f"dropped statement {k}" for k, s in enumerate(node.body) if is_step(s))


def is_step(s: ast.stmt) -> bool:
    docstring = isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)
    return isinstance(s, ast.Assign | ast.AugAssign | ast.Expr | ast.Raise) and not docstring


def break_(node: ast.AST, fault: str) -> None:
    match node:
        case ast.Compare():
            node.ops = [OPERATORS[type(node.ops[0])]()]  # type: ignore[list-item]
        case ast.BinOp() | ast.AugAssign() | ast.BoolOp():
            node.op = OPERATORS[type(node.op)]()  # type: ignore[assignment]
        case ast.Constant(value=bool() as value):
            node.value = not value
        case ast.Constant(value=int() | float() as value):
            node.value = value + 1
        case ast.UnaryOp():
            node.op = ast.UAdd() if isinstance(node.op, ast.USub) else node.op
            if isinstance(node.op, ast.Not):
                node.operand = ast.UnaryOp(ast.Not(), node.operand)
        case ast.Call():
            node.args[:2] = node.args[1::-1]
        case ast.FunctionDef() | ast.For() | ast.If() if fault.startswith("dropped"):
            node.body[int(fault.rsplit(" ", 1)[1])] = ast.Pass()
        case ast.If() | ast.IfExp() | ast.While():
            node.test = ast.UnaryOp(ast.Not(), node.test)


def killed(mutant: Mutant, tree: Path, tests: list[str]) -> bool:
    place = tree / "matcalc" / f"{mutant.file}.py"
    before = place.read_text()
    place.write_text(mutant.text)
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    try:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        return subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=TIMEOUT, check=False).returncode != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        place.write_text(before)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=40, help="a sample of that many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", default="", help="one file: curves, calls ...")
    parser.add_argument("--tests", nargs="+", help="tests/test_checker.py; for the transposition tests/test_gradients.py")
    args = parser.parse_args()
    everything = [m for file in FILES if args.file in file for m in mutants(file)]
    chosen = random.Random(args.seed).sample(everything, min(args.count, len(everything)))
    start, counts = time.perf_counter(), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", "__pycache__", "docs", "site"))
        for mutant in chosen:
            tests = args.tests or ["tests/test_gradients.py" if mutant.file == "transposition" else "tests/test_checker.py"]
            dead = killed(mutant, tree, tests)
            counts["killed" if dead else "survived"] += 1
            if not dead:
                line = (ROOT / "matcalc" / f"{mutant.file}.py").read_text().splitlines()[mutant.line - 1].strip()
                print(f"survived: {mutant.file}.py:{mutant.line}: {mutant.fault}: {line}", flush=True)
    seconds = time.perf_counter() - start
    print(f"{len(chosen)} of {len(everything)} mutants in {seconds:.0f} s: {counts['killed']} killed, {counts['survived']} survived")
    return 0


if __name__ == "__main__":
    sys.exit(main())
