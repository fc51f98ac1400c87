"""Which bracket of successive halving a trial belongs to, and what follows when a bracket has come to a rung."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .halving import Rungs, promoted
from .records import Objective
from .study_records import has_come_to, record_at

if TYPE_CHECKING:
    import optuna

    Trials = Sequence[optuna.trial.FrozenTrial]


def bracket_of(trial: "optuna.trial.FrozenTrial") -> int:
    """The number of its bracket."""
    return trial.user_attrs["bracket"]


def until(trial: "optuna.trial.FrozenTrial") -> int:
    """The epoch to which a trial was sent."""
    return trial.user_attrs["until"]


def sizes(trials: "Trials") -> list[int]:
    """How many trials each bracket has, by its number."""
    return [count for _, count in sorted(Counter(map(bracket_of, trials)).items())]


def next_bracket(trials: "Trials", rungs: Rungs) -> int:
    """Where another trial belongs: the last bracket while it is neither full nor decided, else a new one.

    A bracket is decided before it is full where the budget ended, and more was given later.
    """
    last = max(map(bracket_of, trials), default=0)
    members = [trial for trial in trials if bracket_of(trial) == last]
    decided = any(trial.state.name == "PRUNED" or until(trial) > rungs.epochs[0] for trial in members)
    return last + (decided or len(members) >= rungs.bracket)


def decision(trials: "Trials", bracket: int, rung: int, objectives: Sequence[Objective], rungs: Rungs,
             may_grow: bool) -> tuple[list[int], list[int]]:
    """The trials that a bracket sends on from a rung, and those that it stops there; none before all have come to it.

    The same again if it was carried out in part.

    Args:
        may_grow: whether the budget pays for more trials: a bracket that is not full then waits for them.
    """
    members = [trial for trial in trials if bracket_of(trial) == bracket]
    sent = [trial for trial in members if until(trial) >= rung]
    here = [trial for trial in sent if until(trial) == rung and not trial.state.is_finished()]
    waits = may_grow and next_bracket(trials, rungs) == bracket
    if waits or not all(has_come_to(trial, rung) for trial in here):
        return [], []
    going = promoted([record_at(trial, rung) for trial in sent], objectives, rungs.reduction)
    return ([trial.number for trial in here if trial.number in going],
            [trial.number for trial in here if trial.number not in going])
