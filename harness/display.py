"""The user's view of runs under way: a live line each on a terminal, plain lines elsewhere."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table

from .plan import Job
from .progress import Event

_PLAIN_EVERY = 15.0  # seconds between plain lines of one run


class Display:
    """One line per run: stage, epoch, loss, images a second, time left; and the time left of all."""

    def __init__(self, jobs: Sequence[Job], console: Console):
        self.console = console
        self.names = {job.run_id: _name(job) for job in jobs}
        self.events = {job.run_id: Event() for job in jobs}
        self.ends: dict[str, str] = {}
        self._said: dict[str, tuple[str, float]] = {}
        self._started = time.monotonic()
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=2, transient=True)

    def __enter__(self) -> "Display":
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:
            self._live.stop()

    def event(self, run_id: str, event: Event) -> None:
        self.events[run_id] = event
        if not self.console.is_terminal:
            self._plain(run_id, event)

    def ended(self, run_id: str, status: str, error: str) -> None:
        self.ends[run_id] = status
        line = f"{self.names[run_id]}: {status}" + (f" ({error})" if error else "")
        self.console.print(line, style="green" if status == "done" else "red", markup=False, soft_wrap=True)

    def _plain(self, run_id: str, event: Event) -> None:
        stage, when = self._said.get(run_id, ("", 0.0))
        now = time.monotonic()
        if stage != event.stage or now - when > _PLAIN_EVERY:
            self._said[run_id] = (event.stage, now)
            self.console.print(f"{self.names[run_id]}: {' '.join(filter(None, cells(event)))}", markup=False,
                               soft_wrap=True)

    def _table(self) -> Table:
        table = Table("run", "stage", "epoch", "loss", "images/s", "left", box=None, pad_edge=False)
        for run_id, event in self.events.items():
            if run_id not in self.ends:
                table.add_row(self.names[run_id], *cells(event))
        table.caption = f"{len(self.ends)} of {len(self.events)} runs ended, {self._left()}"
        return table

    def _left(self) -> str:
        """Time left of everything: work still to do at the pace so far."""
        shares = [1.0 if run_id in self.ends else event.done / event.total for run_id, event in self.events.items()]
        spent, share = time.monotonic() - self._started, sum(shares) / max(1, len(shares))
        return f"about {clock(spent * (1 - share) / share)} left" if share > 0.01 else "time left unknown yet"


def _name(job: Job) -> str:
    rates = f" rates x {job.spec.rate_factor:g}" if job.spec.rate_factor != 1 else ""
    return f"{job.spec.name} seed {job.spec.seed}{rates}" + (f" of sweep {job.sweep}" if job.sweep else "")


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
