"""The command line: click commands whose every line of output comes from the API.

The answer, and nothing else, goes to stdout; what was assumed, conditions, evidence and errors go to stderr. Everything
that is slow to import (numpy, sympy, rich, the engine itself) is imported where it is first needed.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from . import __version__, cli_completion, cli_minimize, cli_plot
from .cli_errors import internal_error, readable, usage_error, wants_json, with_fixes_from
from .cli_help import EXAMPLES, MORE, PURPOSE, Verbs
from .cli_options import (
    CHOICES,
    check_options,
    common,
    derivative_options,
    form_option,
    layout_option,
    one_or_all,
    read_command,
    reading_options,
    rules_option,
    set_options,
    steps_option,
    structure_option,
    wrt_option,
)
from .cli_rules import known_rules
from .cli_run import missing_rules, run
from .cli_tables import read_data
from .cli_values import chosen, read_values, values_that_fit, with_values
from .display import Place, Shown, emit, show_answers, show_error, show_judgement, show_value
from .errors import DomainError, MatcalcError, Request, ShapeError

CLOSED_PIPE, INTERRUPTED = 141, 130  # what a shell reports for SIGPIPE and SIGINT
UNWRITABLE = {errno.EPIPE, errno.ENOSPC, errno.EBADF, errno.EIO}  # stdout is closed, or full


@click.group(cls=Verbs, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, help="Show the version.")
@click.pass_context
def verbs(ctx: click.Context, version: bool) -> int:
    """Matrix derivatives in closed form, checked before they are shown."""
    if version:
        print(f"matcalc {__version__}")
        ctx.exit(0)
    if ctx.invoked_subcommand is None:
        print("\n".join([PURPOSE, "", *(f"  {example}" for example in EXAMPLES), "", MORE]))
    return 0


@verbs.command(examples=(
    EXAMPLES[0], EXAMPLES[1],
    'matcalc grad "norm2sq(A x - b) + c * norm1(x)" --wrt x --steps',
    'matcalc grad "norm2sq(y - W2 @ tanh(W1 @ x))" --wrt W1 --wrt W2 --to json',
))
@derivative_options
def grad(**_options: Any) -> int:
    """The gradient of a scalar expression, in the shape of the variable."""
    return differentiate("grad")


@verbs.command(examples=('matcalc jacobian "diag(x) A x" --wrt x', 'matcalc jacobian "A X B" --wrt X --layout denominator'))
@derivative_options
@layout_option
@form_option
def jacobian(**_options: Any) -> int:
    """The Jacobian: rows are the entries of the expression, columns those of the variable, matrices stacked by columns."""
    return differentiate("jacobian", "layout", "form")


@verbs.command(examples=('matcalc hessian "x.T A x" --wrt x', 'matcalc hessian "x.T A y" --wrt x --wrt y --let "y: vector(m)"'))
@derivative_options
@layout_option
def hessian(**_options: Any) -> int:
    """The second derivatives of a scalar expression; with two variables, the mixed block."""
    return differentiate("hessian", "layout")


@verbs.command(examples=('matcalc hvp "norm2sq(A x - b)" --wrt x',))
@derivative_options
def hvp(**_options: Any) -> int:
    """The Hessian times a direction, without the Hessian."""
    return differentiate("hvp")


@verbs.command(examples=('matcalc differential "inv(X)" --wrt X',))
@derivative_options
def differential(**_options: Any) -> int:
    """The differential: in the shape of the expression, linear in dX."""
    return differentiate("differential")


@verbs.command(examples=('matcalc jvp "tanh(A x)" --wrt x',))
@derivative_options
def jvp(**_options: Any) -> int:
    """The Jacobian times a direction dX: forward mode."""
    return differentiate("jvp")


@verbs.command(examples=('matcalc vjp "softmax(Q @ K.T / sqrt(d)) @ V" --wrt Q --wrt K --wrt V',))
@derivative_options
def vjp(**_options: Any) -> int:
    """What a cotangent G of the expression gives to the variable: reverse mode."""
    return differentiate("vjp")


@verbs.command(examples=('matcalc check "x.T A x" --wrt x --claim "2 A x"', 'matcalc check "x.T A x" --wrt x --claim "2 A" --of hessian'))
@reading_options
@wrt_option
@click.option("--claim", required=True, metavar="EXPR", help="The derivative that you have.")
@click.option("--of", default="auto", metavar="KIND", shell_complete=cli_completion.one_of(*CHOICES["of"]),
              help="grad, jacobian or hessian; auto (default): whichever fits.")
@layout_option
@structure_option
@click.option("--seed", type=int, default=0, metavar="N", help="Seed of the points at which claims are checked.")
def check(**_options: Any) -> int:
    """Judge a derivative of your own: true, or what is wrong with it."""
    asked = read_command(click.get_current_context())

    def show(text: str, start: float) -> Shown:
        import matcalc as mc

        options = {name: asked.get(name) for name in ("claim", "of", "layout", "structure", "seed")}
        judgement = mc.check(text, one_or_all(asked.get("wrt")), **options, **common(asked, "let", "syntax", "rules", "limits"))
        return show_judgement(asked, text, judgement, start)

    return run(asked, show)


def differentiate(verb: str, *names: str) -> int:
    """Ask the API for a derivative; `names`: the options of this verb beyond those of all."""
    asked = read_command(click.get_current_context())

    def ask(text: str) -> list[Any]:
        import matcalc as mc

        options = {name: asked.get(name) for name in ("structure", *names)}
        answer = getattr(mc, verb)(text, one_or_all(asked.get("wrt")), **options, **common(asked))
        return answer if isinstance(answer, list) else [answer]

    return run(asked, lambda text, start: show_answers(asked, text, ask(text), start))


@verbs.command(examples=(EXAMPLES[2], 'matcalc simplify "inv(A @ B) @ A" --let "A: matrix(n, n) invertible"'))
@reading_options
@steps_option
@check_options
def simplify(**_options: Any) -> int:
    """An expression in its shortest form."""
    asked = read_command(click.get_current_context())

    def ask(text: str) -> list[Any]:
        import matcalc as mc

        return [mc.simplify(text, **common(asked))]

    return run(asked, lambda text, start: show_answers(asked, text, ask(text), start))


@verbs.command("eval", examples=(
    'matcalc eval "x.T A x" --set "x=[1, 2]" --set "A=[[1, 2], [3, 4]]"',
    'matcalc eval "norm2sq(A x - b)" --data arrays.npz',
))
@reading_options
@set_options
def evaluate(**_options: Any) -> int:
    """The value of an expression, its variables given by --set or --data."""
    asked = read_command(click.get_current_context())
    try:
        arrays = read_data(asked.get("data"))
        given = read_values(asked.get("values"))
    except MatcalcError as error:
        if not any(fix.say or dict(fix.options).get("data") for fix in error.fixes):
            error.fixes = with_values(asked) or error.fixes
        raise

    def show(text: str, start: float) -> Shown:
        import matcalc as mc

        values = chosen(asked, text, arrays, given)
        try:
            value = mc.evaluate(text, values, **common(asked, "let", "syntax", "rules", "limits"))
        except (DomainError, ShapeError) as error:
            error.fixes = error.fixes or values_that_fit(asked, text, values)
            raise
        return show_value(asked, text, value, start)

    return run(asked, show)


@verbs.command(examples=("matcalc rules", "matcalc rules logdet", "matcalc rules check logdet --seed 7"))
@click.argument("words", nargs=-1, metavar="[NAME | check [NAME]]", shell_complete=cli_completion.rules_by_name)
@rules_option
@click.option("--seed", type=int, default=0, metavar="N", help="Seed of the points at which rules are checked.")
def rules(words: tuple[str, ...], rules: tuple[str, ...], seed: int) -> int:
    """What matcalc knows: list all functions and identities, show one, or check them."""
    shown = known_rules(words, rules, seed)
    click.get_current_context().obj.tell(shown)
    return shown.code


@verbs.command(examples=cli_minimize.EXAMPLES)
@reading_options
@cli_minimize.options
def minimize(**_options: Any) -> int:
    """Find the variables at which an expression is smallest."""
    return cli_minimize.find(read_command(click.get_current_context()))


@verbs.command(examples=cli_plot.EXAMPLES)
@cli_plot.options
def plot(**_options: Any) -> int:
    """A picture of a function or of its minimisation: field, path, landscape, network or convergence."""
    return cli_plot.draw(read_command(click.get_current_context()))


@verbs.command(examples=("matcalc repl", "printf 'let A symmetric\\ngrad x.T A x x\\n' | matcalc repl"))
@rules_option
def repl(rules: tuple[str, ...]) -> int:
    """Ask line by line; declarations and definitions are kept. Completion and live shapes need prompt_toolkit, the extra [repl]."""
    from .repl.terminal import converse

    missing = missing_rules(rules)
    if missing:
        raise missing
    return converse(rules)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; the value is the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that has no Σ gets \\u03a3
    try:
        completed = cli_completion.answer(verbs)
        code = execute(argv, Place(emit)) if completed is None else completed
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except OSError:
        leave_pipe()
        return CLOSED_PIPE


def execute(argv: Sequence[str], place: Place) -> int:
    """The exit code of a command line, told at its place; only what ends a program is raised: an interrupt, a closed pipe."""
    start = time.perf_counter()
    failed: MatcalcError
    try:
        readable(argv)
        with verbs.make_context("matcalc", list(argv), obj=place) as ctx:
            code = verbs.invoke(ctx)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        raise
    except click.ClickException as error:
        failed = usage_error(error, argv, verbs)
    except MatcalcError as error:
        failed = error
    except Exception as fault:
        if isinstance(fault, BrokenPipeError) or (isinstance(fault, OSError) and fault.errno in UNWRITABLE):
            raise
        failed = internal_error(fault, Request(argv[0] if argv else "", " ".join(argv[1:])))
    if failed.request is None:
        failed = with_fixes_from(failed, argv) if place.request is None else failed.at(place.request)
    place.tell(show_error(argv[0] if argv else "", "", failed, wants_json(argv), start))
    return failed.exit_code


def leave_pipe() -> None:
    """Point stdout elsewhere, so that Python's own flush at exit does not complain of the closed pipe."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
