"""The image to explain: any photograph, or one of the data set's own, as the model sees it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from warnings import catch_warnings

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ...datasets import PartDataset, Sample, view
from ...errors import UserError
from .subject import Subject

_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
_LARGE = 16_000_000  # pixels; a larger JPEG is decoded at a fraction
_LONGEST = 4  # times the shorter side: the model sees the centre square, and a strip enlarged to it may fill the memory


@dataclass(frozen=True)
class Photograph:
    """What is explained.

    Attributes:
        name: file name or image id.
        image: uint8 [3, S, S], as the model sees it.
        label: its class; None where that is not known.
        split: where the data set has it; empty where it is none of the data set's.
    """

    name: str
    image: Tensor
    label: int | None = None
    split: str = ""


def photograph(given: str, subject: Subject) -> Photograph:
    """A picture file, or else an image id of the run's data set.

    A file of the data set counts as the data set's image. Any other is turned upright as its EXIF data say, and stands
    on white where it is transparent.

    Raises:
        UserError: neither a file nor an id; damaged, no picture, or too large to open.
    """
    side, path, data = subject.spec.image_size, Path(given).expanduser(), subject.data
    as_seen = view("full", side)
    for split, index in _places(given, path, data):
        sample = as_seen(data[split].read(index, masks=False))
        name = f"{path.name}, image {sample.id}" if path.is_file() else f"image {sample.id}"
        return Photograph(name, sample.image, sample.label, split)
    if not path.exists():
        searched = (f"and no image of {data.name} has this id" if data is not None else
                    f"and image ids are not known without the data: {subject.without_data}")
        raise UserError(f"no picture at '{given}', {searched}; give a picture file or an image id")
    image = torch.from_numpy(_decode(path, side)).permute(2, 0, 1).contiguous()
    stranger = Sample(path.name, image, -1, (0.0, 0.0, 1.0, 1.0), torch.zeros(0, 2), torch.zeros(0, dtype=torch.bool))
    return Photograph(path.name, as_seen(stranger).image)


def _places(given: str, path: Path, data: PartDataset | None) -> Iterator[tuple[str, int]]:
    """Where the data set has the image: (split, index)."""
    if data is None:
        return
    file = os.path.realpath(path) if path.is_file() else None
    for split in ("train", "val", "test"):
        names = data[split].ids if file is None else data[split].images
        for index, name in enumerate(names):
            if name == given if file is None else _same(name, file):
                yield split, index


def _same(image: str, file: str) -> bool:
    # Names first: resolving the links of every image of a data set takes long.
    return os.path.basename(image) == os.path.basename(file) and os.path.realpath(image) == file


def _decode(path: Path, side: int) -> np.ndarray:
    """A stranger's picture as uint8 [H, W, 3], RGB."""
    try:
        with catch_warnings(action="ignore"), Image.open(path, formats=_FORMATS) as picture:
            if picture.width * picture.height > _LARGE:
                picture.draft("RGB", (4 * side, 4 * side))
            return np.array(_flat(_middle(ImageOps.exif_transpose(picture))))
    except Image.DecompressionBombError:
        raise UserError(f"image {path} has more than {2 * Image.MAX_IMAGE_PIXELS:,} pixels; shrink it first") from None
    except Exception as error:  # a damaged file may fail anywhere in a decoder, with any error
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"image {path} cannot be read ({reason}); give a whole picture as {', '.join(_FORMATS)}"
                        ) from None


def _middle(picture: Image.Image) -> Image.Image:
    """A strip without its far ends, which the model does not see."""
    width, height = picture.size
    longest = _LONGEST * min(width, height)
    if max(width, height) <= longest:
        return picture
    left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
    return picture.crop((left, top, min(width, left + longest), min(height, top + longest)))


def _flat(picture: Image.Image) -> Image.Image:
    """Eight bits a channel, RGB, white where it is transparent."""
    if picture.mode.startswith("I"):  # 16 bits of grey
        picture = Image.fromarray((np.asarray(picture).clip(0, 65535) // 257).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")
