"""What SymPy has no name for: matrix expressions of ours that `.doit()` evaluates once their arguments are explicit.

rules/ names them `matcalc.NAME`.
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions.arrayexpr_derivatives import array_derive


def _argument(e: Any, hints: dict[str, Any]) -> Any:
    return e.doit(**hints) if hints.get("deep", True) else e


class _OfMatrix(sympy.MatrixExpr):  # type: ignore[misc]
    """A matrix made of one matrix; a subclass says its shape and its value."""

    arg = property(lambda self: self.args[0])

    @property
    def shape(self) -> tuple[Any, Any]:
        rows, columns = self.arg.shape
        return rows, columns

    def _value(self, matrix: Any) -> Any:
        raise NotImplementedError

    def doit(self, **hints: Any) -> Any:
        arg = _argument(self.arg, hints)
        return sympy.ImmutableMatrix(self._value(arg)) if isinstance(arg, sympy.MatrixBase) else self.func(arg)

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return MatrixElement(self, i, j)


class Vec(_OfMatrix):
    """The columns, stacked."""

    @property
    def shape(self) -> tuple[Any, Any]:
        return self.arg.shape[0] * self.arg.shape[1], sympy.S.One

    def _value(self, matrix: Any) -> Any:
        return matrix.vec()


class RowMax(_OfMatrix):
    """The largest entry of each row, as a column."""

    @property
    def shape(self) -> tuple[Any, Any]:
        return self.arg.shape[0], sympy.S.One

    def _value(self, matrix: Any) -> Any:
        return [sympy.Max(*matrix.row(i)) for i in range(matrix.rows)]


class PseudoInverse(_OfMatrix):
    """The Moore-Penrose inverse."""

    @property
    def shape(self) -> tuple[Any, Any]:
        return self.arg.shape[1], self.arg.shape[0]

    def _value(self, matrix: Any) -> Any:
        return matrix.pinv()


class MatrixExponential(_OfMatrix):
    """I + X + X**2 / 2 + ..."""

    def _value(self, matrix: Any) -> Any:
        if not matrix.has(sympy.Float):
            return matrix.exp()
        # the Jordan form, by which SymPy computes, means nothing for rounded entries
        from mpmath import expm  # type: ignore[import-untyped]

        return expm(matrix).tolist()


class MatrixLogarithm(_OfMatrix):
    """The principal logarithm of a matrix."""

    def _value(self, matrix: Any) -> Any:
        if not matrix.has(sympy.Float):
            return matrix.log()
        from mpmath import logm

        return logm(matrix).tolist()


class Adjugate(_OfMatrix):
    """The transposed matrix of cofactors; det(X) * inv(X) has no value where X is singular."""

    def _value(self, matrix: Any) -> Any:
        return matrix.adjugate()


class CholeskyFactor(_OfMatrix):
    """The lower factor L of L @ L.T."""

    def _value(self, matrix: Any) -> Any:
        return ((matrix + matrix.T) / 2).cholesky(hermitian=False)  # rounded entries need not be exactly symmetric


class SquareRoot(sympy.MatPow):  # type: ignore[misc]
    """The principal X**(1/2), which SymPy has, but cannot work out for rounded entries."""

    def __new__(cls, base: Any, exponent: Any = sympy.S.Half) -> Any:
        return super().__new__(cls, base, exponent)

    def doit(self, **hints: Any) -> Any:
        base = _argument(self.base, hints)
        if not isinstance(base, sympy.MatrixBase) or not base.has(sympy.Float):
            return sympy.MatPow(base, self.exp).doit(**hints) if isinstance(base, sympy.MatrixBase) else self.func(base)
        from mpmath import sqrtm

        return sympy.ImmutableMatrix(sqrtm(base).tolist())


def LowerTriangle(e: Any) -> Any:
    """The entries on and below the diagonal, where i - j >= 0."""
    return sympy.HadamardProduct(e, _mask(e.shape, 1))


def UpperTriangle(e: Any) -> Any:
    return sympy.HadamardProduct(e, _mask(e.shape, -1))


def _mask(shape: tuple[Any, Any], sign: int) -> Any:
    i, j = bound("i", 2)
    return sympy.FunctionMatrix(*shape, sympy.Lambda((i, j), sympy.Heaviside(sign * (i - j), 1)))


def Commutation(m: Any, n: Any) -> Any:
    """K with K vec(A) = vec(A.T) for A m x n: entry r of vec(A.T) is A[r // n, r % n], which is entry r // n + m * (r % n) of vec(A)."""
    i, j = bound("i", 2)
    return sympy.FunctionMatrix(m * n, m * n, sympy.Lambda((i, j), sympy.KroneckerDelta(j, sympy.floor(i / n) + m * sympy.Mod(i, n))))


def bound(letter: str, count: int) -> list[Any]:
    """Names that no symbol of a user can be, the same in every expression: equal expressions compare equal."""
    names = [letter] if count == 1 else [f"{letter}{i}" for i in range(1, count + 1)]
    return [sympy.Dummy(name, dummy_index=i, integer=True if letter == "i" else None) for i, name in enumerate(names, 1)]


class Largest(sympy.Expr):  # type: ignore[misc]
    """The largest entry of a matrix."""

    arg = property(lambda self: self.args[0])
    is_commutative = True

    def __new__(cls, arg: Any) -> Any:
        return super().__new__(cls, arg) if arg.is_Matrix else arg  # a number is the largest of itself

    def doit(self, **hints: Any) -> Any:
        arg = _argument(self.arg, hints)
        return sympy.Max(*arg) if isinstance(arg, sympy.MatrixBase) else self.func(arg)


class Entrywise(sympy.MatrixExpr):  # type: ignore[misc]
    """A function of several numbers, at each entry of as many matrices: Entrywise(Lambda((s, t), Max(s, t)), A, B)."""

    function = property(lambda self: self.args[0])

    @property
    def shape(self) -> tuple[Any, Any]:
        rows, columns = self.args[1].shape
        return rows, columns

    def doit(self, **hints: Any) -> Any:
        matrices = [_argument(a, hints) for a in self.args[1:]]
        if not all(isinstance(m, sympy.MatrixBase) for m in matrices):
            return self.func(self.function, *matrices)
        return sympy.ImmutableMatrix(*matrices[0].shape, [self.function(*entries) for entries in zip(*matrices, strict=True)])

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return self.function(*[m[i, j] for m in self.args[1:]])


def _refuse(e: Any, x: Any) -> Any:
    raise NotImplementedError(f"SymPy has no derivative of {type(e).__name__}; matcalc has: mc.grad(f, {x})")


for kind in (_OfMatrix, Largest, Entrywise):  # for what it does not know, SymPy answers 0
    array_derive.register(kind, _refuse)


class LargestEigenvalue(sympy.Expr):  # type: ignore[misc]
    """The largest eigenvalue of a symmetric matrix."""

    is_commutative = True
    arg = property(lambda self: self.args[0])

    def doit(self, **hints: Any) -> Any:
        arg = _argument(self.arg, hints)
        if not isinstance(arg, sympy.MatrixBase):
            return self.func(arg)
        if arg.has(sympy.Float):
            from mpmath import eigsy, matrix

            return sympy.Float(max(eigsy(matrix(arg.tolist()), eigvals_only=True)))
        return sympy.Max(*arg.eigenvals())
