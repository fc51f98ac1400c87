"""One line of the table: what was measured, its median, and the least and the most of the repetitions."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """A figure; without a value, a note that says why there is none.

    Attributes:
        what: was measured.
        unit: such as "forwards" or "s".
    """

    what: str
    value: float | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    note: str = ""

    @classmethod
    def of(cls, what: str, values: Sequence[float], unit: str, note: str = "") -> "Row":
        """The median of repetitions."""
        return cls(what, statistics.median(values), unit, min(values), max(values), note)

    @staticmethod
    def heading() -> str:
        return f"{'':<52} {'median':>9} {'least':>9} {'most':>9}"

    def __str__(self) -> str:
        figures = " ".join(f"{_shown(figure):>9}" for figure in (self.value, self.low, self.high))
        return f"{self.what:<52} {figures} {self.unit:<12} {self.note}".rstrip()

    def encoded(self) -> str:
        return json.dumps(asdict(self))


def _shown(figure: float | None) -> str:
    """Three digits, and thousands whole."""
    return "" if figure is None else f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:.3g}"
