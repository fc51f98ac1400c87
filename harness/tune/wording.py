"""Searches and trials in a line each, for a terminal."""

from collections import Counter
from collections.abc import Mapping

from ...leaderboard.text import number, printable
from ...metrics import registry as metrics
from ...sweeps import Objective, Searched, SearchRecord, TrialRecord
from ..console.display import clock


def shown(metric: str, value: float) -> str:
    """``83.3 %`` of a fraction, else three digits."""
    unit = metrics.get(metric).unit
    return number(value, unit) + (" %" if unit == "fraction" else "")


def values_of(record: SearchRecord, trial: TrialRecord) -> str:
    """``accuracy 83.3 %, consistency gain 21.0 %``."""
    return ", ".join(f"{_title(objective)} {shown(objective.metric, trial.values[objective.metric])}"
                     for objective in record.objectives if objective.metric in trial.values)


def trial_line(record: SearchRecord, trial: TrialRecord) -> str:
    """How a trial ended, with its run, and whether nothing before it was as good."""
    said = f"{record.method} trial {trial.number} (run {trial.run_id[:8] or 'none'}, {clock(trial.seconds)}):"
    if trial.state == "failed":
        return f"{said} failed ({printable(trial.error)})"
    said = f"{said} {values_of(record, trial)}"
    if trial.state == "pruned":
        return f"{said}, stopped after {trial.epochs} of {record.epochs} epochs"
    best = [_title(objective) for objective in record.objectives if best_trial(record, objective) is trial]
    return said + (", degenerate: no gain over maps that ignore the image" if trial.degenerate else "") + (
        f", best {' and '.join(best)} so far" if best else "")


def summary(record: SearchRecord, under_way: int) -> str:
    """How many trials ended, and the best so far of each objective."""
    best = [(objective, best_trial(record, objective)) for objective in record.objectives]
    reached = ", ".join(f"{_title(objective)} {shown(objective.metric, trial.values[objective.metric])} "
                        f"(trial {trial.number})" for objective, trial in best if trial)
    running = f", {under_way} running" if under_way else ""
    return f"{record.method}: {counted(record)}{running}" + (f"; best {reached}" if reached else "")


def spent(record: SearchRecord) -> str:
    """``budget 40 trials, 66 epochs and 12.3 minutes of training and scoring spent``."""
    epochs, minutes = sum(trial.epochs for trial in record.trials), sum(trial.seconds for trial in record.trials) / 60
    return (f"budget {record.budget:g} {record.unit}, {epochs} epochs and {minutes:.1f} minutes of training and "
            "scoring spent")


def counted(record: SearchRecord) -> str:
    """``12 done, 3 pruned, 1 failed``, of those that ended."""
    states = Counter(trial.state for trial in record.trials)
    ended = [f"{states[state]} {state}" for state in ("done", "pruned", "failed") if states[state]]
    return ", ".join(ended) or "no trial ended yet"


def best_trial(record: SearchRecord, objective: Objective) -> TrialRecord | None:
    """The first finished trial with the best value; degenerate ones count only where all are."""
    sign = -1 if objective.higher_is_better else 1
    found = Searched(record).sound or record.finished
    return min(found, key=lambda trial: (sign * trial.values[objective.metric], trial.number), default=None)


def setting(value: object) -> str:
    """``0.00123``, ``17,14,11``."""
    if isinstance(value, float):
        return f"{value:.3g}"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def differing(paper: Mapping[str, object], settings: Mapping[str, object]) -> str:
    """``prototypes=9,8,7, entropy=0.31``: what is not as the paper has it."""
    return ", ".join(f"{name}={setting(value)}" for name, value in settings.items() if paper.get(name) != value)


def _title(objective: Objective) -> str:
    return objective.metric.replace("_", " ")
