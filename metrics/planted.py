"""Planted truth: does a method's evidence lie where the model's decision truly comes from?

On pictures that can be drawn again without a part, the part's true weight is known: what the model loses with it. The
comparison follows the single-deletion protocol of Hesse et al., "FunnyBirds: A Synthetic Vision Dataset for a
Part-Based Analysis of Explainable AI Methods", ICCV 2023.
"""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .base import CountedMean, counted_values

_FEWEST_PARTS = 3  # two parts have only two orders
_NO_PARTS = f"planted_evidence needs an image with at least {_FEWEST_PARTS} parts in view"
_NOT_SHOWN = "planted_saliency needs an image that shows a discriminative part"


def planted_evidence(evidence: Tensor, score_drop: Tensor, valid: Tensor) -> float:
    """Rank correlation of a method's evidence for each part with what the model truly loses without that part.

    Per image, Spearman's correlation over its valid parts, with average ranks for ties; then the mean over images with
    at least three valid parts. Where all evidence or all drops are equal, the image counts 0: a map that says nothing
    explains nothing.

    Args:
        evidence: [N, P], see :func:`part_evidence`.
        score_drop: [N, P], log-probability of the target class on the picture, minus that on the picture drawn again
            without the part. Ranks equal those of the probability, and do not saturate.
        valid: bool [N, P], the part has a pixel in the picture; the other entries are not looked at.

    Returns:
        A correlation in [-1, 1].

    Raises:
        ValueError: no image with three valid parts, a valid entry that is not finite, or shapes that do not belong
            together.
    """
    return counted_values(rank_correlation(evidence, score_drop, valid), _ranked(valid), _NO_PARTS).mean().item()


def planted_saliency(saliency: Tensor, part_masks: Tensor, discriminative: Tensor) -> float:
    """Share of the saliency that lies on the parts which tell the image's class from those nearest to it.

    Negative saliency counts as none; saliency without positive mass has a share of 0. Images that show no
    discriminative part are left out.

    Args:
        saliency: [N, h, w], resized bilinearly to the masks.
        part_masks: bool [N, P, H, W].
        discriminative: bool [N, P]. The discriminative parts of a class are those that tell it from the classes that
            differ from it in the fewest parts: every classifier has to look at one of them.

    Returns:
        A fraction in [0, 1].

    Raises:
        ValueError: no image that shows a discriminative part, saliency that is not finite, or shapes that do not
            belong together.
    """
    return counted_values(*discriminative_share(saliency, part_masks, discriminative), _NOT_SHOWN).mean().item()


def part_evidence(saliency: Tensor, part_masks: Tensor) -> Tensor:
    """Sum of saliency [N, h, w], resized bilinearly, over each of the part masks bool [N, P, H, W]: float64 [N, P].

    Raises:
        ValueError: shapes that do not belong together.
    """
    return torch.einsum("nhw,nphw->np", _resized(saliency, part_masks), part_masks.double())


def rank_correlation(evidence: Tensor, score_drop: Tensor, valid: Tensor) -> Tensor:
    """Spearman's correlation of each image's valid parts; see :func:`planted_evidence` for the arguments.

    Returns:
        float64 [N]: 0 where either side is constant, NaN where a valid entry is not finite.

    Raises:
        ValueError: shapes that do not belong together.
    """
    if not evidence.shape == score_drop.shape == valid.shape or valid.ndim != 2:
        raise ValueError(f"evidence, score_drop and valid must be [N, P] each: "
                         f"{list(evidence.shape)}, {list(score_drop.shape)}, {list(valid.shape)}")
    one, other = _centred_ranks(evidence, valid), _centred_ranks(score_drop, valid)
    spread = (one.square().sum(1) * other.square().sum(1)).sqrt()
    correlation = ((one * other).sum(1) / spread).clamp(-1, 1).where(spread > 0, 0)
    broken = (valid & ~(evidence.isfinite() & score_drop.isfinite())).any(1)
    return correlation.masked_fill(broken, torch.nan)


def discriminative_share(saliency: Tensor, part_masks: Tensor, discriminative: Tensor) -> tuple[Tensor, Tensor]:
    """Each image's share of saliency on discriminative parts; see :func:`planted_saliency` for the arguments.

    Returns:
        float64 [N], NaN where saliency is not finite; and bool [N], the image shows a discriminative part.

    Raises:
        ValueError: shapes that do not belong together.
    """
    mass = _resized(saliency.clamp(min=0), part_masks)
    if discriminative.shape != part_masks.shape[:2]:
        raise ValueError(f"part_masks {list(part_masks.shape)} need discriminative [N, P], "
                         f"got {list(discriminative.shape)}")
    where = (part_masks & discriminative[:, :, None, None]).any(1)
    total = mass.sum((1, 2))
    shares = ((mass * where).sum((1, 2)) / total).where(total != 0, 0)
    finite = saliency.isfinite().flatten(1).all(1)
    return shares.masked_fill(~finite, torch.nan), where.flatten(1).any(1)


def _centred_ranks(values: Tensor, valid: Tensor) -> Tensor:
    """Average ranks [N, P] among the valid entries, minus their mean; 0 elsewhere. Halves, so exact."""
    values = values.double().where(valid, 0)
    below = ((values[:, None, :] < values[:, :, None]) & valid[:, None, :]).sum(2)
    equal = ((values[:, None, :] == values[:, :, None]) & valid[:, None, :]).sum(2)
    parts = valid.sum(1, keepdim=True)
    return (below + (equal - parts).double() / 2).where(valid, 0)


def _ranked(valid: Tensor) -> Tensor:
    """Images [N] with enough parts for a rank correlation."""
    return valid.sum(1) >= _FEWEST_PARTS


def _resized(saliency: Tensor, part_masks: Tensor) -> Tensor:
    if saliency.ndim != 3 or part_masks.ndim != 4 or len(saliency) != len(part_masks):
        raise ValueError(f"saliency [N, h, w] and part_masks [N, P, H, W] do not belong together: "
                         f"{list(saliency.shape)}, {list(part_masks.shape)}")
    if not len(saliency):
        return saliency.new_zeros(0, *part_masks.shape[2:], dtype=torch.float64)
    size = tuple(part_masks.shape[2:])
    return interpolate(saliency.double()[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]


class PlantedEvidence(CountedMean):
    """Streaming :func:`planted_evidence`."""

    plot_lower_bound, plot_upper_bound = -1.0, 1.0
    lacking = _NO_PARTS

    def update(self, evidence: Tensor, score_drop: Tensor, valid: Tensor, labels: Tensor) -> None:
        """Add images: as :func:`planted_evidence`, labels long [N] for the interval."""
        self.keep(labels, values=rank_correlation(evidence, score_drop, valid), counted=_ranked(valid))


class PlantedSaliency(CountedMean):
    """Streaming :func:`planted_saliency`."""

    lacking = _NOT_SHOWN

    def update(self, share: Tensor, counted: Tensor, labels: Tensor) -> None:
        """Add images: share [N] and counted bool [N] of :func:`discriminative_share`, labels long [N]."""
        self.keep(labels, values=share.double(), counted=counted)
