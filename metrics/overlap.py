"""Foreground and background IoU: do all parts together cover the object, and the background the rest?

Aniraj et al., "PDiscoFormer: Relaxing Part Discovery Constraints with Vision Transformers", ECCV 2024: both ratios are
taken over the pixels of the whole data set, not per image.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .base import ClassMetric, sum_by_class

_BROKEN = -1  # every count of an image whose maps are not finite


def foreground_iou(part_maps: Tensor, background: Tensor | None, masks: Tensor) -> tuple[float, float]:
    """Intersection over union of predicted and annotated object, and of what surrounds them.

    Args:
        part_maps: [N, K, h, w].
        background: [N, h, w]; the map that all parts together are held against.
        masks: bool [N, H, W], the object's pixels.

    Returns:
        The object's IoU and the background's, fractions in [0, 1] over the pixels of all images; 0 where the union is
        empty.

    Raises:
        ValueError: no background, no image, maps that are not finite, or shapes that do not belong together.
    """
    overlap = _finite(mask_overlap(part_maps, background, masks))
    return tuple(float(_iou(overlap.sum(0).double().cpu().numpy(), own)) for own in (0, 3))


@torch.no_grad()
def mask_overlap(part_maps: Tensor, background: Tensor | None, masks: Tensor) -> Tensor:
    """How many pixels of each image are object by prediction and by annotation.

    Maps are enlarged bilinearly to the masks (align_corners=True, unlike everywhere else). A pixel is predicted object
    where the strongest map is a part's, ties included. One image is enlarged at a time.

    Args:
        part_maps, background, masks: see :func:`foreground_iou`.

    Returns:
        long [N, 4]: pixels of both, of the prediction alone, of the mask alone, of neither; all -1 where a map is not
        finite.

    Raises:
        ValueError: no background, or shapes that do not belong together.
    """
    if background is None:
        raise ValueError("foreground and background need a method with a background map; this one has none")
    if (part_maps.ndim != 4 or not part_maps.shape[1] or masks.ndim != 3 or len(masks) != len(part_maps)
            or background.shape != (len(part_maps), *part_maps.shape[2:])):
        raise ValueError("part_maps [N,K,h,w], background [N,h,w] and masks [N,H,W] do not belong together: "
                         f"{list(part_maps.shape)}, {list(background.shape)}, {list(masks.shape)}")
    counts = [_counted(*image) for image in zip(part_maps, background, masks.bool(), strict=True)]
    return torch.stack(counts) if counts else torch.zeros(0, 4, dtype=torch.long, device=masks.device)


def _counted(part_maps: Tensor, background: Tensor, mask: Tensor) -> Tensor:
    maps = torch.cat([part_maps.float(), background.float()[None]])
    if not maps.isfinite().all():
        return torch.full((4,), _BROKEN, device=mask.device)
    maps = interpolate(maps[None], size=tuple(mask.shape), mode="bilinear", align_corners=True)[0]
    predicted = (maps[:-1].amax(0) >= maps[-1]).to(mask.device)
    return torch.stack([some.sum() for some in (predicted & mask, predicted & ~mask, ~predicted & mask,
                                                ~predicted & ~mask)])


def _finite(overlap: Tensor) -> Tensor:
    if not len(overlap):
        raise ValueError("foreground and background IoU need at least one image")
    if (overlap < 0).any():
        raise ValueError("a part map or background is not finite on some image")
    return overlap


def _iou(overlap: np.ndarray, own: int) -> np.ndarray:
    """IoU of counts [..., 4] of :func:`mask_overlap`; ``own`` is 0 for the object, 3 for the background."""
    union = overlap[..., own] + overlap[..., 1] + overlap[..., 2]
    return overlap[..., own] / np.maximum(union, 1)


class ForegroundIoU(ClassMetric):
    """Streaming :func:`foreground_iou`, the object's; keeps four integers per image."""

    states = ("overlap",)
    own = 0

    def update(self, overlap: Tensor, labels: Tensor) -> None:
        """Add images: overlap long [N, 4] of :func:`mask_overlap`, labels long [N] for the interval.

        Raises:
            ValueError: shapes that do not belong together.
        """
        if overlap.ndim != 2 or overlap.shape[1] != 4:
            raise ValueError(f"overlap must be [N, 4], got {list(overlap.shape)}")
        self.keep(labels, overlap=overlap)

    def score(self) -> float:
        overlap = _finite(self.gathered("overlap"))
        return float(_iou(overlap.sum(0).double().cpu().numpy(), self.own))

    def class_sums(self) -> tuple[Tensor, Tensor, Tensor]:
        overlap, labels = _finite(self.gathered("overlap")), self.gathered("labels")
        shared, union = overlap[:, self.own], overlap[:, [self.own, 1, 2]].sum(1)
        return sum_by_class(labels, shared)[0], sum_by_class(labels, union)[0], labels.unique()


class BackgroundIoU(ForegroundIoU):
    """Streaming :func:`foreground_iou`, the background's."""

    own = 3
