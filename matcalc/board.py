"""A derivation as it is written on a board: chains of equations, from f to its differential, to what is read off it, to the answer.

Nothing here is used to find an answer. The ends are those of `derive`, the differential is taken by hand (`steps`), the rewrites are those
that the simplifier used, and every equation is checked by itself before it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .algebra import transpose
from .derive import Path
from .expr import NO_RANK, Expr
from .functions import written_out
from .knowledge import Identity, known
from .operators import frobenius
from .rebuild import substitute
from .simplifier import Simplifier, Step
from .steps import Line, Pending, Reason, applied, differentiated, few, moves, paired, stacking
from .transposition import gradient

REWRITES = 3  # lines in which an answer is simplified


class Chain(NamedTuple):
    """Equal expressions, one below the other: left = first = second ... `kind` says what the first one is: the "value" of the
    expression, a "differential" that is to be taken; or what follows from the last line of the chain before: "stacked" by columns,
    "read off" it, brought "within" the structure of the variable, "transposed"."""

    left: str
    kind: str
    lines: tuple[Line, ...]
    link: str = ""  # how the first line follows: what stands around the line before, or around this one where it is read off
    pending: int = 0  # which of the differentials of a board stand in it: of a second derivative, there are two


class Names(NamedTuple):
    """The names of things that are not in the input: none is a name of the input."""

    f: str
    derivative: str
    second: str
    free: str


# ---------------------------------------------------------------- simplification
def rewritten(start: Expr, goal: Expr, steps: Sequence[Step]) -> list[Line]:
    """What the rewrites make of an expression, one after the other, as far as they are seen in it; the goal in any case."""
    lines = [Line(start)]
    unseen: dict[Reason, None] = {}
    needed = set(leading_to(goal, steps))
    for step in steps:
        constant = step.after.rank == NO_RANK  # what a constant was made of is seen in no result
        if step not in needed and not constant:
            continue
        new = substitute(lines[-1].expression, {step.before: step.after})
        if new is lines[-1].expression:
            unseen |= {_of_rewrite(step): None} if step in needed else {}
        else:
            lines.append(Line(new, (*unseen, _of_rewrite(step))))
            unseen = {}
    if lines[-1].expression is not goal:
        plain = Reason("written out", "written out") if written_out(lines[-1].expression) is goal else Reason("simplified", "simplified")
        lines.append(Line(goal, tuple(unseen) or (plain,)))
    return few(lines, REWRITES + 1)


WORDS = {"factor": "collected", "expand": "multiplied out", "common denominator": "one denominator"}


def _of_rewrite(step: Step) -> Reason:
    if step.rule in WORDS:
        return Reason(step.rule, WORDS[step.rule])
    identity = next((e for e in known().entries() if isinstance(e, Identity) and e.name == step.rule), None)
    return Reason(step.rule, f"{identity.left} = {identity.right}" if identity else step.rule, step.source)


def leading_to(result: Expr, steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps whose outcome is a part of what came later; trials that were given up are left out."""
    needed: set[Expr] = set()
    seen: set[Expr] = set()

    def need(root: Expr) -> None:
        todo = [root]
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                needed.add(node.canon)
                todo.extend(node.args)

    need(result)
    kept: list[Step] = []
    for step in reversed(steps):
        terms = step.after.args if step.after.op == "add" else (step.after,)  # a product with a sum may have been multiplied out since
        if step.after.canon in needed or all([a.canon in needed for a in terms]):
            kept.append(step)
            need(step.before)
    return tuple(reversed(kept))


# ---------------------------------------------------------------- derivations
class Question(NamedTuple):
    """What a derivation is of: the operation as the checker names it, and the expressions that it runs between."""

    op: str
    built: Expr  # the expression as it was read
    path: Path
    result: Expr
    names: Names
    wrt: Expr  # the variable, of a second derivative that of the second one
    change: Expr  # of it
    cotangent: Expr | None = None  # of vjp
    first: tuple[Expr, Expr] | None = None  # of a second derivative: the variable of the first one, and its change
    within: tuple[str, Expr] | None = None  # what a structure makes of the free derivative, in words and as a formula
    transposed: bool = False


class Board(NamedTuple):
    """All equations, and the differentials that stand in them."""

    chains: list[Chain]
    pending: list[Pending]


