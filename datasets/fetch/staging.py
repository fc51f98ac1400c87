"""A folder that is there whole or not at all: filled under a hidden name beside it, then renamed."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import UserError


def vacant(folder: Path | str) -> Path:
    """``folder`` as an absolute path without symbolic links, if a data set can be put there.

    Raises:
        UserError: it is a file, a mount point, or not empty.
    """
    folder = Path(os.path.realpath(os.path.expanduser(folder)))
    with writable(folder):
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} is a file; give another folder")
        if folder.is_dir() and any(folder.iterdir()):
            raise UserError(f"{folder} is not empty; give another folder, or move away what is there")
        if folder.is_mount():  # nothing can be renamed onto it, and what is beside it is another disk
            raise UserError(f"{folder} is a mount point; give a folder inside it")
    return folder


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """The hidden folder beside ``folder``, ``.<name>.partial``, for one process at a time.

    Files in it stay there after an error or a kill, for the next try; without any it is removed.

    Raises:
        UserError: another process has it, or it cannot be made.
    """
    partial = folder.with_name(f".{folder.name[:200]}.partial")
    lock = partial / "lock"
    with writable(partial):
        partial.mkdir(parents=True, exist_ok=True)
        held = open(lock, "a")
    try:
        if not _locked(held.fileno(), lock):
            raise UserError(f"another process is filling {folder}; wait for it or stop it")
        yield partial
        _clear(partial)
    except BaseException:
        if not any(path.is_file() and path != lock for path in partial.rglob("*")):
            _clear(partial)
        raise
    finally:
        held.close()


def publish(filled: Path, folder: Path) -> None:
    """Give ``filled`` the name ``folder``, once all of it has reached the disk.

    Raises:
        UserError: something has come to stand there, or the disk does not let us.
    """
    with writable(folder):
        os.sync()  # one call, and not one for each of 10,000 pictures
        os.rename(filled, folder)  # replaces an empty folder, and nothing else
        handle = os.open(folder.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def discard(filled: Path) -> None:
    """Remove what a try that did not end well has left."""
    if filled.exists():
        with writable(filled):
            shutil.rmtree(filled)


def second_name(file: Path, name: Path) -> None:
    """The content of ``file`` under ``name``, too: a hard link, or a copy where there are none."""
    with writable(name):
        try:
            os.link(file, name)
        except FileExistsError:
            raise
        except OSError:
            shutil.copyfile(file, name)


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn an OSError into a UserError that names the path.

    The path of the error itself is named where it has one: the disk may fail below ``path``.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {error.filename or path}: {error.strerror or error}; mend that or give another "
                        "folder, then run the same command again") from error


def _locked(handle: int, lock: Path) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks: there is nobody to ask
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle), os.stat(lock))
    return False  # the process that had it has just finished and cleared up


def _clear(partial: Path) -> None:
    shutil.rmtree(partial, ignore_errors=True)  # what stays is hidden, and in nobody's way
