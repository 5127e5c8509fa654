"""The usual faults of a formula, one at a time: a sign, a transpose, a factor, an exponent, a neighbouring function.

A text is read as Python's grammar, which is ours but for `where`; what comes out may not fit together, and its reader says so.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from typing import Any

PAIRS = """sin cos, sinh cosh, tan tanh, arcsin arccos, arctan tanh, exp expm1, log log1p, relu step, relu softplus, softplus sigmoid,
sigmoid tanh,
abs sign, sqrt square, max min, maximum minimum, inv adj, inv pinv, det logdet, det tr, expm logm, expm sqrtm, norm norm2sq, norm1 norminf,
norm norm1, tril triu, diagv vec, softmax sigmoid, logsumexp max, digamma trigamma, gammaln digamma, erf tanh, eye ones, ones zeros,
sum mean,
sum max, argmaxmask sign, chol sqrtm, eigmax tr, logm_frechet expm_frechet, sqrtm_frechet logm_frechet, nuclear norm, spectral norm"""
NEIGHBOURS: dict[str, list[str]] = {}
for pair in PAIRS.split(","):
    one, other = pair.split()
    NEIGHBOURS.setdefault(one, []).append(other)
    NEIGHBOURS.setdefault(other, []).append(one)
LINEAR = ("inv", "pinv", "adj", "expm", "logm", "sqrtm", "chol", "tril", "triu", "softmax", "kron")  # whose values may want a transpose
KEYWORD = re.compile(r"\blambda\b")


def mutants(text: str) -> list[tuple[str, str]]:
    """(fault, faulty text) for every place and every fault; no text twice, nor the one given."""
    body, where, rest = text.partition(" where ")
    tree = ast.parse(KEYWORD.sub("lambda_", body), mode="eval").body
    found: dict[str, str] = {}
    before = ast.unparse(tree)
    for fault, changed in faulty(tree):
        new = ast.unparse(changed)
        if new != before:
            found.setdefault(new.replace("lambda_", "lambda") + where + rest, fault)
    return [(fault, new) for new, fault in found.items()]


def faulty(tree: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    yield "sign", ast.UnaryOp(ast.USub(), tree)
    yield "factor 2", ast.BinOp(ast.Constant(2), ast.Mult(), tree)
    yield "transpose", transposed(tree)
    size = sum(1 for _ in ast.walk(tree))
    for i in range(size):
        node = nth(tree, i)
        if not isinstance(node, ast.expr):
            continue
        for fault, instead in at(node, inside_call_name(tree, i)):
            yield fault, put(tree, i, instead)


def at(node: ast.expr, is_name_of_call: bool) -> Iterator[tuple[str, ast.expr]]:
    """What may stand wrongly in the place of one part."""
    match node:
        case ast.Name(id=name) if is_name_of_call:
            for other in NEIGHBOURS.get(name, ()):
                yield "neighbouring function", ast.Name(other)
        case ast.Name(id=name) if name[-1:].isupper() or name[:1].isupper() or len(name) <= 2:
            yield "transpose", transposed(node)
            if name[:1] != "d" or len(name) == 1:
                yield "sign", ast.UnaryOp(ast.USub(), node)
        case ast.Attribute(attr="T"):
            yield "transpose", node.value
        case ast.UnaryOp(op=ast.USub()):
            yield "sign", node.operand
        case ast.Constant(value=bool() | str()):
            return
        case ast.Constant(value=value):
            assert isinstance(value, int | float)
            yield "number", ast.Constant(value + 1)
            if value:
                yield "number", ast.Constant(2 * value)
        case ast.Call(func=ast.Name(id=name)):
            if name in LINEAR:
                yield "transpose", transposed(node)
            if len(node.args) == 1 and not node.keywords and name not in ("eye", "ones", "zeros"):
                yield "dropped function", node.args[0]
            if len(node.args) == 2 and name not in ("ones", "zeros"):
                yield "swapped factors", ast.Call(node.func, node.args[::-1], node.keywords)
            for k in node.keywords:
                if isinstance(k.value, ast.Constant) and k.value.value in (0, 1):
                    yield "axis", ast.Call(node.func, node.args, [ast.keyword(k.arg, ast.Constant(1 - k.value.value))])
        case ast.BinOp(left=left, op=op, right=right):
            yield from of_two(node, left, op, right)


def of_two(node: ast.BinOp, left: ast.expr, op: ast.operator, right: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(op, ast.Pow):
        yield "exponent", left
        yield "exponent", ast.BinOp(left, op, ast.UnaryOp(ast.USub(), right))
        yield "exponent", ast.BinOp(left, op, ast.BinOp(right, ast.Add(), ast.Constant(1)))
        yield "exponent", ast.BinOp(left, op, ast.BinOp(right, ast.Sub(), ast.Constant(1)))
        return
    sums = isinstance(op, ast.Add | ast.Sub)
    what = "dropped term" if sums else "dropped factor"
    yield what, left
    yield what, right
    if isinstance(op, ast.Sub) or not sums:
        yield "swapped factors", ast.BinOp(right, op, left)
    others: list[ast.operator] = {ast.Add: [ast.Sub()], ast.Sub: [ast.Add()], ast.Mult: [ast.Div(), ast.MatMult(), ast.Add()],
                                  ast.Div: [ast.Mult()], ast.MatMult: [ast.Mult()]}[type(op)]
    for other in others:
        yield "+ for -" if sums else "operator", ast.BinOp(left, other, right)


def transposed(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Attribute) else ast.Attribute(node, "T")


# ---------------------------------------------------------------- places in a tree
def nth(tree: ast.AST, i: int) -> ast.AST:
    return list(ast.walk(tree))[i]


def inside_call_name(tree: ast.AST, i: int) -> bool:
    node = nth(tree, i)
    return any(isinstance(n, ast.Call) and n.func is node for n in ast.walk(tree))


def put(tree: ast.expr, i: int, instead: ast.expr) -> ast.expr:
    """The tree with its i-th part replaced."""
    if i == 0:
        return instead
    new = copy.deepcopy(tree)
    old, instead = nth(new, i), copy.deepcopy(instead)

    class Put(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return instead if node is old else self.generic_visit(node)

    found: ast.expr = Put().visit(new)
    return found
