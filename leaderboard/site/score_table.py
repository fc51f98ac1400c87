"""The table of a board: a row for each method and level with its ranks, cost, and controls as the floor.

End tags of rows and cells are left out, as HTML allows: a board of 50 methods has a thousand of them.
"""

from collections.abc import Sequence
from html import escape

from .. import page
from ..board import Board, Column, Line
from ..text import BLIND, heading, interval, line_name, number, printable
from . import audit_page
from .headlines import headlines
from .ranks import Ranks

_MANY = 10  # columns from which on those of other metrics than the headline ones are shown on demand
_NONE = "—"


def score_table(board: Board, ranks: Ranks, anchor: str) -> str:
    """HTML of the table, which the site's script sorts, filters and saves.

    Args:
        ranks: of the board.
        anchor: of the board on its page.
    """
    first = headlines(board)
    more = [column for column in board.columns if column not in first]
    levels = any(line.level != "final" for line in board.lines)
    blind, own = ([line for line in board.controls if bool(line.judges) == judges] for judges in (False, True))
    rows = ["".join(_row(board, line, ranks, first, more, levels) for line in lines)
            for lines in (board.lines, blind, own)]
    heads = _heads(board, first, more, levels)
    floor = _floor("controls", "Controls: they cannot know why a model answers as it does", heads, rows[1])
    # Six of each method: the script folds them.
    floor += _floor("controls own", "Controls of single methods", heads, rows[2])
    return (f'<div class="scroll" tabindex="0" role="region" aria-label="Scores: {escape(printable(board.title))}">'
            f'<table class="scores sortable" id="{anchor}-scores" data-name="{escape(_file_name(board))}">'
            f"<caption>{_caption(board)}</caption><thead><tr>{heads}</tr></thead><tbody>{rows[0]}</tbody>{floor}"
            "</table></div>")


def _floor(kind: str, title: str, heads: str, rows: str) -> str:
    return (f'<tbody class="{kind}"><tr><th scope="rowgroup" colspan="{heads.count("<th")}">{title}</th></tr>{rows}'
            "</tbody>") if rows else ""


def _caption(board: Board) -> str:
    said = ("Fractions in per cent: means over seeds, below them 95 % intervals. #1\u20133: by the tests of this board "
            "the rank is one of these; framed: not told apart from the best. n/a: does not apply; "
            f"{_NONE}: not scored; ↑ higher is better, ↓ lower is better. Before you sort, rows are in the order of "
            "accuracy: where ranks overlap, that is no ranking.")
    if board.controls:
        said += f" {BLIND}: not told apart from the best control that stands beside it, or below it."
    return said


def _heads(board: Board, first: Sequence[Column], more: Sequence[Column], levels: bool) -> str:
    folded = " data-more" if len(first) + len(more) + 5 > _MANY else ""
    names = ["method", *(["level"] if levels else []), "seeds"]
    plain = [f'<th scope="col" data-key="{name}" data-first="ascending">{name}</th>' for name in names]
    cost = ['<th scope="col" data-key="minutes" data-first="ascending">training, minutes</th>',
            '<th scope="col" data-key="parameters" data-first="ascending">trainable parameters</th>']
    return "".join([*plain, *(_head(board, column, "") for column in first), *cost,
                    *(_head(board, column, folded) for column in more)])


def _head(board: Board, column: Column, folded: str) -> str:
    floor = ""
    if column.metric.startswith("consistency"):
        floor = f' <a href="{escape(audit_page.address(board.dataset, board.protocol_id))}">blind guesses</a>'
    direction = "" if column.higher_is_better else ' data-first="ascending"'
    return (f'<th scope="col" data-key="{escape(printable(column.metric))}"{direction}{folded}>'
            f"{escape(heading(column))}{floor}</th>")


def _row(board: Board, line: Line, ranks: Ranks, first: Sequence[Column], more: Sequence[Column], levels: bool) -> str:
    minutes = _NONE if line.train_seconds is None else f"{line.train_seconds / 60:.1f}"
    level = "" if line.is_control and not line.judges else escape(printable(line.level, 40))
    return "".join([
        f'<tr><th scope="row">{page.name(line_name(line))}</th>', f'<td class="text">{level}' if levels else "",
        f"<td>{line.seeds}", *(_cell(board, line, column, ranks) for column in first), f"<td>{minutes}",
        _parameters(line.trainable_parameters), *(_cell(board, line, column, ranks) for column in more), "</tr>\n"])


def _parameters(count: int | None) -> str:
    return f"<td>{_NONE}" if count is None else f'<td data-value="{count}">{count:,}'


def _cell(board: Board, line: Line, column: Column, ranks: Ranks) -> str:
    score = line.scores.get(column.metric)
    if score is None or score.value is None:
        return "<td>n/a" if score else f"<td>{_NONE}"
    span, rank = interval(score, column.unit), ranks.of(line, column.metric)
    shown = f"<td>{number(score.value, column.unit)}" + (f"<small>{span}</small>" if span else "")
    if rank:
        shown += f"<b>#{rank}</b>" if rank.tied_best else f"<i>#{rank}</i>"
    if board.separated(line, column.metric) is False:
        control = board.best_control(column.metric, line)
        told = f"not told apart from: {line_name(control)}, {number(control.scores[column.metric].value, column.unit)}"
        shown += f' <abbr title="{escape(told)}">{BLIND}</abbr>'
    return shown


def _file_name(board: Board) -> str:
    """Of exports; a browser makes a name of it that the file system can hold."""
    said = (board.dataset, board.backbone, board.protocol)
    return "-".join(printable(part, 40) for part in said if part)
