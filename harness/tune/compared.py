"""The paper's setting and another one on the same images, class by class."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...leaderboard import ClassSums, Store, boards, rankings
from ...leaderboard.board import Board, Line
from ...sweeps import Difference
from .levels import at_one_level

if TYPE_CHECKING:
    import pandas


def compared(store: Store, rows: "pandas.DataFrame", metrics: Sequence[str], paper: set[str],
             found: set[str]) -> list[Difference]:
    """What rows of one data set, split and protocol say of two settings, metric by metric.

    Args:
        rows: of the runs of both, and more.
        paper: run ids of the paper's setting.
        found: of the other one; empty where the paper's stands alone.
    """
    own = rows["run_id"].isin(paper | found) & rows["metric"].isin(metrics) & (rows["status"] == "done")
    # With the sweep's name the board of val would be empty: trials stand on none.
    (board,) = boards(at_one_level(rows[own]).assign(sweep=""), ClassSums(store)) or [Board("", "", "", "", "")]
    lines = {(set(line.run_ids) <= paper, metric): line for line in board.lines for metric in line.scores}
    return [_difference(board, metric, lines[True, metric], lines.get((False, metric))) for metric in metrics
            if (True, metric) in lines]


def _difference(board: Board, metric: str, paper: Line, found: Line | None) -> Difference:
    if found is None:
        return Difference(metric, paper.scores[metric].value)
    means = metric, paper.scores[metric].value, found.scores[metric].value
    for ranking in (one for each in rankings(board) for one in each if one.column.metric == metric):
        (pair,) = ranking.pairs
        told, turned = pair.found, pair.first is paper
        low, high = (-told.high, -told.low) if turned else (told.low, told.high)
        return Difference(*means, -told.difference if turned else told.difference, low, high, told.p_value)
    return Difference(*means)
