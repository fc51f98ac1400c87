"""The results folder on any file system: atomic writes and listings.

Local files are written as :mod:`partbench.durable` does; on other file systems (memory, object stores) one put is
atomic already.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from ..durable import NameTaken, mendable, read_plain, temporary_name, write_whole
from ..errors import UserError
from ..links import inside
from .address import checked_address
from .remote_files import RemoteFiles


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
        self.url = checked_address(out)
        try:
            # What others write must be seen at once.
            self.fs, root = url_to_fs(os.path.expanduser(self.url), use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise UserError(f"cannot open '{self.url}': {error}; install its fsspec driver or choose a local path"
                            ) from error
        self.root = root.rstrip("/") or "/"
        self.local = isinstance(self.fs, LocalFileSystem)
        self.remote = RemoteFiles(self.fs, self.url)

    def path(self, *parts: str) -> str:
        return "/".join((self.root.rstrip("/"), *parts))

    def exists(self, *parts: str) -> bool:
        path = self.path(*parts)
        return self.fs.exists(path) if self.local else self.remote.exists(path)

    def list(self, folder: str, suffix: str = ".parquet") -> list[Found]:
        """Files of one folder in the order of their names; names with a leading dot are unfinished and left out."""
        where = self.path(folder)
        if self.local:
            return sorted(_scan(where, suffix), key=lambda found: found.name)
        found = map(as_found, self.remote.entries(where))
        return sorted((f for f in found if _wanted(f.name, suffix)), key=lambda f: f.name)

    def read(self, path: str) -> bytes:
        """A whole file.

        Raises:
            OSError: it is not there or cannot be read; or, on a local disk, is a link or a device: those may lead
                anywhere, and partbench writes none.
        """
        return read_plain(path) if self.local else self.remote.read(path)

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
            UserError: no space, read-only, no permission, a file where a folder should be, or a URL that does not
                answer.
        """
        path = self.path(*parts)
        if not self.local:
            self.remote.write(path, content, new)
            return path
        if new and os.path.lexists(path):
            raise NameTaken(path)
        write_whole(inside(self.root, os.path.dirname(path)) / os.path.basename(path), content, new, sync)
        return path

    def check_writable(self, folder: str) -> None:
        """Write and remove a small file.

        Raises:
            UserError: it cannot be done; says why and what to do.
        """
        path = self.write(b"partbench", folder, temporary_name("probe"))
        if self.local:
            with mendable(path):
                os.unlink(path)
        else:
            self.remote.remove(path)


def _wanted(name: str, suffix: str) -> bool:
    return name.endswith(suffix) and not name.startswith(".")


def _scan(where: str, suffix: str) -> Iterator[Found]:
    try:
        entries = os.scandir(where)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise UserError(f"cannot read {where}: {error.strerror}; make it readable or choose another --out") from error
    with entries:
        for entry in entries:
            if _wanted(entry.name, suffix):
                with suppress(FileNotFoundError):  # another writer may replace it under our eyes
                    state = entry.stat(follow_symlinks=False)
                    yield Found(entry.name, entry.path, state.st_size, str(state.st_mtime_ns))


def as_found(info: dict) -> Found:
    """What a driver of fsspec says of a file in a listing."""
    stamp = next((str(info[key]) for key in ("ETag", "etag", "mtime", "LastModified", "created") if key in info), "")
    return Found(info["name"].rpartition("/")[2], info["name"], info["size"] or 0, stamp)
