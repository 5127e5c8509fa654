"""What matcalc makes of a problem, judged by JAX at generic points: by value, and by the printed text."""

from __future__ import annotations

import signal
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

import matcalc as mc
from matcalc.board import leading_to
from matcalc.checker import evaluate
from matcalc.checker.evidence import Undecided
from matcalc.errors import CheckFailed, DomainError, NotDifferentiable, NotSupported

from . import jax_oracle
from .random_expressions import SCALAR, SIZES, Problem, draw

RTOL = 1e-6
DRAWS = 6  # points that are tried before a reference is given up
TIMEOUT = 30  # seconds: what takes longer is a hang


class Outcome(NamedTuple):
    """right, refused, unread, withheld, crashed, hang, wrong, wrong text, unstable (right at some points only), unjudged, or
    doubted (the answer itself says that its check could not decide, or names a condition that does not hold)."""

    kind: str
    detail: str = ""
    ms: float = 0.0
    answer: str = ""
    evidence: str = ""
    rules: tuple[str, ...] = ()


class Hang(BaseException):
    """An answer that took too long."""


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def judge(problem: Problem, seed: int = 0, *, values: bool = True) -> Outcome:
    """The outcome of one problem; `values=False` leaves JAX out."""
    start = time.thread_time()
    try:
        with limited(TIMEOUT):
            answer = getattr(mc, problem.op)(problem.text, wrt=problem.wrt, let=problem.let)
            text = str(answer)
    except CheckFailed as error:
        return Outcome("withheld", str(error), _since(start))
    except (NotSupported, NotDifferentiable, DomainError) as error:
        return Outcome("refused", f"{type(error).__name__}: {_first_line(error)}", _since(start))
    except mc.MatcalcError as error:
        return Outcome("unread", f"{type(error).__name__}: {_first_line(error)}", _since(start))
    except Hang:
        return Outcome("hang", f"more than {TIMEOUT} s", _since(start))
    except Exception:
        return Outcome("crashed", traceback.format_exc(limit=-6), _since(start))
    ms = _since(start)
    evidence = str(answer.evidence) if answer.evidence.kind not in ("exact", "numeric") else answer.evidence.kind
    rules = tuple(step.rule for step in leading_to(answer.expression, answer._derived.path.rewrites))
    kind, detail = compare(problem, answer, text, seed) if values else ("right", "")
    return Outcome(kind, detail, ms, text, evidence, rules)


def _since(start: float) -> float:
    return (time.thread_time() - start) * 1000


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


# ---------------------------------------------------------------- values
class Point(NamedTuple):
    """Inputs, and JAX's derivative there in the convention of the variable's structure."""

    values: dict[str, Any]
    sizes: Mapping[str, int]
    wanted: Any  # shape(f) + shape(wrt), of a gradient and a Hessian without the two axes of f; all with two axes
    scale: float  # of the value, for what cancels to zero


def compare(problem: Problem, answer: Any, text: str, seed: int) -> tuple[str, str]:
    """Compare at two points; where one fails, at four more, to tell a wrong answer from a badly conditioned point."""
    rng = np.random.default_rng([seed, 20])
    points = [p for p in (reference(problem, SIZES, rng) for _ in range(2)) if p is not None]
    if not points:
        return "unjudged", "no point where f is finite and smooth"
    faults = [fault(problem, answer, text, p) for p in points]
    if not any(faults):
        return "right", ""
    points += [p for p in (reference(problem, SIZES, rng) for _ in range(4)) if p is not None]
    points = [p for p in points if _steady(problem, p, rng)]
    faults = [fault(problem, answer, text, p) for p in points]
    found = [f for f in faults if f]
    if not found:
        return ("right", "") if points else ("unjudged", "entries are tied, and rounding chooses between them")
    if answer.evidence.verdict is None:
        return "doubted", f"{answer.evidence}, {answer.conditions}: {found[0][1]}"
    return ("unstable" if len(found) < len(faults) else found[0][0]), found[0][1] + f"   ({len(found)} of {len(faults)} points)"


