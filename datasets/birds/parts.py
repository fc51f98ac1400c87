"""The fifteen parts, named and numbered as in CUB-200-2011."""

PARTS = ("back", "beak", "belly", "breast", "crown", "forehead", "left eye", "left leg", "left wing", "nape",
         "right eye", "right leg", "right wing", "tail", "throat")
NOTHING = -1  # pixels of no part: cheeks, background, what stands in front


def part_number(name: str) -> int:
    """Place of a part in ``PARTS``."""
    return PARTS.index(name)
