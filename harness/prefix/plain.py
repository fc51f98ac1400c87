"""Stored tokens of whole splits as they are scored: what one evaluation computes, the next ones read, bit for bit."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

from ...methods import Backbone
from ..spec import RunSpec
from .key import PrefixKey
from .store import PrefixStore, warn
from .view import StoredView

log = logging.getLogger("partbench")


class PlainView:
    """The tokens of one split under one view, batch by batch, in use until it is closed."""

    def __init__(self, stored: StoredView, store: PrefixStore):
        self._stored, self._store = stored, store

    def holds(self, batch: range) -> bool:
        """Whether the images at these places are all there, damaged or not."""
        return not len(self._stored.missing(np.asarray(batch)))

    def read(self, batch: range) -> Tensor | None:
        """float32 [n, S, D]; None where one of the images is not there, or damaged, which is logged."""
        if not self.holds(batch):
            return None
        if len(damaged := self._stored.damaged(np.asarray(batch))):
            log.warning("%d scored images are damaged in %s, and computed again", len(damaged), self._store.folder)
            return None
        # Copied into memory of torch's own: the last bits of a matrix product can depend on where its operands begin.
        return torch.tensor(self._stored.read(slice(batch.start, batch.stop)))[:, 0]

    def keep(self, batch: range, tokens: Tensor) -> None:
        """Store the tokens [n, S, D] of a batch; a full disk costs a warning."""
        try:
            self._stored.write(batch, tokens.cpu().numpy()[:, None])
        except OSError as error:
            warn(f"scored images are not stored: {error.strerror or error} in {self._store.root}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stored.close()


@dataclass(frozen=True)
class PlainViews:
    """What the frozen first blocks of a run's backbone make of pictures as they are scored.

    Stored in float32, as it is computed, of the very batches in which it is computed: an evaluation that reads has the
    bits of one that computes. Views that training shows are worth more and never give way to these; where there is
    no room, nothing is stored.

    Attributes:
        spec: of the run that is scored.
        blocks: that images go through.
        limit: bytes that stored views of all runs may take; None: the usual limit.
    """

    spec: RunSpec
    backbone: Backbone
    blocks: int
    device: torch.device
    limit: int | None = None

    def computed(self, images: Tensor) -> Tensor:
        """Normalised images [B, 3, H, W] -> float32 tokens [B, S, D] entering block ``blocks``."""
        # Contiguous as stored ones are: the order of sums can depend on it, too.
        return self.backbone.run(self.backbone.embed(images), 0, self.blocks).contiguous()

    def open(self, ids: Sequence[str], shows: str, at_once: int) -> PlainView | None:
        """The stored tokens of a split; None where there is no room for them.

        Args:
            ids: of the split's images, in file order.
            shows: what images are of the pictures: the view, and how they are normalised.
            at_once: images in each batch but the last.
        """
        store = PrefixStore(self._key(ids, shows, at_once), self.limit, evicts=False)
        stored = store.open(0)
        return None if stored is None else PlainView(stored, store)

    def _key(self, ids: Sequence[str], shows: str, at_once: int) -> PrefixKey:
        height, width = self.backbone.grid
        key = PrefixKey.of(self.spec, ids, f"plain {shows}", self.blocks, False,
                           (self.backbone.prefix + height * width, self.backbone.width), self.device)
        return replace(key, kind="float32", at_once=at_once)
