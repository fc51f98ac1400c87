"""Published numbers and ours, side by side."""

from collections.abc import Sequence
from html import escape

from plotly import graph_objects as go

from .figures import GREY, PALETTE, finish
from .reproduction import Reproduction
from .text import printable

MOST = 40
"""Lines of the figure; the table has them all."""


def reported_against_reproduced(found: Sequence[Reproduction]) -> go.Figure | None:
    """A line for each number that may be compared: the published value, and ours with its 95 % interval, in per cent.

    Args:
        found: of :func:`~partbench.leaderboard.reproductions`; what is not comparable is left out, and so is what comes
            after the first :data:`MOST`.

    Returns:
        None where nothing may be compared.
    """
    shown = [one for one in found if one.difference is not None][:MOST]
    if not shown:
        return None
    places = list(range(len(shown)))
    names = [escape(printable(f"{one.published.name} · {one.published.metric.replace('_', ' ')}", 60)) for one in shown]
    scores = [one.ours.score for one in shown]
    spans = [(score.value if score.low is None else score.low, score.value,
              score.value if score.high is None else score.high) for score in scores]
    figure = go.Figure([
        go.Scatter(x=[100 * score.value for score in scores], y=places, mode="markers", name="ours, 95 % interval",
                   marker={"color": PALETTE[0], "symbol": "circle", "size": 10}, customdata=names,
                   error_x={"type": "data", "symmetric": False, "color": PALETTE[0],
                            "array": [100 * (high - value) for _, value, high in spans],
                            "arrayminus": [100 * (value - low) for low, value, _ in spans]},
                   hovertemplate="%{customdata}<br>ours %{x:.1f} %<extra></extra>"),
        go.Scatter(x=[100 * one.published.fraction for one in shown], y=places, mode="markers", name="published",
                   marker={"color": PALETTE[3], "symbol": "diamond-open", "size": 12, "line": {"width": 2}},
                   customdata=names, hovertemplate="%{customdata}<br>published %{x:.1f} %<extra></extra>")])
    figure.update_yaxes(tickvals=places, ticktext=names, autorange="reversed", automargin=True, showgrid=True,
                        gridcolor=GREY, griddash="dot")
    figure.update_xaxes(title="per cent")
    return finish(figure, 190 + 30 * len(shown), legend=True)
