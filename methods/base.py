"""What passes between a method and whoever trains, explains or scores it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from pydantic import BaseModel
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .affine import Affine, Affines
from .backbone import Backbone
from .cards.base import Ladder, MethodCard, Tunable


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
        affine: the transform between the two views, one for all images or one for each.
    """

    images: Tensor | None = None
    labels: Tensor | None = None
    ids: tuple[str, ...] = ()
    epoch: int = 0
    tokens: Tensor | None = None
    warped: "Batch | None" = None
    affine: Affine | Affines | None = None

    @classmethod
    def of(cls, batch: "Batch | Tensor", labels: Tensor | None = None) -> "Batch":
        """A batch from a batch or from plain images [B, 3, H, W]; given labels replace the batch's own."""
        if isinstance(batch, Tensor):
            return cls(images=batch, labels=labels)
        return batch if labels is None else replace(batch, labels=labels)

    @classmethod
    def labelled(cls, batch: "Batch | Tensor", labels: Tensor | None = None) -> "Batch":
        """As :meth:`of`, for a loss.

        Raises:
            ValueError: no labels, neither given nor in the batch.
        """
        batch = cls.of(batch, labels)
        if batch.labels is None:
            raise ValueError("the loss needs labels")
        return batch

    def with_warp(self, generator: torch.Generator | None = None) -> "Batch":
        """This batch with its second view, warped by one random transform drawn from ``generator``."""
        affine = Affine.draw(generator)
        warped = Batch(images=affine.apply(self.images), labels=self.labels, ids=self.ids, epoch=self.epoch)
        return replace(self, warped=warped, affine=affine)

    def parts(self, count: int) -> "list[Batch]":
        """This batch in so many parts of nearly equal size, as views of it, in order; never a part without images."""
        ends = torch.arange(len(self), device="cpu").tensor_split(min(count, len(self)))
        return [self._between(int(part[0]), int(part[-1]) + 1) for part in ends]

    def _between(self, start: int, stop: int) -> "Batch":
        def cut(values: Tensor | None) -> Tensor | None:
            return None if values is None else values[start:stop]

        warped = None if self.warped is None else self.warped._between(start, stop)
        affine = None if self.affine is None else self.affine.between(start, stop)
        return replace(self, images=cut(self.images), tokens=cut(self.tokens), labels=cut(self.labels),
                       ids=self.ids[start:stop], warped=warped, affine=affine)

    @property
    def device(self) -> torch.device:
        return (self.images if self.images is not None else self.tokens).device

    def __len__(self) -> int:
        return len(self.images if self.images is not None else self.tokens)


