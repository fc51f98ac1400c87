"""Each limb's shapes, by trait: what a child would draw, with the trait large enough to be seen."""

from collections.abc import Callable

import numpy as np

from .shapes import Points, Shape, ellipse, grown, smooth
from .traits import Traits

_LINE = 0.022  # thickness of outlines, in body lengths

_BEAKS = {
    "cone": [(0.17, -0.10), (0.30, -0.05), (0.42, 0.04), (0.30, 0.09), (0.17, 0.11)],
    "needle": [(0.18, -0.035), (0.45, 0.00), (0.70, 0.03), (0.45, 0.05), (0.18, 0.055)],
    "hook": [(0.17, -0.11), (0.33, -0.10), (0.45, 0.02), (0.42, 0.17), (0.35, 0.06), (0.17, 0.09)],
    "curve": [(0.18, -0.05), (0.38, -0.03), (0.56, 0.10), (0.62, 0.24), (0.50, 0.13), (0.36, 0.06), (0.18, 0.06)],
    "spoon": [(0.18, -0.04), (0.40, -0.02), (0.54, -0.07), (0.66, 0.02), (0.54, 0.11), (0.40, 0.06), (0.18, 0.06)],
}
_CRESTS = {
    "none": [],
    "pointed": [[(0.07, -0.17), (-0.06, -0.30), (-0.26, -0.48), (-0.20, -0.27), (-0.17, -0.12)]],
    "fan": [[(0.10, -0.16), (0.14, -0.38), (0.04, -0.33), (-0.01, -0.45), (-0.08, -0.33), (-0.19, -0.38),
             (-0.15, -0.13)]],
    "curl": [[(0.00, -0.18), (0.02, -0.36), (0.18, -0.43), (0.26, -0.33), (0.17, -0.35), (0.09, -0.28),
              (0.10, -0.17)]],
}
_TAILS = {
    "square": [(0.06, -0.10), (-0.30, -0.11), (-0.52, -0.12), (-0.53, 0.12), (-0.30, 0.10), (0.06, 0.12)],
    "forked": [(0.06, -0.09), (-0.30, -0.12), (-0.70, -0.22), (-0.38, 0.01), (-0.70, 0.20), (-0.30, 0.11),
               (0.06, 0.11)],
    "pointed": [(0.06, -0.10), (-0.30, -0.09), (-0.82, 0.00), (-0.30, 0.10), (0.06, 0.12)],
    "fan": [(0.06, -0.08), (-0.22, -0.17), (-0.46, -0.29), (-0.58, -0.15), (-0.62, 0.00), (-0.58, 0.15),
            (-0.46, 0.28), (-0.22, 0.17), (0.06, 0.10)],
}


def body(traits: Traits, outline: Points, part_of: Callable) -> list[Shape]:
    """Belly, with back and breast upon it."""
    found = [
        Shape("belly", 0, f"dark {traits['belly colour']}", grown(outline, _LINE)),
        Shape("belly", 1, traits["belly colour"], outline),
        Shape("back", 2, f"dark {traits['back colour']}", grown(part_of(outline, 20, 35, 0.25), _LINE / 2)),
        Shape("back", 3, traits["back colour"], part_of(outline, 20, 35, 0.28)),
        Shape("breast", 4, f"dark {traits['breast colour']}", part_of(grown(outline, _LINE), 35, 48, 0.22)),
        Shape("breast", 5, traits["breast colour"], part_of(outline, 35, 48, 0.25)),
    ]
    mark = "white" if traits["breast colour"] in ("black", "brown", "purple", "blue", "green") else "black"
    found += [Shape("breast", 6, mark, points) for points in _breast_marks(traits["breast pattern"])]
    return found


def _breast_marks(pattern: str) -> list[Points]:
    if pattern == "spots":
        return [ellipse(x, y, 0.028, 0.028, 8) for x, y in
                [(0.40, -0.10), (0.30, -0.06), (0.44, 0.00), (0.34, 0.03), (0.24, 0.03), (0.40, 0.10), (0.30, 0.12),
                 (0.34, 0.20), (0.25, 0.19)]]
    if pattern == "streaks":
        return [np.array([(x, y - 0.055), (x + 0.018, y), (x, y + 0.055), (x - 0.018, y)]) for x, y in
                [(0.42, -0.08), (0.35, -0.02), (0.28, -0.08), (0.45, 0.06), (0.38, 0.11), (0.31, 0.07), (0.24, 0.02),
                 (0.33, 0.20), (0.26, 0.16)]]
    if pattern == "band":
        return [smooth([(0.50, -0.02), (0.36, 0.02), (0.22, 0.00), (0.21, 0.07), (0.35, 0.10), (0.49, 0.07)], 4)]
    return []


