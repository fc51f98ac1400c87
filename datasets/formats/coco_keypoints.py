"""Keypoints and boxes in COCO's JSON format, one object a picture.

Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014; format: https://cocodataset.org/#format-data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, FiniteFloat, ValidationError

from ...errors import UserError

Id = int | str


class _Image(BaseModel):
    id: Id
    file_name: str


class _Annotation(BaseModel):
    image_id: Id
    category_id: Id
    keypoints: list[FiniteFloat]
    bbox: list[FiniteFloat] | None = None
    iscrowd: int = 0


class _Category(BaseModel):
    id: Id
    keypoints: list[str] = []


class _File(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


@dataclass(frozen=True)
class CocoKeypoints:
    """One object for each picture.

    Attributes:
        parts: names of the keypoints, in the order in which the files' categories name them.
        keypoints: float32 [N, P, 2] as the files have them, counted as continuous pixels; zeros where not visible.
        visible: bool [N, P]: v = 2; a keypoint that is marked but hidden (v = 1) does not count as visible.
        boxes: float64 [N, 4]; NaN without a box.
    """

    parts: list[str]
    keypoints: np.ndarray
    visible: np.ndarray
    boxes: np.ndarray


def read_coco(files: Mapping[Path, bytes], names: Mapping[Path, str], paths: Sequence[str]) -> CocoKeypoints:
    """Keypoints of the pictures at ``paths``; a picture that no file annotates shows nothing.

    Of several objects in a picture the one with the largest box counts, and crowds never do.

    Args:
        files: path -> content.
        names: path -> what stands before the file's ``file_name`` in ``paths``: ``""`` or ``"train/"``.
        paths: N relative paths of pictures.

    Raises:
        UserError: no JSON of this form, a number that is not finite, an id that is not there or there twice, or a
            picture that is not there.
    """
    parsed = {path: _parse(path, content) for path, content in files.items()}
    parts = list(dict.fromkeys(name for file in parsed.values() for kind in file.categories for name in kind.keypoints))
    if not parts:
        raise UserError(f"{min(files)}: no category names keypoints; write their names into categories[].keypoints")
    rows = {path: row for row, path in enumerate(paths)}
    found = CocoKeypoints(parts, np.zeros((len(paths), len(parts), 2), np.float32),
                          np.zeros((len(paths), len(parts)), bool), np.full((len(paths), 4), np.nan))
    seen: dict[int, Path] = {}
    for path, file in parsed.items():
        images = _rows(path, file, names[path], rows, seen)
        _fill(found, path, file, images)
    if not found.visible.any():
        raise UserError(f"{min(files)}: no keypoint is visible; mark visible ones with v = 2")
    return found


def _parse(path: Path, content: bytes) -> _File:
    try:
        return _File.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in first["loc"]).lstrip(".")
        raise UserError(f"{path}{': ' * bool(where)}{where}: {first['msg']}; write COCO's keypoint format") from None


def _rows(path: Path, file: _File, within: str, rows: Mapping[str, int], seen: dict[int, Path]) -> dict[Id, int]:
    """Image id -> row."""
    images: dict[Id, int] = {}
    for i, image in enumerate(file.images):
        row = rows.get(within + image.file_name)
        if row is None:
            raise UserError(f"{path}: images[{i}].file_name {image.file_name!r} is no picture there; write it relative "
                            "to the folder of this file, or remove it")
        if image.id in images:
            raise UserError(f"{path}: images[{i}].id {image.id!r} stands there twice; keep one")
        if row in seen:
            raise UserError(f"{path}: images[{i}].file_name {image.file_name!r} is in {seen[row]} already; keep one")
        images[image.id], seen[row] = row, path
    return images


def _fill(found: CocoKeypoints, path: Path, file: _File, images: Mapping[Id, int]) -> None:
    kinds = {kind.id: [found.parts.index(name) for name in kind.keypoints] for kind in file.categories}
    area: dict[int, float] = {}
    for i, annotation in enumerate(file.annotations):
        where = f"{path}: annotations[{i}]"
        if annotation.image_id not in images:
            raise UserError(f"{where}.image_id {annotation.image_id!r} is not among the images; add it or remove this")
        if annotation.category_id not in kinds:
            raise UserError(f"{where}.category_id {annotation.category_id!r} is not among the categories; add it or "
                            "remove this")
        points, box = _object(where, annotation, kinds[annotation.category_id])
        row, size = images[annotation.image_id], float(box[2] * box[3]) if np.isfinite(box[0]) else 0.0
        if annotation.iscrowd or (row in area and size <= area[row]):
            continue
        area[row] = size
        parts = kinds[annotation.category_id]
        shown = points[:, 2] == 2
        found.boxes[row], found.keypoints[row], found.visible[row] = box, 0, False
        found.keypoints[row, parts] = np.where(shown[:, None], points[:, :2], 0)
        found.visible[row, parts] = shown


def _object(where: str, annotation: _Annotation, parts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints [K, 3] as (x, y, v) and a box [4]."""
    if len(annotation.keypoints) != 3 * len(parts):
        raise UserError(f"{where}.keypoints has {len(annotation.keypoints)} numbers; write x, y, v for each of the "
                        f"{len(parts)} keypoints of its category")
    points = np.array(annotation.keypoints).reshape(-1, 3)
    if not np.isin(points[:, 2], (0, 1, 2)).all():
        raise UserError(f"{where}.keypoints has a v that is not 0, 1 or 2; write 0: not marked, 1: hidden, 2: visible")
    if annotation.bbox is None:
        return points, np.full(4, np.nan)
    if len(annotation.bbox) != 4 or min(annotation.bbox[2:]) <= 0:
        raise UserError(f"{where}.bbox is {annotation.bbox}; write x, y, width, height, with positive sizes")
    return points, np.array(annotation.bbox)
