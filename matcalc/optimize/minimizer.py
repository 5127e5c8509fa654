"""`mc.minimize`: which method, from where, and what is to be said of the point where it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np

from ..asking import as_text, asked
from ..errors import DomainError, Fix, Request, nearest
from ..expr import symbols
from . import alternating, with_scipy
from . import constraints as limits
from .methods import METHODS, End, Settings
from .objective import Objective, Point, structured
from .plan import Array

OURS = tuple(METHODS)
SCIPYS = ("bfgs", "l-bfgs-b", "newton-cg", "trust-ncg", "trust-exact", "slsqp", "trust-constr", "cg")
CHOICES = ("auto", "closed-form", *OURS, "alternating", *SCIPYS)
NEWTON_SIZE = 200  # entries up to which Newton's method is chosen
KEPT = 50  # entries up to which the path itself is kept
JUDGED = 400  # entries up to which the Hessian at the end is looked at
FAR, UNSURE = 1e-2, 1e-5  # lengths of Newton's next step, relative to x, at which it is no minimum, or a doubtful one
SPECTRAL = 30  # entries up to which the smallest eigenvalue is told
STEEP = 1e8  # a gradient so many times that at the start
MISSED, LEFT = 1e-6, 1e-5  # by which a constraint may be missed, and what may be left of the gradient, both relative
FLAT = 1e-9  # an eigenvalue this small, relative to the largest, is no curvature


class Visited(NamedTuple):
    """One iteration: the value, the largest entry of the gradient, and the variables where they are few."""

    iteration: int
    value: float
    gradient_norm: float
    x: Array | None


@dataclass(frozen=True)
class Minimum:
    """Where a minimisation ended, and what is known of that point."""

    x: dict[str, Any]
    value: float
    gradient_norm: float
    iterations: int
    evaluations: int
    converged: bool
    reason: str
    method: str
    kind: str  # minimum, saddle, maximum, flat, or unknown
    curvature: str  # what the Hessian there says, in words
    closed_form: str = ""
    start: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    history: list[Visited] = field(default_factory=list, repr=False)
    constrained: bool = False

    def __str__(self) -> str:
        lines = [f"{name} = {shown(value)}" for name, value in self.x.items()]
        if self.closed_form:
            lines.append(f"closed form: {self.closed_form}")
        lines.append(f"value: {self.value:.10g}")
        return "\n".join(lines)

    @property
    def report(self) -> str:
        """Why it stopped, and what kind of point it is."""
        slope = "what the constraints leave of the gradient" if self.constrained else "gradient"
        work = f"{self.method}: {_count(self.iterations, 'iteration')}, {_count(self.evaluations, 'evaluation')}, {slope} at most "
        work += f"{self.gradient_norm:.1e}"
        end = ("converged: " if self.converged else "not converged: ") + self.reason
        return "\n".join([work, end, *([self.curvature] if self.curvature else []), *self.notes])


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def shown(value: Any) -> str:
    """Numbers as people write them; of a large array the corners."""
    if isinstance(value, float):
        return f"{value:.10g}"
    with np.printoptions(precision=8, suppress=bool(np.abs(value).max(initial=0) < 1e6), threshold=60, linewidth=110):
        return np.array2string(np.asarray(value) + 0.0, separator=", ")


def minimize(f: Any, over: Any = None, start: Mapping[str, Any] | None = None, data: Mapping[str, Any] | None = None, *,
             method: str = "auto", let: Sequence[str] = (), subject_to: Sequence[str] = (), tolerance: float = 1e-8,
             iterations: int | None = None, rate: float | None = None, momentum: float = 0.9, syntax: str = "auto",
             rules: Sequence[str] = (), seed: int = 0, progress: Callable[[int, float, float], None] | None = None) -> Minimum:
    """Minimise a scalar expression over some of its variables, by its exact gradient and Hessian.

    over: a variable, or several in a list; may be left out where there is only one that has no data.
    start, data: arrays by name. A variable without a start begins at zeros where its size is known from the data.
    method: auto; closed-form; ours: gd (backtracking), fixed, momentum, nesterov, adam, newton, alternating (one variable after the other);
    SciPy's: bfgs, cg, l-bfgs-b, newton-cg, trust-ncg, trust-exact, and slsqp, trust-constr under constraints.
    subject_to: "x >= 0", "sum(x) == 1", "A @ x <= b".     tolerance: of the largest entry of the gradient.
    progress: called as progress(iteration, value, gradient_norm).

    >>> import matcalc as mc
    >>> m = mc.minimize("(1 - x[0])**2 + 100 * (x[1] - x[0]**2)**2", over="x", start={"x": [-1.2, 1]}, method="newton")
    >>> m.x["x"].round(8).tolist(), m.kind
    ([1.0, 1.0], 'minimum')

    Errors: MatcalcError, with a cause and a fix.
    """
    numbers = {"tolerance": tolerance, "rate": rate, "momentum": momentum}
    _refuse_values(start, data, method, subject_to, numbers, iterations, seed, progress)
    method = method.lower()
    if callable(f):
        raise DomainError("the objective is an expression, not a Python function", detail="mc.from_function reads the expression off a "
                          "function of Variables: f = mc.from_function(function, x=...), then mc.minimize(f, ...)")
    names, text = _asked_over(f, over, data or {}, let, syntax)
    request = Request("minimize", text, tuple(names), tuple(let))
    with asked(request):
        if method not in CHOICES and method not in with_scipy.NAMES:
            raise DomainError(f"there is no method '{method}'", detail=f"methods: {', '.join(CHOICES)}",
                              fixes=[Fix(options=(("method", nearest(method, set(CHOICES)) or "auto"),))])
        question = {"f": f, "let": let, "syntax": syntax, "rules": rules, "seed": seed}
        names, begin = _components(names, start or {})
        texts = [subject_to] if isinstance(subject_to, str) else list(subject_to)
        problem = Objective(question, names, data or {}, begin, also=limits.words(texts))
        constraints = limits.read(texts, problem, data or {})
        settings = Settings(tolerance, iterations or 0, rate, momentum)
        with np.errstate(all="ignore"):
            return _Run(problem, constraints, settings, method, seed, progress).result()


def _refuse_values(start: Any, data: Any, method: Any, subject_to: Any, numbers: Mapping[str, Any], iterations: Any, seed: Any,
                   progress: Any) -> None:
    """Options of another kind than they should be."""
    for name, given in (("start", start), ("data", data)):
        if not isinstance(given, Mapping | None) or not all(isinstance(n, str) for n in given or ()):
            raise DomainError(f"{name} is given by name, as a dict", fixes=[Fix(say=f'{name}={{"x": [1.0, 2.0]}}')])
    if not isinstance(method, str):
        raise DomainError(f"method is one of {', '.join(CHOICES)}; not {method!r}")
    if not isinstance(subject_to, str | list | tuple) or not all(isinstance(t, str) for t in subject_to):
        raise DomainError("constraints are text", fixes=[Fix(say='subject_to=["x >= 0"]')])
    for name, number in numbers.items():
        if number is None and name == "rate":
            continue
        if not isinstance(number, Real) or not (0 <= float(number) < 1 if name == "momentum" else 0 < float(number) < np.inf):
            raise DomainError(f"{name} is a number {'from 0 to below 1' if name == 'momentum' else 'above 0'}, not {number!r}")
    if iterations is not None and (not isinstance(iterations, Integral) or iterations < 0):
        raise DomainError(f"iterations is a whole number, not {iterations!r}")
    if not isinstance(seed, Integral) or seed < 0:
        raise DomainError(f"seed is a whole number, not {seed!r}")
    if progress is not None and not callable(progress):
        raise DomainError("progress is a function of (iteration, value, gradient_norm)")


def _patience(method: str) -> int:
    return {"newton": 1_000, "trust-exact": 2_000, "slsqp": 2_000}.get(method, 100_000)


def _asked_over(f: Any, over: Any, data: Mapping[str, Any], let: Sequence[str], syntax: str) -> tuple[list[str], str]:
    text, _, _ = as_text(f, let)
    if over is None:
        import matcalc as mc

        from ..expr import symbols

        free = [n for n in symbols(mc.parse(f, let=let, syntax=syntax)) if n not in data]
        if len(free) != 1:
            example = free[0] if free else "x"
            raise DomainError("which variable is to be found?" if free else "every variable has data; nothing is left to be found",
                              detail=f"without data: {', '.join(free) or 'none'}", fixes=[Fix(options=(("over", example),))])
        return free, text
    names = [over] if isinstance(over, str) else [str(n) for n in over] if isinstance(over, list | tuple) else [str(over)]
    if len(set(names)) < len(names):
        raise DomainError("over names a variable twice", fixes=[Fix(wrt=tuple(dict.fromkeys(names)))])
    both = [n for n in names if n in data]
    if both:
        raise DomainError(f"{both[0]} has data, and is to be found", detail="where it begins is its start")
    if not names:
        raise DomainError("over names the variables to be found", fixes=[Fix(options=(("over", "x"),))])
    return names, text


def _components(names: list[str], start: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    unknown = [n for n in start if n not in names]
    if unknown:
        raise DomainError(f"{unknown[0]} has a start, and is not minimised over", fixes=[Fix(options=(("over", unknown[0]),))])
    return names, dict(start)


class _Run:
    """One minimisation."""

    def __init__(self, f: Objective, constraints: limits.Constraints, settings: Settings, method: str, seed: int,
                 progress: Callable[[int, float, float], None] | None) -> None:
        self.f, self.constraints, self.settings, self.method, self.progress = f, constraints, settings, method, progress
        self.seed = seed
        self.left: float | None = None  # what the constraints leave of the gradient
        self.history: list[Visited] = []
        self.notes: list[str] = []

    def result(self) -> Minimum:
        form = self._closed_form()
        if form is not None:
            return form
        if self.method == "closed-form":
            raise DomainError("there is no closed form: the gradient is not affine in the variable" if not self.constraints.any else
                              "there is no closed form under constraints", fixes=[Fix(options=(("method", "auto"),))])
        p = self._start()
        if self.f.formulas.kinks:
            self.notes.append(f"the objective has kinks ({'; '.join(self.f.formulas.kinks)}); steps for smooth functions may end beside "
                              "a minimum that lies on one")
        self._watch(0, p)
        method = self._chosen()
        if not self.settings.iterations:
            self.settings = self.settings._replace(iterations=_patience(method))
        if method == "alternating":
            end = alternating.run(self.f, p, self.settings, self._watch, self.constraints)
        elif method in METHODS:
            end = METHODS[method](self.f, p, self.settings, self._watch)
        else:
            end = with_scipy.run(with_scipy.NAMES.get(method, method), self.f, p, self.settings, self._watch, self.constraints)
        return self._told(p, end, method)

    # ------------------------------------------------------------ where and how
    def _start(self) -> Point:
        f = self.f
        x = np.clip(f.start, self.constraints.lower, self.constraints.upper)
        p = f.at(x)
        usable = np.isfinite(p.value) and np.isfinite(p.gradient).all()
        if f.started and (not usable or p.norm == 0):
            drawn = f.split(np.random.default_rng(self.seed).uniform(0.1, 1.0, f.size))
            fresh = [structured(s, drawn[s.name]) + (np.eye(len(drawn[s.name])) if s.name in f.definite else 0) if s.name in f.started
                     else f.split(x)[s.name] for s in f.symbols]
            x = np.clip(np.concatenate([a.ravel() for a in fresh]), self.constraints.lower, self.constraints.upper)
            p = f.at(x)
            usable = np.isfinite(p.value) and np.isfinite(p.gradient).all()
            self.notes.append(f"start of {', '.join(f.started)}: random numbers between 0.1 and 1, for zeros will not do")
        elif f.started:
            self.notes.append("; ".join(f"start of {n}: {'the identity' if n in f.definite else 'zeros'}" for n in f.started))
        if not usable:
            what = "the objective" if not np.isfinite(p.value) else "its gradient"
            raise DomainError(f"{what} is not finite at the start", detail="start where it has a value, as at positive numbers for log",
                              fixes=[Fix(options=(("start", f"{f.over[0]}=..."),))])
        return p

    def _chosen(self) -> str:
        if self.method != "auto":
            if self.method == "alternating":
                self._refuse_alternating()
                return self.method
            ours = self.method in METHODS
            allowed = "L-BFGS-B, trust-constr and slsqp" if not self.constraints.others else "slsqp and trust-constr"
            name = with_scipy.NAMES.get(self.method, "")
            if self.constraints.any and (ours or name not in (("SLSQP", "trust-constr") if self.constraints.others else
                                                              ("L-BFGS-B", "SLSQP", "trust-constr"))):
                raise DomainError(f"{self.method} knows no such constraints", detail=f"{allowed} do",
                                  fixes=[Fix(options=(("method", "auto"),))])
            return self.method
        if self.constraints.others:
            return "slsqp"
        if self.constraints.bounded:
            return "alternating" if len(self.f.over) > 1 and alternating.possible(self.f) else "l-bfgs-b"
        return "newton" if self.f.size <= NEWTON_SIZE else "l-bfgs-b" if with_scipy.available() else "gd"

    def _refuse_alternating(self) -> None:
        if self.constraints.others:
            raise DomainError("alternating knows bounds, and no other constraints", fixes=[Fix(options=(("method", "auto"),))])
        if not alternating.possible(self.f):
            raise DomainError("alternating needs a gradient that is affine in each variable alone",
                              fixes=[Fix(options=(("method", "auto"),))])

    def _watch(self, k: int, p: Point) -> None:
        self.history.append(Visited(k, p.value, p.norm, p.x.copy() if self.f.size <= KEPT else None))
        if self.progress is not None:
            self.progress(k, p.value, p.norm)

    # ------------------------------------------------------------ closed form
    def _closed_form(self) -> Minimum | None:
        f = self.f
        structured = any(s.properties for s in f.symbols)
        if self.method not in ("auto", "closed-form") or len(f.over) != 1 or self.constraints.any or structured:
            return None
        if f.over[0] not in symbols(f.slopes[0]):
            p = f.at(f.start)
            end = End(p, 0, p.norm == 0, "the objective is constant: every point is a minimum" if p.norm == 0 else
                      "the objective falls without bound: its gradient is the same everywhere, and not 0")
            return self._made(p, end, "closed-form", "flat" if p.norm == 0 else "unknown", "")
        form = f.formulas.closed
        if form is None:
            return None
        try:
            x, holds, only, definite = form.solved(f.arrays, f.sizes)
        except (np.linalg.LinAlgError, KeyError):
            return None
        p = f.at(np.asarray(x, dtype=float).ravel())
        kind, words = ("minimum", "the matrix of that equation is positive definite: a minimum") if definite else self._judged(p)
        if not holds or kind in ("saddle", "maximum"):
            reason = (f"the point where the gradient vanishes is a {kind}: the objective has no minimum" if holds else
                      "the objective falls without bound: its gradient is affine and vanishes nowhere")
            end = End(p, 0, False, reason)
            return self._made(p, end, "closed-form", kind if holds else "unknown", words if holds else "")
        if not only:
            self.notes.append("the solution is not unique; this is the shortest one")
        end = End(p, 0, True, f"the gradient is affine in {f.over[0]}: it vanishes where a linear equation holds, which was solved")
        made = self._made(p, end, "closed-form", kind, words)
        return Minimum(**{**vars(made), "closed_form": f.formulas.closed_text})

    # ------------------------------------------------------------ what is told
    def _told(self, start: Point, end: End, method: str) -> Minimum:
        p = end.point
        if self.constraints.any:
            end, kind, words = self._held(end)
        else:
            kind, words = self._judged(p) if end.converged else ("unknown", "")
        if kind in ("maximum", "saddle"):
            end = end._replace(converged=False, reason=f"the gradient vanishes at a {kind}, not at a minimum")
        if kind == "falling":
            why = "the gradient is small, and so is the curvature: the objective still falls, perhaps without end"
            kind, end = "unknown", end._replace(converged=False, reason=why)
        if not end.converged and p.norm > STEEP * max(1.0, start.norm):
            end = end._replace(reason=f"{end.reason}; the gradient grows without bound, as at the edge of a domain")
        return self._made(p, end, method, kind, words)

    def _held(self, end: End) -> tuple[End, str, str]:
        """The end under constraints: what they leave of the gradient must vanish, and what they leave of the curvature is judged."""
        p = end.point
        if not np.isfinite(p.value) or not np.isfinite(p.gradient).all():
            return end._replace(converged=False), "unknown", ""
        missed = limits.violation(self.constraints, self.f, p.x)
        held = limits.edge(self.constraints, self.f, p, JUDGED)
        self.left = held.left
        if missed > MISSED * max(1.0, float(np.abs(p.x).max(initial=0.0))):
            return end._replace(converged=False, reason=f"{end.reason}; a constraint is missed by {missed:.1e}"), "unknown", ""
        if held.left > max(self.settings.tolerance, LEFT * max(1.0, p.norm)):
            return end._replace(converged=False), "unknown", ""
        if not end.converged or self.constraints.others:
            end = end._replace(converged=True, reason="no direction that the constraints allow goes down")
        if not held.holding:
            return end, *self._judged(p)
        where = f"at the edge of {_count(held.holding, 'constraint')}"
        if held.free is None:
            return end, "unknown", where
        if not held.free.shape[1]:
            return end, "minimum", f"{where}: a corner, and a minimum"
        kind, words = self._judged(p, held.free, held.bend)
        if held.doubtful and kind in ("saddle", "maximum"):
            kind, words = "unknown", ""  # it may fall only where a constraint that does not push forbids it
        return end, kind, where + (f"; along them, {words}" if words else "")

    def _made(self, p: Point, end: End, method: str, kind: str, words: str) -> Minimum:
        f = self.f
        norm = p.norm if self.left is None else self.left
        return Minimum(f.outside(p.x), p.value, norm, end.iterations, f.evaluations, end.converged, end.reason, method, kind, words,
                       start=f.outside(f.start), notes=tuple(self.notes), history=self.history, constrained=self.constraints.any)

    def _judged(self, p: Point, free: Array | None = None, bend: Array | float = 0.0) -> tuple[str, str]:
        """What the Hessian says of a point where the gradient vanishes; along the directions `free`, less the curvature of constraints."""
        if self.f.size > JUDGED or not np.isfinite(p.value):
            return "unknown", ""
        spent = self.f.evaluations
        hessian = self.f.hessian(p.x)
        self.f.evaluations = spent
        if self.f.size > SPECTRAL and free is None:
            try:
                diagonal = np.linalg.cholesky(hessian).diagonal()
                if diagonal.min() > 1e-4 * diagonal.max():
                    return "minimum", "the Hessian is positive definite there: a minimum"
            except np.linalg.LinAlgError:
                pass
        basis = self.f.space() if free is None else free
        g = p.gradient
        if basis is not None:
            hessian, g = basis.T @ hessian @ basis - bend, basis.T @ g
        values, vectors = np.linalg.eigh(hessian)
        if not np.isfinite(values).all():
            return "unknown", ""
        size = max(float(np.abs(values).max()), 1e-300)
        low, high = float(values[0]), float(values[-1])
        seen = f"smallest eigenvalue {low:.3g}"
        step = float(np.abs((vectors.T @ g) / np.where(values == 0, 1e-300, values)).max(initial=0.0)) if low > 0 else 0.0
        reach = max(1.0, float(np.abs(p.x).max(initial=0.0)))
        if step > FAR * reach:
            return "falling", f"Newton's next step there would be {step:.1g} long ({seen})"
        if low > FLAT * size and step > UNSURE * reach:
            return "flat", f"the curvature there is so small ({seen}) that the place is uncertain by {step:.1g}: a flat minimum, or none"
        if low > FLAT * size:
            return "minimum", f"the Hessian is positive definite there ({seen}): a minimum"
        if high < -FLAT * size:
            return "maximum", f"the Hessian is negative definite there (largest eigenvalue {high:.3g}): a maximum"
        if low < -FLAT * size:
            return "saddle", f"the Hessian is indefinite there ({seen}): a saddle point, not a minimum"
        return "flat", "the Hessian is singular there: a minimum, if it is one, is not alone"
