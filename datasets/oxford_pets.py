"""Oxford-IIIT Pet as distributed: 37 breeds of cats and dogs, a trimap per picture, head boxes for some.

Parkhi et al., "Cats and Dogs", CVPR 2012. A trimap holds 1 for the animal, 2 for the background and 3 for the border
between them, which nobody decided: here it counts as animal, so the mask is never smaller than what it shows. The one
part, the head, is the centre of the head box. Only pictures of the training set have one: on the test set no part is
visible. Reading needs no torch.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from ..errors import UserError
from .base import Annotations, PartDataset
from .cards.oxford_pets import CARD
from .fingerprint import fingerprint_of
from .formats.documents import content_of, rows_of
from .formats.layout import data_folder, names_in, require_split, require_unique, safe_name
from .formats.part_masks import keypoints_of
from .formats.voc import read_boxes
from .images import image_sizes, mask_labels
from .remembered import key_of

_SOURCE = "the Oxford-IIIT Pet archive"
_LISTS = ("annotations/trainval.txt", "annotations/test.txt")
_HEADS = "annotations/xmls"
_ANIMAL, _BORDER = 1, 3
_SPECIES = {1: "cat", 2: "dog"}


def read(root: Path | str, settings: BaseModel | None = None) -> PartDataset:
    """Read every annotation under ``root``. The first time, trimaps are decoded for the boxes.

    With ``box="head"``, pictures without a head box, all of the test set among them, keep the box of the animal.

    Raises:
        UserError: names the file, the line, and what to mend.
    """
    settings = settings or CARD.settings()
    found = _find(root)
    classes, labels = _classes(found, settings.labels)
    require_split(classes, labels, found.train, f"{found.root}/{_LISTS[0]}")
    trimaps = Trimaps(found.trimaps)
    _, _, boxes = keypoints_of(trimaps.animal, len(found.names), 1, key_of("trimap boxes 1", found.trimaps))
    keypoints = np.zeros((len(found.names), 1, 2), np.float32)
    visible = np.zeros((len(found.names), 1), bool)
    for row, (x, y, width, height) in found.heads.items():
        keypoints[row, 0], visible[row, 0] = (x + width / 2, y + height / 2), True
        if settings.box == "head":
            boxes[row] = x, y, width, height
    annotations = Annotations(ids=found.names, images=found.images, labels=labels, boxes=boxes, keypoints=keypoints,
                              visible=visible, train=found.train, read_masks=trimaps)
    return PartDataset("oxford_pets", classes, ["head"], annotations, found.fingerprint, CARD.redistributable)


def fingerprint(root: Path | str, settings: BaseModel | None = None) -> str:
    """Digest of lists, head boxes, and the sizes of pictures and trimaps."""
    return _find(root).fingerprint


@dataclass(frozen=True)
class Trimaps:
    """Masks of row ``i``: no parts, and the animal."""

    paths: list[str]

    def __call__(self, row: int) -> tuple[None, np.ndarray]:
        values = mask_labels(self.paths[row])
        if values.min() < 1 or values.max() > _BORDER:
            raise UserError(f"{self.paths[row]} holds {values.min()} to {values.max()}, a trimap 1, 2 and 3; take it "
                            f"from {_SOURCE} again")
        return None, (values == _ANIMAL) | (values == _BORDER)

    def animal(self, row: int) -> tuple[np.ndarray, None]:
        """The animal as if it were a part: its box is the one around it."""
        return self(row)[1][None], None


@dataclass(frozen=True)
class _Found:
    """What lists and file names say, before a picture or trimap is opened."""

    root: Path
    names: list[str]
    numbers: np.ndarray  # class id and species id, int64 [N, 2]
    places: list[str]    # file and line of each row
    train: np.ndarray
    heads: dict[int, tuple[float, float, float, float]]
    fingerprint: str

    @property
    def images(self) -> list[str]:
        return [f"{self.root}/images/{name}.jpg" for name in self.names]

    @property
    def trimaps(self) -> list[str]:
        return [f"{self.root}/annotations/trimaps/{name}.png" for name in self.names]


def _find(root: Path | str) -> _Found:
    root = data_folder(root, CARD, (*_LISTS, "images", "annotations/trimaps", _HEADS),
                       ("oxford-iiit-pet", "oxford_pets"))
    contents = {name: content_of(root / name, _SOURCE) for name in _LISTS}
    names, numbers, places, train = [], [], [], []
    for file in _LISTS:
        for line, fields in rows_of(contents[file], root / file, "image class species breed", _SOURCE):
            place = f"{root / file} line {line}"
            if not all(field.isascii() and field.isdigit() and len(field) < 9 for field in fields[1:]):
                raise UserError(f"{place}: a class, species or breed that is no whole number; take it from {_SOURCE}")
            names.append(safe_name(fields[0], place))
            numbers.append((int(fields[1]), int(fields[2])))
            places.append(place)
            train.append(file == _LISTS[0])
    if not names:
        raise UserError(f"{root / _LISTS[0]} lists no picture; take it from {_SOURCE}")
    require_unique(names, str(root / "annotations"))
    heads, boxes = _heads(root, names)
    found = _Found(root, names, np.array(numbers), places, np.array(train), boxes, fingerprint="")
    files = [*found.images, *found.trimaps]
    sizes = zip((os.path.relpath(file, root) for file in files), image_sizes(files), strict=True)
    return replace(found, fingerprint=fingerprint_of([*contents.items(), *heads], sizes))


def _heads(root: Path, names: list[str]) -> tuple[list[tuple[str, bytes]], dict[int, tuple[float, ...]]]:
    """The files of head boxes, and the first box of each by row: one picture shows one animal."""
    there = names_in(root / _HEADS)
    contents, boxes = [], {}
    for row, name in enumerate(names):
        if f"{name}.xml" in there:
            content, found = read_boxes(root / _HEADS / f"{name}.xml")
            contents.append((f"{_HEADS}/{name}.xml", content))
            if len(found):
                boxes[row] = tuple(found[0].tolist())
    return contents, boxes


def _classes(found: _Found, level: str) -> tuple[list[str], np.ndarray]:
    """Class names, and labels int64 [N] numbered by sorted id. A breed's name is its pictures' name without number."""
    ids = found.numbers[:, 0 if level == "breed" else 1]
    known, labels = np.unique(ids, return_inverse=True)
    names: dict[int, str] = {}
    for i, picture, place in zip(ids.tolist(), found.names, found.places, strict=True):
        name = picture.rpartition("_")[0] if level == "breed" else _SPECIES.get(i, "")
        if not name:
            raise UserError(f"{place}: {picture} of {level} {i} has no class name; take the row from {_SOURCE}")
        if names.setdefault(i, name) != name:
            raise UserError(f"{place}: class {i} is {name} here and {names[i]} before; take the row from {_SOURCE}")
    return [names[i] for i in known.tolist()], labels.astype(np.int64)
