"""Insertion and deletion: does the saliency map rank the pixels that the model uses?

Petsiuk et al., "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018. Both curves of many
images in few forward passes: :mod:`.paired_curves`.
"""

from collections.abc import Callable
from math import inf

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .base import ImageMetric
from .pixel_order import pixel_ranks, replaced_pixels
from .substrates import blur

Predict = Callable[[Tensor], Tensor]
_BATCH = 64  # perturbed images given to the model at once


@torch.no_grad()
def perturbation_curve(predict: Predict, image: Tensor, saliency: Tensor, target: int, steps: int = 50,
                       mode: str = "deletion", substrate: Tensor | None = None,
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
        ValueError: unknown mode, no step, a target that predict has no column for, a probability that is not finite,
            or shapes that do not belong together.
    """
    if image.ndim != 3 or saliency.shape != image.shape[1:]:
        raise ValueError(f"image [3,H,W] and saliency [H,W] do not belong together: "
                         f"{list(image.shape)}, {list(saliency.shape)}")
    start, finish = _ends(image, mode, substrate)
    rank = pixel_ranks(saliency[None])[0].to(image.device)
    replaced = replaced_pixels(rank.numel(), steps, step_pixels).to(image.device)
    points = []
    for some in replaced.split(_BATCH):
        pictures = torch.where(rank < some[:, None, None, None], finish, start)
        points.append(followed(predict(pictures), torch.full((len(some),), int(target))))
    return torch.cat(points)


def _ends(image: Tensor, mode: str, substrate: Tensor | None) -> tuple[Tensor, Tensor]:
    if mode not in ("deletion", "insertion"):
        raise ValueError(f"mode must be 'deletion' or 'insertion', got {mode!r}")
    if substrate is None:
        substrate = torch.zeros_like(image) if mode == "deletion" else blur(image[None])[0]
    if substrate.shape != image.shape:
        raise ValueError(f"image and substrate must be [3,H,W] both: {list(image.shape)}, {list(substrate.shape)}")
    substrate = substrate.to(image)
    return (image, substrate) if mode == "deletion" else (substrate, image)


def followed(probabilities: Tensor, targets: Tensor) -> Tensor:
    """The targets' probabilities: [B, C] and long [B] -> [B].

    Raises:
        ValueError: a target without a column, a probability that is not finite, or shapes that do not belong together.
    """
    if probabilities.ndim != 2 or len(probabilities) != len(targets):
        raise ValueError(f"predict must give [{len(targets)}, C] for {len(targets)} images, "
                         f"got {list(probabilities.shape)}")
    if targets.min() < 0 or targets.max() >= probabilities.shape[1]:
        raise ValueError(f"targets reach from {targets.min()} to {targets.max()}, "
                         f"predict gives {probabilities.shape[1]} classes")
    found = probabilities.gather(1, targets.to(probabilities.device)[:, None])[:, 0]
    if not found.isfinite().all():
        raise ValueError(f"predict gave {found[~found.isfinite()][0]} as the probability of a target")
    return found


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


class Insertion(ImageMetric):
    """Mean area under insertion curves; keeps one number per image."""

    states = ("areas",)

    def update(self, curve: Tensor, labels: Tensor) -> None:
        """Add images: curve [N, S + 1], see :func:`fidelity_curves`, labels long [N] for the interval.

        Raises:
            ValueError: shapes that do not belong together.
        """
        self.keep(labels, areas=_areas(curve))

    def image_values(self) -> tuple[Tensor, Tensor]:
        areas, labels = self.gathered("areas"), self.gathered("labels")
        return _finite(areas), labels


class Deletion(Insertion):
    """Mean area under deletion curves: lower is better."""

    higher_is_better = False


class InsertionNormalised(ImageMetric):
    """Mean area under insertion curves, each divided by the probability of the clean image; two numbers per image.

    Compares methods whose probabilities are of different temperature. An image whose clean probability is 0 has no such
    curve and does not count; nor is there anything to hold a curve against where the class followed is not one that the
    model sees, so follow the predicted class.
    """

    plot_upper_bound = inf
    states = ("areas", "clean")
    clean_point = -1

    def update(self, curve: Tensor, labels: Tensor) -> None:
        """Add images: curve [N, S + 1], see :func:`fidelity_curves`, labels long [N] for the interval.

        Raises:
            ValueError: shapes that do not belong together.
        """
        self.keep(labels, areas=_areas(curve), clean=curve[:, self.clean_point].double())

    def image_values(self) -> tuple[Tensor, Tensor]:
        areas, clean, labels = map(self.gathered, ("areas", "clean", "labels"))
        counted = clean != 0
        if not counted.any():
            raise ValueError("the clean image's probability is 0 on every image: nothing to divide by")
        return _finite(areas[counted] / clean[counted]), labels[counted]


class DeletionNormalised(InsertionNormalised):
    """Mean area under deletion curves, each divided by the probability of the clean image: lower is better."""

    higher_is_better = False
    clean_point = 0


def _areas(curve: Tensor) -> Tensor:
    if curve.ndim != 2:
        raise ValueError(f"curve must be [N, S + 1], got {list(curve.shape)}")
    return auc(curve.double())


def _finite(values: Tensor) -> Tensor:
    if not values.isfinite().all():
        raise ValueError("a curve is not finite on some image")
    return values
