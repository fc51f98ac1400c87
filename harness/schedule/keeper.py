"""A small process beside a driver, which ends the Ray that the driver started when the driver ends, however it ends.

Most of Ray's processes end with the driver, but its agents first wait a minute for those that did not, and a worker
that is just starting waits for a node that is gone. All of them inherit a mark in their environment.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from ... import processes

_MARK = "PARTBENCH_RAY"
_TITLES = "SPT_NOENV"  # set: the titles that Ray gives its processes do not overwrite what they inherited
_LOOK = 0.2  # seconds between looks at the driver
_PATIENCE = 3.0  # seconds that Ray gets to leave by itself
_LONGEST = 30.0  # seconds after which what does not die of SIGKILL is left alone


class Keeper:
    """The driver's side."""

    def __init__(self):
        mark = uuid4().hex
        # The package is found in the same places; a session of its own keeps a terminal's signals away.
        program = ("import sys; sys.path[:] = sys.argv[4:]; from partbench.harness.schedule.keeper import watch; "
                   "watch(int(sys.argv[1]), *sys.argv[2:4])")
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, str(os.getpid()), processes.started(os.getpid()), mark, *sys.path],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self._titles = os.environ.get(_TITLES)
        os.environ.update({_MARK: mark, _TITLES: "1"})

    def begun(self) -> None:
        """Ray has started: what the driver itself starts from now on is not Ray's."""
        os.environ.pop(_MARK, None)
        if self._titles is None:
            os.environ.pop(_TITLES, None)

    def end(self) -> None:
        """Ray was told to leave: wait for that, and end what stays."""
        self.begun()
        with suppress(BrokenPipeError):  # somebody killed it
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()
        self._process.wait()


@contextmanager
def kept() -> Iterator[Keeper]:
    """While Ray starts and works; whatever of it is there afterwards is ended."""
    keeper = Keeper()
    try:
        yield keeper
    finally:
        keeper.end()


def watch(driver: int, born: str, mark: str) -> None:
    """Until the driver has ended or is done with Ray; then end what is left of Ray.

    Args:
        born: when the driver started, for it may have ended before this process came here.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    done, known, ray = False, set(), set()
    while processes.started(driver) == born and not done:
        heard = select.select([0], [], [], _LOOK)[0]
        done = bool(heard and os.read(0, 1))
        if heard and not done:  # the driver is ending
            time.sleep(_LOOK)
        # A process that gave itself a title may have lost its mark to it: remember it from when it was young.
        fresh = processes.descendants(driver) - known
        ray |= {process for process in fresh if _is_marked(process[0], mark)}
        known |= fresh
    until = time.monotonic() + _PATIENCE * done
    while _left(ray, mark) and time.monotonic() < until:
        time.sleep(_LOOK)
    until = time.monotonic() + _LONGEST
    while (left := _left(ray, mark)) and time.monotonic() < until:  # what just started another may have escaped a look
        processes.kill(left)
        time.sleep(_LOOK)


def _left(ray: set[tuple[int, str]], mark: str) -> set[tuple[int, str]]:
    """Number and start of every living process of Ray: those that were seen, and those that inherited the mark."""
    numbers = (int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit())
    found = ray | {(number, processes.started(number)) for number in numbers if _is_marked(number, mark)}
    return {(number, start) for number, start in found if start and processes.started(number) == start}


def _is_marked(number: int, mark: str) -> bool:
    with suppress(OSError):  # it ended meanwhile, or is another user's
        return f"{_MARK}={mark}".encode() in Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
    return False
