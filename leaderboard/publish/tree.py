"""A published site as a tree of files: which of them are ours, and how one tree differs from the next."""

import filecmp
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...errors import UserError
from ...plain_json import parsed

MARKER, DATA = "partbench-site.json", "data"
_VERSION = 1


@dataclass(frozen=True)
class Difference:
    """Files of one tree against another's: relative names, and bytes written."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    bytes: int

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def files_under(root: Path) -> dict[str, Path]:
    """Every file and link by its name relative to ``root``; links are not followed."""
    found = {}
    for folder, folders, names in os.walk(root):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in (*names, *links):
            path = Path(folder, name)
            found[path.relative_to(root).as_posix()] = path
    return dict(sorted(found.items()))


def own_files(site: Path, where: str) -> set[str] | None:
    """Names of the files that partbench published in ``site``; None where there is nothing at all.

    Args:
        where: the site, in words for errors.

    Raises:
        UserError: there is something else, or a site of another partbench.
    """
    if not any(site.iterdir()):
        return None
    try:
        told = parsed((site / MARKER).read_text())
        version, names = told["partbench_site"], set(told["files"])
    except FileNotFoundError:
        raise UserError(f"{where} holds something that partbench did not publish (no {MARKER}); give an empty one"
                        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{where}: cannot read {MARKER}; bring back an earlier version of it, or give an empty one"
                        ) from None
    if version != _VERSION:
        raise UserError(f"{where} was published by another partbench (version {version} of the site, this one writes "
                        f"{_VERSION}); use that one")
    return names | {MARKER}


def write_marker(site: Path) -> None:
    """Write down which files are ours: all that are there."""
    names = list(files_under(site))
    (site / MARKER).write_text(json.dumps({"partbench_site": _VERSION, "files": names}, indent=0) + "\n")


def carry(names: Iterable[str], old: Path, new: Path) -> None:
    """Bring files of others over from one tree to the next, links as links.

    Raises:
        UserError: one has a name that is needed.
    """
    for name in names:
        to = new / name
        if to.exists() or any(parent.is_file() for parent in to.parents if parent != new):
            raise UserError(f"'{name}' was not published by partbench, which needs that name; rename it")
        to.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(old / name, to)


def link_or_copy(source: Path, to: Path) -> None:
    """A second name for a file that nobody writes into again, or a copy where there are no such names."""
    try:
        os.link(source, to, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, to, follow_symlinks=False)


def difference(old: Path | None, new: Path) -> Difference:
    """From one tree to the next."""
    before, after = files_under(old) if old else {}, files_under(new)
    added = [name for name in after if name not in before]
    changed = [name for name in after if name in before and not _same(before[name], after[name])]
    size = sum(after[name].lstat().st_size for name in (*added, *changed))
    return Difference(added, changed, [name for name in before if name not in after], size)


def _same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and os.readlink(one) == os.readlink(other)
    return filecmp.cmp(one, other, shallow=False)
