"""Sums over named indices. The derivative of einsum is einsum: the cotangent, with the result's indices, takes the operand's place."""

from __future__ import annotations

from string import ascii_letters
from typing import Any

import numpy as np

from ..errors import DomainError, NotSupported, ShapeError
from .functions import given
from .operations import Operation, added, shape_of
from .variable import Variable, plain, record


def einsum(subscripts: str, *operands: Any) -> Any:
    """NumPy's einsum in text form, of any number of arrays, without "...".

    >>> from matcalc.autograd import Variable, einsum
    >>> einsum("ij,j->i", Variable([[1.0, 2.0], [3.0, 4.0]]), [1.0, 1.0])
    Variable([3., 7.])
    """
    parts = [given("einsum", p) for p in operands]
    labels, out = _read(subscripts, parts)
    for i, word in enumerate(labels):
        for k, letter in enumerate(word):
            if letter in word[:k]:  # a diagonal: another letter, held equal by an identity
                fresh = next(c for c in ascii_letters if not any(c in w for w in (*labels, out)))
                labels[i] = word = word[:k] + fresh + word[k + 1:]
                labels.append(letter + fresh)
                parts.append(np.eye(shape_of(parts[i])[k]))
    return _einsum(tuple(labels), out, parts)


def _read(subscripts: Any, parts: list[Any]) -> tuple[list[str], str]:
    """The letters of the operands and of the result."""
    if not isinstance(subscripts, str) or "." in subscripts:
        raise NotSupported('einsum is read as text without "...", as in einsum("ij,jk->ik", A, B)')
    left, arrow, out = subscripts.replace(" ", "").partition("->")
    labels = left.split(",")
    letters = "".join(labels)
    if not arrow:
        out = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    if not all(c.isascii() and c.isalpha() for c in letters + out) or len(set(out)) < len(out) or set(out) - set(letters):
        raise DomainError(f"{subscripts!r} is no einsum: letters, commas, and after -> each letter of the result once")
    shapes = [shape_of(p) for p in parts]
    if [len(w) for w in labels] != [len(s) for s in shapes]:
        raise ShapeError(f"einsum {subscripts!r} of shapes {', '.join(map(str, shapes))}: one letter for each axis")
    sizes: dict[str, int] = {}
    for word, shape in zip(labels, shapes, strict=True):
        for c, n in zip(word, shape, strict=True):
            if sizes.setdefault(c, n) != n:
                raise ShapeError(f"einsum {subscripts!r} of shapes {', '.join(map(str, shapes))}: {c} is {sizes[c]} and {n}")
    return labels, out


def _einsum(labels: tuple[str, ...], out: str, parts: Any) -> Any:
    v = np.einsum(f"{','.join(labels)}->{out}", *map(plain, parts), optimize=len(parts) > 2)
    if not any(p.__class__ is Variable for p in parts):
        return v if np.ndim(v) else float(v)
    return record(EINSUM, v, tuple(parts), (labels, out))


def _pull(g: Any, i: int, y: Any, parts: Any, data: tuple[tuple[str, ...], str]) -> Any:
    labels, out = data
    others = [(w, p) for k, (w, p) in enumerate(zip(labels, parts, strict=True)) if k != i]
    alone = "".join(c for c in labels[i] if c not in out and not any(c in w for w, _ in others))
    if alone:  # what was summed in this operand only is repeated
        others.append((alone, np.ones([shape_of(parts[i])[labels[i].index(c)] for c in alone])))
    return _einsum((out, *(w for w, _ in others)), labels[i], [g, *(p for _, p in others)])


def _push(tangents: Any, y: Any, parts: Any, data: tuple[tuple[str, ...], str]) -> Any:
    labels, out = data
    total = None
    for i, t in enumerate(tangents):
        total = added(total, None if t is None else _einsum(labels, out, [t if k == i else p for k, p in enumerate(parts)]))
    return total


EINSUM = Operation.of_many("einsum", _pull, _push)
