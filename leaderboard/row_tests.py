"""Every two scores of a column against each other, from rows alone: seeds' spread and the rows' own intervals.

For results whose class sums are not there. numpy and scipy.special, all pairs at once.

Two errors part two scores from what they would be of other images and other seeds. That of the images comes from the
rows' intervals. It is common to all seeds of a method, so it is not divided by their number. The two methods' errors
count as independent: where they met the same images, as on a board, what is hard for one is mostly hard for the other,
their errors are alike and cancel in the difference, and the test is stricter than it needs to be. The error of the
seeds is their spread, as in Welch's t test.

The two add in squares, each by its own quantile: a difference has the p-value ``p`` at which

    difference² = z(p)² (images' variance) + t(p)² (seeds' variance)

with the normal's quantile z and that of Student's t under Welch's degrees of freedom. Because the normal's tail is
convex in its square, this is wrong no more often than the worse of both tests alone, at any level; one t test of the
sum under Satterthwaite's degrees of freedom is not so (50 equal methods of two seeds: 90 % of boards with some
difference, after Holm's correction). Mickey and Brown, "Bounds on the distribution functions of the Behrens-Fisher
statistic", The Annals of Mathematical Statistics, 1966; Welch, "The generalization of Student's problem", Biometrika,
1947.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, inf, nan

import numpy as np
from scipy import special

from ..metrics import Comparison
from .board import Score

_STEPS = 30  # of Newton's method, at most; about five are usual
_SMALLEST = 1e-300  # p-value


@dataclass(frozen=True, eq=False)
class RowTests:
    """What M scores tell of each other, all [M, M], the row minus the column.

    Attributes:
        differences: of the means over seeds.
        images, seeds: variance of each difference that comes from the images, and from the training seeds; images NaN
            where a row of either has no interval.
        degrees: Welch's degrees of freedom of ``seeds``; 1 where that is 0.
        p_values: two-sided, 1 where nothing tells the errors: neither both have intervals, nor both several seeds.
            Where all seeds agree and images are not known, that of an exact permutation test of the seeds.
        effects: Cohen's d over seeds, the difference in standard deviations; NaN where either has one seed.
    """

    differences: np.ndarray
    images: np.ndarray
    seeds: np.ndarray
    degrees: np.ndarray
    p_values: np.ndarray
    effects: np.ndarray

    @classmethod
    @np.errstate(over="ignore")  # near the end of float64 a variance is infinite: nothing is told apart
    def of(cls, scores: Sequence[Score]) -> "RowTests":
        """Tests of scores with finite values."""
        values, error, deviation = (np.array([nan if x is None else x for x in column], np.float64) for column in zip(
            *((each.value, each.error, each.deviation) for each in scores), strict=True))
        count = np.array([each.seeds for each in scores])
        deviation[deviation <= 1e-12 * np.maximum(1, abs(values))] = 0  # rounding is no spread
        several = ~np.isnan(deviation)
        own = np.where(several, deviation**2 / count, 0.0)
        pooled = own**2 / np.maximum(count - 1, 1)
        differences, images, seeds = values[:, None] - values, _sums(error**2), _sums(own)
        degrees = np.divide(seeds**2, _sums(pooled), out=np.ones_like(seeds), where=_sums(pooled) > 0)
        known = ~np.isnan(images)
        p_values = np.ones_like(differences)
        tested = known | several[:, None] & several
        upper = np.triu(tested, 1)
        p_values[upper] = _p_values(differences[upper], np.nan_to_num(images[upper]), seeds[upper], degrees[upper])
        for one, other in zip(*np.nonzero(upper & ~known & (seeds == 0) & (differences != 0)), strict=True):
            p_values[one, other] = 2 / comb(int(count[one] + count[other]), int(count[one]))
        p_values = np.where(upper.T, p_values.T, p_values)
        spread = np.sqrt(_sums((count - 1) * deviation**2) / np.maximum(_sums(count) - 2, 1))
        effects = np.divide(differences, spread, out=np.where(differences == 0, 0.0, np.copysign(inf, differences)),
                            where=spread != 0)
        return cls(differences, images, seeds, degrees, p_values, effects)

    def compared(self, one: int, other: int) -> Comparison:
        """Two of them, with the 95 % interval of their difference; infinite where nothing tells the errors."""
        place = np.array([one]), np.array([other])
        difference, p, effect = (float(each[place][0]) for each in (self.differences, self.p_values, self.effects))
        reach = float(self._reach(place)[0])
        return Comparison(difference, difference - reach, difference + reach, p, effect)

    def detectable(self, power: float = 0.8) -> np.ndarray:
        """Smallest true difference that one test finds with chance ``power``, about: [M, M], infinite where unknown."""
        everywhere = np.indices(self.seeds.shape)
        return self._reach(tuple(everywhere)) + special.ndtri(power) * np.sqrt(
            np.nan_to_num(self.images) + self.seeds)

    @np.errstate(over="ignore")
    def _reach(self, places: tuple[np.ndarray, ...]) -> np.ndarray:
        """How far a 95 % interval goes to either side; infinite where nothing tells."""
        images, seeds = self.images[places], self.seeds[places]
        wide = np.sqrt(special.ndtri(0.975)**2 * np.nan_to_num(images)
                       + special.stdtrit(self.degrees[places], 0.975)**2 * seeds)
        return np.where(~np.isnan(images) | (seeds > 0) & ~np.isnan(self.effects[places]), wide, inf)


def _sums(values: np.ndarray) -> np.ndarray:
    return values[:, None] + values


def _p_values(differences: np.ndarray, images: np.ndarray, seeds: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """The p-value at which the squared quantiles add up to the squared difference; all [P].

    Solved for t² by Newton's method. z² is a concave function of t², so from below it never steps too far.
    """
    squares = differences**2
    total = images + seeds
    found = np.where(squares > 0, 0.0, 1.0)
    plain = (seeds == 0) & (images > 0)
    found[plain] = 2 * special.ndtr(-np.sqrt(squares[plain] / images[plain]))
    left = np.nonzero((seeds > 0) & (squares > 0))[0]
    squared = squares / np.where(total > 0, total, 1)  # t² at least: z is never above t
    for _ in range(_STEPS):
        t = np.sqrt(squared[left])
        p = np.maximum(2 * special.stdtr(degrees[left], -t), _SMALLEST)
        z = -special.ndtri(p / 2)
        # dz²/dt² = (z / t) (density of t) / (density of z)
        slope = z / t * np.exp(_log_density(degrees[left], t) + (z * z + np.log(2 * np.pi)) / 2)
        over = images[left] * z * z + seeds[left] * squared[left] - squares[left]
        step = over / (images[left] * np.where(p > _SMALLEST, slope, 0) + seeds[left])
        squared[left] -= step
        found[left] = p
        left = left[abs(step) > 1e-10 * squared[left]]
        if not len(left):
            break
    return found


def _log_density(degrees: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Of Student's t."""
    return (special.gammaln((degrees + 1) / 2) - special.gammaln(degrees / 2) - np.log(degrees * np.pi) / 2
            - (degrees + 1) / 2 * np.log1p(t * t / degrees))
