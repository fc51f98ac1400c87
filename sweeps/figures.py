"""Figures of one search over its course: values by trial, importances, when each trial ran.

Every function returns a Plotly figure, or None where the search has nothing to draw.
"""

from datetime import datetime

from plotly import graph_objects as go
from plotly.subplots import make_subplots

from .marks import (
    BLUE,
    FAILED,
    GREEN,
    GREY,
    PALETTE,
    SKY,
    VERMILION,
    add_marks,
    by_look,
    finished,
    heading,
    told,
    value,
)
from .records import Objective, TrialRecord
from .searched import Searched
from .wording import name

_ROW = 190  # pixels of a panel
_STATES = {"done": ("finished", BLUE), "pruned": ("stopped early", GREY), "failed": ("failed", VERMILION),
           "running": ("running", SKY)}


def history(searched: Searched) -> go.Figure | None:
    """Each objective by trial number, a panel each, with the best so far; failed trials stand at the bottom."""
    record = searched.record
    valued = [trial for trial in record.trials if any(value(trial, o.metric) is not None for o in record.objectives)]
    if not valued:
        return None
    figure = make_subplots(len(record.objectives), 1, shared_xaxes=True, vertical_spacing=0.06)
    for row, objective in enumerate(record.objectives, 1):
        _panel(figure, searched, objective, row)
    figure.update_xaxes(title="trial", row=len(record.objectives), col=1)
    return finished(figure, _ROW * len(record.objectives))


def _panel(figure: go.Figure, searched: Searched, objective: Objective, row: int) -> None:
    record, place = searched.record, {"row": row, "col": 1}
    drawn = [trial for trial in record.trials if value(trial, objective.metric) is not None]
    best = _best_so_far(searched, objective)
    figure.add_scatter(x=[number for number, _ in best], y=[y for _, y in best], mode="lines", hoverinfo="skip",
                       name="best so far", legendgroup="best", showlegend=row == 1,
                       line={"shape": "hv", "color": GREEN, "width": 2}, **place)
    for one, alike in by_look(searched, drawn):
        add_marks(figure, record.method, one,
                  [(trial, trial.number, value(trial, objective.metric)) for trial in alike], **place)
    lost = [trial for trial in record.trials if trial.state == "failed"]
    if lost and drawn:
        values = [value(trial, objective.metric) for trial in drawn]
        floor = min(values) - 0.08 * ((max(values) - min(values)) or 1)
        add_marks(figure, record.method, FAILED, [(trial, trial.number, floor) for trial in lost], **place)
    figure.update_yaxes(title={"text": heading(objective.metric), "font": {"size": 14}}, **place)


def _best_so_far(searched: Searched, objective: Objective) -> list[tuple[int, float]]:
    """(number, value) after every trial trained to its end; degenerate ones are no best."""
    reached: list[tuple[int, float]] = []
    pick = max if objective.higher_is_better else min
    for trial in sorted(searched.sound, key=lambda trial: trial.number):
        found = value(trial, objective.metric)
        if found is not None:
            reached.append((trial.number, pick(found, reached[-1][1]) if reached else found))
    if reached:  # drawn to the end of the search, also where its last trials did not finish
        reached.append((max(trial.number for trial in searched.record.trials), reached[-1][1]))
    return reached


def importances(searched: Searched) -> go.Figure | None:
    """Each parameter's share of the importance for each objective, in per cent; the most telling parameter first."""
    known = {o.metric: searched.importances[o.metric] for o in searched.record.objectives
             if searched.importances.get(o.metric)}
    if not known:
        return None
    params = list(dict.fromkeys(param for shares in known.values() for param in shares))
    params.sort(key=lambda param: -sum(shares.get(param, 0) for shares in known.values()))
    figure = go.Figure()
    for colour, (metric, shares) in zip(PALETTE * len(known), known.items(), strict=False):
        label = heading(metric).removesuffix(", %")
        figure.add_bar(orientation="h", name=label, marker={"color": colour}, y=list(range(len(params))),
                       x=[100 * shares.get(param, 0) for param in params],
                       hovertext=[name(param) for param in params],
                       hovertemplate=f"%{{hovertext}}<br>{label}: %{{x:.0f}} %<extra></extra>")
    figure.update_layout(barmode="group", bargap=0.3)
    figure.update_xaxes(title="importance, % of all", rangemode="tozero")
    figure.update_yaxes(tickvals=list(range(len(params))), ticktext=[name(param) for param in params],
                        autorange="reversed", automargin=True, showgrid=False)
    return finished(figure, 60 + (14 + 14 * len(known)) * len(params))


def timeline(searched: Searched) -> go.Figure | None:
    """A bar from the start to the end of every trial, in minutes since the search's first start.

    A trial that halving sent on later has one bar, its waiting included; one that still runs ends at the last news.
    """
    started = [trial for trial in searched.record.trials if trial.started is not None]
    if not started:
        return None
    first = min(trial.started for trial in started)
    last = max(trial.finished or trial.started for trial in started)
    figure = go.Figure()
    for state, (label, colour) in _STATES.items():
        alike = [trial for trial in started if trial.state == state]
        if alike:
            figure.add_bar(
                orientation="h", name=label, marker={"color": colour}, y=[trial.number for trial in alike],
                base=[_minutes(first, trial.started) for trial in alike],
                x=[_length(trial, last) for trial in alike], width=0.75, **told(searched.record.method, alike))
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(title="minutes since the first trial began", rangemode="tozero")
    figure.update_yaxes(title="trial", autorange="reversed", showgrid=False)
    return finished(figure, max(160, min(460, 60 + 14 * len(started))))


def _length(trial: TrialRecord, last: datetime) -> float:
    return _minutes(trial.started, max(trial.started, trial.finished or last))


def _minutes(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() / 60
