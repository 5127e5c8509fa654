"""How time and answers grow with the expression, and what a cold start costs; writes docs/growth.md.

    python benchmarks/growth.py [--only network trace] [--repeat 7] [--starts 15] [--dry]
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import matcalc as mc
from matcalc.derive import derive_gradient
from matcalc.knowledge import known
from matcalc.parser import read

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "growth.md"
STAGES = ("parse", "derive", "print", "check")
PARTS = re.compile(r"\w+|[^\w\s]")


class Family(NamedTuple):
    """Expressions that grow with k, and the variable to differentiate by."""

    says: str
    text: Callable[[int], str]
    wrt: str
    sizes: tuple[int, ...]


class Row(NamedTuple):
    """One expression: milliseconds a stage, and the length of the answer in characters and in names, numbers and signs."""

    k: int
    ms: tuple[float, ...]
    characters: int
    parts: int


# ---------------------------------------------------------------- the families
def network(k: int) -> str:
    text = "x"
    for i in range(1, k + 1):
        text = f"tanh(W{i} @ {text})"
    return f"sum({text})"


def trace(k: int) -> str:
    return f"tr({' @ '.join(f'X @ A{i}' for i in range(1, k + 1))})"


def chain(step: str, k: int) -> str:
    """k definitions, each made from the one before, which is Y in `step`."""
    names = ["x", *(f"y{i}" for i in range(1, k + 1))]
    return f"sum({names[k]}) where " + "; ".join(f"{new} = {step.replace('Y', old)}" for old, new in pairwise(names))


def squaring(k: int) -> str:
    return chain("tanh(Y) * tanh(Y)", k)


def products(k: int) -> str:
    return chain("(Y + 1) * (Y - 2)", k)


def sums(k: int) -> str:
    kinds = ("norm2sq(A{0} @ x - b{0})", "b{0}.T @ x", "x.T @ A{0} @ x", "sum(exp(A{0} @ x))")
    return " + ".join(kinds[i % 4].format(i) for i in range(k))


FAMILIES = {
    "network": Family("`sum(tanh(Wk @ ... tanh(W1 @ x)))` by the innermost `W1`", network, "W1", (15, 30, 60)),
    "trace": Family("`tr(X @ A1 @ X @ A2 @ ... @ X @ Ak)`", trace, "X", (10, 20, 40)),
    "squaring": Family("`y1 = tanh(x) * tanh(x); y2 = tanh(y1) * tanh(y1) ...`: written out, 2**k factors", squaring, "x", (12, 25, 50)),
    "products": Family("`y1 = (x + 1) * (x - 2); y2 = (y1 + 1) * (y1 - 2) ...`: multiplied out, 2**k terms", products, "x", (10, 20, 40)),
    "sums": Family("sums of k terms of four kinds", sums, "x", (100, 200, 400)),
}


# ---------------------------------------------------------------- measuring
def measured(family: Family, k: int, repeat: int) -> Row:
    text, times, answer = family.text(k), [], ""
    for _ in range(repeat + 1):
        gc.collect()
        ticks = [time.process_time()]
        reading = read(text, known().language(), wrt=(family.wrt,))
        ticks.append(time.process_time())
        derive_gradient(reading, reading.symbols[family.wrt], "projected")
        ticks.append(time.process_time())
        d = mc.grad(text, wrt=family.wrt, check=False)
        before_printing = time.process_time()
        answer = str(d)
        printed = time.process_time()
        evidence = d.check()
        checked = time.process_time()
        assert evidence.verdict, f"{text}: {evidence}"
        times.append((ticks[1] - ticks[0], ticks[2] - ticks[1], printed - before_printing, checked - printed))
    stages = tuple(1e3 * median(stage) for stage in zip(*times[1:], strict=True))  # the first run warms up
    return Row(k, stages, len(answer), len(PARTS.findall(answer)))


def exponent(rows: Sequence[Row], value: Callable[[Row], float]) -> float:
    """p, where the value grows like k**p between the two largest k."""
    a, b = rows[-2:]
    return math.log(value(b) / value(a)) / math.log(b.k / a.k)


def growth(name: str, repeat: int) -> list[str]:
    family = FAMILIES[name]
    rows = [measured(family, k, repeat) for k in family.sizes]
    header = " | ".join(f"{stage}, ms" for stage in STAGES)
    lines = [f"**{name}**: {family.says}", "", f"| k | {header} | characters | parts |", "|" + " ---: |" * 7]
    lines += [f"| {r.k} | {' | '.join(f'{t:.1f}' for t in r.ms)} | {r.characters:,} | {r.parts:,} |" for r in rows]
    powers = [exponent(rows, lambda r, i=i: r.ms[i]) for i in range(len(STAGES))]  # type: ignore[misc]
    powers += [exponent(rows, lambda r: r.characters), exponent(rows, lambda r: r.parts)]
    return [*lines, f"| grows like k to the | {' | '.join(f'{p:.2f}' for p in powers)} |", ""]


COMMANDS = {
    "`python -c pass`": ("-c", "pass"),
    "`matcalc --help`": ("-m", "matcalc", "--help"),
    "`matcalc --version`": ("-m", "matcalc", "--version"),
    '`matcalc grad "x.T A x" --wrt x`': ("-m", "matcalc", "grad", "x.T A x", "--wrt", "x"),
    '`python -c "import sympy"`': ("-c", "import sympy"),
}


def starts(runs: int) -> list[str]:
    """The cold commands in turn, so that whatever else the machine does meets them all."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # as installed: compiled once
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs + 1):
        for name, words in COMMANDS.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, check=True)
            times[name].append(time.perf_counter() - begin)
    ms = {name: 1e3 * median(found[1:]) for name, found in times.items()}
    bare, *_, sympy = ms.values()
    lines = ["| command | ms | beyond `python -c pass`, ms | of `import sympy` |", "| --- | ---: | ---: | ---: |"]
    return [*lines, *(f"| {name} | {t:.0f} | {t - bare:.0f} | {t / sympy:.2f} |" for name, t in ms.items()), ""]


