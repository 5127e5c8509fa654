"""d(expr), linear in the tangents of its parts: the product rule for operators, the tables of rules/ for functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .algebra import LONG, ONE, add, is_zero, matmul, mul, negate, power, run, scale, total, transpose, zeros
from .errors import LimitError, NotDifferentiable
from .expr import Expr, fold, number, symbol
from .functions import apply, instantiate, of_call
from .knowledge import known
from .kronecker import kron, vec
from .operators import diagonal, diagonal_matrix, index, trace

POWERS = 256  # the highest matrix power whose derivative is written out, one term for each factor
TANGENT = -1  # the rank of a tangent: the lowest, so that `expr.rank < 0` says whether one is inside


def tangent(name: str, of: Expr) -> Expr:
    """A symbol that stands for a small change of `of`."""
    return symbol(name, of.shape, rank=TANGENT)


def inputs(node: Expr) -> tuple[Expr, ...]:
    """The parts through which a small change enters; a trace of a function whose rule holds inside the trace is one unit."""
    if node.op == "tr" and _inside_trace(node.args[0]):
        return node.args[0].args
    return node.args


def _inside_trace(e: Expr) -> bool:
    if e.op != "call":
        return e.op == "run"
    return "trace_differential" in of_call(e).table


def differential_of(node: Expr, changes: Mapping[int, Expr]) -> Expr:
    """The differential of one node: linear in `changes`, the tangents of some of its inputs by position."""
    op, args = node.op, node.args
    if op == "add":
        return add([scale(node.data[i], d) for i, d in changes.items()], node.shape)
    if op == "mul":
        return add([mul([number(node.data), *args[:i], d, *args[i + 1:]]) for i, d in changes.items()], node.shape)
    if op == "matmul":
        return add(_one_changed(args, changes), node.shape)
    if op == "kron":
        return add([kron(*(d if j == i else a for j, a in enumerate(args))) for i, d in changes.items()], node.shape)
    if op == "pow":
        return _power(node, changes)
    if op == "call":
        return _call(node, changes)
    if op == "tr" and args[0].op == "run":  # d tr(X^k) = k tr(X^(k - 1) dX)
        k, base = args[0].data, args[0].args[0]
        return scale(k, trace(matmul([run(base, k - 1), changes[0]])))
    if op == "tr" and inputs(node) is not args:
        return instantiate(of_call(args[0]), "trace_differential", args[0].args, _named(args[0], changes))
    d = changes[0]
    if op == "run":
        if node.data > POWERS:
            raise LimitError(f"the derivative of a matrix power above {POWERS} has too many terms", detail=f"the power is {node.data}")
        return add([matmul([run(args[0], i), d, run(args[0], node.data - 1 - i)]) for i in range(node.data)], node.shape)
    return _LINEAR[op](d) if op != "index" else index(d, node.data)


def _one_changed(factors: Sequence[Expr], changes: Mapping[int, Expr]) -> list[Expr]:
    """The matrix products in which one factor has changed; of a long one, what stands before and behind that factor is shared."""
    if len(factors) < LONG:
        return [matmul([*factors[:i], d, *factors[i + 1:]]) for i, d in changes.items()]
    before, behind = [[factors[0]]], [[factors[-1]]]
    for f, g in zip(factors[1:], reversed(factors[:-1]), strict=True):
        before.append([matmul([*before[-1], f])])
        behind.append([matmul([g, *behind[-1]])])
    before, behind = [[], *before[:-1]], [*reversed(behind[:-1]), []]
    return [matmul([*before[i], d, *behind[i]]) for i, d in changes.items()]


_LINEAR = {"transpose": transpose, "tr": trace, "sum": total, "diag": diagonal_matrix, "diagv": diagonal, "vec": vec}


def _power(node: Expr, changes: Mapping[int, Expr]) -> Expr:
    base, exponent = node.args
    terms = []
    if 0 in changes:
        terms.append(mul([exponent, power(base, add([exponent, negate(ONE)])), changes[0]]))
    if 1 in changes:
        terms.append(mul([apply(known().role("logarithm"), [base]), node, changes[1]]))
    return add(terms, node.shape)


def _named(node: Expr, changes: Mapping[int, Expr]) -> dict[str, Expr]:
    """The tangents under the names that the function's table uses; inputs that do not change have none."""
    params = [p for p in of_call(node).signature.params if p.kind != "axis"]
    return {f"d{p.name}": changes.get(i, zeros(node.args[i].shape)) for i, p in enumerate(params) if p.kind != "integer"}


def _call(node: Expr, changes: Mapping[int, Expr]) -> Expr:
    function = of_call(node)
    if "derivative" in function.table:
        return mul([instantiate(function, "derivative", node.args), changes[0]])
    if "differential" in function.table:
        return instantiate(function, "differential", node.args, _named(node, changes))
    if "definition" in function.table:
        written_out = instantiate(function, "definition", node.args)
        known_: dict[Expr, Expr] = {node.args[i]: d for i, d in changes.items()}
        return _through(written_out, known_)
    raise not_differentiable(node.data.name)


def not_differentiable(name: str) -> NotDifferentiable:
    function = known().functions[name][0]
    inside = function.get("trace_differential")
    alone = f"rules/ has no derivative for {name}"
    detail = f"its derivative is known only inside a trace: d tr({name}(X)) = {inside}" if inside else alone
    return NotDifferentiable(f"no rule gives the derivative of {name}", detail=detail)


def depends(root: Expr, wrt: Expr) -> dict[Expr, bool]:
    """For every node below `root`: does it change with `wrt`?"""
    values: dict[Expr, bool] = {}
    fold(root, lambda node, below: node is wrt or any(below), values)
    return values


def differential(root: Expr, wrt: Expr, change: Expr) -> Expr:
    """The differential of `root`, linear in `change`, the tangent of `wrt`; all other symbols are held constant."""
    return _through(root, {wrt: change})


def _through(root: Expr, changes: dict[Expr, Expr]) -> Expr:
    """The differential of `root`, given those of some of its parts."""
    changes = dict(changes)

    def visit(node: Expr, below: list[Expr]) -> Expr:
        parts = inputs(node)
        moving = {i: changes[a] for i, a in enumerate(parts) if not is_zero(changes[a])}
        return differential_of(node, moving) if moving else zeros(node.shape)

    result: Expr = fold(root, visit, changes)
    return result


