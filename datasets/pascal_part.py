"""PASCAL-Part as distributed: part masks for the pictures of PASCAL VOC 2010, grouped as Pascal-Part-58.

Chen et al., "Detect What You Can", CVPR 2014. A picture is one sample: the largest object that has annotated parts
gives label, box and masks, other objects are background. Pictures whose objects have none are left out, and with them
the classes without parts (boat, chair, dining table, sofa; train, which the grouping keeps whole). Parts overlap in
the annotation; where they do, the later one counts, as in the authors' toolkit. Training set is VOC's train, test set
its val. Reading needs no torch.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from ..errors import UserError
from .base import Annotations, PartDataset
from .cards.pascal_part import CARD
from .fingerprint import fingerprint_of
from .formats.documents import content_of, rows_of
from .formats.layout import data_folder, names_in, require_split, require_unique, safe_name
from .formats.part_masks import box_around, locate, stacked
from .formats.pascal_groups import GROUPS, KINDS, PARTS, part_of
from .formats.pascal_mat import SOURCE, objects_of
from .images import image_sizes, mask_labels
from .remembered import key_of, remembered

_LISTS = ("ImageSets/Main/train.txt", "ImageSets/Main/val.txt")
_PARTS = "Annotations_Part"
_VOID = 255


def read(root: Path | str, settings: BaseModel | None = None) -> PartDataset:
    """Read every annotation under ``root``. The first time, all masks are decoded: some minutes for 10,103 pictures.

    Raises:
        UserError: names the file, and what to mend.
    """
    found = _find(root)
    masks = GroupedMasks([str(path) for path in found.annotations])
    key = key_of("pascal_part 1", found.annotations)
    known = remembered(key, lambda: _locate(masks, len(found.names)))
    kept = np.flatnonzero(known["kinds"] >= 0)
    if not len(kept):
        raise UserError(f"{found.root}/{_PARTS} holds no object with parts; take the files from {SOURCE}")
    present, labels = np.unique(known["kinds"][kept], return_inverse=True)
    classes = [KINDS[kind] for kind in present]
    train = found.train[kept]
    require_split(classes, labels, train, f"{found.root}/{_LISTS[0]}")
    annotations = Annotations(
        ids=[found.names[row] for row in kept], images=[found.images[row] for row in kept],
        labels=labels.astype(np.int64), boxes=known["boxes"][kept], keypoints=known["keypoints"][kept],
        visible=known["visible"][kept], train=train, read_masks=GroupedMasks([masks.paths[row] for row in kept]))
    return PartDataset("pascal_part", classes, PARTS, annotations, found.fingerprint, CARD.redistributable)


def fingerprint(root: Path | str, settings: BaseModel | None = None) -> str:
    """Digest of lists, part annotations, and picture sizes."""
    return _find(root).fingerprint


@dataclass(frozen=True)
class GroupedMasks:
    """Masks of row ``i``: the 52 grouped parts of its largest object with parts, and that object."""

    paths: list[str]

    def __call__(self, row: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        _, parts, whole = self.largest(row)
        return parts, whole

    def largest(self, row: int) -> tuple[int, np.ndarray | None, np.ndarray | None]:
        """Place of the object's kind in ``KINDS``, part masks, object mask; -1 and None where there is none."""
        path = self.paths[row]
        objects = _drawn(path) if path.endswith(".png") else _described(path)
        if not objects:
            return -1, None, None
        kind, parts, whole = max(objects, key=lambda item: item[2].sum())
        return KINDS.index(kind), parts == np.arange(1, len(PARTS) + 1)[:, None, None], whole


# An object with parts: its kind, a label map of its parts (place in PARTS + 1), its mask.
_Object = tuple[str, np.ndarray, np.ndarray]


def _described(path: str) -> list[_Object]:
    objects = []
    for thing in objects_of(path):
        labels = np.zeros(thing.mask.shape, np.uint8)
        for name, mask in thing.parts:
            part = part_of(thing.kind, name)
            if part is not None:
                labels[mask] = part + 1
        if labels.any():
            objects.append((thing.kind, labels, thing.mask | (labels > 0)))
    return objects


def _drawn(path: str) -> list[_Object]:
    """A label map knows kinds and not objects: all pixels of a kind are one object. 255 is undecided."""
    values = mask_labels(path)
    wrong = np.setdiff1d(values, (*range(len(GROUPS) + 1), _VOID))
    if len(wrong):
        raise UserError(f"{path} holds {wrong[0]}; part masks in the grouping of Pascal-Part-58 hold 0 to "
                        f"{len(GROUPS)} and {_VOID}")
    place = np.zeros(256, np.uint8)
    for value, (kind, part) in enumerate(GROUPS, 1):
        place[value] = PARTS.index(f"{kind} {part}") + 1 if part else 0
    labels = place[values]
    objects = []
    for kind in KINDS:
        mask = np.isin(labels, [1 + i for i, part in enumerate(PARTS) if part.startswith(f"{kind} ")])
        if mask.any():
            objects.append((kind, np.where(mask, labels, 0), mask))
    return objects


def _locate(masks: GroupedMasks, rows: int) -> dict[str, np.ndarray]:
    kinds, found = [], []
    for row in range(rows):
        kind, parts, whole = masks.largest(row)
        keypoints, visible, box = locate(parts, len(PARTS))
        kinds.append(kind)
        found.append((keypoints, visible, box if whole is None else box_around(whole)))
    return {"kinds": np.array(kinds, np.int64), **stacked(found, len(PARTS))}


@dataclass(frozen=True)
class _Found:
    """Pictures in VOC's lists that have a file in Annotations_Part."""

    root: Path
    names: list[str]
    train: np.ndarray
    annotations: list[Path]
    fingerprint: str

    @property
    def images(self) -> list[str]:
        return [f"{self.root}/JPEGImages/{name}.jpg" for name in self.names]


def _find(root: Path | str) -> _Found:
    root = data_folder(root, CARD, (*_LISTS, "JPEGImages", _PARTS), ("VOCdevkit/VOC2010", "VOC2010"))
    contents = {name: content_of(root / name, "the VOC2010 archive") for name in _LISTS}
    there = names_in(root / _PARTS)
    suffix = ".mat" if any(name.endswith(".mat") for name in there) else ".png"
    names, train = [], []
    for file in _LISTS:
        for line, (name,) in rows_of(contents[file], root / file, "image", "the VOC2010 archive"):
            safe_name(name, f"{root / file} line {line}")
            if name + suffix in there:
                names.append(name)
                train.append(file == _LISTS[0])
    if not names:
        raise UserError(f"{root / _PARTS} holds no .mat or .png of a listed picture; take the files from {SOURCE}")
    require_unique(names, str(root / "ImageSets/Main"))
    paths = [root / _PARTS / f"{name}{suffix}" for name in names]
    found = _Found(root, names, np.array(train), paths, fingerprint="")
    contents |= {f"{_PARTS}/{path.name}": content_of(path, SOURCE) for path in paths}
    sizes = zip((f"JPEGImages/{name}.jpg" for name in names), image_sizes(found.images), strict=True)
    return replace(found, fingerprint=fingerprint_of(contents.items(), sizes))
