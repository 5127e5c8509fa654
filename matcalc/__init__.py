"""matcalc: matrix derivatives in closed form, checked before they are shown.

>>> import matcalc as mc
>>> print(mc.grad("x.T A x", wrt="x"))
(A + A.T) @ x
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import check, differential, evaluate, grad, hessian, hvp, jacobian, jvp, load_rules, parse, rules, simplify, vjp
    from .autograd.tracing import from_function
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
    from .gradient_checks import gradcheck
    from .optimize.minimizer import minimize

__version__ = "0.1.0"
_ERRORS = ("MatcalcError", "ParseError", "ShapeError", "UnknownName", "DomainError", "RuleError", "NotSupported", "NotDifferentiable",
           "LimitError", "CheckFailed")
_VERBS = ("grad", "value_and_grad", "check", "jacobian", "hessian", "hvp", "differential", "jvp", "vjp", "simplify", "evaluate", "parse",
          "rules", "load_rules")
_ELSEWHERE = {"Expr": ".expr", "gradcheck": ".gradient_checks", "minimize": ".optimize.minimizer",
              "from_function": ".autograd.tracing"}
SYNONYMS = {"gradient": "grad", "derivative": "grad", "diff": "grad", "derive": "grad", "hess": "hessian", "jac": "jacobian"}
__all__ = [
    "CheckFailed", "DomainError", "Expr", "LimitError", "MatcalcError", "NotDifferentiable", "NotSupported", "ParseError",
    "RuleError", "ShapeError", "UnknownName", "check", "differential", "evaluate", "from_function", "grad", "gradcheck", "hessian",
    "hvp", "jacobian", "jvp", "load_rules", "minimize", "parse", "rules", "simplify", "value_and_grad", "vjp",
]


def __getattr__(name: str) -> Any:
    """Import on first use: `import matcalc` itself costs nothing."""
    module = ".errors" if name in _ERRORS else ".api" if name in _VERBS else _ELSEWHERE.get(name)
    if module is not None:
        from importlib import import_module

        return getattr(import_module(module, __name__), name)
    meant = f"; did you mean mc.{SYNONYMS[name]}?" if name in SYNONYMS else ""
    raise AttributeError(f"module 'matcalc' has no attribute {name!r}{meant}")


def __dir__() -> list[str]:
    return sorted(__all__)
