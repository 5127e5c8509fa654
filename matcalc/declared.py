"""Numbers against what was declared of a variable: an answer for symmetric matrices says nothing of others."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .errors import DomainError
from .knowledge import known

Array = Any
NEAR = {"f": 1e-4}  # relative, in single precision
UNSEEN = frozenset({"invertible"})  # a matter of degree; where it fails, an inverse says so


def refuse_others(name: str, properties: Collection[str], array: Array) -> None:
    """Raise if an array has not what its variable was declared to have, up to rounding; what is not finite is judged elsewhere."""
    import numpy as np

    if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        return
    said = [p for p in sorted(properties) if not any(p in known().closure(frozenset({q})) - {q} for q in properties)]
    for property_ in said:
        if property_ not in UNSEEN and not has(array, property_, NEAR.get(array.dtype.char, 1e-8)):
            raise DomainError(f"{name} is declared {property_}, and these numbers are not", detail=_where(name, property_, array))


def _where(name: str, property_: str, a: Array) -> str:
    """Entries that show it."""
    import numpy as np

    if {"symmetric", "skew"} & known().closure(frozenset({property_})):
        wrong = np.abs(a + a.T) if property_ == "skew" else np.abs(a - a.T)
        if a.shape[0] == a.shape[1] and wrong.max(initial=0.0) > 1e-8 * np.abs(a).max(initial=0.0):
            i, j = np.unravel_index(int(wrong.argmax()), wrong.shape)
            return f"{name}[{i}, {j}] is {a[i, j]:g}, {name}[{j}, {i}] is {a[j, i]:g}"
    return ""


def has(a: Array, property_: str, tolerance: float = 1e-8) -> bool:
    """Does an array have the property, up to rounding?"""
    import numpy as np

    near = tolerance * max(1.0, float(np.abs(a).max(initial=0)))
    square = a.shape[0] == a.shape[1]
    rows = a.T if a.shape[1] == 1 else a

    def vanishes(x: Array) -> bool:
        return bool(np.abs(x).max(initial=0) <= near)

    tests = {
        "symmetric": lambda: square and vanishes(a - a.T),
        "skew": lambda: square and vanishes(a + a.T),
        "diagonal": lambda: square and vanishes(a - np.diag(np.diag(a))),
        "lower": lambda: vanishes(np.triu(a, 1)),
        "upper": lambda: vanishes(np.tril(a, -1)),
        "orthogonal": lambda: square and vanishes(a.T @ a - np.eye(len(a))),
        "psd": lambda: has(a, "symmetric", tolerance) and _is_above(a, -near),
        "spd": lambda: has(a, "symmetric", tolerance) and _is_above(a, 1e-12 * float(np.abs(a).max(initial=0))),
        "invertible": lambda: square and np.linalg.matrix_rank(a) == len(a),
        "positive": lambda: a.min(initial=1) > 0,
        "nonnegative": lambda: a.min(initial=0) >= -near,
        "simplex": lambda: a.min(initial=0) >= -near and vanishes(rows.sum(axis=1) - 1),
        "onehot": lambda: bool(np.all((np.abs(a) <= near) | (np.abs(a - 1) <= near))) and vanishes(rows.sum(axis=1) - 1),
    }
    return bool(tests[property_]())  # type: ignore[no-untyped-call]


def _is_above(a: Array, bound: float) -> bool:
    """Are the eigenvalues of a symmetric matrix above a bound? A Cholesky factor of the rest exists then, and is found ten times sooner."""
    import numpy as np

    try:
        np.linalg.cholesky(a - bound * np.eye(len(a)))
    except np.linalg.LinAlgError:
        return False
    return True
