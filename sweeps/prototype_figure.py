"""The figure of prototype counts: how many prototypes, altogether and per level, go with which scores."""

from collections.abc import Sequence
from typing import Any

from plotly import graph_objects as go
from plotly.subplots import make_subplots

from .marks import add_marks, by_look, finished, heading, value
from .records import TrialRecord
from .searched import Searched
from .wording import name

_SCORES = ("consistency_gain", "accuracy")
_ROW = 190  # pixels of a panel


def count_settings(searched: Searched) -> list[str]:
    """Settings that hold counts and were varied: lists of whole numbers, and numbers of prototypes."""
    found: dict[str, list[tuple[int, ...]]] = {}
    for trial in searched.record.finished:
        for setting, its in trial.settings.items():
            if _is_count(setting, its):
                found.setdefault(setting, []).append(_levels(its))
    return [setting for setting, values in found.items() if len(set(values)) > 1]


def prototype_counts(searched: Searched, setting: str) -> go.Figure | None:
    """Consistency gain and accuracy against the total of one setting of :func:`count_settings` and its levels."""
    trials = [trial for trial in searched.record.finished
              if setting in trial.settings and _is_count(setting, trial.settings[setting])]
    scores = [metric for metric in _SCORES if any(value(trial, metric) is not None for trial in trials)]
    if not scores:
        return None
    rows = _rows(setting, trials)
    figure = make_subplots(len(rows), len(scores), shared_yaxes="columns", vertical_spacing=0.3 / len(rows),
                           horizontal_spacing=0.14, column_titles=[heading(metric) for metric in scores])
    for row, (title, counts) in enumerate(rows, 1):
        for column, metric in enumerate(scores, 1):
            _panel(figure, searched, counts, metric, row, column)
            figure.update_xaxes(title={"text": title, "font": {"size": 12}, "standoff": 4}, row=row, col=column,
                                dtick=1 if _span(counts) < 7 else None)
    return finished(figure, _ROW * len(rows))


def _rows(setting: str, trials: Sequence[TrialRecord]) -> list[tuple[str, list[tuple[TrialRecord, int]]]]:
    """(name, counts by trial): the total, and where there are several levels, each that at least two trials have."""
    levels = [(trial, _levels(trial.settings[setting])) for trial in trials]
    deepest = max(len(counts) for _, counts in levels)
    rows = [(f"total {name(setting)}" if deepest > 1 else name(setting),
             [(trial, sum(counts)) for trial, counts in levels])]
    for level in range(deepest if deepest > 1 else 0):
        rows.append((f"level {level + 1}", [(trial, counts[level]) for trial, counts in levels if len(counts) > level]))
    return [row for row in rows if len(row[1]) > 1]


def _panel(figure: go.Figure, searched: Searched, counts: Sequence[tuple[TrialRecord, int]], metric: str, row: int,
           column: int) -> None:
    of = {trial.number: count for trial, count in counts}
    for one, alike in by_look(searched, [trial for trial, _ in counts if value(trial, metric) is not None]):
        add_marks(figure, searched.record.method, one,
                  [(trial, of[trial.number], value(trial, metric)) for trial in alike], row=row, col=column)


def _span(counts: Sequence[tuple[TrialRecord, int]]) -> int:
    return max(count for _, count in counts) - min(count for _, count in counts)


def _is_count(setting: str, its: Any) -> bool:
    if isinstance(its, list | tuple):
        return bool(its) and all(_is_whole(one) for one in its)
    return "prototypes" in setting and _is_whole(its)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _levels(its: Any) -> tuple[int, ...]:
    return tuple(its) if isinstance(its, list | tuple) else (its,)
