"""The functions that have values modulo a prime, as series along a curve; curves.py says what these are."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from . import modular as mod
from . import scalars
from .curves import (
    CALLS,
    Curve,
    Operation,
    Series,
    add,
    bilinear,
    determinant,
    elementwise,
    faddeev,
    hadamard,
    inverse,
    linear,
    matmul,
    padded,
    scale,
    spread,
    subtract,
    trace,
    transpose,
)
from .evidence import NotRational
from .modular import Matrix, P, reciprocal
from .plan import Step, concrete


def scalar_function(name: str) -> Operation:
    function = scalars.FUNCTIONS[name]
    token, branches = name not in scalars.RATIONAL, scalars.BRANCHES.get(name, 0)

    def operation(curve: Curve, step: Step, args: list[Series]) -> Series:
        curve.tokens = curve.tokens or token
        curve.branches |= branches
        return elementwise(function, args[0], curve.length)
    return operation


# no exact values: floats.py has theirs
NUMERIC = frozenset({"expm", "logm", "sqrtm", "chol", "eigmax", "spectral", "nuclear", "polygamma"})
CALLS.update({name: scalar_function(name) for name in scalars.FUNCTIONS})


def call(*names: str) -> Callable[[Operation], Operation]:
    def register(operation: Operation) -> Operation:
        CALLS.update(dict.fromkeys(names, operation))
        return operation
    return register


def _along_axis(matrix: Matrix, axis: int | None, function: Callable[[list[int]], int]) -> Matrix:
    if axis is None:
        return [[function([x for row in matrix for x in row])]]
    return [[function(list(c)) for c in zip(*matrix, strict=False)]] if axis == 0 else [[function(row)] for row in matrix]


def _sum(a: Series, axis: int | None) -> Series:
    return [_along_axis(c, axis, lambda entries: sum(entries) % P) for c in a]


CALLS["tr"] = lambda curve, step, args: trace(args[0])
CALLS["sum"] = lambda curve, step, args: _sum(args[0], step.axis)
CALLS["vec"] = linear(lambda a: [[x] for column in zip(*a, strict=False) for x in column])
CALLS["diagv"] = linear(lambda a: [[a[i][i]] for i in range(min(len(a), len(a[0])))])
CALLS["tril"] = linear(lambda a: [[x if i >= j else 0 for j, x in enumerate(row)] for i, row in enumerate(a)])
CALLS["triu"] = linear(lambda a: [[x if i <= j else 0 for j, x in enumerate(row)] for i, row in enumerate(a)])
CALLS["inv"] = lambda curve, step, args: inverse(args[0], curve.length)
CALLS["det"] = lambda curve, step, args: determinant(args[0], curve.length)
CALLS["adj"] = lambda curve, step, args: faddeev(args[0], curve.length)[1]
CALLS["norm2sq"] = lambda curve, step, args: _sum(hadamard(args[0], args[0], curve.length), None)


@call("mean")
def _mean(curve: Curve, step: Step, args: list[Series]) -> Series:
    m, n = len(args[0][0]), len(args[0][0][0])
    return scale(_sum(args[0], step.axis), reciprocal((m * n, m, n)[0 if step.axis is None else step.axis + 1]))


@call("diag")
def _diag(curve: Curve, step: Step, args: list[Series]) -> Series:
    m, n = len(args[0][0]), len(args[0][0][0])
    if m > 1 and n > 1:
        return [[[c[i][i]] for i in range(min(m, n))] for c in args[0]]
    return [[[x if i == j else 0 for j in range(m * n)] for i, x in enumerate(e for row in c for e in row)] for c in args[0]]


def _constant(entry: Callable[[int, int], int]) -> Operation:
    """eye, ones, zeros: the shape says it all."""
    def operation(curve: Curve, step: Step, args: list[Series]) -> Series:
        m, n = concrete(step.shape, curve.sizes)
        return [[[entry(i, j) for j in range(n)] for i in range(m)]]
    return operation


CALLS["eye"] = _constant(lambda i, j: int(i == j))
CALLS["ones"] = _constant(lambda i, j: 1)
CALLS["zeros"] = _constant(lambda i, j: 0)


@call("commat")
def _commat(curve: Curve, step: Step, args: list[Series]) -> Series:
    """The matrix K with K vec(A) = vec(A.T), for A m x n."""
    m, n = (a[0][0][0] for a in args)
    return [[[int(row // n == column % m and row % n == column // m) for column in range(m * n)] for row in range(m * n)]]


@call("kron")
def _kron(curve: Curve, step: Step, args: list[Series]) -> Series:
    return bilinear(args[0], args[1], lambda a, b: [[x * y % P for x in row for y in other] for row in a for other in b],
                    curve.length)


@call("hstack", "vstack")
def _stack(curve: Curve, step: Step, args: list[Series]) -> Series:
    size = max(len(a) for a in args)
    blocks = [padded(a, size) for a in args]
    if step.data == "vstack":
        return [[row for b in blocks for row in b[k]] for k in range(size)]
    return [[[x for part in rows for x in part] for rows in zip(*(b[k] for b in blocks), strict=False)] for k in range(size)]


@call("cumsum")
def _cumsum(curve: Curve, step: Step, args: list[Series]) -> Series:
    a = args[0]
    along_rows = step.axis == 1 or (step.axis is None and len(a[0]) == 1)
    out = [[[sum(row[:j + 1]) % P for j in range(len(row))] for row in (c if along_rows else zip(*c, strict=False))] for c in a]
    return out if along_rows else transpose(out)


@call("mpow")
def _mpow(curve: Curve, step: Step, args: list[Series]) -> Series:
    exponent = curve.exponent(step, 1)
    if exponent is None or exponent.denominator != 1:
        raise NotRational("mpow")
    k, base = int(exponent), args[0]
    if k < 0:
        k, base = -k, inverse(base, curve.length)
    total: Series = [mod.identity(len(base[0]))]
    while k:
        if k & 1:
            total = matmul(total, base, curve.length)
        k >>= 1
        if k:
            base = matmul(base, base, curve.length)
    return total


@call("pinv")
def _pinv(curve: Curve, step: Step, args: list[Series]) -> Series:
    """Of full rank: inv(A.T A) A.T, or A.T inv(A A.T); Redraw where the rank is lower."""
    a, n = args[0], curve.length
    t = transpose(a)
    if len(a[0]) >= len(a[0][0]):
        return matmul(inverse(matmul(t, a, n), n), t, n)
    return matmul(t, inverse(matmul(a, t, n), n), n)


@call("logdet")
def _logdet(curve: Curve, step: Step, args: list[Series]) -> Series:
    curve.tokens = True
    return elementwise(scalars.log_abs, determinant(args[0], curve.length), curve.length)


def _by_rows(step: Step) -> int:
    """The axis that softmax and logsumexp go along: down a column, along the rows of anything else."""
    return 0 if step.shapes[0][1] == 1 else 1


@call("logsumexp")
def _logsumexp(curve: Curve, step: Step, args: list[Series]) -> Series:
    curve.tokens = True
    return elementwise(scalars.log, _sum(elementwise(scalars.exp, args[0], curve.length), _by_rows(step)), curve.length)


@call("softmax")
def _softmax(curve: Curve, step: Step, args: list[Series]) -> Series:
    curve.tokens = True
    e = elementwise(scalars.exp, args[0], curve.length)
    total = elementwise(scalars.inverse, _sum(e, _by_rows(step)), curve.length)
    m, n = len(e[0]), len(e[0][0])
    wide = [[list(c[0]) for _ in range(m)] if len(c) == 1 and n == 1 else [row * n for row in c] for c in total]
    return hadamard(e, wide, curve.length)


# --- norms --------------------------------------------------------------------------------------------------------

@call("norm")
def _norm(curve: Curve, step: Step, args: list[Series]) -> Series:
    curve.tokens = True
    curve.branches |= scalars.ROOT if len(args) == 1 else scalars.SIGN
    p = Fraction(2) if len(args) == 1 else curve.exponent(step, 1)
    if p is None or p <= 0:
        raise NotRational("norm with a variable p")
    n = curve.length
    if p == 2:
        return elementwise(scalars.sqrt, _sum(hadamard(args[0], args[0], n), None), n)
    sizes = elementwise(scalars.absolute, args[0], n) if p.denominator > 1 or p % 2 else args[0]
    powers = elementwise(lambda u, k: scalars.fractional_power(u, p, k), sizes, n)
    return elementwise(lambda u, k: scalars.fractional_power(u, 1 / p, k), _sum(powers, None), n)


@call("norm1")
def _norm1(curve: Curve, step: Step, args: list[Series]) -> Series:
    curve.tokens = True
    curve.branches |= scalars.SIGN
    return _sum(elementwise(scalars.absolute, args[0], curve.length), None)


# --- selections ---------------------------------------------------------------------------------------------------

def _weights(entries: list[int], cut: int) -> list[int]:
    """Which entry is the largest: a formula must hold whichever it is, so each point cuts the circle of residues elsewhere.

    Without a cut, 0 would always be the least, and max(diag(x)) the same as max(x).
    """
    best = max(entries, key=lambda x: (x + cut) % P)
    hits = [int(x == best) for x in entries]
    share = 1 if sum(hits) == 1 else reciprocal(sum(hits))
    return [h * share for h in hits]


def selected(a: Matrix, axis: int | None, cut: int, least: bool = False) -> Matrix:
    """The weights of the largest (least) entry: of all, of each column (axis 0) or of each row (axis 1)."""
    if least:
        a = mod.negate(a)
    if axis is None:
        flat, n = _weights([x for row in a for x in row], cut), len(a[0])
        return [flat[i:i + n] for i in range(0, len(flat), n)]
    if axis == 1:
        return [_weights(row, cut) for row in a]
    return mod.transpose([_weights(list(c), cut) for c in zip(*a, strict=False)])


@call("max", "min", "maximum", "minimum", "norminf", "argmaxmask")
def _select(curve: Curve, step: Step, args: list[Series]) -> Series:
    curve.tokens = True
    curve.branches |= scalars.SIGN
    name, n, a = step.data, curve.length, args[0]
    if name == "argmaxmask":
        return [selected(a[0], step.axis, curve.cut)]
    if len(args) == 2:  # the larger of a and b: b + relu(a - b); the smaller: b - relu(b - a)
        b = args[1]
        rows, columns = max(len(a[0]), len(b[0])), max(len(a[0][0]), len(b[0][0]))
        a, b = ([spread(c, rows, columns) for c in x] for x in (a, b))
        if name in ("max", "maximum"):
            return add(b, elementwise(scalars.relu, subtract(a, b), n))
        return subtract(b, elementwise(scalars.relu, subtract(b, a), n))
    if name == "norminf":
        a = elementwise(scalars.absolute, a, n)
    return _sum(hadamard(a, [selected(a[0], step.axis, curve.cut, name == "min")], n), step.axis)
