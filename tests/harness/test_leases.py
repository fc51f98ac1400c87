"""Leases: one holder at a time, whatever dies; none sticks, and no clock is believed."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from partbench.errors import UserError
from partbench.harness.schedule.leases import FOLDER, Leases
from partbench.leaderboard.files import Folder

HOLD = """
import sys, time
from partbench.harness.schedule.leases import Leases
from partbench.leaderboard.files import Folder
leases = Leases(Folder(sys.argv[1])).__enter__()
print(leases.take("a"), flush=True)
time.sleep(600)
"""


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def elsewhere(monkeypatch):
    """Leases as another machine's command would hold them: nobody here can see its process."""
    def make(folder, beating=True):
        leases = Leases(folder)
        leases.name = "12345678-1-2-" + leases.name[-8:]
        leases._beat(0)
        return leases
    return make


def test_one_command_holds_a_key_until_it_gives_it_back(tmp_path):
    folder = Folder(tmp_path)
    with Leases(folder) as one, Leases(folder) as other:
        assert one.take("a")
        assert one.take("a")
        assert not other.take("a")
        assert other.take("b")
        one.give("a")
        assert other.take("a")
    assert not list((tmp_path / FOLDER).iterdir())


def test_of_many_at_once_one_gets_it(tmp_path):
    folder, got = Folder(tmp_path), []
    commands = [Leases(folder) for _ in range(16)]
    for each in commands:
        each._beat(0)
    start = threading.Barrier(len(commands))

    def race(leases):
        start.wait()
        if leases.take("a"):
            got.append(leases)

    threads = [threading.Thread(target=race, args=[leases]) for leases in commands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_a_killed_command_blocks_nobody_and_leaves_nothing(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "True\n"
    with Leases(Folder(tmp_path)) as leases:
        assert not leases.take("a")
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        assert leases.take("a")
    assert not list((tmp_path / FOLDER).iterdir())


def test_another_machines_lease_expires_by_our_clock_once_its_sign_of_life_stands_still(tmp_path, elsewhere):
    folder, clock = Folder(tmp_path), Clock()
    theirs = elsewhere(folder)
    assert theirs.take("a")
    with Leases(folder, clock) as ours:
        for beat in range(1, 10):  # alive, for far longer than a lease lasts
            assert not ours.take("a")
            theirs._beat(beat)
            clock.now += 50
        assert not ours.take("a")
        for name in (tmp_path / FOLDER).iterdir():
            os.utime(name, (0, 4e9))  # whatever a file's times say
        clock.now += 59
        assert not ours.take("a")
        clock.now += 2
        assert ours.take("a")
        assert not theirs._read("a.1.json")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"holder": 3}', b'{"holder": "../../x"}', b"\xff" * 9])
def test_a_torn_lease_expires_too(content, tmp_path):
    clock, lease = Clock(), tmp_path / FOLDER / "a.7.json"
    lease.parent.mkdir()
    lease.write_bytes(content)
    with Leases(Folder(tmp_path), clock) as leases:
        assert not leases.take("a")
        clock.now += 61
        assert leases.take("a")
    assert not lease.exists()


def test_leases_that_cannot_be_written_are_one_line(tmp_path):
    (tmp_path / FOLDER).write_text("a file")
    with pytest.raises(UserError, match=r"^cannot write [^\n]*$"), Leases(Folder(tmp_path)):
        pass
