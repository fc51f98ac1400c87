"""NMI and ARI: do parts found without annotation agree with the annotated ones?

Both compare two labellings of the keypoints, or of the pixels, of a data set and equal scikit-learn's
``normalized_mutual_info_score`` (arithmetic mean) and ``adjusted_rand_score``. They follow from a contingency table, so
that any number of pixels fits in memory and classes can be resampled by adding tables.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .base import ClassMetric
from .statistics import Resampled


def nmi(true: Tensor, predicted: Tensor) -> float:
    """Mutual information over the mean of the two entropies; labels [M], any integers.

    Returns:
        A fraction in [0, 1].

    Raises:
        ValueError: no element, or different lengths.
    """
    return float(_nmi(contingency(true, predicted)[None])[0])


def ari(true: Tensor, predicted: Tensor) -> float:
    """Share of pairs on which two labellings agree, adjusted for chance; labels [M], any integers.

    Returns:
        A value in [-0.5, 1]; 0 is chance.

    Raises:
        ValueError: no element, or different lengths.
    """
    return float(_ari(contingency(true, predicted)[None])[0])


def contingency(true: Tensor, predicted: Tensor) -> np.ndarray:
    """How often each true label meets each predicted one: float64 [T, Q]."""
    true, predicted = torch.as_tensor(true), torch.as_tensor(predicted)
    if true.ndim != 1 or true.shape != predicted.shape or not len(true):
        raise ValueError("two labellings of the same elements, at least one: "
                         f"got {list(true.shape)}, {list(predicted.shape)}")
    rows, row = true.unique(return_inverse=True)
    columns, column = predicted.unique(return_inverse=True)
    counts = torch.bincount(row * len(columns) + column, minlength=len(rows) * len(columns))
    return counts.view(len(rows), len(columns)).double().cpu().numpy()


def pair_counts(true: Tensor, assignment: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How often each annotated part meets each assigned one on an image: all that NMI and ARI need of its pixels.

    Args:
        true: long [N, M], annotated part of M pixels or keypoints; -1 is not scored.
        assignment: long [N, M], assigned part; -1 is not scored.

    Returns:
        Annotated part, assigned part and number of pixels of every pair that occurs, ordered by pair: long [N, E] each.
        E is the most pairs on one image; the others are filled up with -1, -1 and 0.

    Raises:
        ValueError: not two [N, M].
    """
    if true.ndim != 2 or true.shape != assignment.shape:
        raise ValueError(f"true and assignment must be [N, M] each: {list(true.shape)}, {list(assignment.shape)}")
    images, assigned = len(true), _highest(assignment) + 1
    pairs = (_highest(true) + 1) * assigned
    scored = (true >= 0) & (assignment >= 0)
    image = torch.arange(images, device=true.device)[:, None] * pairs
    counts = torch.bincount((image + true * assigned + assignment)[scored], minlength=images * pairs)
    counts = counts.view(images, pairs)
    most = int((counts > 0).sum(1).max()) if counts.numel() else 0
    pair = (counts > 0).byte().argsort(dim=1, descending=True, stable=True)[:, :most]
    counts = counts.gather(1, pair)
    return (pair // max(assigned, 1)).where(counts > 0, -1), (pair % max(assigned, 1)).where(counts > 0, -1), counts


def _highest(parts: Tensor) -> int:
    return int(parts.max()) if parts.numel() else -1


def _nmi(tables: np.ndarray) -> np.ndarray:
    """NMI of tables [R, T, Q] -> [R]; NaN for an empty table. Empty rows and columns count for nothing."""
    total = tables.sum((1, 2))
    rows, columns = tables.sum(2), tables.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = rows[:, :, None] * columns[:, None, :]
        terms = tables / total[:, None, None] * np.log(tables * total[:, None, None] / expected)
        information = np.where(tables > 0, terms, 0).sum((1, 2)).clip(min=0)
        entropy = _entropy(rows / total[:, None]) + _entropy(columns / total[:, None])
        value = np.where(information > np.finfo(float).eps, 2 * information / entropy, 0)
    used_rows, used_columns = (rows > 0).sum(1), (columns > 0).sum(1)
    # One cluster carries no information; one against one is the same labelling.
    value = np.where((used_rows == 1) | (used_columns == 1), (used_rows == used_columns).astype(float), value)
    return np.where(total > 0, value, np.nan)


def _entropy(shares: np.ndarray) -> np.ndarray:
    return -np.where(shares > 0, shares * np.log(np.where(shares > 0, shares, 1)), 0).sum(1)


def _ari(tables: np.ndarray) -> np.ndarray:
    """ARI of tables [R, T, Q] -> [R]; NaN for an empty table."""
    total = tables.sum((1, 2))
    together = (tables**2).sum((1, 2))
    only_true = (tables.sum(2) ** 2).sum(1) - together  # ordered pairs together in one labelling alone
    only_predicted = (tables.sum(1) ** 2).sum(1) - together
    both = together - total
    neither = total**2 - together - only_true - only_predicted
    over = 2 * (both * neither - only_true * only_predicted)
    under = (both + only_true) * (only_true + neither) + (both + only_predicted) * (only_predicted + neither)
    agree = (only_true == 0) & (only_predicted == 0)
    value = np.where(agree, 1.0, over / np.where(agree, 1, under))
    return np.where(total > 0, value, np.nan)


class NMI(ClassMetric):
    """Streaming :func:`nmi` of annotated parts against assigned ones; keeps a few integers per image, never a pixel."""

    states = ("cells",)
    index: Callable[[np.ndarray], np.ndarray] = staticmethod(_nmi)

    def update(self, assignment: Tensor, labels: Tensor, true: Tensor | None = None,
               counts: Tensor | None = None) -> None:
        """Add images.

        Args:
            assignment: long [N, M], assigned parts of :func:`part_assignment` or :func:`pixel_assignment`; -1 is not
                scored.
            labels: long [N], ground-truth class; the interval resamples classes.
            true: long [N, M], annotated parts, such as those of :func:`pixel_parts`; -1 is not scored. None: column p
                is the annotated part.
            counts: long [N, M], how many pixels an entry stands for, as :func:`pair_counts` says; None: one.

        Raises:
            ValueError: shapes that do not belong together.
        """
        if assignment.ndim != 2 or len(labels) != len(assignment):
            raise ValueError(f"assignment [N, M] and labels [N] do not belong together: "
                             f"{list(assignment.shape)}, {list(labels.shape)}")
        if true is None:
            true = torch.arange(assignment.shape[1], device=assignment.device).expand_as(assignment)
        if counts is None:
            true, assignment, counts = pair_counts(true, assignment)
        if not true.shape == assignment.shape == counts.shape:
            raise ValueError("assignment, true and counts must be [N, M] each: "
                             f"{list(assignment.shape)}, {list(true.shape)}, {list(counts.shape)}")
        self.keep(labels)
        cells = torch.stack([labels[:, None].expand_as(true), true, assignment, counts], -1)
        self.cells.append(cells[(true >= 0) & (assignment >= 0)].long().to(self.device))

    def score(self) -> float:
        return float(self.index(self._tables().sum(0)[None])[0])

    def resampling(self) -> tuple[int, Resampled]:
        tables = self._tables()
        classes, *shape = tables.shape
        return classes, lambda weights: self.index((weights @ tables.reshape(classes, -1)).reshape(-1, *shape))

    def _tables(self) -> np.ndarray:
        """Contingency tables by class: float64 [C, T, Q].

        Raises:
            ValueError: no image, or nothing that is scored.
        """
        known = self.gathered("labels").unique()
        label, true, assigned, counts = self.gathered("cells").cpu().numpy().T
        if not counts.sum():
            raise ValueError(f"{type(self).__name__} needs a visible keypoint on the canvas, or a pixel with a part")
        tables = np.zeros((len(known), true.max() + 1, assigned.max() + 1))
        np.add.at(tables, (np.searchsorted(known.cpu().numpy(), label), true, assigned), counts)
        return tables


class ARI(NMI):
    """Streaming :func:`ari` of annotated parts against assigned ones."""

    plot_lower_bound = -0.5
    index = staticmethod(_ari)
