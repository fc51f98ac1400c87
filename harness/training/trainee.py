"""A method, and the batches it learns from: images, or tokens that a frozen backbone computed once."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ... import datasets
from ...datasets import Split
from ...methods import Batch, Method, Stage
from ..loaders import Normalise, PlainLoader, TrainLoader
from ..progress import Reporter
from ..spec import RunSpec
from ..spread.ranks import ALONE, Ranks
from .checkpoint import Position
from .losses import FILE as LOSSES
from .stored_tokens import AT_ONCE, StoredLoader, space_for_tokens, views_to_store
from .train import train
from .training import Training


@dataclass(frozen=True)
class Trainee:
    """What the training loop is given.

    Attributes:
        method: in its initial state.
        spec: of the run that trains it.
        images: the split it is fitted on.
        checkpoints: folder of its checkpoints.
        workers: processes that decode images.
        saved: called after each checkpoint.
        ranks: the processes that train it together.
        accumulation: parts that each batch is cut into, to fit into memory; more where an earlier attempt needed more.
    """

    method: Method
    spec: RunSpec
    images: Split
    normalise: Normalise
    checkpoints: Path
    reporter: Reporter
    workers: int
    saved: Callable[[], None] = lambda: None
    ranks: Ranks = ALONE
    accumulation: int = 1

    def cost(self, until: int | None = None) -> float:
        """Forward passes of one image that training takes, about; ``until`` as in :meth:`train`."""
        return len(self.images) * min(until or self.spec.epochs, self.spec.epochs) * self._step_cost

    @property
    def _step_cost(self) -> float:
        card = self.method.card
        return card.step_costs.get(self.spec.variant, card.step_cost)

    def train(self, until: int | None = None) -> Position:
        """Train the method in place, from its last checkpoint where there is one; says where that ended.

        Args:
            until: epochs after which to stop for now; None: after the last.
        """
        spec = self.spec
        views = views_to_store(self.method, len(self.images))
        space = self.checkpoints.with_name(f"tokens-{self.ranks.rank}" if self.ranks.rank else "tokens")
        try:
            return train(self.method, Training(
                loader=self._tokens(views, space) if views else self._pictures, plain=self._plain,
                folder=self.checkpoints, losses=self.checkpoints.with_name(LOSSES), epochs=spec.epochs,
                images=len(self.images), seed=spec.seed, precision=spec.precision, device=self.normalise.device,
                reporter=self.reporter, cost=self._step_cost, rate_factor=spec.rate_factor, until=until,
                saved=self.saved, ranks=self.ranks, accumulation=self.accumulation))
        finally:
            shutil.rmtree(space, ignore_errors=True)

    def _plain(self, parts: int) -> PlainLoader:
        return PlainLoader(self.images, datasets.view("full", self.spec.image_size), self.normalise,
                           max(1, 2 * self.spec.batch_size // parts), self.workers)

    def _pictures(self, stage: Stage, parts: int = 1) -> TrainLoader:
        """Whole batches: training cuts them up after they were drawn."""
        return TrainLoader(
            split=self.images,
            transform=datasets.augmentation(stage.augmentation, self.spec.image_size),
            normalise=self.normalise,
            batch_size=stage.batch_size or self.spec.batch_size,
            seed=self.spec.seed,
            stage=stage.name,
            warp="warped" in self.method.views,
            workers=self.workers,
            ranks=self.ranks,
        )

    def _tokens(self, views: int, space: Path) -> Callable[[Stage, int], StoredLoader]:
        """Loaders that share what they store, wherever they show the same augmentation.

        Storing is in the cost of a step, and no progress of its own.
        """
        stored: dict[str, StoredLoader] = {}
        folder = space_for_tokens(self.method, len(self.images), min(views, self.spec.epochs), space)

        def loader(stage: Stage, parts: int) -> StoredLoader:
            pictures = self._pictures(stage)
            if stage.augmentation not in stored:
                stored[stage.augmentation] = StoredLoader(
                    pictures, self._computed, views, lambda seen: self.reporter.step("store tokens", seen, 0.0),
                    folder and folder / stage.augmentation)
            return stored[stage.augmentation].for_stage(pictures.stage, pictures.batch_size, max(1, AT_ONCE // parts))

        return loader

    def _computed(self, batch: Batch) -> torch.Tensor:
        device = self.normalise.device.type
        with torch.autocast(device, torch.bfloat16, enabled=self.spec.precision == "bf16"):
            return self.method.tokens(batch)

