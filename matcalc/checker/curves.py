"""Values of a plan along a curve X + t D, modulo the prime 2^61 - 1: no tolerance, no rounding.

A value is a power series in t, cut off: the list [c0, c1, c2] of its coefficients, each a matrix; a constant is
[c0]. So c1 is the derivative in the direction D, and 2 c2 the second one; with no tangents it is plain evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import zip_longest

from . import modular as mod
from . import scalars
from .evidence import NotRational, Redraw
from .modular import Matrix, P, reciprocal
from .plan import Plan, Sizes, Step, concrete, selection
from .scalars import Function

Series = list[Matrix]
Operation = Callable[["Curve", Step, list[Series]], Series]
CALLS: dict[str, Operation] = {}  # by name of function; filled by calls.py


class Curve:
    """One evaluation: values of names in, values of steps out; remembers which kinds of function it met."""

    def __init__(self, plan: Plan, sizes: Sizes, length: int = 2, cut: int = 0) -> None:
        self.plan, self.sizes = plan, sizes
        self.cut = cut  # where the circle of residues is cut open for the largest entry: 0 has no rank of its own
        self.length = length  # number of coefficients kept
        self.tokens = False  # an opaque function took part: a mismatch proves nothing
        self.branches = 0  # roots (1) or signs (2) took part: more points are needed

    def run(self, names: Mapping[str, Series], start: int = 0, stop: int | None = None,
            before: list[Series] | None = None) -> list[Series]:
        """The values of steps start .. stop; `before` are those of the steps that precede."""
        values = before if before is not None else []
        for step in self.plan.steps[start:stop]:
            if step.kind == "name":
                values.append(names[step.data])
            else:
                operation = CALLS.get(step.data) if step.kind == "call" else KINDS.get(step.kind)
                if operation is None:
                    raise NotRational(step.data if step.kind == "call" else step.kind)
                values.append(operation(self, step, [values[a] for a in step.args]))
        return values

    def exponent(self, step: Step, position: int) -> Fraction | None:
        return self.plan.rational(step.args[position], self.sizes)


# --- series of matrices -------------------------------------------------------------------------------------------

def bilinear(a: Series, b: Series, product: Callable[[Matrix, Matrix], Matrix], length: int) -> Series:
    """The coefficients of a product."""
    if len(a) == 1:
        return [product(a[0], y) for y in b]
    if len(b) == 1:
        return [product(x, b[0]) for x in a]
    out = []
    for k in range(min(length, len(a) + len(b) - 1)):
        first = max(0, k - len(b) + 1)
        total = product(a[first], b[k - first])
        for j in range(first + 1, min(k, len(a) - 1) + 1):
            total = mod.add(total, product(a[j], b[k - j]))
        out.append(total)
    return out


def linear(function: Callable[[Matrix], Matrix]) -> Operation:
    """A function of one argument that is linear in it."""
    return lambda curve, step, args: [function(c) for c in args[0]]


def is_scalar(a: Series) -> bool:
    return len(a[0]) == 1 and len(a[0][0]) == 1


def matmul(a: Series, b: Series, length: int) -> Series:
    return bilinear(a, b, mod.matmul, length)


def hadamard(a: Series, b: Series, length: int) -> Series:
    """The elementwise product, or the product with a scalar."""
    if is_scalar(a):
        a, b = b, a
    if is_scalar(b):
        return bilinear(a, b, lambda x, c: mod.scale(x, c[0][0]), length)
    return bilinear(a, b, mod.hadamard, length)


def add(a: Series, b: Series) -> Series:
    return [x if y is None else y if x is None else mod.add(x, y) for x, y in zip_longest(a, b)]


def subtract(a: Series, b: Series) -> Series:
    return [mod.negate(y) if x is None else x if y is None else mod.subtract(x, y) for x, y in zip_longest(a, b)]


def transpose(a: Series) -> Series:
    return [mod.transpose(c) for c in a]


def elementwise(function: Function, a: Series, length: int) -> Series:
    """A function of each entry."""
    if len(a) == 1:
        return [[[function([x], length)[0] for x in row] for row in a[0]]]
    out = [[function([c[i][j] for c in a], length) for j in range(len(a[0][0]))] for i in range(len(a[0]))]
    size = max(len(cell) for row in out for cell in row)
    return [[[cell[k] if k < len(cell) else 0 for cell in row] for row in out] for k in range(size)]


def inverse(a: Series, length: int) -> Series:
    """inv(A): from A Y = I, Y_k = -Y_0 (A_1 Y_(k-1) + ... + A_k Y_0)."""
    first = mod.inverse(a[0])[0]
    out = [first]
    if len(a) > 1:
        minus = mod.negate(first)
        for k in range(1, length):
            terms = [mod.matmul(a[j], out[k - j]) for j in range(1, min(k, len(a) - 1) + 1)]
            total = terms[0]
            for term in terms[1:]:
                total = mod.add(total, term)
            out.append(mod.matmul(minus, total))
    return out


def trace(a: Series) -> Series:
    return [[[mod.trace(c)]] for c in a]


def faddeev(a: Series, length: int) -> tuple[Series, Series]:
    """The determinant and the adjugate without division by either, so for singular matrices too (Faddeev, Le Verrier)."""
    n = len(a[0])
    m: Series = [mod.identity(n)]
    for k in range(1, n + 1):
        product = matmul(a, m, length)
        c = scale(trace(product), -reciprocal(k))
        if k == n:
            sign = P - 1 if n % 2 == 0 else 1
            return scale(c, -sign), scale(m, sign)
        m = add(product, bilinear(c, [mod.identity(n)], lambda s, i: mod.scale(i, s[0][0]), length))
    raise AssertionError("a matrix without rows")


def scale(a: Series, c: int) -> Series:
    return [mod.scale(x, c) for x in a]


def determinant(a: Series, length: int) -> Series:
    if len(a) == 1:
        try:
            return [[[mod.inverse(a[0])[1]]]]
        except Redraw:
            return [[[0]]]
    return faddeev(a, length)[0]


# --- the kinds of step --------------------------------------------------------------------------------------------

def _number(curve: Curve, step: Step, args: list[Series]) -> Series:
    value = Fraction(step.data)
    n, d = value.numerator, value.denominator
    return [[[n % P if d == 1 else n * pow(d, -1, P) % P]]]


def _size(curve: Curve, step: Step, args: list[Series]) -> Series:
    return [[[concrete((step.data, 1), curve.sizes)[0] % P]]]


def spread(a: Matrix, m: int, n: int) -> Matrix:
    """A scalar to every entry, a row to every row."""
    if len(a) == m and len(a[0]) == n:
        return a
    if len(a[0]) == n:
        return [list(a[0]) for _ in range(m)]
    return mod.full(m, n, a[0][0])


def _add(curve: Curve, step: Step, args: list[Series]) -> Series:
    m, n = max(len(a[0]) for a in args), max(len(a[0][0]) for a in args)
    total: Series | None = None
    for sign, a in zip(step.data, args, strict=False):
        a = [spread(c, m, n) for c in a]
        if total is None:
            total = a if sign > 0 else [mod.negate(c) for c in a]
        else:
            total = add(total, a) if sign > 0 else subtract(total, a)
    assert total is not None
    return total


def _product(curve: Curve, step: Step, args: list[Series]) -> Series:
    total = args[0]
    for op, factor in zip(step.data, args[1:], strict=False):
        if op == "/":
            total = hadamard(total, elementwise(scalars.inverse, factor, curve.length), curve.length)
        elif op == "@" and not is_scalar(total) and not is_scalar(factor):
            total = matmul(total, factor, curve.length)
        else:
            total = hadamard(total, factor, curve.length)
    return total


def _power(curve: Curve, step: Step, args: list[Series]) -> Series:
    base, exponent = args
    fixed = curve.exponent(step, 1)
    if fixed is None:
        curve.tokens = True
        e = [c[0][0] for c in exponent]
        return elementwise(lambda u, n: scalars.general_power(u, e, n), padded(base, len(exponent)), curve.length)
    if fixed == 2:
        return hadamard(base, base, curve.length)
    if fixed.denominator != 1:
        curve.tokens = True
        curve.branches |= scalars.ROOT
    return elementwise(lambda u, n: scalars.fractional_power(u, fixed, n), base, curve.length)


def padded(a: Series, size: int) -> Series:
    """With as many coefficients as that."""
    return a + [mod.full(len(a[0]), len(a[0][0]), 0)] * (size - len(a))


def _index(curve: Curve, step: Step, args: list[Series]) -> Series:
    rows, columns = selection(step, curve.sizes)
    out = [[[c[i][j] for j in columns] for i in rows] for c in args[0]]
    return out if (len(rows), len(columns)) == concrete(step.shape, curve.sizes) else transpose(out)


KINDS: dict[str, Operation] = {
    "number": _number, "size": _size, "pi": lambda curve, step, args: [[[scalars.PI]]],
    "neg": linear(mod.negate), "add": _add, "product": _product, "power": _power,
    "transpose": linear(mod.transpose), "index": _index,
}
