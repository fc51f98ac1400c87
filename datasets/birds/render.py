"""One picture of a bird, whole or with something changed, with all that is known of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from .canvas import OBJECT, Canvas
from .colours import Light
from .draws import Draws
from .parts import NOTHING, PARTS, part_number
from .pose import NECK, Move, Pose, draw_pose
from .scenery import backdrop, behind, front
from .shapes import Shape, limbs
from .traits import Traits

VISIBLE, OCCLUDED, OUT_OF_FRAME = 2, 1, 0
_FAR_SHADE = 0.82
_NOISE = 5  # grey levels each way


@dataclass(frozen=True)
class Change:
    """What is drawn otherwise than in the picture itself.

    Attributes:
        remove: parts that are left out; what they covered shows.
        swap: part -> traits of the class whose form and colour it takes.
        background: 0 is the picture's own.
    """

    remove: frozenset[str] = frozenset()
    swap: Mapping[str, Traits] = field(default_factory=dict)
    background: int = 0


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture and the truth about it.

    Attributes:
        image: uint8 [S, S, 3].
        keypoints: float32 [P, 2], pixels.
        visibility: int8 [P]: ``VISIBLE``, ``OCCLUDED`` (hidden by something, or turned away) or ``OUT_OF_FRAME``.
        part_masks: bool [P, S, S], disjoint.
        object_mask: bool [S, S].
        box: (x, y, width, height) of what is seen of the bird.
    """

    image: np.ndarray
    keypoints: np.ndarray
    visibility: np.ndarray
    part_masks: np.ndarray
    object_mask: np.ndarray
    box: tuple[float, float, float, float]


def render(name: Sequence[object], traits: Traits, size: int, change: Change | None = None) -> Drawing:
    """Draw the picture that ``name`` (version, seed, class, number ...) stands for."""
    change = change or Change()
    pose = draw_pose(Draws(*name, "pose"))
    light = Light(Draws(*name, "light"))
    canvas = Canvas(size)
    scenery = Draws(*name, "background", change.background)
    under = backdrop(scenery, light)
    behind(canvas, scenery, light, pose)
    _bird(canvas, pose, light, traits, change)
    front(canvas, Draws(*name, "front"), light)
    image = _finish(canvas.picture(under), Draws(*name, "finish"))
    part_masks, object_mask = canvas.masks(len(PARTS))
    keypoints, visibility = _keypoints(pose, part_masks, size)
    return Drawing(image, keypoints, visibility, part_masks, object_mask, _box(object_mask))


def _bird(canvas: Canvas, pose: Pose, light: Light, traits: Traits, change: Change) -> None:
    """Painter's order: what is far first."""
    sides = pose.sides
    wing = "raised wing" if pose.raised else "folded wing"
    order = [("far wing", wing), ("tail", "tail"), ("far leg", "leg"), ("near leg", "leg"), ("neck", ""),
             ("body", "body"), ("head", "head"), ("near wing", wing)]
    for place, limb in order:
        if place == "neck":
            shapes, move = _neck(pose, traits, change), Move.of()
        elif place in pose.moves:
            shapes, move = _changed(limb, traits, change, sides, place), pose.moves[place]
        else:
            continue
        shade = _FAR_SHADE if place.startswith("far") else 1.0
        for shape in shapes:
            part = _named(shape.part, sides, place)
            canvas.paint(move(shape.points), light.colour(shape.colour, shade),
                         NOTHING if part is None else part_number(part), OBJECT)


def _named(part: str | None, sides: Mapping[str, str], place: str) -> str | None:
    """A part with its side: ``wing`` of the near wing is the left or the right wing."""
    if part in ("wing", "leg"):
        return f"{sides[place]} {part}"
    return f"{sides['eye']} eye" if part == "eye" else part


def _changed(limb: str, traits: Traits, change: Change, sides: Mapping[str, str], place: str) -> list[Shape]:
    """A limb's shapes without what is removed, and with another class's parts where they are swapped."""
    def kept(shape: Shape) -> bool:
        part = _named(shape.part, sides, place)
        return part not in change.remove and part not in change.swap

    shapes = [shape for shape in limbs(traits)[limb] if kept(shape)]
    for part, other in change.swap.items():
        shapes += [shape for shape in limbs(other)[limb]
                   if _named(shape.part, sides, place) == part and part not in change.remove]
    return sorted(shapes, key=lambda shape: shape.layer) if change.swap else shapes


def _neck(pose: Pose, traits: Traits, change: Change) -> list[Shape]:
    """From body to head, in the picture's units: the nape behind, the throat in front."""
    body, head = pose.moves["body"], pose.moves["head"]
    base, top = body(np.array(NECK)), head.shift
    along = (top - base) / max(1e-6, float(np.hypot(*(top - base))))
    across = np.array([-along[1], along[0]])
    if across @ (body(np.array((1.0, 0.6))) - body(np.zeros(2))) < 0:
        across = -across
    unit = float(np.hypot(*body.linear[0]))
    found = []
    for part, side in (("nape", -1.0), ("throat", 1.0)):
        owner = change.swap.get(part, traits)
        if part not in change.remove:
            edge = across * side * unit
            points = np.array([base + edge * 0.21, top + edge * 0.19, top, base])
            found += [Shape(part, 0, f"dark {owner[f'{part} colour']}", points + edge * 0.02),
                      Shape(part, 1, owner[f"{part} colour"], points)]
    return found


def _finish(image: np.ndarray, draws: Draws) -> np.ndarray:
    """Light that falls from one side, and the noise of a camera; whole numbers throughout."""
    size = len(image)
    corners = bytes(draws.whole(104, 140) for _ in range(4))
    field_ = Image.frombytes("L", (2, 2), corners).resize((size, size), Image.Resampling.BILINEAR)
    grain = np.frombuffer(draws.bytes(size * size), np.uint8).reshape(size, size).astype(np.int16)
    lit = (image.astype(np.int32) * np.asarray(field_, np.int32)[..., None]) >> 7
    lit += (grain * (2 * _NOISE + 1) // 256 - _NOISE)[..., None]
    return lit.clip(0, 255).astype(np.uint8)


def _keypoints(pose: Pose, part_masks: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A keypoint is visible where the pixel under it shows its part."""
    keypoints = np.zeros((len(PARTS), 2), np.float32)
    visibility = np.full(len(PARTS), OCCLUDED, np.int8)
    for name, place in pose.keypoints().items():
        part = part_number(name)
        keypoints[part] = x, y = place * size
        if not (0 <= x < size and 0 <= y < size):
            visibility[part] = OUT_OF_FRAME
        elif part_masks[part, int(y), int(x)]:
            visibility[part] = VISIBLE
    return keypoints, visibility


def _box(object_mask: np.ndarray) -> tuple[float, float, float, float]:
    """The upright box around the visible bird; a bird that nothing is seen of gets the whole picture."""
    rows, columns = np.flatnonzero(object_mask.any(1)), np.flatnonzero(object_mask.any(0))
    if not len(rows):
        return 0.0, 0.0, float(object_mask.shape[1]), float(object_mask.shape[0])
    return (float(columns[0]), float(rows[0]), float(columns[-1] - columns[0] + 1), float(rows[-1] - rows[0] + 1))
