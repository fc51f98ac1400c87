"""Training in memory: what a harness does with a method's stages, without augmentation, disk and clock."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.optim import Optimizer

from ..base import Batch, Loaders, Method, Stage
from ..optimising import Optimisers, descend, forward_loss, set_rates


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
        augmented: the pictures of an epoch, by a number of its own; None: always the same.
        watch: called after every step with the parameters that were to move, by name.
    """

    pictures: Batch
    batch_size: int
    epochs: int
    augmented: Callable[[int], Batch] | None = None
    watch: Callable[[dict[str, nn.Parameter]], None] = lambda moved: None

    def epoch(self, method: Method, stage: Stage, number: int, epoch: int) -> list[Batch]:
        """Shuffled batches, the last, smaller one dropped; drawn from ``number``."""
        generator = torch.Generator().manual_seed(number)
        pictures = self.augmented(number) if self.augmented else self.pictures
        parts = torch.randperm(len(pictures), generator=generator).split(self._size(stage))
        found = [replace(part_of(pictures, part), epoch=epoch) for part in parts if len(part) == self._size(stage)]
        return [batch.with_warp(generator) for batch in found] if "warped" in method.views else found

    def plain(self, stage: Stage) -> list[Batch]:
        """Every picture in order, as it is."""
        return [part_of(self.pictures, part) for part in torch.arange(len(self.pictures)).split(self._size(stage))]

    def _size(self, stage: Stage) -> int:
        return min(stage.batch_size or self.batch_size, len(self.pictures))


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
            torch.manual_seed(_number(number, -1))
            stage.prepare(Loaders(course.epoch(method, stage, _number(number, 0), 0), course.plain(stage)))
        optimiser = optimisers.of(number)
        for epoch in range(begun, stage.epochs):
            torch.manual_seed(_number(number, epoch))
            stage.enter(epoch)
            _descend(method, stage, optimiser, course.epoch(method, stage, _number(number, epoch), epoch), course.watch)
            yield Saved(number, epoch + 1, state_of(method), deepcopy(optimisers.state()))


def _number(stage: int, epoch: int) -> int:
    """One for every epoch of a training, and one before the first of a stage."""
    return 1000 * (stage + 1) + epoch


def _descend(method: Method, stage: Stage, optimiser: Optimizer, batches: list[Batch],
             watch: Callable[[dict[str, nn.Parameter]], None]) -> None:
    """The steps of one epoch."""
    method.train()
    moving = {parameter for group in optimiser.param_groups for parameter in group["params"]}
    for step, batch in enumerate(batches):
        done = batch.epoch + (step + 1) / len(batches)
        set_rates(optimiser, stage.schedule(min(done, batch.epoch + 1 - 1e-9)))
        terms = forward_loss(method, batch, "fp32")
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        descend(stage, optimiser)
        watch({name: parameter for name, parameter in method.named_parameters() if parameter in moving})
