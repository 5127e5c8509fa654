"""Checks of rules: every entry measured against independent evaluation, ours and users' alike.

A differential is compared with what the function does to a small change, an identity with its other side, a property
with the numbers; at unequal sizes, with inputs drawn from the conditions, also at their edges: zeros in what is
nonnegative, matrices of less than full rank, ties.
"""

from __future__ import annotations

import math
import operator
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import dims
from .build import build
from .checker import Evidence, choices, draw, evaluate, verify, verify_equal
from .checker.evidence import Undecided, Unknown
from .checker.values import dotted
from .compiler import Program
from .differentials import differential
from .errors import DomainError, NotSupported, RuleError
from .expr import symbol, symbols
from .identities import readings
from .knowledge import Function, Identity, Knowledge, PropertyRule, is_dotted, known
from .parser import read
from .syntax import Reading, Symbol

POINTS = 8  # at which identities and properties are compared, beside the checker's own
ATTEMPTS = 40
NEAR = 1e-6  # relative: a draw may be badly conditioned, and a fault is of the size of the value
FINE = 1e-14  # relative and absolute: what a value of one number is known to
Point = tuple[dict[str, Any], dict[str, int]]


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
    try:
        for evidence in checks(entry, seed):  # type: ignore[operator]
            cases += 1
            if evidence.verdict is not True:
                return Result(entry, evidence, cases)
            found = evidence
    except Unknown as reason:  # a function without a value
        return Result(entry, Evidence("unchecked", None, reason=str(reason)), cases)
    return Result(entry, found or Evidence("unchecked", None, reason="there is nothing to check"), cases)


# ---------------------------------------------------------------- functions
def function_cases(f: Function, seed: int) -> Iterator[Evidence]:
    """The formula of the table against the function's own change, for each kind of argument."""
    values = known().added_values(*(text for text in f.table.values() if isinstance(text, str)), f.name)
    for let, args in declared(f):
        language = known().language()
        axis = f"{f.name}({', '.join(args)}{'' if f.head.axis is None else f', axis={f.head.axis}'})"
        if (circle := _circle(known().functions, f.name)):
            yield Evidence("exact", False, 1, reason=f"its {circle} comes back to {f.name}")
            return
        yield _shape_case(f, axis, let)
        yield from _value_cases(read(axis, language, let), f, seed)
        yield from _other_forms(f, axis, let, args, seed, values)
        yield from _edge_cases(f, axis, let, values)
        if "definition" in f.table:
            yield verify_equal(read(axis, language, let), read(f.get("definition"), language, let), seed=seed, values=values)
            continue
        for name in [a for a in args if not a.isdigit()]:
            yield from _differential_cases(f, axis, let, name, seed, values)
    if "written_out" in f.table:  # what it is made for says what its value is
        for user in [g for overloads in known().functions.values() for g in overloads if g is not f]:
            if f"{f.name}(" in user.get("differential") and "written_out" not in user.table:
                yield from function_cases(user, seed)


def _differential_cases(f: Function, call: str, let: list[str], name: str, seed: int, values: dict[str, Any]) -> Iterator[Evidence]:
    language = known().language()
    reading = read(call, language, let)
    kinds = {d.split(":")[0]: d.split(":", 1)[1].strip() for d in let}
    shape = kinds[name]
    tangents = [f"d{p.name}: {kinds[p.name]}" for p in f.signature.params if p.kind not in ("axis", "integer")]
    found: list[tuple[Reading, str]] = []
    if "derivative" in f.table:
        found.append((reading, f"({f.get('derivative')}) * d{name}"))
    if "differential" in f.table:
        found.append((reading, with_integers(f, f.get("differential"))))
    if "trace_differential" in f.table:
        found.append((read(f"tr({call})", language, let), f.get("trace_differential")))
    if not found and f.get("role"):  # the engine's own operator, under the name that rules/ gives it
        variables = symbols(build(reading))
        found.append((reading, str(differential(build(reading), variables[name], symbol(f"d{name}", variables[name].shape)))))
    for reading, text in found:
        formula = read(text, language, [*let, *tangents])
        others = [p.name for p in f.signature.params if p.kind not in ("axis", "integer") and p.name != name]
        if others:  # the other arguments stand still
            zero = {o: f"(0 * {o})" for o in others}
            text = re.sub(r"\bd(\w+)\b", lambda m, zero=zero: zero.get(m[1], m[0]), text)  # type: ignore[misc]
            formula = read(text, language, [*let, f"d{name}: {shape}"])
        reading = within_domain(reading, f)
        words = {c.partition(":")[2].strip() for c in f.words("domain") if ":" in c}
        structure = "projected" if any("symmetric" in known().closure(frozenset({word})) for word in words) else "free"
        formula = within_domain(formula, f)
        yield verify(reading, name, formula, op="differential", structure=structure, tangent=f"d{name}", seed=seed, values=values)


