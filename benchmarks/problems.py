"""The problems of benchmarks/compiled.py, each stated once: for matcalc in its language, for JAX and PyTorch as a function, and with
the derivatives as an expert writes them in NumPy, with LAPACK through SciPy. What is the expert's here is what matcalc has to reach.

An expert knows the mathematics and what arrays cost: no n x n product where vectors do, one factorisation for all solves, `B.T @ B`
because NumPy computes half of it, temporaries overwritten, arguments never. `verify` compares all of it with central differences.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.linalg.blas import dtrsm
from scipy.linalg.lapack import dgetrf, dgetri, dposv, dpotrf, dpotri, dpotrs, dtrtri

Array = Any  # of NumPy, of JAX or of PyTorch
Sizes = dict[str, int]
PROBLEMS: dict[str, Problem] = {}


class Problem:
    """A scalar expression, and the variable to differentiate by; a subclass is one problem."""

    name: ClassVar[str]
    text: ClassVar[str]
    let: ClassVar[tuple[str, ...]]
    wrt: ClassVar[str]
    small: ClassVar[Sizes]  # sizes that differ, for tests
    sizes: ClassVar[tuple[Sizes, ...]]
    hessian_sizes: ClassVar[tuple[Sizes, ...]] = ()  # none: there is no Hessian to compare with

    def __init_subclass__(cls) -> None:
        if "name" in cls.__dict__:
            PROBLEMS[cls.name] = cls()

    def draw(self, r: np.random.Generator, **sizes: int) -> dict[str, Array]:
        """The arguments, by name."""
        raise NotImplementedError

    def value(self, f: Any, **arrays: Array) -> Array:
        """The expression, with the functions of `f`: NUMPY, or those of `jax_functions` or `torch_functions`."""
        raise NotImplementedError

    def gradient(self, **arrays: Array) -> Array:
        raise NotImplementedError

    def hessian(self, **arrays: Array) -> Array:
        """With the axes of the variable twice."""
        raise NotImplementedError

    def both(self, **arrays: Array) -> tuple[float, Array]:
        """The value and the gradient; written out where they share work."""
        return self.value(NUMPY, **arrays), self.gradient(**arrays)


# ---------------------------------------------------------------- the functions that NumPy, JAX and PyTorch call by different names
class Functions:
    """By the same name in all of them; softmax and logsumexp are of each row."""

    def __init__(self, **functions: Any) -> None:
        self.__dict__.update(functions)


def _row_softmax(Z: Array) -> Array:
    E = np.exp(Z - Z.max(-1, keepdims=True))
    E /= E.sum(-1, keepdims=True)
    return E


def _row_logsumexp(Z: Array) -> Array:
    top = Z.max(-1, keepdims=True)
    return np.log(np.exp(Z - top).sum(-1)) + top[..., 0]


NUMPY = Functions(
    exp=np.exp, log=np.log, sqrt=np.sqrt, tanh=np.tanh, relu=lambda x: np.maximum(x, 0), trace=np.trace, diag=np.diag, inv=np.linalg.inv,
    solve=np.linalg.solve, cholesky=np.linalg.cholesky, eye=np.eye, logdet=lambda X: np.linalg.slogdet(X)[1],
    softmax=_row_softmax, logsumexp=_row_logsumexp)


def jax_functions() -> Functions:
    import jax
    import jax.numpy as jnp

    return Functions(
        exp=jnp.exp, log=jnp.log, sqrt=jnp.sqrt, tanh=jnp.tanh, relu=jax.nn.relu, trace=jnp.trace, diag=jnp.diag, inv=jnp.linalg.inv,
        solve=jnp.linalg.solve, cholesky=jnp.linalg.cholesky, eye=jnp.eye, logdet=lambda X: jnp.linalg.slogdet(X)[1],
        softmax=lambda Z: jax.nn.softmax(Z, axis=-1), logsumexp=lambda Z: jax.nn.logsumexp(Z, axis=-1))


def torch_functions() -> Functions:
    import torch

    return Functions(
        exp=torch.exp, log=torch.log, sqrt=torch.sqrt, tanh=torch.tanh, relu=torch.relu, trace=torch.trace, diag=torch.diag,
        inv=torch.linalg.inv, solve=torch.linalg.solve, cholesky=torch.linalg.cholesky, eye=lambda n: torch.eye(n, dtype=torch.float64),
        logdet=lambda X: torch.linalg.slogdet(X)[1], softmax=lambda Z: torch.softmax(Z, -1), logsumexp=lambda Z: torch.logsumexp(Z, -1))


# ---------------------------------------------------------------- what an expert has at hand
def sigmoid(z: Array) -> Array:
    """Through tanh, which does not overflow and is fast in NumPy."""
    out = 0.5 * z
    np.tanh(out, out=out)
    out += 1
    out *= 0.5
    return out


def softmax(Z: Array) -> Array:
    """Of each row, in the place of Z."""
    Z -= Z.max(-1, keepdims=True)
    np.exp(Z, out=Z)
    Z /= Z.sum(-1, keepdims=True)
    return Z


def softmax_and_logsumexp(Z: Array) -> tuple[Array, float]:
    """Of each row, in the place of Z, and the sum of the logarithms over all rows."""
    top = Z.max(-1, keepdims=True)
    Z -= top
    np.exp(Z, out=Z)
    sums = Z.sum(-1, keepdims=True)
    Z /= sums
    np.log(sums, out=sums)
    return Z, float(sums.sum() + top.sum())


def weighted_gram(X: Array, weights: Array) -> Array:
    """X.T diag(weights) X for weights that are not negative."""
    B = X * np.sqrt(weights)[:, None]
    return B.T @ B


def factor(S: Array) -> Array:
    """The lower Cholesky factor of a symmetric matrix; S.T is in LAPACK's order, so that it is copied in one go."""
    return dpotrf(S.T, lower=1, clean=1)[0]


def inverse_from(L: Array) -> Array:
    """inv(L L.T), whole, from the lower triangle that LAPACK leaves; L is overwritten."""
    R = dpotri(L, lower=1, overwrite_c=1)[0]
    diagonal = R.diagonal().copy()
    R = R + R.T
    add_to_diagonal(R, -diagonal)
    return R


def spd_inverse(S: Array) -> Array:
    return inverse_from(factor(S))


def log_det_from(L: Array) -> float:
    return 2 * float(np.log(L.diagonal()).sum())


def spd_solve(S: Array, b: Array) -> Array:
    return dposv(S.T, b, lower=1)[1]


def spd(r: np.random.Generator, n: int) -> Array:
    """A symmetric, positive definite matrix with a good condition."""
    B = r.standard_normal((n, n))
    return B @ B.T / n + np.eye(n)


def onehot(r: np.random.Generator, m: int, k: int) -> Array:
    return np.eye(k)[r.integers(0, k, m)]


def add_to_diagonal(H: Array, what: Array) -> None:
    """In place, of a matrix in either order; a view of every n + 1st number is a third of the cost of np.fill_diagonal."""
    diagonal = H.ravel("K")[::len(H) + 1]
    diagonal += what


def size(**sizes: int) -> Sizes:
    return sizes


def each(**sizes: tuple[int, ...]) -> tuple[Sizes, ...]:
    """each(m=(20, 200), n=(10, 100)) is {m: 20, n: 10} and {m: 200, n: 100}."""
    return tuple(dict(zip(sizes, values, strict=True)) for values in zip(*sizes.values(), strict=True))


# ---------------------------------------------------------------- regression
class Regression(Problem):
    """A function of X @ w, one column of data for each entry of w."""

    let = ("X: matrix(m, n)", "y: vector(m)", "w: vector(n)")
    wrt = "w"
    small = size(m=7, n=4)
    sizes = each(m=(20, 200, 1000, 2000), n=(10, 100, 500, 1000))
    hessian_sizes = each(m=(200, 1000), n=(100, 500))

    def draw(self, r: np.random.Generator, m: int, n: int) -> dict[str, Array]:
        return {"X": r.standard_normal((m, n)), "y": r.standard_normal(m), "w": r.standard_normal(n) / n**0.5}


class LeastSquares(Regression):
    name = "least squares"
    text = "norm2sq(X @ w - y) / m"

    def value(self, f: Any, X: Array, y: Array, w: Array) -> Array:
        return ((X @ w - y)**2).sum() / len(y)

    def gradient(self, X: Array, y: Array, w: Array) -> Array:
        e = X @ w
        e -= y
        e *= 2 / len(y)
        return e @ X

    def hessian(self, X: Array, y: Array, w: Array) -> Array:
        H = X.T @ X
        H *= 2 / len(y)
        return H

    def both(self, X: Array, y: Array, w: Array) -> tuple[float, Array]:
        e = X @ w
        e -= y
        value = e @ e / len(y)
        e *= 2 / len(y)
        return value, e @ X


