"""The lines of a board against each other: paired tests over the same classes, ranks with intervals, tie groups."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from ..errors import unknown
from ..metrics import Comparison, holm, rank_intervals, tie_groups
from .board import Board, Column, Line
from .class_sums import RESAMPLES, ClassSums
from .collect import boards
from .store import Store, load

if TYPE_CHECKING:
    import pandas

_PLACE = ["dataset", "split", "backbone", "protocol", "protocol_id"]
_COLUMNS = [*_PLACE, "metric", "first", "first_level", "second", "second_level", "difference", "ci_low", "ci_high",
            "p_value", "p_holm", "effect_size"]


@dataclass(frozen=True)
class Pair:
    """Two lines; ``found`` is the first minus the second, ``p_holm`` corrected over all pairs of the ranking."""

    first: Line
    second: Line
    found: Comparison
    p_holm: float


@dataclass(frozen=True)
class Ranking:
    """The lines of a board on one metric, at least two.

    Attributes:
        column: the metric.
        lines: those whose class sums are known, in the board's order.
        ranks: best and worst rank of each, all of them right together with 95 % chance.
        groups: lines that are not told apart from the best of their group, best group first.
        pairs: every two lines.
        detectable: the smallest difference that one test on so many images and classes shows with 80 % power, the
            median over pairs; of the trained models, whatever their seeds.
    """

    column: Column
    lines: list[Line]
    ranks: list[tuple[int, int]]
    groups: list[list[Line]]
    pairs: list[Pair]
    detectable: float


def rankings(board: Board, resamples: int = RESAMPLES) -> list[list[Ranking]]:
    """Every metric's ranking, apart for lines that did not see the same files. Controls are not ranked."""
    seen: dict[str, list[Line]] = {}
    for line in board.lines:
        seen.setdefault(line.dataset_fingerprint, []).append(line)
    found = [[_ranking(board, lines, column, resamples) for column in board.columns] for lines in seen.values()]
    return [known for each in found if (known := [one for one in each if one])]


def _ranking(board: Board, lines: Sequence[Line], column: Column, resamples: int) -> Ranking | None:
    entered = [(line, sums) for line in lines if (sums := board.class_sums(line, column.metric))]
    if len(entered) < 2:
        return None
    lines, sums = zip(*entered, strict=True)
    places = list(combinations(range(len(lines)), 2))
    found = [sums[one].compared(sums[other], resamples) for one, other in places]
    p_values = np.ones((len(lines), len(lines)))
    for (one, other), comparison in zip(places, found, strict=True):
        p_values[one, other] = p_values[other, one] = comparison.p_value
    judged = [each.value for each in sums], p_values, column.higher_is_better
    pairs = [Pair(lines[one], lines[other], comparison, float(p)) for (one, other), comparison, p in
             zip(places, found, holm([comparison.p_value for comparison in found]), strict=True)]
    return Ranking(column, list(lines), [(int(best), int(worst)) for best, worst in rank_intervals(*judged)],
                   [[lines[place] for place in group] for group in tie_groups(*judged)], pairs,
                   median(sums[one].detectable(sums[other]) for one, other in places))


def compare(out: str | os.PathLike, metric: str = "consistency_gain", resamples: int = 10_000) -> "pandas.DataFrame":
    """Every two lines of every board on one metric, tested on the same classes; nothing is written.

    Args:
        out: results folder.
        metric: what to compare; metrics without class sums (NMI, ARI) have no pairs.
        resamples: draws of classes behind the intervals.

    Returns:
        Columns ``dataset, split, backbone, protocol, protocol_id, metric, first, first_level, second, second_level,
        difference`` (first minus second, in the metric's unit: 0.01 is a point)``, ci_low, ci_high, p_value, p_holm``
        (corrected over all pairs of the board)``, effect_size`` (Cohen's d_z over classes). Controls are left out.

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
             pair.found.difference, pair.found.low, pair.found.high, pair.found.p_value, pair.p_holm,
             pair.found.effect_size)
            for each in rankings(board, resamples) for ranking in each for pair in ranking.pairs]
