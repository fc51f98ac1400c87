"""What users see of runs under way: a small table, few lines, failures, or nothing but events."""

from io import StringIO

import pytest
from rich.console import Console

from partbench.harness.config import make_config
from partbench.harness.console.display import QuietConsole, display_of
from partbench.harness.plan import make_plan
from partbench.harness.progress import Event


@pytest.fixture
def jobs(asked, tmp_path):
    return list(make_plan(make_config(asked(tmp_path, methods=["ivpt"], seeds=range(100)))).jobs)


def terminal(height: int = 20) -> Console:
    return Console(file=StringIO(), force_terminal=True, color_system=None, width=120, height=height)


def drawn(display) -> list[str]:
    with display.console.capture() as captured:
        display.console.print(display._table())
    return captured.get().splitlines()


def test_the_table_never_outgrows_the_screen_and_says_what_it_hides(jobs):
    display = display_of(jobs, terminal(height=20))
    for job in jobs[:60]:
        display.event(job.run_id, Event("train", 3, 25, 0.5, 140.0, 12, 100, 95))
    lines = drawn(display)
    assert len(lines) <= 20
    assert lines[1].split() == ["ivpt", "seed", "0", "train", "3/25", "0.500", "140.0", "1:35"]
    assert "and 45 more under way" in lines
    assert "0 done, 60 under way, 40 waiting" in lines[-1]


def test_columns_are_those_that_something_is_known_of_and_nodes_where_there_are_several(jobs):
    display = display_of(jobs, terminal())
    display.event(jobs[0].run_id, Event("preparing", node="one"))
    assert drawn(display)[0].split() == ["run", "stage"]
    display.event(jobs[1].run_id, Event("train", loss=0.25, gpu="3", node="one"))
    assert drawn(display)[0].split() == ["run", "stage", "loss", "GPU"]
    display.event(jobs[2].run_id, Event("train", node="two"))
    assert drawn(display)[0].split() == ["run", "stage", "loss", "node", "GPU"]


def test_a_stage_called_like_markup_is_printed_as_it_is(jobs):
    display = display_of(jobs, terminal())
    display.event(jobs[0].run_id, Event("[red]warm\x1b[2J[/red]"))
    assert "[red]warm [2J[/red]" in drawn(display)[1]


def test_a_log_of_a_hundred_runs_has_a_line_for_each_end_and_for_what_went_wrong(jobs):
    console = Console(file=StringIO(), width=80)
    with display_of(jobs, console) as display:
        for job in jobs:
            for epoch in range(5):
                display.event(job.run_id, Event(f"stage {epoch}", epoch, 5))
            if job is jobs[7]:
                display.said(job.run_id, "worker process died; again from its last checkpoint, 1 of 3")
            display.ended(job.run_id, "failed" if job is jobs[7] else "done", "loss is nan\nmore" * (job is jobs[7]))
    lines = console.file.getvalue().splitlines()
    assert len(lines) == len(jobs) + 1
    assert lines[7:9] == ["ivpt seed 7: worker process died; again from its last checkpoint, 1 of 3",
                          "ivpt seed 7: failed (loss is nan more)"]


def test_a_log_of_few_runs_tells_every_stage(jobs):
    console = Console(file=StringIO(), width=80)
    display = display_of(jobs[:2], console)
    for epoch, stage in ((1, "warm"), (2, "warm"), (3, "joint")):
        display.event(jobs[0].run_id, Event(stage, epoch, 3))
    assert console.file.getvalue().splitlines() == ["ivpt seed 0: warm 1/3", "ivpt seed 0: joint 3/3"]


def test_quiet_tells_of_failures_alone(jobs, capsys):
    with display_of(jobs, QuietConsole()) as display:
        display.event(jobs[0].run_id, Event("train"))
        display.said(jobs[0].run_id, "once more")
        display.ended(jobs[0].run_id, "done", "")
        display.ended(jobs[1].run_id, "out_of_memory", "too large")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "ivpt seed 1: out of memory (too large)\n")
