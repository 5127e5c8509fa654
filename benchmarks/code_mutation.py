"""The code that judges answers, broken on purpose: do the checker's own tests notice?

    python benchmarks/code_mutation.py [--count 40] [--seed 1] [--file curves] [--jobs 1]

Each mutant is one change in one file, in a copy of the tree under a temporary folder; the tests stop at the first that
fails. A survivor is printed with its line, before and after: it is equivalent (EQUIVALENT), or a test is missing.
"""

from __future__ import annotations

import argparse
import ast
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
FILES = [*(f"checker/{name}" for name in "curves calls scalars modular exact numeric measure".split()), "transposition"]
TESTS = {"checker": ["tests/test_checker.py"], "transposition": ["tests/test_gradients.py", "tests/test_checker.py"]}
TIMEOUT = 45  # seconds for the tests of one mutant: unbroken they take about 5
OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Add, ast.Pow: ast.Mult,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And}

# Mutants that change nothing that a test could see: (file, a part of the line before, of the line after) -> why.
EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("checker/measure", "weights = [(0.4 + stream.uniform())", "weights = "): "any generic combination of directions will do",
    ("checker/measure", "* max(largest([answer]), 1e-06)", "* max(1e-06, largest([answer]))"): "the larger of two, in either order",
    ("checker/measure", "answer.T.reshape(1, -1)", "answer.T.reshape(1, -2)"): "NumPy takes any negative number for what is left",
    ("checker/calls", "or p % 2 else", "or p + 2 else"): "an even power of the absolute value is that of the number",
    ("checker/exact", "GIVE_UP = 12", "GIVE_UP = 13"): "how often a point is drawn again",
    ("checker/modular", "state = 2611923443488327891", "state = "): "any start of the generator",
    ("checker/modular", "state = (state ^ state >> 27)", "pass"): "numbers mixed less well are generic still",
    ("checker/modular", "% (P - 1) + 1", "% (P - 1) - 1"): "0 and -1 come once in 2^60 draws",
    ("checker/modular", "(state ^ state >> 31) % (P - 1)", "(state ^ state >> 32) % (P - 1)"): "another generator",
    ("checker/modular", "strict=False", "strict=True"): "both have one length",
    ("checker/exact", "(stream.residue() >> 24) * 12", "(stream.residue() >> 25) * 12"): "other whole numbers",
    ("checker/scalars", "character(u[0]) < 0", "character(u[0]) < 1"): "0 has been answered before",
    ("checker/numeric", "KINKED_POINTS = 12", "KINKED_POINTS = 13"): "how many points are enough",
    ("checker/numeric", "Stream(seed, attempt, 97)", "Stream(attempt, seed, 97)"): "another stream",
    ("checker/scalars", "reciprocal((1 + t * t) % P)", "reciprocal(1 + t * t + P)"): "reciprocal reduces what it is given",
    ("checker/scalars", "-mix(key, P - u) % P", "-mix(key, P - u) + P"): "the same number between 1 and P",
}


class Mutant(NamedTuple):
    """One file with one fault: where it stands, its line before and after, and the whole text."""

    file: str
    line: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}.py:{self.line}: {self.before}  ->  {self.after}"

    @property
    def equivalent(self) -> bool:
        return any(file == self.file and old in self.before and new in self.after for file, old, new in EQUIVALENT)


# ---------------------------------------------------------------- the faults
def places(file: str) -> list[tuple[str, int, str]]:
    """Every fault of a file, by the number of its node."""
    return [(file, i, fault) for i, node in enumerate(ast.walk(parsed(file))) for fault in faults(node)]


def parsed(file: str) -> ast.Module:
    return ast.parse((ROOT / "matcalc" / f"{file}.py").read_text())


def mutant(file: str, i: int, fault: str) -> Mutant:
    tree = parsed(file)
    true = ast.unparse(tree)
    line = break_(list(ast.walk(tree))[i], fault)
    text = ast.unparse(ast.fix_missing_locations(tree))
    return Mutant(file, line, *difference(true, text), text)


def difference(true: str, broken: str) -> tuple[str, str]:
    """The first line that is no longer the same, before and after."""
    pairs = zip(true.splitlines(), broken.splitlines(), strict=False)
    return next((old.strip(), new.strip()) for old, new in pairs if old != new)


