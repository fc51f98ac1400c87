"""Distinctiveness: do the concepts of an image look at different places?

Zhu et al., "Interpretable Image Classification via Non-parametric Part Prototype Learning", CVPR 2025. Consistency
rewards ten concepts on one spot; this does not.
"""

import torch
from torch import Tensor

from .base import CountedMean, counted_values

_LACKING = "distinctiveness needs an image with at least two peaks"
_PAIRS = 2**20  # pairs of peaks compared at once: bounds memory


def distinctiveness(peaks: Tensor, half_size: int = 36) -> float:
    """One minus the mean overlap of two regions of an image, averaged over images.

    Args:
        peaks: [N, K, 2], see :func:`peak_separation`.
        half_size: canvas pixels from a peak to its region's edge.

    Returns:
        A fraction in [0, 1].

    Raises:
        ValueError: no image with two peaks, not [N, K, 2], or regions without area.
    """
    values = peak_separation(peaks, half_size)
    return counted_values(values, ~values.isnan(), _LACKING).mean().item()


def peak_separation(peaks: Tensor, half_size: int = 36) -> Tensor:
    """One minus the mean IoU over all pairs of square regions around an image's peaks.

    Regions have a side of 2 * half_size and, as in the public code, may reach over the canvas's edge: how much two of
    them share depends on the distance between their peaks alone. Integer peaks; fractions are truncated toward zero.

    Args:
        peaks: [N, K, 2], (x, y) on the canvas; (-1, -1) is no peak and is left out.
        half_size: canvas pixels.

    Returns:
        float64 [N]; NaN for an image with fewer than two peaks.

    Raises:
        ValueError: not [N, K, 2], or regions without area.
    """
    if peaks.ndim != 3 or peaks.shape[2] != 2:
        raise ValueError(f"peaks must be [N, K, 2], got {list(peaks.shape)}")
    if half_size < 1:
        raise ValueError(f"regions need an area: half_size is {half_size}")
    one, other = torch.triu_indices(peaks.shape[1], peaks.shape[1], offset=1, device=peaks.device)
    chunks = peaks.long().split(max(1, _PAIRS // max(1, len(one))))
    return torch.cat([_separation(some, one, other, 2 * half_size) for some in chunks])


def _separation(peaks: Tensor, one: Tensor, other: Tensor, side: int) -> Tensor:
    found = (peaks >= 0).all(-1)
    compared = found[:, one] & found[:, other]
    shared = (side - (peaks[:, one] - peaks[:, other]).abs()).clamp(min=0).prod(-1)
    iou = shared.double() / (2 * side**2 - shared)
    return 1 - (iou * compared).sum(1) / compared.sum(1)


class Distinctiveness(CountedMean):
    """Streaming :func:`distinctiveness`; keeps one number and one bit per image."""

    lacking = _LACKING

    def update(self, peaks: Tensor, keypoints: Tensor, visible: Tensor, labels: Tensor, part_ids: Tensor) -> None:
        """Add images: peaks [N, K, 2] on the protocol's canvas, labels long [N] for the interval.

        Keypoints, visibility and part ids are what other metrics of peaks take; they change nothing here.
        """
        values = peak_separation(peaks, self.protocol.half_size)
        self.keep(labels, values=values, counted=~values.isnan())
