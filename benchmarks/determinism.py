"""The same bytes out of every process: whatever the seed of Python's hashes, the number of threads, and what was asked before.

    python benchmarks/determinism.py --count 300 --seed 1
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import matcalc as mc
from tests.oracle.random_expressions import problem
from tests.test_corpus import EVERY

ROOT = Path(__file__).resolve().parent.parent
VERBS = ("grad", "jacobian", "hessian", "simplify", "check")
FORMS: dict[str, Callable[[Any], str]] = {  # what is printed of an answer; the evidence is a part of the JSON
    "text": str, "latex": lambda d: d.latex(), "unicode": lambda d: d.unicode(), "json": lambda d: json.dumps(d.to_dict()),
    "numpy": lambda d: d.code("numpy")}


class Process(NamedTuple):
    """How one process is run: in which environment, in which order, and how often."""

    hashes: str
    threads: str
    order: str = "forwards"  # forwards, backwards, twice

    def __str__(self) -> str:
        return f"PYTHONHASHSEED={self.hashes} OMP_NUM_THREADS={self.threads} {self.order}"


PROCESSES = (Process("0", "1"), Process("1", "2", "backwards"), Process("2718", "1", "twice"))


# ---------------------------------------------------------------- one process
def questions(count: int, seed: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """Each with a name, and what it prints: every verb in turn, of the corpus and of random problems."""
    cases = random.Random(seed).sample(EVERY, len(EVERY))
    for i in range(count):
        verb = VERBS[i % len(VERBS)]
        if i % 2 and verb in ("grad", "check"):
            case = cases[i // 2 % len(cases)]
            text, wrt, let = case["expr"], case["wrt"], case["let"]
            op = case.get("op", "grad")
        else:
            op = verb if verb in ("jacobian", "hessian") else "grad"
            p = problem(f"{seed}:{i}", op)
            text, wrt, let = p.text, p.wrt, p.let
        yield f"{i} {verb} {text}", asker(verb, op, text, wrt, let)


def asker(verb: str, op: str, text: str, wrt: str, let: list[str]) -> Callable[[], str]:
    def answer() -> str:
        if verb == "simplify":
            return written(mc.simplify(text, let))
        d = getattr(mc, op)(text, wrt, let)
        if verb != "check":
            return written(d)
        claims = [str(d), f"2 * ({d})" if " where " not in str(d) else f"2 * {wrt}"]
        return "\n".join(line for claim in claims for line in mc.check(text, wrt, claim, let, of=op).lines())

    def ask() -> str:
        try:
            return answer()
        except mc.MatcalcError as error:
            return f"{type(error).__name__}: {error}"

    return ask


def written(d: Any) -> str:
    return "\n".join(f"{name}: {write(d)}" for name, write in FORMS.items())


def printed(count: int, seed: str, order: str) -> dict[str, str]:
    """What each question prints, as a hash; asked twice, the second answer counts."""
    asked = list(questions(count, seed))
    if order == "backwards":
        asked.reverse()
    found: dict[str, str] = {}
    for _ in range(2 if order == "twice" else 1):
        found = {name: ask() for name, ask in asked}
    return {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in found.items()}


# ---------------------------------------------------------------- all of them
def differences(count: int, seed: str, processes: tuple[Process, ...] = PROCESSES) -> list[str]:
    """The questions that print something else in another process."""
    outputs = [json.loads(start(p, count, seed)) for p in processes]
    return [f"{name}: {p}" for p, found in zip(processes[1:], outputs[1:], strict=True) for name, digest in found.items()
            if digest != outputs[0][name]] + ([] if len(outputs[0]) == count else ["a question is missing"])


def start(p: Process, count: int, seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": p.hashes, "OMP_NUM_THREADS": p.threads, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, __file__, "--count", str(count), "--seed", seed, "--print", p.order]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--print", dest="order", choices=("forwards", "backwards", "twice"), help="of this process alone, the hashes")
    options = parser.parse_args()
    if options.order:
        print(json.dumps(printed(options.count, options.seed, options.order)))
        return 0
    found = differences(options.count, options.seed)
    print("\n".join([*found, *map(str, PROCESSES), f"{options.count} questions, {len(PROCESSES)} processes: {len(found)} differences"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
