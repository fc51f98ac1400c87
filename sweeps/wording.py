"""Parameters, settings and their values as people read them."""

from collections.abc import Sequence
from html import escape
from typing import Any

from ..leaderboard.text import printable


def name(param: str, length: int = 28) -> str:
    """A parameter's name where Plotly reads a little HTML."""
    return escape(printable(param, length))


def setting(value: Any, length: int = 60) -> str:
    """``17, 14, 11, 8, 5``; numbers with four digits; any other value as it is written. Not escaped."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return printable(", ".join(setting(one) for one in value), length)
    return printable(value, length)


def count(number: int, what: str) -> str:
    """``1 trial``, ``40 trials``."""
    return f"{number:,} {what}" if number != 1 else f"1 {what.removesuffix('s')}"


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
