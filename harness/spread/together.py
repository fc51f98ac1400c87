"""One run by several processes: Ray Train places them, connects them, and ends them all where one fails.

Ray Train keeps nothing of ours: checkpoints and rows are the run's own, so what it calls its storage is this process's
memory. It tries nothing again either: the pool does, as for any run.
"""

import logging
import os
import threading
from dataclasses import replace
from typing import Any

from ..plan import Job
from ..progress import Event
from ..results.run_folders import run_folder
from ..results.run_log import run_log
from ..schedule.outcome import Outcome
from .member import Membership, take_part

log = logging.getLogger("partbench")
_OPTIONS = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",  # seconds until an end is noticed
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "600",  # importing torch takes its time on a busy machine
    "RAY_TRAIN_METRICS_ENABLED": "0",
}
_PATIENCE = 86_400  # seconds that the others wait for one; a dead one is noticed without


class Together:
    """A Ray actor like :class:`~..worker.Worker`, for runs that several processes train; it takes no CPU itself.

    Args:
        workers: processes of a run.
        cpus, gpus: that each of them takes.
        cores: CPU cores of each, for decoding beside it.
        memory: bytes that each may hold; None: no limit.
    """

    def __init__(self, workers: int, cpus: int, gpus: float, cores: int, memory: int | None):
        os.environ.update(_OPTIONS)
        self._workers, self._cpus, self._gpus, self._cores, self._memory = workers, cpus, gpus, cores, memory
        self._there, self._over, self._ending = threading.Event(), threading.Event(), False
        self._over.set()
        self._begin()

    def _begin(self) -> None:
        self._event, self._stop = Event(stage="preparing"), False
        self._there.clear()
        self._members: list[Any] = []
        self._group = ""
        self._outcome: Outcome | None = None
        self._places: dict[int, tuple[str, str]] = {}

    def run(self, job: Job) -> tuple[Outcome, bool]:
        """Do a run; says how it ended, and that this process kept nothing of it."""
        from ray.train import TrainingFailedError

        self._begin()
        self._over.clear()
        try:
            self._trainer(job).fit()
        except TrainingFailedError as error:
            if self._outcome is None:
                return self._lost(job, error), False
        finally:
            self._there.set()
            self._over.set()
        return self._outcome, False

    def event(self) -> Event:
        """What the run does; answers once its first process is there, as a worker that is starting does."""
        self._there.wait()
        return self._event

    def stop(self) -> None:
        self._stop = True

    def end(self) -> None:
        """Kill the processes, those that are still starting as they come, and end this one when Ray Train is through.

        Ray Train is left to notice that they died: it then gives back what it holds of the cluster.
        """
        import ray

        self._ending, own = True, ray.get_runtime_context().current_actor
        for member in self._members:
            ray.kill(member)

        def leave() -> None:
            self._over.wait()
            ray.kill(own)

        threading.Thread(target=leave, daemon=True).start()

    def group(self) -> str:
        """Id of the placement group of the run; empty where there is none yet."""
        return "" if self._over.is_set() else self._group

    def joined(self, rank: int, member: Any, group: str, node: str, gpus: str) -> None:
        """A process is there; called by each of them with its handle."""
        import ray

        self._members.append(member)
        self._group = group
        if self._ending:
            ray.kill(member)
        self._places[rank] = node, gpus
        if rank == 0:
            self._there.set()

    def tell(self, event: Event) -> bool:
        """What the first process does; answers whether it shall stop."""
        places = [self._places[rank] for rank in sorted(self._places)]
        nodes, gpus = (",".join(dict.fromkeys(filter(None, names))) for names in zip(*places, strict=True))
        self._event = replace(event, node=nodes, gpu=gpus)
        return self._stop

    def ended(self, outcome: Outcome) -> None:
        """How the run ended, as its first process says."""
        self._outcome = outcome

    def _trainer(self, job: Job) -> Any:
        import ray
        from fsspec import filesystem
        from pyarrow.fs import FSSpecHandler, PyFileSystem
        from ray import train
        from ray.train.torch import TorchConfig, TorchTrainer

        resources = {"CPU": self._cpus} | ({"GPU": self._gpus} if self._gpus else {}) | (
            {"memory": self._memory} if self._memory else {})
        # NCCL wants a GPU for each process; what they tell each other besides is in the CPU's memory.
        backend = "cpu:gloo,cuda:nccl" if self._gpus >= 1 else "gloo"
        watcher = ray.get_runtime_context().current_actor
        return TorchTrainer(
            take_part,
            train_loop_config={"member": Membership(job, watcher, self._cores, self._memory, self._gpus)},
            torch_config=TorchConfig(backend=backend, timeout_s=_PATIENCE),
            scaling_config=train.ScalingConfig(num_workers=self._workers, use_gpu=bool(self._gpus),
                                               resources_per_worker=resources),
            run_config=train.RunConfig(
                name=job.run_id, storage_path="partbench",
                storage_filesystem=PyFileSystem(FSSpecHandler(filesystem("memory"))),
                failure_config=train.FailureConfig(max_failures=0, controller_failure_limit=0,
                                                   max_preemption_failures=0)))

    def _lost(self, job: Job, error: Exception) -> Outcome:
        """How a run ended whose first process could not say it: by what happened to the others."""
        from ray.train.v2._internal.exceptions import RayTrainError

        from ..schedule.attempts import death
        from ..training.out_of_memory import is_out_of_memory
        from .ranks import lost_contact

        failures = getattr(error, "worker_failures", {})
        dead = {rank: problem for rank, problem in failures.items() if isinstance(problem, RayTrainError)}
        alive = {rank: problem for rank, problem in failures.items()
                 if rank not in dead and not lost_contact(problem)}
        if not alive:
            return death(job, str(next(iter(dead.values()), error)))
        rank, problem = min(alive.items())
        with run_log(run_folder(job.out, job.run_id) / "log.txt"):
            log.error("process %d of %d: %s", rank + 1, self._workers, error)
        status = "out_of_memory" if is_out_of_memory(problem) else "failed"
        return Outcome(job.run_id, status,
                       f"process {rank + 1} of {self._workers}: {type(problem).__name__}: {problem}")
