"""The one training loop: stages with their hooks, checkpoints of epochs and within them, resumed to the same bits."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import torch

from ...methods import Batch, Loaders, Method
from ...methods.optimising import Optimisers, set_rates
from ...methods.random_state import RandomState
from ..loaders import TrainLoader
from ..prefix.loader import StoredLoader
from ..progress import Interrupted
from ..seeds import derive
from ..spread.norms import share_norms
from .checkpoint import Checkpoint, Position, Within, save_checkpoint
from .losses import Mean, write_losses
from .resume import resume
from .step import Diverged, learn
from .training import Training

__all__ = ["Diverged", "Training", "train"]
log = logging.getLogger("partbench")


def train(method: Method, training: Training) -> Position:
    """Train ``method`` in place, from its last checkpoint where there is one; returns where that ended.

    Raises:
        Diverged: a loss term is NaN or infinite; names it.
        Interrupted: the user asked to stop; there is a checkpoint of the last step.
        UserError: the disk takes no checkpoint.
    """
    share_norms(method, training.ranks, training.device)
    course = _Course(method, training)
    for number in range(course.position.stage, len(course.stages)):
        if training.stops_at(course.position):
            break
        course.go_through(number)
    return course.position


class _Course:
    """A training under way.

    Attributes:
        position: end of the last epoch.
        losses: of all epochs up to there.
    """

    def __init__(self, method: Method, training: Training):
        self.stages = method.stages(training.epochs)
        self._method, self._training, self._kept = method, training, time.monotonic()
        self._optimisers = Optimisers(method, self.stages)
        found = resume(training.folder, method, self.stages, self._optimisers, self._steps, training.until,
                       training.ranks)
        start = found.position if found else Position(0, 0, 0, 0.0)
        self.position = replace(start, step=0)
        self._parts = max(start.accumulation, training.accumulation)
        self.losses = found.losses if found else []
        self._since = found if found and start.step else None
        if found:
            self._tell(start)
        if self.losses and training.ranks.first:
            write_losses(training.losses, self.losses)  # a kill may have come between the checkpoint and this file

    def _steps(self, number: int) -> int:
        return self._training.loader(self.stages[number], 1).steps

    def _tell(self, start: Position) -> None:
        training, share = self._training, 0.0
        if start.step:
            share = start.step / self._steps(start.stage)
            log.info("continuing after step %d of epoch %d of %d", start.step, start.total + 1, training.epochs)
        else:
            log.info("continuing after epoch %d of %d", start.total, training.epochs)
        training.reporter.skip((start.total + share) * training.images * training.cost)

    def go_through(self, number: int) -> None:
        """Train in a stage, from where it stands, to its end or as far as training goes for now."""
        training, stage, parts = self._training, self.stages[number], self._parts
        loader = training.loader(stage, parts)
        first = self.position.epoch if number == self.position.stage else 0
        if not first and self._since is None:
            self._prepare(number, loader, parts)
        for epoch in range(first, stage.epochs):
            self._epoch(number, loader, epoch)
            if training.stops_at(self.position):
                return
        if not stage.epochs:  # what its preparation changed is kept all the same
            self.position = replace(self.position, stage=number + 1, epoch=0)
            self._keep(self.position)

    def _prepare(self, number: int, loader: TrainLoader | StoredLoader, parts: int) -> None:
        """A stage that was cut off before its first checkpoint is prepared again, from the stage before it."""
        training, stage = self._training, self.stages[number]
        torch.manual_seed(derive(training.seed, "prepare", number))

        def told(images: int) -> None:
            training.reporter.step(f"prepare {stage.name}", images, 0.0)

        stage.prepare(Loaders(_Told(loader.whole, told), _Told(training.plain(parts), told), parts))
        training.ranks.align(self._method)

    def _epoch(self, number: int, loader: TrainLoader | StoredLoader, epoch: int) -> None:
        """Train for an epoch, or for what is left of it."""
        training, stage, optimiser = self._training, self.stages[number], self._optimisers.of(number)
        since, self._since = self._since, None
        before = since.position if since else self.position
        began = time.monotonic() - before.seconds
        torch.manual_seed(derive(training.seed, "train", number, epoch))
        stage.enter(epoch)
        self._method.train()
        means, start = self._within(since) if since else (Mean(), 0)
        here = replace(before, stage=number, epoch=epoch)
        for step, batch in enumerate(loader.epoch(epoch, start), start + 1):
            # The factor of an epoch's end belongs to the next epoch: stay just inside this one.
            done = min(epoch + step / loader.steps, epoch + 1 - 1e-9)
            set_rates(optimiser, training.rate_factor * stage.schedule(done))
            where = f"stage {stage.name}, epoch {epoch + 1}, step {step}"
            means.add(*learn(self._method, stage, optimiser, batch, training.precision, self._parts, training.ranks,
                             where))
            here = Position(number, epoch, before.total, time.monotonic() - began, step, self._parts)
            try:
                training.reporter.step(stage.name, len(batch) * training.ranks.world, training.cost, epoch + 1,
                                       stage.epochs, means.total / step)
            except Interrupted:
                self._keep(here, means)
                raise
            if step < loader.steps and time.monotonic() - self._kept >= training.save_every:
                self._keep(here, means)
        log.info("stage %s epoch %d of %d: loss %.4f", stage.name, epoch + 1, stage.epochs, means.total / loader.steps)
        self.losses += means.of_epoch(before.total + 1, stage.name)
        self.position = replace(here, epoch=epoch + 1, total=before.total + 1, step=0)
        self._keep(self.position)

    def _within(self, since: Checkpoint) -> tuple[Mean, int]:
        """Go on within an epoch; what entering it changed and drew, the checkpoint has behind it."""
        self._method.load_state_dict(since.method())
        since.within.random.restore(self._training.device)
        return since.within.means, since.position.step

    def _keep(self, position: Position, means: Mean | None = None) -> None:
        """Write what training goes on from, in one of the processes that hold the same."""
        training, self._kept = self._training, time.monotonic()
        if not training.ranks.first:
            return
        within = Within(means, RandomState.now(training.device)) if means else None
        save_checkpoint(training.folder, position, self._method, self._optimisers.state(), self.losses, within)
        if within is None:
            write_losses(training.losses, self.losses)
        training.saved()


@dataclass(frozen=True)
class _Told:
    """Batches that say so when they are read: a preparation can be seen, and stopped."""

    batches: Iterable[Batch]
    told: Callable[[int], None]

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.batches:
            self.told(len(batch))
            yield batch
