"""A cache of decoded, shrunk pictures on disk. Torch comes with the first sample."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np

from ..errors import UserError
from .base import PartDataset, Sample, Split
from .remembered import cache_folder

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger("partbench")
_VERSION = 1  # raised when the pixels change


def cached(dataset: PartDataset, max_side: int, folder: Path | str | None = None) -> PartDataset:
    """The data set with its pictures shrunk to ``max_side`` and decoded once.

    A picture whose longer side exceeds ``max_side`` is resized to it, with its box, keypoints and masks; smaller ones
    stay as they are. Shrinking changes pixels, so the side is part of a run's identity: the copy's fingerprint is
    :func:`decoded_fingerprint`.

    Each picture has a file under ``folder``, named by path, size, time of change and ``max_side``, so a changed
    picture is decoded anew. Files appear whole and carry checksums: writers may compete or be killed, a damaged file
    is written again, and one that cannot be written costs the time and nothing else. Safe to delete.

    Args:
        max_side: pixels.
        folder: None: ``decoded`` under ``$PARTBENCH_CACHE``, else under ``~/.cache/partbench``.

    Raises:
        UserError: the data set draws its pictures or decodes them in a way of its own; or ``max_side`` is less than
            one pixel.
    """
    if max_side < 1:
        raise UserError(f"pictures cannot be shrunk to {max_side} pixels; give a side of 1 or more")
    if not dataset["train+val"].images:
        raise UserError(f"{dataset.name} makes its pictures in a way of its own; leave out the cache of decoded ones")
    folder = Path(folder).expanduser().absolute() if folder else cache_folder().absolute() / "decoded"
    shrunk = copy(dataset)
    shrunk.fingerprint = decoded_fingerprint(dataset.fingerprint, max_side)
    shrunk._splits = {name: DecodedSplit(split, folder, max_side) for name, split in dataset._splits.items()}
    return shrunk


def decoded_fingerprint(fingerprint: str, max_side: int) -> str:
    """The fingerprint of :func:`cached` pictures, SHA-256 in hex."""
    return sha256(f"{fingerprint} decoded {_VERSION} {max_side}".encode()).hexdigest()


class DecodedSplit(Split):
    """A split whose pictures are read shrunk from ``folder``, and left there where they are not yet."""

    def __init__(self, split: Split, folder: Path, max_side: int):
        super().__init__(split._annotations, split._rows)
        self._folder = folder
        self._max_side = max_side

    def read(self, i: int, masks: bool = True) -> Sample:
        row = self._rows[i]
        image, shape = self._shrunk(row)
        sample = self._annotation(row, shape)
        if masks:
            sample = self._masked(sample, row, shape)
        return replace(self._resized(sample, shape), image=image)

    def annotation(self, i: int) -> Sample:
        row = self._rows[i]
        shape = self._shape(row)
        return self._resized(self._annotation(row, shape), shape)

    def _shrunk(self, row: int) -> tuple[Tensor, tuple[int, int]]:
        """The picture uint8 [3, h, w], and the (H, W) that it had."""
        file = self._file(self._annotations.images[row])
        known = _load(file) if file else None
        if known is None:
            image = self._image(row)
            shape = tuple(image.shape[1:])
            known = self._resized(replace(self._annotation(row, shape), image=image), shape).image, shape
            if file:
                _save(file, *known)
        return known

    def _file(self, path: str) -> Path | None:
        """Where the picture is kept; None where there is no picture, as decoding will say."""
        try:
            status = os.stat(path)
        except OSError:
            return None
        name = f"{_VERSION} {self._max_side} {status.st_size} {status.st_mtime_ns} ".encode() + os.fsencode(path)
        digest = sha256(name).hexdigest()
        return self._folder / digest[:2] / f"{digest[2:40]}.npz"

    def _resized(self, sample: Sample, shape: tuple[int, int]) -> Sample:
        from .geometry import resample

        height, width = shape
        longer = max(shape)
        if longer <= self._max_side:
            return sample
        small = (max(1, round(side * self._max_side / longer)) for side in (width, height))
        return resample(sample, (0, 0, width, height), *small)


def _load(file: Path) -> tuple[Tensor, tuple[int, int]] | None:
    import torch

    try:
        with np.load(file, allow_pickle=False) as kept:
            image, (height, width) = kept["image"], kept["shape"].tolist()
    except FileNotFoundError:
        return None
    except Exception as error:  # a damaged archive may fail anywhere in zipfile or numpy, with any error
        log.warning("%s is damaged (%s) and is decoded again", file, " ".join(str(error).split()))
        return None
    return torch.from_numpy(image), (height, width)


def _save(file: Path, image: Tensor, shape: tuple[int, int]) -> None:
    # Without the fsync of durable files: a file that a power cut tore is noticed by its checksums.
    temporary = file.with_name(f".{uuid4().hex}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as target:
            np.savez(target, image=image.numpy(), shape=np.array(shape))
        os.replace(temporary, file)
    except OSError as error:
        _warn(f"decoded pictures are not kept in {file.parents[1]} ({error.strerror}); free some space there, or "
              "choose another PARTBENCH_CACHE")
    finally:
        with suppress(OSError):
            temporary.unlink()


@cache
def _warn(message: str) -> None:
    """Once a process, not once a picture."""
    log.warning(message)
