"""Where lines come from and replies go: standard input, or a terminal, with prompt_toolkit where it is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from ..asking import load_rules
from ..cli_run import worst
from ..display import Shown, emit
from .session import Session

PROMPT = "matcalc> "
WELCOME = "grad x.T A x x    asks for a gradient; :help shows more, :quit ends"
WITHOUT = "note: completion, and shapes while you type, need prompt_toolkit (the extra [repl])"


def converse(rules: Sequence[str] = ()) -> int:
    """Reply to every line; the exit code is 0 after a conversation, the worst of all lines where nobody was there to read."""
    for path in rules:
        load_rules(path)
    session = Session()
    if sys.stdin is None or not sys.stdin.isatty():
        return piped(session)
    for line in typed(prompt(session)):  # a paste may be several
        try:
            emit(session.reply(line))
        except KeyboardInterrupt:
            emit(Shown([], ["interrupted"]))
        if session.ended:
            break
    return 0


def piped(session: Session) -> int:
    """Lines that are no conversation: an error names its line."""
    code = 0
    for number, line in enumerate(sys.stdin.buffer if sys.stdin is not None else (), 1):
        shown = session.reply(line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape"))
        said = [f"error: line {number}: {said.removeprefix('error: ')}" if said.startswith("error: ") else said for said in shown.err]
        emit(shown._replace(err=said))
        code = worst(code, shown.code)
        if session.ended:
            break
    return code


def typed(ask: Callable[[], str]) -> Iterator[str]:
    """The lines of a person, until the end of input; Ctrl-C drops a line."""
    while True:
        try:
            yield from ask().splitlines()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def prompt(session: Session) -> Callable[[], str]:
    """What asks for a line."""
    try:
        from .drawing import Prompt
    except ImportError:
        emit(Shown([], [WELCOME, WITHOUT]))
        with suppress(ImportError):
            import readline  # noqa: F401  arrow keys, and what was typed in this session
        return lambda: input(PROMPT)
    emit(Shown([], [WELCOME]))
    return Prompt(session, PROMPT).ask
