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

from ..knowledge import known
from .arrays import (
    broadcast_to,
    clip,
    diff,
    exp2,
    expand_dims,
    flip,
    hstack,
    inner,
    log2,
    log10,
    logaddexp,
    multi_dot,
    prod,
    ravel,
    reciprocal,
    slogdet,
    solve,
    squeeze,
    std,
    swapaxes,
    var,
    vdot,
    vstack,
)
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
from .index_sums import einsum
from .methods import add_methods
from .transforms import choose_mode, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .variable import Variable, no_grad

__all__ = [
    "Variable", "argmaxmask", "broadcast_to", "choose_mode", "clip", "concatenate", "cumsum", "diag", "diagv", "diff", "dot",
    "einsum", "exp2", "expand_dims", "flip", "grad", "hessian", "hstack", "hvp", "inner", "jacobian", "jvp", "kron", "log2", "log10",
    "logaddexp", "logsumexp", "matmul", "max", "mean", "min", "mpow", "multi_dot", "no_grad", "norm", "nuclear", "outer", "polygamma",
    "prod", "ravel", "reciprocal", "reshape", "slogdet", "softmax", "solve", "squeeze", "stack", "std", "sum", "swapaxes", "tr",
    "trace", "transpose", "value_and_grad", "var", "vdot", "vec", "vjp", "vstack", "where",
]


def _of_rules() -> set[str]:
    """The functions that are made from rules/ when they are asked for."""
    return {name for name, overloads in known().functions.items() if "written_out" not in overloads[0].table}


__all__ += sorted(_of_rules() - {*__all__})
add_methods(_of_rules())


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
    return sorted({*__all__, *_of_rules()})
