"""The faults themselves: each does for real what it is named after, in the process that calls it."""

import ctypes
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_MOST = 6 * 2**30  # bytes: where nobody stops a run that eats memory, the machine is to survive it
_BLOCK = 64 * 2**20
_NAP = 900  # seconds, longer than any test


def marks() -> Path:
    """Folder in which faults leave a mark; tests name it."""
    return Path(os.environ["PARTBENCH_CHAOS_MARKS"])


def sleep() -> None:
    """Sleep on, with a child, and a child of it that left the session. Their process ids are left in ``sleepers``."""
    program = ("import os, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; "
               f"time.sleep({_NAP})'], start_new_session=True); print(os.getpid(), child.pid, flush=True); "
               f"time.sleep({_NAP})")
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    (marks() / "sleepers").write_text(f"{os.getpid()} {child.stdout.readline()}")
    time.sleep(_NAP)


def memory() -> None:
    """Take memory and touch it until somebody puts an end to it."""
    kept = []
    while len(kept) * _BLOCK < _MOST:
        kept.append(bytearray(os.urandom(4096)) * (_BLOCK // 4096))
        time.sleep(0.02)
    raise RuntimeError(f"took {_MOST} bytes and nobody stopped it")


def segfault() -> None:
    ctypes.string_at(0)


def raises() -> None:
    raise RuntimeError("the method broke on purpose")


def exits() -> None:
    """As a library does that thinks it owns the process."""
    sys.exit("a library left the process")


def killed_once() -> None:
    mark = marks() / "killed_once"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def full_disk() -> None:
    """From now on no checkpoint fits on this process's disk."""
    fsync = os.fsync

    def refuse(handle: int) -> None:
        if "/checkpoints/" in os.readlink(f"/proc/self/fd/{handle}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    os.fsync = refuse
