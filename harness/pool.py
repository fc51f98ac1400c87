"""Workers that do runs: Ray decides what fits, this file hands out the work and sees to the workers."""

import logging
import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ..errors import UserError
from .attempts import STOPPED, write_attempt
from .config import Request
from .plan import Job
from .progress import Event

_POLL = 0.5  # seconds between looks at the workers
_GRACE = 8.0  # seconds a worker gets to finish writing after Ctrl-C


class Listener(Protocol):
    """Whoever shows the runs to the user."""

    def event(self, run_id: str, event: Event) -> None: ...

    def ended(self, run_id: str, status: str, error: str) -> None: ...


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Ray, on this machine or at an address, until the work is done.

    Raises:
        UserError: there is no cluster at the address, or Ray does not start here.
    """
    import ray

    # Ray's own usage reports, dashboards and prefixed worker output have no place in a user's terminal.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        ray.init(address=address or "local", include_dashboard=False if address is None else None,
                 log_to_driver=False, logging_level=logging.ERROR, ignore_reinit_error=True)
    except Exception as error:  # Ray raises a bare one where a node is slow to start
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if address is None:
            raise UserError(f"Ray does not start: {reason}; try again when this machine is less busy, or "
                            "give --in-process") from error
        raise UserError(f"--address {address}: {reason}; start a cluster with: ray start --head") from None
    try:
        yield ray
    finally:
        ray.shutdown()


class Pool:
    """Worker actors of one size. Healthy ones are used again; one that failed or kept memory is replaced.

    Args:
        at_once: runs that will be waiting at a time, at most.

    Attributes:
        statuses: of the runs that ended.
        refused: why, of those whose request cannot work.
        died: those whose worker did, so that nobody knows why they failed.

    Raises:
        UserError: no node offers what a run takes.
    """

    def __init__(self, ray: Any, config: Request, listener: Listener, at_once: int):
        self.ray, self.listener = ray, listener
        resources = ray.cluster_resources()
        gpus = config.gpus_per_run if config.gpus_per_run is not None else float(resources.get("GPU", 0) >= 1)
        cpus = min(config.threads, int(resources.get("CPU", 1)))
        fits = [resources.get("CPU", 1) // cpus] + ([resources.get("GPU", 0) // gpus] if gpus else [])
        if not min(fits):
            raise UserError(f"no node offers {cpus} CPUs and {gpus:g} GPUs a run; lower --threads or --gpus-per-run")
        self.waiting: deque[Job] = deque()
        self.size = min(at_once, int(min(fits)))
        self.cores = max(1, int(resources.get("CPU", 1)) // self.size)  # of each run, for decoding beside it
        from .worker import Worker

        # Two more threads than the run itself, so that it can be watched and stopped.
        self.actor = ray.remote(num_cpus=cpus, num_gpus=gpus, max_concurrency=3)(Worker)
        self.idle: list[Any] = []
        self.busy: dict[Any, tuple[Any, Job]] = {}
        self.statuses: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.died: set[str] = set()

    def add(self, job: Job) -> None:
        """Put a run at the end of the queue."""
        self.waiting.append(job)

    def work(self) -> dict[str, str]:
        """Do every run that was added; returns the status by run id.

        Raises:
            UserError: a run's request cannot work; the others are stopped.
        """
        try:
            while (self.waiting or self.busy) and not self.refused:
                self.step()
        except KeyboardInterrupt:
            self.interrupt()
        if self.refused:
            self.interrupt()
            raise UserError(next(iter(self.refused.values())))
        return self.statuses

    def step(self) -> None:
        """Give idle workers something to do, and see what the busy ones did; takes half a second at most."""
        self._fill()
        self._look()

    def _fill(self) -> None:
        while len(self.busy) < self.size and (job := self._next()):
            worker = self.idle.pop() if self.idle else self.actor.remote(self.cores)
            self.waiting.remove(job)
            self.busy[worker.run.remote(job)] = (worker, job)

    def _next(self) -> Job | None:
        """The first waiting job whose training no other run is just doing."""
        training = {job.spec.training_id for _, job in self.busy.values()}
        return next((job for job in self.waiting if job.spec.training_id not in training), None)

    def _look(self) -> None:
        ended, _ = self.ray.wait(list(self.busy), timeout=_POLL)
        for reference in ended:
            self._end(reference)
        for worker, job in self.busy.values():
            self._show(worker, job)

    def _show(self, worker: Any, job: Job) -> None:
        try:
            self.listener.event(job.run_id, self.ray.get(worker.event.remote(), timeout=_POLL))
        except (self.ray.exceptions.GetTimeoutError, self.ray.exceptions.RayActorError):
            return  # still starting, or dying: the run's own reference tells

    def _end(self, reference: Any) -> None:
        worker, job = self.busy.pop(reference)
        try:
            outcome = self.ray.get(reference)
            status, error = outcome.status, outcome.error
        except self.ray.exceptions.RayTaskError as problem:
            status, error = "failed", f"{type(problem.cause).__name__}: {problem.cause}"
            write_attempt(job, status, error)
        except self.ray.exceptions.RayError as problem:
            status, error = "failed", f"the worker process died: {str(problem).strip().splitlines()[0]}"
            self.died.add(job.run_id)
            write_attempt(job, status, error)
        if status == "refused":
            self.refused[job.run_id] = error
            self.ray.kill(worker)
            return
        if status == "done" and not self.ray.get(worker.bloated.remote()):
            self.idle.append(worker)
        else:
            self.ray.kill(worker)
        self.statuses[job.run_id] = status
        self.listener.ended(job.run_id, status, error)

    def interrupt(self) -> None:
        """Ask every run to stop, wait a little, and mark those that did not answer."""
        for worker, job in self.busy.values():
            worker.stop.remote()
            self.listener.event(job.run_id, Event(stage="stopping"))
        until = time.monotonic() + _GRACE
        while self.busy and time.monotonic() < until:
            ended, _ = self.ray.wait(list(self.busy), timeout=_POLL)
            for reference in ended:
                self._end(reference)
        for worker, job in self.busy.values():
            self.ray.kill(worker)
            write_attempt(job, "interrupted", STOPPED)
            self.statuses[job.run_id] = "interrupted"
            self.listener.ended(job.run_id, "interrupted", "")
