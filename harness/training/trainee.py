"""A method, and the batches it learns from: images, or tokens that a frozen backbone computed once."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

from ... import datasets
from ...datasets import PartDataset, Split
from ...methods import Method, Stage
from ..loaders import Normalise, PlainLoader, TrainLoader
from ..prefix.choice import store_folder
from ..prefix.key import PrefixKey
from ..prefix.loader import StoredLoader
from ..prefix.pool import Drawn, Pool
from ..prefix.store import PrefixStore
from ..progress import Reporter
from ..spec import RunSpec
from ..spread.ranks import ALONE, Ranks
from .checkpoint import Position
from .losses import FILE as LOSSES
from .train import train
from .training import Training

log = logging.getLogger("partbench")


@dataclass(frozen=True)
class Trainee:
    """What the training loop is given.

    Attributes:
        method: in its initial state.
        spec: of the run that trains it.
        dataset: it is fitted on a split of it.
        checkpoints: folder of its checkpoints.
        workers: processes that decode images.
        saved: called after each checkpoint.
        ranks: the processes that train it together.
        accumulation: parts that each batch is cut into, to fit into memory; more where an earlier attempt needed more.
        prefix_store: bytes that stored views of all runs may take; None: the usual limit.
    """

    method: Method
    spec: RunSpec
    dataset: PartDataset
    normalise: Normalise
    checkpoints: Path
    reporter: Reporter
    workers: int
    saved: Callable[[], None] = lambda: None
    ranks: Ranks = ALONE
    accumulation: int = 1
    prefix_store: int | None = None

    @property
    def images(self) -> Split:
        """What the method is fitted on."""
        return self.dataset[self.spec.fit_on]

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
        return train(self.method, Training(
            loader=self._stored() if spec.views else self._pictures, plain=self._plain, folder=self.checkpoints,
            losses=self.checkpoints.with_name(LOSSES), epochs=spec.epochs, images=len(self.images), seed=spec.seed,
            precision=spec.precision, device=self.normalise.device, reporter=self.reporter, cost=self._step_cost,
            rate_factor=spec.rate_factor, until=until, saved=self.saved, ranks=self.ranks,
            accumulation=self.accumulation))

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

    def _stored(self) -> Callable[[Stage, int], StoredLoader]:
        """Loaders of stored views, which share what they hold open wherever they show the same augmentation.

        Storing is in the cost of a step, and no progress of its own.
        """
        found: dict[str, StoredLoader] = {}
        pool = Pool(self.dataset)

        def loader(stage: Stage, parts: int) -> StoredLoader:
            pictures = self._pictures(stage)
            if stage.augmentation not in found:
                found[stage.augmentation] = self._views(pictures, stage.augmentation, pool)
            return found[stage.augmentation].for_stage(pictures.stage, pictures.batch_size)

        return loader

    def _views(self, pictures: TrainLoader, augmentation: str, pool: Pool) -> StoredLoader:
        method, spec = self.method, self.spec
        if method.prefix_blocks is None:
            raise ValueError(f"the card of {spec.name} names a frozen prefix, and the method has none")
        height, width = method.backbone.grid
        key = PrefixKey.of(spec, pool.ids, augmentation, method.prefix_blocks, pictures.warp,
                           (method.backbone.prefix + height * width, method.backbone.width), self.normalise.device)
        drawn = Drawn.of(pictures, pool, method.backbone, method.prefix_blocks, spec.precision)
        log.info("%d stored views of every image take turns, %.1f MiB each, in %s", spec.views,
                 2 * prod(key.shape) / 2**20, store_folder())
        return StoredLoader(pictures, pool.places(self.images), drawn, PrefixStore(key, self.prefix_store), spec.views,
                            self._told)

    def _told(self, images: int) -> None:
        # Processes that train together compute different shares of a view, and ask at the same steps whether to stop.
        if self.ranks.world == 1:
            self.reporter.step("store tokens", images, 0.0)
