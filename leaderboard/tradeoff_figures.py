"""Figures of trade-offs: accuracy against another metric, a radar of methods, and cost.

Each returns a Plotly figure, for a page or a notebook, or None where the board has nothing to draw.
"""

from collections.abc import Sequence
from html import escape

from plotly import graph_objects as go

from .board import Board, Column
from .comparison import Ranking
from .comparison import rankings as ranked
from .figures import GREY, PALETTE, axis_title, bars, draw, label, looks, shown
from .text import printable
from .tradeoffs import Point, chosen, has, scales, trade_off

_ALL, _NAMED = 13, 6  # lines that all have an entry of their own in a legend, and how many of more
_COSTS = {"minutes": "training, minutes", "parameters": "trainable parameters"}
_DASHES = ("solid", "dash", "dot", "dashdot")


def trade_off_figure(board: Board, metric: str,
                     rankings: Sequence[Sequence[Ranking]] | None = None) -> go.Figure | None:
    """Accuracy over another metric, a point with both intervals for every line.

    Filled: in the Pareto front, see :class:`Point`. Dotted: the front of the scores as they are seen.

    Args:
        board: whose lines are drawn.
        metric: of the horizontal axis.
        rankings: of the board; made where they are not given.
    """
    column = _column(board, metric)
    points = trade_off(board, column, ranked(board) if rankings is None else rankings) if column else []
    if not points:
        return None
    named, look = _named(points), looks(board)
    traces = [_front(points, column)]
    for point in named:
        colour, symbol = look[point.line.title, point.line.level]
        traces.append(_points([point], column, colour, symbol))
    rest = [point for point in points if not any(point is one for one in named)]
    if rest:
        traces.append(_points(rest, column, GREY, "circle", f"{len(rest)} others"))
    marks = {}
    if column.metric == "consistency_gain":
        marks = {"shapes": [{"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1,
                             "line": {"dash": "dash", "color": GREY}}],
                 "annotations": [{"x": 0, "y": 1, "yref": "paper", "xanchor": "left", "yanchor": "bottom",
                                  "showarrow": False, "text": "0: maps that ignore the image",
                                  "font": {"color": GREY, "size": 12}}]}
    return draw(traces, 460 + 24 * (len(traces) + 1), {"title": axis_title(column)},
                {"title": {"text": "accuracy, %"}}, legend=True, **marks)


