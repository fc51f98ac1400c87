"""A site in a local folder, changed in one step: readers and a killed publish find the old site or the new one.

The next site is built beside the folder, and the two names are exchanged (renameat2 with RENAME_EXCHANGE, on Linux).
Where a file system cannot do that, the old folder is renamed aside and the new one takes its name; who is killed
between the two leaves the old site under ``.NAME.partbench-old``, from where the next publish brings it back. One
publish at a time: the folder around it is locked.
"""

import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import UserError
from .compose import Change

Compose = Callable[[Path | None, Path, str], Change]
"""(published site or None, the next one's folder, the site in words) -> what changed."""
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of renameat2(2)


def publish_to_folder(folder: Path, compose: Compose, dry_run: bool) -> Change:
    """Bring the site in ``folder`` up to date; with ``dry_run`` only find out what that would change.

    Raises:
        UserError: something else is there, or it cannot be written.
    """
    folder = Path(os.path.realpath(folder))
    _check(folder)
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="partbench-") as work:
            return compose(_site(folder), Path(work, "site"), str(folder))
    with _mendable(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.parent):
            _recover(folder)
            new = _beside(folder, "new")
            try:
                change = compose(_site(folder), new, str(folder))
                if change.files:
                    _take_place(new, folder)
                return change
            finally:
                shutil.rmtree(new, ignore_errors=True)  # after an exchange it holds the old site


def _check(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; give a folder, or a git remote")
    if folder == folder.parent:
        raise UserError(f"{folder} is no folder for a site; give one inside it")
    around = next(parent for parent in folder.parents if parent.exists())
    for place in (around, folder):
        if place.exists() and not os.access(place, os.W_OK | os.X_OK):
            raise UserError(f"cannot write {place}: permission denied; the next site is built beside the old one, so "
                            "make both the folder and the one around it writable")


def _site(folder: Path) -> Path | None:
    return folder if folder.is_dir() else None


def _beside(folder: Path, what: str) -> Path:
    return folder.with_name(f".{folder.name}.partbench-{what}")


def _recover(folder: Path) -> None:
    """Clear up after a publish that was killed."""
    old, new = _beside(folder, "old"), _beside(folder, "new")
    if old.exists() and not folder.exists():
        old.rename(folder)
    for left in (old, new):
        if left.exists():
            shutil.rmtree(left)


def _take_place(new: Path, folder: Path) -> None:
    if not folder.exists():
        new.rename(folder)
        return
    shutil.copymode(folder, new)
    if not _exchange(new, folder):
        old = _beside(folder, "old")
        folder.rename(old)
        new.rename(folder)
        shutil.rmtree(old)


def _exchange(one: Path, other: Path) -> bool:
    """Whether the two names could be exchanged at once."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):  # not on this file system, or this kernel
        return False
    raise OSError(number, os.strerror(number), str(other))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until nobody else publishes into this folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.EBADF):
                raise
        yield  # a file system without locks: there is nobody to ask
    finally:
        os.close(handle)


@contextmanager
def _mendable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot publish to {folder}: {error.strerror or error}; mend that or give another folder"
                        ) from error
