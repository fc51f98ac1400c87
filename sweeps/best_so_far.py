"""Best so far against budget: how quickly a search finds what it finds."""

from math import inf
from typing import Literal

from .front import feasible, finished, oriented
from .hypervolume import hypervolume_of
from .records import Objective, SearchRecord, TrialRecord


def best_so_far(record: SearchRecord,
                unit: Literal["trials", "epochs", "minutes"] | None = None) -> list[tuple[float, float]]:
    """What a search has reached after each trial that it finished.

    Args:
        record: of the search.
        unit: what the budget is counted in; None: the search's own unit. Minutes are those of the trials, not of the
            clock: trials may run side by side.

    Returns:
        (spent, value) after each trial with values, in the order in which they finished. The value is the hypervolume,
        or with one objective the best value of it, in its own unit; the latter begins at the first trial that is not
        degenerate, where that objective is a consistency. Pruned and failed trials count as spent, running ones do not.
    """
    spent, seen, reached = 0.0, [], []
    for trial in sorted((trial for trial in record.trials if trial.state != "running"), key=_when):
        spent += _cost(trial, unit or record.unit)
        if finished([trial], record.objectives):
            seen.append(trial)
            value = _value(seen, record.objectives)
            if value is not None:
                reached.append((spent, value))
    return reached


def _when(trial: TrialRecord) -> tuple[float, int]:
    return trial.finished.timestamp() if trial.finished else inf, trial.number


def _cost(trial: TrialRecord, unit: str) -> float:
    return {"trials": 1.0, "epochs": float(trial.epochs), "minutes": trial.seconds / 60}[unit]


def _value(trials: list[TrialRecord], objectives: tuple[Objective, ...]) -> float | None:
    if len(objectives) > 1:
        return hypervolume_of(trials, objectives)
    sound = oriented([trial.values for trial in trials], objectives)[feasible(trials, [objectives[0].metric]), 0]
    if not len(sound):
        return None
    return float(sound.max()) if objectives[0].higher_is_better else float(-sound.max())