class Ridge(Regression):
    name = "ridge"
    text = "norm2sq(X @ w - y) + c * norm2sq(w)"
    let = (*Regression.let, "c: scalar")

    def draw(self, r: np.random.Generator, m: int, n: int) -> dict[str, Array]:
        return {**super().draw(r, m, n), "c": 0.7}

    def value(self, f: Any, X: Array, y: Array, w: Array, c: Array) -> Array:
        return ((X @ w - y)**2).sum() + c * (w @ w)

    def gradient(self, X: Array, y: Array, w: Array, c: float) -> Array:
        e = X @ w
        e -= y
        g = e @ X
        g += c * w
        g *= 2
        return g

    def hessian(self, X: Array, y: Array, w: Array, c: float) -> Array:
        H = X.T @ X
        add_to_diagonal(H, c)
        H *= 2
        return H

    def both(self, X: Array, y: Array, w: Array, c: float) -> tuple[float, Array]:
        e = X @ w
        e -= y
        g = e @ X
        g += c * w
        g *= 2
        return e @ e + c * (w @ w), g


class Logistic(Regression):
    name = "logistic regression"
    text = "sum(log(exp(-y * (X @ w)) + 1))"

    def draw(self, r: np.random.Generator, m: int, n: int) -> dict[str, Array]:
        arrays = super().draw(r, m, n)
        return {**arrays, "y": np.sign(arrays["y"])}

    def value(self, f: Any, X: Array, y: Array, w: Array) -> Array:
        return f.log(f.exp(-y * (X @ w)) + 1).sum()

    def gradient(self, X: Array, y: Array, w: Array) -> Array:
        s = X @ w
        s *= y
        np.negative(s, out=s)
        s = sigmoid(s)
        s *= y
        np.negative(s, out=s)
        return s @ X

    def hessian(self, X: Array, y: Array, w: Array) -> Array:
        s = sigmoid(y * (X @ w))
        s *= 1 - s
        s *= y
        s *= y
        return weighted_gram(X, s)

    def both(self, X: Array, y: Array, w: Array) -> tuple[float, Array]:
        e = X @ w
        e *= y
        np.negative(e, out=e)
        np.exp(e, out=e)
        value = float(np.log1p(e).sum())
        e /= e + 1
        e *= y
        np.negative(e, out=e)
        return value, e @ X


class Poisson(Regression):
    name = "Poisson regression"
    text = "sum(exp(X @ w)) - y.T @ X @ w"

    def value(self, f: Any, X: Array, y: Array, w: Array) -> Array:
        return f.exp(X @ w).sum() - y @ (X @ w)

    def gradient(self, X: Array, y: Array, w: Array) -> Array:
        e = X @ w
        np.exp(e, out=e)
        e -= y
        return e @ X

    def hessian(self, X: Array, y: Array, w: Array) -> Array:
        return weighted_gram(X, np.exp(X @ w))

    def both(self, X: Array, y: Array, w: Array) -> tuple[float, Array]:
        z = X @ w
        e = np.exp(z)
        value = float(e.sum() - y @ z)
        e -= y
        return value, e @ X


class Cauchy(Regression):
    name = "Cauchy regression"
    text = "sum(log(1 + square((X @ w - y) / c)))"
    let = (*Regression.let, "c: scalar")

    def draw(self, r: np.random.Generator, m: int, n: int) -> dict[str, Array]:
        return {**super().draw(r, m, n), "c": 1.3}

    def value(self, f: Any, X: Array, y: Array, w: Array, c: Array) -> Array:
        return f.log(1 + ((X @ w - y) / c)**2).sum()

    def gradient(self, X: Array, y: Array, w: Array, c: float) -> Array:
        e = X @ w
        e -= y
        s = e * e
        s += c * c
        e /= s
        e *= 2
        return e @ X

    def hessian(self, X: Array, y: Array, w: Array, c: float) -> Array:
        e = X @ w
        e -= y
        e *= e
        s = e + c * c
        np.subtract(c * c, e, out=e)
        e /= s
        e /= s
        e *= 2
        return X.T @ (X * e[:, None])  # the weights have both signs

    def both(self, X: Array, y: Array, w: Array, c: float) -> tuple[float, Array]:
        e = X @ w
        e -= y
        s = e * e
        s += c * c
        e /= s
        e *= 2
        s /= c * c
        return float(np.log(s).sum()), e @ X


class SquaredHinge(Regression):
    name = "squared hinge"
    text = "norm2sq(relu(1 - y * (X @ w)))"

    def draw(self, r: np.random.Generator, m: int, n: int) -> dict[str, Array]:
        arrays = super().draw(r, m, n)
        return {**arrays, "y": np.sign(arrays["y"])}

    def value(self, f: Any, X: Array, y: Array, w: Array) -> Array:
        return (f.relu(1 - y * (X @ w))**2).sum()

    def _slack(self, X: Array, y: Array, w: Array) -> Array:
        e = X @ w
        e *= y
        np.subtract(1, e, out=e)
        return np.maximum(e, 0, out=e)

    def gradient(self, X: Array, y: Array, w: Array) -> Array:
        e = self._slack(X, y, w)
        e *= y
        e *= -2
        return e @ X

    def hessian(self, X: Array, y: Array, w: Array) -> Array:
        B = X * (y * (self._slack(X, y, w) > 0))[:, None]
        H = B.T @ B
        H *= 2
        return H

    def both(self, X: Array, y: Array, w: Array) -> tuple[float, Array]:
        e = self._slack(X, y, w)
        value = e @ e
        e *= y
        e *= -2
        return value, e @ X


class PhaseRetrieval(Regression):
    name = "phase retrieval"
    text = "norm2sq(square(X @ w) - y)"

    def value(self, f: Any, X: Array, y: Array, w: Array) -> Array:
        return (((X @ w)**2 - y)**2).sum()

    def gradient(self, X: Array, y: Array, w: Array) -> Array:
        z = X @ w
        e = z * z
        e -= y
        e *= z
        e *= 4
        return e @ X

    def hessian(self, X: Array, y: Array, w: Array) -> Array:
        z = X @ w
        z *= z
        z *= 12
        z -= 4 * y
        return X.T @ (X * z[:, None])

    def both(self, X: Array, y: Array, w: Array) -> tuple[float, Array]:
        z = X @ w
        e = z * z
        e -= y
        value = e @ e
        e *= z
        e *= 4
        return value, e @ X


class Distance(Regression):
    name = "distance"
    text = "norm(X @ w - y)"

    def value(self, f: Any, X: Array, y: Array, w: Array) -> Array:
        return f.sqrt(((X @ w - y)**2).sum())

    def gradient(self, X: Array, y: Array, w: Array) -> Array:
        return self.both(X, y, w)[1]

    def hessian(self, X: Array, y: Array, w: Array) -> Array:
        e = X @ w
        e -= y
        length = np.sqrt(e @ e)
        e /= length
        g = e @ X
        H = X.T @ X
        H -= np.outer(g, g)
        H /= length
        return H

    def both(self, X: Array, y: Array, w: Array) -> tuple[float, Array]:
        e = X @ w
        e -= y
        length = np.sqrt(e @ e)
        e /= length
        return length, e @ X


class LogSumExp(Regression):
    name = "log-sum-exp"
    text = "logsumexp(X @ w + y)"

    def value(self, f: Any, X: Array, y: Array, w: Array) -> Array:
        return f.logsumexp(X @ w + y)

    def gradient(self, X: Array, y: Array, w: Array) -> Array:
        z = X @ w
        z += y
        return softmax(z) @ X

    def hessian(self, X: Array, y: Array, w: Array) -> Array:
        p = softmax(X @ w + y)
        g = p @ X
        H = weighted_gram(X, p)
        H -= np.outer(g, g)
        return H

    def both(self, X: Array, y: Array, w: Array) -> tuple[float, Array]:
        z = X @ w
        z += y
        p, value = softmax_and_logsumexp(z)
        return value, p @ X


class LogBarrier(Problem):
    name = "log barrier"
    text = "c.T @ x - sum(log(b - A @ x))"
    let = ("A: matrix(m, n)", "b: vector(m)", "c: vector(n)", "x: vector(n)")
    wrt = "x"
    small = size(m=7, n=4)
    sizes = each(m=(20, 200, 1000), n=(10, 100, 500))
    hessian_sizes = each(m=(200, 1000), n=(100, 500))

    def draw(self, r: np.random.Generator, m: int, n: int) -> dict[str, Array]:
        A, x = r.standard_normal((m, n)), r.standard_normal(n)
        return {"A": A, "b": A @ x + r.uniform(0.5, 2, m), "c": r.standard_normal(n), "x": x}

    def value(self, f: Any, A: Array, b: Array, c: Array, x: Array) -> Array:
        return c @ x - f.log(b - A @ x).sum()

    def gradient(self, A: Array, b: Array, c: Array, x: Array) -> Array:
        s = A @ x
        np.subtract(b, s, out=s)
        np.divide(1, s, out=s)
        g = s @ A
        g += c
        return g

    def hessian(self, A: Array, b: Array, c: Array, x: Array) -> Array:
        B = A / (b - A @ x)[:, None]
        return B.T @ B

    def both(self, A: Array, b: Array, c: Array, x: Array) -> tuple[float, Array]:
        s = A @ x
        np.subtract(b, s, out=s)
        value = float(c @ x - np.log(s).sum())
        np.divide(1, s, out=s)
        g = s @ A
        g += c
        return value, g


