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
from .statistics import Resampled, ratio_of_sums


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
        if not hits.shape[2]:
            raise ValueError(f"part metrics need at least one annotated part, hits are {list(hits.shape)}")
        return cls(pairs, pairs.total(hits), pairs.total(visible[:, None].expand_as(hits)))

    def terms(self, threshold: float | None, rule: str, min_visible: int) -> Tensor:
        """What each term scores, float64: 1 or 0 by the threshold; its best part's hit rate where that is None.

        Raises:
            ValueError: an unknown rule.
        """
        if rule == "pair":
            return _judged(self.hit, self.shown, threshold, min_visible)
        if rule == "global":
            hit, shown = self.pairs.by_concept(self.hit), self.pairs.by_concept(self.shown)
            return _judged(hit, shown, threshold, min_visible)
        raise ValueError(f"rule must be 'pair' or 'global', got {rule!r}")

    def score(self, threshold: float | None, rule: str, min_visible: int) -> float:
        return self.terms(threshold, rule, min_visible).mean().item()

    def class_sums(self, threshold: float | None, min_visible: int) -> tuple[Tensor, Tensor]:
        """What the terms of each class score under the pair rule, and how many there are: float64 [C] each."""
        terms = self.terms(threshold, "pair", min_visible)
        return self.pairs.by_class(terms), self.pairs.by_class(torch.ones_like(terms))

    def resampled(self, threshold: float | None, rule: str, min_visible: int) -> Resampled:
        """The score as a function of how often each class is drawn."""
        if rule == "global":
            return self._resampled_concepts(threshold, min_visible)
        sums, terms = self.class_sums(threshold, min_visible)
        return ratio_of_sums(sums.cpu(), terms.cpu())

    def _resampled_concepts(self, threshold: float | None, min_visible: int) -> Resampled:
        """The global score of classes drawn so often; a concept that no drawn class has is no term.

        What a concept of one class scores does not depend on how often the class is drawn; only those of several
        classes are added up.
        """
        pairs = self.pairs
        shared = torch.bincount(pairs.concept_index, minlength=pairs.concepts) > 1
        several = shared[pairs.concept_index]
        alone = self.terms(threshold, "pair", min_visible) * ~several
        single = torch.stack([pairs.by_class(alone), pairs.by_class(~several)], 1).cpu().numpy()
        place = pairs.class_index[several], (shared.cumsum(0) - 1)[pairs.concept_index[several]]
        counts = torch.zeros(pairs.classes, int(shared.sum()), 2, self.hit.shape[1], dtype=torch.float64)
        counts[place] = torch.stack([self.hit, self.shown], 1)[several].cpu()
        present = torch.zeros(counts.shape[:2], dtype=torch.float64)
        present[place] = 1.0
        table, has = counts.flatten(1).numpy(), present.numpy()

        def score(weights: np.ndarray) -> np.ndarray:
            drawn = (weights > 0).astype(np.float64)
            hit, shown = torch.from_numpy(weights @ table).view(len(weights), *counts.shape[1:]).unbind(2)
            terms = drawn @ has > 0
            over, under = (drawn @ single).T
            judged = _judged(hit, shown, threshold, min_visible).numpy()
            return (over + (judged * terms).sum(1)) / (under + terms.sum(1))

        return score


def _judged(hit: Tensor, shown: Tensor, threshold: float | None, min_visible: int) -> Tensor:
    # A part that is never shown counts as never hit, as in the reference implementation.
    best = (hit / shown.clamp(min=1)).where(shown >= min_visible, 0).amax(-1)
    return best if threshold is None else (best >= threshold).double()


class Consistency(PartMetric):
    """Streaming :func:`consistency`."""

    def score(self) -> float:
        return self._tally().score(*self.reading())

    def class_sums(self) -> tuple[Tensor, Tensor, Tensor] | None:
        threshold, rule, min_visible = self.reading()
        if rule == "global":
            return None
        return *self._tally().class_sums(threshold, min_visible), self.gathered("labels").unique()

    def resampling(self) -> tuple[int, Resampled]:
        tally = self._tally()
        return tally.pairs.classes, tally.resampled(*self.reading())

    def reading(self) -> tuple[float | None, str, int]:
        """How the tally is read: threshold, rule and min_visible of :func:`consistency`."""
        return self.protocol.threshold, self.protocol.rule, self.protocol.min_visible

    def _tally(self) -> Tally:
        visible = self.gathered("visible")
        hits = part_hits(self.gathered("peaks"), self.gathered("keypoints"), visible,
                         self.protocol.half_size, self.protocol.canvas)
        return Tally.of(hits, visible, self.gathered("labels"), self.gathered("part_ids"))
