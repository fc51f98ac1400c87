"""Losses that shape part maps without labels.

Maps are [B, K, h, w] with a distribution over K at every patch; "parts" are maps without the background. Each loss
is a scalar. Sources: PDiscoNet (van der Klis et al., ICCV 2023), PDiscoFormer (Aniraj et al., ECCV 2024) and IVPT
(Wang et al., ICLR 2026), which shares them.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, cosine_similarity, normalize

from .across import gathered
from .affine import Affine, Affines


def _smooth(maps: Tensor) -> Tensor:
    """3x3 means without padding, so that one lone patch does not count as presence; smaller on a grid below 3x3."""
    return avg_pool2d(maps, [min(3, side) for side in maps.shape[-2:]], stride=1)


def _mean_over_parts(values: Tensor, weights: Tensor | None) -> Tensor:
    return values.mean(-1) if weights is None else values @ weights


def presence(parts: Tensor, weights: Tensor | None = None) -> Tensor:
    """Each part should be clearly there on some image of the batch: one minus the mean over parts of its peak.

    Args:
        parts: [B, K, h, w].
        weights: [K], sum to one, of a weighted mean over parts; None: they weigh the same.
    """
    return 1 - _mean_over_parts(gathered(_smooth(parts)).amax((0, 2, 3)), weights)


def background_presence(background: Tensor) -> Tensor:
    """The background should be there on every image, the nearer to a corner the better: minus the log of its peak.

    Args:
        background: [B, h, w].
    """
    pooled = _smooth(background[:, None])[:, 0]
    y, x = (torch.linspace(-1, 1, side, device=pooled.device).square() for side in pooled.shape[1:])
    distance = y[:, None] + x
    return -(pooled * (distance / distance.max())).amax((1, 2)).clamp_min(1e-12).log().mean()


def entropy(maps: Tensor) -> Tensor:
    """Each patch should belong to one prototype: mean entropy per patch in nats."""
    return torch.special.entr(maps.clamp(1e-6, 1)).sum(1).mean()


def total_variation(maps: Tensor) -> Tensor:
    """Regions should be of one piece: absolute differences between neighbours, per image and patch, over all K."""
    steps = maps.diff(dim=2).abs().sum() + maps.diff(dim=3).abs().sum()
    return steps / (maps[:, 0].numel())


def equivariance(parts: Tensor, warped: Tensor, affine: Affine | Affines, weights: Tensor | None = None) -> Tensor:
    """Parts should move with the image: one minus the mean cosine of each map and its counterpart brought back.

    Content that the warp pushed out of the frame counts as a difference, as in the public code.

    Args:
        parts: [B, K, h, w] of the images.
        warped: [B, K, h, w] of the images under ``affine``.
        affine: the warp, or that of each image.
        weights: [K], as of :func:`presence`.
    """
    cosines = cosine_similarity(parts.flatten(2), affine.invert(warped).flatten(2), dim=2)
    return 1 - _mean_over_parts(cosines, weights).mean()


def orthogonality(features: Tensor) -> Tensor:
    """Concepts should differ: mean squared deviation of their cosines from the identity matrix.

    Args:
        features: [B, N, D].
    """
    unit = normalize(features, dim=2)
    cosines = unit @ unit.transpose(1, 2)
    return (cosines - torch.eye(cosines.shape[1], device=cosines.device)).square().mean()
