"""The tables that CUB-200-2011 and NABirds share: images, classes, split, boxes and part locations, joined by image."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

import numpy as np

from ...errors import UserError
from ..fingerprint import fingerprint_of
from .cub_files import KeyedFile, TextFile
from .layout import leads_outside

COLUMNS = {
    "images.txt": "image path",
    "classes.txt": "class name",
    "image_class_labels.txt": "image class",
    "train_test_split.txt": "image is_training",
    "bounding_boxes.txt": "image x y width height",
    "parts/parts.txt": "part name",
    "parts/part_locs.txt": "image part x y visible",
}


class Tables:
    """Every method checks what it reads, and fails with the file and the line.

    Ids may have gaps and rows any order; classes and parts are sorted by id, images keep the order of images.txt.

    Args:
        root: the data set's folder.
        columns: name of every file -> what a row of it holds.
        title: the data set, for messages.
        text_ids: image ids are any text without a space, not whole numbers.

    Attributes:
        ids: N image ids.
        paths: N paths under images/.

    Raises:
        UserError: a file that cannot be read, no image, an image twice, or a path that leads outside.
    """

    def __init__(self, root: Path, columns: Mapping[str, str], title: str, text_ids: bool = False):
        self._title = title
        images = (KeyedFile if text_ids else TextFile)(root, "images.txt", columns["images.txt"], title)
        if not images.rows:
            raise UserError(f"{images.path} lists no image; take the file from the {title} archive")
        numbers = images.numbers_of if text_ids else None
        self.files = {"images.txt": images} | {name: _open(root, name, columns[name], title, numbers)
                                               for name in columns if name != "images.txt"}
        self._numbers, self.paths = images.names()
        self.ids = list(numbers) if text_ids else [str(i) for i in self._numbers]
        for row, path in enumerate(self.paths):
            if leads_outside(path):
                images.fail(row, f"path {path!r} may lead outside images/; write it relative to images/, without '..'")
        images.unique(np.array(self.paths), "path")

    def sorted_names(self, name: str) -> tuple[np.ndarray, list[str]]:
        """A file of ids and names: ids int64 [C] in ascending order, names in the same order."""
        ids, names = self.files[name].names()
        if not names:
            raise UserError(f"{self.files[name].path} is empty; take the file from the {self._title} archive")
        order = np.argsort(ids)
        return ids[order], [names[i] for i in order]

    def train(self) -> np.ndarray:
        """Which images are for training, bool [N]; some are not."""
        file, values, places = self._per_image("train_test_split.txt")
        wrong = np.flatnonzero(~np.isin(values[:, 0], (0, 1)))
        if len(wrong):
            file.fail(wrong[0],
                      f"is_training is {values[wrong[0], 0]:g}; write 1 for a training image, 0 for a test image")
        train = np.empty(len(self.ids), bool)
        train[places] = values[:, 0] == 1
        if train.all():
            raise UserError(f"{file.path} leaves no test image; mark some with 0")
        return train

    def classes_of(self, class_ids: np.ndarray) -> np.ndarray:
        """Where each image's class stands in ``class_ids``, int64 [N]."""
        file, values, places = self._per_image("image_class_labels.txt")
        labels = np.empty(len(self.ids), np.int64)
        labels[places] = file.among(values[:, 0], class_ids, "class", self.files["classes.txt"])
        return labels

    def fail_at_class(self, class_id: int, wrong: str) -> NoReturn:
        """Raise the error for a row of classes.txt."""
        classes = self.files["classes.txt"]
        classes.fail(classes.names()[0].tolist().index(class_id), wrong)

    def check_trained(self, class_ids: np.ndarray, trained: np.ndarray) -> None:
        """An error unless every class is among ``trained``, the ids of training images' classes."""
        for untrained in np.setdiff1d(class_ids, trained)[:1]:
            self.fail_at_class(untrained, f"class {untrained} has no training image; mark one in train_test_split.txt "
                                          "or remove the class")

    def boxes(self) -> np.ndarray:
        """float64 [N, 4] as (x, y, width, height)."""
        file, values, places = self._per_image("bounding_boxes.txt")
        wrong = np.flatnonzero((values[:, 2:] <= 0).any(1))
        if len(wrong):
            width, height = values[wrong[0], 2:]
            file.fail(wrong[0], f"the box is {width:g} wide and {height:g} high; write positive sizes")
        boxes = np.empty((len(self.ids), 4))
        boxes[places] = values
        return boxes

    def keypoints(self, part_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Locations float32 [N, P, 2] and visibility bool [N, P]; a part without a row is not visible."""
        file, images = self.files["parts/part_locs.txt"], self.files["images.txt"]
        table = file.numbers()
        rows = file.among(table[:, 0], self._numbers, "image", images)
        parts = file.among(table[:, 1], part_ids, "part", self.files["parts/parts.txt"])
        file.unique(rows * len(part_ids) + parts, "image and part")
        file.some_each(rows, self.ids, images)
        wrong = np.flatnonzero(~np.isin(table[:, 4], (0, 1)))
        if len(wrong):
            file.fail(wrong[0], f"visible is {table[wrong[0], 4]:g}; write 1 or 0")
        keypoints = np.zeros((len(self.ids), len(part_ids), 2), np.float32)
        visible = np.zeros((len(self.ids), len(part_ids)), bool)
        keypoints[rows, parts] = table[:, 2:4]
        visible[rows, parts] = table[:, 4] == 1
        return keypoints, visible

    def fingerprint(self, sizes: Iterable[int]) -> str:
        """Digest of every file and of the pictures' sizes."""
        return fingerprint_of(((name, file.content) for name, file in self.files.items()),
                              zip(self.paths, sizes, strict=True))

    def _per_image(self, name: str) -> tuple[TextFile, np.ndarray, np.ndarray]:
        """A file with one row per image: the file, its columns after the id, and the image of each row."""
        file, images = self.files[name], self.files["images.txt"]
        table = file.numbers()
        places = file.among(table[:, 0], self._numbers, "image", images)
        file.one_each(places, self.ids, images)
        return file, table[:, 1:], places


def _open(root: Path, name: str, columns: str, title: str, numbers: Mapping[str, int] | None) -> TextFile:
    """A file; where its rows begin with an image id that is text, ``numbers`` says which number to read it as."""
    if numbers is None or not columns.startswith("image "):
        return TextFile(root, name, columns, title)
    return KeyedFile(root, name, columns, title, numbers)
