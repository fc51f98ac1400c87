"""A small process beside a worker, which outlives it for a moment and ends what it started.

A worker that is killed cannot end its own children, and one that hangs cannot see to its memory.
"""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from ... import processes

_LOOK = 0.5  # seconds between looks at a worker's children
NOTE = "killed.json"
"""File in a run's folder that says why its worker was killed."""


class Warden:
    """The worker's side: starts the process, and tells it of each run.

    Args:
        limit: bytes that the worker and its children may hold; None: as many as there are.
    """

    def __init__(self, limit: int | None):
        self._limit = limit
        # The package is found in the same places; a session of its own keeps a terminal's signals away.
        self._process = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.path[:] = sys.argv[3:]; "
             "from partbench.harness.schedule.warden import watch; watch(int(sys.argv[1]), sys.argv[2])",
             str(os.getpid()), processes.started(os.getpid()), *sys.path],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def begin(self, folder: Path) -> None:
        """A run begins, whose folder takes the note."""
        (folder / NOTE).unlink(missing_ok=True)
        self._process.stdin.write((json.dumps({"note": str(folder / NOTE), "limit": self._limit}) + "\n").encode())
        self._process.stdin.flush()


def read_note(folder: Path) -> str:
    """Why the warden killed the run's worker; empty where it did not."""
    try:
        told = json.loads((folder / NOTE).read_text())
    except (OSError, ValueError):
        return ""
    return str(told.get("why", "")) if isinstance(told, dict) else ""


def watch(worker: int, start: str) -> None:
    """Until the worker has ended: keep its memory limit; then end what it left behind.

    Args:
        start: when the worker started, for it may have ended before this process came here.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    seen, told, heard = set(), {}, b""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    while processes.started(worker) == start:
        if poll.poll(1000 * _LOOK):
            fresh = os.read(0, 65536)
            if not fresh:
                poll.unregister(0)  # the worker is ending
            *lines, heard = (heard + fresh).split(b"\n")
            told = json.loads(lines[-1]) if lines else told
        seen = {child for child in seen | processes.descendants(worker) if processes.started(child[0]) == child[1]}
        seen.discard((os.getpid(), processes.started(os.getpid())))
        held = processes.resident([worker, *(number for number, _ in seen)])
        if told.get("limit") and held > told["limit"]:
            why = f"it held {held / 2**30:.1f} GiB, and a run may hold {told['limit'] / 2**30:.1f}"
            Path(told["note"]).write_text(json.dumps({"why": why}))
            processes.kill({(worker, start)})
    processes.kill(seen)
