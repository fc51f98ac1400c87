"""How a trial stands in a figure and in words: its mark, its values as people read them, what the pointer shows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite
from typing import Any
from urllib.parse import quote

from plotly import graph_objects as go

from ..leaderboard.figures import GREY, PALETTE, finish
from ..leaderboard.text import number, printable
from ..metrics.catalogue import registry
from .records import TrialRecord
from .searched import Searched

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = PALETTE[:6]
_LINE, _MARGIN = 24, 92  # pixels: of a line of the legend, above and below a plot


@dataclass(frozen=True)
class Look:
    """What a kind of trial is called, and its mark: shape and colour differ, so that either is enough."""

    name: str
    symbol: str
    colour: str
    size: int = 9

    @property
    def marker(self) -> dict[str, Any]:
        return {"symbol": self.symbol, "color": self.colour, "size": self.size,
                "line": {"width": 2 if self.symbol.endswith("-open") else 0, "color": self.colour}}


DONE = Look("finished", "circle", BLUE)
FRONT = Look("on the front", "square", GREEN, 10)
DEGENERATE = Look("degenerate: gain at or below 0", "cross-open", VERMILION, 10)
PAPER = Look("paper's setting", "diamond", ORANGE, 15)
CHOSEN = Look("chosen", "star", PURPLE, 17)
PRUNED = Look("stopped early", "triangle-down", GREY, 8)
RUNNING = Look("running", "circle-open", SKY)
FAILED = Look("failed", "x", VERMILION, 8)
_LOOKS = (PRUNED, RUNNING, FAILED, DONE, DEGENERATE, FRONT, PAPER, CHOSEN)  # later ones are drawn over earlier ones


def look(searched: Searched, trial: TrialRecord) -> Look:
    """The most telling thing about a trial."""
    if searched.chosen is not None and trial.number == searched.chosen.number:
        return CHOSEN
    if trial.state != "done":
        return {"pruned": PRUNED, "running": RUNNING, "failed": FAILED}[trial.state]
    if searched.paper is not None and trial.number == searched.paper.number:
        return PAPER
    if trial.degenerate:
        return DEGENERATE
    return FRONT if trial.number in {other.number for other in searched.front} else DONE


def by_look(searched: Searched, trials: Iterable[TrialRecord]) -> Iterator[tuple[Look, list[TrialRecord]]]:
    """Trials of one mark together, in the order in which they are drawn."""
    looks = [(trial, look(searched, trial)) for trial in trials]
    for one in _LOOKS:
        alike = [trial for trial, its in looks if its is one]
        if alike:
            yield one, alike


def add_marks(figure: go.Figure, method: str, one: Look, placed: Sequence[tuple[TrialRecord, float, float]],
              **more: Any) -> None:
    """Trials as marks at (x, y); a kind of trial is named in the legend once per figure."""
    named = {trace.name for trace in figure.data}
    figure.add_scatter(
        x=[x for _, x, _ in placed], y=[y for _, _, y in placed], mode="markers", name=one.name, marker=one.marker,
        legendgroup=one.name, showlegend=one.name not in named, **told(method, [trial for trial, _, _ in placed]),
        **more)


def told(method: str, trials: Sequence[TrialRecord]) -> dict[str, Any]:
    """What the pointer shows of each trial of a trace, and where a click leads."""
    return {"hovertext": [hover(trial) for trial in trials], "hovertemplate": "%{hovertext}<extra></extra>",
            "customdata": [anchor(method, trial) for trial in trials]}


def hover(trial: TrialRecord) -> str:
    """A trial in a few lines; Plotly reads a little HTML in every text, so what others wrote is escaped."""
    said = [f"trial {trial.number}, {trial.state}"]
    said += [f"{title(metric)} {shown(trial, metric)}" for metric in trial.values if value(trial, metric) is not None]
    said += [f"after {trial.epochs} epochs"] if trial.state == "pruned" else []
    said += [f"run {printable(trial.run_id, 40)}"] if trial.run_id else []
    said += [printable(trial.error, 80)] if trial.error else []
    return "<br>".join(escape(line) for line in said)


def method_anchor(method: str) -> str:
    """Part of addresses in a page; differs between any two methods."""
    return quote(method, safe="@")


def anchor(method: str, trial: TrialRecord) -> str:
    """Address of the trial's line in the table."""
    return f"trial-{method_anchor(method)}-{trial.number}"


def unit(metric: str) -> str:
    """``fraction`` is shown in per cent; metrics without a card are shown as they are."""
    return registry.cards[metric].unit if metric in registry.cards else ""


def title(metric: str) -> str:
    """``consistency gain``."""
    return printable(metric.replace("_", " "), 60)


def heading(metric: str) -> str:
    """The name on an axis: ``consistency gain, %``."""
    return escape(title(metric)) + (", %" if unit(metric) == "fraction" else "")


def value(trial: TrialRecord, metric: str) -> float | None:
    """A trial's value as it is drawn: fractions in per cent; None where there is no finite one."""
    found = trial.values.get(metric)
    if found is None or not isfinite(found):
        return None
    return 100 * found if unit(metric) == "fraction" else float(found)


def shown(trial: TrialRecord, metric: str) -> str:
    """``73.3 %``; empty where there is no finite value."""
    if value(trial, metric) is None:
        return ""
    return number(trial.values[metric], unit(metric)) + (" %" if unit(metric) == "fraction" else "")


def finished(figure: go.Figure, plot: int, below: int = 60) -> go.Figure:
    """The look that figures share, with the legend ``below`` pixels under a plot of ``plot`` pixels."""
    lines = len({trace.name for trace in figure.data if trace.showlegend is not False})
    finish(figure, plot + _MARGIN + _LINE * lines, legend=True)
    return figure.update_layout(legend={"y": -below / plot, "itemsizing": "constant", "font": {"size": 13}})
