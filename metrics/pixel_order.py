"""The order in which pixels are replaced, the most salient first, and how many at each step."""

import torch
from torch import Tensor


def pixel_ranks(saliency: Tensor) -> Tensor:
    """Place of each pixel in the order of replacement: saliency [B, H, W] -> long [B, H, W].

    Ties go in raster order; a map with a value that is not finite ranks no pixel above another, so that raster order is
    all there is.
    """
    usable = saliency.isfinite().flatten(1).all(1)
    order = saliency.where(usable[:, None, None], 0).flatten(1).argsort(dim=1, descending=True, stable=True)
    places = torch.arange(order.shape[1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places).view_as(saliency)


def replaced_pixels(pixels: int, steps: int, step_pixels: int | None = None) -> Tensor:
    """Pixels replaced at each point of a curve: long [S + 1], from none to all.

    Args:
        pixels: of the image.
        steps: point i has round(i * pixels / steps) replaced.
        step_pixels: instead of ``steps``: point i has min(i * step_pixels, pixels) replaced.

    Raises:
        ValueError: no step.
    """
    if (step_pixels if step_pixels is not None else steps) < 1:
        raise ValueError("a curve needs at least one step of at least one pixel")
    if step_pixels is None:
        return torch.tensor([round(i * pixels / steps) for i in range(steps + 1)])
    return torch.tensor([min(i * step_pixels, pixels) for i in range(-(-pixels // step_pixels) + 1)])
