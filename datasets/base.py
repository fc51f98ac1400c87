"""What a data set hands out: samples, splits, and the annotations behind them. Torch comes with the first sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError, unknown
from .images import check_images, decode, decode_mask

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Sample:
    """One picture and what is known of it.

    Coordinates are continuous pixels: pixel i covers [i, i + 1). Transforms move them with the pixels.

    Attributes:
        id: as the data set names the image.
        image: uint8 [3, H, W], RGB; None where only the annotation was asked for.
        label: class, 0 .. C-1.
        box: (x, y, width, height) of the object.
        keypoints: float [P, 2] as (x, y); may lie outside the picture.
        visible: bool [P], the part is annotated on this image; no transform changes it.
        part_masks: bool [P, H, W], or None.
        object_mask: bool [H, W], or None.
    """

    id: str
    image: Tensor | None
    label: int
    box: tuple[float, float, float, float]
    keypoints: Tensor
    visible: Tensor
    part_masks: Tensor | None = None
    object_mask: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Annotations:
    """All annotations of a data set as arrays, one row per image in file order.

    Attributes:
        ids: N image ids.
        images: N paths of pictures.
        labels: int64 [N].
        boxes: float64 [N, 4] as (x, y, width, height).
        keypoints: float32 [N, P, 2].
        visible: bool [N, P].
        train: bool [N], the official training set; the rest is the test set.
        masks: N paths of object masks, or None.
    """

    ids: list[str]
    images: list[str]
    labels: np.ndarray
    boxes: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray
    train: np.ndarray
    masks: list[str] | None = None


class Split:
    """Part of a data set, in file order: a sequence of samples."""

    def __init__(self, annotations: Annotations, rows: np.ndarray):
        self._annotations = annotations
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: int) -> Sample:
        """Sample ``i``, decoded.

        Raises:
            UserError: the picture is missing, truncated or no picture.
        """
        return self.read(i)

    def read(self, i: int, masks: bool = True) -> Sample:
        """Sample ``i``, decoded; training spares itself the masks."""
        sample, row = self.annotation(i), self._rows[i]
        image = decode(self._annotations.images[row])
        if not masks or self._annotations.masks is None:
            return replace(sample, image=image)
        path = self._annotations.masks[row]
        mask = decode_mask(path)
        if mask.shape != image.shape[1:]:
            raise UserError(f"{path} is {mask.shape[1]}x{mask.shape[0]} pixels, its picture "
                            f"{image.shape[2]}x{image.shape[1]}; take picture and mask from the same release")
        return replace(sample, image=image, object_mask=mask)

    def annotation(self, i: int) -> Sample:
        """Sample ``i`` with ``image=None``: nothing is decoded."""
        import torch

        known, row = self._annotations, self._rows[i]
        return Sample(
            id=known.ids[row],
            image=None,
            label=int(known.labels[row]),
            box=tuple(known.boxes[row].tolist()),
            keypoints=torch.from_numpy(known.keypoints[row].copy()),
            visible=torch.from_numpy(known.visible[row].copy()),
        )

    @property
    def labels(self) -> np.ndarray:
        """int64 [N], 0 .. C-1."""
        return self._annotations.labels[self._rows]

    @property
    def ids(self) -> list[str]:
        return [self._annotations.ids[row] for row in self._rows]

    @property
    def images(self) -> list[str]:
        """Paths of the pictures."""
        return [self._annotations.images[row] for row in self._rows]

    def check_images(self) -> None:
        """Look at both ends of every file, before hours of training: see :func:`~.images.check_images`."""
        check_images(self.images)


class PartDataset:
    """Pictures with classes and part annotations; picklable, and small until a sample is read.

    ``data["train"]``, ``data["val"]``, ``data["train+val"]`` and ``data["test"]`` are splits; ``val`` is held out
    of the official training set, see :func:`held_out`.

    Attributes:
        name: as users type it.
        classes: class names, by label.
        parts: part names, by keypoint.
        redistributable: pictures may be copied into a published report.
        fingerprint: digest of annotations and image sizes.
    """

    def __init__(self, name: str, classes: list[str], parts: list[str], annotations: Annotations, fingerprint: str,
                 redistributable: bool = False):
        self.name = name
        self.classes = classes
        self.parts = parts
        self.fingerprint = fingerprint
        self.redistributable = redistributable
        train = annotations.train
        val = held_out(annotations.ids, annotations.labels, train)
        chosen = {"train": train & ~val, "val": val, "train+val": train, "test": ~train}
        self._splits = {split: Split(annotations, np.flatnonzero(rows)) for split, rows in chosen.items()}

    def __getitem__(self, split: str) -> Split:
        if split not in self._splits:
            raise unknown("split", split, self._splits)
        return self._splits[split]


def held_out(ids: list[str], labels: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Which training images are kept for validation, bool [N]: 10 % of each class, at least 1.

    The images of a class whose ids have the smallest SHA-256 are taken, so the choice depends on neither order
    nor seed. A class with a single training image keeps it in train.
    """
    val = np.zeros(len(ids), bool)
    digests = np.array([sha256(i.encode()).hexdigest() for i in ids])
    for label in np.unique(labels[train]):
        rows = np.flatnonzero(train & (labels == label))
        if len(rows) > 1:
            val[rows[np.argsort(digests[rows])[: max(1, round(len(rows) / 10))]]] = True
    return val
