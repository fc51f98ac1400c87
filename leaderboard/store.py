"""The store: every score and every failure as a small Parquet file that is written once and never shared."""

import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import UserError
from .files import Folder, Found, NameTaken, mendable
from .names import Name, attempt_name, digest, file_name, parse
from .rows import SCORED, Row
from .versions import is_whole

if TYPE_CHECKING:
    import pandas
    import pyarrow

    from .built import Built

logger = logging.getLogger(__name__)
ROWS, ITEMS, BOARD = "rows", "items", "leaderboard.parquet"


class Store:
    """Results under ``out``: a local path or any URL that fsspec understands (``memory://x``, ``s3://bucket/x``)."""

    def __init__(self, out: str | os.PathLike):
        self.folder = Folder(out)

    def check_writable(self) -> None:
        """Raise UserError now rather than after hours of training when nothing can be written here."""
        self.folder.check_writable(ROWS)

    def write_scores(self, run_id: str, protocol_id: str, split: str, rows: Sequence[Row]) -> str:
        """Store the scores of one run under one protocol on one split; from here on the run counts as finished.

        Args:
            rows: all of them, ``done`` or ``not_applicable``, and of one sweep or of none.

        Returns:
            The path written.

        Raises:
            ValueError: no rows, rows of another run, protocol or split, of two sweeps, of another status, or one key
                twice.
            UserError: the folder cannot be written.
        """
        from .parquet import encode_rows

        name = file_name(run_id, protocol_id, split, _sweep(rows))
        for row in rows:
            if (row.run_id, row.protocol_id, row.split) != (run_id, protocol_id, split):
                raise ValueError(f"a row of {row.run_id}, {row.protocol_id}, {row.split} does not belong in {name}")
            if row.status not in SCORED:
                raise ValueError(f"a row of status '{row.status}' is an attempt, not a score")
        return self.folder.write(encode_rows(rows), ROWS, name)

    def write_attempt(self, run_id: str, rows: Sequence[Row]) -> str:
        """Store how a run ended without scores, under the next free attempt number (also set in the rows).

        Rows that do not say when they were finished were finished now.

        Raises:
            ValueError: no rows, rows of another run or of two sweeps, a score, or one key twice.
            UserError: the folder cannot be written.
        """
        from .parquet import encode_rows

        if any(row.run_id != run_id or row.status in SCORED for row in rows):
            raise ValueError(f"an attempt of {run_id} holds rows of that run only, and no scores")
        number, sweep, now = self._attempts(run_id) + 1, _sweep(rows), datetime.now(UTC)
        while True:
            numbered = [row.model_copy(update={"attempt": number, "finished_at": row.finished_at or now})
                        for row in rows]
            try:
                return self.folder.write(encode_rows(numbered), ROWS, attempt_name(run_id, number, sweep), new=True)
            except NameTaken:
                number += 1

    def _attempts(self, run_id: str) -> int:
        names = [parse(found.name) for found in self.folder.list(ROWS)]
        return max((name.attempt for name in names if name and name.run_id == run_id), default=0)

    def attempts(self) -> dict[str, int]:
        """Number of the latest attempt, by run id."""
        latest: dict[str, int] = {}
        for found in self.folder.list(ROWS):
            name = parse(found.name)
            if name and name.attempt:
                latest[name.run_id] = max(name.attempt, latest.get(name.run_id, 0))
        return latest

    def write_items(self, run_id: str, protocol_id: str, split: str, table: "pyarrow.Table | pandas.DataFrame") -> str:
        """Store what the scores were computed from; :meth:`read_items` brings it back.

        Raises:
            UserError: the folder cannot be written.
        """
        from .parquet import encode_items

        return self.folder.write(encode_items(table), ITEMS, file_name(run_id, protocol_id, split))

    def read_items(self, run_id: str, protocol_id: str, split: str = "test",
                   columns: Sequence[str] | None = None) -> "pyarrow.Table":
        """What :meth:`write_items` stored; with ``columns``, those alone.

        Raises:
            UserError: there is none, or it is torn, foreign or without such a column.
        """
        from .parquet import Unreadable, decode_items

        name = file_name(run_id, protocol_id, split)
        try:
            return decode_items(self.folder.read(self.folder.path(ITEMS, name)), columns)
        except (OSError, Unreadable) as error:
            mend = f"score the run again: harness score {run_id}"
            raise UserError(f"cannot read items/{name}: {error}; {mend}") from error

    def all_items(self, run_id: str, split: str = "test") -> "list[pyarrow.Table]":
        """The items of a run under every protocol, by the name of their file; what is torn or foreign is left out."""
        from .parquet import Unreadable, decode_items

        found = []
        for file in self.folder.list(ITEMS, ".parquet"):
            name = parse(file.name)
            if name is None or name.attempt or (name.run_id, name.split) != (run_id, split):
                continue
            try:
                found.append(decode_items(self.folder.read(file.path)))
            except (OSError, Unreadable) as error:
                logger.warning("skipped items/%s: %s", file.name, error)
        return found

    def remove_items(self, run_id: str) -> None:
        """Delete the items of a run under every protocol and split.

        Raises:
            UserError: the folder cannot be written.
        """
        for file in self.folder.list(ITEMS):
            name = parse(file.name)
            if name is not None and name.run_id == run_id:
                with mendable(file.path):
                    self.folder.fs.rm_file(file.path)

    def finished(self, protocol_id: str, split: str, sweep: str = "") -> set[str]:
        """Run ids with scores under a protocol on a split, of one sweep or of none: one listing, then the checksum
        of each file.

        A torn or foreign file does not count, so its run is done again. Imports neither torch nor pandas nor pyarrow.
        """
        ending = file_name("x", protocol_id, split, sweep)[1:]
        files = [(parse(found.name), found) for found in self.folder.list(ROWS, ending)]
        # A sweep may be called what a protocol is: names that end alike say different things.
        return {name.run_id for name, found in files
                if name == Name(name.run_id, protocol_id, split, 0, sweep) and self._is_whole(found.path)}

    def has_scores(self, run_id: str, protocol_id: str, split: str, sweep: str = "") -> bool:
        """As :meth:`finished`, of one run alone: one file is read, and nothing is listed."""
        return self._is_whole(self.folder.path(ROWS, file_name(run_id, protocol_id, split, sweep)))

    def _is_whole(self, path: str) -> bool:
        try:
            return is_whole(self.folder.read(path))
        except OSError:
            return False

    def read(self) -> "tuple[pandas.DataFrame, list[str]]":
        """Every row that counts, and what was skipped and why.

        Scores count; an attempt counts where its run has neither scores nor a later attempt for that split (and
        protocol, where the attempt got as far as one).
        """
        from .merge import merge

        built = merge(self.folder, self.folder.list(ROWS))
        return built.frame, built.problems

    def of_run(self, run_id: str) -> "pandas.DataFrame":
        """As :meth:`read`, of one run alone: no other file is opened."""
        from .merge import merge

        named = [(parse(found.name), found) for found in self.folder.list(ROWS)]
        return merge(self.folder, [found for name, found in named if name and name.run_id == run_id]).frame

    def current(self) -> "tuple[pandas.DataFrame, list[str]]":
        """As :meth:`read`, through ``leaderboard.parquet`` where that is up to date.

        Published data are a ``leaderboard.parquet`` that says it was built from no row files: there it is all there is.
        """
        self._must_exist()
        files = self.folder.list(ROWS)
        cached = self._cached(digest(files))
        if cached:
            return cached
        built = self._built(files)
        return built.frame, built.problems

    def listed(self, columns: Sequence[str]) -> tuple[list[dict[str, str | None]], list[str]]:
        """As :meth:`current`, some columns of every row as text; no pandas where ``leaderboard.parquet`` is up to date.

        Times are such as ``2026-02-09 15:48:00.000000Z``.
        """
        from .parquet import Unreadable, as_text, decode_table, from_frame

        self._must_exist()
        files = self.folder.list(ROWS)
        try:
            found = decode_table(self.folder.read(self.folder.path(BOARD)), digest(files))
        except (OSError, Unreadable):
            found = None
        if found is None:
            built = self._built(files)
            found = from_frame(built.frame), built.problems
        return as_text(found[0], columns), found[1]

    def build(self) -> "pandas.DataFrame":
        """Bring ``leaderboard.parquet`` up to date and return it; reads the files that came since it was built.

        Raises:
            UserError: there is no such folder, or it cannot be written.
        """
        from .parquet import encode_board

        self._must_exist()
        files = self.folder.list(ROWS)
        cached = self._cached(digest(files))
        if cached:
            return cached[0]
        built = self._built(files)
        for problem in built.problems:
            logger.warning("skipped %s", problem)
        self.folder.write(encode_board(built.frame, digest(files), built.problems, built.metadata(files)), BOARD)
        return built.frame

    def _built(self, files: Sequence[Found]) -> "Built":
        """Of files that are new since ``leaderboard.parquet`` was built, and what it says of the others."""
        from .merge import merge
        from .parquet import Unreadable, decode_built

        try:
            known = decode_built(self.folder.read(self.folder.path(BOARD)), files)
        except (OSError, Unreadable, ValueError):
            known = None
        return merge(self.folder, files) if known is None else merge(self.folder, known[1], known[0])

    def _cached(self, listing: str) -> "tuple[pandas.DataFrame, list[str]] | None":
        from .parquet import Unreadable, decode_board

        try:
            return decode_board(self.folder.read(self.folder.path(BOARD)), listing)
        except (OSError, Unreadable):
            return None

    def _must_exist(self) -> None:
        if not (self.folder.exists(ROWS) or self.folder.exists(BOARD)):
            raise UserError(f"no results in '{self.folder.url}' (no folder {ROWS}/); give the --out of a run")


def _sweep(rows: Sequence[Row]) -> str:
    """The one sweep of the rows."""
    sweeps = {row.sweep for row in rows} or {""}
    if len(sweeps) > 1:
        raise ValueError(f"rows of {len(sweeps)} sweeps do not belong in one file")
    return sweeps.pop()


def load(path: str | os.PathLike) -> "pandas.DataFrame":
    """The leaderboard under ``path`` as a tidy pandas frame, one line per score; nothing is written.

    Raises:
        UserError: there are no results.
    """
    frame, problems = Store(path).current()
    for problem in problems:
        logger.warning("skipped %s", problem)
    return frame
