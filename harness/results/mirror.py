"""Results at a URL and their local copy, kept in step file by file: only what changed is moved.

All code works on local files: a checkpoint is read and replaced in pieces that object stores do not have. The copy is
a scratch folder; what was moved is remembered beside it, so that a change on either side is seen without reading it.

The remote is the truth. A file that changed there replaces the copy; one that is gone there goes here as well, unless
it never was there.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from ...durable import write_whole
from ...leaderboard.files import Folder, Found, as_found

Wanted = Callable[[str], bool]
_ONE_SIDED = frozenset(("leases", "tokens"))  # leases live at the URL alone, what is computed for speed here alone
_SIDE_BY_SIDE = 8  # files that are fetched at a time


def everything(name: str) -> bool:
    """Every file."""
    return True


class Mirror:
    """A results folder at a URL, and its copy.

    Args:
        url: of the results.
        folder: of the copy.
        stamps: folder for what is remembered of each file.
    """

    def __init__(self, url: str, folder: Path, stamps: Path):
        self.folder, self._stamps, self._root = folder, stamps, Folder(url)
        self._remote = self._root.remote

    def pull(self, under: str, wanted: Wanted = everything) -> None:
        """Bring the copy of a folder up to date.

        Args:
            under: a folder or a file, such as ``rows`` or ``runs/ID``.
            wanted: which of its files, by their path under ``out``.

        Raises:
            Unreachable: the remote does not answer, or refuses.
            UserError: the copy cannot be written.
        """
        there = {name: found for name, found in self._listing(under).items() if wanted(name)}
        changed = [(name, found) for name, found in there.items() if self._outdated(name, found)]
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            list(pool.map(lambda one: self._fetch(*one), changed))
        for name in self._known(under):
            if name not in there and wanted(name):
                self._forget(name)

    def push(self, under: str, wanted: Wanted = everything, exactly: bool = False) -> None:
        """Write what is new or changed in a folder of the copy to the remote: markers after what they stand for.

        Args:
            under, wanted: as for :meth:`pull`.
            exactly: and remove what is in that folder there alone.

        Raises:
            Unreachable: the remote does not answer, or refuses.
        """
        here = [name for name in self._files(under) if wanted(name)]
        sent = {name: local for name in sorted(here, key=_order) if (local := self._send(name))}
        there = self._listing(under) if sent or exactly else {}
        for name, local in sent.items():
            if name in there:
                self._remember(name, _stamp_of(there[name]), local)
        if exactly:
            for name in there.keys() - set(here):
                with suppress(FileNotFoundError):
                    self._remote.remove(self._root.path(name))
                self._stamp(name).unlink(missing_ok=True)

    def unsent(self, under: str) -> list[str]:
        """Files of a folder of the copy that are not at the remote as they are here."""
        return [name for name in self._files(under) if self._remembered(name)[0] != self._local(name)]

    def _listing(self, under: str) -> dict[str, Found]:
        """Files there, by their path under ``out``."""
        cut = len(self._root.path(""))
        found = {info["name"][cut:]: as_found(info) for info in self._remote.find(self._root.path(under))}
        return {name: one for name, one in found.items() if _ours(name)}

    def _outdated(self, name: str, found: Found) -> bool:
        return self._remembered(name)[1] != _stamp_of(found) or not (self.folder / name).is_file()

    def _fetch(self, name: str, found: Found) -> None:
        try:
            content = self._remote.read(found.path)
        except FileNotFoundError:
            return  # removed since the listing
        write_whole(self.folder / name, content, sync=False)
        self._remember(name, _stamp_of(found) if len(content) == found.size else "")  # else replaced meanwhile

    def _send(self, name: str) -> str:
        """The state of the file that was sent; empty where nothing was to do."""
        try:
            local = self._local(name)
            if local == self._remembered(name)[0]:
                return ""
            content = (self.folder / name).read_bytes()
        except FileNotFoundError:
            return ""  # superseded meanwhile
        self._remote.write(self._root.path(name), content)
        return local

    def _files(self, under: str) -> Iterator[str]:
        """Files here, by their path under ``out``; unfinished ones and links are left out."""
        if (self.folder / under).is_file():
            yield under
        for folder, folders, names in os.walk(self.folder / under):
            folders.sort()
            for path in (Path(folder, name) for name in sorted(names)):
                name = path.relative_to(self.folder).as_posix()
                if _ours(name) and path.is_file() and not path.is_symlink():
                    yield name

    def _known(self, under: str) -> list[str]:
        return [Path(folder, name).relative_to(self._stamps).as_posix()
                for folder, _, names in os.walk(self._stamps / under) for name in names if _ours(name)]

    def _forget(self, name: str) -> None:
        """Drop the copy of a file that is gone there, unless it was changed here since."""
        with suppress(FileNotFoundError):
            if self._local(name) == self._remembered(name)[0]:
                (self.folder / name).unlink()
        self._stamp(name).unlink(missing_ok=True)

    def _local(self, name: str) -> str:
        state = (self.folder / name).stat()
        return f"{state.st_size} {state.st_mtime_ns}"

    def _stamp(self, name: str) -> Path:
        return self._stamps / name

    def _remember(self, name: str, remote: str, local: str | None = None) -> None:
        write_whole(self._stamp(name), f"{local or self._local(name)}\n{remote}".encode(), sync=False)

    def _remembered(self, name: str) -> tuple[str, str]:
        """The states of both sides when they were last the same; nothing where they never were."""
        try:
            local, _, remote = self._stamp(name).read_text().partition("\n")
        except (OSError, UnicodeDecodeError):
            return "", ""
        return local, remote


def _stamp_of(found: Found) -> str:
    return f"{found.size} {found.stamp}"


def _ours(name: str) -> bool:
    """Neither unfinished, nor what only one side is to have, nor a name that would leave the folder."""
    parts = name.split("/")
    return _ONE_SIDED.isdisjoint(parts) and all(part and not part.startswith(".") for part in parts)


def _order(name: str) -> tuple[bool, bool, bool, str]:
    """Rows last, for they alone say that a run is finished; items before them; a JSON after its tensors."""
    return name.startswith("rows/"), name.startswith("items/"), name.endswith(".json"), name

