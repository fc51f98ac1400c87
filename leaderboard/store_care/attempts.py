"""Attempts of several folders of results under one numbering: each attempt once, in the order in which they ended.

An attempt is known by what it says, not by its number: two folders both have an attempt 1 of a run.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

Numbered = dict[int, "Attempt"]


@dataclass(frozen=True)
class Attempt:
    """One attempt of a run.

    Attributes:
        said: digest of its rows without their number.
        ended: when, as text that sorts as time does; empty for rows of versions that did not tell.
        number: the highest that a folder gave it.
        rows: of the file.
    """

    said: str
    ended: str
    number: int
    rows: pa.Table

    @classmethod
    def of(cls, rows: pa.Table, number: int) -> "Attempt":
        """The attempt of one file."""
        records = [record | {"attempt": 0} for record in rows.to_pylist()]
        text = json.dumps(sorted(records, key=str), sort_keys=True, default=str)
        ended = max((record["finished_at"].isoformat() for record in records if record["finished_at"]), default="")
        return cls(hashlib.sha256(text.encode()).hexdigest(), ended, number, rows)

    def numbered(self, number: int) -> pa.Table:
        """Its rows under another number."""
        place = self.rows.schema.get_field_index("attempt")
        numbers = pa.array([number] * len(self.rows), pa.int64())
        return self.rows.set_column(place, self.rows.schema.field(place), numbers)


def renumbered(attempts: Iterable[Attempt]) -> Numbered:
    """All attempts of one run and search, from 1 on without a gap; the last that ended has the highest number.

    Those that do not say when they ended come first, in the order of their numbers. The numbering depends on neither
    the order nor the repetition of ``attempts``.
    """
    known: dict[str, Attempt] = {}
    for attempt in attempts:
        other = known.get(attempt.said)
        if other is None or other.number < attempt.number:
            known[attempt.said] = attempt
    ordered = sorted(known.values(), key=lambda one: (one.ended, 0 if one.ended else one.number, one.said))
    return dict(enumerate(ordered, 1))
