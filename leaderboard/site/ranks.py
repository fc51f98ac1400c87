"""Where the lines of a board stand, looked up by line and metric."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..board import Line
from ..comparison import Ranking


@dataclass(frozen=True)
class Rank:
    """Best and worst rank that the tests allow; ``tied_best``: not told apart from the best line of the metric."""

    best: int
    worst: int
    tied_best: bool

    def __str__(self) -> str:
        return str(self.best) if self.best == self.worst else f"{self.best}\u2013{self.worst}"


class Ranks:
    """Ranks out of a board's rankings; lines that saw other files are ranked apart from each other."""

    def __init__(self, rankings: Iterable[Sequence[Ranking]]):
        self._found = {}
        for ranking in (one for each in rankings for one in each):
            best = {_key(line) for line in ranking.groups[0]}
            for line, (first, last) in zip(ranking.lines, ranking.ranks, strict=True):
                self._found[ranking.column.metric, *_key(line)] = Rank(first, last, _key(line) in best)

    def of(self, line: Line, metric: str) -> Rank | None:
        """None where the line is not ranked on the metric."""
        return self._found.get((metric, *_key(line)))


def _key(line: Line) -> tuple[int, str]:
    return line.group, line.level
