"""Occlusion agreement: does a method's evidence lie on the parts whose covering changes the model's answer?

The measure of planted evidence, on real images: a part cannot be taken out of a photograph, but a disc over its
keypoint can be blurred. Compare the single-deletion protocol of Hesse et al., "FunnyBirds: A Synthetic Vision Dataset
for a Part-Based Analysis of Explainable AI Methods", ICCV 2023.
"""

import torch
from torch import Tensor

from .base import CountedMean, counted_values
from .planted import rank_correlation

_FEWEST_PARTS = 3  # two parts have only two orders
_LACKING = f"occlusion_agreement needs an image with at least {_FEWEST_PARTS} parts on it"


def occlusion_agreement(evidence: Tensor, score_drop: Tensor, valid: Tensor) -> float:
    """Rank correlation of a method's evidence at each part with what the model loses when the part is covered.

    Per image, Spearman's correlation over its valid parts, with average ranks for ties; then the mean over images with
    at least three valid parts. Where all evidence or all drops are equal, the image counts 0.

    Args:
        evidence: [N, P], see :func:`disc_evidence`.
        score_drop: [N, P], log-probability of the target class on the image, minus that on the image with the part
            covered, see :func:`covered_parts`.
        valid: bool [N, P], see :func:`on_image`; the other entries are not looked at.

    Returns:
        A correlation in [-1, 1].

    Raises:
        ValueError: no image with three valid parts, a valid entry that is not finite, or shapes that do not belong
            together.
    """
    correlation = rank_correlation(evidence, score_drop, valid)
    return counted_values(correlation, _enough(valid), _LACKING).mean().item()


def on_image(keypoints: Tensor, visible: Tensor, height: int, width: int | None = None) -> Tensor:
    """Visible keypoints that lie on an image, which can be covered.

    Args:
        keypoints: [..., P, 2], (x, y) in the image's pixels.
        visible: bool [..., P].
        height, width: of the image, in pixels; square where no width is given.

    Returns:
        bool [..., P].

    Raises:
        ValueError: shapes that do not belong together.
    """
    if keypoints.shape != (*visible.shape, 2):
        raise ValueError("keypoints [..., P, 2] and visible [..., P] do not belong together: "
                         f"{list(keypoints.shape)}, {list(visible.shape)}")
    x, y = keypoints.unbind(-1)
    width = height if width is None else width
    return visible.bool() & (x >= 0) & (x < width) & (y >= 0) & (y < height)


def covered_parts(image: Tensor, substrate: Tensor, keypoints: Tensor, visible: Tensor, radius: float) -> Tensor:
    """The image once for each part on it, with a hard disc of the substrate over the part's keypoint.

    Args:
        image: [3, H, W].
        substrate: [3, H, W], what shows where the part was: the blurred image, see :func:`blurred`.
        keypoints: [P, 2], (x, y) in the image's pixels.
        visible: bool [P].
        radius: pixels; the disc is centred on the pixel that holds the keypoint, so that all discs are alike but those
            cut by the image's border. Keypoints in the same pixel give the same picture.

    Returns:
        [V, 3, H, W], for the V parts of :func:`on_image` in their order.

    Raises:
        ValueError: a negative radius, or shapes that do not belong together.
    """
    if image.ndim != 3 or image.shape != substrate.shape:
        raise ValueError("image and substrate must be [3, H, W] both: "
                         f"{list(image.shape)}, {list(substrate.shape)}")
    height, width = image.shape[1:]
    where = on_image(keypoints, visible, height, width)
    discs = _discs(keypoints[where], radius, height, width).to(image.device)
    return torch.where(discs[:, None], substrate.to(image), image)


def disc_evidence(saliency: Tensor, keypoints: Tensor, visible: Tensor, radius: float) -> Tensor:
    """Mean saliency on the disc that :func:`covered_parts` puts over each part.

    The mean and not the sum: a disc that the border cuts would have a smaller sum even of a map that is the same
    everywhere, and such a map, which says nothing about the parts, would not score 0.

    Args:
        saliency: [H, W], at the image's size. Values that span less than 1e-6 of the largest are taken as equal:
            enlarging a flat map leaves rounding noise, and ranks would see it.
        keypoints: [P, 2], (x, y) in the image's pixels.
        visible: bool [P].
        radius: pixels.

    Returns:
        float64 [P]; NaN for parts that are not on the image, and everywhere if saliency is not finite.

    Raises:
        ValueError: a negative radius, or shapes that do not belong together.
    """
    if saliency.ndim != 2:
        raise ValueError(f"saliency must be [H, W], got {list(saliency.shape)}")
    where = on_image(keypoints, visible, *saliency.shape).to(saliency.device)
    discs = _discs(keypoints.to(saliency.device)[where], radius, *saliency.shape)
    # Averaged above the minimum, so that equal values have equal means whatever the number of pixels.
    values = saliency.double()
    above = values - values.min()
    above = torch.zeros_like(above) if above.max() <= 1e-6 * values.abs().max() else above
    evidence = torch.full(where.shape, torch.nan, dtype=torch.float64, device=saliency.device)
    evidence[where] = values.min() + (above * discs).sum((1, 2)) / discs.sum((1, 2))
    return evidence


def _discs(keypoints: Tensor, radius: float, height: int, width: int) -> Tensor:
    """Pixels within ``radius`` of the pixel that holds each keypoint [V, 2]: bool [V, H, W]."""
    if radius < 0:
        raise ValueError(f"a disc needs a radius of 0 pixels or more, got {radius}")
    x, y = keypoints.floor().long().unbind(-1)
    across = (torch.arange(width, device=x.device) - x[:, None]).square()
    down = (torch.arange(height, device=y.device) - y[:, None]).square()
    return down[:, :, None] + across[:, None, :] <= radius**2


def _enough(valid: Tensor) -> Tensor:
    """Images [N] with enough parts for a rank correlation."""
    return valid.sum(1) >= _FEWEST_PARTS


class OcclusionAgreement(CountedMean):
    """Streaming :func:`occlusion_agreement`; keeps one number and one bit per image."""

    plot_lower_bound, plot_upper_bound = -1.0, 1.0
    lacking = _LACKING

    def update(self, evidence: Tensor, score_drop: Tensor, valid: Tensor, labels: Tensor) -> None:
        """Add images: as :func:`occlusion_agreement`, labels long [N] for the interval."""
        self.keep(labels, values=rank_correlation(evidence, score_drop, valid), counted=_enough(valid))
