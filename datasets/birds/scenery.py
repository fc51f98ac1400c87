"""What stands behind the bird, under it and in front of it."""

from collections.abc import Callable
from math import cos, pi, sin

import numpy as np
from PIL import Image

from .canvas import Canvas
from .colours import PALETTE, RGB, Light
from .draws import Draws
from .pose import Pose
from .shapes import ellipse, smooth

Paint = Callable[[np.ndarray, RGB], None]


def backdrop(draws: Draws, light: Light) -> Image.Image:
    """A soft gradient of 4 x 4 colours of one kind."""
    base = draws.one_of([(150, 200, 238), (96, 142, 84), (206, 196, 150), (120, 158, 170), (190, 170, 190),
                         (222, 226, 230), (74, 92, 72), (232, 190, 150)])
    cells = [light.lit([value + draws.between(-30, 30) for value in base]) for _ in range(16)]
    return Image.frombytes("RGB", (4, 4), bytes(value for cell in cells for value in cell))


def behind(canvas: Canvas, draws: Draws, light: Light, pose: Pose) -> None:
    """Clutter of one or two kinds, and what the bird stands on."""
    for _ in range(draws.whole(1, 2)):
        draws.one_of([_clouds, _foliage, _reeds, _waves, _twigs, _blobs, _stones, _flowers])(canvas, draws, light)
    if pose.perched:
        _perch(canvas, draws, light, pose)


def front(canvas: Canvas, draws: Draws, light: Light) -> None:
    """In two of five pictures leaves, a twig or a blade of grass hide some of the bird."""
    if not draws.chance(0.4):
        return
    for _ in range(draws.whole(1, 3)):
        x, y = draws.between(0.1, 0.9), draws.between(0.1, 0.9)
        green = light.lit(_near((70, 130, 60), draws, 30))
        if draws.chance(0.6):
            canvas.paint(_leaf(x, y, draws.between(0.10, 0.18), draws.between(0, 2 * pi)), green)
        else:
            angle, width = draws.between(0, pi), draws.between(0.008, 0.02)
            canvas.paint(_stroke(x - cos(angle), y - sin(angle), x + cos(angle), y + sin(angle), width), green)


def _near(colour: RGB, draws: Draws, spread: float) -> list[float]:
    return [value + draws.between(-spread, spread) for value in colour]


def _leaf(x: float, y: float, length: float, angle: float) -> np.ndarray:
    shape = smooth([(-0.5, 0), (-0.1, -0.24), (0.5, 0), (-0.1, 0.24)], 4) * length
    c, s = cos(angle), sin(angle)
    return shape @ np.array([[c, s], [-s, c]]) + (x, y)


def _stroke(x1: float, y1: float, x2: float, y2: float, width: float, end: float | None = None) -> np.ndarray:
    """A straight stroke that narrows from ``width`` to ``end``."""
    along = np.array([x2 - x1, y2 - y1])
    across = np.array([-along[1], along[0]]) / max(1e-6, float(np.hypot(*along))) / 2
    end = width if end is None else end
    return np.array([(x1, y1) + across * width, (x2, y2) + across * end, (x2, y2) - across * end,
                     (x1, y1) - across * width])


def _clouds(canvas: Canvas, draws: Draws, light: Light) -> None:
    for _ in range(draws.whole(2, 4)):
        x, y, size = draws.between(0, 1), draws.between(0, 0.7), draws.between(0.06, 0.12)
        colour = light.lit(_near((238, 240, 244), draws, 10))
        for step in (-1.3, 0.0, 1.2):
            canvas.paint(ellipse(x + step * size, y - (0.5 if step == 0 else 0) * size, size * 1.3, size), colour)


def _foliage(canvas: Canvas, draws: Draws, light: Light) -> None:
    base = draws.one_of([(66, 120, 58), (110, 140, 50), (178, 110, 50), (50, 90, 70)])
    colours = [light.lit(_near(base, draws, 35)) for _ in range(6)]
    for _ in range(draws.whole(14, 26)):
        canvas.paint(_leaf(draws.between(0, 1), draws.between(0, 1), draws.between(0.10, 0.28),
                           draws.between(0, 2 * pi)), draws.one_of(colours))


