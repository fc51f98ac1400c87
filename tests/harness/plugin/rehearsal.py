"""Training the toy method without a run around it, for tests and for the process that they kill."""

from dataclasses import replace
from pathlib import Path

import torch
from toy import Toy
from toy_card import ToySettings

from partbench import datasets
from partbench.harness.loaders import Normalise, TrainLoader
from partbench.harness.progress import Reporter
from partbench.harness.training.training import Training

EPOCHS, STEPS = 4, 3
"""Two epochs a stage, three steps an epoch."""
FINAL = f"epoch-{EPOCHS:05d}.safetensors"
HOOKS = [("prepare", "features"), ("enter", "features", 0), ("enter", "features", 1),
         ("prepare", "head"), ("enter", "head", 0), ("enter", "head", 1)]
"""What an unbroken training calls, without its steps."""


def toy(kind: type[Toy] = Toy, **settings) -> Toy:
    """A fresh toy for three classes, the same every time."""
    torch.manual_seed(1)
    return kind(None, 3, ToySettings(**settings))


class Ending(Toy):
    """Its last stage is its preparation alone."""

    def stages(self, epochs):
        features, head = super().stages(epochs)
        return [replace(features, epochs=epochs), replace(head, epochs=0)]


def hooks(method: Toy) -> list[tuple]:
    """What was called, without the steps."""
    return [call for call in method.calls if call[0] != "step"]


def losses_file(folder: Path | str) -> Path:
    """Where a training in ``folder`` leaves its losses."""
    return Path(f"{folder}.losses.csv")


def training(root: Path | str, folder: Path | str, tell=lambda event: None) -> Training:
    """Four epochs over the nine training images of the tiny data set."""
    torch.set_num_threads(1)
    split = datasets.load("cub", root=root)["train"]
    assert len(split) // 3 == STEPS
    normalise = Normalise(torch.zeros(3, 1, 1), torch.ones(3, 1, 1), torch.device("cpu"))

    def loader(stage, parts):
        return TrainLoader(split, datasets.augmentation(stage.augmentation, 32), normalise, 3, 0, stage.name)

    return Training(loader, lambda parts: [], Path(folder), losses_file(folder), EPOCHS, len(split), 0, "fp32",
                    torch.device("cpu"), Reporter(tell), 1.0)
