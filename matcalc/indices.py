"""Index form: a linear map as a sum of products of entries, dF[i,j]/dX[k,l] = A[i,k] * B[l,j]. A target, never the road."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from .algebra import diagonal_side, eye, matmul, mul, ones, transpose
from .differentials import tangent
from .dims import Dim
from .errors import Fix, LimitError, NotDifferentiable, NotSupported
from .expr import Expr, Number, number, symbols
from .functions import instantiate, of_call
from .kronecker import kron
from .operators import selection
from .rebuild import substitute

TERMS = 200  # of an index form: more cannot be read
OUTPUTS, INPUTS, SUMMED = "ij", "kl", "pqrstuvwabcdefgh"


class Entry(NamedTuple):
    """One entry of an array: A[i,k]; of a vector one index, of a scalar none."""

    array: Expr
    at: tuple[str, ...]


class Term(NamedTuple):
    """A number times entries, summed over the indices that neither the function nor the variable has."""

    coefficient: Number
    entries: tuple[Entry, ...]
    summed: tuple[str, ...]


class IndexForm(NamedTuple):
    """df = sum of the terms: `of` are the indices of the function, `by` those of the variable; a dimension of size 1 has none."""

    terms: tuple[Term, ...]
    of: tuple[str, ...]
    by: tuple[str, ...]
    function: Expr
    wrt: Expr


class _Part(NamedTuple):
    """A branch of the walk: what is still to be read and its indices, and what was met on the way."""

    e: Expr
    at: tuple[str, str]  # "" where the dimension is 1
    coefficient: Number
    entries: tuple[Entry, ...]


class _Walk:
    """Down a linear expression, from its entry (i, j) to the tangent."""

    def __init__(self, taken: set[str]) -> None:
        self.free = [letter for letter in SUMMED if letter not in taken]
        self.used = 0

    def fresh(self, dim: Dim) -> str:
        if dim == 1:
            return ""
        self.used += 1
        return f"{self.used}"  # a number until the term is complete: then it gets a letter

    def step(self, part: _Part) -> list[_Part]:
        e, (i, j), c, met = part
        if e.op == "add":
            return [_Part(a, part.at, c * k, met) for k, a in zip(e.data, e.args, strict=True)]
        place = next(n for n, a in enumerate(e.args) if a.rank < 0)
        inner = e.args[place]
        if e.op == "mul":
            others = [a for n, a in enumerate(e.args) if n != place]
            at = ("", "") if inner.is_scalar else part.at
            return [_Part(inner, at, c * e.data, (*met, *entries(mul(others), i, j)))]
        if e.op == "matmul":
            return [self._chain(e, place, part)]
        if e.op == "transpose":
            return [_Part(inner, (j, i), c, met)]
        if e.op in ("tr", "sum"):
            p = self.fresh(inner.shape[0])
            return [_Part(inner, (p, p if e.op == "tr" else self.fresh(inner.shape[1])), c, met)]
        if e.op == "diag":
            return [_Part(inner, (i, ""), c, (*met, Entry(eye(e.shape[0]), (i, j))))]
        if e.op == "diagv":
            return [_Part(inner, (i, i), c, met)]
        if e.op == "index":
            rows, columns = (selection(s, d) for s, d in zip(e.data, inner.shape, strict=True))
            p, q = (self.fresh(d) for d in inner.shape)
            return [_Part(inner, (p, q), c, (*met, *entries(rows, i, p), *entries(columns, j, q)))]
        if e.op == "vec":
            m, n = inner.shape
            p, q = self.fresh(m), self.fresh(n)
            places = (*entries(kron(ones((n, 1)), eye(m)), i, p), *entries(kron(eye(n), ones((m, 1))), i, q))
            return [_Part(inner, (p, q), c, (*met, *places))]
        if e.op == "kron":
            return [self._kron(e, place, part)]
        if e.op == "call" and (mask := _mask(e)) is not None:
            return [_Part(inner, part.at, c, (*met, *entries(mask, i, j)))]
        raise NotSupported(f"{e.data.name if e.op == 'call' else e.op} of a differential has no index form",
                           detail="the matrix form and the products with vectors are there")

    def _kron(self, e: Expr, place: int, part: _Part) -> _Part:
        """The other factor repeated over the whole, and which of its own entries the differential has there."""
        _, (i, j), c, met = part
        inner, other = e.args[place], e.args[1 - place]
        p, q = (self.fresh(d) for d in inner.shape)

        def whole(a: Expr, b: Expr) -> Expr:
            return kron(a, b) if place == 0 else kron(b, a)

        rows, columns = ((whole(eye(d), ones((n, 1))), x) for d, n, x in zip(inner.shape, other.shape, (p, q), strict=True))
        repeated = whole(ones(inner.shape), other)
        return _Part(inner, (p, q), c, (*met, *entries(repeated, i, j), *entries(rows[0], i, rows[1]), *entries(columns[0], j, columns[1])))

    def _chain(self, e: Expr, place: int, part: _Part) -> _Part:
        _, (i, j), c, met = part
        inner = e.args[place]
        before, behind = e.args[:place], e.args[place + 1:]
        p = self.fresh(inner.shape[0]) if before else i
        q = self.fresh(inner.shape[1]) if behind else j
        left = entries(matmul(before), i, p) if before else ()
        right = entries(matmul(behind), q, j) if behind else ()
        return _Part(inner, (p, q), c, (*met, *left, *right))


def _mask(e: Expr) -> Expr | None:
    """What a linear function multiplies the entries of its argument with, if that is all that it does: the ones of a triangle."""
    matrix = instantiate(of_call(e), "matrix", e.args) if of_call(e).get("matrix") else e
    return matrix.args[0].args[0] if matrix.op == "diag" and matrix.args[0].op == "vec" else None


def entries(e: Expr, i: str, j: str) -> tuple[Entry, ...]:
    """e[i, j] as a product of entries of what it is made of."""
    if e.op == "ones":
        return ()
    if e.is_scalar:
        return (Entry(e, ()),) if e.op != "num" or e.data != 1 else ()
    if e.op == "transpose":
        return entries(e.args[0], j, i)
    if e.op == "mul":
        own = [entries(f, i, j) for f in e.args]
        return (*((Entry(number(e.data), ()),) if e.data != 1 else ()), *(x for o in own for x in o))
    if e.op == "diag":
        return (Entry(eye(e.shape[0]), (i, j)), *entries(e.args[0], i, ""))
    if e.op == "matmul" and not e.is_scalar:
        cut = next((n for n, f in enumerate(e.args[:-1]) if f.shape[1] == 1), None)
        if cut is not None:  # column @ row
            return (*entries(matmul(e.args[:cut + 1]), i, ""), *entries(matmul(e.args[cut + 1:]), "", j))
        scaled = diagonal_side(e)
        if scaled is not None:
            left, core, right = scaled
            sides = [entries(side, at, "") for side, at in ((left, i), (right, j)) if side is not None]
            return (*entries(core, i, j), *(x for side in sides for x in side))
    return (Entry(transpose(e) if e.is_row else e, tuple([x for x in (i, j) if x])),)


def index_form(differential: Expr, change: Expr, function: Expr, wrt: Expr) -> IndexForm:
    """The terms of a differential, given as an expression that is linear in `change`."""
    linear = substitute(differential, {change: tangent(change.data.name, change)})
    change = tangent(change.data.name, change)
    taken = {*symbols(linear), *(d for e in symbols(linear).values() for d in e.shape if isinstance(d, str))}
    letters = [a for a in OUTPUTS + INPUTS + "abcdefgh" if a not in symbols(linear)]
    of = tuple([letters[n] for n in (0, 1) if function.shape[n] != 1])
    by = tuple([letters[n + 2] for n in (0, 1) if wrt.shape[n] != 1])
    walk = _Walk(taken | set(of) | set(by))
    i, j = (letters[n] if function.shape[n] != 1 else "" for n in (0, 1))
    k, l_ = (letters[n + 2] if wrt.shape[n] != 1 else "" for n in (0, 1))
    todo = [_Part(linear, (i, j), 1, ())]
    terms: dict[Key, Number] = {}
    while todo:
        part = todo.pop()
        if part.e is change:
            coefficient, key = _closed(part, (k, l_), walk.free)
            terms[key] = terms.get(key, 0) + coefficient
        elif part.e.rank < 0:
            todo.extend(reversed(walk.step(part)))
        elif part.e.op not in ("zeros", "num"):
            raise NotDifferentiable(f"{part.e} is not linear in its differential")
        if len(terms) + len(todo) > TERMS:
            raise LimitError(f"the index form has more than {TERMS} terms", detail="the matrix form is shorter")
    found = [Term(c, made, summed) for (made, summed), c in terms.items() if c]
    return IndexForm(tuple(found), of, by, function, wrt)


Key = tuple[tuple[Entry, ...], tuple[str, ...]]  # what two terms have in common if they can be added


def _closed(part: _Part, at: tuple[str, str], letters: Sequence[str]) -> tuple[Number, Key]:
    """The term of a branch that has reached the tangent: its indices meet those of the variable."""
    known: dict[str, str] = {}
    deltas: list[Entry] = []
    for own, wanted, size in zip(part.at, at, part.e.shape, strict=True):
        if own and known.get(own, own) != wanted:
            if own.isdigit() and own not in known:
                known[own] = wanted
            else:
                deltas.append(Entry(eye(size), (known.get(own, own), wanted)))
    made = [Entry(e.array, tuple([known.get(x, x) for x in e.at])) for e in part.entries] + deltas
    coefficient = part.coefficient
    for e in [e for e in made if e.array.op == "num"]:
        coefficient = coefficient * e.array.data
    made = _contracted([e for e in made if e.array.op != "num"])
    summed = list(dict.fromkeys([x for e in made for x in e.at if x.isdigit()]))
    if len(summed) > len(letters):
        raise LimitError(f"the index form needs {len(summed)} summed indices in one term", detail="the matrix form is shorter",
                         fixes=[Fix(options=(("form", "matrix"),))])
    names = dict(zip(summed, letters, strict=False))
    made = [_upright(Entry(e.array, tuple([names.get(x, x) for x in e.at]))) for e in made]
    made.sort(key=lambda e: (e.array.op == "eye", bool(e.at)))
    return coefficient, (tuple(made), tuple([names[x] for x in summed]))


def _upright(e: Entry) -> Entry:
    """delta[i,k] for delta[k,i]: it is symmetric."""
    return Entry(e.array, tuple(sorted(e.at))) if e.array.op == "eye" else e


def _contracted(made: list[Entry]) -> list[Entry]:
    """Without the sums that are matrix products: A[i,p] * B[p,k] is (A @ B)[i,k]; a delta renames an index."""
    while True:
        pair = next((e for e in made if e.array.op == "eye" and any(x.isdigit() for x in e.at) and e.at[0] != e.at[1]), None)
        if pair is not None:
            old, new = pair.at if pair.at[0].isdigit() else pair.at[::-1]
            made = [Entry(e.array, tuple([new if x == old else x for x in e.at])) for e in made if e is not pair]
            continue
        counts = Counter([x for e in made for x in e.at])
        joined = None
        for x in [x for x, n in counts.items() if x.isdigit() and n <= 2]:
            meeting = [e for e in made if x in e.at]
            if all(e.at.count(x) == 1 for e in meeting):
                joined = (meeting, _product(meeting, x))
                break
        if joined is None:
            return made
        made = [e for e in made if not any(e is m for m in joined[0])] + [joined[1]]


def _product(meeting: list[Entry], x: str) -> Entry:
    """The sum over x of one entry, or of two, as an entry of a matrix product."""
    first = meeting[0]
    left = first.array if first.at[-1] == x and len(first.at) == 2 else transpose(first.array)
    row = tuple([y for y in first.at if y != x])
    if len(meeting) == 1:
        return Entry(matmul([left, ones((left.shape[1], 1))]), row)
    second = meeting[1]
    right = second.array if second.at[0] == x else transpose(second.array)
    column = tuple([y for y in second.at if y != x])
    product = matmul([left, right])
    return Entry(transpose(product) if column and not row else product, (*row, *column))
