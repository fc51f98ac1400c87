"""Runs of a search in Ray's workers: one whose worker dies is done once more, a killed driver goes on where it was."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from fake_ray import DIED, FakeRay

import partbench
from partbench.errors import UserError
from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.harness.tune.crew import RayCrew
from partbench.harness.tune.folder import sweep_folder
from partbench.harness.tune.pages import searched
from partbench.leaderboard import Store

TUNE = [sys.executable, "-c", "from partbench.harness.cli import main; main()", "tune"]
BOTH = ["--search", "toy.dropout=0.01..0.9", "--sampler", "random", "--name", "s", "--trials", "5"]


class Silent:
    """A display that keeps what it hears."""

    def __init__(self):
        self.heard = []

    def begun(self, job):
        self.heard.append("begun")

    def event(self, run_id, event):
        pass

    def said(self, run_id, line):
        self.heard.append("again")

    def ended(self, run_id, status, error):
        self.heard.append(status)


@pytest.fixture
def crew(asked, tmp_path):
    """``crew(fake)``: a crew over it, and three jobs by their seed; closed at the end."""
    made = []

    def make(fake):
        config = make_config(asked(tmp_path, methods=["ivpt"], seeds=range(3)))
        made.append(RayCrew(fake, config, Silent(), most=3))
        return made[-1], list(make_plan(config).jobs)

    yield make
    for one in made:
        one.close()


def test_a_run_whose_worker_died_is_done_again_and_then_has_failed(crew, tmp_path):
    fake = FakeRay({0: DIED})
    workers, jobs = crew(fake)
    answers = [workers.do(job) for job in jobs]
    assert [answer.result(10)[0] for answer in answers] == ["failed", "done", "done"]
    assert Counter(seed for _, seed in fake.began) == {0: 4, 1: 1, 2: 1}
    assert Counter(workers.display.heard) == {"begun": 3, "again": 3, "done": 2, "failed": 1}


def test_a_run_whose_worker_died_once_is_done(crew):
    fake, ends = FakeRay({}), iter([DIED])
    sound = fake.make

    def make():
        worker = sound()
        worker._ends = {0: next(ends, "done")}
        return worker

    fake.make = make
    workers, jobs = crew(fake)
    assert workers.do(jobs[0]).result(10)[0] == "done"
    assert Store(jobs[0].out).of_run(jobs[0].run_id).error.tolist() == [  # superseded by the scores of a real run
        "the worker process died: it was killed, or crashed outside Python"]


def test_a_refusal_answers_and_stops_nobody_else(crew):
    workers, jobs = crew(FakeRay({1: "refused"}))
    answers = [workers.do(job) for job in jobs]
    assert [answer.result(10)[0] for answer in answers] == ["done", "refused", "done"]


def test_what_breaks_the_pool_reaches_whoever_waits_and_whoever_comes_later(crew):
    fake = FakeRay({})
    fake.wait = lambda *_, **__: (_ for _ in ()).throw(UserError("no space left"))
    workers, jobs = crew(fake)
    with pytest.raises(UserError, match="no space left"):
        workers.do(jobs[0]).result(10)
    with pytest.raises(UserError, match="no space left"):
        workers.do(jobs[1])


@pytest.fixture(scope="module")
def killed(flags, environment, write_tiny_cub, tmp_path_factory):
    """Folder, row files at the time of SIGKILL, and end of a search in Ray's workers that was hit by it half-way."""
    out, birds = tmp_path_factory.mktemp("killed"), tmp_path_factory.mktemp("birds")
    words = [*flags(out, methods=["toy"], data_root=str(write_tiny_cub(birds / "cub", train=16)), epochs=4,
                    in_process=None), *BOTH]
    started = subprocess.Popen([*TUNE, *words], env=environment | {"TOY_PAUSE": "0.3"}, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        until = time.monotonic() + 200
        while len(list(out.glob("rows/*.parquet"))) < 2:
            assert started.poll() is None, started.stdout.read()
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        os.kill(started.pid, signal.SIGKILL)
        started.wait()
    rows = {file: file.stat().st_mtime_ns for file in out.glob("rows/*.parquet")}
    return out, rows, subprocess.run([*TUNE, *words], env=environment, capture_output=True, text=True, check=False,
                                     timeout=200)


def test_a_search_whose_driver_was_killed_ends_with_no_trial_lost_and_none_done_twice(killed, with_toy):
    out, rows, end = killed
    assert end.returncode == 0, end.stderr
    assert "Traceback" not in end.stdout + end.stderr
    found = searched(sweep_folder(out, "s"), "toy").record.trials
    assert [(trial.number, trial.state) for trial in found] == [(number, "done") for number in range(5)]
    frame = partbench.leaderboard.load(out)
    assert sorted(frame.groupby("run_id").size()) == [2] * 5
    assert set(frame.status) == {"done"}
    assert {file: file.stat().st_mtime_ns for file in rows} == rows
    assert all((out / "runs" / trial.run_id / "log.txt").read_text().count("INFO done\n") == 1 for trial in found)


@pytest.mark.slow
def test_a_search_whose_driver_is_killed_ten_times_has_thirty_trials_each_done_once(flags, environment, write_tiny_cub,
                                                                                     with_toy, tmp_path):
    words = [*flags(tmp_path / "out", methods=["toy"], data_root=str(write_tiny_cub(tmp_path / "cub", train=16)),
                    epochs=4), *BOTH, "--trials", "30"]
    folder, said, chance = sweep_folder(tmp_path / "out", "s"), tmp_path / "said.txt", random.Random(6)
    journal = folder.journal("toy")
    for _ in range(10):
        before = journal.stat().st_size if journal.exists() else 0
        with said.open("w") as output:
            started = subprocess.Popen([*TUNE, *words], env=environment | {"TOY_PAUSE": "0.3"}, stdout=output,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        until = time.monotonic() + 200
        while not journal.exists() or journal.stat().st_size == before:
            assert started.poll() is None, said.read_text()
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(chance.uniform(0, 4))
        assert started.poll() is None, said.read_text()
        os.kill(started.pid, signal.SIGKILL)
        started.wait()
    end = subprocess.run([*TUNE, *words], env=environment, capture_output=True, text=True, check=False, timeout=400)
    assert end.returncode == 0, end.stderr
    found = searched(folder, "toy").record.trials
    assert [(trial.number, trial.state) for trial in found] == [(number, "done") for number in range(30)]
    assert len({trial.run_id for trial in found}) == 30
    frame = partbench.leaderboard.load(tmp_path / "out")
    assert sorted(frame.groupby("run_id").size()) == [2] * 30
    assert set(frame.run_id) == {trial.run_id for trial in found}
    assert all((tmp_path / "out" / "runs" / trial.run_id / "log.txt").read_text().count("INFO done\n") == 1
               for trial in found)
