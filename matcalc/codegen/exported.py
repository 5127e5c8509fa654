"""Complete functions as source text: one of the languages, the sizes as names, the formula and the shapes above it.

The operations are those of a compiled function. They are planned for sizes of which each is a prime of its own, so that every number
in a shape says which dimensions it is made of.
"""

from __future__ import annotations

import inspect
import keyword
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from .. import dims
from ..dims import SCALAR, Shape
from ..errors import DomainError, NotSupported
from ..expr import Expr, postorder
from ..knowledge import known
from ..printers.forms import fresh
from .column_text import COMMON, JuliaText, MatlabText
from .graph import Graph, Op
from .lowering import CannotLower, Lowering
from .parts import Part
from .python_text import JaxText, PythonText, TorchText
from .writer import NotWritten, Writer

USUAL = 100  # a size about which nothing is known
LETTERS = {0: "tsrcq", 1: "rszvuh", 2: "SRPMHQ"}  # by the number of axes
LARGEST = 1_000_000  # larger sizes change no plan
SMALLEST = 60  # of the primes that stand for sizes; a smaller number is itself


class Function(NamedTuple):
    """What a complete function says besides its statements."""

    verb: str
    arrays: Mapping[str, Shape]
    formula: str
    results: Sequence[Shape | str]


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
        if n != 1 and n in self.text:
            parts.append(f"({self.text[n]})")
        elif n != 1 or not parts:
            parts.insert(0, str(n))
        return " * ".join(parts)


def _prime(above: int, taken: set[int]) -> int:
    n = above | 1
    while any(n % d == 0 for d in range(3, int(n ** 0.5) + 1, 2)) or any(t % n == 0 for t in taken if t):
        n += 2
    return n


class Target:
    """A language: how a complete function is put together."""

    writer: type[Writer] = PythonText
    taken = frozenset({"np", "jnp", "jax", "torch", "math", "scipy", *keyword.kwlist, *keyword.softkwlist})
    two_axes = False  # has it matrices and vectors only?
    longest = 1000  # letters of a name
    name = "numpy"

    def spelled(self, name: str) -> str:
        """A name as the language takes it."""
        return name

    def is_taken(self, word: str) -> bool:
        """Does it mean something else in the language, or in what is called?"""
        return word in self.taken

    def array(self, shape: Shape, names: Mapping[str, str]) -> str:
        if shape == SCALAR:
            return "float"
        sizes = [re.sub(r"[^\W\d]\w*", lambda w: names.get(w[0], w[0]), dims.text(d)) for d in shape]
        return f"array ({sizes[0]},)" if sizes[1] == "1" else f"array ({', '.join(sizes)})"

    def named(self, result: str) -> str:
        """A result of more than two axes."""
        return result

    def size_lines(self, name: str, shape: Shape, wanted: Mapping[Any, str]) -> str:
        """`m, n = A.shape`, for sizes that the code mentions."""
        if 1 in shape:
            return f"{next(wanted[d] for d in shape if d in wanted)} = {name}.shape[{0 if shape[1] == 1 else -1}]"
        return f"{', '.join(_each(shape, wanted, '_'))} = {name}.shape"

    def row_line(self, name: str) -> str:
        return f"{name} = {self.writer.module}.ravel({name})"  # type: ignore[attr-defined]

    def scalar_lines(self, writer: Writer, scalars: Sequence[str], arrays: Sequence[str]) -> list[str]:
        return []

    def whole(self, f: Function, params: Sequence[str], lines: Sequence[str], writer: Writer, names: Mapping[str, str]) -> str:
        shapes = [f"    {names[n]}: {self.array(s, names)}" for n, s in f.arrays.items()]
        results = ", ".join(self.named(s) if isinstance(s, str) else self.array(s, names) for s in f.results)
        doc = [f'    """{f.formula}', "", *shapes, "    returns: " + results, '    """']
        above, helpers = _helpers(writer)
        function = "\n".join([*above, f"def {f.verb}({', '.join(params)}):", *doc, *("    " + line for line in lines)])
        return "\n\n\n".join(["\n".join(sorted(writer.imports)), *helpers, function]) + "\n"


