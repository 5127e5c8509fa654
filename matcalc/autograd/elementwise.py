"""Functions of every entry: code for floats and for arrays, and the slope, made from the formulas of rules/."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from ..algebra import call
from ..differentials import differential, tangent
from ..dims import SCALAR
from ..errors import DomainError, NotSupported, ShapeError
from ..expr import Expr, number, postorder, symbol
from ..functions import instantiate, of_call, result_shape, template
from ..knowledge import Function, is_dotted, known
from ..rebuild import substitute
from ..transposition import gradient
from .formula import Formula
from .operations import Operation, added, raised, unbroadcast
from .variable import Variable, operand, plain, record


class Elementwise:
    """A function of each entry, of one argument: `numbers` for floats, `arrays` for arrays, its slope from the rule's derivative."""

    def __init__(self, function: Function, whole: Sequence[int] = ()) -> None:
        self.__name__ = function.name
        self.__doc__ = f"{function.name} of every entry. Its derivative: rules/, [{function.entry}]."
        self.function, self.whole = function, tuple(whole)
        self.x = symbol("x", SCALAR)
        args = [*(number(k) for k in whole), self.x]
        self.numbers, self.arrays = value_of(function, args, numbers=True), value_of(function, args, numbers=False)
        self._op: Operation | None = None

    @property
    def op(self) -> Operation:
        """The operation that is recorded; its derivative is compiled at the first use."""
        if self._op is None:
            args = [*(number(k) for k in self.whole), self.x]
            root = rooted(self.function, args)
            slope = gradient(root, self.x)
            slope = substitute(slope, {root: symbol("y", SCALAR)})
            pull = slope_code(slope)
            from .matrixwise import called

            over = Formula(slope, called)

            def graph(g: Any, y: Any, a: Any, b: Any) -> Any:
                return g * over({"x": a, "y": y})

            name = ":".join([self.function.name, *map(str, self.whole)])
            self._op = Operation(name, pull, None, lambda s, t, y, a, b: pull(s, y, a, b), graph_a=graph,
                                 graph_push=lambda s, t, y, a, b: graph(s, y, a, b))
        return self._op

    def __call__(self, x: Any) -> Any:
        if x.__class__ is not Variable:
            if isinstance(x, Expr):
                return _symbolic(self.function.name, [*(number(k) for k in self.whole), x])
            x = operand(x)
            if x is NotImplemented:
                raise DomainError(f"{self.__name__} takes a Variable or numbers")
            if x.__class__ is not Variable:
                return self.numbers(x) if x.__class__ is float else self.arrays(x)
        v = x._v
        return record(self._op or self.op, self.numbers(v) if v.__class__ is float else self.arrays(v), x)

    def __repr__(self) -> str:
        return f"<function matcalc.autograd.{self.__name__}>"


SPELLED = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh"}


def value_of(function: Function, args: Sequence[Expr], *, numbers: bool) -> Callable[[Any], Any]:
    """The value of an elementwise function of one argument, for floats or for arrays."""
    text = function.get("numpy") or function.get("definition")
    if is_dotted(text):
        arrays = dotted(text, *(int(a.data) for a in args[:-1]))
        name = text.rpartition(".")[2]
        if not numbers:
            return arrays
        plainly = getattr(math, SPELLED.get(name, name), None) if len(args) == 1 else None
        if name == "sign":
            return lambda x: float((x > 0.0) - (x < 0.0)) if x == x else x
        if plainly is None:
            return abs if name == "abs" else lambda x: float(arrays(x))

        def careful(x: float) -> float:
            try:
                return plainly(x)  # type: ignore[no-any-return]
            except (ValueError, OverflowError):
                with np.errstate(all="ignore"):
                    return float(arrays(x))

        return careful
    key = "numpy" if function.get("numpy") else "definition"
    whole = {p.name: int(a.data) for p, a in zip(function.signature.params, args, strict=True) if p.kind == "integer"}
    e, _ = template(function, key, tuple("scalar" for _ in args), whole)
    return code(e, [function.signature.params[-1].name], numbers=numbers)


def dotted(name: str, *first: int) -> Callable[..., Any]:
    """The function that a rule names (one of the whitelist: callables.py, checked when the rule is read)."""
    module, _, attribute = name.rpartition(".")
    try:
        f = getattr(import_module(module), attribute)
    except (ImportError, AttributeError):
        raise NotSupported(f"{name} is not installed", detail="SciPy comes with the extra [opt]") from None
    if module == "math":
        f = np.vectorize(_total(f), otypes=[float])
    return (lambda x: f(*first, x)) if first else f


def _total(f: Callable[[float], float]) -> Callable[[float], float]:
    """A function of Python's math that has a value everywhere, as those of NumPy have: nan outside its domain, inf when it is too large."""
    def value(x: float) -> float:
        try:
            return f(x)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return value


# ---------------------------------------------------------------- code for numbers and arrays, made from our own nodes
def slope_code(slope: Expr) -> Callable[[Any, Any, Any, Any], Any]:
    """g * slope(x, y), as one function; a second one where functions of numbers differ from those of arrays."""
    arrays = code(slope, ["g", "y", "x", "_"], numbers=False, before="g * ")
    if not any(n.op in ("call", "pow") for n in postorder([slope])):
        return arrays
    numbers = code(slope, ["g", "y", "x", "_"], numbers=True, before="g * ")
    return lambda g, y, a, b: (numbers if a.__class__ is float else arrays)(g, y, a, b)


