"""Training from what a frozen backbone computed once: stored tokens of a few augmented views of every image."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...errors import UserError
from ...methods import Batch, Method
from ..loaders import TrainLoader

_MOST_VIEWS = 8
_IN_MEMORY = 4 * 2**30  # bytes
_ON_DISK = 32 * 2**30
AT_ONCE = 64


def views_to_store(method: Method, images: int) -> int:
    """How many views of every image fit; 0 where a step runs more of the backbone than its last block, or none fits."""
    backbone = method.backbone
    if method.prefix_blocks is None or method.prefix_blocks < backbone.depth - 1 or method.views != ("clean",):
        return 0
    return min(_MOST_VIEWS, _ON_DISK // max(1, _view_bytes(method, images)))


def space_for_tokens(method: Method, images: int, views: int, folder: Path) -> Path | None:
    """An empty folder for views that memory should not hold; None where it can.

    Raises:
        UserError: the disk has no room for them.
    """
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt that was killed
    needed = views * _view_bytes(method, images)
    if needed <= _IN_MEMORY:
        return None
    folder.mkdir(parents=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(f"the tokens of {views} views take {needed / 2**30:.0f} GiB in {folder}, and there are "
                        f"{free / 2**30:.0f}; make room, or choose another --out")
    return folder


def _view_bytes(method: Method, images: int) -> int:
    height, width = method.backbone.grid
    return images * (method.backbone.prefix + height * width) * method.backbone.width * 2


@dataclass
class StoredLoader:
    """A :class:`TrainLoader` whose batches bring float16 tokens instead of images.

    Epoch e shows view e modulo ``views``. A view is one random draw of the augmentation for every image, computed when
    an epoch first shows it, whole and in file order: a resumed run stores the same numbers as one that never stopped.

    Attributes:
        tokens: images -> tokens [B, S, D] that the method starts from.
        told: hears of every batch of images that was stored.
        folder: where views are kept; None keeps them in memory.
        at_once: images whose tokens are computed at once; not the run's batches, on which no number may depend.
    """

    loader: TrainLoader
    tokens: Callable[[Batch], Tensor]
    views: int
    told: Callable[[int], None]
    folder: Path | None = None
    at_once: int = AT_ONCE
    _stored: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        return self.loader.steps

    @property
    def whole(self) -> "StoredLoader":
        """The same views in whole batches, as :attr:`TrainLoader.whole`."""
        return replace(self, loader=self.loader.whole)

    def for_stage(self, stage: str, batch_size: int, at_once: int = AT_ONCE) -> "StoredLoader":
        """The same views in another stage's order and batches, those to come computed ``at_once`` images at a time."""
        return replace(self, loader=replace(self.loader, stage=stage, batch_size=batch_size), at_once=at_once)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from step ``start`` on."""
        order = self.loader.order(epoch)[start:]
        if not order:
            return
        tokens = self._view(epoch % self.views)
        split, device = self.loader.split, self.loader.normalise.device
        labels = torch.as_tensor(split.labels, device=device)
        for indices in order:
            chosen = torch.from_numpy(tokens[indices]).to(device).float()
            yield Batch(tokens=chosen, labels=labels[indices], epoch=epoch,
                        ids=tuple(split.ids[index] for index in indices))

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch(0)

    def _view(self, view: int) -> np.ndarray:
        if view not in self._stored:
            self._stored[view] = self._computed(view)
        return self._stored[view]

    @torch.no_grad()
    def _computed(self, view: int) -> np.ndarray:
        # One stage name for the draws, so that every stage shows the same views.
        source, stored, start = replace(self.loader, stage="stored"), None, 0
        for batch in source.in_file_order(view, self.at_once):
            tokens = _half(self.tokens(batch))
            if stored is None:
                stored = self._space(view, (len(source.split), *tokens.shape[1:]))
            stored[start:start + len(tokens)] = tokens
            start += len(tokens)
            self.told(len(tokens))
        return stored

    def _space(self, view: int, shape: tuple[int, ...]) -> np.ndarray:
        if self.folder is None:
            return np.empty(shape, np.float16)
        self.folder.mkdir(exist_ok=True)
        return np.lib.format.open_memmap(self.folder / f"view-{view}.npy", "w+", np.float16, shape)


def _half(tokens: Tensor) -> np.ndarray:
    """Tokens as float16; what is too large for it becomes the largest it has."""
    most = torch.finfo(torch.float16).max
    return tokens.float().clamp(-most, most).half().cpu().numpy()