def _each(shape: Shape, wanted: Mapping[Any, str], none: str) -> list[str]:
    """The names of two sizes, each once."""
    first, second = (wanted.get(d, none) for d in shape)
    return [first, none if second == first else second]


def _helpers(writer: Writer) -> tuple[list[str], list[str]]:
    """What stands directly above a function, and the source of functions that no library has."""
    sources = []
    for dotted in writer.helpers.values():
        module, _, name = dotted.rpartition(".")
        if module == "math":
            sources.append(f"{writer_name(dotted)} = np.vectorize({dotted}, otypes=[float])")
        else:
            source = inspect.getsource(getattr(import_module(module), name)).replace("    import numpy as np\n\n", "")
            sources.append(source.replace(": Any", "").replace(" -> Any", "").rstrip())
    if isinstance(writer, JaxText) and writer.decides_ties():
        return ["# Not for jax.jit: it computes twice, with two roundings, what is compared with its own maximum."], sources
    risky = any(o.kind == "logistic" for o in writer.needed) and isinstance(writer, NumPyText)
    return (['@np.errstate(over="ignore")  # where exp is inf, 1 / (1 + inf) is the 0 that is meant'] if risky else []), sources


def writer_name(dotted: str) -> str:
    return dotted.rpartition(".")[2]


class NumPyText(PythonText):
    """NumPy with what it lacks written above the function."""

    def function(self, dotted: str, args: Sequence[str]) -> tuple[str, int]:
        module, _, name = dotted.rpartition(".")
        if module in ("math", "matcalc.numerics"):
            self.helpers[name] = dotted
            self.imports |= {"import math"} if module == "math" else set()
            return self.call(name, *args)
        return super().function(dotted, args)

    def whole(self, o: Op) -> tuple[str, int]:
        text, level = super().whole(o)
        return (f"{text}.copy()", level) if o.kind == "repeat" else (text, level)  # what is broadcast cannot be written to


class NumPy(Target):
    writer = NumPyText


class Jax(Target):
    name, writer = "jax", JaxText


class Torch(Target):
    name, writer = "torch", TorchText

    def array(self, shape: Shape, names: Mapping[str, str]) -> str:
        return self.named(super().array(shape, names))

    def named(self, result: str) -> str:
        return result.replace("array", "tensor")

    def scalar_lines(self, writer: Writer, scalars: Sequence[str], arrays: Sequence[str]) -> list[str]:
        """Functions take tensors only."""
        kinds = ("map", "logistic", "call", "max", "min", "spread", "reshape")
        read = [o for o in writer.needed if o.kind in kinds or (o.kind == "power" and o.data == 0.5)]
        if not any(not a.shape for o in read for a in o.args):
            return []
        like = f"dtype={arrays[0]}.dtype, device={arrays[0]}.device" if arrays else "dtype=torch.float64"
        return [f"{name} = torch.as_tensor({name}, {like})" for name in scalars]


@cache
def _words_of_rules(target: str) -> frozenset[str]:
    """What code may call for the functions of rules/."""
    values = [f.get(target) for overloads in known().functions.values() for f in overloads]
    return COMMON | {word for value in values if value for word in re.findall(r"[^\W\d]\w*", value)}


