"""What a search leaves: one record per trial, read from its journal. No Optuna here, and no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

State = Literal["running", "done", "pruned", "failed"]


def is_consistency(metric: str) -> bool:
    """Whether a metric is one of those that maps which ignore the image can win."""
    return metric.startswith("consistency")


@dataclass(frozen=True)
class Objective:
    """What a search makes large or small.

    Attributes:
        metric: its name on the leaderboard.
        higher_is_better: the direction.
        worst: the value that a useless method has, in the metric's unit: where hypervolume is measured from.
    """

    metric: str
    higher_is_better: bool
    worst: float


@dataclass(frozen=True)
class TrialRecord:
    """One trial.

    Attributes:
        number: 0 is the paper's setting.
        params: as sampled, by the names of the search space.
        settings: the method's settings that follow from them.
        state: ``pruned``: halving stopped it after ``epochs``; ``failed``: it has no values.
        values: by metric, on val, after ``epochs``; holds ``consistency_gain`` wherever consistency is asked for.
        epochs: trained so far, of the search's full ones.
        seconds: of training, explaining and scoring.
        run_id: of its run; empty before it has one.
        error: of a failed one.
    """

    number: int
    params: Mapping[str, Any]
    settings: Mapping[str, Any]
    state: State
    values: Mapping[str, float] = field(default_factory=dict)
    epochs: int = 0
    seconds: float = 0.0
    run_id: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    error: str = ""

    @property
    def degenerate(self) -> bool:
        """Its consistency is what maps that ignore the image reach: no gain."""
        return self.values.get("consistency_gain", 1.0) <= 0


@dataclass(frozen=True)
class SearchRecord:
    """The search of one method.

    Attributes:
        name: of the sweep, as in the rows' column ``sweep``.
        method: ``method`` or ``method@variant``.
        epochs: of a full trial.
        budget: how much each method may spend, and its unit: trials, epochs or minutes.
        ranges: what each parameter varied over: ``(low, high, log)``, or its choices as a tuple of text.
    """

    name: str
    method: str
    dataset: str
    backbone: str
    image_size: int
    objectives: tuple[Objective, ...]
    epochs: int
    budget: float
    unit: Literal["trials", "epochs", "minutes"]
    sampler: str
    seed: int
    trials: tuple[TrialRecord, ...]
    ranges: Mapping[str, tuple[float, float, bool] | tuple[str, ...]] = field(default_factory=dict)

    @property
    def finished(self) -> tuple[TrialRecord, ...]:
        """Trials trained to their last epoch, with a value for every objective."""
        return tuple(trial for trial in self.trials if trial.state == "done")
