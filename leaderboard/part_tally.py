"""How often concepts hold annotated parts, class by class: :mod:`partbench.metrics.part_consistency` in numpy.

The sums are those of ``consistency`` under the pair rule (Huang et al., ICCV 2023), kept apart by part.
"""

from dataclasses import dataclass

import numpy as np

from ..metrics import Protocol
from .evidence import Marks


@dataclass(frozen=True, eq=False)
class Tally:
    """How often each pair of a class and a concept held each part, and had the chance to.

    Attributes:
        labels: long [C], the classes, ascending.
        class_index: long [G], class of each pair as its place among ``labels``.
        concepts: long [G], part id of each pair.
        hit: float [G, P], images of the class on which the concept's region held the part.
        shown: float [G, P], images of the class that show the part.
    """

    labels: np.ndarray
    class_index: np.ndarray
    concepts: np.ndarray
    hit: np.ndarray
    shown: np.ndarray

    @classmethod
    def of(cls, marks: Marks) -> "Tally":
        return _tally(marks.labels, marks.part_ids, marks.hits, marks.visible)

    def rates(self, min_visible: int = 1) -> np.ndarray:
        """[G, P], share of a class's images showing a part on which the concept held it; 0 where too few show it."""
        return np.where(self.shown >= min_visible, self.hit / np.maximum(self.shown, 1), 0)

    def by_class(self, protocol: Protocol) -> np.ndarray:
        """[C], share of each class's concepts that are consistent; its mean over pairs is the metric."""
        judged = self.consistent(protocol).any(1)
        return np.bincount(self.class_index, judged) / np.bincount(self.class_index)

    def consistent(self, protocol: Protocol) -> np.ndarray:
        """bool [G, P], the concept holds the part on at least the threshold's share of the class's images."""
        # A part that too few images show is never held, also where the threshold is tiny.
        return (self.rates(protocol.min_visible) >= protocol.threshold) & (self.shown >= protocol.min_visible)

    def consistency(self, protocol: Protocol) -> float:
        """The metric, in [0, 1]."""
        return float(self.consistent(protocol).any(1).mean())

    def best(self, min_visible: int = 1) -> np.ndarray:
        """[C, P], the best rate of any concept of the class; NaN where too few images show the part."""
        rates = np.where(self.shown >= min_visible, self.rates(min_visible), np.nan)
        found = np.full((len(self.labels), rates.shape[1]), np.nan)
        np.fmax.at(found, self.class_index, rates)
        return found

    def by_part(self, protocol: Protocol) -> np.ndarray:
        """[P], share of the classes showing a part of which some concept is consistent there; NaN where none does."""
        best = self.best(protocol.min_visible)
        shown = np.isfinite(best)
        held = np.nan_to_num(best) >= protocol.threshold
        return np.where(shown.any(0), (held & shown).sum(0) / np.maximum(shown.sum(0), 1), np.nan)

    def matrix(self) -> tuple[np.ndarray, np.ndarray]:
        """Concepts [K], and [K, P] the share of all images showing a part on which each held it; NaN where none does.

        Of use where concepts mean the same in every class.
        """
        concepts, index = np.unique(self.concepts, return_inverse=True)
        hit, shown = (_summed(index, values, len(concepts)) for values in (self.hit, self.shown))
        return concepts, np.where(shown > 0, hit / np.maximum(shown, 1), np.nan)


def exchanged(marks: Marks, protocol: Protocol) -> list[Tally]:
    """Tallies of peaks that were exchanged between the images of a class, as ``consistency_gain`` takes them.

    As many as the protocol draws, by numpy's generator: the same rule as the metric's and other draws of it. Classes
    with one image are left out, of the first one too, which is the tally of every image's own peaks.
    """
    _, index, counts = np.unique(marks.labels, return_inverse=True, return_counts=True)
    paired = counts[index] > 1
    if not paired.any():
        return []
    labels, part_ids, peaks = marks.labels[paired], marks.part_ids[paired], marks.peaks[paired]
    keypoints, visible = marks.keypoints[paired], marks.visible[paired]
    random = np.random.default_rng(protocol.gain_seed)
    own = np.arange(len(labels))
    sources = [own, *(_following(labels, random) for _ in range(protocol.gain_derangements))]
    return [_tally(labels, part_ids[source], part_hits(peaks[source], keypoints, visible, protocol), visible)
            for source in sources]


def part_hits(peaks: np.ndarray, keypoints: np.ndarray, visible: np.ndarray, protocol: Protocol) -> np.ndarray:
    """bool [N, K, P], :func:`partbench.metrics.part_hits` of peaks [N, K, 2], keypoints [N, P, 2], visible [N, P]."""
    near = visible[:, None] & (peaks >= 0).all(-1)[..., None]
    for axis in (0, 1):
        centre, point = peaks[:, :, None, axis], keypoints[:, None, :, axis]
        near &= point >= np.maximum(centre - protocol.half_size, 0)
        near &= point <= np.minimum(centre + protocol.half_size, protocol.canvas)
    return near


def _following(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """For every image another of its class: each class in a random cyclic order."""
    order = random.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    last = np.cumsum(np.unique(labels, return_counts=True)[1]) - 1
    following = np.arange(1, len(labels) + 1)
    following[last] = np.concatenate([[0], last[:-1] + 1])
    source = np.empty_like(order)
    source[order] = order[following]
    return source


def _tally(labels: np.ndarray, part_ids: np.ndarray, hits: np.ndarray, visible: np.ndarray) -> Tally:
    known, label = np.unique(labels, return_inverse=True)
    concepts, concept = np.unique(part_ids, return_inverse=True)
    keys, of = np.unique((label[:, None] * len(concepts) + concept.reshape(part_ids.shape)).ravel(),
                         return_inverse=True)
    shown = np.broadcast_to(visible[:, None], hits.shape)
    return Tally(known, keys // len(concepts), concepts[keys % len(concepts)],
                 *(_summed(of, values.reshape(-1, hits.shape[2]), len(keys)) for values in (hits, shown)))


def _summed(index: np.ndarray, values: np.ndarray, groups: int) -> np.ndarray:
    """Sums [G, P] of values [M, P] by group."""
    return np.stack([np.bincount(index, column, groups) for column in values.T], 1)
