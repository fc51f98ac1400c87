"""What a user asks of a search: the fields of `harness tune`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from ...methods.cards.base import split_name
from ..config import LARGEST_SEED, Request, RunConfig, listed

Unit = Literal["trials", "epochs", "minutes"]
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(trials?|epochs?|min(?:ute)?s?|)")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNITS: dict[str, Unit] = {"": "trials", "t": "trials", "e": "epochs", "m": "minutes"}


@dataclass(frozen=True)
class Budget:
    """What each method may spend."""

    amount: float
    unit: Unit


class TuneConfig(Request):
    """A request for searches: the same budget for every method.

    Attributes:
        budget: ``40``, ``"40 trials"``, ``"300 epochs"`` or ``"60 minutes"``, of each method; minutes of training and
            scoring, however many trials run side by side.
        epochs: of a full trial.
        seeds: of the final runs; trials take the first.
        objectives: metrics.
        search: ``METHOD.SETTING`` -> what it varies over, see :mod:`partbench.sweeps.narrowing`.
        sampler: None: by the budget.
        search_seed: of the sampler.
        halving: most trials stop early, the best of each bracket go on.
        name: of the sweep; None: made of what is asked.
        select: which trial is kept.
        final: train the kept setting and the paper's on train+val, and test both.
        final_epochs: of those; None: of a full trial.
    """

    budget: str = Field("50 trials")
    seeds: tuple[int, ...] = Field((0, 1, 2), min_length=1)
    objectives: tuple[str, ...] = Field(("accuracy", "consistency_gain"), min_length=1)
    search: dict[str, Any] = Field(default_factory=dict)
    sampler: str | None = None
    search_seed: int = Field(0, ge=0)
    halving: bool = False
    name: str | None = None
    select: str = "knee"
    final: bool = False
    final_epochs: int | None = Field(None, ge=1)

    @field_validator("budget", mode="before")
    @classmethod
    def _readable(cls, value: Any) -> str:
        found = _AMOUNT.fullmatch(str(value).strip())
        if not found:
            raise ValueError("write a number of trials, or such as '300 epochs' or '60 minutes'")
        if not 0 < float(found[1]) < inf:
            raise ValueError("a search needs a budget above zero, and an end")
        if not found[2].startswith("m") and "." in found[1]:
            raise ValueError("trials and epochs are whole numbers")
        return str(value).strip()

    @field_validator("objectives", mode="before")
    @classmethod
    def _objectives(cls, value: Any) -> Any:
        return listed(value)

    @field_validator("objectives")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value))

    @field_validator("name")
    @classmethod
    def _part_of_a_file_name(cls, value: str | None) -> str | None:
        if value is not None and not _NAME.fullmatch(value):
            raise ValueError("a sweep is called by up to 64 letters, digits, - and _")
        return value

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if min(value) < 0 or max(value) > LARGEST_SEED or len(set(value)) < len(value):
            raise ValueError(f"seeds are not negative, at most {LARGEST_SEED}, and no two are the same")
        return value

    @field_validator("final_epochs")
    @classmethod
    def _of_final_runs(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value and not info.data.get("final"):
            raise ValueError("it is about the final runs; add --final")
        return value

    def of_method(self, method: str, settings: Mapping[str, Any], **changes: Any) -> RunConfig:
        """The request for runs of one method, with ``settings`` on top of what this one sets."""
        card, _ = split_name(method)
        shared = {field: getattr(self, field) for field in Request.model_fields}
        own = {key: value for key, value in self.set.items()
               if key.partition(".")[0] in (card, self.dataset, "protocol")}
        return RunConfig(**shared | {
            "methods": (method,), "set": own | {f"{card}.{key}": value for key, value in settings.items()}} | changes)

    @property
    def allowed(self) -> Budget:
        """The budget of each method."""
        found = _AMOUNT.fullmatch(self.budget)
        return Budget(float(found[1]), _UNITS[found[2][:1]])
