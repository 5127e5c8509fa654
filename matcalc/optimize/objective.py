"""An expression as an objective: value, gradient and Hessian in numbers, with everything that the variables do not enter computed once."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from .. import dims
from ..asking import as_text, load_rules
from ..build import build
from ..compiler import arranged, axes, example, unstacked
from ..errors import DomainError, Fix, MatcalcError, NotSupported, ShapeError
from ..expr import Expr, symbols
from ..knowledge import known
from ..printers.text import expression_text
from ..structured import structure_of
from ..syntax import Symbol
from .closed_form import ClosedForm, closed_form
from .plan import Array, Layout, Plan

KINK = "at kinks: "
DIFFERENCE = 6e-6  # of gradients, relative: a Hessian where no rule gives one


class Point(NamedTuple):
    """What is known at x: the value and the gradient, one number for each entry of the variables."""

    x: Array
    value: float
    gradient: Array

    @property
    def norm(self) -> float:
        return float(abs(self.gradient[abs(self.gradient).argmax()]))  # the quickest way, of several


class Formulas:
    """What is derived once of a question: f, its gradient, and when they are asked for, its Hessian and its closed-form minimiser."""

    def __init__(self, text: str, over: tuple[str, ...], let: tuple[str, ...], syntax: str, rules: tuple[str, ...], seed: int) -> None:
        import matcalc as mc

        self.question: dict[str, Any] = {"f": text, "let": let, "syntax": syntax, "rules": rules, "seed": seed}
        self.over = over
        answers = list(mc.grad(**self.question, wrt=list(over)))
        self.reading = answers[0].reading_of_input
        self.f = build(self.reading)
        self.slopes = [a.compact for a in answers]
        self.kinks = list(dict.fromkeys(c.removeprefix(KINK) for a in answers for c in a.conditions if c.startswith(KINK)))
        self.symbols: list[Symbol] = [self.reading.symbols[name] for name in over]
        self.layout = Layout([self.f, *self.slopes], over)

    @cached_property
    def second_layout(self) -> Layout | None:
        return None if self.second is None else Layout(self.second, self.over)

    @cached_property
    def second(self) -> list[Expr] | None:
        """The blocks of the Hessian, upper triangle by rows; None where a rule is missing."""
        import matcalc as mc

        blocks = []
        try:
            for i, a in enumerate(self.over):
                for b in self.over[i:]:
                    blocks.append(mc.hessian(**self.question, wrt=a if a == b else [a, b]).compact)
        except MatcalcError:  # no rule, a limit, or an answer that was withheld: differences of gradients do
            return None
        return blocks

    @cached_property
    def blocks(self) -> list[ClosedForm | None]:
        """For each variable the equation that it solves, the others held; None where its gradient is not affine in it."""
        return [closed_form(slope, name) for slope, name in zip(self.slopes, self.over, strict=True)]

    @cached_property
    def block_layouts(self) -> list[Layout]:
        return [Layout([form.left, form.right], self.over) for form in self.blocks if form is not None]

    @property
    def closed(self) -> ClosedForm | None:
        return self.blocks[0] if len(self.over) == 1 else None

    @cached_property
    def closed_text(self) -> str:
        """The closed form as it is shown."""
        assert self.closed is not None
        return f"{self.over[0]} = {expression_text(self.closed.expression, taken=list(self.reading.symbols))}"


@lru_cache(maxsize=64)
def derived(version: int, *question: Any) -> Formulas:
    """The formulas of a question, kept: a fit to other data needs no other derivative. `version`: of the rules that are loaded."""
    return Formulas(*question)


class Objective:
    """f of some variables, the others fixed. The variables are one flat vector, in the order of `over`, each row by row."""

    def __init__(self, question: Mapping[str, Any], over: Sequence[str], data: Mapping[str, Any], start: Mapping[str, Any],
                 also: Collection[str] = ()) -> None:
        text, let, _ = as_text(question["f"], question.get("let", ()))
        rules = tuple(question.get("rules", ()))
        for path in rules:
            load_rules(path)
        self.over = list(over)
        given = {**data, **start}
        try:
            self.formulas = derived(known().version, text, tuple(over), (*let, *_declared(text, let, given)),
                                    question.get("syntax", "auto"), rules, question.get("seed", 0))
        except MatcalcError as error:
            raise _as_objective(error, given) from None
        self.question = self.formulas.question
        self.reading = reading = self.formulas.reading
        self.f, self.slopes, self.symbols = self.formulas.f, self.formulas.slopes, self.formulas.symbols
        self.evaluations = self.hessians = 0
        self._hessian_plan: Any = None
        self._key: bytes | None = None  # of the last point
        self._last: Any = None
        self._restrict()
        self._arrange({n: v for n, v in data.items() if n not in also or n in reading.symbols or n in reading.dims}, start)
        self.plan = self._planned(self.formulas.layout)

    def _restrict(self) -> None:
        """What a declared property asks of a point; a set that steps would leave is a matter for constraints."""
        self.definite: list[str] = []
        self.positive: list[str] = []
        for s in self.symbols:
            words = known().closure(s.properties)
            curved = words & {"orthogonal", "simplex", "onehot"}
            if curved:
                word = sorted(curved)[0]
                raise NotSupported(f"{s.name} is declared {word}, and steps leave that set", detail="for a simplex: subject_to "
                                   f'"sum({s.name}) == 1" and "{s.name} >= 0"' if word != "orthogonal" else "")
            if "spd" in words:
                self.definite.append(s.name)
            elif "positive" in words:
                self.positive.append(s.name)

    def _inside(self, parts: Mapping[str, Array]) -> bool:
        """Is the point where the declared properties hold?"""
        try:
            for name in self.definite:
                np.linalg.cholesky(parts[name])
        except np.linalg.LinAlgError:
            return False
        return all((parts[name] > 0).all() for name in self.positive)

    def _arrange(self, data: Mapping[str, Any], start: Mapping[str, Any]) -> None:
        """Arrays and sizes; a start that is not given is zeros, if the sizes are known."""
        wanted = {n: e for n, e in symbols(self.f).items() if n not in self.over or n in start}
        fixed = {n: v for n, v in data.items() if n in wanted or n in self.reading.dims}
        unused = [n for n in [*data, *start] if n not in wanted and n not in self.reading.dims and n not in self.over]
        if unused:
            raise DomainError(f"{unused[0]} is not in the expression", detail="its variables: " + ", ".join(self.reading.symbols))
        both = [n for n in start if n not in self.over]
        if both:
            raise DomainError(f"{both[0]} has a start, and is not minimised over", fixes=[Fix(options=(("over", both[0]),))])
        given = {**fixed, **start}
        missing = [n for n in wanted if n not in given]
        if missing:
            raise DomainError(f"no value is given for {', '.join(missing)}", detail="data: " + ", ".join(
                f"{n}: {dims.shape_text(wanted[n].shape)}" for n in missing),
                fixes=[Fix(options=tuple(("set", f"{n}={example(wanted[n].shape, {})}") for n in missing))])
        self.arrays, self.sizes = arranged(wanted, given, self.reading.dims)
        for name, array in self.arrays.items():
            if np.iscomplexobj(array):
                raise DomainError(f"{name} has complex numbers; an objective is real")
            if not array.size:
                raise DomainError(f"{name} has no entries")
            if not np.isfinite(array).all():
                raise DomainError(f"{name} has an entry that is not finite")
        self.shapes = []
        for s in self.symbols:
            try:
                rows, columns = (dims.evaluate(d, self.sizes) for d in s.shape)
            except KeyError:
                raise DomainError(f"the size of {s.name} is not known from the data", detail=f"{s.name} is {dims.shape_text(s.shape)}",
                                  fixes=[Fix(options=(("start", f"{s.name}=[0, 0]"),))]) from None
            self.shapes.append((rows, columns))
        self.started = [s.name for s in self.symbols if s.name not in start]
        parts = [self.arrays[s.name] if s.name in self.arrays else np.eye(*shape) if s.name in self.definite else np.zeros(shape)
                 for s, shape in zip(self.symbols, self.shapes, strict=True)]
        for s, part in zip(self.symbols, parts, strict=True):
            if np.abs(structured(s, part) - part).max(initial=0.0) > 1e-12 * np.abs(part).max(initial=1.0):
                raise DomainError(f"the start of {s.name} is not {structure_of(s)}, as it is declared")
        self.start = np.concatenate([np.asarray(p, dtype=float).ravel() for p in parts])

    def _planned(self, layout: Layout) -> Plan:
        with np.errstate(all="ignore"):
            try:
                return Plan(layout, self.arrays, self.sizes)
            except np.linalg.LinAlgError as error:
                raise DomainError(f"the data has no value: {error}") from None

    @property
    def size(self) -> int:
        return len(self.start)

    def space(self) -> Array | None:
        """Directions, as columns, that keep the declared structures; None where there is none."""
        if not any(structure_of(s) for s in self.symbols):
            return None
        blocks = []
        for s, (m, n) in zip(self.symbols, self.shapes, strict=True):
            units = np.eye(m * n).reshape(m * n, m, n)
            u, size, _ = np.linalg.svd(np.array([structured(s, e).ravel() for e in units]))
            blocks.append(u[:, size > 0.5])
        found = np.zeros((self.size, sum(b.shape[1] for b in blocks)))
        row = column = 0
        for b in blocks:
            found[row:row + b.shape[0], column:column + b.shape[1]] = b
            row, column = row + b.shape[0], column + b.shape[1]
        return found

    # ------------------------------------------------------------ values
    def split(self, x: Array) -> dict[str, Array]:
        """The variables of a flat vector, two-dimensional."""
        if len(self.over) == 1:
            return {self.over[0]: x.reshape(self.shapes[0])}
        found, at = {}, 0
        for name, (m, n) in zip(self.over, self.shapes, strict=True):
            found[name] = x[at:at + m * n].reshape(m, n)
            at += m * n
        return found

    def outside(self, x: Array) -> dict[str, Any]:
        """The variables as a user has them: numbers, vectors, matrices."""
        parts = self.split(np.array(x))
        return {s.name: (parts[s.name].item() if s.shape == dims.SCALAR else parts[s.name].reshape(axes(s.shape, self.sizes)))
                for s in self.symbols}

    def at(self, x: Array) -> Point:
        """Value and gradient; inf where there is no value. x is kept, and must not be changed later; NumPy's warnings are the caller's."""
        key = x.tobytes()  # the quickest comparison
        if key == self._key:
            return self._last  # type: ignore[no-any-return]
        self.evaluations += 1
        try:
            parts = self.split(x)
            if (self.definite or self.positive) and not self._inside(parts):
                raise np.linalg.LinAlgError
            value, *slopes = self.plan(parts)
            gradient = slopes[0].flatten() if len(slopes) == 1 else np.concatenate([g.ravel() for g in slopes])
            found = Point(x, value.item(), gradient)
        except (np.linalg.LinAlgError, DomainError):
            found = Point(x, np.inf, np.full(len(x), np.nan))
        except (IndexError, ValueError):
            many = len(self.over) > 1
            raise ShapeError(f"the expression reads entries that {' and '.join(self.over)} {'do' if many else 'does'} not have",
                             detail="; ".join(f"{n} has {' x '.join(map(str, axes(s.shape, self.sizes))) or '1'}"
                                              for n, s in zip(self.over, self.symbols, strict=True)),
                             fixes=[Fix(say="a start with more entries, or an index that is within them; the first is 0")]) from None
        if found.value != found.value:
            found = found._replace(value=np.inf)
        self._key, self._last = key, found
        return found

    def value(self, x: Array) -> float:
        return self.at(x).value

    def gradient(self, x: Array) -> Array:
        return self.at(x).gradient

    def hessian(self, x: Array) -> Array:
        """The matrix of second derivatives; by differences of gradients where no rule gives it."""
        self.hessians += 1
        plan = self._second()
        if plan is None:
            return self._differences(x)
        with np.errstate(all="ignore"):
            blocks = plan(self.split(x))
        whole = np.zeros((self.size, self.size))
        at = np.cumsum([0, *(m * n for m, n in self.shapes)])
        k = 0
        for i, s in enumerate(self.symbols):
            for j, t in enumerate(self.symbols):
                if j >= i:
                    tensor = unstacked(blocks[k], s.shape, t.shape, self.sizes).reshape(at[i + 1] - at[i], at[j + 1] - at[j])
                    whole[at[i]:at[i + 1], at[j]:at[j + 1]] = tensor
                    whole[at[j]:at[j + 1], at[i]:at[i + 1]] = tensor.T
                    k += 1
        return whole

    def _second(self) -> Plan | None:
        if self._hessian_plan is None:
            layout = self.formulas.second_layout
            self._hessian_plan = (None if layout is None else self._planned(layout),)
        return self._hessian_plan[0]  # type: ignore[no-any-return]

    def _differences(self, x: Array) -> Array:
        rows = []
        for i in range(len(x)):
            h = DIFFERENCE * max(1.0, abs(x[i]))
            step = np.zeros(len(x))
            step[i] = h
            rows.append((self.gradient(x + step) - self.gradient(x - step)) / (2 * h))
        found = np.array(rows)
        return (found + found.T) / 2

    def product(self, x: Array, v: Array) -> Array:
        """The Hessian times v, by a central difference of gradients along v."""
        size = float(np.linalg.norm(v))
        if not size:
            return np.zeros_like(v)
        h = DIFFERENCE * max(1.0, float(np.linalg.norm(x))) / size
        return (self.gradient(x + h * v) - self.gradient(x - h * v)) / (2 * h)


def _declared(text: str, let: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """The kinds of the arrays that are given, where nobody declared them: a list of numbers is a vector."""
    said = {d.partition(":")[0].strip() for d in let}
    found = []
    for name, value in values.items():
        if name not in said and re.search(rf"\b{re.escape(name)}\b", text):
            try:
                shape = np.shape(value)
            except ValueError:
                raise DomainError(f"{name} is no array: its rows have unequal lengths") from None
            if len(shape) < 2 or min(shape) > 1:
                found.append(f"{name}: {('scalar', 'vector', 'matrix')[min(len(shape), 2)]}")
    return found


def _as_objective(error: MatcalcError, given: Mapping[str, Any]) -> MatcalcError:
    """An error of the gradient, which nobody asked for; without the ways out that the data rules out."""
    error.message = error.message.replace("grad needs a scalar", "an objective is a scalar")
    arrays = {name for name, value in given.items() if np.ndim(value)}
    error.fixes = tuple(fix for fix in error.fixes if not fix.verb and not set(fix.wrt or ()) & set(given)
                        and not any(d.partition(":")[0] in arrays for d in fix.declare))
    return error


def structured(s: Symbol, x: Array) -> Array:
    """x, projected onto the matrices of the declared structure."""
    kind = structure_of(s)
    if kind == "symmetric":
        return (x + x.T) / 2
    if kind == "skew":
        return (x - x.T) / 2
    return {"diagonal": lambda: x * np.eye(len(x)), "lower": lambda: np.tril(x), "upper": lambda: np.triu(x)}.get(kind, lambda: x)()
