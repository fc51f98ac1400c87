"""BIRDS 525 SPECIES (Kaggle) as distributed: folders of 224 x 224 crops by species, no boxes, no parts.

Piosenka, "BIRDS 525 SPECIES - Image Classification", 2023. Reading needs no torch and opens no picture.
"""

from pathlib import Path

import numpy as np
from pydantic import BaseModel

from ..errors import UserError
from .base import PartDataset
from .cards.birds525 import CARD
from .formats.birds525_table import genera
from .formats.layout import data_folder, entries_in
from .formats.without_parts import without_parts

_FOLDERS = ("train", "valid", "test")
_SUFFIXES = (".jpg", ".jpeg", ".png")


def read(root: Path | str, settings: BaseModel | None = None) -> PartDataset:
    """List the pictures under ``root``.

    The folders are the truth: birds.csv misspells names and misses files, so it is read for the genus only. The
    species are the folders of train/, in alphabetical order; folders whose names differ in runs of spaces alone are
    the same species. valid/ is the official validation set. Every species has to be in all three.

    Raises:
        UserError: a species without pictures in one of the three folders or without a folder in train/, or pictures
            beside the folders of the species.
    """
    settings = settings or CARD.resolve()
    root = data_folder(root, CARD, _FOLDERS, inside=("100-bird-species",))
    found = {folder: _species(root / folder) for folder in _FOLDERS}
    species = sorted(found["train"])
    for folder in _FOLDERS:
        _same(root, species, found, folder)
    rows = [(folder, label, f"{folder}/{picture}") for folder in _FOLDERS
            for label, name in enumerate(species) for picture in found[folder][name]]
    folders, labels, pictures = (np.array(column) for column in zip(*rows, strict=True))
    classes, files = species, {}
    if settings.labels == "genus":
        files["birds.csv"], groups = genera(root / "birds.csv", species)
        classes, group_of = (array.tolist() for array in np.unique(groups, return_inverse=True))
        labels = np.array(group_of)[labels]
    return without_parts(CARD, root, classes, pictures.tolist(), labels, folders == "train", files,
                         val=folders == "valid")


def fingerprint(root: Path | str, settings: BaseModel | None = None) -> str:
    """Digest of the pictures' paths and sizes, and of birds.csv where it is read; checks as :func:`read` does."""
    return read(root, settings).fingerprint


def _species(folder: Path) -> dict[str, list[str]]:
    """Species -> its pictures, as paths under the folder above; hidden and other files are passed over."""
    found: dict[str, list[str]] = {}
    for entry in entries_in(folder):
        if not entry.is_dir():
            if entry.name.lower().endswith(_SUFFIXES):
                raise UserError(f"{entry.path} is in no species' folder; move it into one or remove it")
            continue
        name = " ".join(entry.name.split())
        if name in found:
            raise UserError(f"{folder} has two folders for '{name}', told apart by spaces alone; join them")
        found[name] = [f"{entry.name}/{picture.name}" for picture in entries_in(entry.path)
                       if picture.name.lower().endswith(_SUFFIXES)]
    return found


def _same(root: Path, species: list[str], found: dict[str, dict[str, list[str]]], folder: str) -> None:
    """An error unless ``folder`` has pictures of every species, and of no other."""
    if not species:
        raise UserError(f"{root / 'train'} has no folder of a species; a {CARD.title} folder holds {CARD.layout}")
    for name in sorted(found[folder].keys() - set(species)):
        raise UserError(f"{root / folder}: species '{name}' is not in train/; rename its folder as there or remove it")
    for name in species:
        if not found[folder].get(name):
            raise UserError(f"{root / folder}: species '{name}' has no picture; add some, or remove its folders from "
                            "train/, valid/ and test/")
