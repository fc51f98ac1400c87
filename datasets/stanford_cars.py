"""Stanford Cars as distributed: 196 makes, models and years, a box per photograph, no parts.

Krause et al., "3D Object Representations for Fine-Grained Categorization", 3dRR workshop at ICCV 2013. Reading needs
no torch and opens no picture.
"""

from pathlib import Path

import numpy as np
from pydantic import BaseModel

from .base import PartDataset
from .cards.stanford_cars import CARD
from .formats.layout import data_folder, leads_outside
from .formats.matlab import MatlabFile
from .formats.without_parts import without_parts

_TEST = "cars_test_annos_withlabels.mat"
_SIDES = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")


def read(root: Path | str, settings: BaseModel | None = None) -> PartDataset:
    """Read and check every annotation under ``root``.

    Boxes are given as the first and the last pixel, counted from 1 and both inside.

    Raises:
        UserError: names the file, the entry, and what to mend.
    """
    root = data_folder(root, CARD, ["devkit/cars_meta.mat", "devkit/cars_train_annos.mat", "cars_train", "cars_test"],
                       inside=("stanford_cars",))
    meta = MatlabFile(root, "devkit/cars_meta.mat", ["class_names"], CARD.title)
    test_file = f"devkit/{_TEST}" if (root / "devkit" / _TEST).exists() else _TEST
    train, test = (MatlabFile(root, name, ["annotations"], CARD.title)
                   for name in ("devkit/cars_train_annos.mat", test_file))
    classes = meta.texts("class_names")
    pictures = [*_pictures(train, "cars_train"), *_pictures(test, "cars_test")]
    labels = [_labels(file, len(classes)) for file in (train, test)]
    return without_parts(
        CARD, root, classes, pictures, np.concatenate(labels), np.arange(len(pictures)) < len(labels[0]),
        {file.name: file.content for file in (meta, train, test)}, boxes=np.concatenate([_boxes(train), _boxes(test)]))


def fingerprint(root: Path | str, settings: BaseModel | None = None) -> str:
    """Digest of annotations and picture sizes; checks the layout as :func:`read` does."""
    return read(root, settings).fingerprint


def _pictures(file: MatlabFile, folder: str) -> list[str]:
    names = file.texts("annotations", "fname")
    seen = set()
    for entry, name in enumerate(names):
        if leads_outside(name) or "/" in name:
            file.fail("annotations", entry, f"fname {name!r} may lead outside {folder}/; name a file there")
        if name in seen:
            file.fail("annotations", entry, f"a second entry for {name!r}; keep one of them")
        seen.add(name)
    return [f"{folder}/{name}" for name in names]


def _labels(file: MatlabFile, classes: int) -> np.ndarray:
    labels = file.whole_numbers("annotations", "class")
    for entry in np.flatnonzero((labels < 1) | (labels > classes))[:1]:
        file.fail("annotations", entry, f"class is {labels[entry]}; cars_meta.mat names classes 1 to {classes}")
    return labels - 1


def _boxes(file: MatlabFile) -> np.ndarray:
    """float64 [N, 4] as (x, y, width, height)."""
    left, top, right, bottom = (file.whole_numbers("annotations", side) for side in _SIDES)
    for entry in np.flatnonzero((left > right) | (top > bottom))[:1]:
        file.fail("annotations", entry, f"a box from ({left[entry]}, {top[entry]}) to ({right[entry]}, {bottom[entry]})"
                                        " holds no pixel; write its first and last pixel")
    return np.stack([left - 1, top - 1, right - left + 1, bottom - top + 1], 1).astype(np.float64)
