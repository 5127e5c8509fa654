"""MatcalcError and its carets: every error that a user can cause, with a cause and a fix that works.

Inner code raises a short fact with spans. The public boundary (answer.py) attaches the request once; `str(error)` then
shows the text, the caret and the fix as a call, and the command line shows the fix as a command.
"""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Callable
from typing import Any

Span = tuple[int, int]  # start and end column in the user's text
LONG = 10_000  # characters of text that are not repeated in a fix which does not change them; a shell takes few more


class Request:
    """What was asked: enough to print it again, with a part of it mended."""

    __slots__ = ("verb", "text", "wrt", "let", "options", "write", "function")

    def __init__(self, verb: str = "simplify", text: str = "", wrt: tuple[str, ...] = (), let: tuple[str, ...] = (),
                 options: tuple[tuple[str, str], ...] = (), write: Callable[[Request], str] | None = None, function: str = "") -> None:
        self.verb, self.text, self.wrt, self.let, self.options = verb, text, wrt, let, options
        self.write = write  # how it is typed where it was typed, if that is no shell
        self.function = function  # the name of the Python function that the text was made from, if it was

    def mended(self, fix: Fix) -> Request:
        """The same request with the parts that `fix` names replaced."""
        let = self.let if fix.let is None else tuple(fix.let)
        for declaration in fix.declare:
            name = declaration.split(":")[0].strip()
            let = (*(d for d in let if d.split(":")[0].strip() != name), declaration)
        replaced = {_place(k, v) for k, v in fix.options} - {"set"}  # values are added to those that were given
        options = tuple((k, v) for k, v in self.options if _place(k, v) not in replaced) + tuple(fix.options)
        options = tuple((k, v) for k, v in options if v != "" and not (k == "limit" and v.endswith("=")))
        if fix.verb and self.variables == "over":  # a derivative has no start
            options = tuple((k, v) for k, v in options if k in ("syntax", "rules", "limit", "to"))
        return Request(fix.verb or self.verb, self.text if fix.text is None else fix.text,
                       self.wrt if fix.wrt is None else tuple(fix.wrt), let, options, self.write, self.function if fix.text is None else "")

    @property
    def variables(self) -> str:
        """The option that names variables: a derivative is by them, a minimum over them."""
        return "over" if self.verb.split()[:1] in (["minimize"], ["plot"]) else "wrt"

    def within(self, typed: Request) -> Request:
        """This request as part of a command line."""
        return typed

    def command(self) -> str:
        """The request as a line for the shell, or for where it was typed."""
        if self.write is not None:
            return self.write(self)
        words = ["matcalc", *self.verb.split()]
        for k, v in self.options:
            words += [f"--{k}"] if v == "true" else [f"--{k}", v]
        tail = [w for name in self.wrt for w in (f"--{self.variables}", name)] + [w for d in self.let for w in ("--let", d)]
        quoted = [quote(w, always=False) for w in words]
        if self.text == "-":  # standard input
            return " ".join([*quoted, *(quote(w, False) for w in tail), "-"])
        dashes = ["--"] if self.text.startswith("-") else []
        if dashes:  # options first, so that what follows `--` is the expression alone
            return " ".join([*quoted, *(quote(w, False) for w in tail), *dashes, quote(self.text, True)])
        return " ".join([*quoted, quote(self.text, True), *(quote(w, False) for w in tail)])

    def call(self) -> str:
        """The request as a call of the Python API."""
        parts = [self.function or _python(self.text)]
        if self.wrt:
            names = _python(self.wrt[0]) if len(self.wrt) == 1 else "[" + ", ".join(map(_python, self.wrt)) + "]"
            parts.append(f"{self.variables}={names}")
        if self.let:
            parts.append("let=[" + ", ".join(map(_python, self.let)) + "]")
        limits = [v.partition("=") for k, v in self.options if k == "limit"]
        if limits:
            parts.append("limits={" + ", ".join(f'"{name}": {value}' for name, _, value in limits) + "}")
        rules = [_python(v) for k, v in self.options if k == "rules"]
        if rules:
            parts.append(f"rules=[{', '.join(rules)}]")
        known = ("claim", "of", "structure", "syntax", "layout", "form", "range", "method", "scale", "directions")
        parts += [f"{k}={_python(v)}" for k, v in self.options if k in known] + [f"{k}={v}" for k, v in self.options if k == "seed"]
        verb = "evaluate" if self.verb == "eval" else self.verb.replace("plot ", "pictures.")
        return f"mc.{verb}({', '.join(parts)})"


def _place(option: str, value: str) -> str:
    """What an option is the value of: there is one of each, and of --limit one for every name."""
    return f"limit {value.partition('=')[0].strip()}" if option == "limit" else option


