"""The processes that train a run together, as one of them sees the others.

They hold equal methods and go the same way: what is drawn at random, and the order of the images, are those of the
whole batch, and each takes its share of the images. So one process or several train the same, but for rounding.
Gradients are averaged here and not by torch's DistributedDataParallel: that wraps one fixed set of parameters, and
stages train some of them, replace others, and may add up the gradients of several parts before they are averaged.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

from ...errors import UserError
from ...methods.across import Share
from ..progress import Reporter

Made = TypeVar("Made")


class NotReady(Exception):
    """Another process could not begin."""


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

    @contextmanager
    def agreeing(self) -> Iterator[None]:
        """What all processes must come through, or none goes on.

        Raises:
            NotReady: this one has, and another has not; or for the others than the first, any has not.
            UserError: the same for the first, where a user can mend it.
        """
        if self.world == 1:
            yield
            return
        error = None
        try:
            yield
        except Exception as problem:  # it is raised below, once the others know
            error = problem
        said = [(error is not None, isinstance(error, UserError), str(error))] * self.world
        distributed.all_gather_object(said, said[0])
        if error is not None and self.first:
            raise error
        broken = [(rank, mendable, line) for rank, (failed, mendable, line) in enumerate(said) if failed]
        for rank, mendable, line in broken[:1]:
            raise (UserError if mendable and self.first else NotReady)(f"process {rank + 1} of {self.world}: {line}")

    @contextmanager
    def training(self, reporter: Reporter) -> Iterator[None]:
        """While they train: when one process is asked to stop, all stop at the same step. Then they part.

        What the first one does after that it does alone. Torchmetrics would wait for the others as long as there is a
        process group.
        """
        if self.world == 1:
            yield
            return
        asked = reporter.stopped
        reporter.stopped = lambda: self.any(asked())
        try:
            yield
        finally:
            reporter.stopped = asked
        distributed.destroy_process_group()

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


def lost_contact(error: Exception) -> bool:
    """Whether a process failed because it no longer reached another one."""
    return isinstance(error, distributed.DistError) or (isinstance(error, RuntimeError) and "/gloo/" in str(error))
