"""The page of a sweep: what each method's search tried, found and chose. Plain HTML, opens without network."""

import os
import re
from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from ..errors import UserError
from ..leaderboard import page
from ..leaderboard.files import Folder
from ..leaderboard.fragments import table
from ..leaderboard.plotly_script import write_plotly_script
from ..leaderboard.text import printable
from . import figures
from .comparison_figures import best_against_budget
from .front_figure import pareto_front
from .hypervolume import hypervolume_of
from .marks import method_anchor, shown, title
from .on_test import tests_section
from .page_style import SCRIPT, STYLE
from .parallel_figure import parallel_coordinates
from .prototype_figure import count_settings, prototype_counts
from .records import SearchRecord
from .searched import Searched
from .trial_table import Explained, trial_table
from .verdict import spent, verdict

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BACK = (("index.html", "Leaderboard"), ("sweeps.html", "Sweeps"))
_NUMBERS = "in the table of trials"
_LEAD = ("What a search over settings tried, what it found, and what it would choose. The paper's setting is always "
         "trial 0. A mark in a figure leads to its trial's line in the table, and from there to the run.")


def write_sweep_page(folder: str | os.PathLike, name: str, searches: Sequence[Searched]) -> str:
    """Write ``sweep-<name>.html`` into the report's folder, with Plotly's script beside it, and return its path.

    Args:
        folder: of the report, inside the folder of results: pages in ``explained/`` there are linked to.
        searches: one per method.

    Raises:
        UserError: the name cannot be part of a file's, or the folder cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise UserError(f"the sweep's name '{printable(name)}' cannot be part of a file name; "
                        "use up to 64 letters, digits, - and _")
    target = Folder(folder)
    html = sweep_page(searches, f"Sweep {name}", _explained(target, searches))
    write_plotly_script(target)
    return target.write(html.encode(), f"sweep-{name}.html")


def _explained(report: Folder, searches: Sequence[Searched]) -> Explained:
    """``harness explain`` names its pages by the first digits of the run."""
    pages = [found.name for found in Folder(_parent(report)).list("explained", ".html")]
    runs = {trial.run_id for searched in searches for trial in searched.record.trials if trial.run_id}
    return {run: [f"../explained/{quote(name)}" for name in pages if name.startswith(f"{run[:8]}.")] for run in runs}


def _parent(folder: Folder) -> str:
    place = folder.root.rpartition("/")[0] or "/"
    return place if folder.local else folder.fs.unstrip_protocol(place)


def sweep_page(searches: Sequence[Searched], heading: str, explained: Explained | None = None) -> str:
    """The whole page of one sweep's searches, one per method. The same searches give the same bytes.

    Args:
        heading: the page's title.
        explained: addresses of pages that explain an image, by run.
    """
    sections = [(f"method-{method_anchor(one.record.method)}", _title(one.record), _section(one, explained or {}))
                for one in searches]
    if len(searches) > 1:
        sections.insert(0, ("budget", "On the same budget", _comparison(searches)))
    if not searches:
        sections = [("empty", "No search yet", "<p>Start one with <code>harness tune</code>.</p>")]
    return page.page(sections, printable(heading), _LEAD, STYLE, script=SCRIPT, back=_BACK)


def _title(record: SearchRecord) -> str:
    return printable(f"{record.method} on {record.dataset}")


def _section(searched: Searched, explained: Explained) -> str:
    record = searched.record
    facts = (f"{record.backbone}, {record.image_size} pixels, {record.epochs} epochs for a full trial. Sampler: "
             f"{record.sampler}, seed {record.seed}.")
    notes = f"<h3>Warnings</h3>{page.listing(searched.notes)}" if searched.notes else ""
    trials = f"<h3>All trials</h3>{trial_table(searched, explained)}" if record.trials else ""
    return (f"<p>{escape(printable(facts, 400))}</p>{verdict(searched)}{tests_section(searched.tests)}{notes}"
            f"{_figures(searched)}{trials}")


def _figures(searched: Searched) -> str:
    """Every figure that can be drawn, and a sentence for each that cannot."""
    method = searched.record.method
    counted = [(f"{title(setting)} against the scores", prototype_counts(searched, setting), "")
               for setting in count_settings(searched)]
    every = [("Values by trial", figures.history(searched), "no trial has a value yet"),
             ("Pareto front", pareto_front(searched), _without_front(searched)),
             ("Settings of the finished trials", parallel_coordinates(searched), "it takes two finished trials"),
             ("Importance of each parameter (PED-ANOVA; rough, as the sampler looks not everywhere alike)",
              figures.importances(searched), "too few finished trials to tell"),
             *counted,
             ("When each trial ran", figures.timeline(searched), "no trial has begun")]
    drawn = "".join(page.figure(figure, f"{what}: {printable(method)}", f"figure-{method_anchor(method)}-{place}",
                                _NUMBERS) for place, (what, figure, _) in enumerate(every))
    missing = "".join(f"<p class=\"undrawn\">{escape(what)}: {escape(why)}.</p>"
                      for what, figure, why in every if figure is None and why)
    return f'<div class="figures">{drawn}</div>{missing}'


def _without_front(searched: Searched) -> str:
    return ("there is one objective, so the best trial is the front" if len(searched.metrics) < 2 else
            "no trial has finished")


def _comparison(searches: Sequence[Searched]) -> str:
    """What each method reached for the same budget."""
    rows = [(one.record.method, [escape(spent(one.record)), str(len(one.record.finished)), *_reached(one)])
            for one in searches]
    metrics = [title(metric) for metric in searches[0].metrics]
    heads = ["spent", "finished", *(f"{metric}, {whose}" for metric in metrics for whose in ("paper's", "chosen")),
             *(["hypervolume, paper's", "hypervolume, front"] if len(metrics) > 1 else [])]
    told = table("Each method with the paper's setting and with the one chosen; values on validation images.", "method",
                 heads, rows)
    drawn = best_against_budget([one.record for one in searches])
    if drawn is None:
        return f'{told}<p class="undrawn">Best so far against budget: no trial has finished.</p>'
    return f'{told}<div class="figures">{page.figure(drawn, "Best so far against budget", "best-so-far")}</div>'


def _reached(one: Searched) -> list[str]:
    """Of the paper's setting and the chosen one, and with several objectives of all trials together."""
    values = [shown(trial, metric) if trial else "" for metric in one.metrics for trial in (one.paper, one.chosen)]
    if len(one.metrics) > 1:
        values += [f"{hypervolume_of(some, one.record.objectives):.4f}" if some else ""
                   for some in ([one.paper] if one.paper else [], one.front)]
    return values