# ---------------------------------------------------------------- quadratic forms and products
class Quadratic(Problem):
    name = "quadratic form"
    text = "x.T @ A @ x"
    let = ("A: matrix(n, n)", "x: vector(n)")
    wrt = "x"
    small = size(n=5)
    sizes = each(n=(10, 100, 300, 1000, 2000))
    hessian_sizes = each(n=(100, 300, 1000))

    def draw(self, r: np.random.Generator, n: int) -> dict[str, Array]:
        return {"A": r.standard_normal((n, n)), "x": r.standard_normal(n)}

    def value(self, f: Any, A: Array, x: Array) -> Array:
        return x @ A @ x

    def gradient(self, A: Array, x: Array) -> Array:
        g = A @ x
        g += x @ A
        return g

    def hessian(self, A: Array, x: Array) -> Array:
        return A + A.T

    def both(self, A: Array, x: Array) -> tuple[float, Array]:
        g = A @ x
        value = x @ g
        g += x @ A
        return value, g


class Rayleigh(Problem):
    name = "Rayleigh quotient"
    text = "(x.T @ A @ x) / (x.T @ x)"
    let = ("A: matrix(n, n) symmetric", "x: vector(n)")
    wrt = "x"
    small = size(n=5)
    sizes = each(n=(10, 100, 1000))
    hessian_sizes = each(n=(100, 500))

    def draw(self, r: np.random.Generator, n: int) -> dict[str, Array]:
        B = r.standard_normal((n, n))
        return {"A": B + B.T, "x": r.standard_normal(n)}

    def value(self, f: Any, A: Array, x: Array) -> Array:
        return (x @ A @ x) / (x @ x)

    def gradient(self, A: Array, x: Array) -> Array:
        return self.both(A, x)[1]

    def hessian(self, A: Array, x: Array) -> Array:
        """With q the quotient and g the gradient: 2 (A - q - x g.T - g x.T) / x.T x, of which the last two are symmetric together."""
        q, g = self.both(A, x)
        square = x @ x
        H = A * (2 / square)
        add_to_diagonal(H, -2 * q / square)
        B = np.outer(x, g * (2 / square))
        H -= B
        H -= B.T
        return H

    def both(self, A: Array, x: Array) -> tuple[float, Array]:
        g = A @ x
        square = x @ x
        q = x @ g / square
        g -= q * x
        g *= 2 / square
        return q, g


class TraceQuadratic(Problem):
    name = "trace of a sandwich"
    text = "tr(A @ X @ B @ X.T)"
    let = ("A: matrix(m, m)", "B: matrix(n, n)", "X: matrix(m, n)")
    wrt = "X"
    small = size(m=4, n=3)
    sizes = each(m=(10, 64, 256, 512), n=(10, 64, 256, 512))
    hessian_sizes = each(m=(12, 30), n=(10, 25))

    def draw(self, r: np.random.Generator, m: int, n: int) -> dict[str, Array]:
        return {"A": r.standard_normal((m, m)), "B": r.standard_normal((n, n)), "X": r.standard_normal((m, n))}

    def value(self, f: Any, A: Array, B: Array, X: Array) -> Array:
        return f.trace(A @ X @ B @ X.T)

    def gradient(self, A: Array, B: Array, X: Array) -> Array:
        G = A @ (X @ B)
        G += A.T @ (X @ B.T)
        return G

    def hessian(self, A: Array, B: Array, X: Array) -> Array:
        A, B = A[:, None, :, None], B.T[None, :, None, :]
        H = A * B
        H += A.transpose(2, 1, 0, 3) * B.transpose(0, 3, 2, 1)
        return H

    def both(self, A: Array, B: Array, X: Array) -> tuple[float, Array]:
        G = A @ (X @ B)
        value = float(np.vdot(G, X))
        G += A.T @ (X @ B.T)
        return value, G


class TraceCube(Problem):
    name = "trace of a cube"
    text = "tr(X @ A @ X @ A @ X @ A)"
    let = ("A: matrix(n, m)", "X: matrix(m, n)")
    wrt = "X"
    small = size(m=4, n=3)
    sizes = each(m=(12, 150, 400), n=(10, 100, 300))

    def draw(self, r: np.random.Generator, m: int, n: int) -> dict[str, Array]:
        return {"A": r.standard_normal((n, m)), "X": r.standard_normal((m, n))}

    def value(self, f: Any, A: Array, X: Array) -> Array:
        P = A @ X
        return f.trace(P @ P @ P)

    def gradient(self, A: Array, X: Array) -> Array:
        P = A @ X
        G = P @ (P @ A)
        G *= 3
        return G.T

    def both(self, A: Array, X: Array) -> tuple[float, Array]:
        P = A @ X
        G = P @ (P @ A)
        value = float(np.einsum("ij,ji->", G, X))
        G *= 3
        return value, G.T


class Chain(Problem):
    name = "chain of products"
    text = "a.T @ (X @ Y) @ b"
    let = ("X: matrix(m, n)", "Y: matrix(n, k)", "a: vector(m)", "b: vector(k)")
    wrt = "a"
    small = size(m=5, n=4, k=3)
    sizes = each(m=(100, 500, 1000), n=(100, 500, 1000), k=(100, 500, 1000))

    def draw(self, r: np.random.Generator, m: int, n: int, k: int) -> dict[str, Array]:
        return {"X": r.standard_normal((m, n)), "Y": r.standard_normal((n, k)), "a": r.standard_normal(m), "b": r.standard_normal(k)}

    def value(self, f: Any, X: Array, Y: Array, a: Array, b: Array) -> Array:
        return a @ (X @ Y) @ b

    def gradient(self, X: Array, Y: Array, a: Array, b: Array) -> Array:
        return X @ (Y @ b)

    def both(self, X: Array, Y: Array, a: Array, b: Array) -> tuple[float, Array]:
        g = X @ (Y @ b)
        return a @ g, g


class ChainMatrix(Chain):
    name = "chain of products by a matrix"
    wrt = "X"

    def gradient(self, X: Array, Y: Array, a: Array, b: Array) -> Array:
        return np.outer(a, Y @ b)

    def both(self, X: Array, Y: Array, a: Array, b: Array) -> tuple[float, Array]:
        z = Y @ b
        return a @ (X @ z), np.outer(a, z)


class Sandwich(Problem):
    name = "matrix equation"
    text = "norm2sq(A @ X @ B - C)"
    let = ("A: matrix(p, m)", "X: matrix(m, n)", "B: matrix(n, q)", "C: matrix(p, q)")
    wrt = "X"
    small = size(p=6, m=4, n=3, q=5)
    sizes = each(p=(15, 100, 300), m=(10, 80, 200), n=(10, 60, 200), q=(12, 90, 250))
    hessian_sizes = each(p=(20, 60), m=(12, 30), n=(10, 25), q=(15, 50))

    def draw(self, r: np.random.Generator, p: int, m: int, n: int, q: int) -> dict[str, Array]:
        return {"A": r.standard_normal((p, m)), "X": r.standard_normal((m, n)), "B": r.standard_normal((n, q)),
                "C": r.standard_normal((p, q))}

    def value(self, f: Any, A: Array, X: Array, B: Array, C: Array) -> Array:
        return ((A @ X @ B - C)**2).sum()

    def _residual(self, A: Array, X: Array, B: Array, C: Array) -> Array:
        E = A @ (X @ B)
        E -= C
        return E

    def gradient(self, A: Array, X: Array, B: Array, C: Array) -> Array:
        G = A.T @ (self._residual(A, X, B, C) @ B.T)
        G *= 2
        return G

    def hessian(self, A: Array, X: Array, B: Array, C: Array) -> Array:
        return (2 * (A.T @ A))[:, None, :, None] * (B @ B.T)[None, :, None, :]

    def both(self, A: Array, X: Array, B: Array, C: Array) -> tuple[float, Array]:
        E = self._residual(A, X, B, C)
        G = A.T @ (E @ B.T)
        G *= 2
        return float(np.vdot(E, E)), G


