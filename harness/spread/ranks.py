"""The processes that train a run together, as one of them sees the others.

They hold equal methods and go the same way: what is drawn at random, and the order of the images, are those of the
whole batch, and each takes its share of the images. So one process or several train the same, but for rounding.
Gradients are averaged here and not by torch's DistributedDataParallel: that wraps one fixed set of parameters, and
stages train some of them, replace others, and may add up the gradients of several parts before they are averaged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

from ...errors import UserError
from ...methods.across import Share

Made = TypeVar("Made")


@dataclass(frozen=True)
class Ranks:
    """Process ``rank`` of ``world``, connected by torch's default process group; alone, it needs none.

    Every method but :meth:`own` and :meth:`share` is called by all processes at the same point.
    """

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and reports."""
        return self.rank == 0

    def own(self, indices: Sequence[int]) -> Sequence[int]:
        """Its share of the images of a step: every ``world``-th."""
        return indices[self.rank::self.world] if self.world > 1 else indices

    def share(self, images: int) -> Share | None:
        """What it holds of a batch of which every process holds so many images; None where that is all of it."""
        return Share(images * self.world, self.rank, self.world) if self.world > 1 else None

    def any(self, told: bool) -> bool:
        """Whether any process says so."""
        if self.world == 1:
            return told
        flag = torch.tensor(int(told))
        distributed.all_reduce(flag, distributed.ReduceOp.MAX)
        return bool(flag)

    def of_first(self, make: Callable[[], Made]) -> Made:
        """What the first process makes."""
        if self.world == 1:
            return make()
        made = [make() if self.first else None]
        distributed.broadcast_object_list(made, device=torch.device("cpu"))
        return made[0]

    def told(self, line: str) -> list[str]:
        """What each process says, the first one's first."""
        lines = [line]
        if self.world > 1:
            lines = [""] * self.world
            distributed.all_gather_object(lines, line)
        return lines

    def means(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Loss terms of the whole batch: the means of the processes' terms."""
        if self.world == 1:
            return dict(terms)
        values = torch.stack([value.detach().float() for value in terms.values()])
        distributed.all_reduce(values)
        return dict(zip(terms, values / self.world, strict=True))

    def average_gradients(self, optimiser: torch.optim.Optimizer) -> None:
        """Gradients of the whole batch: the means of the processes' gradients."""
        if self.world == 1:
            return
        gradients = [parameter.grad for group in optimiser.param_groups for parameter in group["params"]
                     if parameter.grad is not None]
        together = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(together)
        means = (together / self.world).split([gradient.numel() for gradient in gradients])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient))

    @torch.no_grad()
    def align(self, method: nn.Module) -> None:
        """The first process's parameters and buffers for all: they are equal already where all compute alike."""
        if self.world == 1:
            return
        for value in method.state_dict().values():
            same = value.contiguous()
            distributed.broadcast(same, src=0)
            value.copy_(same)


ALONE = Ranks()


def check_shares(batch_size: int, workers: int, images: int | None = None) -> None:
    """Refuse batches that processes cannot share evenly: the mean of their means would not be the batch's.

    Args:
        images: of the training split, where that is known; fewer than a batch make one batch.

    Raises:
        UserError: ``workers`` does not divide a batch.
    """
    if batch_size % workers:
        raise UserError(f"--workers-per-run {workers} cannot share batches of {batch_size} images evenly; "
                        f"give a --batch-size that {workers} divides")
    if images is not None and images < batch_size and images % workers:
        raise UserError(f"--workers-per-run {workers} cannot share a single batch of all {images} training images "
                        f"evenly; give a --batch-size that {workers} divides and that is at most {images}")
