"""Every function of rules/, applied to each kind of argument that it takes, by each kind of variable; and what is measured of it.

A function that is added to rules/ is met here without a further line.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np

import matcalc as mc
from matcalc import dims
from matcalc.checker import evaluate
from matcalc.checker.floats import Floats
from matcalc.checker.plan import Plan
from matcalc.errors import NotDifferentiable, NotSupported
from matcalc.knowledge import Function, Source, known
from matcalc.parser import read
from matcalc.syntax import Reading

from .helpers import STEP
from .oracle.random_expressions import demand_of

OPERATIONS = ("jacobian", "index", "hessian", "jvp", "vjp")
SIZES = {"m": 3, "n": 4, "k": 2, "l": 5, "p": 5, "q": 2}
LANGUAGE = {  # what belongs to the language itself and not to rules/
    "sum": "sum(x: any) -> scalar", "sum-rows": "sum(X: matrix(m, n), axis=1) -> vector(m)",
    "sum-columns": "sum(X: matrix(m, n), axis=0) -> row(n)", "mean": "mean(x: any) -> scalar",
    "mean-rows": "mean(X: matrix(m, n), axis=1) -> vector(m)", "mean-columns": "mean(X: matrix(m, n), axis=0) -> row(n)",
    "tr": "tr(X: matrix(n, n)) -> scalar", "diag": "diag(x: vector(n)) -> matrix(n, n)", "diagv": "diagv(X: matrix(n, n)) -> vector(n)",
    "vec": "vec(X: matrix(m, n)) -> matrix(m, n)", "kron": "kron(X: matrix(m, n), Y: matrix(p, q)) -> matrix(m, n)",
}
# The argument, in a variable of each kind, with the declarations of its symbols; (rows, columns) are those of the argument.
ARGUMENTS: dict[str, dict[str, tuple[str, str]]] = {
    "scalar": {
        "itself": ("t", "t: scalar"), "scalar": ("c * t + d", "t: scalar; c: scalar; d: scalar"),
        "vector": ("a.T @ x + d", "x: vector(k); a: vector(k); d: scalar"),
        "matrix": ("a.T @ X @ b + d", "X: matrix(k, l); a: vector(k); b: vector(l); d: scalar"),
    },
    "vector": {
        "itself": ("x", "x: vector({0})"), "scalar": ("t * a + b", "t: scalar; a: vector({0}); b: vector({0})"),
        "vector": ("A @ x + b", "x: vector(k); A: matrix({0}, k); b: vector({0})"),
        "matrix": ("X @ a + b", "X: matrix({0}, k); a: vector(k); b: vector({0})"),
    },
    "row": {
        "itself": ("x.T", "x: vector({1})"), "scalar": ("t * a.T + b.T", "t: scalar; a: vector({1}); b: vector({1})"),
        "vector": ("x.T @ A + b.T", "x: vector(k); A: matrix(k, {1}); b: vector({1})"),
        "matrix": ("a.T @ X + b.T", "X: matrix(k, {1}); a: vector(k); b: vector({1})"),
    },
    "matrix": {
        "itself": ("X", "X: matrix({0}, {1})"), "scalar": ("t * A + B", "t: scalar; A: matrix({0}, {1}); B: matrix({0}, {1})"),
        "vector": ("a @ x.T + B", "x: vector({1}); a: vector({0}); B: matrix({0}, {1})"),
        "matrix": ("A @ X + B", "X: matrix(k, {1}); A: matrix({0}, k); B: matrix({0}, {1})"),
    },
}


class Case(NamedTuple):
    """f(argument), and the variable of the argument to differentiate by."""

    entry: str
    argument: str  # scalar, vector, row, matrix
    variable: str  # itself, scalar, vector, matrix
    text: str
    wrt: str
    let: tuple[str, ...]
    demand: str  # what the domain of f asks of the argument
    others: tuple[tuple[str, str], ...] = ()  # further arguments, with what is asked of them
    tall: bool = False  # more rows than columns

    @property
    def id(self) -> str:
        return f"{self.text} by {self.wrt}"

    @property
    def summed(self) -> str:
        """A scalar: f, or the sum of its entries."""
        return self.text if reading_of(self.text, self.let).root.shape == (1, 1) else f"sum({self.text})"


# ---------------------------------------------------------------- the cases
def entries() -> list[Function]:
    """The functions that a user can call: of rules/, and of the language."""
    own = [f for overloads in known().functions.values() for f in overloads if f.where.file.startswith("rules/")]
    language = [Function(name, {"signature": signature}, Source("", 0)) for name, signature in LANGUAGE.items()]
    return [f for f in own if "written_out" not in f.table] + language


def cases(f: Function) -> Iterator[Case]:
    """f applied to every kind of argument that its signature allows, in its place the variable itself or an affine function of one."""
    params = [p for p in f.signature.params if p.kind not in ("axis", "integer")]
    for place, p in enumerate(params):
        kinds = ("scalar", "vector", "row", "matrix") if p.kind == "any" else (p.kind,)
        for kind in kinds:
            yield from _applied(f, place, kind)


def _applied(f: Function, place: int, kind: str) -> Iterator[Case]:
    """Of the arguments, the one at `place` varies, and is of this kind."""
    params = [p for p in f.signature.params if p.kind != "axis"]
    axis = "".join(f", axis={p.dims[0]}" for p in f.signature.params if p.kind == "axis")
    p = [q for q in params if q.kind != "integer"][place]
    size = [str(d) for d in p.dims] or ["m", "n"]
    rows, columns = size[0], size[-1]
    same = {"scalar": "scalar", "vector": f"vector({rows})", "row": f"vector({columns})", "matrix": f"matrix({rows}, {columns})"}[kind]
    demand = {"spd": "definite", "symmetric": "any", "tall": "any"}.get(demand_of(f, p.name), demand_of(f, p.name))
    if demand == "any" and kind == "matrix" and rows == columns and f.name not in LANGUAGE:
        demand = "definite"
    word = next((w for w in ("symmetric", "spd") if f"{p.name}: {w}" in f.words("domain")), "")
    tall = any("full column rank" in condition for condition in f.words("smooth"))
    for variable, (pattern, declarations) in ARGUMENTS[kind].items():
        let = [d.format(rows, columns) for d in declarations.split("; ")]
        if word and variable == "itself":
            let = [f"{let[0]} {word}"]
        elif word:
            pattern = f"{pattern} + ({pattern}).T"
        args, others = [], []
        for other in params:
            if other is p:
                args.append(pattern)
            elif other.kind == "integer":
                args.append("3")
            else:
                own = f"{other.kind}({', '.join(map(str, other.dims))})" if other.dims else other.kind
                let.append(f"Y: {same if other.kind == 'any' else own}")
                args.append("Y.T" if kind == "row" else "Y")
                others.append(("Y", demand_of(f, other.name)))
        wrt = let[0].split(":")[0]
        yield Case(f.entry, kind, variable, f"{f.name}({', '.join(args)}{axis})", wrt, tuple(let), demand, tuple(others), tall)


ALL = [case for f in entries() for case in cases(f)]


# ---------------------------------------------------------------- the answers
class Refused(NamedTuple):
    """No rule: the first line of the typed error."""

    reason: str


@cache
def answer(case: Case, operation: str) -> Any:
    """The answer of matcalc, checked; or why there is none."""
    f, form = (case.summed if operation in ("grad", "hessian", "hvp") else case.text), {"form": "index"} if operation == "index" else {}
    try:
        found = getattr(mc, "jacobian" if operation == "index" else operation)(f, wrt=case.wrt, let=case.let, **form)
        found.check()
        str(found)
    except (NotSupported, NotDifferentiable) as error:
        return Refused(str(error).splitlines()[0].removeprefix("error: "))
    return found


def verdict(case: Case, operation: str) -> str:
    """exact, numeric, inconclusive: reason, or refused: reason."""
    found = answer(case, operation)
    if isinstance(found, Refused):
        return f"refused: {found.reason}"
    e = found.evidence
    return e.kind if e.verdict else f"{e.kind}: {e.reason}"


# ---------------------------------------------------------------- points
@cache
def reading_of(text: str, let: tuple[str, ...]) -> Reading:
    return read(text, known().language(), let)


@cache
def point(case: Case) -> tuple[dict[str, Any], dict[str, int]]:
    """Generic values, with two axes, inside the domain of the function; all sizes are different where they meet."""
    rng = np.random.default_rng(zlib.crc32(case.id.encode()))
    reading = reading_of(case.text, case.let)
    demands = dict(case.others)
    values = {}
    sizes = {d: SIZES[d] for d in reading.dims} | ({"m": SIZES["n"], "n": SIZES["m"]} if case.tall else {})
    for name, s in reading.symbols.items():
        shape = tuple(dims.evaluate(d, sizes) for d in s.shape)
        whole = name == "B" or (name == case.wrt and case.variable == "itself")
        values[name] = rng.uniform(1.5, 3, shape) if demands.get(name) == "positive" else _drawn(shape, case.demand, whole, rng)
        if is_symmetric(case, name):
            values[name] = values[name] + values[name].T
    return values, {d: n for d, n in sizes.items() if d in reading.dims}


def is_symmetric(case: Case, name: str) -> bool:
    """Is this variable within the symmetric matrices? Then so are its small changes, and the derivative is projected."""
    return "symmetric" in known().closure(reading_of(case.text, case.let).symbols[name].properties)


def _drawn(shape: tuple[int, ...], demand: str, whole: bool, rng: Any) -> Any:
    if demand in ("regular", "definite") and shape[0] == shape[1] > 1 and whole:
        return 2 * np.eye(shape[0]) + rng.uniform(-0.4, 0.4, shape)
    if demand == "positive" and whole:
        return rng.uniform(0.6, 1.5, shape)
    if demand in ("positive", "unit"):
        return rng.uniform(0.15, 0.5, shape)
    apart = 0.3 + 0.9 * (rng.permutation(math.prod(shape)).reshape(shape) + rng.uniform(0.2, 0.8, shape)) / math.prod(shape)  # no ties
    return apart * rng.choice([-1.0, 1.0], shape) * (0.4 if demand in ("regular", "definite") else 1.0)


def plain(x: Any, shape: tuple[Any, Any]) -> Any:
    """As a user passes it: a vector with one axis, a scalar as a number."""
    x = np.asarray(x)
    return float(x.item()) if shape == (1, 1) else x[:, 0] if shape[1] == 1 else x


def given(case: Case) -> dict[str, Any]:
    """The values by name, as a user passes them, with the sizes."""
    values, sizes = point(case)
    symbols = reading_of(case.text, case.let).symbols
    return {**{n: plain(v, symbols[n].shape) for n, v in values.items()}, **sizes}


def axes(shape: tuple[Any, Any], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The axes of a value: none of a scalar, one of a vector, two of a row and of a matrix."""
    full = tuple(dims.evaluate(d, sizes) for d in shape)
    return () if shape == (1, 1) else full[:1] if shape[1] == 1 else full


