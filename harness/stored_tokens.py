"""Training from what a wholly frozen backbone computed once: stored tokens of a few augmented views of every image."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..methods import Batch, Method
from .loaders import TrainLoader

_MOST_VIEWS = 8
_MOST_BYTES = 4 * 2**30
_BATCH = 64  # images whose tokens are computed at once; the numbers of a view must not depend on the run's batches


def views_to_store(method: Method, images: int) -> int:
    """How many views of every image fit; 0 where a step runs more of the backbone than its last block, or none fits."""
    backbone = method.backbone
    if method.prefix_blocks is None or method.prefix_blocks < backbone.depth - 1 or method.views != ("clean",):
        return 0
    height, width = backbone.grid
    view = images * (backbone.prefix + height * width) * backbone.width * 2
    return min(_MOST_VIEWS, _MOST_BYTES // max(1, view))


@dataclass
class StoredLoader:
    """A :class:`TrainLoader` whose batches bring float16 tokens instead of images.

    Epoch e shows view e modulo ``views``. A view is one random draw of the augmentation for every image, computed when
    an epoch first shows it, whole and in file order: a resumed run stores the same numbers as one that never stopped.

    Attributes:
        tokens: images -> tokens [B, S, D] that the method starts from.
        told: hears of every batch of images that was stored.
    """

    loader: TrainLoader
    tokens: Callable[[Batch], Tensor]
    views: int
    told: Callable[[int], None]
    _stored: dict[int, Tensor] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        return self.loader.steps

    def for_stage(self, stage: str, batch_size: int) -> "StoredLoader":
        """The same views in another stage's order and batches."""
        return replace(self, loader=replace(self.loader, stage=stage, batch_size=batch_size))

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        tokens = self._view(epoch % self.views)
        split, device = self.loader.split, self.loader.normalise.device
        labels = torch.as_tensor(split.labels, device=device)
        for indices in self.loader.order(epoch):
            yield Batch(tokens=tokens[indices].to(device).float(), labels=labels[indices], epoch=epoch,
                        ids=tuple(split.ids[index] for index in indices))

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch(0)

    def _view(self, view: int) -> Tensor:
        if view not in self._stored:
            # One stage name for the draws, so that every stage shows the same views.
            source = replace(self.loader, stage="stored")
            tokens = torch.cat([self._computed(batch) for batch in source.in_file_order(view, _BATCH)])
            half = tokens.half()
            self._stored[view] = half if half.isfinite().all() else tokens
        return self._stored[view]

    @torch.no_grad()
    def _computed(self, batch: Batch) -> Tensor:
        tokens = self.tokens(batch).float().cpu()
        self.told(len(batch))
        return tokens
