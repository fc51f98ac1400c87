"""Figures of an audit: every constant peak over the canvas, and scores against one setting of the protocol."""

from collections.abc import Sequence
from html import escape

import numpy as np
from plotly import graph_objects as go

from .audit_data import AuditData
from .audited import Audit, Curve
from .figures import GREY, PALETTE, finish
from .text import printable

_DASHES = ("solid", "dash", "dashdot")  # a turn of the palette each


def constant_peaks(audit: Audit, scores: np.ndarray, half_size: int) -> go.Figure:
    """Consistency of every constant peak in per cent, with the parts' mean places and the best constant peak."""
    side = len(scores)
    figure = go.Figure(go.Heatmap(
        z=(100 * scores).astype(np.float32), zmin=0, zmax=100, colorscale="Cividis",
        colorbar={"title": {"text": "%"}, "thickness": 14},
        hovertemplate="peak at (%{x}, %{y})<br>consistency %{z:.1f} %<extra></extra>"))
    shown = [part for part in audit.parts if part.place]
    figure.add_scatter(
        x=[part.place[0] for part in shown], y=[part.place[1] for part in shown], mode="markers",
        text=[escape(printable(part.name, 40)) for part in shown], hovertemplate="%{text}, mean place<extra></extra>",
        marker={"color": "white", "size": 9, "line": {"color": "black", "width": 1.5}})
    x, y = audit.best
    figure.add_scatter(
        x=[x], y=[y], mode="markers", hovertemplate=f"best constant peak ({x}, {y})<extra></extra>",
        marker={"symbol": "star", "color": "#D55E00", "size": 18, "line": {"color": "white", "width": 1.5}})
    figure.add_shape(type="rect", x0=max(0, x - half_size), x1=min(side, x + half_size), y0=max(0, y - half_size),
                     y1=min(side, y + half_size), line={"color": "white", "dash": "dot", "width": 2})
    finish(figure, 520)
    figure.update_xaxes(range=[0, side], constrain="domain", showgrid=False, title="x, canvas pixels")
    figure.update_yaxes(range=[side, 0], constrain="domain", showgrid=False, scaleanchor="x", title="y, canvas pixels")
    return figure


def against_half_size(audit: Audit | AuditData) -> go.Figure:
    """Consistency, and dotted its gain, of every explanation against the half-size; two half-sizes are marked."""
    figure = _curves(audit.half_sizes, [(line.name, line.half_sizes) for line in audit.lines])
    _mark(figure, audit.protocol.half_size, "the protocol's")
    if audit.stale_half_size != audit.protocol.half_size:
        _mark(figure, audit.stale_half_size, "a script's stale default")
    figure.update_xaxes(title="half-size, canvas pixels")
    return figure


def against_threshold(audit: Audit | AuditData) -> go.Figure:
    """Consistency, and dotted its gain, of every explanation against the threshold."""
    figure = _curves(audit.thresholds, [(line.name, line.thresholds) for line in audit.lines])
    _mark(figure, audit.protocol.threshold, "the protocol's")
    figure.update_xaxes(title="threshold")
    return figure


def _curves(settings: Sequence[float], curves: Sequence[tuple[str, Curve]]) -> go.Figure:
    figure = go.Figure()
    for place, (name, curve) in enumerate(curves):
        label = escape(printable(name, 48))
        look = {"color": PALETTE[place % len(PALETTE)], "width": 2.5,
                "dash": _DASHES[place // len(PALETTE) % len(_DASHES)]}
        for what, values in (("consistency", curve.consistency), ("gain", curve.gain)):
            gain = what == "gain"
            figure.add_scatter(
                x=list(settings), y=[None if value is None else 100 * value for value in values], mode="lines",
                name=label, legendgroup=str(place), showlegend=not gain,
                line=look | ({"dash": "dot", "width": 1.5} if gain else {}),
                hovertemplate=f"{label}<br>{what} %{{y:.1f}} % at %{{x}}<extra></extra>")
    figure.update_yaxes(title="consistency, dotted: its gain, %")
    return finish(figure, 440 + 22 * len(curves), legend=True)


def _mark(figure: go.Figure, setting: float, text: str) -> None:
    figure.add_vline(x=setting, line={"dash": "dash", "color": GREY})
    figure.add_annotation(x=setting, y=1, yref="paper", xanchor="right", yanchor="bottom", showarrow=False,
                          text=f"{setting}: {text}", font={"color": GREY, "size": 12})
