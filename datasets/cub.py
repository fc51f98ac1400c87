"""CUB-200-2011 as distributed: 200 kinds of birds, a box and 15 part locations per photograph.

Wah et al., "The Caltech-UCSD Birds-200-2011 Dataset", CNS-TR-2011-001. Reading needs no torch and opens no picture.
"""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from pydantic import BaseModel

from .base import Annotations, PartDataset
from .cards.cub import CARD
from .formats.cub_tables import COLUMNS, Tables
from .formats.layout import data_folder
from .images import decode_mask, image_sizes, mask_labels


def read(root: Path | str, settings: BaseModel | None = None) -> PartDataset:
    """Read and check every annotation under ``root``.

    Ids may have gaps and rows any order; labels and keypoints are numbered by sorted class and part id, images
    keep the order of images.txt.

    Raises:
        UserError: names the file, the line, and what to mend.
    """
    root = data_folder(root, CARD, list(COLUMNS), inside=("CUB_200_2011", "cub"))
    tables = Tables(root, COLUMNS, CARD.title)
    class_ids, classes = tables.sorted_names("classes.txt")
    part_ids, parts = tables.sorted_names("parts/parts.txt")
    train = tables.train()
    labels = tables.classes_of(class_ids)
    tables.check_trained(class_ids, class_ids[labels[train]])
    keypoints, visible = tables.keypoints(part_ids)
    pictures = [f"{root}/images/{path}" for path in tables.paths]
    sizes = image_sizes(pictures)
    annotations = Annotations(
        ids=tables.ids, images=pictures, labels=labels, boxes=tables.boxes(), keypoints=keypoints, visible=visible,
        train=train, read_masks=_masks(root, tables.paths, len(parts)))
    return PartDataset("cub", classes, parts, annotations, tables.fingerprint(sizes), CARD.redistributable)


def fingerprint(root: Path | str, settings: BaseModel | None = None) -> str:
    """Digest of annotations and picture sizes; checks the layout as :func:`read` does."""
    return read(root, settings).fingerprint


def _masks(root: Path, paths: list[str], parts: int) -> "Masks | None":
    """Object masks come in an archive of their own, part masks from :mod:`.birds`: all of a kind, or none."""
    def beside(folder: str) -> list[str] | None:
        if not (root / folder).is_dir():
            return None
        masks = [str(root / folder / PurePosixPath(path).with_suffix(".png")) for path in paths]
        image_sizes(masks)
        return masks

    whole, labels = beside("segmentations"), beside("parts/masks")
    return Masks(whole, labels, parts) if whole or labels else None


@dataclass(frozen=True)
class Masks:
    """Masks of row ``i``: ``whole[i]`` is grey, ``labels[i]`` holds part number + 1, and 0 elsewhere."""

    whole: list[str] | None
    labels: list[str] | None
    parts: int

    def __call__(self, row: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        parts = None
        if self.labels:
            parts = mask_labels(self.labels[row]) == np.arange(1, self.parts + 1)[:, None, None]
        return parts, decode_mask(self.whole[row]) if self.whole else None
