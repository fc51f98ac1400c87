"""Insertion and deletion curves of the lines of a board, with bands, beside those of their controls."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..metrics.statistics import student_t
from .board import Board, Line
from .class_sums import ClassSums
from .collect import boards
from .evidence import CURVES, Curves, EvidenceOf
from .store import Store, load

_OUTSIDE = 0.05  # of a 95 % band
_NORMAL = 1.959964
POINTS = 33  # of a curve that is drawn


@dataclass(frozen=True, eq=False)
class Band:
    """A mean curve with a pointwise 95 % interval.

    Attributes:
        mean, low, high: [S + 1], probabilities.
        images: that it is the mean over, of one seed.
        area: under the mean curve, by the trapezoid rule: the leaderboard's score.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    images: int

    @property
    def area(self) -> float:
        return float(((self.mean[1:] + self.mean[:-1]) / 2).mean())

    def points(self) -> np.ndarray:
        """Indices of at most ``POINTS`` points that are drawn, both ends among them."""
        return np.unique(np.linspace(0, len(self.mean) - 1, POINTS).round().astype(int))


@dataclass(frozen=True, eq=False)
class CurveView:
    """The curves of one line, and of the controls that judge it, by mode: insertion, deletion."""

    line: Line
    bands: dict[str, Band]
    controls: list[tuple[Line, dict[str, Band]]]


def curve_views(out: str | os.PathLike) -> list[tuple[Board, list[CurveView]]]:
    """The curves of every line, by the boards of a results folder.

    Raises:
        UserError: there are no results.
    """
    store = Store(out)
    evidence = EvidenceOf(store)
    return [(board, collect(board, evidence)[0]) for board in boards(load(out), ClassSums(store))]


def collect(board: Board, evidence: EvidenceOf, most: int = 24) -> tuple[list[CurveView], list[Line]]:
    """The first ``most`` lines of a board that have curves, and the lines that are left out."""
    scored = [line for line in board.lines if line.level == "final" and any(mode in line.scores for mode in CURVES)]
    views = []
    for line in scored[:most]:
        bands = _bands(board, line, evidence)
        if bands:
            judges = [control for control in board.controls
                      if control.judges == line.name and control.setup == line.setup
                      and any(mode in control.scores for mode in CURVES)]
            found = [(control, _bands(board, control, evidence)) for control in judges]
            views.append(CurveView(line, bands, [(control, own) for control, own in found if own]))
    return views, scored[most:] if views else []


def band(seeds: Sequence[Curves]) -> Band:
    """The mean over images, then over seeds, with a pointwise 95 % interval over classes and seeds.

    Images of a class are alike, so classes are the units; with one class, its images are. The standard errors of
    classes and of seeds add in squares, each with Student's t, that of seeds in the measure of its share: see
    :func:`partbench.metrics.statistics.limits`.

    Args:
        seeds: of one line, the same number of points each.

    Raises:
        ValueError: no image, curves of different lengths, or a value that is not finite.
    """
    values = [np.asarray(each.values, np.float64) for each in seeds]
    if not values or not all(len(each) for each in values) or len({each.shape[1] for each in values}) > 1:
        raise ValueError("a mean curve needs at least one image, and curves of one length")
    if not all(np.isfinite(each).all() for each in values):
        raise ValueError("a curve is not finite on some image")
    means = np.stack([each.mean(0) for each in values])
    mean, images = means.mean(0), max(map(len, values))
    by_class, units = _class_error(values, [each.labels for each in seeds], means)
    by_seed = means.var(0, ddof=1) / len(means) if len(means) > 1 else np.zeros_like(mean)
    reach = np.full_like(mean, np.inf)
    if units > 1:
        share = np.sqrt(by_seed / np.maximum(by_seed + by_class, 1e-300))
        t_seeds = student_t(len(means) - 1, _OUTSIDE) if len(means) > 1 else 0.0
        reach = np.sqrt(student_t(units - 1, _OUTSIDE) ** 2 * by_class
                        + by_seed * (_NORMAL**2 + (t_seeds**2 - _NORMAL**2) * share))
    return Band(mean, np.clip(mean - reach, 0, 1), np.clip(mean + reach, 0, 1), images)


def _class_error(values: Sequence[np.ndarray], labels: Sequence[np.ndarray],
                 means: np.ndarray) -> tuple[np.ndarray, int]:
    """Squared standard error [S + 1] of the mean from the spread of classes, and how many units that spread is of."""
    known = np.unique(np.concatenate(labels))
    if len(known) == 1:
        labels = [np.arange(len(each)) for each in values]
        known = np.arange(max(map(len, values)))
    above = np.zeros((len(known), means.shape[1]))
    for each, own, mean in zip(values, labels, means, strict=True):
        np.add.at(above, np.searchsorted(known, own), (each - mean) / (len(each) * len(values)))
    return (above**2).sum(0) * len(known) / max(len(known) - 1, 1), len(known)


def _bands(board: Board, line: Line, evidence: EvidenceOf) -> dict[str, Band]:
    """By mode; a mode that not all of its runs left, with as many steps, is not there."""
    found: dict[str, list[Curves]] = {mode: [] for mode in CURVES}
    for run_id in line.run_ids:
        both = evidence.ask(run_id, board.protocol_id, board.split,
                            lambda known: [known.curves(mode) for mode in CURVES]) or [None] * len(CURVES)
        for mode, curves in zip(CURVES, both, strict=True):
            found[mode] += [] if curves is None else [curves]
    return {mode: band(curves) for mode, curves in found.items()
            if len(curves) == len(line.run_ids) and len({each.values.shape[1] for each in curves}) == 1}
