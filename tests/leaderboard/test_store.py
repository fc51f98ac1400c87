"""The store: what is written is read back, once, or skipped with a reason."""

import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from partbench.errors import UserError
from partbench.leaderboard import COLUMNS, Row, Store, load
from partbench.leaderboard.parquet import encode_rows
from partbench.leaderboard.versions import mark

RUN, OTHER, PROTOCOL = "0123456789abcdef", "fedcba9876543210", "1a2b3c4d"


def test_rows_come_back_as_they_were(store, row, tmp_path):
    written = row(settings={"prototypes": [17, 14]}, started_at=datetime(2026, 1, 2, tzinfo=UTC), peak_memory_mb=1.5)
    store.write_scores(RUN, PROTOCOL, "test", [written, row("nmi", None, status="not_applicable")])
    frame = load(tmp_path)
    assert tuple(frame.columns) == COLUMNS
    record = frame.set_index("metric").loc["accuracy"].to_dict()
    kept = {name: record[name] for name in record if not pd.isna(record[name])}
    assert Row(metric="accuracy", **kept) == written


def test_splits_and_protocols_have_files_of_their_own(store, row, tmp_path):
    store.write_scores(RUN, PROTOCOL, "test", [row()])
    store.write_scores(RUN, PROTOCOL, "val", [row(split="val")])
    store.write_scores(RUN, "99", "test", [row(protocol_id="99")])
    names = {f.name for f in (tmp_path / "rows").iterdir()}
    assert names == {f"{RUN}.{PROTOCOL}.parquet", f"{RUN}.{PROTOCOL}.val.parquet", f"{RUN}.99.parquet"}
    assert len(load(tmp_path)) == 3
    assert store.finished(PROTOCOL, "val") == store.finished("99", "test") == {RUN}
    assert store.finished("99", "val") == set()


def test_a_run_has_scores_of_its_own_in_every_sweep_and_in_none(store, row, failed, tmp_path):
    for sweep in ("", "one", "two"):
        store.write_scores(RUN, PROTOCOL, "val", [row(split="val", sweep=sweep, value=0.1 + len(sweep) / 10)])
    store.write_attempt(RUN, [failed(split="val", sweep="three")])
    store.write_attempt(RUN, [failed(split="val", sweep="one")])  # its scores supersede it, those of others do not
    frame = store.of_run(RUN)
    assert sorted(zip(frame.sweep, frame.status, strict=True)) == [
        ("", "done"), ("one", "done"), ("three", "failed"), ("two", "done")]
    assert frame.equals(load(tmp_path))
    assert len(store.of_run(OTHER)) == 0


@pytest.mark.parametrize("sweep", [PROTOCOL, "val", "test", "attempt-1", RUN])
def test_a_sweep_may_be_called_anything_and_is_taken_for_nothing_else(store, row, failed, sweep):
    for split in ("val", "test"):
        store.write_scores(RUN, PROTOCOL, split, [row(split=split, sweep=sweep)])
    store.write_attempt(OTHER, [failed(OTHER, split="val", sweep=sweep)])
    for split in ("val", "test"):
        assert store.finished(PROTOCOL, split, sweep) == {RUN}
        assert store.finished(PROTOCOL, split) == set()
    frame, problems = store.read()
    assert (set(frame.sweep), problems) == ({sweep}, [])


def test_rows_of_two_sweeps_do_not_belong_in_one_file(store, row):
    with pytest.raises(ValueError, match="rows of 2 sweeps"):
        store.write_scores(RUN, PROTOCOL, "val", [row(split="val", sweep="one"), row("nmi", split="val", sweep="two")])


def test_rows_of_another_run_or_status_are_not_scores(store, row, failed):
    for wrong in (row(run_id=OTHER), row(split="val"), row(protocol_id="99"), failed(protocol_id=PROTOCOL)):
        with pytest.raises(ValueError, match=r"does not belong|is an attempt"):
            store.write_scores(RUN, PROTOCOL, "test", [wrong])


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "attempt-1", "a.b"])
def test_a_name_never_becomes_a_path(store, row, name):
    with pytest.raises(ValueError, match="cannot be part of a file name"):
        store.write_scores(RUN, name, "test", [row(protocol_id=name or "x").model_copy(update={"protocol_id": name})])


