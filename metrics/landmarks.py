"""Keypoint regression: how well do the places of the found parts tell where the annotated ones are?

Huang & Li, "Interpretable and Accurate Fine-grained Recognition via Region Grouping", CVPR 2020; parts that are not
found by van der Klis et al., "PDiscoNet: Semantically consistent part discovery for fine-grained recognition",
ICCV 2023.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .base import ClassMetric, sum_by_class

_ACTIVE = 0.5  # a part is found where its map exceeds this somewhere
_ROUNDING = 1e-9  # a spread below this share of the box, or of the widest direction, is rounding and tells nothing
_STATES = ("centroids", "active", "keypoints", "visible", "boxes")


@torch.no_grad()
def part_centroids(part_maps: Tensor, image_size: int) -> tuple[Tensor, Tensor]:
    """Centre of mass of every part map, and whether the part is found at all.

    Args:
        part_maps: [N, K, h, w], probabilities; without the background.
        image_size: side of the canvas in pixels.

    Returns:
        float64 [N, K, 2], (x, y) on the canvas: the mean cell index, counted from 0, times the size of a cell, as in
        the public code, so half a cell up and left of the mass; NaN where the map sums to 0 or is not finite.
        bool [N, K], the map exceeds 0.5 somewhere and has a centre.

    Raises:
        ValueError: not [N, K, h, w], or maps without cells.
    """
    if part_maps.ndim != 4 or not part_maps.shape[2] or not part_maps.shape[3]:
        raise ValueError(f"part_maps must be [N, K, h, w], got {list(part_maps.shape)}")
    maps = part_maps.double()
    height, width = maps.shape[2:]
    mass = maps.sum((2, 3))
    across = (maps.sum(2) * torch.arange(width, device=maps.device)).sum(2) / mass * (image_size / width)
    down = (maps.sum(3) * torch.arange(height, device=maps.device)).sum(2) / mass * (image_size / height)
    found = across.isfinite() & down.isfinite()
    centroids = torch.stack([across, down], -1).masked_fill(~found[..., None], torch.nan)
    return centroids, found & (maps.amax((2, 3)) > _ACTIVE)


def keypoint_regression(train: Mapping[str, Tensor], test: Mapping[str, Tensor]) -> float:
    """Mean distance between annotated landmarks and those predicted linearly from the centres of the parts.

    Everything is measured in sizes of the object's box. For each landmark, least squares without intercept are fitted
    on the training images that show it, from the standardised centroids to the standardised landmark. A part that is
    not active says nothing: its standardised centroid is 0, though it counts in mean and deviation. Where the centroids
    do not determine the weights, the smallest weights are taken. The mean is over all landmarks shown on test images;
    a landmark that no training image shows is left out.

    Args:
        train: what is learnt from; its keys are

            - ``centroids``: [N, K, 2], (x, y) in pixels. One that is not finite stands for a part that is not active,
              at the middle of the box.
            - ``active``: bool [N, K], see :func:`part_centroids`.
            - ``keypoints``: [N, P, 2], (x, y) in pixels.
            - ``visible``: bool [N, P]; keypoints outside the picture must not be visible.
            - ``boxes``: [N, 4], (x, y, width, height) in pixels.

        test: what is scored, with the same keys, parts and landmarks.

    Returns:
        A fraction of the box's size, 0 or more; lower is better.

    Raises:
        ValueError: no landmark that is shown in both, a visible keypoint or a box that is not finite, a box without
            extent, or shapes that do not belong together.
    """
    errors = _errors(_Placed.of(train), _Placed.of(test))
    return errors[np.isfinite(errors)].mean().item()


@dataclass(frozen=True)
class _Placed:
    """Parts and landmarks of N images, relative to the object's box.

    Attributes:
        parts: float64 [N, 2K].
        active: bool [N, 2K].
        landmarks: float64 [N, P, 2]; 0 where not visible.
        visible: bool [N, P].
    """

    parts: np.ndarray
    active: np.ndarray
    landmarks: np.ndarray
    visible: np.ndarray

    @classmethod
    def of(cls, images: Mapping[str, Tensor]) -> "_Placed":
        centroids, active, keypoints, visible, boxes = (torch.as_tensor(images[key]).cpu().numpy() for key in _STATES)
        if (active.ndim != 2 or visible.ndim != 2 or centroids.shape != (*active.shape, 2) or boxes.shape != (
                len(active), 4) or keypoints.shape != (*visible.shape, 2) or len(active) != len(visible)):
            shapes = ", ".join(str(list(each.shape)) for each in (centroids, active, keypoints, visible, boxes))
            raise ValueError("centroids [N,K,2], active [N,K], keypoints [N,P,2], visible [N,P] and boxes [N,4] "
                             f"do not belong together: {shapes}")
        visible = visible.astype(bool)
        boxes = boxes.astype(np.float64)[:, None]
        if not (np.isfinite(boxes).all() and (boxes[..., 2:] > 0).all() and np.isfinite(keypoints[visible]).all()):
            raise ValueError("keypoint regression needs finite visible keypoints, and boxes with width and height")
        parts = (centroids - boxes[..., :2]) / boxes[..., 2:]
        placed = np.isfinite(parts).all(2, keepdims=True)
        active = np.broadcast_to(active.astype(bool)[..., None] & placed, parts.shape)
        landmarks = (np.where(visible[..., None], keypoints, boxes[..., :2]) - boxes[..., :2]) / boxes[..., 2:]
        pairs = len(active), 2 * active.shape[1]
        return cls(np.where(placed, parts, 0.5).reshape(pairs), active.reshape(pairs), landmarks, visible)


def _errors(train: _Placed, test: _Placed) -> np.ndarray:
    """Distance between each test landmark and its prediction: float64 [N, P]; NaN where there is none.

    Raises:
        ValueError: nothing to score, or other parts or landmarks than were learnt from.
    """
    if train.parts.shape[1] != test.parts.shape[1] or train.visible.shape[1] != test.visible.shape[1]:
        raise ValueError(f"learnt from {train.parts.shape[1] // 2} parts and {train.visible.shape[1]} landmarks, "
                         f"scored on {test.parts.shape[1] // 2} and {test.visible.shape[1]}")
    learnt = train.visible.any(0) & test.visible.any(0)
    if not learnt.any() or not train.parts.shape[1]:
        raise ValueError("keypoint regression needs a part, and a landmark that is visible both on an image that is "
                         "learnt from and on one that is scored")
    errors = np.full(test.visible.shape, np.nan)
    for landmark in np.flatnonzero(learnt):
        seen, asked = train.visible[:, landmark], test.visible[:, landmark]
        predicted = _regression(train.parts[seen], train.active[seen], train.landmarks[seen, landmark],
                                test.parts[asked], test.active[asked])
        errors[asked, landmark] = np.linalg.norm(predicted - test.landmarks[asked, landmark], axis=1)
    return errors


def _regression(parts: np.ndarray, active: np.ndarray, landmark: np.ndarray, asked: np.ndarray,
                asked_active: np.ndarray) -> np.ndarray:
    """The landmark [M, 2] on the asked images [M, 2K], learnt from parts [N, 2K] and landmark [N, 2]."""
    (middle, spread), (target, scale) = _standard(parts), _standard(landmark)
    known = np.where(active, (parts - middle) / spread, 0)
    # Few images span fewer directions than there are columns: what rounding adds must not decide, or their order would.
    weights, *_ = np.linalg.lstsq(known, (landmark - target) / scale, rcond=1e-10)
    return np.where(asked_active, (asked - middle) / spread, 0) @ weights * scale + target


def _standard(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each column; a column that does not vary keeps its scale."""
    deviation = columns.std(0)
    return columns.mean(0), np.where(deviation > _ROUNDING, deviation, 1)


