"""Figures of curves: collected by :mod:`.curves` and :mod:`.losses`, drawn here.

Each function gives the plain JSON of a figure: a page has dozens, and Plotly takes long to check one.
:mod:`.evidence_figures` makes Plotly figures of them.
"""

from collections.abc import Sequence
from html import escape
from math import ceil
from typing import Any

import numpy as np

from .board import Line
from .curves import Band, CurveView
from .figures import GREY, PALETTE, label, plain_figure
from .losses import TOTAL, Losses
from .text import line_name, printable

Plain = dict[str, Any]
_DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot", "solid")
_SHOWN = 4  # methods whose curves are not hidden behind their entry in the legend
_TERMS, _EPOCHS = 12, 400  # of losses that are drawn at most
_AXES = {"insertion": "pixels inserted, %", "deletion": "pixels deleted, %"}
_HOVER = "%{fullData.name}<br>%{y:.3f} at %{x:.0f} %<extra></extra>"


def methods_compared(views: Sequence[CurveView], mode: str) -> Plain | None:
    """Every line's mean curve with its band; those after the first few appear when their entry is chosen.

    Args:
        mode: ``insertion`` or ``deletion``.
    """
    drawn = [view for view in views if mode in view.bands]
    if not drawn:
        return None
    traces = []
    for place, view in enumerate(drawn):
        colour, dash = PALETTE[place % len(PALETTE)], ("solid", "dash", "dot")[place // len(PALETTE) % 3]
        traces += _curve(view.bands[mode], label(view.line), colour, dash, str(place), place >= _SHOWN)
    return _figure(traces, mode, 400 + 18 * len(drawn))


def method_against_controls(view: CurveView, mode: str) -> Plain | None:
    """A line's mean curve with its band, and those of the controls that judge it, without bands."""
    if mode not in view.bands:
        return None
    traces = _curve(view.bands[mode], label(view.line), PALETTE[0], "solid", "own", False)
    controls = [(line, bands[mode]) for line, bands in view.controls if mode in bands]
    for place, (line, band) in enumerate(controls):
        at = band.points()
        look = {"color": (*PALETTE[1:], GREY)[place % len(PALETTE)], "width": 1.5,
                "dash": _DASHES[place % len(_DASHES)]}
        traces.append(_line(_percent(at, band), _rounded(band.mean[at]), _control(line), look))
    return _figure(traces, mode, 400 + 18 * len(controls))


def training_losses(losses: Losses) -> Plain | None:
    """Mean of each weighted loss term over the steps of an epoch; log axis where all are positive."""
    if not losses:
        return None
    traces = []
    for place, term in enumerate(sorted(losses, key=lambda term: term != TOTAL)[:_TERMS]):
        epochs, values = zip(*losses[term][::ceil(len(losses[term]) / _EPOCHS)], strict=True)
        look = {"color": GREY if term == TOTAL else PALETTE[(place - 1) % len(PALETTE)],
                "width": 2.5 if term == TOTAL else 1.5, "dash": "dash" if place > len(PALETTE) else "solid"}
        name = escape(printable(term.replace("_", " "), 40))
        traces.append(_line(list(epochs), [float(f"{value:.4g}") for value in values], name, look) | {
            "mode": "lines+markers", "marker": {"size": 4},
            "hovertemplate": "%{fullData.name}<br>%{y} after epoch %{x}<extra></extra>"})
    positive = all(value > 0 for points in losses.values() for _, value in points)
    last = max(points[-1][0] for points in losses.values())
    return _with_legend(traces, 340 + 22 * len(traces),
                        {"title": {"text": "epoch"}, "rangemode": "tozero", "dtick": max(1, ceil(last / 10))},
                        {"title": {"text": "mean loss term"}, "type": "log" if positive else "linear"})


def _figure(traces: list[Plain], mode: str, height: int) -> Plain:
    return _with_legend(traces, height, {"title": {"text": _AXES[mode]}, "range": [0, 100]},
                        {"title": {"text": "probability of the class"}, "rangemode": "tozero"})


def _with_legend(traces: list[Plain], height: int, x: Plain, y: Plain) -> Plain:
    """Its legend at the foot of the figure, as many rows as a narrow page makes it: entries are long names here."""
    figure = plain_figure(traces, height, x, y, legend=True)
    figure["layout"]["legend"] = {"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0,
                                  "maxheight": 0.9}
    return figure


def _curve(band: Band, name: str, colour: str, dash: str, group: str, hidden: bool) -> list[Plain]:
    """The band as an area, and the mean over it."""
    at = band.points()
    x, low, high = _percent(at, band), _rounded(band.low[at]), _rounded(band.high[at])
    red, green, blue = (int(colour[i:i + 2], 16) for i in (1, 3, 5))
    shared = {"legendgroup": group, "visible": "legendonly" if hidden else True}
    area = {"x": [*x, *x[::-1]], "y": [*high, *low[::-1]], "type": "scatter", "mode": "lines", "fill": "toself",
            "fillcolor": f"rgba({red},{green},{blue},0.16)", "line": {"width": 0}, "hoverinfo": "skip",
            "showlegend": False}
    look = {"color": colour, "width": 2.5, "dash": dash}
    return [area | shared, _line(x, _rounded(band.mean[at]), name, look) | shared]


def _line(x: list[float], y: list[float], name: str, look: Plain) -> Plain:
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "name": name, "line": look, "hovertemplate": _HOVER}


def _percent(at: np.ndarray, band: Band) -> list[float]:
    return (100 * at / (len(band.mean) - 1)).round(1).tolist()


def _rounded(values: np.ndarray) -> list[float]:
    return values.round(3).tolist()


def _control(line: Line) -> str:
    """What the control does; whom it judges is said above the figure."""
    return escape(line_name(line, 80).rpartition(", ")[2])
