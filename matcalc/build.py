"""The tree of a text -> an expression in normal form."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import functions, kronecker, operators
from .algebra import add, divide, eye, matmul, mul, negate, ones, power, size, total, transpose, zeros
from .errors import DomainError, NotSupported
from .expr import Expr, make, number, symbol
from .knowledge import known
from .syntax import Node, Reading, fold


def build(reading: Reading, plain: frozenset[str] = frozenset(), variables: Mapping[str, Expr] | None = None,
          keep: bool = False, typed: list[Expr] | None = None) -> Expr:
    """The expression of a reading. Names in `plain` are taken without their properties; `variables` gives symbols that exist already;
    `keep`: abbreviations of other functions (norm of norm2sq) stay as they are; `typed` receives sums and inner products as typed."""
    closure = known().closure
    table: dict[str, Expr] = dict(variables or {})
    for rank, s in enumerate(reading.symbols.values(), 1):
        if s.name not in table:
            properties = frozenset() if s.name in plain else closure(s.properties)
            table[s.name] = symbol(s.name, s.shape, properties, rank, s.spelled)

    def visit(node: Node, children: list[Expr]) -> Expr:
        if node.kind == "name":
            return table[node.data]
        if keep and node.kind == "call" and node.data not in _OPERATORS:
            return functions.apply(node.data, children, node.axis, keep=True)
        try:
            made = _VISIT[node.kind](node, children)
        except DomainError as error:
            error.spans = error.spans or (node.span,)
            raise
        if typed is not None and node.kind == "add":
            typed.append(made)
        elif typed is not None and node.kind == "product" and made.op == "matmul" and made.is_scalar:
            typed.append(make("matmul", tuple(children)))
        return made

    result: Expr = fold(reading.root, lambda node: node.children, visit)
    return result


def _add(node: Node, children: list[Expr]) -> Expr:
    terms = []
    for sign, child in zip(node.data, children, strict=True):
        if child.is_row and node.shape[0] != 1:  # a row added to each row
            child = matmul([ones((node.shape[0], 1)), child])
        terms.append(negate(child) if sign < 0 else child)
    return add(terms, node.shape)


def _product(node: Node, children: list[Expr]) -> Expr:
    result = children[0]
    run = [result]
    for sign, child in zip(node.data, children[1:], strict=True):
        if sign == "@":
            run.append(child)
            continue
        result = matmul(run) if len(run) > 1 else run[0]
        result = mul([result, child]) if sign == "*" else divide(result, child)
        run = [result]
    return matmul(run) if len(run) > 1 else run[0]


def _axis(e: Expr, axis: int | None) -> Expr:
    if axis is None:
        return total(e)
    return matmul([ones((1, e.shape[0])), e]) if axis == 0 else matmul([e, ones((e.shape[1], 1))])


def _mean(e: Expr, axis: int | None) -> Expr:
    count = mul([size(d) for i, d in enumerate(e.shape) if axis is None or i == axis])
    return divide(_axis(e, axis), count)


def _index(node: Node, children: list[Expr]) -> Expr:
    if any(not isinstance(s, int) and s.step not in (None, 1) for s in node.data):
        raise NotSupported("a slice with a step has no rule yet", node.span, detail="slices are x[start:stop]")
    selectors = [s if isinstance(s, int) else (s.start, s.stop) for s in node.data]
    return operators.index(children[0], selectors)


def _dims(node: Node) -> list[Expr]:
    return [c.data for c in node.children]


_OPERATORS: dict[str, Callable[[Node, list[Expr]], Expr]] = {
    "tr": lambda n, c: operators.trace(c[0]),
    "sum": lambda n, c: _axis(c[0], n.axis),
    "mean": lambda n, c: _mean(c[0], n.axis),
    "diag": lambda n, c: operators.diagonal_matrix(c[0]),
    "diagv": lambda n, c: operators.diagonal(c[0]),
    "kron": lambda n, c: kronecker.kron(*c),
    "vec": lambda n, c: kronecker.vec(c[0]),
    "eye": lambda n, c: eye(n.shape[0]),
    "ones": lambda n, c: ones(n.shape),
    "zeros": lambda n, c: zeros(n.shape),
    "commat": lambda n, c: kronecker.commutation(n.children[0].data, n.children[1].data),
}


def _call(node: Node, children: list[Expr]) -> Expr:
    operator = _OPERATORS.get(node.data)
    return operator(node, children) if operator else functions.apply(node.data, children, node.axis)


_VISIT: dict[str, Callable[[Node, list[Expr]], Expr]] = {
    "number": lambda n, c: number(n.data),
    "size": lambda n, c: size(n.data),
    "pi": lambda n, c: make("pi"),
    "neg": lambda n, c: negate(c[0]),
    "add": _add,
    "product": _product,
    "power": lambda n, c: power(*c),
    "transpose": lambda n, c: transpose(c[0]),
    "index": _index,
    "call": _call,
    "ref": lambda n, c: c[0],
}