class KeypointRegression(ClassMetric):
    """Streaming :func:`keypoint_regression`; keeps a few numbers per image.

    Its interval resamples the classes that are scored; what is learnt stays as it is.
    """

    higher_is_better = False
    plot_lower_bound, plot_upper_bound = 0.0, float("inf")
    states = (*_STATES, "fit")

    def update(self, centroids: Tensor, active: Tensor, keypoints: Tensor, visible: Tensor, boxes: Tensor,
               labels: Tensor, fit: Tensor) -> None:
        """Add images.

        Args:
            centroids, active: [N, K, 2] and [N, K] of :func:`part_centroids` on the protocol's canvas.
            keypoints: [N, P, 2], (x, y) on the canvas; those outside it are not scored.
            visible: bool [N, P].
            boxes: [N, 4], (x, y, width, height) on the canvas.
            labels: long [N].
            fit: bool [N], learn from the image; else score it.
        """
        inside = ((keypoints >= 0) & (keypoints < self.protocol.canvas)).all(-1)
        self.keep(labels, centroids=centroids.double(), active=active.bool(), keypoints=keypoints.double(),
                  visible=visible.bool() & inside, boxes=boxes.double(), fit=fit.bool())

    @property
    def images(self) -> int:
        """Number of images that are scored."""
        fit = self.fit if isinstance(self.fit, list) else [self.fit]
        return sum(int((~which).sum()) for which in fit)

    def score(self) -> float:
        errors = self._scored()[0]
        return errors[errors.isfinite()].mean().item()

    def class_sums(self) -> tuple[Tensor, Tensor, Tensor]:
        errors, labels = self._scored()
        sums, _ = sum_by_class(labels, errors.nansum(1))
        landmarks, _ = sum_by_class(labels, errors.isfinite().sum(1))
        return sums, landmarks, labels.unique()

    def _scored(self) -> tuple[Tensor, Tensor]:
        """Errors float64 [M, P] and labels long [M] of the images that are scored."""
        fit = self.gathered("fit")
        kept = {name: self.gathered(name) for name in _STATES}
        train, test = (_Placed.of({name: value[which] for name, value in kept.items()}) for which in (fit, ~fit))
        return torch.from_numpy(_errors(train, test)), self.gathered("labels")[~fit].cpu()
