"""Array operations in Python: what NumPy, JAX and PyTorch write alike, and, below, how each of them differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..callables import STANDARD
from .graph import LETTERS, Op
from .writer import ATOM, COMPARE, LEAVES, PLUS, POWER, TIMES, UNARY, Made, NotWritten, Writer

BOUNDS = {"maximum": "min", "minimum": "max"}  # what a bound on one side is called
PLAIN = frozenset({"number", "size", "pi", "linear", "product", "power", "raised"})  # of plain numbers they make plain numbers


class PythonText(Writer):
    """NumPy, as a person writes it."""

    module = "np"
    importing: str | None = "import numpy as np"
    libraries: tuple[str, ...] = ("scipy", "math", "matcalc")  # whose functions it may call
    axis = "axis"
    on_paper = True  # A.T @ v, and not v @ A
    divides = True  # is 1 / (1 + exp(-x)) written out, so that it can divide?
    home = "numpy"  # where the functions of rules/ are, when it says no other place
    permute = "transpose"
    like = ""  # how new arrays get the kind of the given ones; {0} is one of these
    alone = ""  # the same where none is given

    def write(self) -> list[str]:
        if self.importing:
            self.imports.add(self.importing)
        return super().write()

    def new(self, function: str, *args: str) -> str:
        """An array that is made from nothing, of the kind of those given."""
        given = next((self.names[o.data] for o in self.needed if o.kind == "input" and o.shape), self.given)
        kind = self.like.format(given) if given else self.alone
        return f"{self.module}.{function}({', '.join([*args, *([kind] if kind else [])])})"

    def tuple_of(self, shape: Sequence[int]) -> str:
        return f"({self.sizes(shape)}{',' if len(shape) == 1 else ''})"

    def whole(self, o: Op) -> Made:
        if o.kind == "full" and o.data in (0, 1):
            return self.new("ones" if o.data else "zeros", self.tuple_of(o.shape) if len(o.shape) > 1 else self.sizes(o.shape)), ATOM
        if o.kind in ("full", "spread"):
            return self.filled(o.shape, repr(o.data) if o.kind == "full" else self.fraction(o.args[0])), ATOM
        return f"{self.module}.broadcast_to({self.repeated(o.args[0], o.data)}, {self.tuple_of(o.shape)})", ATOM

    def fraction(self, a: Op) -> str:
        """A number that is not whole, even where it is as large as one: of it an array is made."""
        return repr(a.data) if a.kind == "number" else f"float({self.text(a)})" if a.kind == "size" else self.text(a)

    def filled(self, shape: Sequence[int], value: str) -> str:
        return self.new("full", self.tuple_of(shape), value)

    # ------------------------------------------------------------ leaves and views
    def _text_pi(self, o: Op) -> Made:
        return f"{self.module}.pi", ATOM

    def _text_eye(self, o: Op) -> Made:
        return self.new("eye", self.spelled(o.shape[0])), ATOM

    def _text_commutation(self, o: Op) -> Made:
        m, n = (self.spelled(d) for d in o.data)
        order = self.flat(f"{self.module}.arange({self.spelled(o.shape[0])}).reshape({n}, {m}).T")
        return f"{self.new('eye', self.spelled(o.shape[0]))}[{order}]", ATOM

    def flat(self, text: str) -> str:
        return f"{text}.ravel()"

    def _text_transpose(self, o: Op) -> Made:
        return f"{self.operand(o.args[0], ATOM)}.T", ATOM

    def repeated(self, v: Op, axis: int) -> str:
        return f"{self.text(v, ATOM)}[:, None]" if axis == 0 else self.text(v, ATOM)

    def _text_reshape(self, o: Op) -> Made:
        a = o.args[0]
        return (self.filled(o.shape, self.text(a)) if not a.shape else self.reshaped(self.operand(a, ATOM), o.shape)), ATOM

    def reshaped(self, text: str, shape: Sequence[int]) -> str:
        return f"{text}.reshape({self.sizes(shape) if shape else '()'})"

    def _text_slice(self, o: Op) -> Made:
        picks = ", ".join(f"{s}:{s + 1 or ''}" if isinstance(s, int) else ":".join("" if p is None else str(p) for p in s) for s in o.data)
        return f"{self.operand(o.args[0], ATOM)}[{picks}]", ATOM

    def _text_padded(self, o: Op) -> Made:
        return self.padded(self.operand(o.args[0]), o.data), ATOM

    def padded(self, text: str, widths: Sequence[tuple[int, int]]) -> str:
        pairs = [self.tuple_of(pair) for pair in widths]
        return f"{self.module}.pad({text}, {pairs[0] if len(pairs) == 1 else self.call('', *pairs)[0]})"

    def _text_band(self, o: Op) -> Made:
        """A diagonal matrix within zeros."""
        (w,), (row, column) = o.args, o.data
        block = self.new("eye", self.spelled(w.size)) if w.kind == "full" and w.data == 1 else \
            self.made(self.graph.op("diag", (w,), (w.size, w.size)))[0]
        return self.padded(block, ((row, o.shape[0] - row - w.size), (column, o.shape[1] - column - w.size))), ATOM

    def _text_diagonal(self, o: Op) -> Made:
        return self.call(f"{self.module}.diagonal", self.operand(o.args[0]))

    def _text_diag(self, o: Op) -> Made:
        return self.call(f"{self.module}.diag", self.operand(o.args[0]))

    def _text_stacked(self, o: Op) -> Made:
        return self.flat(self.operand(self.graph.transpose(o.args[0]), ATOM)), ATOM

    def _text_unstack(self, o: Op) -> Made:
        p, q, m, n = o.shape
        return f"{self.reshaped(self.operand(o.args[0], ATOM), (q, p, n, m))}.{self.permute}(1, 0, 3, 2)", ATOM

    # ------------------------------------------------------------ entry by entry
    def is_plain(self, o: Op) -> bool:
        """Is it a number of Python's, and no array?"""
        return not o.shape and o.kind in PLAIN and o not in self.variables and all(map(self.is_plain, o.args))

    def _text_power(self, o: Op) -> Made:
        a = o.args[0]
        if o.data == 2 and (a in self.variables or a.kind == "input"):
            return f"{self.text(a)}{self.times}{self.text(a)}", TIMES
        if o.data == -1:
            return f"1{self.over}{self.text(a, UNARY)}", TIMES
        if o.data == 0.5 and not self.is_plain(a):
            return self.call(f"{self.module}.sqrt", self.text(a))
        return f"{self.text(a, ATOM)}{self.raising}{self.exponent(o.data)}", POWER

    def _text_raised(self, o: Op) -> Made:
        return f"{self.text(o.args[0], ATOM)}{self.raising}{self.text(o.args[1], ATOM)}", POWER

    def _text_map(self, o: Op) -> Made:
        return self.function(o.data, [self.text(a) for a in o.args])

    def _text_float(self, o: Op) -> Made:
        return self.fraction(o.args[0]), 0

    @classmethod
    def knows(cls, dotted: str) -> bool:
        return dotted.partition(".")[0] in ("numpy", *cls.libraries)

    def function(self, dotted: str, args: Sequence[str]) -> Made:
        """A call of a function of a library, by its full name or by its name in this one."""
        module, _, name = dotted.rpartition(".")
        for home in ("numpy", self.home):
            if not module or module == home or module.startswith(home + "."):
                return self.call(f"{self.module}{module[len(home):]}.{name}", *args)
        if not self.knows(dotted):
            raise NotWritten(dotted)
        self.imports.add(f"import {module}")
        return self.call(dotted, *args)

    def is_divisor(self, f: Op) -> bool:
        return super().is_divisor(f) or (self.divides and f.kind == "logistic" and f not in self.variables)

    def divisor(self, f: Op) -> str:
        inner = f.args[0] if f.kind == "repeat" else f
        if inner.kind == "logistic":
            text = f"(1 + {self.module}.exp({self.text(inner.args[0])}))"
            return f"{text}[:, None]" if f.kind == "repeat" and f.data == 0 else text
        return super().divisor(f)

    def _text_above_zero(self, o: Op) -> Made:
        return f"{self.text(o.args[0], PLUS)} > 0", COMPARE

    def _text_logistic(self, o: Op) -> Made:
        return f"1 / (1 + {self.module}.exp({self.text(o.args[0])}))", TIMES

    # ------------------------------------------------------------ products and sums
    def _text_dot(self, o: Op) -> Made:
        a, b = o.args
        if self.on_paper and len(a.shape) == 1 and len(b.shape) == 2:
            return f"{self.text(self.graph.transpose(b), ATOM)} @ {self.operand(a, UNARY)}", TIMES
        return f"{self.operand(a, TIMES)} @ {self.operand(b, UNARY)}", TIMES

    def _text_outer(self, o: Op) -> Made:
        return self.call(f"{self.module}.outer", *(self.operand(a) for a in o.args))

    def reduced(self, name: str, text: str, axis: int | None) -> Made:
        return f"{text}.{name}({'' if axis is None else f'{self.axis}={axis}'})", ATOM

    def _text_total(self, o: Op) -> Made:
        return self.reduced("sum", self.operand(o.args[0], ATOM), o.data)

    def _text_inner(self, o: Op) -> Made:
        return self.reduced("sum", f"({self.both(o)})", o.data)

    def both(self, o: Op) -> str:
        """The product under a sum; of one array with itself, its square."""
        a, b = o.args
        if a is b:
            return f"{self.operand(a, ATOM)}{self.raising}2"
        return f"{self.operand(a, TIMES)}{self.times}{self.operand(b, UNARY)}"

    def _text_max(self, o: Op) -> Made:
        return self.reduced(o.kind, self.operand(o.args[0], ATOM), o.data)

    _text_min = _text_max

    def _text_weighted_gram(self, o: Op) -> Made:
        d, x = o.args
        return f"{self.operand(self.graph.transpose(x), ATOM)} @ ({self.text(d, ATOM)}[:, None]{self.times}{self.operand(x, UNARY)})", TIMES

    def _text_crossed(self, o: Op) -> Made:
        """Two matrices over four axes: each is looked at with its own axes in their order, and None for the others."""
        parts = []
        for a, letters in zip(o.args, o.data, strict=True):
            turned = letters[0] > letters[1]
            places = ["None" if c not in letters else ":" for c in "ijkl"]
            while places and places[0] == "None":
                places.pop(0)
            text = self.operand(a, ATOM) + (".T" if turned else "")
            parts.append(f"{text}[{', '.join(places)}]" if "None" in places else text)
        return self.times.join(parts), TIMES

    def _text_arranged(self, o: Op) -> Made:
        """A product of arrays over named axes; where a name comes back there is an identity matrix between both places."""
        subscripts, groups, sizes = o.data
        numbers, places = dict(zip(LETTERS, sizes, strict=False)), ""
        factors = [(self.operand(a, ATOM), letters) for a, letters in zip(o.args, subscripts, strict=True)]
        for letter in "".join(groups):
            if letter in places:
                other = LETTERS[len(numbers)]
                numbers[other] = numbers[letter]
                factors.append((self.new("eye", self.spelled(numbers[letter])), letter + other))
                letter = other
            places += letter
        text = self.times.join(self.looked_at(a, letters, places) for a, letters in factors)
        if any(x not in "".join(letters for _, letters in factors) for x in places):
            text, factors = self.call(f"{self.module}.broadcast_to", text, self.tuple_of([numbers[x] for x in places]))[0], []
        if any(len(group) != 1 for group in groups):
            return self.reshaped(f"({text})" if len(factors) > 1 else text, o.shape), ATOM
        return text, TIMES if len(factors) > 1 else ATOM

    def looked_at(self, text: str, letters: str, places: str) -> str:
        """An array with its axes in the order of places, and None for the others."""
        order = sorted(letters, key=places.index)
        if "".join(order) != letters:
            text = self.permuted(text, [letters.index(x) for x in order])
        picks = ["None" if x not in letters else ":" for x in places]
        while picks and picks[0] == "None":
            picks.pop(0)
        return f"{text}[{', '.join(picks)}]" if "None" in picks else text

    def permuted(self, text: str, order: Sequence[int]) -> str:
        return f"{text}.T" if len(order) == 2 else f"{text}.{self.permute}({', '.join(map(str, order))})"

    def _text_ranked(self, o: Op) -> Made:
        u, v, a = (self.operand(x, ATOM) for x in o.args)
        return f"{u}[:, None, None, None]{self.times}({v}[:, None]{self.times}{a}[:, None, :])", TIMES

    def _text_spread_entries(self, o: Op) -> Made:
        """T[i, j, i, j] = V[i, j], elsewhere 0."""
        p, q = (self.new("eye", self.spelled(d)) for d in o.shape[:2])
        eyes = [f"{p}[:, None, :, None]", f"{q}[:, None, :]"]
        v = o.args[0]
        scale = [] if v.kind == "full" and v.data == 1 else [self.number(v.data) if v.kind == "full" else
                                                             f"{self.operand(v, ATOM)}[:, :, None, None]"]
        return self.times.join([*scale, *eyes]), TIMES

    def _text_einsum(self, o: Op) -> Made:
        return self.call(f"{self.module}.einsum", f'"{o.data}"', *(self.operand(a) for a in o.args))

    def _text_placed(self, o: Op) -> Made:
        """Some of the axes of a tensor, the others of length 1."""
        return f"{self.operand(o.args[0], ATOM)}[{', '.join(':' if kept else 'None' for kept in o.data)}]", ATOM

    def _text_widened(self, o: Op) -> Made:
        return self.call(f"{self.module}.broadcast_to", self.operand(o.args[0]), self.tuple_of(o.shape))

    # ------------------------------------------------------------ linear algebra
    def _text_kron(self, o: Op) -> Made:
        return self.call(f"{self.module}.kron", *(self.operand(a) for a in o.args))

    def blocks(self, o: Op) -> Made:
        """The Kronecker product of two matrices by broadcasting."""
        a, b = (self.operand(x, ATOM) for x in o.args)
        return self.reshaped(f"({a}[:, None, :, None]{self.times}{b}[None, :, None, :])", o.shape), ATOM

    def _text_matrix_power(self, o: Op) -> Made:
        return self.call(f"{self.module}.linalg.matrix_power", self.operand(o.args[0]), str(o.data))

    def cholesky(self, a: str) -> str:
        return f"{self.module}.linalg.cholesky({a})"

    def _text_inverse(self, o: Op) -> Made:
        factor = self.factored(o)
        return self.inverse_of_factored(factor, o) if factor else self.call(f"{self.module}.linalg.inv", self.operand(o.args[0]))

    def _text_solve(self, o: Op) -> Made:
        factor, b = self.factored(o), o.args[1]
        if factor:
            return self.solution_of_factored(factor, self.operand(b), b)
        return self.call(f"{self.module}.linalg.solve", self.operand(o.args[0]), self.operand(b))

    def _text_log_determinant(self, o: Op) -> Made:
        factor = self.factored(o)
        if factor:
            return f"2{self.times}{self.reduced('sum', f'{self.module}.log({self.module}.diagonal({factor}))', None)[0]}", TIMES
        return f"{self.module}.linalg.slogdet({self.operand(o.args[0])})[1]", ATOM

    def inverse_of_factored(self, factor: str, o: Op) -> Made:
        return self.cho_solve(factor, self.new("eye", self.spelled(o.shape[0])))

    def solution_of_factored(self, factor: str, b: str, o: Op) -> Made:
        return self.cho_solve(factor, b)

    def cho_solve(self, factor: str, b: str) -> Made:
        self.imports.add("import scipy.linalg")
        return self.call("scipy.linalg.cho_solve", f"({factor}, True)", b)

    def _text_call(self, o: Op) -> Made:
        value, axis = o.data
        along = 0 if axis is None and self.axis == "dim" and value.endswith("cumsum") else axis
        args = [self.operand(a) for a in o.args] + ([] if along is None else [f"{self.axis}={along}"])
        text, level = self.function(value, args)
        return (f"{text}[-1]", ATOM) if value.endswith((".slogdet", ".expm_frechet")) else (text, level)


