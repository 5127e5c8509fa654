"""The command `matcalc plot`: options, and from them a picture in a file, whose name is all that goes to stdout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from .cli_completion import after_expression, files, one_of, variables
from .cli_options import CHOICES, choose, common, rules_option
from .cli_run import run
from .cli_tables import read_data
from .cli_values import chosen, read_values
from .display import Asked, Shown, seconds, to_json
from .errors import DomainError, Fix, MatcalcError, nearest

KINDS = ("field", "path", "landscape", "network", "convergence")
EXAMPLES = (
    'matcalc plot field "x[0]**2 + 3 * x[1]**2" --range "-2:2,-1:3" --save field.png',
    'matcalc plot path "(1 - x[0])**2 + 100 * (x[1] - x[0]**2)**2" --start "x=[-1.2, 1]" --method newton --method gd',
    'matcalc plot landscape "norm2sq(Y - W2 @ tanh(W1 @ X))" --over W1 --over W2 --data network.npz',
)
OUTPUTS = ("text", "json")
SAVED = "plot.png"
# What each picture takes beyond what all take; the names are those of the API.
TAKEN = {"field": ("range",), "path": ("range", "method", "iterations"), "convergence": ("method", "iterations"),
         "landscape": ("range", "method", "iterations", "directions", "scale"),
         "network": ("range", "method", "iterations", "directions")}

_OPTIONS: list[Callable[[Any], Any]] = [
    click.argument("kind", metavar="KIND", shell_complete=one_of(*KINDS)),
    click.argument("expression", nargs=-1, shell_complete=after_expression),
    click.option("--over", "--wrt", multiple=True, metavar="X", shell_complete=variables,
                 help="A variable that moves; may be repeated. Otherwise, all that have no value."),
    click.option("--start", multiple=True, metavar='"x=[-1.2, 1]"', help="Where a variable starts; gives it its size, too."),
    click.option("--set", "values", multiple=True, metavar='"b=[1, 2]"', help="The value of a variable that does not move."),
    click.option("--data", multiple=True, metavar="FILE", shell_complete=files,
                 help="Arrays, of those that move the start: .npz by their names; .csv by its columns or its own name; may be repeated."),
    click.option("--method", multiple=True, metavar="NAME", help="gd, momentum, nesterov, adam, newton, bfgs ...; may be repeated."),
    click.option("--iterations", type=click.IntRange(min=1), metavar="N", help="Stop each method after so many."),
    click.option("--range", metavar='"-2:2,-1:3"', help="From where to where, for each entry or direction."),
    click.option("--directions", default="auto", metavar="KIND", help="With many entries: path, filters or random; auto (default)."),
    click.option("--scale", default="auto", metavar="KIND", help="Heights of a landscape: linear or log; auto (default)."),
    click.option("--save", default=SAVED, metavar="FILE", shell_complete=files,
                 help=f".png, .svg, or .gif for a path that moves; {SAVED} (default)."),
    click.option("--let", multiple=True, metavar='"A: matrix(n, n)"', help="Declare a variable or its properties; may be repeated."),
    click.option("--syntax", default="auto", metavar="NAME", shell_complete=one_of(*CHOICES["syntax"]),
                 help="How the text is read: auto (default), numpy, matlab or latex."),
    click.option("--to", default="text", metavar="FORMAT", shell_complete=one_of(*OUTPUTS),
                 help="What is printed: text or json."),
    rules_option,
    click.option("--limit", multiple=True, metavar="NAME=VALUE", help="Raise a limit that an error named; may be repeated."),
    click.option("--seed", type=int, default=0, metavar="N", help="Seed of random directions and starts."),
]


def options(function: Any) -> Any:
    """The options of `matcalc plot`, in the order in which the help shows them."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def draw(asked: Asked) -> int:
    """Draw what was asked for; the exit code is that of the expression."""
    kind = asked.get("kind")
    choose("to", asked.get("to"), OUTPUTS)
    if kind not in KINDS:
        raise unknown_kind(kind, asked)
    refuse_others(asked, kind)
    asked = asked._replace(verb=f"plot {kind}")
    keywords = read_keywords(asked, kind)
    return run(asked, lambda text, start: show(asked, kind, text, keywords, start))


def unknown_kind(kind: str, asked: Asked) -> MatcalcError:
    """`plot feild ...`, or an expression where the kind of picture belongs."""
    words = asked.get("expression")
    text, meant = (" ".join(words), nearest(kind, set(KINDS)) or "field") if words else (kind, "field")
    fix = asked._replace(verb=f"plot {meant}").request(text).command()
    return DomainError(f"plot draws {', '.join(KINDS)}; not {kind}", fixes=[Fix(say=fix)])


def refuse_others(asked: Asked, kind: str) -> None:
    """An option that this picture would not look at is an error, not silence."""
    every = {name for names in TAKEN.values() for name in names}
    for name, _ in asked.typed:
        if name in every and name not in TAKEN[kind]:
            raise DomainError(f"plot {kind} takes no --{name}", fixes=[Fix(options=((name, ""),))])
    if kind == "landscape" and len(asked.get("method")) > 1:
        raise DomainError("a landscape shows the path of one method", fixes=[Fix(options=(("method", asked.get("method")[0]),))])


def read_keywords(asked: Asked, kind: str) -> dict[str, Any]:
    """The keyword arguments of the API, of which `data` may still hold arrays that the expression does not name."""
    found: dict[str, Any] = {name: asked.get(name) for name in TAKEN[kind]}
    if "method" in found:
        methods = list(asked.get("method")) or None
        found["method"] = methods[0] if methods and kind == "landscape" else methods
    found["over"] = list(asked.get("over")) or None
    found["start"] = read_values(asked.get("start"))
    found["data"] = {**read_data(asked.get("data")), **read_values(asked.get("values"))}
    return {**found, **common(asked, "let", "syntax", "rules", "seed")}


def show(asked: Asked, kind: str, text: str, keywords: dict[str, Any], start: float) -> Shown:
    """Draw one picture and write it; its notes go to stderr."""
    from . import pictures

    known = chosen(asked, text, keywords["data"], {})
    picture = getattr(pictures, kind)(text, **{**keywords, "data": known})
    saved = str(picture.save(asked.get("save")))
    notes = list(picture.notes)
    if not any(name == "save" for name, _ in asked.typed):
        notes.append(f"note: written to {saved}; --save FILE names another")
    if asked.as_json:
        fields = {"ok": True, "verb": asked.verb, "text": text, "answer": saved, "notes": notes, "seconds": seconds(start)}
        return Shown([to_json(fields)], [])
    return Shown([saved], notes)
