"""The images that views are stored of, and what a backbone makes of them under a view."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ...datasets import PartDataset, Sample, Split
from ...methods import Affine, Affines, Backbone, Batch
from ..loaders import TrainLoader
from ..seeds import generator

_SEED, _STAGE = 0, "stored"  # views are the same for every run


class Pool:
    """Training images, then validation images, each in file order: an image has the same place in every view.

    Those that a run fits on come first, so that blocks of neighbours hold few others.
    """

    def __init__(self, dataset: PartDataset):
        self._splits: tuple[Split, ...] = dataset["train"], dataset["val"]
        self.ids = [name for split in self._splits for name in split.ids]

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, place: int, masks: bool = True) -> Sample:
        """The image at a place, as :meth:`Split.read`."""
        first, second = self._splits
        return first.read(place, masks) if place < len(first) else second.read(place - len(first), masks)

    def places(self, split: Split) -> np.ndarray:
        """The place of each image of a split, int64 [N]."""
        place = {name: number for number, name in enumerate(self.ids)}
        return np.array([place[name] for name in split.ids])


@dataclass(frozen=True)
class Drawn:
    """Images of a pool under any view, and their tokens.

    Attributes:
        loader: of the pool, with the run's augmentation.
        blocks: of the backbone, that images go through.
        warped: draw a warped copy of every image, too.
        precision: of the computation.
    """

    loader: TrainLoader
    backbone: Backbone
    blocks: int
    warped: bool
    precision: str

    @classmethod
    def of(cls, pictures: TrainLoader, pool: Pool, backbone: Backbone, blocks: int, precision: str) -> "Drawn":
        """Drawn as a run's loader draws, but for its seed and its split."""
        loader = replace(pictures, split=pool, seed=_SEED, stage=_STAGE, warp=False)
        return cls(loader, backbone, blocks, pictures.warp, precision)

    def tokens(self, view: int, groups: Iterable[Sequence[int]]) -> Iterator[Tensor]:
        """Tokens [n, copies, S, D] of each group of places, as many images at once as the group has."""
        for batch in self.loader.drawn(view, groups):
            both = [batch, *([replace(batch, images=self.warps(view, batch.ids).apply(batch.images))]
                             if self.warped else [])]
            yield torch.stack([self._computed(one) for one in both], 1)

    def warps(self, view: int, ids: Sequence[str]) -> Affines:
        """Between an image and its copy: a view's own for every image."""
        return Affines(tuple(Affine.draw(generator(_SEED, _STAGE, "warp", view, name)) for name in ids))

    @torch.no_grad()
    def _computed(self, batch: Batch) -> Tensor:
        device = batch.device.type
        with torch.autocast(device, torch.bfloat16, enabled=self.precision == "bf16"):
            return self.backbone.run(self.backbone.embed(batch.images), 0, self.blocks)
