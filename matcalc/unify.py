"""Dimensions that are equal although not yet known: unification of integers, names, and sums and products of them.

A dimension that nobody declared is a variable, written `?7`. A variable is never 1, because kinds are decided first.

>>> u = Unifier(); a, b = u.fresh(), u.fresh()
>>> u.unify(multiply(a, "n"), multiply("m", "n")), u.resolve(a), u.unify(a, "n")
(True, 'm', False)
"""

from __future__ import annotations

from .dimensions import product
from .dims import Dim, Poly, add, multiply, names, substitute
from .limits import Limits

Monomial = tuple[str, ...]


class Unifier:
    """What is known of the dimension variables."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.bound: dict[str, Dim] = {}
        self.count = 0

    def fresh(self) -> str:
        self.count += 1
        return f"?{self.count}"

    def resolve(self, dim: Dim) -> Dim:
        """A dimension with everything put in that is known of its variables."""
        if isinstance(dim, int):
            return dim
        if isinstance(dim, str):
            found = self.bound.get(dim)
            if found is None:
                return dim
            resolved = self._follow(dim)
            self.bound[dim] = resolved
            return resolved
        unknown = [name for name in names(dim) if name in self.bound]
        return substitute(dim, {name: self.resolve(name) for name in unknown}, self._times) if unknown else dim

    def _times(self, a: Dim, b: Dim) -> Dim:
        return product(a, b, self.limits)

    def _follow(self, name: str) -> Dim:
        """The end of a chain of bound variables; a loop, because a chain may be long."""
        dim: Dim = name
        while isinstance(dim, str) and dim in self.bound:
            dim = self.bound[dim]
        if isinstance(dim, Poly):
            while any(part in self.bound for part in names(dim)):
                dim = substitute(dim, self.bound, self._times)
        return dim

    def unify(self, a: Dim, b: Dim) -> bool:
        """Make two dimensions equal; False where they cannot be, or where what they say cannot be solved for a variable."""
        if a == b:
            return True
        a, b = self.resolve(a), self.resolve(b)
        if a == b:
            return True
        if is_variable(a) and is_variable(b):
            later, earlier = (a, b) if _age(a) > _age(b) else (b, a)
            self.bound[str(later)] = earlier
            return True
        if is_variable(a):
            return self._bind(str(a), b)
        if is_variable(b):
            return self._bind(str(b), a)
        return self._solve(a, b)

    def _bind(self, variable: str, dim: Dim) -> bool:
        if dim == 1 or (isinstance(dim, int) and dim < 1) or variable in names(dim):
            return False
        self.bound[variable] = dim
        return True

    def _solve(self, a: Dim, b: Dim) -> bool:
        """a = b for a variable that stands in one way only: v * n + m = p * n + m gives v = p."""
        if isinstance(a, int) and isinstance(b, int):
            return False
        difference = add(a, b, -1)
        if not isinstance(difference, Poly):
            return False
        for variable in sorted((name for name in names(difference) if is_variable(name)), key=_age):
            holding = [(m, c) for m, c in difference.terms if variable in m]
            if len(holding) != 1 or holding[0][0].count(variable) != 1:
                continue
            monomial, coefficient = holding[0]
            rest = [(m, c) for m, c in difference.terms if variable not in m]
            value = _divide(rest, tuple(name for name in monomial if name != variable), -coefficient)
            if value is not None and self._bind(variable, value):
                return True
        return False


def is_variable(dim: Dim) -> bool:
    return isinstance(dim, str) and dim[0] == "?"


def has_variables(dim: Dim) -> bool:
    return not isinstance(dim, int) and any(name[0] == "?" for name in names(dim))


def _age(variable: Dim) -> int:
    return int(str(variable)[1:])


def _divide(terms: list[tuple[Monomial, int]], monomial: Monomial, coefficient: int) -> Dim | None:
    """A polynomial divided by a monomial, if that leaves no remainder."""
    total: Dim = 0
    for names_of_term, c in terms:
        left = list(names_of_term)
        for name in monomial:
            if name not in left:
                return None
            left.remove(name)
        if c % coefficient:
            return None
        part: Dim = c // coefficient
        for name in left:
            part = multiply(part, name)
        total = add(total, part)
    return total
