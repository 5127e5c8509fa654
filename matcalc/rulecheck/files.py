"""A user's file of rules: refused with an entry that does not hold."""

from __future__ import annotations

from pathlib import Path

from ..errors import RuleError
from ..knowledge import Knowledge, known
from .calls import circle
from .verdicts import Result, check


def check_file(path: str | Path) -> None:
    """Refuse a file with an entry that does not hold; the message has the entry and what was found."""
    from .. import knowledge as module

    place = Path(path).resolve()
    if place in known().loaded:
        return
    trial = Knowledge()
    base = known()
    trial.functions = {k: list(v) for k, v in base.functions.items()}
    trial.identities, trial.properties = list(base.identities), list(base.properties)
    trial.implies, trial.unsupported, trial.aliases = dict(base.implies), dict(base.unsupported), dict(base.aliases)
    trial.loaded, trial.version = {*base.loaded, place}, base.version
    old = set(base.functions)
    trial.read(place, Path(path).name)
    again = {n for n in old if len(trial.functions[n]) != len(base.functions[n])}
    if again:
        raise RuleError(f"{Path(path).name}: {sorted(again)[0]} is a function of matcalc already", detail="choose another name")
    _refuse_circles(trial)
    module._known = trial
    try:
        for entry in trial.entries():
            if entry.where.file == Path(path).name:
                _refuse_if_wrong(check(entry))
    finally:
        module._known = base


def _refuse_circles(trial: Knowledge) -> None:
    """A definition that comes back to its own function would be written out without end."""
    for name, (own, *_) in trial.functions.items():
        if key := circle(trial.functions, name):
            raise RuleError(f"{own.where}: {name} is defined by itself", detail=own.get(key))


def _refuse_if_wrong(result: Result) -> None:
    if result.ok:
        return
    entry, evidence = result.entry, result.evidence
    detail = entry.text
    if evidence.counterexample:
        found = {k: v for k, v in evidence.counterexample.items() if k in ("sizes", "entry", "got", "wanted")}
        detail += f"\nat {found}"
    what = "does not hold" if evidence.verdict is False else f"could not be checked: {evidence.reason}"
    raise RuleError(f"{entry.where}: {entry.name} {what}", detail=detail)
