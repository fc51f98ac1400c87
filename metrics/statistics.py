"""Intervals by resampling classes. numpy only, so that files of scores can be judged without torch.

Images of one class share their looks and their class's difficulty; resampling them one by one would understate the
spread. Classes are drawn with replacement, all images of a class together.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

Resampled = Callable[[np.ndarray], np.ndarray]
_CHUNK = 100  # resamples evaluated at once: bounds memory


def bootstrap_interval(statistic: Resampled, classes: int, resamples: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval of a statistic under resampling of classes.

    Args:
        statistic: weights [R, C], how often each class was drawn, -> values [R]; NaN where a resample has none.
        classes: C.
        resamples: how many.
        seed: of numpy's default generator.

    Returns:
        (low, high), widened where needed to hold the statistic of the classes as they are. The percentile interval
        of a biased statistic can miss it.

    Raises:
        ValueError: no class, or no resample.
    """
    if classes < 1 or resamples < 1:
        raise ValueError("a bootstrap needs at least one class and one resample")
    weights = np.random.default_rng(seed).multinomial(classes, np.full(classes, 1 / classes), size=resamples)
    chunks = np.array_split(weights.astype(np.float64), -(-resamples // _CHUNK))
    values = np.concatenate([statistic(chunk) for chunk in chunks])
    estimate = float(statistic(np.ones((1, classes)))[0])
    low, high = np.percentile(values[np.isfinite(values)], [2.5, 97.5]) if np.isfinite(values).any() else [estimate] * 2
    return min(float(low), estimate), max(float(high), estimate)


def ratio(numerators: ArrayLike, denominators: ArrayLike) -> Resampled:
    """The statistic ``sum(numerators) / sum(denominators)`` over the classes drawn; both [C]."""
    over, under = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)

    def statistic(weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return (weights @ over) / (weights @ under)

    return statistic


def class_bootstrap(numerators: ArrayLike, denominators: ArrayLike, resamples: int = 1000,
                    seed: int = 0) -> tuple[float, float]:
    """95 % interval of a mean whose sum [C] and count [C] are given per class; see :func:`bootstrap_interval`."""
    return bootstrap_interval(ratio(numerators, denominators), len(np.asarray(numerators)), resamples, seed)