def reference(problem: Problem, sizes: Mapping[str, int], rng: Any) -> Point | None:
    """A point where f is finite and smooth: there JAX agrees with a difference quotient of NumPy's values."""
    order = 2 if problem.op == "hessian" else 1
    for _ in range(DRAWS):
        values = draw(problem.variables, sizes, rng)
        with np.errstate(all="ignore"):
            try:
                f, slopes = jax_oracle.derivative(problem.text, problem.wrt, values, sizes, order)
                size = float(np.abs(f).max())
                if np.isfinite(f).all() and np.isfinite(slopes).all() and size < 1e8 and _smooth(problem, values, sizes, f, slopes, rng):
                    x, word = values[problem.wrt], problem.variable.word
                    if order == 2:  # on both sides
                        slopes = np.moveaxis(_along(np.moveaxis(_along(slopes, x, word), (0, 1), (2, 3)), x, word), (0, 1), (2, 3))
                    else:
                        slopes = _along(slopes, x, word)
                    return Point(values, sizes, slopes[0, 0] if problem.op == "grad" else slopes, size)
            except np.linalg.LinAlgError:
                continue
    return None


def _steady(problem: Problem, point: Point, rng: Any) -> bool:
    """Does JAX's derivative stay when the inputs change by less than anyone could measure? Where rounding breaks a tie, it does not."""
    order = 2 if problem.op == "hessian" else 1
    near = {name: x * (1 + 1e-9 * rng.normal(size=x.shape)) for name, x in point.values.items()}
    a, b = (jax_oracle.derivative(problem.text, problem.wrt, values, point.sizes, order)[1] for values in (point.values, near))
    return bool(np.abs(a - b).max() <= 1e-4 * np.abs(a).max() + 1e-9)


def _along(slopes: Any, x: Any, word: str) -> Any:
    """Every derivative by x, on the last two axes, within the space of the matrices of a structure."""
    flat = slopes.reshape(-1, *x.shape)
    return np.array([projected(g, x, word) for g in flat]).reshape(slopes.shape) if word else slopes


def _smooth(problem: Problem, values: Mapping[str, Any], sizes: Mapping[str, int], f: Any, slopes: Any, rng: Any) -> bool:
    """Does JAX agree with a difference quotient along one direction?"""
    x = values[problem.wrt]
    way = rng.normal(size=x.shape)
    way /= max(1.0, float(np.abs(way).max()))
    second = problem.op == "hessian"
    h = 5e-3 if second else 1e-3
    moved = ({**values, problem.wrt: x + t * h * way} for t in (-2, -1, 1, 2))
    a, b, c, d = (jax_oracle.value(problem.text, inputs, sizes) for inputs in moved)
    if second:
        measured = (-a + 16 * b - 30 * f + 16 * c - d) / (12 * h * h)
        expected, scale = np.einsum("ijkl,ij,kl", slopes, way, way), np.einsum("ijkl,ij,kl", abs(slopes), abs(way), abs(way))
    else:
        measured = (a - 8 * b + 8 * c - d) / (12 * h)
        expected, scale = np.einsum("ijkl,kl", slopes, way), np.einsum("ijkl,kl", abs(slopes), abs(way))
    return bool((np.abs(measured - expected) <= 1e-4 * (scale + np.abs(f).max() + 1e-2)).all())


def projected(g: Any, x: Any, word: str) -> Any:
    """The gradient within the space of the matrices of a structure."""
    if word in ("symmetric", "spd", "psd"):
        return (g + g.T) / 2
    if word == "skew":
        return (g - g.T) / 2
    if word == "diagonal":
        return g * np.eye(len(g))
    if word in ("lower", "upper"):
        return np.tril(g) if word == "lower" else np.triu(g)
    if word == "orthogonal":
        return g - x @ (x.T @ g + g.T @ x) / 2
    return g


