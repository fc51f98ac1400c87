"""Figures of rankings: rank intervals, wins, agreement of metrics, and average ranks over data sets.

Each takes what was collected and returns a Plotly figure, for a page or a notebook.
"""

from html import escape

import numpy as np
from plotly import graph_objects as go

from .comparison import Ranking
from .critical_difference import CriticalDifference
from .figures import GREY, PALETTE, draw, label, row_height, tick
from .kendall import Agreement
from .text import printable

_GROUPS = 6  # bars of methods that are not told apart, at most; of more groups only the best has one
_BLUE_TO_ORANGE = [[0, PALETTE[3]], [0.5, "rgba(128,128,128,0.08)"], [1, PALETTE[0]]]


def rank_figure(ranking: Ranking, most: int = 30) -> go.Figure:
    """A bar from best to worst possible rank for every line, the best by score on top; a dot at its rank by score.

    Args:
        ranking: one of :func:`rankings`.
        most: lines that are drawn.
    """
    order = best_first(ranking)[:most]
    better = ranking.values if ranking.column.higher_is_better else -ranking.values
    seen = [1 + int((better > better[place]).sum()) for place in order]
    first = {(line.group, line.level) for line in ranking.groups[0]}
    lines = [ranking.lines[place] for place in order]
    colours = [PALETTE[0] if (line.group, line.level) in first else GREY for line in lines]
    spans = [ranking.ranks[place] for place in order]
    rows = list(range(len(order)))
    traces = [{
        "type": "scatter", "mode": "lines", "hoverinfo": "skip", "line": {"width": 7, "color": colour},
        "x": [x for span, own in zip(spans, colours, strict=True) if own == colour for x in (*span, None)],
        "y": [y for row, own in zip(rows, colours, strict=True) if own == colour for y in (row, row, None)]}
        for colour in (PALETTE[0], GREY)]
    traces.append({
        "type": "scatter", "mode": "markers", "x": seen, "y": rows,
        "marker": {"size": 11, "color": "#ffffff", "line": {"width": 2.5, "color": colours}},
        "customdata": [f"{label(line)}<br>rank {a} to {b}" for line, (a, b) in zip(lines, spans, strict=True)],
        "hovertemplate": "%{customdata}, %{x} by score<extra></extra>"})
    all_ = len(ranking.lines)
    x = {"title": {"text": "rank"}, "range": [0.5, all_ + 0.5], "dtick": max(1, all_ // 8), "tick0": 1}
    return draw(traces, 110 + row_height(lines) * len(order), x, _names([tick(line) for line in lines]))


def win_figure(ranking: Ranking, most: int = 20) -> go.Figure:
    """Effect sizes of the line of the row over that of the column; coloured where they are told apart.

    Args:
        ranking: one of :func:`rankings`.
        most: lines that are drawn, the best by score.
    """
    order = best_first(ranking)[:most]
    here = np.ix_(order, order)
    won = ranking.better[here].astype(int) - ranking.better.T[here]
    effects = ranking.effects[here]
    text = [["" if row == column or np.isnan(value) else f"{value:.1f}" for column, value in enumerate(values)]
            for row, values in enumerate(effects)]
    names = [label(ranking.lines[place], 24) for place in order]
    return _matrix(won.tolist(), text, names, "effect size %{text}")


def agreement_figure(found: Agreement) -> go.Figure:
    """Kendall's tau-b of every two metrics as a heat map with numbers; empty cells: not defined."""
    taus = [[None if np.isnan(tau) else float(tau) for tau in row] for row in found.taus]
    text = [["" if tau is None else f"{tau:.2f}" for tau in row] for row in taus]
    return _matrix(taus, text, [escape(printable(column.title, 30)) for column in found.columns], "tau-b %{text}")


def critical_difference_figure(found: CriticalDifference, most: int = 30) -> go.Figure:
    """Average ranks, best on top; bars to the right join methods that are not told apart, as far as they are drawn.

    Args:
        found: of :meth:`CriticalDifference.of`.
        most: methods that are drawn.
    """
    order = [int(place) for place in np.argsort(found.average, kind="stable")][:most]
    row = {place: at for at, place in enumerate(order)}
    groups = [[row[place] for place in group if place in row] for group in found.groups]
    groups = [group for group in groups if len(group) > 1]
    groups = groups if len(groups) <= _GROUPS else groups[:1]
    average = [round(float(found.average[place]), 4) for place in order]
    end = max(average[-1], 1 + found.difference)
    step = (end - 1) / 25
    traces = [{
        "type": "scatter", "mode": "markers", "x": average,
        "y": list(range(len(order))), "marker": {"size": 11, "color": PALETTE[0]},
        "customdata": [_name(found, place) for place in order],
        "hovertemplate": "%{customdata}<br>average rank %{x:.2f}<extra></extra>"}]
    if groups:
        traces.append({
            "type": "scatter", "mode": "lines", "hoverinfo": "skip", "line": {"width": 6, "color": PALETTE[3]},
            "x": [x for at, _ in enumerate(groups) for x in (*2 * [end + (at + 1) * step], None)],
            "y": [y for group in groups for y in (min(group) - 0.2, max(group) + 0.2, None)]})
    ruler = {"type": "line", "xref": "x", "yref": "paper", "y0": 1.02, "y1": 1.02, "x0": 1, "x1": 1 + found.difference,
             "line": {"width": 4, "color": GREY}}
    told = {"text": f"critical difference {found.difference:.2f}", "xref": "x", "yref": "paper", "x": 1, "y": 1.03,
            "xanchor": "left", "yanchor": "bottom", "showarrow": False, "font": {"color": GREY, "size": 12}}
    x = {"title": {"text": "average rank (1 is best)"}, "range": [1 - step, end + (len(groups) + 1) * step]}
    return draw(traces, 130 + 28 * len(order), x, _names([_name(found, place) for place in order]), shapes=[ruler],
                annotations=[told], margin={"l": 60, "r": 16, "t": 48, "b": 56})


def best_first(ranking: Ranking) -> list[int]:
    """Places of a ranking's lines in the order of their scores."""
    values = -ranking.values if ranking.column.higher_is_better else ranking.values
    return [int(place) for place in np.argsort(values, kind="stable")]


def _name(found: CriticalDifference, place: int) -> str:
    return escape(printable(found.blocks.methods[place], 28))


def _names(names: list[str]) -> dict:
    return {"tickvals": list(range(len(names))), "ticktext": names, "range": [len(names) - 0.4, -0.6],
            "automargin": True, "showgrid": False}


def _matrix(values: list, text: list, names: list[str], hover: str) -> go.Figure:
    size = 90 + 30 * len(names)
    trace = {"type": "heatmap", "z": values, "zmin": -1, "zmax": 1, "text": text, "texttemplate": "%{text}",
             "textfont": {"size": 11}, "colorscale": _BLUE_TO_ORANGE, "showscale": False, "xgap": 1, "ygap": 1,
             "hovertemplate": f"%{{y}} and %{{x}}<br>{hover}<extra></extra>"}
    ticks = {"tickvals": list(range(len(names))), "ticktext": names, "automargin": True, "showgrid": False}
    return draw([trace], size + 100, {**ticks, "tickangle": -60}, {**ticks, "autorange": "reversed"})
