"""What runs inside a Ray worker process: one job at a time, watched and stopped from outside."""

import resource

from .plan import Job
from .progress import Event
from .trial import Outcome, run_job

_KEPT_MEMORY_MB = 2048  # a process that grows by more than this over its first run is leaking


class Worker:
    """A Ray actor with a few threads: ``run`` works while ``event`` and ``stop`` answer."""

    def __init__(self, cores: int):
        self._cores = cores
        self._event = Event(stage="starting")
        self._stop = False
        self._first: float | None = None

    def run(self, job: Job) -> Outcome:
        self._event, self._stop = Event(stage="preparing"), False
        return run_job(job, self._tell, lambda: self._stop, self._cores)

    def event(self) -> Event:
        return self._event

    def stop(self) -> None:
        self._stop = True

    def bloated(self) -> bool:
        """Whether the process kept memory of the runs it did."""
        now = _resident_mb()
        self._first = now if self._first is None else self._first
        return now - self._first > _KEPT_MEMORY_MB

    def _tell(self, event: Event) -> None:
        self._event = event


def _resident_mb() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20
