"""Part stability: does a concept mark the same parts when the image is slightly perturbed?

Huang et al., "Evaluation and Improvement of Interpretability for Self-Explainable Part-Prototype Networks",
ICCV 2023, section 3.2.
"""

import torch
from torch import Tensor

from .base import ClassMetric, integers
from .hits import part_hits
from .pairs import Pairs
from .statistics import Resampled, ratio


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
    _, stable = _per_pair(hits, perturbed_hits, labels, part_ids, active_only)
    return stable[stable.isfinite()].mean().item()


def _per_pair(hits: Tensor, perturbed_hits: Tensor, labels: Tensor, part_ids: Tensor,
              active_only: bool = False) -> tuple[Pairs, Tensor]:
    """The pairs, and each one's share of unchanged images, float64 [G]; NaN for a pair without images."""
    pairs = Pairs.among(labels, part_ids)
    draws = perturbed_hits if perturbed_hits.ndim == 4 else perturbed_hits[None]
    if hits.ndim != 3 or hits.shape[:2] != part_ids.shape or draws.shape[1:] != hits.shape or not len(draws):
        raise ValueError("hits [N,K,P], perturbed_hits [N,K,P] or [D,N,K,P] and part_ids [N,K] do not belong together: "
                         f"{list(hits.shape)}, {list(perturbed_hits.shape)}, {list(part_ids.shape)}")
    unchanged = (hits.bool() == draws.bool()).all(-1).double().mean(0)
    counted = hits.bool().any(-1) if active_only else torch.ones_like(unchanged)
    if not counted.any():
        raise ValueError("active stability needs an image on which some concept hits a part")
    return pairs, pairs.total(unchanged * counted) / pairs.total(counted)


class Stability(ClassMetric):
    """Streaming :func:`stability`."""

    states = ("peaks", "perturbed_peaks", "keypoints", "visible", "part_ids")

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
        # Images first, so that batches concatenate along the same axis as every other state.
        self.keep(labels, peaks=peaks.to(torch.int16), perturbed_peaks=perturbed_peaks.transpose(0, 1).to(torch.int16),
                  keypoints=integers(keypoints, visible), visible=visible.bool(), part_ids=part_ids)

    def score(self) -> float:
        return self._per_pair()[1].mean().item()

    def resampling(self) -> tuple[int, Resampled]:
        pairs, stable = self._per_pair()
        return pairs.classes, ratio(pairs.by_class(stable).cpu(), pairs.by_class(torch.ones_like(stable)).cpu())

    def _per_pair(self) -> tuple[Pairs, Tensor]:
        annotated = self.gathered("keypoints"), self.gathered("visible"), self.protocol.half_size, self.protocol.canvas
        hits = part_hits(self.gathered("peaks"), *annotated)
        draws = torch.stack([part_hits(draw, *annotated) for draw in self.gathered("perturbed_peaks").unbind(1)])
        return _per_pair(hits, draws, self.gathered("labels"), self.gathered("part_ids"))
