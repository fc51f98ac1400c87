"""Explanations that know nothing of the image: what consistency is worth without any merit."""

import torch
from torch import Tensor


def random_peaks(n: int, k: int, seed: int, image_size: int = 224) -> Tensor:
    """Uniform peaks, long [n, k, 2], (x, y) in 0 .. image_size - 1."""
    return torch.randint(image_size, (n, k, 2), generator=torch.Generator().manual_seed(seed))


def centre_peak(image_size: int = 224) -> tuple[int, int]:
    """The canvas's middle, (x, y)."""
    return image_size // 2, image_size // 2


def best_constant_peak(keypoints: Tensor, visible: Tensor, labels: Tensor, half_size: int = 36, image_size: int = 224,
                       threshold: float = 0.8, min_visible: int = 1) -> tuple[tuple[int, int], float]:
    """The one position whose consistency is highest when every image peaks there; tries them all.

    Fit it on training images and score it on test images like any other explanation.

    Args:
        keypoints: [N, P, 2], (x, y) on the canvas; truncated toward zero.
        visible: bool [N, P].
        labels: long [N].
        half_size, image_size: of :func:`part_hits`.
        threshold, min_visible: of :func:`consistency`.

    Returns:
        ((x, y), consistency on these images); ties go to the first in raster order.

    Raises:
        ValueError: no image.
    """
    if not len(labels):
        raise ValueError("best_constant_peak needs at least one image")
    keypoints, visible, labels = keypoints.cpu(), visible.cpu().bool(), labels.cpu()
    points = torch.where(visible[..., None], keypoints, 0).long()
    # Keypoints off the canvas are in no region, but count as shown.
    inside = visible & ((points >= 0) & (points <= image_size)).all(-1)
    consistent = torch.zeros(image_size, image_size, dtype=torch.long)
    classes = labels.unique()
    for label in classes:
        of = labels == label
        shown = visible[of].sum(0)[:, None, None]
        share = _coverage(points[of], inside[of], half_size, image_size) / shown.clamp(min=1)
        consistent += ((share >= threshold) & (shown >= min_visible)).any(0)
    best = int(consistent.flatten().argmax())
    return (best % image_size, best // image_size), consistent.max().item() / len(classes)


def _coverage(points: Tensor, inside: Tensor, half_size: int, image_size: int) -> Tensor:
    """For each part and position, keypoints that a peak there would hit: float64 [P, image_size, image_size].

    A keypoint is hit from every peak within half_size on both axes. The four corners of that square are marked and
    two running sums fill it.
    """
    part = torch.arange(points.shape[1]).expand(len(points), -1)[inside]
    x, y = points[inside].unbind(-1)
    marks = torch.zeros(points.shape[1], image_size + 1, image_size + 1)
    for row, row_sign in ((y - half_size, 1.0), (y + half_size + 1, -1.0)):
        for column, sign in ((x - half_size, row_sign), (x + half_size + 1, -row_sign)):
            at = part, row.clamp(0, image_size), column.clamp(0, image_size)
            marks.index_put_(at, torch.tensor(sign), accumulate=True)
    return marks.cumsum(1).cumsum(2)[:, :-1, :-1].double()
