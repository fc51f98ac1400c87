"""The folder of stored views: who may use which, and which give way when room is needed."""

import fcntl
import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import numpy as np

from ...durable import write_whole
from ...errors import UserError
from .choice import LIMIT, store_folder
from .key import PrefixKey
from .view import StoredView, last_used, remove, remove_unused, view_size

log = logging.getLogger("partbench")


class PrefixStore:
    """The views of one key, in the folder that all keys share.

    Args:
        limit: bytes that all views together may take; None: 32 GiB, and no more than half of what is free or theirs.
        evicts: others give way where room is needed; False: a view that does not fit is not made, and nobody is told.
    """

    def __init__(self, key: PrefixKey, limit: int | None = None, evicts: bool = True):
        self.key, self.limit, self.evicts, self.root = key, limit, evicts, store_folder()
        self.folder = self.root / key.digest
        self._verified: dict[bytes, np.ndarray] = {}

    def open(self, number: int) -> StoredView | None:
        """A view, in use until it is closed; None where there is no room for it."""
        file = self.folder / f"{number}.tokens"
        try:
            with self._alone():
                self._check_header()
                if not file.exists() and not self._make_room():
                    return None
                with suppress(OSError):
                    return self._opened(file)
                StoredView.create(file, self.key.shape, self.key.kind)
                return self._opened(file)
        except (OSError, UserError) as error:
            warn(f"no prefix store in {self.root}: {error}")
            return None

    def _opened(self, file: Path) -> StoredView:
        return StoredView(file, self.key.shape, self.key.kind, self._verified)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else opens, creates or removes views meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.root / ".lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _check_header(self) -> None:
        """Views beside a header that is not theirs are thrown away."""
        header, content = self.folder / "key.json", json.dumps(self.key.content(), indent=1).encode()
        with suppress(OSError):
            if header.read_bytes() == content:
                return
        for file in self.folder.glob("*.tokens"):
            remove(file)
        write_whole(header, content, sync=False)

    def _make_room(self) -> bool:
        """Remove views that nobody uses, those used longest ago first, until another one fits; whether it does."""
        needed = view_size(self.key.shape, self.key.kind)
        sizes = {file: file.stat().st_size for file in self.root.glob("*/*.tokens")}
        taken = sum(file.stat().st_blocks * 512 for file in sizes)
        limit = self.limit or min(LIMIT, (shutil.disk_usage(self.root).free + taken) // 2)
        for file in sorted(sizes, key=last_used) if self.evicts else ():
            if self._fits(sum(sizes.values()) + needed, limit, needed):
                break
            if remove_unused(file):
                del sizes[file]
        if self._fits(sum(sizes.values()) + needed, limit, needed):
            return True
        if self.evicts:
            warn(f"{self.root} has no room for {needed / 2**30:.1f} GiB more: views are computed as they are shown; "
                 "free some space, or give a larger --prefix-store")
        return False

    def _fits(self, total: int, limit: int, needed: int) -> bool:
        return total <= limit and needed <= shutil.disk_usage(self.root).free


@cache
def warn(message: str) -> None:
    """Once a process, not once an epoch."""
    log.warning(message)
