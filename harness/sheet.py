"""A contact sheet: pictures of some classes, each beside itself with all that is annotated on it."""

import colorsys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from ..datasets import PartDataset, Sample
from ..errors import UserError

_TILE = 160  # pixels
_TINT = 0.55


def write_sheet(dataset: PartDataset, split: str, file: Path, classes: int, each: int) -> None:
    """Write ``classes`` rows of ``each`` pictures of a split, plain and annotated by turns, as a PNG.

    Annotated: part masks in one colour per part (else the object's mask), the box, a dot on every visible keypoint.

    Raises:
        UserError: the file cannot be written, or the split is empty.
    """
    labels = dataset[split].labels
    if not len(labels):
        raise UserError(f"split {split} of {dataset.name} holds no picture; choose another with --split")
    rows = [np.flatnonzero(labels == label)[:each] for label in np.unique(labels)[:classes]]
    sheet = Image.new("RGB", (2 * each * _TILE, len(rows) * _TILE), "white")
    for row, chosen in enumerate(rows):
        for column, index in enumerate(chosen):
            sample = dataset[split][int(index)]
            plain = Image.fromarray(sample.image.permute(1, 2, 0).numpy())
            for offset, picture in enumerate((plain, _annotated(sample, plain))):
                tile = ImageOps.contain(picture, (_TILE, _TILE))
                sheet.paste(tile, ((2 * column + offset) * _TILE, row * _TILE))
    try:
        sheet.save(file, format="PNG")
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}; name a file in a folder you may write to") from None


def _annotated(sample: Sample, plain: Image.Image) -> Image.Image:
    pixels = np.asarray(plain).copy()
    masks = sample.part_masks if sample.part_masks is not None else sample.object_mask
    if masks is not None:
        for number, mask in enumerate(masks.reshape(-1, *pixels.shape[:2]).numpy()):
            pixels[mask] = (1 - _TINT) * pixels[mask] + _TINT * np.array(_colour(number))
    picture = Image.fromarray(pixels)
    scale = max(1, _TILE // max(picture.size))
    picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(picture)
    x, y, width, height = (value * scale for value in sample.box)
    draw.rectangle((x, y, x + width, y + height), outline="white", width=scale)
    size = max(2, max(picture.size) // 60)
    for number in sample.visible.nonzero().flatten().tolist():
        x, y = (sample.keypoints[number] * scale).tolist()
        draw.ellipse((x - size, y - size, x + size, y + size), fill=_colour(number), outline="black")
    return picture


def _colour(number: int) -> tuple[int, int, int]:
    """Neighbouring numbers differ in hue by the golden ratio, and in brightness."""
    red, green, blue = colorsys.hsv_to_rgb(number * 0.618 % 1, 0.85, 1.0 if number % 2 else 0.75)
    return int(255 * red), int(255 * green), int(255 * blue)
