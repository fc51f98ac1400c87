"""Prototypes on a patch grid: how near every patch is to each, which patches belong to which, what a region holds.

Feature maps are [B, D, h, w], part maps [B, K, h, w]. Everything here computes in fp32 whatever autocast says:
the differences of large squares that make a distance do not survive bf16.
"""

import torch
from torch import Tensor


def full_precision(like: Tensor) -> torch.autocast:
    """A context without autocast on the device of ``like``."""
    return torch.autocast(like.device.type, enabled=False)


def proximity(features: Tensor, prototypes: Tensor, bias: Tensor | None = None) -> Tensor:
    """Negative squared distance of every patch to every prototype, up to a constant per patch: one matrix product.

    The square of the feature is left out: it is the same for all prototypes, so a softmax or argmax over prototypes
    does not see it, and without it fp32 keeps more digits.

    Args:
        features: [B, D, h, w].
        prototypes: [K, D], or [B, K, D]: others on each image.
        bias: [K, h, w], added; None for none.

    Returns:
        2 e.q - |q|^2, fp32 [B, K, h, w].
    """
    with full_precision(features):
        prototypes = prototypes.float()
        offset = -prototypes.square().sum(-1)[..., None]
        if bias is not None:
            offset = offset + bias.float().flatten(1)
        # As a product of batches: matmul would first copy the patches into the order that it likes.
        per_image = (2 * prototypes).expand(len(features), -1, -1)
        return torch.baddbmm(offset, per_image, features.float().flatten(2)).unflatten(2, features.shape[2:])


def squared_distances(features: Tensor, prototypes: Tensor) -> Tensor:
    """Squared distance of every patch to every prototype, by the expanded square.

    Args:
        features: [B, D, h, w].
        prototypes: [K, D], or [B, K, D]: others on each image.

    Returns:
        fp32 [B, K, h, w], not negative.
    """
    with full_precision(features):
        # Distances do not change when both sides move; near the origin less is lost where the squares cancel.
        centre = prototypes.float().mean(-2, keepdim=True)
        features = features.float() - centre.transpose(-2, -1)[..., None]
        return (features.square().sum(1, keepdim=True) - proximity(features, prototypes.float() - centre)).relu()


def assign(features: Tensor, prototypes: Tensor, bias: Tensor | None = None, floor: float = 1e-6) -> Tensor:
    """Probability of each prototype at each patch: softmax over prototypes of proximity plus spatial bias.

    Args:
        features: [B, D, h, w].
        prototypes: [K, D].
        bias: [K, h, w], added inside the softmax so that maps stay distributions; None for none.
        floor: added to every probability before they are made to sum to one again, so that logarithms stay finite.

    Returns:
        fp32 [B, K, h, w], sums to one over K.
    """
    probabilities = proximity(features, prototypes, bias).softmax(1)
    return (probabilities + floor) / (1 + len(prototypes) * floor)


def regions(features: Tensor, maps: Tensor, hard: bool = True) -> tuple[Tensor, Tensor]:
    """Mean feature of each prototype's region, weighted by its map: one matrix product, no [B, D, K, h, w].

    Args:
        features: [B, D, h, w].
        maps: [B, K, h, w], non-negative.
        hard: the region is the patches where the prototype is the strongest (first one on ties); else all patches.

    Returns:
        Means, fp32 [B, K, D], zero for an empty region; and bool [B, K], the region is empty.
    """
    with full_precision(features):
        weights = maps.float().flatten(2)
        if hard:
            weights = weights * _strongest(weights.detach())
        total = weights.sum(2)
        empty = total == 0
        sums = weights @ features.float().flatten(2).transpose(1, 2)
        return sums / total.masked_fill(empty, 1.0)[..., None], empty


def _strongest(weights: Tensor) -> Tensor:
    """Whether a prototype is the strongest at a patch, the first one on ties: [B, K, L] -> bool [B, K, L].

    By maxima alone: an argmax over a dimension that is not the last takes a CPU many times as long.
    """
    rank = torch.arange(weights.shape[1], 0, -1, device=weights.device, dtype=weights.dtype)[:, None]
    standing = rank * (weights == weights.amax(1, keepdim=True))
    return standing == standing.amax(1, keepdim=True)


def fuse(means: Tensor, weights: Tensor) -> Tensor:
    """Weighted means of region features: [B, K, D] by weights [B, K, N] -> [B, N, D]; zero where no weight is left."""
    with full_precision(means):
        weights = weights.float()
        shares = weights / weights.sum(1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
        return shares.transpose(1, 2) @ means.float()


def group(maps: Tensor, shares: Tensor) -> Tensor:
    """Maps of many parts gathered into few: [B, K, h, w] by [B, K - 1, N] -> [B, N + 1, h, w], background last.

    Where every row of ``shares`` sums to one, the result sums to one per patch as ``maps`` does.
    """
    with full_precision(maps):
        gathered = shares.float().transpose(1, 2) @ maps[:, :-1].float().flatten(2)
        return torch.cat([gathered.unflatten(2, maps.shape[2:]), maps[:, -1:]], 1)
