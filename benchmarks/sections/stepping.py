"""A training step and a plain forward of the same batch, by turns in one process."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import step_cost
import torch
from torch import Tensor

from partbench.harness.training.allocator import keep_freed_memory
from partbench.methods import Batch, Method, create, load_backbone

BACKBONE = "deit_tiny_patch16_224"


@dataclass
class Stepping:
    """One method on random pictures and random weights.

    Attributes:
        stored: the frozen blocks' output is given, as the prefix store gives it.
    """

    name: str
    classes: int = 40
    image_size: int = 224
    batch_size: int = 16
    threads: int = 2
    stored: bool = False
    precision: str = "fp32"
    settings: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def device(self) -> torch.device:
        torch.set_num_threads(self.threads)
        keep_freed_memory()  # as every run does
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @cached_property
    def method(self) -> Method:
        backbone = load_backbone(BACKBONE, "random", self.image_size, self.device)
        torch.manual_seed(0)
        return create(self.name, backbone, self.classes, **self.settings).to(self.device)

    @cached_property
    def images(self) -> Tensor:
        return torch.randn(self.batch_size, 3, self.image_size, self.image_size, device=self.device)

    @cached_property
    def step(self) -> Callable[[], None]:
        """A step of the first stage that has epochs."""
        labels = torch.arange(self.batch_size, device=self.device) % self.classes
        batch = Batch(images=self.images, labels=labels, ids=tuple(map(str, range(self.batch_size))))
        number = next(iter(step_cost.distinct_stages(self.method, 25)))
        return step_cost.training_step(self.method, number, batch, self.stored,
                                       Namespace(epochs=25, precision=self.precision))

    @torch.no_grad()
    def forward(self) -> None:
        backbone = self.method.backbone
        backbone.onednn = False
        backbone.norm(backbone.run(backbone.embed(self.images)))

    def seconds(self, *works: Callable[[], None], rounds: int) -> list[list[float]]:
        """Of each work, ``rounds`` times by turns, after one that does not count."""
        for work in works:
            work()
        turns = [[step_cost.timed(work, self.device) for work in works] for _ in range(rounds)]
        return [list(one) for one in zip(*turns, strict=True)]

    def forwards(self, rounds: int) -> list[float]:
        """The step, in plain forwards."""
        step, forward = self.seconds(self.step, self.forward, rounds=rounds)
        return [one / other for one, other in zip(step, forward, strict=True)]