class StrictText(PythonText):
    """Libraries in which a number is no array, and functions take arrays only."""

    bounded = "clip"
    number_to_array = "asarray"

    def __init__(self, *args: Any, numbers: frozenset[str] = frozenset(), **more: Any) -> None:
        self.numbers = numbers  # the variables that are numbers of Python's
        self.plain: dict[Op, bool] = {}
        super().__init__(*args, **more)

    def is_plain(self, o: Op) -> bool:
        if o not in self.plain:
            self.plain[o] = self._is_plain(o)
        return self.plain[o]

    def _is_plain(self, o: Op) -> bool:
        if o.kind == "input":
            return o.data in self.numbers
        if o.kind in ("power", "raised") and not (o.kind == "power" and o.data == int(o.data)):
            return False  # a root of a negative number would be complex
        return not o.shape and o.kind in PLAIN and all(map(self.is_plain, o.args))

    def whole(self, o: Op) -> Made:
        if o.kind == "spread" and not self.is_plain(o.args[0]):
            return self.call(f"{self.module}.broadcast_to", self.text(o.args[0]), self.tuple_of(o.shape))
        return super().whole(o)

    def _text_reshape(self, o: Op) -> Made:
        a = o.args[0]
        return super()._text_reshape(o) if a.shape or self.is_plain(a) else (self.reshaped(self.text(a, ATOM), o.shape), ATOM)

    def is_divisor(self, f: Op) -> bool:
        return super().is_divisor(f) and not (f.kind == "logistic" and self.is_plain(f.args[0]))

    def as_array(self, o: Op, level: int = 0) -> str:
        """A number as an array, where a function takes nothing else."""
        return self.new(self.number_to_array, self.text(o)) if self.is_plain(o) else self.text(o, level)

    def _text_power(self, o: Op) -> Made:
        a = o.args[0]
        if not self.is_plain(a) or o.data == int(o.data):
            return super()._text_power(o)
        if o.data == 0.5:
            return self.call(f"{self.module}.sqrt", self.as_array(a))
        return f"{self.as_array(a)}{self.raising}{self.number(o.data) if o.data >= 0 else '(' + self.number(o.data) + ')'}", POWER

    def _text_raised(self, o: Op) -> Made:
        base, exponent = o.args
        return f"{self.as_array(base, ATOM)}{self.raising}{self.text(exponent, ATOM)}", POWER

    def _text_map(self, o: Op) -> Made:
        if o.data in BOUNDS and any(map(self.is_plain, o.args)):
            a, bound = o.args if self.is_plain(o.args[1]) else o.args[::-1]
            return self.call(f"{self.module}.{self.bounded}", self.as_array(a), f"{BOUNDS[o.data]}={self.text(bound)}")
        return self.function(o.data, [self.as_array(a) for a in o.args])


