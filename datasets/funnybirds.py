"""FunnyBirds as distributed: rendered birds of 50 classes, which differ in five parts.

Hesse et al., "FunnyBirds: A Synthetic Vision Dataset for a Part-Based Analysis of Explainable AI Methods", ICCV 2023.
A part map colours the visible pixels of beak, eyes, feet, tail and wings; left and right are one part here. The body
has no colour of its own, so there is no object mask, and a bird's box is the one around its parts. Half of the training
birds lack some parts by design: those are not visible. Colours that are none of the authors' (blends along an edge)
belong to no part, as in their code. Reading needs no torch.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from ..errors import UserError
from .base import Annotations, PartDataset
from .cards.funnybirds import CARD
from .fingerprint import fingerprint_of
from .formats.documents import content_of, json_of, member
from .formats.layout import data_folder, require_split
from .formats.part_masks import keypoints_of
from .images import decode_colours, image_sizes
from .remembered import key_of

_SOURCE = "FunnyBirds.zip"
_FILES = ("classes.json", "parts.json", "dataset_train.json", "dataset_test.json")
_SPLITS = ("train", "test")
# Part -> its colours in a part map, as 0xRRGGBB: one for each side.
_COLOURS = {
    "beak": (0xFFFF00,),
    "eye": (0xFFFFFD, 0xFFFFFE),
    "foot": (0xFF0001, 0xFF0002),
    "tail": (0x0000FF,),
    "wing": (0x00FF01, 0x00FF02),
}


def read(root: Path | str, settings: BaseModel | None = None) -> PartDataset:
    """Read every annotation under ``root``. The first time, all part maps are decoded: some minutes for 50,500.

    Raises:
        UserError: names the file, the entry, and what to mend.
    """
    found = _find(root)
    maps = PartMaps([path.replace("/", "_part_map/", 1) for path in found.paths], str(found.root))
    keypoints, visible, boxes = keypoints_of(maps, len(found.paths), len(_COLOURS),
                                             key_of("funnybirds 1", map(maps.path, range(len(found.paths)))))
    annotations = Annotations(
        ids=[f"{split}/{Path(path).stem}" for split, path in zip(found.splits, found.paths, strict=True)],
        images=found.images, labels=found.labels, boxes=boxes, keypoints=keypoints, visible=visible,
        train=found.train, read_masks=maps)
    return PartDataset("funnybirds", found.classes, list(_COLOURS), annotations, found.fingerprint,
                       CARD.redistributable)


def fingerprint(root: Path | str, settings: BaseModel | None = None) -> str:
    """Digest of the JSON files, and the sizes of pictures and part maps."""
    return _find(root).fingerprint


@dataclass(frozen=True)
class PartMaps:
    """Masks of row ``i``: the five parts, and no object."""

    paths: list[str]
    root: str

    def path(self, row: int) -> str:
        return f"{self.root}/{self.paths[row]}"

    def __call__(self, row: int) -> tuple[np.ndarray, None]:
        red, green, blue = np.moveaxis(decode_colours(self.path(row)).astype(np.int32), -1, 0)
        colours = red << 16 | green << 8 | blue
        return np.stack([np.logical_or.reduce([colours == side for side in part]) for part in _COLOURS.values()]), None


@dataclass(frozen=True)
class _Found:
    """What the JSON files say, before a picture is opened."""

    root: Path
    classes: list[str]
    labels: np.ndarray
    paths: list[str]  # train/7/000123.png
    fingerprint: str

    @property
    def splits(self) -> list[str]:
        return [path.partition("/")[0] for path in self.paths]

    @property
    def train(self) -> np.ndarray:
        return np.array(self.splits) == "train"

    @property
    def images(self) -> list[str]:
        return [f"{self.root}/{path}" for path in self.paths]


def _find(root: Path | str) -> _Found:
    root = data_folder(root, CARD, (*_FILES, *(f"{split}{kind}" for split in _SPLITS for kind in ("", "_part_map"))),
                       ("FunnyBirds",))
    contents = {name: content_of(root / name, _SOURCE) for name in _FILES}
    documents = {name: json_of(content, root / name, _SOURCE) for name, content in contents.items()}
    _check_parts(documents["parts.json"], root / "parts.json")
    known = sorted(_numbers(documents["classes.json"], root / "classes.json"))
    if len(set(known)) < len(known):
        raise UserError(f"{root / 'classes.json'} lists a class twice; keep one of the entries")
    numbers, paths = [], []
    for split in _SPLITS:
        name = f"dataset_{split}.json"
        for i, number in enumerate(_numbers(documents[name], root / name)):
            if number not in known:
                raise UserError(f"{root / name} [{i}]: class {number} is not in classes.json; add it there or remove "
                                "the entry")
            numbers.append(number)
            paths.append(f"{split}/{number}/{i:06d}.png")
    labels = np.searchsorted(known, numbers).astype(np.int64)
    files = [*paths, *(path.replace("/", "_part_map/", 1) for path in paths)]
    sizes = image_sizes(f"{root}/{path}" for path in files)
    found = _Found(root, [f"bird {number:02d}" for number in known], labels, paths,
                   fingerprint_of(contents.items(), zip(files, sizes, strict=True)))
    require_split(found.classes, labels, found.train, str(root / "dataset_train.json"))
    return found


def _check_parts(document: object, path: Path) -> None:
    if not isinstance(document, dict) or set(document) != set(_COLOURS):
        raise UserError(f"{path} does not list {', '.join(_COLOURS)}; take it from {_SOURCE}")


def _numbers(document: object, path: Path) -> list[int]:
    """``class_idx`` of every entry."""
    if not isinstance(document, list) or not document:
        raise UserError(f"{path} lists nothing; take it from {_SOURCE}")
    numbers = [member(entry, "class_idx", int, f"{path} [{i}]") for i, entry in enumerate(document)]
    for i, number in enumerate(numbers):
        if not 0 <= number < 10**6:
            raise UserError(f"{path} [{i}]: class_idx is {number}; take the file from {_SOURCE}")
    return numbers
