"""Runs: what each was asked for, how it ended, on what it ran, and the command that does it again."""

import json

from ..badges import badge_boards, embed_html
from .frame import Page, Section
from .material import Material
from .run_facts import run_facts

_LEAD = ("Every run behind these pages: what it was asked for, how it ended, on what it ran, and the command that does "
         "it again.")
_LIST = """<div id="runs" class="scripted" hidden>
<p>A command writes folders and files as PATH/TO/...; the same command, data and versions give the same run id.</p>
</div>
<noscript><p>This list is drawn by a script, and scripts are off. <code>harness list runs</code> lists the runs,
<code>harness show RUN</code> shows what one was asked for, <code>harness why RUN</code> how it ended and the end of its
log; <code>harness run --config runs/RUN/spec.json</code> does it again.</p></noscript>"""

_BADGES = """<p>To show where a data set stands on a page of your own, paste one of these; SITE is the address
that these pages are published at. <a href="summary.json">summary.json</a> holds the same for programs.</p>"""


def page(material: Material) -> Page | None:
    """None where there are no rows."""
    if not len(material.frame):
        return None
    # In a script element only "<" can end the data early.
    data = json.dumps(run_facts(material.frame, material.results), separators=(",", ":")).replace("<", "\\u003c")
    html = f'{_LIST}<script type="application/json" id="runs-data">{data}</script>'
    sections = [Section("all", "All runs", html)]
    shown = badge_boards(material.boards)
    if shown:
        sections.append(Section("badges", "Badges", _BADGES + "".join(map(embed_html, shown))))
    return Page("runs", "Runs", "Runs", _LEAD, sections, scripts=("runs.js",))
