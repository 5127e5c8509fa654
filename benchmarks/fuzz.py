"""Random gradients, Jacobians or Hessians against JAX, any number of them: what was met, what was answered, what failed, what was slow.

    python benchmarks/fuzz.py [--op grad|jacobian|hessian] --count 2000 --seed 3 [--resume FILE] [--no-values] [--shrink]
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.oracle.judge import Outcome, judge
from tests.oracle.random_expressions import Problem, Shape, Term, kind_of, pairs, problem
from tests.oracle.shrink import shrink

FAULTS = ("wrong", "wrong text", "unstable", "withheld", "crashed", "hang", "unread")
UNANSWERED = ("refused", "withheld", "crashed", "hang", "unread")
NAMES = {"grad": "gradients", "jacobian": "Jacobians", "hessian": "Hessians"}
SLOW = 300  # ms
WORD = re.compile(r"(\w+)\(")
Record = dict[str, Any]


def main() -> None:
    options = arguments()
    records = resumed(options.resume)
    known = {r["seed"] for r in records}
    judge(problem("warm", options.op), values=options.values)
    begin = time.perf_counter()
    for i in range(options.count):
        seed = f"{options.seed}:{i}"
        if seed in known:
            continue
        records.append(record(problem(seed, options.op), options))
        if options.resume:
            with open(options.resume, "a") as out:
                out.write(json.dumps(records[-1]) + "\n")
        if options.seconds and time.perf_counter() - begin > options.seconds:
            break
    print("\n".join(report(records, NAMES[options.op])))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--op", choices=NAMES, default="grad")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--seconds", type=float, help="stop after this time; --resume continues")
    parser.add_argument("--resume", type=Path, help="a file of results, one a line: what is in it is not run again")
    parser.add_argument("--no-values", dest="values", action="store_false", help="leave JAX out: only what matcalc itself reports")
    parser.add_argument("--shrink", action="store_true", help="minimise each failure as it is found")
    return parser.parse_args()


def resumed(path: Path | None) -> list[Record]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path and path.exists() else []


def record(p: Problem, options: argparse.Namespace) -> Record:
    """What is kept of one problem; a failure is told at once."""
    outcome = judge(p, values=options.values)
    failed = outcome.kind in FAULTS
    if failed:
        if options.shrink:
            p = shrink(p, lambda q: alike(judge(q, values=options.values), outcome))
        print(f"[{outcome.kind}] {p.seed}  {p.call}\n    {outcome.answer}\n    {outcome.detail}", file=sys.stderr, flush=True)
    signs = Counter(sign for t in p.root.walk() for sign in [operator(t)] if sign)
    kinds = [kind(p.root.shape), kind(p.variable.shape), p.variable.word]
    return {"seed": p.seed, "call": p.call, "functions": sorted(set(WORD.findall(p.text))), "operators": dict(signs),
            "depth": depth(p.root), "parts": p.size(), "kinds": kinds, "pair": p.pair, **outcome._asdict()}


def operator(t: Term) -> str:
    """The sign that a part is made with; of a call, a name and a number, none."""
    if not t.parts or WORD.match(t.pattern):
        return ""
    return "slice" if "[" in t.pattern else t.pattern.replace("{}", "").strip() if "**" not in t.pattern else "**"


def kind(shape: Shape) -> str:
    return "row" if shape[0] == "1" != shape[1] else kind_of(shape)


def depth(root: Term) -> int:
    found: dict[Term, int] = {}
    todo = [root]
    while todo:
        t = todo[-1]
        below = [p for p in t.parts if p not in found]
        if below:
            todo += below
        else:
            found[todo.pop()] = 1 + max((found[p] for p in t.parts), default=0)
    return found[root]


def alike(a: Outcome, b: Outcome) -> bool:
    return a.kind == b.kind and a.detail.split(":")[0] == b.detail.split(":")[0]


# ---------------------------------------------------------------- the report
def report(records: list[Record], what: str) -> Iterable[str]:
    kinds = Counter(r["kind"] for r in records)
    share = sum(r["kind"] not in UNANSWERED for r in records) / len(records)
    yield f"{len(records)} random {what}: {share:.1%} answered; " + ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
    yield from distribution(records)
    yield from functions(records)
    yield from counted("rule", Counter(name for r in records for name in r["rules"]))
    yield from counted("refused", Counter(r["detail"] for r in records if r["kind"] == "refused"))
    yield from counted("evidence", Counter(r["evidence"] for r in records if r["evidence"]))
    yield from slowest(records)
    yield from failures(records)


def distribution(records: list[Record]) -> Iterable[str]:
    """What the generator made."""
    yield "\nvalue of f by variable: " + listed(Counter(f"{of} by {by}" for r in records for of, by, _ in [r["kinds"]]))
    yield "variable declared: " + listed(Counter(word or "plain" for r in records for _, _, word in [r["kinds"]]))
    yield "depth: " + listed(Counter(r["depth"] for r in records))
    yield "parts: " + listed(Counter(f"{r['parts'] // 10 * 10}+" for r in records))
    yield f"ordered pairs of functions, one inside the other: {len({r['pair'] for r in records} - {''})} of {len(pairs())}"
    yield "expressions with an operator: " + listed(Counter(sign for r in records for sign in r["operators"]))


def listed(counts: Counter[Any]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counts.most_common())


def functions(records: list[Record]) -> Iterable[str]:
    """How often each function was met, and in how many of these there was an answer, and a right one."""
    met, answered, right = (Counter(name for r in records if fits(r["kind"]) for name in r["functions"])
                            for fits in (lambda k: True, lambda k: k not in UNANSWERED, lambda k: k == "right"))
    yield "\nfunction       met  answered           right"
    yield from (f"{name:12s}{n:6d}{answered[name]:10d}{answered[name] / n:8.0%}{right[name]:8d}" for name, n in sorted(met.items()))
    low = [name for name, n in met.items() if answered[name] < 0.8 * n]
    yield "answered in less than 80 %: " + (", ".join(sorted(low)) or "none")


def counted(what: str, counts: Counter[str]) -> Iterable[str]:
    yield f"\n times  {what}"
    yield from (f"{n:6d}  {name}" for name, n in counts.most_common())


def slowest(records: list[Record], shown: int = 10) -> Iterable[str]:
    times = sorted(r["ms"] for r in records)
    middle, high, slow = times[len(times) // 2], times[len(times) * 95 // 100], sum(t > SLOW for t in times)
    yield f"\nms: median {middle:.1f}, 95 % {high:.1f}, over {SLOW} ms: {slow}"
    yield from (f"{r['ms']:6.0f}  {r['call']}" for r in sorted(records, key=lambda r: -r["ms"])[:shown])


def failures(records: list[Record]) -> Iterable[str]:
    for r in records:
        if r["kind"] in FAULTS:
            yield f"\n[{r['kind']}] {r['seed']}  {r['call']}\n    {r['answer']}\n    {r['detail']}"


if __name__ == "__main__":
    main()
