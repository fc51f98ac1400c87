"""What difference so many images can show, and how many images a difference needs. numpy only.

Both take the differences of two methods on the same images as drawn in two steps, classes and then images of them, and
ask for a two-sided paired test whose units are classes. Approximations: the mean difference is normal, with Guenther's
term for the test's few degrees of freedom ("Sample size formulas for normal theory t tests", The American Statistician,
1981); further classes are of the sizes of those there are; the models are the two that were trained, not all that
seeds could give.
"""

from dataclasses import dataclass
from math import ceil, inf
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class SampleNeeded:
    """What a difference needs; either number alone is enough.

    Attributes:
        classes: how many, with as many images each as now.
        images_per_class: how many, with as many classes as now; infinite where more images would not do.
    """

    classes: int
    images_per_class: float


def minimum_detectable_difference(differences: ArrayLike, classes: ArrayLike, power: float = 0.8,
                                  alpha: float = 0.05) -> float:
    """Smallest true difference that a paired test on so many images and classes finds with chance ``power``.

    Args:
        differences: [N], the first method's value minus the second's on each image; or one value per class. Where only
            one method is known: its values times sqrt(2 - 2r) stand for two methods whose values correlate by r.
        classes: [N], the label of each image.
        power: chance of finding it, above ``alpha``.
        alpha: chance of finding a difference where there is none.

    Returns:
        In the unit of the values, at least 0.

    Raises:
        ValueError: fewer than two classes, a value that is not finite, or shapes that do not belong together.
    """
    found = _Components.of(differences, classes)
    quantiles, term = _quantiles(power, alpha)
    # Up to two classes no difference is large enough for the approximation.
    return float(quantiles * (found.per_class() / (found.classes - term)) ** 0.5) if found.classes > term else inf


def sample_needed(difference: float, differences: ArrayLike, classes: ArrayLike, power: float = 0.8,
                  alpha: float = 0.05) -> SampleNeeded:
    """How many classes, or images of each, a paired test needs to find a difference with chance ``power``.

    Args:
        difference: above 0, in the unit of the values: 0.01 is a point.
        differences, classes, power, alpha: of :func:`minimum_detectable_difference`. The spread between and within
            classes is taken from them; from one value per class, all of it lies between classes.

    Raises:
        ValueError: as :func:`minimum_detectable_difference`, or a difference that is not above 0.
    """
    if not difference > 0:
        raise ValueError(f"a difference to be found must be above 0, got {difference}")
    found = _Components.of(differences, classes)
    quantiles, term = _quantiles(power, alpha)
    needed = ceil(quantiles**2 * found.per_class() / difference**2 + term)
    left = (found.classes - term) * (difference / quantiles) ** 2 - found.between * found.uneven
    return SampleNeeded(max(needed, 2), max(1, ceil(found.within / left)) if left > 0 else inf)


@dataclass(frozen=True)
class _Components:
    """Variance of differences, by where it comes from (analysis of variance, unequal classes).

    Attributes:
        classes, images: number of classes, and of images per class on average.
        uneven: how much more the spread between classes weighs in the mean because some have more images; 1 or above.
        between, within: variance of classes' true means, and of images in their class.
    """

    classes: int
    images: float
    uneven: float
    between: float
    within: float

    @classmethod
    def of(cls, differences: ArrayLike, classes: ArrayLike) -> "_Components":
        values, labels = np.asarray(differences, np.float64), np.asarray(classes)
        if values.ndim != 1 or values.shape != labels.shape:
            raise ValueError(f"differences [N] and classes [N] do not belong together: "
                             f"{list(values.shape)}, {list(labels.shape)}")
        if not np.isfinite(values).all():
            raise ValueError("a difference is not finite on some image")
        _, index, sizes = np.unique(labels, return_inverse=True, return_counts=True)
        if len(sizes) < 2:
            raise ValueError(f"the spread between classes needs two of them, got {len(sizes)}")
        means = np.bincount(index, values) / sizes
        spare = len(values) - len(sizes)
        within = float(((values - means[index]) ** 2).sum() / spare) if spare else 0.0
        worth = (len(values) - (sizes**2).sum() / len(values)) / (len(sizes) - 1)
        apart = (sizes * (means - values.mean()) ** 2).sum() / (len(sizes) - 1)
        return cls(len(sizes), len(values) / len(sizes), float(len(sizes) * (sizes**2).sum() / len(values) ** 2),
                   max(0.0, float(apart - within) / worth), within)

    def per_class(self) -> float:
        """Variance of the mean difference, times the number of classes."""
        return self.between * self.uneven + self.within / self.images


def _quantiles(power: float, alpha: float) -> tuple[float, float]:
    """Distance of a difference that is found from zero, in standard errors; and the classes that the test costs."""
    if not 0 < alpha < power < 1:
        raise ValueError(f"power and alpha must be 0 < alpha < power < 1, got {power} and {alpha}")
    tail = NormalDist().inv_cdf(1 - alpha / 2)
    return tail + NormalDist().inv_cdf(power), tail**2 / 2
