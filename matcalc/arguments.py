"""The arguments of a Python function that is to be differentiated: kinds by their names, as in text, and sizes by what fits together.

    lambda x, A: x @ A @ x    ->  x.T @ A @ x with x vector(n), A matrix(n, n)

What is declared, in `let` or in an annotation (`A: "matrix(n, n) spd"`), is taken as it is. All other sizes begin unlike each other; where
the function cannot run with them, two that clash become one, as few as need be.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from .declarations import KINDS, PROPERTIES, SQUARE, Declaration, declare
from .dims import SCALAR, names, shape_text
from .errors import DomainError, Fix, MatcalcError, ShapeError
from .names import canonical, letter_class
from .parser import read
from .syntax import Language

NUMBERS = {"float": "scalar", "int": "scalar", "complex": "scalar"}
MOST_SOFT = 4  # undeclared small letters of which each is tried as a number and as a vector
TRIES = 200  # ways to make sizes equal that are tried
Parts = tuple[frozenset[str], ...]  # dimensions that are equal


def formula_of(f: Callable[..., Any], let: Sequence[str], language: Language) -> tuple[str, list[str]]:
    """The text of the function, and the declarations that it needs: those given, and what its names alone would not say."""
    parameters = _parameters(f)
    given = {**_annotated(f, parameters), **{d.name: d.text for d in declare(let).values()}}
    arguments = [*parameters, *given]
    soft = [name for name in arguments if name not in given and _kind(name) == "soft"]
    if len(soft) > MOST_SOFT:
        raise _undeclared(soft[0])
    kinds = {name: given.get(name) or f"{name}: {_kind(name)}" for name in arguments}
    fitting, failed = [], None
    for vectors in [set(some) for count in range(len(soft) + 1) for some in combinations(soft, count)]:
        tried = {**kinds, **{name: f"{name}: {'vector' if name in vectors else 'scalar'}" for name in soft}}
        try:
            text, declared = _fitted(f, tried)
        except ShapeError as error:
            failed = failed or error
            continue
        if vectors == _vectors_by_use(text, declared, soft, language):
            fitting.append((text, declared))
    if len(fitting) > 1:
        kinds_of = [{name: declare(declared)[name].kind for name in soft} for _, declared in fitting]
        raise _undeclared(next(name for name in soft if len({said[name] for said in kinds_of}) > 1))
    if not fitting:
        raise failed if failed is not None and not soft else _undeclared(soft[0])
    text, declared = fitting[0]
    return text, [*given.values(), *_against_the_names(text, declared, given, language)]


def _undeclared(name: str) -> DomainError:
    """A small letter may be a number or a vector, and the function does not say which."""
    fixes = [Fix(say=f'let=["{name}: {kind}"]') for kind in ("scalar", "vector(n)")]
    return DomainError(f"{name} may be a number or a vector", detail="say which", fixes=fixes)


def _vectors_by_use(text: str, declared: Sequence[str], soft: Sequence[str], language: Language) -> set[str]:
    """Of the soft names, those that the text, read without a word on them, has as vectors."""
    try:
        reading = read(text, language, [d for d in declared if not declare([d]).keys() & set(soft)])
    except MatcalcError:
        return set()
    return {name for name in soft if name in reading.symbols and reading.symbols[name].shape != SCALAR}


def _against_the_names(text: str, declared: Sequence[str], given: Mapping[str, str], language: Language) -> list[str]:
    """The declarations without which the text would be read in another way."""
    shapes = {name: d.shape for name, d in declare(declared).items()}
    try:
        plain = read(text, language, [*given.values()]).symbols
    except MatcalcError:
        return [d for d in declared if not declare([d]).keys() & given.keys()]
    unlike = {name for name, s in plain.items() if name not in given and _number_of_axes(s.shape) != _number_of_axes(shapes[name])}
    return [d for d in declared if declare([d]).keys() & unlike]


def _number_of_axes(shape: Any) -> int:
    return 0 if shape == SCALAR else 1 if shape[1] == 1 else 2


def _parameters(f: Callable[..., Any]) -> list[str]:
    """The names of the arguments that have no value yet."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        raise DomainError("this function does not say the names of its arguments",
                          fixes=[Fix(say='mc.grad(lambda x, A: x.T @ A @ x, "x")')]) from None
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        raise DomainError("a function with *args or **kwargs does not say what its variables are",
                          fixes=[Fix(say='mc.grad(lambda x, A: x.T @ A @ x, "x")')])
    return [p.name for p in parameters if p.default is p.empty]


