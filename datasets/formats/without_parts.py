"""Data sets that know classes but no parts: what their readers have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import UserError
from ..base import Annotations, PartDataset
from ..cards.base import DatasetCard
from ..fingerprint import fingerprint_of
from ..images import image_sizes
from .layout import require_split

if TYPE_CHECKING:
    from ..base import Masks


def without_parts(card: DatasetCard, root: Path, classes: list[str], pictures: list[str], labels: np.ndarray,
                  train: np.ndarray, files: Mapping[str, bytes], *, val: np.ndarray | None = None,
                  boxes: np.ndarray | None = None, read_masks: Callable[[int], Masks] | None = None) -> PartDataset:
    """The data set of N pictures; the id of a picture is its path.

    Args:
        classes: C names.
        pictures: N paths under ``root``.
        labels: int64 [N], 0 .. C-1.
        train: bool [N].
        files: name -> content of every annotation file, for the fingerprint.
        val: bool [N], or None: see :class:`~.base.Annotations`.
        boxes: float64 [N, 4], or None: the whole picture.
        read_masks: see :class:`~.base.Annotations`.

    Raises:
        UserError: a class without training image, no test image, or pictures that are missing.
    """
    require_split(classes, labels, train, str(root))
    if val is not None and (train | val).all():
        raise UserError(f"{root} leaves no test image; take it from the {card.title} archive again")
    paths = [f"{root}/{picture}" for picture in pictures]
    sizes = image_sizes(paths)
    nothing = np.zeros((len(pictures), 0), bool)
    annotations = Annotations(
        ids=list(pictures), images=paths, labels=labels,
        boxes=np.full((len(pictures), 4), np.nan) if boxes is None else boxes,
        keypoints=np.zeros((len(pictures), 0, 2), np.float32), visible=nothing, train=train, val=val,
        read_masks=read_masks)
    return PartDataset(card.name, classes, [], annotations,
                       fingerprint_of(files.items(), zip(pictures, sizes, strict=True)), card.redistributable)
