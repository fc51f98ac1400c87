"""What a search came to, in a few sentences, and the chosen setting beside the paper's."""

from html import escape

from ..leaderboard.fragments import table, word
from ..leaderboard.text import number, printable
from .hypervolume import hypervolume_of
from .marks import shown, title, unit, value
from .records import Objective, SearchRecord, TrialRecord
from .searched import Searched
from .wording import count, listed, setting

_OPTIMISTIC = ("<p>All values are of validation images, by which the search chose: the best of many are optimistic. "
               "The same command with <code>--final</code> trains the chosen and the paper's setting anew and tests "
               "both once.</p>")
_STATES = {"done": "finished", "pruned": "stopped early", "failed": "failed", "running": "running"}


def verdict(searched: Searched) -> str:
    """How the trials ended, what they cost and what they gained over the paper's setting, as HTML."""
    said = [f"{_trials(searched.record)}; {spent(searched.record)} spent.", _degenerate(searched), _volume(searched),
            _choice(searched)]
    sentences = " ".join(escape(sentence) for sentence in said if sentence)
    optimistic = _OPTIMISTIC if searched.record.finished else ""
    return f"<p>{sentences}</p>{optimistic}{_beside(searched)}"


def _trials(record: SearchRecord) -> str:
    states = [trial.state for trial in record.trials]
    ended = [f"{states.count(state)} {said}" for state, said in _STATES.items() if state in states]
    return f"{count(len(states), 'trials')}: {listed(ended)}" if states else "No trial has begun"


def spent(record: SearchRecord) -> str:
    """``38 of 40 trials``: what trials cost so far, in the budget's unit; minutes are those of the trials."""
    costs = {"trials": float(len(record.trials)), "epochs": float(sum(trial.epochs for trial in record.trials)),
             "minutes": sum(trial.seconds for trial in record.trials) / 60}
    digits = 1 if record.unit == "minutes" else 0
    return f"{costs[record.unit]:,.{digits}f} of {record.budget:,g} {record.unit}"


def _degenerate(searched: Searched) -> str:
    done = searched.record.finished
    empty = sum(trial.degenerate for trial in done)
    if not empty:
        return ""
    some = ("Every finished trial is" if empty == len(done) else
            f"{empty} of the {len(done)} finished trials {'is' if empty == 1 else 'are'}")
    return f"{some} degenerate: the consistency is no better than that of maps that ignore the image."


def _volume(searched: Searched) -> str:
    """Hypervolume of the front and of the paper's setting; with one objective their values say it all."""
    objectives = searched.record.objectives
    if len(objectives) < 2 or not searched.sound:
        return ""
    worst = listed([f"{title(objective.metric)} {_worst(objective)}" for objective in objectives])
    said = (f"The front ({count(len(searched.front), 'trials')}) has a hypervolume of "
            f"{hypervolume_of(searched.front, objectives):.4f}, measured from {worst}")
    if searched.paper in searched.record.finished:
        said += f"; the paper's setting alone one of {hypervolume_of([searched.paper], objectives):.4f}"
    return f"{said}."


def _worst(objective: Objective) -> str:
    of = unit(objective.metric)
    return number(objective.worst, of) + (" %" if of == "fraction" else "")


def _choice(searched: Searched) -> str:
    chosen, paper = searched.chosen, searched.paper
    if paper is None:
        lost = "The paper's setting, trial 0, has not begun."
    elif paper.state == "failed":
        lost = f"The paper's setting, trial 0, failed: {printable(paper.error, 300) or 'see its run'}."
    else:
        lost = "" if paper.state == "done" else "The paper's setting, trial 0, has not finished."
    if chosen is None:
        return f"{lost} Nothing is chosen."
    if paper is not None and chosen.number == paper.number:
        return "The paper's setting is the one chosen."
    return f"{lost} Trial {chosen.number} is chosen."


def _beside(searched: Searched) -> str:
    """A table: values, and below them the settings that differ."""
    paper, chosen = searched.paper, searched.chosen
    if paper is None or chosen is None or paper.number == chosen.number:
        return ""
    metrics = dict.fromkeys([*searched.metrics, *chosen.values])
    rows = [(title(metric), [shown(paper, metric), shown(chosen, metric), _difference(paper, chosen, metric)])
            for metric in metrics if value(chosen, metric) is not None]
    for name in dict.fromkeys([*paper.settings, *chosen.settings]):
        old, new = (setting(trial.settings.get(name, "")) for trial in (paper, chosen))
        if old != new:
            rows.append((name, [word(old), word(new), ""]))
    caption = "The paper's setting and the chosen one: values on validation images, and the settings that differ."
    heads = [f"paper's setting (trial {paper.number})", f"chosen (trial {chosen.number})", "difference"]
    return table(caption, "value or setting", heads, rows)


def _difference(paper: TrialRecord, chosen: TrialRecord, metric: str) -> str:
    """In points where values are in per cent."""
    old, new = value(paper, metric), value(chosen, metric)
    if old is None or new is None:
        return ""
    return f"{new - old:+.1f}" if unit(metric) == "fraction" else f"{new - old:+.3f}"
