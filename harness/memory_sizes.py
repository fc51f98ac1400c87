"""Amounts of memory or disk as users write them: ``6GB``, ``512 MB``."""

import re

from ..errors import UserError

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([kmgt]?)(?:i?b)?\s*", re.IGNORECASE)


def bytes_of(text: str, option: str = "--memory-per-run", of: str = "a run", least: int = 64 * 2**20) -> int:
    """``6GB`` in bytes; units are powers of 1,024.

    Args:
        option: that it was given for.
        of: what shall have so much.
        least: bytes; a process that has imported torch alone holds more than the default.

    Raises:
        UserError: it is no amount of memory, or less than ``least``.
    """
    found = _SIZE.fullmatch(text)
    size = float(found[1]) * _UNITS[found[2].lower()] if found else -1
    if not least <= size < 2**60:
        raise UserError(f"{option} {text!r}: no amount of memory for {of}; write such as 6GB")
    return int(size)
