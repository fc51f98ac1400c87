"""The page of an audit: what the part metrics are worth on one data set. Plain HTML, opens without network.

Beside it stands what it says as JSON, from which the report's own page is made.
"""

import os
from collections.abc import Sequence
from html import escape

from ..links import inside
from . import audit_figures, page
from .audit_data import FOLDER, AuditData
from .audited import Audit, Curve
from .board import Score
from .files import Folder
from .plotly_script import write_plotly_script
from .text import heading, interval, number, printable

LEAD = ("What a score of the part metrics means on this data set. Controls look at no image: what they reach, a "
         "method has not earned. Everything here follows from annotations alone.")


def write_audit_page(audit: Audit, out: str | os.PathLike) -> str:
    """Write ``audit/<dataset>.<protocol id>.html`` with its script and its JSON beside it, and return its path.

    A split other than test is part of the names. The same audit gives the same bytes.

    Raises:
        UserError: the folder cannot be written.
    """
    folder = Folder(f"{str(out).rstrip('/')}/{FOLDER}")
    if folder.local:
        inside(out, FOLDER)
    write_plotly_script(folder)
    split = "" if audit.split == "test" else f".{audit.split}"
    name = f"{audit.dataset}.{audit.protocol.id}{split}"
    folder.write(AuditData.of(audit).model_dump_json().encode(), f"{name}.json")
    return folder.write(audit_page(audit).encode(), f"{name}.html")


def audit_page(audit: Audit) -> str:
    """The whole page."""
    sections = [("scores", "Scores", scores(audit)), ("constant", "Every constant peak", _constant(audit)),
                ("half-size", "Against the half-size", half_sizes(audit)),
                ("threshold", "Against the threshold", thresholds(audit)),
                ("data", "What a difference of one point needs", comparisons(audit))]
    return page.page(sections, f"Audit: {printable(audit.title)}", LEAD)


def scores(audit: Audit | AuditData) -> str:
    """Every explanation under every metric of peaks."""
    rules = audit.protocol
    caption = (f"{audit.images:,} images of {audit.classes:,} classes, {len(audit.parts)} parts. Protocol {rules.name} "
               f"(id {rules.id}): half-size {rules.half_size} on a canvas of {rules.canvas} pixels, threshold "
               f"{rules.threshold}. Fractions in per cent, with 95 % intervals over classes; n/a: not defined here.")
    rows = [(line.name, [score(line.scores.get(column.metric), column.unit) for column in audit.columns])
            for line in audit.lines]
    return _table(caption, "explanation", [heading(column) for column in audit.columns], rows)


def constant(audit: Audit | AuditData) -> str:
    """What a peak that never moves scores, and where the parts stand."""
    x, y = audit.best
    said = (f"<p>One peak at ({x}, {y}) on every image, chosen on training images where it scores "
            f"{_percent(audit.best_on_train)} %, scores {_percent(audit.best_here)} % here without looking at any of "
            f"them. The mean over all places is {_percent(audit.constant_mean)} %; with half-size "
            f"{audit.stale_half_size} it is {_percent(audit.stale_constant_mean)} %.</p>")
    rows = [(part.name, [f"{part.shown:,}", "" if part.place is None else f"{part.place[0]:.0f}, {part.place[1]:.0f}",
                         "" if part.consistency is None else _percent(part.consistency)]) for part in audit.parts]
    table = _table("Parts: how many images show each, its mean place on the canvas, and the consistency of a constant "
                   "peak there, in per cent.", "part", ["shown on images", "mean x, y", "consistency"], rows)
    return said + table


def _constant(audit: Audit) -> str:
    rules = audit.protocol
    drawn = page.figure(audit_figures.constant_peaks(audit, audit.constant, rules.half_size),
                        f"Consistency of every constant peak, half-size {rules.half_size}", "peaks")
    drawn += page.figure(audit_figures.constant_peaks(audit, audit.stale_constant, audit.stale_half_size),
                         f"The same with half-size {audit.stale_half_size}", "peaks-stale")
    note = ("<p>Star: the best constant peak of the training images, with its region. Dots: mean places of the parts. "
            "A concept that always marks the same place gets the colour of that place as its score.</p>")
    return f'{constant(audit)}{note}<div class="figures">{drawn}</div>'


