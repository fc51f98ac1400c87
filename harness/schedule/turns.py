"""Whose turn a run is, where several commands share a folder of results: each run is done once, by one of them."""

from collections.abc import Collection
from types import TracebackType

from ...leaderboard import Store
from ..controls.names import OF_A_METHOD, control_id, missing_controls
from ..plan import Job
from .leases import Leases

OURS, THEIRS = "ours", "theirs"


class Turns:
    """Leases on trainings, and a look at what another command finished meanwhile.

    Runs that share their training share its checkpoints, so that they have one lease.

    Args:
        jobs: all that this command is to do.
        again: do runs that are finished, too.
    """

    def __init__(self, jobs: Collection[Job], again: bool = False):
        first = next(iter(jobs))
        self._store = Store(first.remote or first.out)
        self._leases = Leases(self._store.folder)
        self._again = again
        self._shared: dict[str, int] = {}
        self._waited: set[str] = set()

    def __enter__(self) -> "Turns":
        self._leases.__enter__()
        self._attempts = self._store.attempts()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._leases.__exit__(kind, error, trace)

    def take(self, job: Job) -> str:
        """``ours``: do it now, and :meth:`give` it back; ``theirs``: another command is at it; or how that ended."""
        key = job.spec.training_id
        if not self._leases.take(key):
            self._waited.add(job.run_id)
            return THEIRS
        if ended := self._ended(job):
            if not self._shared.get(key):
                self._leases.give(key)
            return ended
        self._shared[key] = self._shared.get(key, 0) + 1
        return OURS

    def give(self, job: Job) -> None:
        """The run has ended here."""
        key = job.spec.training_id
        self._shared[key] -= 1
        if not self._shared[key]:
            self._leases.give(key)

    def _ended(self, job: Job) -> str:
        """How another command ended the run since this one planned it; empty where none did."""
        if not self._again and self._finished(job):
            return "done"
        if job.run_id in self._waited:
            before = self._attempts.get(job.run_id, 0)
            rows = self._store.of_run(job.run_id)
            fresh = rows[(rows.attempt > before) & (rows.split == job.split) & (rows.sweep == job.sweep)]
            return "" if fresh.empty or "interrupted" in set(fresh.status) else str(fresh.iloc[-1].status)
        return ""

    def _finished(self, job: Job) -> bool:
        """Its rows are there, and those of its controls where they are asked for."""
        rules = job.protocol

        def has(run_id: str) -> bool:
            return self._store.has_scores(run_id, rules.id, job.split, job.sweep)

        ids = [control_id(name, job.run_id, rules, job.split) for name in OF_A_METHOD] if job.controls else []
        return has(job.run_id) and not (job.controls and missing_controls(
            job.run_id, rules, job.split, set(filter(has, ids))))