# ---------------------------------------------------------------- factorisations
class MatrixFactorisation(Problem):
    name = "matrix factorisation"
    text = "norm2sq(T - U @ V.T)"
    let = ("T: matrix(m, n)", "U: matrix(m, k)", "V: matrix(n, k)")
    wrt = "U"
    small = size(m=6, n=5, k=2)
    sizes = each(m=(100, 500, 1000), n=(100, 500, 1000), k=(5, 20, 20))
    hessian_sizes = each(m=(50, 200), n=(50, 200), k=(5, 5))

    def draw(self, r: np.random.Generator, m: int, n: int, k: int) -> dict[str, Array]:
        return {"T": r.standard_normal((m, n)), "U": r.standard_normal((m, k)), "V": r.standard_normal((n, k))}

    def value(self, f: Any, T: Array, U: Array, V: Array) -> Array:
        return ((T - U @ V.T)**2).sum()

    def gradient(self, T: Array, U: Array, V: Array) -> Array:
        """Without the residual, which is as large as T."""
        G = U @ (V.T @ V)
        G -= T @ V
        G *= 2
        return G

    def hessian(self, T: Array, U: Array, V: Array) -> Array:
        m, k = U.shape
        H = np.zeros((m, k, m, k))
        rows = np.arange(m)
        H[rows, :, rows, :] = 2 * (V.T @ V)
        return H

    def both(self, T: Array, U: Array, V: Array) -> tuple[float, Array]:
        E = U @ V.T
        E -= T
        G = E @ V
        G *= 2
        return float(np.vdot(E, E)), G


class PoissonFactorisation(MatrixFactorisation):
    name = "Poisson factorisation"
    text = "sum(U @ V.T - T * log(U @ V.T))"
    let = ("T: matrix(m, n)", "U: matrix(m, k) positive", "V: matrix(n, k) positive")

    def draw(self, r: np.random.Generator, m: int, n: int, k: int) -> dict[str, Array]:
        return {"T": r.uniform(0, 3, (m, n)), "U": r.uniform(0.5, 2, (m, k)), "V": r.uniform(0.5, 2, (n, k))}

    def value(self, f: Any, T: Array, U: Array, V: Array) -> Array:
        P = U @ V.T
        return (P - T * f.log(P)).sum()

    def gradient(self, T: Array, U: Array, V: Array) -> Array:
        P = U @ V.T
        np.divide(T, P, out=P)
        np.subtract(1, P, out=P)
        return P @ V

    def hessian(self, T: Array, U: Array, V: Array) -> Array:
        """Row by row: V.T diag(T / P**2) V, all rows in one product."""
        m, k = U.shape
        P = U @ V.T
        P *= P
        np.divide(T, P, out=P)
        H = np.zeros((m, k, m, k))
        rows = np.arange(m)
        H[rows, :, rows, :] = (P @ (V[:, :, None] * V[:, None, :]).reshape(len(V), k * k)).reshape(m, k, k)
        return H

    def both(self, T: Array, U: Array, V: Array) -> tuple[float, Array]:
        P = U @ V.T
        value = float(P.sum() - np.vdot(T, np.log(P)))
        np.divide(T, P, out=P)
        np.subtract(1, P, out=P)
        return value, P @ V


class Reconstruction(Problem):
    name = "PCA reconstruction"
    text = "norm2sq(X - X @ W @ W.T)"
    let = ("X: matrix(m, n)", "W: matrix(n, k)")
    wrt = "W"
    small = size(m=6, n=5, k=2)
    sizes = each(m=(50, 200, 1000), n=(20, 100, 300), k=(3, 5, 10))
    hessian_sizes = each(m=(50, 200), n=(20, 60), k=(3, 5))

    def draw(self, r: np.random.Generator, m: int, n: int, k: int) -> dict[str, Array]:
        return {"X": r.standard_normal((m, n)) / m**0.5, "W": r.standard_normal((n, k)) / n**0.5}

    def value(self, f: Any, X: Array, W: Array) -> Array:
        return ((X - X @ W @ W.T)**2).sum()

    def gradient(self, X: Array, W: Array) -> Array:
        """With B = X.T X W: 2 (B W.T W + W W.T B - 2 B); nothing as large as X is formed."""
        B = X.T @ (X @ W)
        M = W.T @ W
        add_to_diagonal(M, -2)
        G = B @ M
        G += W @ (W.T @ B)
        G *= 2
        return G

    def hessian(self, X: Array, W: Array) -> Array:
        C = X.T @ X
        B = C @ W
        n, k = W.shape
        M = W.T @ W
        add_to_diagonal(M, -2)
        H = C[:, None, :, None] * M[None, :, None, :]
        H += B[:, None, None, :] * W.T[None, :, :, None]
        H += W[:, None, None, :] * B.T[None, :, :, None]
        D = B @ W.T
        D += D.T
        columns, rows = np.arange(k), np.arange(n)
        H[:, columns, :, columns] += D
        H[rows, :, rows, :] += W.T @ B
        H *= 2
        return H

    def both(self, X: Array, W: Array) -> tuple[float, Array]:
        """The value is tr(X.T X) - 2 tr(W.T B) + tr(W.T W W.T B)."""
        B = X.T @ (X @ W)
        M, Z = W.T @ W, W.T @ B
        value = float(np.vdot(X, X) - 2 * np.trace(Z) + np.vdot(M, Z))
        add_to_diagonal(M, -2)
        G = B @ M
        G += W @ Z
        G *= 2
        return value, G


# ---------------------------------------------------------------- determinants and Gaussians
class LogDet(Problem):
    name = "logdet"
    text = "logdet(X)"
    let = ("X: matrix(n, n)",)
    wrt = "X"
    small = size(n=4)
    sizes = each(n=(10, 100, 200, 400, 800))
    hessian_sizes = each(n=(10, 30))

    def draw(self, r: np.random.Generator, n: int) -> dict[str, Array]:
        return {"X": spd(r, n) + 0.1 * r.standard_normal((n, n))}

    def value(self, f: Any, X: Array) -> Array:
        return f.logdet(X)

    def gradient(self, X: Array) -> Array:
        """inv(X.T) from a factorisation; NumPy's inv solves with the identity, which is a third more work."""
        lu, pivots, _ = dgetrf(X.T)
        return dgetri(lu, pivots, lwork=64 * len(X), overwrite_lu=1)[0]

    def hessian(self, X: Array) -> Array:
        Y = self.gradient(X)
        return (-Y)[:, None, None, :] * Y.T[None, :, :, None]

    def both(self, X: Array) -> tuple[float, Array]:
        lu, pivots, _ = dgetrf(X.T)
        value = float(np.log(np.abs(lu.diagonal())).sum())
        return value, dgetri(lu, pivots, lwork=64 * len(X), overwrite_lu=1)[0]


class GaussianCovariance(Problem):
    name = "Gaussian likelihood by covariance"
    text = "-0.5 * logdet(S) - 0.5 * (x - mu).T @ inv(S) @ (x - mu)"
    let = ("S: matrix(n, n) spd", "x: vector(n)", "mu: vector(n)")
    wrt = "S"
    small = size(n=4)
    sizes = each(n=(10, 100, 400, 800))

    def draw(self, r: np.random.Generator, n: int) -> dict[str, Array]:
        return {"S": spd(r, n), "x": r.standard_normal(n), "mu": r.standard_normal(n)}

    def value(self, f: Any, S: Array, x: Array, mu: Array) -> Array:
        return -0.5 * f.logdet(S) - 0.5 * ((x - mu) @ f.solve(S, x - mu))

    def gradient(self, S: Array, x: Array, mu: Array) -> Array:
        R = spd_inverse(S)
        u = R @ (x - mu)
        R -= u[:, None] * u
        R *= -0.5
        return R

    def both(self, S: Array, x: Array, mu: Array) -> tuple[float, Array]:
        L = factor(S)
        value = log_det_from(L)
        R = inverse_from(L)
        e = x - mu
        u = R @ e
        value += u @ e
        R -= u[:, None] * u
        R *= -0.5
        return -0.5 * value, R


class GaussianMean(GaussianCovariance):
    name = "Gaussian likelihood by mean"
    wrt = "mu"
    sizes = each(n=(10, 100, 400, 800))
    hessian_sizes = each(n=(100, 400))

    def gradient(self, S: Array, x: Array, mu: Array) -> Array:
        return spd_solve(S, x - mu)

    def hessian(self, S: Array, x: Array, mu: Array) -> Array:
        R = spd_inverse(S)
        return np.negative(R, out=R)

    def both(self, S: Array, x: Array, mu: Array) -> tuple[float, Array]:
        e = x - mu
        L, u, _ = dposv(S.T, e, lower=1)
        return -0.5 * (log_det_from(L) + u @ e), u


