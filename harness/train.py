"""The one training loop: stages with their hooks, checkpoints every epoch, resumed to the same bits."""

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..methods import Batch, Loaders, Method, Stage
from ..methods.across import sharing
from ..methods.optimising import Optimisers, descend, forward_loss, set_rates
from .checkpoint import Position, load_checkpoint, save_checkpoint
from .loaders import TrainLoader
from .losses import EpochLoss, Mean, write_losses
from .progress import Reporter
from .seeds import derive
from .spread.norms import share_norms
from .spread.ranks import ALONE, Ranks
from .stored_tokens import StoredLoader

log = logging.getLogger("partbench")


class Diverged(Exception):
    """A loss term stopped being a number."""


@dataclass(frozen=True)
class Training:
    """What the loop needs besides the method.

    Attributes:
        loader: stage -> its batches.
        plain: every training image without augmentation, for stages that prepare from them.
        folder: of the checkpoints.
        losses: file of the mean loss terms, replaced after every epoch.
        images: of one epoch.
        cost: reporter units a training image costs.
        rate_factor: on every learning rate of the recipe.
        until: epochs in all after which to stop for now; None: after the last.
        saved: called after each checkpoint.
        ranks: the processes that train together; the first of them writes.
    """

    loader: Callable[[Stage], TrainLoader | StoredLoader]
    plain: Iterable[Batch]
    folder: Path
    losses: Path
    epochs: int
    images: int
    seed: int
    precision: str
    device: torch.device
    reporter: Reporter
    cost: float
    rate_factor: float = 1.0
    until: int | None = None
    saved: Callable[[], None] = lambda: None
    ranks: Ranks = ALONE

    def stops_at(self, position: Position) -> bool:
        """Whether training goes no farther for now; what follows the last epoch belongs to the whole of it."""
        return self.until is not None and self.until <= position.total < self.epochs


def train(method: Method, training: Training) -> Position:
    """Train ``method`` in place, from its last checkpoint where there is one; returns where that ended.

    Raises:
        Diverged: a loss term is NaN or infinite; names it.
        Interrupted: the user asked to stop.
    """
    stages = method.stages(training.epochs)
    optimisers = Optimisers(method, stages)
    ranks = training.ranks
    share_norms(method, ranks, training.device)
    found, problems = ranks.of_first(lambda: load_checkpoint(training.folder))
    for problem in problems:
        log.warning(problem)
    position = found.position if found else Position(0, 0, 0, 0.0)
    losses = found.losses if found else []
    if losses and ranks.first:
        write_losses(training.losses, losses)  # a kill may have come between the checkpoint and this file
    if found:
        method.load_state_dict(found.method())
        optimisers.load(found.optimisers(), position.stage)
        log.info("continuing after epoch %d of %d", position.total, training.epochs)
        training.reporter.skip(position.total * training.images * training.cost)
    for number in range(position.stage, len(stages)):
        if training.stops_at(position):
            break
        stage = stages[number]
        loader = training.loader(stage)
        first = position.epoch if number == position.stage else 0
        if not first:
            # A stage that a kill cut off before its first checkpoint is prepared again from the stage before it.
            torch.manual_seed(derive(training.seed, "prepare", number))
            stage.prepare(Loaders(loader.whole, training.plain))
            ranks.align(method)
        optimiser = optimisers.of(number)
        for epoch in range(first, stage.epochs):
            started = time.monotonic()
            torch.manual_seed(derive(training.seed, "train", number, epoch))
            stage.enter(epoch)
            losses += _epoch(method, stage, loader, optimiser, epoch, training).of_epoch(position.total + 1, stage.name)
            position = Position(number, epoch + 1, position.total + 1,
                                position.seconds + time.monotonic() - started)
            _keep(training, position, method, optimisers, losses)
            if training.stops_at(position):
                return position
        if not stage.epochs:  # what its preparation changed is kept all the same
            position = replace(position, stage=number + 1, epoch=0)
            _keep(training, position, method, optimisers, losses)
    return position


def _keep(training: Training, position: Position, method: Method, optimisers: Optimisers,
          losses: list[EpochLoss]) -> None:
    """Write what training goes on from, in one of the processes that hold the same."""
    if training.ranks.first:
        save_checkpoint(training.folder, position, method, optimisers.state(), losses)
        write_losses(training.losses, losses)
        training.saved()


def _epoch(method: Method, stage: Stage, loader: TrainLoader | StoredLoader, optimiser: torch.optim.Optimizer,
           epoch: int, training: Training) -> Mean:
    """Train for an epoch; gives the means of its loss terms."""
    method.train()
    total, means, ranks = 0.0, Mean(), training.ranks
    for step, batch in enumerate(loader.epoch(epoch)):
        share = ranks.share(len(batch))
        done = epoch + (step + 1) / loader.steps
        # The factor of an epoch's end belongs to the next epoch: stay just inside this one.
        set_rates(optimiser, training.rate_factor * stage.schedule(min(done, epoch + 1 - 1e-9)))
        with nullcontext() if share is None else sharing(share):
            terms = forward_loss(method, batch, training.precision)
        loss, terms = torch.stack(list(terms.values())).sum(), ranks.means(terms)
        whole = torch.stack(list(terms.values())).sum()
        if not whole.isfinite():
            raise Diverged(_broken(terms, stage, epoch, step))
        optimiser.zero_grad()
        loss.backward()
        ranks.average_gradients(optimiser)
        descend(stage, optimiser)
        total += whole.item()
        means.add(terms)
        training.reporter.step(stage.name, len(batch) * ranks.world, training.cost, epoch + 1, stage.epochs,
                               total / (step + 1))
    log.info("stage %s epoch %d of %d: loss %.4f", stage.name, epoch + 1, stage.epochs, total / loader.steps)
    return means


def _broken(terms: dict[str, Tensor], stage: Stage, epoch: int, step: int) -> str:
    bad = [f"{name} is {value.item()}" for name, value in terms.items() if not value.isfinite()]
    what = ", ".join(bad) or "the sum of the terms overflows"
    return f"loss broke in stage {stage.name}, epoch {epoch + 1}, step {step + 1}: {what}; try a lower learning rate"
