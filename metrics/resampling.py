"""Classes drawn with replacement, and what a score becomes under the draws. numpy only.

A class that is drawn brings all its images along. Their spread is in the class's sum already: drawing them once more
within the class, as a nested bootstrap does, would count it twice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

Resampled = Callable[[np.ndarray], np.ndarray]
"""A score as a function of how often each class is drawn: weights [R, C] -> values [R], NaN where there is none."""

_CELLS = 2**18  # weights made at once: bounds memory
_ROWS = 500  # resamples made at once, at most: a statistic may hold a table for each


def ratio_of_sums(numerators: ArrayLike, denominators: ArrayLike) -> Resampled:
    """The score ``sum(numerators) / sum(denominators)`` over the classes drawn; both [C].

    Raises:
        ValueError: shapes that do not belong together, or a value that is not finite.
    """
    over, under = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    if over.ndim != 1 or over.shape != under.shape:
        raise ValueError(f"numerators and denominators must be [C] each: {list(over.shape)}, {list(under.shape)}")
    if not (np.isfinite(over).all() and np.isfinite(under).all()):
        raise ValueError("the numerator or denominator of some class is not finite")
    both = np.stack([over, under], 1)

    def statistic(weights: np.ndarray) -> np.ndarray:
        sums = weights @ both
        with np.errstate(invalid="ignore", divide="ignore"):
            return sums[:, 0] / sums[:, 1]

    return statistic


def sign_draws(classes: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """A random sign for each class: float64 [r, C] of -1 and 1, some resamples at a time; else :func:`class_draws`."""
    for rows, start in _chunks(classes, resamples):
        yield _signs(classes, rows, seed, start).astype(np.float64)


def class_draws(classes: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each class is drawn: float64 [r, C], some resamples at a time. The same for everyone who asks.

    Raises:
        ValueError: no class, or no resample.
    """
    for rows, start in _chunks(classes, resamples):
        yield _counts(classes, rows, seed, start).astype(np.float64)


def _chunks(classes: int, resamples: int) -> Iterator[tuple[int, int]]:
    """How many resamples to make at once, and after how many."""
    if classes < 1 or resamples < 1:
        raise ValueError(f"resampling needs at least one class and one resample, got {classes} and {resamples}")
    rows = max(1, min(_CELLS // classes, _ROWS))
    for start in range(0, resamples, rows):
        yield min(rows, resamples - start), start


@lru_cache(maxsize=64)  # all scores of a run, and all pairs of methods, ask for the same draws
def _counts(classes: int, rows: int, seed: int, start: int) -> np.ndarray:
    drawn = np.random.default_rng([seed, start]).integers(classes, size=(rows, classes))
    drawn += np.arange(rows)[:, None] * classes
    counts = np.bincount(drawn.ravel(), minlength=rows * classes).reshape(rows, classes).astype(np.uint16)
    counts.flags.writeable = False
    return counts


@lru_cache(maxsize=64)
def _signs(classes: int, rows: int, seed: int, start: int) -> np.ndarray:
    signs = 2 * np.random.default_rng([seed, start]).integers(2, size=(rows, classes), dtype=np.int8) - 1
    signs.flags.writeable = False
    return signs


@dataclass(frozen=True)
class Spread:
    """A score, or the difference of two, and what resampling shows of its error.

    Attributes:
        estimate: of the classes as they are, averaged over training seeds.
        classes: C, how many classes were drawn from.
        by_class: [R], the error that comes from the choice of classes and of their images. Distances of each resample
            from the mean resample, scaled so that their variance is unbiased.
        by_seed: for each side with S > 1 training seeds, the variance of its mean over seeds, and S.
        common: share of the variance of ``by_class`` that all seeds have in common. The rest comes from each seed
            meeting the classes and images in its own way, which ``by_seed`` holds as well.
    """

    estimate: float
    classes: int
    by_class: np.ndarray
    by_seed: tuple[tuple[float, int], ...]
    common: float

    @property
    def error(self) -> float:
        """Standard error from the choice of classes and of their images."""
        return float(self.by_class.std())

    @property
    def flat(self) -> bool:
        """Whether no draw made a difference, up to rounding."""
        widest = max(np.abs(self.by_class).max(), *(variance**0.5 for variance, _ in self.by_seed), 0.0)
        return bool(widest <= 1e-12 * max(1.0, abs(self.estimate)))


def spread(sides: Sequence[Sequence[Resampled]], classes: int, resamples: int, seed: int) -> Spread:
    """The spread of a score, or of the difference of two under the same draws.

    Args:
        sides: one, or two whose difference is meant; each a score per training seed.
        classes: C, at least 2; the same classes for every score.
        resamples: how many.
        seed: of numpy's default generator.

    Raises:
        ValueError: no score on a side, fewer than two classes, or a score that is not finite.
    """
    estimates = [_estimates(side, classes) for side in sides]
    if classes < 2:
        raise ValueError("one class shows nothing of the spread between classes")
    values = np.concatenate([np.stack([score(weights) for side in sides for score in side], 1)
                             for weights in class_draws(classes, resamples, seed)])
    values = values[np.isfinite(values).all(1)]
    if len(values) < 2:
        raise ValueError("hardly any draw of classes has a score: too many classes have nothing to score")
    values -= values.mean(0)  # a resample of a biased score is biased once more
    parts = np.split(values, np.cumsum([len(side) for side in estimates])[:-1], 1)
    error = parts[0].mean(1) - sum(part.mean(1) for part in parts[1:])
    own = sum(_own_ways(part) for part in parts)
    common = max(0.0, 1 - own / error.var()) if own else 1.0
    by_seed = tuple((float(side.var(ddof=1)) / len(side), len(side)) for side in estimates if len(side) > 1)
    return Spread(float(estimates[0].mean() - sum(side.mean() for side in estimates[1:])), classes,
                  error * np.sqrt(classes / (classes - 1)), by_seed, common)


def _estimates(side: Sequence[Resampled], classes: int) -> np.ndarray:
    """Each score of the classes as they are: [S]."""
    if not len(side) or classes < 1:
        raise ValueError("resampling needs at least one score and one class")
    found = np.array([float(score(np.ones((1, classes)))[0]) for score in side])
    if not np.isfinite(found).all():
        raise ValueError("the score of the classes as they are is not finite")
    return found


def _own_ways(values: np.ndarray) -> float:
    """Variance of the mean over seeds [R, S] that comes from each seed meeting the classes in its own way."""
    seeds = values.shape[1]
    apart = values - values.mean(1, keepdims=True)
    return float(apart.var(0).sum()) / ((seeds - 1) * seeds) if seeds > 1 else 0.0