# ---------------------------------------------------------------- what is measured
@cache
def measured(case: Case) -> Any:
    """The tensor of first derivatives, shape(f) + shape(variable): 4-point differences of the checker's own values of f."""
    values, sizes = point(case)
    reading = reading_of(case.text, case.let)
    plan = Plan()
    root = plan.add(reading.root)

    def f(x: Any) -> Any:
        names = {n: np.broadcast_to(v, (len(x), *v.shape)) for n, v in values.items()}
        out = Floats(plan, sizes).run({**names, case.wrt: x})[root]
        return np.broadcast_to(out, (len(x), *(dims.evaluate(d, sizes) for d in reading.root.shape)))

    slopes = differences(f, values[case.wrt], is_symmetric(case, case.wrt))
    return slopes.reshape([*axes(reading.root.shape, sizes), *axes(reading.symbols[case.wrt].shape, sizes)])


@cache
def measured_again(case: Case) -> Any:
    """The tensor of second derivatives: 4-point differences of the values of the gradient, which is measured itself."""
    x, symbol = point(case)[0][case.wrt], reading_of(case.text, case.let).symbols[case.wrt]
    gradient, names = answer(case, "grad").compile(), given(case)
    slopes = differences(lambda xs: [gradient({**names, case.wrt: plain(x, symbol.shape)}) for x in xs], x,
                         is_symmetric(case, case.wrt))
    return slopes.reshape(2 * axes(symbol.shape, point(case)[1]))


