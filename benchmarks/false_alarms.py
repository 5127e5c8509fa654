"""Right closed forms, in every way that could confuse the check: it must accuse none of them, and withhold no answer.

    python benchmarks/false_alarms.py --count 100000 --seed 1 [--resume FILE]

The forms are those of tests/test_checker.py, the answers to the corpus, and the answers to random problems. They are judged under other
seeds, by the exact and the numeric judge alone, multiplied, with a multiple of the variable in its place, at sizes that are numbers, and
with arguments that are hardly regular. `inconclusive` is an honest verdict; `false` is a false alarm, or a wrong answer.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import matcalc as mc
from matcalc.checker import Evidence, exact, numeric, verify, verify_equal
from matcalc.checker.evidence import NotRational, Unknown
from matcalc.checker.problem import Problem
from matcalc.checker.verdict import FAILURES
from matcalc.dims import shape_text
from matcalc.errors import CheckFailed, MatcalcError
from matcalc.knowledge import known
from matcalc.parser import read
from matcalc.syntax import Reading, Symbol
from tests.oracle.random_expressions import problem
from tests.test_checker import LET, RIGHT
from tests.test_corpus import EVERY, answered

SAME = 15  # questions about one random problem
LARGEST = {"grad": 8, "jacobian": 6, "hessian": 4}  # a Hessian has the fourth power of it in entries
SLOW = re.compile(r"\b(sqrtm|logm|expm|spectral|nuclear|eigmax|chol|pinv)\(")  # seconds for one Hessian; the corpus has some
BATCH = 500
FACTORS = ("0.001", "0.02", "0.5", "3", "40", "1000")
SMALL = ("0.000001", "0.0000001", "0.00000001", "0.000000001")
STRETCHED = {"", "symmetric", "skew", "diagonal", "lower", "upper", "psd", "spd", "invertible", "positive", "nonnegative"}
SHIFTED = {"", "symmetric", "psd", "spd", "positive", "nonnegative"}  # what ones(n, n) + X keeps
Verdict = str


class Claim(NamedTuple):
    """A right closed form: of which derivative, and over which declarations."""

    f: str
    wrt: str
    answer: str
    let: tuple[str, ...]
    op: str = "grad"
    structure: str = "free"
    layout: str = "numerator"


class Alarm(NamedTuple):
    kind: str
    number: int
    claim: Claim
    reason: str


# ---------------------------------------------------------------- right closed forms
@cache
def by_hand() -> list[Claim]:
    return [Claim(f, wrt, answer, tuple(LET)) for f, wrt, answer, _ in RIGHT]


@cache
def of_corpus() -> list[Claim]:
    return [claim_of(answered(case, check=False)) for case in EVERY]


@lru_cache(maxsize=4)
def of_random(seed: str, op: str) -> Claim | None:
    p = problem(seed, op)
    if SLOW.search(p.text) and op != "grad":
        return None
    try:
        return claim_of(getattr(mc, op)(p.text, p.wrt, p.let, check=False))
    except MatcalcError:
        return None


def claim_of(answer: Any) -> Claim:
    """An answer as a claim of somebody else, with every name declared."""
    symbols, reading = answer.known_symbols(), answer.reading_of_input
    used = {n for s in symbols.values() for d in s.shape for n in re.findall(r"[A-Za-z_]\w*", str(d))}
    let = [declaration(s) for s in symbols.values()] + [f"{d}: dimension" for d in sorted(reading.dims - used)]
    return Claim(reading.text, answer.wrt, str(answer), tuple(let), answer.op, answer.structure, answer.of.layout or "numerator")


def declaration(s: Symbol) -> str:
    return f"{s.name}: {shape_text(s.shape)} {' '.join(sorted(s.properties))}".strip()


# ---------------------------------------------------------------- what is done to them
def multiplied(c: Claim, rng: random.Random) -> Claim:
    """s * f has s times the derivative."""
    s = rng.choice(FACTORS)
    return c._replace(f=times(s, c.f), answer=times(s, c.answer))


def times(s: str, text: str) -> str:
    body, where, rest = text.partition(" where ")
    return f"{s} * ({body}){where}{rest}"


def stretched(c: Claim, rng: random.Random) -> Claim | None:
    """f(s * x) has s times the derivative at s * x; a Hessian, s**2 times."""
    if not words(c)[c.wrt] <= STRETCHED:
        return None
    s = rng.choice(FACTORS)
    put = lambda text: instead(text, c.wrt, f"({s} * {c.wrt})")  # noqa: E731
    return c._replace(f=put(c.f), answer=times(f"{s}**2" if c.op == "hessian" else s, put(c.answer)))


def shifted(c: Claim, rng: random.Random) -> Claim | None:
    """One plus a tiny multiple of a variable in its place: nearly singular, nearly tied, nearly constant."""
    mine = [n for n, found in words(c).items() if found <= SHIFTED and mentions(c.f, n)]
    if not mine:
        return None
    name, s = rng.choice(mine), rng.choice(SMALL)
    shape = next(d for d in c.let if named(d) == name).partition(":")[2]
    one = "1" if "(" not in shape else f"ones({shape.partition('(')[2].rpartition(')')[0]})"
    put = lambda text: instead(text, name, f"({one} + {s} * {name})")  # noqa: E731
    answer = put(c.answer)
    if name == c.wrt:
        answer = times(f"{s}**2" if c.op == "hessian" else s, answer)
    return c._replace(f=put(c.f), answer=answer)


def sized(c: Claim, rng: random.Random) -> Claim | None:
    """Sizes that are numbers to 8, from 1; from 2 where a single column would change the question, from 3 under slices."""
    turned = c.op != "grad" or re.search(r"\b(softmax|logsumexp)\(", c.f)  # by a scalar, a Jacobian has the shape of f
    top, low = LARGEST[c.op], 3 if "[" in c.f else 2 if turned else 1
    sizes = {n: str(rng.randint(low, top)) for d in c.let for n in re.findall(r"[A-Za-z_]\w*", d.partition(":")[2].partition("(")[2])
             if n not in known_words()}
    sizes |= {named(d): str(rng.randint(low, top)) for d in c.let if d.endswith(": dimension") and named(d) not in sizes}
    if not sizes or any(found & {"simplex", "onehot"} for found in words(c).values()):
        return None  # the rows of a matrix sum to 1; as a column, it would be a vector that does

    def put(text: str) -> str:
        return re.sub(r"(?<![.\w])[A-Za-z_]\w*", lambda m: sizes.get(m[0], m[0]), text)

    let = tuple(named(d) + ":" + put(d.partition(":")[2]) for d in c.let if not d.endswith(": dimension"))
    return c._replace(f=put(c.f), answer=put(c.answer), let=let)


@cache
def known_words() -> frozenset[str]:
    return frozenset(STRETCHED | {"orthogonal", "simplex", "onehot", "idempotent", "hermitian"})


def words(c: Claim) -> dict[str, set[str]]:
    """The properties of each variable."""
    return {named(d): set(d.rpartition(")")[2].split() if ")" in d else d.partition("scalar")[2].split())
            for d in c.let if not d.endswith(": dimension")}


def named(d: str) -> str:
    return d.partition(":")[0].strip()


def mentions(text: str, name: str) -> bool:
    return instead(text, name, "") != text


def instead(text: str, name: str, by: str) -> str:
    return re.sub(rf"(?<![.\w]){re.escape(name)}\b(?!\s*=[^=])", by.replace("\\", r"\\"), text)


CHANGES: dict[str, Callable[[Claim, random.Random], Claim | None]] = {
    "as it is": lambda c, rng: c, "multiplied": multiplied, "stretched": stretched, "shifted": shifted, "sized": sized}


# ---------------------------------------------------------------- how they are judged
def readings(c: Claim) -> tuple[Reading, Reading]:
    f = read(c.f, known().language(), c.let, wrt=[c.wrt])
    symbols = {s.name: s for s in (*f.unused, *f.symbols.values())}
    return f, read(c.answer, known().language(), known=symbols, dims=f.dims)


def verified(c: Claim, seed: int) -> Evidence:
    f, answer = readings(c)
    return verify(f, c.wrt, answer, op=c.op, structure=c.structure, layout=c.layout, seed=seed)


def forced(c: Claim, seed: int, judge: Any, points: int) -> Evidence:
    """One of the two judges alone, as `verify` prepares the problem."""
    f, answer = readings(c)
    if c.wrt not in f.symbols and c.wrt not in answer.symbols:
        return verify_equal(answer, answer, seed=seed)
    p = Problem(f, c.wrt, answer, op=c.op, structure=c.structure, layout=c.layout)
    try:
        return judge.decide(p, seed, points)
    except FAILURES as reason:  # as `verify` does
        return Evidence("inconclusive", None, reason=str(reason))


def asked(c: Claim, seed: int) -> Evidence:
    """The question itself: an answer that is withheld would be the worst of false alarms."""
    options = {"layout": c.layout} if c.op in ("jacobian", "hessian") else {}
    return getattr(mc, c.op)(c.f, c.wrt, c.let, seed=seed, **options).evidence


JUDGES: dict[str, Callable[[Claim, int], Evidence]] = {
    "verify": verified, "exact": lambda c, seed: forced(c, seed, exact, 3), "numeric": lambda c, seed: forced(c, seed, numeric, 2),
    "asked": asked}
WEIGHTS = {"verify": 4, "exact": 3, "numeric": 3, "asked": 1}


def one(number: int, seed: str) -> tuple[str, Verdict, Alarm | None]:
    """The number-th question of a seed: its kind, its verdict, and the alarm if it is one."""
    rng = random.Random(f"{seed}:{number}")
    source = rng.choice(["by hand", "corpus", "random", "random"])
    about = f"{seed}:{number // SAME}"
    c = (rng.choice(by_hand()) if source == "by hand" else rng.choice(of_corpus()) if source == "corpus"
         else of_random(about, ("grad", "jacobian", "hessian")[number // SAME % 3]))
    change, judge = rng.choice(list(CHANGES)), rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    kind = f"{source}, {change}, {judge}"
    changed = CHANGES[change](c, rng) if c else None
    if changed is None:
        return kind, "not asked", None
    try:
        found = JUDGES[judge](changed, rng.randrange(10**6))
    except NotRational:
        return kind, "not exact", None
    except CheckFailed as error:
        return kind, "false", Alarm(kind, number, changed, str(error))
    except (Unknown, MatcalcError):
        return kind, "not asked", None
    if found.verdict is False:
        return kind, "false", Alarm(kind, number, changed, str(found.reason))
    return kind, "true" if found.verdict else "inconclusive", None


def run(start: int, count: int, seed: str) -> tuple[Counter[tuple[str, Verdict]], list[Alarm]]:
    """How often each kind met each verdict, and the alarms."""
    counts: Counter[tuple[str, Verdict]] = Counter()
    alarms = []
    for number in range(start, start + count):
        kind, verdict, alarm = one(number, seed)
        counts[kind, verdict] += 1
        alarms += [alarm] if alarm else []
    return counts, alarms


# ---------------------------------------------------------------- the command
def main() -> int:
    options = arguments()
    counts, alarms, start = resumed(options.resume)
    begin, first = time.perf_counter(), start
    while start < options.count:
        found, new = run(start, min(BATCH, options.count - start), options.seed)
        start += sum(found.values())
        counts += found
        alarms += new
        for alarm in new:
            print(told(alarm), file=sys.stderr, flush=True)
        if options.resume:
            with options.resume.open("a") as out:
                out.write(json.dumps({"until": start, "counts": [[*k, n] for k, n in found.items()], "alarms": new}) + "\n")
    print(report(counts))
    print(f"{start - first:,} in {time.perf_counter() - begin:.0f} s")
    print(f"{len(alarms)} FALSE ALARMS" if alarms else "no false alarm")
    return 1 if alarms else 0


def told(a: Alarm) -> str:
    return f"[{a.kind}] number {a.number}: {a.claim.op} of {a.claim.f!r} by {a.claim.wrt}, {list(a.claim.let)}, {a.claim.structure}\n" \
           f"    {a.claim.answer}\n    {a.reason}"


def report(counts: Counter[tuple[str, Verdict]]) -> str:
    verdicts = ["true", "inconclusive", "not exact", "not asked", "false"]
    lines = [f"{'':12s}" + "".join(f"{v:>14s}" for v in verdicts)]
    for place, names in enumerate((("by hand", "corpus", "random"), CHANGES, JUDGES)):
        for name in names:
            row = [sum(n for (kind, v), n in counts.items() if v == verdict and kind.split(", ")[place] == name) for verdict in verdicts]
            lines.append(f"{name:12s}" + "".join(f"{n:14,d}" for n in row))
    total = [sum(n for (_, v), n in counts.items() if v == verdict) for verdict in verdicts]
    return "\n".join([*lines, f"{'all':12s}" + "".join(f"{n:14,d}" for n in total)])


def resumed(path: Path | None) -> tuple[Counter[tuple[str, Verdict]], list[Alarm], int]:
    counts: Counter[tuple[str, Verdict]] = Counter()
    alarms: list[Alarm] = []
    start = 0
    for line in path.read_text().splitlines() if path and path.exists() else []:
        record = json.loads(line)
        start = record["until"]
        counts += Counter({(kind, verdict): n for kind, verdict, n in record["counts"]})
        alarms += [Alarm(kind, number, Claim(*claim), reason) for kind, number, claim, reason in record["alarms"]]
    return counts, alarms, start


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--resume", type=Path, help="a file of results, one batch a line: what is in it is not run again")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
