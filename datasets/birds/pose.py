"""How a bird sits or flies in its picture: where each limb is, and where the camera is. The same for every class."""

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np

from .draws import Draws
from .shapes import at

Points = np.ndarray
_HEAD_RADIUS = 0.22
NECK = (0.34, -0.12)  # where the neck leaves the body

# A keypoint of every part, in the frame of its limb: on the part for every class.
_KEYPOINTS = {
    "back": ("body", at("body", 26, 0.84)),
    "breast": ("body", at("body", 1, 0.78)),
    "belly": ("body", at("body", 12, 0.72)),
    "beak": ("head", (0.28, 0.02)),
    "crown": ("head", at("head", 26, 0.78)),
    "forehead": ("head", at("head", 32, 0.75)),
    "nape": ("head", at("head", 19, 0.75)),
    "throat": ("head", at("head", 8, 0.75)),
    "eye": ("head", (0.084, -0.025)),
    "tail": ("tail", (-0.30, 0.0)),
}
_WING = {False: (-0.36, 0.04), True: (-0.50, 0.08)}
_LEG = (0.0, 0.14)
# What the placement in the picture goes by: limbs as long as those of most classes.
_EXTENT = {"body": [at("body", corner, 1) for corner in range(0, 40, 4)],
           "head": [(-0.22, 0), (0.45, 0.02), (0, -0.26), (0, 0.21)], "tail": [(-0.58, 0.0)],
           "near wing": [(-0.88, 0.0)], "far wing": [(-0.88, 0.0)], "near leg": [(0, 0.36)], "far leg": [(0, 0.36)]}


@dataclass(frozen=True, eq=False)
class Move:
    """An affine map: points [V, 2] @ ``linear`` + ``shift``."""

    linear: np.ndarray
    shift: np.ndarray

    @classmethod
    def of(cls, origin: tuple[float, float] = (0.0, 0.0), angle: float = 0.0, width: float = 1.0,
           height: float = 1.0) -> "Move":
        """Stretch, turn clockwise by ``angle`` degrees, put the origin at ``origin``."""
        c, s = cos(radians(angle)), sin(radians(angle))
        return cls(np.array([[width * c, width * s], [-height * s, height * c]]), np.array(origin))

    def __call__(self, points: Points) -> Points:
        return points @ self.linear + self.shift

    def then(self, other: "Move") -> "Move":
        return Move(self.linear @ other.linear, self.shift @ other.linear + other.shift)


@dataclass(frozen=True, eq=False)
class Pose:
    """Every limb's place in the picture, in units of its side.

    Attributes:
        moves: limb -> its frame in the picture. ``far wing`` is missing where the bird hides it.
        raised: both wings are spread.
        turned: the head looks back over the shoulder.
        mirrored: the beak points left; then the bird shows its left side.
        perched: it stands on something.
    """

    moves: dict[str, Move]
    raised: bool
    turned: bool
    mirrored: bool
    perched: bool

    @property
    def sides(self) -> dict[str, str]:
        """Whose side is seen: limb -> ``left`` or ``right``; ``eye`` is the eye that the camera sees."""
        near, far = ("left", "right") if self.mirrored else ("right", "left")
        return {"near wing": near, "far wing": far, "near leg": near, "far leg": far,
                "eye": far if self.turned else near}

    def keypoints(self) -> dict[str, Points]:
        """Where the parts are that the camera could see, [2] each; parts turned away are not there."""
        found = {part: (limb, place) for part, (limb, place) in _KEYPOINTS.items() if part != "eye"}
        found[f"{self.sides['eye']} eye"] = _KEYPOINTS["eye"]
        for limb in ("near leg", "far leg"):
            found[f"{self.sides[limb]} leg"] = (limb, _LEG)
        for limb in ("near wing", "far wing"):
            if limb in self.moves:
                found[f"{self.sides[limb]} wing"] = (limb, _WING[self.raised])
        return {part: self.moves[limb](np.array(place)) for part, (limb, place) in found.items()}


def draw_pose(draws: Draws) -> Pose:
    """A pose: sitting, pecking, looking back, or with spread wings; anywhere in the picture."""
    raised, turned, mirrored = draws.chance(0.5), draws.chance(0.15), draws.chance(0.5)
    pitch = draws.between(-110, 90) if raised else draws.between(-80, 70)
    perched = not raised or draws.chance(0.2)
    moves = _limbs(draws, raised, turned, perched, pitch)
    turn = Move.of(angle=pitch, width=draws.between(0.85, 1.15), height=draws.between(0.85, 1.15))
    moves = {limb: move.then(turn) for limb, move in moves.items()}
    camera = _camera(draws, moves, mirrored)
    return Pose({limb: move.then(camera) for limb, move in moves.items()}, raised, turned, mirrored, perched)


def _limbs(draws: Draws, raised: bool, turned: bool, perched: bool, pitch: float) -> dict[str, Move]:
    """Limbs in the frame of the body."""
    lift, reach = draws.between(-120, 50), draws.between(0.22, 0.80)
    head = (NECK[0] + reach * cos(radians(lift)), NECK[1] + reach * sin(radians(lift)))
    tilt = draws.between(-30, 30) - 0.5 * pitch
    size = draws.between(0.85, 1.15)
    hang = draws.between(-20, 20) - 0.8 * pitch if perched else draws.between(35, 75)
    legs = draws.between(0.8, 2.2) if perched else draws.between(0.8, 1.4)
    found = {
        "body": Move.of(),
        "head": Move.of(head, -tilt if turned else tilt, -size if turned else size, size),
        "tail": Move.of((-0.50, -0.02), draws.between(-60, 60), draws.between(0.7, 2.2), draws.between(0.85, 1.2)),
        "near leg": Move.of((-0.02, 0.27), hang, 1, legs),
        "far leg": Move.of((0.12, 0.26), hang + draws.between(-18, 10), 1, legs),
    }
    if not raised:
        found["near wing"] = Move.of((0.24, -0.06), draws.between(-10, 8), draws.between(0.85, 1.05))
        return found
    angle = draws.between(30, 140) if draws.chance(0.6) else draws.between(-110, -35)
    spread = draws.between(0.9, 1.7)
    found["near wing"] = Move.of((0.20, -0.12), angle, spread, draws.between(0.85, 1.2))
    found["far wing"] = Move.of((0.30, -0.17), angle + draws.between(12, 45), spread * 0.95)
    return found


def _camera(draws: Draws, moves: dict[str, Move], mirrored: bool) -> Move:
    """Scale and place the bird: its longer side takes 45 to 90 % of the picture; a third of the birds leave it."""
    points = np.concatenate([moves[limb](np.array(places)) for limb, places in _EXTENT.items() if limb in moves])
    if mirrored:
        points = points * (-1, 1)
    low, high = points.min(0), points.max(0)
    scale = draws.between(0.45, 0.90) / (high - low).max()
    size = (high - low) * scale
    outside = 0.22 if draws.chance(0.35) else -0.02
    corner = np.array([draws.between(-outside * side, 1 - side + outside * side) for side in size])
    return Move(np.diag([-scale if mirrored else scale, scale]), corner - low * scale)
