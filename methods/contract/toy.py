"""Pictures of two classes that differ in one corner: a red or a green square on grey noise."""

import torch
from torch import Tensor

from ..backbone import Backbone
from ..base import Batch
from .backbones import likeness_backbone

PATCH, SIDE = 8, 32
_NOISE = 0.3
_COLOURS = torch.tensor([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0]])


def corner_pictures(images: int, seed: int) -> Batch:
    """Pictures [N, 3, 32, 32], already normalised, with labels 0 and 1 in turn; the top-left patch tells them apart.

    The noise is new in every patch: nothing but the squares comes back from one picture to the next.
    """
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(images) % 2
    pictures = _NOISE * torch.randn(images, 3, SIDE, SIDE, generator=generator)
    pictures[:, :, :PATCH, :PATCH] += _COLOURS[labels, :, None, None]
    return Batch(pictures, labels, tuple(f"picture {i}" for i in range(images)))


def corner_backbone() -> Backbone:
    """A backbone that a coloured square stands out to."""
    return likeness_backbone(PATCH, SIDE, _COLOURS[:, :, None, None].expand(-1, -1, PATCH, PATCH))


def share_in_the_corner(saliency: Tensor) -> float:
    """Share of maps [N, h, w] whose first maximum lies on the square."""
    height, width = saliency.shape[1:]
    first = saliency.flatten(1).argmax(1)
    y, x = first // width, first % width
    return ((y + 0.5) * SIDE / height < PATCH).logical_and((x + 0.5) * SIDE / width < PATCH).float().mean().item()
