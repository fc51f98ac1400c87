"""Pictures of a level's parts with names and colours that stay the same on every image, and their legend."""

from collections.abc import Sequence
from html import escape

import numpy as np

from . import pictures
from .explanations import Maps


class PartPictures:
    """Colours and names of a level's parts.

    Ids shared by the images name the part; ids that belong to a class (more of them than maps) are counted from 1 anew
    on every image.
    """

    def __init__(self, level: Maps):
        self.level = level
        ids, count = np.unique(level.ids), level.ids.shape[1]
        self.shared = len(ids) <= count
        self.names = [str(i) for i in ids] if self.shared else [str(k + 1) for k in range(count)]
        self.colours = pictures.colours(len(self.names))
        self._index = {int(i): k for k, i in enumerate(ids)} if self.shared else {}

    def draw(self, image: np.ndarray, i: int) -> bytes:
        """JPEG of the parts on the ``i``-th image, uint8 [3, S, S]."""
        names, palette = self._on(i)
        if self.level.background is None:
            return pictures.peaks(image, self.level.maps[i], names, palette)
        return pictures.assignment(image, self.level.maps[i], self.level.background[i], names, palette)

    def legend(self) -> str:
        """Colours and names as a list."""
        swatches = "".join(f'<li><span style="background:rgb{colour}"></span>{escape(name)}</li>'
                           for name, colour in zip(self.names, self.colours, strict=True))
        what = "part" if self.shared else "map of the predicted class"
        return f'<ul class="legend" aria-label="colours of the parts"><li>{what}:</li>{swatches}</ul>'

    def _on(self, i: int) -> tuple[Sequence[str], Sequence[pictures.Colour]]:
        ids = self.level.ids[i]
        of = [self._index[int(part)] for part in ids] if self.shared else list(range(len(self.names)))
        return [self.names[k] for k in of], [self.colours[k] for k in of]