# ---------------------------------------------------------------- the page
HEAD = """# How time and answers grow

Deriving walks the expression as a graph, in which what is shared stands once; an answer names its shared parts after `where`.
So both grow with the number of distinct parts, and not with what would stand there if all were written out. This page is written
by `python benchmarks/growth.py`; `tests/test_growth.py` sees to it that the growth stays so, by counting calls instead of seconds.

Each line is one gradient in one warm process: the median of {repeat} runs, in processor time, on {machine}.
`parse` reads the text, `derive` goes from the tree to the closed form, `print` writes it, `check` proves it exactly. `parts` are
names, numbers and signs. The last line of a table compares its two largest k: 1 is linear.
"""
TAIL = """## A cold start

The whole command, with the interpreter: the median of {starts} runs, all commands in turn. An answer with an exact check imports
neither NumPy nor SymPy.
"""


def main() -> None:
    options = arguments()
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    page = HEAD.format(repeat=options.repeat, machine=machine).splitlines() + [""]
    for name in options.only or FAMILIES:
        lines = growth(name, options.repeat)
        print("\n".join(lines), flush=True)
        page += lines
    if options.starts:
        lines = [*TAIL.format(starts=options.starts).splitlines(), "", *starts(options.starts)]
        print("\n".join(lines))
        page += lines
    if not options.dry and not options.only and options.starts:
        PAGE.write_text("\n".join(page).rstrip() + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=FAMILIES, help="these families; the page is left as it is")
    parser.add_argument("--repeat", type=int, default=7, help="runs of each expression, after one that warms up")
    parser.add_argument("--starts", type=int, default=15, help="runs of each command; 0 leaves them out")
    parser.add_argument("--dry", action="store_true", help="leave the page as it is")
    return parser.parse_args()


if __name__ == "__main__":
    main()
