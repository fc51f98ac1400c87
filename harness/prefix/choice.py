"""Which views a training shows, and how many of them fit: known before anything is computed. No torch."""

from pathlib import Path

from ...datasets.remembered import cache_folder
from ...methods.cards.base import Prefix
from ...methods.cards.layouts import layout_of

LIMIT = 32 * 2**30
"""Bytes that the store may take where nobody says."""
_MOST = 8
_FEWEST = 2
_REFRESHED = 10  # epochs


def store_folder() -> Path:
    """Where views are kept: ``prefix`` in partbench's cache; safe to delete while nothing runs."""
    return cache_folder().absolute() / "prefix"


def shown(epoch: int, views: int) -> int:
    """The number of the view that an epoch shows, of all images.

    A pool of ``views`` takes turns; every ten epochs its oldest view gives way to a new one. All runs go through the
    same numbers in the same order, whatever their seed, so that a short trial computes no view that others do not
    have: seeds differ in the order of the images and in how a method begins.
    """
    return epoch // _REFRESHED + epoch % views


def views_seen(epochs: int, views: int) -> int:
    """How many different views so many epochs show."""
    return len({shown(epoch, views) for epoch in range(epochs)})


def view_bytes(backbone: str, image_size: int, images: int, warped: bool) -> int | None:
    """Size of a view of all images in float16; None where the backbone's name does not tell."""
    layout = layout_of(backbone, image_size)
    return None if layout is None else images * (1 + warped) * layout.tokens * layout.width * 2


def views_to_store(prefix: Prefix | None, backbone: str, image_size: int, images: int, limit: int) -> int:
    """How many views of every training image are stored; 0: none, images are augmented anew in every epoch.

    At most eight, and no more than fit: a backbone whose size its name does not tell is taken to fit. A single view
    would be no augmentation, so two are the fewest. Nothing is stored that saves no block.
    """
    layout = layout_of(backbone, image_size)
    if not limit or prefix is None or (layout and prefix.left and layout.depth <= prefix.left):
        return 0
    each = view_bytes(backbone, image_size, images, prefix.warped)
    fitting = _MOST if each is None else min(_MOST, limit // max(1, each))
    return fitting if fitting >= _FEWEST else 0
