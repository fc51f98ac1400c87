"""Methods over several data sets: Friedman's test and Nemenyi's critical difference of average ranks.

Demsar, "Statistical comparisons of classifiers over multiple data sets", Journal of Machine Learning Research, 2006.
numpy and scipy.special.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import isfinite

import numpy as np
from scipy import special

from .board import Board, Column, Line
from .kendall import comparable

_LEVEL = 0.05
_FEWEST_METHODS, _FEWEST_BLOCKS = 3, 2


@dataclass(frozen=True, eq=False)
class Blocks:
    """The scores of K methods on N boards of one protocol, each another data set or backbone.

    Attributes:
        column: the metric.
        boards: N; of several boards on one data set and backbone only that of most methods is here.
        methods: K names of those that have a score on every board.
        scores: [N, K].
        left_out: method -> titles of the boards on which it has no score.
    """

    column: Column
    boards: list[Board]
    methods: list[str]
    scores: np.ndarray
    left_out: dict[str, list[str]]

    @property
    def enough(self) -> bool:
        """Whether there is anything to test: three methods on two boards."""
        return len(self.methods) >= _FEWEST_METHODS and len(self.boards) >= _FEWEST_BLOCKS


@dataclass(frozen=True, eq=False)
class CriticalDifference:
    """Average ranks of K methods over N boards.

    Attributes:
        blocks: what was ranked.
        ranks: [N, K], 1 is best; ties share the mean of their ranks.
        average: [K], over boards.
        chi_squared, p_value: Friedman's test that all methods are equal, with correction for ties; its chi-squared
            distribution holds the better the more boards there are.
        difference: Nemenyi's critical difference: average ranks closer than this are not told apart.
        groups: places of methods that are not told apart, best first, each as long as it can be. All in one where
            Friedman's test finds no difference.
    """

    blocks: Blocks
    ranks: np.ndarray
    average: np.ndarray
    chi_squared: float
    p_value: float
    difference: float
    groups: list[list[int]]

    @classmethod
    def of(cls, blocks: Blocks) -> "CriticalDifference":
        """Test them.

        Raises:
            ValueError: not :attr:`Blocks.enough`.
        """
        if not blocks.enough:
            raise ValueError("a critical difference needs three methods on two boards")
        sign = -1 if blocks.column.higher_is_better else 1
        ranks = np.stack([_ranks(sign * row) for row in blocks.scores])
        boards, methods = ranks.shape
        average = ranks.mean(0)
        counts = [np.unique(row, return_counts=True)[1] for row in ranks]
        untied = 1 - sum(float((count**3 - count).sum()) for count in counts) / (boards * (methods**3 - methods))
        plain = 12 * boards / (methods * (methods + 1)) * float(((average - (methods + 1) / 2) ** 2).sum())
        chi_squared = plain / untied if untied > 0 else 0.0
        p_value = float(special.chdtrc(methods - 1, chi_squared))
        difference = critical_range(methods) / 2**0.5 * (methods * (methods + 1) / (6 * boards)) ** 0.5
        order = [int(place) for place in np.argsort(average, kind="stable")]
        groups = _groups(order, average, difference) if p_value < _LEVEL else [order]
        return cls(blocks, ranks, average, chi_squared, p_value, difference, groups)


def friedman_blocks(boards: Sequence[Board], metric: str) -> list[Blocks]:
    """Boards of one protocol name and split as blocks, for every protocol that has the metric.

    A method is known by its name; where a board has several lines of a name and level, by what sets them apart too.
    Of lines that saw other files, only the largest set of a board counts.
    """
    found: dict[tuple[str, str], dict[tuple[str, str], tuple[Board, dict[str, float]]]] = {}
    for board in boards:
        scores = _scores(board, metric)
        if scores:
            places = found.setdefault((board.protocol, board.split), {})
            here = board.dataset, board.backbone
            if here not in places or len(scores) > len(places[here][1]):
                places[here] = board, scores
    return [_block(metric, list(places.values())) for _, places in sorted(found.items())]


def _block(metric: str, known: Sequence[tuple[Board, dict[str, float]]]) -> Blocks:
    names = list(dict.fromkeys(name for _, scores in known for name in scores))
    missing = {name: [board.title for board, scores in known if name not in scores] for name in names}
    methods = [name for name in names if not missing[name]]
    column = next(column for column in known[0][0].columns if column.metric == metric)
    return Blocks(column, [board for board, _ in known], methods,
                  np.array([[scores[name] for name in methods] for _, scores in known]).reshape(len(known), -1),
                  {name: boards for name, boards in missing.items() if boards})


def _scores(board: Board, metric: str) -> dict[str, float]:
    lines = comparable([line for line in board.lines if metric in line.scores
                        and line.scores[metric].value is not None and isfinite(line.scores[metric].value)])
    alone = [(line.name, line.level) for line in lines]
    return {_name(line, alone.count((line.name, line.level)) == 1): line.scores[metric].value for line in lines}


def _name(line: Line, alone: bool) -> str:
    return (line.name if alone else line.title) + ("" if line.level == "final" else f" · {line.level}")


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks of ascending values, ties sharing their mean."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def _groups(order: Sequence[int], average: np.ndarray, difference: float) -> list[list[int]]:
    """Every longest run of methods in order of rank that lie within the critical difference; loners are a group too."""
    found: list[list[int]] = []
    for start in range(len(order)):
        run = [place for place in order[start:] if average[place] - average[order[start]] < difference]
        if not found or run[-1] != found[-1][-1]:
            found.append(run)
    return found


@cache
def critical_range(groups: int) -> float:
    """The 95 % quantile of the studentised range of ``groups`` normal values, infinite degrees of freedom."""
    grid = np.linspace(-9, 9, 1801)
    density = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi) * (grid[1] - grid[0])
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        inside = groups * float(density @ (special.ndtr(grid) - special.ndtr(grid - middle)) ** (groups - 1))
        low, high = (middle, high) if inside < 1 - _LEVEL else (low, middle)
    return high
