"""File names of the store: what they say, and which are refused."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .files import Found

_PART = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ATTEMPT = re.compile(r"attempt-([1-9][0-9]*)")


def file_name(run_id: str, protocol_id: str, split: str) -> str:
    """``<run_id>.<protocol_id>.parquet``, with ``.<split>`` before the suffix unless the split is ``test``.

    Raises:
        ValueError: a part that is no plain name: it would end up in a path.
    """
    for part in (run_id, protocol_id, split):
        if not _PART.fullmatch(part) or _ATTEMPT.fullmatch(part):
            raise ValueError(f"'{part}' cannot be part of a file name")
    return ".".join((run_id, protocol_id) if split == "test" else (run_id, protocol_id, split)) + ".parquet"


def attempt_name(run_id: str, attempt: int) -> str:
    """``<run_id>.attempt-<n>.parquet``."""
    file_name(run_id, "protocol", "test")  # refuses the same run ids
    return f"{run_id}.attempt-{attempt}.parquet"


@dataclass(frozen=True)
class Name:
    """What a name in rows/ says: scores (``attempt`` 0) of a protocol and split, or an attempt."""

    run_id: str
    protocol_id: str = ""
    split: str = ""
    attempt: int = 0


def parse(name: str) -> Name | None:
    """Read a name back; None for one that the store does not write."""
    run_id, *rest = name.removesuffix(".parquet").split(".")
    if not rest or len(rest) > 2 or rest[1:] == ["test"] or not all(map(_PART.fullmatch, (run_id, *rest))):
        return None
    attempt = _ATTEMPT.fullmatch(rest[0])
    if attempt:
        return Name(run_id, attempt=int(attempt[1])) if len(rest) == 1 else None
    return Name(run_id, rest[0], rest[1] if len(rest) == 2 else "test")


def digest(files: Sequence[Found]) -> str:
    """Changes when a file of a listing is added, removed or replaced."""
    listing = json.dumps([(f.name, f.size, f.stamp) for f in files])
    return hashlib.sha256(listing.encode()).hexdigest()
