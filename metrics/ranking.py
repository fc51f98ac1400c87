"""Ranks with intervals, and groups that cannot be told apart. numpy only.

A rank is what pairwise tests leave possible: of M methods, one is at best behind those that are significantly better,
and at worst ahead of those that are significantly worse. With Holm's correction over all pairs no test is wrong with
95 % chance, and then all intervals hold their true ranks at once; resampled ranks do not, where methods are close to
equal. Klein, Wright and Wieczorek, "A joint confidence region for an overall ranking of populations", Journal of the
Royal Statistical Society C, 2020; Mohamad, van Zwet and Goeman, "Simultaneous confidence intervals for ranks with
application to ranking institutions", Biometrics, 2022.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from .paired import Comparison, holm

Method = TypeVar("Method")


def pairwise_p_values(methods: Sequence[Method], compare: Callable[[Method, Method], Comparison]) -> np.ndarray:
    """P-values [M, M] of all pairs, symmetric, 1 on the diagonal; not corrected.

    Args:
        methods: whatever ``compare`` takes, such as values per image.
        compare: such as ``lambda a, b: paired_difference(a, b, classes)``.
    """
    found = np.ones((len(methods), len(methods)))
    for one, other in combinations(range(len(methods)), 2):
        found[one, other] = found[other, one] = compare(methods[one], methods[other]).p_value
    return found


def rank_intervals(scores: ArrayLike, p_values: ArrayLike, higher_is_better: bool = True,
                   level: float = 0.05) -> np.ndarray:
    """Best and worst rank of each method, all of them right together with chance 1 - ``level``.

    Args:
        scores: [M].
        p_values: [M, M] of :func:`pairwise_p_values`; the diagonal is not looked at.
        higher_is_better: whether rank 1 is the highest score.
        level: chance that any interval is wrong.

    Returns:
        int [M, 2]: 1 + how many are significantly better, M - how many are significantly worse.

    Raises:
        ValueError: shapes that do not belong together, a score that is not finite, or p-values that are not symmetric.
    """
    better = _better(scores, p_values, higher_is_better, level)
    return np.stack([1 + better.sum(0), len(better) - better.sum(1)], 1)


def tie_groups(scores: ArrayLike, p_values: ArrayLike, higher_is_better: bool = True,
               level: float = 0.05) -> list[list[int]]:
    """Groups of methods that cannot be told apart from the best of their group, best group first.

    Arguments and errors are those of :func:`rank_intervals`.

    Returns:
        Indices of methods, best first. The best method that is left takes along all that it is not significantly
        better than; two of them may still differ from one another.
    """
    better = _better(scores, p_values, higher_is_better, level)
    scores = np.asarray(scores, np.float64)
    left = list(np.argsort(-scores if higher_is_better else scores, kind="stable"))
    groups = []
    while left:
        groups.append([int(method) for method in left if not better[left[0], method]])
        left = [method for method in left if better[left[0], method]]
    return groups


def _better(scores: ArrayLike, p_values: ArrayLike, higher_is_better: bool, level: float) -> np.ndarray:
    """bool [M, M]: the first is significantly better than the second, after correction over all pairs."""
    scores, p_values = np.asarray(scores, np.float64), np.asarray(p_values, np.float64)
    if scores.ndim != 1 or p_values.shape != (len(scores), len(scores)):
        raise ValueError(f"scores [M] and p_values [M, M] do not belong together: "
                         f"{list(scores.shape)}, {list(p_values.shape)}")
    if not np.isfinite(scores).all():
        raise ValueError("a score that is not finite has no rank")
    upper = np.triu_indices(len(scores), 1)
    if not np.array_equal(p_values[upper], p_values.T[upper]):
        raise ValueError("p_values must be symmetric")
    significant = np.zeros(p_values.shape, bool)
    significant[upper] = holm(p_values[upper]) < level
    ahead = scores[:, None] > scores if higher_is_better else scores[:, None] < scores
    return (significant | significant.T) & ahead