class GaussianSample(Problem):
    name = "Gaussian sample by covariance"
    text = "m / 2 * logdet(S) + tr(inv(S) @ X.T @ X) / 2"
    let = ("S: matrix(n, n) spd", "X: matrix(m, n)")
    wrt = "S"
    small = size(m=6, n=4)
    sizes = each(m=(30, 300, 800), n=(10, 100, 400))

    def draw(self, r: np.random.Generator, m: int, n: int) -> dict[str, Array]:
        return {"S": spd(r, n), "X": r.standard_normal((m, n))}

    def value(self, f: Any, S: Array, X: Array) -> Array:
        return len(X) / 2 * f.logdet(S) + f.trace(f.solve(S, X.T @ X)) / 2

    def gradient(self, S: Array, X: Array) -> Array:
        R = spd_inverse(S)
        B = X @ R
        G = B.T @ B
        R *= len(X)
        R -= G
        R *= 0.5
        return R

    def both(self, S: Array, X: Array) -> tuple[float, Array]:
        L = factor(S)
        value = len(X) * log_det_from(L)
        R = inverse_from(L)
        B = X @ R
        value += float(np.vdot(B, X))
        G = B.T @ B
        R *= len(X)
        R -= G
        R *= 0.5
        return 0.5 * value, R


class Divergence(Problem):
    name = "Gaussian divergence"
    text = "(tr(inv(T) @ S) + (a - b).T @ inv(T) @ (a - b) - n + logdet(T) - logdet(S)) / 2"
    let = ("S: matrix(n, n) spd", "T: matrix(n, n) spd", "a: vector(n)", "b: vector(n)")
    wrt = "S"
    small = size(n=4)
    sizes = each(n=(10, 100, 400))

    def draw(self, r: np.random.Generator, n: int) -> dict[str, Array]:
        return {"S": spd(r, n), "T": spd(r, n), "a": r.standard_normal(n), "b": r.standard_normal(n)}

    def value(self, f: Any, S: Array, T: Array, a: Array, b: Array) -> Array:
        R = f.inv(T)
        return ((R * S).sum() + (a - b) @ R @ (a - b) - len(a) + f.logdet(T) - f.logdet(S)) / 2

    def gradient(self, S: Array, T: Array, a: Array, b: Array) -> Array:
        R = spd_inverse(T)
        R -= spd_inverse(S)
        R *= 0.5
        return R

    def both(self, S: Array, T: Array, a: Array, b: Array) -> tuple[float, Array]:
        L, M = factor(S), factor(T)
        value = log_det_from(M) - log_det_from(L) - len(a)
        R, e = inverse_from(M), a - b
        value += float(np.vdot(R, S)) + e @ R @ e
        R -= inverse_from(L)
        R *= 0.5
        return 0.5 * value, R


class Mahalanobis(Problem):
    name = "Mahalanobis distance by Cholesky"
    text = "norm2sq(inv(chol(S)) @ (x - mu))"
    let = ("S: matrix(n, n) spd", "x: vector(n)", "mu: vector(n)")
    wrt = "mu"
    small = size(n=4)
    sizes = each(n=(10, 100, 400))
    hessian_sizes = each(n=(100, 400))

    def draw(self, r: np.random.Generator, n: int) -> dict[str, Array]:
        return {"S": spd(r, n), "x": r.standard_normal(n), "mu": r.standard_normal(n)}

    def value(self, f: Any, S: Array, x: Array, mu: Array) -> Array:
        return (f.solve(f.cholesky(S), x - mu)**2).sum()

    def gradient(self, S: Array, x: Array, mu: Array) -> Array:
        g = spd_solve(S, mu - x)
        g *= 2
        return g

    def hessian(self, S: Array, x: Array, mu: Array) -> Array:
        R = spd_inverse(S)
        R *= 2
        return R

    def both(self, S: Array, x: Array, mu: Array) -> tuple[float, Array]:
        e = mu - x
        g = spd_solve(S, e)
        value = g @ e
        g *= 2
        return value, g


class Kalman(Problem):
    name = "Kalman filter by state"
    text = "(y - H @ x).T @ inv(H @ P @ H.T + R) @ (y - H @ x) / 2 + (x - z).T @ inv(P) @ (x - z) / 2"
    let = ("H: matrix(m, n)", "P: matrix(n, n) spd", "R: matrix(m, m) spd", "x: vector(n)", "y: vector(m)", "z: vector(n)")
    wrt = "x"
    small = size(m=3, n=5)
    sizes = each(m=(5, 50, 150), n=(10, 100, 300))
    hessian_sizes = each(m=(50, 150), n=(100, 300))

    def draw(self, r: np.random.Generator, m: int, n: int) -> dict[str, Array]:
        return {"H": r.standard_normal((m, n)) / n**0.5, "P": spd(r, n), "R": spd(r, m), "x": r.standard_normal(n),
                "y": r.standard_normal(m), "z": r.standard_normal(n)}

    def value(self, f: Any, H: Array, P: Array, R: Array, x: Array, y: Array, z: Array) -> Array:
        e, d = y - H @ x, x - z
        return e @ f.solve(H @ P @ H.T + R, e) / 2 + d @ f.solve(P, d) / 2

    def gradient(self, H: Array, P: Array, R: Array, x: Array, y: Array, z: Array) -> Array:
        return self.both(H, P, R, x, y, z)[1]

    def hessian(self, H: Array, P: Array, R: Array, x: Array, y: Array, z: Array) -> Array:
        S = (H @ P) @ H.T
        S += R
        B = dtrsm(1.0, factor(S), H, lower=1)
        out = spd_inverse(P)
        out += B.T @ B
        return out

    def both(self, H: Array, P: Array, R: Array, x: Array, y: Array, z: Array) -> tuple[float, Array]:
        S = (H @ P) @ H.T
        S += R
        e, d = H @ x, x - z
        e -= y
        u, g = dposv(S.T, e, lower=1, overwrite_a=1)[1], spd_solve(P, d)
        value = 0.5 * (u @ e + g @ d)
        g += u @ H
        return value, g


class Innovation(Problem):
    name = "Kalman filter by covariance"
    text = "logdet(H @ P @ H.T + R) + v.T @ inv(H @ P @ H.T + R) @ v"
    let = ("H: matrix(m, n)", "P: matrix(n, n) spd", "R: matrix(m, m) spd", "v: vector(m)")
    wrt = "P"
    small = size(m=3, n=5)
    sizes = each(m=(5, 50, 150), n=(10, 100, 300))

    def draw(self, r: np.random.Generator, m: int, n: int) -> dict[str, Array]:
        return {"H": r.standard_normal((m, n)) / n**0.5, "P": spd(r, n), "R": spd(r, m), "v": r.standard_normal(m)}

    def value(self, f: Any, H: Array, P: Array, R: Array, v: Array) -> Array:
        S = H @ P @ H.T + R
        return f.logdet(S) + v @ f.solve(S, v)

    def gradient(self, H: Array, P: Array, R: Array, v: Array) -> Array:
        return self.both(H, P, R, v)[1]

    def both(self, H: Array, P: Array, R: Array, v: Array) -> tuple[float, Array]:
        S = (H @ P) @ H.T
        S += R
        L = factor(S)
        u = dpotrs(L, v, lower=1)[0]
        B, h = dtrsm(1.0, L, H, lower=1), u @ H
        G = B.T @ B
        G -= h[:, None] * h
        return log_det_from(L) + u @ v, G


class GaussianProcess(Problem):
    name = "Gaussian process by noise"
    text = "(y.T @ inv(K + c * eye(n)) @ y + logdet(K + c * eye(n))) / 2"
    let = ("K: matrix(n, n) spd", "y: vector(n)", "c: scalar positive")
    wrt = "c"
    small = size(n=4)
    sizes = each(n=(10, 100, 400))
    hessian_sizes = each(n=(10, 100, 400))

    def draw(self, r: np.random.Generator, n: int) -> dict[str, Array]:
        return {"K": spd(r, n), "y": r.standard_normal(n), "c": 0.5}

    def value(self, f: Any, K: Array, y: Array, c: Array) -> Array:
        S = K + c * f.eye(len(y))
        return (y @ f.solve(S, y) + f.logdet(S)) / 2

    def _factor(self, K: Array, c: float) -> Array:
        S = K.copy()
        add_to_diagonal(S, c)
        return dpotrf(S.T, lower=1, clean=1, overwrite_a=1)[0]

    def gradient(self, K: Array, y: Array, c: float) -> Array:
        return self.both(K, y, c)[1]

    def hessian(self, K: Array, y: Array, c: float) -> Array:
        L = self._factor(K, c)
        u = dpotrs(L, y, lower=1)[0]
        v = dpotrs(L, u, lower=1)[0]
        R = inverse_from(L)
        return u @ v - 0.5 * np.vdot(R, R)

    def both(self, K: Array, y: Array, c: float) -> tuple[float, Array]:
        """The trace of the inverse is the squared norm of the inverse of the factor: half of the work of the inverse."""
        L = self._factor(K, c)
        u = dpotrs(L, y, lower=1)[0]
        value = 0.5 * (u @ y + log_det_from(L))
        L = dtrtri(L, lower=1, overwrite_c=1)[0].T
        return value, 0.5 * (np.vdot(L, L) - u @ u)


