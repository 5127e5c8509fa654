"""What an expression costs in print: mostly its operators, as a reader counts them."""

from __future__ import annotations

from collections.abc import Sequence

from .algebra import matmul
from .expr import Expr, Number, magnitude

OPERATOR = 1000  # a sign or a call
LEAF = 10  # a name or a number: between forms of equal length the one with fewer names wins
TRANSPOSE = 1
INTRODUCED = 700  # eye and ones, beyond their call: a plainer form is worth a sign


def cost(root: Expr) -> int:
    """The printed cost; remembered on the node, so the cost of a new node is that of its own sign."""
    if root._cost is None:
        stack = [root]
        while stack:
            node = stack[-1]
            waiting = [a for a in node.args if a._cost is None]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            if node._cost is None:
                node._cost = _cost(node)
    assert root._cost is not None
    return root._cost


def _of(node: Expr) -> int:
    return node._cost if node._cost is not None else cost(node)


def _cost(e: Expr) -> int:
    op = e.op
    if op in ("sym", "size", "pi"):
        return LEAF
    if op == "num":
        return _number(e.data) + (OPERATOR if e.data < 0 else 0)
    if op in ("eye", "ones", "zeros", "commat"):
        return OPERATOR + INTRODUCED
    if op == "add":
        return _sum(e)
    if op == "mul":
        return _product(e)
    if op == "pow":
        return _power(e) if not _is_divisor(e) else OPERATOR + LEAF + _divisor(e)
    if op == "matmul":
        return _chain(e)
    if op == "run":
        inner = _of(e.args[0])
        return OPERATOR + (2 * inner if e.data == 2 and inner <= LEAF + TRANSPOSE else inner + LEAF)
    if op == "transpose":
        return _of(e.args[0]) + TRANSPOSE
    if op == "index":
        return _of(e.args[0]) + LEAF
    return OPERATOR + sum([_of(a) for a in e.args])


def _number(value: Number) -> int:
    if isinstance(value, int) or _terminates(value.denominator):
        return LEAF
    return OPERATOR + 2 * LEAF


def _terminates(denominator: int) -> bool:
    while denominator % 2 == 0:
        denominator //= 2
    while denominator % 5 == 0:
        denominator //= 5
    return denominator == 1


LINEAR = frozenset(["kron", "diag", "diagv", "vec", "tr", "sum"])  # in each argument


def flippable(e: Expr) -> bool:
    """Can a minus in front be hidden by writing a difference inside the other way round? Remembered on the node."""
    if e._turns is None:
        e._turns = _flippable(e)
    return e._turns


def _flippable(e: Expr) -> bool:
    if e.op == "add":
        return any([c < 0 for c in e.data])
    if e.op in ("matmul", "mul"):
        return any([flippable(a) for a in e.args])
    if e.op in LINEAR:
        return any([a.op == "add" and flippable(a) for a in e.args])
    if e.op == "pow":
        exponent = e.args[1].data
        odd = bool(e.args[1].op == "num" and isinstance(exponent, int) and exponent % 2)
        return odd and flippable(e.args[0])
    return e.op == "transpose" and flippable(e.args[0])


def _sum(e: Expr) -> int:
    total = OPERATOR * (len(e.args) - 1)
    full = not e.is_scalar and any([unrepeated(a) is None for a in e.args])
    if full and all([a.op == "eye" or unrepeated(a) is not None for a in e.args]):
        total += OPERATOR  # eye(n) - 2: a number added to every entry of an identity misleads
    positive = False
    for c, core in zip(e.data, e.args, strict=True):
        positive = positive or c > 0 or flippable(core)
        parts = unrepeated(core) if full else None
        if parts is None:
            total += _scaled(c, _of(core))
        elif parts:
            signs = len(parts) - (not all([_is_divisor(a) for a in parts]))
            total += _scaled(c, sum([_divisor(a) if _is_divisor(a) else _of(a) for a in parts]) + OPERATOR * signs)
        else:
            total += _number(c)
    return total + (0 if positive else OPERATOR)


