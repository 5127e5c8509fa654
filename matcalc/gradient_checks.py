"""Is a gradient right? Every entry is compared with a difference quotient, and a wrong one is told with its likely mistake."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from math import comb
from typing import Any, NamedTuple

import numpy as np

from .errors import DomainError, MatcalcError, ShapeError

Array = Any
TINY = 1e-30  # the complex step: no difference is taken, so nothing cancels
STEP = 1e-3  # of the 4-point stencil, relative to the entry: truncation ~ h**4 meets rounding ~ eps / h
TOLERANCE = {"complex step": 1e-9, "4-point stencil": 1e-6}
UNSURE = 1e-12  # relative to the largest entry: what a formula in floating point may be off by
PIECE, ORDER = 10, 6  # of the differences that tell scatter from a smooth function: steps in a piece, and their order
KINK = 1e-4  # two stencils that disagree by more, relative to the larger, stand on a kink


class Noise(NamedTuple):
    """How well the slopes by the entries of an argument are known from differences."""

    rounding: Array
    spread: Array  # between two lengths of the step
    natural: Array  # the change of the slope over a whole entry
    coarse: bool = False  # the values of f have fewer digits than float64


class GradCheck(NamedTuple):
    """What a gradient check found. `bool(...)` is True only for a verdict of True."""

    verdict: bool | None  # None: inconclusive
    argument: str  # the argument with the worst entry
    position: tuple[int, ...]
    given: float
    measured: float
    error: float  # of that entry, relative to the largest entry of the gradient
    mistake: str  # the likely one, in words, or ""
    method: str
    entries: int
    reason: str = ""

    def __bool__(self) -> bool:
        return self.verdict is True

    def __str__(self) -> str:
        place = list(self.position) if self.position else ""
        worst = f"at {self.argument}{place} the gradient says {self.given:.10g}, measured {self.measured:.10g}"
        if self.verdict is True:
            return f"right: {self.entries} entries by the {self.method}, worst relative error {self.error:.1e}"
        if self.verdict is None:
            return f"inconclusive: {self.reason}"
        return f"wrong: {worst}" + (f"\n  {self.mistake}" if self.mistake else "")


def gradcheck(f: Callable[..., Any], inputs: Any, gradient: Callable[..., Any] | None = None, *, method: str = "auto",
              tolerance: float | None = None) -> GradCheck:
    """Compare a gradient with differences of f, entry by entry, along every axis.

    `f`: a function of arrays whose value is a number. Its gradient is `gradient(*inputs)` where given; else f's own, if f returns (value,
    gradient); else that of matcalc.autograd, for a function of Variables. `inputs`: an array, or a tuple, list or dict of them.
    `method`: "complex" (f must take complex numbers; exact to rounding), "stencil" (4 points), or "auto", which tries complex first.
    Raises DomainError where f has no finite value at the inputs, ShapeError where the gradient has another shape than the input; what f
    raises comes through, with a note where it was called.

    >>> import numpy as np, matcalc as mc
    >>> A = np.array([[1.0, 2.0], [0.0, 1.0]])
    >>> print(mc.gradcheck(lambda x: x @ A @ x, [1.0, 2.0], gradient=lambda x: 2 * A @ x))
    wrong: at x[1] the gradient says 4, measured 6
      its own Jacobian is not symmetric, as that of a gradient is: a transpose is missing, as in (A + A.T) @ x
    """
    if method not in ("auto", "complex", "stencil"):
        raise DomainError(f"method is auto, complex or stencil, not {method!r}")
    for what, g in (("f", f), ("the gradient", gradient)):
        if not callable(g) and not (what != "f" and g is None):
            raise DomainError(f"a gradient check takes functions: {what} is of type {type(g).__name__}",
                              detail="a gradient is a function of the inputs, as in gradient=lambda x: 2 * x")
    if tolerance is not None and not (isinstance(tolerance, int | float) and tolerance > 0):
        raise DomainError(f"tolerance is a number above 0, not {tolerance!r}")
    names, xs, many = _arguments(f, inputs)
    if not sum(x.size for x in xs):
        raise DomainError("there is nothing to check: the inputs have no entries")
    for what, g in (("f", f), ("the gradient", gradient)):
        _takes(what, g, len(xs))
    value, slopes = _functions(f, gradient, names, xs, many)
    given = slopes(xs)
    for name, x, g in zip(names, xs, given, strict=True):
        if g.shape != x.shape:
            turned = "; it is transposed" if g.shape == x.shape[::-1] and x.ndim == 2 else ""
            raise ShapeError(f"the gradient by {name} has shape {g.shape}, and {name} has {x.shape}{turned}")
    here = value(xs)
    if not np.isfinite(here):
        raise DomainError("the function has no finite value at these inputs")
    if np.iscomplexobj(here):
        raise DomainError("the function's value is a complex number; a gradient is of a real one")
    measured, by, kinks, noise = _measured(value, xs, method)
    found, i = _judged(names, xs, given, measured, noise, by, kinks, tolerance or TOLERANCE[by])
    if found.verdict is False:
        return found._replace(mistake=_mistake(given[i], measured[i], xs[i], found.error) or _asymmetric(slopes, xs, i)
                              or "a term is missing or too many: the difference has no simple form")
    return found


# ---------------------------------------------------------------- what is compared
def _arguments(f: Callable[..., Any], inputs: Any) -> tuple[list[str], list[Array], bool]:
    """Names, arrays, and whether there are several."""
    import inspect

    if isinstance(inputs, tuple | list | Mapping) and not inputs:
        raise DomainError("a gradient is checked at a point: give the inputs")
    if isinstance(inputs, Mapping):
        inputs = _in_order(f, inputs)
        return list(inputs), [_array(v) for v in inputs.values()], True
    several = isinstance(inputs, tuple) or (isinstance(inputs, list) and any(np.ndim(_array(v)) for v in inputs)
                                            and (not _is_array(inputs) or _wants(f) == len(inputs) > 1))
    xs = [_array(v) for v in (inputs if several else (inputs,))]
    try:
        names = [p.name for p in inspect.signature(f).parameters.values()][:len(xs)]
    except (TypeError, ValueError):
        names = []
    return names + [f"argument {i}" for i in range(len(names), len(xs))], xs, several


def _takes(what: str, f: Callable[..., Any] | None, count: int) -> None:
    """A function is called with one argument for each input."""
    import inspect

    try:
        signature = inspect.signature(f) if f is not None else None
    except (TypeError, ValueError):
        return
    try:
        if signature is not None:
            signature.bind(*range(count))
    except TypeError as error:
        raise DomainError(f"{what} is called with {count} input{'s' if count > 1 else ''}: {error}",
                          detail="inputs for several arguments are a tuple, as in (A, x)") from None


def _wants(f: Callable[..., Any]) -> int:
    """How many arguments a function must be given."""
    import inspect

    try:
        parameters = inspect.signature(f).parameters.values()
        return sum(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    except (TypeError, ValueError):
        return 1


def _in_order(f: Callable[..., Any], inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Inputs by name, in the order of the function's parameters where these are their names."""
    import inspect

    try:
        names = list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return inputs
    return {n: inputs[n] for n in names} if sorted(names) == sorted(inputs) else inputs


