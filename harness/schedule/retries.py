"""Which runs are tried again after they ended badly, and how."""

from collections import Counter
from dataclasses import dataclass, field, replace

from ..plan import Job
from .outcome import Outcome

LOST = 3
"""Times that a run is tried again after its process or its machine was lost."""


@dataclass
class Retries:
    """Counts what happened to the runs of one command.

    A lost process is tried again three times, from its last checkpoint. What did not fit into memory is tried again in
    half the pieces: the gradients of two halves of a batch are added up. Any other failure is tried once more, unless
    it is certain to come again; a time limit and a user's stop are not.
    """

    _happened: Counter = field(default_factory=Counter)

    def again(self, job: Job, end: Outcome) -> tuple[Job, str] | None:
        """The run as it is to be tried again, and how, for people; None where this is its end."""
        self._happened[job.run_id, end.status] += 1
        times = self._happened[job.run_id, end.status]
        if end.status == "lost" and times <= LOST:
            return job, f"again from its last checkpoint, {times} of {LOST}"
        if end.status == "out_of_memory" and 2 * job.accumulation <= job.spec.batch_size:
            parts = 2 * job.accumulation
            return replace(job, accumulation=parts), f"again with every batch in {parts} parts"
        if end.status == "failed" and times == 1 and not end.certain:
            return job, "once more from its last checkpoint"
        return None
