"""A run whose results live at a URL: what of it is fetched before it starts, and what is sent while it works and after.

Rows go last, for they alone say that a run is finished: one whose results could not be sent is not.
"""

import logging
import time
from dataclasses import replace

from ...errors import UserError
from ...links import without_links_out
from ..plan import Job
from ..schedule.outcome import Outcome
from .mirror import Mirror
from .place import Results, results_at

log = logging.getLogger("partbench")
_SHARE = 0.1  # of a run's time that sending checkpoints may take


class RunCopy:
    """The copy on this machine of what one run reads and writes; does nothing where results are local.

    Attributes:
        job: the run, with the scratch folder of the machine that does it.
    """

    def __init__(self, job: Job):
        self._results = results_at(job.remote) if job.remote else Results(job.out)
        self.job = replace(job, out=self._results.folder)
        self._mirror: Mirror | None = self._results.mirror
        self._next = time.monotonic()

    def fetch(self) -> None:
        """Bring here what earlier attempts left, on whatever machine they worked.

        Raises:
            UserError: the URL cannot be read, or something in the run's folders is a link that leads out of the
                results.
        """
        job = self.job
        for folder in self._folders():
            for parts in ((folder,), (folder, "checkpoints")):
                without_links_out(job.out, *parts)
        self._results.fetch("rows", *self._folders())
        self._results.fetch("items", wanted=lambda name: name.startswith(f"items/{job.run_id}."))

    def checkpoint(self) -> None:
        """Send the newest checkpoint; one that cannot be sent goes with the next."""
        if self._mirror is None or time.monotonic() < self._next:
            return
        started = time.monotonic()
        try:
            self._send_training()
        except UserError as problem:
            log.warning("the checkpoint is kept here alone: %s", problem)
        ended = time.monotonic()
        self._next = ended + (ended - started) * (1 / _SHARE - 1)

    def forget(self) -> None:
        """Drop the checkpoints that are not here from the URL.

        Raises:
            UserError: the URL cannot be written.
        """
        if self._mirror is not None:
            self._send_training()

    def ended(self, outcome: Outcome) -> Outcome:
        """Send what the run left; returns how it ended, which is failed where its results could not be sent."""
        if self._mirror is None or outcome.status == "refused":
            return outcome
        job = self.job
        try:
            self._send_training()
            self._results.send(*self._folders())
            self._results.send_finished()
        except UserError as problem:
            log.error("%s", problem)
            if outcome.status == "done":
                return Outcome(job.run_id, "failed", f"its results are in {job.out} alone: {problem}", certain=True)
        return outcome

    def _folders(self) -> list[str]:
        return list(dict.fromkeys(f"runs/{run_id}" for run_id in (self.job.spec.training_id, self.job.run_id)))

    def _send_training(self) -> None:
        self._mirror.push(f"runs/{self.job.spec.training_id}/checkpoints", exactly=True)
