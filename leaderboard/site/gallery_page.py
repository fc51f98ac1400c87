"""The gallery: one photograph after another, and on each what every method sees in it, side by side.

Which pictures may be published: the data set's card says whether its pictures may be redistributed, and each run's
explanations repeat it. Pictures of a data set that may go to ``pictures/``, all others to ``pictures-private/``, which
``harness publish`` leaves out. A report that is built to be published without them (``build_report(private=False)``)
does not refer to them at all: in their place stands "picture not published", and predictions and scores stay. So no
published page asks for a file that is not there.
"""

import hashlib
from collections.abc import Callable, Sequence
from html import escape

from .. import page as old
from .. import pictures
from ..fragments import percent, word
from ..gallery import BEST, MEDIAN, WORST, Gallery, Shown, class_name, collect
from ..part_pictures import PartPictures
from ..text import line_name, printable
from .explained_pages import explained_pages
from .frame import Page, Section
from .hierarchy import hierarchy
from .material import Material

_LEAD = ("The same photographs for every method, with its parts and its saliency drawn over them: a few images of "
         "classes that differ, the same for all runs on a data set, chosen before any was trained.")
_READING = ("<p>Coloured areas: the strongest part of every pixel, background left bare. Where a method has no "
            "background, numbered discs stand on the peak of each map and outlines where it exceeds 60 % of its range. "
            "Saliency runs from dark (least evidence) to yellow (most), scaled on each image. Maps explain the "
            "predicted class.</p>")
_RULE = ("<p>Best, median and worst of the images by a rule: the share of a method's concepts that hold, on this "
         "image, the annotated part which they hold most often in its class; the mean over the methods. Images that "
         "follow are in its order.</p>")
_BRANCHED, _TREES = 3, 2  # images and methods whose hierarchy is drawn: dozens of small pictures each
_ORDER = (BEST, MEDIAN, WORST, "")


def page(material: Material) -> Page | None:
    """None where no run left explanations."""
    galleries, unusable = collect(material.results, material.boards, material.evidence, material.lines_each)
    material.problems += unusable
    if not galleries:
        return None
    sections = [Section("reading", "How to read the pictures", _reading(galleries, material))]
    for gallery in galleries:
        drawn = _Drawn(gallery, material)
        ranks = gallery.ranks()
        ordered = sorted(gallery.ids, key=lambda image: _ORDER.index(ranks.get(image, "")))
        sections += [drawn.section(image, ranks.get(image, ""), place < _BRANCHED)
                     for place, image in enumerate(ordered)]
    return Page("gallery", "Gallery", "Gallery", _LEAD, sections)


def _reading(galleries: Sequence[Gallery], material: Material) -> str:
    maps = {}
    for each in (each for gallery in galleries for each in gallery.shown):
        facts = each.explained.facts
        if facts.maps:
            maps.setdefault(facts.title or line_name(each.line, 60), facts.maps)
    notes = old.listing([f"{title}: {what}" for title, what in maps.items()])
    notes = f"<details><summary>What the maps of each method are</summary>{notes}</details>" if maps else ""
    rule = _RULE if any(gallery.ranks() for gallery in galleries) else ""
    left = "".join(f"<p>Not shown of {escape(printable(gallery.dataset))}: {len(gallery.left_out)} more methods, later "
                   "in the order of accuracy.</p>" for gallery in galleries if gallery.left_out)
    return _READING + rule + _rights(galleries, material) + left + notes + explained_pages(material)


def _rights(galleries: Sequence[Gallery], material: Material) -> str:
    bound = sorted({printable(gallery.dataset, 60) for gallery in galleries if not gallery.redistributable})
    if not bound:
        return ""
    named = escape(", ".join(bound))
    if not material.private:
        return f"<p>Pictures of {named} may not be redistributed and are not published.</p>"
    return (f"<p>Pictures of {named} may not be redistributed: <code>harness publish</code> leaves them out, and so "
            "does who leaves out the folder <code>pictures-private</code>.</p>")


class _Drawn:
    """The sections of one gallery."""

    def __init__(self, gallery: Gallery, material: Material):
        self.gallery, self.free = gallery, gallery.redistributable
        self.saves = self.free or material.private
        self.save = lambda picture: material.save(picture, self.free)
        self.levels = [{level: PartPictures(maps) for level, maps in each.explained.levels.items()}
                       for each in gallery.shown]
        self.branched = [each for each in gallery.shown if each.explained.hierarchy][:_TREES]

    def section(self, image: str, rank: str, with_hierarchy: bool) -> Section:
        gallery, label = self.gallery, self.gallery.label(image)
        score = "" if image not in gallery.scores else f", {percent(gallery.scores[image])} held"
        said = f"<p><b>{rank.capitalize()}</b>{score}. " if rank else f"<p>{score.removeprefix(', ').capitalize()} "
        place = escape(f"Image {printable(image, 40)} of {printable(gallery.dataset, 60)}, "
                       f"{printable(gallery.backbone or 'no backbone', 60)}.")
        methods = "".join(self._method(each, levels, image) for each, levels in
                          zip(gallery.shown, self.levels, strict=True))
        photograph = self._picture(lambda: pictures.photograph(gallery.photograph(image)), f"photograph: {label}")
        html = (f'{said}{place}</p><div class="shots"><figure class="shot"><figcaption>photograph</figcaption>'
                f"{photograph}</figure>{methods}</div>")
        if with_hierarchy and self.saves:
            html += "".join(hierarchy(each, image, self.save) for each in self.branched)
        address = hashlib.sha256(f"{gallery.dataset}/{gallery.backbone}/{image}".encode()).hexdigest()[:8]
        return Section(f"i-{address}", label + (f": {rank}" if rank else ""), html, {
            "data set": printable(gallery.dataset, 60), "backbone": printable(gallery.backbone or "none", 60),
            "class": label})

    def _method(self, each: Shown, levels: dict[str, PartPictures], image: str) -> str:
        i, name = each.index(image), line_name(each.line, 60)
        if i is None:
            return (f'<figure class="shot"><figcaption>{word(name)}</figcaption><p class="quiet">not explained</p>'
                    "</figure>")
        explained = each.explained
        shown = "".join(
            self._titled("parts" if level == "final" else f"parts, {printable(level, 30)}",
                         self._picture(lambda part=part: part.draw(explained.images[i], i), f"{name}: parts ({level})"),
                         part.legend()) for level, part in levels.items())
        if explained.saliency is not None:
            shown += self._titled("saliency", self._picture(
                lambda: pictures.heat(explained.images[i], explained.saliency[i]), f"{name}: saliency"))
        return f'<figure class="shot"><figcaption>{word(name)}<br>{_prediction(each, i)}</figcaption>{shown}</figure>'

    def _titled(self, title: str, picture: str, below: str = "") -> str:
        return f'<div><span class="quiet">{escape(title)}</span>{picture}{below}</div>'

    def _picture(self, draw: Callable[[], bytes], alt: str) -> str:
        if not self.saves:
            return f'<p class="unpublished">picture not published: {escape(printable(alt))}</p>'
        return (f'<img src="{escape(self.save(draw()))}" alt="{escape(printable(alt))}" loading="lazy" width="224" '
                'height="224">')


def _prediction(each: Shown, i: int) -> str:
    predicted, label = each.explained.facts.predicted[i], each.explained.facts.labels[i]
    if predicted == label:
        return '<span class="right">✓ right</span>'
    return f'<span class="wrong">✗ says {escape(class_name(each.explained, predicted))}</span>'
