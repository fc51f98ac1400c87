"""Training from stored views: batches that bring tokens instead of images, whoever computed them."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from ...methods import Batch
from ..loaders import TrainLoader
from .choice import shown
from .pool import Drawn
from .store import PrefixStore, warn
from .view import StoredView

log = logging.getLogger("partbench")
_BLOCK = 16  # images computed at once, always the same ones: some processors' last bits depend on their company
_PART = 8  # blocks that a process claims at a time
_PATIENCE = 0.2  # seconds between looks at what another process computes


@dataclass(frozen=True)
class StoredLoader:
    """A :class:`TrainLoader` whose batches bring the tokens of stored views.

    An epoch shows one view of all images. What of it nobody has stored yet is computed when the epoch begins, by all
    processes that want it together; a number depends on neither. Where the store has no room, an epoch computes its
    view as it goes.

    Attributes:
        loader: of the run's images: their order and their batches.
        places: of these images in a view, int64 [N].
        drawn: the views' images.
        views: that take turns, see :func:`~.choice.shown`.
        told: hears of every number of images that was stored.
    """

    loader: TrainLoader
    places: np.ndarray
    drawn: Drawn
    store: PrefixStore
    views: int
    told: Callable[[int], None]

    @property
    def steps(self) -> int:
        return self.loader.steps

    @property
    def whole(self) -> "StoredLoader":
        """The same views in whole batches, as :attr:`TrainLoader.whole`."""
        return replace(self, loader=self.loader.whole)

    def for_stage(self, stage: str, batch_size: int) -> "StoredLoader":
        """The same views in another stage's order and batches."""
        return replace(self, loader=replace(self.loader, stage=stage, batch_size=batch_size))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from step ``start`` on."""
        order = self.loader.order(epoch)[start:]
        if order:
            number, split, device = shown(epoch, self.views), self.loader.split, self.loader.normalise.device
            ids, labels = split.ids, torch.as_tensor(split.labels, device=device)
            for indices, tokens in zip(order, self._tokens(number, order), strict=True):
                clean, *copies = (one.contiguous() for one in tokens.to(device).float().unbind(1))
                batch = Batch(tokens=clean, labels=labels[indices], ids=tuple(ids[index] for index in indices),
                              epoch=epoch)
                yield self._with_copies(batch, number, copies)

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch(0)

    def _with_copies(self, batch: Batch, number: int, copies: Sequence[Tensor]) -> Batch:
        if not copies:
            return batch
        return replace(batch, warped=replace(batch, tokens=copies[0]), affine=self.drawn.warps(number, batch.ids))

    def _tokens(self, number: int, order: Sequence[Sequence[int]]) -> Iterator[Tensor]:
        """float16 [n, copies, S, D] of the images of each step."""
        wanted = [self.places[indices] for indices in order]
        view, done = self.store.open(number), 0
        if view is not None:
            with view:
                try:
                    for places in self._stored(view, number, wanted):
                        yield torch.from_numpy(view.read(places))
                        done += 1
                except OSError as error:
                    warn(f"views are computed as they are shown: {error.strerror or error} in {self.store.root}")
        for tokens in self.drawn.tokens(number, [places.tolist() for places in wanted[done:]]):
            yield torch.from_numpy(_half(tokens))

    def _stored(self, view: StoredView, number: int, wanted: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """The places of each step, once the view holds their tokens."""
        self._fill(view, number, view.missing(self.places))
        for places in wanted:
            if len(damaged := view.damaged(places)):
                log.warning("%d images of view %d are damaged in %s, and computed again", len(damaged), number,
                            self.store.folder)
                self._fill(view, number, damaged, anew=True)
            yield places

    def _fill(self, view: StoredView, number: int, places: np.ndarray, anew: bool = False) -> None:
        """Compute the blocks that hold these places, unless another process does; ``anew``: whoever did already.

        Raises:
            OSError: the disk is full.
        """
        blocks = np.unique(places // _BLOCK).tolist()
        while blocks:
            claimed: list[np.ndarray] = []
            groups = self._claimed(view, blocks, claimed, anew)
            try:
                # A reader takes groups ahead of their pictures: parts are claimed as it comes to them.
                first = next(groups, None)
                if first is None:
                    time.sleep(_PATIENCE)
                    self.told(0)
                else:
                    tokens = self.drawn.tokens(number, (group.tolist() for group in chain([first], groups)))
                    for written, one in enumerate(tokens):
                        view.write(claimed[written].tolist(), _half(one))
                        self.told(len(one))
            finally:
                view.release()
            if anew:
                return
            blocks = [block for block in blocks if len(view.missing(self._block(view, block)))]

    def _claimed(self, view: StoredView, blocks: Sequence[int], claimed: list[np.ndarray],
                 anew: bool) -> Iterator[np.ndarray]:
        """The places of every block that is left to this process; ``claimed`` collects them."""
        for part in dict.fromkeys(block // _PART for block in blocks):
            if not anew and not view.claim(part):
                continue
            for block in (block for block in blocks if block // _PART == part):
                places = self._block(view, block)
                if anew or len(view.missing(places)):
                    claimed.append(places)
                    yield places

    def _block(self, view: StoredView, block: int) -> np.ndarray:
        return np.arange(block * _BLOCK, min((block + 1) * _BLOCK, view.shape[0]))


def _half(tokens: Tensor) -> np.ndarray:
    """Tokens as float16; what is too large for it becomes the largest it has."""
    most = torch.finfo(torch.float16).max
    return tokens.float().clamp(-most, most).half().cpu().numpy()
