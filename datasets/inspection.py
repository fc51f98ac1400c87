"""What is wrong with a data set on disk: everything is opened once, and everything found is listed."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from ..errors import UserError
from .base import PartDataset, Sample
from .cards.base import DatasetCard

_SLACK = 1.0  # pixels: some annotators counted from 0, some from 1
_SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: ``layout``, ``counts``, ``class``, ``duplicate``, ``picture``, ``mask``, ``box`` or ``keypoint``.
        where: the split and id of an image, a class, or a folder.
        what: what is wrong with it.
    """

    kind: str
    where: str
    what: str


def inspect(card: DatasetCard, root: Path | str, settings: BaseModel | None = None,
            progress: Callable[[int, int], None] = lambda done, total: None) -> list[Finding]:
    """Hold the data set under ``root`` against its card, decode every picture and mask, and look at every annotation.

    The counts on a card are those of its default settings; with others they are not compared.

    Args:
        progress: told images looked at, and images in all.

    Returns:
        What is wrong, in the order in which it was found; empty if nothing is.
    """
    root = card.folder(root)
    try:
        dataset = card.load()(root, settings or card.resolve())
    except UserError as error:  # without the annotations there is nothing further to look at
        return [Finding("layout", str(root), str(error))]
    findings = list(_duplicates(dataset)) + list(_empty_classes(dataset))
    if settings is None or settings == card.resolve():
        findings += _wrong_counts(card, dataset)
    return findings + _look_at_all(dataset, progress)


def _wrong_counts(card: DatasetCard, dataset: PartDataset) -> Iterator[Finding]:
    """A card without ``val`` has no official validation set: what is held out belongs to ``train``."""
    train = "train" if "val" in card.counts else "train+val"
    found = {"classes": len(dataset.classes), "parts": len(dataset.parts), "train": len(dataset[train]),
             "val": len(dataset["val"]), "test": len(dataset["test"])}
    for name, official in card.counts.items():
        if found[name] != official:
            yield Finding("counts", name, f"{found[name]} instead of {official}")


def _duplicates(dataset: PartDataset) -> Iterator[Finding]:
    places: dict[str, list[str]] = {}
    for split in _SPLITS:
        for name in dataset[split].ids:
            places.setdefault(name, []).append(split)
    for name, splits in places.items():
        if len(splits) > 1:
            yield Finding("duplicate", name, f"{len(splits)} images have this id, in {', '.join(sorted(set(splits)))}")


def _empty_classes(dataset: PartDataset) -> Iterator[Finding]:
    images = Counter(np.concatenate([dataset[split].labels for split in _SPLITS]).tolist())
    for label, name in enumerate(dataset.classes):
        if not images[label]:
            yield Finding("class", name, "no image")
    for label in sorted(set(images) - set(range(len(dataset.classes)))):
        yield Finding("class", str(label), f"{images[label]} images with this label, which no class has")


def _look_at_all(dataset: PartDataset, progress: Callable[[int, int], None]) -> list[Finding]:
    images = [(split, i, name) for split in _SPLITS for i, name in enumerate(dataset[split].ids)]
    findings = []
    # Decoders let go of the interpreter, so threads are enough.
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        looks = pool.map(lambda image: list(_look(dataset, *image)), images)
        for done, found in enumerate(looks, 1):
            findings += found
            progress(done, len(images))
    finally:
        pool.shutdown(cancel_futures=True)
    return findings


def _look(dataset: PartDataset, split: str, i: int, name: str) -> Iterator[Finding]:
    where = f"{split} {name}"
    try:
        sample = dataset[split][i]
    except UserError as error:
        try:
            sample = dataset[split].read(i, masks=False)
        except UserError as unreadable:
            yield Finding("picture", where, str(unreadable))
            return
        yield Finding("mask", where, str(error))
    yield from _out_of_bounds(where, sample)


def _out_of_bounds(where: str, sample: Sample) -> Iterator[Finding]:
    height, width = sample.image.shape[1:]
    x, y, across, down = sample.box
    # Written so that a comparison with something that is not a number fails.
    if not (across > 0 and down > 0 and x >= -_SLACK and y >= -_SLACK
            and x + across <= width + _SLACK and y + down <= height + _SLACK):
        yield Finding("box", where, f"({x:g}, {y:g}, {across:g}, {down:g}) in a picture of {width}x{height}")
    for part, (x, y) in enumerate(sample.keypoints.tolist()):
        if sample.visible[part] and not (-_SLACK <= x <= width + _SLACK and -_SLACK <= y <= height + _SLACK):
            yield Finding("keypoint", where, f"part {part + 1} at ({x:g}, {y:g}) in a picture of {width}x{height}")
