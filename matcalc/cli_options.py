"""The options of the command, in the order in which the help shows them, and what was typed as the request that it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import click

from .cli_completion import after_expression, files, one_of, variables
from .cli_errors import UsageError
from .display import Asked
from .errors import Fix, nearest

FORMATS = ("text", "unicode", "latex", "mathml", "sympy", "numpy", "jax", "torch", "julia", "matlab", "json")
CHOICES = {
    "to": FORMATS,
    "syntax": ("auto", "numpy", "matlab", "latex"),
    "structure": ("projected", "independent", "free"),
    "layout": ("numerator", "denominator"),
    "form": ("matrix", "index"),
    "of": ("auto", "grad", "jacobian", "hessian"),
}

F = TypeVar("F", bound=Callable[..., Any])


def option_set(*decorators: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several options as one decorator, in the order in which the help shows them."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


wrt_option = click.option("--wrt", multiple=True, metavar="X", shell_complete=variables,
                          help="The variable to differentiate by; may be repeated.")
structure_option = click.option("--structure", default="projected", metavar="KIND", shell_complete=one_of(*CHOICES["structure"]),
                                help="For a variable declared symmetric, diagonal ...: projected (default), independent or free.")
rules_option = click.option("--rules", multiple=True, metavar="FILE", shell_complete=files,
                            help="A file of your own functions and identities; may be repeated.")
set_options = option_set(
    click.option("--set", "values", multiple=True, metavar='"x=[1, 2]"', help="The value of a variable: numbers and lists of numbers."),
    click.option("--data", multiple=True, metavar="FILE", shell_complete=files,
                 help="Arrays: .npz by their names; .csv by its columns or its own name; may be repeated."),
)
steps_option = click.option("--steps", is_flag=True, help="Show the derivation before the answer.")
check_options = option_set(
    click.option("--no-check", is_flag=True, help="Show the answer without checking it."),
    click.option("--seed", type=int, default=0, metavar="N", help="Seed of the points at which answers are checked."),
)
reading_options = option_set(
    click.argument("expression", nargs=-1, shell_complete=after_expression),
    click.option("--let", multiple=True, metavar='"A: matrix(n, n)"',
                 help='Declare a variable or its properties ("A: spd"); may be repeated.'),
    click.option("--syntax", default="auto", metavar="NAME", shell_complete=one_of(*CHOICES["syntax"]),
                 help="How the text is read: auto (default), numpy, matlab or latex."),
    click.option("--to", default="text", metavar="FORMAT", shell_complete=one_of(*FORMATS), help=f"What is printed: {', '.join(FORMATS)}."),
    rules_option,
    click.option("--limit", multiple=True, metavar="NAME=VALUE", help="Raise a limit that an error named; may be repeated."),
    click.option("--file", metavar="FILE", shell_complete=files, help="Read one expression a line; errors carry the line number."),
)


layout_option = click.option("--layout", default="numerator", metavar="NAME", shell_complete=one_of(*CHOICES["layout"]),
                             help="numerator (default): rows are outputs; or denominator.")
form_option = click.option("--form", default="matrix", metavar="NAME", shell_complete=one_of(*CHOICES["form"]),
                           help="matrix (default), or index: the tensor by its entries.")
derivative_options = option_set(wrt_option, reading_options, structure_option, steps_option, check_options)


def read_command(ctx: click.Context) -> Asked:
    """The verb and its options, with those that click does not judge judged here."""
    options = dict(ctx.params)
    for name, choices in CHOICES.items():
        if name in options:
            choose(name, options[name], choices)
    options["limits"] = read_limits(options["limit"])
    return Asked(ctx.info_name or "", options, tuple(typed_options(ctx)), ctx.obj)


def typed_options(ctx: click.Context) -> Iterator[tuple[str, str]]:
    """(name, value) of every option that was typed, but for those that a request has places of its own for."""
    for param in ctx.command.params:
        if not isinstance(param, click.Option) or param.name in ("wrt", "let", "file"):
            continue
        if ctx.get_parameter_source(param.name or "") is not click.core.ParameterSource.COMMANDLINE:
            continue
        value = ctx.params[param.name or ""]
        for one in value if isinstance(value, tuple) else (value,):
            yield param.opts[0].removeprefix("--"), "true" if one is True else str(one)


def choose(option: str, value: str, now: tuple[str, ...]) -> None:
    """Refuse a value that is none of those that an option takes."""
    if value in now:
        return
    meant = nearest(value, set(now)) or now[0]
    raise UsageError(f"--{option} takes {', '.join(now)}; not {value}", fixes=[Fix(options=((option, meant),))])


def read_limits(pairs: Iterable[str]) -> dict[str, int] | None:
    limits = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not re.fullmatch(r"\s*[0-9]{1,18}\s*", value):
            raise UsageError(f"--limit takes NAME=VALUE, a whole number; not {pair}", fixes=[Fix(options=(("limit", ""),))])
        limits[name.strip()] = int(value)
    return limits or None


def common(asked: Asked, *names: str) -> dict[str, Any]:
    """The keyword arguments that all calls of the API share, or those of them that are named."""
    keywords = {name: asked.get(name) for name in ("let", "syntax", "rules", "seed", "limits")}
    keywords["check"] = not asked.get("no_check")
    return {name: value for name, value in keywords.items() if not names or name in names}


def one_or_all(names: tuple[str, ...]) -> str | list[str] | None:
    if not names:
        return None
    return names[0] if len(names) == 1 else list(names)
