"""Training in two goes: to an epoch, scored there, and on to the last as if nothing had happened."""

from dataclasses import replace

import pytest
import torch
from rehearsal import EPOCHS, FINAL, HOOKS, Ending, hooks, toy, training

from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.harness.progress import Event, Interrupted
from partbench.harness.results.run_folders import run_folder
from partbench.harness.training.train import train
from partbench.harness.trial import run_job
from partbench.leaderboard import Store

METHODS = {  # settings and epochs, of which a stage ends after ``until``
    "e2vpt": ({"e2vpt.learning_share": 0.5}, 4, 2),
    "protopnet": ({"protopnet.last_layer_share": 0.4}, 5, 3),
    "toy": ({}, 4, 2),
}


def test_a_stage_that_follows_the_rung_is_prepared_when_training_goes_on_and_not_before(tiny_cub, tmp_path):
    straight, first, then = toy(), toy(), toy()
    train(straight, training(tiny_cub, tmp_path / "straight"))
    whole = training(tiny_cub, tmp_path / "rungs")
    assert train(first, replace(whole, until=2)).total == 2
    assert hooks(first) == HOOKS[:3]
    assert train(then, whole).total == EPOCHS
    assert hooks(then) == HOOKS[3:]
    assert (tmp_path / "rungs" / FINAL).read_bytes() == (tmp_path / "straight" / FINAL).read_bytes()


@pytest.mark.parametrize("until", [EPOCHS, EPOCHS + 3, None])
def test_what_follows_the_last_epoch_belongs_to_the_whole_training(until, tiny_cub, tmp_path):
    method = toy(Ending)
    train(method, replace(training(tiny_cub, tmp_path), until=until))
    assert method.calls[-1] == ("prepare", "head")


def test_a_training_that_went_farther_is_left_as_it_is(tiny_cub, tmp_path):
    train(toy(), training(tiny_cub, tmp_path))
    before, method = (tmp_path / FINAL).read_bytes(), toy()
    assert train(method, replace(training(tiny_cub, tmp_path), until=1)).total == EPOCHS
    assert method.calls == []
    assert (tmp_path / FINAL).read_bytes() == before


def test_a_rung_is_scored_with_the_weights_of_its_epoch_though_training_was_stopped_beyond_it(tiny_cub, tmp_path):
    def stop(event):
        if (event.stage, event.epoch) == ("head", 1):
            raise Interrupted

    at_rung, beyond = toy(), toy()
    train(at_rung, replace(training(tiny_cub, tmp_path / "straight"), until=2))
    with pytest.raises(Interrupted):
        train(toy(), training(tiny_cub, tmp_path / "stopped", stop))
    assert (tmp_path / "stopped" / "epoch-00002-step-00000001.json").exists()
    reached = train(beyond, replace(training(tiny_cub, tmp_path / "stopped"), until=2))
    assert (reached.total, reached.step) == (2, 0)
    for name, value in at_rung.state_dict().items():
        assert torch.equal(beyond.state_dict()[name], value), name


@pytest.fixture
def jobs(asked, with_toy, tmp_path):
    """``jobs(method, where)``: a trial of the method, with an epoch at which one of its stages ends."""
    def make(method, where, sweep="one"):
        settings, epochs, until = METHODS[method]
        request = asked(tmp_path / where, methods=[method], set=settings, epochs=epochs, split="val", sweep=sweep,
                        protocol="accuracy")
        return make_plan(make_config(request)).jobs[0], until
    return make


def scores(job):
    """Status, epochs and values of a run's rows."""
    frame = Store(job.out).of_run(job.run_id)
    frame = frame[frame.sweep == job.sweep]
    return sorted(zip(frame.status, frame.epochs, frame.metric, frame.value, strict=True))


@pytest.mark.parametrize("method", METHODS)
def test_trained_to_a_rung_scored_and_continued_is_trained_straight_through_bit_for_bit(method, jobs):
    (straight, _), (rungs, until) = jobs(method, "straight"), jobs(method, "rungs")
    assert run_job(straight).status == "done"
    assert run_job(rungs.until_epoch(until)).status == "done"
    [(status, epochs, metric, at_rung)] = scores(rungs)
    assert (status, epochs, metric) == ("pruned", until, "accuracy")
    assert run_job(rungs).status == "done"
    assert scores(rungs) == scores(straight) != [("pruned", until, "accuracy", at_rung)]
    last = [run_folder(job.out, job.run_id) / "checkpoints" / f"epoch-{straight.spec.epochs:05d}.safetensors"
            for job in (straight, rungs)]
    assert last[0].read_bytes() == last[1].read_bytes()


def test_a_kill_between_the_rung_and_its_row_trains_nothing_again(jobs, monkeypatch):
    (unbroken, until), (killed, _) = jobs("toy", "unbroken"), jobs("toy", "killed")
    run_job(unbroken.until_epoch(until))
    with monkeypatch.context() as patch:
        patch.setattr("partbench.harness.trial.evaluate", lambda context: (_ for _ in ()).throw(KeyboardInterrupt))
        assert run_job(killed.until_epoch(until)).status == "interrupted"
    told: list[Event] = []
    assert run_job(killed.until_epoch(until), told.append).status == "done"
    assert {event.stage for event in told} == {"score images"}
    assert scores(killed) == scores(unbroken)


def test_a_run_that_another_search_trained_to_the_end_is_scored_as_it_is_and_says_so(jobs):
    (first, until), (second, _) = jobs("toy", "shared", "one"), jobs("toy", "shared", "two")
    assert first.run_id == second.run_id
    run_job(first)
    assert run_job(second.until_epoch(until)).status == "done"
    assert scores(second) == scores(first)
    assert {epochs for _, epochs, _, _ in scores(second)} == {first.spec.epochs}


def test_a_rung_promises_no_more_work_than_it_is(jobs):
    job, until = jobs("toy", "progress")
    told: list[Event] = []
    run_job(job.until_epoch(until), told.append)
    assert 0.8 < told[-1].done / told[-1].total <= 1  # but for images of an epoch's last batch that is not full
