"""File names of the store: what they say, and which are refused."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .files import Found

_PART = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ATTEMPT = re.compile(r"attempt-([1-9][0-9]*)")


def file_name(run_id: str, protocol_id: str, split: str, sweep: str = "") -> str:
    """``<run_id>.<protocol_id>.parquet``; ``.<split>`` before the suffix unless ``test``, or of a sweep both names.

    Raises:
        ValueError: a part that is no plain name: it would end up in a path.
    """
    for part in (run_id, protocol_id, split):
        if not _PART.fullmatch(part) or _ATTEMPT.fullmatch(part):
            raise ValueError(f"'{part}' cannot be part of a file name")
    if sweep and not _PART.fullmatch(sweep):
        raise ValueError(f"'{sweep}' cannot be part of a file name")
    said = (split, sweep) if sweep else () if split == "test" else (split,)
    return ".".join((run_id, protocol_id, *said)) + ".parquet"


def attempt_name(run_id: str, attempt: int, sweep: str = "") -> str:
    """``<run_id>.attempt-<n>.parquet``, with ``.<sweep>`` before the suffix where it is of one."""
    file_name(run_id, "protocol", "test", sweep)  # refuses the same parts
    return ".".join((run_id, f"attempt-{attempt}", *([sweep] if sweep else []))) + ".parquet"


def is_plain(text: str) -> bool:
    """Whether ``text`` can be part of a file's name."""
    return _PART.fullmatch(text) is not None


@dataclass(frozen=True)
class Name:
    """What a name in rows/ says: scores (``attempt`` 0) of a protocol and split, or an attempt; and of which sweep."""

    run_id: str
    protocol_id: str = ""
    split: str = ""
    attempt: int = 0
    sweep: str = ""


def parse(name: str) -> Name | None:
    """Read a name back; None for one that the store does not write."""
    run_id, *rest = name.removesuffix(".parquet").split(".")
    if not rest or len(rest) > 3 or not all(map(_PART.fullmatch, (run_id, *rest))):
        return None
    attempt = _ATTEMPT.fullmatch(rest[0])
    if attempt:
        return Name(run_id, attempt=int(attempt[1]), sweep="".join(rest[1:])) if len(rest) < 3 else None
    if rest[1:] == ["test"]:
        return None
    return Name(run_id, rest[0], *(rest[1:2] or ["test"]), sweep="".join(rest[2:]))


def digest(files: Sequence[Found]) -> str:
    """Changes when a file of a listing is added, removed or replaced."""
    listing = json.dumps([(f.name, f.size, f.stamp) for f in files])
    return hashlib.sha256(listing.encode()).hexdigest()
