"""95 % intervals by resampling classes. numpy only, so that files of scores can be judged without torch.

What an interval speaks of: the score expected of classes drawn from the population that the given ones stand for, with
as many images each; and, where several training seeds are given, expected over seeds. With one seed it speaks of that
trained model. A bias that comes from few images in a class is part of the score: no interval can mend it.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import inf
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from .resampling import Resampled, Spread, ratio_of_sums, spread

_TAIL = 0.025
_SMALLEST = 1e-12  # p-value
Bounds = tuple[float, float]


def class_interval(scores: Resampled | Sequence[Resampled], classes: int, resamples: int = 10_000, seed: int = 0,
                   bounds: Bounds = (-inf, inf)) -> tuple[float, float]:
    """95 % interval of a score that must not be taken over resampled images, such as a thresholded share per class.

    Resampling images would push such scores upward, so classes alone are drawn, and seeds. See :func:`mean_interval`
    for how.

    Args:
        scores: a score as a function of how often each class is drawn, weights [R, C] -> values [R]; or one per
            training seed, all over the same classes. NaN where a draw has no score.
        classes: C.
        resamples: how many.
        seed: of numpy's default generator.
        bounds: smallest and largest possible score.

    Returns:
        (low, high), within the bounds, holding the score of the classes as they are. One class shows no spread: the
        interval is all that is possible. Where all classes agree on a bound, it reaches as far as a class of another
        kind could have stayed unseen among C with 2.5 % chance.

    Raises:
        ValueError: no score, no class, no resample, or a score that is not finite.
    """
    scores = as_seeds(scores)
    return _interval(scores, classes, classes, resamples, seed, bounds)


def as_seeds(scores: Resampled | Sequence[Resampled]) -> list[Resampled]:
    """One score per training seed."""
    return [scores] if callable(scores) else list(scores)


def mean_interval(values: ArrayLike, classes: ArrayLike, class_weights: ArrayLike | None = None,
                  resamples: int = 10_000, seed: int = 0, bounds: Bounds = (-inf, inf)) -> tuple[float, float]:
    """95 % interval of a mean over images that belong to classes, under one or more training seeds.

    A hierarchical bootstrap of seeds, classes and images whose levels add up to the variance of the mean, each counted
    once. A class is drawn with the images it has, which carries their spread along. Resampled distances are scaled by
    sqrt(C / (C - 1)) and from the normal's quantile to that of Student's t; the longer side of a skewed distribution is
    lengthened by its third moment over its second, by which percentiles fall short (Johnson, "Modified t tests and
    confidence intervals for asymmetrical populations", JASA 1978). Training seeds are crossed with images: their
    standard error adds in squares, see :func:`limits`.

    Args:
        values: [N], or [S, N] for the same images under S training seeds.
        classes: [N], the label of each image; any integers.
        class_weights: [C], what each class weighs, in the order of its label; None: as many as it has images.
        resamples, seed, bounds: of :func:`class_interval`.

    Returns:
        (low, high), within the bounds, holding the mean. With one class its images are drawn in the place of classes,
        and the interval speaks of that class; one image shows no spread, and the interval is all that is possible.

    Raises:
        ValueError: no image or seed, a value that is not finite, or shapes that do not belong together.
    """
    sums, weights = unit_sums(values, classes, class_weights)
    scores = [ratio_of_sums(row, weights) for row in sums]
    return _interval(scores, len(weights), np.size(classes), resamples, seed, bounds)


def unit_sums(values: ArrayLike, classes: ArrayLike,
              class_weights: ArrayLike | None = None) -> tuple[np.ndarray, np.ndarray]:
    """What each class, or each image of an only class, adds to a mean.

    Args:
        values, classes, class_weights: of :func:`mean_interval`.

    Returns:
        Weighted sums [S, C] and weights [C], both float64: a seed's mean is the ratio of their totals.

    Raises:
        ValueError: as :func:`mean_interval`.
    """
    values, classes = np.asarray(values, np.float64), np.asarray(classes)
    values = values[None] if values.ndim == 1 else values
    if values.ndim != 2 or classes.shape != values.shape[1:]:
        raise ValueError(f"values [N] or [S, N] and classes [N] do not belong together: "
                         f"{list(values.shape)}, {list(classes.shape)}")
    if not values.size:
        raise ValueError("a mean needs at least one image")
    if not np.isfinite(values).all():
        raise ValueError("a value is not finite on some image")
    _, index, images = np.unique(classes, return_inverse=True, return_counts=True)
    weights = images.astype(np.float64) if class_weights is None else np.asarray(class_weights, np.float64)
    if weights.shape != images.shape or not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ValueError(f"class_weights must be {len(images)} numbers of at least 0, one per class, and not all 0")
    if len(images) == 1:
        return values, np.ones(values.shape[1])
    return np.stack([np.bincount(index, row) for row in values]) * (weights / images), weights


def _interval(scores: Sequence[Resampled], classes: int, units: int, resamples: int, seed: int,
              bounds: Bounds) -> tuple[float, float]:
    found = spread([scores], classes, resamples, seed)
    if classes == 1:
        return bounds
    below, above = limits(found)
    if found.flat and np.isfinite(bounds).all():
        unseen = (1 - _TAIL ** (1 / units)) * (bounds[1] - bounds[0])
        above, below = unseen * np.isclose(found.estimate, bounds, rtol=0, atol=1e-9)
    low, high = np.clip([found.estimate - below, found.estimate + above], *bounds)
    return min(float(low), found.estimate), max(float(high), found.estimate)


def limits(found: Spread) -> tuple[float, float]:
    """How far the 95 % limits lie below and above the estimate.

    The limits of classes and of seeds add in squares. The seeds' standard error counts with Student's t where it is
    all there is, and with less where it is a small part: two seeds alone need t = 12.7, but where they have a tenth of
    the error that would make the sum far too wide. The squared quantile goes from the normal's to that of t with the
    seeds' share of the standard error; simulated coverage stays within 93 and 98 % for any share.
    """
    by_class = found.by_class * np.sqrt(found.common)
    low, high = np.percentile(by_class, [100 * _TAIL, 100 * (1 - _TAIL)])
    variance = by_class.var()
    lag = np.mean(by_class**3) / variance if variance else 0.0
    wider = student_t(found.classes - 1, 2 * _TAIL) / _normal(2 * _TAIL)
    below, above = max(0.0, -low * wider - min(lag, 0)), max(0.0, high * wider + max(lag, 0))
    seeds = _seeds(found, 2 * _TAIL)
    return float(np.sqrt(below**2 + seeds)), float(np.sqrt(above**2 + seeds))


def p_value(found: Spread) -> float:
    """Two-sided p-value of an estimate of 0: the chance at which the limits of a normal spread would just reach it.

    With one seed a side this is the t test of the mean over classes. Where all classes agree there is no spread to
    test against, and the p-value is that of as many equal signs: 2 ** (1 - C).
    """
    if found.flat:
        return 2.0 ** (1 - found.classes) if found.estimate else 1.0
    low, high = np.log(_SMALLEST), 0.0
    for _ in range(50):
        middle = (low + high) / 2
        outside = np.exp(middle)
        classes = found.common * (found.error * student_t(found.classes - 1, outside)) ** 2
        reached = classes + _seeds(found, outside) <= found.estimate**2
        low, high = (low, middle) if reached else (middle, high)
    return float(np.exp(high))


def _seeds(found: Spread, outside: float) -> float:
    """What the seeds add to the squared distance of a limit; see :func:`limits`."""
    if not found.seeds:
        return 0.0
    share = np.sqrt(found.seeds / (found.seeds + found.common * found.error**2))
    normal = _normal(outside) ** 2
    return found.seeds * (normal + (student_t(found.degrees, outside) ** 2 - normal) * share)


def _normal(outside: float) -> float:
    return -NormalDist().inv_cdf(outside / 2) if outside < 1 else 0.0


def student_t(degrees: float, outside: float) -> float:
    """The size that Student's t exceeds with chance ``outside``, to four digits."""
    angles, inside = _t_angles(degrees)
    return float(np.sqrt(degrees) * np.tan(np.interp(-outside, inside, angles)))


@lru_cache(maxsize=16)
def _t_angles(degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Angles, and minus the chance that t = sqrt(degrees) tan(angle) is exceeded.

    The density of the angle is cos(angle) ** (degrees - 1).
    """
    angles = np.linspace(0, np.pi / 2, 20_001)
    density = np.cos(angles) ** (degrees - 1)
    steps = (density[1:] + density[:-1]) / 2
    beyond = np.append(np.cumsum(steps[::-1])[::-1], 0)
    return angles, -beyond / beyond[0]
