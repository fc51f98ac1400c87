"""What a search is, what it asks for, and what it is told: the types between it and whoever trains."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import UserError
from .halving import Rungs
from .records import Objective, is_consistency
from .space import Space


@dataclass(frozen=True)
class SearchPlan:
    """What a search is.

    Attributes:
        method: ``method`` or ``method@variant``.
        paper: the settings of trial 0; JSON.
        identity: everything else that its numbers depend on; JSON.
        amount: of the budget, in ``unit``.
        seed: of the sampler.

    Raises:
        UserError: a budget that pays for nothing.
    """

    name: str
    method: str
    dataset: str
    backbone: str
    image_size: int
    objectives: tuple[Objective, ...]
    space: Space
    paper: Mapping[str, Any]
    rungs: Rungs
    amount: float
    unit: Literal["trials", "epochs", "minutes"]
    sampler: str
    seed: int
    identity: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if not self.amount > 0:
            raise UserError(f"a search needs a budget above zero, not {self.amount:g} {self.unit}; give at least one")

    @property
    def metrics(self) -> tuple[str, ...]:
        """What every trial is scored by: wherever consistency is asked for, its gain too."""
        names = [objective.metric for objective in self.objectives]
        return tuple(dict.fromkeys([*names, *(["consistency_gain"] if any(map(is_consistency, names)) else [])]))

    @property
    def directions(self) -> list[str]:
        """Of the objectives, as Optuna names them."""
        return ["maximize" if objective.higher_is_better else "minimize" for objective in self.objectives]

    @property
    def bound(self) -> bool:
        """Whether trials need a consistency gain above 0: where it is no objective, maps that ignore the image win."""
        return any(is_consistency(objective.metric) and objective.metric != "consistency_gain"
                   for objective in self.objectives)

    @property
    def content(self) -> dict[str, Any]:
        """What makes two searches the same, whatever they may spend."""
        wanted = [f"{'max' if objective.higher_is_better else 'min'}:{objective.metric}"
                  for objective in self.objectives]
        said = {"method": self.method, "objectives": wanted, "sampler": self.sampler, "search_seed": self.seed,
                "rungs": self.rungs.epochs, "reduction": self.rungs.reduction, "space": self.space.identity,
                "paper": self.paper, **self.identity}
        return json.loads(json.dumps(said))


@dataclass(frozen=True)
class Task:
    """Train a trial to an epoch and score it on val."""

    number: int
    settings: Mapping[str, Any]
    until: int


@dataclass(frozen=True)
class TrialOutcome:
    """What became of a task.

    Attributes:
        values: by metric.
        epochs: trained in all; more than asked for where an earlier search went farther with the same run.
        seconds: of training in all.
        scoring_seconds: of explaining and scoring, this time.
        error: why there are no values; empty where there are.
    """

    run_id: str
    values: Mapping[str, float] = field(default_factory=dict)
    epochs: int = 0
    seconds: float = 0.0
    scoring_seconds: float = 0.0
    error: str = ""
