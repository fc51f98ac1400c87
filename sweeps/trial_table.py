"""The table of all trials: what the figures show, in numbers, with the way to each run and its explanations."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from ..leaderboard.fragments import scroll, word
from ..leaderboard.text import number, printable
from .marks import anchor, heading, title, unit, value
from .records import TrialRecord
from .searched import Searched
from .wording import listed, setting

_STATES = {"done": "finished", "pruned": "stopped early", "running": "running", "failed": "failed"}
Explained = Mapping[str, Sequence[str]]
"""Run id -> addresses of pages that explain an image by it."""


def trial_table(searched: Searched, explained: Explained) -> str:
    """A line per trial in the order of their numbers, under an address of its own; the page's script sorts it."""
    record = searched.record
    trials = sorted(record.trials, key=lambda trial: trial.number)
    varied, fixed = _varied(trials)
    metrics = list(dict.fromkeys([*searched.metrics, *(metric for trial in trials for metric in trial.values)]))
    heads = ["trial", "outcome", "run", *(heading(metric) for metric in metrics), "epochs", "seconds",
             *(word(name) for name in varied), "explanations"]
    columns = "".join(f'<th scope="col">{head}</th>' for head in heads)
    body = "".join(_line(searched, trial, metrics, varied, explained) for trial in trials)
    caption = (f"All trials of {printable(record.method)}. Values are of validation images, fractions in per cent"
               f"{_directions(searched)}. Those of a trial stopped early are of its last epoch. "
               "A column's head sorts by it.")
    same = f"<p>The same in every trial: {'; '.join(fixed)}.</p>" if fixed else ""
    return scroll(f'<table class="trials"><caption>{escape(caption)}</caption><thead><tr>{columns}</tr></thead>'
                  f"<tbody>{body}</tbody></table>", f"Trials of {record.method}") + same


def _directions(searched: Searched) -> str:
    lower = [title(objective.metric) for objective in searched.record.objectives if not objective.higher_is_better]
    return f"; lower is better for {listed(lower)}" if lower else ""


def _varied(trials: Sequence[TrialRecord]) -> tuple[list[str], list[str]]:
    """Settings that differ between trials, and the others with their value, as HTML."""
    found: dict[str, set[str]] = {}
    for trial in trials:
        for name, its in trial.settings.items():
            found.setdefault(name, set()).add(setting(its))
    differ = {name for name, values in found.items()
              if len(values) > 1 or any(name not in trial.settings for trial in trials)}
    return ([name for name in found if name in differ],
            [f"{word(name)} {word(*values)}" for name, values in found.items() if name not in differ])


def _line(searched: Searched, trial: TrialRecord, metrics: Sequence[str], varied: Sequence[str],
          explained: Explained) -> str:
    cells = [_outcome(searched, trial), _run(trial), *(_value(trial, metric) for metric in metrics),
             str(trial.epochs), f"{trial.seconds:.1f}", *(_setting(trial.settings, name) for name in varied),
             _explanations(trial, explained)]
    return (f'<tr id="{anchor(searched.record.method, trial)}" tabindex="-1"><th scope="row">{trial.number}</th>'
            + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")


def _outcome(searched: Searched, trial: TrialRecord) -> str:
    """How it ended, and what else there is to say of it."""
    said = [what for what, holds in (
        ("paper's setting", searched.paper is not None and trial.number == searched.paper.number),
        ("chosen", searched.chosen is not None and trial.number == searched.chosen.number),
        ("on the front", trial.number in {other.number for other in searched.front}),
        ("degenerate", trial.degenerate)) if holds]
    said += [printable(trial.error, 160)] if trial.error else []
    below = f' <span class="said">{word(", ".join(said))}</span>' if said else ""
    return f"{_STATES[trial.state]}{below}"


def _value(trial: TrialRecord, metric: str) -> str:
    return "" if value(trial, metric) is None else number(trial.values[metric], unit(metric))


def _setting(settings: Mapping[str, Any], name: str) -> str:
    return word(setting(settings[name])) if name in settings else ""


def _run(trial: TrialRecord) -> str:
    """A link to the run's folder, beside the report's."""
    if not trial.run_id:
        return ""
    return f'<a href="../runs/{quote(trial.run_id, safe="")}/">{word(trial.run_id)}</a>'


def _explanations(trial: TrialRecord, explained: Explained) -> str:
    """Links to the pages that there are, else the command that makes one."""
    if not trial.run_id or trial.state == "failed":
        return ""
    pages = explained.get(trial.run_id, ())
    if pages:
        return ", ".join(f'<a href="{escape(page)}">image {place}</a>' for place, page in enumerate(pages, 1))
    return f"<code>harness explain {escape(printable(trial.run_id))} --image ID</code>"
