"""Every entry of rules/, broken by the usual faults: does the rule check catch each of them?

    python benchmarks/mutation.py [--count 2000] [--seed 1] [--only inv] [--from 0 --to 5000]

Broken are the formulas, values and facts of functions, both sides and the conditions of identities, the patterns, words
and conditions of properties, and what follows from what. A mutant is equivalent if at 20 points under its conditions
nothing tells it from the truth; one that cannot be read is no rule.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

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
from matcalc.knowledge import Function, Identity, PropertyRule, is_dotted, known
from matcalc.parser import read
from matcalc.rulecheck import check, has
from matcalc.rulecheck.calls import called, declared, transposes, with_integers, within_domain
from matcalc.rulecheck.cases import implied
from matcalc.rulecheck.facts import holds
from matcalc.rulecheck.points import points
from matcalc.rulecheck.sides import FINE, Valued, close, unsteady
from matcalc.rulecheck.values import sympy_case
from matcalc.syntax import Reading, Symbol
from tests.mutants import NEIGHBOURS, mutants

CALCULUS = ("derivative", "differential", "trace_differential", "definition", "adjoint", "matrix", "written_out")
VALUES = ("numpy", "sympy", "alternative")
POINTS = 20
DRAWS = 400  # of which 20 must have a value
WIDER = {">": (">=", "<"), ">=": (">", "<="), "<": ("<=", ">"), "<=": ("<", ">="), "!=": (">",)}
OTHER_WORDS = {  # what a condition may be confused with: weaker words, and others of its sort
    "symmetric": "skew", "skew": "symmetric", "psd": "symmetric", "spd": "psd symmetric", "orthogonal": "invertible symmetric",
    "diagonal": "symmetric lower", "lower": "upper", "upper": "lower", "positive": "nonnegative", "nonnegative": "simplex",
    "simplex": "nonnegative", "onehot": "simplex", "invertible": "symmetric"}
STRONGER = {  # what a result may be said to be and is not
    "symmetric": "psd skew diagonal", "skew": "symmetric", "psd": "spd nonnegative", "spd": "diagonal positive", "orthogonal": "symmetric",
    "diagonal": "psd invertible", "lower": "upper diagonal", "upper": "lower diagonal", "positive": "simplex", "nonnegative": "positive",
    "simplex": "onehot positive", "onehot": "positive", "invertible": "orthogonal symmetric"}
Entry = Function | Identity | PropertyRule


class Implication(NamedTuple):
    """One word of [implies]: what has the first property has the second."""

    name: str
    follows: str
    where: str = "rules/properties.toml"


class Mutant(NamedTuple):
    """One entry with one fault (None if it cannot even be stated): where the fault stands, and what was there before."""

    entry: Entry | Implication | None
    original: Entry | Implication
    part: str
    fault: str
    before: str
    after: str


# ---------------------------------------------------------------- the faults
@cache
def all_mutants() -> list[Mutant]:
    found: list[Mutant] = []
    for entry in known().entries():
        of = of_function if isinstance(entry, Function) else of_identity if isinstance(entry, Identity) else of_property
        found += of(entry)  # type: ignore[arg-type,operator]
    for word, follows in known().implies.items():
        for old in follows:
            wrong = [w for w in STRONGER[old].split() if w not in known().closure(frozenset({word}))]
            found += [Mutant(Implication(word, new), Implication(word, old), "implies", "wrong property", old, new) for new in wrong]
    return found


def of_function(f: Function) -> Iterator[Mutant]:
    def with_(key: str, value: str | list[str]) -> Function | None:
        try:
            return Function(f.entry, {**f.table, key: value}, f.where)
        except MatcalcError:  # a name that no rule may have
            return None

    for key in (*CALCULUS, *VALUES):
        text = f.get(key)
        if not text:
            continue
        if key == "sympy" and text.replace(".", "").isidentifier():  # a class: that of another function
            others = {g.get("sympy") for name in NEIGHBOURS.get(f.name, ["exp"]) for g in known().functions.get(name, [])} - {text, ""}
            for other in sorted(others):
                yield Mutant(with_(key, other), f, key, "neighbouring function", text, other)
            continue
        if is_dotted(text):
            module, _, name = text.rpartition(".")
            for other in NEIGHBOURS.get(name, ["negative" if module == "numpy" else "sin"]):
                yield Mutant(with_(key, f"{module}.{other}"), f, key, "neighbouring function", text, f"{module}.{other}")
            continue
        for fault, wrong in mutants(text):
            yield Mutant(with_(key, wrong), f, key, fault, text, wrong)
    if f.get("transpose"):
        other = {"through": "same", "same": "through"}[f.get("transpose")]
        yield Mutant(with_("transpose", other), f, "transpose", "transpose", f.get("transpose"), other)
    for key in ("domain", "smooth"):
        for fault, old, new in conditions(f.words(key), WIDER):
            yield Mutant(with_(key, list(new)), f, key, fault, old, ", ".join(new))


def of_identity(rule: Identity) -> Iterator[Mutant]:
    for side in ("left", "right"):
        text = getattr(rule, side)
        for fault, wrong in mutants(text):
            yield Mutant(rule._replace(**{side: wrong}), rule, side, fault, text, wrong)
    for key in ("conditions", "assumptions"):
        for fault, old, new in conditions(getattr(rule, key)):
            yield Mutant(rule._replace(**{key: new}), rule, key, fault, old, ", ".join(new))


def of_property(rule: PropertyRule) -> Iterator[Mutant]:
    for fault, wrong in mutants(rule.pattern):
        yield Mutant(rule._replace(pattern=wrong), rule, "pattern", fault, rule.pattern, wrong)
    for i, word in enumerate(rule.properties):
        for other in STRONGER[word].split():
            said = (*rule.properties[:i], other, *rule.properties[i + 1:])
            yield Mutant(rule._replace(properties=said), rule, "properties", "wrong property", word, other)
    for fault, old, new in conditions(rule.conditions):
        yield Mutant(rule._replace(conditions=new), rule, "conditions", fault, old, ", ".join(new))


def conditions(given: tuple[str, ...], wider: dict[str, tuple[str, ...]] | None = None) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(fault, the condition before, all of them afterwards): each one dropped, and each one changed."""
    for i, condition in enumerate(given):
        others = given[:i], given[i + 1:]
        yield "dropped condition", condition, (*others[0], *others[1])
        name, colon, word = (p.strip() for p in condition.partition(":"))
        for instead in OTHER_WORDS.get(word, "").split() if colon else ():
            yield "wrong condition", condition, (*others[0], f"{name}: {instead}", *others[1])
        left, sign, right = [*condition.split(" "), "", ""][:3]
        for instead in (wider or {}).get(sign, ()):
            yield "wrong condition", condition, (*others[0], f"{left} {instead} {right}", *others[1])


