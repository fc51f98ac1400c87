"""Bars for long work that is no run, on stderr."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .console.terminal import console

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def watched(unit: str) -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar for each thing that is done, with the time left, and a line for what is logged meanwhile; on stderr.

    Without a terminal there are the lines only.
    """
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    counts = (DownloadColumn(), TransferSpeedColumn()) if unit == "bytes" else (MofNCompleteColumn(),)
    terminal = console(stderr=True)
    bars = Progress(TextColumn("{task.description}", markup=False), BarColumn(), *counts, TimeRemainingColumn(),
                    console=terminal, transient=True, disable=not terminal.is_terminal)
    tasks: dict[str, Any] = {}

    def tell(what: str, done: int, total: int | None) -> None:
        if what not in tasks:
            tasks[what] = bars.add_task(what, completed=done, total=total)
        bars.update(tasks[what], completed=done, total=total)

    with bars, _logged(terminal):
        yield tell


@contextmanager
def _logged(terminal: "Console") -> Iterator[None]:
    log, lines = logging.getLogger("partbench"), logging.Handler()
    lines.emit = lambda record: terminal.print(record.getMessage(), markup=False, highlight=False, soft_wrap=True)
    level = log.level
    log.addHandler(lines)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(lines)
        log.setLevel(level)
