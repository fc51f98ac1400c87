"""Numbers and names as people read them."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .board import Column, Line, Score

# Control characters move a terminal's cursor; bidirectional overrides reorder what stands beside a name.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")
_CONTROLS = {"random_peaks": "random peaks", "centre_peak": "centre peak", "constant_peak": "best constant peak",
             "edge_peaks": "edge detector's peaks"}
_DETECTORS = {"untrained": "before training", "swapped": "another image's maps", "shuffled": "shuffled labels",
              "gaussian": "centre Gaussian", "edges": "edge detector", "random": "random map"}
_LARGE = 1e7
BLIND = "≈"
"""Stands behind a score that is not told apart from the best control's."""


def printable(text: str, length: int = 200) -> str:
    """``text`` on one line, without characters that act on a terminal or a page, and cut to ``length``."""
    text = _UNPRINTABLE.sub(" ", str(text)).strip()
    return text if len(text) <= length else text[: length - 1] + "…"


def number(value: float, unit: str) -> str:
    """Per cent with one digit for fractions, else three digits; ``1.2e+300`` where that would be a row of digits."""
    value = 100 * value if unit == "fraction" else value
    if abs(value) >= _LARGE:
        return f"{value:.1e}"
    shown = f"{value:.1f}" if unit == "fraction" else f"{value:.3f}"
    return shown.removeprefix("-") if float(shown) == 0 else shown


def interval(score: "Score", unit: str) -> str:
    """``[70.1, 76.2]``, or nothing where it is not known."""
    if score.low is None or score.high is None:
        return ""
    return f"[{number(score.low, unit)}, {number(score.high, unit)}]"


def cell(score: "Score | None", unit: str) -> str:
    """``73.3 [70.1, 76.2]``; ``n/a`` where a metric does not apply, empty where it was not asked for."""
    if score is None:
        return ""
    if score.value is None:
        return "n/a"
    return f"{number(score.value, unit)} {interval(score, unit)}".rstrip()


def heading(column: "Column") -> str:
    """``consistency gain ↑``, with the unit where it is not per cent; the arrow never stands alone on a line."""
    unit = "" if column.unit in ("", "fraction") else f" ({printable(column.unit, 40)})"
    return f"{printable(column.title, 60)}{unit}\u00a0{'↑' if column.higher_is_better else '↓'}"


def line_name(line: "Line", length: int = 200) -> str:
    """``ivpt@public (epochs 25)``; controls by what they do."""
    if line.is_control:
        variant = line.name.partition("@")[2]
        kind = variant.rpartition("+")[2]
        what = f"{line.judges}, {_DETECTORS.get(kind, kind)}" if line.judges else _CONTROLS.get(variant, variant)
        return printable(what or line.name, length)
    return printable(line.title, length)
