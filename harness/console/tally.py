"""How far many runs have come: counts, share of the work, time left. Nothing here takes longer with more runs."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..plan import Job
from ..progress import Event


@dataclass
class _Known:
    """Sum and number of what is known of one kind of run."""

    total: float = 0.0
    runs: int = 0


class Tally:
    """Runs that wait, are under way, and have ended.

    Work is counted in the units of :class:`.progress.Event`, forward passes of an image. A run tells how many it takes
    once it has begun; until then it is taken for the mean of its method's, or of all, where any has told.

    Attributes:
        under_way: latest event by run id, in the order in which runs began.
        ends: number of runs by how they ended.
    """

    def __init__(self, jobs: Sequence[Job], clock: Callable[[], float] = time.monotonic):
        self.under_way: dict[str, Event] = {}
        self.ends: Counter[str] = Counter()
        self._clock, self._started = clock, clock()
        self._kinds = {job.run_id: job.spec.name for job in jobs}
        self._unknown = Counter(self._kinds.values())  # runs of each kind that neither told nor ended
        self._known: defaultdict[str, _Known] = defaultdict(_Known)
        self._all = _Known()
        self._totals: dict[str, float] = {}  # of runs under way that told
        self._bases: dict[str, float] = {}  # done by earlier attempts, of the same
        self._done = self._gained = 0.0  # by runs that ended; without what earlier attempts did

    @property
    def runs(self) -> int:
        return len(self._kinds)

    @property
    def ended(self) -> int:
        return self.ends.total()

    @property
    def failed(self) -> int:
        """Runs that ended otherwise than done."""
        return self.ended - self.ends["done"]

    @property
    def waiting(self) -> int:
        return self.runs - self.ended - len(self.under_way)

    def event(self, run_id: str, event: Event) -> None:
        """What a run is doing."""
        self.under_way[run_id] = event
        if event.done > 0 and run_id not in self._totals:
            self._totals[run_id], self._bases[run_id] = event.total, event.done
            kind = self._kinds[run_id]
            self._unknown[kind] -= 1
            for known in (self._known[kind], self._all):
                known.total += event.total
                known.runs += 1

    def end(self, run_id: str, status: str) -> None:
        """A run ended as ``status``."""
        self.ends[status] += 1
        self.under_way.pop(run_id, None)
        if run_id in self._totals:
            total = self._totals.pop(run_id)
            self._done += total
            self._gained += total - self._bases.pop(run_id)
        else:
            self._unknown[self._kinds[run_id]] -= 1

    @property
    def share(self) -> float:
        """Of the work that is done: 0 to 1; of the runs, while none has told what it takes."""
        if not self._all.runs:
            return self.ended / max(1, self.runs)
        done, _, remaining = self._work()
        return done / (done + remaining) if done + remaining else 1.0

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None while there is none."""
        _, gained, remaining = self._work()
        spent = self._clock() - self._started
        return spent * remaining / gained if gained > 0 and spent > 1 else None

    def _work(self) -> tuple[float, float, float]:
        """Done, done by this command, and still to do."""
        done, gained, remaining = self._done, self._gained, 0.0
        for run_id, total in self._totals.items():
            so_far = min(total, self.under_way[run_id].done)
            done, remaining = done + so_far, remaining + total - so_far
            gained += max(0.0, so_far - self._bases[run_id])
        for kind, runs in self._unknown.items():
            known = self._known[kind] if self._known[kind].runs else self._all
            remaining += runs * known.total / max(1, known.runs)
        return done, gained, remaining
