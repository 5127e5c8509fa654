"""The value of a text, by Python's own grammar: in NumPy, or in JAX, whose gradient is the reference. No part of matcalc is used.

Every value has two axes: a vector is a column, a scalar is 1 x 1. Shapes are strict, as the language has them.
"""

from __future__ import annotations

import ast
import math
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

Array = Any


class Mistyped(Exception):
    """Shapes that the language does not allow together, or a name that nobody knows."""


@cache
def numpy_space() -> SimpleNamespace:
    from scipy import special

    return SimpleNamespace(xp=np, stop=lambda x: x, erf=special.erf, gammaln=special.gammaln, digamma=special.digamma,
                           trigamma=lambda x: special.polygamma(1, x), polygamma=special.polygamma)


@cache
def jax_space() -> SimpleNamespace:
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")  # compiles faster
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_compilation_cache_dir", str(Path(tempfile.gettempdir()) / "matcalc-oracle-jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    import jax.numpy as jnp
    from jax.scipy import special

    return SimpleNamespace(xp=jnp, stop=jax.lax.stop_gradient, erf=special.erf, gammaln=special.gammaln, digamma=special.digamma,
                           trigamma=lambda x: special.polygamma(1, x), polygamma=special.polygamma)


def value(text: str, values: Mapping[str, Array], sizes: Mapping[str, int], space: SimpleNamespace | None = None) -> Array:
    """The value of a text with `where` definitions, as an array with two axes."""
    text = re.sub(r"(?<![\w.])(\d+)\.T\b", r"(\1).T", text)  # Python reads 3.T as a broken decimal
    body, _, rest = text.partition(" where ")
    definitions = {name.strip(): ast.parse(right.strip(), mode="eval").body
                   for name, _, right in (d.partition(" = ") for d in rest.split(";") if d.strip())}
    return Evaluator(values, sizes, definitions, space or numpy_space()).visit(ast.parse(body.strip(), mode="eval").body)


def derivative(text: str, wrt: str, values: Mapping[str, Array], sizes: Mapping[str, int], order: int) -> tuple[Array, Array]:
    """The value of a text, and JAX's tensor: shape(f) + shape(wrt), of second derivatives shape(wrt) + shape(wrt); all with two axes.

    Operation by operation: each is compiled once for all problems, where a compiled problem would serve only itself.
    """
    space = jax_space()
    import jax

    def f(x: Array) -> Array:
        return space.xp.asarray(value(text, {**values, wrt: x}, sizes, space))

    x = space.xp.asarray(values[wrt])
    if order == 2:
        found, slopes = f(x), jax.jacfwd(jax.grad(lambda x: f(x)[0, 0]))(x)
    else:
        found, back = jax.vjp(f, x)
        if found.size == 1:
            slopes = back(space.xp.ones_like(found))[0].reshape(found.shape + x.shape)
        else:
            slopes = jax.jacfwd(f)(x) if x.size < found.size else jax.vmap(back)(
                space.xp.eye(found.size).reshape(found.size, *found.shape))[0].reshape(found.shape + x.shape)
    return np.asarray(found), np.asarray(slopes)


