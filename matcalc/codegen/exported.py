"""Complete functions as source text: one of the languages, the sizes as names, the formula and the shapes above it.

The operations are those of a compiled function. They are planned for sizes of which each is a prime of its own, so that every number
in a shape says which dimensions it is made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import dims
from ..dims import SCALAR, Shape
from ..errors import DomainError, NotSupported
from ..expr import Expr, postorder
from ..printers.forms import fresh
from .graph import Graph, Op
from .languages import Function, Target
from .lowering import CannotLower, Lowering
from .parts import Part
from .writer import NotWritten, Writer

USUAL = 100  # a size about which nothing is known
LETTERS = {0: "tsrcq", 1: "rszvuh", 2: "SRPMHQ"}  # by the number of axes
LARGEST = 1_000_000  # larger sizes change no plan
SMALLEST = 60  # of the primes that stand for sizes; a smaller number is itself


class Spelled:
    """Numbers of a shape as products of sizes."""

    def __init__(self, names: Iterable[str], polynomials: Iterable[dims.Dim], literals: set[int], hints: Mapping[str, int]) -> None:
        names, sums = list(names), [d for d in polynomials if {"+", "-"} & set(dims.text(d))]
        scale = max(1, SMALLEST / max(1, min(hints.values(), default=USUAL)))  # small primes are numbers as they are
        for further in range(0, 1000, 20):  # n + 2 must not be as large as m
            self.sizes: dict[str, int] = {}
            for name in names:
                self.sizes[name] = _prime(round(scale * hints.get(name, USUAL)) + further, {*self.sizes.values(), *literals})
            values = [dims.evaluate(d, self.sizes) for d in sums]
            if len(set(values)) == len(values) and not any(v % n == 0 for v in values for n in self.sizes.values()):
                break
        self.text = {dims.evaluate(d, self.sizes): dims.text(d) for d in sums}
        self.sums = sorted({n for n in self.text if n > 1}, reverse=True)
        self.literals = literals

    def renamed(self, names: Mapping[str, str]) -> None:
        """How the language spells the names."""
        self.text = {n: re.sub(r"[^\W\d]\w*", lambda word: names.get(word[0], word[0]), text) for n, text in self.text.items()}
        self.text |= {size: names[name] for name, size in self.sizes.items()}

    def __contains__(self, n: object) -> bool:
        return isinstance(n, int) and self(n) != str(n)

    def __call__(self, n: int) -> str:
        if n in self.text:
            return self.text[n]
        parts = []
        for name, size in self.sizes.items():
            while n % size == 0 and n:
                n //= size
                parts.append(self.text.get(size, name))
        for size in self.sums if n and n not in self.literals else ():
            while n % size == 0:
                n //= size
                parts.append(f"({self.text[size]})")
        if n != 1 or not parts:
            parts.insert(0, str(n))
        return " * ".join(parts)


def _prime(above: int, taken: set[int]) -> int:
    n = above | 1
    while any(n % d == 0 for d in range(3, int(n ** 0.5) + 1, 2)) or any(t % n == 0 for t in taken if t):
        n += 2
    return n


# ---------------------------------------------------------------- from parts to text
def exported(target: Target, parts: Sequence[Part], function: Function, hints: Mapping[str, int] | None = None) -> str:
    """The source of a complete function of the values of some expressions."""
    roots = [r for p in parts for r in p.roots]
    names = _names(target, function, roots)
    spelled = _spelled(roots, function.arrays, _judged(hints or {}, set(names) - set(function.arrays)))
    spelled.renamed(names)
    lowering = Lowering(spelled.sizes, roots, Graph(spelled), target.name, target.two_axes, target.writer.knows)
    try:
        ops = [p.operation(lowering) for p in parts]
        taken = {*names.values(), *target.taken, function.verb}

        def letter(o: Op) -> str:
            taken.add(name := fresh(LETTERS.get(len(o.shape), "T"), taken))
            return name

        array = next((names[n] for n, s in function.arrays.items() if s != SCALAR), "")
        writer = target.writer(lowering.graph, ops, names, spelled, letter, given=array)
        lines = writer.write()
    except (CannotLower, NotWritten, RecursionError) as error:
        raise NotSupported(f"there is no {target.name} code for this form", detail=f"it has no word for {error}") from None
    return _put_together(target, function, lines, writer, names)


def _judged(hints: Any, dimensions: set[str]) -> dict[str, int]:
    """The sizes that a user expects."""
    if not isinstance(hints, Mapping):
        raise DomainError("sizes are given by name", detail='as in code("numpy", sizes={"n": 1000})')
    for name, size in hints.items():
        if name not in dimensions:
            raise DomainError(f"{name} is no dimension of this answer", detail="its dimensions: " + ", ".join(sorted(dimensions)))
        if not isinstance(size, int | np.integer) or size < 1:
            raise DomainError(f"{name} is a dimension, so its value must be a whole number from 1")
    return {n: min(int(size), LARGEST) for n, size in hints.items()}


def _names(target: Target, function: Function, roots: Sequence[Expr]) -> dict[str, str]:
    """Arrays and dimensions as the language takes them; what it takes as it is keeps its name."""
    dimensions = {n for e in postorder(list(roots)) for d in (*e.shape, *(e.data if e.op == "commat" else ())) for n in dims.names(d)}
    dimensions |= {n for s in function.arrays.values() for d in s for n in dims.names(d)}
    dimensions |= {n for e in postorder(list(roots)) if e.op == "size" for n in dims.names(e.data)}
    found: dict[str, str] = {}
    names = [*function.arrays, *sorted(dimensions - set(function.arrays))]
    for name in sorted(names, key=lambda n: target.spelled(n) != n or target.is_taken(n)):
        word = target.spelled(name)
        while target.is_taken(word) or word in found.values():
            word = word[:target.longest - 1] + "_" if not word.endswith("_") else fresh("v", {*found.values(), *target.taken})
        found[name] = word
    return found


def _spelled(roots: Sequence[Expr], arrays: Mapping[str, Shape], hints: Mapping[str, int]) -> Spelled:
    shapes: list[dims.Dim] = [d for s in arrays.values() for d in s]
    for e in postorder(list(roots)):
        shapes += [*e.shape, *(e.data if e.op == "commat" else ()), *([e.data] if e.op == "size" else ())]
    names = list(dict.fromkeys(n for d in shapes for n in sorted(dims.names(d))))
    polynomials = {d for d in shapes if isinstance(d, dims.Poly)}
    return Spelled(names, polynomials, {d for d in shapes if isinstance(d, int)}, hints)


def _put_together(target: Target, f: Function, lines: list[str], writer: Writer, names: Mapping[str, str]) -> str:
    mentioned = set(re.findall(r"[^\W\d]\w*", "\n".join(lines)))
    told = {d for s in f.arrays.values() for d in s if isinstance(d, str)}
    wanted: dict[Any, str] = {d: names[d] for d in told if names[d] in mentioned}
    first: list[str] = []
    for name, shape in f.arrays.items():
        own = {d: wanted[d] for d in shape if d in wanted}
        if own:
            first.append(target.size_lines(names[name], shape, own))
            wanted = {d: w for d, w in wanted.items() if d not in own}
    first += [target.row_line(names[n]) for n, s in f.arrays.items() if s[0] == 1 and s[1] != 1]
    first += target.scalar_lines(writer, [names[n] for n, s in f.arrays.items() if s == SCALAR],
                                 [names[n] for n, s in f.arrays.items() if s != SCALAR])
    others = [names[d] for d in sorted(set(names) - set(f.arrays) - told) if names[d] in mentioned]
    return target.whole(f, [*(names[n] for n in f.arrays), *others], [*first, *lines], writer, names)
