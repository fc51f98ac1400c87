"""Keypoints follow their pixels: a dot is drawn at a keypoint, the sample is transformed, the dot is found again."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ..augment import augmentation, augmentations
from ..base import Sample
from ..views import view
from .look import Look, want

_VIEWS = ("box", "full")
_LARGEST_ERROR = 1.0  # pixels of the transformed picture
_HALF_DOT = 1.5  # pixels of the transformed picture

Transform = Callable[[Sample], Sample]


def follow_pixels(look: Look) -> None:
    """A dot at a visible keypoint is still under it after every view and augmentation, and ``visible`` is as it was.

    Keypoints whose dot the transform moves over an edge are not asked.
    """
    transforms = {f"view {name}": view(name, look.image_size) for name in _VIEWS}
    transforms |= {f"augmentation {name}": augmentation(name, look.image_size) for name in augmentations()}
    for number, ((split, i), sample) in enumerate(look.samples.items()):
        parts = sample.visible.nonzero().flatten().roll(number)[:3]  # one a colour channel
        for name, transform in transforms.items():
            where = f"{split}[{i}] under {name}"
            with torch.random.fork_rng(devices=[]):
                moved = _seeded(transform, sample, number)
                want(moved.visible.equal(sample.visible), f"{where} shows other parts than before")
                want(moved.image.shape == (3, look.image_size, look.image_size), f"{where} is {moved.image.shape}")
                for part, error in _errors(sample, parts, transform, number).items():
                    want(error < _LARGEST_ERROR, f"the keypoint '{look.dataset.parts[part]}' of {where} "
                                                 f"is {error:.1f} pixels off its dot")


def _seeded(transform: Transform, sample: Sample, seed: int) -> Sample:
    torch.manual_seed(seed)
    return transform(sample)


def _errors(sample: Sample, parts: Tensor, transform: Transform, seed: int) -> dict[int, float]:
    """Part -> distance between keypoint and dot, for those whose dot stays in the picture."""
    if not len(parts):
        return {}
    # Whole dots have their centre at a pixel's centre, so that is where the keypoint is put.
    points = sample.keypoints[parts].floor() + 0.5
    blank = replace(sample, image=torch.zeros_like(sample.image), keypoints=points, visible=sample.visible[parts],
                    part_masks=None, object_mask=None)
    steps = points.new_tensor(((0, 0), (1, 0), (0, 1)))
    probe = _seeded(transform, replace(blank, keypoints=(points[:, None] + steps).flatten(0, 1)), seed).keypoints
    probe = probe.view(-1, 3, 2)
    scale = (probe[:, 1:] - probe[:, :1]).norm(dim=-1).clamp(min=1e-3)  # [parts, 2]: of a step along x, along y
    half = (_HALF_DOT / scale).ceil()
    drawn = [_draw(blank.image[channel], points[channel], half[channel]) for channel in range(len(parts))]
    moved = _seeded(transform, blank, seed)
    reach = (half * scale).norm(dim=-1) + 1
    size = moved.image.shape[-1]
    return {int(part): _distance(moved.image[channel], moved.keypoints[channel])
            for channel, part in enumerate(parts) if drawn[channel]
            and (moved.keypoints[channel] > reach[channel]).all()
            and (moved.keypoints[channel] < size - reach[channel]).all()}


def _draw(pixels: Tensor, point: Tensor, half: Tensor) -> bool:
    """A white dot on [H, W]; False where it would touch an edge, which views repeat beyond the picture."""
    height, width = pixels.shape
    (left, top), (right, bottom) = (point - half).int().tolist(), (point + half).int().tolist()
    if left < 1 or top < 1 or right >= width - 1 or bottom >= height - 1:
        return False
    pixels[top:bottom + 1, left:right + 1] = 255
    return True


def _distance(pixels: Tensor, point: Tensor) -> float:
    """From ``point`` to the centre of mass of [H, W]; infinite where all is black."""
    weight = pixels.double()
    if not weight.any():
        return float("inf")
    y, x = (torch.arange(side) + 0.5 for side in weight.shape)
    centre = torch.stack([(weight * x).sum(), (weight * y[:, None]).sum()]) / weight.sum()
    return (centre - point).norm().item()
