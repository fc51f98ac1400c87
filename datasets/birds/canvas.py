"""A canvas that knows what it shows: every polygon has its number, so colours, masks and outlines agree exactly.

Polygons are painted on a grid three times as fine as the picture and averaged: antialiased, in whole numbers, and so
the same on every machine. Masks are read at the pixels' centres.
"""

import numpy as np
from PIL import Image, ImageDraw

from .parts import NOTHING

FINE = 3  # odd: a pixel's centre is a point of the fine grid
_COLOURS = 256
OBJECT, SCENERY = 1, 0


class Canvas:
    """Paints polygons in picture units (the side is 1) over a backdrop.

    Args:
        size: side in pixels.
    """

    def __init__(self, size: int):
        self.size = size
        self._fine = size * FINE
        self._numbers = Image.new("L", (self._fine, self._fine))
        self._draw = ImageDraw.Draw(self._numbers)
        self._palette: dict[tuple, int] = {}

    def paint(self, points: np.ndarray, colour: tuple[int, int, int], part: int = NOTHING, kind: int = SCENERY) -> None:
        """Fill a polygon [V, 2]; ``part`` is its place in the list of parts, ``kind`` says whether it is the bird."""
        # Number 0 is the backdrop. A scene has far fewer colours than the palette; more would share the last.
        number = self._palette.setdefault((colour, part, kind), min(len(self._palette) + 1, _COLOURS - 1))
        self._draw.polygon(np.rint(points * self._fine).astype(np.float32), fill=number)

    def picture(self, backdrop: Image.Image) -> np.ndarray:
        """Everything painted, over ``backdrop`` (RGB, any size): uint8 [size, size, 3]."""
        shape = self._numbers.size
        painted = Image.frombytes("P", shape, self._numbers.tobytes())
        painted.putpalette([0, 0, 0, *(channel for colour, _, _ in self._palette for channel in colour)])
        under = backdrop.resize(shape, Image.Resampling.BILINEAR)
        covered = self._numbers.point([0] + [255] * (_COLOURS - 1))
        whole = Image.composite(painted.convert("RGB"), under, covered)
        return np.asarray(whole.reduce(FINE))

    def masks(self, parts: int) -> tuple[np.ndarray, np.ndarray]:
        """What the pixels' centres show: part masks bool [parts, size, size] and object mask bool [size, size]."""
        centre = np.asarray(self._numbers)[FINE // 2::FINE, FINE // 2::FINE]
        part_of = np.full(_COLOURS, NOTHING, np.int16)
        is_object = np.zeros(_COLOURS, bool)
        for (_, part, kind), number in self._palette.items():
            part_of[number], is_object[number] = part, kind == OBJECT
        return part_of[centre] == np.arange(parts)[:, None, None], is_object[centre]
