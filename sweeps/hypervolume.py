"""Hypervolume: how much of the objectives' space a set of trials dominates. numpy only, exact.

Zitzler and Thiele, "Multiobjective optimization using evolutionary algorithms: a comparative case study", PPSN 1998;
slicing objectives: While, Hingston, Barone and Huband, "A faster algorithm for calculating hypervolume", IEEE
Transactions on Evolutionary Computation, 2006.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from .front import feasible, front, oriented
from .records import Objective, TrialRecord


def hypervolume(points: ArrayLike, reference: ArrayLike) -> float:
    """Volume of all that lies between the reference and at least one point.

    Args:
        points: [n, m], maximised, m >= 1. One that is not better than the reference in every objective (or is NaN in
            any) adds nothing.
        reference: [m].

    Returns:
        The volume, in the product of the objectives' units; 0 without points.

    Raises:
        ValueError: shapes that do not belong together, a reference that is not finite, or a point at +inf.
    """
    points, reference = np.asarray(points, np.float64), np.asarray(reference, np.float64)
    if points.ndim != 2 or not points.shape[1] or reference.shape != points.shape[1:]:
        raise ValueError(f"points [n, m] and reference [m] do not belong together: "
                         f"{list(points.shape)}, {list(reference.shape)}")
    if not np.isfinite(reference).all() or np.isposinf(points).any():
        raise ValueError("a hypervolume needs a finite reference, and points below infinity")
    return _volume(points[(points > reference).all(1)] - reference)


def hypervolume_of(trials: Iterable[TrialRecord], objectives: Sequence[Objective]) -> float:
    """Hypervolume of finished trials, measured from each objective's ``worst``.

    Where an objective is a consistency, degenerate trials add nothing.
    """
    best = front(trials, objectives)
    sound = feasible(best, [objective.metric for objective in objectives])
    return hypervolume(oriented([trial.values for trial in best], objectives)[sound], reference(objectives))


def reference(objectives: Sequence[Objective]) -> np.ndarray:
    """The point that useless methods reach, float64 [m], oriented as by :func:`.front.oriented`."""
    return oriented([{objective.metric: objective.worst for objective in objectives}], objectives)[0]


def _volume(points: np.ndarray) -> float:
    """Volume between the origin and points [n, m], all of them positive."""
    if not len(points):
        return 0.0
    if points.shape[1] == 1:
        return float(points.max())
    points = points[np.argsort(-points[:, -1], kind="stable")]
    if points.shape[1] == 2:
        widths = np.maximum.accumulate(points[:, 0])
        return float(np.diff(widths, prepend=0.0) @ points[:, 1])
    # From the top down: the slice between two neighbours' last values is as wide as all points above it reach.
    depths = points[:, -1] - np.append(points[1:, -1], 0.0)
    return float(sum(depth * _volume(points[:count, :-1]) for count, depth in enumerate(depths, 1) if depth > 0))
