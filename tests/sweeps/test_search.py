"""A search is killed, and its trials fail, without that a trial is lost or done twice."""

import multiprocessing
import os
import random
import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import toy_search as toy

from partbench.errors import UserError
from partbench.sweeps import Rungs, Search, TrialOutcome, carry_out
from partbench.sweeps.halving import cost


def test_a_failed_trial_stops_neither_the_search_nor_the_sampler(tmp_path):
    for name in ("tpe", "nsga2"):
        search = toy.carried_out(Search(toy.plan(sampler=name), tmp_path / f"{name}.log"), toy.failing(1, 2, 9))
        assert [trial.number for trial in search.record.trials if trial.state == "failed"] == [1, 2, 9]
        assert [trial.state.name for trial in search.study.trials].count("FAIL") == 3


@pytest.mark.parametrize(("values", "named"), [
    ({"accuracy": 0.5}, "no value of consistency_gain"),
    ({"accuracy": float("nan"), "consistency_gain": 0.1}, "no value of accuracy"),
    ({"accuracy": 0.5, "consistency_gain": float("inf")}, "no value of consistency_gain"),
    ({}, "no value of accuracy, consistency_gain")])
def test_a_value_that_is_missing_or_not_finite_is_a_failure(tmp_path, values, named):
    def train(settings, until):
        return toy.train(settings, until) if settings == toy.PAPER else TrialOutcome("run", values, until, 1.0)

    search = toy.carried_out(Search(toy.plan(amount=3), tmp_path / "ivpt.log"), train)
    assert toy.states(search) == ["done", "failed", "failed"]
    assert search.record.trials[1].error == named


def test_the_papers_setting_must_not_fail_and_is_tried_again(tmp_path):
    file = tmp_path / "ivpt.log"
    search = Search(toy.plan(rungs=toy.HALVING), file)
    with pytest.raises(UserError, match=r"ivpt failed with the paper's setting: diverged in epoch 1; .* why") as error:
        toy.carried_out(search, toy.failing(0))
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="paper's setting"):
        toy.carried_out(Search(toy.plan(rungs=toy.HALVING), file), toy.failing(0, at=2))
    mended = toy.carried_out(Search(toy.plan(rungs=toy.HALVING), file))
    assert mended.record.trials[0].state == "done"
    assert len(mended.record.trials) == 12


@pytest.mark.parametrize("problem", [KeyboardInterrupt, RuntimeError("out of luck")])
@pytest.mark.parametrize("where", ["future", "submit"])
def test_whatever_a_run_raises_leaves_a_search_that_continues(tmp_path, problem, where):
    search, asked = Search(toy.plan(amount=5, sampler="random"), tmp_path / "ivpt.log"), []

    def submit(settings, until, split):
        asked.append(settings)
        if len(asked) == 3:
            if where == "submit":
                raise problem
            answer = Future()
            answer.set_exception(problem if isinstance(problem, Exception) else problem())
            return answer
        return toy.at_once()(settings, until, split)

    with pytest.raises((KeyboardInterrupt, RuntimeError)):
        for _ in carry_out([(search, submit)], 2):
            pass
    for again in (search, Search(search.plan, tmp_path / "ivpt.log")):
        toy.carried_out(again)
        assert toy.states(again) == ["done"] * 5
    assert [trial.settings for trial in search.record.trials][:3] == asked[:3]


def test_a_caller_who_stops_asking_leaves_a_search_that_continues(tmp_path):
    search = Search(toy.plan(amount=5, sampler="random"), tmp_path / "ivpt.log")
    steps = carry_out([(search, toy.at_once())], 3)
    next(steps)
    steps.close()
    assert toy.states(toy.carried_out(search)) == ["done"] * 5


def test_trials_with_equal_settings_are_not_trained_side_by_side(tmp_path):
    fixed = {name: toy.PAPER[name] for name in toy.plan().space.varied if name != "prototypes"}
    plan = toy.plan(narrowed={**fixed, "prototypes": "5,3|4,2"}, sampler="random")
    busy, lock = [], threading.Lock()

    def train(settings, until):
        with lock:
            assert settings not in busy
            busy.append(settings)
        time.sleep(0.005)
        with lock:
            busy.remove(settings)
        return toy.train(settings, until)

    search = Search(plan, tmp_path / "ivpt.log")
    with ThreadPoolExecutor(4) as pool:
        for _ in carry_out([(search, lambda settings, until, split: pool.submit(train, settings, until))], 4):
            pass
    assert toy.states(search) == ["done"] * 12


@pytest.mark.parametrize("halving", [False, True])
def test_a_driver_killed_ten_times_loses_and_doubles_no_trial(tmp_path, halving):
    chance, fork, journal = random.Random(6), multiprocessing.get_context("fork"), tmp_path / "ivpt.log"
    for _ in range(10):
        driver = fork.Process(target=toy.main, args=(tmp_path, 30, 2, halving))
        until = (journal.stat().st_size if journal.exists() else 0) + chance.randrange(12_000)  # three trials, or none
        driver.start()
        while (journal.stat().st_size if journal.exists() else 0) < until and driver.is_alive():
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.05))
        os.kill(driver.pid, signal.SIGKILL)
        driver.join()
        assert driver.exitcode == -signal.SIGKILL
    toy.main(tmp_path, 30, 2, halving)
    rungs = Rungs.of(toy.EPOCHS) if halving else None
    trials = Search(toy.plan(amount=30, rungs=rungs), journal).record.trials
    assert [trial.number for trial in trials] == list(range(30))
    assert {trial.state for trial in trials} == ({"done", "pruned"} if halving else {"done"})
    assert len({trial.run_id for trial in trials}) == 30
    trained = {(trial.run_id, epochs) for trial in trials for epochs in ((2, 6) if halving else (6,))
               if trial.epochs >= epochs}
    assert {(run, int(epochs)) for run, epochs in
            (file.name.split(".") for file in (tmp_path / "runs").iterdir())} == trained, "no run without its trial"
    if halving:
        assert sum(trial.epochs for trial in trials) == cost(30, rungs).epochs
