"""Consistency gain: the consistency that a concept owes to the image it looks at.

Objects stand in much the same place on the images of a class, so a peak that never moves can score as consistent. Each
image is therefore scored again with the peaks of another image of its class; what survives is no merit of the image.
"""

from hashlib import sha256

import numpy as np
import torch
from torch import Tensor

from .base import PartMetric, integers
from .hits import part_hits
from .part_consistency import Tally
from .statistics import Resampled


def consistency_gain(peaks: Tensor, keypoints: Tensor, visible: Tensor, labels: Tensor, part_ids: Tensor,
                     seed: int = 0, half_size: int = 36, image_size: int = 224, threshold: float = 0.8,
                     rule: str = "pair", min_visible: int = 1, derangements: int = 10) -> float:
    """Consistency minus its mean over derangements of the peaks within each class.

    A class with one image has no other image to borrow from, and is left out of both terms.

    Args:
        peaks: long [N, K, 2], (x, y) on the canvas.
        keypoints: [N, P, 2], (x, y) on the canvas.
        visible: bool [N, P].
        labels: long [N], ground-truth class.
        part_ids: long [N, K]; they travel with the peaks.
        seed: of the derangements; the order of the images does not matter.
        half_size, image_size: of :func:`part_hits`.
        threshold, rule, min_visible: of :func:`consistency`.
        derangements: how many to average over.

    Returns:
        A fraction in [-1, 1]; exactly 0 for peaks that do not depend on the image.

    Raises:
        ValueError: no class with two images, or shapes that do not belong together.
    """
    tallies = _tallies(peaks, keypoints, visible, labels, part_ids, seed, half_size, image_size, derangements)
    own, *borrowed = [tally.score(threshold, rule, min_visible) for tally in tallies]
    # A mean of differences, not a difference of means: equal scores cancel without rounding.
    return sum(own - other for other in borrowed) / len(borrowed)


def derangement(labels: Tensor, seed: int, draw: int) -> Tensor:
    """For every image another image of its class: each class in a random cyclic order, seeded; labels [N] -> long [N].

    A class's only image gets itself.
    """
    digest = sha256(f"{seed}:{draw}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    order = torch.randperm(len(labels), generator=generator).to(labels.device)
    order = order[labels[order].argsort(stable=True)]  # class after class, each in random order
    sizes = labels.unique(return_counts=True)[1]
    last = sizes.cumsum(0) - 1
    following = torch.arange(1, len(labels) + 1, device=labels.device)
    following[last] = last - sizes + 1  # the last image of a class borrows from its first
    source = torch.empty_like(order)
    source[order] = order[following]
    return source


def _tallies(peaks: Tensor, keypoints: Tensor, visible: Tensor, labels: Tensor, part_ids: Tensor, seed: int,
             half_size: int, image_size: int, derangements: int) -> list[Tally]:
    """The tally with every image's own peaks, then one per derangement; all over the same pairs."""
    if derangements < 1:
        raise ValueError("consistency_gain needs at least one derangement")
    evidence = peaks, keypoints, visible, labels, part_ids
    if len({len(value) for value in evidence}) > 1 or keypoints.shape != (*visible.shape, 2):
        raise ValueError("peaks [N,K,2], keypoints [N,P,2], visible [N,P], labels [N] and part_ids [N,K] do not belong "
                         f"together: {', '.join(str(list(value.shape)) for value in evidence)}")
    _, index, counts = labels.unique(return_inverse=True, return_counts=True)
    paired = counts[index] > 1
    if not paired.any():
        raise ValueError("consistency_gain needs a class with at least two images")
    peaks, keypoints, visible, labels, part_ids = (value[paired] for value in evidence)
    # By what is known of them, not as they came: the same images in another order exchange the same peaks.
    order = _rank(labels, part_ids, peaks, visible, integers(keypoints, visible)).argsort()
    peaks, keypoints, visible, labels, part_ids = (
        value[order] for value in (peaks, keypoints, visible, labels, part_ids))
    sources = [torch.arange(len(labels), device=labels.device)]
    sources += [derangement(labels, seed, draw) for draw in range(derangements)]
    return [Tally.of(part_hits(peaks[source], keypoints, visible, half_size, image_size), visible, labels,
                     part_ids[source]) for source in sources]


def _rank(*values: Tensor) -> Tensor:
    """Place [N] of each image among all, sorted by integer values [N, ...] in turn; only equal images share one."""
    return torch.cat([value.reshape(len(value), -1).long() for value in values], 1).unique(
        dim=0, return_inverse=True)[1]


class ConsistencyGain(PartMetric):
    """Streaming :func:`consistency_gain`."""

    plot_lower_bound = -1.0

    def score(self) -> float:
        protocol = self.protocol
        return consistency_gain(
            *self._evidence(), seed=protocol.gain_seed, half_size=protocol.half_size, image_size=protocol.canvas,
            threshold=protocol.threshold, rule=protocol.rule, min_visible=protocol.min_visible,
            derangements=protocol.gain_derangements)

    def class_sums(self) -> tuple[Tensor, Tensor, Tensor] | None:
        if self.protocol.rule == "global":
            return None
        sums = [tally.class_sums(self.protocol.threshold, self.protocol.min_visible) for tally in self._tallies()]
        (own, terms), *borrowed = sums
        labels, images = self.gathered("labels").unique(return_counts=True)
        return sum(own - other for other, _ in borrowed) / len(borrowed), terms, labels[images > 1]

    def resampling(self) -> tuple[int, Resampled]:
        if self.protocol.rule != "global":
            return super().resampling()
        tallies = self._tallies()
        own, *borrowed = [tally.resampled(self.protocol.threshold, "global", self.protocol.min_visible)
                          for tally in tallies]

        def gain(weights: np.ndarray) -> np.ndarray:
            score = own(weights)
            return np.mean([score - other(weights) for other in borrowed], axis=0)

        return tallies[0].pairs.classes, gain

    def _tallies(self) -> list[Tally]:
        return _tallies(*self._evidence(), self.protocol.gain_seed, self.protocol.half_size, self.protocol.canvas,
                        self.protocol.gain_derangements)

    def _evidence(self) -> list[Tensor]:
        return [self.gathered(name) for name in ("peaks", "keypoints", "visible", "labels", "part_ids")]
