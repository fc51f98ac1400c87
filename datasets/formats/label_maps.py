"""Part masks as label maps: PNG files beside the pictures' relative paths, in which value k is part k."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from ...errors import UserError
from ..images import mask_labels
from ..remembered import key_of, remembered
from .folder_listing import pictures_below

UNKNOWN = 255
"""The value of pixels that nobody labelled, as in PASCAL VOC."""


@dataclass(frozen=True)
class LabelMaps:
    """Masks of row ``i``: those of ``values``, in their order, and the object, which is all parts together.

    Attributes:
        paths: N files.
        values: value of each part.
        largest: the largest value that has a meaning.
    """

    paths: Sequence[str]
    values: Sequence[int]
    largest: int

    def __call__(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Part masks bool [P, H, W] and the object's mask bool [H, W].

        Raises:
            UserError: no grey or palette picture, or a value that stands for no part.
        """
        labels = mask_labels(self.paths[row])
        strange = labels[(labels > self.largest) & (labels != UNKNOWN)]
        if len(strange):
            raise UserError(f"{self.paths[row]} holds the value {strange[0]}, but there are {self.largest} parts; name "
                            "the part or mend the mask")
        parts = labels == np.array(self.values)[:, None, None]
        return parts, parts.any(0)


def label_maps(root: Path, folder: str, pictures: Sequence[str], names: Sequence[str] | None,
               parts: Sequence[str] | None) -> tuple[LabelMaps, list[str]]:
    """The maps of all pictures, and the names of their parts.

    Args:
        folder: in ``root``; holds a PNG file at each picture's relative path.
        names: of parts 1, 2, ...; None: those of ``parts``, else ``part_1``, ``part_2``, ... up to the largest value.
        parts: names and order that keypoint files give; None: there are none.

    Raises:
        UserError: maps are missing, hold no part, or name other parts than the keypoint files.
    """
    wanted = [f"{folder}/{PurePosixPath(path).with_suffix('.png')}" for path in pictures]
    there = set(pictures_below(root, f"{folder}/"))
    missing = [path for path in wanted if path not in there]
    if missing:
        raise UserError(f"{len(missing)} pictures of {root} have no part mask, such as {missing[0]!r}; add one for "
                        "each, empty where no part is seen")
    paths = [f"{root}/{path}" for path in wanted]
    names = names or parts or [f"part_{value}" for value in range(1, _largest(root / folder, paths) + 1)]
    if parts is not None and set(names) != set(parts):
        odd = sorted(set(names) ^ set(parts))
        raise UserError(f"parts.txt and the keypoint file differ in {odd}; name the same parts in both")
    parts = list(names if parts is None else parts)
    return LabelMaps(paths, [names.index(part) + 1 for part in parts], len(names)), parts


def _largest(folder: Path, paths: Sequence[str]) -> int:
    def compute() -> dict[str, np.ndarray]:
        return {"largest": np.array(max(int(_known(mask_labels(path)).max(initial=0)) for path in paths))}

    largest = int(remembered(key_of("largest-label-1", paths), compute)["largest"])
    if not largest:
        raise UserError(f"no map in {folder} holds a part; write value k where part k is")
    return largest


def _known(labels: np.ndarray) -> np.ndarray:
    return labels[labels != UNKNOWN]
