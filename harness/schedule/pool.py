"""Workers that do runs: Ray decides what fits, this file hands out the work and sees to the workers."""

import time
from dataclasses import dataclass
from typing import Any

from ..config import Request
from ..plan import Job
from ..progress import Event
from .attempts import LOST_MACHINE, STOPPED, death, time_is_up
from .docket import Docket
from .outcome import Outcome
from .places import Places

_POLL = 0.5  # seconds between looks at the workers
_NODES = 5.0  # seconds between looks at the nodes
_GRACE = 5.0  # seconds a worker gets to finish writing after Ctrl-C


@dataclass
class Seat:
    """A run under way.

    Attributes:
        end: what Ray answers with once the run has ended.
        asked: what Ray answers with once the worker has said how far it is.
        began: second at which the worker first answered, for it takes seconds to start.
    """

    worker: Any
    job: Job
    end: Any
    asked: Any
    began: float | None = None


class Pool:
    """Worker actors of one size. Healthy ones are used again; one that failed or kept memory is replaced.

    Args:
        docket: where runs come from, and where their ends are told.
        most: runs that will be waiting at a time, at most.

    Raises:
        UserError: no node offers what a run takes.
    """

    def __init__(self, ray: Any, config: Request, docket: Docket, most: int):
        self.ray, self.docket, self._limit, self._most = ray, docket, config.timeout, most
        self._places = Places.of(ray, config)
        self.size = min(most, self._places.count())
        self._cores = self._places.cores(self.size)
        self.idle: list[Any] = []
        self.busy: list[Seat] = []
        self._spent: dict[str, float] = {}
        self._looked = self._counted = time.monotonic()

    def step(self) -> None:
        """Give idle workers something to do, and see what the busy ones did; takes half a second at most.

        Raises:
            ClusterLost: Ray on this machine has died.
        """
        self._make_room()
        self._fill()
        if self.busy:
            ended, _ = self.ray.wait([seat.end for seat in self.busy], timeout=_POLL)
            for seat in [seat for seat in self.busy if seat.end in ended]:
                self._end(seat)
        else:
            time.sleep(_POLL)  # what waits is done by others
        now = time.monotonic()
        if now - self._looked >= _POLL:
            self._looked = now
            for seat in list(self.busy):
                self._watch(seat, now)
        if now - self._counted >= _NODES:
            self._counted = now
            self._places.check()
            self.size = min(self._most, self._places.count())

    def _make_room(self) -> None:
        """End idle workers where a node was lost: they hold the place that a new worker waits for."""
        while self.idle and len(self.busy) + len(self.idle) > self.size:
            self._places.dismiss(self.idle.pop(0), [*(seat.worker for seat in self.busy), *self.idle])

    def _fill(self) -> None:
        while len(self.busy) < self.size:
            job = self.docket.next({seat.job.spec.training_id for seat in self.busy})
            if job is None:
                return
            known = bool(self.idle)
            worker = self.idle.pop() if known else self._places.hire(self._cores)
            self.busy.append(Seat(worker, job, worker.run.remote(job), worker.event.remote(),
                                  time.monotonic() if known else None))

    def _watch(self, seat: Seat, now: float) -> None:
        """Show how far a run is, and end it where its time is up."""
        if self.ray.wait([seat.asked], timeout=0)[0]:
            try:
                self.docket.event(seat.job, self.ray.get(seat.asked))
            except self.ray.exceptions.RayError:
                return  # dying: the run's own end tells
            seat.began = seat.began or now
            seat.asked = seat.worker.event.remote()
        if self._limit and seat.began and self._time(seat, now) > self._limit:
            self._drop(seat)
            self.docket.end(seat.job, time_is_up(seat.job, self._limit))

    def _time(self, seat: Seat, now: float) -> float:
        """Seconds that the run took, earlier attempts of this command included."""
        return self._spent.get(seat.job.run_id, 0.0) + (now - seat.began if seat.began else 0.0)

    def _end(self, seat: Seat) -> None:
        self._spent[seat.job.run_id] = self._time(seat, time.monotonic())
        outcome, healthy = self._outcome(seat)
        if healthy:
            self.busy.remove(seat)
            self.idle.append(seat.worker)
        else:
            self._drop(seat)
        if outcome.status == "done":
            del self._spent[seat.job.run_id]
        self.docket.end(seat.job, outcome)

    def _outcome(self, seat: Seat) -> tuple[Outcome, bool]:
        """How a run ended, and whether its worker may do another."""
        try:
            outcome, bloated = self.ray.get(seat.end)
            return outcome, outcome.status == "done" and not bloated
        except self.ray.exceptions.RayTaskError as problem:
            return Outcome(seat.job.run_id, "failed", f"{type(problem.cause).__name__}: {problem.cause}"), False
        except self.ray.exceptions.RayError as problem:
            return death(seat.job, str(problem)), False

    def _drop(self, seat: Seat) -> None:
        self.busy.remove(seat)
        self._places.dismiss(seat.worker, [*(other.worker for other in self.busy), *self.idle])

    def interrupt(self) -> None:
        """Ask every run to stop, wait a little, and mark those that did not answer."""
        self.docket.closing = True
        for seat in list(self.busy):
            if seat.began is None:  # its worker is starting and hears nothing yet
                self._stop(seat)
            else:
                seat.worker.stop.remote()
                self.docket.event(seat.job, Event(stage="stopping"))
        until = time.monotonic() + _GRACE
        while self.busy and time.monotonic() < until:
            ended, _ = self.ray.wait([seat.end for seat in self.busy], timeout=_POLL)
            for seat in [seat for seat in self.busy if seat.end in ended]:
                self._end(seat)
        for seat in list(self.busy):
            self._stop(seat)

    def _stop(self, seat: Seat) -> None:
        self._drop(seat)
        self.docket.end(seat.job, Outcome(seat.job.run_id, "interrupted", STOPPED))

    def abandon(self) -> None:
        """Ray is gone, and every worker with it."""
        for seat in self.busy:
            if seat.began is None:  # its worker never started: that was no try
                self.docket.put_back(seat.job)
            else:
                self.docket.end(seat.job, Outcome(seat.job.run_id, "lost", LOST_MACHINE))
        self.busy = []
