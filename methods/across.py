"""Batches that are not seen at once: shared by processes that train together, or cut so that they fit into memory.

A mean over images is the mean of the means of equal shares. Two things are not, and go through this module: a term that
looks at several images at once takes those of all processes, :func:`gathered`; and random numbers for single images are
drawn for the whole batch, :func:`drawn`, so that every image gets those that it would get if nothing were shared.
Where a batch is seen at once, both do nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class Share:
    """Which images of a batch are at hand: of every ``world``-th one, from image ``rank`` on, those of ``part``.

    Attributes:
        images: B, of the whole batch.
        part: positions among the images of this process that are seen at once; None: all of them.

    Raises:
        ValueError: the batch does not divide evenly: the mean of the processes' means would not be its own.
    """

    images: int
    rank: int = 0
    world: int = 1
    part: slice | None = None

    def __post_init__(self):
        if self.images % self.world:
            raise ValueError(f"{self.images} images cannot be shared evenly among {self.world} processes")

    def of(self, values: Tensor) -> Tensor:
        """Those at hand of values [B, ...] for the whole batch."""
        own = values[self.rank::self.world]
        return own if self.part is None else own[self.part]


_share: ContextVar[Share | None] = ContextVar("share", default=None)


@contextmanager
def sharing(share: Share) -> Iterator[None]:
    """Losses computed within are those of a share. All processes that hold shares enter at the same step."""
    token = _share.set(share)
    try:
        yield
    finally:
        _share.reset(token)


@contextmanager
def narrowed(images: int, part: slice) -> Iterator[None]:
    """Losses computed within are those of a part of the ``images`` that are at hand."""
    with sharing(replace(_share.get() or Share(images), part=part)):
        yield


def gathered(values: Tensor) -> Tensor:
    """Values [b, ...] of the images at hand -> those of the images that all processes have at hand, in their order.

    Gradients flow back to the process that each value came from. With them the mean over processes of the gradients of
    their losses is the gradient of the mean of their losses: for a term on gathered values, which is the same in every
    process, its own gradient.
    """
    share = _share.get()
    return values if share is None or share.world == 1 else _Gather.apply(values, share.rank, share.world)


def drawn(draw: Callable[[int], Tensor], images: int) -> Tensor:
    """Random numbers for the ``images`` at hand, by a function: number of images -> [B, ...].

    Raises:
        ValueError: this is not the number of images at hand.
    """
    share = _share.get()
    if share is None:
        return draw(images)
    found = share.of(draw(share.images))
    if len(found) != images:
        raise ValueError(f"random numbers for {images} images, and {len(found)} of the batch are at hand")
    return found


class _Gather(torch.autograd.Function):
    """Own: the backward of torch's needs operations that gloo does not have."""

    @staticmethod
    def forward(context: Any, values: Tensor, rank: int, world: int) -> Tensor:
        context.rank, context.world = rank, world
        parts = [torch.empty_like(values, memory_format=torch.contiguous_format) for _ in range(world)]
        distributed.all_gather(parts, values.contiguous())
        return torch.stack(parts, 1).flatten(0, 1)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        # Every process computed with every value: a value's gradient is the sum of theirs.
        whole = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(whole)
        return whole[context.rank::context.world], None, None
