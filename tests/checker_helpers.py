"""A small reader of expressions for the checker's tests, so that they depend on no other part: Python's grammar, all names declared."""

from __future__ import annotations

import ast
import re
from fractions import Fraction

from matcalc import dims
from matcalc.dims import Shape
from matcalc.syntax import Node, Reading, Symbol

SCALARS = {"tr", "det", "logdet", "norm", "norm2sq", "norm1", "norminf", "nuclear", "spectral", "eigmax"}
REDUCTIONS = {"sum", "mean", "max", "min", "argmaxmask", "cumsum"}


def symbol(declaration: str) -> Symbol:
    """`A: matrix(m, n) symmetric`."""
    name, _, rest = declaration.partition(":")
    found = re.fullmatch(r"\s*(\w+)(?:\((.*?)\))?(.*)", rest)
    assert found is not None
    kind, inside, words = found[1], found[2] or "", found[3]
    sizes = [dim(d.strip()) for d in inside.split(",") if d.strip()]
    shape: Shape = (1, 1) if kind == "scalar" else (sizes[0], 1) if kind == "vector" else (sizes[0], sizes[1])
    return Symbol(name.strip(), shape, frozenset(words.replace(",", " ").split()), True)


def dim(text: str) -> dims.Dim:
    def visit(node: ast.expr) -> dims.Dim:
        if isinstance(node, ast.BinOp):
            left, right = visit(node.left), visit(node.right)
            if isinstance(node.op, ast.Mult):
                return dims.multiply(left, right)
            return dims.add(left, right, 1 if isinstance(node.op, ast.Add) else -1)
        return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)
    return visit(ast.parse(text, mode="eval").body)


def read(text: str, let: list[str] | dict[str, Symbol]) -> Reading:
    """The tree of an expression in NumPy's syntax, with `where` definitions."""
    symbols = dict(let) if isinstance(let, dict) else {s.name: s for s in map(symbol, let)}
    sizes = {n for s in symbols.values() for d in s.shape for n in dims.names(d)}
    body, _, definitions = text.partition(" where ")
    shared: dict[str, Node] = {}
    for definition in filter(None, definitions.split(";")):
        name, _, value = definition.partition("=")
        shared[name.strip()] = Builder(symbols, sizes, shared).build(value.strip())
    root = Builder(symbols, sizes, shared).build(body)
    return Reading(text, root, symbols, frozenset(sizes))


class Builder:
    def __init__(self, symbols: dict[str, Symbol], sizes: set[str], shared: dict[str, Node]) -> None:
        self.symbols, self.sizes, self.shared = symbols, sizes, shared

    def build(self, text: str) -> Node:
        return self.visit(ast.parse(text.replace("lambda", "lambda_"), mode="eval").body)

    def node(self, kind: str, children: list[Node], data: object, shape: Shape, axis: int | None = None) -> Node:
        node = Node(kind, children, data, axis=axis)
        node.shape = shape
        return node

    def visit(self, e: ast.expr) -> Node:
        return getattr(self, "visit_" + type(e).__name__)(e)

    def visit_Constant(self, e: ast.Constant) -> Node:
        return self.node("number", [], Fraction(str(e.value)), (1, 1))

    def visit_Name(self, e: ast.Name) -> Node:
        if e.id in self.shared:
            return self.node("ref", [self.shared[e.id]], e.id, self.shared[e.id].shape)
        if e.id in self.symbols:
            return self.node("name", [], e.id, self.symbols[e.id].shape)
        if e.id == "pi":
            return self.node("pi", [], None, (1, 1))
        assert e.id in self.sizes, e.id
        return self.node("size", [], e.id, (1, 1))

    def visit_UnaryOp(self, e: ast.UnaryOp) -> Node:
        x = self.visit(e.operand)
        return self.node("neg", [x], None, x.shape)

    def visit_Attribute(self, e: ast.Attribute) -> Node:
        x = self.visit(e.value)
        return self.node("transpose", [x], None, x.shape[::-1])

    def visit_BinOp(self, e: ast.BinOp) -> Node:
        a, b = self.visit(e.left), self.visit(e.right)
        if isinstance(e.op, (ast.Add, ast.Sub)):
            shape = a.shape if a.shape != (1, 1) and (a.shape[0] != 1 or b.shape == (1, 1)) else b.shape
            return self.node("add", [a, b], (1, 1 if isinstance(e.op, ast.Add) else -1), shape)
        if isinstance(e.op, ast.Pow):
            return self.node("power", [a, b], None, a.shape)
        op = {ast.MatMult: "@", ast.Mult: "*", ast.Div: "/"}[type(e.op)]
        shape = b.shape if a.shape == (1, 1) else a.shape if op != "@" or b.shape == (1, 1) else (a.shape[0], b.shape[1])
        return self.node("product", [a, b], (op,), shape)

    def visit_Subscript(self, e: ast.Subscript) -> Node:
        x = self.visit(e.value)
        parts = e.slice.elts if isinstance(e.slice, ast.Tuple) else [e.slice]
        data = tuple(slice(*(None if b is None else ast.literal_eval(b) for b in (p.lower, p.upper, p.step)))
                     if isinstance(p, ast.Slice) else ast.literal_eval(p) for p in parts)
        lengths = [length(s, d) for s, d in zip(data, x.shape, strict=False)]
        return self.node("index", [x], data, (lengths[0], lengths[1] if len(data) > 1 else x.shape[1]))

    def visit_Call(self, e: ast.Call) -> Node:
        assert isinstance(e.func, ast.Name)
        name = e.func.id
        args = [self.visit(a) for a in e.args]
        axis = next((ast.literal_eval(k.value) for k in e.keywords), None)
        return self.node("call", args, name, call_shape(name, args, axis, [dim(ast.unparse(a)) for a in e.args]
                                                        if name in ("eye", "ones", "zeros", "commat") else []), axis)


def length(selector: object, size: dims.Dim) -> dims.Dim:
    if not isinstance(selector, slice):
        return 1
    start, stop = selector.start or 0, selector.stop
    end: dims.Dim = size if stop is None else dims.add(size, stop) if stop < 0 else stop
    return dims.add(end, start, -1)


def call_shape(name: str, args: list[Node], axis: int | None, sizes: list[dims.Dim]) -> Shape:
    if sizes:
        if name == "commat":
            return (dims.multiply(*sizes), dims.multiply(*sizes))
        return (sizes[0], sizes[1] if len(sizes) > 1 else sizes[0] if name == "eye" else 1)
    m, n = args[0].shape if args else (1, 1)
    if name in SCALARS:
        return (1, 1)
    if name in ("argmaxmask", "cumsum"):
        return (m, n)
    if name in REDUCTIONS and len(args) == 1:
        return ((1, 1), (1, n), (m, 1))[0 if axis is None else axis + 1]
    if name == "pinv":
        return (n, m)
    if name == "vec":
        return (dims.multiply(m, n), 1)
    if name == "kron":
        return (dims.multiply(m, args[1].shape[0]), dims.multiply(n, args[1].shape[1]))
    if name == "diag":
        return (m, m) if n == 1 else (n, n) if m == 1 else (m, 1)
    if name == "diagv":
        return (m, 1)
    if name == "logsumexp":
        return (1, 1) if n == 1 else (m, 1)
    if name == "hstack":
        return (m, dims.add(n, args[1].shape[1]))
    if name == "vstack":
        return (dims.add(m, args[1].shape[0]), n)
    return args[1].shape if len(args) == 2 and (m, n) == (1, 1) else (m, n)
