"""PASCAL-Part's annotation of one picture, a MATLAB file: objects, their masks, and masks of their parts."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import UserError
from .documents import content_of
from .matlab_arrays import Value, read_arrays

SOURCE = "the PASCAL-Part archive"


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
    try:
        annotations = _entries(read_arrays(content).get("anno"), "objects")
        if len(annotations) != 1:
            raise ValueError(f"{len(annotations)} annotations instead of one")
        return [_thing(*entry) for entry in _entries(*annotations[0], "class", "mask", "parts")]
    except ValueError as error:
        raise UserError(f"{path}: no PASCAL-Part annotation ({error}); take it from {SOURCE} again") from None


def _thing(kind: Value, mask: Value, parts: Value) -> Thing:
    whole = _mask(mask)
    named = [(_name(name), _mask(part)) for name, part in _entries(parts, "part_name", "mask")]
    for name, part in named:
        if part.shape != whole.shape:
            raise ValueError(f"the mask of {name[:40]!r} is {part.shape[1]}x{part.shape[0]} pixels, its object's "
                             f"{whole.shape[1]}x{whole.shape[0]}")
    return Thing(_name(kind), whole, named)


def _entries(structs: Value, *fields: str) -> list[tuple[Value, ...]]:
    """The fields of each entry of a struct array; MATLAB writes one without entries as an empty array of numbers."""
    if isinstance(structs, np.ndarray) and not structs.size:
        return []
    if not isinstance(structs, dict) or not structs.keys() >= set(fields):
        raise ValueError(f"no struct with {', '.join(fields)}")
    return list(zip(*(structs[field] for field in fields), strict=True))


def _name(value: Value) -> str:
    if not isinstance(value, str):
        raise ValueError("a name that is no text")
    return value


def _mask(values: Value) -> np.ndarray:
    if not isinstance(values, np.ndarray) or values.ndim != 2:
        raise ValueError("a mask that is no matrix of numbers")
    return values > 0
