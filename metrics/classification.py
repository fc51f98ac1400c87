"""Accuracy: top-1, top-5, and top-1 averaged over classes."""

import torch
from torch import Tensor

from .base import ImageMetric, sum_by_class


def correct(logits: Tensor, labels: Tensor, top: int = 1) -> Tensor:
    """Whether the label is among the ``top`` highest logits.

    Equal logits rank by class index, so that constant logits are not right everywhere; a NaN is never right.

    Args:
        logits: [N, C].
        labels: long [N].
        top: how many classes may stand in for the answer.

    Returns:
        bool [N].
    """
    own = logits.gather(1, labels[:, None])
    index = torch.arange(logits.shape[1], device=logits.device)
    ahead = (logits > own) | ((logits == own) & (index < labels[:, None])) | logits.isnan()
    return (ahead.sum(1) < top) & ~own.isnan()[:, 0]


def accuracy(logits: Tensor, labels: Tensor, top: int = 1) -> float:
    """Share of images whose label is among the ``top`` highest logits [N, C]; labels long [N].

    Raises:
        ValueError: no image.
    """
    if not len(labels):
        raise ValueError("accuracy needs at least one image")
    return correct(logits, labels, top).double().mean().item()


def accuracy_balanced(logits: Tensor, labels: Tensor) -> float:
    """Mean over classes of the share of their images that are right; logits [N, C], labels long [N].

    Raises:
        ValueError: no image.
    """
    if not len(labels):
        raise ValueError("accuracy needs at least one image")
    right, images = sum_by_class(labels, correct(logits, labels))
    return (right / images).mean().item()


class Accuracy(ImageMetric):
    """Streaming :func:`accuracy`; keeps one bit per image."""

    states = ("right",)
    top = 1

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add images: logits [N, C], labels long [N]."""
        self.keep(labels, right=correct(logits, labels, self.top))

    def image_values(self) -> tuple[Tensor, Tensor]:
        return self.gathered("right").double(), self.gathered("labels")


class AccuracyTop5(Accuracy):
    """Streaming :func:`accuracy` with ``top=5``."""

    top = 5


class AccuracyBalanced(Accuracy):
    """Streaming :func:`accuracy_balanced`."""

    def class_weights(self) -> Tensor:
        return torch.ones(len(self.gathered("labels").unique()), dtype=torch.float64, device=self.device)
