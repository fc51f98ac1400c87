"""Where a part map is strongest, on the canvas that parts are scored on.

Huang et al., "Evaluation and Improvement of Interpretability for Self-Explainable Part-Prototype Networks",
ICCV 2023: the map is enlarged bicubically and its maximum taken.
"""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

_SURFACE_PIXELS = 128 * 224 * 224  # enlarged at once: about 26 MB, whatever the number of maps


@torch.no_grad()
def peaks(part_maps: Tensor, image_size: int = 224, near_constant: str = "none") -> Tensor:
    """First maximum in raster order of every map's fp32 bicubic surface (align_corners=False, no antialiasing).

    Args:
        part_maps: [N, K, h, w].
        image_size: side of the canvas in pixels.
        near_constant: ``none``: a map whose values span less than 1e-6 * max(1, |max|) has no peak, because rounding
            noise would place it; ``score``: such a map is searched too.

    Returns:
        long [N, K, 2], (x, y) in 0 .. image_size - 1; (-1, -1) where there is no peak. A map with a value that is not
        finite never has one.

    Raises:
        ValueError: not [N, K, h, w], or an unknown ``near_constant``.
    """
    if part_maps.ndim != 4 or not part_maps.shape[2] or not part_maps.shape[3]:
        raise ValueError(f"part_maps must be [N, K, h, w], got {list(part_maps.shape)}")
    if near_constant not in ("none", "score"):
        raise ValueError(f"near_constant must be 'none' or 'score', got {near_constant!r}")
    maps = part_maps.flatten(0, 1).float()
    chunk = max(1, _SURFACE_PIXELS // image_size**2)
    at = [_argmax(some, image_size) for some in maps.split(chunk)] if len(maps) else []
    position = torch.cat(at) if at else torch.zeros(0, dtype=torch.long, device=maps.device)
    found = torch.stack([position % image_size, position // image_size], -1)
    found[~_has_peak(maps, near_constant)] = -1
    return found.view(*part_maps.shape[:2], 2)


def _argmax(maps: Tensor, image_size: int) -> Tensor:
    surface = interpolate(maps[:, None], size=(image_size, image_size), mode="bicubic", align_corners=False)
    return surface.flatten(1).argmax(1)


def _has_peak(maps: Tensor, near_constant: str) -> Tensor:
    values = maps.flatten(1)
    finite = values.isfinite().all(1)
    if near_constant == "score" or not len(maps):
        return finite
    low, high = values.amin(1), values.amax(1)
    return finite & (high - low >= 1e-6 * high.abs().clamp(min=1))
