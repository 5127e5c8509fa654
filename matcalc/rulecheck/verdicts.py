"""The verdict on one entry: its cases up to the first that does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..checker import Evidence
from ..checker.evidence import Unknown
from ..knowledge import Function, Identity, PropertyRule, known
from .cases import function_cases, identity_cases, property_cases


class Result(NamedTuple):
    """What the check of one entry found; `evidence` is None where there was nothing to check."""

    entry: Function | Identity | PropertyRule
    evidence: Evidence
    cases: int

    @property
    def ok(self) -> bool:
        return self.evidence.verdict is True


def check_all(name: str | None = None, seed: int = 0, rules: Sequence[str] = ()) -> Iterator[Result]:
    """Every entry of rules/ (or those of one name), checked."""
    from ..knowledge import load

    for path in rules:
        load(path)
    for entry in known().entries():
        if name is None or entry.name == name:
            yield check(entry, seed)


def check(entry: Function | Identity | PropertyRule, seed: int = 0) -> Result:
    """One entry, at every shape that it declares."""
    checks = {Function: function_cases, Identity: identity_cases, PropertyRule: property_cases}[type(entry)]
    found: Evidence | None = None
    cases = 0
    try:
        for evidence in checks(entry, seed):  # type: ignore[operator]
            cases += 1
            if evidence.verdict is not True:
                return Result(entry, evidence, cases)
            found = evidence
    except Unknown as reason:  # a function without a value
        return Result(entry, Evidence("unchecked", None, reason=str(reason)), cases)
    return Result(entry, found or Evidence("unchecked", None, reason="there is nothing to check"), cases)
