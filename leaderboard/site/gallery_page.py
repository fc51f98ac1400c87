"""The gallery: the same photographs for every method."""

import hashlib

from .. import gallery
from .. import page as old
from ..text import printable
from .frame import Page, Section
from .material import Material

_LEAD = "The same photographs for every method, with its parts and its saliency drawn over them."


def page(material: Material) -> Page | None:
    """None where no run left explanations."""
    galleries, unusable = gallery.collect(material.results, material.boards)
    material.problems += unusable
    sections = []
    for shown in galleries:
        title = f"{shown.dataset} · {shown.backbone or 'no backbone'}"
        sections.append(Section(f"g-{hashlib.sha256(title.encode()).hexdigest()[:8]}", printable(title),
                                _gallery(shown, material)))
    return Page("gallery", "Gallery", "Gallery", _LEAD, sections) if sections else None


def _gallery(shown: gallery.Gallery, material: Material) -> str:
    maps = {}
    for name, explained in shown.shown:
        if explained.facts.maps:
            maps.setdefault(explained.facts.title or name, explained.facts.maps)
    notes = old.listing([f"{title}: {what}" for title, what in maps.items()])
    free = all(e.facts.redistributable for _, e in shown.shown)
    keep = "" if free else (
        "<p>These photographs may not be redistributed: leave the folder pictures-private/ out when you publish this page.</p>")
    return ("<p>Coloured areas: the strongest part of every pixel, background left bare. Where a method has no "
            "background, numbered discs stand on the peak of each map and outlines where it exceeds 60 % of its range. "
            f"Saliency runs from dark (least evidence) to yellow (most), scaled on each image.</p>{notes}{keep}"
            f"{gallery.table(shown, lambda picture: material.save(picture, free))}")
