"""Part masks as keypoints, for the metrics that know only points."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..remembered import remembered

if TYPE_CHECKING:
    from ..base import Masks

log = logging.getLogger("partbench")


def keypoints_of(read_masks: "Callable[[int], Masks]", rows: int, parts: int,
                 key: str | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every part's keypoint: the centroid of its visible pixels.

    Where the centroid lies outside a part (a curved tail, two feet that count as one part), the keypoint is the
    centre of the part's pixel nearest to it, so that every keypoint lies on its part.

    Args:
        read_masks: row -> (part masks bool [P, H, W] or None, object mask); see :class:`~.base.Annotations`.
        rows: number of pictures N.
        parts: number of parts P.
        key: under which the result is remembered on disk, see :func:`~.remembered.key_of`; None: not remembered.

    Returns:
        keypoints float32 [N, P, 2] as (x, y) in continuous pixels (a pixel's centre is at i + 0.5; zeros where the
        part is not visible), visible bool [N, P], and boxes float64 [N, 4] as (x, y, width, height) around all
        parts, a row of NaN where none is visible.
    """
    def compute() -> dict[str, np.ndarray]:
        log.info("reading the part masks of %d pictures, once", rows)
        found = [locate(read_masks(row)[0], parts) for row in range(rows)]
        return stacked(found, parts)

    values = compute() if key is None else remembered(key, compute)
    return values["keypoints"], values["visible"], values["boxes"]


def locate(masks: np.ndarray | None, parts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One picture's keypoints float32 [P, 2], visible bool [P] and box float64 [4]; see :func:`keypoints_of`."""
    keypoints, visible = np.zeros((parts, 2), np.float32), np.zeros(parts, bool)
    if masks is None:
        return keypoints, visible, np.full(4, np.nan)
    if len(masks) != parts:
        raise ValueError(f"{len(masks)} part masks for {parts} parts")
    for part, mask in enumerate(masks):
        if mask.any():
            keypoints[part], visible[part] = _point_on(mask), True
    return keypoints, visible, box_around(masks.any(0))


def stacked(found: list[tuple[np.ndarray, np.ndarray, np.ndarray]], parts: int) -> dict[str, np.ndarray]:
    """What :func:`locate` found on N pictures, as arrays ``keypoints``, ``visible`` and ``boxes``."""
    keypoints, visible, boxes = zip(*found, strict=True) if found else ((), (), ())
    return {"keypoints": np.array(keypoints, np.float32).reshape(-1, parts, 2),
            "visible": np.array(visible, bool).reshape(-1, parts),
            "boxes": np.array(boxes, np.float64).reshape(-1, 4)}


def box_around(mask: np.ndarray) -> np.ndarray:
    """(x, y, width, height) around the True pixels of [H, W], float64 [4]; NaN where there are none."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    if not len(columns):
        return np.full(4, np.nan)
    return np.array([columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]], np.float64)


def _point_on(mask: np.ndarray) -> tuple[float, float]:
    ys, xs = np.nonzero(mask)
    x, y = xs.mean(), ys.mean()
    if not mask[int(y + 0.5), int(x + 0.5)]:
        nearest = np.argmin((xs - x) ** 2 + (ys - y) ** 2)
        x, y = xs[nearest], ys[nearest]
    return x + 0.5, y + 0.5