def test_attempts_are_numbered_and_the_latest_counts(store, failed, tmp_path):
    store.write_attempt(RUN, [failed(error="first")])
    store.write_attempt(RUN, [failed(error="second", status="timeout")])
    assert sorted(f.name for f in (tmp_path / "rows").iterdir()) == [f"{RUN}.attempt-{n}.parquet" for n in (1, 2)]
    frame = load(tmp_path)
    assert frame[["attempt", "error", "status"]].values.tolist() == [[2, "second", "timeout"]]


def test_two_writers_never_share_an_attempt(store, failed, tmp_path, monkeypatch):
    monkeypatch.setattr(Store, "_attempts", lambda self, run_id: 0)  # neither sees the other's file
    store.write_attempt(RUN, [failed(error="mine")])
    store.write_attempt(RUN, [failed(error="yours")])
    assert sorted(f.name for f in (tmp_path / "rows").iterdir()) == [f"{RUN}.attempt-{n}.parquet" for n in (1, 2)]


def test_scores_supersede_attempts_of_their_run_and_split_only(store, row, failed, tmp_path):
    store.write_scores(RUN, PROTOCOL, "test", [row()])
    store.write_attempt(RUN, [failed(error="superseded, and not by an order of names")])
    store.write_attempt(OTHER, [failed(OTHER, error="kept")])
    store.write_attempt(OTHER, [failed(OTHER, split="val", error="kept too")])
    assert sorted(load(tmp_path)["error"]) == ["", "kept", "kept too"]


def test_a_failed_second_protocol_shows_beside_the_scores_of_the_first(store, row, failed, tmp_path):
    store.write_scores(RUN, PROTOCOL, "test", [row()])
    store.write_attempt(RUN, [failed(protocol_id="99")])
    assert sorted(load(tmp_path)["status"]) == ["done", "failed"]


