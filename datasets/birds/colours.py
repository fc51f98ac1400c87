"""Colours by name, under the light of one picture."""

from .draws import Draws

RGB = tuple[int, int, int]

PALETTE: dict[str, RGB] = {
    "red": (214, 48, 42), "orange": (240, 134, 34), "yellow": (246, 212, 50), "green": (84, 158, 62),
    "teal": (40, 158, 156), "blue": (52, 98, 204), "purple": (126, 72, 176), "pink": (240, 142, 172),
    "white": (244, 242, 236), "black": (42, 40, 46), "brown": (134, 90, 54), "grey": (146, 150, 156),
}


class Light:
    """The light of a picture: brightness, a cast, and a hue that wanders a little for each colour.

    The jitter is small beside the distance of two names in the palette.
    """

    def __init__(self, draws: Draws):
        bright = draws.between(0.74, 1.10)
        self._gain = [bright * draws.between(0.95, 1.05) for _ in range(3)]
        self._wander = {name: [draws.between(-13, 13) for _ in range(3)] for name in PALETTE}
        self._mixed: dict[tuple[str, float], RGB] = {}

    def colour(self, name: str, shade: float = 1.0) -> RGB:
        """``"blue"``, ``"dark blue"`` or ``"light blue"`` as the picture shows it."""
        if (name, shade) not in self._mixed:
            self._mixed[name, shade] = self._mix(name, shade)
        return self._mixed[name, shade]

    def _mix(self, name: str, shade: float) -> RGB:
        tone, _, plain = name.rpartition(" ")
        values = [value + wander for value, wander in zip(PALETTE[plain], self._wander[plain], strict=True)]
        if tone == "dark":
            values = [value * 0.52 for value in values]
        if tone == "light":
            values = [value + (255 - value) * 0.42 if plain != "white" else value * 0.93 for value in values]
        return self.lit(values, shade)

    def lit(self, values: "list[float] | RGB", shade: float = 1.0) -> RGB:
        """A colour of no name under this light."""
        red, green, blue = (min(255, max(0, round(value * gain * shade)))
                            for value, gain in zip(values, self._gain, strict=True))
        return red, green, blue
