"""Part stability: does a concept mark the same parts when the image is slightly perturbed?

Huang et al., "Evaluation and Improvement of Interpretability for Self-Explainable Part-Prototype Networks",
ICCV 2023, section 3.2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .base import ImageMetric, PartMetric, integers
from .hits import part_hits
from .pairs import Pairs


def stability(hits: Tensor, perturbed_hits: Tensor, labels: Tensor, part_ids: Tensor,
              active_only: bool = False) -> float:
    """Share of images on which a concept hits exactly the same parts under noise, averaged over (class, concept).

    Args:
        hits: bool [N, K, P], of the clean images.
        perturbed_hits: bool [N, K, P], or [D, N, K, P] for D draws of noise, which are averaged.
        labels: long [N], ground-truth class.
        part_ids: long [N, K].
        active_only: only images on which the concept hits something when clean. Otherwise a concept that never hits
            anything, such as one that sits on the background, is perfectly stable.

    Returns:
        A fraction in [0, 1].

    Raises:
        ValueError: no image, shapes that do not belong together, or with ``active_only`` no hit at all.
    """
    return _Unchanged.of(hits, perturbed_hits, labels, part_ids, active_only).score()


def empty_rate(hits: Tensor) -> float:
    """Share of (image, concept) whose region holds no keypoint: what stability and consistency are silent about.

    Args:
        hits: bool [N, K, P], of the clean images.

    Returns:
        A fraction in [0, 1]; lower is better.

    Raises:
        ValueError: no image or no concept, or not [N, K, P].
    """
    if hits.ndim != 3 or not hits.shape[0] or not hits.shape[1]:
        raise ValueError("empty_rate needs hits [N,K,P] of at least one image with at least one part map, "
                         f"got {list(hits.shape)}")
    return _empty(hits).mean().item()


def _empty(hits: Tensor) -> Tensor:
    """Share of each image's concepts that hit nothing: float64 [N]."""
    return (~hits.bool().any(-1)).double().mean(1)


@dataclass(frozen=True)
class _Unchanged:
    """What noise left as it was.

    Attributes:
        pairs: the G pairs of a class and a concept.
        same: float64 [N, K], share of the noise draws under which map k of image n hits the same parts.
        counted: float64 [N, K], 1 where that is looked at, else 0.
    """

    pairs: Pairs
    same: Tensor
    counted: Tensor

    @classmethod
    def of(cls, hits: Tensor, perturbed_hits: Tensor, labels: Tensor, part_ids: Tensor,
           active_only: bool) -> "_Unchanged":
        pairs = Pairs.among(labels, part_ids)
        draws = perturbed_hits if perturbed_hits.ndim == 4 else perturbed_hits[None]
        if hits.ndim != 3 or hits.shape[:2] != part_ids.shape or draws.shape[1:] != hits.shape or not len(draws):
            raise ValueError("hits [N,K,P], perturbed_hits [N,K,P] or [D,N,K,P] and part_ids [N,K] do not belong "
                             f"together: {list(hits.shape)}, {list(perturbed_hits.shape)}, {list(part_ids.shape)}")
        same = (hits.bool() == draws.bool()).all(-1).double().mean(0)
        counted = hits.bool().any(-1).double() if active_only else torch.ones_like(same)
        if not counted.any():
            raise ValueError("active stability needs an image on which some concept hits a part")
        return cls(pairs, same, counted)

    def score(self) -> float:
        shares = self.pairs.total(self.same * self.counted) / self.pairs.total(self.counted)
        return shares[shares.isfinite()].mean().item()

    def class_weights(self) -> Tensor:
        """How many pairs of each class some image is counted for: float64 [C]."""
        return self.pairs.by_class(self.pairs.total(self.counted) > 0)

    def image_values(self, labels: Tensor) -> Tensor:
        """Values float64 [N] whose mean over a class is the mean over its pairs.

        Where every pair is counted on all images of its class, the mean of ``same`` over the image's maps; else each
        map weighs inversely to the images its pair is counted on.
        """
        images = self.pairs.total(self.counted)[self.pairs.of].view_as(self.same).clamp(min=1)
        _, index, sizes = labels.unique(return_inverse=True, return_counts=True)
        return (self.same * self.counted / images).sum(1) * (sizes / self.class_weights())[index]


class Stability(ImageMetric):
    """Streaming :func:`stability`."""

    states = ("peaks", "perturbed_peaks", "keypoints", "visible", "part_ids")
    active_only = False

    def update(self, peaks: Tensor, perturbed_peaks: Tensor, keypoints: Tensor, visible: Tensor, labels: Tensor,
               part_ids: Tensor) -> None:
        """Add images.

        Args:
            peaks: long [N, K, 2], (x, y) on the protocol's canvas.
            perturbed_peaks: long [D, N, K, 2], of D noisy passes over the same images.
            keypoints: [N, P, 2], (x, y) on the protocol's canvas; truncated toward zero.
            visible: bool [N, P].
            labels: long [N].
            part_ids: long [N, K].
        """
        if peaks.ndim != 3 or perturbed_peaks.ndim != 4 or perturbed_peaks.shape[1:] != peaks.shape:
            raise ValueError("peaks [N,K,2] and perturbed_peaks [D,N,K,2] do not belong together: "
                             f"{list(peaks.shape)}, {list(perturbed_peaks.shape)}")
        # Images first, so that batches concatenate along the same axis as every other state.
        self.keep(labels, peaks=peaks.to(torch.int16), perturbed_peaks=perturbed_peaks.transpose(0, 1).to(torch.int16),
                  keypoints=integers(keypoints, visible), visible=visible.bool(), part_ids=part_ids)

    def score(self) -> float:
        return self._unchanged().score()

    def image_values(self) -> tuple[Tensor, Tensor]:
        unchanged, labels = self._unchanged(), self.gathered("labels")
        kept = unchanged.class_weights()[labels.unique(return_inverse=True)[1]] > 0
        return unchanged.image_values(labels)[kept], labels[kept]

    def class_weights(self) -> Tensor:
        weights = self._unchanged().class_weights()
        return weights[weights > 0]

    def _unchanged(self) -> _Unchanged:
        annotated = self.gathered("keypoints"), self.gathered("visible"), self.protocol.half_size, self.protocol.canvas
        hits = part_hits(self.gathered("peaks"), *annotated)
        draws = torch.stack([part_hits(draw, *annotated) for draw in self.gathered("perturbed_peaks").unbind(1)])
        return _Unchanged.of(hits, draws, self.gathered("labels"), self.gathered("part_ids"), self.active_only)


class StabilityActive(Stability):
    """Streaming :func:`stability` with ``active_only``; an error where no concept hits anything."""

    active_only = True


class EmptyRate(ImageMetric, PartMetric):
    """Streaming :func:`empty_rate`."""

    higher_is_better = False

    def image_values(self) -> tuple[Tensor, Tensor]:
        hits = part_hits(self.gathered("peaks"), self.gathered("keypoints"), self.gathered("visible"),
                         self.protocol.half_size, self.protocol.canvas)
        return _empty(hits), self.gathered("labels")
