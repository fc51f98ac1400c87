"""Processes as /proc shows them: who descends from us, and what part each plays in a command that works with Ray."""

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_TICK = 0.05


@dataclass(frozen=True)
class Process:
    """A process that was there when it was looked at.

    Attributes:
        name: its program, as the kernel keeps it.
        command: its words, with spaces.
    """

    pid: int
    parent: int
    name: str
    command: str
    alive: bool

    @property
    def role(self) -> str:
        """``worker``, ``raylet`` or empty."""
        if self.command.startswith("ray::") and not self.command.startswith("ray::IDLE"):
            return "worker"
        return "raylet" if self.name == "raylet" else ""


def adopt_orphans() -> None:
    """From now on a descendant whose parent died is our child, and not init's: none gets lost, whoever kills whom."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def bury(pid: int) -> None:
    """Take note of the death of adopted children; ``pid`` is left to whoever started it."""
    for process in all_processes():
        if process.parent == os.getpid() and not process.alive and process.pid != pid:
            with suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)


def all_processes() -> Iterator[Process]:
    """Every process of this machine, zombies too."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):  # it ended meanwhile
            name, _, rest = folder.joinpath("stat").read_text().partition("(")[2].rpartition(")")
            state, parent = rest.split()[:2]
            words = folder.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            yield Process(int(folder.name), int(parent), name, words, state not in "ZX")


def descendants(pid: int | None = None) -> list[Process]:
    """Living descendants of a process, of this one by default."""
    children: dict[int, list[Process]] = {}
    for process in all_processes():
        children.setdefault(process.parent, []).append(process)
    found, ahead = [], [pid or os.getpid()]
    while ahead:
        born = children.get(ahead.pop(), [])
        found += [process for process in born if process.alive]
        ahead += [process.pid for process in born]
    return found


def gone(seconds: float) -> list[Process]:
    """Descendants that are still there after so many seconds; comes back as soon as there is none."""
    until = time.monotonic() + seconds
    while True:
        bury(0)
        left = descendants()
        if not left or time.monotonic() > until:
            return left
        time.sleep(_TICK)


def end(processes: list[Process]) -> None:
    """SIGKILL to each that is still there."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