class Design(Problem):
    name = "D-optimal design"
    text = "-logdet(A.T @ diag(x) @ A)"
    let = ("A: matrix(m, n)", "x: vector(m) positive")
    wrt = "x"
    small = size(m=7, n=3)
    sizes = each(m=(50, 300, 1000), n=(5, 50, 100))
    hessian_sizes = each(m=(50, 300, 1000), n=(5, 50, 100))

    def draw(self, r: np.random.Generator, m: int, n: int) -> dict[str, Array]:
        return {"A": r.standard_normal((m, n)), "x": r.uniform(0.5, 1.5, m)}

    def value(self, f: Any, A: Array, x: Array) -> Array:
        return -f.logdet(A.T @ (x[:, None] * A))

    def gradient(self, A: Array, x: Array) -> Array:
        return self.both(A, x)[1]

    def hessian(self, A: Array, x: Array) -> Array:
        B = dtrsm(1.0, factor(weighted_gram(A, x)), A.T, lower=1)
        H = B.T @ B
        H *= H
        return H

    def both(self, A: Array, x: Array) -> tuple[float, Array]:
        L = factor(weighted_gram(A, x))
        B = dtrsm(1.0, L, A.T, lower=1)
        B *= B
        g = B.sum(0)
        return -log_det_from(L), np.negative(g, out=g)


class TraceDesign(Design):
    name = "A-optimal design"
    text = "tr(inv(A.T @ diag(x) @ A))"

    def value(self, f: Any, A: Array, x: Array) -> Array:
        return f.trace(f.inv(A.T @ (x[:, None] * A)))

    def hessian(self, A: Array, x: Array) -> Array:
        L = factor(weighted_gram(A, x))
        B = dtrsm(1.0, L, A.T, lower=1)
        C = dtrsm(1.0, L, B, lower=1, trans_a=1)
        H = B.T @ B
        H *= C.T @ C
        H *= 2
        return H

    def both(self, A: Array, x: Array) -> tuple[float, Array]:
        R = spd_inverse(weighted_gram(A, x))
        B = A @ R
        g = np.einsum("ij,ij->i", B, B)
        return float(np.trace(R)), np.negative(g, out=g)


# ---------------------------------------------------------------- networks
class SoftmaxRegression(Problem):
    name = "softmax regression"
    text = "sum(logsumexp(X @ W)) - sum(Y * (X @ W))"
    let = ("X: matrix(m, n)", "Y: matrix(m, k)", "W: matrix(n, k)")
    wrt = "W"
    small = size(m=6, n=4, k=3)
    sizes = each(m=(50, 300, 1000), n=(10, 100, 500), k=(3, 10, 10))
    hessian_sizes = each(m=(50, 300), n=(10, 40), k=(3, 5))

    def draw(self, r: np.random.Generator, m: int, n: int, k: int) -> dict[str, Array]:
        return {"X": r.standard_normal((m, n)), "Y": onehot(r, m, k), "W": r.standard_normal((n, k)) / n**0.5}

    def value(self, f: Any, X: Array, Y: Array, W: Array) -> Array:
        Z = X @ W
        return f.logsumexp(Z).sum() - (Y * Z).sum()

    def gradient(self, X: Array, Y: Array, W: Array) -> Array:
        P = softmax(X @ W)
        P -= Y
        return X.T @ P

    def hessian(self, X: Array, Y: Array, W: Array) -> Array:
        """With z = x kron p for each row: X.T diag(p_k) X in the blocks of each class, less the sum of z z.T."""
        P = softmax(X @ W)
        (m, n), k = X.shape, P.shape[1]
        Z = (X[:, :, None] * P[:, None, :]).reshape(m, n * k)
        H = Z.T @ Z
        H = np.negative(H, out=H).reshape(n, k, n, k)
        for c in range(k):
            H[:, c, :, c] += weighted_gram(X, P[:, c])
        return H

    def both(self, X: Array, Y: Array, W: Array) -> tuple[float, Array]:
        Z = X @ W
        value = -float(np.vdot(Y, Z))
        P, logs = softmax_and_logsumexp(Z)
        P -= Y
        return value + logs, X.T @ P


class CrossEntropyLayer(Problem):
    name = "layer with softmax cross-entropy"
    text = "(sum(logsumexp(X @ W + b.T)) - sum(Y * (X @ W + b.T))) / m"
    let = ("X: matrix(m, n)", "Y: matrix(m, k)", "W: matrix(n, k)", "b: vector(k)")
    wrt = "b"
    small = size(m=6, n=4, k=3)
    sizes = each(m=(50, 300, 1000), n=(10, 100, 500), k=(3, 10, 50))
    hessian_sizes = each(m=(50, 300, 1000), n=(10, 100, 500), k=(3, 10, 50))

    def draw(self, r: np.random.Generator, m: int, n: int, k: int) -> dict[str, Array]:
        return {"X": r.standard_normal((m, n)), "Y": onehot(r, m, k), "W": r.standard_normal((n, k)) / n**0.5, "b": r.standard_normal(k)}

    def value(self, f: Any, X: Array, Y: Array, W: Array, b: Array) -> Array:
        Z = X @ W + b
        return (f.logsumexp(Z).sum() - (Y * Z).sum()) / len(X)

    def _probabilities(self, X: Array, W: Array, b: Array) -> Array:
        Z = X @ W
        Z += b
        return softmax(Z)

    def gradient(self, X: Array, Y: Array, W: Array, b: Array) -> Array:
        P = self._probabilities(X, W, b)
        g = P.sum(0)
        g -= Y.sum(0)
        g /= len(X)
        return g

    def hessian(self, X: Array, Y: Array, W: Array, b: Array) -> Array:
        P = self._probabilities(X, W, b)
        H = P.T @ P
        H *= -1 / len(X)
        add_to_diagonal(H, P.sum(0) / len(X))
        return H

    def both(self, X: Array, Y: Array, W: Array, b: Array) -> tuple[float, Array]:
        Z = X @ W
        Z += b
        value = -float(np.vdot(Y, Z))
        P, logs = softmax_and_logsumexp(Z)
        g = P.sum(0)
        g -= Y.sum(0)
        g /= len(X)
        return (value + logs) / len(X), g


class LinearLayer(Problem):
    name = "linear layer"
    text = "norm2sq(X @ W - Y)"
    let = ("X: matrix(m, n)", "W: matrix(n, k)", "Y: matrix(m, k)")
    wrt = "W"
    small = size(m=6, n=4, k=3)
    sizes = each(m=(64, 256, 512), n=(64, 256, 512), k=(64, 256, 512))
    hessian_sizes = each(m=(50, 200), n=(20, 60), k=(3, 5))

    def draw(self, r: np.random.Generator, m: int, n: int, k: int) -> dict[str, Array]:
        return {"X": r.standard_normal((m, n)), "W": r.standard_normal((n, k)), "Y": r.standard_normal((m, k))}

    def value(self, f: Any, X: Array, W: Array, Y: Array) -> Array:
        return ((X @ W - Y)**2).sum()

    def gradient(self, X: Array, W: Array, Y: Array) -> Array:
        E = X @ W
        E -= Y
        G = X.T @ E
        G *= 2
        return G

    def hessian(self, X: Array, W: Array, Y: Array) -> Array:
        n, k = W.shape
        H = np.zeros((n, k, n, k))
        columns = np.arange(k)
        H[:, columns, :, columns] = 2 * (X.T @ X)
        return H

    def both(self, X: Array, W: Array, Y: Array) -> tuple[float, Array]:
        E = X @ W
        E -= Y
        G = X.T @ E
        G *= 2
        return float(np.vdot(E, E)), G


class TwoLayers(Problem):
    name = "two-layer network"
    text = "norm2sq(tanh(X @ W + b.T) @ V - Y) / m"
    let = ("X: matrix(m, n)", "W: matrix(n, h)", "b: vector(h)", "V: matrix(h, k)", "Y: matrix(m, k)")
    wrt = "W"
    small = size(m=6, n=4, h=5, k=3)
    sizes = each(m=(32, 128, 512), n=(16, 64, 256), h=(32, 128, 256), k=(4, 10, 10))

    def draw(self, r: np.random.Generator, m: int, n: int, h: int, k: int) -> dict[str, Array]:
        return {"X": r.standard_normal((m, n)), "W": r.standard_normal((n, h)) / n**0.5, "b": r.standard_normal(h),
                "V": r.standard_normal((h, k)) / h**0.5, "Y": r.standard_normal((m, k))}

    def value(self, f: Any, X: Array, W: Array, b: Array, V: Array, Y: Array) -> Array:
        return ((f.tanh(X @ W + b) @ V - Y)**2).sum() / len(X)

    def gradient(self, X: Array, W: Array, b: Array, V: Array, Y: Array) -> Array:
        return self.both(X, W, b, V, Y)[1]

    def both(self, X: Array, W: Array, b: Array, V: Array, Y: Array) -> tuple[float, Array]:
        A = X @ W
        A += b
        np.tanh(A, out=A)
        E = A @ V
        E -= Y
        value = float(np.vdot(E, E)) / len(X)
        E *= 2 / len(X)
        A *= A
        np.subtract(1, A, out=A)
        A *= E @ V.T
        return value, X.T @ A


