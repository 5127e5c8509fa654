"""Compiled functions: arrays in by name; a plan for each set of shapes, made at the first call and kept.

A call whose shapes were met before goes straight to its plan. Everything else (new shapes, lists, whole numbers, a wrong array) takes the
long way, which judges each argument.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from ..compiler import Program, arranged, axes, quiet
from ..dims import SCALAR, names
from ..errors import DomainError, MatcalcError
from ..expr import Expr, symbols
from . import runtime
from .in_place import InPlace
from .lowering import CannotLower, Lowering
from .parts import Part, Sizes
from .trials import ROUNDING, SHORT, agree, reduced, tried, work

Run = Callable[..., Any]
MOST_PLANS = 64  # kept for one function
FAST = {"f", "d"}
# the long way says what it is
UNUSUAL = (LookupError, ValueError, TypeError, ArithmeticError, MemoryError, AttributeError, runtime.REFUSED)


class Taken(NamedTuple):
    """Arrays as a plan takes them. `key`: what the plan is kept under; where no dimension is given `Compiled.function` writes it out."""

    key: Any
    single: bool
    args: list[Any]


class Planned:
    """The source of one plan, and the function that it is. `large`: from how many entries temporaries are overwritten."""

    def __init__(self, parts: Sequence[Part], variables: Sequence[str], sizes: Sizes, single: bool = False,
                 large: int | None = None) -> None:
        self.names = {name: f"a{i}" for i, name in enumerate(variables)}
        try:
            lowering = Lowering(sizes, [r for p in parts for r in p.roots])
            ops = [p.operation(lowering) for p in parts]
            writer = InPlace(lowering.graph, ops, self.names, single, large)
            self.body = writer.write()
            self.source = f"def run({', '.join(self.names.values())}):\n" + "\n".join("    " + line for line in self.body) + "\n"
            self.scope = {"np": np, **scope_of(writer.helpers)}
            run = made(self.source, "run", dict(self.scope))
        except (RecursionError, SyntaxError, MemoryError):  # Python reads so many parentheses in each other, and no more
            raise CannotLower("depth") from None
        run = _narrow(run) if single else run
        self.run: Run = run if runtime.SILENT is not None else np.errstate(all="ignore")(run)
        self.is_bare = not single and runtime.SILENT is not None  # is the source all that there is to do?


def made(source: str, name: str, scope: dict[str, Any]) -> Run:
    """A function of source that was written here, of operations and numbered names."""
    exec(compile(source, "<matcalc>", "exec"), scope)  # noqa: S102 (the text is ours; the names in it were checked)
    return scope[name]  # type: ignore[no-any-return]


def scope_of(helpers: Mapping[str, str]) -> dict[str, Any]:
    """What the names in a plan stand for."""
    scope: dict[str, Any] = {}
    for name, dotted in helpers.items():
        module, _, function = dotted.rpartition(".")
        try:
            found = getattr(runtime if module == "runtime" else import_module(module), function)
        except ImportError:
            raise CannotLower(dotted) from None
        scope[name] = runtime.entrywise(found) if module == "math" else quiet(found) if module == "scipy.linalg" else found
    return scope


def _narrow(run: Run) -> Run:
    """In single precision, also where a number in it was computed in double."""
    def narrow(value: Any) -> Any:
        return value.astype(np.float32, copy=False) if isinstance(value, np.ndarray) else value

    def narrowed(*arrays: Any) -> Any:
        found = run(*arrays)
        return tuple(map(narrow, found)) if isinstance(found, tuple) else narrow(found)

    return narrowed


class Compiled:
    """A function of named arrays, with one result or a tuple of several. `wanted`: the variables, of which those in the results are needed,
    the others say sizes; `others`: names that may be given beside them (dimensions, an absent variable)."""

    def __init__(self, parts: Sequence[Part], wanted: Mapping[str, Expr], dimensions: frozenset[str], others: set[str],
                 spelled: Mapping[str, str]) -> None:
        self.parts, self.dimensions, self.others, self.spelled = list(parts), dimensions, others, spelled
        self.needed = {name: e for p in parts for r in p.roots for name, e in symbols(r).items()}
        self.wanted = {**wanted, **{n: e for n, e in self.needed.items() if n not in wanted}}
        self.plans: dict[Any, Run] = {}  # those that have the values of node by node, by the shapes that they are for
        self.made: dict[Any, Planned | None] = {}  # all of them; None where there is none, or a wrong one
        self.found: Any = None  # the callable, once it is made
        with suppress(MatcalcError):  # said when it is called
            self.programs  # noqa: B018 (made now, because the first call has enough to do)

    def function(self) -> Run:
        """The callable: arguments by keyword, or as one mapping."""
        names = self._names()
        if not names or any(not n.isidentifier() or keyword.iskeyword(n) or n.startswith("_matcalc") for n in names):
            return lambda *values, **arrays: self.slowly(*values, **arrays)
        self.found = made(self._text(), "compiled", {
            "_matcalc_plans": self.plans, "_matcalc_slowly": self.slowly, "_matcalc_float": float, "_matcalc_state": runtime.WARNINGS,
            "_matcalc_silent": runtime.SILENT, "_matcalc_array": np.ndarray, "_matcalc_unusual": UNUSUAL})
        found: Run = self.found
        return found

    def _names(self) -> list[str]:
        return [*self.wanted, *sorted(self.others - self.dimensions - set(self.wanted))]

    def _text(self, quickest: Sequence[str] = ()) -> str:
        """The source of the callable; `quickest`: statements for the arrays of the last plan, before it is looked for among all."""
        tests, key = ["_matcalc_values is not None", "_matcalc_others"], []
        for name, e in self.wanted.items():
            if e.shape == SCALAR:
                tests.append(f"{name}.__class__ is not _matcalc_float" if name in self.needed else f"{name} is not None")
            elif name in self.needed:
                tests.append(f"{name}.__class__ is not _matcalc_array")
                key += [f"{name}.shape", f"{name}.dtype.num"]
            else:
                tests.append(f"{name} is not None and {name}.__class__ is not _matcalc_array")
                key.append(f"None if {name} is None else ({name}.shape, {name}.dtype.num)")
        names = self._names()
        given = ", ".join(f"'{n}': {n}" for n in names)
        return "\n".join([
            f"def compiled(_matcalc_values=None, /, *_matcalc_more, {', '.join(n + '=None' for n in names)}, **_matcalc_others):",
            *("    " + line for line in quickest),
            "    _matcalc_token = _matcalc_state.set(_matcalc_silent)",
            "    try:",
            f"        if not ({' or '.join(tests)}):",
            f"            return _matcalc_plans[{', '.join(key) + ',' if key else '()'}]({', '.join(self.needed)})",
            "    except _matcalc_unusual:",
            "        pass",
            "    finally:",
            "        _matcalc_state.reset(_matcalc_token)",
            f"    _matcalc_given = {{n: v for n, v in {{{given}}}.items() if v is not None}}",
            "    return _matcalc_slowly(_matcalc_values, *_matcalc_more, **_matcalc_given, **_matcalc_others)", ""])

    def _hasten(self, taken: Taken, planned: Planned) -> None:
        """The statements of a plan go into the callable itself: a call and a look into a table less."""
        names = self._names()
        if self.found is None or not planned.is_bare or set(names) & set(planned.scope) or any(isinstance(k, tuple) and k and isinstance(
                k[0], tuple) for k in taken.key):
            return
        spelled = {a: n for n, a in planned.names.items()}
        body = [re.sub(r"\b[at]\d+\b", lambda word: spelled.get(word[0], f"_matcalc_{word[0]}"), line) for line in planned.body]
        tests = [f"{n}.__class__ is {'_matcalc_float' if e.shape == SCALAR else '_matcalc_array'}" if n in self.needed else f"{n} is None"
                 for n, e in self.wanted.items()]
        args = dict(zip(self.needed, taken.args, strict=True))
        shapes = {n: args[n].shape for n, e in self.needed.items() if e.shape != SCALAR}
        tests += [f"{n}.shape == {shape} and {n}.dtype is _matcalc_double" for n, shape in shapes.items()]
        lines = [f"if {' and '.join([*tests, '_matcalc_values is None', 'not _matcalc_others'])}:",
                 "    _matcalc_token = _matcalc_state.set(_matcalc_silent)", "    try:", *("        " + line for line in body),
                 "    except _matcalc_unusual:", "        pass", "    finally:", "        _matcalc_state.reset(_matcalc_token)"]
        scope = self.found.__globals__
        scope.update(planned.scope, _matcalc_double=np.dtype(float))
        quick = made(self._text(lines), "compiled", dict(scope))
        self.found.__code__ = quick.__code__

    # ------------------------------------------------------------ the long way
    def slowly(self, values: Mapping[str, Any] | None = None, /, *more: Any, **arrays: Any) -> Any:
        """Judge the arguments, make a plan for their shapes, and run it; node by node where there is none."""
        given = self.named(values, more, arrays)
        used = {n: e for n, e in self.wanted.items() if n in given or n in self.needed}
        found, sizes = arranged(used, given, self.dimensions)
        taken = self._taken(found, sizes, set(given) & self.dimensions)
        planned = self._plan(taken, sizes) if taken is not None else None
        if taken is None or planned is None:
            return self._result(self._by_node(given))
        if taken.key not in self.plans:
            if work(self.programs, sizes) <= SHORT:
                return self._result(self._compared(taken, planned, used, sizes, self._by_node(given)))
            self._judged(taken, planned, self._in_small(used, sizes) is not False)
        try:
            return self._result(self._values(self.plans[taken.key], taken))
        except UNUSUAL:  # a wrong plan is none; and no value here says nothing of others
            return self._result(self._by_node(given))

    def _result(self, results: Sequence[Any]) -> Any:
        return tuple(results) if len(results) > 1 else results[0]

    def named(self, values: Mapping[str, Any] | None, more: Sequence[Any], arrays: Mapping[str, Any]) -> dict[str, Any]:
        """What is given, by the names of the answer."""
        if more or (values is not None and not isinstance(values, Mapping)):
            raise DomainError("arrays are passed by name", detail="as keywords, f(A=..., x=...), or as one mapping")
        given = {self.spelled.get(k, k): v for k, v in {**(values or {}), **arrays}.items()}
        unknown = [k for k in given if k not in self.wanted and k not in self.others]
        if unknown:
            raise DomainError(f"{unknown[0]} is not a variable of this answer", detail="its variables: " + ", ".join(self.wanted))
        return given

    # ------------------------------------------------------------ node by node
    @cached_property
    def programs(self) -> list[Program]:
        return [Program(r, self.wanted, self.dimensions) for p in self.parts for r in p.roots]

    def _by_node(self, given: Mapping[str, Any]) -> list[Any]:
        """The values, each in an array of its own."""
        found = iter([program.run(given) for program in self.programs])
        values = []
        for p in self.parts:
            computed, sizes = zip(*[next(found) for _ in p.roots], strict=True)
            values.append(p.finish(computed, sizes[0]))
        return [np.array(v) if isinstance(v, np.ndarray) else v for v in values]

    # ------------------------------------------------------------ is a plan right?
    def _compared(self, taken: Taken, planned: Planned, used: Mapping[str, Expr], sizes: Sizes, wanted: Sequence[Any]) -> Sequence[Any]:
        """The values of a plan where they are those of node by node, `wanted`; else these."""
        try:
            found = self._values(planned.run, taken)
        except UNUSUAL:
            return wanted
        same = agree(found, wanted)
        if same is not None:  # these numbers may be such that everything cancels
            self._judged(taken, planned, same or bool(tried(self._test(planned.run, sizes), used, sizes)))
        return found if same else wanted

    def _judged(self, taken: Taken, planned: Planned, right: bool) -> None:
        """From now on a plan is used, or it is not."""
        if right:
            self.plans[taken.key] = planned.run
            self._hasten(taken, planned)
        else:
            self.made[taken.key] = None

    def _in_small(self, used: Mapping[str, Expr], sizes: Sizes) -> bool | None:
        """Is the plan right that is made for the same question in small, and overwrites whatever it can? None if there is no telling."""
        for small in reduced(sizes, self.programs):
            try:
                run = Planned(self.parts, list(self.needed), small, large=2).run
            except (CannotLower, *UNUSUAL):
                continue
            same = tried(self._test(run, small), used, small)
            if same is not None:
                return same
        return None

    def _test(self, run: Run, sizes: Sizes) -> Callable[[Mapping[str, Any]], bool | None]:
        """Says of arrays of these sizes whether a plan has the values of node by node."""
        def same(arrays: Mapping[str, Any]) -> bool | None:
            taken = self._taken(arrays, sizes, set())
            try:
                return None if taken is None else agree(self._values(run, taken), self._by_node({**sizes, **arrays}), ROUNDING)
            except (MatcalcError, *UNUSUAL):
                return None

        return same

    def _values(self, run: Run, taken: Taken) -> Sequence[Any]:
        with np.errstate(all="ignore"):
            found = run(*taken.args)
        return found if len(self.parts) > 1 else [found]

    # ------------------------------------------------------------ plans
    def _taken(self, found: Mapping[str, Any], sizes: Sizes, told: Set[str]) -> Taken | None:
        """The arrays as a plan takes them; None where there is no plan for such numbers. `told`: dimensions given by name."""
        kinds = {a.dtype.char for name, a in found.items() if self.wanted[name].shape != SCALAR}
        if not kinds <= FAST or any(a.dtype.kind == "c" for a in found.values()) or \
                any(not names(d) <= set(sizes) for n in found for d in self.wanted[n].shape):
            return None
        kind = kinds.pop() if len(kinds) == 1 else "d"
        args: dict[str, Any] = {}
        key: list[Any] = []
        for name, e in self.wanted.items():
            array = found.get(name)
            if e.shape == SCALAR:
                if name in self.needed and array is not None:
                    args[name] = float(array.item())
            elif array is None:
                key.append(None)
            else:
                array = np.asarray(array, dtype=kind).reshape((-1,) if e.is_row else axes(e.shape, sizes))
                if name in self.needed:
                    args[name] = array
                    key += [array.shape, array.dtype.num]
                else:
                    key.append((array.shape, array.dtype.num))
        if told:
            key.append(tuple((name, sizes[name]) for name in sorted(told)))
        return Taken(tuple(key), kind == "f", [args[name] for name in self.needed])

    def _plan(self, taken: Taken, sizes: Sizes) -> Planned | None:
        """The plan for these shapes, made if there was none."""
        if taken.key not in self.made:
            if len(self.made) >= MOST_PLANS:
                self.made.clear()
                self.plans.clear()
            try:
                self.made[taken.key] = Planned(self.parts, list(self.needed), sizes, taken.single)
            except (CannotLower, *UNUSUAL):
                self.made[taken.key] = None
        return self.made[taken.key]