class JaxText(PythonText):
    """JAX; everything is traced, so that it can be compiled, mapped and sharded."""

    libraries, divides = ("jax",), False
    on_paper = False  # XLA takes three times as long for it
    module = "jnp"
    importing = "import jax.numpy as jnp"
    home = "jax.numpy"
    like = "dtype={0}.dtype"

    def decides_ties(self) -> bool:
        """Is an entry sought that equals the largest of computed ones? jit computes these twice, with two roundings: none is equal."""
        for o in self.needed:
            if o.kind == "map" and o.data == "sign":
                stack = [o.args[0]]
                while stack:
                    a = stack.pop()
                    if a.kind in ("max", "min"):
                        return not _is_given(a.args[0])
                    if a.kind in ("linear", "product", "repeat", "spread", "transpose", "reshape"):
                        stack += a.args
        return False

    def cho_solve(self, factor: str, b: str) -> Made:
        self.imports.add("import jax.scipy.linalg")
        return self.call("jax.scipy.linalg.cho_solve", f"({factor}, True)", b)

    def _text_logistic(self, o: Op) -> Made:
        self.imports.add("import jax.nn")
        return self.call("jax.nn.sigmoid", self.text(self.graph.product(-1.0, [o.args[0]], o.shape)))


def _is_given(a: Op) -> bool:
    """An argument, perhaps looked at otherwise."""
    while a.kind in ("transpose", "reshape", "slice", "stacked"):
        a = a.args[0]
    return a.kind in LEAVES