# ---------------------------------------------------------------- the verdicts
def verdict(mutant: Mutant) -> str:
    """caught, refused (a rule whose check finds no verdict is not taken either), equivalent, unreadable or SURVIVED."""
    if mutant.entry is None:
        return "unreadable"
    with installed(mutant):
        try:
            found = implied(*mutant.entry[:2]) if isinstance(mutant.entry, Implication) else check(mutant.entry).evidence
        except MatcalcError:
            return "unreadable"
        if found.verdict is False:
            return "caught"
        if found.verdict is None:
            return "refused"
        return "equivalent" if equivalent(mutant) else "SURVIVED"


@contextmanager
def installed(mutant: Mutant) -> Iterator[None]:
    """The mutant in the place of its original, so that everything that asks rules/ meets the fault."""
    if not isinstance(mutant.entry, Function) or not isinstance(mutant.original, Function):
        yield
        return
    overloads = known().functions[mutant.original.name]
    place = overloads.index(mutant.original)
    overloads[place] = mutant.entry
    try:
        yield
    finally:
        overloads[place] = mutant.original


def equivalent(mutant: Mutant) -> bool:
    """Is the mutant, whatever it says, true? No difference at 20 points."""
    entry = mutant.entry
    if isinstance(entry, Identity):
        return all(alike(left, right) for left, right in readings(entry) if right is not None)
    if isinstance(entry, PropertyRule):
        return all(has_everywhere(reading, entry.properties) for reading, _ in readings(entry))
    if isinstance(entry, Implication):
        reading = read("A", known().language(), ["A: matrix(n, n)"])
        return has_everywhere(reading._replace(symbols={"A": Symbol("A", ("n", "n"), frozenset({entry.name}))}), (entry.follows,))
    assert isinstance(mutant.original, Function)
    if mutant.part == "transpose":
        return all(alike(*claims(entry, *d)) for d in declared(entry))
    if mutant.part in ("domain", "smooth"):
        return says_less(mutant) or holds_there(entry, mutant.part)
    if mutant.part == "numpy":
        return same_value(entry, mutant.original)
    if mutant.part == "sympy" and mutant.after.replace(".", "").isidentifier():
        return all(found.verdict is True for let, args in declared(entry) for seed in range(POINTS)
                   for found in sympy_case(within_domain(read(called(entry, args), known().language(), let), entry), seed))
    return all(alike(*pair) for pair in formulas(mutant.original, mutant.before, mutant.after, scalar=mutant.part == "derivative"))


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
        if len(allowed) < POINTS:
            return False
        for names, sizes in allowed:
            value = Valued(reading, sizes, known().added_values(f.name)).at(names)
            if not np.isfinite(value).all():
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
    for let, args in declared(original):
        reading = within_domain(read(called(f, args), known().language(), let), original)
        mutant = Program(build(reading))
        overloads = known().functions[original.name]
        place = overloads.index(f)
        overloads[place] = original
        true = Program(build(reading))
        overloads[place] = f
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
