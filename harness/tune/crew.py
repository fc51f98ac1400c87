"""Runs that are handed in one by one, each of which answers through a future."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from ...errors import UserError
from ..config import Request
from ..plan import Job
from ..progress import Event
from ..schedule.connection import connected
from ..schedule.docket import Docket
from ..schedule.places import ClusterLost
from ..schedule.pool import Pool
from .display import SearchDisplay

End = tuple[str, str]
"""Status and error of a run; ``refused`` where its request cannot work."""


class Crew:
    """Does one run after the other, here."""

    at_once = 1

    def __init__(self, display: SearchDisplay):
        self.display = display

    def do(self, job: Job) -> "Future[End]":
        """Do a run; the future answers with how it ended."""
        from ..trial import run_job

        self.display.begun(job)
        outcome = run_job(job, lambda event: self.display.event(job.run_id, event))
        self.display.ended(job.run_id, outcome.status, outcome.error)
        answer: Future[End] = Future()
        answer.set_result((outcome.status, outcome.error))
        return answer


class RayCrew(Crew):
    """A pool of workers that a thread of its own looks after, so that the driver may wait for any of its futures.

    What ended badly is tried again as runs of ``harness run`` are: the machine may be to blame, not the settings.
    """

    def __init__(self, ray: Any, config: Request, display: SearchDisplay, most: int):
        super().__init__(display)
        self.docket = Docket(self)
        self.pool = Pool(ray, config, self.docket, most)
        self.at_once = self.pool.size
        self._handed_in: list[Job] = []  # the pool belongs to the thread
        self._jobs: dict[str, tuple[Job, Future[End]]] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._broke: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="crew", daemon=True)
        self._thread.start()

    def do(self, job: Job) -> "Future[End]":
        """As :meth:`Crew.do`, without waiting."""
        self.display.begun(job)
        answer: Future[End] = Future()
        with self._changed:
            if self._broke:
                raise self._broke
            self._jobs[job.run_id] = job, answer
            self._handed_in.append(job)
            self._changed.notify()
        return answer

    def event(self, run_id: str, event: Event) -> None:
        """What the pool hears of a run."""
        self.display.event(run_id, event)

    def said(self, run_id: str, line: str) -> None:
        """What is to be known of a run that goes on."""
        self.display.said(run_id, line)

    def ended(self, run_id: str, status: str, error: str) -> None:
        """How a run ended, from the pool."""
        _, answer = self._jobs[run_id]
        self.display.ended(run_id, status, error)
        answer.set_result((status, error))

    def close(self) -> None:
        """Stop what is under way, where it can continue, and the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        try:
            while self._more():
                self.pool.step()
                while self.docket.refused:
                    run_id, (_, error) = self.docket.refused.popitem()
                    self.ended(run_id, "refused", error)
                if self.docket.unwritten:
                    raise self.docket.unwritten
            self.pool.interrupt()
        except ClusterLost:
            self._break(UserError("Ray was lost; trials that ended are kept, and the same command continues"))
        except BaseException as problem:  # whoever waits would wait for ever
            self._break(problem)

    def _break(self, problem: BaseException) -> None:
        """Tell everybody who waits, or will."""
        with self._changed:
            self._broke = problem
        for _, answer in self._jobs.values():
            if not answer.done():
                answer.set_exception(problem)

    def _more(self) -> bool:
        """Wait for work, and take over what was handed in; False at the end."""
        with self._changed:
            while not (self._closed or self._handed_in or self.docket.waiting or self.pool.busy):
                self._changed.wait()
            while self._handed_in:
                self.docket.add(self._handed_in.pop(0))
            return not self._closed


@contextmanager
def crew(config: Request, display: SearchDisplay, most: int) -> Iterator[Crew]:
    """Whoever does the runs of a request, until the work is done.

    Args:
        most: runs at a time that there will be use for.

    Raises:
        UserError: there is no cluster at the address, or no node offers what a run takes.
    """
    if config.in_process:
        yield Crew(display)
        return
    with connected(config.address) as ray:
        workers = RayCrew(ray, config, display, most)
        try:
            yield workers
        finally:
            workers.close()
