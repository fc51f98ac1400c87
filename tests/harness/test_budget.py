"""A budget of time: what would not end within it is not begun, and the same command does it later."""

import json

import pytest

from partbench.errors import UserError
from partbench.harness.config import make_config
from partbench.harness.foresight.budget import Budget
from partbench.harness.plan import make_plan


@pytest.fixture
def jobs(asked, tmp_path):
    return list(make_plan(make_config(asked(tmp_path, methods=["ivpt"], seeds=range(8)))).jobs)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_run_may_begin_that_would_end_in_time_and_an_unknown_one_while_there_is_any(jobs):
    clock, longest = Clock(), [60.0, 60.0, 30.0, None]
    budget = Budget(100, lambda job: longest[job.spec.seed], clock)
    assert budget.allows(jobs[0])
    assert budget.allows(jobs[1])  # beside it
    clock.now += 50
    assert not budget.allows(jobs[1])
    assert budget.allows(jobs[2])
    assert budget.allows(jobs[3])
    clock.now += 50
    assert not budget.allows(jobs[3])
    assert budget.refused == [jobs[1], jobs[3]]


def test_what_is_left_over_is_named_a_few_by_name_and_says_how_it_gets_done(jobs):
    clock = Clock()
    budget = Budget(5400, lambda job: 4000.0, clock)
    assert budget.left_over() == ""
    clock.now += 3600
    assert not any(map(budget.allows, jobs))
    told = budget.left_over()
    assert told.startswith(f"budget of 1 h 30 min: 8 runs not started: ivpt seed 0 ({jobs[0].run_id}), ")
    assert told.endswith("and 3 more; the same command does them")
    short = Budget(60, lambda job: 4000.0, clock)
    assert not short.allows(jobs[0])
    assert short.left_over().endswith("1 of them may take longer than that: give more")


def test_a_command_leaves_what_does_not_fit_exits_with_0_and_the_same_command_does_it(harness, flags, tmp_path,
                                                                                     monkeypatch):
    words = ["run", *flags(tmp_path, methods=["prompt_cam"], seeds="0,1", protocol="accuracy")]
    monkeypatch.setattr("partbench.harness.foresight.learned.Longest.__call__",
                        lambda self, job: 10.0 + 1e9 * job.spec.seed)
    first = harness(*words, "--budget", "1h")
    assert first.code == 0, first.err
    assert "budget of 1 h: 1 run not started: prompt_cam seed 1" in first.out
    monkeypatch.undo()
    second = harness(*words, "--budget", "1h", "--json")
    assert second.code == 0
    events = [json.loads(line) for line in second.out.splitlines()]
    assert [event["state"] for event in events if event["event"] == "planned"].count("finished") == 1
    assert [event["status"] for event in events if event["event"] == "ended"] == ["done"]


def test_a_run_that_was_left_is_an_event_and_trials_that_were_left_leave_their_runs(harness, flags, tmp_path,
                                                                                   monkeypatch):
    monkeypatch.setattr("partbench.harness.foresight.learned.Longest.__call__", lambda self, job: 1e9)
    words = ["run", *flags(tmp_path, methods=["prompt_cam"], protocol="accuracy"), "--budget", "1h", "--json"]
    for further in ([], ["--rate-factors", "0.3,1", "--rate-epochs", "1"]):
        end = harness(*words, *further)
        events = [json.loads(line) for line in end.out.splitlines()]
        left = [event for event in events if event["event"] == "not_started"]
        assert (end.code, len(left), events[-1]["event"]) == (0, 1 + bool(further), "finished")
        assert "budget of 1 h" in left[0]["error"]
    assert not list(tmp_path.glob("rows/*"))


def test_estimates_of_a_budget_learn_from_what_is_finished_meanwhile(asked, tmp_path, harness, flags):
    from partbench.harness.foresight.learned import Longest

    config = make_config(asked(tmp_path, methods=["prompt_cam"], seeds=[0, 1], protocol="accuracy", timeout="3h"))
    (tmp_path / "rows").mkdir()
    second = make_plan(config).jobs[1]
    longest = Longest(config)
    assert longest(second) is None
    assert harness("run", *flags(tmp_path, methods=["prompt_cam"], protocol="accuracy"), "--quiet").code == 0
    assert 0 < longest(second) < 3 * 3600


def test_a_budget_that_cannot_be_is_one_line(asked, tmp_path, harness, flags):
    for words in (["--budget", "soon"], ["--budget", "0h"], ["--budget", "1h", "--force"]):
        end = harness("run", *flags(tmp_path), *words)
        assert (end.code, end.err.count("\n")) == (2, 1), end.err
    with pytest.raises(UserError, match="--budget"):
        make_config(asked(tmp_path, budget=float("nan")))