def differences(f: Any, x: Any, symmetric: bool) -> Any:
    """d f / d x by a 4-point stencil along every entry of x, for an f that takes a batch; the entries of x come last."""
    basis = np.eye(x.size).reshape(x.size, *x.shape) * STEP
    if symmetric:  # <G, (E + E.T) / 2> are the entries of the projection of G
        basis = (basis + basis.swapaxes(1, 2)) / 2
    a, b, c, d = (np.asarray(f(x + t * basis)) for t in (-2, -1, 1, 2))
    return np.moveaxis((a - 8 * b + 8 * c - d) / (12 * STEP), 0, -1)


def value(case: Case) -> Any:
    """f at the point, by the checker."""
    values, sizes = point(case)
    reading = reading_of(case.text, case.let)
    return evaluate(reading, values, sizes).reshape(axes(reading.root.shape, sizes))


def declared(case: Case, text: str) -> list[str]:
    """The declarations that an answer needs as input: also of the sizes that only its constants have."""
    symbols, sizes = reading_of(case.text, case.let).symbols, reading_of(case.text, case.let).dims
    mentioned = {n for n in (*symbols, *sizes) if re.search(rf"\b{n}\b", text)} | {case.wrt}
    known_by = {n for name, s in symbols.items() if name in mentioned for d in s.shape for n in dims.names(d)}
    return [d for d in case.let if d.split(":")[0] in mentioned] + [f"{n}: dimension" for n in sizes if n in mentioned - known_by]


def close(got: Any, wanted: Any, tolerance: float = 1e-7) -> bool:
    got, wanted = np.asarray(got, float), np.asarray(wanted, float)
    scale = max(1.0, float(np.abs(wanted).max(initial=0)))
    return got.shape == wanted.shape and bool((np.abs(got - wanted) <= tolerance * scale).all())


def run(d: Any, values: Mapping[str, Any]) -> Any:
    """What the NumPy code of a Jacobian returns."""
    code = d.code("numpy")
    header = re.search(r"^def jacobian\((.*)\):$", code, re.M)
    assert header, code
    space: dict[str, Any] = {}
    exec(code, space)  # noqa: S102
    with np.errstate(all="ignore"):
        return space["jacobian"](**{n: values[n] for n in header[1].split(", ") if n})
