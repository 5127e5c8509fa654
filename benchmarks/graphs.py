"""Random computations with Variables against JAX: values, gradients, tangents and second derivatives; none may differ.

    python benchmarks/graphs.py --count 20000 --seed 1 [--resume FILE]

Each computation is run forward and back, in both modes, and a Hessian is multiplied with a direction. `unjudged`: JAX has no finite
derivative there. `refused`: an error of ours with words.
Needs the extra [oracle] and SciPy.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from matcalc.errors import MatcalcError
from tests.oracle.random_graphs import graph, judge

BATCH = 50
KINDS = ("right", "wrong", "crashed", "refused", "unjudged")
Fault = tuple[str, str, str]


def judged(seed: str) -> tuple[str, str]:
    """As `judge` says; an exception is a verdict of its own."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return judge(seed)
    except MatcalcError as error:
        return "refused", f"{type(error).__name__}: {error}"
    except Exception as error:  # whatever it is, it is a fault of ours
        return "crashed", f"{type(error).__name__}: {error}"


def batch(seed: str, start: int, stop: int) -> tuple[Counter[str], Counter[str], list[Fault]]:
    """Verdicts, operations met, and what went wrong, of the computations start ... stop - 1."""
    kinds: Counter[str] = Counter()
    met: Counter[str] = Counter()
    faults: list[Fault] = []
    for i in range(start, stop):
        name = f"{seed}:{i}"
        kind, detail = judged(name)
        kinds[kind] += 1
        met.update(step.name for step in graph(name).steps)
        if kind in ("wrong", "crashed", "refused"):
            faults.append((name, kind, detail))
    return kinds, met, faults


def resumed(path: Path | None) -> tuple[Counter[str], Counter[str], list[Fault], int]:
    kinds: Counter[str] = Counter()
    met: Counter[str] = Counter()
    faults: list[Fault] = []
    start = 0
    for line in path.read_text().splitlines() if path and path.exists() else []:
        record = json.loads(line)
        start = record["until"]
        kinds.update(record["kinds"])
        met.update(record["met"])
        faults += [(name, kind, detail) for name, kind, detail in record["faults"]]
    return kinds, met, faults, start


def report(kinds: Counter[str], met: Counter[str], faults: list[Fault]) -> str:
    lines = [f"{name} {kind}: {detail}" for name, kind, detail in faults[:20]]
    lines.append("operations: " + ", ".join(f"{name} {n:,d}" for name, n in met.most_common()))
    lines.append(", ".join(f"{kind} {kinds[kind]:,d}" for kind in KINDS) + f", of {kinds.total():,d}")
    wrong = kinds["wrong"] + kinds["crashed"]
    lines.append("verdict: " + ("no computation differs from JAX" if not wrong else f"{wrong} FAULTS"))
    return "\n".join(lines)


def main() -> int:
    args = arguments()
    kinds, met, faults, start = resumed(args.resume)
    begin, done = time.perf_counter(), 0
    for first in range(start, args.count, BATCH):
        last = min(first + BATCH, args.count)
        now, seen, wrong = batch(args.seed, first, last)
        kinds, met, faults, done = kinds + now, met + seen, faults + wrong, done + last - first
        if args.resume:
            with args.resume.open("a") as out:
                out.write(json.dumps({"until": last, "kinds": now, "met": seen, "faults": wrong}) + "\n")
        rate = done / (time.perf_counter() - begin)
        told = ", ".join(f"{kind} {kinds[kind]}" for kind in KINDS)
        print(f"{last:,d}: {told}, {rate:.1f} a second", file=sys.stderr, flush=True)
    print(report(kinds, met, faults))
    return 1 if kinds["wrong"] + kinds["crashed"] else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--resume", type=Path, help="a file of results, one batch a line: what is in it is not run again")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
