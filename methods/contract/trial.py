"""A method under examination: how it is built, what it is shown, and what its clauses say when one does not hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..backbone import Backbone
from ..base import Batch, Method
from ..cards.base import MethodCard
from .backbones import tiny_backbone
from .toy import corner_backbone, corner_pictures
from .training import Course, Saved, train

CLASSES = 3
_IMAGES, _IMAGES_PER_STEP = 64, 8
_PATIENCE = 40  # epochs within which every stage must have had one


@dataclass(frozen=True)
class Rehearsal:
    """A short training on noise, in which every stage has an epoch.

    Attributes:
        method: as the training left it, in eval mode.
        saved: what was kept at the end of every epoch.
        logits: of the pictures at those moments.
        reached: largest gradient of every parameter that a stage moves, by name, over all steps.
        before: the shared backbone's state before it.
    """

    method: Method
    course: Course
    saved: list[Saved]
    logits: list[Tensor]
    reached: dict[str, float]
    before: dict[str, Tensor]


@dataclass(frozen=True)
class Lesson:
    """A training by the preset ``quick`` on pictures that differ in one corner, under new noise in every epoch.

    Attributes:
        method: as the training left it, in eval mode.
        losses: of all its pictures, before and after.
    """

    method: Method
    losses: tuple[float, float]


@dataclass(frozen=True)
class Trial:
    """A method and what it is tried with.

    Attributes:
        variant: one that the card declares, or "".
        settings: the method's, throughout.
        toy: the same on top, for the pictures that differ in one corner alone.
        toy_epochs: passes over these; None: those of the preset ``quick``.
    """

    card: MethodCard
    variant: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    toy: Mapping[str, Any] = field(default_factory=dict)
    toy_epochs: int | None = None

    @property
    def name(self) -> str:
        return f"{self.card.name}@{self.variant}" if self.variant else self.card.name

    def build(self, backbone: Backbone, classes: int = CLASSES, seed: int = 0, variant: str | None = None,
              preset: str = "default", settings: Mapping[str, Any] | None = None) -> Method:
        """A new method in eval mode, initialised from ``seed``."""
        variant = self.variant if variant is None else variant
        chosen = self.card.resolve(variant, {**self.settings, **(settings or {})}, preset)
        torch.manual_seed(seed)
        return self.card.load()(backbone, classes, chosen).eval()

    @cached_property
    def backbone(self) -> Backbone:
        return tiny_backbone()

    @cached_property
    def pictures(self) -> Batch:
        """Five pictures of noise with labels, as the backbone takes them."""
        return noise(5, self.backbone.image_size, seed=1)

    @cached_property
    def rehearsal(self) -> Rehearsal:
        """Gone through once; most clauses look at the method that it leaves."""
        method, reached = self.build(self.backbone), {}

        def watch(moved: dict[str, torch.nn.Parameter]) -> None:
            for name, parameter in moved.items():
                found = 0.0 if parameter.grad is None else parameter.grad.abs().max().item()
                reached[name] = max(found, reached.get(name, 0.0))

        course = Course(noise(12, self.backbone.image_size, seed=2), 4, self._epochs(method), watch=watch)
        before = {name: value.clone() for name, value in self.backbone.state_dict().items()}
        saved, logits = [], []
        for moment in train(method, course):
            saved.append(moment)
            logits.append(logits_of(method, self.pictures))
        return Rehearsal(method.eval(), course, saved, logits, reached, before)

    @cached_property
    def lesson(self) -> Lesson:
        """With the settings of everything else."""
        return self._teach({}, None)

    @cached_property
    def toy_lesson(self) -> Lesson:
        """With those for the pictures."""
        return self._teach(self.toy, self.toy_epochs) if self.toy or self.toy_epochs else self.lesson

    def _teach(self, settings: Mapping[str, Any], epochs: int | None) -> Lesson:
        method = self.build(corner_backbone(), 2, preset="quick", settings=settings)
        pictures, losses = corner_pictures(_IMAGES, seed=0), []
        course = Course(pictures, _IMAGES_PER_STEP, epochs or self.card.epochs["quick"],
                        augmented=lambda number: corner_pictures(_IMAGES, seed=number))
        losses.append(_loss_of(method, pictures))
        for _ in train(method, course):
            pass
        losses.append(_loss_of(method.eval(), pictures))
        return Lesson(method, (losses[0], losses[1]))

    def _epochs(self, method: Method) -> int:
        """The fewest in which every stage has one, as far as stages ever have."""
        count = {epochs: sum(stage.epochs > 0 for stage in method.stages(epochs)) for epochs in range(1, _PATIENCE)}
        return min(epochs for epochs, stages in count.items() if stages == max(count.values()))


def noise(images: int, side: int, seed: int, classes: int = CLASSES) -> Batch:
    """Pictures without anything on them, with labels and ids."""
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.randn(images, 3, side, side, generator=generator)
    return Batch(pictures, torch.arange(images) % classes, tuple(f"noise {i}" for i in range(images)))


@torch.no_grad()
def _loss_of(method: Method, batch: Batch) -> float:
    """Sum of the loss terms, the same view being drawn every time."""
    torch.manual_seed(0)
    return sum(value.item() for value in method.loss(batch).values())


@torch.no_grad()
def logits_of(method: Method, batch: Batch) -> Tensor:
    """Logits [B, C] in eval mode; the mode is put back."""
    trained = method.training
    logits = method.eval()(batch)
    method.train(trained)
    return logits


def want(holds: Any, otherwise: str) -> None:
    """An AssertionError that also ``python -O`` raises."""
    if not holds:
        raise AssertionError(otherwise)


def agree(one: Tensor, other: Tensor, what: str, tolerance: float = 1e-4) -> None:
    """Want two tensors equal but for rounding, which grows with their largest value."""
    want(one.shape == other.shape, f"{what} have shapes {tuple(one.shape)} and {tuple(other.shape)}")
    apart = (one.float() - other.float()).abs().max().item() if one.numel() else 0.0
    most = tolerance * max(1.0, other.float().abs().max().item() if other.numel() else 0.0)
    want(apart <= most, f"{what} differ by {apart:.2g}, more than {most:.2g}")