class Evaluator:
    """Walks a tree of Python's grammar."""

    def __init__(self, values: Mapping[str, Array], sizes: Mapping[str, int], definitions: Mapping[str, ast.expr],
                 space: SimpleNamespace) -> None:
        self.values, self.sizes, self.definitions, self.space = values, sizes, definitions, space
        self.found: dict[str, Array] = {}

    def visit(self, e: ast.expr) -> Array:
        method = getattr(self, f"_{type(e).__name__}", None)
        if method is None:
            raise Mistyped(f"{type(e).__name__} is not in the language")
        return method(e)

    def _Constant(self, e: ast.Constant) -> Array:
        return np.full((1, 1), float(e.value))

    def _Name(self, e: ast.Name) -> Array:
        name = e.id
        if name in self.definitions:
            if name not in self.found:
                self.found[name] = self.visit(self.definitions[name])
            return self.found[name]
        if name in self.values:
            return self.values[name]
        if name == "pi":
            return np.full((1, 1), math.pi)
        if name in self.sizes:
            return np.full((1, 1), float(self.sizes[name]))
        raise Mistyped(f"unknown name {name}")

    def _UnaryOp(self, e: ast.UnaryOp) -> Array:
        if not isinstance(e.op, ast.USub):
            raise Mistyped("only the minus sign stands alone")
        return -self.visit(e.operand)

    def _Attribute(self, e: ast.Attribute) -> Array:
        if e.attr != "T":
            raise Mistyped(f"unknown attribute {e.attr}")
        return self.visit(e.value).T

    def _BinOp(self, e: ast.BinOp) -> Array:
        return BINARY[type(e.op)](self.visit(e.left), self.visit(e.right))

    def _Subscript(self, e: ast.Subscript) -> Array:
        x = self.visit(e.value)
        parts = list(e.slice.elts) if isinstance(e.slice, ast.Tuple) else [e.slice]
        if len(parts) == 1:
            parts = [ast.Slice(), parts[0]] if x.shape[0] == 1 else [parts[0], ast.Slice()]
        rows, columns = (self._selector(p, size) for p, size in zip(parts, x.shape, strict=True))
        return x[rows, :][:, columns]

    def _selector(self, e: ast.expr, size: int) -> slice:
        if isinstance(e, ast.Slice):
            return slice(*(None if b is None else self._integer(b) for b in (e.lower, e.upper, e.step)))
        i = self._integer(e)
        if not -size <= i < size:
            raise Mistyped(f"index {i} is outside {size} entries")
        return slice(i % size, i % size + 1)

    def _integer(self, e: ast.expr) -> int:
        number = float(np.asarray(self.visit(e))[0, 0])
        if number != int(number):
            raise Mistyped(f"{number} is not a whole number")
        return int(number)

    def _Call(self, e: ast.Call) -> Array:
        name = e.func.id if isinstance(e.func, ast.Name) else ""
        if name in CONSTRUCTORS:
            return CONSTRUCTORS[name](*(self._integer(a) for a in e.args))
        axis = next((self._integer(k.value) for k in e.keywords if k.arg == "axis"), None)
        if name == "mpow":
            return mpow(self.space, self.visit(e.args[0]), self._integer(e.args[1]))
        if name == "polygamma":
            return self.space.polygamma(self._integer(e.args[0]), self.visit(e.args[1]))
        args = [self.visit(a) for a in e.args]
        return apply(self.space, name, args, axis)


# ---------------------------------------------------------------- operators
def is_scalar(x: Array) -> bool:
    return x.shape == (1, 1)


def added(a: Array, b: Array) -> None:
    row = a.shape[1] == b.shape[1] and 1 in (a.shape[0], b.shape[0])
    if not (a.shape == b.shape or is_scalar(a) or is_scalar(b) or row):
        raise Mistyped(f"{a.shape} + {b.shape}")


def entrywise(a: Array, b: Array) -> None:
    if not (a.shape == b.shape or is_scalar(a) or is_scalar(b)):
        raise Mistyped(f"{a.shape} * {b.shape}")


def add(a: Array, b: Array) -> Array:
    added(a, b)
    return a + b


def subtract(a: Array, b: Array) -> Array:
    added(a, b)
    return a - b


def multiply(a: Array, b: Array) -> Array:
    entrywise(a, b)
    return a * b


def divide(a: Array, b: Array) -> Array:
    entrywise(a, b)
    return a / b


def matmul(a: Array, b: Array) -> Array:
    if is_scalar(a) or is_scalar(b):
        return a * b
    if a.shape[1] != b.shape[0]:
        raise Mistyped(f"{a.shape} @ {b.shape}")
    return a @ b


def raised(a: Array, b: Array) -> Array:
    if not is_scalar(b):
        raise Mistyped("an exponent is a scalar")
    if isinstance(b, np.ndarray) and b[0, 0] == round(b[0, 0]):
        return a ** int(b[0, 0]) if b[0, 0] >= 0 else 1 / a ** -int(b[0, 0])
    return a**b


BINARY: dict[type, Callable[[Array, Array], Array]] = {
    ast.Add: add, ast.Sub: subtract, ast.Mult: multiply, ast.Div: divide, ast.MatMult: matmul, ast.Pow: raised,
}


