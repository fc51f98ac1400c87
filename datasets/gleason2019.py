"""Gleason 2019 as distributed: cores of prostate tissue, graded pixel by pixel by up to six pathologists.

Nir et al., "Automatic grading of prostate cancer in digitized histopathology images", Medical Image Analysis 2018. The
values of a map are 0 (not tissue that was graded), 3, 4, 5 (Gleason grades) and 1, 2, 6 (benign). The pathologists of
a core are merged by majority vote, pixel by pixel; of values with as many votes the more severe counts. (The organisers
merged by STAPLE and did not publish the result.) Maps without a picture, which the release has, are ignored.

A core is labelled with the grade that covers most of it, its primary pattern, or with the highest. The challenge kept
its test labels, so a share of each class, chosen by a hash of seed and id, is the test set; classes that no core has do
not exist. Pictures of 5,000 pixels are read at ``max_side``, and maps are sampled to the same size. Reading annotations
needs no torch.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from ..errors import UserError
from .base import Annotations, PartDataset
from .by_hash import share_of_each_class
from .cards.gleason2019 import CARD
from .fingerprint import fingerprint_of
from .formats.layout import data_folder, names_in, require_split
from .formats.part_masks import locate, stacked
from .images import check_images, decode_resized, image_shape, image_sizes, mask_labels
from .remembered import key_of, remembered

_PICTURES, _SUFFIX = "Train Imgs", "_classimg_nonconvex.png"
_MAPS = tuple(f"Maps{number}_T" for number in range(1, 7))
GRADES = ["benign", "grade 3", "grade 4", "grade 5"]
_OUTSIDE = 255
# Value in a map -> place in GRADES + 1; 0 is not graded.
_PLACE = np.array([0, 1, 1, 2, 3, 4, 1] + [_OUTSIDE] * 249, np.uint8)


def read(root: Path | str, settings: BaseModel | None = None) -> PartDataset:
    """Read every annotation under ``root``. The first time, all maps are decoded and merged: some minutes.

    Raises:
        UserError: names the file, and what to mend.
    """
    settings = settings or CARD.settings()
    found = _find(root)
    check_images(found.images)
    cores = Cores(found.images, found.maps, settings.max_side)
    rows = range(len(found.names))
    points, grades = [], []
    for row in rows:
        masks, _ = cores.masks(row)
        points.append(locate(masks, len(GRADES)))
        grades.append(_label(masks, settings.labels))
    located = stacked(points, len(GRADES))
    present, labels = np.unique(grades, return_inverse=True)
    train = ~share_of_each_class([f"{settings.seed} {name}" for name in found.names], labels, settings.test_share)
    classes = [GRADES[grade] for grade in present]
    require_split(classes, labels, train, f"{found.root}/{_PICTURES}")
    annotations = Annotations(
        ids=found.names, images=found.images, labels=labels.astype(np.int64),
        boxes=np.array([(0, 0, *cores.size(row)) for row in rows], np.float64), keypoints=located["keypoints"],
        visible=located["visible"], train=train, read_image=cores, read_masks=cores.masks)
    return PartDataset("gleason2019", classes, GRADES, annotations, found.fingerprint, CARD.redistributable)


def fingerprint(root: Path | str, settings: BaseModel | None = None) -> str:
    """Digest of paths and sizes of pictures and maps."""
    return _find(root).fingerprint


@dataclass(frozen=True)
class Cores:
    """Pictures, and what the pathologists say of them, at ``max_side``.

    Attributes:
        images: N paths.
        maps: for each picture, the paths of its maps.
        max_side: of what is read, pixels; smaller pictures keep their size.
    """

    images: list[str]
    maps: list[list[str]]
    max_side: int

    def __call__(self, row: int) -> np.ndarray:
        """uint8 [H, W, 3]."""
        return decode_resized(self.images[row], *self.size(row))

    def size(self, row: int) -> tuple[int, int]:
        """(width, height) as read."""
        height, width = image_shape(self.images[row])
        scale = min(1, self.max_side / max(height, width))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def masks(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Part masks bool [4, H, W], one for each of ``GRADES``, and all that is graded, bool [H, W]."""
        key = key_of("gleason vote 1", (self.images[row], *self.maps[row]), self.max_side)
        voted = remembered(key, partial(self._vote, row))["grades"]
        return voted == np.arange(1, len(GRADES) + 1)[:, None, None], voted > 0

    def _vote(self, row: int) -> dict[str, np.ndarray]:
        width, height = self.size(row)
        shape = image_shape(self.images[row])
        votes = np.zeros((len(GRADES) + 1, height, width), np.uint8)
        for path in self.maps[row]:
            votes += self._grades(path, shape, height, width) == np.arange(len(GRADES) + 1)[:, None, None]
        # The last of equal counts is the most severe.
        return {"grades": (len(GRADES) - votes[::-1].argmax(0)).astype(np.uint8)}

    def _grades(self, path: str, shape: tuple[int, int], height: int, width: int) -> np.ndarray:
        """One map at the size of the picture as read: the value under each pixel's centre."""
        values = mask_labels(path)
        if values.shape != shape:
            raise UserError(f"{path} is {values.shape[1]}x{values.shape[0]} pixels, its picture {shape[1]}x{shape[0]}; "
                            "take picture and map from the same release")
        down, across = (((np.arange(few) + 0.5) * many / few).astype(int) for few, many in
                        zip((height, width), shape, strict=True))
        grades = _PLACE[values[down[:, None], across].clip(0, _OUTSIDE)]
        if (grades == _OUTSIDE).any():
            raise UserError(f"{path} holds {values.max()}, a map 0 to 6; take it from the official release again")
        return grades


def _label(parts: np.ndarray, rule: str) -> int:
    """Place in GRADES: of the cancer grade with most pixels (the higher of two equal ones), or of the highest."""
    pixels = parts[1:].sum((1, 2))
    if not pixels.any():
        return 0
    if rule == "highest":
        return int(np.flatnonzero(pixels)[-1]) + 1
    return len(pixels) - int(pixels[::-1].argmax())


@dataclass(frozen=True)
class _Found:
    """Pictures and their maps, by file name."""

    root: Path
    names: list[str]
    maps: list[list[str]]
    fingerprint: str

    @property
    def images(self) -> list[str]:
        return [f"{self.root}/{_PICTURES}/{name}.jpg" for name in self.names]


def _find(root: Path | str) -> _Found:
    root = data_folder(root, CARD, (_PICTURES,))
    names = sorted(name.removesuffix(".jpg") for name in names_in(root / _PICTURES) if name.endswith(".jpg"))
    experts = {folder: names_in(root / folder) for folder in _MAPS if (root / folder).exists()}
    if not names or not experts:
        raise UserError(f"{root} lacks {'Maps1_T' if names else 'pictures'}; a Gleason 2019 folder holds {CARD.layout}")
    maps = []
    for name in names:
        maps.append([f"{root}/{folder}/{name}{_SUFFIX}" for folder in experts if name + _SUFFIX in experts[folder]])
        if not maps[-1]:
            raise UserError(f"{root}/{_PICTURES}/{name}.jpg has no map in {', '.join(experts)}; add one or remove it")
    pictures = [f"{root}/{_PICTURES}/{name}.jpg" for name in names]
    files = [*pictures, *(path for paths in maps for path in paths)]
    relative = [file.removeprefix(f"{root}/") for file in files]
    return _Found(root, names, maps, fingerprint_of((), zip(relative, image_sizes(files), strict=True)))
