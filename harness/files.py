"""Local files that are either whole or not there."""

import errno
import os
from pathlib import Path

from ..errors import UserError


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` under a temporary name, fsync, rename, fsync the folder.

    Raises:
        UserError: no space, read-only or not permitted.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> UserError:
    """The line for a file that cannot be written."""
    mend = "free some space" if error.errno == errno.ENOSPC else "choose another --out or change its permissions"
    return UserError(f"cannot write {path}: {error.strerror}; {mend}")
