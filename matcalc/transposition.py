"""df = <G, dX> -> G: a linear expression, transposed. Reverse mode is this, applied to the differential of each node in turn."""

from __future__ import annotations

from .algebra import ONE, add, eye, matmul, mul, ones, transpose, zeros
from .differentials import depends, differential_of, inputs, tangent
from .errors import NotDifferentiable
from .expr import Expr, number, postorder
from .functions import instantiate, of_call
from .kronecker import kron, unstack
from .operators import diagonal, diagonal_matrix, frobenius, selection


def gradient(root: Expr, wrt: Expr, cotangent: Expr = ONE) -> Expr:
    """The G with d<cotangent, root> = <G, d wrt>: shaped like `wrt`, linear in the cotangent.

    Every node is differentiated and transposed once: the cost is linear in the DAG.
    """
    active = depends(root, wrt)
    if not active[root]:
        return zeros(wrt.shape)
    times = typed_order(root)
    received: dict[Expr, list[tuple[int, Expr]]] = {root: [(0, cotangent)]}

    def collected(node: Expr) -> Expr:
        parts = sorted(received.pop(node, []), key=lambda p: p[0])
        return add([g for _, g in parts], node.shape)

    for node in reversed(postorder([root])):
        if node is not wrt and active[node] and node in received:
            for i, part, contribution in pull(node, collected(node), active):
                received.setdefault(part, []).append((times[node, i], contribution))
    return collected(wrt)


def typed_order(root: Expr) -> dict[tuple[Expr, int], int]:
    """The moment at which each edge (node, position) is read, left to right: what is typed first comes first in a sum."""
    times: dict[tuple[Expr, int], int] = {}
    seen: set[Expr] = set()
    stack = [(root, root, 0)]
    while stack:
        parent, node, i = stack.pop()
        times[parent, i] = len(times)
        if node not in seen:
            seen.add(node)
            stack.extend([(node, a, j) for j, a in reversed(list(enumerate(inputs(node))))])
    return times


def pull(node: Expr, cotangent: Expr, active: dict[Expr, bool]) -> list[tuple[int, Expr, Expr]]:
    """What a cotangent of `node` gives to each of its inputs that changes, by position."""
    parts = inputs(node)
    tangents = {i: tangent(f"d{i}", a) for i, a in enumerate(parts) if active[a]}
    change = differential_of(node, tangents)
    found = transposed(change, cotangent)
    return [(i, parts[i], found[d]) for i, d in tangents.items() if d in found]


def transposed(linear: Expr, cotangent: Expr) -> dict[Expr, Expr]:
    """For an expression that is linear in tangents: <cotangent, linear> = sum of <G, tangent>, as {tangent: G}."""
    found: dict[Expr, list[Expr]] = {}
    todo = [(linear, cotangent)]
    while todo:
        e, g = todo.pop()
        if e.rank >= 0:  # no tangent inside: zero, or the expression is not linear
            if e.op not in ("zeros", "num"):
                raise NotDifferentiable(f"{e} is not linear in its differential")
        elif e.op == "sym":
            found.setdefault(e, []).append(g)
        elif e.op == "add":
            todo.extend([(a, mul([number(c), g])) for c, a in reversed(list(zip(e.data, e.args, strict=True)))])
        else:
            todo.append(_step(e, g))
    return {d: add(parts, d.shape) for d, parts in found.items()}


def _step(e: Expr, g: Expr) -> tuple[Expr, Expr]:
    """The part of `e` that holds the tangent, and the cotangent that arrives there."""
    op = e.op
    i = next(i for i, a in enumerate(e.args) if a.rank < 0)
    inner = e.args[i]
    if op == "mul":
        others = [a for j, a in enumerate(e.args) if j != i]
        if inner.is_scalar and not e.is_scalar:  # a scalar tangent times a constant: its transpose is an inner product
            scalars = [a for a in others if a.is_scalar]
            return inner, mul([number(e.data), *scalars, frobenius(mul([a for a in others if not a.is_scalar]), g)])
        return inner, mul([number(e.data), *others, g])
    if op == "matmul":
        left = [transpose(a) for a in reversed(e.args[:i])]
        right = [transpose(a) for a in reversed(e.args[i + 1:])]
        return inner, matmul([*left, g, *right])
    if op == "kron":
        return inner, _kron(e, i, g)
    if op == "index":
        rows, columns = (selection(s, d) for s, d in zip(e.data, inner.shape, strict=True))
        return inner, matmul([transpose(rows), g, columns])
    if op == "call" and of_call(e).get("adjoint"):
        return inner, instantiate(of_call(e), "adjoint", e.args, {"G": g})
    return inner, _STEPS[op](inner, g)


_STEPS = {
    "transpose": lambda x, g: transpose(g),
    "tr": lambda x, g: mul([g, eye(x.shape[0])]),
    "sum": lambda x, g: mul([g, ones(x.shape)]),
    "diag": lambda x, g: diagonal(g),
    "diagv": lambda x, g: diagonal_matrix(g),
    "vec": lambda x, g: unstack(g, x.shape),
}


def _kron(e: Expr, i: int, g: Expr) -> Expr:
    """The cotangent of one factor of kron(A, B): the other one is summed out, block by block."""
    a, b = e.args
    if g.op == "kron" and g.args[i].shape == e.args[i].shape:
        return mul([frobenius(e.args[1 - i], g.args[1 - i]), g.args[i]])
    (p, q), (m, n) = a.shape, b.shape
    if i == 1:  # the sum over blocks (i, j) of A[i, j] * G[block i, j]
        weighted = mul([g, kron(a, ones(b.shape))])
        return matmul([kron(ones((1, p)), eye(m)), weighted, kron(ones((q, 1)), eye(n))])
    weighted = mul([g, kron(ones(a.shape), b)])
    return matmul([kron(eye(p), ones((1, m))), weighted, kron(eye(q), ones((n, 1)))])


