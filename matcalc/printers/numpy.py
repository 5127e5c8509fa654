"""Expressions as NumPy code that stands alone: vectors and rows are 1-D arrays, scalars floats, parts with names are assignments."""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module

from .. import dims
from ..algebra import matmul, segments
from ..dims import SCALAR, Dim, Shape
from ..errors import NotSupported
from ..expr import Expr, postorder, symbols
from ..functions import kind, of_call, template
from ..knowledge import Function, is_dotted
from .forms import ATOM, POSTFIX, POWER, PRODUCT, Form, in_order, render
from .layout import Part, Printer
from .signs import Flips
from .text import named_parts

TAKEN = frozenset(["np", "math", "scipy", *keyword.kwlist, *keyword.softkwlist])


class NumPy(Printer, format="numpy"):
    called = "np.{name}({args})"
    operators = {"tr": "np.trace({0})", "sum": "np.sum({0})", "diag": "np.diag({0})", "diagv": "np.diag({0})"}  # noqa: RUF012

    def __init__(self, decimals: bool = False, typed: Iterable[Expr] = ()) -> None:
        super().__init__(decimals, typed)
        self.helpers: dict[str, str] = {}  # functions that NumPy has not: their source, by name
        self.imports = {"import numpy as np"}
        self.renamed: dict[str, str] = {}  # names of the user, as Python takes them

    def name(self, name: str) -> str:
        if name not in self.renamed:
            word = name
            while word in TAKEN or word in self.renamed.values():
                word += "_"
            self.renamed[name] = word
        return self.renamed[name]

    def dimension(self, dim: Dim) -> str:
        text = dims.text(dim)
        return self.name(text) if isinstance(dim, str) else text

    # ------------------------------------------------------------ leaves and operators
    def _sym(self, e: Expr) -> Form:
        return Form(ATOM, [self.name(e.data.name)])

    def _size(self, e: Expr) -> Form:
        return Form(ATOM if isinstance(e.data, str) else POSTFIX, [self.dimension(e.data)])

    def _pi(self, e: Expr) -> Form:
        return Form(ATOM, ["np.pi"])

    def _constant(self, e: Expr) -> Form:
        sizes = [self.dimension(d) for d in e.shape if e.op == "eye" or d != 1]
        return Form(ATOM, [f"np.{e.op}({sizes[0] if e.op == 'eye' or len(sizes) == 1 else f'({sizes[0]}, {sizes[1]})'})"])

    _eye = _ones = _zeros = _constant

    def _commat(self, e: Expr) -> Form:
        m, n = (f"({self.dimension(d)})" if isinstance(d, dims.Poly) else self.dimension(d) for d in e.data)
        return Form(POSTFIX, [f"np.eye({m} * {n})[np.arange({m} * {n}).reshape({n}, {m}).T.ravel()]"])

    def _transpose(self, e: Expr) -> Form:
        return self._form(e.args[0]) if 1 in e.shape else super()._transpose(e)

    def _flipped_vector(self, form: Form) -> Form:
        return form

    def _vec(self, e: Expr) -> Form:
        return Form(POSTFIX, [(self._form(e.args[0]), POSTFIX), '.ravel(order="F")'])

    def _kron(self, e: Expr) -> Form:
        standing = [self._upright(a) if a.is_column and not e.is_column else (self._form(a), 0) for a in e.args]
        return Form(ATOM, ["np.kron(", standing[0], ", ", standing[1], ")"])

    def _upright(self, e: Expr) -> tuple[Form, int]:
        return Form(POSTFIX, [(self._form(e), POSTFIX), "[:, None]"]), 0

    def _index(self, e: Expr) -> Form:
        form = super()._index(e)
        inner = e.args[0]
        lost = [i for i, s in enumerate(e.data) if not isinstance(s, int) and e.shape[i] == 1 and inner.shape[i] != 1]
        if not lost:
            return form
        return Form(POSTFIX, [(form, POSTFIX), ".item()" if e.shape == SCALAR else ".ravel()"])

    # ------------------------------------------------------------ products
    def _chain(self, e: Expr, flips: Flips) -> Form:
        left, middle, right = segments(list(e.args))
        if not middle and left and right and left[-1].shape[1] == 1:
            sides = [self._side(left, flips), self._side(right, flips)]
            return Form(ATOM, ["np.outer(", (sides[0], 0), ", ", (sides[1], 0), ")"])
        if e.is_column and not any([1 in f.shape for f in e.args[:-1]]) and e.args[-1].op != "ones":  # vectors first
            form = self._factor(e.args[-1], flips)
            for f in reversed(e.args[:-1]):
                form = Form(PRODUCT, [(self._factor(f, flips), POWER), self.chained, (form, POWER)])
            return form
        return super()._chain(e, flips)

    def _side(self, chain: Sequence[Expr], flips: Flips) -> Form:
        return self._factor(matmul(chain), flips)

    def _join_factors(self, parts: list[Part], factors: Sequence[Expr], flips: Flips) -> None:
        full = [f for f in factors if not f.is_scalar and _repeats(f) is None]
        if full and 1 not in full[0].shape and len(full) < sum([not f.is_scalar for f in factors]):
            for f in factors:  # broadcast what a product with ones would repeat
                side = _repeats(f)
                if side is not None and f not in self.factors:
                    column, axis = side
                    inner = self._form(column)
                    self.factors[f] = Form(POSTFIX, [(inner, POSTFIX), "[:, None]"]) if axis == 1 else inner
        super()._join_factors(parts, factors, flips)

    # ------------------------------------------------------------ functions
    def _function(self, function: Function, args: Sequence[Form], of_matrix: bool, kinds: tuple[str, ...] = ("scalar",)) -> Form:
        value = function.get("numpy") or function.get("definition") or function.get("written_out")
        axis = function.head.axis
        given: list[Part] = [(a, 0) for a in args]
        if not value:
            raise NotSupported(f"rules/ gives no numeric value for {function.name}")
        if not is_dotted(value):
            return _call(self._helper(function, kinds), given)
        module, _, name = value.rpartition(".")
        if axis is not None:
            given.append(f"axis={axis}")
        if module == "math":
            self.imports |= {"import math"}
            self.helpers.setdefault(function.name, f"{function.name} = np.vectorize({value}, otypes=[float])")
            return _call(function.name, given)
        if module.split(".")[0] == "matcalc":
            source = inspect.getsource(getattr(import_module(module), name)).replace("    import numpy as np\n\n", "")
            self.helpers.setdefault(name, source.replace(": Any", "").replace(" -> Any", ""))
            return _call(name, given)
        if module.split(".")[0] != "numpy":
            self.imports |= {f"import {module}"}
        form = _call(f"np{value[5:]}" if value.startswith("numpy.") else value, given)
        return Form(POSTFIX, [(form, POSTFIX), "[-1]"]) if _has_several_results(value) else form

    def _call(self, e: Expr) -> Form:
        return self._function(of_call(e), [self._form(a) for a in e.args], False, tuple(kind(a) for a in e.args))

    def _repeated(self, base: Expr, k: int) -> Form:
        return Form(ATOM, ["np.linalg.matrix_power(", (self._form(base), 0), f", {k})"])

    def _helper(self, function: Function, kinds: tuple[str, ...]) -> str:
        """The name of a function that stands above the code; it is written there once for every kind of argument."""
        kinds = tuple("vector" if k == "row" else k for k in kinds)
        base = function.entry.replace("-", "_")
        expression, _ = template(function, next(k for k in ("numpy", "definition", "written_out") if function.get(k)), kinds)
        params = [p.name for p in function.signature.params if p.kind != "axis"]
        for name in (base, f"{base}_of_{kinds[0]}", f"{base}_function"):
            if name in self.renamed.values():
                continue
            own = self._own(expression, params)
            lines = self._body(expression, own, ())
            source = "\n".join([f"def {name}({', '.join(params)}):", *self._sizes("\n".join(lines), own), *lines])
            if self.helpers.setdefault(name, source) == source:
                return name
        raise AssertionError("a kind has one helper")

    # ------------------------------------------------------------ the whole
    def _own(self, e: Expr, names: Iterable[str]) -> dict[str, Shape]:
        found = symbols(e)
        return {name: found[name].shape for name in names if name in found}

    def _body(self, e: Expr, arrays: Mapping[str, Shape], taken: Iterable[str]) -> list[str]:
        """The lines of a function: sizes that are needed, parts that have names, and what is returned."""
        named = named_parts([e], self.decimals, (), [*taken, *arrays, *TAKEN])
        letters = {part.of: named.names[id(part)] for part in named.parts}
        whole = self.form(e)
        names = {id(f): letters[f.of] for f in in_order(whole) if f.of in letters}
        texts = {letters[p.of]: render(self.form(p.of), names) for p in reversed(named.parts) if p.of is not None}
        lines = [f"    {name} = {texts[name]}" for name in _in_order(texts)]
        result = render(Form(POSTFIX, [(whole, POSTFIX), "[None, :]"]) if e.is_row else whole, names)
        lines.append(f"    return {result}")
        return lines

    def _sizes(self, code: str, arrays: Mapping[str, Shape]) -> list[str]:
        """`m, n = A.shape`, for the sizes that the code mentions."""
        words = set(re.findall(r"\w+", code))
        wanted = {d for shape in arrays.values() for d in shape if isinstance(d, str) and self.name(d) in words}
        lines = []
        for name, shape in arrays.items():
            own = [d for d in shape if isinstance(d, str) and d in wanted]
            if own:
                left = ", ".join(self.name(d) if d in wanted and isinstance(d, str) else "_" for d in shape if d != 1)
                lines.append(f"    {left} = {self.name(name)}.shape" if 1 not in shape else f"    {left} = {self.name(name)}.size")
                wanted -= set(own)
        return lines

    def _taken_names(self, arrays: Mapping[str, Shape]) -> None:
        for name in arrays:  # first come, first named: what Python takes as it is keeps its name
            if name not in TAKEN:
                self.name(name)

    def code(self, verb: str, e: Expr, arrays: Mapping[str, Shape], formula: str) -> str:
        """A complete module: imports, helpers, and one function with its formula and shapes."""
        self._taken_names(arrays)
        return self.module(verb, self._body(e, arrays, ()), arrays, formula, _array(e.shape), sizes_in(e))

    def module(self, verb: str, lines: Sequence[str], arrays: Mapping[str, Shape], formula: str, result: str,
               sizes: Iterable[str] = ()) -> str:
        known = {d for shape in arrays.values() for d in shape}
        params = [self.name(name) for name in arrays] + sorted(self.name(d) for d in sizes if d not in known)
        shapes = [f"    {self.name(name)}: {_array(shape)}" for name, shape in arrays.items()]
        doc = [f'    """{formula}', "", *shapes, "    returns: " + result, '    """']
        rows = [f"    {self.name(n)} = np.ravel({self.name(n)})" for n, s in arrays.items() if s[0] == 1 and s[1] != 1]
        needed = [*self._sizes("\n".join(lines), arrays), *rows]
        function = "\n".join([f"def {verb}({', '.join(params)}):", *doc, *needed, *lines])
        return "\n\n\n".join(["\n".join(sorted(self.imports)), *(h.rstrip() for h in self.helpers.values()), function]) + "\n"


