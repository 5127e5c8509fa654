"""Sums with fewer signs: common factors taken out, products multiplied out. Equalities without a direction: cost decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import product as combinations
from math import gcd, prod

from .algebra import add, base_and_exponent, eye, matmul, mul, ones, power, run, scalar_part, scale, terms_of, total
from .cost import cost
from .expr import Expr, Number, magnitude, number, settle
from .kronecker import kron, vec
from .operators import diagonal, diagonal_matrix, trace

EXPANDED_TERMS = 12  # a sum that is multiplied out may have that many terms
APART = 1500  # what taking all relatives but one together must save: more than a sign
SHARED = 4  # factors that the same terms share are taken out together if they are that many
MANY = 1000  # terms are not counted further
WIDE = 600  # factors beyond the fourth, over all terms: a sum of more is left as it is
Term = tuple[Number, Expr]

LINEAR = {"tr": trace, "sum": total, "diagv": diagonal, "diag": diagonal_matrix, "vec": vec}
_OPENED = frozenset(("add", "mul", "matmul", "run", "pow", *LINEAR))


# ---------------------------------------------------------------- common factors
def factored(e: Expr) -> list[Expr]:
    """The sum with the common factor taken out that saves most, or nothing if none saves anything.

    Candidates are scored one level deep: what they leave is simplified only for the winner. Where the winner leaves a bare
    `eye`, the best one that leaves none comes second: the next level may like it better.
    """
    terms = terms_of(e)
    lowest = cost(e)
    together = _shared(terms, e)
    if together is not None and cost(together) < lowest:
        return [together]
    scored = sorted([(price, bare, i, c) for i, (bare, c, apart) in enumerate(candidates(terms, e))
                     if (price := cost(c)) < lowest - (APART if apart else 0)])
    if not scored:
        return []
    best = scored[0]
    second = next((s[3] for s in scored if not s[1]), None) if best[1] else None
    return [best[3]] if second is None else [best[3], second]


def _shared(terms: list[Term], e: Expr) -> Expr | None:
    """The sum with all those factors out that the same terms have: one by one, long products would be taken apart once for each."""
    places: dict[tuple[Expr, Expr], list[int]] = {}
    for i, (_, core) in enumerate(terms):
        if core.op == "mul" and len(core.args) >= SHARED:
            for f in core.args:
                if f.op not in ("ones", "eye"):
                    places.setdefault(_power_of(f), []).append(i)
    sets: dict[tuple[int, ...], set[tuple[Expr, Expr]]] = {}
    for key, found in places.items():
        if len(found) > 1:
            sets.setdefault(tuple(found), set()).add(key)
    if not sets:
        return None
    chosen, keys = max(sets.items(), key=lambda s: len(s[1]) * (len(s[0]) - 1))
    if len(keys) < SHARED:
        return None
    members: dict[int, tuple[Expr, Expr]] = {}
    for i in chosen:
        core = terms[i][1]
        taken = [f for f in core.args if _power_of(f) in keys]
        rest = [f for f in core.args if _power_of(f) not in keys]
        bare = not core.is_scalar and all([f.is_scalar for f in rest])
        members[i] = mul(taken), mul([*rest, ones(core.shape)] if bare else rest or [number(1)])
    return _taken("times", members, terms, e)


def _power_of(f: Expr) -> tuple[Expr, Expr]:
    base, exponent = base_and_exponent(f)
    return base.canon, exponent


def candidates(terms: list[Term], e: Expr) -> Iterator[tuple[bool, Expr, bool]]:
    """The sum with one common factor out, for each that at least two terms have: whether that leaves a bare constant, the sum,
    and whether it leaves one of several relatives alone."""
    families = _families(terms)
    groups: dict[tuple[object, ...], dict[int, tuple[Expr, Expr]]] = {}
    wide = sum([max(0, len(core.args) - 4) for _, core in terms]) > WIDE
    for i, (_, core) in enumerate([] if wide else terms):
        for key, factor, rest in _views(core):
            groups.setdefault(key, {}).setdefault(i, (factor, rest))
    seen: set[Expr] = set()
    for key, members in groups.items():
        if key[0] in ("left", "right") and next(iter(members.values()))[0].op == "eye":
            continue
        whole = {i: m for i, m in members.items() if not _is_bare(m[1])}
        for bare, chosen in ((len(whole) < len(members), members), (False, whole)):
            new = _taken(str(key[0]), chosen, terms, e) if len(chosen) > 1 else None
            if new is not None and new not in seen:
                seen.add(new)
                yield bare, new, any([len(relatives - chosen.keys()) == 1 for relatives in families])
    yield from ((False, c, False) for c in _equal_coefficients(terms, e))


def _families(terms: list[Term]) -> list[set[int]]:
    """Three terms or more that are the same letters in another order: X @ X @ A + X @ A @ X + A @ X @ X reads well as it is."""
    found: dict[tuple[int, ...], set[int]] = {}
    for i, (_, core) in enumerate(terms):
        if core.op == "matmul" and all([f.op in ("sym", "transpose", "run") for f in core.args]):
            letters = sorted([f.rank for f in core.args for _ in range(f.data if f.op == "run" else 1)])
            found.setdefault(tuple(letters), set()).add(i)
    return [members for members in found.values() if len(members) > 2]


def _is_bare(rest: Expr) -> bool:
    """A constant that factoring has introduced."""
    return rest.op == "eye" or (rest.op == "mul" and any([f.op == "eye" for f in rest.args]))


def _taken(how: str, members: dict[int, tuple[Expr, Expr]], terms: list[Term], e: Expr) -> Expr | None:
    """factor * (what the terms leave) + the other terms, in the place of the first."""
    factor = next(iter(members.values()))[0]
    parts = [scale(terms[i][0], rest) for i, (_, rest) in members.items()]
    if how == "times":
        shape = next((p.shape for p in parts if not p.is_scalar), (1, 1))
        inner = add(parts, shape)
        product = mul([factor, inner])
    elif how in LINEAR:
        product = LINEAR[how](add(parts))
    else:
        inner = add(parts)
        product = matmul([factor, inner]) if how == "left" else matmul([inner, factor]) if how == "right" else (
            kron(factor, inner) if how == "kron-left" else kron(inner, factor))
    if product.shape != e.shape and not product.is_scalar:
        return None
    out: list[Expr] = []
    for i, (c, core) in enumerate(terms):
        if i not in members:
            out.append(scale(c, core))
        elif i == min(members):
            out.append(product)
    return add(out, e.shape)


def _views(core: Expr) -> Iterator[tuple[tuple[object, ...], Expr, Expr]]:
    """The ways to see a term as factor and rest: (how and which, the factor, the rest)."""
    factors = core.args if core.op == "mul" else (core,)
    for i, f in enumerate(factors):
        if f.op in ("num", "ones", "eye"):
            continue
        others = [*factors[:i], *factors[i + 1:]]
        yield from _powers(f, others, core)
    outside, inner = scalar_part(core) if not core.is_scalar else ([], core)
    if core.is_scalar:
        yield from _linear(core)
        if core.op == "matmul":
            yield from _ends(core, [])
        return
    if inner.op == "mul":
        return
    yield from _ends(inner, outside)
    if inner.op == "kron":
        a, b = inner.args
        yield ("kron-left", a.canon), a, mul([*outside, b])
        yield ("kron-right", b.canon), b, mul([*outside, a])
    if inner.op in LINEAR:
        yield (inner.op, inner.args[0].shape), inner, mul([*outside, inner.args[0]])


def _powers(f: Expr, others: list[Expr], core: Expr) -> Iterator[tuple[tuple[object, ...], Expr, Expr]]:
    """A factor of an elementwise product; of a power, one step: x**3 = x * x**2, and 1 / s**2 = 1 / s / s."""
    base, exponent = (f.args[0], f.args[1]) if f.op == "pow" else (f, number(1))
    rest = others or [ones(core.shape)]
    rest = rest if core.is_scalar or any([not o.is_scalar for o in rest]) or base.is_scalar else [*rest, ones(core.shape)]
    yield ("times", base.canon, exponent), f, mul(rest)
    if exponent.op == "num" and isinstance(exponent.data, int):
        for step in {1, -1, 2, -2} - {exponent.data}:
            if exponent.data * step > 0 and abs(step) < abs(exponent.data):
                part = power(base, number(step))
                yield ("times", base.canon, number(step)), part, mul([*rest, power(base, number(exponent.data - step))])
    elif exponent.op != "num" or isinstance(exponent.data, Fraction):
        yield from _shifted(base, exponent, rest)


def _shifted(base: Expr, exponent: Expr, rest: list[Expr]) -> Iterator[tuple[tuple[object, ...], Expr, Expr]]:
    """x**(p + 1) = x**p * x, so that it meets x**p."""
    for step in (1, -1):
        other = add([exponent, number(-step)])
        if other.op != "num" or other.data != 0:
            yield ("times", base.canon, other), power(base, other), mul([*rest, power(base, number(step))])


def _ends(inner: Expr, outside: list[Expr]) -> Iterator[tuple[tuple[object, ...], Expr, Expr]]:
    """The first and the last factor of a matrix product."""
    chain = inner.args if inner.op == "matmul" else (inner,)
    for how, f, others in (("left", chain[0], chain[1:]), ("right", chain[-1], chain[:-1])):
        inside, extra = (f.args[0], run(f.args[0], f.data - 1)) if f.op == "run" else (f, None)
        more = [extra] if extra is not None else []
        between = [*more, *others] if how == "left" else [*others, *more]
        if inside.is_column and how == "right" and len(chain) == 1:
            between = []
        if not between:
            n = inside.shape[1] if how == "left" else inside.shape[0]
            rest = mul([*outside, eye(n)]) if n != 1 else mul(outside) if outside else number(1)
        else:
            rest = matmul([*outside, *between])
        if not (rest.is_scalar and inside.shape != inner.shape):
            yield (how, inside.canon), inside, rest


def _linear(core: Expr) -> Iterator[tuple[tuple[object, ...], Expr, Expr]]:
    """s * tr(A): the scalar may go into the trace, so that two traces become one."""
    factors = core.args if core.op == "mul" else (core,)
    found = [f for f in factors if f.op in ("tr", "sum")]
    if len(found) == 1:
        others = [f for f in factors if f is not found[0]]
        inside = found[0].args[0]
        yield (found[0].op, inside.shape), found[0], mul([*others, inside])


def _equal_coefficients(terms: list[Term], e: Expr) -> Iterator[Expr]:
    """2 * a - 2 * b + c = 2 * (a - b) + c."""
    groups: dict[Number, list[int]] = {}
    for i, (c, core) in enumerate(terms):
        if abs(c) != 1 and core.op != "num":
            groups.setdefault(magnitude(c), []).append(i)
    for c, members in groups.items():
        if len(members) > 1:
            inner = add([scale(1 if terms[i][0] > 0 else -1, terms[i][1]) for i in members], e.shape)
            kept = [i for i in range(len(terms)) if i == members[0] or i not in members]
            out = [scale(c, inner) if i == members[0] else scale(*terms[i]) for i in kept]
            yield add(out, e.shape)
    if len({magnitude(c) for c, _ in terms}) > 1:
        numbers = [Fraction(c) for c, _ in terms]
        shared = Fraction(gcd(*[abs(c.numerator) for c in numbers]), 1)
        denominators = {c.denominator for c in numbers}
        if len(denominators) == 1:
            shared /= next(iter(denominators))
        if shared != 1:
            yield scale(shared, add([scale(c / shared, core) for c, (_, core) in zip(numbers, terms, strict=True)], e.shape))


# ---------------------------------------------------------------- multiplying out
def expanded(e: Expr, limit: int = EXPANDED_TERMS) -> Expr | None:
    """Products of sums multiplied out, and sums and traces of sums taken apart; None if that makes too many terms."""
    return add(opened(e), e.shape) if opened_terms(e) <= limit else None


def opened_terms(root: Expr) -> int:
    """How many terms multiplying out gives; remembered on the node, so that nobody looks twice into what has too many."""
    if root._terms is None:
        settle(root, lambda e: [a for a in e.args if a._terms is None] if e.op in _OPENED else [], _count_terms)
    return root._terms or 1


def _count_terms(e: Expr) -> None:
    counts = [a._terms or 1 for a in e.args]
    found = 1
    if e.op == "add":
        found = sum(counts)
    elif e.op in ("mul", "matmul"):
        found = prod(counts)
    elif (e.op == "run" and e.data <= 3) or (e.op == "pow" and _opens_as_power(e)):
        found = int(counts[0] ** (e.data or e.args[1].data))
    elif e.op in LINEAR:
        found = counts[0]
    e._terms = min(found, MANY)


def _opens_as_power(e: Expr) -> bool:
    return e.args[0].op == "add" and e.args[1].op == "num" and e.args[1].data in (2, 3)


def opened(root: Expr) -> tuple[Expr, ...]:
    """The terms of what is multiplied out; remembered on the node, so that those of a whole are made from those of its parts."""
    if opened_terms(root) == 1:
        return (root,)
    if root._opened is None:
        settle(root, lambda e: [a for a in e.args if (a._terms or 1) > 1 and a._opened is None], _open)
    assert root._opened is not None
    return root._opened


def _open(e: Expr) -> None:
    if e._opened is not None:
        return
    parts = [a._opened or (a,) for a in e.args]
    terms: Iterable[Expr]
    if e.op == "add":
        terms = [scale(c, t) for c, part in zip(e.data, parts, strict=True) for t in part]
    elif e.op == "mul":
        terms = [mul([number(e.data), *p]) for p in combinations(*parts)]
    elif e.op == "matmul":
        terms = map(matmul, combinations(*parts))
    elif e.op == "run":
        terms = map(matmul, combinations(parts[0], repeat=e.data))
    elif e.op == "pow":
        terms = map(mul, combinations(parts[0], repeat=e.args[1].data))
    else:
        terms = map(LINEAR[e.op], parts[0])
    e._opened = tuple(terms)


def expandable(e: Expr) -> bool:
    """Is there a sum inside a product that could be multiplied out?"""
    if opened_terms(e) == 1:
        return False
    if e.op in ("mul", "matmul"):
        return any([f.op == "add" or (f.op in ("matmul", "mul") and expandable(f)) or
                    (f.op == "pow" and _opens_as_power(f)) or
                    (f.op in LINEAR and f.args[0].op == "add") for f in e.args])
    if e.op in LINEAR:
        return e.args[0].op == "add" or expandable(e.args[0])
    if e.op == "pow":
        return _opens_as_power(e)
    return e.op == "run" and e.args[0].op == "add" and e.data <= 3


def one_denominator(e: Expr) -> Expr | None:
    """1 / (v * (1 + q / v)) = 1 / (v + q): a scalar below the line multiplied into a sum below the line, if that is shorter."""
    below = [f for f in e.args if f.op == "pow" and f.args[1].op == "num" and f.args[1].data == -1]
    for whole in below:
        if whole.args[0].op != "add":
            continue
        for f in below:
            if f is not whole and f.is_scalar:
                opened = add([scale(c, mul([f.args[0], core])) for c, core in terms_of(whole.args[0])], whole.shape)
                rest = [g for g in e.args if g is not whole and g is not f]
                new = mul([number(e.data), *rest, power(opened, number(-1))])
                if cost(new) < cost(e):
                    return new
    return None
