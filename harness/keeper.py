"""A small process beside a driver, which ends the Ray that the driver started when the driver ends, however it ends.

Of Ray's own processes most end with the driver, but two agents first wait a minute for those that did not.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .. import processes

_LOOK = 0.25  # seconds between looks at what Ray starts
_PATIENCE = 3.0  # seconds that Ray gets to leave by itself


class Keeper:
    """The driver's side."""

    def __init__(self):
        self._before = processes.descendants(os.getpid())
        # The package is found in the same places; a session of its own keeps a terminal's signals away.
        program = ("import sys; sys.path[:] = sys.argv[3:]; from partbench.harness.keeper import watch; "
                   "watch(int(sys.argv[1]), sys.argv[2])")
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, str(os.getpid()), json.dumps(sorted(self._before)), *sys.path],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self._before.add((self._process.pid, processes.started(self._process.pid)))

    def begun(self) -> None:
        """Ray has started: what the driver starts from now on is not Ray's."""
        self._tell(sorted(processes.descendants(os.getpid()) - self._before))

    def end(self) -> None:
        """Ray was told to leave: wait for that, and end what stays."""
        self._tell(None)
        self._process.wait()

    def _tell(self, what: list[tuple[int, str]] | None) -> None:
        with suppress(BrokenPipeError):  # somebody killed it
            self._process.stdin.write((json.dumps(what) + "\n").encode())
            self._process.stdin.flush()


@contextmanager
def kept() -> Iterator[Keeper]:
    """While Ray starts and works; whatever of it is there afterwards is ended."""
    keeper = Keeper()
    try:
        yield keeper
    finally:
        keeper.end()


def watch(driver: int, before: str) -> None:
    """Until the driver has ended or is done with Ray; then end what is left of Ray.

    Args:
        driver: number of its process.
        before: JSON of what it had started before.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    born, me = processes.started(driver), (os.getpid(), processes.started(os.getpid()))
    others = {me, *map(tuple, json.loads(before))}
    ray: set[tuple[int, str]] = set()
    heard, begun, done = b"", False, False
    poll = select.poll()
    poll.register(0, select.POLLIN)
    while processes.started(driver) == born and not done:
        if poll.poll(1000 * _LOOK):
            fresh = os.read(0, 65536)
            if not fresh:
                poll.unregister(0)  # the driver is ending
            *lines, heard = (heard + fresh).split(b"\n")
            told = [json.loads(line) for line in lines]
            begun, done = begun or bool(told), None in told
            ray = ray.union(*(map(tuple, some) for some in told if some))
        ray = _with_children(ray if begun else ray | processes.descendants(driver) - others)
    until = time.monotonic() + _PATIENCE * done
    while _with_children(ray) and time.monotonic() < until:
        time.sleep(_LOOK)
    processes.kill(_with_children(ray))


def _with_children(parents: set[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those that live, and what they started; one whose parent has died is known from an earlier look."""
    living = {(number, start) for number, start in parents if processes.started(number) == start}
    return living.union(*(processes.descendants(number) for number, _ in living))
