"""Training in memory: what a harness does with a method's stages, without augmentation, disk and clock."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from .base import Batch, Loaders, Method, Stage
from .optimising import Optimisers, descend, forward_loss, set_rates


@dataclass(frozen=True)
class Saved:
    """Where a training stands at the end of an epoch, and all that goes on from there.

    Attributes:
        stage: number of the stage.
        epoch: epochs finished in it.
        method: the method's state as a file holds it.
        optimisers: what the optimisers remember.
    """

    stage: int
    epoch: int
    method: bytes
    optimisers: dict[str, Tensor | float]


@dataclass(frozen=True)
class Course:
    """What a method is trained on.

    Attributes:
        pictures: all training images, with labels and ids.
        batch_size: of stages that name none.
        watch: called after every step with the parameters that were to move, by name.
    """

    pictures: Batch
    batch_size: int
    epochs: int
    precision: str = "fp32"
    watch: Callable[[dict[str, nn.Parameter]], None] = lambda moved: None

    def batches(self, method: Method, stage: Stage, epoch: int, shuffled: bool = True) -> list[Batch]:
        """Batches of one epoch, the last, smaller one dropped; or all images in their order."""
        size = min(stage.batch_size or self.batch_size, len(self.pictures))
        generator = torch.Generator().manual_seed(epoch)
        order = torch.randperm(len(self.pictures), generator=generator) if shuffled else torch.arange(len(self.pictures))
        parts = [part for part in order.split(size) if not shuffled or len(part) == size]
        warped = shuffled and "warped" in method.views
        found = (replace(part_of(self.pictures, part), epoch=epoch) for part in parts)
        return [batch.with_warp(generator) if warped else batch for batch in found]


def part_of(batch: Batch, chosen: Tensor) -> Batch:
    """Some images of a batch, by position."""
    return Batch(batch.images[chosen], batch.labels[chosen], tuple(batch.ids[i] for i in chosen.tolist()))


def state_of(method: Method) -> bytes:
    """A method's state as a checkpoint holds it: plain tensors by name."""
    return save({name: value.detach().contiguous() for name, value in method.state_dict().items()})


def train(method: Method, course: Course, since: Saved | None = None) -> Iterator[Saved]:
    """Train ``method`` in place, from ``since`` on; yields at the end of every epoch."""
    stages = method.stages(course.epochs)
    optimisers = Optimisers(method, stages)
    if since is not None:
        method.load_state_dict(load(since.method))
        optimisers.load(since.optimisers, since.stage)
    for number in range(since.stage if since else 0, len(stages)):
        stage = stages[number]
        begun = since.epoch if since and number == since.stage else 0
        if not begun:
            torch.manual_seed(number)
            stage.prepare(Loaders(course.batches(method, stage, 0), course.batches(method, stage, 0, shuffled=False)))
        optimiser = optimisers.of(number)
        for epoch in range(begun, stage.epochs):
            torch.manual_seed(1000 * number + epoch)
            stage.enter(epoch)
            _epoch(method, stage, optimiser, course, epoch)
            yield Saved(number, epoch + 1, state_of(method), deepcopy(optimisers.state()))


def _epoch(method: Method, stage: Stage, optimiser: torch.optim.Optimizer, course: Course, epoch: int) -> None:
    method.train()
    batches = course.batches(method, stage, epoch)
    moving = {parameter for group in optimiser.param_groups for parameter in group["params"]}
    for step, batch in enumerate(batches):
        done = epoch + (step + 1) / len(batches)
        set_rates(optimiser, stage.schedule(min(done, epoch + 1 - 1e-9)))
        terms = forward_loss(method, batch, course.precision)
        descend(stage, optimiser, torch.stack(list(terms.values())).sum())
        course.watch({name: parameter for name, parameter in method.named_parameters() if parameter in moving})
