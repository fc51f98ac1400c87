"""Figures that set methods beside each other which searched on the same budget."""

from collections.abc import Sequence
from html import escape

from plotly import graph_objects as go

from ..leaderboard.text import printable
from .best_so_far import best_so_far
from .marks import GREY, PALETTE, finished, heading, unit
from .records import Objective, SearchRecord

_DASHES = ("solid", "dash", "dashdot")  # a turn of the palette each


def best_against_budget(records: Sequence[SearchRecord]) -> go.Figure | None:
    """What each method had reached after how much of the budget: a line per method, and the budget's end."""
    curves = [(record, best_so_far(record)) for record in records]
    curves = [(record, curve) for record, curve in curves if curve]
    if not curves:
        return None
    figure, (objectives, counted) = go.Figure(), (records[0].objectives, records[0].unit)
    scale = 100 if len(objectives) == 1 and unit(objectives[0].metric) == "fraction" else 1
    for place, (record, curve) in enumerate(curves):
        figure.add_scatter(
            x=[spent for spent, _ in curve], y=[scale * reached for _, reached in curve], mode="lines+markers",
            name=escape(printable(record.method, 40)), marker={"size": 5},
            line={"shape": "hv", "width": 2.5, "color": PALETTE[place % len(PALETTE)],
                  "dash": _DASHES[place // len(PALETTE) % len(_DASHES)]},
            hovertemplate=f"%{{fullData.name}}<br>%{{y:.4g}} after %{{x:.4g}} {counted}<extra></extra>")
    for budget in sorted({record.budget for record in records}):
        figure.add_vline(x=budget, line={"dash": "dash", "color": GREY})
        figure.add_annotation(x=budget, y=1, yref="paper", xanchor="right", yanchor="bottom", showarrow=False,
                              text=f"budget: {budget:g} {counted}", font={"color": GREY, "size": 12})
    figure.update_xaxes(title=f"spent, {counted}", rangemode="tozero")
    figure.update_yaxes(title=_reached(objectives))
    return finished(figure, 340)


def _reached(objectives: Sequence[Objective]) -> str:
    if len(objectives) == 1:
        return f"best {heading(objectives[0].metric)}"
    return "hypervolume"