def _shape_case(f: Function, call: str, let: list[str]) -> Evidence:
    """The shapes of the values that the table states in our syntax: at other shapes than the call's nothing can be compared."""
    language = known().language()
    wanted = read(call, language, let).root.shape
    for key in ("definition", "numpy", "written_out"):
        text = with_integers(f, f.get(key))
        if text and not is_dotted(text) and (shape := read(text, language, let).root.shape) != wanted:
            return Evidence("exact", False, 1, reason=f"{key} is {dims.shape_text(shape)}, the function {dims.shape_text(wanted)}")
    return Evidence("exact", True, 1)


def _value_cases(reading: Reading, f: Function, seed: int) -> Iterator[Evidence]:
    """The value that the table names against the checker's own."""
    import numpy as np

    if not f.where.file.startswith("rules/") or not f.get("numpy"):
        return
    found = 0
    for values, sizes in points([within_domain(reading, f)], seed):
        try:
            with np.errstate(all="ignore"):
                wanted = evaluate(reading, values, sizes, known().added_values(f.name))
            if not np.isfinite(wanted).all():
                continue
            plain = "definition" in f.table and is_dotted(f.get("numpy"))  # which the engine writes out, and never calls
            given = np.reshape(dotted(f.get("numpy"))(*values.values()), wanted.shape) if plain else Program(build(reading))(values)
        except (Undecided, Unknown, DomainError, NotSupported, ValueError, np.linalg.LinAlgError):
            continue
        near = (FINE, FINE) if f.head.elementwise else (1e-8, 1e-10)
        right = wanted.shape == given.shape and np.allclose(given, wanted, *near)
        yield Evidence("numeric", bool(right), 1, reason="" if right else "the value of the table is not the function's")
        found += 1
        if found == POINTS:
            return


def _other_forms(f: Function, call: str, let: list[str], args: list[str], seed: int, values: dict[str, Any]) -> Iterator[Evidence]:
    """What else the table says of the function: its transpose, its pullback and its matrix where it is linear, other ways to write it."""
    language = known().language()
    last = args[-1]
    result = dims.shape_text(read(call, language, let).root.shape)

    def same(left: str, right: str, more: Sequence[str] = ()) -> Iterator[Evidence]:
        a, b = (within_domain(read(text, language, [*let, *more]), f) for text in (left, right))
        both = known().added_values(left, right) | values
        yield verify_equal(a, b, seed=seed, values=both)
        yield from _the_same_at_points(a._replace(symbols={**b.symbols, **a.symbols}), b, seed, both)

    if "adjoint" in f.table:
        yield from same(f"sum(G * {call})", f"sum(({f.get('adjoint')}) * {last})", [f"G: {result}"])
    if "matrix" in f.table:
        yield from same(f"vec({call})", f"({f.get('matrix')}) @ vec({last})")
    if f.get("transpose") and any("matrix" in d for d in let):
        yield from same(*transposes(f, call, args))
    if "alternative" in f.table:
        yield from same(call, with_integers(f, f.get("alternative")))
    if "kink" in f.table and "definition" not in f.table:
        yield _convention(f, let)
    if "numpy" in f.table and not is_dotted(f.get("numpy")) and f.where.file.startswith("rules/"):
        yield from same(call, with_integers(f, f.get("numpy")))
    if "sympy" in f.table:
        named = _is_class(f)
        yield from _sympy_case(within_domain(read(call, language, let), f), seed) if named else same(call, with_integers(f, f.get("sympy")))


def _convention(f: Function, let: list[str]) -> Evidence:
    """Where the table states a convention for a kink, its derivative has a value."""
    import numpy as np

    tangents = [f"d{declaration}" for declaration in let]
    text = f"({f.get('derivative')}) + 0 * {f.signature.params[0].name}" if "derivative" in f.table else f.get("differential")
    derivative = read(text, known().language(), [*let, *tangents])
    sizes = _unequal(derivative)
    there = Valued(derivative, sizes, known().added_values(derivative.text))
    right = all(np.isfinite(there.at(names)).all() for names in _special(derivative, sizes))
    return Evidence("numeric", right, 1, reason="" if right else "the derivative has no value at the kink")


