"""Matrices of integers modulo the prime 2^61 - 1, as lists of rows."""

from __future__ import annotations

from operator import mul

from .evidence import Redraw

P = (1 << 61) - 1
HALF = (P + 1) // 2  # 1/2
Matrix = list[list[int]]


def matmul(a: Matrix, b: Matrix) -> Matrix:
    columns = list(zip(*b, strict=False))
    return [[sum(map(mul, row, column)) % P for column in columns] for row in a]


def add(a: Matrix, b: Matrix) -> Matrix:
    return [[(x + y) % P for x, y in zip(r, s, strict=False)] for r, s in zip(a, b, strict=False)]


def subtract(a: Matrix, b: Matrix) -> Matrix:
    return [[(x - y) % P for x, y in zip(r, s, strict=False)] for r, s in zip(a, b, strict=False)]


def negate(a: Matrix) -> Matrix:
    return [[-x % P for x in row] for row in a]


def scale(a: Matrix, c: int) -> Matrix:
    return [[x * c % P for x in row] for row in a]


def hadamard(a: Matrix, b: Matrix) -> Matrix:
    return [[x * y % P for x, y in zip(r, s, strict=False)] for r, s in zip(a, b, strict=False)]


def transpose(a: Matrix) -> Matrix:
    return [list(column) for column in zip(*a, strict=False)]


def inner(a: Matrix, b: Matrix) -> int:
    """<A, B>, the sum of the products of entries."""
    return sum(sum(map(mul, r, s)) for r, s in zip(a, b, strict=False)) % P


def trace(a: Matrix) -> int:
    return sum(a[i][i] for i in range(len(a))) % P


def identity(n: int) -> Matrix:
    return [[int(i == j) for j in range(n)] for i in range(n)]


def full(m: int, n: int, value: int) -> Matrix:
    return [[value] * n for _ in range(m)]


def reciprocal(a: int) -> int:
    if not a:
        raise Redraw("a division by zero")
    return pow(a, -1, P)


def inverse(a: Matrix) -> tuple[Matrix, int]:
    """The inverse and the determinant, by elimination; Redraw if the matrix is singular."""
    n = len(a)
    rows = [row + [int(i == j) for j in range(n)] for i, row in enumerate(a)]
    det = 1
    for k in range(n):
        pivot = next((i for i in range(k, n) if rows[i][k]), None)
        if pivot is None:
            raise Redraw("a singular matrix")
        if pivot != k:
            rows[k], rows[pivot] = rows[pivot], rows[k]
            det = -det
        lead = rows[k][k]
        det = det * lead % P
        factor = pow(lead, -1, P)
        top = rows[k] = [x * factor % P for x in rows[k]]
        for i in range(n):
            c = rows[i][k]
            if i != k and c:
                rows[i] = [(x - c * y) % P for x, y in zip(rows[i], top, strict=False)]
    return [row[n:] for row in rows], det % P


def square_root(a: int) -> int:
    """The root that is itself a square, as a positive number's is: products of such roots are such roots again."""
    root = pow(a, (P + 1) // 4, P)
    if root * root % P != a:
        raise Redraw("a number that is not a square")
    return root


def character(a: int) -> int:
    """1 for a square, -1 for the others, 0 for 0: multiplicative, and -1 at -1, as the sign of a real number is."""
    return 0 if not a else 1 if pow(a, (P - 1) // 2, P) == 1 else -1


_MASK = (1 << 64) - 1


def mix(*parts: int) -> int:
    """A generic residue that depends on `parts` alone (splitmix64): the value of a function known by its derivative only."""
    state = 0x243F6A8885A308D3
    for part in parts:
        state = (state ^ part) + 0x9E3779B97F4A7C15 & _MASK
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state % P


class Stream:
    """A reproducible stream of random numbers, without the cost of importing one."""

    def __init__(self, *key: int) -> None:
        self.state = mix(*key)

    def residue(self) -> int:
        """Uniform in 1 .. P - 1."""
        self.state = state = self.state + 0x9E3779B97F4A7C15 & _MASK
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _MASK
        return (state ^ state >> 31) % (P - 1) + 1

    def uniform(self) -> float:
        """Uniform in 0 .. 1."""
        return self.residue() / P

    def below(self, n: int) -> int:
        return self.residue() % n