def faults(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.BoolOp(op=op) if type(op) in OPERATORS:
            yield "operator"
        case ast.Compare(ops=[op]) if type(op) in OPERATORS:
            yield "operator"
        case ast.Constant(value=bool() | int() | float()):
            yield "constant"
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield "sign or not"
        case ast.IfExp() | ast.While():
            yield "condition"
        case ast.Call(args=[ast.AST() as one, ast.AST() as other, *_]) if ast.dump(one) != ast.dump(other):
            yield "swapped arguments"
        case ast.If():
            yield "condition"
            yield from dropped(node.body)
        case ast.FunctionDef() | ast.For():
            yield from dropped(node.body)


def dropped(body: list[ast.stmt]) -> Iterator[str]:
    return (f"dropped {k}" for k, s in enumerate(body) if is_step(s))


def is_step(s: ast.stmt) -> bool:
    docstring = isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)
    return isinstance(s, ast.Assign | ast.AugAssign | ast.Expr | ast.Raise) and not docstring


def break_(node: ast.AST, fault: str) -> int:
    """The fault made in its place; its line."""
    line: int = getattr(node, "lineno", 0)
    match node:
        case ast.FunctionDef() | ast.For() | ast.If() if fault.startswith("dropped"):
            k = int(fault.split()[1])
            line, node.body[k] = node.body[k].lineno, ast.Pass()
        case ast.Compare():
            node.ops = [OPERATORS[type(node.ops[0])]()]  # type: ignore[list-item]
        case ast.BinOp() | ast.AugAssign() | ast.BoolOp():
            node.op = OPERATORS[type(node.op)]()  # type: ignore[assignment]
        case ast.Constant(value=bool() as value):
            node.value = not value
        case ast.Constant(value=int() | float() as value):
            node.value = value + 1
        case ast.UnaryOp(op=ast.USub()):
            node.op = ast.UAdd()
        case ast.UnaryOp():
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
        case ast.Call():
            node.args[:2] = node.args[1::-1]
        case ast.If() | ast.IfExp() | ast.While():
            node.test = ast.UnaryOp(ast.Not(), node.test)
    return line


# ---------------------------------------------------------------- the verdicts
def tests_of(file: str) -> list[str]:
    return TESTS[file.split("/")[0]]


def verdict(broken: Mutant, trees: queue.Queue[Path]) -> str:
    """killed, survived, timeout or equivalent (which is not run)."""
    if broken.equivalent:
        return "equivalent"
    tree = trees.get()
    name = f"matcalc/{broken.file}.py"
    try:
        (tree / name).write_text(broken.text)
        return "survived" if passes(tree, tests_of(broken.file)) else "killed"
    except subprocess.TimeoutExpired:
        return "timeout"
    finally:
        shutil.copy2(ROOT / name, tree / name)  # with its time, so that its bytecode stays good
        trees.put(tree)


def passes(tree: Path, tests: list[str], keep_bytecode: bool = False) -> bool:
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "" if keep_bytecode else "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=TIMEOUT, check=False).returncode == 0


def copied(folder: str) -> Path:
    """A tree that passes, with its bytecode."""
    tree = Path(folder) / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", "__pycache__", "docs", "site"))
    assert passes(tree, TESTS["transposition"], keep_bytecode=True), "the tests fail already"
    return tree


def run(count: int, seed: int, only: str, jobs: int) -> tuple[list[tuple[Mutant, str]], int]:
    """The verdicts on a sample, and how many mutants there are in all; survivors are printed as they are found."""
    everything = [place for file in FILES if only in file for place in places(file)]
    chosen = [mutant(*place) for place in random.Random(seed).sample(everything, min(count, len(everything)))]
    trees: queue.Queue[Path] = queue.Queue()
    found = []
    with ExitStack() as stack, ThreadPoolExecutor(jobs) as pool:
        for _ in range(jobs):
            trees.put(copied(stack.enter_context(tempfile.TemporaryDirectory())))
        for broken, said in zip(chosen, pool.map(lambda m: verdict(m, trees), chosen), strict=True):
            found.append((broken, said))
            if said in ("survived", "timeout"):
                print(f"{said}: {broken}", flush=True)
    return found, len(everything)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=40, help="a sample of that many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", default="", help="one file: curves, calls ...")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    args = parser.parse_args()
    start = time.perf_counter()
    found, total = run(args.count, args.seed, args.file, args.jobs)
    said = Counter(v for _, v in found)
    counts = ", ".join(f"{said[v]} {v}" for v in ("killed", "survived", "timeout", "equivalent"))
    print(f"{len(found)} of {total} mutants in {time.perf_counter() - start:.0f} s: {counts}")
    return 1 if said["survived"] else 0


if __name__ == "__main__":
    sys.exit(main())