def transposes(f: Function, call: str, args: Sequence[str]) -> tuple[str, str]:
    """f(X.T), and what the table says that it is."""
    turned = re.sub(rf"(?<=[(,\s])({'|'.join(a for a in args if not a.isdigit())})(?=[,)])", r"\1.T", call)
    return turned, f"{call}.T" if f.get("transpose") == "through" else call


def _is_class(f: Function) -> bool:
    from .printers.sympy import constructor

    return constructor(f.get("sympy")) is not None


def _sympy_case(reading: Reading, seed: int) -> Iterator[Evidence]:
    """The class of SymPy that the table names, at one point in the middle of the domain."""
    import numpy as np
    import sympy

    from .printers.sympy import FAULTS, explicit, to_sympy

    values, sizes = draw(reading, seed, _unequal(reading), "positive")
    near = {n: a / 2 / np.abs(a).max() + np.eye(*a.shape) * (min(a.shape) > 1) / 4 for n, a in values.items()}
    try:
        e = to_sympy(build(reading))
        numbers = {s: sympy.ImmutableMatrix(near[s.name]) if s.is_Matrix else sympy.Float(near[s.name].item()) if s.name in near
                   else sympy.Integer(sizes[s.name]) for s in e.free_symbols}
        found = explicit(e, numbers).evalf()
        got = np.array(found.tolist() if found.is_Matrix else [[found]], dtype=complex)
        right = close(got, evaluate(reading, near, sizes))
    except (*FAULTS, NotSupported, Undecided) as error:
        yield Evidence("unchecked", None, reason=f"SymPy: {error}")
        return
    yield Evidence("numeric", right, 1, reason="" if right else "SymPy's value is not the function's")


# ---------------------------------------------------------------- where a function is defined, and smooth
COMPARED = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "!=": operator.ne}
STEP = 1e-5  # one-sided slopes: they differ by about STEP where f is smooth, by their own size at a kink or a jump
KINK = 1e-2
CONSTANTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, math.pi / 2)
INTEGERS = (3, 0, -1)  # what a whole number among the parameters may be


def _edge_cases(f: Function, call: str, let: list[str], values: dict[str, Any]) -> Iterator[Evidence]:
    """Zeros, ties and singular matrices: a value wherever `domain` allows one, and a slope wherever `smooth` does."""
    if any(isinstance(v, str) for v in values.values()):
        return  # a user's own code may have no value at an edge, and say so in its own way
    inside = smooth = 0
    for k in INTEGERS if integers(f) and not f.get("role") else INTEGERS[:1]:  # a negative power wants an inverse
        reading = read(re.sub(r"\b3\b", str(k), call), known().language(), let)
        sizes = _unequal(reading)
        for names in _special(reading, sizes):
            seen = {**names, **dict.fromkeys(integers(f), k)}
            if any(_holds(c, seen) is not True for c in f.words("domain")):
                continue
            inside += 1
            claimed = all(_holds(c, seen) is True for c in f.words("smooth"))
            smooth += claimed
            fault = _fault_at(f, Valued(reading, sizes, values), names, claimed)
            if fault:
                yield Evidence("numeric", False, 1, reason=fault, counterexample={"sizes": sizes, "inputs": names})
                return
    for key, count in (("domain", inside), ("smooth", smooth)):
        if not count and all(_holds(c, seen) is not None for c in f.words(key)):
            yield Evidence("numeric", False, 1, reason=f"no point is in the {key} of the table")
            return
    yield Evidence("numeric", True, 1)


class Valued(NamedTuple):
    """A call, and what is needed for its value at a point."""

    reading: Reading
    sizes: dict[str, int]
    values: dict[str, Any]

    def at(self, names: Mapping[str, Any]) -> Any:
        import numpy as np

        try:
            with np.errstate(all="ignore"):
                return evaluate(self.reading, dict(names), self.sizes, self.values)
        except (Undecided, np.linalg.LinAlgError):
            return np.array([[np.nan]])


