"""The one training loop: stages with their hooks, checkpoints every epoch, resumed to the same bits."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from ..methods import Method, Stage
from .checkpoint import Position, load_checkpoint, save_checkpoint
from .loaders import TrainLoader
from .progress import Reporter
from .seeds import derive

log = logging.getLogger("partbench")


class Diverged(Exception):
    """A loss term stopped being a number."""


@dataclass(frozen=True)
class Training:
    """What the loop needs besides the method.

    Attributes:
        loader: stage -> its batches.
        folder: of the checkpoints.
        images: of one epoch.
        cost: reporter units a training image costs.
    """

    loader: Callable[[Stage], TrainLoader]
    folder: Path
    epochs: int
    images: int
    seed: int
    precision: str
    device: torch.device
    reporter: Reporter
    cost: float


def train(method: Method, training: Training) -> float:
    """Train ``method`` in place, from its last checkpoint where there is one; returns the seconds it took in all.

    Raises:
        Diverged: a loss term is NaN or infinite; names it.
        Interrupted: the user asked to stop.
    """
    stages = method.stages(training.epochs)
    found, problems = load_checkpoint(training.folder)
    for problem in problems:
        log.warning(problem)
    position = found.position if found else Position(0, 0, 0, 0.0)
    if found:
        found.restore_method(method)
        log.info("continuing after epoch %d of %d", position.total, training.epochs)
        training.reporter.skip(position.total * training.images * training.cost)
    for number in range(position.stage, len(stages)):
        stage = stages[number]
        loader = training.loader(stage)
        resumed = found if found and number == position.stage and position.epoch else None
        if not resumed:
            # A stage that a kill cut off before its first checkpoint is prepared again from the stage before it.
            torch.manual_seed(derive(training.seed, "prepare", number))
            stage.prepare(loader)
        optimiser = stage.optimiser(stage.param_groups())
        if resumed:
            resumed.restore_optimiser(method, optimiser)
        rates = [group["lr"] for group in optimiser.param_groups]
        first = position.epoch if number == position.stage else 0
        for epoch in range(first, stage.epochs):
            started = time.monotonic()
            torch.manual_seed(derive(training.seed, "train", number, epoch))
            stage.enter(epoch)
            _epoch(method, stage, loader, optimiser, rates, epoch, training)
            position = Position(number, epoch + 1, position.total + 1,
                                position.seconds + time.monotonic() - started)
            save_checkpoint(training.folder, position, method, optimiser)
    return position.seconds


def _epoch(method: Method, stage: Stage, loader: TrainLoader, optimiser: torch.optim.Optimizer,
           rates: list[float], epoch: int, training: Training) -> None:
    method.train()
    total = 0.0
    for step, batch in enumerate(loader.epoch(epoch)):
        done = epoch + (step + 1) / loader.steps
        # The factor of an epoch's end belongs to the next epoch: stay just inside this one.
        factor = stage.schedule(min(done, epoch + 1 - 1e-9))
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * factor
        with torch.autocast(training.device.type, torch.bfloat16, enabled=training.precision == "bf16"):
            terms = method.loss(batch)
        loss = torch.stack(list(terms.values())).sum()
        if not loss.isfinite():
            raise Diverged(_broken(terms, stage, epoch, step))
        optimiser.zero_grad()
        loss.backward()
        if stage.clip is not None:
            clip_grad_norm_([p for group in optimiser.param_groups for p in group["params"]], stage.clip)
        optimiser.step()
        stage.after_step()
        total += loss.item()
        training.reporter.step(stage.name, len(batch), training.cost, epoch + 1, stage.epochs, total / (step + 1))
    log.info("stage %s epoch %d of %d: loss %.4f", stage.name, epoch + 1, stage.epochs, total / loader.steps)


def _broken(terms: dict[str, Tensor], stage: Stage, epoch: int, step: int) -> str:
    bad = [f"{name} is {value.item()}" for name, value in terms.items() if not value.isfinite()]
    what = ", ".join(bad) or "the sum of the terms overflows"
    return f"loss broke in stage {stage.name}, epoch {epoch + 1}, step {step + 1}: {what}; try a lower learning rate"
