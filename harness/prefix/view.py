"""One stored view: the tokens of every image in a file, and a file of checksums that says which are there."""

import fcntl
import mmap
import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self
from uuid import uuid4

import numpy as np

_BORN = 16  # bytes in front of the checksums, by which two files of one name are told apart
_THERE = 1 << 32  # in front of a checksum: without it zero is "not there"


class StoredView:
    """A view on disk, open and in use: nobody removes it until it is closed.

    Tokens are written before their checksum, and a checksum is looked at before its tokens are trusted: writers may
    compete, for they write the same, and whatever a crash tore is found out. Files are read through a memory map, so
    what fits into memory is read from there; they are written by calls, which report a full disk instead of ending the
    process.

    Args:
        file: of the tokens; the checksums stand beside it.
        shape: images, copies, tokens, channels.
        kind: of the numbers, as numpy names it.
        verified: by the birth of a view, the images of it that this process has checked.

    Raises:
        OSError: it cannot be opened, or is not whole.
    """

    def __init__(self, file: Path, shape: Sequence[int], kind: str, verified: dict[bytes, np.ndarray]):
        self.shape = tuple(shape)
        with open(file, "r+b") as tokens, open(_sums_of(file), "r+b") as sums:
            fcntl.flock(tokens, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if os.fstat(tokens.fileno()).st_size != view_size(shape, kind) or (
                    os.fstat(sums.fileno()).st_size != _BORN + 8 * self.shape[0]):
                raise OSError("it is not whole")
            self._tokens_file, self._sums_file = os.dup(tokens.fileno()), os.dup(sums.fileno())
            # Descriptors that were duplicated share the lock.
            self._tokens = _mapped(tokens.fileno(), kind, 0).reshape(self.shape)
            self._sums = _mapped(sums.fileno(), "uint64", _BORN)
            born = os.pread(sums.fileno(), _BORN, 0)
        os.utime(_sums_of(file))  # the one used longest ago gives way first
        self._verified = verified.setdefault(born, np.zeros(self.shape[0], bool))

    @staticmethod
    def create(file: Path, shape: Sequence[int], kind: str) -> None:
        """An empty view, in place of what may be there.

        Raises:
            OSError: it cannot be written.
        """
        remove(file)
        with open(file, "xb") as tokens, open(_sums_of(file), "xb") as sums:
            tokens.truncate(view_size(shape, kind))
            sums.write(uuid4().bytes)
            sums.truncate(_BORN + 8 * shape[0])

    def missing(self, places: np.ndarray) -> np.ndarray:
        """Those of the places [n] whose tokens are not there yet."""
        return places[self._sums[places] == 0]

    def read(self, places: Sequence[int] | slice) -> np.ndarray:
        """Tokens of some images: [n, copies, S, D]; of a slice as the memory map has them, else copied."""
        return self._tokens[places]

    def damaged(self, places: np.ndarray) -> np.ndarray:
        """Those of the places [n] whose tokens are not what was written; each is looked at once by a process."""
        new = places[~self._verified[places]]
        whole = np.array([int(self._sums[place]) == _sum(self._tokens[place]) for place in new], bool)
        self._verified[new[whole]] = True
        return new[~whole]

    def write(self, places: Sequence[int], tokens: np.ndarray) -> None:
        """Keep the tokens of some images, [n, copies, S, D] of the view's kind.

        Raises:
            OSError: the disk is full.
        """
        for place, one in zip(places, np.ascontiguousarray(tokens), strict=True):
            _write(self._tokens_file, one, place * one.nbytes)
            _write(self._sums_file, np.uint64(_sum(one)), _BORN + 8 * place)

    def claim(self, part: int) -> bool:
        """Whether this process alone is to compute a part of the view; until :meth:`release`, or its death."""
        with suppress(BlockingIOError, PermissionError):
            fcntl.lockf(self._sums_file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, part)
            return True
        return False

    def release(self) -> None:
        """Give up all claims."""
        fcntl.lockf(self._sums_file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Whoever needs the room may remove it now."""
        fcntl.flock(self._tokens_file, fcntl.LOCK_UN)  # by name: worker processes may hold copies of the descriptor
        del self._tokens, self._sums
        os.close(self._tokens_file)
        os.close(self._sums_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def view_size(shape: Sequence[int], kind: str) -> int:
    """Bytes of the tokens of a view."""
    return np.dtype(kind).itemsize * int(np.prod(shape))


def remove(file: Path) -> None:
    """Remove a view's files, as far as they are there."""
    for each in (_sums_of(file), file):  # without checksums nothing of it is trusted
        each.unlink(missing_ok=True)


def remove_unused(file: Path) -> bool:
    """Remove a view unless somebody uses it; whether it is gone."""
    try:
        with open(file, "rb") as tokens:
            fcntl.flock(tokens, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(file)
    except FileNotFoundError:
        pass
    except OSError:  # in use, or not ours to remove
        return False
    return True


def last_used(file: Path) -> float:
    """When the view was last opened or written, in seconds; 0 where nothing tells."""
    try:
        return _sums_of(file).stat().st_mtime
    except OSError:
        return 0.0


def _sums_of(file: Path) -> Path:
    return file.with_suffix(".sums")


def _sum(tokens: np.ndarray) -> int:
    return _THERE | zlib.crc32(tokens)


def _mapped(handle: int, kind: str, offset: int) -> np.ndarray:
    return np.frombuffer(mmap.mmap(handle, 0, access=mmap.ACCESS_READ), kind, offset=offset)


def _write(handle: int, values: np.ndarray, offset: int) -> None:
    content = memoryview(np.ascontiguousarray(values)).cast("B")
    while content:
        written = os.pwrite(handle, content, offset)
        content, offset = content[written:], offset + written