class Matlab(Target):
    name, writer, two_axes = "matlab", MatlabText, True
    taken = frozenset("""break case catch classdef continue else elseif end for function global if otherwise parfor persistent return spmd
        switch try while pi eps i j e Inf NaN ans value sum max min diag eye ones zeros chol inv exp log sqrt abs sign reshape repmat
        kron lu det size numel tril triu full repelem""".split())
    longest = 63

    def spelled(self, name: str) -> str:
        """Letters of ASCII, the first of them no underscore."""
        plain = "".join(c if c.isascii() else f"u{ord(c):x}" for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
        return ("v" + plain if plain.startswith("_") else plain)[:self.longest]

    def is_taken(self, word: str) -> bool:
        return super().is_taken(word) or word in _words_of_rules(self.name)

    def array(self, shape: Shape, names: Mapping[str, str]) -> str:
        if shape == SCALAR:
            return "number"
        return " x ".join(re.sub(r"[^\W\d]\w*", lambda w: names.get(w[0], w[0]), dims.text(d)) for d in shape)

    def size_lines(self, name: str, shape: Shape, wanted: Mapping[Any, str]) -> str:
        if 1 in shape:
            return f"{next(wanted[d] for d in shape if d in wanted)} = numel({name});"
        return f"[{', '.join(_each(shape, wanted, '~'))}] = size({name});"

    def row_line(self, name: str) -> str:
        return f"{name} = {name}(:);"

    def whole(self, f: Function, params: Sequence[str], lines: Sequence[str], writer: Writer, names: Mapping[str, str]) -> str:
        results = ["value"] if len(f.results) == 1 else [f"value{i + 1}" for i in range(len(f.results))]
        shapes = [f"    %   {names[n]}: {self.array(s, names)}" for n, s in f.arrays.items()]
        shapes += [f"    %   {r}: {s if isinstance(s, str) else self.array(s, names)}" for r, s in zip(results, f.results, strict=True)]
        left = results[0] if len(results) == 1 else f"[{', '.join(results)}]"
        head = [f"function {left} = {f.verb}({', '.join(params)})", *(f"    % {line}" for line in f.formula.splitlines()), *shapes]
        return "\n".join([*head, *("    " + line for line in lines), "end"]) + "\n"


class Julia(Target):
    name, writer, two_axes = "julia", JuliaText, True
    taken = frozenset("""begin while if for try return break continue function macro quote let local global const do struct module
        baremodule using import export end else elseif catch finally true false in isa where abstract mutable primitive type
        dot sum exp log sqrt abs sign diag diagm kron inv vec reshape repeat permutedims fill ones zeros size length tr det I pi im
        cholesky logdet logabsdet Symmetric Matrix maximum minimum max min tril triu float lu SpecialFunctions LinearAlgebra""".split())

    def is_taken(self, word: str) -> bool:
        return super().is_taken(word) or word in _words_of_rules(self.name)

    def array(self, shape: Shape, names: Mapping[str, str]) -> str:
        return super().array(shape, names).replace("array", "Vector" if 1 in shape else "Matrix").replace("float", "Float64") \
            .replace(",)", ")")

    def size_lines(self, name: str, shape: Shape, wanted: Mapping[Any, str]) -> str:
        if 1 in shape:
            return f"{next(wanted[d] for d in shape if d in wanted)} = length({name})"
        return f"{', '.join(_each(shape, wanted, '_'))} = size({name})"

    def row_line(self, name: str) -> str:
        return f"{name} = vec({name})"

    def whole(self, f: Function, params: Sequence[str], lines: Sequence[str], writer: Writer, names: Mapping[str, str]) -> str:
        shapes = [f"    {names[n]}: {self.array(s, names)}" for n, s in f.arrays.items()]
        results = ", ".join(s if isinstance(s, str) else self.array(s, names) for s in f.results)
        formula = f.formula.replace("\\", "\\\\").replace("$", "\\$")
        doc = ['"""', *(f"    {line}" for line in formula.splitlines()), "", *shapes, "    returns: " + results, '"""']
        body = [*doc, f"function {f.verb}({', '.join(params)})", *("    " + line for line in lines), "end"]
        return "\n".join([*sorted(writer.imports), "", *body]) + "\n"


TARGETS: dict[str, Target] = {t.name: t for t in (NumPy(), Jax(), Torch(), Julia(), Matlab())}


def language(name: str) -> Target:
    if name not in TARGETS:
        raise NotSupported(f"there is no code for {name!r}", detail=f"the targets: {', '.join(TARGETS)}")
    return TARGETS[name]


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
