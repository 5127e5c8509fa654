"""The command line: click commands whose every line of output comes from the API.

The answer, and nothing else, goes to stdout; what was assumed, conditions, evidence and errors go to stderr. Everything
that is slow to import (numpy, sympy, rich, the engine itself) is imported where it is first needed.
"""

from __future__ import annotations

import errno
import io
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any, TypeVar

import click

from . import __version__, cli_minimize, cli_plot
from .display import Asked, Shown, emit, show_answers, show_error, show_judgement, show_value
from .errors import DomainError, Fix, MatcalcError, NotSupported, Request, RuleError, ShapeError, UnknownName, nearest, quote

PURPOSE = "matcalc: matrix derivatives in closed form, checked before they are shown."
EXAMPLES = (
    'matcalc grad "x.T A x" --wrt x',
    'matcalc grad "logdet(X)" --wrt X --let "X: spd"',
    'matcalc simplify "tr(A @ B) - tr(B @ A)"',
)
MORE = "More: matcalc --help, matcalc grad --help, matcalc rules"

FORMATS = ("text", "unicode", "latex", "mathml", "sympy", "numpy", "json")
LATER_FORMATS = ("jax", "torch", "julia", "matlab")
SAME_VERB = {"gradient": "grad", "derivative": "grad", "diff": "grad", "derive": "grad", "d": "differential", "hess": "hessian",
             "jac": "jacobian", "verify": "check", "evaluate": "eval", "simp": "simplify", "functions": "rules"}
LATER_VERBS = ("repl",)
LAYOUTS = ("numerator", "denominator")
FORMS = ("matrix", "index")
KINDS = ("auto", "grad", "jacobian", "hessian")
SYNTAXES = ("auto", "numpy", "matlab", "latex")
STRUCTURES = ("projected", "independent", "free")
WORST = (70, 4, 3, 2, 5, 1, 0)  # of several expressions, the exit code that comes first here is the exit code of all
CLOSED_PIPE, INTERRUPTED = 141, 130  # what a shell reports for SIGPIPE and SIGINT
UNWRITABLE = {errno.EPIPE, errno.ENOSPC, errno.EBADF, errno.EIO}  # stdout is closed, or full

F = TypeVar("F", bound=Callable[..., Any])


class UsageError(MatcalcError):
    """A command line that cannot be read."""


class InternalError(MatcalcError):
    """A fault of matcalc: something that is not a MatcalcError escaped from the API."""

    exit_code = 70


# ---------------------------------------------------------------- commands


