"""Reported against reproduced: every published number beside ours, and whether the two may be compared."""

from collections import Counter
from collections.abc import Sequence
from html import escape

from .. import page as old
from ..reproduction import Reproduction, reproductions
from ..reproduction_figure import MOST, reported_against_reproduced
from ..text import printable
from .frame import Page, Section
from .material import Material
from .reported_table import beside_table, missing_table

_LEAD = ("What papers and repositories report, and what came out here. A number counts as reproduced only where data "
         "set, classes, backbone, image size, protocol and training images are the same.")
_RULES = """<dl class="rules">
<dt>Reproduced</dt><dd>Our 95 % interval holds a value that rounds to the published one, in the same set-up.</dd>
<dt>Off</dt><dd>The same set-up, and it does not.</dd>
<dt>Not comparable</dt><dd>The set-ups differ as said. No difference is shown, as it would mean nothing.</dd>
<dt>Not run</dt><dd>No run of the method on the data set has the metric.</dd>
</dl>
<p>Our line is the one whose set-up is nearest, however near its score. In small print: what sources or rows leave open,
and a recipe other than the paper's. Second-hand: read in a text that quotes the source. Uncertain: may have been
misread. Rows do not say how many classes a run had: it is told by class sums and by the number of test images.</p>"""


def page(material: Material) -> Page:
    """Always there: the ledger says what there is to reproduce."""
    found = reproductions(material.boards, material.frame)
    beside = sorted((one for one in found if one.ours is not None), key=_rank)
    sections = [Section("summary", "In short", _summary(found))]
    if beside:
        sections.append(Section("beside", "Beside ours", _figure(beside) + beside_table(beside)))
    sections.append(Section("not-run", "Not run", _not_run([one for one in found if one.ours is None])))
    return Page("reported", "Reported", "Reported against reproduced", _LEAD, sections)


def _summary(found: Sequence[Reproduction]) -> str:
    counts = Counter(one.outcome for one in found)
    said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("reproduced", "off", "not comparable", "not run"))
    sources = len({one.published.source for one in found})
    return f"<p>{len(found)} published numbers from {sources} sources: {said}.</p>{_RULES}"


def _figure(beside: Sequence[Reproduction]) -> str:
    drawn = reported_against_reproduced(beside)
    if drawn is None:
        return ("<p>No run has the set-up of a published number, so there is nothing to draw. The last but one column "
                "says what differs.</p>")
    left_out = sum(one.difference is not None for one in beside) - MOST
    title = "Published values and ours" + (f"; {left_out} more in the table" if left_out > 0 else "")
    return old.figure(drawn, title, "reported-figure", "in the table below")


def _rank(one: Reproduction) -> tuple:
    """What may be compared comes first, then what is nearest to it."""
    return one.outcome == "not comparable", len(one.reasons), one.published.dataset


def _not_run(missing: Sequence[Reproduction]) -> str:
    """A list that opens for each data set."""
    by_dataset: dict[str, list[Reproduction]] = {}
    for one in missing:
        by_dataset.setdefault(one.published.dataset, []).append(one)
    return "".join(f"<details><summary>{escape(printable(dataset))}: {len(some)} numbers</summary>"
                   f"{missing_table(dataset, some)}</details>" for dataset, some in sorted(by_dataset.items())
                   ) or "<p>A run stands beside every published number.</p>"
