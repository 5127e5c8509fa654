"""A question put to the API for every expression: one, those of standard input, or the lines of a file."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import click

from .cli_errors import UsageError, internal_error, reason, shell_line
from .cli_progress import counted
from .cli_values import understood
from .display import Asked, Shown, show_error
from .errors import DomainError, Fix, MatcalcError, RuleError, UnknownName, quote

WORST = (70, 4, 3, 2, 5, 1, 0)  # of several expressions, the exit code that comes first here is the exit code of all


def run(asked: Asked, show: Callable[[str, float], Shown]) -> int:
    """Answer every expression that was given; the exit code is the worst."""
    code = 0
    for line, text in counted([*expressions(asked)]):
        shown = answer_one(asked, show, text, line)
        asked.place.tell(shown)
        code = worst(code, shown.code)
    return code


def worst(*codes: int) -> int:
    return min(codes, key=WORST.index)


def answer_one(asked: Asked, show: Callable[[str, float], Shown], text: str, line: int | None) -> Shown:
    """The answer to one expression, or its error; `line` is None where there is but one."""
    start = time.perf_counter()
    try:
        readable_text(asked, text)
        shown = show(text, start)
    except MatcalcError as error:
        error = helped(asked, text, error)
        typed = asked.request(text)  # as it was typed, with every option, so that a fix can be copied
        error.at(typed).request = error.request.within(typed) if error.request is not None else typed
        shown = show_error(asked.verb, text, error, asked.as_json, start, line)
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as fault:
        ours = internal_error(fault, asked.request(text))
        shown = show_error(asked.verb, text, ours, asked.as_json, start, line)
    if line is not None and not shown.code:
        return shown._replace(err=[f"line {line}: {said}" for said in shown.err])
    if line is not None and not shown.out:
        return shown._replace(out=[""])  # so that lines of output stay beside lines of input
    return shown


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
    """The command with an expression of the variables that were named; or, where values are needed too, the first of its help."""
    if asked.verb == "eval":
        return asked.request("1 + 1").command()
    if "over" in asked.options:
        return str(click.get_current_context().command.examples[0])  # type: ignore[attr-defined]
    names = asked.get("wrt") or (("x",) if "wrt" in asked.options else ())
    text = "x.T A x" if {"x", "A"}.issuperset(names) else " + ".join(f"norm2sq({name})" for name in names)
    return asked.request(text).mended(Fix(wrt=names)).command()
