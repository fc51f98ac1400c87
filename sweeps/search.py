"""The search of one method: which trial is trained next and how far, all of it read off the journal."""

from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from . import budget
from .brackets import bracket_of, decision, next_bracket, until
from .journal import open_journal
from .proposals import propose
from .records import SearchRecord
from .search_plan import SearchPlan, Task, TrialOutcome
from .study_records import has_come_to, read_record, rung_name, rungs_of

if TYPE_CHECKING:
    import optuna


class Search:
    """A search under way. The caller holds its folder (:func:`.journal.sole_writer`).

    Attributes:
        study: Optuna's.
        under_way: numbers of the trials whose tasks were handed out and have not ended.

    Raises:
        UserError: the journal is broken, or another search's.
    """

    def __init__(self, plan: SearchPlan, journal: Path):
        self.plan = plan
        self._journal = open_journal(journal, plan.content, plan.directions)
        self.study = self._journal.study
        self.under_way: set[int] = set()
        self._settle()

    @property
    def record(self) -> SearchRecord:
        """What the journal says now."""
        return read_record(self.study, self.plan)

    @property
    def spent(self) -> float:
        """Share of the budget that is spent or under way."""
        return budget.spent(self.plan, self._journal.trials)

    @property
    def tasks_left(self) -> int:
        """How often a run will be begun or continued before the budget is spent, about; 0 when nothing is left."""
        return budget.tasks_left(self.plan, self._journal.trials)

    def next_task(self) -> Task | None:
        """What may be done now; None where everything waits for what is under way, or nothing is left."""
        due = [trial for trial in self._running()
               if trial.number not in self.under_way and not has_come_to(trial, until(trial))]
        if not due and budget.pays_for_another(self.plan, self._journal.trials):
            due = [self._begin()]
        # Equal settings are one run, which two workers would write at once: the second trial waits for the first.
        busy = [self._journal.trials[number].user_attrs["settings"] for number in self.under_way]
        for trial in due:
            if trial.user_attrs["settings"] not in busy:
                self.under_way.add(trial.number)
                return Task(trial.number, trial.user_attrs["settings"], until(trial))
        return None

    def ended(self, task: Task, outcome: TrialOutcome) -> None:
        """Write down what became of a task, and decide what follows from it.

        Raises:
            UserError: the paper's own setting cannot be trained: nor will others. It is tried again when the search is
                continued.
        """
        self.under_way.discard(task.number)
        values = {name: float(value) for name, value in outcome.values.items()}
        missing = [name for name in self.plan.metrics if not isfinite(values.get(name, float("nan")))]
        error = outcome.error or (f"no value of {', '.join(missing)}" if missing else "")
        if error and task.number == 0:
            raise UserError(_paper_failed(self.plan.method, error, outcome.run_id))
        farther = min(max(outcome.epochs, task.until), self.plan.rungs.epochs[-1])
        self._journal.note(task.number, rung_name(task.until if error else farther), {
            "values": {name: value for name, value in values.items() if isfinite(value)},
            "seconds": {"training": outcome.seconds, "scoring": outcome.scoring_seconds},
            "run_id": outcome.run_id, "error": error, "ended": datetime.now(UTC).isoformat()})
        self._settle()

    def _begin(self) -> "optuna.trial.FrozenTrial":
        trials, rungs = self._journal.trials, self.plan.rungs
        notes: dict[str, Any] = {"until": rungs.epochs[0], "bracket": next_bracket(trials, rungs)}
        self._journal.add(propose(self.plan, trials, notes))
        return self._journal.trials[-1]

    def _running(self) -> "list[optuna.trial.FrozenTrial]":
        return [trial for trial in self._journal.trials if not trial.state.is_finished()]

    def _settle(self) -> None:
        """Whatever follows from what is written: ends of trials, and promotions."""
        full = self.plan.rungs.epochs[-1]
        for trial in self._running():
            reached = rungs_of(trial)
            if any(rung["error"] for rung in reached.values()):
                self._journal.end(trial.number, "FAIL")
            elif full in reached:
                self._journal.end(trial.number, "COMPLETE", [reached[full]["values"][objective.metric]
                                                             for objective in self.plan.objectives])
        may_grow = budget.pays_for_another(self.plan, self._journal.trials)
        for bracket in sorted({bracket_of(trial) for trial in self._running()}):
            for rung, following in zip(self.plan.rungs.epochs, self.plan.rungs.epochs[1:], strict=False):
                going, stopped = decision(self._journal.trials, bracket, rung, self.plan.objectives, self.plan.rungs,
                                          may_grow)
                for number in going:
                    self._journal.note(number, "until", following)
                for number in stopped:
                    self._journal.end(number, "PRUNED")


def _paper_failed(method: str, error: str, run_id: str) -> str:
    where = f", see: harness why {run_id}" if run_id else ""
    return (f"{method} failed with the paper's setting: {' '.join(error.split())}; mend that{where}, and run the same "
            "command again")
