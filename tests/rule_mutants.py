"""Every entry of rules/ with one fault: formulas, values and facts of functions, both sides and the conditions of identities,
the patterns, words and conditions of properties, and what follows from what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from matcalc.errors import MatcalcError
from matcalc.knowledge import Function, Identity, PropertyRule, is_dotted, known

from .mutants import NEIGHBOURS, mutants

CALCULUS = ("derivative", "differential", "trace_differential", "definition", "adjoint", "matrix", "written_out")
VALUES = ("numpy", "sympy", "alternative")
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


@cache
def all_mutants() -> list[Mutant]:
    makers: dict[type, Any] = {Function: of_function, Identity: of_identity, PropertyRule: of_property}
    entries = [mutant for entry in known().entries() for mutant in makers[type(entry)](entry)]
    return entries + [mutant for word, follows in known().implies.items() for mutant in of_implications(word, follows)]


def of_function(f: Function) -> Iterator[Mutant]:
    for key in (*CALCULUS, *VALUES):
        if text := f.get(key):
            for fault, wrong in faulty_texts(f, key, text):
                yield Mutant(changed(f, key, wrong), f, key, fault, text, wrong)
    if old := f.get("transpose"):
        new = {"through": "same", "same": "through"}[old]
        yield Mutant(changed(f, "transpose", new), f, "transpose", "transpose", old, new)
    for key in ("domain", "smooth"):
        for fault, condition, left in conditions(f.words(key), WIDER):
            yield Mutant(changed(f, key, list(left)), f, key, fault, condition, ", ".join(left))


def changed(f: Function, key: str, value: str | list[str]) -> Function | None:
    try:
        return Function(f.entry, {**f.table, key: value}, f.where)
    except MatcalcError:  # a name that no rule may have
        return None


def faulty_texts(f: Function, key: str, text: str) -> Iterator[tuple[str, str]]:
    """A formula with one fault; the name of a value or a class beside the right one."""
    if key == "sympy" and is_class(text):
        others = {g.get("sympy") for name in NEIGHBOURS.get(f.name, ["exp"]) for g in known().functions.get(name, [])} - {text, ""}
        yield from (("neighbouring function", other) for other in sorted(others))
    elif is_dotted(text):
        module, _, name = text.rpartition(".")
        others = NEIGHBOURS.get(name, ["negative" if module == "numpy" else "sin"])
        yield from (("neighbouring function", f"{module}.{other}") for other in others)
    else:
        yield from mutants(text)


def is_class(text: str) -> bool:
    return text.replace(".", "").isidentifier()


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


def of_implications(word: str, follows: Iterable[str]) -> Iterator[Mutant]:
    for old in follows:
        for new in STRONGER[old].split():
            if new not in known().closure(frozenset({word})):
                yield Mutant(Implication(word, new), Implication(word, old), "implies", "wrong property", old, new)


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
