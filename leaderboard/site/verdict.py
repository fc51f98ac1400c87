"""What may be said of a board in a sentence: who is best, and who is not told apart from the best."""

from collections.abc import Sequence

from ..board import Board, Line
from ..comparison import Ranking
from ..text import line_name, number, printable
from .headlines import VERDICTS
from .ranks import Ranks

_NAMED, _LENGTH = 4, 60  # lines that a sentence names, and characters of each


def verdicts(board: Board, rankings: Sequence[Sequence[Ranking]]) -> list[str]:
    """Sentences as text, one for each headline metric and set of files; none where nothing was ranked."""
    entered = [one for each in rankings for one in each if one.column.metric in VERDICTS]
    return [_verdict(ranking, Ranks([[ranking]])) for ranking in entered]


def facts(board: Board) -> str:
    """Data set, protocol, and how much was scored, as text."""
    lines = [line for line in board.lines if line.scores]
    methods = len({line.group for line in lines})
    entered = _count(methods, "method") + (f" ({_count(len(lines), 'line')})" if len(lines) > methods else "")
    classes, seeds = _classes(board), sorted({line.seeds for line in lines})
    of = [f"{board.images:,} images" if board.images else "", _count(classes, "class") if classes else "",
          printable(board.dataset, _LENGTH)]
    return (f"{entered} on {' of '.join(filter(None, of))}, {_span(seeds, 'seed') if seeds else 'no seed'}, protocol "
            f"{printable(board.protocol or 'unknown', _LENGTH)}.")


def _verdict(ranking: Ranking, ranks: Ranks) -> str:
    metric = ranking.column.metric
    first, *tied = ranking.groups[0]
    others = len(ranking.lines) - 1 - len(tied)
    best = f"{_name(first)} ({_value(ranking, first)})"
    about = f"{printable(ranking.column.title, _LENGTH).capitalize()}: "
    if not tied:
        return f"{about}{best} is best: it beats {_all(others)}."
    if len(tied) >= _NAMED:
        return f"{about}{len(tied)} lines are not told apart from the best one seen, {best}{_but('it beats', others)}."
    size = len(tied) + 1
    # The group is of lines that the first does not beat: two others of it may well be told apart from one another.
    if all((rank.best, rank.worst) == (1, size) for rank in (ranks.of(line, metric) for line in ranking.groups[0])):
        beat = "both beat" if size == 2 else f"all {size} beat"
        return f"{about}{_listed([best, *map(_name, tied)])} are not told apart{_but(beat, others)}."
    are = "is" if len(tied) == 1 else "are"
    return (f"{about}{_listed(list(map(_name, tied)))} {are} not told apart from the best one seen, {best}"
            f"{_but('it beats', others)}.")


def _but(beats: str, others: int) -> str:
    return f"; {beats} {_all(others)}" if others else ""


def _count(many: int, word: str) -> str:
    plural = f"{word}es" if word.endswith("s") else f"{word}s"
    return f"{many:,} {word if many == 1 else plural}"


def _all(others: int) -> str:
    return "the other" if others == 1 else f"all {others} others"


def _value(ranking: Ranking, line: Line) -> str:
    value = line.scores[ranking.column.metric].value
    return number(value, ranking.column.unit) + (" %" if ranking.column.unit == "fraction" else "")


def _name(line: Line) -> str:
    level = "" if line.level == "final" else f" · {printable(line.level, 20)}"
    return line_name(line, _LENGTH) + level


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _span(numbers: Sequence[int], word: str) -> str:
    low, high = numbers[0], numbers[-1]
    return f"{low if low == high else f'{low} to {high}'} {word}{'' if high == 1 else 's'}"


def _classes(board: Board) -> int:
    """Classes that were scored; 0 where items/ do not tell."""
    known = (board.class_sums(line, "accuracy") for line in board.lines if "accuracy" in line.scores)
    return next((len(sums.labels) for sums in known if sums), 0)
