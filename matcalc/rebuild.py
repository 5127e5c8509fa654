"""An expression on other arguments, in normal form again: one operator, or a whole expression with parts replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import dims
from .algebra import call, eye, from_terms, matmul, mul, ones, power, run, size, total, transpose, zeros
from .dims import SCALAR, Dim, Shape
from .expr import Expr, fold, number
from .kronecker import commutation, kron, vec
from .operators import diagonal, diagonal_matrix, index, trace


def rebuild(e: Expr, args: Sequence[Expr], shape: Shape | None = None) -> Expr:
    """The same operator on other arguments, in normal form. (Constants keep their shape unless one is given.)"""
    op = e.op
    if op == "add":
        return from_terms(zip(e.data, args, strict=True), _like(e, args) if shape is None else shape)
    if op == "mul":
        return mul([number(e.data), *args])
    if op == "pow":
        return power(*args)
    if op == "matmul":
        return matmul(args)
    if op == "call":
        return call(e.data, args, _result_shape(e, args))
    return _BUILD[op](e, args)


def _result_shape(e: Expr, args: Sequence[Expr]) -> Shape:
    """The shape of a call, from where its dimensions stood before."""
    moved = {old: new for a, b in zip(e.args, args, strict=True) for old, new in zip(a.shape, b.shape, strict=True)}
    rows, columns = e.shape
    return moved.get(rows, rows), moved.get(columns, columns)


def _like(e: Expr, args: Sequence[Expr]) -> Shape:
    return next((a.shape for a in args if a.shape != SCALAR), SCALAR)


_BUILD: dict[str, Callable[[Expr, Sequence[Expr]], Expr]] = {
    "transpose": lambda e, a: transpose(a[0]),
    "tr": lambda e, a: trace(a[0]),
    "sum": lambda e, a: total(a[0]),
    "diag": lambda e, a: diagonal_matrix(a[0]),
    "diagv": lambda e, a: diagonal(a[0]),
    "kron": lambda e, a: kron(*a),
    "vec": lambda e, a: vec(a[0]),
    "index": lambda e, a: index(a[0], e.data),
    "run": lambda e, a: run(a[0], e.data),
}


def substitute(e: Expr, values: dict[Expr, Expr], sizes: dict[str, Dim] | None = None, memo: dict[Expr, Any] | None = None) -> Expr:
    """e with nodes (usually symbols) and dimension names replaced, rebuilt in normal form."""

    def visit(node: Expr, args: list[Expr]) -> Expr:
        if node.args:
            if all([a is b for a, b in zip(args, node.args, strict=True)]):
                return node
            if sizes and node.op == "add":
                return rebuild(node, args, (dims.substitute(node.shape[0], sizes), dims.substitute(node.shape[1], sizes)))
            return rebuild(node, args)
        if not sizes:
            return node
        if node.op == "size":
            return size(dims.substitute(node.data, sizes))
        if node.op in ("eye", "ones", "zeros"):
            shape = (dims.substitute(node.shape[0], sizes), dims.substitute(node.shape[1], sizes))
            return eye(shape[0]) if node.op == "eye" else ones(shape) if node.op == "ones" else zeros(shape)
        if node.op == "commat":
            return commutation(*[dims.substitute(d, sizes) for d in node.data])
        return node

    known = dict(values) if memo is None else memo
    if memo is not None:
        for k, v in values.items():
            known.setdefault(k, v)
    result: Expr = fold(e, visit, known)
    return result
