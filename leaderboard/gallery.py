"""The gallery: the same photographs for every method, with its parts and its saliency drawn over them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from . import page, pictures
from .board import Board, Line
from .explanations import Explained, Maps, Unusable, read
from .files import Folder
from .text import line_name, printable

IMAGES = 8
Save = Callable[[bytes], str]  # picture -> address relative to the page


@dataclass
class Gallery:
    """Explanations of one data set and backbone: (name of the line, explanation) in the boards' order."""

    dataset: str
    backbone: str
    shown: list[tuple[str, Explained]] = field(default_factory=list)

    def ids(self) -> list[str]:
        """The images most methods explained, in the order in which they come."""
        count: dict[str, int] = {}
        for _, explained in self.shown:
            for image in dict.fromkeys(explained.facts.ids):
                count[image] = count.get(image, 0) + 1
        return sorted(count, key=lambda image: -count[image])[:IMAGES]


def collect(folder: Folder, boards: Sequence[Board]) -> tuple[list[Gallery], list[str]]:
    """One explained run (the lowest seed that left one) for every experiment, and what could not be used."""
    experiments: dict[tuple[str, str], dict[str, Line]] = {}
    for board in boards:
        for line in board.lines:  # an experiment stands on a line per level and on a board per protocol
            experiments.setdefault((board.dataset, board.backbone), {}).setdefault(line.run_ids[0], line)
    galleries, problems = [], []
    for place, lines in experiments.items():
        found = [(line_name(line, 60), _first(folder, line, problems)) for line in lines.values()]
        gallery = Gallery(*place, [(name, explained) for name, explained in found if explained])
        galleries += [gallery] if gallery.shown else []
    return galleries, problems


def _first(folder: Folder, line: Line, problems: list[str]) -> Explained | None:
    for run_id in line.run_ids:
        try:
            explained = read(folder, run_id)
        except Unusable as error:
            problems.append(f"runs/{run_id}/explanations ({line.title}): {error}")
        else:
            if explained:
                return explained
    return None


def table(gallery: Gallery, save: Save) -> str:
    """The gallery as an HTML table: a column per image, rows per method."""
    ids = gallery.ids()
    heads = "".join(_photograph(gallery, image, save) for image in ids)
    rows = "".join(_rows(name, explained, ids, save) for name, explained in gallery.shown)
    where = escape(f"{printable(gallery.dataset)}, {printable(gallery.backbone)}")
    caption = (f"{len(ids)} test images of {where}: "
               "parts and saliency of every method for its predicted class")
    return (f'<div class="scroll" tabindex="0" role="region" aria-label="Gallery">'
            f'<table class="gallery"><caption>{caption}</caption>'
            f'<thead><tr><th scope="col">photograph</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>')


def _photograph(gallery: Gallery, image: str, save: Save) -> str:
    explained = next(e for _, e in gallery.shown if image in e.facts.ids)
    i = explained.facts.ids.index(image)
    label = _class(explained, explained.facts.labels[i])
    return (f'<th scope="col">{_img(save(pictures.photograph(explained.images[i])), f"photograph: {label}")}'
            f"{escape(label)}</th>")


def _rows(name: str, explained: Explained, ids: Sequence[str], save: Save) -> str:
    columns = [explained.facts.ids.index(image) if image in explained.facts.ids else None for image in ids]
    said = "".join(f"<td>{'' if i is None else _prediction(explained, i)}</td>" for i in columns)
    rows = f'<tr class="method"><th scope="row">{page.name(name)}</th>{said}</tr>'
    for level, maps in explained.levels.items():
        part = _Parts(maps)
        cells = [_cell(part.draw(explained.images[i], i), f"{name}: parts ({level})", save) if i is not None else
                 "<td></td>" for i in columns]
        rows += _row(f"parts · {printable(level, 30)}", cells) + _legend(part, len(ids))
    if explained.saliency is not None:
        cells = [_cell(pictures.heat(explained.images[i], explained.saliency[i]), f"{name}: saliency", save)
                 if i is not None else "<td></td>" for i in columns]
        rows += _row("saliency", cells)
    return rows


class _Parts:
    """Colours and names of a level's parts.

    Ids shared by the images name the part; ids that belong to a class (more of them than maps) are counted from 1 anew
    on every image.
    """

    def __init__(self, level: Maps):
        self.level = level
        ids, count = np.unique(level.ids), level.ids.shape[1]
        self.shared = len(ids) <= count
        self.names = [str(i) for i in ids] if self.shared else [str(k + 1) for k in range(count)]
        self.colours = pictures.colours(len(self.names))
        self.index = {int(i): k for k, i in enumerate(ids)} if self.shared else {}

    def draw(self, image: np.ndarray, i: int) -> bytes:
        of = [self.index[int(part)] for part in self.level.ids[i]] if self.shared else list(range(len(self.names)))
        names, palette = [self.names[k] for k in of], [self.colours[k] for k in of]
        if self.level.background is None:
            return pictures.peaks(image, self.level.maps[i], names, palette)
        return pictures.assignment(image, self.level.maps[i], self.level.background[i], names, palette)


def _legend(part: _Parts, columns: int) -> str:
    swatches = "".join(f'<li><span style="background:rgb{colour}"></span>{escape(name)}</li>'
                       for name, colour in zip(part.names, part.colours, strict=True))
    what = "part" if part.shared else "map of the predicted class"
    return (f'<tr class="legend"><td></td><td colspan="{columns}"><ul aria-label="colours of the parts">'
            f"<li>{what}:</li>{swatches}</ul></td></tr>")


def _prediction(explained: Explained, i: int) -> str:
    predicted, label = explained.facts.predicted[i], explained.facts.labels[i]
    if predicted == label:
        return '<span class="right">✓ right</span>'
    return f'<span class="wrong">✗ says {escape(_class(explained, predicted))}</span>'


def _class(explained: Explained, label: int) -> str:
    return printable(explained.facts.classes[label].replace("_", " "), 60)


def _row(head: str, cells: Sequence[str]) -> str:
    return f'<tr><th scope="row">{escape(head)}</th>{"".join(cells)}</tr>'


def _cell(picture: bytes, alt: str, save: Save) -> str:
    return f"<td>{_img(save(picture), alt)}</td>"


def _img(address: str, alt: str) -> str:
    return f'<img src="{escape(address)}" alt="{escape(printable(alt))}" loading="lazy" width="224" height="224">'


def picture_name(content: bytes) -> str:
    """A name that says the content: equal pictures are stored once, and a new page never changes an old one's."""
    return f"{hashlib.sha256(content).hexdigest()[:16]}.jpg"
