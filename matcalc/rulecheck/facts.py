"""What a condition of the table says of an array: has it the property, does the inequality hold, is the largest entry not tied?"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..declared import has

COMPARED = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "!=": operator.ne}
KINK = 1e-2


def holds(condition: str, names: Mapping[str, Any], inside: bool = False) -> bool | None:
    """Whether a condition holds at a point, of every entry; `inside`: and near it too. None where it cannot be read."""
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
    a = (1 if found["which"] == "largest" else -1) * (np.abs(a) if found["abs"] else a)
    rows = a if found["of"] == "each row of " else a.T if found["of"] else a.reshape(1, -1)
    ordered = np.sort(rows, axis=1)
    return rows.shape[1] == 1 or np.all(ordered[:, -1] > ordered[:, -2] + KINK)


def _simple(a: Any, found: re.Match[str]) -> Any:
    ordered = np.sort(np.linalg.svd(a, compute_uv=False) if found["what"] == "singular value" else np.linalg.eigvals(a).real)
    return len(ordered) == 1 or ordered[-1] > ordered[-2] + KINK


def _no_branch_cut(a: Any, _: re.Match[str]) -> Any:
    roots = np.linalg.eigvals(a)
    return np.all((np.abs(roots.imag) > KINK) | (roots.real > KINK))


def _full_rank(a: Any, _: re.Match[str]) -> Any:
    return np.linalg.matrix_rank(a) == min(a.shape)


def _full_column_rank(a: Any, _: re.Match[str]) -> Any:
    return np.linalg.matrix_rank(a) == a.shape[1]


def _no_pole(a: Any, _: re.Match[str]) -> Any:
    return np.abs(np.cos(a)).min() > KINK


WORDED: dict[str, Callable[[Any, re.Match[str]], Any]] = {
    r"the (?P<which>largest|smallest) entry of (?P<of>each row of |each column of )?(?P<abs>abs\()?(?P<name>\w+)\)? is not tied": _untied,
    r"the largest (?P<what>eigenvalue|singular value) of (?P<name>\w+) is simple": _simple,
    r"no eigenvalue of (?P<name>\w+) is zero or a negative real number": _no_branch_cut,
    r"the rank of (?P<name>\w+) does not change": _full_rank,
    r"(?P<name>\w+) has full column rank": _full_column_rank,
    r"cos\((?P<name>\w+)\) != 0": _no_pole}
