"""Every entry of rules/, broken by the usual faults: does the rule check catch each of them?

    python benchmarks/mutation.py [--count 2000] [--seed 1] [--only inv] [--from 0 --to 5000]

A mutant (tests/rule_mutants.py) is equivalent if at 20 points under its conditions nothing tells it from the truth; one that
cannot be read is no rule.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from matcalc import dims
from matcalc.build import build
from matcalc.checker import evaluate, exact
from matcalc.checker.evidence import NotRational, Undecided, Unknown
from matcalc.checker.problem import Problem
from matcalc.compiler import Program
from matcalc.errors import MatcalcError
from matcalc.identities import readings
from matcalc.knowledge import Function, Identity, PropertyRule, known
from matcalc.parser import read
from matcalc.rulecheck import check, has
from matcalc.rulecheck.calls import called, declared, transposes, with_integers, within_domain
from matcalc.rulecheck.cases import implied
from matcalc.rulecheck.facts import holds
from matcalc.rulecheck.points import points
from matcalc.rulecheck.sides import FINE, Valued, close, unsteady
from matcalc.rulecheck.values import sympy_case
from matcalc.syntax import Reading, Symbol
from tests.rule_mutants import Implication, Mutant, all_mutants, is_class

POINTS = 20
DRAWS = 400  # of which 20 must have a value


# ---------------------------------------------------------------- the verdicts
def verdict(mutant: Mutant) -> str:
    """caught, refused (a rule whose check finds no verdict is not taken either), equivalent, unreadable or SURVIVED."""
    entry, original = mutant.entry, mutant.original
    if entry is None:
        return "unreadable"
    with in_place_of(original, entry) if isinstance(original, Function) else nullcontext():
        try:
            found = implied(*entry[:2]) if isinstance(entry, Implication) else check(entry).evidence
        except MatcalcError:
            return "unreadable"
        if found.verdict is None:
            return "refused"
        return "caught" if not found.verdict else "equivalent" if equivalent(mutant) else "SURVIVED"


@contextmanager
def in_place_of(old: Function, new: Function) -> Iterator[None]:
    """So that everything that asks rules/ meets the new one."""
    overloads = known().functions[old.name]
    place = overloads.index(old)
    overloads[place] = new
    try:
        yield
    finally:
        overloads[place] = old


# ---------------------------------------------------------------- what is true, whatever it says
def equivalent(mutant: Mutant) -> bool:
    """No difference at 20 points."""
    entry = mutant.entry
    if isinstance(entry, Identity):
        return all(alike(left, right) for left, right in readings(entry) if right is not None)
    if isinstance(entry, PropertyRule):
        return all(has_everywhere(reading, entry.properties) for reading, _ in readings(entry))
    if isinstance(entry, Implication):
        reading = read("A", known().language(), ["A: matrix(n, n)"])
        return has_everywhere(reading._replace(symbols={"A": Symbol("A", ("n", "n"), frozenset({entry.name}))}), (entry.follows,))
    return equivalent_function(mutant, entry, mutant.original)


def equivalent_function(mutant: Mutant, f: Function, original: Function) -> bool:
    if mutant.part == "transpose":
        return all(alike(*claims(f, *d)) for d in declared(f))
    if mutant.part in ("domain", "smooth"):
        return says_less(mutant) or holds_there(f, mutant.part)
    if mutant.part == "numpy":
        return same_value(f, original)
    if mutant.part == "sympy" and is_class(mutant.after):
        return all(found.verdict is True for reading in calls(f) for seed in range(POINTS) for found in sympy_case(reading, seed))
    return all(alike(*pair) for pair in formulas(original, mutant.before, mutant.after, scalar=mutant.part == "derivative"))


def calls(f: Function) -> Iterator[Reading]:
    """The function called with every kind of argument, drawn from its domain."""
    return (within_domain(read(called(f, args), known().language(), let), f) for let, args in declared(f))


def says_less(mutant: Mutant) -> bool:
    """A condition that became narrower: true, and of less use."""
    before, sign, limit = [*mutant.before.split(" "), "", ""][:3]
    narrower = {">=": f"{before} > {limit}", "<=": f"{before} < {limit}", "!=": f"{before} > {limit}"}.get(sign)
    return narrower is not None and narrower in mutant.after.split(", ")


def claims(f: Function, let: list[str], args: list[str]) -> Iterator[Reading]:
    """f(X.T), and what the table says that it is."""
    return (within_domain(read(side, known().language(), let), f) for side in transposes(f, called(f, args), args))


def holds_there(f: Function, part: str) -> bool:
    """Has f a value (and, for `smooth`, the slope of its formula nearby) at 20 generic points that the table now allows?"""
    for let, args in declared(f):
        reading = read(called(f, args), known().language(), let)
        allowed = [p for p in points([reading], 7, DRAWS) if all(holds(c, p[0]) for c in f.words("domain"))][:POINTS]
        values = (Valued(reading, sizes, known().added_values(f.name)).at(names) for names, sizes in allowed)
        if len(allowed) < POINTS or not all(np.isfinite(value).all() for value in values):
            return False
    return part == "domain" or check(f).ok


def formulas(f: Function, before: str, after: str, scalar: bool) -> Iterator[tuple[Reading, Reading]]:
    """Both formulas, for every kind of argument; the names of changes and of the cotangent are declared as variables."""
    language = known().language()
    for let, args in declared(f):
        kinds = {d.split(":")[0]: d.split(":", 1)[1] for d in let}
        call = called(f, args)
        result = dims.shape_text(read(call, language, let).root.shape)
        both = [*let, *(f"d{a}: {kinds[a]}" for a in args if a in kinds), f"G: {result}"]
        spread = f" + 0 * {args[0]}" if scalar else ""  # a number is one for every entry
        texts = (f"({with_integers(f, t)}){spread}" for t in (before, after))
        one, other = (within_domain(read(t, language, both), f) for t in texts)
        yield one, other._replace(symbols={**one.symbols, **other.symbols})


def same_value(f: Function, original: Function) -> bool:
    """What is computed, for the mutant and for the true function, at points of the domain: the same up to rounding."""
    near = FINE if original.head.elementwise else 1e-8
    for reading in calls(original):
        mutant = Program(build(reading))
        with in_place_of(f, original):
            true = Program(build(reading))
        for names, _ in points([reading], 7, POINTS):
            try:
                if not np.allclose(mutant(names), true(names), rtol=near, atol=near):
                    return False
            except MatcalcError:
                continue
    return True


def alike(left: Reading, right: Reading) -> bool:
    """No difference at 20 points: modulo a prime where that can be, and in floating point, at the edges too."""
    values = known().added_values(left.text, right.text)
    try:
        found = exact.decide(Problem(left, "", right, op="equal", values=values), 7, POINTS)
        if found.verdict is False:
            return False
    except (NotRational, Undecided, Unknown, ArithmeticError, LookupError, ValueError):
        pass
    together = left._replace(symbols={**right.symbols, **left.symbols})
    return compared(together, right, values)


def compared(left: Reading, right: Reading, values: Any) -> bool:
    seen = 0
    for names, sizes in points([left, right], 7, DRAWS):
        try:
            with np.errstate(all="ignore"):
                wanted, got = (evaluate(r, names, sizes, values) for r in (left, right))
        except (Undecided, Unknown, np.linalg.LinAlgError):
            continue
        if np.isfinite(wanted).all():
            if not close(got, wanted) and not unsteady(Valued(left, sizes, values), names, wanted):
                return False
            seen += 1
        if seen == POINTS:
            break
    return seen == POINTS


def has_everywhere(reading: Reading, words: Iterable[str]) -> bool:
    seen = 0
    for names, sizes in points([reading], 7, DRAWS):
        try:
            with np.errstate(all="ignore"):
                value = evaluate(reading, names, sizes)
        except (Undecided, np.linalg.LinAlgError):
            continue
        if np.isfinite(value).all():
            if not all(has(value, word) for word in words):
                return False
            seen += 1
        if seen == 5 * POINTS:  # a property is an inequality: one point says less than of an equation
            break
    return seen >= POINTS


# ---------------------------------------------------------------- the command
Verdicts = list[tuple[Mutant, str]]


def run(count: int | None = None, seed: int = 1, only: str = "", first: int = 0, last: int | None = None) -> tuple[Verdicts, int]:
    """The verdicts on all mutants, on a slice or on a sample, and how many there are in all."""
    everything = all_mutants()
    chosen = [m for m in everything if not only or only in (m.original.name, getattr(m.original, "entry", ""), m.part)][first:last]
    if count is not None and count < len(chosen):
        chosen = random.Random(seed).sample(chosen, count)
    return [(m, verdict(m)) for m in chosen], len(everything)


def survivors(found: Verdicts) -> list[str]:
    lived = [m for m, said in found if said == "SURVIVED"]
    return [f"{m.original.where}: {m.original.name}: {m.part}: {m.fault}: {m.before}  ->  {m.after}" for m in lived]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, help="a sample of that many; all if left out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="one entry by name, or one part: derivative, left, conditions, pattern ...")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first mutant of a slice")
    parser.add_argument("--to", dest="last", type=int, help="the one after its last")
    parser.add_argument("--show", default="", help="also list the mutants with this verdict")
    args = parser.parse_args()
    start = time.perf_counter()
    found, total = run(args.count, args.seed, args.only, args.first, args.last)
    for m, said in found:
        if said == args.show:
            print(f"[{said}] {m.original.name}: {m.part}: {m.fault}: {m.before}  ->  {m.after}")
    print("\n".join(report(found, total, time.perf_counter() - start)))
    return 1 if survivors(found) else 0


def report(found: Verdicts, total: int, seconds: float) -> Iterator[str]:
    verdicts = ("caught", "refused", "equivalent", "unreadable", "SURVIVED")
    for title, key in (("part", "part"), ("fault", "fault")):
        counts = Counter((getattr(m, key), said) for m, said in found)
        yield f"{title:22s}" + "".join(f"{v:>11s}" for v in verdicts)
        for name in dict.fromkeys(getattr(m, key) for m, _ in found):
            yield f"{name:22s}" + "".join(f"{counts[name, v]:11d}" for v in verdicts)
        yield ""
    yield from survivors(found)
    said = Counter(s for _, s in found)
    caught, wrong = said["caught"] + said["refused"], said["caught"] + said["refused"] + said["SURVIVED"]
    yield f"{len(found)} of {total} mutants in {seconds:.0f} s: " + ", ".join(f"{said[v]} {v}" for v in verdicts)
    yield f"caught: {caught} of {wrong} that are readable and not equivalent"


if __name__ == "__main__":
    sys.exit(main())
