"""Two methods on the same images: difference, interval, p-value, effect size; Holm's correction. numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import copysign, inf

import numpy as np
from numpy.typing import ArrayLike

from .resampling import Resampled, Spread, ratio_of_sums, sign_draws, spread
from .statistics import as_seeds, limits, unit_sums


@dataclass(frozen=True)
class Comparison:
    """One method against another.

    Attributes:
        difference: score of the first minus score of the second.
        low, high: 95 % interval of the difference; -inf and inf where there is but one class, or image, to learn from.
        p_value: two-sided, of no difference; never below 2 ** (1 - C), which is what C classes can show.
        effect_size: Cohen's d_z over classes: the difference over the standard deviation of the differences of classes
            (weighted as in the score). 0 without a difference, infinite where all classes differ alike.
    """

    difference: float
    low: float
    high: float
    p_value: float
    effect_size: float


def paired_difference(a: ArrayLike, b: ArrayLike, classes: ArrayLike, class_weights: ArrayLike | None = None,
                      resamples: int = 10_000, seed: int = 0) -> Comparison:
    """Compares two means over the same images.

    The interval is that of :func:`mean_interval` for differences, both methods under the same draws; seeds of one
    method have nothing to do with those of the other, so each side adds its own. The p-value turns the sign of whole
    classes at random: exact for any number of classes where a method that is no better is as likely ahead as behind.
    Seeds, where there are several, join in with Student's t of their standard error.

    Args:
        a, b: [N], or [S, N] under S training seeds; S may differ. With one seed the comparison is of trained models.
        classes: [N], the label of each image; for values per class, [C] different labels.
        class_weights: [C], in the order of the labels; None: as many as a class has images.
        resamples: how many.
        seed: of numpy's default generator.

    Raises:
        ValueError: no image or seed, a value that is not finite, or shapes that do not belong together.
    """
    (sums, weights), (others, _) = unit_sums(a, classes, class_weights), unit_sums(b, classes, class_weights)
    if len(weights) == 1:
        return _unknown(float((sums.mean() - others.mean()) / weights[0]))
    sides = [[ratio_of_sums(row, weights) for row in side] for side in (sums, others)]
    found = spread(sides, len(weights), resamples, seed)
    added = (sums.mean(0) - others.mean(0)) / weights.sum()
    turned = np.concatenate([signs @ added for signs in sign_draws(len(weights), resamples, seed)])
    return _compared(found, turned, seed)


def paired_statistic(a: Resampled | Sequence[Resampled], b: Resampled | Sequence[Resampled], classes: int,
                     resamples: int = 10_000, seed: int = 0) -> Comparison:
    """Compares two scores that follow from which classes are drawn, under the same draws: consistency, NMI, ARI.

    The p-value is the share of draws whose distance from the mean draw, with Student's t of C - 1 degrees, is as far as
    the difference from zero.

    Args:
        a, b: of :func:`class_interval`, one or one per training seed, all over the same classes.
        classes: C.
        resamples: how many.
        seed: of numpy's default generator.

    Raises:
        ValueError: as :func:`class_interval`.
    """
    sides = as_seeds(a), as_seeds(b)
    if classes == 1:
        found = [np.mean([score(np.ones((1, 1)))[0] for score in side]) for side in sides]
        return _unknown(float(found[0] - found[1]))
    found = spread(sides, classes, resamples, seed)
    squares = np.random.default_rng([seed, 1]).chisquare(classes - 1, len(found.by_class))
    return _compared(found, found.by_class * np.sqrt((classes - 1) / squares), seed)


def _unknown(difference: float) -> Comparison:
    """Of one class, or one image: nothing shows how much of a difference is chance."""
    if not np.isfinite(difference):
        raise ValueError("the difference is not finite")
    return Comparison(difference, -inf, inf, 1.0, 0.0 if not difference else copysign(inf, difference))


def _compared(found: Spread, chance: np.ndarray, seed: int) -> Comparison:
    """The comparison; ``chance`` [R] is how far classes alone may put two equal methods apart."""
    generator = np.random.default_rng([seed, 2])
    chance = chance * np.sqrt(found.common)
    for variance, seeds in found.by_seed:
        chance = chance + np.sqrt(variance) * generator.standard_t(seeds - 1, len(chance))
    difference = found.estimate
    as_far = (np.abs(chance) >= abs(difference) * (1 - 1e-9)).sum()
    p_value = max((1 + as_far) / (1 + len(chance)), 2.0 ** (1 - found.classes))
    below, above = limits(found)
    deviation = found.error * np.sqrt(found.classes)
    effect = difference / deviation if deviation else copysign(inf, difference) if difference else 0.0
    return Comparison(difference, difference - below, difference + above, float(p_value), float(effect))


def holm(p_values: ArrayLike) -> np.ndarray:
    """P-values [M] adjusted so that calling those below 5 % real is wrong anywhere with at most 5 % chance.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics, 1979.

    Raises:
        ValueError: not [M], or a value outside [0, 1].
    """
    given = np.asarray(p_values, np.float64)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise ValueError(f"p_values must be [M] and between 0 and 1, got {list(given.shape)}")
    order = given.argsort(kind="stable")
    adjusted = np.empty_like(given)
    adjusted[order] = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1)).clip(max=1)
    return adjusted
