"""Automatic differentiation, forward and back, in one run: Variables, torch eager, and an expert's NumPy; ratios of medians.

    python benchmarks/tape.py [--rounds 15]        # torch: pip install torch==2.13.0

One thread. Every engine builds its graph anew at each step.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from matcalc.autograd import Variable, tanh

Run = Callable[[], Any]
STEPS, PRODUCTS, WIDTH = 500, 50, 32


def scalars(torch: Any) -> dict[str, Run]:
    """y = y * a + b, 500 times."""
    def hand() -> float:
        a, b, y, ys = 0.999, 0.001, 0.5, []
        for _ in range(STEPS):
            ys.append(y)
            y = y * a + b
        g, ga, gb = 1.0, 0.0, 0.0
        for y in reversed(ys):
            gb += g
            ga += g * y
            g *= a
        return g

    def chain(x: Any, a: Any, b: Any) -> Any:
        for _ in range(STEPS):
            x = x * a + b
        return x

    def ours() -> float:
        x, a, b = Variable(0.5), Variable(0.999), Variable(0.001)
        chain(x, a, b).backward()
        return x.grad  # type: ignore[no-any-return]

    def eager() -> float:
        x, a, b = (torch.tensor(v, requires_grad=True) for v in (0.5, 0.999, 0.001))
        chain(x, a, b).backward()
        return x.grad.item()  # type: ignore[no-any-return]

    return {"hand": hand, "matcalc": ours, "torch": eager}


def arrays(torch: Any, shape: tuple[int, ...]) -> dict[str, Run]:
    """y = tanh(y * a + b) of vectors, y = tanh(y @ a) of matrices."""
    rng = np.random.default_rng(0)
    square = len(shape) == 2
    n = PRODUCTS if square else STEPS
    start, a0, b0 = rng.standard_normal(shape), rng.standard_normal(shape) * (0.1 if square else 0.5), rng.standard_normal(shape) * 0.1

    def chain(y: Any, a: Any, b: Any, f: Callable[[Any], Any]) -> Any:
        for _ in range(n):
            y = f(y @ a) if square else f(y * a + b)
        return y

    def hand() -> Any:
        ys = [start]
        for _ in range(n):
            ys.append(np.tanh(ys[-1] @ a0) if square else np.tanh(ys[-1] * a0 + b0))
        g, ga, gb = np.ones(shape), np.zeros(shape), np.zeros(shape)
        for i in range(n, 0, -1):
            g = g * (1 - ys[i] * ys[i])
            if square:
                ga += ys[i - 1].T @ g
                g = g @ a0.T
            else:
                gb += g
                ga += g * ys[i - 1]
                g = g * a0
        return g

    def ours() -> Any:
        x, a, b = Variable(start), Variable(a0), Variable(b0)
        chain(x, a, b, tanh).sum().backward()
        return x.grad

    def eager() -> Any:
        x, a, b = (torch.from_numpy(v.copy()).requires_grad_() for v in (start, a0, b0))
        chain(x, a, b, torch.tanh).sum().backward()
        return x.grad.numpy()

    return {"hand": hand, "matcalc": ours, "torch": eager}


def network(torch: Any) -> dict[str, Run]:
    """One step of gradient descent of a two-layer network: width 32, batch 32."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((WIDTH, WIDTH)), rng.standard_normal((WIDTH, WIDTH))
    start = [rng.standard_normal((WIDTH, WIDTH)) * 0.2, np.zeros(WIDTH), rng.standard_normal((WIDTH, WIDTH)) * 0.2, np.zeros(WIDTH)]
    rate = 1e-2

    def hand() -> Any:
        w, b, v, c = start
        h = np.tanh(x @ w + b)
        e = h @ v + c - y
        g = e * (2 / e.size)
        gh = g @ v.T
        gh *= 1 - h * h
        slopes = x.T @ gh, gh.sum(0), h.T @ g, g.sum(0)
        new = [p - rate * s for p, s in zip(start, slopes, strict=True)]
        return new[0]

    def ours() -> Any:
        w, b, v, c = parameters = [Variable(p) for p in start]
        e = tanh(x @ w + b) @ v + c - y
        (e * e).mean().backward()
        new = [p.value - rate * p.grad for p in parameters]
        return new[0]

    xt, yt = torch.from_numpy(x), torch.from_numpy(y)
    held = [torch.from_numpy(p.copy()).requires_grad_() for p in start]

    def eager() -> Any:
        w, b, v, c = held
        e = torch.tanh(xt @ w + b) @ v + c - yt
        slopes = torch.autograd.grad((e * e).mean(), held)
        with torch.no_grad():
            new = [p - rate * s for p, s in zip(held, slopes, strict=True)]
        return new[0].numpy()

    return {"hand": hand, "matcalc": ours, "torch": eager}


def measured(runs: dict[str, Run], rounds: int) -> dict[str, list[float]]:
    """Seconds a call, round by round, taken in turn; all runs must agree."""
    values = {name: np.asarray(run()) for name, run in runs.items()}
    for name, value in values.items():
        if not np.allclose(value, values["hand"], rtol=1e-6 if name == "torch" else 1e-10, atol=1e-6 if name == "torch" else 1e-12):
            raise SystemExit(f"{name} does not agree with the gradient by hand")
    counts = {}
    for name, run in runs.items():
        gc.collect()  # or a full collection falls into the one run that sets the count
        begin = time.perf_counter()
        run()
        counts[name] = max(1, int(0.03 / (time.perf_counter() - begin)))
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            gc.collect()
            begin = time.perf_counter()
            for _ in range(counts[name]):
                run()
            times[name].append((time.perf_counter() - begin) / counts[name])
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    print("| | matcalc, us | times as fast as torch eager | of the speed of hand-written NumPy |\n| --- | --- | --- | --- |")
    works = {"scalar chain, 1,000 operations": scalars(torch), "vectors of 10, 1,500 operations": arrays(torch, (10,)),
             "64 x 64 matrices, 100 operations": arrays(torch, (64, 64)), "training step of a two-layer network": network(torch)}
    for title, runs in works.items():
        times = measured(runs, rounds)
        to_torch, to_hand = (median(a / b for a, b in zip(times[name], times["matcalc"], strict=True)) for name in ("torch", "hand"))
        print(f"| {title} | {median(times['matcalc']) * 1e6:.0f} | {to_torch:.2f} | {to_hand:.2f} |", flush=True)


if __name__ == "__main__":
    main()
