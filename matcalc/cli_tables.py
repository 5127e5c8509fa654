"""Files of numbers that the command line reads: .npz by the names in it, tables by the name of the file and those of their columns."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from .cli_values import read_arrays
from .errors import DomainError, Fix, nearest


def read_data(paths: Iterable[str]) -> dict[str, Any]:
    """The arrays of .npz and .csv files by name."""
    found: dict[str, Any] = {}
    for path in paths:
        _there(path)
        found |= read_table(path) if path.lower().endswith((".csv", ".tsv", ".txt")) else read_arrays(path)
    return found


def _there(path: str) -> None:
    """A file that is not there: the one beside it that is spelled like it, or which files are."""
    if os.path.exists(path):
        return
    folder = os.path.dirname(path)
    try:
        files = [f for f in sorted(os.listdir(folder or ".")) if f.lower().endswith((".npz", ".csv", ".tsv", ".txt"))]
    except OSError:
        files = []
    meant = nearest(os.path.basename(path), set(files))
    detail = "files of numbers there: " + (", ".join(files[:6]) or "none")
    fixes = [Fix(options=(("data", os.path.join(folder, meant)),))] if meant else []
    raise DomainError(f"there is no file {path}", detail=detail, fixes=fixes)


def read_table(path: str) -> dict[str, Any]:
    """A table of numbers, under the name of its file; if its first row is names, each column as a vector under its own."""
    import csv

    import numpy as np

    instead = Fix(say="a table of numbers, with commas, semicolons, tabs or spaces between them, and if need be one line of names above")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            sample = file.read(4096)
            file.seek(0)
            sign = max(",;\t ", key=sample.count) if sample.strip() else ","
            rows = [row for row in csv.reader(file, delimiter=sign, skipinitialspace=True) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise DomainError(f"{path} cannot be read as a table", detail=why, fixes=[instead]) from None
    if not rows:
        raise DomainError(f"{path} is empty", fixes=[instead])
    names = None if all(_is_number(cell) for cell in rows[0]) else [cell.strip() for cell in rows[0]]
    body = rows[1:] if names else rows
    if not body:
        raise DomainError(f"{path} has names and no numbers", fixes=[instead])
    width = len(rows[0])
    for i, row in enumerate(body, 1 + bool(names)):
        if len(row) != width:
            raise DomainError(f"line {i} of {path} has {len(row)} cells, the first one {width}", fixes=[instead])
        wrong = next((cell for cell in row if not _is_number(cell)), None)
        if wrong is not None:
            raise DomainError(f"line {i} of {path} has {wrong!r} where a number should be"[:160], fixes=[instead])
    table = np.array([[float(cell) for cell in row] for row in body])
    stem = os.path.splitext(os.path.basename(path))[0]
    found: dict[str, Any] = {stem: table[:, 0] if width == 1 else table}
    found |= {name: table[:, i] for i, name in enumerate(names or []) if name.isidentifier()}
    return found


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
