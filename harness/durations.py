"""Lengths of time as users write them (``8h``, ``90m``, ``1h30m``) and as they read them."""

import re

from ..errors import UserError

_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_PART = r"(?:([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*{}\s*)?"
_DURATION = re.compile(r"\s*" + "".join(_PART.format(unit) for unit in _SECONDS), re.IGNORECASE)
_LONGEST = 10 * 365 * 86400  # seconds; whatever is longer was not meant


def seconds_of(text: str, option: str = "") -> float:
    """``8h``, ``90m``, ``3600s``, ``1h30m`` or ``1.5 d`` in seconds.

    Args:
        option: that the text was given to, for the error.

    Raises:
        UserError: it is no length of time, not above zero, or longer than ten years.
    """
    found = _DURATION.fullmatch(text)
    seconds = sum(float(number) * scale for number, scale in zip(found.groups(), _SECONDS.values(), strict=True)
                  if number) if found else 0.0
    if not 0 < seconds <= _LONGEST:
        said = f"{option} {text!r}".strip()
        raise UserError(f"{said}: no length of time above zero; write such as 8h, 90m, 3600s or 1h30m")
    return seconds


def in_words(seconds: float) -> str:
    """``8 h``, ``1 h 30 min``, ``45 s``: the two largest units."""
    days, rest = divmod(round(seconds), 86400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{number} {unit}" for number, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
             if number]
    return " ".join(parts[:2]) or "0 s"
