"""The lines of a board against each other: tests of every pair, ranks with intervals, tie groups.

Two lines whose class sums are known are tested class by class, on the same classes; others from their rows alone. Both
kinds of p-values may stand side by side: Holm's correction, over all pairs of a metric, asks nothing else of them.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from ..errors import unknown
from ..metrics import Comparison, holm, rank_intervals, tie_groups
from .board import Board, Column, Line
from .class_sums import RESAMPLES, ClassSums, SeedSums
from .class_tests import ClassTests
from .collect import boards
from .row_tests import RowTests
from .store import Store, load

if TYPE_CHECKING:
    import pandas

_PLACE = ["dataset", "split", "backbone", "protocol", "protocol_id"]
_COLUMNS = [*_PLACE, "metric", "first", "first_level", "second", "second_level", "test", "difference", "ci_low",
            "ci_high", "p_value", "p_holm", "effect_size"]
_LEVEL = 0.05  # chance that anything on a ranking is wrong


@dataclass(frozen=True)
class Pair:
    """Two lines; ``found`` is the first minus the second, ``p_holm`` corrected over all pairs of the ranking.

    ``test``: ``classes`` or ``rows``, what was compared; see :class:`ClassTests` and :class:`RowTests`.
    """

    first: Line
    second: Line
    found: Comparison
    p_holm: float
    test: str


@dataclass(frozen=True, eq=False)
class Ranking:
    """The M lines of a board that have a score on one metric, at least two.

    Attributes:
        column: the metric.
        lines: in the board's order.
        values: [M], their scores.
        ranks: best and worst rank of each, all of them right together with 95 % chance.
        groups: lines that are not told apart from the best of their group, best group first.
        p_values: [M, M], of no difference; not corrected.
        p_holm: [M, M], corrected over all pairs; 1 on the diagonal.
        effects: [M, M], effect sizes of the row minus the column: d_z over classes, or d over seeds.
        by_class: bool [M], class sums are known; pairs of such lines are tested class by class.
        detectable: the smallest difference that one test on so many images and classes shows with 80 % power, the
            median over pairs. Class by class it is that of the models as trained, whatever their seeds.
    """

    column: Column
    lines: list[Line]
    values: np.ndarray
    ranks: list[tuple[int, int]]
    groups: list[list[Line]]
    p_values: np.ndarray
    p_holm: np.ndarray
    effects: np.ndarray
    by_class: np.ndarray
    detectable: float
    _sums: list[SeedSums | None]
    _row_tests: RowTests | None
    _resamples: int

    @cached_property
    def better(self) -> np.ndarray:
        """bool [M, M]: the line of the row is told apart from that of the column, and better."""
        sign = 1 if self.column.higher_is_better else -1
        return (self.p_holm < _LEVEL) & (sign * (self.values[:, None] - self.values) > 0)

    @cached_property
    def pairs(self) -> list[Pair]:
        """Every two lines; intervals are drawn only now, so ask where they are shown."""
        return [self.pair(one, other) for one, other in combinations(range(len(self.lines)), 2)]

    def pair(self, one: int, other: int) -> Pair:
        """The lines at two places."""
        by_class = bool(self.by_class[one] and self.by_class[other])
        if by_class:
            found = replace(self._sums[one].compared(self._sums[other], self._resamples),
                            p_value=float(self.p_values[one, other]))
        else:
            found = self._row_tests.compared(one, other)
        return Pair(self.lines[one], self.lines[other], found, float(self.p_holm[one, other]),
                    "classes" if by_class else "rows")


def rankings(board: Board, resamples: int = RESAMPLES) -> list[list[Ranking]]:
    """Every metric's ranking, apart for lines that did not see the same files. Controls are not ranked."""
    seen: dict[str, list[Line]] = {}
    for line in board.lines:
        seen.setdefault(line.dataset_fingerprint, []).append(line)
    found = [[_ranking(board, lines, column, resamples) for column in board.columns] for lines in seen.values()]
    return [known for each in found if (known := [one for one in each if one])]


def _ranking(board: Board, lines: Sequence[Line], column: Column, resamples: int) -> Ranking | None:
    metric = column.metric
    lines = [line for line in lines if metric in line.scores and line.scores[metric].value is not None
             and isfinite(line.scores[metric].value)]
    if len(lines) < 2:
        return None
    size = len(lines)
    sums = [board.class_sums(line, metric) for line in lines]
    by_class = np.array([each is not None for each in sums])
    values = np.array([line.scores[metric].value if each is None else each.value
                       for line, each in zip(lines, sums, strict=True)])
    rows = None if by_class.all() else RowTests.of([line.scores[metric] for line in lines])
    p_values, effects, detectable = (np.full((size, size), np.nan) for _ in range(3))
    if rows:
        p_values, effects, detectable = rows.p_values.copy(), rows.effects.copy(), rows.detectable()
    if by_class.sum() > 1:
        tests = ClassTests.of([each for each in sums if each is not None], resamples)
        both = np.ix_(by_class, by_class)
        p_values[both], effects[both], detectable[both] = tests.p_values, tests.effects, tests.detectable
    upper = np.triu_indices(size, 1)
    p_holm = np.ones((size, size))
    p_holm[upper] = p_holm.T[upper] = holm(p_values[upper])
    judged = values, p_values, column.higher_is_better
    return Ranking(column, lines, values, [(int(best), int(worst)) for best, worst in rank_intervals(*judged)],
                   [[lines[place] for place in group] for group in tie_groups(*judged)], p_values, p_holm, effects,
                   by_class, float(np.median(detectable[upper])), sums, rows, resamples)


def compare(out: str | os.PathLike, metric: str = "consistency_gain", resamples: int = 10_000) -> "pandas.DataFrame":
    """Every two lines of every board on one metric, each pair tested as :func:`rankings` does; nothing is written.

    Args:
        out: results folder.
        metric: what to compare.
        resamples: draws of classes behind the intervals.

    Returns:
        Columns ``dataset, split, backbone, protocol, protocol_id, metric, first, first_level, second, second_level,
        test`` (``classes``: on the same classes; ``rows``: from values and intervals of the rows alone)``, difference``
        (first minus second, in the metric's unit: 0.01 is a point)``, ci_low, ci_high, p_value, p_holm``
        (corrected over all pairs of the board)``, effect_size`` (Cohen's d_z over classes, or d over seeds).
        Controls are left out.

    Raises:
        UserError: there are no results, or none of that metric.
    """
    import pandas as pd

    frame = load(out)
    known = {name for name in frame["metric"] if name}
    if metric not in known:
        raise unknown("scored metric", metric, known)
    found = boards(frame[frame["metric"] == metric], ClassSums(Store(out)))
    return pd.DataFrame([row for board in found for row in _rows(board, resamples)], columns=_COLUMNS)


def _rows(board: Board, resamples: int) -> list[tuple]:
    place = [getattr(board, name) for name in _PLACE]
    return [(*place, ranking.column.metric, pair.first.title, pair.first.level, pair.second.title, pair.second.level,
             pair.test, pair.found.difference, pair.found.low, pair.found.high, pair.found.p_value, pair.p_holm,
             pair.found.effect_size)
            for each in rankings(board, resamples) for ranking in each for pair in ranking.pairs]