def fault(problem: Problem, answer: Any, text: str, point: Point) -> tuple[str, str] | None:
    """What is wrong with the answer at a point: of its value, or of its printed text."""
    given = {v.name: _plain(point.values[v.name], v.shape) for v in problem.variables}
    given |= {d: point.sizes[d] for d in problem.dims}
    try:
        got = np.asarray(answer.tensor(given))
    except DomainError as error:
        return "doubted" if answer.conditions else "wrong", f"tensor: {_first_line(error)}, {answer.conditions}"
    except mc.MatcalcError as error:
        return "wrong", f"tensor: {type(error).__name__}: {_first_line(error)}"
    except Exception as error:
        return "crashed", f"tensor: {type(error).__name__}: {error}"
    wanted = point.wanted.reshape(tensor_shape(problem, point.wanted.shape))
    if got.shape != wanted.shape:
        return "wrong", f"tensor has shape {got.shape}, not {wanted.shape}"
    if not np.isfinite(got).all() and answer.evidence.verdict is None:
        return "doubted", f"{answer.evidence}"  # 0 * log(0), and the answer said that it could not be checked
    if not close(got, wanted, point.scale):
        return "wrong", f"tensor {_short(got)}, JAX {_short(wanted)}"
    return printed_fault(problem, answer, text, point)


def tensor_shape(problem: Problem, full: tuple[int, ...]) -> tuple[int, ...]:
    """Vectors have one axis, scalars none."""
    kinds = {"grad": [], "jacobian": [problem.root.shape], "hessian": [problem.variable.shape]}[problem.op]
    kept: list[int] = []
    for i, shape in enumerate([*kinds, problem.variable.shape]):
        kept += () if shape == SCALAR else full[2 * i:2 * i + 1] if shape[1] == "1" else full[2 * i:2 * i + 2]
    return tuple(kept)


def printed_fault(problem: Problem, answer: Any, text: str, point: Point) -> tuple[str, str] | None:
    """The printed text: by Python's grammar, and by the evaluator of matcalc's checker."""
    wanted = stacked(problem, point.wanted)
    values = {n: v for n, v in point.values.items() if n in {v.name for v in problem.variables}}
    for evaluator in (lambda: jax_oracle.value(text, values, point.sizes), lambda: evaluate(answer.read(text), values, point.sizes)):
        try:
            with np.errstate(all="ignore"):
                printed = np.asarray(evaluator())
        except (jax_oracle.Mistyped, SyntaxError, mc.MatcalcError) as error:
            return "wrong text", f"{type(error).__name__}: {error}"
        except (Undecided, np.linalg.LinAlgError) as error:
            return "doubted", f"{error}"
        if not close(np.broadcast_to(printed, wanted.shape) if printed.size == 1 else printed, wanted, point.scale):
            return "wrong text", f"printed text {_short(printed)}, JAX {_short(wanted)}"
    return None


def stacked(problem: Problem, wanted: Any) -> Any:
    """As a matrix: of a Jacobian and a Hessian, columns stacked; by a scalar, in the shape of f."""
    if problem.op == "grad":
        return wanted
    p, q, m, n = wanted.shape
    return wanted.reshape(p, q) if problem.variable.shape == SCALAR else wanted.transpose(1, 0, 3, 2).reshape(p * q, m * n)


def close(got: Any, wanted: Any, scale: float) -> bool:
    """Equal up to rounding; what cancels is measured by the size of f."""
    if got.shape != np.shape(wanted):
        return False
    size = float(np.abs(wanted).max())
    return bool(np.isfinite(got).all() and (np.abs(got - wanted) <= RTOL * size + 1e-9 * (1 + scale)).all())


def _plain(x: Any, shape: tuple[str, str]) -> Any:
    """A vector with one axis, a scalar with none."""
    return x[0, 0] if shape == SCALAR else x[:, 0] if shape[1] == "1" else x


def _short(x: Any) -> str:
    return np.array2string(np.asarray(x).ravel()[:6], precision=6, separator=", ")
