"""Parallel coordinates: what settings the good trials share.

The axes lie one below the other, so that their names can be read on a phone, every mark says which trial it is, and
any number of parameters fits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log10
from typing import Any

from plotly import graph_objects as go
from plotly.colors import sample_colorscale

from .marks import CHOSEN, GREY, PAPER, finished, heading, told, value
from .records import TrialRecord
from .searched import Searched
from .wording import name, setting

_SCALE = [[0, "rgb(60,130,200)"], [0.5, "rgb(140,140,140)"], [1, "rgb(240,165,20)"]]  # told apart on white and on black
_ROW, _LABELS = 52, 46  # pixels of an axis; characters of tick labels that fit on a phone's


@dataclass(frozen=True)
class Axis:
    """One axis: where each trial stands on it, from 0 to 1 or None, with what value; (place, label) of its ticks."""

    title: str
    places: Sequence[float | None]
    values: Sequence[Any]
    ticks: Sequence[tuple[float, str]]


def parallel_coordinates(searched: Searched) -> go.Figure | None:
    """A line per finished trial through its parameters and objectives, coloured by the first objective.

    A line passes an axis without a mark where its trial has no such parameter, as with fewer levels of prototypes.
    """
    first = searched.metrics[0] if searched.metrics else ""
    trials = [trial for trial in searched.record.finished if value(trial, first) is not None]
    axes = _axes(searched, trials) if len(trials) > 1 else []
    if len(axes) <= len(searched.metrics):
        return None
    figure, colours = go.Figure(), _colours([value(trial, first) for trial in trials])
    for place in sorted(range(len(trials)), key=lambda place: _rank(searched, trials[place])):
        _line(figure, searched, trials[place], [axis.places[place] for axis in axes], colours[place])
    _marks(figure, searched, trials, axes, first)
    _ticks(figure, axes)
    finished(figure, _ROW * len(axes), below=16)
    figure.update_xaxes(range=[-0.03, 1.03], showgrid=False, showticklabels=False)
    return figure.update_yaxes(range=[len(axes) - 0.35, -0.4], tickvals=list(range(len(axes))), automargin=True,
                               ticktext=[axis.title for axis in axes])


def _rank(searched: Searched, trial: TrialRecord) -> int:
    """Lines that have a name are drawn over those that have none."""
    chosen = searched.chosen is not None and trial.number == searched.chosen.number
    return 2 if chosen else int(searched.paper is not None and trial.number == searched.paper.number)


def _line(figure: go.Figure, searched: Searched, trial: TrialRecord, places: Sequence[float | None],
          colour: str) -> None:
    named = (None, PAPER, CHOSEN)[_rank(searched, trial)]
    look = {"color": named.colour, "width": 3.5, "dash": "dash" if named is PAPER else "solid"} if named else {
        "color": colour, "width": 1.3}
    figure.add_scatter(x=list(places), y=list(range(len(places))), mode="lines", line=look, hoverinfo="skip",
                       connectgaps=True, opacity=1 if named else 0.75,
                       name=named.name if named else "", showlegend=named is not None)


def _marks(figure: go.Figure, searched: Searched, trials: Sequence[TrialRecord], axes: Sequence[Axis],
           first: str) -> None:
    placed = [(trial, x, y, f"{axis.title}: {name(setting(its), 60)}") for y, axis in enumerate(axes)
              for trial, x, its in zip(trials, axis.places, axis.values, strict=True) if x is not None]
    bar = {"orientation": "h", "y": 1, "yanchor": "bottom", "thickness": 10, "title": {"text": heading(first)},
           "nticks": 5, "outlinewidth": 0}
    figure.add_scatter(
        x=[x for _, x, _, _ in placed], y=[y for _, _, y, _ in placed], mode="markers", showlegend=False,
        marker={"size": 6, "color": [value(trial, first) for trial, *_ in placed], "colorscale": _SCALE,
                "colorbar": bar, "showscale": True}, text=[here for *_, here in placed],
        **told(searched.record.method, [trial for trial, *_ in placed])
        | {"hovertemplate": "<b>%{text}</b><br>%{hovertext}<extra></extra>"})


def _ticks(figure: go.Figure, axes: Sequence[Axis]) -> None:
    placed = [(x, y, label) for y, axis in enumerate(axes) for x, label in axis.ticks]
    figure.add_scatter(x=[x for x, _, _ in placed], y=[y for _, y, _ in placed], mode="markers", hoverinfo="skip",
                       marker={"symbol": "line-ns", "size": 9, "line": {"width": 1.5, "color": GREY}},
                       showlegend=False)
    for x, y, label in placed:
        figure.add_annotation(x=x, y=y, yshift=-14, text=label, showarrow=False, font={"size": 11},
                              xanchor="left" if x < 0.04 else "right" if x > 0.96 else "center")


def _axes(searched: Searched, trials: Sequence[TrialRecord]) -> list[Axis]:
    """Parameters that were varied, in the order of the search space, then the objectives."""
    found = list(dict.fromkeys([*searched.record.ranges, *(param for trial in trials for param in trial.params)]))
    params = [_of_param(searched, trials, param) for param in found]
    objectives = [_numeric(heading(metric), [value(trial, metric) for trial in trials], None, False)
                  for metric in searched.metrics]
    return [axis for axis in (*params, *objectives) if axis is not None]


def _of_param(searched: Searched, trials: Sequence[TrialRecord], param: str) -> Axis | None:
    values = [trial.params.get(param) for trial in trials]
    known = searched.record.ranges.get(param)
    if all(value is None for value in values):
        return None
    if known and not isinstance(known[0], str):
        return _numeric(name(param), values, known[:2], known[2])
    if known is None and all(_is_number(value) for value in values if value is not None):
        return _numeric(name(param), values, None, False)
    return _categorical(name(param), values, known or ())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numeric(title: str, values: Sequence[float | None], span: Sequence[float] | None, log: bool) -> Axis | None:
    """The whole range, and further where the paper's setting lies outside it; None where there is but one value."""
    known = [value for value in values if value is not None]
    low, high = min([*known, *(span or ())]), max([*known, *(span or ())])
    if low == high:
        return None
    log = log and low > 0
    start, end = (log10(low), log10(high)) if log else (low, high)

    def place(value: float) -> float:
        return ((log10(value) if log else value) - start) / (end - start)

    return Axis(title, [None if value is None else place(value) for value in values], values,
                [(place(tick), f"{tick:.3g}") for tick in (_powers if log else _steps)(low, high)])


