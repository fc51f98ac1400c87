"""What the clauses of the contract look at: some samples of each split, and whether two are the same."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from ..base import PartDataset, Sample


@dataclass(frozen=True)
class Look:
    """A data set under examination.

    Attributes:
        image_size: side of the square that transforms are tried at.
        count: pictures that are read of each split.
    """

    dataset: PartDataset
    image_size: int
    count: int

    @cached_property
    def samples(self) -> dict[tuple[str, int], Sample]:
        """(split, index) -> sample, spread evenly over train, val and test."""
        chosen = [(name, int(i)) for name in ("train", "val", "test") if (size := len(self.dataset[name]))
                  for i in np.unique(np.linspace(0, size - 1, self.count).round())]
        return {(name, i): self.dataset[name][i] for name, i in chosen}


def want(holds: Any, otherwise: str) -> None:
    """An AssertionError that also ``python -O`` raises."""
    if not holds:
        raise AssertionError(otherwise)


def same(one: Any, other: Any) -> bool:
    """Whether two samples, or two of their values, are equal bit for bit."""
    if isinstance(one, Sample) and isinstance(other, Sample):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(Sample))
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and one.equal(other)
    return type(one) is type(other) and one == other
