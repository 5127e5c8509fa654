"""The values of variables: numbers on the command line, arrays in files, and examples of those that are missing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from .cli_errors import UsageError, reason
from .cli_options import common
from .display import Asked
from .errors import DomainError, Fix, MatcalcError, quote


def read_values(pairs: Iterable[str], option: str = "set") -> dict[str, Any]:
    """The values that were set on the command line."""
    values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--{option} takes NAME=VALUE; not {pair}", fixes=[Fix(options=((option, "x=[1, 2]"),))])
        values[name.strip()] = read_number(name.strip(), text, option)
    return values


def read_number(name: str, text: str, option: str = "set") -> Any:
    """A number, a list of numbers (a vector) or a list of rows (a matrix)."""
    import json

    import numpy as np

    try:
        value = np.array(json.loads(text), dtype=float)
    except (ValueError, TypeError, RecursionError):
        example = f"{name}=[[1, 2], [3, 4]]" if name[0].isupper() else f"{name}=[1, 2]"
        raise DomainError(f"the value of {name} is neither a number, nor a list of numbers, nor a list of rows of equal length",
                          fixes=[Fix(options=((option, example),))]) from None
    return value


def read_arrays(path: str) -> dict[str, Any]:
    """The arrays of an .npz file, and an error for each that is not one of numbers; nothing in it is unpickled."""
    import zipfile
    import zlib

    import numpy as np

    instead = Fix(options=(("data", ""), ("set", "x=[1, 2]")))  # where the expression is not known
    arrays: dict[str, Any] = {}
    try:
        with open(path, "rb") as opened:
            head = opened.read(6)
        if head == b"\x93NUMPY":
            saved = f"np.savez({os.path.splitext(path)[0] + '.npz'!r}, x=np.load({path!r}))"
            raise DomainError(f"{path} is an .npy file: one array without a name", detail="--data takes .npz files: arrays with names",
                              fixes=[Fix(say="python3 -c " + quote(f"import numpy as np; {saved}", True))])
        if not zipfile.is_zipfile(path):
            detail = "--data takes what np.savez wrote; --set takes numbers"
            raise DomainError(f"{path} is not an .npz file", detail=detail, fixes=[instead])
        with np.load(path, allow_pickle=False) as file:
            for name in file.files:
                wrong = DomainError(f"{name} in {path} is not an array of numbers")
                try:
                    value = file[name]
                    arrays[name] = value if getattr(value, "dtype", None) is not None and value.dtype.kind in "biuf" else wrong
                except (ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error):
                    arrays[name] = wrong
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        what = reason(error) if isinstance(error, OSError) else "the file is damaged"
        raise DomainError(f"{path} cannot be read as an .npz file of numbers", detail=what, fixes=[instead]) from None
    return arrays


def chosen(asked: Asked, text: str, arrays: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Of a file's arrays those that the expression names, and what was set; a dimension is at least 1."""
    reading = understood(asked, text)
    if reading is None:
        return {**arrays, **given}
    names = {*reading.symbols, *reading.dims, *(symbol.spelled for symbol in reading.symbols.values())}
    values = {**{name: value for name, value in arrays.items() if name in names}, **given}
    unread = [value for value in values.values() if isinstance(value, MatcalcError)]
    if unread:
        unread[0].fixes = values_that_fit(asked, text, {k: v for k, v in values.items() if not isinstance(v, MatcalcError)})
        raise unread[0]
    for name, value in values.items():
        if name in reading.dims and name not in reading.symbols and not (value.size == 1 and value >= 1 and value % 1 == 0):
            raise DomainError(f"{name} is a dimension: a whole number, at least 1", fixes=[Fix(options=(("set", f"{name}=2"),))])
    return values


def with_values(asked: Asked) -> tuple[Fix, ...]:
    """The command with those values that could be read, and with examples for the rest."""
    words = asked.get("expression")
    if len(words) != 1 or words[0] == "-":
        return ()
    good: dict[str, Any] = {}
    kept = [(name, value) for name, value in asked.typed if name not in ("set", "data")]
    for pair in asked.get("values"):
        with suppress(MatcalcError):
            good |= read_values([pair])
            kept.append(("set", pair))
    fixes = values_that_fit(asked, words[0], good)
    return tuple(Fix(say=asked._replace(typed=(*kept, *fix.options)).request(words[0]).command()) for fix in fixes)


def understood(asked: Asked, text: str) -> Any:
    """The reading of an expression without its variables of differentiation, or None where there is none."""
    from .asking import understand

    try:
        return understand(text, asked.get("let"), asked.get("syntax"), asked.get("rules"), (), asked.get("limits"))
    except MatcalcError:
        return None


def values_that_fit(asked: Asked, text: str, values: dict[str, Any]) -> tuple[Fix, ...]:
    """Values of fitting shapes for the variables whose values do not fit or are missing, if the expression then has a value."""
    import json

    import numpy as np

    import matcalc as mc

    from .dims import substitute

    reading = understood(asked, text)
    if reading is None:
        return ()
    sizes: dict[Any, Any] = {}
    wrong = []
    for name, symbol in reading.symbols.items():
        value = values.get(name, values.get(symbol.spelled))
        shape = () if value is None else np.shape(value) if np.ndim(value) == 2 else (*np.shape(value), 1, 1)[:2]
        bound = {dim: size for dim, size in zip(symbol.shape, shape, strict=False) if isinstance(dim, str)}
        fits = shape and all(sizes.get(d, bound.get(d, d)) == size for d, size in zip(symbol.shape, shape, strict=True))
        if fits and all(bound.get(d, d) == size for d, size in zip(symbol.shape, shape, strict=True)):
            sizes |= bound
        else:
            wrong.append(symbol)
    example: dict[str, Any] = {}
    for symbol in wrong:
        sizes |= {dim: sizes.get(dim, 2) for dim in reading.dims}
        shape = tuple(d if isinstance(d, int) else substitute(d, sizes) for d in symbol.shape)
        if not all(isinstance(d, int) and d < 10 for d in shape):
            return ()
        rows = np.eye(*shape).astype(int).tolist()
        example[symbol.name] = rows[0][0] if shape == (1, 1) else [1] * int(shape[0]) if shape[1] == 1 else rows
    kept = {name: value for name, value in values.items() if reading.symbols.keys().isdisjoint([name]) or name not in example}
    try:
        mc.evaluate(text, {**kept, **example}, **common(asked, "let", "syntax", "rules", "limits"))
    except Exception:  # a fix that was not seen to work is not offered
        return ()
    return (Fix(options=tuple(("set", f"{name}={json.dumps(value)}") for name, value in example.items())),) if example else ()
