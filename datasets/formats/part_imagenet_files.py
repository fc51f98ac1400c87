"""The JSON files of PartImageNet: pictures, part categories and polygons of each split, checked entry by entry."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ...errors import UserError
from .coco_masks import Shape, shapes_of
from .documents import content_of, json_of, member
from .layout import is_there, safe_name

SPLITS = ("train", "val", "test")
_SOURCE = "the PartImageNet archive"
_LARGEST = 2**25  # pixels; no picture of ImageNet comes near


@dataclass
class Release:
    """One release, a row for each annotated picture in the order of the splits and files.

    Attributes:
        root: the folder that holds it.
        parts: names of the part categories, by sorted id.
        files: relative name -> path of the JSON files.
        ids: N file names without ending, such as ``n01440764_36``.
        splits: N of ``SPLITS``.
        images: N paths.
        classes: N WordNet ids, the part of an id before ``_``.
        supercategories: N names: the one that most annotations of the picture have.
        sizes: N pairs (height, width).
        shapes: N times part -> shapes.
    """

    root: Path
    parts: list[str] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    supercategories: list[str] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    shapes: list[dict[int, list[Shape]]] = field(default_factory=list)


def read_release(root: Path, splits: Sequence[str]) -> Release:
    """Read the JSON files of some splits.

    Raises:
        UserError: names the file, the entry, and what to mend.
    """
    release = Release(root)
    documents = {}
    for split in splits:
        name = next((name for name in (f"annotations/{split}/{split}.json", f"annotations/{split}.json",
                                       f"{split}.json") if is_there(root / name)), f"annotations/{split}/{split}.json")
        release.files[name] = root / name
        documents[split] = json_of(content_of(root / name, _SOURCE), root / name, _SOURCE)
    categories: dict[int, tuple[str, str]] = {}
    for document, path in zip(documents.values(), release.files.values(), strict=True):
        _categories(document, path, categories)
    order = sorted(categories)
    release.parts = [categories[i][0] for i in order]
    kinds = [categories[i][1] for i in order]
    for (split, document), path in zip(documents.items(), release.files.values(), strict=True):
        _split(release, split, document, path, {i: part for part, i in enumerate(order)}, kinds)
    return release


def _categories(document: Any, path: Path, known: dict[int, tuple[str, str]]) -> None:
    """Add id -> (part, supercategory); every split has to mean the same by an id."""
    entries = member(document, "categories", list, str(path))
    for i, entry in enumerate(entries):
        where = f"{path} categories[{i}]"
        number, name = member(entry, "id", int, where), member(entry, "name", str, where)
        kind = entry.get("supercategory") or name.split(" ")[0]
        if not isinstance(kind, str):
            raise UserError(f"{where}: supercategory is no text; take the file from {_SOURCE} again")
        part = name if name.lower().startswith(kind.lower()) else f"{kind} {name}"
        if known.setdefault(number, (part, kind)) != (part, kind):
            raise UserError(f"{where}: id {number} is '{part}' here and '{known[number][0]}' elsewhere; take all "
                            "splits from one release")


def _split(release: Release, split: str, document: Any, path: Path, parts: dict[int, int], kinds: list[str]) -> None:
    pictures = _pictures(document, path)
    shapes: dict[int, dict[int, list[Shape]]] = {i: {} for i in pictures}
    votes = {i: np.zeros(len(kinds), int) for i in pictures}
    for i, entry in enumerate(member(document, "annotations", list, str(path))):
        where = f"{path} annotations[{i}]"
        picture, category = member(entry, "image_id", int, where), member(entry, "category_id", int, where)
        if picture not in pictures or category not in parts:
            kind, number = ("image", picture) if picture not in pictures else ("category", category)
            raise UserError(f"{where}: {kind} {number} is not in this file; add it or remove the annotation")
        if entry.get("area") == 0:  # degenerate polygons, which the authors' tools skip
            continue
        found = shapes_of(entry.get("segmentation"), entry.get("bbox"), *pictures[picture][1], where)
        shapes[picture].setdefault(parts[category], []).extend(found)
        votes[picture][parts[category]] += 1
    folder = _folder(release.root, split, [name for name, _ in pictures.values()])
    for i, (name, size) in pictures.items():
        if shapes[i]:
            stem = PurePosixPath(name).stem
            release.ids.append(stem)
            release.splits.append(split)
            release.images.append(f"{release.root}/{folder.format(name=name, wnid=stem.split('_')[0])}")
            release.classes.append(stem.split("_")[0])
            release.supercategories.append(_most(votes[i], kinds))
            release.sizes.append(size)
            release.shapes.append(shapes[i])


def _pictures(document: Any, path: Path) -> dict[int, tuple[str, tuple[int, int]]]:
    """id -> file name and (height, width)."""
    pictures: dict[int, tuple[str, tuple[int, int]]] = {}
    for i, entry in enumerate(member(document, "images", list, str(path))):
        where = f"{path} images[{i}]"
        number = member(entry, "id", int, where)
        name = safe_name(member(entry, "file_name", str, where), where)
        size = member(entry, "height", int, where), member(entry, "width", int, where)
        if min(size) < 1 or size[0] * size[1] > _LARGEST:
            raise UserError(f"{where}: a picture of {size[1]}x{size[0]} pixels; take the file from {_SOURCE} again")
        if number in pictures:
            raise UserError(f"{where}: a second image with id {number}; keep one of them")
        pictures[number] = name, size
    return pictures


def _folder(root: Path, split: str, names: list[str]) -> str:
    """Where the split's pictures are, as the first one tells; a template of ``name`` and ``wnid``."""
    templates = [f"{folder}/{inner}" for folder in (f"images/{split}", split) for inner in ("{name}", "{wnid}/{name}")]
    for name in names[:1]:
        for template in templates:
            if is_there(root / template.format(name=name, wnid=PurePosixPath(name).stem.split("_")[0])):
                return template
    return templates[0]


def _most(votes: np.ndarray, kinds: list[str]) -> str:
    counts: dict[str, int] = {}
    for kind, count in zip(kinds, votes.tolist(), strict=True):
        counts[kind] = counts.get(kind, 0) + count
    return max(counts, key=counts.__getitem__)
