"""Mean loss terms of every epoch: in each checkpoint, so that a resumed training goes on with them, and as a CSV."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ..durable import write_whole

FILE = "losses.csv"


class EpochLoss(NamedTuple):
    """The mean of one weighted loss term over the steps of an epoch; ``epoch`` counts from 1 through all stages."""

    epoch: int
    stage: str
    term: str
    loss: float


class Mean:
    """Means of named scalars over the steps of an epoch; nothing waits for a device before the end."""

    def __init__(self):
        self._sums: dict[str, Tensor] = {}
        self._steps: dict[str, int] = {}

    def add(self, terms: Mapping[str, Tensor]) -> None:
        for name, value in terms.items():
            value = value.detach().float()
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._steps[name] = self._steps.get(name, 0) + 1

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
