"""What a training needs besides the method."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from ...methods import Batch, Stage
from ..loaders import TrainLoader
from ..prefix.loader import StoredLoader
from ..progress import Reporter
from ..spread.ranks import ALONE, Ranks
from .checkpoint import Position


@dataclass(frozen=True)
class Training:
    """What the training loop is told.

    Attributes:
        loader: stage, and parts that a batch is cut into to fit into memory -> its batches, which come whole.
        plain: the same parts -> every training image without augmentation, for stages that prepare from them.
        folder: of the checkpoints.
        losses: file of the mean loss terms, replaced after every epoch.
        images: of one epoch.
        cost: reporter units a training image costs.
        rate_factor: on every learning rate of the recipe.
        until: epochs in all after which to stop for now; None: after the last.
        saved: called after each checkpoint.
        ranks: the processes that train together; the first of them writes.
        accumulation: parts that each batch is cut into; more where an earlier attempt needed more.
        save_every: seconds after which a checkpoint is written within an epoch.
    """

    loader: Callable[[Stage, int], TrainLoader | StoredLoader]
    plain: Callable[[int], Iterable[Batch]]
    folder: Path
    losses: Path
    epochs: int
    images: int
    seed: int
    precision: str
    device: torch.device
    reporter: Reporter
    cost: float
    rate_factor: float = 1.0
    until: int | None = None
    saved: Callable[[], None] = lambda: None
    ranks: Ranks = ALONE
    accumulation: int = 1
    save_every: float = 600.0

    def stops_at(self, position: Position) -> bool:
        """Whether training goes no farther for now; what follows the last epoch belongs to the whole of it."""
        return self.until is not None and self.until <= position.total < self.epochs
