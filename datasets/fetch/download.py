"""One file from a web server: continued where it broke off, checked before it gets its name."""

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from ...errors import UserError
from ...plain_json import parsed
from .staging import writable
from .web import Broken, RangeRefused, open_address, said

Progress = Callable[[int, int | None], None]
"""Told bytes done, and bytes in all where they are known."""

_TRIES = 5
"""Failures in a row without a byte won."""
_LARGEST = 2**40
"""Bytes of a file whose size the card does not know."""
_BLOCK = 1 << 16
_SPAN = re.compile(r"bytes ([0-9]{1,19})-[0-9]+/([0-9]{1,19}|\*)")


def fetch(url: str, file: Path, size: int | None = None, checksum: str | None = None,
          progress: Progress = lambda done, total: None, pause: float = 1.0) -> None:
    """Download ``url`` to ``file``; a file that is there, and has the checksum if one is known, is left as it is.

    What has come is kept in ``<file>.part`` when the connection breaks or the process dies, and the next try asks for
    the rest, unless the server's file has changed since (entity tag or date).

    Args:
        url: http or https; redirects lead to these only, and never from https back to http.
        size: bytes, as published; a twentieth more is taken, since some owners round, and nothing beyond.
        checksum: ``"md5:..."`` or ``"sha256:..."``.
        pause: seconds before the second try; doubled after each failure.

    Raises:
        UserError: what is wrong with the address, the server, the file or the disk, and how to mend it.
    """
    if file.exists() and _good(file, checksum):
        return
    part = _Part(url, file.with_name(f"{file.name}.part"), checksum is not None)
    limit = int(1.05 * size) + _BLOCK if size else _LARGEST
    if _receive_all(part, limit, progress, pause) and not _good(part.path, checksum):
        # Its pieces may be of two releases: the server is asked once more, for all of it.
        part.discard()
        _receive_all(part, limit, progress, pause)
    if not _good(part.path, checksum):
        found = digest(part.path, checksum)
        part.discard()
        raise UserError(f"{url}: the file has {found} instead of {checksum}; it is not what the data set's owners "
                        "published, or was damaged on its way: try again, or give another --mirror")
    progress(part.size, part.size)
    with writable(file):
        part.path.replace(file)
    part.discard()


def digest(file: Path, like: str = "sha256:") -> str:
    """Checksum of a file in the form of ``like``: ``"sha256:..."`` or ``"md5:..."``."""
    algorithm = like.partition(":")[0]
    with open(file, "rb") as content:
        found = hashlib.file_digest(content, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return f"{algorithm}:{found.hexdigest()}"


@dataclass
class _Part:
    """What has come of a file so far, and of which state of the server's file it is a part."""

    url: str
    path: Path
    checked: bool
    """A checksum will tell whether the pieces belong together."""

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def _note(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")

    def headers(self) -> dict[str, str]:
        """Of a request for what is missing, on the condition that the file is still the same."""
        url, state = self._noted()
        if not self.size or url != self.url or not (state or self.checked):
            return {}
        return {"Range": f"bytes={self.size}-"} | ({"If-Range": state} if state else {})

    def continued_by(self, reply: HTTPResponse) -> bool:
        """Whether the reply begins where the part ends, and is of the same state; not every server heeds If-Range."""
        span = _SPAN.fullmatch(reply.headers.get("Content-Range", ""))
        return reply.status == 206 and span is not None and int(span[1]) == self.size and (
            self._noted() == (self.url, _state(reply)))

    def restart(self, reply: HTTPResponse) -> None:
        """Forget what came before, and note of what state the reply is."""
        self.discard()
        with writable(self.path):
            self._note.write_text(json.dumps([self.url, _state(reply)]))

    def _noted(self) -> tuple[str | None, str | None]:
        try:
            url, state = parsed(self._note.read_text())
        except (OSError, ValueError, TypeError):  # killed before it was written, or while it was
            return None, None
        return url, state

    def discard(self) -> None:
        with writable(self.path):
            self.path.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)


def _good(file: Path, checksum: str | None) -> bool:
    return checksum is None or digest(file, checksum) == checksum


def _receive_all(part: _Part, limit: int, progress: Progress, pause: float) -> bool:
    """Try until all of it has come; whether it came in several pieces."""
    failures, pieces = 0, int(part.size > 0)
    while True:
        before = part.size
        try:
            _receive(part, limit, progress)
            return pieces > 0
        except Broken as broken:
            failures = 1 if part.size > before else failures + 1
            if failures == _TRIES:
                raise UserError(f"{part.url}: {broken}, {_TRIES} times in a row; check the network and run the same "
                                f"command again, it continues after {part.size} bytes") from None
        pieces += 1
        time.sleep(min(60.0, pause * 2 ** (failures - 1)))


def _receive(part: _Part, limit: int, progress: Progress) -> None:
    """One connection: append to the part what the server sends."""
    reply = _answer(part)
    if reply is None:
        return
    with reply:
        if reply.status == 200:
            part.restart(reply)
        elif not part.continued_by(reply):
            part.discard()
            raise Broken(f"the server answers {reply.status}, and not with what was asked for")
        done, total = part.size, _total(reply)
        if (total or 0) > limit:
            raise _too_large(part, total, limit)
        with writable(part.path), open(part.path, "ab") as out:
            while done != total and (block := _read(reply)):
                done += len(block)
                if done > limit:
                    raise _too_large(part, done, limit)
                out.write(block)
                out.flush()  # a kill loses nothing that has come
                progress(done, total)
    if done < (total or 0):
        raise Broken(f"the connection ended after {done} of {total} bytes")


def _answer(part: _Part) -> HTTPResponse | None:
    """The server's answer; None where it says that nothing is missing."""
    try:
        return open_address(part.url, part.headers())
    except RangeRefused as refused:
        if refused.total == part.size:
            return None
        part.discard()
        raise


def _read(reply: HTTPResponse) -> bytes:
    try:
        return reply.read1(_BLOCK)
    except (OSError, HTTPException) as error:
        raise Broken(f"the connection broke ({said(error)})") from None


def _total(reply: HTTPResponse) -> int | None:
    """Bytes of the whole file, where the server says it."""
    span = _SPAN.fullmatch(reply.headers.get("Content-Range", ""))
    total = span[2] if span and reply.status == 206 else reply.headers.get("Content-Length", "")
    return int(total) if re.fullmatch("[0-9]{1,19}", total) else None


def _state(reply: HTTPResponse) -> str | None:
    """What changes when the server's file does; a weak tag does not change with every byte."""
    tag = reply.headers.get("ETag", "")
    return tag if tag.startswith('"') else reply.headers.get("Last-Modified")


def _too_large(part: _Part, found: int, limit: int) -> UserError:
    part.discard()
    return UserError(f"{part.url}: {found} bytes, where {limit} are expected; it is not what the data set's owners "
                     "published: give another --mirror")
