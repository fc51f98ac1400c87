"""A data set written in the layout of CUB-200-2011, with masks: the `cub` reader reads back the same tensors."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ..errors import UserError
from . import cub
from .base import PartDataset, Sample
from .fetch.staging import discard, publish, staging, vacant, writable

_MOST_PARTS = 255  # a part mask's picture holds part numbers in 8 bits


def write(dataset: PartDataset, root: Path | str, progress: Callable[[int, int], None] = lambda done, total: None
          ) -> None:
    """Write pictures, annotations and masks into ``root``, which must not be there or be empty.

    Pictures are PNG files, numbers are written with all their digits, and images keep their ids, so the held-out
    validation split stays the same; an official one does not fit into this layout. Masks go to segmentations/
    (object 255, else 0) and parts/masks/ (part number + 1, else 0). The folder appears when everything is in it and
    the reader has accepted it.

    Args:
        progress: told pictures written, and pictures in all.

    Raises:
        UserError: ids that are no whole numbers, parts that overlap, more than 255 parts, or a folder that cannot be
            written.
    """
    root = vacant(root)
    order = _order(dataset)
    if len(dataset.parts) > _MOST_PARTS:
        raise UserError(f"{dataset.name} has {len(dataset.parts)} parts; part masks of this layout hold {_MOST_PARTS}")
    with staging(root) as hidden:
        filled = hidden / "data"
        discard(filled)  # of a try that was stopped
        with writable(filled):
            _write(dataset, order, filled, progress)
        cub.read(filled)
        publish(filled, root)


def _order(dataset: PartDataset) -> list[tuple[int, str, int]]:
    """(id, split, index) of every image by ascending id: splits interleaved as they once were."""
    order = []
    for split in ("train+val", "test"):
        for index, name in enumerate(dataset[split].ids):
            if not re.fullmatch("[1-9][0-9]{0,14}", name):
                raise UserError(f"image {name!r} of {dataset.name}: CUB's layout wants positive whole numbers as ids")
            order.append((int(name), split, index))
    return sorted(order)


def _write(dataset: PartDataset, order: list[tuple[int, str, int]], root: Path,
           progress: Callable[[int, int], None]) -> None:
    folders = [_folder(number, name) for number, name in enumerate(dataset.classes, 1)]
    tables: dict[str, list[str]] = {
        "images": [], "image_class_labels": [], "train_test_split": [], "bounding_boxes": [], "parts/part_locs": [],
        "classes": _numbered(dataset.classes), "parts/parts": _numbered(dataset.parts)}
    for done, (number, split, index) in enumerate(order, 1):
        sample = dataset[split][index]
        picture = f"{folders[sample.label]}/{number}.png"
        _save(sample.image.permute(1, 2, 0).numpy(), root / "images" / picture)
        _save_masks(sample, root, picture)
        tables["images"].append(f"{number} {picture}")
        tables["image_class_labels"].append(f"{number} {sample.label + 1}")
        tables["train_test_split"].append(f"{number} {int(split != 'test')}")
        tables["bounding_boxes"].append(" ".join([str(number), *map(repr, map(float, sample.box))]))
        tables["parts/part_locs"] += [f"{number} {part}" for part in _locations(sample)]
        progress(done, len(order))
    for name, rows in tables.items():
        file = root / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def _folder(number: int, name: str) -> str:
    """``001.Black_footed_Albatross``, as in CUB, where classes are called that; any other name is made to fit."""
    return f"{number:03d}.{re.sub('[^A-Za-z0-9-]+', '_', name.removeprefix(f'{number:03d}.'))}"


def _numbered(names: list[str]) -> list[str]:
    return [f"{number} {' '.join(name.split())}" for number, name in enumerate(names, 1)]


def _locations(sample: Sample) -> Iterator[str]:
    """Rows of part_locs.txt without the image's id; every float32 is also a float64, whose digits are written."""
    points = zip(sample.keypoints.tolist(), sample.visible.tolist(), strict=True)
    for part, ((x, y), visible) in enumerate(points, 1):
        yield f"{part} {x!r} {y!r} {int(visible)}"


def _save_masks(sample: Sample, root: Path, picture: str) -> None:
    if sample.object_mask is not None:
        _save(np.where(sample.object_mask.numpy(), 255, 0).astype(np.uint8), root / "segmentations" / picture)
    if sample.part_masks is not None:
        masks = sample.part_masks.numpy()
        if masks.sum(0).max(initial=0) > 1:
            raise UserError(f"image {sample.id}: parts overlap; part masks of this layout hold one part at each pixel")
        numbers = np.arange(1, len(masks) + 1)[:, None, None]
        _save((masks * numbers).sum(0).astype(np.uint8), root / "parts" / "masks" / picture)


def _save(pixels: np.ndarray, file: Path) -> None:
    from PIL import Image

    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)