def board(q: Question) -> Board:
    """The equations of a derivation."""
    if q.op == "simplify":
        return Board([Chain(q.names.f, "value", tuple(rewritten(q.built, q.result, q.path.rewrites)))], [])
    before: Pending | None = None
    first = 0  # the chains of a first derivative are those before
    chains = [Chain(q.names.f, "value", tuple(rewritten(q.built, q.path.f, q.path.rewrites)))]
    f, name, derivative = q.path.f, q.names.f, q.names.derivative
    if q.first is not None:
        inner = Simplifier()
        raw = gradient(f, q.first[0])
        f = inner.simplify(raw)
        before = Pending(*q.first, prefix="e")
        chains += _gradient(name, derivative, q.path.f, before, raw, rewritten(raw, f, inner.steps))
        first = len(chains)
        name, derivative = q.names.derivative, q.names.second
    pending = Pending(q.wrt, q.change)
    goal = q.path.free if q.within else transpose(q.result) if q.transposed else q.result
    simplified = rewritten(q.path.given, goal, q.path.rewrites)
    if q.path.given is not q.path.raw:
        simplified = [Line(q.path.raw), *_led_to(simplified, Reason("declared", f"what is known of {q.wrt}"))]
    if q.op == "differential":
        lines = [*differentiated(pending.of(f), pending), *simplified]
        return _board(first, [*chains, Chain(f"d{name}", "differential", tuple(lines))], before, pending)
    own = q.names.free if q.within else derivative
    if q.op in ("grad", "vjp"):
        chains += _gradient(name, own, f, pending, q.path.raw, simplified, q.cotangent)
    else:
        chains += _matrix(name, own, f, pending, q.path.raw, simplified)
    if q.within:
        words, formula = q.within
        put_in = Reason("substitution", f"{q.names.free} put in")
        lines = rewritten(q.path.projected, transpose(q.result) if q.transposed else q.result, q.path.rewrites)
        chains.append(Chain(derivative, "within", (Line(formula, (Reason("structure", words),)), *_led_to(lines, put_in)), q.names.free))
    if q.transposed:
        turned = Line(q.result, (Reason("layout", "denominator layout: the transpose"),))
        chains.append(Chain(f"{derivative}.T", "transposed", (turned,), "({}).T"))
    return _board(first, chains, before, pending)


def _board(first: int, chains: list[Chain], before: Pending | None, pending: Pending) -> Board:
    if before is None:
        return Board(chains, [pending])
    return Board([chain._replace(pending=int(i >= first)) for i, chain in enumerate(chains)], [before, pending])


def _led_to(lines: Sequence[Line], reason: Reason) -> tuple[Line, ...]:
    return (Line(lines[0].expression, (reason,)), *lines[1:])


def _gradient(f: str, name: str, of: Expr, pending: Pending, raw: Expr, simplified: list[Line],
              cotangent: Expr | None = None) -> list[Chain]:
    """df, layer by layer, as <G, dX>; and G, simplified."""
    change = pending.change
    left, start = f"d{f}", pending.of(of)
    if cotangent is not None:
        left, start = f"<{cotangent}, d{f}>", frobenius(cotangent, start)
    lines = differentiated(start, pending)
    if cotangent is not None and not pending.layers:  # too deep: <G, dF> = d<G, F>, in one line
        lines = [Line(pending.of(frobenius(cotangent, of)))]
        pending.forget(lines[0].expression)
    lines.append(Line(paired(raw, change), moves(lines[-1].expression, change)))
    off = Reason("read off", f"{left} = <{name}, {change}>")
    pair = f"sum(({{}}) * {change.data.name})"
    return [Chain(left, "differential", tuple(lines)), Chain(name, "read off", _led_to(simplified, off), pair)]


def _matrix(f: str, name: str, of: Expr, pending: Pending, raw: Expr, simplified: list[Line]) -> list[Chain]:
    """df, layer by layer, as J @ vec(dX); and J, simplified."""
    change = pending.change
    lines = differentiated(pending.of(of), pending)
    tangent = str(change) if change.is_column or change.is_scalar else f"vec({change})"
    stacked = not (of.is_column or of.is_scalar or change.is_scalar)
    left = f"vec(d{f})" if stacked else f"d{f}"
    product = Line(applied(raw, change), stacking(lines[-1].expression, change, stacked))
    off = Reason("read off", f"{left} = {name} {'*' if change.is_scalar else '@'} {tangent}")
    chains = [Chain(f"d{f}", "differential", tuple(lines if stacked else [*lines, product]))]
    if stacked:
        chains.append(Chain(left, "stacked", (product,), "vec({})"))
    around = f"({{}}) {'*' if change.is_scalar else '@'} {tangent}"
    return [*chains, Chain(name, "read off", _led_to(simplified, off), around)]
