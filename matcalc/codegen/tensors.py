"""A derivative by a matrix as the tensor T[i, j, k, l] = d f[i, j] / d x[k, l], straight from the structure of its matrix.

The matrix has a row for every entry of f and a column for every entry of x, both stacked by columns. A Kronecker product, a
commutation, an outer product of stacked matrices or a diagonal is never formed as a matrix on the way.
"""

from __future__ import annotations

from .graph import LETTERS, Graph, Op, renamed

Pair = tuple[int, int]


def tensor(graph: Graph, matrix: Op, of: Pair, by: Pair) -> Op:
    """The tensor with four axes."""
    (p, q), (m, n) = of, by
    shape = (p, q, m, n)
    if matrix.kind == "linear":
        coefficients, constant = matrix.data
        parts = [(c, tensor(graph, a, of, by)) for c, a in zip(coefficients, matrix.args, strict=True)]
        return graph.linear(parts, constant, shape)
    if matrix.kind == "product" and all(not a.shape for a in matrix.args[:-1]) and matrix.args[-1].shape == matrix.shape:
        return _scaled(graph, matrix.data, matrix.args[:-1], tensor(graph, matrix.args[-1], of, by))
    if matrix.kind == "full":
        return graph.full(matrix.data, shape)
    if matrix.kind == "spread":
        return graph.product(1.0, matrix.args, shape)
    found = _structured(graph, matrix, of, by)
    return found if found is not None else graph.op("unstack", (matrix,), shape)


def _scaled(graph: Graph, c: float, scalars: tuple[Op, ...], t: Op) -> Op:
    """A number times a tensor, multiplied into what the tensor is made of."""
    if t.kind == "crossed":
        a, b = t.args
        small, other = (a, b) if (a.size <= b.size and a.kind != "eye") or b.kind == "eye" else (b, a)
        scaled = graph.product(c, [*scalars, small], small.shape)
        return graph.op("crossed", (scaled, other) if small is a else (other, scaled), t.shape, t.data)
    if t.kind == "arranged" and t.args:
        at = min(range(len(t.args)), key=lambda i: t.args[i].size)
        parts = [graph.product(c, [*scalars, a], a.shape) if i == at else a for i, a in enumerate(t.args)]
        return graph.op("arranged", parts, t.shape, t.data)
    if t.kind == "spread entries":
        return graph.op("spread entries", (graph.product(c, [*scalars, t.args[0]], t.args[0].shape),), t.shape)
    return graph.product(c, [*scalars, t], t.shape)


def _structured(graph: Graph, matrix: Op, of: Pair, by: Pair) -> Op | None:
    """The tensor of one matrix with a structure; `crossed` has two matrices, and the letters of the axes that each of them has."""
    (p, q), (m, n) = of, by
    shape = (p, q, m, n)
    if matrix.kind == "kron":
        a, b = matrix.args
        if a.shape == (q, n) and b.shape == (p, m):
            if b.kind == "dot" and b.args[0].shape[1:] == (1,):  # of rank one: T[i, j, k, l] = u[i] * (v[k] * A[j, l]), in long strides
                u, v = graph.reshape(b.args[0], (p,)), graph.reshape(b.args[1], (m,))
                return graph.op("ranked", (u, v, a), shape)
            return graph.op("crossed", (a, b), shape, ("jl", "ik"))
    if matrix.kind == "dot" and matrix.args[1].kind == "commutation" and matrix.args[0].kind == "kron":
        a, b = matrix.args[0].args
        if matrix.args[1].data == (m, n) and a.shape == (q, m) and b.shape == (p, n):
            return graph.op("crossed", (a, b), shape, ("jk", "il"))
    if matrix.kind == "dot" and matrix.args[0].kind == "commutation" and matrix.args[1].kind == "kron":
        a, b = matrix.args[1].args
        if matrix.args[0].data == (q, p) and a.shape == (p, n) and b.shape == (q, m):
            return graph.op("crossed", (a, b), shape, ("il", "jk"))
    if matrix.kind == "commutation" and matrix.data == (m, n) == (q, p):
        return graph.op("crossed", (graph.op("eye", (), (q, m)), graph.op("eye", (), (p, n))), shape, ("jk", "il"))
    if matrix.kind == "arranged":
        return _regrouped(graph, matrix, of, by)
    if matrix.kind == "outer":
        u, v = (_unstacked(graph, x, pair) for x, pair in zip(matrix.args, (of, by), strict=True))
        return graph.op("crossed", (u, v), shape, ("ij", "kl"))
    if matrix.kind == "diag" and of == by:
        return graph.op("spread entries", (_unstacked(graph, matrix.args[0], of),), shape)
    if matrix.kind == "eye" and of == by:
        return graph.op("spread entries", (graph.full(1.0, of),), shape)
    return None


def _regrouped(graph: Graph, matrix: Op, of: Pair, by: Pair) -> Op | None:
    """The tensor of a product of arrays over named axes, where rows and columns fall apart into the axes of the tensor."""
    subscripts, groups, sizes = matrix.data
    numbers = dict(zip(LETTERS, sizes, strict=False))
    found = []
    for group, (_, columns) in zip(groups, (of, by), strict=True):
        n, at = 1, 0
        while at < len(group) and n < columns:
            n *= numbers[group[at]]
            at += 1
        if n != columns:
            return None
        found += [group[at:], group[:at]]
    return graph.op("arranged", matrix.args, (*of, *by), renamed(subscripts, found, sizes))


def _unstacked(graph: Graph, v: Op, shape: Pair) -> Op:
    """The matrix of a stacked vector."""
    if v.kind == "stacked" and v.args[0].shape == shape:
        return v.args[0]
    if v.kind == "full":
        return graph.full(v.data, shape)
    if v.kind == "spread":
        return graph.product(1.0, v.args, shape)
    if v.kind == "arranged":
        found = _regrouped(graph, graph.op("arranged", v.args, (v.size, 1), (v.data[0], (*v.data[1], ""), v.data[2])), shape, (1, 1))
        if found is not None:
            return graph.op("arranged", found.args, shape, (found.data[0], found.data[1][:2], found.data[2]))
    if v.kind in ("product", "linear", "map", "power") and all(a.shape in ((), v.shape) for a in v.args):
        parts = [a if not a.shape else _unstacked(graph, a, shape) for a in v.args]
        if v.kind == "linear":
            coefficients, constant = v.data
            return graph.linear(list(zip(coefficients, parts, strict=True)), constant, shape)
        if v.kind == "power":
            return graph.power(parts[0], v.data)
        return graph.product(v.data, parts, shape) if v.kind == "product" else graph.map(v.data, parts, shape)
    return graph.transpose(graph.reshape(v, shape[::-1]))
