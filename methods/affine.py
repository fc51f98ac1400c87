"""The random affine warp between two views, one for a batch or one for each image, and its inverse on part maps.

Used by the equivariance loss of PDiscoNet (van der Klis et al., ICCV 2023), PDiscoFormer and IVPT.
"""

from dataclasses import dataclass
from math import cos, radians, sin

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample
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

    def between(self, start: int, stop: int) -> "Affine":
        """The warp of images ``start`` to ``stop`` of the batch: the same."""
        return self


@dataclass(frozen=True)
class Affines:
    """A warp of its own for every image of a batch, as a store of views needs: images meet in another batch each epoch.

    Attributes:
        each: B warps.
    """

    each: tuple[Affine, ...]

    def apply(self, images: Tensor) -> Tensor:
        """Warped images [B, 3, H, W], see :meth:`Affine.apply`."""
        return torch.cat([one.apply(image[None]) for one, image in zip(self.each, images, strict=True)])

    def invert(self, maps: Tensor) -> Tensor:
        """Square maps [B, K, s, s] brought back, see :meth:`Affine.invert`; all of them at once."""
        shifts = [[1, 0, 2 * x, 0, 1, 2 * y] for x, y in (one.shift for one in self.each)]
        for thetas in (shifts, [_turn(one) for one in self.each]):
            grid = affine_grid(maps.new_tensor(thetas).view(-1, 2, 3), [len(maps), 1, *maps.shape[2:]], False)
            maps = grid_sample(maps, grid, "nearest", align_corners=False)
        return maps

    def between(self, start: int, stop: int) -> "Affines":
        """The warps of images ``start`` to ``stop`` of the batch."""
        return Affines(self.each[start:stop])


def _turn(one: Affine) -> list[float]:
    """Where a point of the result comes from, row by row: turned by the angle and scaled."""
    c, s = (one.scale * function(radians(one.angle)) for function in (cos, sin))
    return [c, -s, 0, s, c, 0]
