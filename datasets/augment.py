"""Training augmentation by name, as the methods' recipes ask. Draws from torch's global generator: seed it first."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torchvision.transforms import v2

from ..errors import unknown
from .base import Sample
from .geometry import affine, flip, resample
from .views import cut, shorter_side

VERSION = 1
"""Raised when a transform draws or samples otherwise: what is stored of its pictures is computed anew."""


def augmentation(name: str, image_size: int) -> Callable[[Sample], Sample]:
    """A random transform to ``image_size`` x ``image_size``, picklable; see :func:`augmentations` for names.

    Raises:
        UserError: no such augmentation.
    """
    if name not in _AUGMENTATIONS:
        raise unknown("augmentation", name, _AUGMENTATIONS)
    return _AUGMENTATIONS[name](image_size)


def augmentations() -> list[str]:
    """The names there are."""
    return sorted(_AUGMENTATIONS)


@dataclass(frozen=True)
class AffineCropFlip:
    """IVPT's recipe: shorter side to size, flip, turn up to 90 degrees, shift up to 0.2, scale 0.8 to 1.2, crop."""

    image_size: int

    def __call__(self, sample: Sample) -> Sample:
        sample = _maybe_flip(shorter_side(sample, self.image_size))
        drawn = _AFFINE.make_params([sample.image])
        return _random_cut(affine(sample, drawn["angle"], drawn["translate"], drawn["scale"]), self.image_size)


@dataclass(frozen=True)
class SquashCropFlip:
    """Prompt-CAM's recipe: squash to a square of 240/224 the size, crop, flip."""

    image_size: int

    def __call__(self, sample: Sample) -> Sample:
        side = round(self.image_size * 240 / 224)
        height, width = sample.image.shape[-2:]
        sample = resample(sample, (0, 0, width, height), side, side)
        return _maybe_flip(_random_cut(sample, self.image_size))


@dataclass(frozen=True)
class ResizeCropFlip:
    """Shorter side to 256/224 of the size, crop, flip: the usual light augmentation."""

    image_size: int

    def __call__(self, sample: Sample) -> Sample:
        sample = shorter_side(sample, round(self.image_size * 256 / 224))
        return _maybe_flip(_random_cut(sample, self.image_size))


_AUGMENTATIONS = {
    "affine_crop_flip": AffineCropFlip,
    "resize_crop_flip": ResizeCropFlip,
    "squash_crop_flip": SquashCropFlip,
}
_AFFINE = v2.RandomAffine(90, translate=(0.2, 0.2), scale=(0.8, 1.2))


def _maybe_flip(sample: Sample) -> Sample:
    return flip(sample) if torch.rand(()) < 0.5 else sample


def _random_cut(sample: Sample, size: int) -> Sample:
    height, width = sample.image.shape[-2:]
    top, left = (int(torch.randint(0, side - size + 1, ())) for side in (height, width))
    return cut(sample, left, top, size)
