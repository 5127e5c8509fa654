"""The command `matcalc minimize`: data from files, a start, a method; the variables on stdout, the report on stderr."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from typing import Any

import click

from .cli_completion import files, variables
from .cli_options import choose, common
from .cli_run import run
from .cli_tables import read_data
from .cli_values import read_values
from .display import Asked, Shown, seconds, tidy, to_json
from .errors import DomainError, Fix

QUIET, EVERY = 2.0, 1.0  # seconds before the first word on progress, and between two
OUTPUTS = ("text", "json")
UNDECIDED = 5  # the exit code of a run that did not converge


EXAMPLES = (
    'matcalc minimize "(1 - x[0])**2 + 100 (x[1] - x[0]**2)**2" --over x --start "x=[-1.2, 1]"',
    'matcalc minimize "norm2sq(X w - y) + lambda norm2sq(w)" --over w --data X.csv --data y.csv --set lambda=0.1',
    'matcalc minimize "norm2sq(A x - b)" --over x --data arrays.npz --subject-to "x >= 0"',
)
_OPTIONS: list[Callable[[Any], Any]] = [
    click.option("--over", "--wrt", multiple=True, metavar="X", shell_complete=variables,
                 help="The variable to be found; may be repeated."),
    click.option("--start", multiple=True, metavar='"x=[1, 2]"', help="Where to begin; zeros where the data gives the size."),
    click.option("--set", "values", multiple=True, metavar='"b=[1, 2]"', help="The value of another variable; may be repeated."),
    click.option("--data", multiple=True, metavar="FILE", shell_complete=files,
                 help="Arrays: .npz by their names; .csv by its columns or its own name; may be repeated."),
    click.option("--method", default="auto", metavar="NAME",
                 help="auto, closed-form, gd, fixed, momentum, nesterov, adam, newton, alternating, or SciPy's bfgs, cg, l-bfgs-b, "
                 "newton-cg, trust-ncg, trust-exact, slsqp, trust-constr."),
    click.option("--subject-to", multiple=True, metavar='"x >= 0"', help="Constraints, as in 0 <= x <= 1, sum(x) == 1; may be repeated."),
    click.option("--tolerance", type=float, default=1e-8, metavar="T", help="Of the largest entry of the gradient."),
    click.option("--iterations", type=click.IntRange(min=1), metavar="N", help="The most iterations."),
    click.option("--rate", type=float, metavar="R", help="The length of fixed steps."),
    click.option("--seed", type=int, default=0, metavar="N", help="Seed of the points at which the derivatives are checked."),
    click.option("--save", metavar="FILE.npz", shell_complete=files,
                 help="Write the variables that were found."),
]


def options(function: Any) -> Any:
    """The options of `matcalc minimize`, in the order in which the help shows them."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def find(asked: Asked) -> int:
    """Minimise what was asked for; the exit code says whether a minimum was found."""
    choose("to", asked.get("to") or "text", OUTPUTS)
    _refuse_ending(asked.get("save"))
    given = {**read_data(asked.get("data")), **read_values(asked.get("values"))}
    start = read_values(asked.get("start"), "start")

    def show(text: str, begin: float) -> Shown:
        import matcalc as mc

        options = {name: asked.get(name) for name in ("method", "subject_to", "tolerance", "iterations", "rate")}
        m = mc.minimize(text, list(asked.get("over")) or None, start, _named(text, given, asked), **options, progress=_progress(),
                        **common(asked, "let", "syntax", "rules", "seed"))
        if asked.get("save"):
            _saved(asked.get("save"), m.x)
        return _shown(asked, text, m, begin)

    return run(asked, show)


def _named(text: str, given: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """Of the arrays of files, those that the expression or a constraint names; what was set by hand is all used."""
    words = set(re.findall(r"[^\W\d]\w*", " ".join([text, *asked.get("subject_to"), *asked.get("let")])))
    by_hand = {pair.partition("=")[0].strip() for pair in asked.get("values")}
    found = {name: value for name, value in given.items() if name in words or name in by_hand}
    for value in found.values():
        if isinstance(value, DomainError):
            raise value
    return found


def _shown(asked: Asked, text: str, m: Any, begin: float) -> Shown:
    import numpy as np

    code = 0 if m.converged else UNDECIDED
    if not asked.as_json:
        return Shown(str(m).splitlines(), m.report.splitlines(), code)
    fields = {
        "ok": m.converged, "verb": asked.verb, "text": text, "value": m.value,
        "x": {k: tidy(np.asarray(v).tolist()) for k, v in m.x.items()},
        "closed_form": m.closed_form or None, "method": m.method, "converged": m.converged, "reason": m.reason, "kind": m.kind,
        "gradient_norm": m.gradient_norm, "iterations": m.iterations, "evaluations": m.evaluations, "notes": list(m.notes),
        "history": [[v.iteration, v.value, v.gradient_norm] for v in m.history], "seconds": seconds(begin)}
    return Shown([to_json(fields)], [], code)


def _progress() -> Callable[[int, float, float], None]:
    """Words on stderr, once a second, of a run that takes longer than two."""
    begin = time.monotonic()
    last = begin + QUIET - EVERY

    def told(k: int, value: float, norm: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= EVERY:
            last = now
            print(f"{now - begin:5.0f} s  iteration {k:,}: value {value:.6g}, gradient {norm:.1e}", file=sys.stderr, flush=True)

    return told


def _refuse_ending(path: str | None) -> None:
    if path and os.path.splitext(path)[1].lower() != ".npz":
        instead = os.path.splitext(path)[0] + ".npz"
        raise DomainError(f"--save writes an .npz file, and {path} is none", fixes=[Fix(options=(("save", instead),))])


def _saved(path: str, x: dict[str, Any]) -> None:
    import numpy as np

    try:
        np.savez(path, **x)
    except OSError as error:
        raise DomainError(f"{path} cannot be written", detail=error.strerror or "", fixes=[Fix(options=(("save", ""),))]) from None
