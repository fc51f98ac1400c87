"""Checks and repairs: what is broken is named, moved aside once, and nothing else is touched."""

import json
import os
import shutil
from hashlib import sha256

import pandas as pd
import pytest

from partbench.durable import temporary_name
from partbench.errors import UserError
from partbench.leaderboard import load
from partbench.leaderboard.store_care import check_results, repair_results
from partbench.processes import owner

RUN, OTHER, PROTOCOL = "0123456789abcdef", "fedcba9876543210", "1a2b3c4d"


@pytest.fixture
def results(store, row, failed, explain_in, tmp_path):
    """A folder of results with a file of every kind."""
    store.write_scores(RUN, PROTOCOL, "test", [row()])
    store.write_items(RUN, PROTOCOL, "test", pd.DataFrame({"value": [0.5] * 50}))
    store.write_attempt(OTHER, [failed(OTHER)])
    store.build()
    run = explain_in(tmp_path)
    run.joinpath("spec.json").write_text(json.dumps({"methods": ["ivpt"], "seeds": [0]}))
    run.joinpath("losses.csv").write_text("epoch,stage,term,loss\n1,joint,total,0.5\n")
    run.joinpath("log.txt").write_text("2026-01-01 INFO done\n")
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "epoch-00001.safetensors").write_bytes(b"tensors")
    (run / "checkpoints" / "epoch-00001.json").write_text(json.dumps({"sha256": sha256(b"tensors").hexdigest()}))
    for name, text in {"sweeps/s/ivpt.log": '{"op_code": 0}\n{"op_code": 5}\n{"op', "sweeps/s/ivpt.request.json": "{}",
                       "audit/cub.json": "{}", "rates/rows/x.txt": "", "leases/a.1.json": "{}"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def kinds(findings):
    return {(finding.kind, finding.files[0]) for finding in findings}


def test_nothing_is_wrong_with_what_partbench_writes(results):
    assert check_results(results) == []
    assert repair_results(results).moved == []


SCORES, ITEMS = f"rows/{RUN}.{PROTOCOL}.parquet", f"items/{RUN}.{PROTOCOL}.parquet"
RUNS = f"runs/{RUN}"


@pytest.mark.parametrize("name", [
    SCORES, ITEMS, f"rows/{OTHER}.attempt-1.parquet", "leaderboard.parquet", f"{RUNS}/checkpoints/epoch-00001.json",
    f"{RUNS}/checkpoints/epoch-00001.safetensors", f"{RUNS}/spec.json", f"{RUNS}/losses.csv",
    f"{RUNS}/explanations.json", f"{RUNS}/explanations.safetensors", "sweeps/s/ivpt.log", "sweeps/s/ivpt.request.json",
    "audit/cub.json", "leases/a.1.json"])
def test_a_file_cut_to_its_first_byte_is_torn_is_moved_aside_and_the_rest_stays(results, name):
    before = {str(file.relative_to(results)) for file in results.rglob("*") if file.is_file()}
    (results / name).write_bytes((results / name).read_bytes()[:1])
    damaged = [finding for finding in check_results(results) if finding.is_damage]
    assert [(finding.kind, name in finding.files) for finding in damaged] == [("torn", True)]
    assert damaged[0].cost
    repaired = repair_results(results)
    assert [finding.files for finding in repaired.moved] == [damaged[0].files]
    after = {str(file.relative_to(results)) for file in results.rglob("*") if file.is_file()}
    moved = {f"aside/{file}" for file in damaged[0].files}
    assert moved <= after
    assert before - set(damaged[0].files) <= after
    assert [finding for finding in check_results(results) if finding.is_damage] == []
    assert repair_results(results).moved == []


def test_foreign_misnamed_and_linked_files_are_told_apart(results, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copy(results / SCORES, elsewhere / "rows.parquet")
    shutil.copy(results / SCORES, results / f"rows/aa.{PROTOCOL}.parquet")
    (results / f"rows/bb.{PROTOCOL}.parquet").symlink_to(elsewhere / "rows.parquet")
    (results / f"rows/cc.{PROTOCOL}.parquet").mkdir()
    os.mkfifo(results / f"rows/dd.{PROTOCOL}.parquet")
    (results / "runs" / "ee").symlink_to(elsewhere)
    (results / "rows" / "notes.txt").write_text("not ours, and in nobody's way")
    wrong = {("foreign", f"rows/aa.{PROTOCOL}.parquet"), ("link", f"rows/bb.{PROTOCOL}.parquet"),
             ("foreign", f"rows/cc.{PROTOCOL}.parquet"), ("foreign", f"rows/dd.{PROTOCOL}.parquet"),
             ("link", "runs/ee")}
    assert kinds(check_results(results)) == wrong
    repair_results(results)
    assert check_results(results) == []
    assert (elsewhere / "rows.parquet").exists()
    assert (results / "aside" / "runs" / "ee").is_symlink()


def test_rows_without_items_and_dead_processes_files_are_told_and_are_no_damage(results):
    (results / ITEMS).unlink()
    place, pid, start = owner().split("-")
    left = results / "runs" / RUN / temporary_name("x").replace(owner(), f"{place}-{pid}-{int(start) + 1}")
    left.touch()
    found = check_results(results)
    assert kinds(found) == {("incomplete", SCORES), ("left over", str(left.relative_to(results)))}
    assert not any(finding.is_damage for finding in found)
    assert repair_results(results).removed == [left]
    assert not left.exists()


def test_rows_of_a_later_version_stay_where_they_are(results, row, monkeypatch):
    from partbench.leaderboard import parquet
    from partbench.leaderboard.versions import mark

    with monkeypatch.context() as patch:
        patch.setattr(parquet, "mark", lambda: mark(9))
        (results / SCORES).write_bytes(parquet.encode_rows([row()]))
    repaired = repair_results(results)
    assert (repaired.moved, [finding.kind for finding in repaired.left]) == ([], ["newer"])
    assert (results / SCORES).exists()


def test_what_is_moved_aside_twice_is_kept_twice(results, store, row):
    for number in range(2):
        (results / SCORES).write_bytes(b"torn %d" % number)
        repair_results(results)
        store.write_scores(RUN, PROTOCOL, "test", [row()])
    assert sorted(file.read_bytes() for file in (results / "aside" / "rows").iterdir()) == [b"torn 0", b"torn 1"]
    assert set(load(results)["status"]) == {"done", "failed"}


def test_a_folder_without_results_cannot_be_checked(tmp_path):
    with pytest.raises(UserError, match="no results in"):
        check_results(tmp_path)
