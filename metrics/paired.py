"""Two methods on the same images: difference, interval, p-value, effect size; Holm's correction. numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import copysign, inf, nan

import numpy as np
from numpy.typing import ArrayLike

from .resampling import Resampled, ratio_of_sums, spread
from .statistics import as_seeds, limits, p_value, unit_sums


@dataclass(frozen=True)
class Comparison:
    """One method against another.

    Attributes:
        difference: score of the first minus score of the second.
        low, high: 95 % interval of the difference; -inf and inf where there is but one class, or image, to learn from.
        p_value: two-sided, of no difference. 1 where there is but one.
        effect_size: Cohen's d_z over classes: the difference over the standard deviation of what classes differ by
            (weighted as in the score). Infinite where all differ alike, NaN where there is but one.
    """

    difference: float
    low: float
    high: float
    p_value: float
    effect_size: float


def paired_difference(a: ArrayLike, b: ArrayLike, classes: ArrayLike, class_weights: ArrayLike | None = None,
                      resamples: int = 10_000, seed: int = 0) -> Comparison:
    """Compares two means over the same images; :func:`paired_statistic` says how.

    Args:
        a, b: [N], or [S, N] under S training seeds; S may differ.
        classes: [N], the label of each image; for values per class, [C] different labels.
        class_weights: [C], in the order of the labels; None: as many as a class has images.
        resamples: how many.
        seed: of numpy's default generator.

    Returns:
        The comparison over classes; over the images of an only class.

    Raises:
        ValueError: no image or seed, a value that is not finite, or shapes that do not belong together.
    """
    sides = unit_sums(a, classes, class_weights), unit_sums(b, classes, class_weights)
    one, other = ([ratio_of_sums(row, weights) for row in sums] for sums, weights in sides)
    return paired_statistic(one, other, len(sides[0][1]), resamples, seed)


def paired_statistic(a: Resampled | Sequence[Resampled], b: Resampled | Sequence[Resampled], classes: int,
                     resamples: int = 10_000, seed: int = 0) -> Comparison:
    """Compares two scores that follow from which classes are drawn, such as consistency, NMI and ARI.

    Both meet the same draws, so that what is hard for both cancels. The interval is that of :func:`class_interval`;
    seeds of one method have nothing to do with those of the other, so each side adds its own variance. With one seed a
    side the comparison is of two trained models. The p-value is that of Student's t with the interval's errors.

    Args:
        a, b: a score as a function of how often each class is drawn, or one per training seed, all over the same
            classes; see :func:`class_interval`.
        classes: C.
        resamples: how many.
        seed: of numpy's default generator.

    Raises:
        ValueError: as :func:`class_interval`.
    """
    found = spread([as_seeds(a), as_seeds(b)], classes, resamples, seed)
    difference, deviation = found.estimate, found.error * np.sqrt(classes)
    if classes == 1:
        return Comparison(difference, -inf, inf, 1.0, nan)
    below, above = limits(found)
    effect = difference / deviation if deviation else copysign(inf, difference) if difference else 0.0
    return Comparison(difference, difference - below, difference + above, p_value(found), float(effect))


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
