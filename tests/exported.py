"""Exported code as a reader runs it: the text of a function in one of the languages, called with arrays by their places."""

from __future__ import annotations

import re
import subprocess
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from matcalc.checker import choices, draw
from matcalc.compiler import Program
from matcalc.errors import MatcalcError, NotSupported
from matcalc.expr import symbol

from .compiled import EXACT, by_node, largest, spread
from .derivatives import plain

HEADER = {"python": r"^def \w+\((.*)\):$", "julia": r"^function \w+\((.*)\)$", "matlab": r"^function .*= \w+\((.*)\)$"}
WRITTEN: dict[int, tuple[Any, dict[str, str]]] = {}  # answers, and their code in each language


def sized(d: Any, sizes: Mapping[str, int] | None = None, seed: int = 0, strategy: str = "unit") -> dict[str, Any]:
    """Generic values by name, and every size."""
    shapes = {n: s.shape for n, s in d.reading_of_input.symbols.items()}
    values, chosen = draw(d.reading_of_input, seed, sizes or choices(d.reading_of_input)[0], strategy)
    return {**{n: chosen[n] for n in d.reading_of_input.dims}, **{n: plain(v, shapes[n]) for n, v in values.items()}}


def answers_of(d: Any) -> list[Any]:
    return list(d) if isinstance(d, list) else [d]


def code_of(d: Any, target: str) -> str:
    """The text, written once; an empty one where the language has no words for the form."""
    known = WRITTEN.setdefault(id(d), (d, {}))[1]
    if target not in known:
        try:
            known[target] = d.code(target)
        except NotSupported:
            known[target] = ""
    return known[target]


def arguments(d: Any, code: str, language: str, values: Mapping[str, Any]) -> list[Any]:
    """The arrays in the order of the function, then the sizes that no array tells."""
    header = re.search(HEADER[language], code, re.M)
    assert header, code
    params = [p for p in header[1].split(", ") if p]
    arrays = list(dict.fromkeys(n for a in answers_of(d) for n in a._needed()))
    return [values[n] for n in arrays] + [values[p if p in values else p.strip("_")] for p in params[len(arrays):]]


def executed(code: str) -> Callable[..., Any]:
    """The function that Python code defines; it needs nothing of this project."""
    assert "matcalc" not in code, code
    space: dict[str, Any] = {}
    exec(code, space)  # noqa: S102 (the text is our own output, and running it is the test)
    return next(v for n, v in space.items() if n == re.findall(r"^def (\w+)\(", code, re.M)[-1])  # type: ignore[no-any-return]


def in_python(d: Any, code: str, values: Mapping[str, Any], array: Callable[[Any], Any] = np.asarray, strict: bool = True) -> Any:
    """The result, or the error; a warning of NumPy is an error."""
    args = [array(v) if isinstance(v, np.ndarray) else v for v in arguments(d, code, "python", values)]
    with warnings.catch_warnings():
        warnings.simplefilter("error" if strict else "ignore")
        try:
            return executed(code)(*args)
        except Exception as error:
            return error


def numbers(value: Any) -> Any:
    """As NumPy's."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)


def differing(d: Any, values: Mapping[str, Any], got: Any, wanted: Any, tensor: bool = False, tolerance: float = EXACT) -> str:
    """What tells a result from what it should be: an error, its shape, an entry."""
    if isinstance(got, Exception):
        return f"{type(got).__name__}: {got}"
    a, b = numbers(got), np.asarray(wanted)
    if a.shape != b.shape or a.dtype.kind != "f":
        return f"{a.dtype} {a.shape} where {b.shape} was expected"
    known = np.isfinite(b)
    if known.all() and not np.isfinite(a).all():
        return f"{a} for {b}"
    error, allowed = largest(np.where(known & np.isfinite(a), a - b, 0)), tolerance * max(1.0, largest(b))
    if error > allowed:
        allowed += spread(d, values, tensor, tolerance / 10)
    return "" if error <= allowed else f"an error of {error:.1e}: {a.tolist()} for {b.tolist()}"[:500]


def expected(d: Any, values: Mapping[str, Any]) -> Any:
    """Node by node; None where there is no value."""
    try:
        return by_node(d, values)
    except MatcalcError:
        return None


def faults(d: Any, target: str, values: Mapping[str, Any], array: Callable[[Any], Any] = np.asarray, strict: bool = True) -> str:
    """What is wrong with the code at a point."""
    code, answers = code_of(d, target), answers_of(d)
    wanted = [expected(a, values) for a in answers]
    if any(w is None or not np.isfinite(w).all() for w in wanted):
        return ""
    got = in_python(d, code, values, array, strict)
    got = got if isinstance(got, tuple) else (got,) * len(wanted)
    found = [differing(a, values, g, w) for a, g, w in zip(answers, got, wanted, strict=True)]
    return "\n".join([*filter(None, found), code]) if any(found) else ""


# ---------------------------------------------------------------- MATLAB
def two_axes(d: Any, values: Mapping[str, Any]) -> Any:
    """The value as a matrix, node by node."""
    wanted = {n: symbol(n, s.shape) for n, s in d.known_symbols().items() if n in values}
    return Program(d._derived.compact, wanted, d.reading_of_input.dims).run(values)[0]


def literal(value: Any) -> str:
    """An array as MATLAB reads it; a vector as a column."""
    rows = np.asarray(value, float)
    rows = rows.reshape(-1, 1) if rows.ndim < 2 else rows
    if rows.size > 200:
        return f"reshape([{' '.join(repr(float(x)) for x in rows.T.ravel())}], {rows.shape[0]}, {rows.shape[1]})"
    return "[" + "; ".join(" ".join(repr(float(x)) for x in row) for row in rows) + "]"


def in_octave(calls: Sequence[tuple[str, Sequence[Any], int]], folder: Path) -> list[Any]:
    """The results of many functions (their text, their arguments, how many results), computed by one process; or what it says."""
    script = ["warning('off', 'all');"]
    for i, (code, args, count) in enumerate(calls):
        (folder / f"f{i}.m").write_text(re.sub(r"^(function .*= )\w+\(", rf"\1f{i}(", code, count=1))
        results = ", ".join(f"r{k}" for k in range(count))
        shown = " ".join(f"printf('%d %d\\n', size(r{k})); printf('%.17g ', r{k}); printf('\\n');" for k in range(count))
        script += ["try", f"  [{results}] = f{i}({', '.join(map(literal, args))});", f"  {shown}", "catch e",
                   "  printf('error %s\\n', strrep(e.message, \"\\n\", ' '));", "end", "printf('next\\n');"]
    (folder / "run_all.m").write_text("\n".join(script) + "\n")
    octave = ["octave", "--no-gui", "--no-init-file", "--quiet", "run_all.m"]
    ran = subprocess.run(octave, cwd=folder, capture_output=True, text=True, timeout=120)
    found = [_read(part.strip("\n").splitlines()) for part in ran.stdout.split("next\n")[:-1]]
    assert len(found) == len(calls), ran.stderr[-2000:]
    return found


def _read(lines: Sequence[str]) -> Any:
    if lines and lines[0].startswith("error"):
        return Exception(lines[0])
    arrays = []
    for size, entries in zip(lines[::2], lines[1::2], strict=True):
        rows, columns = map(int, size.split())
        arrays.append(np.array(entries.split(), float).reshape(columns, rows).T)
    return arrays