def _annotated(f: Callable[..., Any], parameters: Sequence[str]) -> dict[str, str]:
    """What annotations declare: "vector(n)", "spd", float; a class such as np.ndarray declares nothing."""
    found = {}
    for name, said in getattr(f, "__annotations__", {}).items():
        words = said.strip("'\" ") if isinstance(said, str) else getattr(said, "__name__", "")
        words = NUMBERS.get(words, words)
        if name in parameters and re.split(r"[\s(,]", words)[0] in {*KINDS, *PROPERTIES}:
            found[name] = f"{name}: {words}"
    return found


def _kind(name: str) -> str:
    """scalar, vector, matrix or soft, as the letter says in text."""
    return letter_class(canonical(name))


def _fitted(f: Callable[..., Any], kinds: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text and the declarations with as few equal sizes as need be."""
    from .autograd.tracing import SIZES, traced

    said = declare([*kinds.values()])
    shapes, free = _shapes(said)
    if len(free) > len(SIZES[0]):
        raise DomainError(f"the sizes of {len(said)} arguments are too many to be found out", detail="declare some of them",
                          fixes=[Fix(say='let=["A: matrix(n, n)", "x: vector(n)"]')])
    waiting: list[Parts] = [()]
    seen = {frozenset[frozenset[str]]()}
    first: MatcalcError | None = None
    while waiting and len(seen) < TRIES:
        fitting: list[tuple[str, list[str]]] = []
        later: list[Parts] = []
        for parts in waiting:
            declared = _declared(said, shapes, parts)
            try:
                fitting.append((traced(f, declared, {})[0], declared))
            except ShapeError as error:
                first = first or error
                for a, b in _clashing(error, _sizes(declare(declared), kinds)):
                    merged = _merged(parts, a, b)
                    if {a, b} & free and frozenset(merged) not in seen:
                        seen.add(frozenset(merged))
                        later.append(merged)
        if len(fitting) > 1:
            raise _undecided(fitting)
        if fitting:
            return fitting[0]
        waiting = later
    assert first is not None
    first.detail = first.detail or "sizes are those that the function was tried with: " + ", ".join(
        f"{name} {shape_text(d.shape or SCALAR)}" for name, d in declare(_declared(said, shapes, ())).items())
    raise first


def _shapes(said: Mapping[str, Declaration]) -> tuple[dict[str, tuple[str, ...]], set[str]]:
    """The dimensions of what has a kind and no dimensions, each a name of its own, and these names."""
    taken = {name for d in said.values() for dim in d.dims or () for name in names(dim)} | set(said)
    fresh = iter([letter for i in range(len(said) * 2 + len(taken)) if (letter := f"{'nmkpqrdh'[i % 8]}{i // 8 or ''}") not in taken])
    shapes: dict[str, tuple[str, ...]] = {}
    for name, d in said.items():
        if d.shape is None and d.kind in ("vector", "matrix"):
            one = next(fresh)
            shapes[name] = (one,) if d.kind == "vector" else (one, one) if d.properties & SQUARE else (one, next(fresh))
    return shapes, {dim for shape in shapes.values() for dim in shape}


def _declared(said: Mapping[str, Declaration], shapes: Mapping[str, tuple[str, ...]], parts: Parts) -> list[str]:
    """The declarations, equal dimensions under one name: that of a declaration, if one of them has been declared."""
    free = {dim for shape in shapes.values() for dim in shape}
    name_of = {dim: min(part, key=lambda d: (d in free, d)) for part in parts for dim in part}
    return [f"{name}: {d.kind}({', '.join(name_of.get(dim, dim) for dim in shapes[name])}) {' '.join(sorted(d.properties))}".strip()
            if name in shapes else d.text for name, d in said.items()]


def _sizes(said: Mapping[str, Declaration], order: Mapping[str, str]) -> dict[int, str]:
    """Which dimension has which size in a run, as tracing hands them out."""
    from .autograd.tracing import SIZES

    found = dict.fromkeys(letter for name in order for dim in said[name].shape or () for letter in sorted(names(dim)))
    return dict(zip(SIZES[0], found, strict=False))


def _clashing(error: ShapeError, sizes: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    """Pairs of dimensions whose sizes the error speaks of."""
    spoken = dict.fromkeys(sizes[int(n)] for n in re.findall(r"\d+", error.message) if int(n) in sizes)
    return combinations(spoken, 2)


def _merged(parts: Parts, a: str, b: str) -> Parts:
    together = frozenset({a, b}).union(*(part for part in parts if part & {a, b}))
    return (*(part for part in parts if not part & together), together)


def _undecided(fitting: Sequence[tuple[str, list[str]]]) -> DomainError:
    """The function runs with these sizes as well as with those."""
    fixes = [Fix(say=f"let={declared!r}".replace("'", '"')) for _, declared in fitting[:3]]
    return DomainError("the sizes of the arguments could be one thing or another", detail="declare them", fixes=fixes)