def test_torn_foreign_and_misnamed_files_are_skipped_with_a_reason(store, row, tmp_path, monkeypatch):
    rows = tmp_path / "rows"
    good = rows / f"{RUN}.{PROTOCOL}.parquet"
    store.write_scores(RUN, PROTOCOL, "test", [row()])
    content = good.read_bytes()
    (rows / f"aa.{PROTOCOL}.parquet").write_bytes(content[: len(content) // 2])
    (rows / f"bb.{PROTOCOL}.parquet").write_bytes(b"")
    shutil.copy(good, rows / f"cc.{PROTOCOL}.parquet")
    pq.write_table(pa.table({"x": [1]}), rows / f"dd.{PROTOCOL}.parquet")
    shutil.copy(good, rows / "notes.parquet")
    with monkeypatch.context() as patch:
        patch.setattr("partbench.leaderboard.parquet.mark", lambda: mark(4))
        (rows / f"ee.{PROTOCOL}.parquet").write_bytes(encode_rows([row(run_id="ee")]))
    (rows / f".{RUN}.tmp").write_bytes(content[:9])
    frame, problems = store.read()
    assert frame["run_id"].tolist() == [RUN]
    reasons = ["torn", "torn", "run_id", "not written by partbench", "schema version 4", "not a name"]
    assert len(problems) == len(reasons)
    assert all(reason in problem for reason, problem in zip(reasons, problems, strict=True))
    # cc is whole, and only a full read tells that it is misnamed
    assert store.finished(PROTOCOL, "test") == {RUN, "cc"}


def test_whether_one_run_has_scores_takes_no_listing(store, row, failed, tmp_path, monkeypatch):
    store.write_scores(RUN, PROTOCOL, "val", [row(split="val", sweep="s")])
    store.write_attempt(OTHER, [failed(OTHER)])
    monkeypatch.setattr(type(store.folder), "list", lambda *_: pytest.fail("listed"))
    assert store.has_scores(RUN, PROTOCOL, "val", "s")
    for other in ((RUN, PROTOCOL, "val"), (RUN, PROTOCOL, "test", "s"), (RUN, "99", "val", "s"),
                  (OTHER, PROTOCOL, "test")):
        assert not store.has_scores(*other)
    file = tmp_path / "rows" / f"{RUN}.{PROTOCOL}.val.s.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    assert not store.has_scores(RUN, PROTOCOL, "val", "s")


def test_finished_counts_a_thousand_runs_without_torch_ray_or_pandas(store, row, tmp_path):
    store.write_scores(RUN, PROTOCOL, "test", [row()])
    source = tmp_path / "rows" / f"{RUN}.{PROTOCOL}.parquet"
    for i in range(999):
        shutil.copy(source, tmp_path / "rows" / f"{i:016x}.{PROTOCOL}.parquet")
    code = f"""
import sys
from partbench.leaderboard import Store
assert len(Store({str(tmp_path)!r}).finished({PROTOCOL!r}, "test")) == 1000
print({{"torch", "ray", "pandas", "pyarrow"}} & {{*sys.modules}})
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_build_reads_row_files_only_when_they_changed(store, row, tmp_path, monkeypatch):
    store.write_scores(RUN, PROTOCOL, "test", [row()])
    (tmp_path / "rows" / "notes.parquet").write_bytes(b"x")
    first = store.build()
    with monkeypatch.context() as patch:
        patch.setattr("partbench.leaderboard.merge.merge", lambda *_: pytest.fail("read again"))
        pd.testing.assert_frame_equal(store.build(), first)
        assert "not a name" in store.current()[1][0]
    store.write_scores(OTHER, PROTOCOL, "test", [row(run_id=OTHER)])
    assert len(load(tmp_path)) == len(store.build()) == 2


RUNS, PROTOCOLS = st.sampled_from(["a", "b"]), st.sampled_from(["", "p", "q"])


@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate],
          suppress_health_check=list(HealthCheck))
@example(steps=[[("a", "", 2)], [("a", "q", 0)], [("a", "p", 1)]], removed=False)  # 2 supersedes 1, though it is gone
@given(steps=st.lists(st.lists(st.tuples(RUNS, PROTOCOLS, st.integers(0, 3)), max_size=3), min_size=1, max_size=3),
       removed=st.booleans())
def test_a_leaderboard_that_grows_by_new_files_is_the_one_that_is_built_at_once(row, failed, steps, removed):
    with TemporaryDirectory() as out:
        store = Store(out)
        store.check_writable()
        for step in steps:
            for run, protocol, attempt in step:
                if attempt:
                    rows = [failed(run, protocol_id=protocol).model_copy(update={"attempt": attempt})]
                    store.folder.write(encode_rows(rows), "rows", f"{run}.attempt-{attempt}.parquet")
                elif protocol:
                    store.write_scores(run, protocol, "test", [row(run_id=run, protocol_id=protocol)])
            (Path(out) / "rows" / f"{len(step)}.parquet").write_bytes(b"torn")
            store.build()
        if removed:
            next((Path(out) / "rows").iterdir()).unlink()
        for frame, problems in (store.current(), (store.build(), store.current()[1])):
            pd.testing.assert_frame_equal(frame, store.read()[0])
            assert problems == store.read()[1]


def test_a_leaderboard_reads_the_files_that_are_new_and_no_others(store, row, tmp_path, monkeypatch):
    from partbench.leaderboard import merge

    read, tables = [], merge.row_table
    monkeypatch.setattr(merge, "row_table", lambda folder, found: read.append(found.name) or tables(folder, found))
    for run in ("a", "b", "c"):
        store.write_scores(run, PROTOCOL, "test", [row(run_id=run)])
        assert run in set(store.build()["run_id"])
    assert read == [f"{run}.{PROTOCOL}.parquet" for run in ("a", "b", "c")]


def test_a_torn_leaderboard_is_built_again(store, row, tmp_path):
    store.write_scores(RUN, PROTOCOL, "test", [row()])
    store.build()
    (tmp_path / "leaderboard.parquet").write_bytes(b"PAR1")
    assert len(load(tmp_path)) == len(store.build()) == 1


def test_items_come_back(store):
    table = pa.table({"image_id": ["1", "2"], "value": [0.5, 1.0]})
    store.write_items(RUN, PROTOCOL, "test", table)
    assert store.read_items(RUN, PROTOCOL).equals(table)
    with pytest.raises(UserError, match="harness score"):
        store.read_items(OTHER, PROTOCOL)


def test_results_in_memory_work_the_same(row, failed):
    url = f"memory://{uuid4().hex}"
    store = Store(url)
    store.check_writable()
    store.write_scores(RUN, PROTOCOL, "test", [row()])
    store.write_attempt(OTHER, [failed(OTHER)])
    store.write_attempt(OTHER, [failed(OTHER, error="again")])
    assert store.finished(PROTOCOL, "test") == {RUN}
    assert sorted(store.build()["attempt"]) == sorted(load(url)["attempt"]) == [0, 2]


def test_a_folder_without_results_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="no results in"):
        load(tmp_path / "missing")
