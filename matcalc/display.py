"""What the command prints: answers on stdout, everything about them on stderr, or one JSON object a line."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from .errors import MatcalcError, Request


class Shown(NamedTuple):
    """What one expression prints: lines for stdout and lines for stderr."""

    out: list[str]
    err: list[str]
    code: int = 0


class Place(NamedTuple):
    """Where commands are typed: what becomes of an answer, and, where that is no shell, how a command is written and the one typed now."""

    tell: Callable[[Shown], None]
    write: Callable[[Request], str] | None = None
    request: Request | None = None


class Asked(NamedTuple):
    """A command line, read: the verb, its options, and which of them were typed (to print the command again, mended)."""

    verb: str
    options: dict[str, Any]
    typed: tuple[tuple[str, str], ...]
    place: Place

    def get(self, name: str) -> Any:
        return self.options.get(name)

    @property
    def as_json(self) -> bool:
        return bool(self.get("to") == "json")

    def request(self, text: str) -> Request:
        typed = tuple((name, value) for name, value in self.typed if name != "over")
        return Request(self.verb, text, self.get("wrt") or self.get("over") or (), self.get("let") or (), typed, self.place.write)


def show_answers(asked: Asked, text: str, answers: list[Any], start: float) -> Shown:
    """The answers to one expression, one for every variable."""
    out: list[str] = []
    err: list[str] = []
    for answer in answers:
        if asked.as_json:
            out.append(to_json({"ok": True, "verb": asked.verb, **answer.to_dict(), "seconds": seconds(start)}))
            continue
        if asked.get("steps"):
            out += show_steps(answer, asked.get("to") or "text")
        err += context(answer, guessed=asked.verb != "simplify" and not asked.get("wrt"))
        err += [answer.derivation.summary()] if asked.get("steps") and not asked.get("no_check") else []
    format = asked.get("to") or "text"
    if not asked.as_json and not asked.get("steps"):
        shown = answers.lines(format) if hasattr(answers, "lines") else [answer.to(format) for answer in answers]
        out += [text.rstrip("\n") for text in shown]
    return Shown(out, list(dict.fromkeys(err)))


def show_steps(answer: Any, format: str) -> list[str]:
    """The derivation, and below it the answer by itself; in LaTeX the last line of the derivation is the answer."""
    if format == "latex":
        return list(answer.derivation.latex().splitlines())
    steps, notation = answer.derivation, "unicode" if format == "unicode" else "text"
    lines = in_columns(steps.cells(notation)) if coloured(sys.stdout) else steps.lines(notation)
    return [*lines, *answer.to(format).rstrip("\n").splitlines()]


def in_columns(cells: Iterable[tuple[str, str, str]]) -> list[str]:
    """Left sides bold and reasons dim, for a terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    with console.capture() as captured:
        for left, formula, why in cells:
            console.print(Text.assemble((left, "bold"), formula, (why, "dim")))
    return captured.get().splitlines()


def coloured(stream: Any) -> bool:
    """Is it a terminal whose user has nothing against colours?"""
    return stream is not None and stream.isatty() and not os.environ.get("NO_COLOR")


def show_judgement(asked: Asked, text: str, judgement: Any, start: float) -> Shown:
    """A verdict on a claim, which is the answer; exit code 1 for a false claim, 5 for one that could not be decided."""
    code = {True: 0, False: 1, None: 5}[judgement.holds]
    if asked.as_json:
        out = [to_json({"ok": True, "verb": asked.verb, **judgement.to_dict(), "seconds": seconds(start)})]
        return Shown(out, [], code)
    return Shown(judgement.lines(), context(judgement.answer, guessed=not asked.get("wrt")), code)


