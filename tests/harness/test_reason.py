"""`harness why` and `harness list runs`, of runs that ended in every way, or never said how."""

import json
from datetime import UTC, datetime

import pytest

from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.harness.results.run_folders import run_folder
from partbench.harness.schedule.attempts import write_attempt
from partbench.leaderboard import Row, Store, history


@pytest.fixture
def results(asked, tmp_path):
    """Folder and ids of runs: done at the third attempt; out of memory twice; refused; killed; timed out on a split."""
    jobs = make_plan(make_config(asked(tmp_path, methods=["ivpt"], seeds=range(5)))).jobs
    for job in jobs:
        folder = run_folder(str(tmp_path), job.run_id)
        folder.mkdir(parents=True)
        spec = {"methods": ["ivpt"], "dataset": "cub", "seeds": [job.spec.seed], "epochs": 2, "split": "test"}
        (folder / "spec.json").write_text(json.dumps(spec))
    done, large, refused, killed, late = jobs
    write_attempt(done, "failed", "ValueError: loss term 'entropy' is nan\nand so on")
    write_attempt(done, "interrupted", "stopped by the user")
    Store(tmp_path).write_scores(done.run_id, done.protocol.id, "test", [
        Row(run_id=done.run_id, method="ivpt", dataset="cub", metric="accuracy", value=0.5, protocol="partbench",
            protocol_id=done.protocol.id, finished_at=datetime.now(UTC))])
    for _ in range(2):
        write_attempt(large, "out_of_memory", "CUDA out of memory")
    (run_folder(str(tmp_path), refused.run_id) / "log.txt").write_text(
        "2026-01-01 ERROR refused: no photograph is there\n2026-01-01 INFO 0 s in this attempt\n")
    (run_folder(str(tmp_path), killed.run_id) / "log.txt").write_bytes(b"x\n" * 10**6 + b"epoch 3\x1b[2J\xff\n")
    write_attempt(late, "timeout", "stopped after 3 h")
    return tmp_path, [job.run_id for job in jobs]


def told(harness, results, number: int) -> list[str]:
    out, ids = results
    end = harness("why", ids[number], "--out", out)
    assert end.code == 0, end.err
    return end.out.splitlines()


def test_attempts_come_in_order_also_those_that_a_success_superseded(results, harness):
    first, about, *attempts, scored = told(harness, results, 0)[:5]
    assert first.endswith("  done")
    assert about == "ivpt on cub, seed 0, 2 epochs"
    assert [line.split()[:2] for line in attempts] == [["1", "failed"], ["2", "interrupted"]]
    assert attempts[0].endswith("ValueError: loss term 'entropy' is nan and so on")
    assert scored.split()[0] == "done"
    assert "scored on test under partbench" in scored


def test_what_is_to_be_done_about_it_is_a_command(results, harness):
    out, ids = results
    command = f"harness run --config {run_folder(str(out), ids[1]) / 'spec.json'}"
    lines = told(harness, results, 1)
    assert lines[0].endswith("out_of_memory: CUDA out of memory")
    assert command in lines[-1]
    assert "memory" in lines[-1]
    assert told(harness, results, 4)[-1].startswith("to continue it, for as long again: harness run")
    assert not any("harness run" in line for line in told(harness, results, 0))


def test_a_run_without_a_row_is_told_of_from_its_log(results, harness):
    assert told(harness, results, 2)[0].endswith("refused: no photograph is there")
    killed = told(harness, results, 3)
    assert "unfinished: it is under way, or was killed before it could say why" in killed[0]
    assert len(killed) < 40
    assert any("epoch 3" in line for line in killed)
    assert "\x1b" not in "".join(killed)


def test_a_torn_row_is_no_attempt_and_the_others_are_told(results, harness):
    out, ids = results
    (out / "rows" / f"{ids[0]}.attempt-1.parquet").write_bytes(b"PAR1")
    assert history(Store(out), ids[0]).status.tolist() == ["interrupted", "done"]
    assert told(harness, results, 0)[2].split()[:2] == ["2", "interrupted"]


def test_lists_have_every_status_and_runs_that_never_got_a_row_and_break_no_line(results, harness, monkeypatch):
    out, ids = results
    monkeypatch.setenv("COLUMNS", "30")
    lines = {line.split()[0]: line.split() for line in harness("list", "runs", "--out", out).out.splitlines()}
    assert [lines[run_id][5] for run_id in ids] == ["done", "out_of_memory", "unfinished", "unfinished", "timeout"]
    assert lines["run"] == ["run", "method", "dataset", "seed", "split", "status", "finished"]


def test_a_folder_where_nothing_has_ended_yet_lists_what_is_under_way(results, harness):
    out, ids = results
    for file in out.glob("rows/*"):
        file.unlink()
    (out / "rows").rmdir()
    for name, text in (("notes", ""), ("deep", "[" * 10**5), ("odd", '{"methods": 3}')):
        (out / "runs" / name).mkdir()
        (out / "runs" / name / "spec.json").write_text(text)
    listed = harness("list", "runs", "--out", out)
    assert listed.out.count("unfinished") == len(ids)
    assert harness("list", "runs", "--out", out / "nowhere").code == 2
