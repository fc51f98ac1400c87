"""Sweeps: the searches over settings whose pages lie beside these, and what the rows of their trials say."""

import re
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..fragments import table, word
from ..rows import SCORED
from ..text import number, printable
from .frame import Page, Section
from .headlines import VERDICTS
from .material import Material

if TYPE_CHECKING:
    import pandas

_PAGE = re.compile(r"sweep-([A-Za-z0-9_-]{1,64})\.html")
_LEAD = ("Searches over settings. A trial is scored on validation images and stands on no leaderboard; what a search "
         "chose is run again and scored on test images.")
_CAPTION = ("Trials by search and method. Best: the highest (or lowest) mean over validation images that any trial "
            "reached, chosen by that very score: it says what there is to find, not how good the method is.")
_MOST = 4  # metrics with a column


def page(material: Material) -> Page | None:
    """None where nothing was searched."""
    frame = material.frame
    trials = frame[(frame["sweep"] != "") & (frame["split"] == "val")]
    pages = {found[1]: found[0] for each in material.report.list("", ".html") if (found := _PAGE.fullmatch(each.name))}
    if not (pages or len(trials)):
        return None
    sections = [Section("searches", "Searches", _list(pages, trials))]
    if len(trials):
        sections.append(Section("trials", "Trials", _trials(trials)))
    return Page("sweeps", "Sweeps", "Searches over settings", _LEAD, sections)


def _list(pages: dict[str, str], trials: "pandas.DataFrame") -> str:
    names = sorted({*pages, *trials["sweep"]})
    items = (f'<li><a href="{escape(pages[name])}">{escape(name)}</a></li>' if name in pages else
             f"<li>{word(name)}: no page here; <code>harness report</code> draws it from its journal</li>"
             for name in names)
    return f"<ul>{''.join(items)}</ul>"


def _trials(trials: "pandas.DataFrame") -> str:
    """Of every search and method: how many trials, how they ended, and the best of each metric."""
    scored = trials[(trials["status"] == "done") & (trials["level"] == "final")]
    known = set(scored["metric"])
    metrics = [*(metric for metric in VERDICTS if metric in known), *sorted(known.difference(VERDICTS))][:_MOST]
    rows = []
    for (sweep, method, dataset), some in trials.groupby(["sweep", "method", "dataset"]):
        # In the alphabet "done" comes before every other status.
        ended = some["status"].mask(some["status"].isin(SCORED), "done").groupby(some["run_id"]).min()
        counts = [len(ended), *(int((ended == status).sum()) for status in ("done", "pruned"))]
        counts.append(counts[0] - sum(counts[1:]))
        best = [_best(scored[scored["run_id"].isin(ended.index) & (scored["sweep"] == sweep)
                             & (scored["metric"] == metric)]) for metric in metrics]
        name = f"{printable(sweep, 64)}: {printable(method, 40)} on {printable(dataset, 40)}"
        rows.append((name, [*map(str, counts), *best]))
    heads = ["trials", "finished", "stopped early", "failed or interrupted",
             *(f"best {metric.replace('_', ' ')}" for metric in metrics)]
    return table(_CAPTION, "search", heads, rows)


def _best(scores: "pandas.DataFrame") -> str:
    """The best value, leading to its run."""
    if not len(scores):
        return ""
    first = scores.iloc[0]
    ordered = scores.sort_values(["value", "run_id"], ascending=[not first["higher_is_better"], True])
    best = ordered.iloc[0]
    return (f'<a href="runs.html#run-{escape(quote(best["run_id"], safe=""))}">'
            f'{number(best["value"], best["unit"])}{" %" if best["unit"] == "fraction" else ""}</a>')
