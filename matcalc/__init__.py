"""matcalc: matrix derivatives in closed form, checked before they are shown.

>>> import matcalc as mc
>>> print(mc.grad("x.T A x", wrt="x"))
(A + A.T) @ x
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import check, differential, evaluate, grad, hessian, hvp, jacobian, jvp, load_rules, parse, rules, simplify, vjp
    from .errors import (
        CheckFailed,
        DomainError,
        LimitError,
        MatcalcError,
        NotDifferentiable,
        NotSupported,
        ParseError,
        RuleError,
        ShapeError,
        UnknownName,
    )
    from .expr import Expr

__version__ = "0.1.0"
_ERRORS = ("MatcalcError", "ParseError", "ShapeError", "UnknownName", "DomainError", "RuleError", "NotSupported", "NotDifferentiable",
           "LimitError", "CheckFailed")
_VERBS = ("grad", "check", "jacobian", "hessian", "hvp", "differential", "jvp", "vjp", "simplify", "evaluate", "parse",
          "rules", "load_rules")
__all__ = [
    "CheckFailed", "DomainError", "Expr", "LimitError", "MatcalcError", "NotDifferentiable", "NotSupported", "ParseError",
    "RuleError", "ShapeError", "UnknownName", "check", "differential", "evaluate", "grad", "hessian", "hvp", "jacobian", "jvp",
    "load_rules", "parse", "rules", "simplify", "vjp",
]


def __getattr__(name: str) -> Any:
    """Import on first use: `import matcalc` itself costs nothing."""
    module = ".errors" if name in _ERRORS else ".api" if name in _VERBS else ".expr" if name == "Expr" else None
    if module is not None:
        from importlib import import_module

        return getattr(import_module(module, __name__), name)
    raise AttributeError(f"module 'matcalc' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
