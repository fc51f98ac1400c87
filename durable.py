"""Local files that are either whole or not there, and one line for whatever keeps them from being written."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from .errors import UserError

_MENDS = {
    errno.ENOSPC: "no space left on the device; free some and run the same command again, finished runs are kept",
    errno.EDQUOT: "disk quota exceeded; free some and run the same command again, finished runs are kept",
    errno.EROFS: "the file system is read-only; choose another --out",
    errno.EACCES: "permission denied; make it writable or choose another --out",
    errno.EPERM: "not permitted; make it writable or choose another --out",
    errno.ENOTDIR: "part of the path is a file, not a folder; choose another --out",
    errno.EEXIST: "it is a file, not a folder; choose another --out",
}


class NameTaken(Exception):
    """Another writer already has the name."""


@contextmanager
def mendable(path: str | os.PathLike) -> Iterator[None]:
    """Turn an OSError into a UserError that names the path and the mend."""
    try:
        yield
    except OSError as error:
        mend = _MENDS.get(error.errno, f"{error.strerror or error}; check the path or choose another --out")
        raise UserError(f"cannot write {path}: {mend}") from error


def write_whole(path: Path, content: bytes, new: bool = False, sync: bool = True) -> None:
    """Write under a temporary name, fsync, rename, fsync the folder.

    Without ``sync`` nothing waits for the disk: a crash of the machine may leave the file torn.

    Raises:
        NameTaken: ``new`` was asked for and the name is not free.
        UserError: no space, read-only, no permission, or a file where a folder should be.
    """
    temporary = path.with_name(f".{path.name[:100]}.{uuid4().hex}.tmp")
    try:
        with mendable(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        with mendable(path):
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            _name(temporary, path, new)
            if sync:
                _sync_folder(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()


def _name(temporary: Path, path: Path, new: bool) -> None:
    if not new:
        os.replace(temporary, path)
        return
    try:
        os.link(temporary, path)  # unlike a rename, refuses a name that another writer took meanwhile
    except FileExistsError:
        raise NameTaken(path) from None
    except OSError:  # a file system without hard links
        os.replace(temporary, path)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
