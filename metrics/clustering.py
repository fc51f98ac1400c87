"""NMI and ARI: do parts found without annotation agree with the annotated ones?

Both compare two labellings of the keypoints of a data set and equal scikit-learn's ``normalized_mutual_info_score``
(arithmetic mean) and ``adjusted_rand_score``. They follow from a contingency table, so that any number of keypoints
fits in memory and classes can be resampled by adding tables.
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
    """Streaming :func:`nmi` of annotated parts against assigned ones; keeps one small integer per keypoint."""

    states = ("assignment",)
    index: Callable[[np.ndarray], np.ndarray] = staticmethod(_nmi)

    def update(self, assignment: Tensor, labels: Tensor) -> None:
        """Add images.

        Args:
            assignment: long [N, P] of :func:`part_assignment`; column p is the annotated part, -1 is not scored.
            labels: long [N], ground-truth class; the interval resamples classes.
        """
        self.keep(labels, assignment=assignment.to(torch.int16))

    def score(self) -> float:
        return float(self.index(self._tables().sum(0)[None])[0])

    def resampling(self) -> tuple[int, Resampled]:
        tables = self._tables()
        classes, *shape = tables.shape
        return classes, lambda weights: self.index((weights @ tables.reshape(classes, -1)).reshape(-1, *shape))

    def _tables(self) -> np.ndarray:
        """Contingency tables by class: float64 [C, P, largest assignment + 1].

        Raises:
            ValueError: no image, or none with a scored keypoint.
        """
        assignment = self.gathered("assignment").long()
        classes, index = self.gathered("labels").unique(return_inverse=True)
        scored = assignment >= 0
        if not scored.any():
            raise ValueError(f"{type(self).__name__} needs a visible keypoint on the canvas")
        parts, assigned = assignment.shape[1], int(assignment.max()) + 1
        key = (index[:, None] * parts + torch.arange(parts, device=index.device)) * assigned + assignment
        counts = torch.bincount(key[scored], minlength=len(classes) * parts * assigned)
        return counts.view(len(classes), parts, assigned).double().cpu().numpy()


class ARI(NMI):
    """Streaming :func:`ari` of annotated parts against assigned ones."""

    plot_lower_bound = -0.5
    index = staticmethod(_ari)
