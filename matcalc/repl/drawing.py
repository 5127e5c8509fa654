"""The prompt in a terminal, drawn by prompt_toolkit: history, completion, and below it the shape of what is typed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.output import ColorDepth, create_output

from .completion import complete
from .live import shape_of
from .session import Session


class Prompt:
    """Asks for a line."""

    def __init__(self, session: Session, prompt: str, **streams: Any) -> None:
        self.session = session
        streams.setdefault("output", create_output(always_prefer_tty=True))  # where stdout is a file, it gets the replies alone
        shown = lru_cache(maxsize=1)(self._shape)  # the toolbar is drawn more often than the line changes
        self.asks: PromptSession[str] = PromptSession(
            prompt, history=history(), completer=Words(session), complete_while_typing=False, auto_suggest=AutoSuggestFromHistory(),
            bottom_toolbar=lambda: shown(self.asks.default_buffer.text, len(session.scope.listed())),
            color_depth=ColorDepth.DEPTH_1_BIT if os.environ.get("NO_COLOR") else None, **streams)

    def ask(self) -> str:
        return str(self.asks.prompt())

    def _shape(self, line: str, _said: int) -> str:
        return shape_of(line, self.session.scope) or ":help   :quit"


class Words(Completer):  # type: ignore[misc]
    """Completion of the word before the cursor."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get_completions(self, document: Any, _event: Any) -> Iterable[Completion]:
        word, candidates = complete(document.text_before_cursor, self.session.scope)
        for candidate in candidates:
            yield Completion(candidate.word, start_position=-len(word), display_meta=candidate.meaning)


def history() -> History:
    """What was typed before, in the user's state folder; without one that can be written, only what is typed now."""
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "matcalc"
    file = folder / "history"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        with file.open("ab"):
            return FileHistory(str(file))
    except (OSError, RuntimeError):
        return InMemoryHistory()