def _python(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def quote(word: str, always: bool) -> str:
    """Double quotes where they are safe (as in the documentation), single quotes otherwise."""
    if not always and shlex.quote(word) == word:
        return word
    return f'"{word}"' if not set(word) & set('"$`\\!') else shlex.quote(word)


class Fix:
    """A change to the request that removes the error; `say` is used alone where no request can be printed."""

    __slots__ = ("text", "let", "declare", "wrt", "verb", "options", "say", "note")

    def __init__(self, text: str | None = None, *, let: tuple[str, ...] | None = None, declare: tuple[str, ...] = (),
                 wrt: tuple[str, ...] | None = None, verb: str | None = None, options: tuple[tuple[str, str], ...] = (),
                 say: str = "", note: str = "") -> None:
        self.text, self.let, self.declare, self.wrt, self.verb, self.options = text, let, declare, wrt, verb, options
        self.say, self.note = say, note


class MatcalcError(Exception):
    """The base of every error that a user can cause.

    message: what is wrong, one line.      detail: the cause, in the user's words (may have several lines).
    spans: where, in `text`; the first is the main one.      fixes: changes to the request, each of which works.
    """

    exit_code = 2
    shown = 3  # how many of the fixes that work are shown; 1 where they are candidates for one and the same repair

    def __init__(self, message: str, *spans: Span, detail: str = "", fixes: tuple[Fix, ...] | list[Fix] = (),
                 text: str | None = None, label: str = "") -> None:
        super().__init__(message)
        self.message, self.spans, self.detail, self.fixes, self.label = message, spans, detail, tuple(fixes), label
        self.text = text  # the text that the spans refer to; None until a boundary knows it
        self.request: Request | None = None

    def at(self, request: Request) -> MatcalcError:
        """Attach the request, once, at the public boundary."""
        if self.request is None:
            self.request = request
            if self.text is None and self.spans:
                self.text = request.text
        return self

    def fix_lines(self, as_command: bool) -> list[str]:
        lines = []
        for fix in self.fixes:
            note = fix.note
            if fix.say or self.request is None:
                line = fix.say
            else:
                mended = self.request.mended(fix)
                if as_command and fix.text is None and len(mended.text) > LONG and mended.write is None:
                    mended.text, note = "-", "with the same text on standard input"
                line = mended.command() if as_command else mended.call()
            if line:
                lines.append(line + (f"    {note}" if note else ""))
        return lines

    def render(self, as_command: bool = True) -> str:
        """The whole message: what, where, why, and how to mend it."""
        lines = [f"error: {self.message}"]
        if self.text is not None and self.spans:
            lines += carets(self.text, self.spans, self.label)
        lines += [f"  {line}" for line in self.detail.splitlines()]
        fixes = self.fix_lines(as_command)
        lines += [("fix: " if i == 0 else " or: ") + line for i, line in enumerate(fixes)]
        return visible("\n".join(lines))

    def __str__(self) -> str:
        return self.render(as_command=False).removeprefix("error: ")

    def to_dict(self) -> dict[str, Any]:
        """For JSON output."""
        return {"error": type(self).__name__, "message": self.message, "detail": self.detail, "exit": self.exit_code,
                "spans": [list(s) for s in self.spans], "text": self.text, "fixes": self.fix_lines(as_command=True)}


class ParseError(MatcalcError):
    """The text cannot be read."""


class ShapeError(MatcalcError):
    """Shapes do not fit together."""

    apart = ""  # an undeclared name beside which a vector stands: as a product, A x in `Ax - b`, it would be one, too


class UnknownName(MatcalcError):
    """A function or variable that is not known."""


class UnknownAttribute(UnknownName, AttributeError):
    """An attribute that an object of ours does not have; `hasattr` and `getattr` with a default understand it."""


class DomainError(MatcalcError):
    """A value, an option or a declaration outside what is allowed."""


class RuleError(MatcalcError):
    """A rule file that cannot be used."""


class NotSupported(MatcalcError):
    """Understood, but there is no rule for it."""

    exit_code = 3


class NotDifferentiable(NotSupported):
    """A function that has no derivative rule."""


class LimitError(MatcalcError):
    """A limit was met; the message names it and the option that raises it."""

    exit_code = 4


class CheckFailed(MatcalcError):
    """matcalc found its own answer wrong and withholds it."""

    exit_code = 70


def width(text: str) -> int:
    """Columns that `text` takes in a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def visible(text: str) -> str:
    """The text with a replacement character for what would steer a terminal or hide in it: controls, marks of direction, surrogates.

    >>> visible("x\x1b[2J\u202e + y")
    'x�[2J� + y'
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    blank = {c for c in text if c == "\t" or unicodedata.category(c) == "Zs"}
    return "".join([c if c.isprintable() or c == "\n" else " " if c in blank else "\ufffd" for c in text])


def carets(text: str, spans: tuple[Span, ...], label: str = "", window: int = 100) -> list[str]:
    """The line of `text` that holds the first span, and a line that marks the spans under it.

    >>> print("\\n".join(carets("tr(A @ X", ((2, 3),))))
      tr(A @ X
        ^
    """
    start = min(spans[0][0], len(text))
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    low, high = line_start, line_end
    if line_end - line_start > window:  # a long line: the part around the caret
        low = max(line_start, start - window // 2)
        high = min(line_end, low + window)
    before = "..." if low > line_start else ""
    shown = before + visible(text[low:high]) + ("..." if high < line_end else "")
    marks = [" "] * (width(shown) + 2)
    for a, b in spans:
        a, b = max(min(a, high), low), max(min(b, high), low)
        left = len(before) + width(visible(text[low:a]))
        right = max(left + 1, len(before) + width(visible(text[low:b])))
        for column in range(left, min(right, len(marks))):
            marks[column] = "^"
    return [f"  {shown}", "  " + "".join(marks).rstrip() + (f" {label}" if label else "")]


def nearest(word: str, candidates: list[str] | set[str]) -> str | None:
    """The candidate that `word` most likely meant, or None."""
    from difflib import get_close_matches

    folded = {c.lower(): c for c in sorted(candidates, reverse=True)}
    if word.lower() in folded:
        return folded[word.lower()]
    found = get_close_matches(word, sorted(candidates), n=1, cutoff=0.7)
    return found[0] if found else None
