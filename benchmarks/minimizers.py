"""Minimisers: iterations and evaluations on five known functions beside SciPy's own, random starts, a long valley, and scikit-learn.

    python benchmarks/minimizers.py [--starts 100] [--seed 1] [--part functions|starts|valley|learn]

Times are ratios of medians in one run; scikit-learn and SciPy are needed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

import matcalc as mc
from matcalc.optimize.minimizer import OURS

FUNCTIONS: dict[str, tuple[str, list[float]]] = {
    "Rosenbrock": ("(1 - x[0])**2 + 100 * (x[1] - x[0]**2)**2", [-1.2, 1]),
    "Himmelblau": ("(x[0]**2 + x[1] - 11)**2 + (x[0] + x[1]**2 - 7)**2", [0, 0]),
    "Booth": ("(x[0] + 2 * x[1] - 7)**2 + (2 * x[0] + x[1] - 5)**2", [0, 0]),
    "Beale": ("(1.5 - x[0] + x[0] * x[1])**2 + (2.25 - x[0] + x[0] * x[1]**2)**2 + (2.625 - x[0] + x[0] * x[1]**3)**2", [1, 1]),
    "condition 1e4": ("x[0]**2 / 2 + 5000 * x[1]**2", [1, 1]),
}
SCIPYS = ("bfgs", "l-bfgs-b", "newton-cg", "trust-ncg", "trust-exact")
VALLEY = "sum((1 - x[:-1])**2) + 100 * sum((x[1:] - x[:-1]**2)**2)"


def functions() -> None:
    """Iterations / evaluations of f and gradient; a dash where a method did not converge."""
    print("| method | " + " | ".join(FUNCTIONS) + " |\n| --- |" + " --- |" * len(FUNCTIONS))
    for method in (*OURS, *SCIPYS):
        cells = []
        for f, start in FUNCTIONS.values():
            m = mc.minimize(f, "x", {"x": start}, method=method)
            cells.append(f"{m.iterations:,} / {m.evaluations:,}" if m.converged else f"not in {m.iterations:,}")
        print(f"| {method} | " + " | ".join(cells) + " |", flush=True)


def starts(count: int, seed: int) -> None:
    """From random starts each method converges to a point where the gradient vanishes, or says that it did not."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-4, 4, (count, 2))
    print(f"\nfrom {count} random starts in [-4, 4]^2, at most 20,000 iterations: converged (wrongly said: must be 0)\n")
    print("| method | " + " | ".join(FUNCTIONS) + " |\n| --- |" + " --- |" * len(FUNCTIONS))
    for method in (*OURS, *SCIPYS):
        cells = []
        for f, _ in FUNCTIONS.values():
            slope = mc.grad(f, "x")
            ends = [mc.minimize(f, "x", {"x": p}, method=method, iterations=20_000) for p in points]
            wrong = sum(m.converged and not np.abs(slope(x=m.x["x"])).max() <= 1e-4 for m in ends)
            cells.append(f"{sum(m.converged for m in ends)} ({wrong})")
        print(f"| {method} | " + " | ".join(cells) + " |", flush=True)


def timed(runs: dict[str, Callable[[], Any]], rounds: int = 7) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - begin)
    return times


def ratio(times: dict[str, list[float]], ours: str, theirs: str) -> float:
    return median(a / b for a, b in zip(times[ours], times[theirs], strict=True))