class Command(click.Command):
    """A command whose help begins with examples, and whose expression may begin with a minus."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.examples = examples

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, self.examples)
        super().format_help(ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self.negatives_last(args))

    def negatives_last(self, args: list[str]) -> list[str]:
        """`args` with an expression such as "-x.T @ x", which is no option, moved behind `--`."""
        if "--" in args:
            return args
        valued = {o for p in self.params if isinstance(p, click.Option) and not p.is_flag for o in p.opts}
        known = {"-", "-h"}
        moved = [a for before, a in zip(["", *args], args, strict=False)
                 if re.match(r"-(?!-)", a) and a not in known and before not in valued]
        return [a for a in args if a not in moved] + (["--", *moved] if moved else [])


class Verbs(click.Group):
    """The group of all verbs: an unknown one gets the nearest, a bare expression gets a verb."""

    command_class = Command

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, EXAMPLES)
        super().format_help(ctx, formatter)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if word in self.commands:
            return word, self.commands[word], args[1:]
        if word in LATER_VERBS:
            raise NotSupported(f"{word} is not there yet; what works now: {', '.join(self.commands)}",
                               fixes=[Fix(say="matcalc --help")])
        if word.startswith("-"):
            raise click.NoSuchOption(word, ctx=ctx)
        if not re.fullmatch(r"[A-Za-z][\w-]*", word):
            raise UsageError("a verb is missing before the expression", fixes=[Fix(say=shell_line(["simplify", *args]))])
        meant = SAME_VERB.get(word.lower()) or nearest(word, set(self.commands))
        fix = shell_line([meant, *args[1:]]) if meant else "matcalc --help"
        raise UsageError(f"there is no command {word}" + (f"; did you mean {meant}?" if meant else ""), fixes=[Fix(say=fix)])


def write_examples(formatter: click.HelpFormatter, examples: Iterable[str]) -> None:
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"{'':{formatter.current_indent}}{example}\n")
    formatter.write("\n")


def option_set(*decorators: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several options as one decorator, in the order in which the help shows them."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


wrt_option = click.option("--wrt", multiple=True, metavar="X", help="The variable to differentiate by; may be repeated.")
structure_option = click.option("--structure", default="projected", metavar="KIND",
                                help="For a variable declared symmetric, diagonal ...: projected (default), independent or free.")
set_options = option_set(
    click.option("--set", "values", multiple=True, metavar='"x=[1, 2]"', help="The value of a variable: numbers and lists of numbers."),
    click.option("--data", metavar="FILE.npz", help="A file of NumPy arrays, named as the variables are."),
)
steps_option = click.option("--steps", is_flag=True, help="Show the derivation before the answer.")
check_options = option_set(
    click.option("--no-check", is_flag=True, help="Show the answer without checking it."),
    click.option("--seed", type=int, default=0, metavar="N", help="Seed of the points at which answers are checked."),
)
reading_options = option_set(
    click.argument("expression", nargs=-1),
    click.option("--let", multiple=True, metavar='"A: matrix(n, n)"',
                 help='Declare a variable or its properties ("A: spd"); may be repeated.'),
    click.option("--syntax", default="auto", metavar="NAME", help="How the text is read: auto (default), numpy, matlab or latex."),
    click.option("--to", default="text", metavar="FORMAT", help=f"What is printed: {', '.join(FORMATS)}."),
    click.option("--rules", multiple=True, metavar="FILE", help="A file of your own functions and identities; may be repeated."),
    click.option("--limit", multiple=True, metavar="NAME=VALUE", help="Raise a limit that an error named; may be repeated."),
    click.option("--file", metavar="FILE", help="Read one expression a line; errors carry the line number."),
)


layout_option = click.option("--layout", default="numerator", metavar="NAME", help="numerator (default): rows are outputs; or denominator.")
form_option = click.option("--form", default="matrix", metavar="NAME", help="matrix (default), or index: the tensor by its entries.")
derivative_options = option_set(reading_options, wrt_option, structure_option, steps_option, check_options)


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
@click.option("--of", default="auto", metavar="KIND", help="grad, jacobian or hessian; auto (default): whichever fits.")
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
        arrays = read_arrays(asked.get("data")) if asked.get("data") else {}
        given = read_values(asked.get("values"))
    except MatcalcError as error:
        if not any(fix.say for fix in error.fixes):
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
@click.argument("words", nargs=-1, metavar="[NAME | check [NAME]]")
@click.option("--rules", multiple=True, metavar="FILE", help="A file of your own functions and identities; may be repeated.")
@click.option("--seed", type=int, default=0, metavar="N", help="Seed of the points at which rules are checked.")
def rules(words: tuple[str, ...], rules: tuple[str, ...], seed: int) -> int:
    """What matcalc knows: list all functions and identities, show one, or check them."""
    missing = missing_rules(rules)
    if missing:
        raise missing
    if words[:1] == ("check",) and len(words) <= 2:
        return check_rules(words[1:], rules, seed)
    if len(words) > 1:
        raise UsageError("one name at a time", fixes=[Fix(say=shell_line(["rules", words[0]]))])
    import matcalc as mc

    entries = mc.rules(rules=rules)
    emit(Shown(list_rules(entries) if not words else show_rule(entries, words[0]), []))
    return 0


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


# ---------------------------------------------------------------- from click's words to ours


def read_command(ctx: click.Context) -> Asked:
    """The verb and its options, with those that click does not judge judged here."""
    options = dict(ctx.params)
    choose("to", options["to"], FORMATS, LATER_FORMATS)
    choose("syntax", options["syntax"], SYNTAXES)
    for name, choices in (("structure", STRUCTURES), ("layout", LAYOUTS), ("form", FORMS), ("of", KINDS)):
        if name in options:
            choose(name, options[name], choices)
    options["limits"] = read_limits(options["limit"])
    return Asked(ctx.info_name or "", options, tuple(typed_options(ctx)))


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


def choose(option: str, value: str, now: tuple[str, ...], later: tuple[str, ...] = ()) -> None:
    """Refuse a value that is none of those that an option takes."""
    if value in now:
        return
    if value in later:
        raise NotSupported(f"--{option} {value} is not there yet; what works now: {', '.join(now)}",
                           fixes=[Fix(options=((option, now[0]),))])
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


def read_values(pairs: Iterable[str], option: str = "set") -> dict[str, Any]:
    """The values that were set on the command line."""
    values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--{option} takes NAME=VALUE; not {pair}", fixes=[Fix(options=((option, "x=[1, 2]"),))])
        values[name.strip()] = read_number(name.strip(), text, option)
    return values


def read_number(name: str, text: str, option: str = "set") -> Any:
    """A number, a list of numbers (a vector) or a list of rows (a matrix)."""
    import json

    import numpy as np

    try:
        value = np.array(json.loads(text), dtype=float)
    except (ValueError, TypeError, RecursionError):
        example = f"{name}=[[1, 2], [3, 4]]" if name[0].isupper() else f"{name}=[1, 2]"
        raise DomainError(f"the value of {name} is neither a number, nor a list of numbers, nor a list of rows of equal length",
                          fixes=[Fix(options=((option, example),))]) from None
    return value


def read_arrays(path: str) -> dict[str, Any]:
    """The arrays of an .npz file, and an error for each that is not one of numbers; nothing in it is unpickled."""
    import zipfile
    import zlib

    import numpy as np

    instead = Fix(options=(("data", ""), ("set", "x=[1, 2]")))  # where the expression is not known
    arrays: dict[str, Any] = {}
    try:
        with open(path, "rb") as opened:
            head = opened.read(6)
        if head == b"\x93NUMPY":
            saved = f"np.savez({os.path.splitext(path)[0] + '.npz'!r}, x=np.load({path!r}))"
            raise DomainError(f"{path} is an .npy file: one array without a name", detail="--data takes .npz files: arrays with names",
                              fixes=[Fix(say="python3 -c " + quote(f"import numpy as np; {saved}", True))])
        if not zipfile.is_zipfile(path):
            detail = "--data takes what np.savez wrote; --set takes numbers"
            raise DomainError(f"{path} is not an .npz file", detail=detail, fixes=[instead])
        with np.load(path, allow_pickle=False) as file:
            for name in file.files:
                wrong = DomainError(f"{name} in {path} is not an array of numbers")
                try:
                    value = file[name]
                    arrays[name] = value if getattr(value, "dtype", None) is not None and value.dtype.kind in "biuf" else wrong
                except (ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error):
                    arrays[name] = wrong
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        what = reason(error) if isinstance(error, OSError) else "the file is damaged"
        raise DomainError(f"{path} cannot be read as an .npz file of numbers", detail=what, fixes=[instead]) from None
    return arrays


def chosen(asked: Asked, text: str, arrays: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Of a file's arrays those that the expression names, and what was set; a dimension is at least 1."""
    reading = understood(asked, text)
    if reading is None:
        return {**arrays, **given}
    names = {*reading.symbols, *reading.dims, *(symbol.spelled for symbol in reading.symbols.values())}
    values = {**{name: value for name, value in arrays.items() if name in names}, **given}
    unread = [value for value in values.values() if isinstance(value, MatcalcError)]
    if unread:
        unread[0].fixes = values_that_fit(asked, text, {k: v for k, v in values.items() if not isinstance(v, MatcalcError)})
        raise unread[0]
    for name, value in values.items():
        if name in reading.dims and name not in reading.symbols and not (value.size == 1 and value >= 1 and value % 1 == 0):
            raise DomainError(f"{name} is a dimension: a whole number, at least 1", fixes=[Fix(options=(("set", f"{name}=2"),))])
    return values


