"""Ctrl-C, SIGTERM and time limits in one process."""

import os
import signal
import subprocess
import time

import pytest

from partbench import processes
from partbench.harness.schedule.interrupts import Interrupts, TimeUp


@pytest.fixture(autouse=True)
def at_a_prompt():
    """A test run in a shell's background inherits an ignored SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def signal_myself(number):
    os.kill(os.getpid(), number)
    time.sleep(60)


def sleep_through_everything():
    while True:
        try:
            time.sleep(60)
        except Exception:
            continue


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_asks_and_the_second_breaks_off(number):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interrupts() as interrupts:
        assert not interrupts.asked
        os.kill(os.getpid(), number)
        assert interrupts.asked
        with pytest.raises(KeyboardInterrupt):
            signal_myself(number)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_what_does_not_come_to_a_step_is_broken_off():
    with pytest.raises(KeyboardInterrupt), Interrupts(patience=0.2) as interrupts, interrupts.limited(None):
        signal_myself(signal.SIGINT)


def test_a_time_limit_ends_sleep_and_children_whatever_the_method_catches():
    with Interrupts() as interrupts:
        mine = subprocess.Popen(["sleep", "600"])  # before the run: not the run's
        run = interrupts.limited(1.0)
        run.__enter__()
        child = subprocess.Popen(["setsid", "sleep", "600"])
        with pytest.raises(TimeUp) as up:
            sleep_through_everything()
        assert not run.__exit__(TimeUp, up.value, None)  # goes on to whoever did the run
        child.wait(10)
        assert processes.started(mine.pid)
        mine.kill()
        mine.wait()
        with interrupts.limited(30.0):
            pass
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
