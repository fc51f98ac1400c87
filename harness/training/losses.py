"""Mean loss terms of every epoch: in each checkpoint, so that a resumed training goes on with them, and as a CSV."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from ...durable import write_whole

FILE = "losses.csv"


class EpochLoss(NamedTuple):
    """The mean of one weighted loss term over the steps of an epoch; ``epoch`` counts from 1 through all stages."""

    epoch: int
    stage: str
    term: str
    loss: float


class Mean:
    """Means of named scalars over the steps of an epoch; nothing waits for a device before the end.

    Attributes:
        total: sum over the steps of all terms together.
    """

    def __init__(self):
        self._sums: dict[str, Tensor] = {}
        self._steps: dict[str, int] = {}
        self.total = 0.0

    def add(self, terms: Mapping[str, Tensor], total: float) -> None:
        """Those of one step, and their sum."""
        for name, value in terms.items():
            value = value.detach().float()
            self._sums[name] = self._sums[name].to(value.device) + value if name in self._sums else value
            self._steps[name] = self._steps.get(name, 0) + 1
        self.total += total

    def state(self) -> dict[str, Any]:
        """All of it, for JSON, which loses no bit of a float."""
        return {"total": self.total, "terms": [[name, value.item(), self._steps[name]]
                                               for name, value in self._sums.items()]}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        """What :meth:`state` gave.

        Raises:
            TypeError, KeyError, ValueError: it gave something else.
        """
        found = cls()
        found.total = float(state["total"])
        for name, value, steps in state["terms"]:
            found._sums[str(name)], found._steps[str(name)] = torch.tensor(float(value)), int(steps)
        return found

    def of_epoch(self, epoch: int, stage: str) -> list[EpochLoss]:
        """Terms in the order in which they came, then their total."""
        if not self._sums:
            return []
        means = torch.stack([value / self._steps[name] for name, value in self._sums.items()]).tolist()
        rows = [EpochLoss(epoch, stage, name, mean) for name, mean in zip(self._sums, means, strict=True)]
        return [*rows, EpochLoss(epoch, stage, "total", sum(means))]


def write_losses(file: Path, losses: Iterable[EpochLoss]) -> None:
    """Columns epoch, stage, term, loss. The whole file is replaced, so a kill leaves an epoch too few, never half."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(EpochLoss._fields)
    writer.writerows(losses)
    write_whole(file, text.getvalue().encode())
