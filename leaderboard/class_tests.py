"""Every two scores of a column against each other, class by class, all at once.

The numbers are those of ``metrics.paired_statistic``, which says what they mean; here a score is resampled once and not
once for each of its pairs. numpy and scipy.special.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf, nan

import numpy as np
from scipy import special

from ..metrics import minimum_detectable_difference
from ..metrics.resampling import class_draws
from .class_sums import RESAMPLES, SeedSums

_SMALLEST = np.log(1e-12)  # of a p-value
_STEPS = 45  # of bisection, over the logarithm of the p-value
_PAIRS = 200  # whose resamples are held at once
Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class ClassTests:
    """What the class sums of M scores tell of each other, all [M, M], the row minus the column.

    Attributes:
        differences: of the means over seeds.
        p_values: two-sided; 1 where there is but one class to learn from.
        effects: Cohen's d_z over classes; NaN where there is but one.
        detectable: smallest true difference that one test finds with 80 % power; infinite below three classes.
    """

    differences: np.ndarray
    p_values: np.ndarray
    effects: np.ndarray
    detectable: np.ndarray

    @classmethod
    def of(cls, sums: Sequence[SeedSums], resamples: int = RESAMPLES) -> "ClassTests":
        """Tests of scores over the same images, each pair over the classes in which either has something to score."""
        size = len(sums)
        found = cls(np.zeros((size, size)), np.ones((size, size)), np.zeros((size, size)), np.full((size, size), inf))
        for labels, pairs in _by_labels(sums):
            places = sorted({place for pair in pairs for place in pair})
            pool = [_Resampled.of(sums[place], labels, resamples) for place in places]
            for start in range(0, len(pairs), _PAIRS):
                some = np.array(pairs[start: start + _PAIRS])
                one, other = np.searchsorted(places, some).T
                found._enter(some, _tests(pool, one, other, len(labels)), _detectable(pool, one, other, len(labels)))
        # A draw without a score, of a method that scores on few classes, is left out pair by pair.
        for one, other in np.argwhere(np.triu(np.isnan(found.p_values))):
            single = sums[one].compared(sums[other], resamples)
            found._enter(np.array([(one, other)]), (single.difference, single.p_value, single.effect_size),
                         found.detectable[one, other])
        return found

    def _enter(self, pairs: np.ndarray, tests: tuple, detectable: np.ndarray | float) -> None:
        difference, p_value, effect = tests
        for (one, other), sign in ((pairs.T, 1), (pairs.T[::-1], -1)):
            self.differences[one, other], self.effects[one, other] = sign * difference, sign * effect
            self.p_values[one, other], self.detectable[one, other] = p_value, detectable


@dataclass(frozen=True, eq=False)
class _Resampled:
    """One score under draws of classes that all scores share.

    Attributes:
        estimate: of the classes as they are, the mean over seeds.
        draws: [R], mean over seeds minus that of the mean draw.
        shares: [C] whose mean is the score and whose spread is that of the score over classes.
        own: variance of ``draws`` that comes from each seed meeting the classes in its own way.
        seeds, degrees: variance of the estimate that comes from the training seeds, and its degrees of freedom.
    """

    estimate: float
    draws: np.ndarray
    shares: np.ndarray
    own: float
    seeds: float
    degrees: int

    @classmethod
    def of(cls, sums: SeedSums, labels: np.ndarray, resamples: int) -> "_Resampled":
        scores = sums.scores(labels)
        values = np.concatenate([np.stack([score(weights) for score in scores], 1)
                                 for weights in class_draws(len(labels), resamples, seed=0)])
        values -= values.mean(0)
        single = np.array([score(np.ones((1, len(labels))))[0] for score in scores])
        count = len(scores)
        apart = values - values.mean(1, keepdims=True)
        own, seeds = (float(apart.var(0).sum()) / ((count - 1) * count), single.var(ddof=1) / count) if count > 1 else (
            0.0, 0.0)
        return cls(float(single.mean()), values.mean(1), sums.shares(labels), own, float(seeds), count - 1)


def _by_labels(sums: Sequence[SeedSums]) -> list[tuple[np.ndarray, list[Pair]]]:
    """Pairs of scores by the classes that either has."""
    found: dict[bytes, tuple[np.ndarray, list[Pair]]] = {}
    for one, other in combinations(range(len(sums)), 2):
        labels = np.union1d(sums[one].labels, sums[other].labels)
        found.setdefault(labels.tobytes(), (labels, []))[1].append((one, other))
    return list(found.values())


def _tests(pool: Sequence[_Resampled], one: np.ndarray, other: np.ndarray,
           classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Differences, p-values and effect sizes of some pairs, [P] each; p NaN where a draw has no score."""
    estimates, own, seeds, degrees = (np.array([getattr(each, name) for each in pool])
                                      for name in ("estimate", "own", "seeds", "degrees"))
    difference = estimates[one] - estimates[other]
    if classes == 1:
        return difference, np.ones(len(one)), np.full(len(one), nan)
    draws = np.stack([each.draws for each in pool])
    apart = draws[one] - draws[other]
    plain, scale = apart.var(1), np.sqrt(classes / (classes - 1))
    error, widest = np.sqrt(plain) * scale, abs(apart).max(1) * scale
    seeds_of = seeds[one] + seeds[other]
    pooled = sum(seeds[side]**2 / np.maximum(degrees[side], 1) for side in (one, other))
    freedom = np.divide(seeds_of**2, pooled, out=np.ones(len(one)), where=pooled > 0)
    shared = np.divide(own[one] + own[other], plain, out=np.ones(len(one)), where=plain > 0)
    common = np.where(seeds_of > 0, np.clip(1 - shared, 0, 1), 1.0)
    p_values = _p_values(difference, common * error**2, classes - 1, seeds_of, freedom)
    flat = np.maximum(widest, np.sqrt(seeds_of)) <= 1e-12 * np.maximum(1, abs(difference))
    p_values = np.where(flat, np.where(difference != 0, 2.0 ** (1 - classes), 1.0), p_values)
    deviation = error * np.sqrt(classes)
    effects = np.divide(difference, deviation, where=deviation > 0,
                        out=np.where(difference == 0, 0.0, np.copysign(inf, difference)))
    return difference, np.where(np.isnan(plain), nan, p_values), effects


def _p_values(difference: np.ndarray, by_class: np.ndarray, degrees: int, seeds: np.ndarray,
              freedom: np.ndarray) -> np.ndarray:
    """The p-value whose limits just reach no difference: those of ``metrics.statistics.limits`` for a normal spread."""
    share = np.sqrt(np.divide(seeds, seeds + by_class, out=np.zeros(len(seeds)), where=seeds > 0))
    low, high = np.full(len(seeds), _SMALLEST), np.zeros(len(seeds))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        half = np.exp(middle) / 2
        normal = special.ndtri(half)**2
        reach = by_class * special.stdtrit(degrees, half)**2 + seeds * (
            normal + (special.stdtrit(freedom, half)**2 - normal) * share)
        reached = reach <= difference**2
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return np.exp(high)


def _detectable(pool: Sequence[_Resampled], one: np.ndarray, other: np.ndarray, classes: int) -> np.ndarray:
    """Of some pairs, [P]: by the spread over classes of what they differ by."""
    if classes < 2:
        return np.full(len(one), inf)
    places = np.arange(classes)
    of_one = minimum_detectable_difference(places, places) / places.std(ddof=1)  # for a standard deviation of 1
    shares = np.stack([each.shares for each in pool])
    return of_one * (shares[one] - shares[other]).std(1, ddof=1)
