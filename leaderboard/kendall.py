"""Do two metrics put methods in the same order? Kendall's tau-b for every two metrics of a board. numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from .board import Board, Column, Line

if TYPE_CHECKING:
    import pandas

_FEWEST = 3  # methods: two are in the same order or not


@dataclass(frozen=True, eq=False)
class Agreement:
    """Of K metrics.

    Attributes:
        columns: the metrics.
        taus: [K, K] in [-1, 1], 1 where both put the better methods in the same order; NaN below three methods that
            have both scores, and where all scores of a metric are equal.
        methods: int [K, K], how many methods have both scores.
    """

    columns: list[Column]
    taus: np.ndarray
    methods: np.ndarray

    def frame(self) -> "pandas.DataFrame":
        """``taus`` with the metrics' names."""
        import pandas as pd

        names = [column.metric for column in self.columns]
        return pd.DataFrame(self.taus, index=names, columns=names)


def agreement(board: Board, columns: Sequence[Column] | None = None) -> Agreement:
    """Kendall's tau-b of the orders that metrics give, turned so that better is better.

    One line a method, its final level; of lines that saw other files only the largest set, as their scores are no
    order. Ties are exact. Orders within the noise count like others: read it beside the rank intervals. Kendall, "The
    treatment of ties in ranking problems", Biometrika, 1945.

    Args:
        board: whose methods are ordered.
        columns: the metrics; None: all of the board.
    """
    columns = board.columns if columns is None else list(columns)
    methods = comparable([line for line in board.lines if line is _first_level(board, line)])
    known, signs = [], []
    one, other = np.triu_indices(len(methods), 1)
    for column in columns:
        values = np.array([_value(line, column.metric) for line in methods])
        here = ~np.isnan(values)
        sign = np.sign(np.nan_to_num(values[one]) - np.nan_to_num(values[other]))
        known.append(here)
        signs.append(np.where(here[one] & here[other], sign if column.higher_is_better else -sign, 0.0))
    known, signs = (np.array(each, np.float64).reshape(len(columns), -1) for each in (known, signs))
    both = known @ known.T
    untied = signs**2 @ (known[:, one] * known[:, other]).T  # [a, b]: pairs that a parts, among those b knows
    scale = np.sqrt(untied * untied.T)
    taus = np.divide(signs @ signs.T, scale, out=np.full_like(scale, nan), where=(scale > 0) & (both >= _FEWEST))
    return Agreement(columns, taus.clip(-1, 1), both.astype(int))


def comparable(lines: Sequence[Line]) -> list[Line]:
    """The largest set of lines that saw the same files, the first of equal ones."""
    seen: dict[str, list[Line]] = {}
    for line in lines:
        seen.setdefault(line.dataset_fingerprint, []).append(line)
    return max(seen.values(), key=len, default=[])


def _first_level(board: Board, line: Line) -> Line:
    same = [other for other in board.lines if other.group == line.group]
    return next((other for other in same if other.level == "final"), same[0])


def _value(line: Line, metric: str) -> float:
    score = line.scores.get(metric)
    return score.value if score and score.value is not None and isfinite(score.value) else nan
