"""Sums of products of arrays over named axes: in which order they are multiplied, and each step as a product of matrices where it is one.

A `Tensor` is an operation and the name of each of its axes; a name that stands in several tensors is one index. What is asked for is the
sum over all indices but some, as few tensors as need be: what shares no summed index stays apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from .costs import CALL, FORM, MULTIPLY, STREAM
from .graph import LETTERS, Graph, Op

Index = int
EXACT = 5  # tensors of which every order is tried
BLOCK = 4e-7  # seconds, of one product in a batch


class Tensor(NamedTuple):
    op: Op
    axes: tuple[Index, ...]


class Prices:
    """What steps cost; a set of indices is a number with a bit for each."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes, self.known = sizes, {0: 1}

    def bits(self, indices: Iterable[Index]) -> int:
        found = 0
        for i in indices:
            found |= 1 << i
        return found

    def indices(self, bits: int) -> set[Index]:
        return {i for i in range(bits.bit_length()) if bits >> i & 1}

    def size(self, bits: int) -> int:
        found = self.known.get(bits)
        if found is None:
            found = self.known[bits] = self.size(bits & (bits - 1)) * self.sizes[(bits & -bits).bit_length() - 1]
        return found

    def step(self, a: int, b: int, kept: int) -> float:
        """The sum of a product over what is not kept."""
        shared = a & b
        summed = shared & ~kept
        pairs = self.size(a | b)
        if not summed:
            return CALL + FORM * pairs
        batch = shared & kept
        alone = self.size(a & ~shared) == 1 or self.size(b & ~shared) == 1
        blocks = BLOCK * self.size(batch) if batch else 0.0
        return CALL + (STREAM if alone else MULTIPLY) * pairs + STREAM * (self.size(a) + self.size(b)) + \
            FORM * self.size((a | b) & ~summed) / 2 + blocks