def _is_array(x: Any) -> bool:
    try:
        return np.asarray(x).dtype.kind in "bifu"
    except ValueError:
        return False


def _unwrapped(x: Any) -> Any:
    """The plain value of a Variable, or of a tensor that remembers how it was computed."""
    x = x.detach() if hasattr(x, "detach") else x
    return getattr(x, "value", x)


def _array(x: Any) -> Array:
    try:
        x = np.asarray(_unwrapped(x))
        if x.dtype.kind not in "bifu":
            raise TypeError
        found = x.astype(float)
    except (TypeError, ValueError):
        raise DomainError(f"an input is a real number or an array of them, not {type(x).__name__}") from None
    if not np.isfinite(found).all():
        raise DomainError("an input is not finite")
    return found


def _plain(x: Array) -> Any:
    """An argument for a call: a copy, for the function may write into it."""
    return x.copy() if x.ndim else x[()]


def _functions(f: Callable[..., Any], gradient: Callable[..., Any] | None, names: list[str], xs: list[Array],
               many: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The value as a number, and the gradient as a list of arrays."""
    def as_list(g: Any) -> list[Array]:
        if isinstance(g, Mapping) and many and set(g) == set(names):
            g = [g[n] for n in names]
        parts = list(g) if isinstance(g, tuple) or (many and isinstance(g, list)) else list(g.values()) if isinstance(g, Mapping) else [g]
        if len(parts) != len(xs):
            raise ShapeError(f"the gradient has {len(parts)} parts for {len(xs)} inputs")
        return [slope(np.asarray(_unwrapped(p))) for p in parts]

    def slope(g: Array) -> Array:
        if g.dtype.kind not in "bifu":
            raise DomainError("a gradient is made of real numbers, not of " + ("complex ones" if g.dtype.kind == "c" else g.dtype.name))
        return g.astype(float)

    def number(y: Any) -> Any:
        y = np.asarray(_unwrapped(y))
        if y.size != 1:
            raise ShapeError(f"the function's value has shape {y.shape}; a gradient is of a number",
                             detail="check f(...).sum(), or one entry")
        if y.dtype.kind not in "bifuc":
            raise DomainError(f"the function's value is a number, not {type(y.reshape(())[()]).__name__}")
        return y.reshape(())[()]

    def value(points: list[Array]) -> Any:
        return number(_run(f, names, xs, points))

    if gradient is not None:
        return value, lambda points: as_list(_run(gradient, names, xs, points))
    first = _plain_call(f, xs)
    if isinstance(first, tuple) and len(first) == 2:
        return lambda points: number(_run(f, names, xs, points)[0]), lambda points: as_list(_run(f, names, xs, points)[1])
    from .autograd import grad

    slopes = grad(f, tuple(range(len(xs))))

    def of_variables(points: list[Array]) -> list[Array]:
        try:
            return as_list(slopes(*map(_plain, points)))
        except MatcalcError:
            raise
        except Exception as error:
            if first is None:
                raise
            raise DomainError(f"f runs on arrays, but not on Variables, by which its gradient is taken: {type(error).__name__}: {error}",
                              detail="give gradient=..., or let f return its value and its gradient") from error

    return value, of_variables


def _run(f: Callable[..., Any], names: list[str], xs: list[Array], points: list[Array]) -> Any:
    """f at points; what it raises is its own, with a note where it was."""
    try:
        return f(*map(_plain, points))
    except Exception as error:
        for name, x, p in zip(names, xs, points, strict=True):
            for at in np.argwhere(x != p)[:1]:
                place = [int(k) for k in at]
                error.add_note(f"gradcheck: at {name}{place or ''} = {p[tuple(at)]}, a step away from the input {x[tuple(at)]}")
        raise


def _plain_call(f: Callable[..., Any], xs: list[Array]) -> Any:
    """What f gives for plain arrays; None where it is written for Variables only."""
    try:
        return f(*map(_plain, xs))
    except (AttributeError, TypeError):
        return None


# ---------------------------------------------------------------- measuring
def _measured(value: Callable[..., Any], xs: list[Array],
              method: str) -> tuple[list[Array], str, list[tuple[int, tuple[int, ...]]], list[Noise]]:
    """df by every entry; where two stencils disagree; and how well each entry is known."""
    if method in ("auto", "complex"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of imaginary parts that are dropped: such a function is measured otherwise
                found = _complex(value, xs)
        except Exception as error:  # whatever a function says to complex numbers is no verdict; its own mistakes show at real ones
            if method == "complex":
                raise DomainError(f"the function does not take complex numbers: {type(error).__name__}: {error}",
                                  detail="method='stencil' needs real ones only") from error
        else:
            if method == "complex" or _complex_holds(value, xs, found):
                return found, "complex step", [], []
    kinks: list[tuple[int, tuple[int, ...]]] = []
    measured, known = [], []
    eps, jitter, here = _epsilon(value, xs), _jitter(value, xs), abs(float(np.real(value(xs))))
    for i, x in enumerate(xs):
        slopes, rounding, spread, natural = (np.zeros(x.shape) for _ in range(4))
        for at in np.ndindex(x.shape):
            fine, coarse = (_stencil(value, xs, i, at, h) for h in (STEP / 2, STEP))
            slopes[at] = fine
            noise = 1e-7 * max(1.0, here) + 8 * jitter / STEP
            size = max(abs(fine), abs(coarse))
            bends = [_bend(value, xs, i, at, h) for h in (STEP, STEP / 8)]
            if not abs(fine - coarse) <= KINK * size + noise or (bends[1] > 0.5 * bends[0] and bends[1] > KINK * size + 100 * noise):
                kinks.append((i, at))
            h = STEP / 2 * max(1.0, abs(float(x[at])))
            high = max(abs(float(np.real(value(_moved(xs, i, at, k * h))))) for k in (-2, 2))
            natural[at] = bends[0] / STEP  # the slope changes by so much over a whole entry
            rounding[at] = 8 * ((eps * high + jitter) / h + 2.2e-16 * natural[at])
            spread[at] = abs(fine - coarse)
        measured.append(slopes)
        known.append(Noise(rounding, spread, natural, eps > 1e-12 or jitter > 1e-10 * here))
    return measured, "4-point stencil", kinks, known


def _epsilon(value: Callable[..., Any], xs: list[Array]) -> float:
    """The precision in which f computes."""
    kind = np.asarray(value(xs)).dtype
    return float(np.finfo(kind).eps) if kind.kind == "f" else 2.2e-16


def _jitter(value: Callable[..., Any], xs: list[Array]) -> float:
    """How far the values of f scatter around a smooth function, as where f computes in float32 and says so or not.

    Differences of high order see no smooth function, only the scatter. Of pieces of two lines the middle one counts: kinks are in few, and
    rounded values may happen to lie on a straight line; a piece without any change says nothing.
    Source: Moré & Wild (2011), Estimating computational noise.
    """
    def scatter(turn: float, start: int) -> float:
        ways = _mixed(xs, turn)
        line = [[x + k * STEP / 4 * w for x, w in zip(xs, ways, strict=True)] for k in range(start, start + PIECE + 1)]
        try:
            with np.errstate(all="ignore"):
                values = [float(np.real(value(at))) for at in line]
        except Exception:  # a piece outside the domain says nothing
            return 0.0
        return float(np.sqrt(np.mean(np.diff(values, ORDER) ** 2) / comb(2 * ORDER, ORDER)))

    found = [scatter(turn, start) for turn in (1.0, 2.0) for start in (-PIECE, 0, PIECE)]
    told = sorted(s for s in found if np.isfinite(s) and s)
    return told[len(told) // 2] if told else 0.0


def _mixed(xs: list[Array], turn: float = 1.0) -> list[Array]:
    """A direction in which every entry moves, each otherwise."""
    return [np.cos(turn * (1.0 + np.arange(x.size))).reshape(x.shape) for x in xs]


def _moved(xs: list[Array], i: int, at: tuple[int, ...], by: complex) -> list[Array]:
    x = xs[i].astype(complex) if isinstance(by, complex) else xs[i].copy()
    x[at] += by
    return [*xs[:i], x, *xs[i + 1:]]


def _complex(value: Callable[..., Any], xs: list[Array]) -> list[Array]:
    found = []
    for i, x in enumerate(xs):
        slopes = np.zeros(x.shape)
        for at in np.ndindex(x.shape):
            y = value(_moved(xs, i, at, 1j * TINY))
            if not isinstance(y, complex):  # np.complex128 is one, np.complex64 is none
                raise TypeError("the function dropped the imaginary part, or half of the digits")
            slopes[at] = complex(y).imag / TINY
        found.append(slopes)
    return found


def _complex_holds(value: Callable[..., Any], xs: list[Array], found: list[Array]) -> bool:
    """abs, max and conjugates are not analytic: one stencil along a mixed direction says whether the complex step may be believed."""
    ways = _mixed(xs)
    expected = sum(float(np.sum(w * g)) for g, w in zip(found, ways, strict=True))

    def at(t: float) -> float:
        return float(np.real(value([x + t * w for x, w in zip(xs, ways, strict=True)])))

    h = STEP
    slope = (at(-2 * h) - 8 * at(-h) + 8 * at(h) - at(2 * h)) / (12 * h)
    scale = sum(float(np.sum(np.abs(g * w))) for g, w in zip(found, ways, strict=True))
    return bool(abs(slope - expected) <= 1e-6 * max(scale, abs(slope), abs(at(0.0)), 1e-12))


def _stencil(value: Callable[..., Any], xs: list[Array], i: int, at: tuple[int, ...], relative: float) -> float:
    h = relative * max(1.0, abs(float(xs[i][at])))
    a, b, c, d = (float(np.real(value(_moved(xs, i, at, k * h)))) for k in (-2, -1, 1, 2))
    return (a - 8 * b + 8 * c - d) / (12 * h)


def _bend(value: Callable[..., Any], xs: list[Array], i: int, at: tuple[int, ...], relative: float) -> float:
    """How much the slope changes from one side to the other: of the order of h where f is smooth, constant at a kink."""
    h = relative * max(1.0, abs(float(xs[i][at])))
    low, here, high = (float(np.real(value(_moved(xs, i, at, k * h)))) for k in (-1, 0, 1))
    return abs(high - 2 * here + low) / h


# ---------------------------------------------------------------- judging
def _judged(names: list[str], xs: list[Array], given: list[Array], measured: list[Array], noise: list[Noise], by: str,
            kinks: list[tuple[int, tuple[int, ...]]], tolerance: float) -> tuple[GradCheck, int]:
    """The verdict, and the number of the argument with the worst entry."""
    scale = max((float(np.abs(m[np.isfinite(m)]).max(initial=0.0)) for m in [*measured, *given]), default=0.0) or 1.0
    worst: tuple[float, int, tuple[int, ...]] = (-1.0, 0, ())
    small: tuple[float, int, tuple[int, ...]] = (-1.0, 0, ())  # far off for its own size, which is tiny beside the largest
    hidden = ""
    for i, (g, m) in enumerate(zip(given, measured, strict=True)):
        for at in np.ndindex(g.shape):
            off = abs(float(g[at]) - float(m[at]))
            error = off / scale
            if (i, at) in kinks:
                continue
            place = i, tuple(int(k) for k in at)
            own = max(abs(float(g[at])), abs(float(m[at])))
            if noise and error > tolerance:
                n = noise[i]
                if off <= n.rounding[at] and n.rounding[at] <= tolerance * n.natural[at]:
                    error = 0.0  # near a point where the slope vanishes: rounding of x moves it by as much
                elif off <= max(n.rounding[at], 10 * n.spread[at]):
                    hidden = f"by {_place(names, *place)} the differences are known to {max(n.rounding[at], 10 * n.spread[at]):.1e} only"
                    hidden += "; f computes in float32, or rounds: more is known in float64" if n.coarse else ""
                    continue
            elif off > 1e-3 * own and off > (100 * max(noise[i].rounding[at], noise[i].spread[at]) if noise else UNSURE * scale) \
                    and off / own > small[0]:
                small = (off / own, *place)
            if not error <= worst[0]:
                worst = (error if np.isfinite(error) else np.inf, *place)
    error, i, at = worst
    entries = sum(m.size for m in measured) - len(kinks)
    if error < 0 and not kinks and not hidden:
        return GradCheck(True, names[0], (), np.nan, np.nan, 0.0, "", by, 0), 0
    if error < 0:
        return GradCheck(None, names[0], (), np.nan, np.nan, np.nan, "", by, 0,
                         hidden or "the function has a kink at every entry, or changes too fast"), 0
    verdict: bool | None = bool(error <= tolerance)
    if verdict and small[0] > 0:
        i, at = small[1:]
        verdict = False if noise else None
    found = GradCheck(verdict, names[i], at, float(given[i][at]), float(measured[i][at]), float(error), "", by, entries)
    if verdict is None:
        return found._replace(reason=f"by {_place(names, i, at)} the gradient says {found.given:.6g}, measured {found.measured:.6g}: "
                              f"too small beside the largest entry, {scale:.6g}, to be judged"), i
    if found.verdict and (kinks or hidden):
        many = f"{len(kinks)} of {entries + len(kinks)} entries"
        found = found._replace(verdict=None, reason=hidden if not kinks else
                               f"near {_place(names, *kinks[0])} the function has a kink, or changes too fast ({many})")
    return found, i


def _place(names: list[str], i: int, at: tuple[int, ...]) -> str:
    return f"{names[i]}{[int(p) for p in at] if at else ''}"


def _mistake(given: Array, measured: Array, x: Array, error: float) -> str:
    """The usual mistakes, tried one after the other."""
    atol = 1e-5 * min(error, 1.0) * max(float(np.abs(measured).max(initial=0.0)), float(np.abs(given).max(initial=0.0)))

    def same(a: Array, b: Array) -> bool:
        return a.shape == b.shape and bool((np.abs(a - b) <= 100 * atol).all())

    if not np.isfinite(given).all():
        return "the gradient is not finite there"
    if same(given, -measured):
        return "the sign is wrong"
    if given.ndim == 2 and same(given, measured.T):
        return "it is transposed"
    large = np.abs(measured) > 1e-3 * np.abs(measured).max(initial=0.0)
    if large.any():
        ratio = float(np.median(given[large] / measured[large]))
        if ratio and same(given, ratio * measured):
            return f"it is {ratio:.6g} times what it should be"
    difference = measured - given
    if x.size > 1 and difference.size and same(difference, np.full(x.shape, difference.flat[0])):
        return f"a term is missing: the same number in every entry, {float(difference.flat[0]):.6g}"
    size = float(np.vdot(x, x))
    along = float(np.vdot(x, difference)) / size if size else 0.0
    if x.size > 1 and along and same(difference, along * x):
        return f"a term is missing: {along:.6g} times the input itself"
    wrong = np.abs(difference) > 100 * atol
    if 0 < wrong.sum() < 0.5 * wrong.size:
        return f"{int(wrong.sum())} of {wrong.size} entries are wrong, the others right: an index, or a boundary"
    return ""


def _asymmetric(slopes: Callable[..., Any], xs: list[Array], i: int, largest: int = 64) -> str:
    """The Jacobian of a gradient is a Hessian, which is symmetric; that of a gradient with a forgotten transpose is not."""
    x = xs[i]
    if not 1 < x.size <= largest:
        return ""
    try:
        ends = [[slopes(_moved(xs, i, at, by))[i] for by in (STEP, -STEP)] for at in np.ndindex(x.shape)]
    except Exception:  # a gradient that cannot be moved is as wrong as it was
        return ""
    jacobian = np.array([np.ravel(up - down) / (2 * STEP) for up, down in ends], dtype=float)
    if np.abs(jacobian - jacobian.T).max() <= 1e-4 * max(np.abs(jacobian).max(), 1e-12):
        return ""
    return "its own Jacobian is not symmetric, as that of a gradient is: a transpose is missing, as in (A + A.T) @ x"
