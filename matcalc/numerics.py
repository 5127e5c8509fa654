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


def adjugate_slope(x: Any, e: Any) -> Any:
    """How the adjugate changes along e, also at a singular matrix: between singular vectors it is a sum of products of the others."""
    import numpy as np

    u, s, vt = np.linalg.svd(x)
    n = len(s)
    others = np.array([[np.prod(np.delete(s, [i, j])) if i != j else 0.0 for j in range(n)] for i in range(n)])
    inner = u.T @ e @ vt.T
    found = -others * inner
    found[np.diag_indices(n)] = others @ np.diag(inner)
    return np.linalg.det(u) * np.linalg.det(vt) * vt.T @ found @ u.T


def eigmax(x: Any) -> Any:
    """The largest eigenvalue of a symmetric matrix."""
    import numpy as np

    return np.linalg.eigvalsh(x)[-1]


def eigmax_projector(x: Any) -> Any:
    """v v' for the eigenvector v of the largest eigenvalue of a symmetric matrix."""
    import numpy as np

    v = np.linalg.eigh(x)[1][:, -1:]
    return v @ v.T


def nuclear(x: Any) -> Any:
    """The sum of the singular values."""
    import numpy as np

    return np.linalg.svd(x, compute_uv=False).sum()


def spectral(x: Any) -> Any:
    """The largest singular value."""
    import numpy as np

    return np.linalg.norm(x, 2)
