"""Values of the built-in elementwise functions in floating point, for real and complex arrays.

Complex arguments are real points with a tiny imaginary part that carries a tangent (the complex step), so each
function here is analytic around the real axis, or picks its piece by the real part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..callables import PURE
from .evidence import Unknown

Array = Any  # numpy.ndarray, real or complex, of any leading axes
Function = Callable[[Array], Array]


def sign(x: Array) -> Array:
    return np.sign(np.real(x))


def step(x: Array) -> Array:
    real = np.real(x)
    return np.where(np.isnan(real), real, (real > 0).astype(float))  # what has no value below has none here


def side(x: Array) -> Array:
    """1 or -1, never 0: an analytic function written in two pieces keeps its slope where they meet."""
    return np.where(np.real(x) >= 0, 1.0, -1.0)


def sigmoid(x: Array) -> Array:
    """Without overflow on either side."""
    e = np.exp(-x * side(x))  # e^-|x|
    return np.where(np.real(x) >= 0, 1.0, e) / (1 + e)


def log1p(x: Array) -> Array:
    """Continued to the first order in the imaginary part: NumPy's complex log1p adds the 1, and loses what is small beside it."""
    real = np.real(x)
    return np.log1p(real) + 1j * np.imag(x) / (1 + real) if np.iscomplexobj(x) else np.log1p(x)


def softplus(x: Array) -> Array:
    return x * (side(x) > 0) + log1p(np.exp(-x * side(x)))


def erf(x: Array) -> Array:
    """erf, continued to the first order in the imaginary part: its slope is its defining integrand."""
    real = np.real(x)
    value = np.vectorize(math.erf, otypes=[float])(real)
    return value + 2j / math.sqrt(math.pi) * np.exp(-real**2) * np.imag(x) if np.iscomplexobj(x) else value


_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
_SHIFT = 14  # the asymptotic series are used at x + 14


def gammaln(x: Array) -> Array:
    """log|gamma(x)|, by Stirling's series and the recurrence."""
    z = x + _SHIFT
    total = (z - 0.5) * np.log(z) - z + 0.5 * math.log(2 * math.pi)
    total = total + sum(b / (2 * k * (2 * k - 1) * z ** (2 * k - 1)) for k, b in enumerate(_BERNOULLI, 1))
    return _pole(x, total - sum(0.5 * np.log((x + i) * (x + i)) for i in range(_SHIFT)))


def digamma(x: Array) -> Array:
    z = x + _SHIFT
    total = np.log(z) - 0.5 / z - sum(b / (2 * k * z ** (2 * k)) for k, b in enumerate(_BERNOULLI, 1))
    return _pole(x, total - sum(1 / (x + i) for i in range(_SHIFT)))


def polygamma(k: int, x: Array) -> Array:
    """The k-th derivative of digamma, k >= 1: the first terms of its series, then the asymptotic one. DLMF 5.15.1, 5.15.9."""
    z = x + _SHIFT
    total = math.factorial(k - 1) / z**k + math.factorial(k) / (2 * z ** (k + 1))
    total = total + sum(b * math.factorial(2 * i + k - 1) / (math.factorial(2 * i) * z ** (2 * i + k)) for i, b in enumerate(_BERNOULLI, 1))
    return _pole(x, (-1) ** (k + 1) * (total + math.factorial(k) * sum(1 / (x + i) ** (k + 1) for i in range(_SHIFT))))


def trigamma(x: Array) -> Array:
    z = x + _SHIFT
    total = 1 / z + 0.5 / z**2 + sum(b / z ** (2 * k + 1) for k, b in enumerate(_BERNOULLI, 1))
    return _pole(x, total + sum(1 / (x + i) ** 2 for i in range(_SHIFT)))


def _pole(x: Array, value: Array) -> Array:
    """nan where the series does not reach."""
    return np.where(np.real(x) + _SHIFT < 10, np.nan, value)


ELEMENTWISE: dict[str, Function] = {
    "exp": np.exp, "log": np.log, "log1p": log1p, "expm1": np.expm1, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "arcsin": np.arcsin, "arccos": np.arccos, "arctan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "sqrt": np.sqrt, "square": lambda x: x * x, "abs": lambda x: x * sign(x), "sign": sign, "step": step,
    "relu": lambda x: x * step(x), "sigmoid": sigmoid, "softplus": softplus, "erf": erf,
    "gammaln": gammaln, "digamma": digamma, "trigamma": trigamma,
}
KINKED = frozenset({"abs", "sign", "step", "relu", "max", "min", "maximum", "minimum", "norm1", "norminf", "argmaxmask"})


def dotted(name: str) -> Function:
    """The function that a user's table names: one of those that only compute."""
    from importlib import import_module

    module, _, attribute = name.rpartition(".")
    if name not in PURE or module.startswith("matcalc"):  # the checker uses no value of the engine
        raise Unknown(f"{name} is not a function that a rule may name")
    try:
        function: Function = getattr(import_module(module), attribute)
    except (ImportError, AttributeError):
        raise Unknown(f"{name} cannot be imported") from None
    return np.vectorize(function, otypes=[float]) if module == "math" else function
