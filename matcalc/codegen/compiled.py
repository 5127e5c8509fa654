"""Compiled functions: arrays in by name; a plan for each set of shapes, made at the first call and kept.

A call whose shapes were met before goes straight to its plan. Everything else (new shapes, lists, whole numbers, a wrong array) takes the
long way, which judges each argument.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from ..compiler import Program, arranged, axes
from ..dims import SCALAR
from ..errors import DomainError
from ..expr import Expr, symbols
from . import runtime
from .in_place import InPlace
from .lowering import CannotLower, Lowering
from .parts import Part, Sizes

MOST_PLANS = 64  # kept for one function
FAST = {"f", "d"}
UNUSUAL = (LookupError, ValueError, TypeError, ArithmeticError, MemoryError, AttributeError)  # the long way says what it is


class Planned:
    """The source of one plan, and the function that it is."""

    def __init__(self, parts: Sequence[Part], variables: Sequence[str], sizes: Sizes, single: bool = False) -> None:
        lowering = Lowering(sizes, [p.root for p in parts])
        try:
            ops = [p.shaping(lowering.graph, lowering.lower(p.root), sizes) for p in parts]
            self.names = {name: f"a{i}" for i, name in enumerate(variables)}
            writer = InPlace(lowering.graph, ops, self.names, single)
            body = writer.write()
        except RecursionError:
            raise CannotLower("depth") from None
        self.source = f"def run({', '.join(self.names.values())}):\n" + "\n".join("    " + line for line in body) + "\n"
        run = made(self.source, "run", {"np": np, **_scope(writer.helpers)})
        self.run: Callable[..., Any] = run if runtime.SILENT is not None else np.errstate(all="ignore")(run)


def made(source: str, name: str, scope: dict[str, Any]) -> Callable[..., Any]:
    """A function of source that was written here, of operations and numbered names."""
    exec(compile(source, "<matcalc>", "exec"), scope)  # noqa: S102 (the text is ours; the names in it were checked)
    return scope[name]  # type: ignore[no-any-return]


def _scope(helpers: Mapping[str, str]) -> dict[str, Any]:
    """What the names in a plan stand for."""
    scope: dict[str, Any] = {}
    for name, dotted in helpers.items():
        module, _, function = dotted.rpartition(".")
        try:
            scope[name] = getattr(runtime if module == "runtime" else import_module(module), function)
        except ImportError:
            raise CannotLower(dotted) from None
    return scope


class Compiled:
    """A function of named arrays, with one result or a tuple of several. `wanted`: the variables, of which those in the results are needed,
    the others say sizes; `others`: names that may be given beside them (dimensions, an absent variable)."""

    def __init__(self, parts: Sequence[Part], wanted: Mapping[str, Expr], dimensions: frozenset[str], others: set[str],
                 spelled: Mapping[str, str]) -> None:
        self.parts, self.dimensions, self.others, self.spelled = list(parts), dimensions, others, spelled
        self.needed = {name: e for p in parts for name, e in symbols(p.root).items()}
        self.wanted = {**wanted, **{n: e for n, e in self.needed.items() if n not in wanted}}
        self.plans: dict[Any, Callable[..., Any]] = {}
        self.programs: list[Program] | None = None

    def function(self) -> Callable[..., Any]:
        """The callable: arguments by keyword, or as one mapping."""
        names = [*self.wanted, *sorted(self.others - self.dimensions - set(self.wanted))]
        if not names or any(not n.isidentifier() or keyword.iskeyword(n) or n.startswith("_matcalc") for n in names):
            return lambda *values, **arrays: self.slowly(*values, **arrays)
        tests, key = ["_matcalc_values is not None", "_matcalc_others"], []
        for name, e in self.wanted.items():
            if e.shape == SCALAR:
                tests.append(f"{name}.__class__ is not _matcalc_float" if name in self.needed else f"{name} is not None")
            elif name in self.needed:
                tests.append(f"{name}.__class__ is not _matcalc_array")
                key += [f"{name}.shape", f"{name}.dtype.num"]
            else:
                tests.append(f"{name} is not None and {name}.__class__ is not _matcalc_array")
                key.append(f"None if {name} is None else {name}.shape")
        given = ", ".join(f"'{n}': {n}" for n in names)
        source = "\n".join([
            f"def compiled(_matcalc_values=None, /, *_matcalc_more, {', '.join(n + '=None' for n in names)}, **_matcalc_others):",
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
        return made(source, "compiled", {"_matcalc_plans": self.plans, "_matcalc_slowly": self.slowly, "_matcalc_float": float,
                                          "_matcalc_state": runtime.WARNINGS, "_matcalc_silent": runtime.SILENT,
                                          "_matcalc_array": np.ndarray, "_matcalc_unusual": UNUSUAL})

    # ------------------------------------------------------------ the long way
    def slowly(self, values: Mapping[str, Any] | None = None, /, *more: Any, **arrays: Any) -> Any:
        """Judge the arguments, make a plan for their shapes, and run it; node by node where there is none."""
        given = self.named(values, more, arrays)
        used = {n: e for n, e in self.wanted.items() if n in given or n in self.needed}
        found, sizes = arranged(used, given, self.dimensions)
        run, args = self._plan(found, sizes, kept=not set(given) & self.dimensions)
        if self.programs is None:
            self.programs = [Program(p.root, self.wanted, self.dimensions) for p in self.parts]
        results = [p.finish(*program.run(given)) for p, program in zip(self.parts, self.programs, strict=True)]
        if run is not None and self._agrees(run, args, results):
            try:
                return run(*args)
            except UNUSUAL:
                pass  # no value here says nothing of others
        elif run is not None:
            self.plans = self._without(run)  # node by node is right, and slower
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

    def _agrees(self, run: Callable[..., Any], args: Sequence[Any], results: Sequence[Any]) -> bool:
        """Has a plan the values that were computed node by node? It is asked before the plan is used."""
        try:
            found = run(*args)
        except UNUSUAL:
            return True
        for got, wanted in zip(found if len(results) > 1 else [found], results, strict=True):
            near = 1e-3 * float(np.abs(wanted).max(initial=0.0)) if np.size(wanted) else 0.0
            if np.shape(got) != np.shape(wanted) or not np.allclose(got, wanted, rtol=1e-3, atol=near, equal_nan=True):
                return False
        return True

    def _without(self, run: Callable[..., Any]) -> dict[Any, Callable[..., Any]]:
        for key in [k for k, v in self.plans.items() if v is run]:
            del self.plans[key]
        return self.plans

    def _plan(self, found: Mapping[str, Any], sizes: Sizes, kept: bool) -> tuple[Callable[..., Any] | None, list[Any]]:
        """The plan for these arrays, and the arrays as it takes them."""
        kinds = {a.dtype.char for name, a in found.items() if self.wanted[name].shape != SCALAR}
        if not kinds <= FAST or any(a.dtype.kind == "c" for a in found.values()):
            return None, []
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
                key.append(array.shape)
                if name in self.needed:
                    args[name] = array
                    key.append(array.dtype.num)
        run = self.plans.get(tuple(key)) if kept else None
        if run is None:
            try:
                run = Planned(self.parts, list(self.needed), sizes, kind == "f").run
            except (CannotLower, KeyError):
                return None, []
            if kept:
                if len(self.plans) >= MOST_PLANS:
                    self.plans.clear()
                self.plans[tuple(key) or ()] = run
        return run, [args[name] for name in self.needed]