def radar_figure(board: Board, columns: Sequence[Column], most: int = 8) -> go.Figure | None:
    """Methods over metrics: leads over the best control, as shares of the largest lead; see :func:`scales`.

    A click on a name hides or shows it. Metrics on which nobody is above the floor are left out; None where fewer than
    three are left.

    Args:
        board: whose lines are drawn.
        columns: metrics, in turn around the circle.
        most: lines; :func:`chosen` says which.
    """
    scaled = [scale for scale in scales(board, columns) if scale.largest]
    if len(scaled) < 3:
        return None
    around = [escape(printable(scale.column.title, 30)) for scale in scaled]
    traces = []
    for place, at in enumerate(chosen(board, scaled, most)):
        values = shown([scale.shares[at] for scale in scaled], "index")
        traces.append({
            "type": "scatterpolar", "mode": "lines+markers", "r": [*values, values[0]], "theta": [*around, around[0]],
            "name": label(board.lines[at]), "line": {"color": PALETTE[place % len(PALETTE)], "width": 2,
                                          "dash": _DASHES[place // len(PALETTE) % len(_DASHES)]},
            "marker": {"size": 7}, "connectgaps": False,
            "hovertemplate": "%{fullData.name}<br>%{theta}: %{r:.2f}<extra></extra>"})
    grid = {"gridcolor": "rgba(128,128,128,0.3)"}
    radial = {**grid, "range": [0, 1.02], "tickvals": [0, 0.5, 1], "angle": 90, "tickangle": 90,
              "tickfont": {"size": 11}}
    polar = {"bgcolor": "rgba(0,0,0,0)", "radialaxis": radial, "angularaxis": {**grid, "tickfont": {"size": 12}}}
    return draw(traces, 480 + 24 * len(traces), {}, {}, legend=True, margin={"l": 90, "r": 90, "t": 36, "b": 36},
                polar=polar)


def cost_figure(board: Board, cost: str, metric: str) -> go.Figure | None:
    """A score over what training cost, on a logarithmic axis; a point with its interval for every line.

    Args:
        board: whose lines are drawn.
        cost: ``minutes`` of training, or ``parameters`` that were trained.
        metric: of the vertical axis.
    """
    column = _column(board, metric)
    if column is None:
        return None
    spent = {"minutes": lambda line: (line.train_seconds or 0) / 60, "parameters": lambda line:
             line.trainable_parameters or 0}[cost]
    known = [line for line in board.lines if has(line.scores.get(metric)) and spent(line) > 0]
    if not known:
        return None
    look, traces = looks(board), []
    sign = -1 if column.higher_is_better else 1
    best = sorted(known, key=lambda line: sign * line.scores[metric].value)
    own = best if len(known) <= _ALL else best[:_NAMED]
    groups = [[line] for line in own] + ([best[len(own):]] if len(own) < len(best) else [])
    for group in groups:
        alone = len(group) == 1
        colour, symbol = look[group[0].title, group[0].level] if alone else (GREY, "circle")
        scores = [line.scores[metric] for line in group]
        traces.append({
            "type": "scatter", "mode": "markers", "x": [round(spent(line), 3) for line in group],
            "y": shown([score.value for score in scores], column.unit), "error_y": bars(scores, column.unit, colour),
            "name": label(group[0]) if alone else f"{len(group)} others", "customdata": [label(line) for line in group],
            "marker": {"color": colour, "symbol": symbol, "size": 11},
            "hovertemplate": f"%{{customdata}}<br>%{{x:,.4~g}} {_COSTS[cost].split(', ')[-1]}, %{{y:.1f}}"
                             "<extra></extra>"})
    x = {"title": {"text": f"{_COSTS[cost]} (logarithmic)"}, "type": "log", "dtick": "D2"}
    return draw(traces, 400 + 24 * len(traces), x, {"title": axis_title(column)}, legend=True)


def _column(board: Board, metric: str) -> Column | None:
    return next((column for column in board.columns if column.metric == metric), None)


def _named(points: Sequence[Point]) -> list[Point]:
    """Points with an entry in the legend: all of a few, else those in the front as it is seen, then the front."""
    if len(points) <= _ALL:
        return list(points)
    order = sorted(range(len(points)), key=lambda at: (not points[at].seen_in_front, not points[at].in_front, at))
    return [points[at] for at in sorted(order[:_NAMED])]


def _points(points: Sequence[Point], column: Column, colour: str, symbol: str, name: str = "") -> dict:
    return {
        "type": "scatter", "mode": "markers", "x": shown([point.other.value for point in points], column.unit),
        "y": shown([point.accuracy.value for point in points], "fraction"),
        "error_x": bars([point.other for point in points], column.unit, colour),
        "error_y": bars([point.accuracy for point in points], "fraction", colour),
        "name": name or label(points[0].line), "customdata": [label(point.line) for point in points],
        "marker": {"color": colour, "size": 11, "line": {"width": 2, "color": colour},
                   "symbol": [symbol if point.in_front else f"{symbol}-open" for point in points]},
        "hovertemplate": "%{customdata}<br>%{x:.4~g}, accuracy %{y:.1f} %<extra></extra>"}


def _front(points: Sequence[Point], column: Column) -> dict:
    """The stairs through the scores that no other score is better than."""
    way = 1 if column.higher_is_better else -1
    seen = sorted({(point.other.value, point.accuracy.value) for point in points if point.seen_in_front},
                  key=lambda at: way * at[0])
    return {"type": "scatter", "mode": "lines", "x": shown([x for x, _ in seen], column.unit),
            "y": shown([y for _, y in seen], "fraction"),
            "line": {"shape": "vh", "dash": "dot", "width": 1.5, "color": GREY}, "hoverinfo": "skip",
            "name": "front of the scores as seen"}