# ---------------------------------------------------------------- functions
def commutation(m: int, n: int) -> Array:
    k = np.zeros((m * n, m * n))
    for i in range(m):
        for j in range(n):
            k[i * n + j, j * m + i] = 1  # vec(A.T)[i n + j] = A[i, j] = vec(A)[j m + i]
    return k


CONSTRUCTORS: dict[str, Callable[..., Array]] = {
    "eye": lambda n: np.eye(n), "ones": lambda m, n=1: np.ones((m, n)), "zeros": lambda m, n=1: np.zeros((m, n)), "commat": commutation,
}


def apply(space: SimpleNamespace, name: str, args: list[Array], axis: int | None) -> Array:
    """The value of a call."""
    if len(args) == 2 and name in ("max", "min"):
        name += "imum"
    if axis is not None:
        return REDUCTIONS[name](space.xp, args[0], axis)
    if name in REDUCTIONS:
        return REDUCTIONS[name](space.xp, args[0], None)
    if name in FUNCTIONS:
        return FUNCTIONS[name](space, *args)
    raise Mistyped(f"the oracle has no value for {name}: give it one in tests/oracle/jax_oracle.py")


def mask(xp: Any, x: Array, axis: int | None) -> Array:
    at = (x == xp.max(x, axis=axis, keepdims=True)) * 1.0
    return at / xp.sum(at, axis=axis, keepdims=True)


REDUCTIONS: dict[str, Callable[[Any, Array, int | None], Array]] = {
    "sum": lambda xp, x, axis: xp.sum(x, axis=axis, keepdims=True),
    "mean": lambda xp, x, axis: xp.sum(x, axis=axis, keepdims=True) / (x.size if axis is None else x.shape[axis]),
    "max": lambda xp, x, axis: xp.max(x, axis=axis, keepdims=True),
    "min": lambda xp, x, axis: xp.min(x, axis=axis, keepdims=True),
    "argmaxmask": mask,
}


def one(x: Array) -> Array:
    return x.reshape(1, 1)


def along(x: Array) -> int:
    """The axis of softmax: down a vector, along the rows of a matrix."""
    return 0 if x.shape[1] == 1 else 1


def softmax(s: Any, x: Array) -> Array:
    e = s.xp.exp(x - s.xp.max(x, axis=along(x), keepdims=True))
    return e / s.xp.sum(e, axis=along(x), keepdims=True)


def logsumexp(s: Any, x: Array) -> Array:
    top = s.xp.max(x, axis=along(x), keepdims=True)
    return top + s.xp.log(s.xp.sum(s.xp.exp(x - top), axis=along(x), keepdims=True))


def norm(s: Any, x: Array, p: Array | None = None) -> Array:
    total = s.xp.sum(x * x if p is None else raised(s.xp.abs(x), p), keepdims=True)
    return s.xp.sqrt(total) if p is None else total ** (1 / p)


def extreme(s: Any, a: Array, b: Array, largest: bool) -> Array:
    entrywise(a, b)
    return s.xp.maximum(a, b) if largest else s.xp.minimum(a, b)


def mpow(s: Any, x: Array, k: int) -> Array:
    base = s.xp.linalg.inv(x) if k < 0 else x
    out = np.eye(x.shape[0])
    for _ in range(abs(k)):
        out = out @ base
    return out


def square(x: Array) -> Array:
    if x.shape[0] != x.shape[1]:
        raise Mistyped(f"{x.shape} is not square")
    return x


def expm(s: Any, x: Array, halvings: int = 6, terms: int = 14) -> Array:
    """The series of exp(X / 2**halvings), squared again."""
    small = square(x) / 2**halvings
    power = total = np.eye(x.shape[0])
    for k in range(1, terms):
        power = power @ small / k
        total = total + power
    for _ in range(halvings):
        total = total @ total
    return total


def sqrtm(s: Any, x: Array, rounds: int = 24) -> Array:
    """Denman and Beavers: Y -> (Y + inv(Z)) / 2 and Z -> (Z + inv(Y)) / 2 go to the root and its inverse."""
    scale = s.xp.sqrt(s.xp.sum(s.stop(square(x)) ** 2))
    y, z = x / scale, np.eye(x.shape[0])
    for _ in range(rounds):
        y, z = (y + s.xp.linalg.inv(z)) / 2, (z + s.xp.linalg.inv(y)) / 2
    return y * scale**0.5


