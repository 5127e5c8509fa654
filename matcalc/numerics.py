"""Values of functions that neither NumPy nor the standard library has; named in rules/ like those that they have."""

from __future__ import annotations

from typing import Any


def adjugate(x: Any) -> Any:
    """The adjugate of a square matrix, also of a singular one: U diag(products of the other singular values) V', times det(U V').

    Source: Stewart (1998), On the adjugate matrix, Linear Algebra and its Applications 283.
    """
    import numpy as np

    u, s, vt = np.linalg.svd(x)
    others = np.array([np.prod(np.delete(s, i)) for i in range(len(s))])
    return np.linalg.det(u) * np.linalg.det(vt) * (vt.T * others) @ u.T


def eigmax(x: Any) -> Any:
    """The largest eigenvalue of a symmetric matrix."""
    import numpy as np

    return np.linalg.eigvalsh(x)[-1]
