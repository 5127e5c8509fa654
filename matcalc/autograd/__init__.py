"""Automatic differentiation in numbers, from the same rules as the formulas: Variables, gradients of Python functions, both modes.

>>> from matcalc.autograd import Variable, tanh
>>> W, x = Variable([[1.0, 2.0], [3.0, 4.0]]), [0.1, 0.2]
>>> loss = (tanh(W @ x) ** 2).sum()
>>> loss.backward()
>>> W.grad.shape
(2, 2)
"""

from __future__ import annotations

from typing import Any

from .functions import (
    argmaxmask,
    concatenate,
    cumsum,
    diag,
    diagv,
    dot,
    kron,
    logsumexp,
    made,
    matmul,
    max,
    mean,
    min,
    mpow,
    norm,
    nuclear,
    outer,
    polygamma,
    reshape,
    softmax,
    stack,
    sum,
    tr,
    trace,
    transpose,
    vec,
    where,
)
from .transforms import choose_mode, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .variable import Variable, no_grad

__all__ = [
    "Variable", "argmaxmask", "choose_mode", "concatenate", "cumsum", "diag", "diagv", "dot", "grad", "hessian", "hvp", "jacobian", "jvp",
    "kron", "logsumexp", "matmul", "max", "mean", "min", "mpow", "no_grad", "norm", "nuclear", "outer", "polygamma", "reshape", "softmax",
    "stack", "sum", "tr", "trace", "transpose", "value_and_grad", "vec", "vjp", "where",
]


def __getattr__(name: str) -> Any:
    """Every other function of rules/: tanh, exp, inv, logdet ..."""
    if name.startswith("_"):
        raise AttributeError(name)
    from ..errors import UnknownName

    try:
        return made(name)
    except UnknownName as error:
        raise AttributeError(str(error).splitlines()[0]) from None


def __dir__() -> list[str]:
    from ..knowledge import known

    return sorted({*__all__, *(n for n, f in known().functions.items() if "written_out" not in f[0].table)})
