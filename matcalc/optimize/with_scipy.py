"""SciPy's minimisers, with the exact gradient, Hessian and Hessian-vector product. SciPy comes with the extra [opt]."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import NotSupported
from .constraints import Constraints, slopes, values
from .methods import End, Settings, Watch
from .objective import Array, Objective, Point

NAMES = {"bfgs": "BFGS", "l-bfgs-b": "L-BFGS-B", "lbfgs": "L-BFGS-B", "newton-cg": "Newton-CG", "trust-ncg": "trust-ncg",
         "trust-exact": "trust-exact", "slsqp": "SLSQP", "trust-constr": "trust-constr", "cg": "CG"}
SECOND = ("Newton-CG", "trust-ncg", "trust-exact")
STOPPED = {"BFGS": "gtol", "L-BFGS-B": "gtol", "CG": "gtol", "Newton-CG": "xtol", "trust-ncg": "gtol", "trust-exact": "gtol"}


def available() -> bool:
    try:
        import scipy.optimize  # noqa: F401
    except ImportError:
        return False
    return True


def run(method: str, f: Objective, p: Point, settings: Settings, watch: Watch, constraints: Constraints) -> End:
    """One of SciPy's methods, by its name there."""
    if not available():
        raise NotSupported(f"{method} is one of SciPy's methods, which is not installed", detail="pip install 'matcalc-symbolic[opt]', or "
                           "one of our own: gd, fixed, momentum, nesterov, adam, newton")
    from scipy import optimize

    count = 0

    def seen(x: Array, *_: Any) -> None:
        nonlocal count
        count += 1
        watch(count, f.at(np.asarray(x, dtype=float)))

    def value(x: Array) -> tuple[float, Array]:
        q = f.at(np.asarray(x, dtype=float))
        return q.value, np.nan_to_num(q.gradient, nan=0.0, posinf=0.0, neginf=0.0)

    options: dict[str, Any] = {"maxiter": min(settings.iterations, 10**6)}
    given: dict[str, Any] = {"jac": True, "method": method, "callback": seen}
    if method in STOPPED:
        options[STOPPED[method]] = settings.tolerance if method != "Newton-CG" else 1e-12
    if method == "L-BFGS-B":
        options |= {"ftol": 0.0, "maxfun": 10 * options["maxiter"]}
    if method == "SLSQP":
        options["ftol"] = min(settings.tolerance, 1e-6) ** 1.5
    if method == "trust-constr":
        options |= {"gtol": settings.tolerance, "xtol": 1e-12}
    if method in SECOND:
        given["hess" if method == "trust-exact" else "hessp"] = f.hessian if method == "trust-exact" else f.product
    if constraints.bounded:
        given["bounds"] = optimize.Bounds(constraints.lower, constraints.upper)
    if constraints.others:
        given["constraints"] = [_constraint(c, f) for c in constraints.others]
    with np.errstate(all="ignore"):
        found = optimize.minimize(value, p.x, options=options, **given)
    end = f.at(np.asarray(found.x, dtype=float))
    norm = _projected(end, constraints)
    converged = norm <= max(settings.tolerance, 1e-12) if not constraints.others else bool(found.success)
    told = converged and not constraints.others
    free = " where no bound holds" if constraints.bounded else ""
    reason = f"the gradient is at most {settings.tolerance:g}{free}" if told else str(found.message).rstrip(".")
    return End(end, int(getattr(found, "nit", count)), converged or (bool(found.success) and norm <= 1e-4 * max(1.0, p.norm)), reason)


def _constraint(c: Any, f: Objective) -> dict[str, Any]:
    sign = -1.0 if c.sign == "<=" else 1.0
    return {"type": "eq" if c.sign == "==" else "ineq", "fun": lambda x: sign * values(c, f, x), "jac": lambda x: sign * slopes(c, f, x)}


def _projected(p: Point, constraints: Constraints) -> float:
    """The largest entry of the gradient that is not held by a bound."""
    x, g = p.x, p.gradient
    held = ((x <= constraints.lower) & (g > 0)) | ((x >= constraints.upper) & (g < 0))
    return float(np.abs(np.where(held, 0.0, g)).max(initial=0.0))