def with_values(asked: Asked) -> tuple[Fix, ...]:
    """The command with those values that could be read, and with examples for the rest."""
    words = asked.get("expression")
    if len(words) != 1 or words[0] == "-":
        return ()
    good: dict[str, Any] = {}
    kept = [(name, value) for name, value in asked.typed if name not in ("set", "data")]
    for pair in asked.get("values"):
        with suppress(MatcalcError):
            good |= read_values([pair])
            kept.append(("set", pair))
    fixes = values_that_fit(asked, words[0], good)
    return tuple(Fix(say=asked._replace(typed=(*kept, *fix.options)).request(words[0]).command()) for fix in fixes)


def understood(asked: Asked, text: str) -> Any:
    """The reading of an expression without its variables of differentiation, or None where there is none."""
    from .asking import understand

    try:
        return understand(text, asked.get("let"), asked.get("syntax"), asked.get("rules"), (), asked.get("limits"))
    except MatcalcError:
        return None


def values_that_fit(asked: Asked, text: str, values: dict[str, Any]) -> tuple[Fix, ...]:
    """Values of fitting shapes for the variables whose values do not fit or are missing, if the expression then has a value."""
    import json

    import numpy as np

    import matcalc as mc

    from .dims import substitute

    reading = understood(asked, text)
    if reading is None:
        return ()
    sizes: dict[Any, Any] = {}
    wrong = []
    for name, symbol in reading.symbols.items():
        value = values.get(name, values.get(symbol.spelled))
        shape = () if value is None else np.shape(value) if np.ndim(value) == 2 else (*np.shape(value), 1, 1)[:2]
        bound = {dim: size for dim, size in zip(symbol.shape, shape, strict=False) if isinstance(dim, str)}
        fits = shape and all(sizes.get(d, bound.get(d, d)) == size for d, size in zip(symbol.shape, shape, strict=True))
        if fits and all(bound.get(d, d) == size for d, size in zip(symbol.shape, shape, strict=True)):
            sizes |= bound
        else:
            wrong.append(symbol)
    example: dict[str, Any] = {}
    for symbol in wrong:
        sizes |= {dim: sizes.get(dim, 2) for dim in reading.dims}
        shape = tuple(d if isinstance(d, int) else substitute(d, sizes) for d in symbol.shape)
        if not all(isinstance(d, int) and d < 10 for d in shape):
            return ()
        rows = np.eye(*shape).astype(int).tolist()
        example[symbol.name] = rows[0][0] if shape == (1, 1) else [1] * int(shape[0]) if shape[1] == 1 else rows
    kept = {name: value for name, value in values.items() if reading.symbols.keys().isdisjoint([name]) or name not in example}
    try:
        mc.evaluate(text, {**kept, **example}, **common(asked, "let", "syntax", "rules", "limits"))
    except Exception:  # a fix that was not seen to work is not offered
        return ()
    return (Fix(options=tuple(("set", f"{name}={json.dumps(value)}") for name, value in example.items())),) if example else ()


