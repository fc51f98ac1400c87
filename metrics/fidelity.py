"""Insertion and deletion: does the saliency map rank the pixels that the model uses?

Petsiuk et al., "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .base import ClassMetric, class_sums
from .statistics import Resampled, ratio
from .substrates import blur

_BATCH = 64  # perturbed images given to the model at once


@torch.no_grad()
def perturbation_curve(predict: Callable[[Tensor], Tensor], image: Tensor, saliency: Tensor, target: int,
                       steps: int = 50, mode: str = "deletion", substrate: Tensor | None = None,
                       step_pixels: int | None = None) -> Tensor:
    """Probability of the target while pixels are replaced, the most salient first.

    Args:
        predict: images [B, 3, H, W] -> probabilities [B, C].
        image: [3, H, W], normalised.
        saliency: [H, W]. Ties are broken in raster order; a map with a value that is not finite ranks no pixel above
            another, so that raster order is all there is.
        target: class to follow.
        steps: point i has round(i * H * W / steps) pixels replaced.
        mode: ``deletion`` replaces the image by the substrate, ``insertion`` the substrate by the image.
        substrate: [3, H, W]; None: zeros for deletion, the image under RISE's blur (zero padding) for insertion.
        step_pixels: instead of ``steps``: point i has min(i * step_pixels, H * W) pixels replaced.

    Returns:
        [S + 1], from the untouched start to the complete end, on the image's device.

    Raises:
        ValueError: unknown mode, no step, or shapes that do not belong together.
    """
    if image.ndim != 3 or saliency.shape != image.shape[1:]:
        raise ValueError(f"image [3,H,W] and saliency [H,W] do not belong together: "
                         f"{list(image.shape)}, {list(saliency.shape)}")
    start, finish = _ends(image, mode, substrate)
    rank = _rank(saliency).to(image.device)
    replaced = _replaced(rank.numel(), steps, step_pixels).to(image.device)
    points = [predict(torch.where(rank < some[:, None, None, None], finish, start))[:, int(target)]
              for some in replaced.split(_BATCH)]
    return torch.cat(points)


def _ends(image: Tensor, mode: str, substrate: Tensor | None) -> tuple[Tensor, Tensor]:
    if mode not in ("deletion", "insertion"):
        raise ValueError(f"mode must be 'deletion' or 'insertion', got {mode!r}")
    if substrate is None:
        substrate = torch.zeros_like(image) if mode == "deletion" else blur(image[None])[0]
    substrate = substrate.to(image)
    return (image, substrate) if mode == "deletion" else (substrate, image)


def _rank(saliency: Tensor) -> Tensor:
    """Place of each pixel in the order of replacement: long [H, W]."""
    if not saliency.isfinite().all():
        saliency = torch.zeros_like(saliency)
    order = saliency.flatten().argsort(descending=True, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    return rank.view_as(saliency)


def _replaced(pixels: int, steps: int, step_pixels: int | None) -> Tensor:
    """Pixels replaced at each point: long [S + 1]."""
    if (step_pixels if step_pixels is not None else steps) < 1:
        raise ValueError("a curve needs at least one step of at least one pixel")
    if step_pixels is None:
        return torch.tensor([round(i * pixels / steps) for i in range(steps + 1)])
    return torch.tensor([min(i * step_pixels, pixels) for i in range(-(-pixels // step_pixels) + 1)])


def auc(curve: Tensor) -> Tensor:
    """Area under curves [..., S + 1] by the trapezoid rule with equal widths on [0, 1] -> [...].

    Widths are equal even where the last step replaced fewer pixels, as in RISE.

    Raises:
        ValueError: fewer than two points.
    """
    if curve.shape[-1] < 2:
        raise ValueError("a curve needs at least two points")
    return torch.trapezoid(curve) / (curve.shape[-1] - 1)


def upsample_saliency(saliency: Tensor, size: int) -> Tensor:
    """Saliency [B, h, w] on the pixels of a square image, bilinear (align_corners=False): float32 [B, size, size]."""
    return interpolate(saliency.float()[:, None], size=(size, size), mode="bilinear", align_corners=False)[:, 0]


class Insertion(ClassMetric):
    """Mean area under insertion curves; keeps one number per image."""

    states = ("areas",)

    def update(self, curve: Tensor, labels: Tensor) -> None:
        """Add images: curve [N, S + 1] of :func:`perturbation_curve`, labels long [N] for the interval."""
        self.keep(labels, areas=auc(curve.double()))

    def score(self) -> float:
        return self.gathered("areas").mean().item()

    def resampling(self) -> tuple[int, Resampled]:
        areas, images = class_sums(self.gathered("labels"), self.gathered("areas"))
        return len(areas), ratio(areas.cpu(), images.cpu())


class Deletion(Insertion):
    """Mean area under deletion curves: lower is better."""

    higher_is_better = False