def half_sizes(audit: Audit | AuditData, anchor: str = "by-half-size") -> str:
    """Scores against the half-size: a table and, under ``anchor``, a figure."""
    note = (f"<p>A region of half-size {audit.stale_half_size} covers {_covered(audit):.0f} % of the canvas. It was a "
            "public script's default, made for pictures of 518 pixels and applied to a canvas of 224. The best "
            "constant peak is fitted on the training images for each half-size. Gain subtracts what peaks score that "
            "are exchanged between images of a class: maps that ignore the image gain nothing at any half-size.</p>")
    table = _sweep("half-size", [str(size) for size in audit.half_sizes],
                   [(line.name, line.half_sizes) for line in audit.lines])
    return note + table + page.figure(audit_figures.against_half_size(audit), "Against the half-size", anchor)


def _covered(audit: Audit | AuditData) -> float:
    return 100 * min(1.0, (2 * audit.stale_half_size + 1) / audit.protocol.canvas) ** 2


def thresholds(audit: Audit | AuditData, anchor: str = "by-threshold") -> str:
    """Scores against the threshold: a table and, under ``anchor``, a figure."""
    note = ("<p>The threshold is the share of a class's images showing a part on which a concept has to hit it. The "
            "best constant peak is fitted on the training images for each threshold.</p>")
    table = _sweep("threshold", [str(threshold) for threshold in audit.thresholds],
                   [(line.name, line.thresholds) for line in audit.lines])
    return note + table + page.figure(audit_figures.against_threshold(audit), "Against the threshold", anchor)


def _sweep(setting: str, settings: Sequence[str], curves: Sequence[tuple[str, Curve]]) -> str:
    rows = [(name, [_percent(score) + ("" if gain is None else _below(_percent(gain)))
                    for score, gain in zip(curve.consistency, curve.gain, strict=True)]) for name, curve in curves]
    return _table(f"Consistency, and below it its gain, by {setting}; per cent.", setting, settings, rows)


def comparisons(audit: Audit | AuditData) -> str:
    """What a difference between two explanations has to be to show."""
    if not audit.comparisons:
        return "<p>No two explanations differ between classes here: there is no spread to reckon with.</p>"
    rows = [(f"{pair.first} and {pair.second}",
             [escape(pair.metric.replace("_", " ")), _percent(pair.difference), _percent(pair.detectable),
              f"{pair.classes:,}", f"{pair.images:,}"]) for pair in audit.comparisons]
    caption = ("What a paired test over classes sees, from how the difference of two explanations spreads over the "
               f"{audit.classes:,} classes here; 80 % power at the 5 % level. Differences in points.")
    return _table(caption, "explanations", ["metric", "difference", "smallest detectable", "classes for one point",
                                            "images for one point"], rows)


def score(score: Score | None, unit: str) -> str:
    """A score with its interval below, as HTML; ``n/a`` where it does not apply, empty where nobody asked."""
    if score is None or score.value is None:
        return "" if score is None else _below("n/a")
    return number(score.value, unit) + _below(interval(score, unit))


def _below(text: str) -> str:
    return f' <span class="interval">{text}</span>'


def _table(caption: str, corner: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Cells are HTML, the rest is text."""
    columns = "".join(f'<th scope="col">{escape(head)}</th>' for head in (corner, *heads))
    body = "".join(f'<tr><th scope="row">{page.name(printable(name))}</th>'
                   + "".join(f"<td>{shown}</td>" for shown in cells) + "</tr>" for name, cells in rows)
    return (f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table class="numbers">'
            f"<caption>{escape(caption)}</caption><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>")


def _percent(value: float) -> str:
    return number(value, "fraction")
