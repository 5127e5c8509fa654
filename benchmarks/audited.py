"""Hostile strings with an audit hook: none of them opens, runs, imports or connects to anything.

    python benchmarks/audited.py [--count 100000] [--seed 1]

The strings stand as expression, as declaration, as `wrt` and as claim; answers go through every printer. A warm-up loads what is loaded
once: modules (an `import`, an `open` and an `exec` each), the tables of rules/, and the source of the functions that printed code brings
along. After it, whatever Python reports of these kinds is a fault, but for modules of the packages themselves, which are listed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import matcalc as mc
from tests.parser_fuzz import CODE, given_up, texts
from tests.test_hostile import LETS, TEXTS

WATCHED = ("exec", "compile", "open", "import", "socket", "subprocess", "os.", "shutil", "ctypes", "code.", "pickle", "marshal", "urllib",
           "ftplib", "smtplib", "webbrowser", "pty", "mmap", "tempfile", "sqlite3", "builtins.input", "cpython.run")
PACKAGES = ("matcalc", "numpy", "sympy", "mpmath")
FOLDERS = tuple(f"/{package}/" for package in PACKAGES)
FORMULAS = ["{} * x.T @ A @ x", "norm2sq(A @ x - {})", "log(sum(exp({} * x)))", "tr(inv(A) @ x @ x.T) / {}", "sum(x**2) where {} = 3",
            "({} @ x)[0]", "softmax(x).T @ {}", "logdet(A + {} * eye(n)) * sum(x)"]
CLAIMS = ["2 * {} * x", "(A + A.T) @ x + {}", "{}"]
WARM = [
    "x.T A x", "sum(erf(x) + gammaln(x) + digamma(x) + sigmoid(x))", "norm(x, 3) + max(x) + sum(abs(x))",
    "logsumexp(x) + tr(pinv(x x.T))", "det(x x.T + eye(n)) + eigmax(A.T A) * x.T x", "sum(kron(x, x)) + x[0] + sum(cumsum(x))", "A x",
    "x[1:].T x[:-1]", "tr(expm(x x.T))", "sum(chol(A A.T + x x.T))", "norm1(x) + norminf(x) + nuclear(x x.T) + spectral(x x.T)",
    "sum(polygamma(2, x))", "sum(tril(x x.T))",
]


class Watch:
    """The audit hook: what happens while it is on, with the string that was asked."""

    def __init__(self) -> None:
        self.on = False
        self.asked: Any = None
        self.loaded: list[str] = []
        self.found: list[str] = []
        sys.addaudithook(self.hook)

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        if self.on and event.startswith(WATCHED):
            what = f"{event} {[str(getattr(a, 'co_filename', a))[:200] for a in args[:2]]}"
            (self.loaded if of_a_package(event, args) else self.found).append(f"{what}    asked: {self.asked!r}"[:600])


def of_a_package(event: str, args: tuple[Any, ...]) -> bool:
    """Whether this is the loading of a module that matcalc is made of."""
    first = args[0] if args else ""
    if event == "import":
        return str(first).split(".")[0] in PACKAGES
    place = str(getattr(first, "co_filename", first))
    return event in ("open", "exec") and place.endswith((".py", ".pyc", ".so")) and any(folder in place for folder in FOLDERS)


# ---------------------------------------------------------------- what is asked
def strings(seed: int) -> Iterator[tuple[str, str]]:
    """(where it stands, string): the list of hostile texts in every place, then random ones without end."""
    for text in [*TEXTS.values(), *LETS]:
        if len(text) < 1_000:
            yield from ((role, text) for role in ROLES)
    rng = random.Random(seed)
    names = [name for name in CODE if name.isidentifier()] + ["x", "A", "q", "T", "I", "np", "x1", "β"]
    for _, text in texts(seed):
        chance = rng.random()
        if chance < 0.03:
            yield "expression", rng.choice(FORMULAS).replace("{}", rng.choice(names))
        elif chance < 0.04:
            yield "claim", rng.choice(CLAIMS).replace("{}", rng.choice(names))
        else:
            yield rng.choices([*ROLES], [60, 15, 10, 15])[0], text


def expression(text: str) -> bool:
    with suppress(mc.MatcalcError):
        mc.parse(text)
    return shown(mc.grad(text, "x"))


def declaration(text: str) -> bool:
    return shown(mc.grad("sum(x) + tr(A)", "A", [text]))


def variable(text: str) -> bool:
    return shown(mc.grad("x.T A x", text))


def claim(text: str) -> bool:
    return bool(mc.check("x.T @ A @ x", "x", text).lines())


def shown(d: Any) -> bool:
    """An answer in every notation."""
    for write in (str, lambda d: d.unicode(), lambda d: d.latex(), lambda d: d.mathml(), lambda d: d.code("numpy"), lambda d: d.sympy(),
                  lambda d: d.to_dict()):
        with suppress(mc.MatcalcError):
            write(d)
    return True


ROLES: dict[str, Callable[[str], bool]] = {"expression": expression, "declaration": declaration, "variable": variable, "claim": claim}


def ask(role: str, text: str) -> str:
    try:
        with given_up(60):
            ROLES[role](text)
    except mc.MatcalcError as error:
        str(error)
        return "refused"
    except Exception as escaped:
        return f"escaped {type(escaped).__name__}: {escaped}"
    return "answered"


def warm_up(seed: int, count: int) -> None:
    for formula in WARM:
        with suppress(mc.MatcalcError):
            ask("expression", formula)
        ask("claim", "2 * A x")
    for f in FORMULAS:
        ask("expression", f.replace("{}", "q"))
    for role, text in islice(strings(seed), count):
        ask(role, text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--warm", type=int, default=2_000, help="strings of the warm-up, of another seed")
    options = parser.parse_args()
    warm_up(options.seed + 1_000, options.warm)
    watch = Watch()
    counts: Counter[str] = Counter()
    begin = time.perf_counter()
    for role, text in islice(strings(options.seed), options.count):
        watch.asked = role, text
        watch.on = True
        end = ask(role, text)
        watch.on = False
        if end.startswith("escaped"):
            watch.found.append(f"{end}    asked: {watch.asked!r}"[:600])
        counts.update([end.split()[0], f"{role}s"])
    print(f"{options.count:,} strings in {time.perf_counter() - begin:.0f} s, seed {options.seed}: "
          + ", ".join(f"{n:,} {what}" for what, n in counts.most_common()))
    print(f"modules of {', '.join(PACKAGES)} loaded after the warm-up: {len(watch.loaded)}", *watch.loaded[:10], sep="\n  ")
    fault = "anything else opened, run, imported or connected to, or an exception that escaped"
    print(f"{fault}: {len(watch.found)}", *watch.found[:20], sep="\n  ")
    return 1 if watch.found else 0


if __name__ == "__main__":
    sys.exit(main())
