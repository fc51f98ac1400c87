"""Scores beside the best control that each has to beat."""

from dataclasses import dataclass
from math import isfinite

from plotly import graph_objects as go

from .board import Board, Column, Line
from .figures import GREY, PALETTE, axis_title, bars, draw, label, row_height, shown, tick


@dataclass(frozen=True)
class Beside:
    """A line and its best control on a metric; ``told_apart``: it is better by the test of :meth:`Board.separated`."""

    line: Line
    control: Line
    told_apart: bool


def beside_controls(board: Board, column: Column) -> list[Beside]:
    """Lines that have the metric and a control that has it, in the board's order."""
    found = []
    for line in board.lines:
        score, control = line.scores.get(column.metric), board.best_control(column.metric, line)
        if score is not None and score.value is not None and isfinite(score.value) and control is not None:
            found.append(Beside(line, control, bool(board.separated(line, column.metric))))
    return found


def control_figure(board: Board, column: Column, most: int = 30) -> go.Figure | None:
    """A dot with its interval for every line, a grey diamond for its best control.

    Args:
        board: whose lines are drawn.
        column: one of its metrics.
        most: lines that are drawn, in the board's order.
    """
    beside = beside_controls(board, column)[:most]
    if not beside:
        return None
    rows, names = list(range(len(beside))), [tick(each.line) for each in beside]

    def dots(lines: list[Line], **look: object) -> dict:
        scores = [line.scores[column.metric] for line in lines]
        return {"type": "scatter", "mode": "markers", "y": rows,
                "x": shown([score.value for score in scores], column.unit),
                "error_x": bars(scores, column.unit, look["marker"]["color"]),
                "customdata": [label(line) for line in lines],
                "hovertemplate": "%{customdata}: %{x:.4~g}<extra></extra>", **look}

    filled = ["circle" if each.told_apart else "circle-open" for each in beside]
    traces = [dots([each.control for each in beside], name="best control",
                   marker={"color": GREY, "symbol": "diamond", "size": 9}),
              dots([each.line for each in beside], name="line (filled: told apart, and better)",
                   marker={"color": PALETTE[0], "symbol": filled, "size": 11, "line": {"width": 2}})]
    return draw(traces, 170 + row_height([each.line for each in beside]) * len(beside), {"title": axis_title(column)}, {
        "tickvals": rows, "ticktext": names, "range": [len(rows) - 0.4, -0.6], "automargin": True, "showgrid": False},
        legend=True)
