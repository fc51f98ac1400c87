"""What a data set hands out: samples, splits, and the annotations behind them. Torch comes with the first sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError, unknown
from .by_hash import share_of_each_class
from .images import check_images, decode, image_shape

if TYPE_CHECKING:
    from torch import Tensor

    Masks = tuple["np.ndarray | None", "np.ndarray | None"]


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
        boxes: float64 [N, 4] as (x, y, width, height); a row of NaN stands for the whole picture.
        keypoints: float32 [N, P, 2].
        visible: bool [N, P].
        train: bool [N], the official training set without the official validation set.
        val: bool [N], the official validation set; None holds one out of ``train``, see :func:`held_out`. What is in
            neither ``train`` nor ``val`` is the test set.
        read_image: row -> uint8 [H, W, 3], for pictures that are drawn and not stored; None decodes ``images``.
        read_masks: row -> (part masks bool [P, H, W] or None, object mask bool [H, W] or None); None: no masks.
            Both are called in worker processes: picklable, and nothing held open.
    """

    ids: list[str]
    images: list[str]
    labels: np.ndarray
    boxes: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray
    train: np.ndarray
    val: np.ndarray | None = None
    read_image: Callable[[int], np.ndarray] | None = None
    read_masks: Callable[[int], Masks] | None = None


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
        row = self._rows[i]
        image = self._image(row)
        shape = tuple(image.shape[1:])
        sample = replace(self._annotation(row, shape), image=image)
        return self._masked(sample, row, shape) if masks else sample

    def _masked(self, sample: Sample, row: int, shape: tuple[int, int]) -> Sample:
        """The sample with its masks; ``shape`` is its picture's (H, W) as stored."""
        if self._annotations.read_masks is None:
            return sample
        parts, whole = map(_tensor, self._annotations.read_masks(int(row)))
        for mask in (parts, whole):
            if mask is not None and mask.shape[-2:] != shape:
                raise UserError(f"image {self._name(row)} is {shape[1]}x{shape[0]} pixels, its mask "
                                f"{mask.shape[-1]}x{mask.shape[-2]}; take picture and mask from the same release")
        return replace(sample, part_masks=parts, object_mask=whole)

    def annotation(self, i: int) -> Sample:
        """Sample ``i`` with ``image=None``: nothing is decoded."""
        return self._annotation(self._rows[i])

    def _annotation(self, row: int, shape: tuple[int, int] | None = None) -> Sample:
        import torch

        known = self._annotations
        box = tuple(known.boxes[row].tolist())
        if np.isnan(box[0]):
            height, width = shape or self._shape(row)
            box = (0.0, 0.0, float(width), float(height))
        return Sample(
            id=known.ids[row],
            image=None,
            label=int(known.labels[row]),
            box=box,
            keypoints=torch.from_numpy(known.keypoints[row].copy()),
            visible=torch.from_numpy(known.visible[row].copy()),
        )

    def _image(self, row: int) -> Tensor:
        if self._annotations.read_image is None:
            return decode(self._annotations.images[row])
        return _tensor(self._annotations.read_image(int(row))).permute(2, 0, 1).contiguous()

    def _shape(self, row: int) -> tuple[int, int]:
        """(H, W) from the file's header."""
        if self._annotations.read_image is None:
            return image_shape(self._annotations.images[row])
        return self._annotations.read_image(int(row)).shape[:2]

    def _name(self, row: int) -> str:
        return self._annotations.images[row] if self._annotations.read_image is None else self._annotations.ids[row]

    @property
    def labels(self) -> np.ndarray:
        """int64 [N], 0 .. C-1."""
        return self._annotations.labels[self._rows]

    @property
    def ids(self) -> list[str]:
        return [self._annotations.ids[row] for row in self._rows]

    @property
    def images(self) -> list[str]:
        """Paths of the pictures; none where they are drawn."""
        return [] if self._annotations.read_image else [self._annotations.images[row] for row in self._rows]

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
        train, val = annotations.train, annotations.val
        if val is None:
            val = held_out(annotations.ids, annotations.labels, train)
        chosen = {"train": train & ~val, "val": val, "train+val": train | val, "test": ~train & ~val}
        self._splits = {split: Split(annotations, np.flatnonzero(rows)) for split, rows in chosen.items()}

    def __getitem__(self, split: str) -> Split:
        if split not in self._splits:
            raise unknown("split", split, self._splits)
        return self._splits[split]

    def intervene(self, i: int, *, split: str = "test", remove: Sequence[str] = (),
                  swap: Mapping[str, int] | None = None, background: int | None = None) -> Sample:
        """Sample ``i`` of ``split`` drawn again with one thing changed: the cause whose effect a method should show.

        Args:
            remove: names of parts that are left out.
            swap: part name -> class whose form and colour that part takes.
            background: number of another background; 0 is the picture's own.

        Raises:
            UserError: a photograph cannot be drawn again; only data sets with planted truth can.
        """
        raise UserError(f"{self.name} holds photographs: no part of them can be taken away; use synthetic_birds")

    @property
    def planted(self) -> bool:
        """Whether :meth:`intervene` works, and :meth:`telling_parts` knows the truth."""
        return False

    def telling_parts(self, label: int, other: int) -> list[str]:
        """Names of the parts that tell two classes apart.

        Raises:
            UserError: the truth is not known for photographs.
        """
        raise UserError(f"{self.name} does not say which parts tell its classes apart; use synthetic_birds")


def held_out(ids: list[str], labels: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Which training images are kept for validation, bool [N]: 10 % of each class, at least 1, by a hash of the id.

    A class with a single training image keeps it in train.
    """
    return share_of_each_class(ids, labels, 0.1, train)


def _tensor(array: np.ndarray | None) -> Tensor | None:
    import torch

    return None if array is None else torch.from_numpy(array)
