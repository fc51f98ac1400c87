"""Comprehensiveness: do the strongest concepts together cover the object, and nothing else?

Zhu et al., "Interpretable Image Classification via Non-parametric Part Prototype Learning", CVPR 2025.
"""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .base import CountedMean, counted_values

_LACKING = "comprehensiveness needs an image whose object mask has a pixel"


def comprehensiveness(part_maps: Tensor, masks: Tensor, maps: int = 5, threshold: float = 0.6) -> float:
    """Mean of :func:`part_cover`, which has the arguments, over the images that show an object.

    Returns:
        A fraction in [0, 1].

    Raises:
        ValueError: no image that shows an object, or as :func:`part_cover`.
    """
    values = part_cover(part_maps, masks, maps, threshold)
    return counted_values(values, ~values.isnan(), _LACKING).mean().item()


@torch.no_grad()
def part_cover(part_maps: Tensor, masks: Tensor, maps: int = 5, threshold: float = 0.6) -> Tensor:
    """IoU between the object and what the strongest maps of its image cover together.

    The strongest maps are those with the highest maxima, ties to the first. Each is enlarged bilinearly
    (align_corners=False) to the mask, and covers the pixels from ``threshold`` of its range upwards. A map that is flat
    or not finite covers nothing: it has no peak either, see :func:`peaks`. One image is enlarged at a time.

    Args:
        part_maps: [N, K, h, w].
        masks: bool [N, H, W], the object's pixels.
        maps: how many of the K maps, at most.
        threshold: share of a map's range, inclusive.

    Returns:
        float64 [N]; NaN where the mask is empty.

    Raises:
        ValueError: no map, a threshold outside (0, 1), or shapes that do not belong together.
    """
    if part_maps.ndim != 4 or masks.ndim != 3 or len(part_maps) != len(masks):
        raise ValueError("part_maps [N,K,h,w] and masks [N,H,W] do not belong together: "
                         f"{list(part_maps.shape)}, {list(masks.shape)}")
    if not part_maps.shape[1] or maps < 1 or not 0 < threshold < 1:
        raise ValueError(f"cover needs at least one map and a threshold in (0, 1): "
                         f"{min(maps, part_maps.shape[1])} maps, threshold {threshold}")
    covers = [_cover(image.float(), mask, maps, threshold) for image, mask in zip(part_maps, masks.bool(), strict=True)]
    return torch.tensor(covers, dtype=torch.float64, device=part_maps.device)


def _cover(part_maps: Tensor, mask: Tensor, maps: int, threshold: float) -> float:
    if not mask.any():
        return torch.nan
    low, high = part_maps.amin((1, 2)), part_maps.amax((1, 2))
    finite = low.isfinite() & high.isfinite()
    strongest = high.where(finite, -torch.inf).argsort(descending=True, stable=True)[:maps]
    varied = finite & (high - low >= 1e-6 * high.abs().clamp(min=1))
    chosen = part_maps[strongest[varied[strongest]]]
    if not len(chosen):
        return 0.0
    surface = interpolate(chosen[None], size=tuple(mask.shape), mode="bilinear", align_corners=False)[0]
    low, high = surface.amin((1, 2), keepdim=True), surface.amax((1, 2), keepdim=True)
    covered = ((surface - low) / (high - low) >= threshold).any(0).to(mask.device)
    return (covered & mask).sum().item() / (covered | mask).sum().item()


class Comprehensiveness(CountedMean):
    """Streaming :func:`comprehensiveness`; keeps one number and one bit per image."""

    lacking = _LACKING

    def update(self, cover: Tensor, labels: Tensor) -> None:
        """Add images: cover [N] of :func:`part_cover`, labels long [N] for the interval."""
        self.keep(labels, values=cover.double(), counted=~cover.isnan())