def context(answer: Any, guessed: bool) -> list[str]:
    """How an answer is to be understood: conditions, other forms, what was assumed, how it was checked, notes."""
    lines = [condition if re.match("valid|at kinks", condition) else f"valid if {condition}" for condition in answer.conditions]
    lines += answer.alternative
    evidence = str(answer.evidence)
    checked = evidence if evidence.startswith(("inconclusive", "unchecked")) else f"checked: {evidence}"
    layout = [f"layout: {answer.reading.layout}"] if getattr(answer.reading, "layout", None) else []
    lines.append("    ".join([*assumed(answer.reading), f"read as: {answer.reading.read_as}", *layout, checked]))
    if guessed:
        lines.append(f"note: differentiated by {answer.wrt}, the only variable")
    return lines + [f"note: {note}" for note in answer.reading.notes]


def assumed(reading: Any) -> list[str]:
    """[`assumed: A matrix(n, n), x vector(n)`], matrices first, or nothing if all was declared."""
    from .dims import SCALAR, shape_text

    symbols = sorted(reading.assumed, key=lambda symbol: (symbol.shape[1] == 1) + (symbol.shape == SCALAR))
    names = [f"{symbol.spelled or symbol.name} {shape_text(symbol.shape)}" for symbol in symbols]
    return [f"assumed: {', '.join(names)}"] if names else []


def show_value(asked: Asked, text: str, value: Any, start: float) -> Shown:
    import json

    import numpy as np

    plain = tidy(np.asarray(value).tolist())
    printed = json.dumps(plain)
    if asked.as_json:
        fields = {"ok": True, "verb": asked.verb, "text": text, "answer": printed, "value": plain, "seconds": seconds(start)}
        return Shown([to_json(fields)], [])
    return Shown([printed], [])


def tidy(value: Any) -> Any:
    """Numbers as a person writes them: 5 for 5.0, inside lists too."""
    if isinstance(value, list):
        return [tidy(v) for v in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value


def show_error(verb: str, text: str, error: MatcalcError, as_json: bool, start: float, line: int | None = None) -> Shown:
    """An error as lines for stderr, or as one object for stdout."""
    if as_json:
        fields = error.to_dict()
        fields["type"] = fields.pop("error")
        where = {} if line is None else {"line": line}
        printed = to_json({"ok": False, "verb": verb, "text": text, **where, "error": fields, "seconds": seconds(start)})
        return Shown([printed], [], error.exit_code)
    rendered = error.render(as_command=True)
    if line is not None:
        rendered = rendered.replace("error: ", f"error: line {line}: ", 1)
    return Shown([], rendered.splitlines(), error.exit_code)


def to_json(fields: dict[str, Any]) -> str:
    """One line of JSON; numbers that JSON cannot say become strings."""
    import json

    def finite(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: finite(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [finite(v) for v in value]
        return str(value) if isinstance(value, float) and not abs(value) < float("inf") else value

    unicode = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    return json.dumps(finite(fields), ensure_ascii=not unicode, allow_nan=False)


def emit(shown: Shown) -> None:
    """Print, the answer first, so that no slow import delays it."""
    if shown.out:
        if sys.stdout is None:
            raise BrokenPipeError
        print("\n".join(shown.out))
        sys.stdout.flush()
    if shown.err and sys.stderr is not None:
        with suppress(OSError, ValueError):  # nobody is there to be told
            write_errors(shown.err)


def write_errors(lines: list[str]) -> None:
    if coloured(sys.stderr):
        print_in_colour(lines)
    else:
        print("\n".join(lines), file=sys.stderr)


STYLES = (("error:", "bold red"), ("valid if", "yellow"), ("at kinks", "yellow"), ("fix:", "green"), (" or:", "green"), ("note:", "cyan"))


def print_in_colour(lines: Iterable[str]) -> None:
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for line in lines:
        console.print(styled(line))


def styled(line: str) -> Any:
    """A line for stderr as rich's Text: the head of an error, a fix, a condition or a note stands out, and so do carets."""
    from rich.text import Text

    text = Text(line, style="dim" if line.startswith("assumed:") else "")
    for head, style in STYLES:
        if line.startswith(head):
            text.stylize(style, 0, len(head))
    if re.fullmatch(r" +[\^~ ]*\^[\^~ ]*( .*)?", line):
        text.stylize("bold red")
    return text


def seconds(start: float) -> float:
    return round(time.perf_counter() - start, 6)
