"""The figure of a Pareto front: two objectives against each other, or every pair of more."""

from collections.abc import Sequence
from itertools import combinations

from plotly import graph_objects as go
from plotly.subplots import make_subplots

from .marks import GREEN, add_marks, by_look, finished, heading, value
from .records import Objective, TrialRecord
from .searched import Searched

_SIDE = 340  # pixels of a panel


def pareto_front(searched: Searched) -> go.Figure | None:
    """Finished trials, the first objective of each pair upwards.

    With two objectives the front is joined as the steps that bound what the search reached. With more, a panel shows
    every pair: a trial of the front may lie behind others there, so nothing is joined.

    Returns:
        The figure; None with one objective, or without a finished trial.
    """
    pairs = list(combinations(searched.record.objectives, 2))
    if not pairs or not searched.front:
        return None
    figure = make_subplots(len(pairs), 1, vertical_spacing=0.3 / len(pairs))
    for row, (up, right) in enumerate(pairs, 1):
        if len(pairs) == 1:
            _steps(figure, searched.front, right, up)
        _panel(figure, searched, (right, up), row)
    return finished(figure, _SIDE * len(pairs))


def _panel(figure: go.Figure, searched: Searched, pair: tuple[Objective, Objective], row: int) -> None:
    right, up = (objective.metric for objective in pair)
    for one, alike in by_look(searched, searched.record.finished):
        placed = [(trial, value(trial, right), value(trial, up)) for trial in alike]
        placed = [(trial, x, y) for trial, x, y in placed if x is not None and y is not None]
        if placed:
            add_marks(figure, searched.record.method, one, placed, row=row, col=1)
    figure.update_xaxes(title=_directed(pair[0]), row=row, col=1)
    figure.update_yaxes(title=_directed(pair[1]), row=row, col=1)


def _steps(figure: go.Figure, front: Sequence[TrialRecord], right: Objective, up: Objective) -> None:
    points = sorted((value(trial, right.metric), value(trial, up.metric)) for trial in front)
    # What lies between two trials of the front is reached by the one that is better in the objective to the right.
    figure.add_scatter(x=[x for x, _ in points], y=[y for _, y in points], mode="lines", name="front", hoverinfo="skip",
                       line={"color": GREEN, "width": 2, "shape": "vh" if right.higher_is_better else "hv"})


def _directed(objective: Objective) -> str:
    return f"{heading(objective.metric)} {'↑' if objective.higher_is_better else '↓'}"
