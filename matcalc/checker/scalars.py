"""Functions of one residue along a curve: lists of coefficients u0 + u1 t + u2 t^2, modulo P.

A function is its value and its derivative. The value of exp or log at a residue has no meaning there, so any number
that depends on the argument alone takes its place (a *token*): an equation that holds for such numbers, given the
derivatives, holds for the function. It can fail for tokens and still be true (exp(a) * exp(b) = exp(a + b)): then
floating point decides. Tokens keep what is cheap to keep: sin^2 + cos^2 = 1, exp(-u) = 1 / exp(u), tanh in terms of exp.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from .evidence import Redraw
from .modular import HALF, P, character, mix, reciprocal, square_root

Coefficients = list[int]
Function = Callable[[Coefficients, int], Coefficients]

ROOT_PI = mix(3, 1, 4) ** 2 % P  # a square, so that square_root(PI) is this one
PI = ROOT_PI * ROOT_PI % P


def times(u: Coefficients, v: Coefficients, length: int) -> Coefficients:
    """The product, up to t^(length - 1)."""
    size = min(length, len(u) + len(v) - 1)
    return [sum(u[j] * v[k - j] for j in range(max(0, k - len(v) + 1), min(k, len(u) - 1) + 1)) % P for k in range(size)]


def scaled(u: Coefficients, c: int) -> Coefficients:
    return [x * c % P for x in u]


def plus(u: Coefficients, c: int) -> Coefficients:
    """u + c, for a number c."""
    return [(u[0] + c) % P, *u[1:]]


def along(u: Coefficients, length: int, value: int, derivative: Function) -> Coefficients:
    """f(u), from the value of f at u0 and from f': v' = f'(u) u'."""
    if len(u) == 1:
        return [value]
    slope = derivative(u[:length - 1], length - 1)
    out = [value]
    for k in range(1, length):
        total = sum(j * u[j] * slope[k - j] for j in range(1, min(k, len(u) - 1) + 1) if k - j < len(slope))
        out.append(total * reciprocal(k) % P if k > 1 else total % P)
    return out


def inverse(u: Coefficients, n: int) -> Coefficients:
    """1 / u."""
    first = reciprocal(u[0])
    out = [first]
    if len(u) > 1:
        for k in range(1, n):
            out.append(-first * sum(u[j] * out[k - j] for j in range(1, min(k, len(u) - 1) + 1)) % P)
    return out


def quotient(u: Coefficients, v: Coefficients, n: int) -> Coefficients:
    return times(u, inverse(v, n), n)


def integer_power(u: Coefficients, exponent: int, n: int) -> Coefficients:
    if exponent < 0:
        return integer_power(inverse(u, n), -exponent, n)
    if exponent == 0:
        return [1]
    return along(u, n, pow(u[0], exponent, P), lambda w, m: scaled(integer_power(w, exponent - 1, m), exponent))


def sqrt(u: Coefficients, n: int) -> Coefficients:
    return along(u, n, square_root(u[0]), lambda w, m: scaled(inverse(sqrt(w, m), m), HALF))


def fractional_power(u: Coefficients, exponent: Fraction, n: int) -> Coefficients:
    """u to a fixed power: halves by square roots, other fractions by a token of the root."""
    whole, rest = divmod(exponent, 1)
    if not rest:
        return integer_power(u, whole, n)
    if rest.denominator == 2:
        root = sqrt(u, n)
    else:
        value = pow(mix(11, rest.denominator, u[0]), rest.numerator, P)
        fraction = rest.numerator * reciprocal(rest.denominator)
        root = along(u, n, value, lambda w, m: scaled(quotient(fractional_power(w, rest, m), w, m), fraction))
    return times(integer_power(u, whole, n), root, n) if whole else root


def signed_token(key: int, u: int) -> int:
    """A token of an odd function."""
    return mix(key, u) if u <= P - u else -mix(key, P - u) % P


def exp(u: Coefficients, n: int) -> Coefficients:
    u0 = u[0]
    value = 1 if not u0 else mix(1, u0) if u0 <= P - u0 else reciprocal(mix(1, P - u0))
    return along(u, n, value, exp)


def log(u: Coefficients, n: int) -> Coefficients:
    u0 = u[0]
    v0 = reciprocal(u0)  # log(1 / u) = -log(u)
    value = 0 if u0 == 1 else mix(2, u0) if u0 <= v0 else -mix(2, v0) % P
    return along(u, n, value, inverse)


def log_abs(u: Coefficients, n: int) -> Coefficients:
    """log|u|, the same for -u."""
    return log(u if u[0] <= P - u[0] else scaled(u, -1), n)


def _half_angle(u: int) -> int:
    return signed_token(3, u) if u else 0


def sin(u: Coefficients, n: int) -> Coefficients:
    t = _half_angle(u[0])
    return along(u, n, 2 * t * reciprocal((1 + t * t) % P) % P, cos)


def cos(u: Coefficients, n: int) -> Coefficients:
    t = _half_angle(u[0])
    return along(u, n, (1 - t * t) * reciprocal((1 + t * t) % P) % P, lambda w, m: scaled(sin(w, m), -1))


def tan(u: Coefficients, n: int) -> Coefficients:
    return quotient(sin(u, n), cos(u, n), n)


def _exp_difference(u: Coefficients, n: int, sign: int) -> Coefficients:
    e = exp(u, n)
    return [(x + sign * y) * HALF % P for x, y in zip(e, inverse(e, n), strict=False)]


def sinh(u: Coefficients, n: int) -> Coefficients:
    return _exp_difference(u, n, -1)


def cosh(u: Coefficients, n: int) -> Coefficients:
    return _exp_difference(u, n, 1)


def tanh(u: Coefficients, n: int) -> Coefficients:
    return quotient(sinh(u, n), cosh(u, n), n)


def sigmoid(u: Coefficients, n: int) -> Coefficients:
    return inverse(plus(exp(scaled(u, -1), n), 1), n)


def softplus(u: Coefficients, n: int) -> Coefficients:
    return log(plus(exp(u, n), 1), n)


def arctan(u: Coefficients, n: int) -> Coefficients:
    return along(u, n, signed_token(4, u[0]), lambda w, m: inverse(plus(times(w, w, m), 1), m))


def arcsin(u: Coefficients, n: int) -> Coefficients:
    return along(u, n, signed_token(5, u[0]), lambda w, m: inverse(sqrt(plus(scaled(times(w, w, m), -1), 1), m), m))


def arccos(u: Coefficients, n: int) -> Coefficients:
    return plus(scaled(arcsin(u, n), -1), PI * HALF % P)


def erf(u: Coefficients, n: int) -> Coefficients:
    factor = 2 * reciprocal(ROOT_PI)
    return along(u, n, signed_token(6, u[0]), lambda w, m: scaled(exp(scaled(times(w, w, m), -1), m), factor))


def _polygamma(order: int) -> Function:
    """log gamma and its derivatives, each an unknown function whose derivative is the next."""
    def function(u: Coefficients, n: int) -> Coefficients:
        return along(u, n, mix(7, order, u[0]), _polygamma(order + 1))
    return function


def sign(u: Coefficients, n: int) -> Coefficients:
    return [character(u[0]) % P]


def absolute(u: Coefficients, n: int) -> Coefficients:
    return scaled(u, character(u[0]))


def step(u: Coefficients, n: int) -> Coefficients:
    return [int(character(u[0]) == 1)]


def relu(u: Coefficients, n: int) -> Coefficients:
    return u if character(u[0]) == 1 else [0]


FUNCTIONS: dict[str, Function] = {
    "exp": exp, "log": log, "log1p": lambda u, n: log(plus(u, 1), n), "expm1": lambda u, n: plus(exp(u, n), -1),
    "sin": sin, "cos": cos, "tan": tan, "arcsin": arcsin, "arccos": arccos, "arctan": arctan,
    "sinh": sinh, "cosh": cosh, "tanh": tanh, "sigmoid": sigmoid, "softplus": softplus, "erf": erf,
    "gammaln": _polygamma(0), "digamma": _polygamma(1), "trigamma": _polygamma(2),
    "sqrt": sqrt, "square": lambda u, n: times(u, u, n), "abs": absolute, "sign": sign, "step": step, "relu": relu,
}
RATIONAL = frozenset({"square"})
ROOT, SIGN = 1, 2  # kinds of branch
BRANCHES = {"sqrt": ROOT, "arcsin": ROOT, "arccos": ROOT, "abs": SIGN, "sign": SIGN, "step": SIGN, "relu": SIGN}


def general_power(u: Coefficients, e: Coefficients, n: int) -> Coefficients:
    """u to a variable power: exponents are drawn as integers, so that u^s u^t = u^(s + t)."""
    e0 = e[0] if e[0] <= P - e[0] else e[0] - P
    if not u[0]:
        return [0]
    if character(u[0]) < 0:  # even exponents would hide the sign
        raise Redraw("a number that is not a square")
    if len(u) == 1 and len(e) == 1:
        return [pow(u[0], e0, P)]
    if n > 2:
        raise Redraw("second derivatives of a variable power")
    u1, e1 = (u[1] if len(u) > 1 else 0), (e[1] if len(e) > 1 else 0)
    value = pow(u[0], e0, P)
    slope = e[0] * pow(u[0], e0 - 1, P) * u1 + (value * log(u[:1], 1)[0] * e1 if e1 else 0)
    return [value, slope % P]