class DeepNetwork(Problem):
    """Ten layers and softmax cross-entropy, by the first layer; a subclass says which function stands between them."""

    layers: ClassVar[int] = 10
    wrt = "W1"
    let = ("X: matrix(m, n)", "Y: matrix(m, n)", *(f"W{i}: matrix(n, n)" for i in range(1, 11)))
    small = size(m=3, n=4)
    sizes = each(m=(64, 64, 64), n=(64, 128, 512))
    activation: ClassVar[str]

    @staticmethod
    def stated(activation: str) -> str:
        hidden = [f"h{i} = {activation}({f'h{i - 1}' if i > 1 else 'X'} @ W{i})" for i in range(1, DeepNetwork.layers)]
        return f"sum(logsumexp(Z)) - sum(Y * Z) where {'; '.join(hidden)}; Z = h{DeepNetwork.layers - 1} @ W{DeepNetwork.layers}"

    def draw(self, r: np.random.Generator, m: int, n: int) -> dict[str, Array]:
        weights = {f"W{i}": r.standard_normal((n, n)) * (2 / n)**0.5 for i in range(1, self.layers + 1)}
        return {"X": r.standard_normal((m, n)), "Y": onehot(r, m, n), **weights}

    def value(self, f: Any, X: Array, Y: Array, **W: Array) -> Array:
        Z = X @ W["W1"]
        for i in range(2, self.layers + 1):
            Z = getattr(f, self.activation)(Z) @ W[f"W{i}"]
        return f.logsumexp(Z).sum() - (Y * Z).sum()

    def forward(self, X: Array, W: dict[str, Array]) -> tuple[list[Array], Array]:
        """What goes into every layer but the first, and what comes out of the last."""
        inputs, Z = [], X @ W["W1"]
        for i in range(2, self.layers + 1):
            self.activate(Z)
            inputs.append(Z)
            Z = Z @ W[f"W{i}"]
        return inputs, Z

    def backward(self, G: Array, inputs: list[Array], X: Array, W: dict[str, Array]) -> Array:
        for i in range(self.layers, 1, -1):
            G = G @ W[f"W{i}"].T
            G *= self.slope(inputs[i - 2])
        return X.T @ G

    def activate(self, Z: Array) -> None:
        """In the place of Z."""
        raise NotImplementedError

    def slope(self, A: Array) -> Array:
        """From the value of the function, which may be overwritten."""
        raise NotImplementedError

    def gradient(self, X: Array, Y: Array, **W: Array) -> Array:
        inputs, Z = self.forward(X, W)
        P = softmax(Z)
        P -= Y
        return self.backward(P, inputs, X, W)

    def both(self, X: Array, Y: Array, **W: Array) -> tuple[float, Array]:
        inputs, Z = self.forward(X, W)
        value = -float(np.vdot(Y, Z))
        P, logs = softmax_and_logsumexp(Z)
        P -= Y
        return value + logs, self.backward(P, inputs, X, W)


class TanhNetwork(DeepNetwork):
    name = "ten tanh layers"
    text = DeepNetwork.stated("tanh")
    activation = "tanh"

    def activate(self, Z: Array) -> None:
        np.tanh(Z, out=Z)

    def slope(self, A: Array) -> Array:
        A *= A
        return np.subtract(1, A, out=A)


class ReluNetwork(DeepNetwork):
    name = "ten relu layers"
    text = DeepNetwork.stated("relu")
    activation = "relu"

    def activate(self, Z: Array) -> None:
        np.maximum(Z, 0, out=Z)

    def slope(self, A: Array) -> Array:
        return A > 0


class ReluNetworkOfOne(ReluNetwork):
    name = "ten relu layers of one example"
    small = size(m=1, n=4)
    sizes = each(m=(1, 1), n=(64, 256))
    hessian_sizes = each(m=(1, 1), n=(16, 32))

    def hessian(self, X: Array, Y: Array, **W: Array) -> Array:
        """x[a] M[b, d] x[c] with M = J (diag(p) - p p.T) J.T, where J is the Jacobian of the scores by what the first layer gives."""
        inputs, Z = self.forward(X, W)
        p, J = softmax(Z[0]), (inputs[0][0] > 0)[:, None] * W["W2"]
        for i in range(3, self.layers + 1):
            J *= inputs[i - 2][0] > 0
            J = J @ W[f"W{i}"]
        u = J @ p
        J *= np.sqrt(p)
        M = J @ J.T
        M -= np.outer(u, u)
        x = X[0]
        return x[:, None, None, None] * (M[:, None, :] * x[:, None])


class Attention(Problem):
    name = "attention by queries"
    text = "sum(G * (softmax(Q @ K.T / sqrt(d)) @ V))"
    let = ("Q: matrix(n, d)", "K: matrix(p, d)", "V: matrix(p, q)", "G: matrix(n, q)")
    wrt = "Q"
    small = size(n=4, p=5, d=3, q=2)
    sizes = each(n=(32, 128, 512), p=(32, 128, 512), d=(16, 64, 64), q=(16, 64, 64))

    def draw(self, r: np.random.Generator, n: int, p: int, d: int, q: int) -> dict[str, Array]:
        return {"Q": r.standard_normal((n, d)), "K": r.standard_normal((p, d)),
                "V": r.standard_normal((p, q)), "G": r.standard_normal((n, q))}

    def value(self, f: Any, Q: Array, K: Array, V: Array, G: Array) -> Array:
        return (G * (f.softmax(Q @ K.T / Q.shape[1]**0.5) @ V)).sum()

    def _score_gradient(self, Q: Array, K: Array, V: Array, G: Array) -> tuple[float, Array]:
        """The value, and the gradient by Q @ K.T; in it each row of G V.T loses its mean under the weights, whose sum is the value."""
        S = Q @ K.T
        S *= Q.shape[1]**-0.5
        P = softmax(S)
        D = G @ V.T
        means = np.einsum("ij,ij->i", D, P)
        D -= means[:, None]
        D *= P
        return float(means.sum()), D

    def gradient(self, Q: Array, K: Array, V: Array, G: Array) -> Array:
        return self.both(Q, K, V, G)[1]

    def both(self, Q: Array, K: Array, V: Array, G: Array) -> tuple[float, Array]:
        value, D = self._score_gradient(Q, K, V, G)
        R = D @ K
        R *= Q.shape[1]**-0.5
        return value, R


class AttentionKeys(Attention):
    name = "attention by keys"
    wrt = "K"

    def both(self, Q: Array, K: Array, V: Array, G: Array) -> tuple[float, Array]:
        value, D = self._score_gradient(Q, K, V, G)
        R = D.T @ Q
        R *= Q.shape[1]**-0.5
        return value, R


# ---------------------------------------------------------------- mixtures and kernels
class Mixture(Problem):
    name = "Gaussian mixture by means"
    text = "norm2sq(X) / 2 - sum(logsumexp(X @ M.T + (log(p) - sum(square(M), axis=1) / 2).T))"
    let = ("X: matrix(m, d)", "M: matrix(k, d)", "p: vector(k) positive")
    wrt = "M"
    small = size(m=7, d=3, k=2)
    sizes = each(m=(100, 1000, 5000), d=(5, 20, 50), k=(3, 10, 20))
    hessian_sizes = each(m=(100, 1000), d=(5, 10), k=(3, 10))

    def draw(self, r: np.random.Generator, m: int, d: int, k: int) -> dict[str, Array]:
        p = r.uniform(0.5, 1.5, k)
        return {"X": r.standard_normal((m, d)), "M": r.standard_normal((k, d)), "p": p / p.sum()}

    def value(self, f: Any, X: Array, M: Array, p: Array) -> Array:
        return (X * X).sum() / 2 - f.logsumexp(X @ M.T + (f.log(p) - (M * M).sum(1) / 2)).sum()

    def _scores(self, X: Array, M: Array, p: Array) -> Array:
        S = X @ M.T
        S += np.log(p) - 0.5 * np.einsum("ij,ij->i", M, M)
        return S

    def gradient(self, X: Array, M: Array, p: Array) -> Array:
        R = softmax(self._scores(X, M, p))
        G = R.sum(0)[:, None] * M
        G -= R.T @ X
        return G

    def hessian(self, X: Array, M: Array, p: Array) -> Array:
        """With D = x - M[k], weighted by its share r: diag(sum of r) - sum of r D D.T in the blocks, plus all products of two of r D."""
        R = softmax(self._scores(X, M, p))
        k, d = M.shape
        D = X[:, None, :] - M
        Z = (R[:, :, None] * D).reshape(len(X), k * d)
        H = (Z.T @ Z).reshape(k, d, k, d)
        sums = R.sum(0)
        for c in range(k):
            block = Z[:, c * d:(c + 1) * d].T @ D[:, c, :]
            add_to_diagonal(block, -sums[c])
            H[c, :, c, :] -= block
        return H

    def both(self, X: Array, M: Array, p: Array) -> tuple[float, Array]:
        R, logs = softmax_and_logsumexp(self._scores(X, M, p))
        G = R.sum(0)[:, None] * M
        G -= R.T @ X
        return 0.5 * float(np.vdot(X, X)) - logs, G


