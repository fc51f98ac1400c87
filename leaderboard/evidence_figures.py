"""Figures from evidence, for notebooks: what concepts mark, curves, losses. Each gives a Plotly figure, or None.

    boards = partbench.leaderboard.part_boards("results")
    partbench.leaderboard.hit_matrix_figure(boards[0], boards[0].views[0]).show()

The site's pages show the same numbers: matrices as tables, curves as the plain JSON of these figures.
"""

import os
from collections.abc import Sequence
from html import escape

import numpy as np
from plotly import graph_objects as go

from . import curve_figures
from .curves import CurveView
from .figures import draw
from .files import Folder
from .losses import read_losses
from .parts import PartsBoard, PartView
from .text import line_name, printable


def curve_figure(views: Sequence[CurveView], mode: str) -> go.Figure | None:
    """Mean insertion or deletion curves (``mode``) of every line with their bands."""
    return _drawn(curve_figures.methods_compared(views, mode))


def control_curve_figure(view: CurveView, mode: str) -> go.Figure | None:
    """A line's mean insertion or deletion curve (``mode``) with its band, and those of its controls."""
    return _drawn(curve_figures.method_against_controls(view, mode))


def loss_figure(out: str | os.PathLike, run_id: str) -> go.Figure | None:
    """Mean loss terms by epoch of a run in a results folder; None where it tells nothing of them."""
    return _drawn(curve_figures.training_losses(read_losses(Folder(out), run_id)))


def held_figure(found: PartsBoard) -> go.Figure:
    """How often the best concept of a class holds each part, in per cent: a row for every method and blind control."""
    views = [*found.views, *found.floor]
    return _matrix(np.stack([view.held for view in views]), [line_name(view.line, 40) for view in views], found.parts)


def hit_matrix_figure(found: PartsBoard, view: PartView) -> go.Figure:
    """How often each concept holds each part, in per cent of the images that show it.

    Where each class has concepts of its own, a row for every class and its best concept, hardest class first.
    """
    if len(view.concepts):
        return _matrix(view.matrix, [f"concept {concept}" for concept in view.concepts], found.parts)
    place = {int(label): at for at, label in enumerate(view.labels)}
    ordered = [label for label in found.ordered_classes() if label in place]
    return _matrix(view.best[[place[label] for label in ordered]],
                   [found.names.of_class(label) for label in ordered], found.parts)


def class_gain_figure(found: PartsBoard) -> go.Figure | None:
    """Consistency gain of every class under every method, in points, hardest class first."""
    views = [view for view in found.views if view.gain_by_class]
    if not views:
        return None
    ordered = found.ordered_classes()
    values = np.array([[view.gain_by_class.get(label, np.nan) for view in views] for label in ordered])
    return _matrix(values, [found.names.of_class(label) for label in ordered],
                   [line_name(view.line, 40) for view in views], low=-100)


def _matrix(values: np.ndarray, rows: Sequence[str], columns: Sequence[str], low: float = 0) -> go.Figure:
    """A heat map of fractions, in per cent; cells without a value stay empty."""
    shown = [[round(100 * value, 1) if np.isfinite(value) else None for value in row] for row in values.tolist()]
    names, heads = ([escape(printable(name, 40)) for name in some] for some in (rows, columns))
    trace = {"type": "heatmap", "z": shown, "y": list(range(len(names))), "x": list(range(len(heads))), "zmin": low,
             "zmax": 100, "colorscale": "Cividis" if low == 0 else "RdBu", "colorbar": {"title": {"text": "%"}},
             "customdata": [[f"{name}, {head}" for head in heads] for name in names],
             "hovertemplate": "%{customdata}: %{z:.1f} %<extra></extra>"}
    return draw([trace], 140 + 24 * len(names),
                {"tickvals": list(range(len(heads))), "ticktext": heads, "showgrid": False, "tickangle": -45},
                {"tickvals": list(range(len(names))), "ticktext": names, "showgrid": False, "autorange": "reversed",
                 "automargin": True})


def _drawn(plain: curve_figures.Plain | None) -> go.Figure | None:
    return None if plain is None else go.Figure(plain)
