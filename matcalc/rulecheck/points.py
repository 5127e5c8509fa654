"""Where rules are measured: inputs with the declared properties, also at their edges (zeros, ties, matrices of less than full rank)."""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import dims
from ..checker import choices, draw
from ..declared import has
from ..knowledge import known
from ..syntax import Reading

Point = tuple[dict[str, Any], dict[str, int]]
ATTEMPTS = 40
CONSTANTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, math.pi / 2)


def points(readings: Sequence[Reading], seed: int, attempts: int = ATTEMPTS) -> Iterator[Point]:
    """Inputs with the declared properties, at several sizes and scales; every third time at the edge of what is declared."""
    first = readings[0]
    sizes = choices(*readings) or [{}]
    strategies = ("signed", "positive", "signed", "unit", "small")
    for i in range(attempts):
        values, chosen = draw(first, seed * 97 + i, sizes[(i + i // 3) % len(sizes)], strategies[i // 2 % len(strategies)])
        if i % 3 == 2:
            edge = random.Random(seed * 97 + i)
            values = {n: _at_the_edge(v, known().closure(first.symbols[n].properties), edge) for n, v in values.items()}
        yield values, chosen


EDGES: tuple[Callable[[Any], Any] | None, ...] = (  # ties, whole numbers, the other sign; None: zeros
    None, None, operator.neg, lambda a: a.clip(None, sorted(a.ravel())[-2:][0]), lambda a: (2 * a).round() if 1 in a.shape else a)


def _at_the_edge(value: Any, properties: frozenset[str], rng: random.Random) -> Any:
    """The same with zeros: of entries, or of a row and its column, as far as the properties allow."""
    if properties & {"spd", "invertible", "orthogonal", "positive", "onehot"} or (value.size == 1 and "simplex" in properties):
        return value
    value, i = value.copy(), rng.randrange(len(value))
    if not properties and (made := rng.choice(EDGES)):
        return made(value)
    if "psd" in properties:
        value[i, :] = value[:, i] = 0
    elif "simplex" in properties:
        j = rng.randrange(value.shape[1]) if value.shape[1] > 1 else 0
        value[i, j] = 0
        value = value / value.sum() if value.shape[1] == 1 else np.where(value.sum(axis=1, keepdims=True) > 0, value, 1)
        value = value if value.shape[1] == 1 else value / value.sum(axis=1, keepdims=True)
    elif "symmetric" in properties or "skew" in properties:
        j = rng.randrange(len(value))
        value[i, j] = value[j, i] = 0
    else:
        value[i, rng.choice([slice(None), rng.randrange(value.shape[1])])] = 0
    return value


def edges(reading: Reading, seed: int) -> Iterator[Point]:
    """Zeros, ones, the identity, rotating matrices where they may be: of all symbols, of one, of all but one number."""
    sizes = unequal(reading)
    every = tuple(reading.symbols)
    some = [every, *((n,) for n in every), *(tuple(o for o in every if o != n) for n in every if reading.symbols[n].shape == (1, 1))]
    for i, names in enumerate(special(reading, sizes, CONSTANTS[:4])):
        values, _ = draw(reading, seed + i, sizes)
        kept = {n: a for n, a in names.items() if all(has(a, word) for word in reading.symbols[n].properties) and _exactly_singular(a)}
        for chosen in dict.fromkeys(tuple(n for n in names if n in kept) for names in some):
            if chosen:
                yield values | {n: kept[n] for n in chosen}, sizes


def _exactly_singular(a: Any) -> bool:
    """Or not at all: rounding makes a logarithm of the determinant of others."""
    return a.shape[0] != a.shape[1] or has(a, "upper") or has(a, "invertible")


def special(reading: Reading, sizes: Mapping[str, int], constants: Sequence[float] = CONSTANTS) -> Iterator[dict[str, Any]]:
    """Points at the edges of domains: constants, ties, the identity, singular and rotating matrices; and some that are like no other."""
    shapes = {n: tuple(dims.evaluate(d, sizes) for d in s.shape) for n, s in reading.symbols.items()}
    for one in constants:
        for other in (constants if len(shapes) > 1 else (one,)):
            yield {n: np.full(shape, one if i == 0 else other) for i, (n, shape) in enumerate(shapes.items())}
    makers: tuple[Callable[[int, int], Any], ...] = (
        np.eye, lambda m, n: np.eye(m, n) * (np.arange(n) > 0), lambda m, n: np.eye(m, n, 1),
        lambda m, n: np.eye(m, n, 1) - np.eye(m, n, -1))
    for made in makers:
        if all(min(shape) > 1 for shape in shapes.values()):
            yield {n: made(rows, columns) for n, (rows, columns) in shapes.items()}
    rng = np.random.default_rng(0)
    generic = {n: rng.uniform(0.2, 0.8, shape) for n, shape in shapes.items()}
    yield generic
    if all(m == n > 1 for m, n in shapes.values()):
        yield {n: a + a.T + 3 * np.eye(len(a)) for n, a in generic.items()}
        yield {n: a - a.T for n, a in generic.items()}


def unequal(reading: Reading) -> dict[str, int]:
    found = {n for s in reading.symbols.values() for d in s.shape for n in dims.names(d)} | set(reading.dims)
    return {n: 2 + i for i, n in enumerate(sorted(found, reverse=True))}
