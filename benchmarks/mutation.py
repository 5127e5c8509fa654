"""Every entry of rules/, broken by the usual faults: does the rule check catch each of them?

    python benchmarks/mutation.py [--count 2000] [--seed 1] [--only inv]

A mutant is equivalent if its formula has the value of the true one at 20 generic points; one that cannot be read is no rule.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from matcalc.checker import verify_equal
from matcalc.errors import MatcalcError
from matcalc.identities import readings
from matcalc.knowledge import Function, Identity, known
from matcalc.parser import read
from matcalc.rulecheck import check, declared, with_integers, within_domain
from tests.mutants import mutants

FORMULAS = ("derivative", "differential", "trace_differential", "definition")
POINTS = 20


class Mutant(NamedTuple):
    """One entry with one fault, and the true formula beside the false one."""

    entry: Function | Identity
    original: Function | Identity
    fault: str
    before: str
    after: str


def all_mutants() -> Iterator[Mutant]:
    for entry in known().entries():
        if isinstance(entry, Function):
            for key in FORMULAS:
                for fault, text in mutants(entry.get(key)) if entry.get(key) else []:
                    yield Mutant(Function(entry.entry, {**entry.table, key: text}, entry.where), entry, fault, entry.get(key), text)
        elif isinstance(entry, Identity):
            for fault, text in mutants(entry.right):
                yield Mutant(entry._replace(right=text), entry, fault, entry.right, text)
            for i, condition in enumerate(entry.conditions):
                rest = (*entry.conditions[:i], *entry.conditions[i + 1:])
                yield Mutant(entry._replace(conditions=rest), entry, "dropped condition", condition, "")


def verdict(mutant: Mutant) -> str:
    """caught, refused (a rule whose check finds no verdict is not taken either), equivalent, unreadable or SURVIVED."""
    try:
        found = check(mutant.entry)
    except (MatcalcError, AssertionError):
        return "unreadable"
    if found.evidence.verdict is False:
        return "caught"
    if found.evidence.verdict is None:
        return "refused"
    if mutant.fault == "dropped condition":  # it was stated for the engine's sake, or it follows from the shapes
        return "equivalent"
    return "equivalent" if equivalent(mutant) else "SURVIVED"


def equivalent(mutant: Mutant) -> bool:
    """Has the false formula the value of the true one?"""
    if isinstance(mutant.original, Identity) and isinstance(mutant.entry, Identity):
        pairs = [(one[1], other[1]) for one, other in zip(readings(mutant.original), readings(mutant.entry), strict=True)]
    else:
        assert isinstance(mutant.original, Function)
        pairs = []
        for let, args in declared(mutant.original):
            kinds = {d.split(":")[0]: d.split(":", 1)[1] for d in let}
            both = [*let, *(f"d{a}: {kinds[a]}" for a in args if a in kinds)]
            # a number is one for every entry
            shape = f" + 0 * {args[0]}" if mutant.before == mutant.original.get("derivative") else ""
            texts = (f"({with_integers(mutant.original, t)}){shape}" for t in (mutant.before, mutant.after))
            one, other = (within_domain(read(t, known().language(), both), mutant.original) for t in texts)
            pairs.append((one, other))
    return all(one is not None and other is not None and verify_equal(
        one, other, points=POINTS, values=known().added_values(one.text, other.text)).verdict is True for one, other in pairs)


def run(count: int | None, seed: int, only: str = "") -> tuple[Counter[str], list[Mutant]]:
    """The verdicts on all mutants, or on a sample."""
    chosen = [m for m in all_mutants() if not only or only in (getattr(m.original, "name", ""), getattr(m.original, "entry", ""))]
    if count is not None and count < len(chosen):
        chosen = random.Random(seed).sample(chosen, count)
    verdicts: Counter[str] = Counter()
    survivors = []
    for mutant in chosen:
        said = verdict(mutant)
        verdicts[said] += 1
        if said == "SURVIVED":
            survivors.append(mutant)
    return verdicts, survivors


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, help="a sample of that many; all if left out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="one function or identity")
    args = parser.parse_args()
    start = time.perf_counter()
    verdicts, survivors = run(args.count, args.seed, args.only)
    for mutant in survivors:
        print(f"{mutant.original.where}: {mutant.original.name}: {mutant.fault}: {mutant.before}  ->  {mutant.after}")
    caught, survived = verdicts["caught"] + verdicts["refused"], verdicts["SURVIVED"]
    said = ", ".join(f"{n} {v}" for v, n in verdicts.most_common())
    print(f"{sum(verdicts.values())} mutants in {time.perf_counter() - start:.0f} s: {said}")
    print(f"caught: {caught} of {caught + survived} that are not equivalent")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
