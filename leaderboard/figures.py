"""What figures share: colours, symbols, names, axes and the look in light and in dark."""

from collections.abc import Iterable, Sequence
from html import escape

from plotly import graph_objects as go

from .board import Board, Column, Line, Score
from .text import line_name, printable

# Okabe and Ito's colours, those that stand out on white and on black first.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442")
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "triangle-down", "pentagon")
GREY, _GRID = "#808080", "rgba(128,128,128,0.3)"


def draw(traces: list[dict], height: int, x: dict, y: dict, legend: bool = False, **layout: object) -> go.Figure:
    """A figure of plain traces and axes, in the look that figures share; arguments as :func:`plain_figure`.

    Made in one step: Plotly checks a figure anew at each change, and a page has dozens.
    """
    return go.Figure(plain_figure(traces, height, x, y, legend, **layout))


def plain_figure(traces: list[dict], height: int, x: dict, y: dict, legend: bool = False, **layout: object) -> dict:
    """The figure as Plotly's JSON, unchecked.

    Args:
        traces: as in Plotly's JSON.
        height: in pixels.
        x, y: axes, as in Plotly's JSON.
        legend: whether there is one, below.
        layout: whatever else the layout has.
    """
    plain = {"gridcolor": _GRID, "zeroline": False}
    return {"data": traces, "layout": {
        "template": "none", "height": height, "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 14}, "margin": {"l": 60, "r": 16, "t": 36, "b": 56},
        "showlegend": legend, "legend": {"orientation": "h", "yanchor": "top", "y": -0.22, "x": 0},
        "xaxis": {**plain, "automargin": True, **x}, "yaxis": {**plain, **y}, **layout}}


def looks(board: Board) -> dict[tuple[str, str], tuple[str, str]]:
    """(title, level) -> colour of the method, symbol of the level (and of the turn, past seven methods)."""
    titles = list(dict.fromkeys(line.title for line in board.lines))
    levels = list(dict.fromkeys(line.level for line in board.lines))
    return {(title, level): (PALETTE[i % len(PALETTE)], _SYMBOLS[(i // len(PALETTE) + 2 * j) % len(_SYMBOLS)])
            for i, title in enumerate(titles) for j, level in enumerate(levels)}


def label(line: Line, length: int = 36) -> str:
    """A line's name in a figure, escaped: Plotly reads a little HTML in every text."""
    level = "" if line.is_control or line.level == "final" else f" · {printable(line.level, 20)}"
    return escape(line_name(line, length) + level)


def tick(line: Line) -> str:
    """A line's name at an axis, what sets it apart from others of its name on a second row."""
    level = "" if line.is_control or line.level == "final" else f" · {printable(line.level, 16)}"
    name = escape(printable(line.name, 24) + level)
    return f'{name}<br><span style="font-size:11px">{escape(printable(line.setup, 30))}</span>' if line.setup else name


def row_height(lines: Sequence[Line]) -> int:
    """Pixels that a row needs for its :func:`tick`."""
    return 42 if any(line.setup for line in lines) else 28


def scale(unit: str) -> int:
    """What values are multiplied by to be shown: fractions are in per cent."""
    return 100 if unit == "fraction" else 1


def shown(values: Iterable[float | None], unit: str) -> list[float | None]:
    """Values as they are drawn: fractions in per cent, rounded to what a figure can show."""
    return [None if value is None else round(scale(unit) * value, 4) for value in values]


def axis_title(column: Column) -> dict:
    """``consistency gain, %``, and which way is better."""
    unit = "%" if column.unit == "fraction" else escape(printable(column.unit, 20))
    arrow = "higher is better" if column.higher_is_better else "lower is better"
    return {"text": f"{escape(printable(column.title, 40))}{', ' if unit else ''}{unit} ({arrow})"}


def bars(scores: Sequence[Score], unit: str, colour: str) -> dict:
    """Error bars of 95 % intervals, in the unit shown; none where it is not known."""
    up, down = (shown([0.0 if end is None else max(0.0, sign * (end - score.value)) for score, end in ends], unit)
                for sign, ends in ((1, [(score, score.high) for score in scores]),
                                   (-1, [(score, score.low) for score in scores])))
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": colour, "thickness": 1.2}


def finish(figure: go.Figure, height: int, legend: bool = False) -> go.Figure:
    """The look that figures share, in light and in dark; height in pixels."""
    figure.update_layout(
        template="none", height=height, paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 14}, margin={"l": 60, "r": 16, "t": 36, "b": 56},
        showlegend=legend, legend={"orientation": "h", "yanchor": "top", "y": -0.18, "x": 0})
    figure.update_xaxes(gridcolor=_GRID, zeroline=False, automargin=True)
    figure.update_yaxes(gridcolor=_GRID, zeroline=False)
    return figure
