"""The user's view of runs under way: one live table on a terminal, few plain lines elsewhere, or failures alone."""

import threading
import time
from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ...leaderboard.text import printable
from ..plan import Job
from ..progress import Event
from .events import EventConsole, EventDisplay
from .tally import Tally

_PLAIN_EVERY = 60.0  # seconds between signs of life where there is no terminal
_EACH_STAGE = 8  # runs of a request, at most, whose every stage is worth a plain line
_BESIDE_ROWS = 5  # lines of a screen that are not for runs
_BAR = 30  # characters
_COLUMNS = ("run", "stage", "epoch", "loss", "images/s", "left", "node", "GPU")


class Display(Protocol):
    """A listener of a pool, for the time of the runs."""

    def __enter__(self) -> "Display": ...

    def __exit__(self, *_: object) -> None: ...

    def event(self, run_id: str, event: Event) -> None: ...

    def said(self, run_id: str, line: str) -> None: ...

    def ended(self, run_id: str, status: str, error: str) -> None: ...


class QuietConsole(Console):
    """The console of a command that is to be quiet: failures alone are printed, through :attr:`failures`."""

    def __init__(self) -> None:
        super().__init__(stderr=True, quiet=True)
        self.failures = Console(stderr=True)


def display_of(jobs: Sequence[Job], console: Console) -> Display:
    """What fits the console: a live table, plain lines, failures alone, or events."""
    if isinstance(console, EventConsole):
        return EventDisplay(jobs, console.events)
    if isinstance(console, QuietConsole):
        return QuietDisplay(jobs, console.failures)
    return LiveDisplay(jobs, console) if console.is_terminal else PlainDisplay(jobs, console)


class QuietDisplay:
    """Says which runs failed."""

    def __init__(self, jobs: Sequence[Job], console: Console):
        self.console = console
        self.names = {job.run_id: _name(job) for job in jobs}

    def __enter__(self) -> "QuietDisplay":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def event(self, run_id: str, event: Event) -> None:
        """Nothing to say."""

    def said(self, run_id: str, line: str) -> None:
        """Nothing to say: the run goes on."""

    def ended(self, run_id: str, status: str, error: str) -> None:
        if status != "done":
            self._ended(run_id, status, error)

    def _ended(self, run_id: str, status: str, error: str) -> None:
        said = f"{status.replace('_', ' ')}" + (f" ({printable(error, 400)})" if error else "")
        self._print(run_id, said, "green" if status == "done" else "red")

    def _print(self, run_id: str, line: str, style: str | None = None) -> None:
        self.console.print(f"{self.names[run_id]}: {line}", style=style, markup=False, highlight=False, soft_wrap=True)


class PlainDisplay(QuietDisplay):
    """For files and pipes: how each run ended, and once a minute how far all are; of few runs also every stage."""

    def __init__(self, jobs: Sequence[Job], console: Console):
        super().__init__(jobs, console)
        self.tally = Tally(jobs)
        self._stages: dict[str, str] = {}
        self._said = time.monotonic()

    def event(self, run_id: str, event: Event) -> None:
        self.tally.event(run_id, event)
        if len(self.names) <= _EACH_STAGE and self._stages.get(run_id) != event.stage:
            self._stages[run_id] = event.stage
            self._print(run_id, line_of(event))
        if time.monotonic() - self._said > _PLAIN_EVERY:
            self._said = time.monotonic()
            self.console.print(summary(self.tally), markup=False, highlight=False, soft_wrap=True)
            for run, latest in islice(self.tally.under_way.items(), _EACH_STAGE):
                self._print(run, line_of(latest))

    def said(self, run_id: str, line: str) -> None:
        self._print(run_id, printable(line, 400), "yellow")

    def ended(self, run_id: str, status: str, error: str) -> None:
        self.tally.end(run_id, status)
        self._ended(run_id, status, error)


class LiveDisplay(PlainDisplay):
    """A line for each run under way, as many as the screen holds, above a bar of all runs with the time left."""

    def __init__(self, jobs: Sequence[Job], console: Console):
        super().__init__(jobs, console)
        self._lock = threading.Lock()  # the table is drawn by a thread of its own
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=2, transient=True)

    def __enter__(self) -> "LiveDisplay":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def event(self, run_id: str, event: Event) -> None:
        with self._lock:
            self.tally.event(run_id, event)

    def ended(self, run_id: str, status: str, error: str) -> None:
        with self._lock:
            self.tally.end(run_id, status)
        self._ended(run_id, status, error)

    def _table(self) -> RenderableType:
        room = max(1, self.console.height - _BESIDE_ROWS)
        with self._lock:
            shown = list(islice(self.tally.under_way.items(), room))
            hidden, bar = len(self.tally.under_way) - len(shown), _bar(self.tally)
        lines = [Text(f"and {hidden} more under way", style="dim")] if hidden else []
        return Group(_runs([(self.names[run_id], event) for run_id, event in shown]), *lines, bar)


def _runs(shown: Sequence[tuple[str, Event]]) -> Table:
    """Columns that no run fills are left out, and nodes where there is only one."""
    rows = [[name, *map(printable, cells(event)), event.node, event.gpu] for name, event in shown]
    several = len({event.node for _, event in shown}) > 1
    wanted = [place for place, title in enumerate(_COLUMNS)
              if place < 2 or (any(row[place] for row in rows) and (title != "node" or several))]
    table = Table(*(_COLUMNS[place] for place in wanted), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(row[place]) for place in wanted))
    return table


def _bar(tally: Tally) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_BAR)
    grid.add_row(ProgressBar(total=1.0, completed=tally.share, width=_BAR), Text(f"{tally.share:.0%}"),
                 Text(summary(tally)))
    return grid


def summary(tally: Tally) -> str:
    """``12 done, 1 failed, 4 under way, 23 waiting; about 1:02:03 left``."""
    counts = ((tally.ends["done"], "done"), (tally.failed, "failed"), (len(tally.under_way), "under way"),
              (tally.waiting, "waiting"))
    said = ", ".join(f"{number} {what}" for number, what in counts if number or what == "done")
    left = tally.seconds_left
    return f"{said}; " + ("time left unknown yet" if left is None else f"about {clock(left)} left")


def _name(job: Job) -> str:
    rates = f" rates x {job.spec.rate_factor:g}" if job.spec.rate_factor != 1 else ""
    return f"{job.spec.name} seed {job.spec.seed}{rates}" + (f" of sweep {job.sweep}" if job.sweep else "")


def line_of(event: Event) -> str:
    """``joint 3/25 0.512 140.2 12:30``."""
    return printable(" ".join(filter(None, cells(event))))


def cells(event: Event) -> list[str]:
    """Stage, epoch, loss, images a second and time left; empty where they are not known."""
    return [
        event.stage,
        f"{event.epoch}/{event.epochs}" if event.epochs else "",
        f"{event.loss:.3f}" if event.loss is not None else "",
        f"{event.rate:.1f}" if event.rate else "",
        clock(event.seconds_left) if event.seconds_left is not None else "",
    ]


def clock(seconds: float) -> str:
    """``95`` -> ``1:35``; ``3700`` -> ``1:01:40``."""
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02d}:{second:02d}" if hour else f"{minute}:{second:02d}"