def sizes_in(e: Expr) -> set[str]:
    """The dimension names that the value needs: in constants, and as numbers."""
    found: set[str] = set()
    for node in postorder([e]):
        if node.op in ("eye", "ones", "zeros"):
            found |= {n for d in node.shape for n in dims.names(d)}
        elif node.op == "size":
            found |= dims.names(node.data)
        elif node.op == "commat":
            found |= {n for d in node.data for n in dims.names(d)}
    return found


def _in_order(texts: Mapping[str, str]) -> list[str]:
    """The names of definitions, each behind those that it mentions."""
    found: list[str] = []
    waiting = list(texts)
    while waiting:
        ready = [n for n in waiting if not set(re.findall(r"\w+", texts[n])) & (set(waiting) - {n})] or waiting[:1]
        found += ready
        waiting = [n for n in waiting if n not in ready]
    return found


def _has_several_results(dotted: str) -> bool:
    """numpy.linalg.slogdet gives a sign and a logarithm; the last is meant."""
    import numpy as np

    if not dotted.startswith("numpy.linalg."):
        return False
    try:
        return isinstance(getattr(np.linalg, dotted.rpartition(".")[2])(np.eye(2)), tuple)
    except TypeError:  # it takes more arguments
        return False


def _repeats(f: Expr) -> tuple[Expr, int] | None:
    """The column (axis 1) or the row (axis 0) that f repeats."""
    if f.op == "matmul" and len(f.args) == 2 and 1 not in f.shape:
        if f.args[1].op == "ones" and f.args[1].shape[0] == 1:
            return f.args[0], 1
        if f.args[0].op == "ones" and f.args[0].shape[1] == 1:
            return f.args[1], 0
    return None


def _call(name: str, args: Sequence[Part]) -> Form:
    parts: list[Part] = [f"{name}("]
    for i, arg in enumerate(args):
        parts += [", ", arg] if i else [arg]
    return Form(ATOM, [*parts, ")"])


def _array(shape: Shape) -> str:
    if shape == SCALAR:
        return "float"
    sizes = [dims.text(d) for d in shape]
    return f"array ({sizes[0]},)" if sizes[1] == "1" else f"array ({', '.join(sizes)})"
