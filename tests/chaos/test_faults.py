"""Forty runs of which ten break, each in another way: each leaves a right row, and the others do not notice."""

import pytest
from chaos_card import FAULTS
from verify import temporaries

import partbench
from processes import all_processes

LIMIT = "25s"
HEALTHY = [f"chaos@lane{lane}" for lane in range(1, 30)]
ROWS = {
    "sleep": ("timeout", "stopped after 25 s (--timeout)"),
    "memory": ("out_of_memory", "GiB, and a run may hold"),
    "nan": ("failed", "loss broke in stage chaos, epoch 2, step 1: cross_entropy is nan"),
    "segfault": ("failed", "the worker process died: it was killed, or crashed"),
    "raises": ("failed", "RuntimeError: the method broke on purpose"),
    "exits": ("failed", "SystemExit: a library left the process"),
    "killed_once": ("done", ""),
    "full_disk": ("failed", "no space left on the device"),
    "large_batch": ("done", ""),
}


@pytest.fixture(scope="module")
def broken(session):
    """The session, exit code and words of a command with every fault."""
    begun = session()
    methods = ["chaos", *(f"chaos@{fault}" for fault in FAULTS), "chaos_absent", *HEALTHY]
    code, said = begun.run("--timeout", LIMIT, "--memory-per-run", "2GB", methods=",".join(methods), seeds=1)
    return begun, code, said


@pytest.fixture(scope="module")
def rows(broken):
    return partbench.leaderboard.load(broken[0].out)


def test_the_command_says_that_runs_failed_and_shows_no_traceback(broken):
    _, code, said = broken
    assert code == 1, said
    assert "Traceback" not in said


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_run_leaves_one_row_that_says_why(fault, broken, rows):
    status, words = ROWS[fault]
    [row] = rows[rows.variant == fault].itertuples()
    assert (row.status, words in row.error) == (status, True), (row.status, row.error, broken[2])


def test_a_run_whose_method_cannot_be_imported_leaves_a_row_that_names_the_module(broken, rows):
    [row] = rows[rows.method == "chaos_absent"].itertuples()
    assert row.status == "failed"
    assert "a_module_that_nobody_has" in row.error


def test_healthy_neighbours_have_the_scores_of_runs_without_any(rows, reference):
    alone = partbench.leaderboard.load(reference.out).query("seed == 0").value.item()
    healthy = rows[(rows.method == "chaos") & ~rows.variant.isin(set(FAULTS))]
    assert len(healthy) == 30
    assert set(healthy.status) == {"done"}
    assert set(healthy.value) == {alone}


def test_a_run_that_was_killed_once_went_on_from_its_checkpoint_to_the_same_score(broken, rows):
    [row] = rows[rows.variant == "killed_once"].itertuples()
    log = (broken[0].out / "runs" / row.run_id / "log.txt").read_text()
    assert "continuing after epoch 1 of 4" in log
    assert row.value == rows[rows.variant == "lane1"].value.item()


def test_a_batch_that_did_not_fit_is_learnt_from_in_two_parts_and_the_row_says_so(rows):
    [row] = rows[rows.variant == "large_batch"].itertuples()
    assert row.accumulation == 2


def test_what_a_run_past_its_limit_had_started_is_gone(broken):
    numbers = set(map(int, (broken[0].marks / "sleepers").read_text().split()))
    assert len(numbers) == 3
    assert not [process for process in all_processes() if process.alive and process.pid in numbers]


def test_nothing_is_left_behind(broken):
    assert temporaries(broken[0].out) == []


def test_a_run_that_leaves_the_process_does_not_take_the_command_with_it(session):
    begun = session()
    code, said = begun.run("--in-process", methods="chaos@exits,chaos", seeds=1)
    assert code == 1, said
    assert set(partbench.leaderboard.load(begun.out).status) == {"failed", "done"}
