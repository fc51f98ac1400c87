"""Moves of a whole sample: pixels, masks, keypoints and box together.

Coordinates are continuous, pixel i covers [i, i + 1): a mirror takes x to W - x and a resize multiplies.
(torchvision's KeyPoints mirror as pixel indices, x to W - 1 - x, but resize as continuous coordinates: one pixel off.)
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import cos, radians, sin

import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as pixels

from .base import Sample

Window = tuple[int, int, int, int]


def resample(sample: Sample, window: Window, width: int, height: int) -> Sample:
    """Crop to ``window`` (x1, y1, x2, y2) and resize to ``width`` x ``height``.

    Bilinear with antialiasing, masks by nearest pixel centre. Where the window leaves the picture, the picture's edge
    repeats, so that x -> (x - x1) * width / (x2 - x1) holds for every window. ``sample.image`` may be None.
    """
    x1, y1, x2, y2 = window

    def image(tensor: Tensor) -> Tensor:
        return _resize(_crop(tensor, window), width, height, InterpolationMode.BILINEAR)

    def mask(tensor: Tensor) -> Tensor:
        return _resize(_crop(tensor, window), width, height, InterpolationMode.NEAREST_EXACT)

    def points(xy: Tensor) -> Tensor:
        return (xy - xy.new_tensor((x1, y1))) * xy.new_tensor((width, height)) / xy.new_tensor((x2 - x1, y2 - y1))

    return _move(sample, image, mask, points)


def flip(sample: Sample) -> Sample:
    """Mirror left and right. Parts keep their names: a left wing stays the bird's left wing."""
    width = sample.image.shape[-1]
    return _move(sample, pixels.horizontal_flip, pixels.horizontal_flip,
                 lambda xy: torch.stack([width - xy[..., 0], xy[..., 1]], -1))


def affine(sample: Sample, angle: float, translate: Sequence[float], scale: float) -> Sample:
    """Turn clockwise by ``angle`` degrees and scale, about the centre; then shift by pixels (x, y).

    Nearest pixel, black outside, as torchvision's ``RandomAffine`` does by default.
    """
    height, width = sample.image.shape[-2:]

    def image(tensor: Tensor) -> Tensor:
        return pixels.affine(tensor, angle, list(translate), scale, [0.0, 0.0], InterpolationMode.NEAREST, fill=0)

    def points(xy: Tensor) -> Tensor:
        c, s = scale * cos(radians(angle)), scale * sin(radians(angle))
        centre = xy.new_tensor((width / 2, height / 2))
        return (xy - centre) @ xy.new_tensor(((c, s), (-s, c))) + centre + xy.new_tensor(translate)

    return _move(sample, image, image, points)


def _move(sample: Sample, image: Callable, mask: Callable, points: Callable) -> Sample:
    def masks(tensor: Tensor | None) -> Tensor | None:
        if tensor is None:
            return None
        moved = mask(tensor.byte().reshape(-1, *tensor.shape[-2:]))
        return moved.bool().reshape(*tensor.shape[:-2], *moved.shape[-2:])

    return replace(
        sample,
        image=None if sample.image is None else image(sample.image),
        box=_hull(sample.box, points),
        keypoints=points(sample.keypoints),
        part_masks=masks(sample.part_masks),
        object_mask=masks(sample.object_mask),
    )


def _hull(box: tuple[float, ...], points: Callable) -> tuple[float, float, float, float]:
    """The upright box around the moved corners."""
    x, y, width, height = box
    corners = points(torch.tensor([[x, y], [x + width, y], [x, y + height], [x + width, y + height]]).double())
    (left, top), (right, bottom) = corners.amin(0).tolist(), corners.amax(0).tolist()
    return left, top, right - left, bottom - top


def _crop(tensor: Tensor, window: Window) -> Tensor:
    x1, y1, x2, y2 = window
    height, width = tensor.shape[-2:]
    if x1 >= 0 and y1 >= 0 and x2 <= width and y2 <= height:
        return tensor[..., y1:y2, x1:x2]
    rows = torch.arange(y1, y2).clamp(0, height - 1)
    columns = torch.arange(x1, x2).clamp(0, width - 1)
    return tensor[..., rows[:, None], columns]


def _resize(tensor: Tensor, width: int, height: int, mode: InterpolationMode) -> Tensor:
    return pixels.resize(tensor, [height, width], mode, antialias=mode is InterpolationMode.BILINEAR).contiguous()