# ---------------------------------------------------------------- expressions: one, standard input, or a file


def run(asked: Asked, show: Callable[[str, float], Shown]) -> int:
    """Answer every expression that was given; the exit code is the worst."""
    codes = [answer_one(asked, show, text, line) for line, text in expressions(asked)]
    return min(codes, key=WORST.index, default=0)


def answer_one(asked: Asked, show: Callable[[str, float], Shown], text: str, line: int | None) -> int:
    """Print the answer to one expression, or its error; `line` is None where there is but one."""
    start = time.perf_counter()
    code = 0
    try:
        readable_text(asked, text)
        shown = show(text, start)
        code = shown.code
    except MatcalcError as error:
        error = helped(asked, text, error)
        typed = asked.request(text)  # as it was typed, with every option, so that a fix can be copied
        error.at(typed).request = error.request.within(typed) if error.request is not None else typed
        shown, code = show_error(asked.verb, text, error, asked.as_json, start, line), error.exit_code
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as fault:
        ours = internal_error(fault, asked.request(text))
        shown, code = show_error(asked.verb, text, ours, asked.as_json, start, line), ours.exit_code
    if line is not None and not code:
        shown = Shown(shown.out, [f"line {line}: {said}" for said in shown.err])
    elif line is not None and not shown.out:
        shown = Shown([""], shown.err)  # so that lines of output stay beside lines of input
    emit(shown)
    return code