def _reeds(canvas: Canvas, draws: Draws, light: Light) -> None:
    base = draws.one_of([(120, 150, 70), (190, 170, 90), (80, 120, 70)])
    colours = [light.lit(_near(base, draws, 30)) for _ in range(5)]
    for _ in range(draws.whole(10, 20)):
        x = draws.between(0, 1)
        canvas.paint(_stroke(x, 1.02, x + draws.between(-0.2, 0.2), draws.between(0.0, 0.7),
                             draws.between(0.01, 0.04), 0.002), draws.one_of(colours))


def _waves(canvas: Canvas, draws: Draws, light: Light) -> None:
    base = draws.one_of([(70, 120, 170), (90, 150, 160), (60, 90, 120)])
    top = draws.between(0.2, 0.7)
    for step in range(6):
        y = top + step * (1.05 - top) / 6
        points = [(x / 8, y + 0.012 * (1 if x % 2 else -1)) for x in range(9)]
        canvas.paint(np.array([*points, (1.0, 1.02), (0.0, 1.02)]), light.lit(_near(base, draws, 22)))


def _twigs(canvas: Canvas, draws: Draws, light: Light) -> None:
    colour = light.lit(_near((96, 74, 56), draws, 25))
    for _ in range(draws.whole(3, 6)):
        x, y, angle = draws.between(0, 1), draws.between(0, 1), draws.between(0, pi)
        canvas.paint(_stroke(x - cos(angle), y - sin(angle), x + cos(angle), y + sin(angle),
                             draws.between(0.012, 0.035), 0.008), colour)


def _blobs(canvas: Canvas, draws: Draws, light: Light) -> None:
    """Discs of the birds' own colours: colour alone does not tell where the bird is."""
    for _ in range(draws.whole(5, 12)):
        size = draws.between(0.02, 0.10)
        canvas.paint(ellipse(draws.between(0, 1), draws.between(0, 1), size, size),
                     light.colour(draws.one_of(list(PALETTE)), 0.95))


def _stones(canvas: Canvas, draws: Draws, light: Light) -> None:
    for _ in range(draws.whole(5, 10)):
        x, y, size = draws.between(0, 1), draws.between(0.55, 1.0), draws.between(0.05, 0.14)
        canvas.paint(ellipse(x, y, size, size * 0.6, 9), light.lit(_near((140, 134, 126), draws, 30)))


def _flowers(canvas: Canvas, draws: Draws, light: Light) -> None:
    for _ in range(draws.whole(3, 7)):
        x, y, size = draws.between(0, 1), draws.between(0.2, 1.0), draws.between(0.02, 0.045)
        colour = light.colour(draws.one_of(["red", "pink", "purple", "white", "yellow", "blue"]))
        canvas.paint(_stroke(x, y, x + 0.02, 1.05, 0.012), light.lit((80, 130, 60)))
        for petal in range(5):
            angle = petal * 2 * pi / 5
            canvas.paint(ellipse(x + size * cos(angle), y + size * sin(angle), size * 0.62, size * 0.62, 8), colour)
        canvas.paint(ellipse(x, y, size * 0.5, size * 0.5, 8), light.colour("orange"))


def _perch(canvas: Canvas, draws: Draws, light: Light, pose: Pose) -> None:
    """A branch under the feet, or ground."""
    feet = np.array([pose.moves[limb](np.array((0.02, 0.33))) for limb in ("near leg", "far leg")])
    colour = light.lit(_near((112, 82, 58), draws, 25))
    (x, y), slope = feet.mean(0), draws.between(-0.25, 0.25)
    if draws.chance(0.7):
        canvas.paint(_stroke(x - 1.2, y - 1.2 * slope + 0.02, x + 1.2, y + 1.2 * slope + 0.02,
                             draws.between(0.035, 0.07), 0.03), colour)
    else:
        canvas.paint(np.array([(0, y), (0.5, y - 0.02), (1, y), (1, 1.02), (0, 1.02)]),
                     light.lit(_near((150, 140, 96), draws, 30)))
