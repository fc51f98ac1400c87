"""Leases: which of several commands on one folder of results does a run. They expire: a killed one blocks nobody.

``leases/<key>.<generation>.json`` names the holder of a key; the highest generation counts, and as no name can be
written twice, one of several who want the next gets it. ``leases/holder-<name>.json`` holds a number that its holder
raises; one that stands still for a minute, by the clock of whoever looks, has expired. No clocks are compared. On the
machine of the holder its process tells at once.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

from ...durable import NameTaken
from ...errors import UserError
from ...leaderboard.files import Folder
from ...processes import is_gone, owner

log = logging.getLogger("partbench")
FOLDER = "leases"
_EXPIRES = 60.0  # seconds without a sign of life
_BEAT = 10.0
_NAME = re.compile(r"(?P<key>[A-Za-z0-9_-]+)\.(?P<generation>[0-9]+)\.json")


class Leases:
    """The leases that this command holds, and a thread that keeps them alive.

    Args:
        folder: of the results.
        clock: seconds that never go back.
    """

    def __init__(self, folder: Folder, clock: Callable[[], float] = time.monotonic):
        self.name = f"{owner()}-{uuid4().hex[:8]}"
        self._folder, self._clock = folder, clock
        self._held: dict[str, int] = {}
        self._seen: dict[str, tuple[bytes, float]] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._live, name="leases", daemon=True)

    def __enter__(self) -> "Leases":
        """Raises:
            UserError: the folder cannot be written.
        """
        self._beat(0)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give everything back, and what dead ones left too."""
        self._closed.set()
        self._thread.join()
        for key in list(self._held):
            self.give(key)
        self._remove(_holder(self.name))
        remove_abandoned(self._folder)

    def take(self, key: str) -> bool:
        """Whether the key is this command's now, until it is given back."""
        if key in self._held:
            return True
        generations = self._generations().get(key, [])
        if generations and not self._expired(key, generations[-1]):
            return False
        generation = generations[-1] + 1 if generations else 1
        try:
            self._folder.write(json.dumps({"holder": self.name}).encode(), FOLDER, _lease(key, generation), new=True,
                               sync=False)
        except NameTaken:
            return False
        self._held[key] = generation
        for old in generations:
            self._remove(_lease(key, old))
        return True

    def give(self, key: str) -> None:
        """Give a key back."""
        self._remove(_lease(key, self._held.pop(key)))

    def _generations(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for file in self._folder.list(FOLDER, ".json"):
            if match := _NAME.fullmatch(file.name):
                found.setdefault(match["key"], []).append(int(match["generation"]))
        return {key: sorted(generations) for key, generations in found.items()}

    def _expired(self, key: str, generation: int) -> bool:
        """Whether the holder of a lease gives no sign of life any more."""
        lease = self._read(_lease(key, generation))
        if lease is None:
            return True  # given back meanwhile
        holder = _told(lease)
        if holder is None:
            return self._stands_still(key, lease)  # torn, or foreign
        gone = is_gone(holder)
        if gone is not None:
            return gone
        sign = self._read(_holder(holder))
        return sign is None or self._stands_still(holder, sign)

    def _stands_still(self, what: str, sign: bytes) -> bool:
        known, since = self._seen.get(what, (None, 0.0))
        if known != sign:
            self._seen[what] = sign, self._clock()
            return False
        return self._clock() - since > _EXPIRES

    def _live(self) -> None:
        number = 0
        while not self._closed.wait(_BEAT):
            number += 1
            try:
                self._beat(number)
            except UserError as problem:
                log.warning("a sign of life could not be left (%s); another command may take over a run", problem)

    def _beat(self, number: int) -> None:
        self._folder.write(json.dumps({"beat": number}).encode(), FOLDER, _holder(self.name), sync=False)

    def _read(self, name: str) -> bytes | None:
        return _read(self._folder, name)

    def _remove(self, name: str) -> None:
        _remove(self._folder, name)


def remove_abandoned(folder: Folder) -> list[str]:
    """Remove what processes of this machine left that are no more; returns the names of the files."""
    removed = []
    for file in folder.list(FOLDER, ".json"):
        if file.name.startswith("holder-"):
            holder = file.name.removeprefix("holder-").removesuffix(".json")
        else:
            holder = _told(_read(folder, file.name) or b"")
        if holder and is_gone(holder):
            _remove(folder, file.name)
            removed.append(file.name)
    return removed


def _read(folder: Folder, name: str) -> bytes | None:
    try:
        return folder.read(folder.path(FOLDER, name))
    except FileNotFoundError:
        return None


def _remove(folder: Folder, name: str) -> None:
    with suppress(FileNotFoundError):  # another tidied up
        folder.fs.rm_file(folder.path(FOLDER, name))


def _lease(key: str, generation: int) -> str:
    return f"{key}.{generation}.json"


def _holder(name: str) -> str:
    return f"holder-{name}.json"


def _told(lease: bytes) -> str | None:
    try:
        told = json.loads(lease)
    except ValueError:
        return None
    holder = told.get("holder") if isinstance(told, dict) else None
    return holder if isinstance(holder, str) and re.fullmatch(r"[A-Za-z0-9_-]+", holder) else None
