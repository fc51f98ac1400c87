"""Shallow-deep feature alignment: deep features should be alike where shallow ones are, so that they stay in place.

Huang et al., "Evaluation and Improvement of Interpretability for Self-Explainable Part-Prototype Networks",
ICCV 2023 (the SDFA module).
"""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, normalize

from .prototypes import full_precision


def space_to_depth(features: Tensor, grid: tuple[int, int]) -> Tensor:
    """Maps [B, C, H, W] on a coarser grid (h, w), each block of cells stacked: [B, C * H/h * W/w, h, w]."""
    height, width = grid
    # Networks without padding have sides that do not divide: pooled to the nearest that do. Others stay as they are.
    sides = [side * max(1, round(fine / side)) for fine, side in zip(features.shape[2:], grid, strict=True)]
    blocks = adaptive_avg_pool2d(features, sides).unflatten(3, (width, -1)).unflatten(2, (height, -1))
    return blocks.permute(0, 1, 3, 5, 2, 4).flatten(1, 3)


def similarity_rows(features: Tensor, cells: Tensor) -> Tensor:
    """Cosine of some cells of maps [B, D, h, w] with all: cells [B, K] in raster order -> fp32 [B, K, h*w]."""
    with full_precision(features):
        unit = normalize(features.float().flatten(2), dim=1)
        chosen = unit.gather(2, cells[:, None].expand(-1, unit.shape[1], -1))
        return chosen.transpose(1, 2) @ unit


def feature_alignment(shallow: Tensor, deep: Tensor, cells: Tensor, threshold: float) -> Tensor:
    """Mean excess over ``threshold`` of the difference between deep and shallow self-similarity.

    The shallow maps are a constant target. Only the rows of the similarity matrices that are compared are computed.

    Args:
        shallow: [B, Cs, Hs, Ws], at least as fine as the deep grid.
        deep: [B, Cd, h, w].
        cells: long [B, K], where the prototypes of the true class are strongest, in raster order of the deep grid.
        threshold: difference of cosines that costs nothing.

    Returns:
        A scalar with a gradient into ``deep`` alone.
    """
    target = similarity_rows(space_to_depth(shallow.detach(), tuple(deep.shape[2:])), cells)
    return torch.relu((similarity_rows(deep, cells) - target).abs() - threshold).mean()
