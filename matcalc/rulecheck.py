"""Checks of rules: every entry measured against independent evaluation, ours and users' alike.

A differential is compared with what the function does to a small change, an identity with its other side, a property
with the numbers; at unequal sizes, with inputs drawn from the conditions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .build import build
from .checker import Evidence, draw, evaluate, verify, verify_equal
from .checker.evidence import Undecided
from .compiler import Program
from .differentials import differential
from .errors import DomainError, RuleError
from .expr import symbol, symbols
from .identities import readings
from .knowledge import Function, Identity, Knowledge, PropertyRule, known
from .parser import read
from .syntax import Reading


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
    from .knowledge import load

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
    for evidence in checks(entry, seed):  # type: ignore[operator]
        cases += 1
        if evidence.verdict is not True:
            return Result(entry, evidence, cases)
        found = evidence
    return Result(entry, found or Evidence("unchecked", None, reason="there is nothing to check"), cases)


# ---------------------------------------------------------------- functions
def function_cases(f: Function, seed: int) -> Iterator[Evidence]:
    """The formula of the table against the function's own change, for each kind of argument."""
    values = known().added_values(*(text for text in f.table.values() if isinstance(text, str)), f.name)
    for let, args in declared(f):
        language = known().language()
        axis = f"{f.name}({', '.join(args)}{'' if f.head.axis is None else f', axis={f.head.axis}'})"
        yield from _value_cases(read(axis, language, let), f, seed)
        if "definition" in f.table:
            yield verify_equal(read(axis, language, let), read(f.get("definition"), language, let), seed=seed, values=values)
            continue
        for name in [a for a in args if not a.isdigit()]:
            yield from _differential_cases(f, axis, let, name, seed, values)


def _differential_cases(f: Function, call: str, let: list[str], name: str, seed: int, values: dict[str, Any]) -> Iterator[Evidence]:
    language = known().language()
    reading = read(call, language, let)
    kinds = {d.split(":")[0]: d.split(":", 1)[1].strip() for d in let}
    shape = kinds[name]
    tangents = [f"d{p.name}: {kinds[p.name]}" for p in f.signature.params if p.kind not in ("axis", "integer")]
    if "derivative" in f.table:
        text = f"({f.get('derivative')}) * d{name}"
    elif "differential" in f.table:
        text = with_integers(f, f.get("differential"))
    elif "trace_differential" in f.table:
        reading = read(f"tr({call})", language, let)
        text = f.get("trace_differential")
    elif f.get("role"):  # the engine's own operator, under the name that rules/ gives it
        text = str(differential(build(reading), symbols(build(reading))[name], symbol(f"d{name}", symbols(build(reading))[name].shape)))
    else:
        return
    formula = read(text, language, [*let, *tangents])
    others = [p.name for p in f.signature.params if p.kind not in ("axis", "integer") and p.name != name]
    if others:  # the other arguments stand still
        zero = {o: f"(0 * {o})" for o in others}
        text = re.sub(r"\bd(\w+)\b", lambda m: zero.get(m[1], m[0]), text)
        formula = read(text, language, [*let, f"d{name}: {shape}"])
    reading = _with_domain(reading, f)
    structure = "projected" if "symmetric" in known().closure(reading.symbols[name].properties) else "free"
    formula = _with_domain(formula, f)
    yield verify(reading, name, formula, op="differential", structure=structure, tangent=f"d{name}", seed=seed, values=values)


def _value_cases(reading: Reading, f: Function, seed: int) -> Iterator[Evidence]:
    """The value that the table names against the checker's own."""
    import numpy as np

    reading = _with_domain(reading, f)
    if not f.where.file.startswith("rules/") or not f.get("numpy"):
        return
    for point in range(4):
        try:
            values, sizes = draw(reading, seed * 97 + point)
            with np.errstate(all="ignore"):
                wanted = evaluate(reading, values, sizes)
            found = Program(build(reading))(values)
        except (Undecided, DomainError):
            continue
        if np.isfinite(wanted).all() and np.isfinite(found).all():
            right = wanted.shape == found.shape and np.allclose(found, wanted, rtol=1e-8, atol=1e-10)
            yield Evidence("numeric", bool(right), 1, reason="" if right else "the value of the table is not the function's")
            return


def _with_domain(reading: Reading, f: Function) -> Reading:
    """The symbols with the properties that the domain asks for, so that inputs are drawn from it."""
    symbols = dict(reading.symbols)
    for condition in (*f.words("domain"), *f.words("smooth")):
        name, colon, word = (p.strip() for p in condition.partition(":"))
        if colon and name in symbols:
            symbols[name] = symbols[name]._replace(properties=symbols[name].properties | {word})
            change = symbols.get(f"d{name}")
            if change and "symmetric" in known().closure(frozenset({word})):  # of a symmetric matrix, also what changes is symmetric
                symbols[f"d{name}"] = change._replace(properties=change.properties | {"symmetric"})
        elif condition.endswith("> 0") and condition[:-3].strip() in symbols:
            name = condition[:-3].strip()
            symbols[name] = symbols[name]._replace(properties=symbols[name].properties | {"positive"})
        elif "eigenvalue" in condition:
            for n, s in symbols.items():
                if not n.startswith("d"):
                    symbols[n] = s._replace(properties=s.properties | {"spd"})
    return reading._replace(symbols=symbols)


