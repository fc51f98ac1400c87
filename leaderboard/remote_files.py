"""Files on object stores and whatever else fsspec reaches: what fails is tried again, and said in one line."""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..durable import NameTaken
from ..errors import UserError
from .address import without_secrets

Answer = TypeVar("Answer")
_PAUSES = (0.5, 2.0)  # seconds before another try; drivers have tries of their own below these
_WITHOUT_FOLDERS = frozenset(("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci", "oss", "memory"))


class Unreachable(UserError):
    """The file system cannot be read or written."""


class RemoteFiles:
    """What the store and the mirror need of a remote file system.

    Every call raises :class:`Unreachable` where it does not answer, or refuses; reading what is not there raises
    FileNotFoundError.

    Args:
        fs: of fsspec.
        url: for what an error says.
        pauses: seconds before each further try.
    """

    def __init__(self, fs: Any, url: str, pauses: Sequence[float] = _PAUSES):
        self._fs, self._url, self._pauses = fs, url, pauses
        protocols = (fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol
        self._flat = not _WITHOUT_FOLDERS.isdisjoint(protocols)

    def entries(self, folder: str) -> list[dict]:
        """What fsspec says of each file of one folder; nothing where there is none."""
        return self._listed(lambda: self._fs.ls(folder, detail=True))

    def find(self, folder: str) -> list[dict]:
        """What fsspec says of each file below a folder; nothing where there is none."""
        return self._listed(lambda: list(self._fs.find(folder, detail=True).values()))

    def _listed(self, action: Callable[[], list[dict]]) -> list[dict]:
        def fresh() -> list[dict]:
            self._fs.invalidate_cache()
            return action()

        try:
            return [info for info in self._tried("read", fresh) if info["type"] == "file"]
        except FileNotFoundError:
            return []

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder, now."""
        def look() -> bool:
            self._fs.invalidate_cache()
            return self._fs.exists(path)

        return self._tried("read", look)

    def read(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        """A file, or the bytes of it from ``start`` to before ``end``."""
        return self._tried("read", lambda: self._fs.cat_file(path, start=start, end=end))

    def write(self, path: str, content: bytes, new: bool = False) -> None:
        """Write a file at once, in one put.

        Raises:
            NameTaken: ``new`` was asked for and the name is not free.
        """
        try:
            self._tried("write to", lambda: self._put(path, content, new))
        except FileNotFoundError as error:
            raise self._unreachable("write to", error) from error

    def _put(self, path: str, content: bytes, new: bool) -> None:
        if not self._flat:  # an object store would make a bucket of a name that is misspelt
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        try:
            self._fs.pipe_file(path, content, mode="create" if new else "overwrite")
        except FileExistsError:
            # A try whose answer was lost may have written it.
            if not new or self._fs.cat_file(path) != content:
                raise NameTaken(path) from None

    def remove(self, path: str) -> None:
        """Remove a file."""
        self._tried("write to", lambda: self._fs.rm_file(path))

    def _tried(self, what: str, action: Callable[[], Answer]) -> Answer:
        for pause in self._pauses:
            try:
                return action()
            except (NameTaken, FileNotFoundError):
                raise
            except Exception as error:  # a driver raises its own library's errors, which have no kind in common
                if isinstance(error, PermissionError):
                    raise self._unreachable(what, error) from error
                time.sleep(pause)
        try:
            return action()
        except (NameTaken, FileNotFoundError):
            raise
        except Exception as error:
            raise self._unreachable(what, error) from error

    def _unreachable(self, what: str, error: Exception) -> Unreachable:
        said = without_secrets(" ".join(str(error).split()))[:200] or type(error).__name__
        return Unreachable(f"cannot {what} {self._url}: {said}; check the network, the address and the credentials, "
                           "then give the same command again")
