"""What each of the processes that train one run together does: the first the whole run, the others its training."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..plan import Job
from ..progress import Event, Interrupted
from ..results.run_folders import run_folder
from ..schedule.warden import Warden
from ..schedule.worker import gpus_of_this_process, keep_to

_EVERY = 0.25  # seconds between events; what is asked in between is answered from memory


@dataclass(frozen=True)
class Membership:
    """What a process is told.

    Attributes:
        watcher: handle of the :class:`~.together.Together` that started it.
        cores: CPU cores that it has, for decoding beside the training.
        memory: bytes that it may hold; None: no limit.
        gpus: GPUs, or the share of one, that it has.
    """

    job: Job
    watcher: Any
    cores: int
    memory: int | None
    gpus: float


class Abandoned(Exception):
    """The first process has ended, its run is not done, and the others may wait for it."""


def take_part(told: dict[str, Membership]) -> None:
    """What Ray Train runs in every process, whose process group is ready.

    Raises:
        Abandoned: the run ended badly, and the watcher knows how.
        Exception: whatever ended this process alone.
    """
    import ray
    from ray import train
    from ray.util.placement_group import get_current_placement_group

    from .ranks import Ranks

    member, context = told["member"], train.get_context()
    ranks = Ranks(context.get_world_rank(), context.get_world_size())
    folder = run_folder(member.job.out, member.job.run_id)
    folder.mkdir(parents=True, exist_ok=True)
    Warden(member.memory).begin(folder)
    keep_to(member.gpus or 1.0)
    own, group = ray.get_runtime_context().current_actor, get_current_placement_group()
    ray.get(member.watcher.joined.remote(ranks.rank, own, group.id.hex(), os.uname().nodename, gpus_of_this_process()))
    if ranks.first:
        _lead(member, ranks)
    else:
        join(member.job, ranks, member.cores)


def _lead(member: Membership, ranks: Any) -> None:
    import ray

    from ..trial import run_job

    line = _Line(member.watcher)
    outcome = run_job(member.job, line.tell, line.stopped, member.cores, ranks)
    ray.get(member.watcher.ended.remote(outcome))
    if outcome.status not in ("done", "interrupted"):
        raise Abandoned(outcome.error)


def join(job: Job, ranks: Any, cores: int | None, tell: Callable[[Event], None] = lambda event: None) -> None:
    """Train a run together with the process that does it, and leave.

    Raises:
        Exception: whatever ended this process alone: the others cannot go on.
    """
    from ..decoding import decoding_workers
    from ..progress import Reporter
    from ..training.train import Diverged
    from ..trial import Trial
    from .ranks import NotReady

    trial = Trial(replace(job, controls=False), run_folder(job.out, job.run_id), Reporter(tell),
                  decoding_workers(job.spec.threads, cores), ranks=ranks)
    try:
        with ranks.agreeing():
            trial.prepare()
        with ranks.training(trial.reporter):
            trial.trainee().train(job.until)
    except (NotReady, Interrupted, Diverged):
        return  # all processes know, and the first one says so
    finally:
        trial.release()


class _Line:
    """From the first process to the watcher, without waiting for it."""

    def __init__(self, watcher: Any):
        self._watcher = watcher
        self._event, self._stop = Event(), False
        self._answer: Any = None
        self._asked = 0.0

    def tell(self, event: Event) -> None:
        self._event = event
        self._speak()

    def stopped(self) -> bool:
        self._speak()
        return self._stop

    def _speak(self) -> None:
        import ray

        if self._answer is not None and ray.wait([self._answer], timeout=0)[0]:
            self._stop, self._answer = ray.get(self._answer), None
        if self._answer is None and time.monotonic() - self._asked >= _EVERY:
            self._asked = time.monotonic()
            self._answer = self._watcher.tell.remote(self._event)