def readable_text(asked: Asked, text: str) -> None:
    """Refuse a line whose bytes are not UTF-8: they were kept as lone surrogates."""
    at = next((i for i, c in enumerate(text) if "\ud800" <= c <= "\udfff"), None)
    if at is not None:
        raise DomainError("the text is not UTF-8", detail=f"byte {ord(text[at]) - 0xdc00:#x} at column {at + 1}",
                          fixes=[Fix(say="iconv -f latin1 -t utf-8 " + quote(asked.get("file") or "-", False))])


def helped(asked: Asked, text: str, error: MatcalcError) -> MatcalcError:
    """The error with a fix that the API could not know, if it has none."""
    missing = missing_rules(asked.get("rules") or ()) if isinstance(error, RuleError) else None
    if missing:
        return missing
    if error.fixes:
        return error
    if isinstance(error, UnknownName) and "function" in error.message:
        error.fixes = (Fix(say=shell_line(["rules"]), note="lists all functions"),)
    elif asked.verb == "grad" and isinstance(error, DomainError):
        error.fixes = other_variables(asked, text)
    return error


def missing_rules(paths: Sequence[str]) -> MatcalcError | None:
    """The error for the first file of rules that is not there."""
    missing = [path for path in paths if not os.path.isfile(path)]
    kept = tuple(("rules", path) for path in paths if path not in missing)
    fix = Fix(options=(("rules", ""), *kept))
    return DomainError(f"{missing[0]} cannot be read", detail="there is no such file", fixes=[fix]) if missing else None


def other_variables(asked: Asked, text: str) -> tuple[Fix, ...]:
    """For names after --wrt that are no variables of the expression: names that are; without any, no derivative."""
    reading = understood(asked, text)
    names = asked.get("wrt") or ()
    if reading is None:
        return ()
    if not reading.symbols:
        return (Fix(verb="simplify", wrt=()),)
    wrong = {name for name in names if name not in reading.symbols}
    meant = {word for name in wrong for word in re.findall(r"\w+", name)} & set(reading.symbols)
    return tuple(Fix(wrt=tuple(dict.fromkeys(other if name in wrong else name for name in names)))
                 for other in reading.symbols if wrong and (other in meant or not meant))


def expressions(asked: Asked) -> Iterator[tuple[int | None, str]]:
    """(line number, text) of every expression; the number is None where there is but one."""
    words, path = asked.get("expression"), asked.get("file")
    if path is not None and words:
        raise UsageError("an expression or --file, not both", fixes=[Fix(say=asked.request(" ".join(words)).command())])
    if path is None and not words:
        raise UsageError("an expression is missing", fixes=[Fix(say=example_of(asked))])
    if len(words) > 1:
        raise UsageError("several expressions; one with blanks in it needs quotes", fixes=one_of_several(asked, words))
    if path is None and words != ("-",):
        yield None, words[0]
        return
    lines = read_lines(asked, path)
    if path is None and len(lines) <= 1:
        yield None, lines[0][1] if lines else ""
        return
    yield from lines


def one_of_several(asked: Asked, words: tuple[str, ...]) -> list[Fix]:
    """The words as one expression, if it can be read; or the last of them as the variable."""
    if not any(re.search(r"\s", word) for word in words):
        whole = " ".join(words)
        return [Fix(say=asked.request(whole).command())] if understood(asked, whole) else []
    reading = understood(asked, words[0])
    if asked.verb == "grad" and not asked.get("wrt") and len(words) == 2 and reading and words[1] in reading.symbols:
        return [Fix(say=asked.request(words[0]).mended(Fix(wrt=(words[1],))).command())]
    return []


