"""The Pareto front of a search, and the knee of it. numpy only.

Ranks and the treatment of infeasible trials: Deb, Pratap, Agarwal and Meyarivan, "A fast and elitist multiobjective
genetic algorithm: NSGA-II", IEEE Transactions on Evolutionary Computation, 2002. The knee is the compromise solution of
Zeleny, "Compromise programming", in Multiple Criteria Decision Making, 1973, with equal weights.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from .records import Objective, TrialRecord, is_consistency


def oriented(values: Sequence[Mapping[str, float]], objectives: Sequence[Objective]) -> np.ndarray:
    """The objectives as float64 [n, m], all of them to be maximised: minimised ones are negated.

    Args:
        values: of n trials, by metric.
        objectives: m of them, in the order of the columns.

    Returns:
        [n, m]; a value that is missing or NaN is -inf, the worst there is.
    """
    signs = [1.0 if objective.higher_is_better else -1.0 for objective in objectives]
    points = np.array([[sign * trial.get(objective.metric, np.nan)
                        for sign, objective in zip(signs, objectives, strict=True)] for trial in values], np.float64)
    return _worst_where_nan(points).reshape(len(values), len(objectives))


def ranks(points: ArrayLike, feasible: ArrayLike) -> np.ndarray:
    """Non-dominated rank of each point; those of rank r are dominated by none but points of lower ranks.

    Args:
        points: [n, m], maximised; NaN is the worst there is.
        feasible: bool [n]; a feasible point dominates every infeasible one.

    Returns:
        int [n], 0 is best. Equal points share a rank, and infeasible ones rank after every feasible one.

    Raises:
        ValueError: shapes that do not belong together.
    """
    points, feasible = _worst_where_nan(np.asarray(points, np.float64)), np.asarray(feasible, bool)
    if points.ndim != 2 or feasible.shape != points.shape[:1]:
        raise ValueError(f"points [n, m] and feasible [n] do not belong together: "
                         f"{list(points.shape)}, {list(feasible.shape)}")
    one, other = points[:, None], points[None]
    dominates = (one >= other).all(-1) & (one > other).any(-1)
    dominates = np.where(feasible[:, None] == feasible, dominates, feasible[:, None])
    found, left, rank = np.zeros(len(points), int), np.ones(len(points), bool), 0
    while left.any():
        best = left & ~dominates[left].any(0)
        found[best] = rank
        left &= ~best
        rank += 1
    return found


def finished(trials: Iterable[TrialRecord], objectives: Sequence[Objective]) -> list[TrialRecord]:
    """Trials trained to their last epoch that have a finite value for every objective."""
    return [trial for trial in trials
            if trial.state == "done" and np.isfinite(oriented([trial.values], objectives)).all()]


def feasible(trials: Iterable[TrialRecord], metrics: Iterable[str]) -> np.ndarray:
    """bool [n]: False for degenerate trials, where any of the metrics is one of consistency."""
    matters = any(map(is_consistency, metrics))
    return np.array([not (matters and trial.degenerate) for trial in trials], bool)


def ranks_of(trials: Sequence[TrialRecord], objectives: Sequence[Objective]) -> np.ndarray:
    """:func:`ranks` of trials, int [n]; the degenerate ones are infeasible where an objective is a consistency."""
    return ranks(oriented([trial.values for trial in trials], objectives),
                 feasible(trials, [objective.metric for objective in objectives]))


def front(trials: Iterable[TrialRecord], objectives: Sequence[Objective]) -> tuple[TrialRecord, ...]:
    """The finished trials that none dominates, best in the first objective first, equals by number.

    Where an objective is a consistency, degenerate trials stand on the front only if every finished trial is one:
    a front that is empty would hide them.
    """
    done = finished(trials, objectives)
    best = [trial for trial, rank in zip(done, ranks_of(done, objectives), strict=True) if rank == 0]
    first = oriented([trial.values for trial in best], objectives[:1])[:, 0]
    return tuple(best[i] for i in np.lexsort(([trial.number for trial in best], -first)))


def knee(front: Sequence[TrialRecord], objectives: Sequence[Objective]) -> TrialRecord:
    """The trial of the front that gives up least of everything; with one objective, the best.

    Every objective is scaled to the front's range, and the trial nearest to the ideal point, which is best in all of
    them, is the knee; of trials equally near, the one with the lowest number. Unlike the trial farthest from the plane
    through the extremes, it exists on fronts that bend inwards, too: where values are noisy most do, since extremes
    are there by luck, and are no compromise.

    Raises:
        ValueError: an empty front, or a value that is not finite.
    """
    points = oriented([trial.values for trial in front], objectives)
    if not len(points) or not np.isfinite(points).all():
        raise ValueError("a knee needs at least one trial, and a finite value for every objective")
    span = np.ptp(points, axis=0)
    given_up = (points.max(0) - points) / np.where(span > 0, span, 1)
    distances = np.round(np.linalg.norm(given_up, axis=1), 12)  # rounded, so that equals tie however sums come out
    return min(zip(distances, front, strict=True), key=lambda pair: (pair[0], pair[1].number))[1]


def _worst_where_nan(points: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(points), -np.inf, points)
