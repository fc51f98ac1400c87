"""The results folder on any file system: atomic writes, listings, a cheap test for torn files.

Local files are written as :mod:`partbench.durable` does; on other file systems (memory, object stores) one put is
atomic already.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from ..durable import NameTaken, mendable, write_whole
from ..errors import UserError

MAGIC = b"PAR1"


@dataclass(frozen=True)
class Found:
    """One entry of a listing; ``stamp`` changes whenever the content may have."""

    name: str
    path: str
    size: int
    stamp: str


class Folder:
    """The results folder, on any file system that fsspec understands."""

    def __init__(self, out: str | os.PathLike):
        self.url = os.fspath(out)
        try:
            self.fs, root = url_to_fs(os.path.expanduser(self.url))
        except (ImportError, ValueError) as error:
            raise UserError(f"cannot open '{self.url}': {error}; install its fsspec driver or choose a local path"
                            ) from error
        self.root = root.rstrip("/") or "/"
        self.local = isinstance(self.fs, LocalFileSystem)

    def path(self, *parts: str) -> str:
        return "/".join((self.root.rstrip("/"), *parts))

    def exists(self, *parts: str) -> bool:
        return self.fs.exists(self.path(*parts))

    def list(self, folder: str, suffix: str = ".parquet") -> list[Found]:
        """Files of one folder in the order of their names; names with a leading dot are unfinished and left out."""
        where = self.path(folder)
        if self.local:
            return sorted(_scan(where, suffix), key=lambda found: found.name)
        self.fs.invalidate_cache(where)
        try:
            infos = self.fs.ls(where, detail=True)
        except FileNotFoundError:
            return []
        found = [_remote(info) for info in infos if info["type"] == "file"]
        return sorted((f for f in found if _wanted(f.name, suffix)), key=lambda f: f.name)

    def whole(self, found: Found, marks: Sequence[bytes]) -> bool:
        """Cheaply: the file has Parquet's magic at both ends, and between them a footer with one of our ``marks``."""
        if found.size < 2 * len(MAGIC) + 4:
            return False
        with suppress(OSError):
            end = self._bytes(found, found.size - 8, found.size)
            start = found.size - 8 - int.from_bytes(end[:4], "little")
            if end[4:] == MAGIC and start >= len(MAGIC) and self._bytes(found, 0, len(MAGIC)) == MAGIC:
                footer = self._bytes(found, start, found.size)
                return any(mark in footer for mark in marks)
        return False

    def _bytes(self, found: Found, start: int, end: int) -> bytes:
        if not self.local:
            return self.fs.cat_file(found.path, start=start, end=end)
        file = os.open(found.path, os.O_RDONLY)
        try:
            return os.pread(file, end - start, start)
        finally:
            os.close(file)

    def read(self, path: str) -> bytes:
        return Path(path).read_bytes() if self.local else self.fs.cat_file(path)

    def holds(self, content: bytes, *parts: str) -> bool:
        """Whether a file named after its content is there whole: the name says the rest."""
        path = self.path(*parts)
        return self.fs.exists(path) and self.fs.size(path) == len(content)

    def write(self, content: bytes, *parts: str, new: bool = False, sync: bool = True) -> str:
        """Write a file atomically and return its path.

        Args:
            new: the name must be free.
            sync: wait for a local disk; not worth it for files that :meth:`holds` tells whole from torn.

        Raises:
            NameTaken: ``new`` was asked for and the name is not free.
            UserError: no space, read-only, no permission, or a file where a folder should be.
        """
        path = self.path(*parts)
        if new and self.fs.exists(path):
            raise NameTaken(path)
        if self.local:
            write_whole(Path(path), content, new, sync)
        else:
            with mendable(path):
                self.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
                self.fs.pipe_file(path, content)
        return path

    def check_writable(self, folder: str) -> None:
        """Write and remove a small file.

        Raises:
            UserError: it cannot be done; says why and what to do.
        """
        probe = f".{uuid4().hex}.tmp"
        path = self.write(b"partbench", folder, probe)
        with mendable(path):
            self.fs.rm_file(path)


def _wanted(name: str, suffix: str) -> bool:
    return name.endswith(suffix) and not name.startswith(".")


def _scan(where: str, suffix: str) -> Iterator[Found]:
    try:
        entries = os.scandir(where)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if _wanted(entry.name, suffix):
                with suppress(FileNotFoundError):  # another writer may replace it under our eyes
                    state = entry.stat()
                    yield Found(entry.name, entry.path, state.st_size, str(state.st_mtime_ns))


def _remote(info: dict) -> Found:
    stamp = next((str(info[key]) for key in ("ETag", "etag", "mtime", "LastModified", "created") if key in info), "")
    return Found(info["name"].rpartition("/")[2], info["name"], info["size"] or 0, stamp)