def read_lines(asked: Asked, path: str | None) -> list[tuple[int, str]]:
    """The numbered lines, but for blank ones, of a file, or of standard input if there is no path."""
    try:
        if path is None or path == "-":
            if sys.stdin is None:
                raise DomainError("standard input is closed", fixes=[Fix(say=example_of(asked))])
            data = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    except OSError as error:
        raise DomainError(f"{path} cannot be read", detail=reason(error), fixes=[Fix(say=asked.request("-").command())]) from None
    return [(i, line) for i, line in enumerate(re.split(r"\r\n|\n|\r", text), 1) if line.strip()]


def example_of(asked: Asked) -> str:
    return asked.request('tr(A)' if asked.get("wrt") == ("A",) else "x.T A x" if asked.verb != "eval" else "1 + 1").command()


# ---------------------------------------------------------------- rules


def list_rules(entries: Sequence[Any]) -> list[str]:
    """Every function and identity on a line of its own, the kinds apart."""
    wide = max((len(entry.name) for entry in entries), default=0)
    kinds = list(dict.fromkeys(entry.kind for entry in entries))
    return [line for kind in kinds for line in (f"# {kind}", *(f"{e.name:{wide}}  {e.text}" for e in entries if e.kind == kind))]


def show_rule(entries: Sequence[Any], name: str) -> list[str]:
    """Everything that is known under one name."""
    lines = []
    for entry in named(entries, name):
        lines += [f"{entry.name}  ({entry.kind}, {entry.where})", *(f"  {line}" for line in entry.text.splitlines())]
        lines += [f"  source: {entry.source}"] if entry.source else []
    return lines


def named(entries: Sequence[Any], name: str) -> list[Any]:
    found = [entry for entry in entries if entry.name == name]
    if not found:
        meant = nearest(name, {entry.name for entry in entries})
        raise UnknownName(f"there is no function or identity {name}" + (f"; did you mean {meant}?" if meant else ""),
                          fixes=[Fix(say=shell_line(["rules", meant] if meant else ["rules"]))])
    return found


def check_rules(names: tuple[str, ...], files: tuple[str, ...], seed: int) -> int:
    """Test all rules, or those of one name, and say which fail and where."""
    import matcalc as mc

    from .rulecheck import check_all

    if names:
        named(mc.rules(rules=files), names[0])
    results = list(check_all(names[0] if names else None, seed=seed, rules=files))
    failed = [result for result in results if not result.ok]
    held = f"{len(results) - len(failed)} of {len(results)} rules hold (seed {seed})"
    emit(Shown([held], [line for result in failed for line in failure(result, seed)]))
    return 2 if failed else 0


def failure(result: Any, seed: int) -> list[str]:
    """A rule that does not hold, with the point that shows it."""
    entry, evidence = result.entry, result.evidence
    what = "does not hold" if evidence.verdict is False else f"could not be checked: {evidence.reason}"
    lines = [f"error: {entry.where}: {entry.name} {what}", f"  {entry.text}"]
    if evidence.counterexample:
        lines.append("  " + ", ".join(f"{k} {v}" for k, v in evidence.counterexample.items() if k in ("sizes", "entry", "got", "wanted")))
    return [*lines, f"fix: {shell_line(['rules', 'check', entry.name, '--seed', str(seed)])}    shows the point again"]


# ---------------------------------------------------------------- errors of the command line itself


def shell_line(words: Iterable[str]) -> str:
    """A command that can be copied: what holds blanks or brackets is in quotes."""
    return " ".join(["matcalc", *(quote(word, always=False) for word in words)])


VALUES = {"--wrt": "x", "--let": "A: matrix(n, n)", "--set": "x=[1, 2]", "--seed": "0", "--structure": "projected", "--syntax": "auto"}


def usage_error(error: click.ClickException, argv: Sequence[str]) -> MatcalcError:
    """What click found wrong, with the command line that was meant."""
    if isinstance(error, click.NoSuchOption):
        return unknown_option(error, argv)
    if isinstance(error, click.BadOptionUsage):
        fix = shell_line([*argv, VALUES.get(error.option_name, "text")])
        return UsageError(f"{error.option_name} needs a value", fixes=[Fix(say=fix)])
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    verb = ctx.info_name if ctx and ctx.parent else None
    message = error.format_message()
    return UsageError(message[:1].lower() + message[1:].rstrip("."), fixes=[Fix(say=shell_line([*([verb] if verb else []), "--help"]))])