def code(e: Expr, params: Sequence[str], *, numbers: bool, before: str = "") -> Callable[..., Any]:
    """An elementwise expression as a Python function of its symbols; nothing in it is text of a user."""
    space: dict[str, Any] = {"raised": raised}
    names: dict[Expr, str] = {}
    lines: list[str] = []
    allowed = {p: f"v{i}" for i, p in enumerate(params)}
    uses: dict[Expr, int] = {}
    nodes = list(postorder([e]))
    for n in nodes:
        for a in n.args:
            uses[a] = uses.get(a, 0) + 1
    for n in nodes:
        text = _source(n, [names[a] for a in n.args], space, allowed, numbers)
        if uses.get(n, 0) > 1 and n.args:
            names[n] = f"t{len(lines)}"
            lines.append(f"    {names[n]} = {text}")
        else:
            names[n] = f"({text})" if n.op in ("add", "mul", "pow") else text
    head = "def made(" + ", ".join(allowed.values()) + "):\n"
    result = names[e] if not before else f"{allowed['g']} * {names[e]}"
    exec(head + "\n".join([*lines, f"    return {result}"]), space)  # noqa: S102 - code of our own nodes: names v0, t0, f0 and numbers
    return space["made"]  # type: ignore[no-any-return]


def _source(n: Expr, args: list[str], space: dict[str, Any], allowed: dict[str, str], numbers: bool) -> str:
    if n.op == "num":
        return repr(float(n.data))
    if n.op == "pi":
        return repr(math.pi)
    if n.op == "sym":
        return allowed[n.data.name]
    if n.op == "add":
        terms = [(f"{a}" if abs(c) == 1 else f"{float(abs(c))!r} * {a}", "-" if c < 0 else "+") for c, a in zip(n.data, args, strict=True)]
        plus = [t for t in terms if t[1] == "+"] + [t for t in terms if t[1] == "-"]
        first = plus[0][0] if plus[0][1] == "+" else f"-{plus[0][0]}"
        return first + "".join(f" {sign} {text}" for text, sign in plus[1:])
    if n.op == "mul":
        product = " * ".join(args)
        return product if n.data == 1 else f"-{product}" if n.data == -1 else f"{float(n.data)!r} * {product}"
    if n.op == "pow":
        k = n.args[1]
        if k.op == "num" and k.data == 2 and n.args[0].op == "sym":
            return f"{args[0]} * {args[0]}"
        if k.op == "num" and k.data == -1 and not numbers:
            return f"1.0 / {args[0]}"
        return f"raised({args[0]}, {args[1]})" if numbers else f"{args[0]} ** {args[1]}"
    if n.op == "call":
        name = f"f{len(space)}"
        space[name] = _flavour(n, numbers)
        return f"{name}({', '.join(args[_integers(n):])})"
    raise NotSupported(f"{n.op} is not elementwise")


def _integers(n: Expr) -> int:
    return sum(p.kind == "integer" for p in of_call(n).signature.params)


def _flavour(n: Expr, numbers: bool) -> Callable[..., Any]:
    """The function of a call, for numbers or for arrays."""
    f = of_call(n)
    if f.name in ("maximum", "minimum"):
        return TWO[f.name][0 if numbers else 1]
    made = elementwise(f.name, tuple(int(a.data) for a in n.args[:_integers(n)]))
    return made.numbers if numbers else made.arrays


TWO: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "maximum": (lambda a, b: a if a > b or a != a else b, np.maximum),
    "minimum": (lambda a, b: a if a < b or a != a else b, np.minimum),
}


@cache
def elementwise(name: str, whole: tuple[int, ...] = ()) -> Elementwise:
    return Elementwise(known().functions[name][0], whole)


def rooted(function: Function, args: Sequence[Expr]) -> Expr:
    """The call, or what it abbreviates."""
    if "definition" in function.table:
        return instantiate(function, "definition", args)
    return call(function.head, args, result_shape(function, args))


# ---------------------------------------------------------------- maximum, minimum
class Two:
    """An elementwise function of two arguments, which are broadcast."""

    def __init__(self, function: Function) -> None:
        self.__name__ = function.name
        self.__doc__ = f"{function.name} of two arrays, entry by entry. Its derivative: rules/, [{function.entry}]."
        self.function = function
        x, y, g = symbol("x", SCALAR), symbol("y", SCALAR), symbol("G", SCALAR)
        root = call(function.head, [x, y], SCALAR)
        from .matrixwise import called

        pulls = [Formula(gradient(root, s, g), called) for s in (x, y)]
        pushes = [Formula(differential(root, s, tangent("dx", s)), called) for s in (x, y)]

        def push(s: Any, t: Any, v: Any, a: Any, b: Any) -> Any:
            return added(*(None if d is None else pushes[i]({"x": a, "y": b, "dx": d}) for i, d in enumerate((s, t))))

        self.op = Operation(function.name, lambda g, v, a, b: unbroadcast(pulls[0]({"x": a, "y": b, "G": g}), a),
                            lambda g, v, a, b: unbroadcast(pulls[1]({"x": a, "y": b, "G": g}), b), push)

    def __call__(self, a: Any, b: Any) -> Any:
        if isinstance(a, Expr) or isinstance(b, Expr):
            return _symbolic(self.function.name, [a, b])
        x, y = plain(a), plain(b)
        try:
            v = TWO[self.function.name][0](x, y) if x.__class__ is float is y.__class__ else TWO[self.function.name][1](x, y)
        except ValueError:
            raise ShapeError(f"{self.__name__} of shapes {np.shape(x)} and {np.shape(y)}") from None
        if a.__class__ is Variable or b.__class__ is Variable:
            return record(self.op, v, a if a.__class__ is Variable else x, b if b.__class__ is Variable else y)
        return v

    def __repr__(self) -> str:
        return f"<function matcalc.autograd.{self.__name__}>"


@cache
def two(name: str) -> Two:
    return Two(known().functions[name][0])



def _symbolic(name: str, args: Sequence[Any]) -> Expr:
    from .functions import symbolic

    return symbolic(name, args)
