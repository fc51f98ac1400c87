"""From an Optuna study to records: how a search writes down its trials, read back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .records import SearchRecord, State, TrialRecord
from .search_plan import SearchPlan

if TYPE_CHECKING:
    import optuna

_RUNG = "rung "
_STATES: dict[str, State] = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed"}


def rung_name(epochs: int) -> str:
    """The attribute that holds what a trial reached."""
    return f"{_RUNG}{epochs}"


def rungs_of(trial: "optuna.trial.FrozenTrial") -> dict[int, dict[str, Any]]:
    """What a trial reached, by epochs trained: values, seconds, run id, error, and when."""
    return {int(name.removeprefix(_RUNG)): reached for name, reached in trial.user_attrs.items()
            if name.startswith(_RUNG)}


def has_come_to(trial: "optuna.trial.FrozenTrial", epochs: int) -> bool:
    """Whether a trial was trained as far, or farther: an earlier search may have done that."""
    return max(rungs_of(trial), default=0) >= epochs


def seconds_of(trial: "optuna.trial.FrozenTrial") -> float:
    """Training, which is counted on from rung to rung, and the scoring at each."""
    seconds = [reached["seconds"] for reached in rungs_of(trial).values()]
    return max((each["training"] for each in seconds), default=0.0) + sum(each["scoring"] for each in seconds)


def read_record(study: "optuna.Study", plan: SearchPlan) -> SearchRecord:
    """Everything that the journal of a search says."""
    return SearchRecord(
        name=plan.name, method=plan.method, dataset=plan.dataset, backbone=plan.backbone, image_size=plan.image_size,
        objectives=plan.objectives, epochs=plan.rungs.epochs[-1], budget=plan.amount, unit=plan.unit,
        sampler=plan.sampler, seed=plan.seed, ranges=plan.space.ranges,
        trials=tuple(map(_record, study.get_trials(deepcopy=False))))


def record_at(trial: "optuna.trial.FrozenTrial", rung: int) -> TrialRecord:
    """A trial that came to a rung as it was there; one that was trained farther at once, as it is."""
    reached = rungs_of(trial)
    found = reached[min(epochs for epochs in reached if epochs >= rung)]
    return TrialRecord(trial.number, trial.params, trial.user_attrs["settings"],
                       "failed" if found["error"] else "running", found["values"], rung)


def _record(trial: "optuna.trial.FrozenTrial") -> TrialRecord:
    reached: Mapping[int, Mapping[str, Any]] = rungs_of(trial)
    last = max((epochs for epochs, rung in reached.items() if not rung["error"]), default=0)
    latest = reached[max(reached)] if reached else None
    return TrialRecord(
        number=trial.number, params=trial.params, settings=trial.user_attrs["settings"],
        state=_STATES.get(trial.state.name, "running"), values=reached[last]["values"] if last else {}, epochs=last,
        seconds=seconds_of(trial), run_id=latest["run_id"] if latest else "", started=_aware(trial.datetime_start),
        finished=datetime.fromisoformat(latest["ended"]) if latest else None, error=latest["error"] if latest else "")


def _aware(time: datetime | None) -> datetime | None:
    """Optuna writes local time without saying so."""
    return time and time.astimezone(UTC)
