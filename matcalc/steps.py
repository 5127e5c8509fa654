"""A differential taken by hand: one layer of f after the other, what stands inside still to be taken, d(A @ x - b); then as <G, dX>.

Each line has the rules that lead to it. These are the rules of `differentials`, used forwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from . import dims
from .algebra import is_zero, mul, scalar_part, scale, terms_of, transpose, zeros
from .differentials import depends, differential_of, inputs
from .expr import Expr, make, postorder, symbol
from .functions import of_call
from .knowledge import Function, known
from .kronecker import vec
from .operators import frobenius
from .rebuild import substitute

DEEP = 16  # layers of an expression that are taken one by one; the chain rule of a deeper one is one line
LAYERS = 7  # lines in which a differential is taken; of a deeper expression a line takes several layers


class Reason(NamedTuple):
    """What leads to a line: the name of the rule, what it says, and where that can be looked up."""

    rule: str
    words: str = ""
    source: str = ""


LINEARITY = Reason("linearity", "d is linear")
POWER = Reason("power rule", "d x**k = k * x**(k - 1) * dx")


class Line(NamedTuple):
    """One equation: the value that its predecessor has, too, and why."""

    expression: Expr
    reasons: tuple[Reason, ...] = ()


class Pending:
    """The differentials that are still to be taken: symbols that stand for d(part), each linear in the change of the variable."""

    def __init__(self, wrt: Expr, change: Expr, prefix: str = "d") -> None:
        self.wrt, self.change, self.prefix = wrt, change, prefix
        self.parts: dict[Expr, Expr] = {}  # of what each symbol is the differential
        self.layers: dict[Expr, Expr] = {}  # what each of them becomes
        self._symbols: dict[Expr, Expr] = {}

    def of(self, part: Expr) -> Expr:
        """d(part). That of a row, and of what shows fewer `.T` when it is turned, is the transpose of one."""
        if part is self.wrt:
            return self.change
        flipped = transpose(part)
        if part.is_row or (not part.is_column and flipped.transposes < part.transposes):
            return transpose(self.of(flipped))
        if part not in self._symbols:
            self._symbols[part] = symbol(f"{self.prefix}#{len(self._symbols) + 1}", part.shape)
            self.parts[self._symbols[part]] = part
        return self._symbols[part]

    def forget(self, start: Expr) -> None:
        """Nothing but the differentials in `start` is written out, and these are not."""
        kept = set(self.within(start))
        self.parts = {d: part for d, part in self.parts.items() if d in kept}
        self.layers = {}

    def within(self, e: Expr) -> list[Expr]:
        """The symbols in an expression, the outermost part first."""
        return [node for node in reversed(postorder([e])) if node in self.parts]


# ---------------------------------------------------------------- the differential, layer by layer
def differentiated(start: Expr, pending: Pending) -> list[Line]:
    """d(f), and what it becomes until only the change of the variable is in it."""
    lines = [Line(start)]
    active: dict[Expr, bool] = {}
    layers = 0
    while waiting := pending.within(lines[-1].expression):
        inside = {d: set(postorder(inputs(pending.parts[d]))) for d in waiting}
        values: dict[Expr, Expr] = {}
        reasons: dict[Reason, None] = {}
        for d in waiting:
            either = pending.parts[d], transpose(pending.parts[d])
            if all(inside[other].isdisjoint(either) for other in waiting if other is not d):  # what stands inside another one waits for it
                values[d] = pending.layers[d] = _one_layer(pending.parts[d], pending, active, reasons)
        lines.append(Line(substitute(lines[-1].expression, dict(values)), tuple(reasons) or (LINEARITY,)))
        layers += 1
        if layers > DEEP:
            pending.forget(start)
            return lines[:1]
    return few(lines, LAYERS + 1)


def _one_layer(part: Expr, pending: Pending, active: dict[Expr, bool], reasons: dict[Reason, None]) -> Expr:
    """d(part) by the differentials of what stands inside: through all that is linear, and through one rule."""
    if part not in active:
        active.update(depends(part, pending.wrt))
    region: list[Expr] = []
    stack, seen = [(part, False)], {pending.wrt}
    while stack:
        node, ready = stack.pop()
        if ready:
            region.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            if _is_linear(node, active):
                stack += [(a, False) for a in reversed(inputs(node)) if active[a]]
    taken = {pending.wrt: pending.change}
    for node in region:
        linear = _is_linear(node, active)
        changes = {i: taken[a] if linear else pending.of(a) for i, a in enumerate(inputs(node)) if active[a]}
        changes = {i: d for i, d in changes.items() if not is_zero(d)}
        taken[node] = differential_of(node, changes) if changes else zeros(node.shape)
        if not linear:
            reasons.update(dict.fromkeys(_reasons(node, changes)))
    return taken[part]


def _is_linear(node: Expr, active: dict[Expr, bool]) -> bool:
    """Is it linear in the one of its parts that changes, or in all of them?"""
    if node.op in ("mul", "matmul", "kron"):
        return sum([active[a] for a in node.args]) == 1
    return node.op in ("add", "transpose", "sum", "diag", "diagv", "vec", "index") or (node.op == "tr" and inputs(node) is node.args)


def _reasons(node: Expr, changes: Mapping[int, Expr]) -> list[Reason]:
    """The rules for a node of which some parts change, by position."""
    if node.op in ("mul", "matmul", "kron"):
        return [Reason("product rule", "product rule")]
    if node.op == "call":
        return [of_function(of_call(node), node)]
    if node.op == "tr" and node.args[0].op == "call":
        return [of_function(of_call(node.args[0]))]
    if node.op == "pow":
        exponent = Reason("exponential rule", f"d c**x = {known().role('logarithm')}(c) * c**x * dx")
        return [reason for i, reason in enumerate((POWER, exponent)) if i in changes]
    if node.op == "run" or node.op == "tr":
        return [Reason("power rule", "d tr(X^k) = k * tr(X^(k - 1) @ dX)" if node.op == "tr" else "product rule, once for every factor",
                       known().functions[known().role("matrix power")][0].source)]
    return [LINEARITY]


def of_function(function: Function, call_: Expr | None = None) -> Reason:
    """What the table of a function says of its differential; of its trace where there is no call."""
    names = [p.name for p in function.signature.params]
    call = f"{function.name}({', '.join(names)})"
    if call_ is None:
        words = f"d tr({call}) = {function.get('trace_differential')}"
    elif text := function.get("derivative"):
        wrapped = f"({text})" if re.search(r" [+-] ", _outermost(text)) else text
        words = f"d {call} = {wrapped} * d{names[0]}"
    elif text := function.get("differential"):
        words = f"d {call} = {text}"
    else:
        args = [symbol(name, a.shape, rank=i) for i, (name, a) in enumerate(zip(names, call_.args, strict=False), 1)]
        changes = {i: symbol(f"d{name}", a.shape, rank=len(args) + 1) for i, (name, a) in enumerate(zip(names, args, strict=False))}
        words = f"d {call} = {differential_of(make('call', tuple(args), call_.data, call_.shape), changes)}"
    return Reason(f"differential of {function.name}", words, function.source)


def _outermost(text: str) -> str:
    """A formula without what stands in its brackets."""
    while (shorter := re.sub(r"\([^()]*\)", "", text)) != text:
        text = shorter
    return text


def few(lines: list[Line], limit: int) -> list[Line]:
    """At most so many lines: of more, several steps are taken at once, evenly, and all their reasons stay."""
    if len(lines) <= limit:
        return lines
    kept, reasons = [lines[0]], dict[Reason, None]()
    steps = len(lines) - 1
    for i, line in enumerate(lines[1:], 1):
        reasons.update(dict.fromkeys(line.reasons))
        if i * (limit - 1) // steps > (i - 1) * (limit - 1) // steps:
            kept.append(Line(line.expression, tuple(reasons)))
            reasons = {}
    return kept


# ---------------------------------------------------------------- df = <G, dX>
def paired(g: Expr, change: Expr) -> Expr:
    """<G, dX>, term by term, each as a person writes it: g.T @ dx, tr(G.T @ dX). The nodes are as they are made here."""
    if is_zero(g):
        return zeros(dims.SCALAR)
    cores: list[Expr] = []
    numbers = []
    for c, core in terms_of(g):
        scalars, rest = scalar_part(core)
        pair = mul([*scalars, _pair(rest, change)])
        k, pair = (pair.data, mul(pair.args)) if pair.op == "mul" and pair.data != 1 else (1, pair)
        cores.append(pair)
        numbers.append(c * k)
    if len(cores) == 1:
        return scale(numbers[0], cores[0])
    return make("add", tuple(cores), tuple(numbers), dims.SCALAR)


def _pair(g: Expr, change: Expr) -> Expr:
    if g.op in ("ones", "eye", "zeros", "num") or change.is_scalar:
        return frobenius(g, change)
    outside, core = scalar_part(transpose(g))  # the transpose of a skew factor has a sign
    factors = [_upright(f) for f in (core.args if core.op == "matmul" else (core,))]
    chain = make("matmul", (*factors, change), None, (change.shape[1], change.shape[1]))
    pair = chain if change.is_column else frobenius(g, change) if change.is_row else make("tr", (chain,), None, dims.SCALAR)
    return mul([*outside, pair])


def _upright(f: Expr) -> Expr:
    """A factor, written as the transpose of something if that is plainer: (y * x).T for y.T * x.T."""
    flipped = transpose(f)
    plainer = f.op in ("mul", "pow", "add") and flipped.transposes < f.transposes
    return make("transpose", (flipped,), None, f.shape) if plainer else f


def applied(j: Expr, change: Expr) -> Expr:
    """J @ vec(dX), as it stands."""
    if change.is_scalar:
        return mul([j, change])
    tangent = change if change.is_column else vec(change)
    outside, core = scalar_part(j)
    factors = core.args if core.op == "matmul" else (core,)
    if core.op in ("eye", "zeros") or core.is_scalar:
        return mul([j, tangent]) if core.is_scalar else scale(1, make("matmul", (j, tangent), None, (j.shape[0], 1)))
    return mul([*outside, make("matmul", (*factors, tangent), None, (j.shape[0], 1))])


TRACE_OF_PRODUCT = Reason("trace of a product", "tr(A @ B) = tr(B @ A)", "Matrix Cookbook (2012-11-15) eq. 14 (number recalled)")
TRACE_OF_TRANSPOSE = Reason("trace of a transpose", "tr(A) = tr(A.T)", "Matrix Cookbook (2012-11-15) eq. 13 (number recalled)")
DEEPLY = Reason("chain rule", f"the chain rule, through more than {DEEP} layers")


def moves(line: Expr, change: Expr) -> tuple[Reason, ...]:
    """What brings an expression that is linear in dX into the form <G, dX>: what is seen in it says which rules that takes."""
    if line.op == "sym" and line is not change:
        return (DEEPLY,)
    nodes = postorder([line])
    ops = {node.op for node in nodes if node.is_scalar}
    turned = any(node.op == "transpose" and node.args[0] is change for node in nodes)
    found = []
    if change.is_scalar:
        return (Reason("factor", "collected"),)
    if change.is_column:
        found += [Reason("transposition", "a number is its own transpose")] if turned else []
        found += [Reason("inner product", "sum(u * v) = u.T @ v")] if "sum" in ops else []
    else:
        found += [Reason("inner product", "sum(A * B) = tr(A.T @ B)")] if "sum" in ops else []
        found += [Reason("trace of an outer product", "a.T @ b = tr(b @ a.T)")] if "matmul" in ops else []
        found += [TRACE_OF_PRODUCT] if "tr" in ops else []
        found += [TRACE_OF_TRANSPOSE] if turned else []
    return tuple(found) or (Reason("factor", "collected"),)


def stacking(line: Expr, change: Expr, stacked: bool) -> tuple[Reason, ...]:
    """What brings dF into the form J @ vec(dX)."""
    if line.op == "sym" and line is not change:
        return (DEEPLY,)
    if change.is_scalar or (change.is_column and not stacked):
        entrywise = any(node.op == "mul" and any(not a.is_scalar for a in node.args[1:]) for node in postorder([line]))
        return (Reason("diagonal", "u * v = diag(u) @ v"),) if entrywise and not change.is_scalar else (Reason("factor", "collected"),)
    return (Reason("vec", "vec(A @ X @ B) = kron(B.T, A) @ vec(X)", "Matrix Cookbook (2012-11-15) eq. 520 (number recalled)"),)