@dataclass(frozen=True)
class Level:
    """One set of part maps: see :class:`Explanation` for the shapes.

    Attributes:
        shares: [B, K, N], how much of each part of this level belongs to each of the N parts of ``final``; None where
            levels have nothing to do with each other.
    """

    part_maps: Tensor
    part_ids: Tensor
    background: Tensor | None = None
    shares: Tensor | None = None


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
        part_scores: [B, K], what each part adds to the target's logit, up to a constant per image; None where the
            logit is no sum over parts.
    """

    logits: Tensor
    part_maps: Tensor
    part_ids: Tensor
    background: Tensor | None = None
    saliency: Tensor | None = None
    levels: Mapping[str, Level] = field(default_factory=dict)
    part_scores: Tensor | None = None

    def all_levels(self) -> dict[str, Level]:
        """Every map set by name, the primary one as ``final``."""
        return {"final": Level(self.part_maps, self.part_ids, self.background), **self.levels}


def _nothing(*_: Any) -> None:
    return None


@dataclass(frozen=True)
class Loaders:
    """The training images as a stage's ``prepare`` may go through them; each can be read many times.

    Attributes:
        augmented: shuffled, under the stage's augmentation: its first epoch.
        plain: every image once in file order, as it is scored, without augmentation.
        parts: that a batch has to be cut into where gradients of it are taken, to fit into memory.
    """

    augmented: Iterable[Batch]
    plain: Iterable[Batch]
    parts: int = 1


@dataclass(frozen=True)
class Stage:
    """A stretch of training with one optimiser.

    Attributes:
        name: of its own among the method's stages.
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
        continues: name of an earlier stage whose optimiser goes on here, instead of a new one.
    """

    name: str
    epochs: int
    param_groups: Callable[[], list[dict[str, Any]]]
    optimiser: Callable[[list[dict[str, Any]]], torch.optim.Optimizer]
    schedule: Callable[[float], float] = lambda epoch: 1.0
    clip: float | None = None
    batch_size: int | None = None
    augmentation: str = "resize_crop_flip"
    prepare: Callable[[Loaders], None] = _nothing
    enter: Callable[[int], None] = _nothing
    after_step: Callable[[], None] = _nothing
    continues: str | None = None


class Method(nn.Module):
    """Base of every method. The constructor stores the settings and the backbone, which is shared and frozen.

    Attributes:
        card: what is known of the method without importing it.
        views: ``("clean", "warped")`` where the loss needs a second, warped view.
        prefix_blocks: leading blocks that are frozen and unprompted; None: takes images.
        inert: trainable parameters, by name, that no loss moves.
        finetuned: this method's own copy of the backbone where it trains it, else None.

    Args:
        finetune: train a copy of the backbone.
    """

    card: ClassVar[MethodCard]
    views: tuple[str, ...] = ("clean",)
    prefix_blocks: int | None = None
    inert: tuple[str, ...] = ()

    def __init__(self, backbone: Backbone, classes: int, settings: BaseModel, finetune: bool = False):
        super().__init__()
        # In a tuple, so that nn.Module does not adopt it: a frozen backbone is shared and is not this method's state.
        self._backbone = (backbone,)
        self.finetuned = backbone.trainable_copy() if finetune else None
        self.classes = classes
        self.settings = settings

    @property
    def backbone(self) -> Backbone:
        return self._backbone[0] if self.finetuned is None else self.finetuned

    @property
    def batch_coupled(self) -> bool:
        """Whether a step on a batch is more than the mean of steps on its images, so that its size matters by itself.

        By a term of the loss, as the card says, or by batch norm that trains.
        """
        norms = any(isinstance(module, _BatchNorm) for module in self.modules())
        return norms or self.card.coupled_under(dict(self.settings))

    def tokens(self, batch: Batch | Tensor) -> Tensor:
        """Tokens [B, S, D] entering block ``prefix_blocks``: from the batch when it brings them, else computed."""
        batch = Batch.of(batch)
        if batch.tokens is not None:
            return batch.tokens
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.finetuned is not None):
            return self.backbone.run(self.backbone.embed(batch.images), 0, self.prefix_blocks or 0)

    def forward(self, batch: Batch | Tensor) -> Tensor:
        """Logits [B, C]."""
        raise NotImplementedError

    def loss(self, batch: Batch | Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Named, weighted terms; training minimises their sum.

        Raises:
            ValueError: no labels, neither given nor in the batch.
        """
        raise NotImplementedError

    def explain(self, batch: Batch | Tensor, targets: Tensor | None = None, saliency: bool = True) -> Explanation:
        """Evidence for ``targets`` [B], the predicted class where None."""
        raise NotImplementedError

    def hierarchy(self, batch: Batch | Tensor) -> dict[str, Level]:
        """Finer map sets whose ``shares`` say which parts of ``final`` they belong to, finest first; default: none."""
        return {}

    def part_order(self, batch: Batch | Tensor, targets: Tensor) -> Tensor:
        """Parts by importance for the targets [B], most important first: long [B, K], positions among the part maps.

        By ``part_scores`` where the method has them, else by the peak of the map.
        """
        explanation = self.explain(batch, targets, saliency=False)
        scores = explanation.part_scores
        return (explanation.part_maps.amax((2, 3)) if scores is None else scores).argsort(1, descending=True)

    def stages(self, epochs: int) -> list[Stage]:
        """The training recipe, ``epochs`` passes over the data in all."""
        raise NotImplementedError

    def tunables(self) -> dict[str, Tunable | Ladder]:
        """What a sweep may vary: those of the card's tunables that have an effect under these settings."""
        return self.card.tunables_of(settings=self.settings)
