"""Expressions as array operations, for given sizes: columns and rows become vectors, products are ordered by their cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from .. import dims
from ..algebra import scalar_part
from ..expr import Expr, postorder
from ..functions import bindings, kind, of_call, template
from ..knowledge import Function, is_dotted, known
from ..properties import Prover
from . import bands
from .costs import FORM, product_cost
from .graph import Graph, Op, Shape
from .networks import Networks

Sizes = Mapping[str, int]
LONG = 16  # factors: of which the best order takes longer to find than it saves, where half of them need not be multiplied
MOST_OPENED = 3  # sums in one product of matrices that may be multiplied out


class CannotLower(Exception):
    """An operation that has no array form here; the expression is then computed node by node."""


class Lowering:
    """One graph for several expressions. What they share is one operation."""

    def __init__(self, sizes: Sizes, roots: Sequence[Expr], graph: Graph | None = None, target: str = "numpy",
                 two_axes: bool = False, knows: Callable[[str], bool] = lambda _: True, of_template: bool = False) -> None:
        self.sizes, self.graph, self.prover = sizes, graph or Graph(), Prover()
        self.target, self.two_axes, self.knows = target, two_axes, knows
        self.done: dict[Expr, Op] = {}
        self.uses, self.absorbed, self.inverted = _of_template(roots[0]) if of_template else _seen(roots)
        self._sizes: dict[Any, tuple[int, int]] = {}
        self.networks = Networks(self)
        self.common: set[tuple[Expr, ...]] = set()  # products within several products of one sum
        self.chains = {} if of_template else {n.args: n for n in postorder(list(roots)) if n.op == "matmul"}

    # ------------------------------------------------------------ shapes
    def dims(self, e: Expr) -> tuple[int, int]:
        found = self._sizes.get(e.shape)
        if found is None:
            rows, columns = (d if isinstance(d, int) else dims.evaluate(d, self.sizes) for d in e.shape)
            found = self._sizes[e.shape] = (rows, columns)
        return found

    def shape(self, e: Expr) -> Shape:
        rows, columns = self.dims(e)
        return () if e.is_scalar else (rows,) if e.is_column else (columns,) if e.is_row else (rows, columns)

    # ------------------------------------------------------------ nodes
    def lower(self, e: Expr) -> Op:
        """The value of e; of a row, as that of its transpose."""
        if e not in self.done:
            self.done[e] = self._lowered(e)
            if self.uses.get(e, 0) > 1:
                self.graph.share(self.done[e])
        return self.done[e]

    def _lowered(self, e: Expr) -> Op:
        maker = getattr(self, f"_{e.op}", None)
        if maker is None:
            raise CannotLower(e.op)
        found: Op = maker(e)
        if found.shape != self.shape(e):
            raise CannotLower(f"{e.op}: {found.shape} for {self.shape(e)}")
        return found

    def _num(self, e: Expr) -> Op:
        return self.graph.number(float(e.data))

    def _pi(self, e: Expr) -> Op:
        return self.graph.number(math.pi) if self.graph.named == () else self.graph.op("pi", (), ())

    def _size(self, e: Expr) -> Op:
        return self.graph.count(dims.evaluate(e.data, self.sizes))

    def _sym(self, e: Expr) -> Op:
        return self.graph.input(e.data.name, self.shape(e))

    def _eye(self, e: Expr) -> Op:
        return self.graph.op("eye", (), self.shape(e))

    def _ones(self, e: Expr) -> Op:
        return self.graph.full(1.0, self.shape(e))

    def _zeros(self, e: Expr) -> Op:
        return self.graph.full(0.0, self.shape(e))

    def _commat(self, e: Expr) -> Op:
        m, n = (d if isinstance(d, int) else dims.evaluate(d, self.sizes) for d in e.data)
        return self.graph.op("commutation", (), self.shape(e), (m, n))

    def _add(self, e: Expr) -> Op:
        terms = [(1.0 if a in self.absorbed else float(c), self.lower(a)) for c, a in zip(e.data, e.args, strict=True)]
        return self.graph.linear(terms, 0.0, self.shape(e))

    def _mul(self, e: Expr) -> Op:
        scalars = [self.lower(a) for a in e.args if a.is_scalar]  # first: a trace among them may want the array without its number
        arrays = [a for a in e.args if not a.is_scalar]
        if len(arrays) == 1 and arrays[0] in self.absorbed:
            return self.graph.product(1.0, [*scalars, self.lower(arrays[0])], self.shape(e))
        if len(arrays) == 1 and arrays[0].op == "matmul" and self.uses.get(arrays[0], 0) <= 1:
            return self._chain(arrays[0], self.graph.product(float(e.data), scalars, ()))
        return self.graph.product(float(e.data), [self.lower(a) for a in e.args], self.shape(e))

    def _pow(self, e: Expr) -> Op:
        base, exponent = e.args
        if exponent.op == "num":
            return self.graph.power(self.lower(base), float(exponent.data))
        return self.graph.raised(self.lower(base), self.lower(exponent), self.shape(e))

    def _transpose(self, e: Expr) -> Op:
        return self.graph.transpose(self.lower(e.args[0]))

    def _matmul(self, e: Expr) -> Op:
        return self._chain(e, self.graph.number(self.absorbed.get(e, 1.0)))

    def _run(self, e: Expr) -> Op:
        return self.graph.op("matrix power", (self.lower(e.args[0]),), self.shape(e), e.data)

    def _tr(self, e: Expr) -> Op:
        a = e.args[0]
        g = self.graph
        network = None if self.two_axes or self.uses.get(a, 0) > 1 else self.networks.trace([a])
        if network is not None:
            return network
        reused = self._trace_of_chain(a) if a.op == "matmul" and self.uses.get(a, 0) <= 1 else None
        if reused is not None:
            return reused
        if a.op == "matmul" and self.uses.get(a, 0) <= 1:
            # tr(P @ Q) is a sum over P * Q.T; the cut is where both parts are cheapest
            cuts = range(1, len(a.args))
            size = FORM * self.dims(a.args[0])[0]
            best = min(cuts, key=lambda i: self._cost(a.args[:i]) + self._cost(a.args[i:]) + size * self.dims(a.args[i])[0])
            p, q = self.product(a.args[:best]), self.product(a.args[best:])
            if len(p.shape) == 2 and len(q.shape) == 2:
                return g.inner(p, g.transpose(q))
        if a.op == "run" and self.uses.get(a, 0) <= 1:
            base, half = self.lower(a.args[0]), a.data // 2
            return g.inner(self._power_of(base, half), g.transpose(self._power_of(base, a.data - half)))
        return g.total(self.diagonal(self.lower(a)))

    def _power_of(self, a: Op, k: int) -> Op:
        return a if k == 1 else self.graph.op("matrix power", (a,), a.shape, k)

    def _trace_of_chain(self, a: Expr) -> Op | None:
        """tr(X @ P) for a product P that is wanted elsewhere, as it is or transposed: no further product is needed."""
        for i, x in enumerate(a.args):
            rest = a.args[i + 1:] + a.args[:i]
            turned = _turned(rest)
            node = self.chains.get(turned) or self.chains.get(rest)
            if node is None or node in self.done or 1 in self.dims(x):
                continue
            self.absorbed.pop(node, None)
            self.uses[node] = self.uses.get(node, 0) + 1  # it stays whole
            value = self.lower(node)
            return self.graph.inner(self.lower(x), value if node.args == turned else self.graph.transpose(value))
        return None

    def diagonal(self, a: Op) -> Op:
        g, n = self.graph, a.shape[0]
        if a.kind == "eye":
            return g.full(1.0, (n,))
        if a.kind == "diag":
            return a.args[0]
        if a.kind == "full":
            return g.full(a.data, (n,))
        if a.kind == "linear":
            coefficients, constant = a.data
            return g.linear([(c, self.diagonal(t)) for c, t in zip(coefficients, a.args, strict=True)], constant, (n,))
        if a.kind == "dot" and len(a.args[0].shape) == 2:
            return g.inner(a.args[0], g.transpose(a.args[1]), 1)
        return g.op("diagonal", (a,), (n,))

    def _diagv(self, e: Expr) -> Op:
        return self.diagonal(self.lower(e.args[0]))

    def _diag(self, e: Expr) -> Op:
        return self.graph.op("diag", (self.lower(e.args[0]),), self.shape(e))

    def _sum(self, e: Expr) -> Op:
        a, g = e.args[0], self.graph
        network = None if self.two_axes or self.uses.get(a, 0) > 1 else self.networks.total([a])
        if network is not None:
            return network
        moved = self._moved(a) if a.op == "mul" and self.uses.get(a, 0) <= 1 else None
        if moved is not None:
            return moved
        if a.op != "matmul" or self.uses.get(a, 0) > 1 or a.args[-1].is_column or any(f.shape[0] == 1 for f in a.args[1:]):
            return g.total(self.lower(a))
        v = g.total(self.lower(a.args[-1]), 1)  # of a product only vectors are needed
        for f in reversed(a.args[1:-1]):
            v = self._applied(f, v)
        first = self.lower(a.args[0])
        return g.inner(first if len(first.shape) == 1 else g.total(first, 0), v)

    def _moved(self, a: Expr) -> Op | None:
        """The sum of G * (S @ V) as that of (G @ V.T) * S, where G @ V.T is wanted elsewhere: no further product is needed."""
        scalars, arrays = [x for x in a.args if x.is_scalar], [x for x in a.args if not x.is_scalar]
        if len(arrays) != 2 or any(1 in self.dims(x) for x in arrays):
            return None
        for whole, chain in (arrays, arrays[::-1]):
            if chain.op != "matmul" or self.uses.get(chain, 0) > 1:
                continue
            for i in range(1, len(chain.args)):
                left, right = chain.args[:i], chain.args[i:]
                for part, kept in (((whole, *_turned(right)), left), ((*_turned(left), whole), right)):
                    node = self.chains.get(part)
                    turned = self.chains.get(_turned(part)) if node is None else None
                    found = node or turned
                    if found is None or (found in self.done and found in self.absorbed):
                        continue
                    self.absorbed.pop(found, None)
                    self.uses[found] = self.uses.get(found, 0) + 1  # it stays whole
                    value = self.lower(found) if node is not None else self.graph.transpose(self.lower(found))
                    inner = self.graph.inner(self.product(kept), value)
                    return self.graph.product(float(a.data), [*map(self.lower, scalars), inner], ())
        return None

    def _kron(self, e: Expr) -> Op:
        a, b = (self._matrix(x) for x in e.args)
        if not self.two_axes and "full" in (a.kind, b.kind):
            network = self.networks.product([e])
            if network is not None:
                return network
        return self._reshaped(self.graph.kron(a, b), e)

    def _vec(self, e: Expr) -> Op:
        return self.graph.stacked(self.lower(e.args[0]))

    def _index(self, e: Expr) -> Op:
        a = e.args[0]
        if a.op == "eye":
            found = bands.selected(self.graph, self.dims(a)[0], e.data)
            if found is not None:
                return self._reshaped(found, e)
        value = self.lower(a)
        if len(value.shape) == 1:  # one axis, one pick
            along = 1 if a.is_row else 0
            return self._reshaped(self.graph.op("slice", (value,), (self.dims(e)[along],), (e.data[along],)), e)
        return self._reshaped(self.graph.op("slice", (self._matrix(a),), self.dims(e), e.data), e)

    def _matrix(self, e: Expr) -> Op:
        """The value of e with two axes."""
        a = self.lower(e)
        return a if len(a.shape) == 2 else self.graph.reshape(a, self.dims(e))

    def _reshaped(self, a: Op, e: Expr) -> Op:
        return a if a.shape == self.shape(e) else self.graph.reshape(a, self.shape(e))

    # ------------------------------------------------------------ functions of rules/
    def _call(self, e: Expr) -> Op:
        function = of_call(e)
        keys = [k for k in (self.target, "numpy", "definition", "written_out") if function.get(k)]
        key = next((k for k in keys if k == self.target or not is_dotted(function.get(k)) or self.knows(function.get(k))), "")
        if not key:
            raise CannotLower(function.name)
        value = function.get(key)
        if key == self.target != "numpy":
            args = [self.lower(a) for a in e.args]
            ordered = {p.kind for p in function.signature.params} == {"integer", "any"}  # as polygamma(k, x), of every entry of x
            return self.graph.map(value, args, self.shape(e)) if function.signature.elementwise or ordered else \
                self.graph.op("call", args, self.shape(e), (value, None))
        if not is_dotted(value):
            return self._formula(function, key, e)
        module, _, name = value.rpartition(".")
        if value == "numpy.linalg.inv":
            return self._inverse(e.args[0])
        args = self._arguments(function, e)
        if value == "numpy.linalg.slogdet":
            return self.graph.op("log determinant", args, (), self.prover.holds(e.args[0], "spd"))
        if value == "numpy.linalg.norm":
            return self.graph.power(self.graph.inner(args[0], args[0]) if args[0].shape else self.graph.power(args[0], 2), 0.5)
        if module == "numpy" and name in ("max", "min"):
            return self._extreme(name, args[0], function.head.axis)
        if module == "numpy" and function.signature.elementwise:
            return self.graph.map(name, args, self.shape(e))
        like = function.signature.result.kind == "matrix" or any(p.kind == "matrix" and function.signature.result.kind == "like"
                                                                 for p in function.signature.params)
        return self._reshaped(self.graph.op("call", args, self.dims(e) if like else self.shape(e), (value, function.head.axis)), e)

    def _arguments(self, function: Function, e: Expr) -> list[Op]:
        """The arguments of a function that is called: where it is one of matrices a vector has two axes, too."""
        params = [p for p in function.signature.params if p.kind != "axis"]
        args = [self._matrix(a) if p.kind == "matrix" or function.head.axis is not None else self.lower(a)
                for p, a in zip(params, e.args, strict=True)]
        if any(p.kind == "integer" and a.kind != "number" for p, a in zip(params, args, strict=True)):
            raise CannotLower(function.name)  # a variable is a float, and no whole number
        return args

    def _formula(self, function: Function, key: str, e: Expr) -> Op:
        """A formula of the table, its arguments as they are: what is computed of one argument twice is exactly equal."""
        params = [p for p in function.signature.params if p.kind != "axis"]
        whole = {p.name: int(a.data) for p, a in zip(params, e.args, strict=True) if p.kind == "integer" and a.op == "num"}
        turned = all(p.kind == "any" for p in params)  # a row is then as good as its transpose
        args = [a.T if a.is_row and turned else a for a in e.args]
        expression, names = template(function, key, tuple("matrix" if a.is_row else kind(a) for a in args), whole)
        sizes = {n: d if isinstance(d, int) else dims.evaluate(d, self.sizes) for n, d in bindings(function, args).items()}
        inner = Lowering(sizes, [expression], self.graph, self.target, self.two_axes, self.knows, of_template=True)
        for param, arg in zip(params, args, strict=True):
            if param.name in names:
                symbol = names[param.name]
                value = inner.done[symbol] = self.lower(arg) if symbol.is_scalar or symbol.is_column else self._matrix(arg)
                if inner.uses.get(symbol, 0) > 1:
                    self.graph.share(value)
        return self._reshaped(inner.lower(expression), e)

    def _extreme(self, name: str, a: Op, axis: int | None) -> Op:
        if a.kind == "full" or not a.shape:
            return self.graph.full(a.data, () if axis is None else (a.shape[1 - axis],)) if a.kind == "full" else a
        if a.kind == "spread":
            return self.graph.product(1.0, [a.args[0]], () if axis is None else (a.shape[1 - axis],))
        shape = () if axis is None else (a.shape[1 - axis],)
        if a.kind == "product" and a.data > 0 and a.data != 1 and len(a.args) == 1:
            return self.graph.product(a.data, [self._extreme(name, a.args[0], axis)], shape)
        return self.graph.op(name, (a,), shape, axis)

    def _inverse(self, a: Expr) -> Op:
        if a.op == "transpose":
            return self.graph.transpose(self._inverse(a.args[0]))
        value = self._matrix(a)
        return self._reshaped(self.graph.op("inverse", (value,), value.shape, self.prover.holds(a, "spd")), a)

    # ------------------------------------------------------------ products of matrices
    def _chain(self, e: Expr, factor: Op) -> Op:
        """factor * (A @ B @ ...)."""
        network = None if self.two_axes else self.networks.product(e.args, factor)
        if network is not None:
            return network
        found = self.product(e.args)
        if factor.kind == "number" and factor.data == 1:
            return found
        banded = bands.scaled(self.graph, 1.0, [factor], found)
        if banded is not None:
            return banded
        if found.kind == "dot" and len(found.shape) == 2:
            a, b = found.args
            small = b if b.size < a.size else a
            fresh = small.kind not in ("input", "transpose")
            if 2 * small.size < found.size and (fresh or 3 * small.size < found.size):
                scaled = self.graph.product(1.0, [factor, small], small.shape)
                return self.graph.dot(scaled, b) if small is a else self.graph.dot(a, scaled)
        return self.graph.product(1.0, [factor, found], found.shape)

    def product(self, factors: Sequence[Expr]) -> Op:
        """The product of factors that are no scalars, in the cheapest order that was found."""
        if len(factors) == 1:
            return self.lower(factors[0])
        g = self.graph
        network = None if self.two_axes else self.networks.product(factors)
        if network is not None:
            return network
        for i in range(1, len(factors)):  # between a column and a row everything falls apart
            if factors[i].shape[0] == 1:
                left, right = self.product(factors[:i]), self.product(factors[i:])
                if not left.shape or not right.shape:
                    return g.product(1.0, [left, right], left.shape or right.shape)
                return self._outer(left, right)
        if factors[-1].shape[1] == 1:
            value = self.lower(factors[-1])
            for f in reversed(factors[1:-1]):
                value = self._applied(f, value)
            if factors[0].shape[0] == 1:
                return g.inner(self.lower(factors[0]), value)
            return self._applied(factors[0], value)
        if factors[0].shape[0] == 1:
            value = self.lower(factors[0])
            for f in factors[1:]:
                value = self._applied(f.T, value)
            return value
        return self._matrices(tuple(factors))

    def _outer(self, u: Op, v: Op) -> Op:
        g, shape = self.graph, (*u.shape, *v.shape)
        if v.kind == "full":
            return g.repeat(g.product(v.data, [u], u.shape), 0, shape)
        if u.kind == "full":
            return g.repeat(g.product(u.data, [v], v.shape), 1, shape)
        return g.outer(u, v)

    def _applied(self, f: Expr, v: Op) -> Op:
        """f @ v for a vector v, without forming what is only needed for that."""
        g = self.graph
        once = self.uses.get(f, 0) <= 1 and f not in self.done
        if f.op == "eye":
            return v
        if f.op == "diag":
            return g.product(1.0, [self.lower(f.args[0]), v], v.shape)
        if f.op == "ones" or v.kind == "full":
            return self._summed(f, v)
        if (f.op == "mul" and once and any(a.is_scalar for a in f.args)) or (f.op == "mul" and once and len(f.args) == 1):
            arrays = [a for a in f.args if not a.is_scalar]
            scalars = [self.lower(a) for a in f.args if a.is_scalar]
            inner = self._applied(arrays[0], v) if len(arrays) == 1 else \
                g.dot(g.product(1.0, [self.lower(a) for a in arrays], self.shape(f)), v)
            return g.product(self._number_of(arrays[0], f.data, v) if len(arrays) == 1 else float(f.data), [*scalars, inner], inner.shape)
        if f.op == "matmul" and once:
            return self._product_with(f.args, v)
        if f.op == "run" and once and f.data <= self.dims(f)[0]:  # A @ (A @ (A @ v))
            for _ in range(f.data):
                v = self._applied(f.args[0], v)
            return v
        if f.op == "add" and once and _safe_to_open(f):
            rows = self.dims(f)[0]
            terms = [(self._number_of(t, c, v), self._applied(t, v)) for c, t in zip(f.data, f.args, strict=True)]
            return g.linear(terms, 0.0, (rows,))
        solved = self._solved(f, v)
        if solved is not None:
            return solved
        a = self.lower(f)
        banded = bands.multiplied(g, a, v)
        if banded is not None:
            return banded
        if a.kind == "kron":  # (A kron B) v holds the entries of A V B.T
            left, right = a.args
            whole = g.reshape(v, (left.shape[1], right.shape[1]))
            whole = self.multiplied(self.multiplied(left, whole), g.transpose(right))
            return g.reshape(whole, (a.shape[0],))
        if a.kind == "diag":
            return g.product(1.0, [a.args[0], v], v.shape)
        if a.kind == "transpose":
            return g.dot(v, a.args[0])  # the same product, and no view
        return g.dot(a, v)

    def _number_of(self, t: Expr, c: Any, v: Op) -> float:
        """What t @ v is still to be multiplied by, if c stands before t: nothing, where t is lowered and has taken it."""
        lowered = self.uses.get(t, 0) > 1 or t in self.done or v.kind == "full"
        return 1.0 if t in self.absorbed and lowered else float(c)

    def _product_with(self, factors: Sequence[Expr], v: Op) -> Op:
        g = self.graph
        cut = next((i for i in range(1, len(factors)) if factors[i].shape[0] == 1), None)
        if cut is not None:  # u @ (w.T @ v)
            return g.product(1.0, [self.product(factors[:cut]), g.inner(self.product(factors[cut:]), v)], (self.dims(factors[0])[0],))
        for f in reversed(factors):
            v = self._applied(f, v)
        return v

    def _summed(self, f: Expr, v: Op) -> Op:
        """ones @ v, or f @ ones."""
        g = self.graph
        if f.op == "ones":
            return g.product(1.0, [g.total(v)], (self.dims(f)[0],))
        return g.product(v.data, [g.total(self.lower(f), 1)], (self.dims(f)[0],))

    def _solved(self, f: Expr, v: Op) -> Op | None:
        """inv(A) @ v as a solve, unless the inverse is needed as a matrix anyway."""
        turned = f.op == "transpose"
        inner = f.args[0] if turned else f
        if inner.op != "call" or inner.data.name != known().role("inverse") or inner.args[0] in self.inverted:
            return None
        a = inner.args[0]
        spd = self.prover.holds(a, "spd")
        value = self.lower(a)
        if turned and not spd:
            value = self.graph.transpose(value)
        return self.graph.op("solve", (value, v), (value.shape[0], *v.shape[1:]), spd)

    # ------------------------------------------------------------ chains of matrices
    def _cost(self, factors: Sequence[Expr]) -> float:
        """Of the best order, each factor given; of X.T @ X half of it."""
        if len(factors) == 2 and factors[0] is factors[1].T:
            return self._ordered(factors)[0] / 2
        return self._ordered(factors)[0]

    def _ordered(self, factors: Sequence[Expr]) -> tuple[float, dict[tuple[int, int], int]]:
        n = len(factors)
        shared = [(i, j) for i in range(n) for j in range(i + 1, n) if tuple(factors[i:j + 1]) in self.common] if self.common else []
        return _order(tuple([self.dims(f) for f in factors]), tuple([f.op in ("diag", "eye") for f in factors]), tuple(shared))

    def _matrices(self, factors: tuple[Expr, ...]) -> Op:
        opened = self._opened(factors) or self._mirrored(self.flat(factors))
        if opened is not None:
            return opened
        cuts = self._ordered(factors)[1]

        @cache
        def value(i: int, j: int) -> Op:
            if i == j:
                return self.lower(factors[i])
            if j == i + 2 and factors[i + 1].op == "diag" and factors[i].T is factors[j]:
                d, x = self.lower(factors[i + 1].args[0]), self.lower(factors[j])
                if bands.bands(self.graph, x):
                    return self.multiplied(self.multiplied(value(i, i), value(i + 1, i + 1)), x)
                return self.graph.op("weighted gram", (d, x), (x.shape[1], x.shape[1]))
            k = cuts[i, j]
            return self._times(factors, i, k, j, value)

        return value(0, len(factors) - 1)

    def _times(self, factors: Sequence[Expr], i: int, k: int, j: int, value: Any) -> Op:
        """The product of factors i..k and k+1..j."""
        g = self.graph
        if i == k:
            solved = self._solved(factors[i], value(k + 1, j)) if factors[k + 1].op != "eye" else None
            if solved is not None:
                return solved
        if k + 1 == j:
            turned = self._solved(factors[j].T, g.transpose(value(i, k)))
            if turned is not None:
                return g.transpose(turned)
        return self.multiplied(value(i, k), value(k + 1, j))

    def multiplied(self, a: Op, b: Op) -> Op:
        """a @ b of two matrices."""
        g = self.graph
        shape = (a.shape[0], b.shape[1])
        if a.kind == "eye":
            return b
        if b.kind == "eye":
            return a
        banded = bands.multiplied(g, a, b)
        if banded is not None:
            return banded
        if a.kind == "diag" and b.kind == "diag":
            return g.op("diag", (g.product(1.0, [a.args[0], b.args[0]], a.args[0].shape),), shape)
        if a.kind == "diag":
            return g.product(1.0, [g.repeat(a.args[0], 0, shape), b], shape)
        if b.kind == "diag":
            return g.product(1.0, [a, g.repeat(b.args[0], 1, shape)], shape)
        if a.kind == "full":
            return g.repeat(g.product(a.data, [g.total(b, 0)], b.shape[1:]), 1, shape)
        if b.kind == "full":
            return g.repeat(g.product(b.data, [g.total(a, 1)], a.shape[:1]), 0, shape)
        structured = self._with_kron(a, b, shape)
        if structured is not None:
            return structured
        for x, y in ((a, b), (b, a)):
            if x.kind == "product" and all(not f.shape for f in x.args[:-1]) and x.args[-1].shape == x.shape and y.size < x.size:
                scalars = [f for f in x.args if not f.shape]  # a number scales the smaller one
                inner = self.multiplied(x.args[-1], b) if x is a else self.multiplied(a, x.args[-1])
                return g.product(x.data, [*scalars, inner], shape)
        return g.dot(a, b)

    def flat(self, factors: Sequence[Expr]) -> tuple[Expr, ...]:
        """The factors, those among them that are products themselves and are read here only taken apart."""
        found: list[Expr] = []
        for f in factors:
            alone = self.uses.get(f, 0) <= 1 and f not in self.done
            inner = f.args[0] if f.op == "transpose" else f
            if alone and inner.op == "matmul" and self.uses.get(inner, 0) <= 1 and inner not in self.done and 1 not in inner.shape:
                found += self.flat(f.args if f is inner else [a.T for a in reversed(inner.args)])
            else:
                found.append(f)
        return tuple(found)

    def _mirrored(self, factors: tuple[Expr, ...]) -> Op | None:
        """P @ M @ P.T, where P is itself a product that would be computed twice."""
        n = len(factors)
        k = next((i for i in range(n // 2) if factors[n - 1 - i] is not factors[i].T), n // 2)
        if k < 2:
            return None
        if self.dims(factors[0])[0] > self.dims(factors[0])[1] and n > 3:  # what makes it larger comes last
            outer = self.lower(factors[0])
            return self.multiplied(self.multiplied(outer, self.product(factors[1:n - 1])), self.graph.transpose(outer))
        if n <= LONG:
            r, c = self.dims(factors[0])[0], self.dims(factors[k - 1])[1]
            middle = self._cost(factors[k:n - k]) if n > 2 * k else 0.0
            if self._cost(factors[:k]) + middle + product_cost(r, c, c) + product_cost(r, c, r) > self._cost(factors):
                return None
        p = self.product(factors[:k])
        inner = self.multiplied(p, self.product(factors[k:n - k])) if n > 2 * k else p
        return self.multiplied(inner, self.graph.transpose(p))

    def _with_kron(self, a: Op, b: Op, shape: Shape) -> Op | None:
        """A factor kron(A, eye) or kron(eye, B) is a product of smaller matrices, the other factor looked at in other axes."""
        g, (rows, columns) = self.graph, shape
        if a.kind == "kron" and a.args[1].shape[1] == 1:  # (C kron u) @ B = (C @ B) kron u, for a column u
            if b.kind == "kron" and b.args[1].shape[0] == 1:
                return g.kron(self.multiplied(a.args[0], b.args[0]), self.multiplied(a.args[1], b.args[1]))
            return g.kron(self.multiplied(a.args[0], b), a.args[1])
        if b.kind == "kron" and b.args[1].shape[0] == 1:
            return g.kron(self.multiplied(a, b.args[0]), b.args[1])
        if a.kind == "kron" and a.args[1].kind == "eye":
            left = a.args[0]
            return g.reshape(self.multiplied(left, g.reshape(b, (left.shape[1], b.size // left.shape[1]))), shape)
        if b.kind == "kron" and b.args[0].kind == "eye":
            right = b.args[1]
            return g.reshape(self.multiplied(g.reshape(a, (a.size // right.shape[0], right.shape[0])), right), shape)
        if self.two_axes:
            return None
        if a.kind == "kron" and a.args[0].kind == "eye":
            (n, _), right = a.args[0].shape, a.args[1]
            return g.reshape(g.op("dot", (right, g.reshape(b, (n, right.shape[1], columns))), (n, right.shape[0], columns)), shape)
        if b.kind == "kron" and b.args[1].kind == "eye":
            left, (m, _) = b.args[0], b.args[1].shape
            turned = g.transpose(left)
            return g.reshape(g.op("dot", (turned, g.reshape(a, (rows, left.shape[0], m))), (rows, left.shape[1], m)), shape)
        return None

    def _opened(self, factors: tuple[Expr, ...]) -> Op | None:
        """(P + Q) @ R as P @ R + Q @ R where that is cheaper: U @ V.T @ V needs no square matrix."""
        if len(factors) > LONG or sum(f.op == "add" for f in factors) > MOST_OPENED:  # each opening doubles what is looked at
            return None
        for i, f in enumerate(factors):
            if f.op != "add" or f in self.done or self.uses.get(f, 0) > 1 or not _safe_to_open(f):
                continue
            before, after = factors[:i], factors[i + 1:]
            (m, n), shape = self.dims(f), (self.dims(factors[0])[0], self.dims(factors[-1])[1])
            terms = [self._apart(t) for t in f.args]
            forming = sum(self._cost(t.factors) for t in terms) + FORM * m * n * (len(terms) - 1) + self._cost(factors)
            opening = sum(self._cost([*before, *t.factors, *after]) for t in terms) + FORM * shape[0] * shape[1] * (len(terms) - 1)
            if opening < forming:
                self.common |= _common_parts([(*before, *t.factors, *after) for t in terms])
                products = [(float(c) * t.number, [*map(self.lower, t.scalars), self.product([*before, *t.factors, *after])])
                            for c, t in zip(f.data, terms, strict=True)]
                return self.graph.linear([(1.0, self.graph.product(c, parts, shape)) for c, parts in products], 0.0, shape)
        return None

    def _apart(self, t: Expr) -> Apart:
        """A term as a number, scalars, and the matrices whose product it is."""
        arrays = [a for a in t.args if not a.is_scalar]
        if t.op == "mul" and len(arrays) == 1 and self.uses.get(t, 0) <= 1:
            inner = self._apart(arrays[0])
            scalars = tuple(a for a in t.args if a.is_scalar)
            return Apart(float(t.data) * inner.number, scalars + inner.scalars, inner.factors)
        return Apart(1.0, (), t.args if t.op == "matmul" else (t,))


def _turned(factors: Sequence[Expr]) -> tuple[Expr, ...]:
    """The factors of the transposed product."""
    return tuple([f.T for f in reversed(factors)])


class Apart(NamedTuple):
    """number * scalars * (the product of factors)."""

    number: float
    scalars: tuple[Expr, ...]
    factors: tuple[Expr, ...]


class Seen(NamedTuple):
    """What is known of an expression before its sizes are: how often each part is read, numbers that all readers multiply a product by,
    matrices whose inverse is needed as a matrix anyway."""

    uses: dict[Expr, int]
    absorbed: dict[Expr, float]
    inverted: set[Expr]


def _seen(roots: Sequence[Expr]) -> Seen:
    uses: dict[Expr, int] = {}
    for node in postorder(list(roots)):
        for a in node.args:
            uses[a] = uses.get(a, 0) + 1
    inverse = known().role("inverse")
    return Seen(uses, _common_factors(roots), {n.args[0] for r in roots for n in _alone(r, inverse)})


@cache
def _of_template(formula: Expr) -> Seen:
    """Of a formula in rules/, which is met again and again."""
    return _seen([formula])


def _common_factors(roots: Sequence[Expr]) -> dict[Expr, float]:
    """Products of matrices that are multiplied by the same number wherever they stand: it can go into the smaller factor, once."""
    found: dict[Expr, set[float]] = {r: {1.0} for r in roots if r.op == "matmul"}
    for node in postorder(list(roots)):
        arrays = [a for a in node.args if not a.is_scalar]
        for i, a in enumerate(node.args):
            if a.op == "matmul" and not a.is_scalar:
                c = node.data[i] if node.op == "add" else node.data if node.op == "mul" and len(arrays) == 1 else 1
                found.setdefault(a, set()).add(float(c))
    return {a: c for a, cs in found.items() if len(cs) == 1 for c in cs if abs(c) != 1 and _agrees(c, a, found)}


def _agrees(c: float, a: Expr, found: Mapping[Expr, set[float]]) -> bool:
    """Is the transpose, as which a product may be read, too, multiplied by the same number, wherever it stands?"""
    turned = a.T
    core = scalar_part(turned)[1]
    return found.get(core, {c}) == {c} if core is turned else core not in found


def _common_parts(products: Sequence[tuple[Expr, ...]]) -> set[tuple[Expr, ...]]:
    """What stands in several of them, factor by factor."""
    seen: set[tuple[Expr, ...]] = set()
    found: set[tuple[Expr, ...]] = set()
    for factors in products:
        n = len(factors)
        parts = {factors[i:j] for i in range(n) for j in range(i + 2, n + 1)}
        found |= parts & seen
        seen |= parts
    return found


def _safe_to_open(f: Expr) -> bool:
    """Not where two given matrices are subtracted: their difference is exact, that of their products is not."""
    exact = [c for c, t in zip(f.data, f.args, strict=True) if t.op in ("sym", "transpose", "eye", "ones", "num", "index")
             or (t.op == "matmul" and any(a.op == "ones" for a in t.args))]
    return len(exact) < 2 or all(c > 0 for c in exact) or all(c < 0 for c in exact)


@lru_cache(4096)
def _order(sizes: tuple[tuple[int, int], ...], diagonal: tuple[bool, ...],
           shared: tuple[tuple[int, int], ...] = ()) -> tuple[float, dict[tuple[int, int], int]]:
    """The cheapest order of a product, and where each part of it is cut (the classic recursion over all cuts)."""
    n = len(sizes)
    best: dict[tuple[int, int], float] = {(i, i): 0.0 for i in range(n)}
    cuts: dict[tuple[int, int], int] = {}
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            m, last = sizes[i][0], sizes[j][1]
            found = float("inf")
            for k in range(i, j):
                cost = best[i, k] + best[k + 1, j]
                if cost < found:
                    cost += product_cost(m, sizes[k][1], last, (i == k and diagonal[i]) or (k + 1 == j and diagonal[j]))
                if cost < found:
                    found, cuts[i, j] = cost, k
            best[i, j] = found / 2 if (i, j) in shared else found  # another product pays, too
    return best[0, n - 1], cuts


def _alone(root: Expr, inverse: str) -> list[Expr]:
    """Calls of the inverse that stand elsewhere than in a product with a vector, where a solve would do."""
    solved: set[Expr] = set()
    others: set[Expr] = {root}
    for node in postorder([root]):
        if node.op != "matmul":
            others.update(node.args if node.op != "transpose" else ())
            if node.op == "transpose" and node.args[0].op != "call":
                others.update(node.args)
        else:
            solved.update(node.args)
    found = []
    for node in postorder([root]):
        if node.op == "call" and node.data.name == inverse:
            turned = [n for n in others if n.op == "transpose" and n.args[0] is node]
            if node in others or turned:
                found.append(node)
    return found
