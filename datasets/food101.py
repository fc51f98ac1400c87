"""Food-101 as distributed: 101 dishes, 750 training and 250 test pictures each, no boxes, no parts.

Bossard et al., "Food-101 - Mining Discriminative Components with Random Forests", ECCV 2014. Reading needs no torch and
opens no picture. The training pictures were never cleaned: some have a wrong label.
"""

from pathlib import Path

import numpy as np
from pydantic import BaseModel

from ..errors import UserError
from .base import PartDataset
from .cards.food101 import CARD
from .formats.cub_files import TextFile
from .formats.layout import data_folder, leads_outside
from .formats.without_parts import without_parts

_COLUMNS = {"meta/classes.txt": "class", "meta/train.txt": "class/picture", "meta/test.txt": "class/picture"}


def read(root: Path | str, settings: BaseModel | None = None) -> PartDataset:
    """Read and check the lists under ``root``. Labels number the classes in the order of meta/classes.txt.

    Raises:
        UserError: names the file, the line, and what to mend.
    """
    root = data_folder(root, CARD, [*_COLUMNS, "images"], inside=("food-101",))
    files = {name: TextFile(root, name, columns, CARD.title) for name, columns in _COLUMNS.items()}
    classes, train, test = files.values()
    names = _lines(classes)
    numbers = {name: label for label, name in enumerate(names)}
    entries = [_lines(train), _lines(test)]
    twice = set(entries[0])
    for row, entry in enumerate(entries[1]):
        if entry in twice:
            test.fail(row, f"{entry!r} is in {train.name}, too; keep one of them")
    labels = [_labels(file, listed, numbers) for file, listed in zip((train, test), entries, strict=True)]
    return without_parts(CARD, root, names, [f"images/{entry}.jpg" for entry in entries[0] + entries[1]],
                         np.concatenate(labels), np.arange(sum(map(len, labels))) < len(labels[0]),
                         {name: file.content for name, file in files.items()})


def fingerprint(root: Path | str, settings: BaseModel | None = None) -> str:
    """Digest of the lists and the picture sizes; checks the layout as :func:`read` does."""
    return read(root, settings).fingerprint


def _lines(file: TextFile) -> list[str]:
    lines = [line.strip() for line in file.rows]
    if not lines:
        raise UserError(f"{file.path} is empty; take it from the {CARD.title} archive")
    file.unique(np.array(lines), file.columns[0])
    return lines


def _labels(file: TextFile, entries: list[str], numbers: dict[str, int]) -> np.ndarray:
    labels = np.empty(len(entries), np.int64)
    for row, entry in enumerate(entries):
        name, _, picture = entry.partition("/")
        if not picture or "/" in picture or leads_outside(entry):
            file.fail(row, f"{entry!r} is not <class>/<picture>; write it so, without '.jpg'")
        if name not in numbers:
            file.fail(row, f"class {name!r} is not in meta/classes.txt; add it there or remove this row")
        labels[row] = numbers[name]
    return labels