def head(traits: Traits, outline: Points, part_of: Callable) -> list[Shape]:
    """A cheek that is no part and the same in every class; crown, forehead, nape, throat, beak and eye around it."""
    crown, nape, throat = (traits[f"{name} colour"] for name in ("crown", "nape", "throat"))
    edge = grown(outline, _LINE)
    found = [
        Shape("beak", 0, f"dark {traits['beak colour']}", grown(smooth(_BEAKS[traits["beak shape"]], 4), _LINE * 0.8)),
        Shape("beak", 1, traits["beak colour"], smooth(_BEAKS[traits["beak shape"]], 4)),
        Shape(None, 2, "light grey", outline),
        Shape("nape", 3, f"dark {nape}", part_of(edge, 15, 24, 0.45)),
        Shape("throat", 4, f"dark {throat}", part_of(edge, 2, 14, 0.45)),
        Shape("nape", 5, nape, part_of(outline, 15, 24, 0.45)),
        Shape("throat", 6, throat, part_of(outline, 2, 14, 0.45)),
        Shape("forehead", 8, f"dark {crown}", part_of(edge, 29, 35, 0.42)),
        Shape("crown", 9, f"dark {crown}", part_of(edge, 23, 30, 0.45)),
        Shape("forehead", 10, f"light {crown}", part_of(outline, 29, 35, 0.42)),
        Shape("crown", 11, crown, part_of(outline, 23, 30, 0.45)),
        Shape("eye", 12, "white", ellipse(0.075, -0.025, 0.062, 0.062)),
        Shape("eye", 13, traits["eye colour"], ellipse(0.080, -0.025, 0.048, 0.048)),
        Shape("eye", 14, "black", ellipse(0.084, -0.025, 0.026, 0.026, 10)),
        Shape("eye", 15, "white", ellipse(0.096, -0.040, 0.011, 0.011, 6)),
    ]
    for points in _CRESTS[traits["crest"]]:
        found += [Shape("crown", 7, f"dark {crown}", grown(smooth(points, 3), _LINE)),
                  Shape("crown", 11, crown, smooth(points, 3))]
    return found


def wing(traits: Traits, raised: bool) -> list[Shape]:
    """A wing that points to -x from the shoulder at the origin; a raised one is broader and shows its fingers."""
    colour, pattern = traits["wing colour"], traits["wing pattern"]
    wide = 1.45 if raised else 1.0
    outline = [(0.10, -0.02), (0.02, 0.14), (-0.22, 0.19), (-0.48, 0.15), (-0.78, 0.02), (-0.50, -0.06),
               (-0.15, -0.11), (0.04, -0.10)]
    if raised:
        outline = [(0.10, -0.02), (0.03, 0.14), (-0.20, 0.19), (-0.40, 0.22), (-0.52, 0.17), (-0.62, 0.18),
                   (-0.70, 0.11), (-0.80, 0.09), (-0.92, 0.00), (-0.60, -0.08), (-0.20, -0.12), (0.04, -0.10)]
    feathers = smooth(outline, 4) * (1, wide)
    mark = "black" if colour in ("white", "yellow", "grey", "pink", "orange") else "white"
    return [
        Shape("wing", 0, f"dark {colour}", grown(feathers, _LINE * 1.1)),
        Shape("wing", 1, colour, feathers),
        *(Shape("wing", 2, f"dark {colour}", line * (1, wide)) for line in _feather_lines(raised)),
        *(Shape("wing", 3, mark, points * (1, wide)) for points in _wing_marks(pattern)),
    ]


def _feather_lines(raised: bool) -> list[Points]:
    ends = [(-0.42, 0.165), (-0.56, 0.12), (-0.68, 0.06)] if raised else [(-0.44, 0.14), (-0.58, 0.09)]
    return [np.array([(-0.25, y / 3), (x, y), (x - 0.02, y - 0.015)]) for x, y in ends]


def _wing_marks(pattern: str) -> list[Points]:
    def bar(x: float) -> Points:
        return smooth([(x + 0.04, -0.09), (x, 0.03), (x + 0.03, 0.15), (x - 0.04, 0.15), (x - 0.075, 0.03),
                       (x - 0.035, -0.08)], 3)

    return {
        "plain": [],
        "one bar": [bar(-0.26)],
        "two bars": [bar(-0.14), bar(-0.34)],
        "spots": [ellipse(x, y, 0.035, 0.030, 8) for x, y in
                  [(-0.04, 0.04), (-0.17, -0.03), (-0.17, 0.10), (-0.31, 0.03), (-0.42, 0.10), (-0.44, -0.01),
                   (-0.56, 0.05)]],
        "patch": [ellipse(-0.10, 0.03, 0.13, 0.085)],
    }[pattern]


def tail(traits: Traits) -> list[Shape]:
    """A tail that points to -x from the rump at the origin."""
    colour = traits["tail colour"]
    sharp = traits["tail shape"] in ("square", "forked", "pointed")
    outline = np.array(_TAILS[traits["tail shape"]]) if sharp else smooth(_TAILS[traits["tail shape"]], 3)
    lines = [np.array([(-0.05, y / 3), (-0.44, y), (-0.44, y + 0.02)]) for y in (-0.05, 0.03)]
    return [Shape("tail", 0, f"dark {colour}", grown(outline, _LINE)), Shape("tail", 1, colour, outline),
            *(Shape("tail", 2, f"dark {colour}", line) for line in lines)]


def leg(traits: Traits) -> list[Shape]:
    """A leg that points down from the hip at the origin."""
    colour = traits["leg colour"]
    shin = np.array([(-0.040, -0.10), (0.045, -0.10), (0.026, 0.30), (-0.024, 0.30)])
    toes = [np.array([(-0.022, 0.27), (0.022, 0.27), (x + 0.02, 0.35), (x - 0.02, 0.37)]) for x in (0.14, 0.03, -0.11)]
    return [Shape("leg", 0, f"dark {colour}", grown(shin, 0.012)), *(Shape("leg", 1, colour, toe) for toe in toes),
            Shape("leg", 2, colour, shin)]
