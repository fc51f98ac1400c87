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


def both(begun, *flags, before=()):
    """Two drivers under way."""
    return [begun.start("--in-process", *flags, pause=PAUSE, before=before) for _ in range(2)]


def times_done(out: Path) -> list[int]:
    """How often each run was carried out."""
    return [log.read_text().count("INFO done\n") for log in out.glob("runs/*/log.txt")]


def ended(driver: subprocess.Popen) -> str:
    said, _ = driver.communicate(timeout=200)
    assert driver.returncode == 0, said
    return said


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
    assert set(times_done(begun.out)) <= {0, 1}  # 0: killed between the rows and the last line of its log


def test_a_command_that_finds_all_finished_removes_the_leases_of_a_killed_one(session, reference):
    begun = session()
    shutil.copytree(reference.out, begun.out)
    assert subprocess.run([sys.executable, "-c", KILLED, begun.out], check=False).returncode == 9
    assert len(temporaries(begun.out)) == 2
    code, said = begun.run("--in-process")
    assert code == 0, said
    assert temporaries(begun.out) == []


@pytest.fixture(scope="module")
def jumping_clock(tmp_path_factory) -> tuple[str, ...]:
    """Words in front of a command whose wall clock then jumps to and fro by a day every second."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to build the clock that jumps")
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    source = Path(__file__).with_name("plugin") / "clock.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return "env", f"LD_PRELOAD={library}"


def test_the_clock_jumps(jumping_clock):
    days = set()
    until = time.monotonic() + 20
    while len(days) < 2:
        assert time.monotonic() < until
        days.add(subprocess.run([*jumping_clock, "date", "+%j"], capture_output=True, check=True).stdout)


def test_two_drivers_whose_clocks_jump_do_each_run_once(session, reference, jumping_clock):
    begun = session()
    said = [ended(driver) for driver in both(begun, "--timeout", "3m", before=jumping_clock)]
    assert compare(begun.out, reference.out)[1] == []
    assert times_done(begun.out) == [1] * RUNS
    assert all(f"chaos seed {RUNS - 1}: done" in words for words in said)