def valley(n: int = 1_000) -> None:
    """Rosenbrock's valley in a thousand dimensions, by slices: L-BFGS-B with our gradient and with one written by hand."""
    from scipy import optimize

    start = np.tile([-1.2, 1.0], n // 2)
    options = {"maxiter": 10**5, "maxfun": 10**6, "gtol": 1e-6, "ftol": 0.0}

    def ours() -> Any:
        return mc.minimize(VALLEY, "x", {"x": start}, method="l-bfgs-b", tolerance=1e-6)

    def by_hand() -> Any:
        return optimize.minimize(optimize.rosen, start, jac=optimize.rosen_der, method="L-BFGS-B", options=options)

    a, b = ours(), by_hand()
    print(f"\nn = {n:,}: {a.evaluations:,} and {b.nfev:,} evaluations, values {a.value:.1e} and {b.fun:.1e}")
    times = timed({"ours": ours, "by hand": by_hand}, rounds=9)
    print(f"our time / SciPy's with a gradient by hand: {ratio(times, 'ours', 'by hand'):.2f}")
    m = mc.minimize(VALLEY, "x", {"x": [-1.0] + [1.0] * 9}, method="newton")
    print(f"the second minimum, n = 10: value {m.value:.5f}; {m.curvature}")


def learn() -> None:
    """Ridge, logistic regression and NMF against scikit-learn, at an equal or better objective."""
    from sklearn.decomposition import NMF
    from sklearn.linear_model import LogisticRegression, Ridge

    rng = np.random.default_rng(0)
    warnings.simplefilter("ignore")
    X, noise = rng.standard_normal((2_000, 50)), rng.standard_normal(2_000)
    y = X @ rng.standard_normal(50) + noise
    print("\n| | our time / scikit-learn's | our objective - scikit-learn's |\n| --- | --- | --- |")

    def objective(f: str, values: dict[str, Any], let: list[str]) -> float:
        return float(mc.evaluate(f, values, let))

    ridge = "norm2sq(X w - y) + c * norm2sq(w)"
    let = ["c: scalar"]
    held: dict[str, Any] = {}
    times = timed({"ours": lambda: held.__setitem__("a", mc.minimize(ridge, "w", data={"X": X, "y": y, "c": 1.0}, let=let)),
                   "sklearn": lambda: held.__setitem__("b", Ridge(alpha=1.0, fit_intercept=False).fit(X, y))})
    gap = held["a"].value - objective(ridge, {"X": X, "y": y, "c": 1.0, "w": held["b"].coef_}, let)
    print(f"| ridge | {ratio(times, 'ours', 'sklearn'):.2f} | {gap:.1e} |", flush=True)

    s = np.sign(y)
    logistic = "sum(softplus(-s * (X w))) + norm2sq(w) / 2"
    times = timed({"ours": lambda: held.__setitem__("a", mc.minimize(logistic, "w", data={"X": X, "s": s}, tolerance=1e-6)),
                   "sklearn": lambda: held.__setitem__("b", LogisticRegression(C=1.0, fit_intercept=False, tol=1e-8).fit(X, s))})
    gap = held["a"].value - objective(logistic, {"X": X, "s": s, "w": held["b"].coef_.ravel()}, ["s: vector"])
    print(f"| logistic regression | {ratio(times, 'ours', 'sklearn'):.2f} | {gap:.1e} |", flush=True)

    nmf = "norm2sq(V - W H) / 2"
    for m, n, k in ((200, 100, 10), (500, 200, 10)):
        V = np.abs(rng.standard_normal((m, k))) @ np.abs(rng.standard_normal((k, n))) + 0.1 * np.abs(rng.standard_normal((m, n)))
        size = np.sqrt(V.mean() / k)  # scikit-learn's own random start
        W, H = size * np.abs(rng.standard_normal((m, k))), size * np.abs(rng.standard_normal((k, n)))

        def theirs(V: Any = V, W: Any = W, H: Any = H, k: int = k) -> Any:
            model = NMF(k, init="custom", solver="cd", max_iter=2_000, tol=1e-6)
            return held.__setitem__("b", (model.fit_transform(V, W=W.copy(), H=H.copy()), model.components_))

        def ours(V: Any = V, W: Any = W, H: Any = H) -> Any:
            return held.__setitem__("a", mc.minimize(nmf, ["W", "H"], {"W": W, "H": H}, {"V": V}, tolerance=0.1,
                                                     subject_to=["W >= 0", "H >= 0"]))

        times = timed({"ours": ours, "sklearn": theirs}, rounds=5)
        w, h = held["b"]
        gap = held["a"].value - 0.5 * float(np.sum((V - w @ h) ** 2))
        print(f"| NMF, {m} x {n}, rank {k} | {ratio(times, 'ours', 'sklearn'):.2f} | {gap:.1e} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=("functions", "starts", "valley", "learn"))
    options = parser.parse_args()
    parts: dict[str, Callable[[], None]] = {"functions": functions, "starts": lambda: starts(options.starts, options.seed),
                                            "valley": valley, "learn": learn}
    for name, part in parts.items():
        if options.part in (None, name):
            part()


if __name__ == "__main__":
    main()
