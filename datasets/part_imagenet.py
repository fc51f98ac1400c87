"""PartImageNet as distributed: 158 ImageNet classes, and polygons of 40 parts of 11 supercategories.

He et al., "PartImageNet: A Large, High-Quality Dataset of Parts", ECCV 2022. A keypoint means the same on every
picture: there is one for each of the 40 part categories ("Quadruped Head" and "Bird Head" are two), and those of other
supercategories are not visible. The object is all its parts together. Pictures without annotation are left out, as in
Aniraj et al., "PDiscoFormer", ECCV 2024.

There are two releases. In ``seg`` training, validation and test set share their classes. In ``ood`` they do not, so a
classifier can be asked for the supercategory, which they share (``labels="supercategory"``), or for the classes of the
training set alone (``labels="class"``): then a tenth of each class, chosen by a hash of the id, is the test set, as van
der Klis et al., "PDiscoNet", ICCV 2023, do with a split of their own. Reading needs no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from ..errors import UserError
from .base import Annotations, PartDataset, held_out
from .cards.part_imagenet import CARD
from .fingerprint import fingerprint_of
from .formats.coco_masks import Shape, mask_of
from .formats.layout import data_folder, is_folder, require_split, require_unique
from .formats.part_imagenet_files import SPLITS, Release, read_release
from .formats.part_masks import keypoints_of
from .images import image_sizes
from .remembered import key_of

_FOLDERS = {"seg": "PartImageNet_Seg", "ood": "PartImageNet_OOD"}


def read(root: Path | str, settings: BaseModel | None = None) -> PartDataset:
    """Read every annotation under ``root``. The first time, all polygons are filled: some minutes for 24,000.

    Raises:
        UserError: names the file, the entry, and what to mend.
    """
    settings = settings or CARD.settings()
    release = _release(root, settings)
    classes, labels = _labels(release, settings.labels)
    train, val = _sets(release, labels, settings)
    require_split(classes, labels, train, f"{release.root} read as {settings.split}")
    masks = PolygonMasks(release.shapes, release.sizes, len(release.parts))
    key = key_of("part_imagenet 1", release.files.values())
    keypoints, visible, boxes = keypoints_of(masks, len(release.ids), len(release.parts), key)
    annotations = Annotations(ids=release.ids, images=release.images, labels=labels, boxes=boxes, keypoints=keypoints,
                              visible=visible, train=train, val=val, read_masks=masks)
    return PartDataset("part_imagenet", classes, release.parts, annotations, _fingerprint(release),
                       CARD.redistributable)


def fingerprint(root: Path | str, settings: BaseModel | None = None) -> str:
    """Digest of the JSON files that are read, and picture sizes."""
    return _fingerprint(_release(root, settings or CARD.settings()))


@dataclass(frozen=True)
class PolygonMasks:
    """Masks of row ``i``: the parts, and their union.

    Attributes:
        shapes: for each picture, part -> shapes.
        sizes: (height, width) of each picture.
        parts: number of parts P.
    """

    shapes: list[Mapping[int, list[Shape]]]
    sizes: list[tuple[int, int]]
    parts: int

    def __call__(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        masks = np.zeros((self.parts, *self.sizes[row]), bool)
        for part, shapes in self.shapes[row].items():
            masks[part] = mask_of(shapes, *self.sizes[row])
        return masks, masks.any(0)


def _release(root: Path | str, settings: Any) -> Release:
    root = data_folder(root, CARD, ())
    inner = root / _FOLDERS[settings.split]
    only_train = settings.split == "ood" and settings.labels == "class"
    release = read_release(inner if is_folder(inner) else root, SPLITS[:1] if only_train else SPLITS)
    if not release.ids:
        raise UserError(f"{release.root}: no picture has an annotation; take the files from the official release")
    require_unique(release.ids, str(release.root))
    return release


def _labels(release: Release, level: str) -> tuple[list[str], np.ndarray]:
    """Class names in alphabetical order, and labels int64 [N]."""
    names = release.classes if level == "class" else release.supercategories
    classes, labels = np.unique(names, return_inverse=True)
    return classes.tolist(), labels.astype(np.int64)


def _sets(release: Release, labels: np.ndarray, settings: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Training and official validation set, bool [N] each; None where a validation set has to be held out."""
    splits, classes = np.array(release.splits), np.array(release.classes)
    train, val, test = (splits == split for split in SPLITS)
    if settings.split == "ood" and settings.labels == "class":
        return ~held_out(release.ids, labels, train), None
    shared = np.intersect1d(classes[train], classes[test])
    if settings.split == "ood" and len(shared):
        raise UserError(f"{release.root}: class {shared[0]} is in train and in test, so this is not the OOD release; "
                        "give split=seg or put it into PartImageNet_OOD")
    if settings.split == "seg" and not len(shared):
        raise UserError(f"{release.root}: train and test share no class, so this is not the Seg release; give "
                        "split=ood or put it into PartImageNet_Seg")
    return train, val


def _fingerprint(release: Release) -> str:
    paths = [path.removeprefix(f"{release.root}/") for path in release.images]
    contents = ((name, path.read_bytes()) for name, path in release.files.items())
    return fingerprint_of(contents, zip(paths, image_sizes(release.images), strict=True))
