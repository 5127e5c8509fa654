"""SciPy's minimisers, with the exact gradient, Hessian and Hessian-vector product. SciPy comes with the extra [opt]."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import NotSupported
from .constraints import Constraints, projected, slopes, values
from .methods import End, Settings, Watch
from .objective import Objective, Point
from .plan import Array

NAMES = {"bfgs": "BFGS", "l-bfgs-b": "L-BFGS-B", "lbfgs": "L-BFGS-B", "newton-cg": "Newton-CG", "trust-ncg": "trust-ncg",
         "trust-exact": "trust-exact", "slsqp": "SLSQP", "trust-constr": "trust-constr", "cg": "CG"}
SECOND = ("Newton-CG", "trust-ncg", "trust-exact")
STOPPED = {"BFGS": "gtol", "L-BFGS-B": "gtol", "CG": "gtol", "Newton-CG": "xtol", "trust-ncg": "gtol", "trust-exact": "gtol"}


FALLEN, FAR = 1e12, 1e8  # below the value at the start, and away from it: there is no minimum on that way
WORDS = {
    "positive directional derivative": "its line search found no way down: rounding, a kink, or constraints that contradict each other",
    "inequality constraints incompatible": "no point near the last one meets all constraints: do they contradict each other?",
    "singular matrix": "the constraints repeat or contradict each other",
    "more equality constraints": "there are more equations than entries of the variables",
    "iteration limit": "the iterations were not enough", "maximum number of iterations": "the iterations were not enough",
    "maximum number of function evaluations": "the evaluations were not enough", "exceeds limit": "the iterations were not enough",
    "precision loss": "no shorter step goes down: rounding, or a kink", "abnormal": "no shorter step goes down: rounding, or a kink",
    "bad approximation": "its model of the objective was no good there: another method may do",
    "optimization terminated": "its own test was met", "convergence": "its own test was met",
    "xtol": "its steps became too short to matter", "gtol": "its own test was met",
}


def available() -> bool:
    try:
        import scipy.optimize  # noqa: F401
    except ImportError:
        return False
    return True


def run(method: str, f: Objective, p: Point, settings: Settings, watch: Watch, constraints: Constraints) -> End:
    """One of SciPy's methods, by its name there."""
    if not available():
        ours = "" if constraints.any else ", or one of our own: gd, fixed, momentum, nesterov, adam, newton"
        raise NotSupported(f"{method} is one of SciPy's methods, which is not installed",
                           detail=f"pip install 'matcalc-symbolic[opt]'{ours}")
    from scipy import optimize

    count, endless = 0, False
    far = FAR * max(1.0, float(np.abs(p.x).max(initial=0.0)))

    def seen(x: Array, *_: Any) -> None:
        nonlocal count, endless
        count += 1
        q = f.at(np.array(x, dtype=float))
        watch(count, q)
        if q.value < p.value - FALLEN * max(1.0, abs(p.value)) and np.abs(q.x).max(initial=0.0) > far:
            endless = True
            raise StopIteration

    def slope(x: Array) -> Array:
        g = f.at(x).gradient
        # where the sum of squares is finite all entries are
        return g if math.isfinite(g.dot(g)) else np.nan_to_num(g, nan=0.0, posinf=0.0, neginf=0.0)

    options: dict[str, Any] = {"maxiter": min(settings.iterations, 10**6)}
    given: dict[str, Any] = {"jac": slope, "method": method, "callback": seen}
    if method in STOPPED:
        options[STOPPED[method]] = settings.tolerance if method != "Newton-CG" else 1e-12
    if method == "L-BFGS-B":
        options |= {"ftol": 0.0, "maxfun": 2 * options["maxiter"]}
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
        found = optimize.minimize(f.value, p.x, options=options, **given)
    end = f.at(np.array(found.x, dtype=float))
    norm = projected(end, constraints)
    converged = norm <= max(settings.tolerance, 1e-12) if not constraints.others else bool(found.success)
    if endless:
        return End(end, count, False, "the objective falls without bound")
    free = " where no bound holds" if constraints.bounded else ""
    reason = f"the gradient is at most {settings.tolerance:g}{free}" if converged and not constraints.others else _said(str(found.message))
    return End(end, int(getattr(found, "nit", count)), converged or (bool(found.success) and norm <= 1e-4 * max(1.0, p.norm)), reason)


def _said(message: str) -> str:
    """Why SciPy stopped, in our words where we have some."""
    return next((ours for theirs, ours in WORDS.items() if theirs in message.lower()), f"SciPy says: {message.rstrip('.')}")


def _constraint(c: Any, f: Objective) -> dict[str, Any]:
    sign = -1.0 if c.sign == "<=" else 1.0
    return {"type": "eq" if c.sign == "==" else "ineq", "fun": lambda x: sign * values(c, f, x), "jac": lambda x: sign * slopes(c, f, x)}
