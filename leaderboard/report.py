"""The report: one static page of every score, figure and gallery under a results folder."""

import hashlib
import os
import re
from html import escape
from pathlib import Path

from . import comparison_page, figures, gallery, page
from .board import Board
from .class_sums import ClassSums
from .collect import boards
from .files import Folder, mendable
from .plotly_script import write_plotly_script
from .store import Store
from .text import printable

_SWEEP = re.compile(r"sweep-([A-Za-z0-9_-]{1,64})\.html")
_PICTURE = re.compile(r"[0-9a-f]{16}\.jpg")


def build_report(out: str | os.PathLike, to: str | os.PathLike | None = None) -> Path | str:
    """Write ``report/index.html`` with its script and pictures, and return the page's path.

    The same rows and explanations give the same bytes. Pictures are named by their content and the page itself is
    replaced last and at once, so a killed build leaves the old report whole.

    Args:
        out: results folder.
        to: folder of the report, ``out``/report by default.

    Raises:
        UserError: there are no results, or the report cannot be written.
    """
    store = Store(out)
    frame, problems = store.current()
    target = Folder(to if to is not None else f"{str(out).rstrip('/')}/report")
    used: set[str] = set()

    def save(picture: bytes) -> str:
        name = gallery.picture_name(picture)
        if name not in used and not target.exists("pictures", name):
            target.write(picture, "pictures", name)
        used.add(name)
        return f"pictures/{name}"

    html = _page(store.folder, boards(frame, ClassSums(store)), problems, save, _sweeps(target))
    write_plotly_script(target)
    index = target.write(html.encode(), "index.html")
    _tidy(target, used)
    return Path(index) if target.local else target.fs.unstrip_protocol(index)


def _page(folder: Folder, found: list[Board], problems: list[str], save: gallery.Save, sweeps: str) -> str:
    galleries, unusable = gallery.collect(folder, found)
    sections = [(_anchor(board), printable(board.title), _board(board)) for board in found]
    for shown in galleries:
        title = f"Gallery: {shown.dataset} · {shown.backbone or 'no backbone'}"
        sections.append((f"g-{_digest(title)}", printable(title), _gallery(shown, save)))
    if sweeps:
        sections.append(("sweeps", "Sweeps", sweeps))
    if problems or unusable:
        sections.append(("skipped", "Skipped files", "<p>These were not used. Run the same command again to replace "
                         f"them, or delete them.</p>{page.listing([*problems, *unusable])}"))
    if not found:
        sections.insert(0, ("empty", "No rows yet", "<p>No run has finished or failed here. Start one with "
                            "<code>harness run</code>, then build this page again.</p>"))
    return page.page(sections)


def _board(board: Board) -> str:
    anchor = _anchor(board)
    gain, floor = figures.accuracy_against_gain(board), figures.consistency_beside_controls(board)
    drawn = page.figure(gain, "Accuracy against consistency gain", f"{anchor}-gain")
    drawn += page.figure(floor, "Consistency beside the controls", f"{anchor}-floor")
    table = page.scores(board) if board.lines or board.controls else ""
    ranks = comparison_page.comparisons(board)
    note = ("<p>Consistency gain is consistency minus what the same peaks score when they are shuffled among images of "
            "a class: maps that ignore the image gain nothing.</p>") if drawn else ""
    lost = page.failures(board.failures) if board.failures else ""
    return f'{table}{ranks}{note}<div class="figures">{drawn}</div>{lost}'


def _gallery(shown: gallery.Gallery, save: gallery.Save) -> str:
    maps = {}
    for name, explained in shown.shown:
        if explained.facts.maps:
            maps.setdefault(explained.facts.title or name, explained.facts.maps)
    notes = page.listing([f"{title}: {what}" for title, what in maps.items()])
    keep = "" if all(e.facts.redistributable for _, e in shown.shown) else (
        "<p>These photographs may not be redistributed: leave the folder pictures/ out when you publish this page.</p>")
    return ("<p>Coloured areas: the strongest part of every pixel, background left bare. Where a method has no "
            "background, numbered discs stand on the peak of each map and outlines where it exceeds 60 % of its range. "
            f"Saliency runs from dark (least evidence) to yellow (most), scaled on each image.</p>{notes}{keep}"
            f"{gallery.table(shown, save)}")


def _sweeps(target: Folder) -> str:
    """Links to the pages of searches that lie beside this one."""
    pages = [found.name for found in target.list("", ".html") if _SWEEP.fullmatch(found.name)]
    links = "".join(f'<li><a href="{page}">{escape(_SWEEP.fullmatch(page)[1])}</a></li>' for page in pages)
    return f"<p>Searches over settings, each with every trial it made.</p><ul>{links}</ul>" if pages else ""


def _tidy(target: Folder, used: set[str]) -> None:
    """Remove pictures of earlier reports."""
    for found in target.list("pictures", ".jpg"):
        if found.name not in used and _PICTURE.fullmatch(found.name):
            with mendable(found.path):
                target.fs.rm_file(found.path)


def _anchor(board: Board) -> str:
    return f"b-{_digest('/'.join((board.dataset, board.split, board.backbone, board.protocol_id)))}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