class TorchText(StrictText):
    """PyTorch; new arrays are made on the device of those given."""

    libraries, divides = ("torch",), False
    module = home = "torch"
    importing = "import torch"
    axis = "dim"
    permute = "permute"
    like = "dtype={0}.dtype, device={0}.device"
    alone = "dtype=torch.float64"

    def flat(self, text: str) -> str:
        return f"{text}.reshape(-1)"

    def padded(self, text: str, widths: Sequence[tuple[int, int]]) -> str:
        numbers = [self.spelled(n) for pair in reversed(widths) for n in pair]  # of the last axis first
        return f"torch.nn.functional.pad({text}, ({', '.join(numbers)}))"

    def reduced(self, name: str, text: str, axis: int | None) -> Made:
        return super().reduced({"max": "amax", "min": "amin"}.get(name, name), text, axis)

    bounded = "clamp"
    number_to_array = "tensor"

    def _text_logistic(self, o: Op) -> Made:
        return self.call("torch.sigmoid", self.as_array(self.graph.product(-1.0, [o.args[0]], o.shape)))

    def _text_kron(self, o: Op) -> Made:
        return self.blocks(o)  # torch.kron fails on transposed views

    def inverse_of_factored(self, factor: str, o: Op) -> Made:
        return self.call("torch.cholesky_inverse", factor)

    def solution_of_factored(self, factor: str, b: str, o: Op) -> Made:
        if len(o.shape) == 1:
            return f"torch.cholesky_solve({b}[:, None], {factor})[:, 0]", ATOM
        return self.call("torch.cholesky_solve", b, factor)


