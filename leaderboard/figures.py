"""Figures of a board: each function returns a Plotly figure, or None where the board has nothing to draw."""

from html import escape

from plotly import graph_objects as go

from .board import Board, Line, Score
from .text import line_name, printable

# Okabe and Ito's colours, those that stand out on white and on black first.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442")
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "triangle-down", "pentagon")
GREY, _GRID = "#808080", "rgba(128,128,128,0.3)"


def accuracy_against_gain(board: Board) -> go.Figure | None:
    """Accuracy over consistency gain in per cent, a point with both intervals for every method and level."""
    points = [(line, board.score(line, "accuracy"), line.scores.get("consistency_gain")) for line in board.lines]
    points = [(line, y, x) for line, y, x in points if x and y and x.value is not None and y.value is not None]
    if not points:
        return None
    looks = _looks(board)
    figure = go.Figure()
    for line, y, x in points:
        colour, symbol = looks[line.title, line.level]
        figure.add_scatter(
            x=[100 * x.value], y=[100 * y.value], error_x=_bars(x, colour), error_y=_bars(y, colour), mode="markers",
            name=_label(line), marker={"color": colour, "symbol": symbol, "size": 12},
            hovertemplate="%{fullData.name}<br>gain %{x:.1f} %, accuracy %{y:.1f} %<extra></extra>")
    figure.add_vline(x=0, line={"dash": "dash", "color": GREY})
    figure.add_annotation(x=0, y=1, yref="paper", xanchor="left", yanchor="bottom", showarrow=False,
                          text="0: maps that ignore the image", font={"color": GREY, "size": 12})
    figure.update_xaxes(title="consistency gain, %")
    figure.update_yaxes(title="accuracy, %")
    return finish(figure, 460 + 22 * len(points), legend=True)


def consistency_beside_controls(board: Board) -> go.Figure | None:
    """Consistency in per cent, a bar for every method and level, then the controls; a line marks the best control."""
    shown = [(line, line.scores["consistency"]) for line in (*board.lines, *board.controls)
             if "consistency" in line.scores and line.scores["consistency"].value is not None]
    if not shown:
        return None
    looks = _looks(board)
    shades = [GREY if line.is_control else looks[line.title, line.level][0] for line, _ in shown]
    spans = [_span(score) for _, score in shown]
    figure = go.Figure(go.Bar(
        orientation="h", y=list(range(len(shown))), x=[100 * score.value for _, score in shown],
        marker={"color": shades}, customdata=[_label(line) for line, _ in shown],
        error_x={"type": "data", "symmetric": False, "array": [up for _, up in spans],
                 "arrayminus": [down for down, _ in spans], "color": GREY},
        hovertemplate="%{customdata}<br>consistency %{x:.1f} %<extra></extra>"))
    best = board.best_control("consistency")
    if best:
        figure.add_vline(x=100 * best.scores["consistency"].value, line={"dash": "dash", "color": GREY},
                         annotation={"text": f"best control: {_label(best)}", "yanchor": "bottom", "y": 1,
                                     "xanchor": "center", "font": {"color": GREY, "size": 12}})
    figure.update_yaxes(tickvals=list(range(len(shown))), ticktext=[_label(line) for line, _ in shown],
                        autorange="reversed", automargin=True, showgrid=False)
    figure.update_xaxes(title="consistency, %", rangemode="tozero")
    return finish(figure, 150 + 30 * len(shown))


def _looks(board: Board) -> dict[tuple[str, str], tuple[str, str]]:
    """(title, level) -> colour of the method, symbol of the level (and of the turn, past seven methods)."""
    titles = list(dict.fromkeys(line.title for line in board.lines))
    levels = list(dict.fromkeys(line.level for line in board.lines))
    return {(title, level): (PALETTE[i % len(PALETTE)], _SYMBOLS[(i // len(PALETTE) + 2 * j) % len(_SYMBOLS)])
            for i, title in enumerate(titles) for j, level in enumerate(levels)}


def _label(line: Line) -> str:
    """Plotly reads a little HTML in every text, so names are escaped."""
    level = "" if line.is_control or line.level == "final" else f" · {printable(line.level, 20)}"
    return escape(line_name(line, 36) + level)


def _span(score: Score) -> tuple[float, float]:
    """Length of the interval below and above the value, in per cent."""
    if score.low is None or score.high is None:
        return 0.0, 0.0
    return 100 * max(0.0, score.value - score.low), 100 * max(0.0, score.high - score.value)


def _bars(score: Score, colour: str) -> dict:
    down, up = _span(score)
    return {"type": "data", "symmetric": False, "array": [up], "arrayminus": [down], "color": colour, "thickness": 1.2}


def finish(figure: go.Figure, height: int, legend: bool = False) -> go.Figure:
    """The look that figures share, in light and in dark; height in pixels."""
    figure.update_layout(
        template="none", height=height, paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 14}, margin={"l": 60, "r": 16, "t": 36, "b": 56},
        showlegend=legend, legend={"orientation": "h", "yanchor": "top", "y": -0.18, "x": 0})
    figure.update_xaxes(gridcolor=_GRID, zeroline=False, automargin=True)
    figure.update_yaxes(gridcolor=_GRID, zeroline=False)
    return figure
