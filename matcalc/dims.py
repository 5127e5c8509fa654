"""Symbolic dimensions: an integer, a name, or a polynomial of names with integer coefficients.

>>> text(multiply(add("n", 1), "m"))
'm * n + m'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping


class Poly:
    """A polynomial in dimension names that is neither a plain integer nor a plain name."""

    __slots__ = ("terms", "_hash")

    def __init__(self, terms: tuple[tuple[tuple[str, ...], int], ...]) -> None:
        self.terms = terms  # sorted ((names of the monomial, sorted), coefficient) pairs
        self._hash = hash(terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Poly) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return text(self)


Dim = int | str | Poly
Shape = tuple[Dim, Dim]
SCALAR: Shape = (1, 1)


def _terms(dim: Dim) -> dict[tuple[str, ...], int]:
    if isinstance(dim, int):
        return {(): dim} if dim else {}
    if isinstance(dim, str):
        return {(dim,): 1}
    return dict(dim.terms)


def _dim(terms: dict[tuple[str, ...], int]) -> Dim:
    terms = {names: c for names, c in terms.items() if c}
    if not terms:
        return 0
    if len(terms) == 1:
        ((names, c),) = terms.items()
        if not names:
            return c
        if c == 1 and len(names) == 1:
            return names[0]
    return Poly(tuple(sorted(terms.items(), key=lambda item: (-len(item[0]), item[0]))))


def add(a: Dim, b: Dim, sign: int = 1) -> Dim:
    """a + sign * b."""
    if isinstance(a, int) and isinstance(b, int):
        return a + sign * b
    terms = _terms(a)
    for names, c in _terms(b).items():
        terms[names] = terms.get(names, 0) + sign * c
    return _dim(terms)


def multiply(a: Dim, b: Dim) -> Dim:
    if a == 1:
        return b
    if b == 1:
        return a
    terms: dict[tuple[str, ...], int] = {}
    for p, c in _terms(a).items():
        for q, d in _terms(b).items():
            key = tuple(sorted(p + q))
            terms[key] = terms.get(key, 0) + c * d
    return _dim(terms)


def names(dim: Dim) -> set[str]:
    """The names that a dimension mentions."""
    return {name for monomial in _terms(dim) for name in monomial}


def substitute(dim: Dim, values: Mapping[str, Dim], times: Callable[[Dim, Dim], Dim] = multiply) -> Dim:
    """`dim` with names replaced; names that are not in `values` stay. `times` may refuse a product that grows too large."""
    if isinstance(dim, int):
        return dim
    if isinstance(dim, str):
        return values.get(dim, dim)
    total: Dim = 0
    for monomial, c in dim.terms:
        product: Dim = c
        for name in monomial:
            product = times(product, values.get(name, name))
        total = add(total, product)
    return total


def evaluate(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The size of a dimension whose names all have one."""
    value = substitute(dim, sizes)
    if not isinstance(value, int):
        raise KeyError(f"no size for {', '.join(sorted(names(value)))}")
    return value


def text(dim: Dim) -> str:
    """As it is printed inside an expression: `n`, `m * n`, `n - 1`."""
    if not isinstance(dim, Poly):
        return str(dim)
    out = ""
    for monomial, c in dim.terms:
        factors = ([str(abs(c))] if abs(c) != 1 or not monomial else []) + list(monomial)
        sign = (" - " if c < 0 else " + ") if out else ("-" if c < 0 else "")
        out += sign + " * ".join(factors)
    return out


def shape_text(shape: Shape, declared: bool = True) -> str:
    """As a declaration says it: `scalar`, `vector(n)`, `matrix(m, n)`."""
    rows, columns = shape
    if shape == SCALAR:
        return "scalar"
    if columns == 1:
        return f"vector({text(rows)})"
    return f"matrix({text(rows)}, {text(columns)})"
