"""The leaderboard as a table: a pandas summary, and what a terminal shows."""

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from .board import Board, Column, Failure, Line
from .class_sums import ClassSums
from .collect import boards
from .text import BLIND, cell, heading, interval, line_name, number, printable

if TYPE_CHECKING:
    import pandas

_ERROR_LENGTH = 160


def summary(frame: "pandas.DataFrame", sums: ClassSums | None = None) -> "pandas.DataFrame":
    """One line per data set, split, backbone, protocol, method and level; controls last on each board.

    Columns ``dataset, split, backbone, protocol, protocol_id, method`` (with its variant)``, setup`` (what sets it
    apart from others of its name)``, level, seeds``, then one per metric: ``73.3 [70.1, 76.2]``, the mean over seeds,
    per cent for fractions.
    A mark ``≈`` follows a score that is not told apart from the best control's. ``sums``: of :func:`boards`.
    """
    import pandas as pd

    names = ["dataset", "split", "backbone", "protocol", "protocol_id", "method", "setup", "level", "seeds"]
    gathered = boards(frame, sums)
    metrics = list(dict.fromkeys(c.metric for board in gathered for c in board.columns))
    lines = []
    for board in gathered:
        where = (board.dataset, board.split, board.backbone, board.protocol, board.protocol_id)
        for line in (*board.lines, *board.controls):
            cells = {c.metric: _marked(board, line, c) for c in board.columns}
            lines.append({**dict(zip(names, (*where, line.name, line.setup, line.level, line.seeds), strict=True)),
                          **cells})
    return pd.DataFrame(lines, columns=[*names, *metrics]).fillna("")


def _marked(board: Board, line: Line, column: Column) -> str:
    shown = cell(line.scores.get(column.metric), column.unit)
    return f"{shown} {BLIND}" if board.separated(line, column.metric) is False else shown


def leaderboard_table(frame: "pandas.DataFrame", width: int = 100, blocks: int = 2,
                      sums: ClassSums | None = None) -> Group:
    """What a terminal prints: each board in at most ``blocks`` tables of ``width`` characters, the rest by name.

    ``sums``: of :func:`boards`.
    """
    parts = []
    for board in boards(frame, sums):
        parts.append(Text(printable(board.title), style="bold"))
        fitting = _fitting(board, width)
        parts += [_table(board, columns) for columns in fitting[:blocks]]
        more = [printable(column.title) for columns in fitting[blocks:] for column in columns]
        parts += [Text(f"also scored: {', '.join(more)}", style="dim")] if more else []
        parts += [_failed(failure) for failure in board.failures]
        parts.append(Text())
    if not parts:
        return Group(Text("no rows yet"))
    note = (f"fractions in per cent; means over seeds with 95 % intervals; ↑ higher is better, ↓ lower is better; "
            f"{BLIND} not told apart from the best control")
    return Group(*parts, Text(note, style="dim"))


def _fitting(board: Board, width: int) -> list[list[Column]]:
    """Columns in groups that fit beside the names."""
    groups: list[list[Column]] = []
    left = 0
    for column in board.columns:
        needed = _column_width(column) + 1
        if not groups or left < needed:
            groups.append([])
            left = width - _name_width(board) - _level_width(board) - len("seeds") - 3
        groups[-1].append(column)
        left -= needed
    return groups


def _column_width(column: Column) -> int:
    return max(11 if column.unit == "fraction" else 14, *(len(word) for word in heading(column).split(" ")))


def _name_width(board: Board) -> int:
    return min(28, max((len(line_name(line)) for line in (*board.lines, *board.controls)), default=8))


def _level_width(board: Board) -> int:
    return min(12, max((len(_level(line)) for line in (*board.lines, *board.controls)), default=5))


def _level(line: Line) -> str:
    # Blind controls have no map sets; "final" would suggest that there were others.
    return "control" if line.is_control and not line.judges else printable(line.level)


def _table(board: Board, columns: list[Column]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("method", width=max(6, _name_width(board)), overflow="fold")
    table.add_column("level", width=max(5, _level_width(board)), no_wrap=True)
    table.add_column("seeds", justify="right")
    for column in columns:
        table.add_column(Text(heading(column)), justify="right", width=_column_width(column))
    for line in (*board.lines, *board.controls):
        table.add_row(Text(line_name(line)), Text(_level(line)), str(line.seeds),
                      *[_cell(board, line, column) for column in columns], style="dim" if line.is_control else "")
    return table


def _cell(board: Board, line: Line, column: Column) -> Text:
    score = line.scores.get(column.metric)
    if score is None or score.value is None:
        return Text(cell(score, column.unit))
    mark = f"{BLIND} " if board.separated(line, column.metric) is False else ""
    shown = Text(mark + number(score.value, column.unit))
    span = interval(score, column.unit).strip("[]")
    return shown.append(f"\n{span}", style="dim") if span else shown


def _failed(failure: Failure) -> Text:
    text = Text(f"{failure.status.replace('_', ' ')}: ", style="red")
    text.append(f"{printable(failure.name)} seed {failure.seed} ({printable(failure.run_id)})", style="default")
    first = failure.error.partition("\n")[0]
    return text.append(f" {printable(first, _ERROR_LENGTH)}", style="default")
