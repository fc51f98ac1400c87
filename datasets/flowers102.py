"""Oxford Flowers 102 as distributed: 102 kinds of flowers, an official validation set, segmentations, no parts.

Nilsback and Zisserman, "Automated Flower Classification over a Large Number of Classes", ICVGIP 2008. Reading needs no
torch and opens no picture.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from ..errors import UserError
from .base import PartDataset
from .cards.flowers102 import CARD
from .formats.flowers102_names import NAMES
from .formats.layout import data_folder
from .formats.matlab import MatlabFile
from .formats.without_parts import without_parts
from .images import decode_colours, image_sizes

_SETS = ("trnid", "valid", "tstid")
# Segmentations paint the background blue, and are JPEGs. At the flower's edge compression mixes the two.
_BLUE, _TOLERANCE = (0, 0, 254), 40


def read(root: Path | str, settings: BaseModel | None = None) -> PartDataset:
    """Read and check every annotation under ``root``.

    The official sets are used as they are: 10 training and 10 validation pictures of each class, the rest is for
    test. There are no boxes. Where segmim/ is unpacked, every picture has an object mask: see :class:`Segmentations`.

    Raises:
        UserError: names the file, the entry, and what to mend.
    """
    root = data_folder(root, CARD, ["imagelabels.mat", "setid.mat", "jpg"], inside=("flowers-102", "flowers102"))
    numbers = MatlabFile(root, "imagelabels.mat", ["labels"], CARD.title)
    sets = MatlabFile(root, "setid.mat", _SETS, CARD.title)
    labels = _labels(numbers)
    members = _members(sets, len(labels))
    masks = None
    if (root / "segmim").is_dir():
        masks = Segmentations([f"{root}/segmim/segmim_{i:05d}.jpg" for i in range(1, len(labels) + 1)])
        image_sizes(masks.paths)
    return without_parts(CARD, root, NAMES[:labels.max() + 1],
                         [f"jpg/image_{i:05d}.jpg" for i in range(1, len(labels) + 1)], labels, members == 0,
                         {file.name: file.content for file in (numbers, sets)}, val=members == 1, read_masks=masks)


def fingerprint(root: Path | str, settings: BaseModel | None = None) -> str:
    """Digest of annotations and picture sizes; checks the layout as :func:`read` does."""
    return read(root, settings).fingerprint


@dataclass(frozen=True)
class Segmentations:
    """The flower on row ``i``: all that is not the blue, (0, 0, 254), that ``paths[i]`` paints over the background.

    A pixel is background if none of its channels is further than 40 from that blue: found and true flower then have
    an IoU of at least 0.97 on JPEGs of drawn flowers, deep blue ones too. Published scores often demand the exact
    blue, which leaves the flower a fringe of pixels that compression has changed (IoU 0.89 to 0.96).
    """

    paths: list[str]

    def __call__(self, row: int) -> tuple[None, np.ndarray]:
        away = np.abs(decode_colours(self.paths[row]).astype(np.int16) - np.array(_BLUE, np.int16))
        return None, away.max(-1) > _TOLERANCE


def _labels(file: MatlabFile) -> np.ndarray:
    labels = file.whole_numbers("labels")
    if not len(labels):
        raise UserError(f"{file.path} holds no label; take it from the {CARD.title} page again")
    for entry in np.flatnonzero((labels < 1) | (labels > len(NAMES)))[:1]:
        file.fail("labels", entry, f"class {labels[entry]} does not exist; classes are 1 to {len(NAMES)}")
    return labels - 1


def _members(file: MatlabFile, pictures: int) -> np.ndarray:
    """The official set of each picture, int64 [N]: 0 train, 1 val, 2 test."""
    members = np.full(pictures, -1)
    for number, name in enumerate(_SETS):
        for entry, picture in enumerate(file.whole_numbers(name).tolist()):
            if not 1 <= picture <= pictures:
                file.fail(name, entry, f"picture {picture} does not exist; imagelabels.mat has 1 to {pictures}")
            if members[picture - 1] >= 0:
                file.fail(name, entry, f"picture {picture} is in {_SETS[members[picture - 1]]} already; keep one entry")
            members[picture - 1] = number
    for picture in np.flatnonzero(members < 0)[:1]:
        raise UserError(f"{file.path}: picture {picture + 1} is in none of {', '.join(_SETS)}; add it to one")
    return members
