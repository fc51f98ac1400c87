"""What runs inside a Ray worker process: one job at a time, watched and stopped from outside."""

import os
import resource
from dataclasses import replace

from ..plan import Job
from ..progress import Event
from ..results.run_folders import run_folder
from .outcome import Outcome
from .warden import Warden

_KEPT_MEMORY_MB = 2048  # a process that grows by more than this over its first run is leaking


class Worker:
    """A Ray actor with a few threads: ``run`` works while ``event`` and ``stop`` answer.

    Args:
        cores: CPU cores of each run, for decoding beside it.
        memory: bytes that a run may hold; None: no limit.
        share: of a GPU's memory that a run may take, at most.
    """

    def __init__(self, cores: int, memory: int | None = None, share: float = 1.0):
        self._cores, self._share = cores, share
        self._place = Event(stage="preparing", node=os.uname().nodename, gpu=gpus_of_this_process())
        self._event = self._place
        self._stop = False
        self._first: float | None = None
        self._warden = Warden(memory)
        from .. import trial  # torch is imported here, before a run's clock starts

        self._do = trial.run_job
        keep_to(share)

    def run(self, job: Job) -> tuple[Outcome, bool]:
        """Do a run; says how it ended, and whether the process kept memory of the runs it did."""
        self._event, self._stop = self._place, False
        self._warden.begin(run_folder(job.out, job.run_id))
        outcome = self._do(job, self._tell, lambda: self._stop, self._cores)
        return outcome, self._bloated()

    def event(self) -> Event:
        return self._event

    def stop(self) -> None:
        self._stop = True

    def _bloated(self) -> bool:
        now = _resident_mb()
        self._first = now if self._first is None else self._first
        return now - self._first > _KEPT_MEMORY_MB

    def _tell(self, event: Event) -> None:
        self._event = replace(event, node=self._place.node, gpu=self._place.gpu)


def gpus_of_this_process() -> str:
    """Numbers of the GPUs that Ray gave this process."""
    import ray

    return ",".join(map(str, ray.get_gpu_ids()))


def keep_to(share: float) -> None:
    """Run into the limit of its own share of a GPU, rather than take its neighbours' memory."""
    import torch

    if share < 1 and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(share)


def _resident_mb() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20
