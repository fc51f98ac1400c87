"""Amounts of memory as users write them: ``6GB``, ``512 MB``."""

import re

from ..errors import UserError

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([kmgt]?)(?:i?b)?\s*", re.IGNORECASE)
_LEAST = 64 * 2**20  # a process that has imported torch alone holds more


def bytes_of(text: str) -> int:
    """``6GB`` in bytes; units are powers of 1,024.

    Raises:
        UserError: it is no amount of memory, or less than any run takes.
    """
    found = _SIZE.fullmatch(text)
    size = float(found[1]) * _UNITS[found[2].lower()] if found else 0
    if not _LEAST <= size < 2**60:
        raise UserError(f"--memory-per-run {text!r}: no amount of memory for a run; write such as 6GB")
    return int(size)