def _steps(low: float, high: float) -> list[float]:
    """Both ends and the middle, which counts need not have."""
    middle = (low + high) / 2
    whole = float(low).is_integer() and float(high).is_integer()
    return [low, high] if whole and not middle.is_integer() else [low, middle, high]


def _powers(low: float, high: float) -> list[float]:
    """Both ends, and the power of ten in the middle; more labels have no room on a phone."""
    middle = round(log10(low * high) / 2)
    apart = min(middle - log10(low), log10(high) - middle) > 0.2 * log10(high / low)
    return [low, 10.0**middle, high] if apart else [low, high]


def _categorical(title: str, values: Sequence[Any], choices: Sequence[str]) -> Axis | None:
    """Choices at equal distances; where their labels would overlap, only every other one, or fewer, is named."""
    texts = [None if value is None else setting(value) for value in values]
    labels = list(dict.fromkeys([*(setting(choice) for choice in choices), *(text for text in texts if text)]))
    if len(labels) < 2:
        return None
    every = max(1, ceil(sum(min(len(label), 16) + 2 for label in labels) / _LABELS))
    place = {label: i / (len(labels) - 1) for i, label in enumerate(labels)}
    return Axis(title, [None if text is None else place[text] for text in texts], texts,
                [(place[label], name(label, 16)) for label in labels[::every]])


def _colours(values: Sequence[float]) -> list[str]:
    low, high = min(values), max(values)
    return sample_colorscale(_SCALE, [(value - low) / ((high - low) or 1) for value in values])
