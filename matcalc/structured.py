"""Structured variables: the conventions by which a derivative with respect to a symmetric, triangular ... matrix is meant."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from . import dims
from .algebra import add, eye, matmul, mul, ones, scale, transpose
from .errors import DomainError, Fix
from .expr import Expr
from .functions import apply
from .knowledge import known
from .kronecker import commutation, kron, vec
from .operators import diagonal_matrix
from .syntax import Symbol

CONSTRAINTS = ("simplex", "onehot")  # hold at the point, not along the way: never used before differentiating
STRUCTURES = ("symmetric", "skew", "diagonal", "lower", "upper", "orthogonal")
LINEAR = frozenset(["symmetric", "skew", "diagonal", "lower", "upper"])  # what a small change of such a matrix is, too
CONVENTIONS = ("projected", "independent", "free")


def structure_of(variable: Symbol) -> str:
    """The structure by which a variable's derivative is a matter of convention, or nothing."""
    found = known().closure(variable.properties) & frozenset(STRUCTURES)
    if "diagonal" in found or {"lower", "upper"} <= found or ("symmetric" in found and found & {"lower", "upper"}):
        found = (found - {"symmetric", "lower", "upper"}) | {"diagonal"}
    if len(found) > 1:
        raise DomainError(f"{variable.name} is declared {' and '.join(sorted(found))}: there is no convention for its derivative",
                          detail='with structure "free" all entries vary', fixes=[Fix(options=(("structure", "free"),))])
    return next(iter(found), "")


def structured_gradient(convention: str, structure: str, g: Expr, x: Expr) -> Expr:
    return _CONVENTIONS[convention](structure, g, x)


def structured_rows(convention: str, structure: str, j: Expr, x: Expr) -> Expr:
    """Every row of a Jacobian is a gradient."""
    return matmul([j, _acting(convention, structure, x)])


def structured_both_sides(convention: str, structure: str, h: Expr, x: Expr) -> Expr:
    refuse_orthogonal(structure)
    acting = _acting(convention, structure, x)
    return matmul([transpose(acting), h, acting])


def refuse_orthogonal(structure: str) -> None:
    """Second derivatives have no convention there."""
    if structure == "orthogonal":
        raise DomainError("second derivatives along orthogonal matrices depend on more than the gradient's projection",
                          fixes=[Fix(options=(("structure", "free"),))])


def _acting(convention: str, structure: str, x: Expr) -> Expr:
    """The symmetric matrix that takes vec of a free gradient to vec of the structured one."""
    n = x.shape[0]
    every, swap = eye(dims.multiply(n, n)), commutation(n, n)
    if structure in ("symmetric", "skew"):
        sign = 1 if structure == "symmetric" else -1
        if convention == "projected":
            return scale(Fraction(1, 2), add([every, scale(sign, swap)]))
        doubled = [scale(-1, diagonal_matrix(vec(eye(n))))] if sign > 0 else []
        return add([every, scale(sign, swap), *doubled])
    if structure == "orthogonal":
        if convention == "independent":
            raise _not_independent()
        return scale(Fraction(1, 2), add([every, scale(-1, matmul([kron(transpose(x), x), swap]))]))
    return diagonal_matrix(vec(_mask(structure, x)))


def _mask(structure: str, x: Expr) -> Expr:
    """Ones where a diagonal or triangular matrix has entries."""
    n = x.shape[0]
    return eye(n) if structure == "diagonal" else apply(known().role(f"{structure} triangle"), [ones((n, n))])


def structured_change(convention: str, structure: str, change: Expr, x: Expr) -> Expr:
    """The change within the space that any change stands for: the same projection, written with operators alone."""
    if structure in ("lower", "upper"):
        return mul([_mask(structure, x), change])
    return _CONVENTIONS[convention](structure, change, x)


def _not_independent() -> DomainError:
    return DomainError('the entries of an orthogonal matrix are not independent; use structure="projected" or "free"')


def _half(a: Expr, b: Expr, sign: int) -> Expr:
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
        raise _not_independent()
    return projected(structure, g, x)


_CONVENTIONS: dict[str, Callable[[str, Expr, Expr], Expr]] = {"projected": projected, "independent": independent}
