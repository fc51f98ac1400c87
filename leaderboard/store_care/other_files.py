"""What goes with the rows of several folders of results: items, folders of runs, searches, audits, drawn pages.

Where two have a file of one name, the choice is that of a publish: the same whatever the order. Items are those of the
folder whose scores were finished first, as it is those that count.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from ...durable import read_plain, write_whole
from .. import seal
from ..files import Folder
from ..names import parse
from ..publish.choose import chosen
from ..publish.rows import empty
from ..publish.tree import files_under
from ..store import ITEMS
from .finding import Progress
from .gathered import NEVER

Finished = Mapping[tuple[str, str, str, str], datetime]
"""Root of a folder, run, protocol and split -> when these scores were finished."""
_KEPT = (ITEMS, "runs", "sweeps", "audit", "explained")


def other_files(sources: Sequence[Folder], finished: Finished) -> tuple[dict[str, Path], list[str], list[str]]:
    """By name the file of each that is kept; a line for each search that went two ways, and for each file left out."""
    kept: dict[str, Path] = {}
    items: dict[str, tuple[datetime, str, Path]] = {}
    forked: list[str] = []
    skipped: list[str] = []
    no_rows = empty()
    for source in sources:
        own = {}
        for name, path in files_under(Path(source.root)).items():
            if not _is_result(name):
                continue
            if why := _unfit(name, path):
                skipped.append(f"left out {source.url}/{name}: {why}")
            elif name.startswith(f"{ITEMS}/"):
                rival = _dated(source, path, finished)
                items[name] = min(items.get(name, rival), rival)
            else:
                own[name] = path
        kept, lines = chosen(kept, own, no_rows)
        forked += [line for line in lines if line not in forked]
    return kept | {name: path for name, (_, _, path) in items.items()}, forked, skipped


def _is_result(name: str) -> bool:
    """Not what is computed for speed, a lock, or something unfinished."""
    first, *rest = name.split("/")
    return first in _KEPT and not any(part.startswith((".", "tokens")) or part.endswith("lock") for part in rest)


def _unfit(name: str, path: Path) -> str:
    """Why a file is not to be brought along; empty where nothing speaks against it."""
    if path.is_symlink():
        return "it is a link"
    if not path.is_file():
        return "it is no regular file"
    if name.startswith(f"{ITEMS}/") and seal.holds(read_plain(path)) is False:
        return "torn or changed (its checksum differs)"
    return ""


def _dated(source: Folder, path: Path, finished: Finished) -> tuple[datetime, str, Path]:
    name = parse(path.name)
    where = (name.run_id, name.protocol_id, name.split) if name else ("", "", "")
    return finished.get((source.root, *where), NEVER), hashlib.sha256(read_plain(path)).hexdigest(), path


def bring(files: Mapping[str, Path], into: Path, progress: Progress) -> int:
    """Copy files that are not there yet or are others; returns how many. A copy, as logs are written into again."""
    written = 0
    for done, (name, path) in enumerate(sorted(files.items()), 1):
        to = into / name
        if path != to:
            content = read_plain(path)
            if not to.is_file() or to.is_symlink() or to.read_bytes() != content:
                write_whole(to, content)
                written += 1
        progress("files", done, len(files))
    return written
