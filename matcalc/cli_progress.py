"""How far the lines of a file are answered: a bar on stderr, where a person looks at it and the answers go elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
QUIET = 1.0  # seconds before the bar appears


def counted(items: Sequence[T]) -> Iterator[T]:
    """The items, one after the other, with a bar if they take longer than a moment."""
    if len(items) < 2 or not _is_seen():
        yield from items
        return
    yield from _with_bar(items, time.monotonic() + QUIET)


def _is_seen() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and not (sys.stdout is not None and sys.stdout.isatty())


def _with_bar(items: Sequence[T], when: float) -> Iterator[T]:
    bar: Any = None
    try:
        for i, item in enumerate(items):
            if bar is None and time.monotonic() >= when:
                bar = _bar(len(items))
                bar.start()
            if bar is not None:
                bar.update(bar.task_ids[0], completed=i)
            yield item
    finally:
        if bar is not None:
            bar.stop()


def _bar(total: int) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: Iterable[Any] = (BarColumn(), MofNCompleteColumn(), TextColumn("expressions"), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
    bar.add_task("", total=total)
    return bar
