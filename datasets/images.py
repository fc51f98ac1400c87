"""Picture files: decoding that never guesses, and a check that is cheap enough for every file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"RIFF", b"II*\0", b"MM\0*")
_JPEG_END = b"\xff\xd9"
_PNG_END = b"IEND\xaeB`\x82"
_MEND = "put a fresh copy in its place"


def decode(path: Path | str) -> Tensor:
    """The picture as uint8 [3, H, W], RGB.

    Greyscale, palette and CMYK files become RGB; an EXIF orientation is not applied, because annotations
    are given in the pixels as stored.

    Raises:
        UserError: missing, truncated or corrupt beyond decoding, or not a picture. (Damage inside a JPEG stream
            that leaves it decodable cannot be told from content.)
    """
    import torch

    return torch.from_numpy(_pixels(path, "RGB")).permute(2, 0, 1).contiguous()


def decode_colours(path: Path | str) -> np.ndarray:
    """The picture as uint8 [H, W, 3], RGB, as :func:`decode` but without torch.

    Raises:
        UserError: as :func:`decode`.
    """
    return _pixels(path, "RGB")


def decode_resized(path: Path | str, width: int, height: int) -> np.ndarray:
    """The picture squashed to uint8 [height, width, 3], RGB, antialiased; a large JPEG is decoded at a fraction.

    Raises:
        UserError: as :func:`decode`.
    """
    from PIL import Image

    try:
        with Image.open(path, formats=_FORMATS) as picture:
            # Twice the size that is wanted: the rest of the way is filtered well. None: nothing to save.
            _, whole = picture.draft("RGB", (2 * width, 2 * height)) or (None, None)
            return np.array(picture.convert("RGB").resize((width, height), Image.Resampling.BILINEAR, whole))
    except Exception as error:  # as in _pixels
        raise UserError(f"image {path}: {_reason(error)}; {_MEND}") from None


def decode_mask(path: Path | str, threshold: int = 200) -> np.ndarray:
    """An 8-bit mask as bool [H, W], True above ``threshold``: annotators of CUB disagree by shades of grey.

    Raises:
        UserError: as :func:`decode`.
    """
    return _pixels(path, "L") > threshold


def mask_labels(path: Path | str) -> np.ndarray:
    """A mask file's values as stored, uint8 or uint16 [H, W]: grey values, or indices of a palette.

    Raises:
        UserError: as :func:`decode`.
    """
    return _pixels(path, None)


def image_shape(path: Path | str) -> tuple[int, int]:
    """(H, W) from the file's header, without decoding.

    Raises:
        UserError: missing, or not a picture.
    """
    from PIL import Image

    try:
        with Image.open(path, formats=_FORMATS) as picture:
            return picture.height, picture.width
    except Exception as error:  # as in _pixels
        raise UserError(f"image {path}: {_reason(error)}; {_MEND}") from None


def check_images(paths: Iterable[Path | str]) -> None:
    """Find files that are missing, empty, not pictures or cut short, by their first and last bytes.

    Only a file whose end looks wrong is decoded, so 12,000 files take about a second.

    Raises:
        UserError: names the first such file, what is wrong with it, and how many there are.
    """
    _report((path, _fault(path)) for path in paths)


def image_sizes(paths: Iterable[Path | str]) -> list[int]:
    """Bytes of every file.

    Raises:
        UserError: files are missing; names the first, and how many.
    """
    sizes, missing = [], []
    for path in paths:
        try:
            sizes.append(os.stat(path).st_size)
        except (OSError, ValueError) as error:  # ValueError: a null byte in the name
            missing.append((path, _reason(error)))
    _report(missing)
    return sizes


def _report(faults: Iterable[tuple[Path | str, str | None]]) -> None:
    found = [(path, fault) for path, fault in faults if fault]
    if found:
        path, fault = found[0]
        others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise UserError(f"image {path}: {fault}{others}; {_MEND}{' of each' if others else ''}")


def _fault(path: Path | str) -> str | None:
    """What is wrong with a file, as far as its two ends tell."""
    try:
        with open(path, "rb", buffering=0) as file:
            head = file.read(16)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 8))
            tail = file.read(8)
    except (OSError, ValueError) as error:
        return _reason(error)
    if not size:
        return "empty file"
    if not head.startswith(_MAGIC):
        return f"not a picture (it begins with {head[:8]!r})"
    if tail.endswith((_JPEG_END, _PNG_END)):
        return None
    try:  # other formats, and JPEGs with bytes after their end
        _pixels(path, "RGB")
    except UserError as error:
        return str(error).removeprefix(f"image {path}: ").removesuffix(f"; {_MEND}")
    return None


def _pixels(path: Path | str, mode: str | None) -> np.ndarray:
    from PIL import Image

    # Pillow and not torchvision: what torchvision does with a truncated file depends on its version.
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            pixels = np.array(picture.convert(mode) if mode else picture)
    except Exception as error:  # a damaged file may fail anywhere in a decoder, with any error
        raise UserError(f"image {path}: {_reason(error)}; {_MEND}") from None
    if mode is None and pixels.ndim != 2:
        raise UserError(f"image {path}: a colour picture where a mask is expected; store one grey value per label")
    return pixels.astype(np.uint8) if pixels.dtype == bool else pixels


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "missing"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror})"
    if type(error).__name__ == "UnidentifiedImageError":
        return "not a picture"
    return f"damaged ({' '.join(str(error).split()) or type(error).__name__})"
