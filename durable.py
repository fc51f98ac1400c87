"""Local files that are either whole or not there, and one line for whatever keeps them from being written.

What a killed process leaves is a file of a temporary name that says whose it is, for anybody to remove.
"""

import errno
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from .errors import UserError
from .processes import is_gone, owner

_MENDS = {
    errno.ENOSPC: "no space left on the device; free some and run the same command again, finished runs are kept",
    errno.EDQUOT: "disk quota exceeded; free some and run the same command again, finished runs are kept",
    errno.EROFS: "the file system is read-only; choose another --out",
    errno.EACCES: "permission denied; make it writable or choose another --out",
    errno.EPERM: "not permitted; make it writable or choose another --out",
    errno.ENOTDIR: "part of the path is a file, not a folder; choose another --out",
    errno.EEXIST: "it is a file, not a folder; choose another --out",
}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}
# Without an owner: of versions that named none.
_TEMPORARY = re.compile(r"\.(?:.*?\.)??(?P<owner>[0-9a-f]{8}-[0-9]+-[0-9]*\.)?[0-9a-f]{32}\.tmp", re.DOTALL)
_DAY = 24 * 3600  # seconds after which a temporary file of a process that cannot be seen is taken for left over


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


def temporary_name(name: str) -> str:
    """``.NAME.<owner>.<random>.tmp``: hidden, of nobody else, and the owner tells when it may be removed."""
    return f".{name[:100]}.{owner()}.{uuid4().hex}.tmp"


def write_whole(path: Path, content: bytes, new: bool = False, sync: bool = True) -> None:
    """Write under a temporary name, fsync, rename, fsync the folder.

    Without ``sync`` nothing waits for the disk: a crash of the machine may leave the file torn.

    Raises:
        NameTaken: ``new`` was asked for and the name is not free.
        UserError: no space, read-only, no permission, or a file where a folder should be.
    """
    temporary = path.with_name(temporary_name(path.name))
    try:
        with mendable(path.parent):
            _make_folder(path.parent, sync)
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


def read_plain(path: str | os.PathLike, most: int | None = None) -> bytes:
    """The bytes of a regular file: what was put in its place, such as a link that leads elsewhere, is not read.

    Args:
        most: bytes that it may have; None: any number.

    Raises:
        OSError: it is not there, cannot be read, is larger, or is a link, a folder, a pipe or a device.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe without a writer would block
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link; put the file itself there") from None
        raise
    with open(handle, "rb") as file:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        if most is not None and state.st_size > most:
            raise OSError(errno.EFBIG, f"it has {state.st_size} bytes, and at most {most} belong there")
        return file.read()


def leftovers(folder: Path) -> Iterator[Path]:
    """Temporary files at any depth below ``folder`` whose writer is dead; links are not followed.

    Of a writer that cannot be seen from here, on another machine, those that nobody touched for a day.
    """
    known: dict[str, bool | None] = {}
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            entries = os.scandir(waiting.pop())
        except OSError:  # removed under our eyes, or not ours to see
            continue
        with entries:
            for entry in entries:
                if entry.name.endswith(".tmp"):
                    if _is_left(entry, known):
                        yield Path(entry.path)
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)


def sweep(folder: Path) -> list[Path]:
    """Remove the :func:`leftovers` of a folder; returns those removed."""
    removed = []
    for file in leftovers(folder):
        with suppress(OSError):  # somebody else was faster, or it is not ours to remove: harmless where it is
            file.unlink()
            removed.append(file)
    return removed


def _is_left(entry: os.DirEntry, known: dict[str, bool | None]) -> bool:
    found = _TEMPORARY.fullmatch(entry.name)
    if found is None or not entry.is_file(follow_symlinks=False):
        return False
    writer = (found["owner"] or "").rstrip(".")
    if writer not in known:
        known[writer] = is_gone(writer)
    gone = known[writer]
    if gone is not None:
        return gone
    with suppress(OSError):
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > _DAY
    return False


def _make_folder(folder: Path, sync: bool) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing if sync else ():
        _sync_folder(made.parent)


def _name(temporary: Path, path: Path, new: bool) -> None:
    if not new:
        os.replace(temporary, path)
        return
    try:
        os.link(temporary, path)  # unlike a rename, refuses a name that another writer took meanwhile
    except FileExistsError:
        raise NameTaken(path) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _reserve(path)
        os.replace(temporary, path)


def _reserve(path: Path) -> None:
    """Take a name where there are no hard links; who is killed before the rename leaves an empty file."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        raise NameTaken(path) from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:  # some network file systems sync no folders
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(handle)
