"""Functions of matrices, of rows and of columns: the formulas of rules/ on the last two axes of arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..differentials import differential, tangent
from ..dims import SCALAR, Shape
from ..errors import DomainError, NotSupported
from ..expr import Expr, number, postorder, symbol
from ..functions import kind, of_call, template
from ..knowledge import Function, is_dotted, known
from ..numerics import adjugate_slope
from ..operators import frobenius
from ..rebuild import substitute
from ..transposition import gradient
from .elementwise import TWO, dotted, elementwise, rooted, two
from .formula import Formula
from .operations import Operation, added, unbroadcast
from .variable import Variable, plain, record

Array = Any


class Matrixwise:
    """One overload of a function of rules/, on the last two axes; arguments and result have at least two."""

    def __init__(self, function: Function, kinds: tuple[str, ...]) -> None:
        self.function, self.kinds = function, kinds
        self.params = [p for p in function.signature.params if p.kind != "axis"]
        self.symbols = []
        for p, word in zip(self.params, kinds, strict=True):
            self.symbols.append(symbol(p.name, self._shape(p, word)))
        self.shapes = {s.data.name: s.shape for s in self.symbols}
        self.root = rooted(function, self.symbols)
        self._op: Operation | None = None
        self._value: Callable[..., Any] | None = None

    def _shape(self, p: Any, word: str) -> Shape:
        if p.kind == "matrix":
            return (p.dims[0], p.dims[1])
        if p.kind == "vector":
            return (p.dims[0], 1)
        return {"scalar": SCALAR, "vector": ("n", 1)}.get(word, ("m", "n"))

    def value(self, *args: Array) -> Array:
        """The value on plain arrays."""
        if self._value is None:
            self._value = self._valued()
        return self._value(*args)

    def _valued(self) -> Callable[..., Any]:
        f = self.function
        text = f.get("numpy") or f.get("definition") or f.get("written_out")
        if not text:
            raise NotSupported(f"rules/ gives no numeric value for {f.name}")
        if not is_dotted(text):
            key = next(k for k in ("numpy", "definition", "written_out") if f.get(k))
            e, names = template(f, key, self.kinds)
            formula, shapes = Formula(e, called), {n: s.shape for n, s in names.items()}
            shapes |= {p.name: s.shape for p, s in zip(self.params, self.symbols, strict=True)}
            return lambda *args: formula({p.name: a for p, a in zip(self.params, args, strict=True)}, shapes)
        g, axis, kind_of_result = dotted(text), f.head.axis, f.signature.result.kind
        stacks = text.startswith("numpy.linalg.")

        def value(*args: Array) -> Array:
            x = args[0]
            if axis is not None:
                return g(x, axis=axis - 2, keepdims=True)
            if text in ("numpy.max", "numpy.min"):
                return g(x, axis=(-2, -1), keepdims=True)
            found = real_part(f.name, np.asarray(last(g(x)) if stacks else over_stack(g, args)))
            if kind_of_result in ("scalar", "vector"):
                return found.reshape(*x.shape[:-2], -1 if kind_of_result == "vector" else 1, 1)
            return found

        return value

    @property
    def op(self) -> Operation:
        if self._op is None:
            g = symbol("G", self.root.shape)
            y = symbol("Y", self.root.shape)
            shapes = {**self.shapes, "G": g.shape, "Y": y.shape}
            pulls = []
            slopes = [everywhere(gradient(self.root, s, g)) for s in self.symbols]
            for e in slopes:
                pulls.append(Formula(substitute(e, {self.root: y}) if self.root.op == "call" else e, called))
            moves = {f"d{s.data.name}": s.shape for s in self.symbols}
            pushes = [Formula(self._pushed(s, e, g), called) for s, e in zip(self.symbols, slopes, strict=True)]
            names = [s.data.name for s in self.symbols]

            def given(a: Any, b: Any) -> dict[str, Any]:
                return dict(zip(names, (a, b), strict=False))

            def pull(i: int) -> Callable[[Any, Any, Any, Any], Any]:
                return lambda g, y, a, b: unbroadcast(pulls[i]({**given(a, b), "G": g, "Y": y}, shapes), (a, b)[i])

            def push(s: Any, t: Any, y: Any, a: Any, b: Any) -> Any:
                parts = [None if d is None else pushes[i]({**given(a, b), f"d{names[i]}": d}, {**shapes, **moves})
                         for i, d in enumerate((s, t)[:len(names)])]
                return added(*parts) if len(parts) == 2 else parts[0]

            axis = self.function.head.axis
            name = self.function.name if axis is None else f"{self.function.name}:axis={axis}"
            self._op = Operation(name, pull(0), pull(1) if len(names) > 1 else None, push)
            if self.function.name in SLOPES:
                use_numbers(self._op, SLOPES[self.function.name])
        return self._op

    def _pushed(self, s: Expr, slope: Expr, g: Expr) -> Expr:
        """The differential; of a number the product with the gradient, where that alone needs no inverse."""
        d = tangent(f"d{s.data.name}", s)
        found = differential(self.root, s, d)
        if self.root.shape != SCALAR or not restricted(found) or restricted(slope):
            return found
        return frobenius(substitute(slope, {g: number(1)}), d)

    def __call__(self, *args: Any) -> Any:
        tracked = any(a.__class__ is Variable for a in args)
        try:
            v = self.value(*(plain(a) for a in args))
        except np.linalg.LinAlgError as error:
            raise DomainError(f"{self.function.name} has no value at these numbers: {error}") from None
        return record(self.op, v, *args) if tracked else v


# Derivatives in numbers, also where the formula of the rule needs an inverse: (X, E) -> the change along E. Their transpose is that at X.T.
SLOPES: dict[str, Callable[[Any, Any], Any]] = {"adj": adjugate_slope}


def use_numbers(op: Operation, slope: Callable[[Any, Any], Any]) -> None:
    """Numbers by a slope of their own; derivatives of derivatives still by the formula."""
    op.pull_a = lambda g, y, a, b: over_stack(slope, (a.swapaxes(-1, -2), g))
    op.push = lambda s, t, y, a, b: over_stack(slope, (a, s))


def everywhere(e: Expr) -> Expr:
    """A form without inverses where the identities of rules/ know one: that of the determinant has a value at singular matrices."""
    if not restricted(e):
        return e
    from ..simplifier import Simplifier

    simple = Simplifier().simplify(e)
    return e if restricted(simple) else simple


def restricted(e: Expr) -> bool:
    """Does a part of e need an invertible matrix?"""
    return any(n.op == "call" and any(": invertible" in c for c in of_call(n).words("domain")) for n in postorder([e]))


def over_stack(g: Callable[..., Any], args: Sequence[Array]) -> Array:
    """g of matrices, for each of a stack of them."""
    lead = np.broadcast_shapes(*(a.shape[:-2] for a in args))
    if not lead:
        return last(g(*args))
    flat = [np.broadcast_to(a, (*lead, *a.shape[-2:])).reshape(-1, *a.shape[-2:]) for a in args]
    found = np.array([last(g(*parts)) for parts in zip(*flat, strict=True)])
    return found.reshape(*lead, *found.shape[1:])


def last(found: Any) -> Any:
    """Of several results the last: (sign, logarithm), (exponential, its derivative)."""
    return found[-1] if isinstance(found, tuple) else found


def real_part(name: str, found: Array) -> Array:
    """A result that is complex by rounding only, as a real one."""
    if not np.iscomplexobj(found):
        return found
    if np.abs(found.imag).max(initial=0) > 1e-10 * np.abs(found.real).max(initial=0):
        raise DomainError(f"{name} has no real value at these numbers")
    return found.real


@cache
def matrixwise(name: str, kinds: tuple[str, ...], axis: int | None = None) -> Matrixwise:
    function = known().function(name, list(kinds), axis)
    if function is None:
        raise NotSupported(f"{name} takes no {', '.join(kinds)}")
    return Matrixwise(function, kinds)


def is_elementwise(f: Function) -> bool:
    """One array in, one of the same shape out, entry by entry; whole numbers may stand before it."""
    return f.signature.elementwise or f.name in ENTRIES


ENTRIES = ("sqrt", "square", "polygamma")  # functions of entries whose tables have a definition or a differential


def called(node: Expr, args: Sequence[Any]) -> Any:
    """The value of a call inside a formula, on arrays or Variables."""
    f = of_call(node)
    if f.name not in TWO and is_elementwise(f):
        whole = tuple(int(a.data) for a in node.args[:-1])
        return elementwise(f.name, whole)(args[-1])
    if f.name in TWO:
        return two(f.name)(*args)
    kinds = tuple("matrix" if k == "row" else k for k in (kind(a) for a in node.args))
    return matrixwise(f.name, kinds, f.head.axis)(*args)