def logm(s: Any, x: Array, roots: int = 6, nodes: int = 24) -> Array:
    """Of a root that is near the identity: the integral of (X - I) inv(I + t (X - I)) over 0 <= t <= 1."""
    root = square(x)
    for _ in range(roots):
        root = sqrtm(s, root)
    places, weights = np.polynomial.legendre.leggauss(nodes)
    t, w = ((places + 1) / 2)[:, None, None], (weights / 2)[:, None, None]
    away = root - np.eye(x.shape[0])
    return 2**roots * away @ (w * s.xp.linalg.inv(np.eye(x.shape[0]) + t * away)).sum(axis=0)


def adjugate(x: Array) -> Array:
    """By minors: also of a singular matrix."""
    n = len(square(x))
    minors = [[np.linalg.det(np.delete(np.delete(x, i, 0), j, 1)) for j in range(n)] for i in range(n)]
    return (np.array(minors) * (-1.0) ** np.add.outer(np.arange(n), np.arange(n))).T


def diag(s: Any, x: Array) -> Array:
    if x.shape[1] != 1:
        raise Mistyped("diag takes a vector")
    return x * np.eye(x.shape[0])


FUNCTIONS: dict[str, Callable[..., Array]] = {
    **{name: (lambda s, x, name=name: getattr(s.xp, name)(x))  # type: ignore[misc]
       for name in "exp expm1 log log1p sqrt square sin cos tan arcsin arccos arctan sinh cosh tanh abs sign tril triu".split()},
    **{name: (lambda s, x, name=name: getattr(s, name)(x)) for name in ("erf", "gammaln", "digamma", "trigamma")},  # type: ignore[misc]
    "step": lambda s, x: (x > 0) * 1.0,
    "relu": lambda s, x: s.xp.where(x > 0, x, 0.0),
    "sigmoid": lambda s, x: 1 / (1 + s.xp.exp(-x)),
    "softplus": lambda s, x: s.xp.log1p(s.xp.exp(-s.xp.abs(x))) + s.xp.where(x > 0, x, 0.0),
    "maximum": lambda s, a, b: extreme(s, a, b, True),
    "minimum": lambda s, a, b: extreme(s, a, b, False),
    "tr": lambda s, x: one(s.xp.trace(square(x))),
    "det": lambda s, x: one(s.xp.linalg.det(square(x))),
    "logdet": lambda s, x: one(s.xp.linalg.slogdet(square(x))[1]),
    "inv": lambda s, x: s.xp.linalg.inv(square(x)),
    "adj": lambda s, x: adjugate(x) if s.xp is np else s.xp.linalg.det(square(x)) * s.xp.linalg.inv(x),
    "pinv": lambda s, x: s.xp.linalg.pinv(x),
    "eigmax": lambda s, x: one(s.xp.linalg.eigvalsh((square(x) + x.T) / 2)[-1]),
    "spectral": lambda s, x: one(s.xp.linalg.svd(x, compute_uv=False)[0]),
    "nuclear": lambda s, x: one(s.xp.sum(s.xp.linalg.svd(x, compute_uv=False))),
    "chol": lambda s, x: s.xp.linalg.cholesky((square(x) + x.T) / 2),
    "cumsum": lambda s, x: s.xp.cumsum(x, axis=0),
    "expm": expm, "logm": logm, "sqrtm": sqrtm, "softmax": softmax, "logsumexp": logsumexp, "norm": norm, "diag": diag,
    "norm2sq": lambda s, x: s.xp.sum(x * x, keepdims=True),
    "norm1": lambda s, x: s.xp.sum(s.xp.abs(x), keepdims=True),
    "norminf": lambda s, x: s.xp.max(s.xp.abs(x), keepdims=True),
    "diagv": lambda s, x: s.xp.diagonal(square(x)).reshape(-1, 1),
    "vec": lambda s, x: x.T.reshape(-1, 1),
    "kron": lambda s, a, b: s.xp.kron(a, b),
}
