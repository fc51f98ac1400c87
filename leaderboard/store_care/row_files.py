"""Rows and items: each file read in full, and which of the two stands without the other."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from ..files import Folder, Found
from ..merge import row_table
from ..names import Name, parse
from ..parquet import Unreadable, decode_items, decode_rows
from ..store import BOARD, ITEMS, ROWS
from .finding import Finding, Kind, Progress, relative

Where = tuple[str, str, str]
"""Run, protocol and split."""


def check_rows(folder: Folder, progress: Progress) -> Iterator[Finding]:
    """Every file of rows/ and items/, and leaderboard.parquet."""
    scored: dict[Where, str] = {}
    for found in _told(folder.list(ROWS), "rows", progress):
        name = parse(found.name)
        finding = _looked_at(folder, found, row_table, _row_cost(name))
        if finding:
            yield finding
        elif name and not name.attempt:
            scored[name.run_id, name.protocol_id, name.split] = found.path
    kept: dict[Where, str] = {}
    for found in _told(folder.list(ITEMS), "items", progress):
        name = parse(found.name)
        finding = _looked_at(folder, found, _item_table, _item_cost(name))
        if finding:
            yield finding
        elif name:
            kept[name.run_id, name.protocol_id, name.split] = found.path
    yield from _lonely(folder, scored, kept)
    if folder.exists(BOARD):
        board = Found(BOARD, folder.path(BOARD), 0, "")
        finding = _looked_at(folder, board, lambda own, found: decode_rows(own.read(found.path)), "it is built again")
        if finding:
            yield finding


def _told(files: list[Found], what: str, progress: Progress) -> Iterator[Found]:
    for done, found in enumerate(files, 1):
        yield found
        progress(what, done, len(files))


def _looked_at(folder: Folder, found: Found, read: Callable[[Folder, Found], pa.Table], cost: str) -> Finding | None:
    file, kind = relative(found.path, Path(folder.root)), "unreadable"
    try:
        read(folder, found)
        return None
    except FileNotFoundError:
        return None  # removed since the listing
    except Unreadable as error:
        kind, what = error.kind, str(error)
    except OSError as error:
        kind, what = _odd(Path(found.path)), error.strerror or str(error)
    return Finding(kind, (file,), what, cost)


def _odd(path: Path) -> Kind:
    if path.is_symlink():
        return "link"
    return "unreadable" if path.is_file() else "foreign"


def _item_table(folder: Folder, found: Found) -> pa.Table:
    name = parse(found.name)
    if name is None or name.attempt or name.sweep:
        raise Unreadable("not a name that partbench writes")
    return decode_items(folder.read(found.path))


def _row_cost(name: Name | None) -> str:
    if name is None:
        return ""
    if name.attempt:
        return f"how attempt {name.attempt} of run {name.run_id} ended is no longer told"
    return f"run {name.run_id} will be scored again by its command, and trained as far as no checkpoint is left"


def _item_cost(name: Name | None) -> str:
    if name is None:
        return ""
    return (f"scores of run {name.run_id} stay; it is compared class by class, and scored under other protocols, only "
            "after its command with --force")


def _lonely(folder: Folder, scored: dict[Where, str], kept: dict[Where, str]) -> Iterator[Finding]:
    out = Path(folder.root)
    for where in sorted(scored.keys() - kept.keys()):
        yield Finding("incomplete", (relative(scored[where], out),), "rows without items: no paired tests")
    for where in sorted(kept.keys() - scored.keys()):
        yield Finding("incomplete", (relative(kept[where], out),), "items without rows: the run was stopped, or its "
                      "rows were lost; its command goes on")