class KernelSum(Problem):
    name = "sum of Gaussian kernels"
    text = "sum(exp(X @ Y.T - (sum(square(X), axis=1) @ ones(n).T + ones(m) @ sum(square(Y), axis=1).T) / 2))"
    let = ("X: matrix(m, d)", "Y: matrix(n, d)")
    wrt = "X"
    small = size(m=5, n=4, d=3)
    sizes = each(m=(30, 200, 1000), n=(20, 200, 800), d=(3, 5, 10))

    def draw(self, r: np.random.Generator, m: int, n: int, d: int) -> dict[str, Array]:
        return {"X": r.standard_normal((m, d)), "Y": r.standard_normal((n, d))}

    def value(self, f: Any, X: Array, Y: Array) -> Array:
        return f.exp(X @ Y.T - ((X * X).sum(1)[:, None] + (Y * Y).sum(1)) / 2).sum()

    def gradient(self, X: Array, Y: Array) -> Array:
        return self.both(X, Y)[1]

    def both(self, X: Array, Y: Array) -> tuple[float, Array]:
        K = X @ Y.T
        K -= 0.5 * np.einsum("ij,ij->i", X, X)[:, None]
        K -= 0.5 * np.einsum("ij,ij->i", Y, Y)
        np.exp(K, out=K)
        sums = K.sum(1)
        G = K @ Y
        G -= sums[:, None] * X
        return float(sums.sum()), G


class KernelDensity(Problem):
    name = "kernel density at a point"
    text = "log(sum(exp(-sum(square(Y - ones(m) @ x.T), axis=1) / 2)))"
    let = ("Y: matrix(m, d)", "x: vector(d)")
    wrt = "x"
    small = size(m=6, d=3)
    sizes = each(m=(50, 1000, 10000), d=(3, 10, 20))
    hessian_sizes = each(m=(50, 1000, 10000), d=(3, 10, 20))

    def draw(self, r: np.random.Generator, m: int, d: int) -> dict[str, Array]:
        return {"Y": r.standard_normal((m, d)), "x": r.standard_normal(d) / 2}

    def value(self, f: Any, Y: Array, x: Array) -> Array:
        return f.log(f.exp(-((Y - x)**2).sum(1) / 2).sum())

    def _kernels(self, Y: Array, x: Array) -> tuple[Array, Array]:
        D = Y - x
        k = np.einsum("ij,ij->i", D, D)
        k *= -0.5
        return D, np.exp(k, out=k)

    def gradient(self, Y: Array, x: Array) -> Array:
        return self.both(Y, x)[1]

    def hessian(self, Y: Array, x: Array) -> Array:
        D, k = self._kernels(Y, x)
        k /= k.sum()
        g = k @ D
        H = weighted_gram(D, k)
        H -= np.outer(g, g)
        add_to_diagonal(H, -1)
        return H

    def both(self, Y: Array, x: Array) -> tuple[float, Array]:
        D, k = self._kernels(Y, x)
        total = k.sum()
        g = k @ D
        g /= total
        return float(np.log(total)), g


# ---------------------------------------------------------------- signals
class TotalVariation(Problem):
    name = "total variation"
    text = "norm2sq(x - y) / 2 + c * sum(sqrt(square(x[1:] - x[:-1]) + e))"
    let = ("x: vector(n)", "y: vector(n)", "c: scalar", "e: scalar positive")
    wrt = "x"
    small = size(n=7)
    sizes = each(n=(20, 1000, 100000))
    hessian_sizes = each(n=(20, 200, 1000))

    def draw(self, r: np.random.Generator, n: int) -> dict[str, Array]:
        return {"x": r.standard_normal(n), "y": r.standard_normal(n), "c": 0.8, "e": 0.1}

    def differences(self, x: Array) -> Array:
        return x[1:] - x[:-1]

    def value(self, f: Any, x: Array, y: Array, c: Array, e: Array) -> Array:
        return ((x - y)**2).sum() / 2 + c * f.sqrt(self.differences(x)**2 + e).sum()

    def gradient(self, x: Array, y: Array, c: float, e: float) -> Array:
        return self.both(x, y, c, e)[1]

    def hessian(self, x: Array, y: Array, c: float, e: float) -> Array:
        n, d = len(x), self.differences(x)
        d *= d
        d += e
        d *= np.sqrt(d)
        np.divide(c * e, d, out=d)
        H = np.zeros((n, n))
        flat = H.ravel()
        flat[::n + 1] = 1
        flat[:-1:n + 1] += d
        flat[n + 1::n + 1] += d
        np.negative(d, out=d)
        flat[1::n + 1] = d
        flat[n::n + 1] = d
        return H

    def both(self, x: Array, y: Array, c: float, e: float) -> tuple[float, Array]:
        d, g = self.differences(x), x - y
        value = 0.5 * float(g @ g)
        s = d * d
        s += e
        np.sqrt(s, out=s)
        value += c * float(s.sum())
        d /= s
        d *= c
        g[1:] += d
        g[:-1] -= d
        return value, g


class TrendFiltering(TotalVariation):
    name = "trend filtering"
    text = "norm2sq(x - y) / 2 + c * sum(sqrt(square(x[2:] - 2 * x[1:-1] + x[:-2]) + e))"

    def differences(self, x: Array) -> Array:
        return x[2:] - 2 * x[1:-1] + x[:-2]

    def hessian(self, x: Array, y: Array, c: float, e: float) -> Array:
        n, d = len(x), self.differences(x)
        d *= d
        d += e
        d *= np.sqrt(d)
        np.divide(c * e, d, out=d)
        main, next_, third = np.ones(n), np.zeros(n - 1), d
        main[:-2] += d
        main[1:-1] += 4 * d
        main[2:] += d
        next_[:-1] -= 2 * d
        next_[1:] -= 2 * d
        H = np.zeros((n, n))
        flat = H.ravel()
        flat[::n + 1] = main
        flat[1::n + 1] = flat[n::n + 1] = next_
        flat[2:n * (n - 2):n + 1] = flat[2 * n::n + 1] = third
        return H

    def both(self, x: Array, y: Array, c: float, e: float) -> tuple[float, Array]:
        d, g = self.differences(x), x - y
        value = 0.5 * float(g @ g)
        s = d * d
        s += e
        np.sqrt(s, out=s)
        value += c * float(s.sum())
        d /= s
        d *= c
        g[2:] += d
        g[:-2] += d
        d *= 2
        g[1:-1] -= d
        return value, g


# ---------------------------------------------------------------- the expert, verified
def is_symmetric(problem: Problem) -> bool:
    """Whether the variable is symmetric: its derivatives are then taken among symmetric matrices."""
    declared = next(d for d in problem.let if d.startswith(f"{problem.wrt}:"))
    return "spd" in declared or "symmetric" in declared


def verify(problem: Problem, directions: int = 3) -> dict[str, float]:
    """The relative errors of the expert's gradient, of its value and gradient, and of its Hessian against central differences."""
    r = np.random.default_rng(0)
    arrays = problem.draw(r, **problem.small)
    point = np.asarray(arrays[problem.wrt])

    def along(way: Array, t: float) -> dict[str, Array]:
        return {**arrays, problem.wrt: point + t * way}

    worst = dict.fromkeys(("gradient", "both", "hessian") if problem.hessian_sizes else ("gradient", "both"), 0.0)
    gradient, (value, again) = problem.gradient(**arrays), problem.both(**arrays)
    worst["both"] = max(error(value, problem.value(NUMPY, **arrays)), error(again, gradient))
    for _ in range(directions):
        way = r.standard_normal(point.shape)
        if is_symmetric(problem):
            way = way + way.T
        h = 1e-5
        slope = (problem.value(NUMPY, **along(way, h)) - problem.value(NUMPY, **along(way, -h))) / (2 * h)
        worst["gradient"] = max(worst["gradient"], error(np.vdot(gradient, way), slope))
        if problem.hessian_sizes:
            bent = (problem.gradient(**along(way, h)) - problem.gradient(**along(way, -h))) / (2 * h)
            worst["hessian"] = max(worst["hessian"], error(np.tensordot(problem.hessian(**arrays), way, way.ndim), bent))
    return worst


def error(found: Any, expected: Any) -> float:
    """The largest difference, relative to the largest entry of what is expected; infinite if the shapes differ."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape:
        return float("inf")
    gap = float(np.abs(found - expected).max())
    return gap / max(float(np.abs(expected).max()), 1e-300) if gap == gap else float("inf")
