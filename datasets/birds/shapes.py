"""The bird as flat shapes: every limb in a frame of its own, drawn for one combination of traits.

Frames: x towards the beak, y down, the body is about 1 long. A limb's shapes are painted in the order of their
``layer``, of which no two parts share one, so that one class's part can be put into another class's bird.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from .traits import TRAITS, Traits

Points = np.ndarray


@dataclass(frozen=True, eq=False)
class Shape:
    """A filled polygon.

    Attributes:
        part: as in :mod:`.parts`, but ``eye``, ``leg`` and ``wing`` without their side; None for cheeks.
        layer: painted from low to high.
        colour: name in the palette, with ``dark`` or ``light`` before it for lines and highlights.
        points: float [V, 2].
    """

    part: str | None
    layer: int
    colour: str
    points: Points


def smooth(points: list[tuple[float, float]], steps: int = 5) -> Points:
    """A closed Catmull-Rom curve through ``points``, as a polygon of ``steps`` corners a piece."""
    p = np.asarray(points, float)
    before, after, next_ = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
    t = (np.arange(steps) / steps)[:, None, None]
    curve = 0.5 * (2 * p + (after - before) * t + (2 * before - 5 * p + 4 * after - next_) * t**2
                   + (3 * p - before - 3 * after + next_) * t**3)
    return curve.transpose(1, 0, 2).reshape(-1, 2)


def ellipse(x: float, y: float, width: float, height: float, corners: int = 14) -> Points:
    """An ellipse with its half axes."""
    angle = np.arange(corners) * (2 * np.pi / corners)
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], 1)


def grown(points: Points, by: float) -> Points:
    """A polygon moved outward by about ``by``: the dark line around a limb."""
    centre = points.mean(0)
    offset = points - centre
    return centre + offset * (1 + by / np.linalg.norm(offset, axis=1, keepdims=True).clip(0.05))


_BODY = smooth([(0.50, 0.00), (0.38, 0.25), (0.05, 0.36), (-0.32, 0.22), (-0.56, -0.03), (-0.30, -0.20),
                (0.06, -0.28), (0.38, -0.24)])  # clockwise from the breast, 40 corners
_HEAD = ellipse(0, 0, 0.22, 0.21, 36)  # 10 degrees a corner, clockwise from the beak


def _slice(outline: Points, start: int, stop: int, inner: float) -> Points:
    """The part of an outline from corner ``start`` to ``stop``, as deep as ``1 - inner``."""
    arc = outline[np.arange(start, stop + 1) % len(outline)]
    return np.concatenate([arc, arc[::-1] * inner])


def at(limb: str, corner: int, depth: float) -> tuple[float, float]:
    """A point on the way from a limb's centre to a corner of its outline."""
    x, y = {"body": _BODY, "head": _HEAD}[limb][corner] * depth
    return float(x), float(y)


@cache
def _limbs(key: tuple[str, ...]) -> dict[str, tuple[Shape, ...]]:
    from . import plumage

    traits = dict(zip(TRAITS, key, strict=True))
    drawn = {
        "body": plumage.body(traits, _BODY, _slice),
        "head": plumage.head(traits, _HEAD, _slice),
        "folded wing": plumage.wing(traits, raised=False),
        "raised wing": plumage.wing(traits, raised=True),
        "tail": plumage.tail(traits),
        "leg": plumage.leg(traits),
    }
    return {limb: tuple(sorted(shapes, key=lambda shape: shape.layer)) for limb, shapes in drawn.items()}


def limbs(traits: Traits) -> dict[str, tuple[Shape, ...]]:
    """Shapes of every limb for one class: body, head, folded wing, raised wing, tail, leg."""
    return _limbs(tuple(traits[name] for name in TRAITS))