class ArrayText(StrictText):
    """The functions of the array API standard, which many libraries share; `xp` is whichever of them the arrays are from."""

    module = "xp"
    home = "array"
    libraries = ()
    like = "dtype={0}.dtype, device={0}.device"
    importing = None

    def flat(self, text: str) -> str:
        return f"xp.reshape({text}, (-1,))"

    def reshaped(self, text: str, shape: Sequence[int]) -> str:
        return f"xp.reshape({text}, {self.tuple_of(shape)})"

    def reduced(self, name: str, text: str, axis: int | None) -> Made:
        return self.call(f"xp.{name}", text, *([] if axis is None else [f"axis={axis}"]))

    def _text_logistic(self, o: Op) -> Made:
        return f"1 / (1 + xp.exp({self.as_array(o.args[0])}))", TIMES

    def _text_commutation(self, o: Op) -> Made:
        m, n = o.data
        order = self.flat(f"{self.reshaped(f'xp.arange({o.shape[0]})', (n, m))}.T")
        return self.call("xp.take", self.new("eye", self.spelled(o.shape[0])), order, "axis=0")

    def _text_padded(self, o: Op) -> Made:
        a, text = o.args[0], self.operand(o.args[0])
        for axis, (before, after) in enumerate(o.data):
            rest = [self.tuple_of((*o.shape[:axis], n, *a.shape[axis + 1:])) if n else "" for n in (before, after)]
            first, last = (self.new("zeros", shape) if shape else "" for shape in rest)
            if first or last:
                text = f"xp.concat([{', '.join(t for t in (first, text, last) if t)}], axis={axis})"
        return text, ATOM

    def _text_band(self, o: Op) -> Made:
        (w,), (row, column) = o.args, o.data
        block = self.graph.op("diag", (w,), (w.size, w.size)) if w.kind != "full" or w.data != 1 else \
            self.graph.op("eye", (), (w.size, w.size))
        return self._text_padded(self.graph.op("padded", (block,), o.shape, (
            (row, o.shape[0] - row - w.size), (column, o.shape[1] - column - w.size))))

    def _text_diagonal(self, o: Op) -> Made:
        return self.call("xp.linalg.diagonal", self.operand(o.args[0]))

    def _text_diag(self, o: Op) -> Made:
        return f"{self.operand(o.args[0], ATOM)}[:, None] * {self.new('eye', self.spelled(o.shape[0]))}", TIMES

    def permuted(self, text: str, order: Sequence[int]) -> str:
        return f"{text}.T" if len(order) == 2 else f"xp.permute_dims({text}, ({', '.join(map(str, order))}))"

    def _text_unstack(self, o: Op) -> Made:
        p, q, m, n = o.shape
        return self.call("xp.permute_dims", self.reshaped(self.operand(o.args[0]), (q, p, n, m)), "(1, 0, 3, 2)")

    def _text_above_zero(self, o: Op) -> Made:
        if self.is_plain(o.args[0]):
            return self.call("float", f"{self.text(o.args[0], PLUS)} > 0")
        a = self.text(o.args[0], PLUS)
        return self.call("xp.astype", f"{a} > 0", f"{self.text(o.args[0], ATOM)}.dtype")

    def _text_outer(self, o: Op) -> Made:
        u, v = o.args
        return f"{self.operand(u, ATOM)}[:, None] * {self.operand(v, UNARY)}", TIMES

    def _text_kron(self, o: Op) -> Made:
        return self.blocks(o)

    def _text_dot(self, o: Op) -> Made:
        if len(o.args[1].shape) == 3:
            return self.call("xp.matmul", *(self.operand(a) for a in o.args))
        return super()._text_dot(o)

    def factored(self, o: Op) -> str | None:
        return None  # the standard has no solution with a factor

    def _text_einsum(self, o: Op) -> Made:
        raise NotWritten("einsum")

    @classmethod
    def knows(cls, dotted: str) -> bool:
        return dotted.rpartition(".")[2] in STANDARD
