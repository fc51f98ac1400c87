"""The rows of several folders of results, as their files hold them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from ...errors import UserError
from ..files import Folder, Found
from ..merge import row_table
from ..names import parse
from ..parquet import Unreadable, decode_rows
from ..rows import schema
from ..store import ROWS
from .attempts import Attempt
from .finding import Progress

NEVER = datetime.max.replace(tzinfo=UTC)
LOST = "aside.parquet"
"""Rows that lost a clash, beside the leaderboard: the next merge has to know them."""


@dataclass
class Gathered:
    """Rows of all folders.

    Attributes:
        scores: by the name of the file, the different contents that folders have under it, each with its rows.
        attempts: of each run.
        lost: rows that lost earlier clashes.
        finished: when the scores of each run, protocol and split were, in each folder (its root comes first).
        skipped: files that cannot be read, a line each.
    """

    scores: dict[str, dict[bytes, pa.Table]] = field(default_factory=dict)
    attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    lost: list[pa.Table] = field(default_factory=list)
    finished: dict[tuple[str, str, str, str], datetime] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    def table(self) -> pa.Table:
        """Every score that any folder has, and what lost before."""
        tables = [table for contents in self.scores.values() for table in contents.values()]
        return pa.concat_tables([schema().empty_table(), *tables, *self.lost]).combine_chunks()


def gathered(sources: Iterable[Folder], into: Folder, progress: Progress) -> Gathered:
    """Read the rows of folders.

    Raises:
        UserError: a file of ``into`` cannot be read, which would be overwritten.
    """
    found = Gathered()
    for source in sources:
        own = Path(source.root) == Path(into.root)
        files = source.list(ROWS)
        for done, file in enumerate(files, 1):
            try:
                _add(found, source, file)
            except FileNotFoundError:
                continue  # removed since the listing
            except (OSError, Unreadable) as error:
                _skip(found, f"{source.url}/{ROWS}/{file.name}", error, own)
            progress(source.url, done, len(files))
        _add_lost(found, source, own)
    return found


def _add(found: Gathered, source: Folder, file: Found) -> None:
    table, name = row_table(source, file), parse(file.name)
    if name.attempt:
        found.attempts.setdefault(name.run_id, []).append(Attempt.of(table, name.attempt))
    else:
        found.scores.setdefault(file.name, {})[source.read(file.path)] = table
        where = source.root, name.run_id, name.protocol_id, name.split
        told = [time for time in table["finished_at"].to_pylist() if time]
        found.finished[where] = min([found.finished.get(where, NEVER), *told])


def _add_lost(found: Gathered, source: Folder, own: bool) -> None:
    try:
        found.lost.append(decode_rows(source.read(source.path(LOST))).replace_schema_metadata())
    except FileNotFoundError:
        return
    except (OSError, Unreadable) as error:
        _skip(found, f"{source.url}/{LOST}", error, own)


def _skip(found: Gathered, file: str, error: Exception, own: bool) -> None:
    if own:
        raise UserError(f"{file} cannot be read ({error}) and would be overwritten; first: harness store repair, or "
                        "give another --to")
    found.skipped.append(f"left out {file}: {error}")