def integers(f: Function) -> set[str]:
    return {p.name for p in f.signature.params if p.kind == "integer"}


def with_integers(f: Function, text: str) -> str:
    """A formula with the whole numbers among the parameters replaced by one."""
    for name in integers(f):
        text = re.sub(rf"\b{name}\b", "3", text)
    return text


def declared(f: Function) -> Iterator[tuple[list[str], list[str]]]:
    """Declarations of the parameters, and the arguments, for every kind that the signature allows."""
    params = [p for p in f.signature.params if p.kind != "axis"]
    kinds = ("scalar", "vector(n)", "matrix(m, n)") if any(p.kind == "any" for p in params) else ("",)
    for variant in kinds:
        let, args = [], []
        for p in params:
            if p.kind == "integer":
                args.append("3")
                continue
            what = variant if p.kind == "any" else p.kind + (f"({', '.join(map(str, p.dims))})" if p.dims else "")
            let.append(f"{p.name}: {what}")
            args.append(p.name)
        yield let, args


# ---------------------------------------------------------------- identities and properties
def identity_cases(entry: Identity, seed: int) -> Iterator[Evidence]:
    for left, right in readings(entry):
        assert right is not None
        yield verify_equal(left, right, seed=seed, values=known().added_values(left.text, right.text))


def property_cases(entry: PropertyRule, seed: int) -> Iterator[Evidence]:
    for reading, _ in readings(entry):
        positive = {n: s._replace(properties=s.properties | {"positive"}) for n, s in reading.symbols.items()}
        found = 0
        for point in range(12):  # logarithms and roots may want positive numbers, an inverse of a skew matrix an even size
            tried = reading if point % 2 == 0 else reading._replace(symbols=positive)
            even = dict.fromkeys(reading.dims, 4) if point > 8 else None
            evidence = _property_at(entry, tried, seed * 97 + point, even)
            if evidence is not None:
                yield evidence
                found += 1
            if found == 3:
                break


def _property_at(entry: PropertyRule, reading: Reading, seed: int, sizes: dict[str, int] | None) -> Evidence | None:
    """The properties at one point; None where there is no value."""
    import numpy as np

    try:
        values, sizes = draw(reading, seed, sizes)
        with np.errstate(all="ignore"):
            found = evaluate(reading, values, sizes)
    except (Undecided, np.linalg.LinAlgError):
        return None
    if not np.isfinite(found).all():
        return None
    for word in entry.properties:
        if not has(found, word):
            return Evidence("numeric", False, 1, reason=f"the value is not {word}", counterexample={"sizes": sizes, "inputs": values})
    return Evidence("numeric", True, 1)


def has(a: Any, property_: str) -> bool:
    """Does an array have the property, up to rounding?"""
    import numpy as np

    near = 1e-8 * max(1.0, float(np.abs(a).max(initial=0)))
    square = a.shape[0] == a.shape[1]
    rows = a.T if a.shape[1] == 1 else a
    tests = {
        "symmetric": lambda: square and np.abs(a - a.T).max() <= near,
        "skew": lambda: square and np.abs(a + a.T).max() <= near,
        "diagonal": lambda: square and np.abs(a - np.diag(np.diag(a))).max() <= near,
        "lower": lambda: np.abs(np.triu(a, 1)).max(initial=0) <= near,
        "upper": lambda: np.abs(np.tril(a, -1)).max(initial=0) <= near,
        "orthogonal": lambda: square and np.abs(a.T @ a - np.eye(len(a))).max() <= near,
        "psd": lambda: has(a, "symmetric") and np.linalg.eigvalsh(a).min() >= -near,
        "spd": lambda: has(a, "symmetric") and np.linalg.eigvalsh(a).min() > 0,
        "invertible": lambda: square and np.linalg.matrix_rank(a) == len(a),
        "positive": lambda: a.min(initial=1) > 0,
        "nonnegative": lambda: a.min(initial=0) >= -near,
        "simplex": lambda: a.min() >= -near and np.abs(rows.sum(axis=1) - 1).max() <= near,
        "onehot": lambda: bool(np.all((np.abs(a) <= near) | (np.abs(a - 1) <= near)) and np.abs(rows.sum(axis=1) - 1).max() <= near),
    }
    return bool(tests[property_]())  # type: ignore[no-untyped-call]


# ---------------------------------------------------------------- a user's file
def check_file(path: str | Path) -> None:
    """Refuse a file with an entry that does not hold; the message has the entry and what was found."""
    from . import knowledge as module

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
    module._known = trial
    try:
        for entry in trial.entries():
            if entry.where.file == Path(path).name:
                _refuse_if_wrong(check(entry))
    finally:
        module._known = base


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

