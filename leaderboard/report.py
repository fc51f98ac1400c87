"""The report: a static site of every score, figure and gallery under a results folder."""

import os
import re
from pathlib import Path

from ..links import inside
from . import gallery
from .badges import write_badges
from .class_sums import ClassSums
from .collect import boards
from .files import Folder, mendable
from .site import (
    audit_page,
    curves_page,
    gallery_page,
    leaderboard_page,
    parts_page,
    reported_page,
    runs_page,
    statistics_page,
    sweeps_page,
    tradeoffs_page,
)
from .site.frame import Page, render, write_shared
from .site.material import Material
from .store import Store

_BUILDERS = (leaderboard_page, tradeoffs_page, statistics_page, audit_page, curves_page, parts_page, gallery_page,
             reported_page, sweeps_page, runs_page)  # in the order of the navigation
_PAGES = tuple(module.__name__.rpartition(".")[2].removesuffix("_page") for module in _BUILDERS)
_PICTURE = re.compile(r"[0-9a-f]{16}\.jpg")
_PICTURES, _PRIVATE = "pictures", "pictures-private"


def build_report(out: str | os.PathLike, to: str | os.PathLike | None = None, private: bool = True) -> Path | str:
    """Write the pages, ``report/index.html`` first of them, with their scripts and pictures; returns its path.

    The same rows and explanations give the same bytes. Pictures are named by their content, each page is replaced at
    once and the first one last, so a killed build leaves no page torn.

    Args:
        out: results folder.
        to: folder of the report, ``out``/report by default.
        private: with pictures of data sets that may not be redistributed, in ``pictures-private``; else pages say that
            these are not published.

    Raises:
        UserError: there are no results, or the report cannot be written.
    """
    store = Store(out)
    frame, problems = store.current()
    target = Folder(to if to is not None else f"{str(out).rstrip('/')}/report")
    if to is None and target.local:
        inside(store.folder.root, "report")
    used: set[str] = set()

    def save(picture: bytes, redistributable: bool) -> str:
        folder = _PICTURES if redistributable else _PRIVATE
        address = f"{folder}/{gallery.picture_name(picture)}"
        if address not in used and not target.holds(picture, address):
            target.write(picture, address, sync=False)
        used.add(address)
        return address

    material = Material(store.folder, target, frame, boards(frame, ClassSums(store)), list(problems), save, private)
    # The first page is drawn last: it lists what any of them could not use.
    pages = [page for module in reversed(_BUILDERS) if (page := module.page(material))][::-1]
    html = {page.name: render(page, pages) for page in pages}
    write_shared(target, pages)
    write_badges(material)
    for name in reversed(html):
        index = target.write(html[name].encode(), f"{name}.html")
    _tidy(target, pages, used)
    return Path(index) if target.local else target.fs.unstrip_protocol(index)


def _tidy(target: Folder, pages: list[Page], used: set[str]) -> None:
    """Remove pages and pictures of earlier reports."""
    written = {page.name for page in pages}
    old = [target.path(f"{name}.html") for name in _PAGES if name not in written and target.exists(f"{name}.html")]
    old += [found.path for folder in (_PICTURES, _PRIVATE) for found in target.list(folder, ".jpg")
            if f"{folder}/{found.name}" not in used and _PICTURE.fullmatch(found.name)]
    for path in old:
        with mendable(path):
            target.fs.rm_file(path)
