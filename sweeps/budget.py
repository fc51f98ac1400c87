"""What a search has spent of its budget, and what that still pays for."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

from .brackets import bracket_of, next_bracket, sizes
from .halving import Rungs, cost
from .search_plan import SearchPlan
from .study_records import rungs_of, seconds_of

if TYPE_CHECKING:
    import optuna

    Trials = Sequence[optuna.trial.FrozenTrial]

_FIRST_GUESS = 60.0  # seconds of a trial, before any has ended
_AT_LEAST = 1.0  # seconds of a trial: if those that fail at once were free, a search of failures would never end


def spent(plan: SearchPlan, trials: "Trials") -> float:
    """Share of the budget that is spent or under way.

    Epochs are those that the trials take if none fails. Minutes are of training and scoring; of a trial that has not
    come to any rung, those that others took on average.
    """
    if plan.unit == "minutes":
        return _seconds(trials) / 60 / plan.amount
    if plan.unit == "epochs":
        return _epochs(sizes(trials), plan.rungs) / plan.amount
    return len(trials) / plan.amount


def pays_for_another(plan: SearchPlan, trials: "Trials") -> bool:
    """Whether one more trial may begin; of epochs, only if they also take it to the end."""
    if plan.unit == "minutes":
        return spent(plan, trials) < 1
    return _pays(plan, _with_another(sizes(trials), next_bracket(trials, plan.rungs)))


def tasks_left(plan: SearchPlan, trials: "Trials") -> int:
    """How often a run will be begun or continued before the budget is spent, if none fails; 0 when nothing is left.

    Of minutes, about: nobody knows how many trials they are.
    """
    found, rungs = sizes(trials), plan.rungs
    grown, unknown = (found, _guessed(plan, trials)) if plan.unit == "minutes" else (_grown(plan, trials), 0)
    one_each = Rungs(tuple(range(1, len(rungs.epochs) + 1)), rungs.reduction)  # an epoch to every rung: tasks
    open_ = {bracket_of(trial) for trial in trials if not trial.state.is_finished()}
    open_ |= {bracket for bracket in range(len(grown)) if grown[bracket:bracket + 1] != found[bracket:bracket + 1]}
    done = sum(len(rungs_of(trial)) for trial in trials if bracket_of(trial) in open_)
    return unknown + sum(_epochs_of(bracket, grown[bracket], one_each) for bracket in open_) - done


def _guessed(plan: SearchPlan, trials: "Trials") -> int:
    """Trials that the minutes left will do for."""
    return ceil(max(0.0, 60 * plan.amount - _seconds(trials)) / _mean_seconds(trials))


def _grown(plan: SearchPlan, trials: "Trials") -> list[int]:
    """Sizes of brackets when the budget is spent."""
    found, bracket = sizes(trials), next_bracket(trials, plan.rungs)
    while _pays(plan, more := _with_another(found, bracket)):
        found = more
        bracket += found[bracket] >= plan.rungs.bracket
    return found


def _pays(plan: SearchPlan, found: Sequence[int]) -> bool:
    needed = _epochs(found, plan.rungs) if plan.unit == "epochs" else sum(found)
    return needed <= plan.amount


def _with_another(found: Sequence[int], bracket: int) -> list[int]:
    """Sizes of brackets with one more trial."""
    return [*found[:bracket], (found[bracket] if bracket < len(found) else 0) + 1]


def _epochs(found: Sequence[int], rungs: Rungs) -> int:
    return sum(_epochs_of(bracket, size, rungs) for bracket, size in enumerate(found))


def _epochs_of(bracket: int, size: int, rungs: Rungs) -> int:
    """Epochs that a bracket takes; the paper's setting is in the first."""
    return cost(size + rungs.bracket, rungs).epochs - cost(rungs.bracket, rungs).epochs if bracket else cost(
        size, rungs).epochs


def _seconds(trials: "Trials") -> float:
    waiting = sum(not rungs_of(trial) for trial in trials)
    return (waiting * _mean_seconds(trials)
            + sum(max(_AT_LEAST, seconds_of(trial)) for trial in trials if rungs_of(trial)))


def _mean_seconds(trials: "Trials") -> float:
    known = [max(_AT_LEAST, seconds_of(trial)) for trial in trials if rungs_of(trial)]
    return sum(known) / len(known) if known else _FIRST_GUESS

