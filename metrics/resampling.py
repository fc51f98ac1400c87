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


def class_draws(classes: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each class is drawn: float64 [r, C], some resamples at a time. The same for everyone who asks.

    Raises:
        ValueError: no class, or no resample.
    """
    if classes < 1 or resamples < 1:
        raise ValueError(f"resampling needs at least one class and one resample, got {classes} and {resamples}")
    rows = max(1, min(_CELLS // classes, _ROWS))
    for start in range(0, resamples, rows):
        yield _counts(classes, min(rows, resamples - start), seed, start).astype(np.float64)


@lru_cache(maxsize=64)  # all scores of a run, and all pairs of methods, ask for the same draws
def _counts(classes: int, rows: int, seed: int, start: int) -> np.ndarray:
    drawn = np.random.default_rng([seed, start]).integers(classes, size=(rows, classes))
    drawn += np.arange(rows)[:, None] * classes
    counts = np.bincount(drawn.ravel(), minlength=rows * classes).reshape(rows, classes).astype(np.uint16)
    counts.flags.writeable = False
    return counts


@dataclass(frozen=True)
class Spread:
    """A score, or the difference of two, and what resampling shows of its error.

    Attributes:
        estimate: of the classes as they are, averaged over training seeds.
        classes: C, how many classes were drawn from.
        by_class: [R], the error that comes from the choice of classes and of their images. Distances of each resample
            from the mean resample, scaled so that their variance is unbiased.
        common: share of the variance of ``by_class`` that all seeds have in common. The rest comes from each seed
            meeting the classes and images in its own way, which ``seeds`` holds as well.
        seeds: variance of the estimate that comes from the training seeds; 0 where no side has several.
        degrees: Welch's degrees of freedom of ``seeds``.
    """

    estimate: float
    classes: int
    by_class: np.ndarray
    common: float
    seeds: float
    degrees: float

    @property
    def error(self) -> float:
        """Standard error from the choice of classes and of their images."""
        return float(self.by_class.std())

    @property
    def flat(self) -> bool:
        """Whether neither draws nor seeds made a difference, up to rounding."""
        return bool(max(np.abs(self.by_class).max(), self.seeds**0.5) <= 1e-12 * max(1.0, abs(self.estimate)))


def spread(sides: Sequence[Sequence[Resampled]], classes: int, resamples: int, seed: int) -> Spread:
    """The spread of a score, or of the difference of two under the same draws.

    Args:
        sides: one, or two whose difference is meant; each a score per training seed.
        classes: C; the same for every score. One class alone shows no spread.
        resamples: how many.
        seed: of numpy's default generator.

    Raises:
        ValueError: no score on a side, no class, or a score that is not finite.
    """
    estimates = [_estimates(side, classes) for side in sides]
    values = np.concatenate([np.stack([score(weights) for side in sides for score in side], 1)
                             for weights in class_draws(classes, resamples, seed)])
    values = values[np.isfinite(values).all(1)]
    if len(values) < 2:
        raise ValueError("hardly any draw of classes has a score: too many classes have nothing to score")
    values -= values.mean(0)  # a resample of a biased score is biased once more
    parts = np.split(values, np.cumsum([len(side) for side in estimates])[:-1], 1)
    error = parts[0].mean(1) - sum(part.mean(1) for part in parts[1:])
    own = sum(_own_ways(part) for part in parts)
    common = float(1 - own / error.var()) if own < error.var() else 0.0
    seeds = [side.var(ddof=1) / len(side) if len(side) > 1 else 0.0 for side in estimates]
    if not any(seeds):
        common = 1.0  # seeds that agree by chance hold nothing: what is their own stays with the classes
    pooled = sum(variance**2 / (len(side) - 1) for variance, side in zip(seeds, estimates, strict=True) if variance)
    return Spread(float(estimates[0].mean() - sum(side.mean() for side in estimates[1:])), classes,
                  error * np.sqrt(classes / max(classes - 1, 1)), common, float(sum(seeds)),
                  float(sum(seeds) ** 2 / pooled) if pooled else 1.0)


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
