"""What ends runs from outside: Ctrl-C, SIGTERM, and in this process a time limit."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ... import processes

_PATIENCE = 7.0  # seconds that a run in this process gets to come to a step after Ctrl-C


class TimeUp(BaseException):
    """The run's time is up. No ``Exception``: what a method catches must not keep it alive."""


class Interrupts:
    """For a while, Ctrl-C and SIGTERM ask for an end, and the second one is a KeyboardInterrupt.

    Signals reach the main thread only; in another, nothing is changed.

    Args:
        patience: seconds after which the first one is a KeyboardInterrupt too; None: never.
    """

    def __init__(self, patience: float | None = None):
        self.asked = False
        self._patience = patience
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and a shell's background want it
                    self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if self._patience is not None:
            signal.signal(signal.SIGALRM, signal.default_int_handler)
            signal.setitimer(signal.ITIMER_REAL, self._patience)

    @contextmanager
    def limited(self, seconds: float | None) -> Iterator[None]:
        """Raise :class:`TimeUp` in what takes longer, and end the processes that it started.

        In another thread than the main one a limit cannot be kept.
        """
        if not self._before and seconds is None:
            yield
            return
        before = processes.descendants(os.getpid())
        if seconds is not None and not self.asked:
            signal.signal(signal.SIGALRM, _time_is_up)
            signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        except TimeUp:
            processes.kill(processes.descendants(os.getpid()) - before)
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def in_one_process() -> Interrupts:
    """For runs in this process: one that does not come to a step in time is broken off."""
    return Interrupts(_PATIENCE)


def _time_is_up(number: int, frame: FrameType | None) -> None:
    raise TimeUp
