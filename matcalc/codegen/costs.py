"""What an operation costs, in seconds on one core: enough to order products, no more."""

from __future__ import annotations

MULTIPLY = 4e-11  # one multiplication and addition within a product of matrices
STREAM = 1.5e-10  # one entry of a matrix that is read once, as in a product with a vector
FORM = 6e-10  # one entry of a matrix that is computed and written
CALL = 7e-7  # of a function of NumPy, before it does anything


def product_cost(m: int, k: int, n: int, diagonal: bool = False) -> float:
    """Of an m x k matrix times a k x n matrix."""
    if diagonal:
        return CALL + FORM * m * n
    return CALL + MULTIPLY * m * k * n + STREAM * (m * k + k * n) + FORM * m * n / 2
