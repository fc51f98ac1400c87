"""Two commands with one plan on one folder: each run is done once, by either; clocks do not matter."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from short_runs import RUNS
from verify import compare, temporaries

PAUSE = 0.05  # seconds in each step: runs of both overlap
KILLED = ("import os, sys; from partbench.harness.schedule.leases import Leases; "
          "from partbench.leaderboard import Store; leases = Leases(Store(sys.argv[1]).folder).__enter__(); "
          "assert leases.take('0123456789abcdef'); os._exit(9)")


def both(begun, **how):
    """Two drivers under way."""
    return [begun.start("--in-process", pause=PAUSE, **how) for _ in range(2)]


def times_done(out: Path) -> list[int]:
    """How often each run was carried out."""
    return [log.read_text().count("INFO done\n") for log in out.glob("runs/*/log.txt")]


def ended(driver: subprocess.Popen) -> str:
    said, _ = driver.communicate(timeout=200)
    assert driver.returncode == 0, said
    return said


def test_two_drivers_do_each_run_once(session, reference):
    begun = session()
    drivers = both(begun)
    said = [ended(driver) for driver in drivers]
    assert compare(begun.out, reference.out)[1] == []
    assert times_done(begun.out) == [1] * RUNS
    assert all(f"chaos seed {RUNS - 1}: done" in words for words in said)


def test_one_of_two_drivers_is_killed_and_the_other_does_its_runs(session, reference):
    begun = session()
    first, second = both(begun)
    until = time.monotonic() + 200
    while len(list(begun.out.glob("rows/*.parquet"))) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    first.kill()
    first.communicate()
    ended(second)
    assert compare(begun.out, reference.out)[1] == []
    assert set(times_done(begun.out)) == {1}


def test_a_command_that_finds_all_finished_removes_the_leases_of_a_killed_one(session, reference):
    begun = session()
    shutil.copytree(reference.out, begun.out)
    assert subprocess.run([sys.executable, "-c", KILLED, begun.out], check=False).returncode == 9
    assert len(temporaries(begun.out)) == 2
    code, said = begun.run("--in-process")
    assert code == 0, said
    assert temporaries(begun.out) == []


@pytest.fixture(scope="module")
def jumping_clock(tmp_path_factory) -> str:
    """A library for LD_PRELOAD under which the wall clock jumps to and fro by a day every second."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to build the clock that jumps")
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, Path(__file__).with_name("plugin") / "clock.c",
                    "-ldl"], check=True)
    return str(library)


def test_a_clock_that_jumps_ends_no_run_and_doubles_none(session, reference, jumping_clock):
    begun = session()
    words = ["env", f"LD_PRELOAD={jumping_clock}"]
    day = {subprocess.run([*words, "date", "+%j"], capture_output=True, text=True, check=True).stdout
           for _ in range(15) if time.sleep(0.1) is None}
    assert len(day) == 2
    drivers = [begun.start("--in-process", "--timeout", "3m", pause=PAUSE, before=words) for _ in range(2)]
    for driver in drivers:
        ended(driver)
    assert compare(begun.out, reference.out)[1] == []
    assert times_done(begun.out) == [1] * RUNS
