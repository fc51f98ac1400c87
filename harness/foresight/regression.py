"""Regression for logarithms of times and sizes: a middle with a range that is honest where little is known.

Gaussian process regression whose observations have Student-t noise, so that a run on a machine that was busy, or asleep
for an hour, does not spoil what all others say; fitted by expectation maximisation (Jylänki, Vanhatalo and Vehtari,
"Robust Gaussian process regression with a Student-t likelihood", JMLR 2011, section 3.4). numpy only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

Point = TypeVar("Point")
_FREEDOM = 4.0  # of the noise
_PRIOR = 8.0  # observations that the noise of a model is worth
_ROUNDS = 8
_JITTER = 1e-8


@dataclass(frozen=True)
class Model(Generic[Point]):
    """What is known before anything is observed.

    Attributes:
        shared: (key, standard deviation): points of equal key have so much in common.
        near: (number, standard deviation, length): points have the less in common the farther their numbers are apart;
            at ``length`` the correlation has fallen to 1/e.
        noise: scale of what a point shares with no other.
        about: mean of what nothing is known of.
    """

    shared: Sequence[tuple[Callable[[Point], Any], float]]
    near: Sequence[tuple[Callable[[Point], float], float, float]]
    noise: float
    about: float

    def covariance(self, some: Sequence[Point], others: Sequence[Point]) -> np.ndarray:
        """[A, B] of what points have in common."""
        total = np.zeros((len(some), len(others)))
        for key, deviation in self.shared:
            codes: dict[Any, int] = {}
            ours, theirs = (np.array([codes.setdefault(key(point), len(codes)) for point in points], dtype=int)
                            for points in (some, others))
            total += deviation**2 * (ours[:, None] == theirs[None])
        for number, deviation, length in self.near:
            ours, theirs = (np.array([number(point) for point in points], dtype=float) for points in (some, others))
            total += deviation**2 * np.exp(-np.abs(ours[:, None] - theirs[None]) / length)
        return total


class Regression(Generic[Point]):
    """What observations at some points say of others.

    Args:
        points, values: observed; at least one.
    """

    def __init__(self, model: Model[Point], points: Sequence[Point], values: Sequence[float]):
        self._model, self._points = model, list(points)
        covariance = model.covariance(self._points, self._points)
        values = np.asarray(values, dtype=float) - model.about
        variance, weights = model.noise**2, np.ones(len(values))
        for _ in range(_ROUNDS):
            self._root = np.linalg.cholesky(covariance + np.diag(variance / weights))
            self._residuals = np.linalg.solve(self._root, values)
            seen = np.linalg.solve(self._root, covariance)
            # How far each value is from what is now believed to be behind it, as expected over that belief.
            squares = (values - seen.T @ self._residuals)**2 + np.diag(covariance) - (seen**2).sum(0)
            weights = (_FREEDOM + 1) / (_FREEDOM + squares / variance)
            variance = (_PRIOR * model.noise**2 + weights @ squares) / (_PRIOR + len(values))
        self._noise = float(np.sqrt(variance))

    def draws(self, points: Sequence[Point], number: int, random: np.random.Generator) -> np.ndarray:
        """[number, N] joint draws of new observations at ``points``, the noise of each included."""
        places: dict[Point, int] = {}
        which = [places.setdefault(point, len(places)) for point in points]
        distinct = list(places)
        seen = np.linalg.solve(self._root, self._model.covariance(self._points, distinct))
        left = self._model.covariance(distinct, distinct) - seen.T @ seen + _JITTER * np.eye(len(distinct))
        shared = self._model.about + seen.T @ self._residuals
        shared = shared + random.standard_normal((number, len(distinct))) @ np.linalg.cholesky(left).T
        return shared[:, which] + self._noise * random.standard_t(_FREEDOM, (number, len(which)))
