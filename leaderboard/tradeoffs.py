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
    """Leads over a floor on one metric, as shares of the largest lead.

    Attributes:
        column: the metric.
        floor: what a line's lead is over, in words.
        largest: lead, in the metric's unit; 0 where nobody is above its floor.
        shares: of each line of the board, in [0, 1], 0 for a line that is not above its floor; None without a score.
    """

    column: Column
    floor: str
    largest: float
    shares: list[float | None]


def scales(board: Board, columns: Sequence[Column]) -> list[Scale]:
    """The scale of every metric that a line of the board has.

    The floor is the best control that a line has to beat; where no line has a control, the worst that the metric can
    be; where that has no bound, the worst line's score.
    """
    found = []
    for column in columns:
        leads, floor = _leads(board, column)
        known = [lead for lead in leads if lead is not None]
        if known:
            largest = max(0.0, *known)
            found.append(Scale(column, floor, largest, [
                None if lead is None else max(0.0, lead) / largest if largest else 0.0 for lead in leads]))
    return found


def _leads(board: Board, column: Column) -> tuple[list[float | None], str]:
    sign, metric = 1 if column.higher_is_better else -1, column.metric
    values = [line.scores[metric].value if has(line.scores.get(metric)) else None for line in board.lines]
    controls = [None if value is None else board.best_control(metric, line)
                for value, line in zip(values, board.lines, strict=True)]
    if any(controls):
        return [sign * (value - control.scores[metric].value) if control else None
                for value, control in zip(values, controls, strict=True)], "its best control"
    card, known = registry.cards.get(metric), [value for value in values if value is not None]
    bound = None if card is None else card.bounds[0 if column.higher_is_better else 1]
    floor, told = (bound, "the worst possible") if bound is not None and isfinite(bound) else (
        min(known, key=lambda value: sign * value, default=0.0), "the worst line")
    return [None if value is None else sign * (value - floor) for value in values], told


def chosen(board: Board, scaled: Sequence[Scale], most: int = 8) -> list[int]:
    """Places of lines for a radar: one a method, its first level; those with most scores, then the highest mean."""
    first = {line.group: place for place, line in reversed(list(enumerate(board.lines)))}
    known = []
    for place in first.values():
        shares = [share for scale in scaled if (share := scale.shares[place]) is not None]
        if shares:
            known.append((-len(shares), -sum(shares) / len(shares), place))
    return sorted(place for *_, place in sorted(known)[:most])
