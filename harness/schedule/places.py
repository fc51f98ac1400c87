"""What a run takes of a cluster, and for how many runs there is room."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import UserError
from ..config import Request
from ..spread.dismissal import dismiss


class ClusterLost(Exception):
    """Ray on this machine has died."""


@dataclass(frozen=True)
class Places:
    """Room for runs of one size.

    Attributes:
        cpus, gpus, memory: of each run; memory in bytes, None where it has no limit.
        workers: processes that train a run together, each of which takes as much.
    """

    ray: Any
    cpus: int
    gpus: float
    memory: int | None
    workers: int

    @classmethod
    def of(cls, ray: Any, config: Request) -> "Places":
        """As a request says; where it says nothing, a GPU for each run if there are any.

        Raises:
            UserError: no node offers what a run takes.
        """
        nodes = _alive(ray)
        widest = int(max((node.get("CPU", 1) for node in nodes), default=1))
        gpus = config.gpus_per_run
        if gpus is None:
            gpus = float(any(node.get("GPU", 0) >= 1 for node in nodes))
        found = cls(ray, min(config.threads, widest), gpus, config.memory_per_run, config.workers_per_run)
        if not found.count():
            memory = f" and {found.memory / 2**30:.1f} GiB" if found.memory else ""
            raise UserError(f"no node offers {found.cpus} CPUs, {gpus:g} GPUs{memory} a run; lower --threads, "
                            "--gpus-per-run, --memory-per-run or --workers-per-run")
        return found

    def count(self) -> int:
        """Runs that fit at once on the nodes that are alive."""
        return sum(self._on(node) for node in _alive(self.ray)) // self.workers

    def cores(self, at_once: int) -> int:
        """CPU cores of each run, for decoding beside it."""
        return max(1, int(sum(node.get("CPU", 1) for node in _alive(self.ray))) // (at_once * self.workers))

    def check(self) -> None:
        """Raise ClusterLost where the node of this command is gone, without which no worker can be reached."""
        here = self.ray.get_runtime_context().get_node_id()
        if not any(node["Alive"] and node["NodeID"] == here for node in self.ray.nodes()):
            raise ClusterLost

    def hire(self, cores: int) -> Any:
        """A new worker: a process that starts when Ray has room for it, or for the processes that it starts."""
        if self.workers > 1:
            from ..spread.together import Together

            # It only watches; threads beside the run for the pool that asks it and the processes that tell it.
            watcher = self.ray.remote(num_cpus=0, max_concurrency=4 + self.workers)(Together)
            return watcher.remote(self.workers, self.cpus, self.gpus, cores, self.memory)
        from .worker import Worker

        # Two more threads than the run itself, so that it can be watched and stopped.
        actor = self.ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, memory=self.memory, max_concurrency=3)(Worker)
        return actor.remote(cores, self.memory, self.gpus or 1.0)

    def dismiss(self, worker: Any, others: Sequence[Any]) -> None:
        """End a worker and what it started; ``others`` are those that stay."""
        if self.workers > 1:
            dismiss(self.ray, worker, others)
        else:
            self.ray.kill(worker)

    def _on(self, node: dict[str, float]) -> int:
        fits = [node.get("CPU", 1) / self.cpus]
        fits += [node.get("GPU", 0) / self.gpus] if self.gpus else []
        fits += [node.get("memory", 0) / self.memory] if self.memory else []
        return int(min(fits) + 1e-9)  # ten shares of 0.1 fit, whatever they add up to in binary


def _alive(ray: Any) -> list[dict[str, float]]:
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]
