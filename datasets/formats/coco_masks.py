"""Masks in COCO's format: polygons, and run lengths plain or compressed.

A pixel belongs to a polygon if its centre does, by the even-odd rule; pixel i covers [i, i + 1), as everywhere here.
Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import UserError

# One shape: the corners of a polygon, float32 [M, 2], or run lengths down the columns, int64 [R], first of zeros.
Shape = np.ndarray
_FARTHEST = 1e6


def shapes_of(segmentation: Any, box: Any, height: int, width: int, where: str) -> list[Shape]:
    """The shapes of one annotation, whose union is its mask.

    A polygon of four numbers, which PartImageNet has in places, stands for the annotation's box, as in Aniraj et
    al., "PDiscoFormer", ECCV 2024.

    Args:
        segmentation: the member of that name: a list of polygons, or ``{"counts", "size"}``.
        box: the member ``bbox``: (x, y, width, height).
        where: file and place, for messages.

    Raises:
        UserError: fewer than three corners, numbers that are not finite, a polygon outside the picture, run lengths
            that do not add up to the picture.
    """
    if isinstance(segmentation, dict):
        return [_runs(segmentation, height, width, where)]
    if not isinstance(segmentation, list) or not segmentation:
        raise UserError(f"{where}: segmentation holds no polygon; remove the annotation or give it one")
    return [_polygon(_box_corners(box, where) if isinstance(item, list) and len(item) == 4 else item,
                     height, width, where) for item in segmentation]


def mask_of(shapes: Sequence[Shape], height: int, width: int) -> np.ndarray:
    """The union of shapes as bool [H, W]."""
    mask = np.zeros((height, width), bool)
    for shape in shapes:
        mask |= _fill(shape, height, width) if shape.ndim == 2 else _expand(shape, height, width)
    return mask


def _polygon(numbers: Any, height: int, width: int, where: str) -> Shape:
    corners = _numbers(numbers, where)
    if len(corners) < 6 or len(corners) % 2:
        raise UserError(f"{where}: a polygon of {len(corners)} numbers; three corners or more are x and y in turn")
    corners = corners.reshape(-1, 2)
    (left, top), (right, bottom) = corners.min(0), corners.max(0)
    if right < 0 or bottom < 0 or left > width or top > height:
        raise UserError(f"{where}: a polygon outside the picture of {width}x{height} pixels; take picture and "
                        "annotation from the same release")
    return corners


def _box_corners(box: Any, where: str) -> list[float]:
    numbers = _numbers(box, where)
    if len(numbers) != 4 or (numbers[2:] <= 0).any():
        raise UserError(f"{where}: bbox is no (x, y, width, height); take the file from the archive again")
    x, y, width, height = numbers.tolist()
    return [x, y, x, y + height, x + width, y + height, x + width, y]


def _numbers(values: Any, where: str) -> np.ndarray:
    """float32 [M]; any other content is an error."""
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise UserError(f"{where}: a polygon or box that is no list of numbers; take the file from the archive again")
    # The comparison also fails for what is not a number.
    if not all(-_FARTHEST < value < _FARTHEST for value in values):
        raise UserError(f"{where}: a coordinate that is not finite or far away; take the file from the archive again")
    return np.array(values, np.float32)


def _runs(segmentation: dict, height: int, width: int, where: str) -> Shape:
    counts, size = segmentation.get("counts"), segmentation.get("size")
    if size != [height, width]:
        raise UserError(f"{where}: run lengths for size {str(size)[:40]}, the picture is {height} high and {width} "
                        "wide; take picture and annotation from the same release")
    if isinstance(counts, str):
        counts = _uncompressed(counts)
    if not isinstance(counts, list) or not all(type(count) is int and 0 <= count <= height * width for count in counts):
        raise UserError(f"{where}: counts are no run lengths; take the file from the archive again")
    if sum(counts) != height * width:
        raise UserError(f"{where}: run lengths add up to {sum(counts)} of {height * width} pixels; take the file from "
                        "the archive again")
    return np.array(counts, np.int64)


def _uncompressed(text: str) -> list[int] | None:
    """COCO's compressed run lengths: five bits a character, lowest first, and from the third on differences to the
    run before the last. None where the text is cut short or holds other characters."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 60:
            return None
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return None if shift else counts


def _fill(corners: np.ndarray, height: int, width: int) -> np.ndarray:
    """Even-odd rule at pixel centres: each edge flips every pixel to the right of it."""
    start = corners.astype(np.float64)
    end = np.roll(start, -1, 0)
    low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
    first = np.ceil(low - 0.5).clip(0, height).astype(int)
    last = np.ceil(high - 0.5).clip(0, height).astype(int)
    edge = np.repeat(np.arange(len(start)), last - first)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(last - first) - last, last - first)
    (x, y), (dx, dy) = start[edge].T, (end - start)[edge].T
    column = np.ceil(x + (row + 0.5 - y) * dx / dy - 0.5).clip(0, width).astype(int)
    top, bottom = first.min(), last.max()
    flips = np.bincount((row - top) * (width + 1) + column, minlength=(bottom - top) * (width + 1)) % 2 == 1
    mask = np.zeros((height, width), bool)
    mask[top:bottom] = np.logical_xor.accumulate(flips.reshape(-1, width + 1), 1)[:, :width]
    return mask


def _expand(counts: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(width, height).T
