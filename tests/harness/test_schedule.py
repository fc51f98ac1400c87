"""Runs in Ray's workers: the numbers of a single process, a worker that dies, and Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

import partbench

# A test run in a shell's background inherits an ignored SIGINT, which a program started at a prompt does not have.
PROGRAM = [sys.executable, "-c", "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
           "from partbench.harness.cli import main; main()", "run"]
NUMBERS = ["method", "metric", "level", "value"]


def numbers(frame, method):
    rows = frame[(frame.method == method) & (frame.status == "done")]
    assert len(rows)
    return rows.sort_values(NUMBERS[:3])[NUMBERS].reset_index(drop=True)


@pytest.fixture(scope="module")
def died(flags, environment, tmp_path_factory):
    """Folder and end of a command with two healthy methods and one that kills its worker in its second stage."""
    out = tmp_path_factory.mktemp("died")
    words = flags(out, methods=["toy", "ivpt", "prompt_cam"], set=["toy.deadly_epoch=0"], in_process=None)
    return out, subprocess.run([*PROGRAM, *words], env=environment, capture_output=True, text=True, check=False,
                               timeout=300)


def test_a_worker_that_dies_leaves_a_failed_row_and_the_others_finish(died):
    out, end = died
    assert end.returncode == 1, end.stderr
    frame = partbench.leaderboard.load(out)
    [dead] = frame[frame.status != "done"].query("method == 'toy'").itertuples()
    assert (dead.status, dead.attempt) == ("failed", 4)
    first, *tail = dead.error.splitlines()
    assert "worker process died" in first
    assert tail
    assert "Traceback" not in end.stdout + end.stderr
    assert {"ivpt", "prompt_cam"} == set(frame[frame.status == "done"].method)


def test_runs_in_workers_give_the_numbers_of_a_single_process(died, asked, tmp_path):
    alone = partbench.run(**asked(tmp_path))
    together = partbench.leaderboard.load(died[0])
    for method in ("ivpt", "prompt_cam"):
        assert numbers(together, method).equals(numbers(alone, method))


@pytest.fixture(scope="module")
def stopped(flags, environment, tmp_path_factory):
    """Folder, exit code and output of a command that got Ctrl-C when one run was done and another half-way."""
    out = tmp_path_factory.mktemp("stopped")
    words = flags(out, methods=["prompt_cam", "toy"], epochs=4, in_process=None)
    started = subprocess.Popen([*PROGRAM, *words], env=environment | {"TOY_PAUSE": "7"}, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        for pattern in ("rows/*.parquet", "runs/*/checkpoints/epoch-*.json"):  # of the fast run, of the slow one
            _wait(lambda pattern=pattern: list(out.glob(pattern)), started)
        os.killpg(started.pid, signal.SIGINT)  # as a terminal does
        said, _ = started.communicate(timeout=60)
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
    return out, started.returncode, said


def _wait(ready, process) -> None:
    until = time.monotonic() + 200
    while not ready():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < until
        time.sleep(0.1)


def test_ctrl_c_keeps_finished_rows_marks_the_running_one_and_exits_130(stopped):
    out, code, said = stopped
    assert code == 130, said
    assert "Traceback" not in said
    frame = partbench.leaderboard.load(out)
    assert set(frame[frame.method == "prompt_cam"].status) == {"done", "not_applicable"}
    [row] = frame[frame.method == "toy"].itertuples()
    assert row.status == "interrupted"
    assert "the same command continues it" in row.error


def test_after_ctrl_c_the_same_command_ends_with_the_numbers_of_an_unbroken_run(stopped, asked, with_toy, tmp_path):
    request = {"methods": ["prompt_cam", "toy"], "epochs": 4}
    continued = partbench.run(**asked(stopped[0], **request))
    assert "interrupted" not in set(continued.status)
    log = next(path for path in stopped[0].glob("runs/*/log.txt") if "toy on cub" in path.read_text()).read_text()
    assert re.search("continuing after (step [0-9]+ of )?epoch", log)
    assert log.count("stage features epoch 1 of 2: loss") == 1
    unbroken = partbench.run(**asked(tmp_path, **request))
    for method in ("prompt_cam", "toy"):
        assert numbers(continued, method).equals(numbers(unbroken, method))
