"""PASCAL-Part's annotation of one picture, a MATLAB file: objects, their masks, and masks of their parts."""

import zlib
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import UserError
from .documents import content_of

SOURCE = "the PASCAL-Part archive"
_HEADER, _TAG, _COMPRESSED = 128, 8, 15
# The largest official annotation holds some hundred masks of 500 x 500 bytes.
_INFLATED_LIMIT = 512 * 2**20


class Thing(NamedTuple):
    """One object.

    Attributes:
        kind: such as ``"aeroplane"``.
        mask: bool [H, W].
        parts: (name, mask bool [H, W]) in the file's order.
    """

    kind: str
    mask: np.ndarray
    parts: list[tuple[str, np.ndarray]]


def objects_of(path: Path | str) -> list[Thing]:
    """Every object that a file of Annotations_Part describes.

    Raises:
        UserError: no MATLAB 5 file, one that would fill the memory, or no annotation in it.
    """
    content = content_of(Path(path), SOURCE)
    _check_size(content, path)
    from scipy.io import loadmat

    try:
        annotation = loadmat(BytesIO(content), variable_names=("anno",))["anno"][0, 0]
        return [_thing(item) for item in annotation["objects"].reshape(-1)]
    except Exception as error:  # a damaged file may fail anywhere in the reader, with any error
        raise UserError(f"{path}: no PASCAL-Part annotation ({' '.join(str(error).split()) or type(error).__name__}); "
                        f"take it from {SOURCE} again") from None


def _thing(item: Any) -> Thing:
    mask = _mask(item["mask"])
    parts = item["parts"].reshape(-1) if item["parts"].size else ()
    named = [(str(part["part_name"][0]), _mask(part["mask"])) for part in parts]
    for name, part in named:
        if part.shape != mask.shape:
            raise ValueError(f"the mask of {name} is {part.shape[1]}x{part.shape[0]} pixels, its object's "
                             f"{mask.shape[1]}x{mask.shape[0]}")
    return Thing(str(item["class"][0]), mask, named)


def _mask(values: np.ndarray) -> np.ndarray:
    if values.ndim != 2 or values.dtype.kind not in "buif":
        raise ValueError("a mask that is no matrix of numbers")
    return values > 0


def _check_size(content: bytes, path: Path | str) -> None:
    """Walk over the compressed elements and count what they hold, before a reader keeps it."""
    place, total = _HEADER, 0
    order = "big" if content[126:128] == b"MI" else "little"
    while place + _TAG <= len(content):
        kind, size = (int.from_bytes(content[place + i:place + i + 4], order) for i in (0, 4))
        if kind == _COMPRESSED:
            total += _inflated(content[place + _TAG:place + _TAG + size], _INFLATED_LIMIT - total)
        if total > _INFLATED_LIMIT:
            raise UserError(f"{path} holds more than {_INFLATED_LIMIT >> 20} MiB of masks; take it from {SOURCE} again")
        place += _TAG + size


def _inflated(packed: bytes, limit: int) -> int:
    """Bytes that ``packed`` holds, counted to just above ``limit``. What is damaged is left for the reader to find."""
    inflate, total = zlib.decompressobj(), 0
    try:
        while packed and total <= limit:
            total += len(inflate.decompress(packed, 2**20))
            packed = inflate.unconsumed_tail
    except zlib.error:
        pass
    return total