def unrepeated(e: Expr) -> list[Expr] | None:
    """The factors of the scalar or the row that e repeats: what may be added to a matrix in its short form; None if e is no such thing."""
    if e.op == "ones":
        return []
    if e.op == "mul":
        scalars = [a for a in e.args if a.is_scalar]
        others = [a for a in e.args if not a.is_scalar]
        inner = unrepeated(others[0]) if len(others) == 1 else None
        return None if inner is None else [*scalars, *inner]
    if e.op == "matmul" and e.args[0].op == "ones" and e.args[0].shape[1] == 1 and e.shape[1] != 1:
        return [matmul(e.args[1:])]
    return None


def _scaled(c: Number, core: int) -> int:
    """|c| * core."""
    c = magnitude(c)
    if c == 1:
        return core
    if isinstance(c, int) or c.numerator == 1 or _terminates(c.denominator):
        return core + OPERATOR + LEAF
    return core + 2 * (OPERATOR + LEAF)


def _is_divisor(e: Expr) -> bool:
    if e.op != "pow":
        return False
    exponent = e.args[1]
    if exponent.op == "num":
        return bool(exponent.data < 0)
    return bool(exponent.op == "mul" and exponent.data < 0)


def _divisor(e: Expr) -> int:
    """The cost of 1 / e, as written below the line."""
    base, exponent = e.args
    if exponent.op == "num":
        if exponent.data == -1:
            return _of(base)
        if exponent.data.denominator == 2 and exponent.data.numerator == -1:
            return OPERATOR + _of(base)
        return OPERATOR + _of(base) + _exponent(-exponent.data)
    return _of(base) + _of(exponent)  # the minus goes with the line


def _power(e: Expr) -> int:
    base, exponent = e.args
    if exponent.op == "num" and exponent.data.denominator == 2 and exponent.data.numerator == 1:
        return OPERATOR + _of(base)
    return OPERATOR + _of(base) + (_exponent(exponent.data) if exponent.op == "num" else _of(exponent))


def _exponent(value: Number) -> int:
    return LEAF if isinstance(value, int) else OPERATOR + 2 * LEAF


def one_power(factors: Sequence[Expr]) -> list[tuple[Expr, Expr]]:
    """Pairs x**k, y**(-k) among the factors: printed as one power of a quotient, (x / y)**k."""
    below = [f for f in factors if _is_divisor(f) and f.args[1].op == "num" and f.args[1].data != -1]
    pairs = []
    for f in factors:
        if f.op == "pow" and f.args[1].op == "num" and f.args[1].data > 0:
            partner = next((g for g in below if g.args[1].data == -f.args[1].data), None)
            if partner is not None:
                below.remove(partner)
                pairs.append((f, partner))
    return pairs


def _product(e: Expr) -> int:
    c = magnitude(e.data)
    above = below = total = 0
    if c != 1:
        if isinstance(c, int) or (_terminates(c.denominator) and c.numerator != 1):
            above, total = 1, LEAF
        else:
            above, below, total = int(c.numerator != 1), 1, LEAF
    for f in e.args:
        if _is_divisor(f):
            below += 1
            total += _divisor(f)
        else:
            above += 1
            total += _of(f)
    signs = (above + below - 1 if above else below) - len(one_power(e.args))
    minus = e.data < 0 and not any([flippable(f) for f in e.args])
    return total + OPERATOR * (signs + minus)


def _chain(e: Expr) -> int:
    total = OPERATOR * (len(e.args) - 1)
    last = len(e.args) - 1
    for i, f in enumerate(e.args):
        if f.op == "ones" and ((i > 0 and f.shape[1] == 1) or (i < last and f.shape[0] == 1)):
            total += LEAF  # printed as a sum along an axis
        else:
            total += _of(f)
    return total
