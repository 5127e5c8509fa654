"""From a reading to a derivative: differentiate, transpose, project onto the structure of the variable, simplify."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .algebra import add, eye, matmul, mul, scale, transpose
from .build import build
from .cost import cost
from .differentials import depends
from .errors import DomainError, Fix
from .expr import Expr, postorder, symbol, symbols
from .factoring import expanded
from .functions import apply, of_call
from .knowledge import known
from .operators import substitute
from .simplifier import Simplifier, Step
from .syntax import Reading, Symbol
from .transposition import gradient

CONSTRAINTS = ("simplex", "onehot")  # hold at the point, not along the way: never used before differentiating
STRUCTURES = ("symmetric", "skew", "diagonal", "lower", "upper", "orthogonal")
CONVENTIONS = ("projected", "independent", "free")


class Derived(NamedTuple):
    """A derivative with what led to it."""

    expression: Expr
    steps: tuple[Step, ...]
    assumed: tuple[tuple[Expr, str], ...]
    structure: str  # the convention that was used: free where the variable has no structure
    typed: tuple[Expr, ...]  # the sums of the input, as they were typed


def structure_of(variable: Symbol) -> str:
    """The structure by which a variable's derivative is a matter of convention, or nothing."""
    found = known().closure(variable.properties) & frozenset(STRUCTURES)
    if "diagonal" in found or {"lower", "upper"} <= found or ("symmetric" in found and found & {"lower", "upper"}):
        found = (found - {"symmetric", "lower", "upper"}) | {"diagonal"}
    if len(found) > 1:
        raise DomainError(f"{variable.name} is declared {' and '.join(sorted(found))}: there is no convention for its derivative",
                          detail='with structure "free" all entries vary', fixes=[Fix(options=(("structure", "free"),))])
    return next(iter(found), "")


def derive_gradient(reading: Reading, variable: Symbol, convention: str) -> Derived:
    """The gradient of a scalar reading by one of its variables."""
    structure = structure_of(variable) if convention != "free" else ""
    simplifier = Simplifier()
    properties = known().closure(variable.properties)
    constrained = not properties.isdisjoint({*CONSTRAINTS, *STRUCTURES})
    plain = frozenset({variable.name}) if constrained else frozenset()
    typed: list[Expr] = []
    f = build(reading, plain, typed=typed)
    f = simplifier.simplify(f)
    wrt = symbols(f).get(variable.name) or symbol(variable.name, variable.shape)
    g = gradient(f, wrt)
    record_rules(simplifier, f, wrt)
    if constrained:
        free, simplifier = simplifier, Simplifier()
        simplifier.steps = free.steps
        declared = symbol(variable.name, variable.shape, properties, wrt.data.rank, variable.spelled)
        g = substitute(g, {wrt: declared})
        if structure:
            g = _CONVENTIONS[convention](structure, simplifier.simplify(g), declared)
    result = best_form(simplifier, g)
    steps = leading_to(result, simplifier.steps)
    return Derived(result, steps, tuple(simplifier.assumed), convention if structure else "free", tuple(typed))


def leading_to(result: Expr, steps: list[Step]) -> tuple[Step, ...]:
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
        if step.before is step.after or step.after.canon in needed:
            kept.append(step)
            need(step.before)
    return tuple(reversed(kept))


def record_rules(simplifier: Simplifier, f: Expr, wrt: Expr) -> None:
    """The differentials that were used, as the first steps of the derivation."""
    seen: set[str] = set()
    rules = []
    active = depends(f, wrt)
    for node in reversed(postorder([f])):
        if node.op == "call" and node.data.name not in seen and active[node]:
            seen.add(node.data.name)
            function = of_call(node)
            rules.append(Step(f"differential of {node.data.name}", node, node, function.source))
    simplifier.steps[:0] = rules


def best_form(simplifier: Simplifier, g: Expr) -> Expr:
    """The cheaper of the form as it came and the form multiplied out first."""
    result = simplifier.simplify(g)
    opened = expanded(result)
    if opened is not None and opened is not result:
        other = simplifier.simplify(opened)
        if cost(other) < cost(result):
            return other
    return result


# ---------------------------------------------------------------- structured variables
def _half(a: Expr, b: Expr, sign: int) -> Expr:
    from fractions import Fraction

    if sign > 0 and b.transposes < a.transposes:  # A + A.T rather than A.T + A
        a, b = b, a
    return scale(Fraction(1, 2), add([a, scale(sign, b)]))


def projected(structure: str, g: Expr, x: Expr) -> Expr:
    """The gradient within the space of such matrices: the orthogonal projection of the free one."""
    if structure == "symmetric":
        return _half(g, transpose(g), 1)
    if structure == "skew":
        return _half(g, transpose(g), -1)
    if structure == "diagonal":
        return mul([g, eye(x.shape[0])])
    if structure == "orthogonal":  # the tangent space at X is {X @ K: K skew}
        return _half(g, matmul([x, transpose(g), x]), -1)
    return apply(known().role(f"{structure} triangle"), [g])


def independent(structure: str, g: Expr, x: Expr) -> Expr:
    """The derivative by the free entries, each of which stands in two places. Matrix Cookbook eq. 138."""
    if structure == "symmetric":
        return add([g, transpose(g), scale(-1, mul([g, eye(x.shape[0])]))])
    if structure == "skew":
        return add([g, scale(-1, transpose(g))])
    if structure == "orthogonal":
        raise DomainError('the entries of an orthogonal matrix are not independent; use structure="projected" or "free"')
    return projected(structure, g, x)


_CONVENTIONS: dict[str, Callable[[str, Expr, Expr], Expr]] = {"projected": projected, "independent": independent}


def derive_simplified(reading: Reading) -> Derived:
    """The expression itself in its simplest form."""
    simplifier = Simplifier()
    typed: list[Expr] = []
    f = build(reading, typed=typed)
    result = best_form(simplifier, f)
    return Derived(result, leading_to(result, simplifier.steps), tuple(simplifier.assumed), "free", tuple(typed))


