"""The random affine warp between two views of a batch, and its inverse on part maps.

Used by the equivariance loss of PDiscoNet (van der Klis et al., ICCV 2023), PDiscoFormer and IVPT.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2.functional import affine


@dataclass(frozen=True)
class Affine:
    """Rotation, translation and scale about the image centre.

    Attributes:
        angle: degrees, clockwise as torchvision counts.
        shift: (x, y), fractions of the image side.
        scale: factor.
    """

    angle: float
    shift: tuple[float, float]
    scale: float

    @classmethod
    def draw(cls, generator: torch.Generator | None = None) -> "Affine":
        """U(-90, 90) degrees, U(-0.11, 0.11) of the side per axis, scale U(0.8, 1.4): IVPT's public recipe."""
        angle, x, y, scale = torch.rand(4, generator=generator).tolist()
        return cls(180 * angle - 90, (0.22 * x - 0.11, 0.22 * y - 0.11), 0.8 + 0.6 * scale)

    def apply(self, images: Tensor) -> Tensor:
        """Warped images [B, 3, H, W]: bilinear, zeros outside (the mean colour of a normalised image)."""
        side = images.shape[-1]
        shift = [round(s * side) for s in self.shift]
        return affine(images, self.angle, shift, self.scale, [0.0], InterpolationMode.BILINEAR)

    def invert(self, maps: Tensor) -> Tensor:
        """Maps [B, K, h, w] of the warped view, brought back onto the clean view: shift back, then turn and scale."""
        side = maps.shape[-1]
        nearest = InterpolationMode.NEAREST
        back = affine(maps, 0.0, [-s * side for s in self.shift], 1.0, [0.0], nearest)
        return affine(back, -self.angle, [0, 0], 1 / self.scale, [0.0], nearest)
