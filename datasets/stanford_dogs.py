"""Stanford Dogs as distributed: 120 breeds, boxes, no parts.

Khosla et al., "Novel Dataset for Fine-Grained Image Categorization", FGVC workshop at CVPR 2011. Reading needs no torch
and opens no picture, but one small XML file per picture.
"""

from pathlib import Path

import numpy as np
from pydantic import BaseModel

from ..errors import UserError
from .base import PartDataset
from .cards.stanford_dogs import CARD
from .formats.layout import data_folder, leads_outside
from .formats.matlab import MatlabFile
from .formats.voc import read_boxes
from .formats.without_parts import without_parts

_LISTS = ("train_list.mat", "test_list.mat")
_VARIABLES = ("file_list", "annotation_list", "labels")


def read(root: Path | str, settings: BaseModel | None = None) -> PartDataset:
    """Read and check every annotation under ``root``.

    A picture with several dogs has a box for each; the first one is the picture's box, as is usual. A class
    is called as its folder, without the WordNet id in front.

    Raises:
        UserError: names the file, the entry, and what to mend.
    """
    root = data_folder(root, CARD, [*_LISTS, "Images", "Annotation"], inside=("stanford_dogs",))
    lists = [MatlabFile(root, name, _VARIABLES, CARD.title) for name in _LISTS]
    pictures, labels, folders = [], [], {}
    for file in lists:
        listed = _pictures(file)
        _check_new(file, listed, pictures)
        labels.append(_labels(file, listed, folders))
        pictures += listed
    train = np.arange(len(pictures)) < len(labels[0])
    boxes, contents = _boxes(root, pictures)
    contents |= {file.name: file.content for file in lists}
    for number in sorted(set(range(1, max(folders))) - folders.keys())[:1]:
        raise UserError(f"{root}: breed {number} has no picture; take the lists from the {CARD.title} archive again")
    classes = [folders[label].partition("-")[2] for label in sorted(folders)]
    return without_parts(CARD, root, classes, [f"Images/{picture}" for picture in pictures],
                         np.searchsorted(sorted(folders), np.concatenate(labels)), train, contents, boxes=boxes)


def fingerprint(root: Path | str, settings: BaseModel | None = None) -> str:
    """Digest of annotations and picture sizes; checks the layout as :func:`read` does."""
    return read(root, settings).fingerprint


def _pictures(file: MatlabFile) -> list[str]:
    """Paths ``<WordNet id>-<breed>/<picture>.jpg``, each with its own entry in annotation_list."""
    pictures, annotations = file.texts("file_list"), file.texts("annotation_list")
    if not pictures:
        raise UserError(f"{file.path} lists no picture; take it from the {CARD.title} archive again")
    if len(annotations) != len(pictures):
        raise UserError(f"{file.path}: {len(pictures)} entries in file_list, {len(annotations)} in annotation_list; "
                        f"take it from the {CARD.title} archive again")
    for entry, (picture, annotation) in enumerate(zip(pictures, annotations, strict=True)):
        folder, _, name = picture.partition("/")
        if leads_outside(picture) or "/" in name or not folder.partition("-")[2] or not name.endswith(".jpg"):
            file.fail("file_list", entry, f"{picture!r} is not <WordNet id>-<breed>/<picture>.jpg; write it so")
        if annotation != picture.removesuffix(".jpg"):
            file.fail("annotation_list", entry, f"{annotation!r} is not the annotation of {picture!r}; name that one")
    return pictures


def _check_new(file: MatlabFile, pictures: list[str], known: list[str]) -> None:
    seen = set(known)
    for entry, picture in enumerate(pictures):
        if picture in seen:
            file.fail("file_list", entry, f"{picture!r} is listed a second time; keep one of the entries")
        seen.add(picture)


def _labels(file: MatlabFile, pictures: list[str], folders: dict[int, str]) -> np.ndarray:
    """Breed numbers, int64 [N]; ``folders`` learns which folder each number stands for."""
    labels = file.whole_numbers("labels")
    if len(labels) != len(pictures):
        raise UserError(f"{file.path}: {len(pictures)} entries in file_list, {len(labels)} in labels; take it from "
                        f"the {CARD.title} archive again")
    numbers = {folder: label for label, folder in folders.items()}
    for entry, (picture, label) in enumerate(zip(pictures, labels.tolist(), strict=True)):
        folder = picture.partition("/")[0]
        if folders.setdefault(label, folder) != folder or numbers.setdefault(folder, label) != label:
            file.fail("labels", entry, f"{label} for {picture!r}, but {numbers.get(folder, label)} is {folder!r} and "
                                       f"{label} is {folders[label]!r} elsewhere; give a breed one number")
    return labels


def _boxes(root: Path, pictures: list[str]) -> tuple[np.ndarray, dict[str, bytes]]:
    """The first box of each picture, float64 [N, 4], and the content of every annotation."""
    boxes, contents = np.empty((len(pictures), 4)), {}
    for row, picture in enumerate(pictures):
        name = f"Annotation/{picture.removesuffix('.jpg')}"
        contents[name], found = read_boxes(f"{root}/{name}")
        if not len(found):
            raise UserError(f"{root}/{name} holds no box; take it from the {CARD.title} archive again")
        boxes[row] = found[0]
    return boxes, contents
