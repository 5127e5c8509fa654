"""From a reading to a derivative: differentiate, transpose, project onto the structure of the variable, simplify."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .algebra import ONE
from .build import build
from .cost import cost
from .differentials import differential, tangent
from .expr import Expr, symbol, symbols
from .factoring import expanded
from .functions import written_out
from .knowledge import known
from .materialize import jacobian
from .rebuild import substitute
from .simplifier import Simplifier, Step
from .structured import CONSTRAINTS, STRUCTURES, structure_of, structured_both_sides, structured_gradient, structured_rows
from .syntax import Reading, Symbol
from .transposition import gradient


class Path(NamedTuple):
    """The places that a derivation went through: what its steps, written out later, lead from and to."""

    f: Expr  # simplified
    wrt: Expr
    raw: Expr  # as differentiation gives it, nothing being known of a structured variable
    given: Expr  # the same, with what is known
    free: Expr  # simplified, if a convention follows
    projected: Expr  # by that convention
    rewrites: list[Step]  # trials that were given up among them


class Derived(NamedTuple):
    """A derivative with what led to it."""

    expression: Expr
    path: Path
    assumed: tuple[tuple[Expr, str], ...]
    structure: str  # the convention that was used: free where the variable has no structure
    typed: tuple[Expr, ...]  # the sums of the input, as they were typed
    compact: Expr  # the expression before functions were written out: what is computed


class Task(NamedTuple):
    """One kind of derivative: how it follows from f, and how the space of a structured variable acts on it."""

    differentiate: Callable[[Simplifier, Expr, Expr], Expr]
    convention: Callable[[str, str, Expr, Expr], Expr]  # (convention, structure, derivative, variable)


def derive(reading: Reading, variable: Symbol, convention: str, task: Task, other: Symbol | None = None) -> Derived:
    """A derivative of a reading by one of its variables, and `other`: what is known of them is used only afterwards."""
    structure = structure_of(variable) if convention != "free" else ""
    simplifier = Simplifier()
    moving = [s for s in (variable, other) if s is not None]
    constrained = constrained_of(moving)
    plain = frozenset(s.name for s in constrained)
    typed: list[Expr] = []
    f = build(reading, plain, typed=typed)
    f = simplifier.simplify(f)
    wrt = symbols(f).get(variable.name) or symbol(variable.name, variable.shape)
    raw = given = free_form = g = task.differentiate(simplifier, f, wrt)
    if constrained:
        free, simplifier = simplifier, Simplifier()
        simplifier.steps = free.steps
        stand_in = {s.name: wrt if s is variable else symbols(f).get(s.name) for s in constrained}
        declared = {old: symbol(s.name, s.shape, known().closure(s.properties), old.data.rank, s.spelled)
                    for s in constrained if (old := stand_in[s.name]) is not None}
        given = free_form = g = substitute(g, dict(declared))
        if structure:
            free_form = simplifier.simplify(g)
            g = task.convention(convention, structure, free_form, declared[wrt])
    compact = best_form(simplifier, g)
    path = Path(f, wrt, raw, given, free_form, g, simplifier.steps)
    return Derived(written_out(compact), path, tuple(simplifier.assumed), convention if structure else "free", tuple(typed), compact)


def constrained_of(moving: Sequence[Symbol]) -> list[Symbol]:
    """Those variables of which something is known that does not hold along the way: it is used only afterwards."""
    return [s for s in moving if not known().closure(s.properties).isdisjoint({*CONSTRAINTS, *STRUCTURES})]


def derive_gradient(reading: Reading, variable: Symbol, convention: str) -> Derived:
    """The gradient of a scalar reading."""
    return derive(reading, variable, convention, Task(lambda s, f, x: gradient(f, x), structured_gradient))


def derive_pullback(reading: Reading, variable: Symbol, convention: str, cotangent: Expr) -> Derived:
    """What a cotangent of the reading's value gives to the variable: reverse mode in closed form."""
    return derive(reading, variable, convention, Task(lambda s, f, x: gradient(f, x, cotangent), structured_gradient))


def derive_jacobian(reading: Reading, variable: Symbol, convention: str) -> Derived:
    """d vec(f) / d vec(X)', numerator layout; by a scalar, in the shape of f."""
    return derive(reading, variable, convention, Task(lambda s, f, x: _jacobian(f, x), structured_rows))


def derive_hessian(reading: Reading, variable: Symbol, convention: str, other: Symbol | None = None) -> Derived:
    """The Jacobian of the simplified gradient; with another variable, that of the gradient by the first by the second."""
    if other is None or other.name == variable.name:
        return derive(reading, variable, convention, Task(lambda s, f, x: _jacobian(s.simplify(gradient(f, x)), x), structured_both_sides))

    def mixed(s: Simplifier, f: Expr, x: Expr) -> Expr:
        second = symbols(f).get(other.name) or symbol(other.name, other.shape)
        return _jacobian(s.simplify(gradient(f, x)), second)

    return derive(reading, variable, convention, Task(mixed, structured_both_sides), other)


def derive_differential(reading: Reading, variable: Symbol, convention: str, change: Expr) -> Derived:
    """df, linear in `change`, a symbol that stands for d(variable): forward mode in closed form."""
    inner = tangent(change.data.name, change)
    task = Task(lambda s, f, x: substitute(differential(f, x, inner), {inner: change}), lambda convention, structure, g, x: g)
    return derive(reading, variable, convention, task)


def derive_hvp(reading: Reading, variable: Symbol, convention: str, direction: Expr) -> Derived:
    """The Hessian times a direction: the gradient, differentiated along it."""
    inner = tangent(direction.data.name, direction)

    def product(s: Simplifier, f: Expr, x: Expr) -> Expr:
        return substitute(differential(s.simplify(gradient(f, x)), x, inner), {inner: direction})

    return derive(reading, variable, convention, Task(product, structured_gradient))


def _jacobian(f: Expr, x: Expr) -> Expr:
    if not x.is_scalar:
        return jacobian(f, x)
    inner = tangent("dx", x)
    return substitute(differential(f, x, inner), {inner: ONE})


def best_form(simplifier: Simplifier, g: Expr) -> Expr:
    """The cheaper of the form as it came and the form multiplied out first."""
    result = simplifier.simplify(g)
    opened = expanded(result)
    if opened is not None and opened is not result:
        other = simplifier.simplify(opened)
        result = other if cost(other) < cost(result) else result
    return simplifier.present(result)


def derive_simplified(reading: Reading) -> Derived:
    """The expression itself in its simplest form."""
    simplifier = Simplifier()
    typed: list[Expr] = []
    f = build(reading, typed=typed)
    result = best_form(simplifier, f)
    return Derived(result, Path(f, f, f, f, f, f, simplifier.steps), tuple(simplifier.assumed), "free", tuple(typed), result)


