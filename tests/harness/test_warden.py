"""What a worker started ends with it, however it ends; and what holds too much memory is ended."""

import os
import signal
import subprocess
import sys
import time

from partbench import processes
from partbench.harness.schedule.warden import read_note

WORKER = """
import subprocess, sys, time
from pathlib import Path
from partbench.harness.schedule.warden import Warden
warden = Warden(int(sys.argv[2]) or None)
warden.begin(Path(sys.argv[1]))
children = [subprocess.Popen(["sleep", "600"]), subprocess.Popen(["setsid", "sleep", "600"])]
print(*[child.pid for child in children], warden._process.pid, flush=True)
hoard = [bytearray(2**20) for _ in range(int(sys.argv[3]))]
time.sleep(600)
"""


def begun(folder, limit=0, megabytes=0):
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(folder), str(limit), str(megabytes)],
                              stdout=subprocess.PIPE, text=True)
    numbers = list(map(int, worker.stdout.readline().split()))
    return worker, {number: processes.started(number) for number in numbers}


def gone(started, seconds=20):
    until = time.monotonic() + seconds
    while any(processes.started(number) == start for number, start in started.items()):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def test_children_of_a_killed_worker_end_with_it_in_whatever_session(tmp_path):
    worker, started = begun(tmp_path)
    time.sleep(1.5)  # the warden has seen them
    assert all(started.values())
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    assert gone(started)
    assert read_note(tmp_path) == ""


def test_a_worker_that_holds_too_much_is_killed_and_the_note_says_so(tmp_path):
    worker, started = begun(tmp_path, limit=200 * 2**20, megabytes=400)
    assert worker.wait(30) == -signal.SIGKILL
    assert gone(started)
    assert read_note(tmp_path).endswith("and a run may hold 0.2")


def test_a_worker_below_its_limit_lives(tmp_path):
    worker, started = begun(tmp_path, limit=400 * 2**20, megabytes=10)
    time.sleep(2)
    assert worker.poll() is None
    worker.kill()
    worker.wait()
    assert gone(started)


def test_the_warden_of_a_worker_that_died_at_once_does_not_wait_for_ever():
    program = ("import os; from partbench.harness.schedule.warden import Warden; "
               "print(Warden(None)._process.pid, flush=True); os.kill(os.getpid(), 9)")
    said = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=False).stdout
    start = processes.started(int(said))
    assert not start or gone({int(said): start})
