"""Products with Kronecker structure as sums over indices: kron, commutation, diag, eye and ones say how indices go together, and are
never formed. `kron(V.T, eye(m)) @ diag(vec(W)) @ kron(V, eye(m))` has the entries sum over j of V[j, a] * W[i, j] * V[j, b].

A matrix is a sum of terms; a term has tensors, and for its rows and its columns the indices that count them, the slowest first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

from .. import dims
from ..expr import Expr
from .contraction import Contraction, Index, Tensor
from .graph import Graph, Op
from .writer import BROADCAST

MOST_FACTORS = 16  # of a product: a longer one has too many tensors
MOST_TERMS = 6  # of an opened product
MOST_TENSORS = 8  # of a term: a long chain is ordered as one
SAYS = frozenset({"kron", "commat", "eye", "ones", "diag", "vec"})  # how indices go together
THROUGH = frozenset({"add", "mul", "matmul", "transpose", "vec"})


class Unfit(Exception):
    """A product that is no sum over indices, or one of too many terms."""


class Term(NamedTuple):
    c: float
    scalars: tuple[Op, ...]
    tensors: tuple[Tensor, ...]
    rows: tuple[Index, ...]
    columns: tuple[Index, ...]
    inner: tuple[Index, ...] = ()  # what else is counted, and summed


class Networks:
    """Of one lowering, which computes what has no structure."""

    def __init__(self, lowering: Any) -> None:
        self.lowering = lowering
        self.graph: Graph = lowering.graph
        self.sizes: list[int] = []
        self.contraction = Contraction(self.graph, self.sizes)
        self._structured: dict[Expr, bool] = {}
        self._kronecker: dict[Expr, bool] = {}

    def structured(self, e: Expr) -> bool:
        found = self._structured.get(e)
        if found is None:
            found = self._structured[e] = e.op in SAYS or (e.op in THROUGH and any(map(self.structured, e.args)))
        return found

    def kronecker(self, e: Expr) -> bool:
        """Is there a Kronecker product or a commutation in it?"""
        found = self._kronecker.get(e)
        if found is None:
            found = self._kronecker[e] = self._says(e) or (e.op in THROUGH and any(map(self.kronecker, e.args)))
        return found

    def _says(self, e: Expr) -> bool:
        """kron(A, eye(1)) is A."""
        if e.op == "kron":
            return all(self.lowering.dims(a) != (1, 1) for a in e.args) or any(map(self.kronecker, e.args))
        return e.op == "commat" and len(self._commat(e)[0].rows) > 1

    # ------------------------------------------------------------ values
    def product(self, factors: Sequence[Expr], factor: Op | None = None) -> Op | None:
        """The product of some matrices and vectors, and of a number; None where it is not a sum over indices."""
        if not any(map(self.kronecker, factors)) or len(self.lowering.flat(factors)) > MOST_FACTORS:
            return None
        sizes = self.lowering.dims(factors[0])[0], self.lowering.dims(factors[-1])[1]
        shape = tuple(n for n in sizes if n != 1)
        wanted = tuple(n for n, d in zip(sizes, (factors[0].shape[0], factors[-1].shape[1]), strict=True) if d != 1)
        try:
            return self.graph.reshape(self._sum(self._multiplied(factors), shape, factor), wanted)
        except Unfit:
            return None

    def trace(self, factors: Sequence[Expr]) -> Op | None:
        """Of a product."""
        return self._number(factors, lambda t: self._aligned(t._replace(rows=(), columns=(), inner=t.inner + t.rows),
                                                             [(t.rows, t.columns)]))

    def total(self, factors: Sequence[Expr]) -> Op | None:
        """The sum of all entries of a product."""
        return self._number(factors, lambda t: t._replace(rows=(), columns=(), inner=t.inner + t.rows + t.columns))

    def _number(self, factors: Sequence[Expr], closed: Callable[[Term], Term]) -> Op | None:
        if not any(map(self.kronecker, factors)) or len(self.lowering.flat(factors)) > MOST_FACTORS:
            return None
        try:
            return self._sum([closed(t) for t in self._multiplied(factors)], (), None)
        except Unfit:
            return None

    def _sum(self, terms: Sequence[Term], shape: tuple[int, ...], factor: Op | None) -> Op:
        scalars = () if factor is None else (factor,)
        parts = [(-1.0 if t.c < 0 else 1.0, self._assembled(t._replace(c=abs(t.c), scalars=t.scalars + scalars), shape)) for t in terms]
        return self.graph.linear(parts, 0.0, shape)

    # ------------------------------------------------------------ terms of expressions
    def indices(self, n: int) -> tuple[Index, ...]:
        """A new index; none where there is nothing to count."""
        if n == 1:
            return ()
        self.sizes.append(n)
        return (len(self.sizes) - 1,)

    def terms(self, e: Expr) -> list[Term]:
        if e.is_scalar:
            return [Term(1.0, (self.lowering.lower(e),), (), (), ())]
        if not self.structured(e):
            return [self._leaf(e)]
        found: list[Term] = getattr(self, f"_{e.op}")(e)
        if len(found) > MOST_TERMS:
            raise Unfit
        return found

    def _leaf(self, e: Expr) -> Term:
        lowering = self.lowering
        op = lowering.lower(e) if e not in lowering.absorbed else lowering.product(e.args)  # here a sum multiplies by its numbers
        rows, columns = (self.indices(n) for n in self.lowering.dims(e))
        axes = (*rows, *columns)
        if op.kind == "full":
            return Term(op.data, (), (), rows, columns)
        if op.kind == "spread":
            return Term(1.0, op.args, (), rows, columns)
        if op.kind == "repeat" and len(axes) == 2:
            return Term(1.0, (), (Tensor(op.args[0], (axes[op.data],)),), rows, columns)
        if op.kind == "outer" and len(axes) == 2:
            return Term(1.0, (), tuple(Tensor(a, (i,)) for a, i in zip(op.args, axes, strict=True)), rows, columns)
        if len(axes) != len(op.shape):
            op = self.graph.reshape(op, tuple(self.sizes[i] for i in axes))
        if op.kind == "transpose":  # as it lies in memory
            op, axes = op.args[0], axes[::-1]
        return Term(1.0, (), (Tensor(op, axes),), rows, columns) if axes else Term(1.0, (op,), (), (), ())

    def _eye(self, e: Expr) -> list[Term]:
        i = self.indices(self.lowering.dims(e)[0])
        return [Term(1.0, (), (), i, i)]

    def _ones(self, e: Expr) -> list[Term]:
        rows, columns = (self.indices(n) for n in self.lowering.dims(e))
        return [Term(1.0, (), (), rows, columns)]

    def _commat(self, e: Expr) -> list[Term]:
        """It takes the entries of an m x n matrix, stacked, to those of its transpose."""
        a, b = (self.indices(d if isinstance(d, int) else dims.evaluate(d, self.lowering.sizes)) for d in e.data)
        return [Term(1.0, (), (), (*a, *b), (*b, *a))]

    def _kron(self, e: Expr) -> list[Term]:
        return [Term(a.c * b.c, a.scalars + b.scalars, a.tensors + b.tensors, a.rows + b.rows, a.columns + b.columns, a.inner + b.inner)
                for a, b in product(*map(self.terms, e.args))]

    def _diag(self, e: Expr) -> list[Term]:
        v = self._one(self.terms(e.args[0]))
        if v.columns:
            v = v._replace(rows=v.columns, columns=())
        return [v._replace(columns=v.rows)]

    def _vec(self, e: Expr) -> list[Term]:
        return [t._replace(rows=t.columns + t.rows, columns=()) for t in self.terms(e.args[0])]

    def _transpose(self, e: Expr) -> list[Term]:
        return [t._replace(rows=t.columns, columns=t.rows) for t in self.terms(e.args[0])]

    def _add(self, e: Expr) -> list[Term]:
        found, dense = [], []
        for c, a in zip(e.data, e.args, strict=True):
            parts = self.terms(a)
            if len(parts) == 1 and len(parts[0].tensors) == 1 and not self.structured(a):
                one = parts[0].tensors[0]  # what has no structure is one matrix
                axes = parts[0].rows + parts[0].columns
                dense.append((float(c), self.contraction.ordered(one, axes)))
                last = parts[0]._replace(tensors=(Tensor(one.op, axes),))
            else:
                found += [t._replace(c=t.c * float(c)) for t in parts]
        if dense:
            op = self.graph.linear(dense, 0.0, dense[0][1].shape)
            found.append(last._replace(tensors=(Tensor(op, last.tensors[0].axes),)))
        formed = self._formed(found)
        return [formed] if formed is not None else found

    def _mul(self, e: Expr) -> list[Term]:
        arrays = [a for a in e.args if not a.is_scalar]
        scalars = tuple(self.lowering.lower(a) for a in e.args if a.is_scalar)
        found = self.terms(arrays[0])
        for a in arrays[1:]:
            found = [self._entries(x, y) for x, y in product(found, [self._one(self.terms(a))])]
        return [t._replace(c=t.c * float(e.data), scalars=t.scalars + scalars) for t in found]

    def _matmul(self, e: Expr) -> list[Term]:
        return self._multiplied(e.args)

    def _multiplied(self, factors: Sequence[Expr]) -> list[Term]:
        found = self.terms(factors[0])
        for f in factors[1:]:
            found = [self._joined(a, b) for a, b in product(found, self.terms(f))]
            if len(found) > MOST_TERMS:
                raise Unfit
        return found

    def _one(self, terms: list[Term]) -> Term:
        found = terms[0] if len(terms) == 1 else self._formed(terms)
        if found is None:
            raise Unfit
        return found

    # ------------------------------------------------------------ two terms as one
    def _joined(self, a: Term, b: Term) -> Term:
        """a @ b."""
        both = Term(a.c * b.c, a.scalars + b.scalars, a.tensors + b.tensors, a.rows, b.columns, a.inner + b.inner + a.columns)
        return self._aligned(both, [(a.columns, b.rows)])

    def _entries(self, a: Term, b: Term) -> Term:
        """a * b, entry by entry."""
        both = Term(a.c * b.c, a.scalars + b.scalars, a.tensors + b.tensors, a.rows, a.columns, a.inner + b.inner)
        return self._aligned(both, [(a.rows, b.rows), (a.columns, b.columns)])

    def _aligned(self, t: Term, pairs: list[tuple[tuple[Index, ...], tuple[Index, ...]]]) -> Term:
        """With both indices of a pair the same, where one counts what the other counts."""
        left, right = ([i for pair in pairs for i in pair[k]] for k in (0, 1))
        while left or right:
            if not left or not right:
                raise Unfit
            a, b = left[0], right[0]
            if a != b:
                m, n = self.sizes[a], self.sizes[b]
                change: dict[Index, tuple[Index, ...]]
                if m == n:
                    change = {b: (a,)}
                elif m % n == 0:
                    change = {a: (*self.indices(n), *self.indices(m // n))}
                elif n % m == 0:
                    change = {b: (*self.indices(m), *self.indices(n // m))}
                else:
                    raise Unfit
                t = self._renamed(t, change)
                left, right = ([j for i in side for j in change.get(i, (i,))] for side in (left, right))
                if m != n:
                    continue
            left, right = left[1:], right[1:]
        return t

    def _renamed(self, t: Term, change: dict[Index, tuple[Index, ...]]) -> Term:
        def changed(axes: tuple[Index, ...]) -> tuple[Index, ...]:
            return tuple(j for i in axes for j in change.get(i, (i,)))

        tensors = []
        for x in t.tensors:
            axes = changed(x.axes)
            op = x.op if len(axes) == len(x.axes) else self.graph.reshape(x.op, tuple(self.sizes[i] for i in axes))
            if len(set(axes)) < len(axes):
                if len(axes) != 2:
                    raise Unfit
                op, axes = self.lowering.diagonal(op), axes[:1]
            tensors.append(Tensor(op, axes))
        return t._replace(tensors=tuple(tensors), rows=changed(t.rows), columns=changed(t.columns), inner=changed(t.inner))

    # ------------------------------------------------------------ sums
    def _formed(self, terms: list[Term]) -> Term | None:
        """One tensor for a sum of terms whose rows and columns are counted in the same way; None where they are not."""
        if len(terms) < 2:
            return terms[0] if terms else None
        alike = self._alike(terms)
        if alike is None:
            return None
        rows, columns = alike[0].rows, alike[0].columns
        axes = tuple(dict.fromkeys(rows + columns))
        if not axes:
            return None
        reduced = [(t.c, self._one_tensor(t)) for t in alike]
        axes = self._layout([one for _, one in reduced], axes)
        shape = tuple(self.sizes[i] for i in axes)
        parts = [(c, self._whole(one, axes, shape)) for c, one in reduced]
        total = self.graph.linear(parts, 0.0, shape)
        if len(axes) > 2 and total.kind not in BROADCAST and all(set(one.axes) != set(axes) for _, one in reduced):
            total = self.graph.op("widened", (total,), shape)  # an axis that no part has
        return Term(1.0, (), (Tensor(total, axes),), rows, columns)

    def _alike(self, terms: list[Term]) -> list[Term] | None:
        """The same terms with the same names for rows and columns; None where these go together differently."""
        first = terms[0]
        try:
            for t in terms[1:]:
                first, _ = self._split(first, t)
            split = [self._split(first, t)[1] for t in terms[1:]]
        except Unfit:
            return None
        found = [first]
        for t in split:
            change: dict[Index, tuple[Index, ...]] = {}
            for a, b in zip(first.rows + first.columns, t.rows + t.columns, strict=True):
                if change.setdefault(b, (a,)) != (a,):
                    return None
            if len(set(change.values())) < len(change):
                return None
            fresh = {i: self.indices(self.sizes[i]) for i in {*t.inner, *(i for x in t.tensors for i in x.axes)} if i not in change}
            found.append(self._renamed(t, {**fresh, **change}))
        return found

    def _split(self, a: Term, b: Term) -> tuple[Term, Term]:
        """Both with rows and columns counted by indices of the same sizes."""
        for side in ("rows", "columns"):
            at = 0
            while at < max(len(getattr(a, side)), len(getattr(b, side))):
                if at >= min(len(getattr(a, side)), len(getattr(b, side))):
                    raise Unfit
                i, j = getattr(a, side)[at], getattr(b, side)[at]
                m, n = self.sizes[i], self.sizes[j]
                if m % n and n % m:
                    raise Unfit
                if m > n:
                    a = self._renamed(a, {i: (*self.indices(n), *self.indices(m // n))})
                elif n > m:
                    b = self._renamed(b, {j: (*self.indices(m), *self.indices(n // m))})
                at += 1
        return a, b

    def _layout(self, tensors: Sequence[Tensor], axes: tuple[Index, ...]) -> tuple[Index, ...]:
        """The order of axes of a sum: as its largest part lies in memory, with the others before the last of that."""
        largest = max(tensors, key=lambda t: (len(t.axes), t.op.size, -t.op.number))
        others = [i for t in tensors for i in t.axes if i not in largest.axes]
        missing = tuple(dict.fromkeys([*others, *(i for i in axes if i not in largest.axes)]))
        return (*largest.axes[:-1], *missing, *largest.axes[-1:])

    def _one_tensor(self, t: Term) -> Tensor:
        """A term without its number."""
        g = self.graph
        _, scalars, tensors = self._reduced(t)
        if not tensors:
            return Tensor(g.product(1.0, scalars, ()), ())
        one = tensors[0]
        for x in tensors[1:]:
            one = self.contraction.entries(one, x)
        return Tensor(g.product(1.0, [*scalars, one.op], one.op.shape), one.axes)

    def _whole(self, one: Tensor, axes: tuple[Index, ...], shape: tuple[int, ...]) -> Op:
        """An array with these axes, or one that is broadcast to them."""
        g = self.graph
        if not one.axes:
            return g.product(1.0, [one.op], shape)
        if set(one.axes) == set(axes):
            return self.contraction.ordered(one, axes)
        if len(axes) == 2:
            return g.repeat(one.op, axes.index(one.axes[0]), shape)
        present = [i for i in axes if i in one.axes]
        op = self.contraction.ordered(one, present)
        return g.op("placed", (op,), tuple(n if i in one.axes else 1 for i, n in zip(axes, shape, strict=True)),
                    tuple(i in one.axes for i in axes))

    def _reduced(self, t: Term) -> tuple[float, list[Op], list[Tensor]]:
        """What remains when everything is summed that counts neither rows nor columns."""
        kept = {*t.rows, *t.columns}
        self.contraction.first = {i: k for k, i in reversed(list(enumerate(t.rows + t.columns)))}
        tensors, scalars = [], list(t.scalars)
        if len(t.tensors) > MOST_TENSORS:
            raise Unfit
        for x in self.contraction.reduced(t.tensors, kept):
            if x.axes:
                tensors.append(x)
            else:
                scalars.append(x.op)
        counted = {i for x in t.tensors for i in x.axes} | kept
        scalars += [self.graph.count(self.sizes[i]) for i in sorted(set(t.inner) - counted)]
        return t.c, scalars, tensors

    # ------------------------------------------------------------ matrices of terms
    def _assembled(self, t: Term, shape: tuple[int, ...]) -> Op:
        """A term as a matrix, a vector or a scalar."""
        g = self.graph
        c, scalars, tensors = self._reduced(t)
        if not t.rows and not t.columns:
            return g.product(c, scalars, ()) if scalars else g.number(c)
        if tensors and (scalars or c != 1):
            small = min(range(len(tensors)), key=lambda k: tensors[k].op.size)
            x = tensors[small]
            tensors[small] = Tensor(g.product(c, [*scalars, x.op], x.op.shape), x.axes)
        found = self._matrix(t, tensors, shape)
        return found if tensors else g.product(c, [*scalars, found], shape)

    def _matrix(self, t: Term, tensors: list[Tensor], shape: tuple[int, ...]) -> Op:
        g, groups = self.graph, [group for group in (t.rows, t.columns) if group]
        places = [i for group in groups for i in group]
        if not tensors and len(set(places)) == len(places):
            return g.full(1.0, shape)
        if len(groups) == 2:
            simple = self._simple(t, tensors, shape)
            if simple is not None:
                return simple
        if len(tensors) == 1 and set(tensors[0].axes) == set(places) and len(set(places)) == len(places):
            if len(groups) == 2:
                return self.contraction.matrix(tensors[0], *groups)
            return g.reshape(self.contraction.ordered(tensors[0], places), shape)
        return self.contraction.arranged(tensors, groups)

    def _simple(self, t: Term, tensors: list[Tensor], shape: tuple[int, ...]) -> Op | None:
        """One index each for rows and columns, or two, of which each pair has a matrix of its own: a Kronecker product."""
        g = self.graph
        if len(t.rows) != len(t.columns) or len(t.rows) > 2 or any(len(x.axes) > 2 for x in tensors):
            return None
        if len(t.rows) == 2 and {t.rows[0], t.columns[0]} & {t.rows[1], t.columns[1]}:
            return None
        parts = []
        left = list(tensors)
        for i, j in zip(t.rows, t.columns, strict=True):
            own = [x for x in left if set(x.axes) <= {i, j}]
            left = [x for x in left if x not in own]
            part = self._square(i, j, own)
            if part is None:
                return None
            parts.append(part)
        return None if left else parts[0] if len(parts) == 1 else g.kron(*parts)

    def _square(self, i: Index, j: Index, tensors: list[Tensor]) -> Op | None:
        g, shape = self.graph, (self.sizes[i], self.sizes[j])
        if i == j:
            if len(tensors) > 1:
                return None
            return g.op("diag", (tensors[0].op,), shape) if tensors else g.op("eye", (), shape)
        if not tensors:
            return g.full(1.0, shape)
        if len(tensors) == 1:
            x = tensors[0]
            return g.repeat(x.op, 0 if x.axes == (i,) else 1, shape) if len(x.axes) == 1 else self.contraction.ordered(x, (i, j))
        if len(tensors) == 2 and {x.axes for x in tensors} == {(i,), (j,)}:
            u, v = sorted(tensors, key=lambda x: x.axes != (i,))
            return g.outer(u.op, v.op)
        return None
