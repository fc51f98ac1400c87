"""CUB-200-2011 as distributed: 200 kinds of birds, a box and 15 part locations per photograph.

Wah et al., "The Caltech-UCSD Birds-200-2011 Dataset", CNS-TR-2011-001. Reading needs no torch and opens no picture.
"""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from pydantic import BaseModel

from ..errors import UserError
from .base import Annotations, PartDataset
from .cards.cub import CARD
from .cub_files import TextFile
from .fingerprint import fingerprint_of
from .images import decode_mask, image_sizes, mask_labels

_FILES = {
    "images.txt": "image path",
    "classes.txt": "class name",
    "image_class_labels.txt": "image class",
    "train_test_split.txt": "image is_training",
    "bounding_boxes.txt": "image x y width height",
    "parts/parts.txt": "part name",
    "parts/part_locs.txt": "image part x y visible",
}


def read(root: Path | str, settings: BaseModel | None = None) -> PartDataset:
    """Read and check every annotation under ``root``.

    Ids may have gaps and rows any order; labels and keypoints are numbered by sorted class and part id, images
    keep the order of images.txt.

    Raises:
        UserError: names the file, the line, and what to mend.
    """
    root = Path(root).expanduser().absolute()  # a data set travels to workers that run elsewhere
    files = _open(root)
    images = files["images.txt"]
    ids, paths = _images(images)
    class_ids, classes = _sorted_names(files["classes.txt"])
    part_ids, parts = _sorted_names(files["parts/parts.txt"])
    train = _train(files, ids)
    labels = _labels(files, ids, class_ids, train)
    keypoints, visible = _keypoints(files, ids, part_ids)
    pictures = [f"{root}/images/{path}" for path in paths]
    sizes = image_sizes(pictures)
    annotations = Annotations(
        ids=[str(i) for i in ids], images=pictures, labels=labels, boxes=_boxes(files, ids), keypoints=keypoints,
        visible=visible, train=train, read_masks=_masks(root, paths, len(parts)))
    fingerprint = fingerprint_of(((name, file.content) for name, file in files.items()),
                                 zip(paths, sizes, strict=True))
    return PartDataset("cub", classes, parts, annotations, fingerprint, CARD.redistributable)


def fingerprint(root: Path | str, settings: BaseModel | None = None) -> str:
    """Digest of annotations and picture sizes; checks the layout as :func:`read` does."""
    return read(root, settings).fingerprint


def _open(root: Path) -> dict[str, TextFile]:
    if not root.is_dir():
        raise UserError(f"no CUB-200-2011 at {root}: {'not a folder' if root.exists() else 'no such folder'}; give "
                        f"--data-root or set PARTBENCH_DATA (its folder 'cub' is read); the folder holds {CARD.layout}")
    for inner in ("CUB_200_2011", "cub"):
        if not (root / "images.txt").exists() and (root / inner / "images.txt").exists():
            raise UserError(f"{root} holds no images.txt, but {root / inner} does; give that one as --data-root")
    missing = [name for name in _FILES if not (root / name).exists()]
    if missing:
        raise UserError(f"{root} lacks {', '.join(missing)}; a CUB-200-2011 folder holds {CARD.layout}")
    return {name: TextFile(root, name, columns) for name, columns in _FILES.items()}


def _images(file: TextFile) -> tuple[np.ndarray, list[str]]:
    ids, paths = file.names()
    if not paths:
        raise UserError(f"{file.path} lists no image; take the file from the CUB-200-2011 archive")
    for row, path in enumerate(paths):
        # Backslashes and drive letters lead outside on other systems.
        if PurePosixPath(path).is_absolute() or ".." in path.split("/") or "\\" in path or ":" in path:
            file.fail(row, f"path {path!r} may lead outside images/; write it relative to images/, without '..'")
    file.unique(np.array(paths), "path")
    return ids, paths


def _sorted_names(file: TextFile) -> tuple[np.ndarray, list[str]]:
    ids, names = file.names()
    if not names:
        raise UserError(f"{file.path} is empty; take the file from the CUB-200-2011 archive")
    order = np.argsort(ids)
    return ids[order], [names[i] for i in order]


def _per_image(files: dict[str, TextFile], name: str, ids: np.ndarray) -> tuple[TextFile, np.ndarray, np.ndarray]:
    """A file with one row per image: the file, its columns after the id, and the image of each row."""
    file, images = files[name], files["images.txt"]
    table = file.numbers()
    places = file.among(table[:, 0], ids, "image", images)
    file.one_each(places, ids, images)
    return file, table[:, 1:], places


def _train(files: dict[str, TextFile], ids: np.ndarray) -> np.ndarray:
    file, values, places = _per_image(files, "train_test_split.txt", ids)
    wrong = np.flatnonzero(~np.isin(values[:, 0], (0, 1)))
    if len(wrong):
        file.fail(wrong[0], f"is_training is {values[wrong[0], 0]:g}; write 1 for a training image, 0 for a test image")
    train = np.empty(len(ids), bool)
    train[places] = values[:, 0] == 1
    if train.all():
        raise UserError(f"{file.path} leaves no test image; mark some with 0")
    return train


def _labels(files: dict[str, TextFile], ids: np.ndarray, class_ids: np.ndarray, train: np.ndarray) -> np.ndarray:
    file, values, places = _per_image(files, "image_class_labels.txt", ids)
    labels = np.empty(len(ids), np.int64)
    labels[places] = file.among(values[:, 0], class_ids, "class", files["classes.txt"])
    untrained = np.setdiff1d(class_ids, class_ids[labels[train]])
    if len(untrained):
        classes = files["classes.txt"]
        row = classes.names()[0].tolist().index(untrained[0])
        classes.fail(row, f"class {untrained[0]} has no training image; mark one in train_test_split.txt or "
                          "remove the class")
    return labels


def _boxes(files: dict[str, TextFile], ids: np.ndarray) -> np.ndarray:
    file, values, places = _per_image(files, "bounding_boxes.txt", ids)
    wrong = np.flatnonzero((values[:, 2:] <= 0).any(1))
    if len(wrong):
        width, height = values[wrong[0], 2:]
        file.fail(wrong[0], f"the box is {width:g} wide and {height:g} high; write positive sizes")
    boxes = np.empty((len(ids), 4))
    boxes[places] = values
    return boxes


def _keypoints(files: dict[str, TextFile], ids: np.ndarray, part_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Locations float32 [N, P, 2] and visibility bool [N, P]; a part without a row is not visible."""
    file = files["parts/part_locs.txt"]
    table = file.numbers()
    images = file.among(table[:, 0], ids, "image", files["images.txt"])
    parts = file.among(table[:, 1], part_ids, "part", files["parts/parts.txt"])
    file.unique(images * len(part_ids) + parts, "image and part")
    file.some_each(images, ids, files["images.txt"])
    wrong = np.flatnonzero(~np.isin(table[:, 4], (0, 1)))
    if len(wrong):
        file.fail(wrong[0], f"visible is {table[wrong[0], 4]:g}; write 1 or 0")
    keypoints = np.zeros((len(ids), len(part_ids), 2), np.float32)
    visible = np.zeros((len(ids), len(part_ids)), bool)
    keypoints[images, parts] = table[:, 2:4]
    visible[images, parts] = table[:, 4] == 1
    return keypoints, visible


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