def unknown_option(error: click.NoSuchOption, argv: Sequence[str]) -> MatcalcError:
    command = error.ctx.command if error.ctx else verbs
    known = {o for p in command.params for o in p.opts if o.startswith("--")} | {"--help"}
    meant = nearest(error.option_name, known)
    if meant is None:
        elsewhere = f"; {command.name} takes {', '.join(sorted(known))}"
        words = [command.name] if command.name and command.name in verbs.commands else []
        return UsageError(f"there is no option {error.option_name}{elsewhere}", fixes=[Fix(say=shell_line([*words, "--help"]))])
    mended = [re.sub(f"^{re.escape(error.option_name)}(?==|$)", meant, word) for word in argv]
    return UsageError(f"there is no option {error.option_name}; did you mean {meant}?", fixes=[Fix(say=shell_line(mended))])


def internal_error(fault: Exception, request: Request) -> MatcalcError:
    """A fault of matcalc, said without a traceback, with what is needed to report it."""
    import traceback

    frames = traceback.extract_tb(fault.__traceback__)
    where = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    said = f"{type(fault).__name__}: {fault}".splitlines()[0][:200]
    return InternalError(f"matcalc itself failed ({said}{where})", detail="this is a fault of matcalc; please report it with the command:\n"
                         + request.command()[:500])


def reason(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def readable(argv: Sequence[str]) -> None:
    """Refuse arguments whose bytes are not UTF-8: Python hands them over as lone surrogates."""
    for i, word in enumerate(argv, 1):
        if any("\ud800" <= c <= "\udfff" for c in word):
            mended = ["".join(c for c in w if not "\ud800" <= c <= "\udfff") for w in argv]
            raise UsageError(f"argument {i} is not UTF-8 text", fixes=[Fix(say=shell_line(mended))])


def wants_json(argv: Sequence[str]) -> bool:
    return "--to=json" in argv or any(pair == ("--to", "json") for pair in pairwise(argv))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; the value is the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    start = time.perf_counter()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that has no Σ gets \\u03a3
    try:
        readable(argv)
        with verbs.make_context("matcalc", list(argv)) as ctx:
            code = verbs.invoke(ctx)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        leave_pipe()
        return CLOSED_PIPE
    except click.ClickException as error:
        failed = usage_error(error, argv)
    except MatcalcError as error:
        failed = error
    except Exception as fault:
        if isinstance(fault, OSError) and fault.errno in UNWRITABLE:
            leave_pipe()
            return CLOSED_PIPE
        failed = internal_error(fault, Request(argv[0] if argv else "", " ".join(argv[1:])))
    return last_words(failed, argv, start)


def last_words(error: MatcalcError, argv: Sequence[str], start: float) -> int:
    """Print an error that ends the command line; a fix that changes options is shown on the line as it was typed."""
    if error.request is None:
        error = with_fixes_from(error, argv)
    try:
        emit(show_error(argv[0] if argv else "", "", error, wants_json(argv), start))
    except OSError:
        leave_pipe()
        return CLOSED_PIPE
    return error.exit_code


def with_fixes_from(error: MatcalcError, argv: Sequence[str]) -> MatcalcError:
    """The error with its fixes said as command lines: `argv` with options replaced."""

    def said(fix: Fix) -> Fix:
        return fix if fix.say else Fix(say=shell_line(with_options(argv, dict(fix.options))), note=fix.note)

    error.fixes = tuple(said(fix) for fix in error.fixes)
    return error


def with_options(argv: Sequence[str], options: dict[str, str]) -> list[str]:
    """`argv` with the options of these names replaced, or left out where the new value is empty."""
    words: list[str] = []
    skip = False
    for word in argv:
        name = word.removeprefix("--").partition("=")[0]
        if skip or (word.startswith("--") and name in options):
            skip = not skip and "=" not in word
            continue
        words.append(word)
    return words + [w for name, value in options.items() if value for w in (f"--{name}", value)]


def leave_pipe() -> None:
    """Point stdout elsewhere, so that Python's own flush at exit does not complain of the closed pipe."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
