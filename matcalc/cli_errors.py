"""Errors of the command line itself, each with the line that was meant."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import click

from .errors import Fix, MatcalcError, Request, nearest, quote

VALUES = {"wrt": "x", "let": "A: matrix(n, n)", "set": "x=[1, 2]", "seed": "0", "structure": "projected", "syntax": "auto",
          "layout": "numerator", "form": "matrix", "limit": "depth=400"}


class UsageError(MatcalcError):
    """A command line that cannot be read."""


class InternalError(MatcalcError):
    """A fault of matcalc: something that is not a MatcalcError escaped from the API."""

    exit_code = 70


def shell_line(words: Iterable[str]) -> str:
    """A command that can be copied: what holds blanks or brackets is in quotes."""
    return " ".join(["matcalc", *(quote(word, always=False) for word in words)])


def usage_error(error: click.ClickException, argv: Sequence[str], verbs: click.Group) -> MatcalcError:
    """What click found wrong, with the command line that was meant."""
    if isinstance(error, click.NoSuchOption):
        return unknown_option(error, argv, verbs)
    if isinstance(error, click.BadOptionUsage):
        name = error.option_name.removeprefix("--")
        return UsageError(f"{error.option_name} needs a value", fixes=[Fix(options=((name, VALUES.get(name, "text")),))])
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    verb = ctx.info_name if ctx and ctx.parent else None
    message = error.format_message()
    return UsageError(message[:1].lower() + message[1:].rstrip("."), fixes=[Fix(say=shell_line([*([verb] if verb else []), "--help"]))])


def unknown_option(error: click.NoSuchOption, argv: Sequence[str], verbs: click.Group) -> MatcalcError:
    command = error.ctx.command if error.ctx else verbs
    if command is verbs:
        return unknown_before_a_verb(error.option_name, argv, verbs)
    known = {o for p in command.params for o in p.opts if o.startswith("--")} | {"--help"}
    meant = nearest(error.option_name, known)
    if meant is None and any(error.option_name in p.opts for p in verbs.params):
        return UsageError(f"{error.option_name} is an option of matcalc itself", fixes=[Fix(say=shell_line([error.option_name]))])
    if meant is None:
        elsewhere = f"; {command.name} takes {', '.join(sorted(known))}"
        return UsageError(f"there is no option {error.option_name}{elsewhere}", fixes=[Fix(say=shell_line([str(command.name), "--help"]))])
    mended = [re.sub(f"^{re.escape(error.option_name)}(?==|$)", meant, word) for word in argv]
    return UsageError(f"there is no option {error.option_name}; did you mean {meant}?", fixes=[Fix(say=shell_line(mended))])


def unknown_before_a_verb(option: str, argv: Sequence[str], verbs: click.Group) -> MatcalcError:
    """An option of a verb, which stands behind it; or a slip in one of the two that matcalc has itself."""
    own = {"--help", "--version"}
    verb = next((i for i, word in enumerate(argv) if word in verbs.commands), None)
    if verb is not None and any(option in p.opts for p in verbs.commands[argv[verb]].params):
        return UsageError("options come after the verb", fixes=[Fix(say=shell_line([argv[verb], *argv[:verb], *argv[verb + 1:]]))])
    meant = nearest(option, own)
    hint = f"did you mean {meant}?" if meant else "those of a verb come after it"
    return UsageError(f"there is no option {option}; {hint}", fixes=[Fix(say=shell_line([meant or "--help"]))])


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