class Contraction:
    """`sizes`: of each index."""

    def __init__(self, graph: Graph, sizes: Sequence[int]) -> None:
        self.graph, self.sizes = graph, sizes
        self.first: dict[Index, int] = {}  # where the indices of rows and columns come: products begin with what comes first

    def size(self, indices: Sequence[Index] | set[Index]) -> int:
        n = 1
        for i in indices:
            n *= self.sizes[i]
        return n

    def shape(self, axes: Sequence[Index]) -> tuple[int, ...]:
        return tuple(self.sizes[i] for i in axes)

    # ------------------------------------------------------------ what is summed with what
    def reduced(self, tensors: Sequence[Tensor], kept: set[Index]) -> list[Tensor]:
        """Tensors whose product, entry by entry, is the sum over all indices that are not kept."""
        left, before = self._merged(tensors), None
        while left != before:  # of what is merged there may be more to sum
            before, left = left, self._alone(left, kept)
        found: list[Tensor] = []
        while left:
            group, rest = [left[0]], left[1:]
            while True:
                summed = {i for t in group for i in t.axes} - kept
                more = [t for t in rest if summed & set(t.axes)]
                if not more:
                    break
                group, rest = [*group, *more], [t for t in rest if t not in more]
            found.append(self._contracted(group, kept) if len(group) > 1 else group[0])
            left = rest
        return self._merged(found)

    def _merged(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """What has the same indices is multiplied entry by entry."""
        found: dict[frozenset[Index], Tensor] = {}
        for t in tensors:
            key = frozenset(t.axes)
            found[key] = self.entries(found[key], t) if key in found else t
        return list(found.values())

    def _alone(self, tensors: Sequence[Tensor], kept: set[Index]) -> list[Tensor]:
        """Where an index stands in one tensor only, the sum over it is that of the tensor."""
        found = []
        for t in tensors:
            others = {i for u in tensors if u is not t for i in u.axes} | kept
            axes = t.axes
            for i in [i for i in axes if i not in others]:
                t, axes = self.total(t, i), tuple(j for j in axes if j != i)
            found.append(t)
        return self._merged(found)

    def _contracted(self, group: Sequence[Tensor], kept: set[Index]) -> Tensor:
        """All of them as one, in the cheapest order; of many, always the cheapest pair."""
        gram = self._weighted_gram(group, kept)
        if gram is not None:
            return gram
        items = list(group)
        prices = Prices(self.sizes)
        while len(items) > EXACT:
            i, j = min(combinations(range(len(items)), 2), key=lambda pair: self._pair_price(prices, items, pair, kept))
            rest = [t for k, t in enumerate(items) if k not in (i, j)]
            items = [*rest, self.pair(items[i], items[j], kept | {x for t in rest for x in t.axes})]
        return self._best(prices, items, kept)

    def _weighted_gram(self, group: Sequence[Tensor], kept: set[Index]) -> Tensor | None:
        """x.T @ diag(d) @ x."""
        summed = {i for t in group for i in t.axes} - kept
        weights = [t for t in group if set(t.axes) <= summed]
        others = [t for t in group if t not in weights]
        if len(weights) != 1 or len(others) != 2 or others[0].op is not others[1].op or set(weights[0].axes) != summed:
            return None
        a, b = others
        if [i if i in summed else None for i in a.axes] != [i if i in summed else None for i in b.axes] or \
                any(i in b.axes for i in a.axes if i not in summed):
            return None
        order = [i for i in a.axes if i in summed]
        rows, columns = ([i for i in t.axes if i not in summed] for t in others)
        x, d = self.matrix(a, order, rows), self.graph.reshape(self.ordered(weights[0], order), (self.size(order),))
        gram = self.graph.op("weighted gram", (d, x), (x.shape[1], x.shape[1]))
        return Tensor(self.graph.reshape(gram, self.shape((*rows, *columns))), (*rows, *columns))

    def _pair_price(self, prices: Prices, items: Sequence[Tensor], pair: tuple[int, int], kept: set[Index]) -> float:
        a, b = (prices.bits(items[k].axes) for k in pair)
        rest = prices.bits(kept)
        for k, t in enumerate(items):
            if k not in pair:
                rest |= prices.bits(t.axes)
        return prices.step(a, b, rest) + FORM * prices.size((a | b) & rest)

    def _best(self, prices: Prices, items: Sequence[Tensor], kept: set[Index]) -> Tensor:
        """Every order of a few tensors: a subset of them is a number, as a set of indices is."""
        n = len(items)
        whole, outside = (1 << n) - 1, prices.bits(kept)
        inside = [0] * (whole + 1)
        for s in range(1, whole + 1):
            inside[s] = inside[s & (s - 1)] | prices.bits(items[(s & -s).bit_length() - 1].axes)
        left = [inside[s] & (inside[whole & ~s] | outside) for s in range(whole + 1)]  # what of a subset's indices is needed outside
        left = [inside[s] if s & (s - 1) == 0 else left[s] for s in range(whole + 1)]
        cost = [0.0 if s & (s - 1) == 0 else float("inf") for s in range(whole + 1)]
        cut = [0] * (whole + 1)
        for s in range(1, whole + 1):  # every part of s is smaller
            part = (s - 1) & s
            while part > s & ~part:  # each split once
                other = s & ~part
                price = cost[part] + cost[other]
                if price < cost[s]:
                    price += prices.step(left[part], left[other], left[s])
                    if price < cost[s]:
                        cost[s], cut[s] = price, part
                part = (part - 1) & s

        def made(s: int) -> Tensor:
            if s & (s - 1) == 0:
                return items[s.bit_length() - 1]
            return self.pair(made(cut[s]), made(s & ~cut[s]), prices.indices(left[s]))

        return made(whole)

    # ------------------------------------------------------------ steps
    def total(self, t: Tensor, i: Index) -> Tensor:
        """Without an index that stands nowhere else."""
        g, axes = self.graph, tuple(j for j in t.axes if j != i)
        if len(t.axes) == 1:
            return Tensor(g.total(t.op), axes)
        if len(t.axes) == 2:
            return Tensor(g.total(t.op, t.axes.index(i)), axes)
        whole = self.matrix(t, axes, (i,))
        return Tensor(g.reshape(g.total(whole, 1), self.shape(axes)), axes)

    def pair(self, a: Tensor, b: Tensor, kept: set[Index]) -> Tensor:
        """The sum of the product of two tensors over what is not kept."""
        shared = [i for i in a.axes if i in b.axes]
        summed = [i for i in shared if i not in kept]
        if not summed:
            return self.entries(a, b)
        batch = [i for i in shared if i in kept]
        own_a, own_b = [i for i in a.axes if i not in shared], [i for i in b.axes if i not in shared]
        if own_a and own_b and min(self._place(i) for i in own_b) < min(self._place(i) for i in own_a):
            a, b, own_a, own_b = b, a, own_b, own_a
        axes = (*batch, *own_a, *own_b)
        if batch:
            return self._in_blocks(a, b, batch, summed)
        if not own_a and not own_b:
            return Tensor(self._sum(a, b), axes)
        if not own_a or not own_b:
            vector, other = (a, b) if not own_a else (b, a)
            v = self.graph.reshape(self.ordered(vector, summed), (self.size(summed),))
            m = self.matrix(other, own_b or own_a, summed)
            product = self.graph.dot(v, m.args[0]) if m.kind == "transpose" else self.graph.dot(m, v)
            return Tensor(self.graph.reshape(product, self.shape(axes)), axes)
        product = self._times(self.matrix(a, own_a, summed), self.matrix(b, summed, own_b))
        return Tensor(self.graph.reshape(product, self.shape(axes)), axes)

    def _place(self, i: Index) -> int:
        return self.first.get(i, len(self.first))

    def _times(self, a: Op, b: Op) -> Op:
        return self.graph.dot(a, b)

    def _sum(self, a: Tensor, b: Tensor) -> Op:
        g = self.graph
        if len(a.axes) == 1:
            return g.dot(a.op, b.op)
        if len(a.axes) == 2:
            return g.inner(a.op, b.op if a.axes == b.axes else g.transpose(b.op))
        x, y = (g.reshape(self.ordered(t, a.axes), (t.op.size,)) for t in (a, b))
        return g.dot(x, y)

    def _in_blocks(self, a: Tensor, b: Tensor, batch: list[Index], summed: list[Index]) -> Tensor:
        """One product of matrices for every value of the indices that both keep."""
        g = self.graph
        own_a, own_b = ([i for i in t.axes if i not in batch and i not in summed] for t in (a, b))
        axes = (*batch, *own_a, *own_b)
        if len(a.axes) == len(b.axes) == 2:  # of rows with rows
            x, y = self.ordered(a, (batch[0], summed[0])), self.ordered(b, (batch[0], summed[0]))
            return Tensor(g.inner(x, y, 1), axes)
        left, right = self.grouped(a, (batch, own_a, summed)), self.grouped(b, (batch, summed, own_b))
        product = g.op("dot", (left, right), (left.shape[0], left.shape[1], right.shape[2]))
        return Tensor(g.reshape(product, self.shape(axes)), axes)

    def entries(self, a: Tensor, b: Tensor) -> Tensor:
        """The product, entry by entry, over the indices of both."""
        g = self.graph
        a, b = sorted((a, b), key=lambda t: (-len(t.axes), t.op.number))
        if set(b.axes) <= set(a.axes) and len(a.axes) <= 2:
            if not b.axes or b.axes == a.axes:
                other = b.op
            elif len(b.axes) == 2:
                other = g.transpose(b.op)
            else:
                other = g.repeat(b.op, a.axes.index(b.axes[0]), a.op.shape)
            return Tensor(g.product(1.0, [a.op, other], a.op.shape), a.axes)
        axes = (*a.axes, *(i for i in b.axes if i not in a.axes))
        if len(axes) == 2:
            return Tensor(g.outer(a.op, b.op), axes)
        return Tensor(self.arranged([a, b], [(i,) for i in axes]), axes)

    # ------------------------------------------------------------ looks
    def ordered(self, t: Tensor, axes: Sequence[Index]) -> Op:
        """With its axes in another order."""
        if t.axes == tuple(axes):
            return t.op
        if len(t.axes) == 2:
            return self.graph.transpose(t.op)
        return self.arranged([t], [(i,) for i in axes])

    def matrix(self, t: Tensor, rows: Sequence[Index], columns: Sequence[Index]) -> Op:
        """With two axes; where the order of memory is another, its transpose."""
        g, shape = self.graph, (self.size(rows), self.size(columns))
        if t.axes == (*rows, *columns):
            return g.reshape(t.op, shape)
        if t.axes == (*columns, *rows):
            return g.transpose(g.reshape(t.op, shape[::-1]))
        return self.arranged([t], [rows, columns])

    def grouped(self, t: Tensor, groups: Sequence[Sequence[Index]]) -> Op:
        """With one axis for each group."""
        shape = tuple(self.size(group) for group in groups)
        if t.axes == tuple(i for group in groups for i in group):
            return self.graph.reshape(t.op, shape)
        return self.arranged([t], groups)

    def arranged(self, tensors: Sequence[Tensor], groups: Sequence[Sequence[Index]]) -> Op:
        """The product of some tensors, an axis for each group of indices. An index in two groups: zeros but where both are the same."""
        letters: dict[Index, str] = {}
        for group in groups:
            for i in group:
                letters.setdefault(i, LETTERS[len(letters)])
        subscripts, axes = (tuple("".join(letters[i] for i in one) for one in each) for each in ([t.axes for t in tensors], groups))
        return self.graph.op("arranged", [t.op for t in tensors], tuple(self.size(group) for group in groups),
                             (subscripts, axes, tuple(self.sizes[i] for i in letters)))
