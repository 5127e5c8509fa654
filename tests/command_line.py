"""Run matcalc's command line inside this process, and every fix that it prints."""

from __future__ import annotations

import io
import shlex
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, NamedTuple

from matcalc import cli


class Run(NamedTuple):
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The message of the error, without `error: `."""
        return next((line.removeprefix("error: ") for line in self.err.splitlines() if line.startswith("error: ")), "")

    @property
    def fixes(self) -> list[str]:
        """The commands after `fix:` and `or:`, without the notes behind them."""
        heads = ("fix: ", " or: ")
        return [line[5:].split("    ")[0] for line in self.err.splitlines() if line.startswith(heads)]


class CommandLine:
    """command_line("grad", "x.T A x", "--wrt", "x") -> Run."""

    def __call__(self, *words: str, stdin: bytes = b"") -> Run:
        out, err = io.StringIO(), io.StringIO()
        with standard_input(stdin), redirect_stdout(out), redirect_stderr(err):
            code = cli.main(list(words))
        return Run(code, out.getvalue(), err.getvalue())

    def run_line(self, line: str, stdin: bytes = b"") -> Run:
        """A line as it is typed into a shell."""
        program, *words = shlex.split(line)
        assert program == "matcalc", line
        return self(*words, stdin=stdin)


@contextmanager
def standard_input(data: bytes) -> Any:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(data))
    try:
        yield
    finally:
        sys.stdin = before


command_line = CommandLine()
