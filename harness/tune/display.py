"""The user's view of a search: a line for every trial that ended, the best so far, and the time left."""

import time
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ...sweeps import Search, SearchRecord
from ..console.display import cells, clock
from ..plan import Job
from ..progress import Event
from .wording import summary, trial_line

_PLAIN_EVERY = 60.0  # seconds between signs of life where there is no terminal


class SearchDisplay:
    """What searches are doing. Runs may be told of from any thread, ends of trials from the one that searches."""

    def __init__(self, searches: Sequence[Search], console: Console):
        self.searches, self.console = searches, console
        self.running: dict[str, tuple[Job, Event]] = {}
        self._known = {search.plan.method: _ended(search.record) for search in searches}
        self._tasks, self._started = 0, time.monotonic()
        self._said = self._started
        self._look()
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=2, transient=True)

    def __enter__(self) -> "SearchDisplay":
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:
            self._live.stop()

    def begun(self, job: Job) -> None:
        """A run was handed in."""
        self.running[job.run_id] = job, Event()

    def event(self, run_id: str, event: Event) -> None:
        """What a run is doing."""
        job, _ = self.running[run_id]
        self.running[run_id] = job, event
        now = time.monotonic()
        if not self.console.is_terminal and now - self._said > _PLAIN_EVERY:
            self._said = now
            self._print(f"{_name(job)}: {' '.join(filter(None, cells(event)))}")

    def said(self, run_id: str, line: str) -> None:
        """What is to be known of a trial that goes on."""
        self._print(f"{_name(self.running[run_id][0])}: {line}", "yellow")

    def ended(self, run_id: str, status: str, error: str) -> None:
        """A run ended, however; what that means for its trial is told by :meth:`told`."""
        self.running.pop(run_id, None)

    def told(self, search: Search) -> None:
        """Say which trials of a search came to an end since the last time."""
        record, method = search.record, search.plan.method
        known, self._known[method] = self._known[method], _ended(record)
        self._tasks += 1
        self._look()
        for trial in record.trials:
            if trial.number in self._known[method] - known:
                self._said = time.monotonic()
                self._print(f"{trial_line(record, trial)} [{self._left()}]",
                            "red" if trial.state == "failed" else None)

    def _look(self) -> None:
        """At the journals, from the thread that writes them."""
        self._tasks_left = sum(search.tasks_left for search in self.searches)
        self._lines = [summary(search.record, len(search.under_way)) for search in self.searches]

    def _print(self, line: str, style: str | None = None) -> None:
        self.console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)

    def _table(self) -> Group:
        table = Table("run", "stage", "epoch", "loss", "images/s", "left", box=None, pad_edge=False)
        for job, event in list(self.running.values()):
            table.add_row(_name(job), *cells(event))
        return Group(table, *map(Text, self._lines), Text(self._left()))

    def _left(self) -> str:
        """Time left of everything, at the pace of this command so far."""
        if not self._tasks_left:
            return "nothing left to do"
        under_way = sum(min(1.0, event.done / event.total) for _, event in list(self.running.values()))
        spent, done = time.monotonic() - self._started, self._tasks + under_way
        return (f"about {clock(spent * max(0.0, self._tasks_left - under_way) / done)} left" if done > 0.01
                else "time left unknown yet")


def _ended(record: SearchRecord) -> set[int]:
    return {trial.number for trial in record.trials if trial.state != "running"}


def _name(job: Job) -> str:
    return f"{job.spec.name} {job.run_id[:8]}"