def _fault_at(f: Function, call: Valued, names: dict[str, Any], claimed: bool) -> str:
    """What is wrong at one point of the domain: no value; or, where the table claims a slope, a kink or a jump."""
    import numpy as np

    here = call.at(names)
    if not np.isfinite(here).all() and "written_out" not in f.table:
        return "no value at a point of the domain"
    if not claimed:
        return ""
    rng = np.random.default_rng(0)
    inner = all(_holds(c, names, inside=True) is not False for c in f.words("domain"))
    for name, value in names.items():
        d = rng.uniform(0.5, 1.5, value.shape) * (rng.choice([-1, 1], value.shape) if inner else 1)
        if any(c.strip() in (f"{name}: symmetric", f"{name}: spd") for c in f.words("domain")):
            d = d + d.T
        slopes = [(call.at({**names, name: value + t * d}) - here) / t for t in (STEP, STEP / 4, -STEP, -STEP / 4)]
        if not inner:  # at the border, from within
            slopes = [s for s in slopes if np.isfinite(s).all()] or [here]
        if not all(np.allclose(s, slopes[0], rtol=KINK, atol=KINK) for s in slopes):
            return "a kink where the table says it is smooth"
    return ""


def _unequal(reading: Reading) -> dict[str, int]:
    found = {n for s in reading.symbols.values() for d in s.shape for n in dims.names(d)} | set(reading.dims)
    return {n: 2 + i for i, n in enumerate(sorted(found, reverse=True))}


def _special(reading: Reading, sizes: Mapping[str, int], constants: Sequence[float] = CONSTANTS) -> Iterator[dict[str, Any]]:
    """Points at the edges of domains: constants, ties, the identity, singular and rotating matrices; and some that are like no other."""
    import numpy as np

    shapes = {n: tuple(dims.evaluate(d, sizes) for d in s.shape) for n, s in reading.symbols.items()}
    for one in constants:
        for other in (constants if len(shapes) > 1 else (one,)):
            yield {n: np.full(shape, one if i == 0 else other) for i, (n, shape) in enumerate(shapes.items())}
    makers: tuple[Callable[[int, int], Any], ...] = (
        np.eye, lambda m, n: np.eye(m, n) * (np.arange(n) > 0), lambda m, n: np.eye(m, n, 1),
        lambda m, n: np.eye(m, n, 1) - np.eye(m, n, -1))
    for made in makers:
        if all(min(shape) > 1 for shape in shapes.values()):
            yield {n: made(rows, columns) for n, (rows, columns) in shapes.items()}
    rng = np.random.default_rng(0)
    generic = {n: rng.uniform(0.2, 0.8, shape) for n, shape in shapes.items()}
    yield generic
    if all(m == n > 1 for m, n in shapes.values()):
        yield {n: a + a.T + 3 * np.eye(len(a)) for n, a in generic.items()}
        yield {n: a - a.T for n, a in generic.items()}


def _holds(condition: str, names: Mapping[str, Any], inside: bool = False) -> bool | None:
    """Whether a condition holds at a point, of every entry; `inside`: and near it too. None where it cannot be read."""
    import numpy as np

    for pattern, test in WORDED.items():
        found = re.fullmatch(pattern, condition)
        if found and found["name"] in names:
            return bool(test(names[found["name"]], found))
    name, colon, word = (p.strip() for p in condition.partition(":"))
    if colon and name in names:
        return has(names[name], word)
    left, sign, right = [*condition.split(" "), "", ""][:3]
    if left not in names or sign not in COMPARED or not (right in names or re.fullmatch(r"-?[\d.]+", right)):
        return None
    other = names[right] if right in names else float(right)
    return bool(np.all(COMPARED[sign.rstrip("=") if inside and sign != "!=" else sign](names[left], other)))


def _untied(a: Any, found: re.Match[str]) -> Any:
    import numpy as np

    a = (1 if found["which"] == "largest" else -1) * (np.abs(a) if found["abs"] else a)
    rows = a if found["of"] == "each row of " else a.T if found["of"] else a.reshape(1, -1)
    ordered = np.sort(rows, axis=1)
    return rows.shape[1] == 1 or np.all(ordered[:, -1] > ordered[:, -2] + KINK)


def _simple(a: Any, found: re.Match[str]) -> Any:
    import numpy as np

    ordered = np.sort(np.linalg.svd(a, compute_uv=False) if found["what"] == "singular value" else np.linalg.eigvals(a).real)
    return len(ordered) == 1 or ordered[-1] > ordered[-2] + KINK


def _no_branch_cut(a: Any, _: re.Match[str]) -> Any:
    import numpy as np

    roots = np.linalg.eigvals(a)
    return np.all((np.abs(roots.imag) > KINK) | (roots.real > KINK))


