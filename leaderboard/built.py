"""What ``leaderboard.parquet`` says besides rows, so that only files that came since it was built have to be read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .files import Found

if TYPE_CHECKING:
    import pandas

Ending = tuple[str, str, str, str, int]
"""Run, split, sweep, protocol and attempt (0: scores) of rows: what decides which of them count."""


@dataclass(frozen=True)
class Built:
    """Rows that count.

    Attributes:
        frame: the rows, ordered by key.
        problems: a line for each file that was skipped.
        superseded: endings of the rows that do not count. They may supersede rows of files that come later.
    """

    frame: "pandas.DataFrame"
    problems: list[str]
    superseded: list[Ending] = field(default_factory=list)

    def metadata(self, files: Sequence[Found]) -> dict[bytes, bytes]:
        """What the file says besides its rows; ``files`` are those that it was built from."""
        return {b"files": json.dumps([(file.name, file.size, file.stamp) for file in files]).encode(),
                b"superseded": json.dumps(self.superseded).encode()}


def since(metadata: dict[bytes, bytes], files: Sequence[Found]) -> tuple[list[Ending], list[Found]] | None:
    """What was superseded when the leaderboard was built, and the files that were not there yet.

    None where a file that it was built from is another one now or is gone, or where it does not say what it was built
    from: then everything has to be read.
    """
    if b"files" not in metadata or b"superseded" not in metadata:
        return None
    before = {name: (size, stamp) for name, size, stamp in json.loads(metadata[b"files"])}
    same = [file for file in files if before.get(file.name) == (file.size, file.stamp)]
    if len(same) < len(before):
        return None
    superseded = [(*texts, attempt) for *texts, attempt in json.loads(metadata[b"superseded"])]
    return superseded, [file for file in files if file.name not in before]
