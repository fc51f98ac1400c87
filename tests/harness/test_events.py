"""`harness run --json`: what programs read."""

import json
import os
from collections import Counter

import pytest

from partbench.harness.config import make_config
from partbench.harness.console.display import display_of
from partbench.harness.console.events import EventConsole, EventStream
from partbench.harness.plan import make_plan
from partbench.harness.progress import Event


def told(text: str) -> list[dict]:
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


@pytest.fixture(scope="module")
def done(harness, flags, tmp_path_factory):
    """A command of two methods, and the same one again."""
    out = tmp_path_factory.mktemp("events")
    words = ["run", *flags(out, protocol="accuracy"), "--json"]
    return [harness(*words) for _ in range(2)]


def test_standard_output_is_events_and_nothing_else_from_the_plan_to_the_exit_code(done):
    events = told(done[0].out)
    assert {event["v"] for event in events} == {1}
    kinds = Counter(event["event"] for event in events)
    assert (kinds["planned"], kinds["started"], kinds["ended"], kinds["finished"]) == (2, 2, 2, 1)
    for run in (event["run"] for event in events if event["event"] == "planned"):
        own = [event["event"] for event in events if event.get("run") == run]
        assert own[:3] == ["planned", "started", "progress"]
        assert own[-1] == "ended"
    last = events[-1]
    assert (last["event"], last["exit_code"], last["done"], last["failed"]) == ("finished", 0, 2, 0)
    assert os.path.exists(last["report"])


def test_progress_says_stage_epoch_loss_and_share(done):
    progress = [event for event in told(done[0].out) if event["event"] == "progress"]
    trained = [event for event in progress if event["epoch"]]
    assert all(0 <= event["share"] <= 1 for event in progress)
    assert all(event["epochs"] == 2 and event["loss"] > 0 for event in trained)
    assert trained


def test_runs_that_were_finished_before_are_said_to_be(done):
    events = told(done[1].out)
    assert [event.get("state") for event in events] == ["finished", "finished", None]
    assert events[-1]["exit_code"] == 0


def test_a_request_that_cannot_work_ends_with_an_event_too(harness, flags, tmp_path):
    end = harness("run", *flags(tmp_path, methods=["nothing"]), "--json")
    [last] = told(end.out)
    assert (end.code, last["exit_code"], last["event"]) == (2, 2, "finished")
    assert "nothing" in last["error"]
    assert harness("run", *flags(tmp_path), "--json", "--quiet").code == 2


def test_no_number_is_nan_and_progress_is_told_when_the_stage_changes_or_time_has_passed(asked, tmp_path):
    job = make_plan(make_config(asked(tmp_path, methods=["ivpt"]))).jobs[0]
    read, write = os.pipe()
    with os.fdopen(read) as reader, os.fdopen(write, "w") as writer, display_of([job], EventConsole(writer)) as display:
        for loss in (float("nan"), float("inf"), 0.5):
            display.event(job.run_id, Event("train", loss=loss))
        display.event(job.run_id, Event("score", loss=float("nan"), node="here"))
        writer.close()
        events = told(reader.read())
    assert [event["event"] for event in events] == ["planned", "started", "progress", "progress"]
    assert [event["loss"] for event in events[2:]] == [None, None]
    assert events[-1]["node"] == "here"


def test_when_the_reader_leaves_the_runs_go_on(capsys):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as writer:
        stream = EventStream(writer)
        for _ in range(3):
            stream.write("said", run="0", line="x")
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer.fileno())  # so that closing has something to write to
    assert capsys.readouterr().err.count("the runs go on") == 1