def _full_rank(a: Any, _: re.Match[str]) -> Any:
    import numpy as np

    return np.linalg.matrix_rank(a) == min(a.shape)


def _full_column_rank(a: Any, _: re.Match[str]) -> Any:
    import numpy as np

    return np.linalg.matrix_rank(a) == a.shape[1]


def _no_pole(a: Any, _: re.Match[str]) -> Any:
    import numpy as np

    return np.abs(np.cos(a)).min() > KINK


WORDED: dict[str, Callable[[Any, re.Match[str]], Any]] = {
    r"the (?P<which>largest|smallest) entry of (?P<of>each row of |each column of )?(?P<abs>abs\()?(?P<name>\w+)\)? is not tied": _untied,
    r"the largest (?P<what>eigenvalue|singular value) of (?P<name>\w+) is simple": _simple,
    r"no eigenvalue of (?P<name>\w+) is zero or a negative real number": _no_branch_cut,
    r"the rank of (?P<name>\w+) does not change": _full_rank,
    r"(?P<name>\w+) has full column rank": _full_column_rank,
    r"cos\((?P<name>\w+)\) != 0": _no_pole}


def within_domain(reading: Reading, f: Function) -> Reading:
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


# ---------------------------------------------------------------- points
def points(readings: Sequence[Reading], seed: int, attempts: int = ATTEMPTS) -> Iterator[Point]:
    """Inputs with the declared properties, at several sizes and scales; every third time at the edge of what is declared."""
    first = readings[0]
    sizes = choices(*readings) or [{}]
    strategies = ("signed", "positive", "signed", "unit", "small")
    for i in range(attempts):
        values, chosen = draw(first, seed * 97 + i, sizes[(i + i // 3) % len(sizes)], strategies[i // 2 % len(strategies)])
        if i % 3 == 2:
            edge = random.Random(seed * 97 + i)
            values = {n: _at_the_edge(v, known().closure(first.symbols[n].properties), edge) for n, v in values.items()}
        yield values, chosen


EDGES: tuple[Callable[[Any], Any] | None, ...] = (  # ties, whole numbers, the other sign; None: zeros
    None, None, operator.neg, lambda a: a.clip(None, sorted(a.ravel())[-2:][0]), lambda a: (2 * a).round() if 1 in a.shape else a)


def edges(reading: Reading, seed: int) -> Iterator[Point]:
    """Zeros, ones, the identity, rotating matrices where they may be: of all symbols, of one, of all but one number."""
    sizes = _unequal(reading)
    every = tuple(reading.symbols)
    some = [every, *((n,) for n in every), *(tuple(o for o in every if o != n) for n in every if reading.symbols[n].shape == (1, 1))]
    for i, names in enumerate(_special(reading, sizes, CONSTANTS[:4])):
        values, _ = draw(reading, seed + i, sizes)
        kept = {n: a for n, a in names.items() if all(has(a, word) for word in reading.symbols[n].properties) and _exactly_singular(a)}
        for chosen in dict.fromkeys(tuple(n for n in names if n in kept) for names in some):
            if chosen:
                yield values | {n: kept[n] for n in chosen}, sizes


def _exactly_singular(a: Any) -> bool:
    """Or not at all: rounding makes a logarithm of the determinant of others."""
    return a.shape[0] != a.shape[1] or has(a, "upper") or has(a, "invertible")


def _at_the_edge(value: Any, properties: frozenset[str], rng: random.Random) -> Any:
    """The same with zeros: of entries, or of a row and its column, as far as the properties allow."""
    import numpy as np

    if properties & {"spd", "invertible", "orthogonal", "positive", "onehot"} or (value.size == 1 and "simplex" in properties):
        return value
    value, i = value.copy(), rng.randrange(len(value))
    if not properties and (made := rng.choice(EDGES)):
        return made(value)
    if "psd" in properties:
        value[i, :] = value[:, i] = 0
    elif "simplex" in properties:
        j = rng.randrange(value.shape[1]) if value.shape[1] > 1 else 0
        value[i, j] = 0
        value = value / value.sum() if value.shape[1] == 1 else np.where(value.sum(axis=1, keepdims=True) > 0, value, 1)
        value = value if value.shape[1] == 1 else value / value.sum(axis=1, keepdims=True)
    elif "symmetric" in properties or "skew" in properties:
        j = rng.randrange(len(value))
        value[i, j] = value[j, i] = 0
    else:
        value[i, rng.choice([slice(None), rng.randrange(value.shape[1])])] = 0
    return value


# ---------------------------------------------------------------- identities and properties
def identity_cases(entry: Identity, seed: int) -> Iterator[Evidence]:
    for left, right in readings(entry):
        assert right is not None
        values = known().added_values(left.text, right.text)
        yield verify_equal(left, right, seed=seed, values=values)
        if not any(isinstance(v, str) for v in values.values()):
            yield from _the_same_at_points(left, right, seed, values)


def _the_same_at_points(left: Reading, right: Reading, seed: int, values: Mapping[str, Any]) -> Iterator[Evidence]:
    """Both sides at other sizes and at the edges: wherever the left has a value, the right has the same."""
    import numpy as np

    found = 0
    special = list(edges(left, seed))
    for i, (names, sizes) in enumerate((*special, *points([left, right], seed))):
        try:
            with np.errstate(all="ignore"):
                wanted = evaluate(left, names, sizes, values)
                got = evaluate(right, names, sizes, values) if np.isfinite(wanted).all() else wanted
        except (Undecided, Unknown, np.linalg.LinAlgError):
            continue
        if not np.isfinite(wanted).all():
            continue
        if not close(got, wanted):
            if _unsteady(Valued(left, sizes, dict(values)), names, wanted):
                continue
            yield Evidence("numeric", False, 1, reason="the values differ", counterexample={"sizes": sizes, "inputs": names})
            return
        found += 1
        if found >= POINTS and i >= len(special) + 2 * POINTS:
            break
    if found:
        yield Evidence("numeric", True, found)


def _unsteady(side: Valued, names: Mapping[str, Any], value: Any) -> bool:
    """A value made of rounding errors, as the logarithm of a determinant that is zero: it moves by far more than any jump."""
    import numpy as np

    nearby = side.at({n: a + 1e-7 * np.cos(np.arange(a.size)).reshape(a.shape) for n, a in names.items()})
    return bool(10 < np.abs(nearby - value).max(initial=0) < 100)


def close(got: Any, wanted: Any) -> bool:
    import numpy as np

    scale = max(float(np.abs(wanted).max(initial=0)), 1e-3)
    return bool(got.shape == wanted.shape and np.isfinite(got).all() and np.abs(got - wanted).max(initial=0) <= NEAR * scale)


def property_cases(entry: PropertyRule, seed: int) -> Iterator[Evidence]:
    for reading, _ in readings(entry):
        even = dict.fromkeys(reading.dims, 4)  # the inverse of a skew matrix
        for names, sizes in [*edges(reading, seed), *points([reading], seed), *((draw(reading, seed + i, even)) for i in range(3))]:
            evidence = _property_at(entry, reading, names, sizes)
            if evidence is not None:
                yield evidence


def _property_at(entry: PropertyRule, reading: Reading, values: dict[str, Any], sizes: dict[str, int]) -> Evidence | None:
    """The properties at one point; None where there is no value."""
    import numpy as np

    try:
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


def implied(word: str, follows: str, seed: int = 0) -> Evidence:
    """Whether what has one property has another that is said to follow from it."""
    reading = read("A", known().language(), ["A: matrix(n, n)"])
    reading = reading._replace(symbols={"A": Symbol("A", ("n", "n"), frozenset({word}))})
    for i, (names, sizes) in enumerate(points([reading], seed)):
        if not has(names["A"], follows):
            return Evidence("numeric", False, i + 1, reason=f"{word}, and not {follows}", counterexample={"sizes": sizes, "inputs": names})
    return Evidence("numeric", True, ATTEMPTS)


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
        "spd": lambda: has(a, "symmetric") and np.linalg.eigvalsh(a).min() > 1e-12 * float(np.abs(a).max()),
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
        if key := _circle(trial.functions, name):
            raise RuleError(f"{own.where}: {name} is defined by itself", detail=own.get(key))


def _circle(functions: Mapping[str, Sequence[Function]], name: str) -> str:
    """The key, `definition` or `numpy`, by which a function comes back to itself."""
    for key in ("definition", "numpy"):
        reached: set[str] = set()
        todo = [name]
        while todo:
            texts = " ".join(f.get(key) for f in functions[todo.pop()])
            new = set(re.findall(r"(\w+)\s*\(", texts)) & functions.keys() - reached
            reached |= new
            todo += new
        if name in reached:
            return key
    return ""


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

