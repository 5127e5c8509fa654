"""Random computations on arrays, run by matcalc.autograd and by JAX: reuse, broadcasting, axes, indexing, both modes, second order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import numpy as np

Shape = tuple[int, ...]
SHAPES: list[Shape] = [(), (3,), (3,), (2, 3), (3, 2), (1, 3), (3, 1), (3, 3), (2, 3, 3)]
SMOOTH = "tanh sin cos sigmoid softplus arctan erf sinh relu abs".split()
INSIDE = "exp expm1 arcsin arccos".split()  # of a bounded argument
POSITIVE = "log sqrt log1p gammaln digamma".split()  # of 1 + x * x


class Step(NamedTuple):
    """One operation on earlier values, by number."""

    name: str
    of: tuple[int, ...]
    data: Any = None


@dataclass
class Graph:
    """Leaves, steps, and which values are summed in the end."""

    leaves: list[Shape] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)

    def run(self, space: Any, xs: Any) -> Any:
        """The value, a number, by the functions of one library."""
        values = list(xs)
        for step in self.steps:
            values.append(apply(space, step, [values[i] for i in step.of]))
        total: Any = 0.0
        for i, v in enumerate(values):
            part = space.tanh(v * (0.3 + 0.1 * (i % 5)))
            total = total + (space.sum(part) if self.shapes[i] else part)
        return total


def apply(s: Any, step: Step, a: list[Any]) -> Any:
    return OPERATIONS[step.name](s, a, step.data)


def _power(s: Any, a: list[Any], k: float) -> Any:
    return (1.0 + a[0] * a[0]) ** k


OPERATIONS: dict[str, Callable[[Any, list[Any], Any], Any]] = {
    "add": lambda s, a, d: a[0] + a[1], "subtract": lambda s, a, d: a[0] - a[1], "multiply": lambda s, a, d: a[0] * a[1],
    "divide": lambda s, a, d: a[0] / (1.5 + s.tanh(a[1])), "maximum": lambda s, a, d: s.maximum(a[0], a[1]),
    "minimum": lambda s, a, d: s.minimum(a[0], a[1]), "power of": lambda s, a, d: (1.1 + s.tanh(a[0])) ** s.tanh(a[1]),
    "scale": lambda s, a, d: a[0] * d, "shift": lambda s, a, d: d - a[0], "over": lambda s, a, d: d / (1.0 + a[0] * a[0]),
    "negate": lambda s, a, d: -a[0], "square": lambda s, a, d: a[0] ** 2, "cube": lambda s, a, d: s.tanh(a[0]) ** 3, "power": _power,
    "base": lambda s, a, d: d ** s.tanh(a[0]), "smooth": lambda s, a, d: getattr(s, d)(a[0]),
    "inside": lambda s, a, d: getattr(s, d)(s.tanh(a[0]) * 0.9), "positive": lambda s, a, d: getattr(s, d)(1.0 + a[0] * a[0]),
    "sum": lambda s, a, d: s.sum(a[0], axis=d[0], keepdims=d[1]), "mean": lambda s, a, d: s.mean(a[0], axis=d[0], keepdims=d[1]),
    "max": lambda s, a, d: s.max(a[0], axis=d[0], keepdims=d[1]), "min": lambda s, a, d: s.min(a[0], axis=d[0], keepdims=d[1]),
    "softmax": lambda s, a, d: s.softmax(a[0], axis=d), "logsumexp": lambda s, a, d: s.logsumexp(a[0], axis=d),
    "matmul": lambda s, a, d: s.tanh(a[0]) @ a[1], "transpose": lambda s, a, d: a[0].transpose(d),
    "reshape": lambda s, a, d: a[0].reshape(d),
    "index": lambda s, a, d: a[0][d], "concatenate": lambda s, a, d: s.concatenate(a, axis=d), "stack": lambda s, a, d: s.stack(a, axis=d),
    "where": lambda s, a, d: s.where(d, a[0], a[1]), "trace": lambda s, a, d: s.trace(a[0]), "outer": lambda s, a, d: s.outer(a[0], a[1]),
    "inv": lambda s, a, d: s.inv(_definite(a[0])), "logdet": lambda s, a, d: s.logdet(_definite(a[0])),
    "det": lambda s, a, d: s.det(a[0]), "norm": lambda s, a, d: s.norm(a[0]), "diag": lambda s, a, d: s.diag(a[0]),
}


def _definite(x: Any) -> Any:
    return x @ x.swapaxes(-1, -2) + 2.0 * np.eye(x.shape[-1])


# ---------------------------------------------------------------- making
def graph(seed: str) -> Graph:
    """The graph of this seed."""
    rng = random.Random(seed)
    g = Graph()
    for _ in range(rng.choice([1, 2, 2, 3])):
        g.leaves.append(rng.choice(SHAPES))
    g.shapes = list(g.leaves)
    wanted = rng.choice([3, 4, 6, 8, 12])
    while len(g.steps) < wanted:
        step = draw(g, rng)
        if step is None:
            continue
        try:
            found = np.asarray(apply(shape_space(), step, [_sample(g.shapes[i]) for i in step.of])).shape
        except (ValueError, IndexError, TypeError, AttributeError):
            continue
        if int(np.prod(found)) <= 27:
            g.steps.append(step)
            g.shapes.append(found)
    return g


def _sample(shape: Shape) -> Any:
    return 0.5 + 0.1 * np.arange(int(np.prod(shape))).reshape(shape)


def draw(g: Graph, rng: random.Random) -> Step | None:
    """A step that may fit: what does not is drawn again."""
    name = rng.choice(list(OPERATIONS))
    i, j = rng.randrange(len(g.shapes)), rng.randrange(len(g.shapes))
    shape = g.shapes[i]
    n = len(shape)
    if name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "power of", "matmul", "outer"):
        return Step(name, (i, j))
    if name in ("scale", "shift", "over", "base"):
        constant = rng.choice([2.0, 0.5, 1.5]) if name == "base" or rng.random() < 0.5 else np.full(rng.choice(SHAPES), 0.7)
        return Step(name, (i,), constant)
    if name in ("smooth", "inside", "positive"):
        return Step(name, (i,), rng.choice({"smooth": SMOOTH, "inside": INSIDE, "positive": POSITIVE}[name]))
    if name == "power":
        return Step(name, (i,), rng.choice([0.5, -1.0, 1.5, -0.5, 3.0]))
    if name in ("sum", "mean", "max", "min"):
        several = name in ("sum", "mean") and n > 1 and rng.random() < 0.3
        axis = tuple(rng.sample(range(n), 2)) if several else rng.choice([None, *range(-n, n)])
        return Step(name, (i,), (axis, rng.random() < 0.4)) if n else None
    if name in ("softmax", "logsumexp"):
        return Step(name, (i,), rng.randrange(-n, n)) if n else None
    if name == "transpose":
        return Step(name, (i,), tuple(rng.sample(range(n), n))) if n > 1 else None
    if name == "reshape":
        size = int(np.prod(shape))
        return Step(name, (i,), rng.choice([(-1,), (1, size), (size, 1), *([(2, size // 2)] if size % 2 == 0 else [])])) if n else None
    if name == "index":
        return Step(name, (i,), _index(shape, rng)) if n else None
    if name in ("concatenate", "stack"):
        same = [k for k, s in enumerate(g.shapes) if len(s) == n and (name == "concatenate" or s == shape)]
        return Step(name, tuple(rng.choice(same) for _ in range(rng.choice([2, 3]))), rng.randrange(n)) if n else None
    if name == "where":
        mask = np.arange(int(np.prod(shape))).reshape(shape) % rng.choice([2, 3]) == 0
        return Step(name, (i, j), mask)
    if name in ("trace", "inv", "logdet", "det"):
        return Step(name, (i,)) if n >= 2 and shape[-1] == shape[-2] and (name != "trace" or n == 2) else None
    if name == "norm":
        return Step(name, (i,)) if n else None
    if name == "diag":
        return Step(name, (i,)) if n == 1 else None
    return Step(name, (i,))


def _index(shape: Shape, rng: random.Random) -> Any:
    def one(size: int) -> Any:
        return rng.choice([0, -1, slice(1, None), slice(None, None, 2), slice(None), np.array([0, size - 1, 0]), None])
    parts = tuple(one(size) for size in shape[:rng.choice([1, len(shape)])])
    return parts[0] if len(parts) == 1 else parts


# ---------------------------------------------------------------- two libraries
class Space:
    """Functions by name, from a library and a table."""

    def __init__(self, library: Any, more: dict[str, Callable[..., Any]]) -> None:
        self.library, self.more = library, more

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return self.more[name] if name in self.more else getattr(self.library, name)  # type: ignore[no-any-return]


@cache
def shape_space() -> Space:
    """NumPy, for shapes only."""
    return Space(np, {**dict.fromkeys(("sigmoid", "softplus", "erf", "relu", "gammaln", "digamma", "softmax"), np.abs),
                      "softmax": lambda x, axis: x, "logsumexp": lambda x, axis: np.sum(x, axis=axis), "inv": lambda x: x,
                      "logdet": lambda x: np.sum(x, axis=(-2, -1)), "det": lambda x: np.sum(x, axis=(-2, -1)), "norm": np.sum})


@cache
def jax_space() -> Space:
    from .jax_oracle import jax_space as settings

    settings()
    import jax
    import jax.numpy as jnp
    from jax.scipy import special

    return Space(jnp, {
        "sigmoid": jax.nn.sigmoid, "softplus": jax.nn.softplus, "relu": jax.nn.relu, "erf": special.erf, "gammaln": special.gammaln,
        "digamma": special.digamma, "softmax": jax.nn.softmax, "logsumexp": lambda x, axis: special.logsumexp(x, axis=axis),
        "inv": jnp.linalg.inv, "det": jnp.linalg.det, "logdet": lambda x: jnp.linalg.slogdet(x)[1],
        "norm": lambda x: jnp.sqrt(jnp.sum(x * x)), "diag": jnp.diag})


def leaves(g: Graph, seed: str) -> tuple[list[Any], list[Any]]:
    """A point and a direction."""
    rng = np.random.default_rng(list(seed.encode()))
    points, ways = ([np.asarray(rng.normal(size=s)) for s in g.leaves] for _ in range(2))
    return [float(0.8 * x) if x.ndim == 0 else 0.8 * x for x in points], [float(v) if v.ndim == 0 else v for v in ways]


def judge(seed: str) -> tuple[str, str]:
    """right, wrong or unjudged (JAX has no finite derivative there), and what differed."""
    import jax

    from matcalc import autograd
    from matcalc.autograd import Variable, jvp, value_and_grad

    g = graph(seed)
    xs, vs = leaves(g, seed)
    every = tuple(range(len(xs)))
    space = jax_space()
    slopes = jax.value_and_grad(lambda *x: g.run(space, x), argnums=every)
    jx, jv = tuple(space.asarray(x) for x in xs), tuple(space.asarray(v) for v in vs)
    (value, wanted), (along, second) = jax.jvp(slopes, jx, jv)
    wanted, second = [np.asarray(w) for w in wanted], [np.asarray(w) for w in second]
    if not all(np.isfinite(w).all() for w in [np.asarray(value), *wanted, *second]):
        return "unjudged", ""

    def f(*x: Any) -> Any:
        return g.run(autograd, x)

    held = [Variable(x) for x in xs]
    y = f(*held)
    y.backward()
    found = [np.zeros(np.shape(x)) if v.grad is None else np.asarray(v.grad) for v, x in zip(held, xs, strict=True)]
    faults = [differs("value", y.value, value, 1)]
    faults += [differs(f"gradient {i}", a, b, max(1, np.abs(b).max(initial=0))) for i, (a, b) in enumerate(zip(found, wanted, strict=True))]
    size = 1 + sum(float(np.sum(abs(w * v))) for w, v in zip(wanted, vs, strict=True))
    faults.append(differs("tangent", jvp(f, tuple(xs), tuple(vs))[1], along, size))
    moved = jvp(lambda *x: _flat(value_and_grad(f, every)(*x)[1], autograd), tuple(xs), tuple(vs))[1]
    expected = np.concatenate([np.ravel(w) for w in second])
    size = 1 + np.abs(expected).max(initial=0) + max(np.abs(w).max(initial=0) for w in wanted)
    faults.append(differs("second", moved, expected, size))
    told = [f for f in faults if f]
    return ("wrong", "; ".join(told)) if told else ("right", "")


def _flat(parts: Any, space: Any) -> Any:
    return space.concatenate([p.reshape(-1) for p in parts])


def differs(what: str, got: Any, wanted: Any, scale: float) -> str:
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        return f"{what}: shape {got.shape}, not {wanted.shape}"
    if not np.isfinite(got).all() or np.abs(got - wanted).max(initial=0) > 1e-8 * scale:
        return f"{what}: {np.ravel(got)[:4]}, JAX {np.ravel(wanted)[:4]}"
    return ""


def outcomes(seed: str, count: int) -> Iterator[tuple[str, str, str]]:
    for i in range(count):
        kind, detail = judge(f"{seed}:{i}")
        yield f"{seed}:{i}", kind, detail


def operations_met(seed: str, count: int) -> Counter[str]:
    return Counter(step.name for i in range(count) for step in graph(f"{seed}:{i}").steps)
