"""The languages of exported code: what is around the statements of a complete function, and which names are taken."""

from __future__ import annotations

import inspect
import keyword
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from .. import dims
from ..dims import SCALAR, Shape
from ..errors import Fix, NotSupported, nearest
from ..knowledge import known
from .column_text import COMMON, JuliaText, MatlabText
from .graph import Op
from .python_text import JaxText, PythonText, TorchText
from .writer import Writer


class Function(NamedTuple):
    """What a complete function says besides its statements."""

    verb: str
    arrays: Mapping[str, Shape]
    formula: str
    results: Sequence[Shape | str]


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
        return ["# Not for jax.jit: XLA may compute twice, with two roundings, what is compared with its own maximum."], sources
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
        meant = nearest(str(name).lower(), set(TARGETS)) or next((t for t in TARGETS if t in str(name).lower()), "numpy")
        raise NotSupported(f"there is no code for {name!r}", detail=f"the targets: {', '.join(TARGETS)}",
                           fixes=[Fix(say=f'd.code("{meant}")')])
    return TARGETS[name]
