"""Trials of a search as runs: settings in, what they score on val out."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from ...errors import UserError
from ...leaderboard import Store
from ...methods.cards.base import split_name
from ...methods.catalogue import registry as methods
from ...sweeps import TrialOutcome
from ..plan import Job
from ..schedule.attempts import write_attempt
from .config import TuneConfig
from .crew import Crew, End
from .levels import at_one_level
from .plans import Prepared, trial_job

_DIGITS = 12  # sums in another order differ after them: of two equal trials none shall be the better one


class Trials:
    """Hands the trials of one method to a crew; those that an earlier command did are read instead."""

    def __init__(self, config: TuneConfig, prepared: Prepared, crew: Crew):
        self.config, self.plan, self.paper, self.crew = config, prepared.plan, prepared.job, crew
        self.store = Store(prepared.job.out)

    def submit(self, settings: Mapping[str, Any], until: int, split: str) -> "Future[TrialOutcome]":
        """Train with these settings to an epoch and score.

        The future raises UserError where no trial at all can work, such as one whose data set has gone.

        Raises:
            ValueError: another split than val: a search that sees test images is worth nothing.
        """
        if split != "val":
            raise ValueError(f"trials are scored on val, not on {split}")
        answer: Future[TrialOutcome] = Future()
        answer.set_running_or_notify_cancel()  # what is under way is stopped by its crew
        refusal = self._refusal(settings)
        if refusal:
            answer.set_result(refusal)
            return answer
        job = trial_job(self.config, self.plan.method, self.plan.name, settings, until)
        known = self._known(job)
        if known:
            answer.set_result(known)
        else:
            self.crew.do(job).add_done_callback(lambda done: self._pass_on(done, answer, job))
        return answer

    def _refusal(self, settings: Mapping[str, Any]) -> TrialOutcome | None:
        """Two settings may be sound by themselves and not together: such a trial has failed, and leaves a row too."""
        name, variant = split_name(self.plan.method)
        try:
            methods.get(name).resolve(variant, {**self.plan.paper, **settings})
            return None
        except UserError as error:
            spec = self.paper.spec.model_copy(update={"settings": {**self.plan.paper, **settings}, "trained_as": None})
            job = replace(self.paper, spec=spec)
            write_attempt(job, "failed", str(error))
            return TrialOutcome(job.run_id, error=str(error))

    def _pass_on(self, done: "Future[End]", answer: "Future[TrialOutcome]", job: Job) -> None:
        """From the end of a run to the outcome of a trial; what breaks on the way reaches whoever waits."""
        try:
            status, error = done.result()
            if status == "interrupted":
                raise KeyboardInterrupt
            if status == "refused":
                raise UserError(error)
            found = self._known(job) if status == "done" else None
            answer.set_result(found or TrialOutcome(job.run_id, error=error or "the run left no scores"))
        except BaseException as problem:
            answer.set_exception(problem)

    def _known(self, job: Job) -> TrialOutcome | None:
        """What the store says of the run, if it was trained as far."""
        rows = self.store.of_run(job.run_id)
        rows = rows[(rows.sweep == job.sweep) & (rows.protocol_id == job.protocol.id) & (rows.split == job.split)
                    & rows.status.isin(["done", "not_applicable", "pruned"])
                    & (rows.epochs >= (job.until or job.spec.epochs))]
        if not len(rows):
            return None
        rows = at_one_level(rows)
        values = {row.metric: round(float(row.value), _DIGITS) for row in rows.itertuples()
                  if row.status != "not_applicable"}
        lost = [f"no {row.metric}: {row.error}" for row in rows.itertuples() if row.metric not in values]
        first = rows.iloc[0]
        return TrialOutcome(job.run_id, values, int(first.epochs), float(first.train_seconds),
                            float(first.explain_seconds + first.score_seconds), "; ".join(lost))
