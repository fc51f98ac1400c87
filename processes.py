"""Processes of this machine: who one is, whether it still lives, what it started, and how much memory that takes.

A process is told apart from a later one of the same number by its start, and from one of another machine, container or
boot by its place.
"""

import hashlib
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_START = 19  # place of the start among the fields of /proc/PID/stat that follow the name


def owner() -> str:
    """Who this process is: ``<place>-<number>-<start>``."""
    return f"{place()}-{os.getpid()}-{started(os.getpid())}"


def is_gone(name: str) -> bool | None:
    """Whether the process of that :func:`owner` name has ended; None where that cannot be seen from here.

    It cannot for another machine or container, for another user's process where /proc hides those, and for no name.
    """
    where, number, start = ([*name.split("-"), "", ""])[:3]
    if where != place() or not number.isdecimal() or not started(os.getpid()):  # a system without /proc tells nothing
        return None
    began = started(int(number))
    return None if not began and _is_hidden(int(number)) else began != start


def _is_hidden(number: int) -> bool:
    """Whether there is a process that /proc does not show to this user."""
    try:
        os.kill(number, 0)
    except PermissionError:
        return not os.path.exists(f"/proc/{number}")
    except (ProcessLookupError, OverflowError):
        pass
    return False


@cache
def place() -> str:
    """Eight digits for this boot of this machine and its process numbers, which a container has of its own."""
    parts = []
    for read in (lambda: Path("/proc/sys/kernel/random/boot_id").read_text(), lambda: os.readlink("/proc/self/ns/pid"),
                 lambda: os.uname().nodename):
        with suppress(OSError):
            parts.append(read())
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:8]


def started(number: int) -> str:
    """When a process started, in ticks since boot; empty where there is none, or a zombie, which holds nothing."""
    fields = _fields(number)
    return fields[_START] if fields and fields[0] not in "ZX" else ""


def descendants(number: int) -> set[tuple[int, str]]:
    """Number and start of every process that a living one started, and of those that these did."""
    found: set[tuple[int, str]] = set()
    waiting = [number]
    while waiting:
        for child in _children(waiting.pop()):
            start = started(child)
            if start and (child, start) not in found:
                found.add((child, start))
                waiting.append(child)
    return found


def kill(processes: Iterable[tuple[int, str]]) -> None:
    """End those that are still the ones they were."""
    for number, start in processes:
        if started(number) == start:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(number, signal.SIGKILL)


def resident(numbers: Iterable[int]) -> int:
    """Bytes of memory that processes hold, shared pages counted with the first of them alone."""
    total = 0
    for place_in_list, number in enumerate(numbers):
        with suppress(OSError, ValueError):
            _, pages, shared, *_ = map(int, Path(f"/proc/{number}/statm").read_text().split())
            total += (pages - (shared if place_in_list else 0)) * _PAGE
    return total


def _children(number: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for thread in os.scandir(f"/proc/{number}/task"):
            with suppress(OSError):
                found += map(int, Path(thread.path, "children").read_text().split())
    return found


def _fields(number: int) -> list[str]:
    with suppress(OSError):
        # The name stands in brackets and may hold anything, brackets too.
        return Path(f"/proc/{number}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return []
