"""Constructors of sums, products and transposes in normal form: flat, like terms collected, scalars in front, transposes inside.

They use what is true of the operators alone; what is true of functions stands in rules/identities.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import gcd

from .dims import SCALAR, Dim, Poly, Shape
from .errors import DomainError
from .expr import Expr, Head, Number, make, number

ZERO, ONE = number(0), number(1)
LONG = 12  # a matrix product of that many factors stays one factor of a longer one: shared parts are not written out again and again


def plain(value: Number) -> Number:
    """A Fraction that is an integer, as an int: arithmetic on ints is ten times faster."""
    return value.numerator if type(value) is not int and value.denominator == 1 else value


# ---------------------------------------------------------------- constants
def eye(n: Dim) -> Expr:
    return ONE if n == 1 else make("eye", (), None, (n, n))


def ones(shape: Shape) -> Expr:
    return ONE if shape == SCALAR else make("ones", (), None, shape)


def zeros(shape: Shape) -> Expr:
    return ZERO if shape == SCALAR else make("zeros", (), None, shape)


def size(dim: Dim) -> Expr:
    """A dimension as a number."""
    if isinstance(dim, int):
        return number(dim)
    if isinstance(dim, str):
        return make("size", (), dim)
    assert isinstance(dim, Poly)
    return add([scale(c, mul([make("size", (), name) for name in names])) for names, c in dim.terms])


def is_zero(e: Expr) -> bool:
    return e is ZERO or e.op == "zeros"


# ---------------------------------------------------------------- sums
def split(e: Expr) -> tuple[Number, Expr]:
    """e = coefficient * core."""
    if e.op == "mul":
        return e.data, _product(1, e.args, e.shape)
    if e.op == "num":
        return e.data, ONE
    return 1, e


def add(terms: Iterable[Expr], shape: Shape | None = None) -> Expr:
    """The sum: flat, like terms collected in the order in which they came; a scalar counts for every entry."""
    terms = list(terms)
    if shape is None:
        shape = next((t.shape for t in terms if t.shape != SCALAR), SCALAR)
    found: dict[Expr, tuple[Number, Expr]] = {}
    for term in terms:
        if term.shape == SCALAR and shape != SCALAR:
            term = mul([term, ones(shape)])
        if is_zero(term):
            continue
        c, core = split(term)
        if core.op == "add" and (c == 1 or c == -1):
            pairs: Iterable[tuple[Number, Expr]] = zip(core.data if c == 1 else [-d for d in core.data], core.args, strict=True)
        else:
            pairs = ((c, core),)
        for c, core in pairs:
            seen = found.get(core.canon)
            found[core.canon] = (c, core) if seen is None else (seen[0] + c, seen[1])
    kept = [(plain(c), core) for c, core in found.values() if c]
    if not kept:
        return zeros(shape)
    if len(kept) == 1:
        return scale(*kept[0])
    return make("add", tuple([core for _, core in kept]), tuple([c for c, _ in kept]), shape)


def terms_of(e: Expr) -> list[tuple[Number, Expr]]:
    """e as coefficients on cores."""
    if e.op == "add":
        return list(zip(e.data, e.args, strict=True))
    return [] if is_zero(e) else [split(e)]


def from_terms(terms: Iterable[tuple[Number, Expr]], shape: Shape) -> Expr:
    return add([scale(c, core) for c, core in terms], shape)


def negate(e: Expr) -> Expr:
    return scale(-1, e)


def content(e: Expr) -> tuple[Number, Expr]:
    """A sum as number * sum with coprime integer coefficients, that of what was typed first positive (constants before all).

    So `a - x` and `x - a` meet inside products. Large numbers are left alone: 0.044715 must not become 8943/200000.
    """
    if e._content is None:
        c, primitive = _content(e)
        if primitive is not e:
            e._content = (c, primitive)
            return e._content
        e._content = (1, e)
    return e._content


def _content(e: Expr) -> tuple[Number, Expr]:
    numerators, denominators = 0, 1
    for c in e.data:
        if isinstance(c, int):
            numerators = gcd(numerators, c)
        else:
            numerators = gcd(numerators, c.numerator)
            denominators = denominators * c.denominator // gcd(denominators, c.denominator)
    factor: Number = 1 if denominators > 1000 else numerators if denominators == 1 else Fraction(numerators, denominators)
    if factor != 1 and sum([abs(c) == 1 for c in e.data]) > sum([abs(c) == factor for c in e.data]):
        factor = 1  # 1.5 - x + x * y is not written as (3 - 2 * x + 2 * x * y) / 2
    first = min([(_typed_at(a), a.key, c) for a, c in zip(e.args, e.data, strict=True)], key=_place)
    if first[2] < 0:
        factor = -factor
    if factor == 1:
        return 1, e
    data = tuple([-c for c in e.data] if factor == -1 else [plain(Fraction(c) / factor) for c in e.data])
    if any([a.op == "add" and abs(c) == 1 for a, c in zip(e.args, data, strict=True)]):  # 2 * (a + b) + 4 * c = 2 * (a + b + 2 * c)
        flat = from_terms(zip(data, e.args, strict=True), e.shape)
        return (plain(factor), flat) if flat.op == "add" else (1, e)
    return plain(factor), make("add", e.args, data, e.shape)


def _place(term: tuple[int, int, Number]) -> tuple[int, int]:
    return term[0], term[1]


def _typed_at(core: Expr) -> int:
    """When a term was typed, whichever way it is transposed; numbers come first."""
    return -1 if core.op in ("num", "ones", "eye") else core.rank


# ---------------------------------------------------------------- elementwise products and powers
def scale(c: Number, e: Expr) -> Expr:
    """A number times an expression."""
    if c == 1:
        return e
    if not c:
        return zeros(e.shape)
    if e.op == "num":
        return number(c * e.data)
    if e.op == "zeros":
        return e
    if e.op == "mul":
        return _product(plain(c * e.data), e.args, e.shape)
    if e.op == "add" and c == -1:
        return make("add", e.args, tuple([-d for d in e.data]), e.shape)
    if e.op == "add":
        inner, e = content(e)
        return _product(plain(c * inner), (e,), e.shape)
    return _product(c, (e,), e.shape)


def _product(c: Number, factors: tuple[Expr, ...], shape: Shape) -> Expr:
    """A node from factors that are in normal form already."""
    if not factors:
        return number(c)
    if len(factors) == 1:
        if c == 1:
            return factors[0]
        if c == -1 and factors[0].op == "add":
            return scale(-1, factors[0])
    return make("mul", factors, c, shape)


def base_and_exponent(e: Expr) -> tuple[Expr, Expr]:
    return (e.args[0], e.args[1]) if e.op == "pow" else (e, ONE)


def mul(factors: Iterable[Expr]) -> Expr:
    """The elementwise product; scalars scale. Powers of one base are collected."""
    todo = list(factors)
    if len(todo) == 1:
        return todo[0]
    todo.reverse()
    coefficient: Number = 1
    shape: Shape = SCALAR
    powers: dict[Expr, tuple[Expr, list[Expr]]] = {}  # by base: the first factor with it, and all exponents
    zero = False
    while todo:
        e = todo.pop()
        op = e.op
        if e.shape != SCALAR:
            shape = e.shape
        if op == "num":
            coefficient *= e.data
        elif op == "mul":
            coefficient *= e.data
            todo.extend(e.args[::-1])
        elif op == "zeros":
            zero = True
        elif op != "ones":
            if op == "add":
                c, e = content(e)
                coefficient *= c
            base, exponent = e.args if op == "pow" else (e, ONE)
            seen = powers.get(base.canon)
            if seen is None:
                powers[base.canon] = e, [exponent]
            else:
                seen[1].append(exponent)
    if zero or not coefficient:
        return zeros(shape)
    kept: list[Expr] = []
    diagonal = shape[0] == shape[1] and any([b.op == "eye" for b in powers])  # only diagonals meet: A.T * eye(n) is A * eye(n)
    for e, exponents in powers.values():
        if diagonal and e.op == "transpose":
            e = e.args[0]
        if len(exponents) > 1:
            e = power(base_and_exponent(e)[0], add(exponents))
        if e.op == "num":
            coefficient *= e.data
        elif e.op == "mul":
            coefficient *= e.data
            kept.extend(e.args)
        elif e.op != "ones":
            kept.append(e)
    if shape != SCALAR and not any([e.shape != SCALAR for e in kept]):
        kept.append(ones(shape))
    return _product(plain(coefficient), tuple(kept), shape)


def power(base: Expr, exponent: Expr) -> Expr:
    """The elementwise power. Only steps that hold for every real base where both sides are defined."""
    if exponent is ONE or base.op == "ones":
        return base
    if exponent is ZERO:
        return ones(base.shape)
    integral = exponent.op == "num" and isinstance(exponent.data, int)
    if is_zero(base) and exponent.op == "num" and exponent.data < 0:
        raise DomainError("division by zero", detail="0 has no reciprocal")
    if base.op == "num" and exponent.op == "num":
        return _number_power(base.data, exponent.data)
    if base.op == "pow":
        inner = base.args[1]
        # (x^a)^b = x^(a b) for every real x if b is an integer, or if x^a itself is defined for positive x alone
        if integral or (inner.op == "num" and isinstance(inner.data, Fraction) and inner.data.denominator % 2 == 0):
            return power(base.args[0], mul([inner, exponent]))
    if base.op == "mul":
        if integral:
            return mul([_number_power(base.data, exponent.data), *[power(f, exponent) for f in base.args]])
        if base.data > 0 and base.data != 1 and exponent.op == "num":
            outside = _number_power(base.data, exponent.data)
            return mul([outside, power(_product(1, base.args, base.shape), exponent)])
    if base.op == "add" and integral:
        c, primitive = content(base)
        if c != 1:
            return mul([_number_power(c, exponent.data), make("pow", (primitive, exponent), None, base.shape)])
    return make("pow", (base, exponent), None, base.shape)


def _number_power(c: Number, k: Number) -> Expr:
    """c ** k as an exact number where it is one, else with the exponent brought between 0 and 1."""
    if isinstance(k, int) and (c or k > 0) and abs(k) <= 256:
        return number(Fraction(c) ** k)
    if not isinstance(k, int) and c > 0 and k.denominator == 2:
        c = Fraction(c)
        p, q = _isqrt(c.numerator), _isqrt(c.denominator)
        if p and q:
            return number(Fraction(p, q) ** k.numerator)
        whole = k.numerator // 2
        if whole and abs(whole) <= 256:
            half = make("pow", (number(c), number(Fraction(1, 2))))
            return _product(plain(c**whole), (half,), SCALAR)
    return make("pow", (number(c), number(k)))


def _isqrt(n: int) -> int:
    from math import isqrt

    root = isqrt(n)
    return root if root * root == n else 0


def divide(a: Expr, b: Expr) -> Expr:
    return mul([a, power(b, number(-1))])


def scalar_part(e: Expr) -> tuple[list[Expr], Expr]:
    """e = product of scalars * core, for an e that is no scalar."""
    if e.op == "mul":
        scalars = [f for f in e.args if f.shape == SCALAR]
        if scalars or e.data != 1:
            rest = tuple([f for f in e.args if f.shape != SCALAR])
            return [number(e.data), *scalars], _product(1, rest, e.shape)
    return [], e


# ---------------------------------------------------------------- matrix products
def matmul(factors: Iterable[Expr]) -> Expr:
    """The matrix product: flat up to a length, scalars in front, identities gone, row @ ... @ column split off as a scalar."""
    scalars: list[Expr] = []
    chain: list[Expr] = []
    rows: Dim | None = None
    columns: Dim = 1
    todo = list(factors)
    todo.reverse()
    zero = False
    while todo:
        e = todo.pop()
        if e.shape == SCALAR:
            scalars.append(e)
            continue
        if e.op == "matmul" and len(e.args) < LONG:
            todo.extend(reversed(e.args))
            continue
        if rows is None:
            rows = e.shape[0]
        columns = e.shape[1]
        if e.op == "mul":
            outside, core = scalar_part(e)
            if outside:
                scalars.extend(outside)
                todo.append(core)
                continue
        elif e.op == "add":
            c, e = content(e)
            if c != 1:
                scalars.append(number(c))
        elif e.op == "eye":
            continue
        elif e.op == "zeros":
            zero = True
        elif e.op == "ones" and 1 not in e.shape:
            chain.append(ones((e.shape[0], 1)))
            e = ones((1, e.shape[1]))
        chain.append(e)
    if rows is None:
        return mul(scalars)
    shape = (rows, columns)
    if zero:
        return zeros(shape)
    if not chain:
        return mul([*scalars, eye(rows)])
    left, middle, right = segments(chain)
    scalars.extend([scalar_chain(segment) for segment in middle])
    joined = _join(_column_side(left), _row_side(right), shape)
    if joined is None:
        return mul(scalars)
    return mul([*scalars, joined]) if scalars else joined


def segments(chain: list[Expr]) -> tuple[list[Expr], list[list[Expr]], list[Expr]]:
    """Cut where the inner dimension is 1: what begins with rows, the scalars row @ ... @ column, what ends with columns."""
    segments: list[list[Expr]] = [[]]
    for e in chain:
        segments[-1].append(e)
        if e.shape[1] == 1:
            segments.append([])
    if not segments[-1]:
        segments.pop()
    left = segments.pop(0) if segments and segments[0][0].shape[0] != 1 else []
    right = segments.pop() if segments and segments[-1][-1].shape[1] != 1 else []
    return left, segments, right


def _column_side(chain: list[Expr]) -> list[Expr]:
    """Neighbours joined; in a chain that ends in a column `diag(x) @ column` is an elementwise product."""
    chain = _reduce(chain)
    if len(chain) > 1 and chain[-1].shape[1] == 1:
        for i in range(len(chain) - 2, -1, -1):
            if chain[i].op == "diag":
                scaled = mul([chain[i].args[0], matmul(chain[i + 1:])])
                scalars, core = scalar_part(scaled)
                chain = _column_side([*chain[:i], core])
                return [mul([*scalars, chain[0]]), *chain[1:]] if scalars else chain
    return chain


def _row_side(chain: list[Expr]) -> list[Expr]:
    """The same for a chain that begins with a row."""
    if len(chain) > 1 and chain[0].shape[0] == 1 and any([e.op == "diag" for e in chain]):
        flipped = _column_side([transpose(e) for e in reversed(chain)])
        return [transpose(e) for e in reversed(flipped)]
    return _reduce(chain)


def _reduce(chain: list[Expr]) -> list[Expr]:
    """Join neighbours: powers of one matrix, diagonals, Kronecker products."""
    out: list[Expr] = []
    todo = chain[::-1]
    while todo:
        e = todo.pop()
        if e.op == "matmul" and len(e.args) < LONG:
            todo.extend(reversed(e.args))
            continue
        joined = _neighbours(out[-1], e) if out else None
        if joined is not None:
            out.pop()
            todo.append(joined)
        elif e.op != "eye" or not out:
            out.append(e)
    if len(out) > 1 and out[0].op == "eye":
        out.pop(0)
    return out


def _neighbours(a: Expr, b: Expr) -> Expr | None:
    if a.shape == b.shape and a.shape[0] == a.shape[1]:
        base_a, i = (a.args[0], a.data) if a.op == "run" else (a, 1)
        base_b, j = (b.args[0], b.data) if b.op == "run" else (b, 1)
        if base_a.canon is base_b.canon and base_a.op not in ("diag",):
            return run(base_a, i + j)
    if _selects(a):  # eye(n)[s, :] @ X = X[s, :]
        from .operators import index

        return index(b, (a.data[0], (None, None)))
    if _selects(transpose(b)) and b.op == "index":
        from .operators import index

        return index(a, ((None, None), b.data[1]))
    if a.op == "diag" and b.op == "diag":
        return make("diag", (mul([a.args[0], b.args[0]]),), None, a.shape)
    if a.op in _STACKED or b.op in _STACKED or "kron" in (_first(a), _first(b)):
        from .kronecker import neighbours

        return neighbours(a, b)
    return None


_STACKED = ("kron", "vec", "commat")


def _first(e: Expr) -> str:
    """What the factors of an elementwise product are."""
    return e.args[0].op if e.op == "mul" else ""


def _selects(e: Expr) -> bool:
    """Rows of the identity, as slices make them."""
    return e.op == "index" and e.args[0].op == "eye" and e.data[1] == (None, None)


def diagonal_side(e: Expr) -> tuple[Expr | None, Expr, Expr | None] | None:
    """u, M, v of a chain diag(u) @ M @ diag(v), each diagonal where there is one."""
    chain = list(e.args)
    left = chain.pop(0).args[0] if chain[0].op == "diag" else None
    right = chain.pop().args[0] if chain and chain[-1].op == "diag" else None
    if (left is None and right is None) or not chain:
        return None
    return left, matmul(chain), right


def run(base: Expr, k: int) -> Expr:
    """base @ base @ ... @ base, k times."""
    if k == 0:
        return eye(base.shape[0])
    if k == 1:
        return base
    if base.shape == SCALAR:
        return power(base, number(k))
    if base.op == "eye":
        return base
    if base.op == "commat" and base.data[0] == base.data[1]:  # it is its own inverse
        return base if k % 2 else eye(base.shape[0])
    if base.op == "run":
        return run(base.args[0], base.data * k)
    if base.op == "diag":
        return make("diag", (power(base.args[0], number(k)),), None, base.shape)
    if base.op in ("mul", "add"):
        scalars, core = scalar_part(base)
        if scalars:
            return mul([*[power(s, number(k)) for s in scalars], run(core, k)])
    return make("run", (base,), k, base.shape)


def _join(left: list[Expr], right: list[Expr], shape: Shape) -> Expr | None:
    chain = left + right
    if not chain:
        return None
    if len(chain) == 1:
        return chain[0]
    if len(chain) == 2 and chain[0].op == "ones" and chain[1].op == "ones":
        return ones(shape)
    if any([e.op == "mul" and scalar_part(e)[0] for e in chain]):
        return matmul(chain)
    return make("matmul", tuple(chain), None, shape)


def scalar_chain(chain: Sequence[Expr]) -> Expr:
    """row @ ... @ column as a scalar: a sum, an inner product, or the one of its two transposed forms with fewer `.T`."""
    chain = _column_side(list(chain))
    if len(chain) == 1:
        return chain[0]
    if chain[0].op == "ones":
        return total(matmul(chain[1:]))
    if chain[-1].op == "ones":
        return total(transpose(matmul(chain[:-1])))
    if any([e.op == "mul" and scalar_part(e)[0] for e in chain]):
        return matmul(chain)
    if len(chain) == 2:
        return _inner(transpose(chain[0]), chain[1])
    if chain[0].op == "mul" and chain[0].shape[0] == 1 and any([e.op == "diag" for e in chain]):
        chain = _row_side(chain)
    written_out = [g for e in chain for g in ([e.args[0]] * e.data if e.op == "run" and e.data <= 8 else [e])]
    half, odd = divmod(len(written_out), 2)
    if not odd and all([transpose(a).canon is b.canon for a, b in zip(written_out[:half], reversed(written_out[half:]), strict=True)]):
        return total(power(matmul(written_out[half:]), number(2)))  # x.T @ A.T @ A @ x
    parts = [scalar_part(transpose(e)) for e in reversed(chain)]  # a skew factor gives a sign
    outside, flipped = [s for scalars, _ in parts for s in scalars], [core for _, core in parts]
    if orientation(flipped) < orientation(chain):
        return mul([*outside, make("matmul", tuple(flipped), None, SCALAR)])
    return make("matmul", tuple(chain), None, SCALAR)


def _inner(a: Expr, b: Expr) -> Expr:
    """a.T @ b for columns; with elementwise products in it, one sum over all factors."""
    if a.op in ("mul", "pow") or b.op in ("mul", "pow") or a.canon is b.canon:
        return total(mul([a, b]))
    return _dot(a, b)


def _dot(a: Expr, b: Expr) -> Expr:
    """a.T @ b for columns that are no products: the one of its two forms with fewer `.T`."""
    pair = [(transpose(a), b), (transpose(b), a)]
    return make("matmul", min(pair, key=orientation), None, SCALAR)


def orientation(chain: Sequence[Expr]) -> tuple[object, ...]:
    """Fewer transposes first, then the variables in the order in which they were typed."""
    return (sum([e.transposes for e in chain]), tuple([e.rank for e in chain]), tuple([e.key for e in chain]))


def total(e: Expr) -> Expr:
    """The sum of all entries."""
    if e.shape == SCALAR:
        return e
    if e.op == "ones":
        return mul([size(e.shape[0]), size(e.shape[1])])
    if e.op == "zeros":
        return ZERO
    if e.op == "eye":
        return size(e.shape[0])
    if e.op in ("transpose", "diag", "vec"):
        return total(e.args[0])
    if _selects(e) or (e.op == "index" and _selects(transpose(e))):
        return mul([size(e.shape[0 if _selects(e) else 1])])
    if e.op == "kron":
        return mul([total(e.args[0]), total(e.args[1])])
    if e.op == "mul":
        outside, core = scalar_part(e)
        if outside:
            return mul([*outside, total(core)])
        if e.is_row:
            return total(transpose(e))
        return _total_of_product(e)
    if e.op == "add":
        c, primitive = content(e)
        if c != 1:
            return scale(c, total(primitive))
    if e.op == "matmul":
        left, _, right = segments(list(e.args))
        if left and right and left[-1].shape[1] == 1:
            return mul([total(matmul(left)), total(matmul(right))])
        if e.args[0].op == "ones" or e.args[-1].op == "ones":  # sums of sums along an axis
            return total(matmul(e.args[1:] if e.args[0].op == "ones" else e.args[:-1]))
        flipped = transpose(e)
        if flipped is negate(e):  # skew: what is above the diagonal is below it with the other sign
            return ZERO
        core = scalar_part(flipped)[1]  # a skew factor has turned its sign
        if (core.transposes, core.is_row, core.rank, core.key) < (e.transposes, e.is_row, e.rank, e.key):
            e = flipped
    elif e.op not in ("sym", "call", "index") and (e.is_row or transpose(e).transposes < e.transposes):
        e = transpose(e)
    if e.op == "mul":
        return total(e)
    return make("sum", (e,), None, SCALAR)


def _total_of_product(e: Expr) -> Expr:
    """sum(x * y) = x.T @ y;  sum(A * (x @ y.T)) = x.T @ A @ y."""
    plain_factors = [f for f in e.args if f.op != "pow"]
    if len(e.args) == 2 and len(plain_factors) == 2:
        a, b = e.args
        if e.is_column:
            return matmul([transpose(a), b]) if "matmul" in (a.op, b.op) else _dot(a, b)
    for i, f in enumerate(e.args):
        if f.op == "matmul" and not e.is_column:
            left, _, right = segments(list(f.args))
            if left and right and left[-1].shape[1] == 1:
                rest = mul([g for j, g in enumerate(e.args) if j != i])
                return matmul([transpose(matmul(left)), rest, transpose(matmul(right))])
    flipped = transpose(e)
    if flipped.op == "mul" and (flipped.transposes, flipped.key) < (e.transposes, e.key) and not e.is_column:
        e = flipped
    return make("sum", (e,), None, SCALAR)


# ---------------------------------------------------------------- transposes
def transpose(e: Expr) -> Expr:
    """The transpose, moved inward; it stays on symbols, calls and slices."""
    if e._transpose is None:
        e._transpose = _transposed(e)
        if e._transpose._transpose is None and e._transpose.op != "mul":
            e._transpose._transpose = e
    return e._transpose


def _transposed(e: Expr) -> Expr:
    op, shape = e.op, (e.shape[1], e.shape[0])
    if e.shape == SCALAR or op in ("eye", "diag"):
        return e
    if op == "transpose":
        return e.args[0]
    if op == "sym":
        if "symmetric" in e.data.properties:
            return e
        if "skew" in e.data.properties:
            return scale(-1, e)
    elif op in ("ones", "zeros"):
        return make(op, (), None, shape)
    elif op == "add":
        return from_terms([(c, transpose(a)) for c, a in zip(e.data, e.args, strict=True)], shape)
    elif op == "mul":
        return mul([number(e.data), *[transpose(a) for a in e.args]])
    elif op == "pow":
        return power(transpose(e.args[0]), e.args[1])
    elif op == "matmul":
        return matmul([transpose(a) for a in reversed(e.args)])
    elif op == "run":
        return run(transpose(e.args[0]), e.data)
    elif op == "kron":
        from .kronecker import kron

        return kron(transpose(e.args[0]), transpose(e.args[1]))
    elif op == "commat":
        return make("commat", (), (e.data[1], e.data[0]), shape)
    elif op == "index":
        inner, flipped = e.args[0], transpose(e.args[0])
        if inner is flipped:
            return e if e.data[0] == e.data[1] else make("index", (inner,), (e.data[1], e.data[0]), shape)
    elif op == "call" and e.data.transpose == "through" and transpose(e.args[0]) is e.args[0] and len(e.args) == 1:
        return e
    return make("transpose", (e,), None, shape)


# ---------------------------------------------------------------- functions
def call(head: Head, args: Sequence[Expr], shape: Shape) -> Expr:
    """A function of rules/, its argument turned the way that shows fewer transposes where the function allows it."""
    if head.transpose and args[0].shape != SCALAR:
        flipped = [transpose(a) for a in args]
        if upright(flipped[0]) < upright(args[0]):
            node = make("call", tuple(flipped), head, (shape[1], shape[0]))
            return transpose(node) if head.transpose == "through" else node
    return make("call", tuple(args), head, shape)


def upright(e: Expr) -> tuple[object, ...]:
    """Of an expression and its transpose, the smaller is the one to write down: columns, few `.T`, typed first."""
    first = e
    for _ in range(6):
        if not first.args:
            break
        first = first.args[0]
    return (e.is_row, e.transposes, first.rank, e.key)
