"""What passes between a method and whoever trains, explains or scores it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from .affine import Affine
from .backbone import Backbone
from .cards.base import MethodCard


@dataclass(frozen=True)
class Batch:
    """Images with what is known of them.

    Attributes:
        images: float [B, 3, H, W], normalised with the backbone's mean and std; None when ``tokens`` stand for them.
        tokens: [B, S, D] entering block ``prefix_blocks``, when a store brings them.
        labels: long [B], or None.
        ids: image ids, as the data set names them.
        epoch: training epoch, 0 outside training.
        warped: the same images under ``affine`` (images or tokens), for methods that ask for the view.
        affine: the transform between the two views.
    """

    images: Tensor | None = None
    labels: Tensor | None = None
    ids: tuple[str, ...] = ()
    epoch: int = 0
    tokens: Tensor | None = None
    warped: "Batch | None" = None
    affine: Affine | None = None

    @classmethod
    def of(cls, batch: "Batch | Tensor", labels: Tensor | None = None) -> "Batch":
        """A batch from a batch or from plain images [B, 3, H, W]; given labels replace the batch's own."""
        if isinstance(batch, Tensor):
            return cls(images=batch, labels=labels)
        return batch if labels is None else replace(batch, labels=labels)

    def with_warp(self, generator: torch.Generator | None = None) -> "Batch":
        """This batch with its second view, warped by one random transform drawn from ``generator``."""
        affine = Affine.draw(generator)
        warped = Batch(images=affine.apply(self.images), labels=self.labels, ids=self.ids, epoch=self.epoch)
        return replace(self, warped=warped, affine=affine)

    def __len__(self) -> int:
        return len(self.images if self.images is not None else self.tokens)


@dataclass(frozen=True)
class Level:
    """One set of part maps: see :class:`Explanation` for the shapes."""

    part_maps: Tensor
    part_ids: Tensor
    background: Tensor | None = None


@dataclass(frozen=True)
class Explanation:
    """Why a method said what it said.

    Attributes:
        logits: [B, C].
        part_maps: [B, K, h, w], finite, higher is stronger, background excluded.
        part_ids: long [B, K]: the same id means the same concept on every image.
        background: [B, h, w] or None; given, maps and background are probabilities that sum to one per cell.
        saliency: [B, h, w], evidence for the target; None when it was not asked for.
        levels: further map sets by name.
    """

    logits: Tensor
    part_maps: Tensor
    part_ids: Tensor
    background: Tensor | None = None
    saliency: Tensor | None = None
    levels: Mapping[str, Level] = field(default_factory=dict)

    def all_levels(self) -> dict[str, Level]:
        """Every map set by name, the primary one as ``final``."""
        return {"final": Level(self.part_maps, self.part_ids, self.background), **self.levels}


def _nothing(*_: Any) -> None:
    return None


@dataclass(frozen=True)
class Stage:
    """A stretch of training with one optimiser.

    Attributes:
        epochs: passes over the data.
        param_groups: called after ``prepare``; torch parameter groups, each with its ``lr``.
        optimiser: parameter groups -> torch optimiser.
        schedule: epochs finished, as a fraction that grows by the step -> factor on every group's lr.
        clip: global L2 norm of the gradients, or None.
        batch_size: None takes the run's.
        augmentation: name of the training transform.
        prepare: once at the stage's start, with the loaders.
        enter: before every epoch, also the first one after a resume.
        after_step: after every optimiser step.
    """

    name: str
    epochs: int
    param_groups: Callable[[], list[dict[str, Any]]]
    optimiser: Callable[[list[dict[str, Any]]], torch.optim.Optimizer]
    schedule: Callable[[float], float] = lambda epoch: 1.0
    clip: float | None = None
    batch_size: int | None = None
    augmentation: str = "resize_crop_flip"
    prepare: Callable[[Any], None] = _nothing
    enter: Callable[[int], None] = _nothing
    after_step: Callable[[], None] = _nothing


@dataclass(frozen=True)
class Tunable:
    """A setting that a sweep may vary: a numeric range, or a list of choices."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    integer: bool = False
    choices: tuple[Any, ...] = ()


class Method(nn.Module):
    """Base of every method. The constructor stores the backbone (shared, never in the state dict) and the settings."""

    card: ClassVar[MethodCard]
    views: tuple[str, ...] = ("clean",)
    prefix_blocks: int | None = None

    def __init__(self, backbone: Backbone, classes: int, settings: BaseModel):
        super().__init__()
        # In a tuple, so that nn.Module does not adopt it: a frozen backbone is shared and is not this method's state.
        self._backbone = (backbone,)
        self.classes = classes
        self.settings = settings

    @property
    def backbone(self) -> Backbone:
        return self._backbone[0]

    def tokens(self, batch: Batch | Tensor) -> Tensor:
        """Tokens [B, S, D] entering block ``prefix_blocks``: from the batch when it brings them, else computed."""
        batch = Batch.of(batch)
        if batch.tokens is not None:
            return batch.tokens
        with torch.no_grad():
            return self.backbone.run(self.backbone.embed(batch.images), 0, self.prefix_blocks)

    def forward(self, batch: Batch | Tensor) -> Tensor:
        """Logits [B, C]."""
        raise NotImplementedError

    def loss(self, batch: Batch | Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Named, weighted terms; training minimises their sum."""
        raise NotImplementedError

    def explain(self, batch: Batch | Tensor, targets: Tensor | None = None, saliency: bool = True) -> Explanation:
        """Evidence for ``targets`` [B], the predicted class where None."""
        raise NotImplementedError

    def stages(self, epochs: int) -> list[Stage]:
        """The training recipe, ``epochs`` passes over the data in all."""
        raise NotImplementedError

    def tunables(self) -> dict[str, Tunable]:
        """What a sweep may vary."""
        return {}
