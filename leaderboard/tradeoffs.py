"""What is traded for what: accuracy against another metric, scaled scores of methods, and what training costs.

Collected here, drawn in ``tradeoff_figures``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from ..metrics import registry
from .board import Board, Column, Line, Score
from .comparison import Ranking


@dataclass(frozen=True)
class Point:
    """A line with accuracy and another score.

    Attributes:
        in_front: no other line is told apart from it as better on both. What the tests do not tell apart is not called
            better, so a point within the noise of the front belongs to it.
        seen_in_front: no other line has scores that are better on one and as good on the other.
    """

    line: Line
    accuracy: Score
    other: Score
    in_front: bool
    seen_in_front: bool


def trade_off(board: Board, column: Column, rankings: Sequence[Sequence[Ranking]]) -> list[Point]:
    """Lines that have accuracy and the metric, in the board's order.

    Args:
        rankings: of the board, see :func:`rankings`.
    """
    known = [(line, board.score(line, "accuracy"), line.scores.get(column.metric)) for line in board.lines]
    known = [(line, accuracy, other) for line, accuracy, other in known if has(accuracy) and has(other)]
    beaten = _beaten(rankings, column.metric)
    sign = 1 if column.higher_is_better else -1
    seen = [(accuracy.value, sign * other.value) for _, accuracy, other in known]
    return [Point(line, accuracy, other, (line.group, line.level) not in beaten,
                  not any(one >= own[0] and two >= own[1] and (one, two) != own for one, two in seen))
            for (line, accuracy, other), own in zip(known, seen, strict=True)]


def has(score: Score | None) -> bool:
    """Whether a score has a number that can be drawn."""
    return score is not None and score.value is not None and isfinite(score.value)


def _beaten(rankings: Sequence[Sequence[Ranking]], metric: str) -> set[tuple[int, str]]:
    """Lines than which another one is told apart as better on accuracy and on the metric."""
    found = set()
    for each in rankings:
        by_metric = {ranking.column.metric: ranking for ranking in each}
        if "accuracy" not in by_metric or metric not in by_metric:
            continue
        accuracy, other = by_metric["accuracy"], by_metric[metric]
        place: dict[int, int] = {}
        for at, line in enumerate(accuracy.lines):
            place.setdefault(line.group, at)  # accuracy belongs to the method, not to a level
        for at, line in enumerate(other.lines):
            for rival in other.better[:, at].nonzero()[0]:
                ours, theirs = place.get(line.group), place.get(other.lines[rival].group)
                if ours is not None and theirs is not None and accuracy.better[theirs, ours]:
                    found.add((line.group, line.level))
    return found


@dataclass(frozen=True)
class Scale:
    """A metric from what no evidence gives (0) to the best line's score (1); ``floor_is`` and ``best_is`` say which."""

    column: Column
    floor: float
    best: float
    floor_is: str
    best_is: Line

    def of(self, score: Score | None) -> float | None:
        """A score on the scale, not below 0; None where there is none, and where floor and best are one."""
        if not has(score) or self.floor == self.best:
            return None
        return max(0.0, (score.value - self.floor) / (self.best - self.floor))


def scales(board: Board, columns: Sequence[Column]) -> list[Scale]:
    """The scale of every metric that a line of the board has.

    0 is the best control's score; where no control has the metric, the worst that it can be; where it has no bound,
    the worst line's score. A best line that is not better than the floor leaves nothing to scale: no scale.
    """
    found = []
    for column in columns:
        sign = 1 if column.higher_is_better else -1
        lines = [line for line in board.lines if has(line.scores.get(column.metric))]
        if not lines:
            continue
        values = [line.scores[column.metric].value for line in lines]
        best = max(range(len(lines)), key=lambda place: sign * values[place])
        control, card = board.best_control(column.metric), registry.cards.get(column.metric)
        bound = None if card is None else card.bounds[0 if column.higher_is_better else 1]
        if control is not None:
            floor, told = control.scores[column.metric].value, "best control"
        elif bound is not None and isfinite(bound):
            floor, told = bound, "worst possible"
        else:
            floor, told = min(values, key=lambda value: sign * value), "worst line"
        if sign * (values[best] - floor) > 0:
            found.append(Scale(column, floor, values[best], told, lines[best]))
    return found


def chosen(board: Board, scaled: Sequence[Scale], most: int = 8) -> list[Line]:
    """Lines for a radar: one a method, its first level; those with most of the scores, then the highest mean."""
    first = {line.group: line for line in reversed(board.lines)}
    known = []
    for place, line in enumerate(board.lines):
        values = [value for scale in scaled if (value := scale.of(line.scores.get(scale.column.metric))) is not None]
        if line is first[line.group] and values:
            known.append((-len(values), -sum(values) / len(values), place))
    return [board.lines[place] for place in sorted(place for *_, place in sorted(known)[:most])]
