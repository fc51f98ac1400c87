"""Annotations in the XML of PASCAL VOC: the boxes of the objects on a picture."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ...errors import UserError
from .documents import content_of

_MEND = "take it from the archive again"
_SIDES = ("xmin", "ymin", "xmax", "ymax")


def read_boxes(path: Path | str) -> tuple[bytes, np.ndarray]:
    """The file's bytes, and its boxes as float64 [objects, 4], (x, y, width, height), in the file's order.

    Corners are read as edges, from 0: ImageNet's boxes, which have this format, go from 0 to the picture's width.

    Raises:
        UserError: missing, no XML, a document type (which could make a parser expand or fetch things), or a box
            whose sides are missing, not finite or in the wrong order.
    """
    content = content_of(Path(path), "the archive")
    try:
        text = content.decode("utf-8-sig")
        if "<!DOCTYPE" in text:
            raise UserError(f"{path} declares a document type, which annotations have no use for; {_MEND}")
        found = ElementTree.fromstring(text).iterfind("object/bndbox")
    except (ValueError, ElementTree.ParseError) as error:
        raise UserError(f"{path} is no XML ({' '.join(str(error).split())}); {_MEND}") from None
    return content, np.array([_box(path, box) for box in found]).reshape(-1, 4)


def _box(path: Path | str, box: ElementTree.Element) -> tuple[float, float, float, float]:
    sides = []
    for side in _SIDES:
        written = box.findtext(side, "")
        try:
            sides.append(float(written))
        except ValueError:
            raise UserError(f"{path}: {side} of a box is {written[:40]!r}; {_MEND}") from None
    left, top, right, bottom = sides
    if not (np.isfinite(sides).all() and left < right and top < bottom):
        raise UserError(f"{path}: a box from ({left:g}, {top:g}) to ({right:g}, {bottom:g}) holds nothing; {_MEND}")
    return left, top, right - left, bottom - top
