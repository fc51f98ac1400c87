"""Reported against reproduced: every published number beside ours, and whether the two may be compared."""

from collections import Counter
from collections.abc import Sequence
from html import escape

from .. import page as old
from ..fragments import table, word
from ..published import Published
from ..reproduction import Reproduction, reproductions
from ..reproduction_figure import MOST, reported_against_reproduced
from ..text import printable
from .frame import Page, Section
from .material import Material

_LEAD = ("What papers and repositories report, and what came out here. A number counts as reproduced only where data "
         "set, classes, backbone, image size, protocol and training images are the same.")
_RULES = ("<p><b>Reproduced</b>: our 95 % interval holds a value that rounds to the published one. <b>Off</b>: the same "
          "set-up, and it does not. <b>Not comparable</b>: the set-ups differ as said; then no difference is shown, as "
          "it would mean nothing. Our line is the one whose set-up is nearest, whatever its score. What is "
          "<i>not known</i> comes from what sources or rows leave open; a recipe other than the paper's stands there "
          "too. Learning rates may have been tuned on either side. <b>Second-hand</b>: read in a text that quotes the "
          "source. <b>Uncertain</b>: may have been misread.</p>")
_HEADS = ("data set", "metric", "published", "ours", "ours − published", "outcome", "why, and what is not known",
          "source")
_MISSING = ("metric", "published", "backbone", "protocol", "why there is no run", "source")


def page(material: Material) -> Page:
    """Always there: the ledger says what there is to reproduce."""
    found = reproductions(material.boards, material.frame)
    beside = [one for one in found if one.ours is not None]
    sections = [Section("summary", "In short", _summary(found))]
    if beside:
        sections.append(Section("beside", "Beside ours", _figure(beside) + table(
            "Every published number that a run stands beside; per cent, or as printed.", "method", _HEADS,
            [(one.published.name, _cells(one)) for one in sorted(beside, key=_rank)], words=True)))
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
        return ("<p>No run has the set-up of a published number, so there is nothing to draw. The column "
                "<i>why</i> says what to change.</p>")
    left_out = sum(one.difference is not None for one in beside) - MOST
    title = "Published values and ours" + (f"; {left_out} more in the table" if left_out > 0 else "")
    return old.figure(drawn, title, "reported-figure", "in the table below")


def _rank(one: Reproduction) -> tuple:
    """What may be compared comes first, then what is nearest to it."""
    return one.outcome == "not comparable", one.published.dataset, len(one.reasons)


def _cells(one: Reproduction) -> list[str]:
    entry, ours = one.published, one.ours
    where = f"{ours.line.title}, {ours.board.backbone}, {ours.score.seeds} seed{'s' * (ours.score.seeds != 1)}"
    return [word(entry.dataset), word(entry.metric.replace("_", " ")), _published(entry),
            f"{_value(ours.score.value, entry)} {_interval(one)}<br><span class=\"quiet\">{word(where)}</span>",
            "" if one.difference is None else _points(one.difference), _outcome(one), _why(one), _source(entry)]


def _outcome(one: Reproduction) -> str:
    if one.outcome == "off":
        return f'<b class="wrong">off by {_points(abs(one.difference)).removeprefix("+")}</b>'
    return '<b class="right">reproduced</b>' if one.outcome == "reproduced" else one.outcome


def _why(one: Reproduction) -> str:
    said = "; ".join(word(reason) for reason in one.reasons)
    left = "; ".join(word(doubt) for doubt in one.doubts)
    return said + ("<br>" if said and left else "") + (f'<span class="quiet">not known or apart: {left}</span>'
                                                       if left else "")


def _published(entry: Published) -> str:
    """The value as printed, with its spread, its certainty and its note."""
    value = f"{entry.value}{f' ± {entry.spread}' if entry.spread else ''}{'' if entry.unit == 'fraction' else f' {entry.unit}'}"
    about = "; ".join(filter(None, ("" if entry.certainty == "exact" else entry.certainty,
                                    f"{entry.seeds} seeds" if entry.seeds else "", entry.note)))
    return escape(value) + (f'<br><span class="quiet">{word(about)}</span>' if about else "")


def _source(entry: Published) -> str:
    return f'<span class="quiet">{word(entry.source)}</span>'


def _value(value: float, entry: Published) -> str:
    """In the unit of the published number, with as many digits or one."""
    return f"{value:.3f}" if entry.unit == "fraction" else f"{100 * value:.1f} %"


def _interval(one: Reproduction) -> str:
    score = one.ours.score
    if score.low is None or score.high is None:
        return ""
    low, high = (_value(end, one.published).removesuffix(" %") for end in (score.low, score.high))
    return f"[{low}, {high}]"


def _points(difference: float) -> str:
    shown = f"{100 * difference:+.1f}"
    return f"{shown.replace('-', '−')} point{'s' * (abs(float(shown)) != 1)}"


def _not_run(missing: Sequence[Reproduction]) -> str:
    """A list that opens for each data set."""
    by_dataset: dict[str, list[Reproduction]] = {}
    for one in missing:
        by_dataset.setdefault(one.published.dataset, []).append(one)
    parts = []
    for dataset, some in sorted(by_dataset.items()):
        rows = [(one.published.name, [word(one.published.metric.replace("_", " ")), _published(one.published),
                                      word(_backbone(one.published)), word(one.published.protocol),
                                      word("; ".join(one.reasons)), _source(one.published)]) for one in some]
        parts.append(f"<details><summary>{escape(printable(dataset))}: {len(some)} numbers</summary>"
                     f"{table(f'Published on {dataset}, without a run beside it.', 'method', _MISSING, rows, True)}"
                     "</details>")
    return "".join(parts) or "<p>A run stands beside every published number.</p>"


def _backbone(entry: Published) -> str:
    return f"{entry.backbone or 'not stated'}{f', {entry.image_size} px' if entry.image_size else ''}"
