"""Part consistency: does a concept mark the same object part on every image of a class?

Huang et al., "Evaluation and Improvement of Interpretability for Self-Explainable Part-Prototype Networks",
ICCV 2023, section 3.1.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .base import PartMetric
from .hits import part_hits
from .pairs import Pairs
from .statistics import Resampled, ratio


def consistency(hits: Tensor, visible: Tensor, labels: Tensor, part_ids: Tensor, threshold: float = 0.8,
                rule: str = "pair", min_visible: int = 1) -> float:
    """Share of terms that hit one part on at least ``threshold`` of the images that show it.

    Args:
        hits: bool [N, K, P], concept k's region on image n holds keypoint p; true only where p is visible.
        visible: bool [N, P], keypoint p is annotated on image n.
        labels: long [N], ground-truth class.
        part_ids: long [N, K], the concept behind map k of image n.
        threshold: share of images, inclusive.
        rule: ``pair``: a term is a (class, concept); ``global``: a concept over all its classes.
        min_visible: a part counts for a term only where at least so many of the term's images show it.

    Returns:
        A fraction in [0, 1].

    Raises:
        ValueError: no image, shapes that do not belong together, or an unknown rule.
    """
    return Tally.of(hits, visible, labels, part_ids).score(threshold, rule, min_visible)


@dataclass(frozen=True)
class Tally:
    """How often each (class, concept) hit each part, and had the chance to.

    Attributes:
        pairs: the G pairs.
        hit: float64 [G, P], images on which the concept's region held the part.
        shown: float64 [G, P], images that show the part.
    """

    pairs: Pairs
    hit: Tensor
    shown: Tensor

    @classmethod
    def of(cls, hits: Tensor, visible: Tensor, labels: Tensor, part_ids: Tensor) -> "Tally":
        pairs = Pairs.among(labels, part_ids)
        if hits.ndim != 3 or hits.shape[:2] != part_ids.shape or visible.shape != (len(hits), hits.shape[2]):
            raise ValueError("hits [N,K,P], visible [N,P] and part_ids [N,K] do not belong together: "
                             f"{list(hits.shape)}, {list(visible.shape)}, {list(part_ids.shape)}")
        return cls(pairs, pairs.total(hits), pairs.total(visible[:, None].expand_as(hits)))

    def consistent(self, threshold: float, min_visible: int) -> Tensor:
        """bool [G]: the pair hits some part often enough."""
        return _often(self.hit, self.shown, threshold, min_visible)

    def score(self, threshold: float, rule: str, min_visible: int) -> float:
        if rule == "pair":
            terms = self.consistent(threshold, min_visible)
        elif rule == "global":
            terms = _often(self.pairs.by_concept(self.hit), self.pairs.by_concept(self.shown), threshold, min_visible)
        else:
            raise ValueError(f"rule must be 'pair' or 'global', got {rule!r}")
        return terms.double().mean().item()

    def resampled(self, threshold: float, rule: str, min_visible: int) -> Resampled:
        """The score as a function of how often each class is drawn."""
        if rule == "global":
            return lambda weights: np.array([self._drawn(torch.from_numpy(w), threshold, min_visible) for w in weights])
        consistent = self.consistent(threshold, min_visible)
        return ratio(self.pairs.by_class(consistent).cpu(), self.pairs.by_class(torch.ones_like(consistent)).cpu())

    def _drawn(self, weights: Tensor, threshold: float, min_visible: int) -> float:
        """The global score of classes drawn so often; a concept that no drawn class has is no term."""
        weight = weights.to(self.hit)[self.pairs.class_index]
        hit, shown = (self.pairs.by_concept(weight[:, None] * count) for count in (self.hit, self.shown))
        drawn = self.pairs.by_concept(weight) > 0
        return _often(hit, shown, threshold, min_visible)[drawn].double().mean().item()


def _often(hit: Tensor, shown: Tensor, threshold: float, min_visible: int) -> Tensor:
    # A part that is never shown counts as never hit, as in the reference implementation.
    return ((hit / shown.clamp(min=1) >= threshold) & (shown >= min_visible)).any(-1)


class Consistency(PartMetric):
    """Streaming :func:`consistency`."""

    def score(self) -> float:
        return self._tally().score(self.protocol.threshold, self.protocol.rule, self.protocol.min_visible)

    def resampling(self) -> tuple[int, Resampled]:
        tally = self._tally()
        protocol = self.protocol
        return tally.pairs.classes, tally.resampled(protocol.threshold, protocol.rule, protocol.min_visible)

    def _tally(self) -> Tally:
        visible = self.gathered("visible")
        hits = part_hits(self.gathered("peaks"), self.gathered("keypoints"), visible,
                         self.protocol.half_size, self.protocol.canvas)
        return Tally.of(hits, visible, self.gathered("labels"), self.gathered("part_ids"))
