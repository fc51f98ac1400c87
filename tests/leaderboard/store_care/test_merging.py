"""Merging folders of results: in whatever order, however often, killed wherever: the same files, and nothing lost."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from partbench import durable
from partbench.errors import UserError
from partbench.leaderboard import Row, Store, load
from partbench.leaderboard.store_care import check_results, merge_results

START = datetime(2026, 1, 1, tzinfo=UTC)
PROTOCOL = "1a2b3c4d"


def tree(folder: Path) -> dict[str, bytes]:
    """Every file but the leaderboard, which says when its rows were written."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*"))
            if file.is_file() and file.name != "leaderboard.parquet"}


def said(folder: Path) -> list[tuple]:
    """What every attempt says, in the order of their numbers."""
    frame = attempts(folder)
    return list(frame[["run_id", "error", "finished_at"]].itertuples(index=False, name=None))


def attempts(folder: Path) -> pd.DataFrame:
    from partbench.leaderboard.files import Folder
    from partbench.leaderboard.merge import row_table
    from partbench.leaderboard.rows import to_frame

    results = Folder(folder)
    files = [file for file in results.list("rows") if ".attempt-" in file.name]
    frames = [to_frame(row_table(results, file)) for file in files]
    return pd.concat(frames).sort_values(["run_id", "attempt"]) if frames else pd.DataFrame(
        columns=["run_id", "error", "finished_at"])


def scored(run, metric, value, minute, **changes):
    known = {"method": "ivpt", "dataset": "cub", "protocol_id": PROTOCOL, "value": value}
    return Row(run_id=run, metric=metric, finished_at=START + timedelta(minutes=minute), **known | changes)


def ended(run, error, minute):
    return Row(run_id=run, method="ivpt", dataset="cub", status="failed", error=error,
               finished_at=START + timedelta(minutes=minute))


RUNS = st.sampled_from(["aa", "bb"])
MINUTES = st.integers(0, 3)
SCORES = st.dictionaries(RUNS, st.tuples(MINUTES, st.dictionaries(
    st.sampled_from(["accuracy", "nmi"]), st.sampled_from([0.25, 0.5, 0.75]), min_size=1)))
ATTEMPTS = st.lists(st.tuples(RUNS, st.sampled_from(["no space", "killed"]), MINUTES), max_size=3)
STORES = st.lists(st.tuples(SCORES, ATTEMPTS, st.sampled_from(["", "one", "two"])), min_size=2, max_size=3)


def make(folder: Path, described) -> Path:
    scores, failures, log = described
    store = Store(folder)
    store.check_writable()
    for run, (minute, values) in scores.items():
        store.write_items(run, PROTOCOL, "test", pd.DataFrame({"value": list(values.values()), "weight": 1.0,
                                                               "metric": list(values), "level": "final"}))
        store.write_scores(run, PROTOCOL, "test", [scored(run, metric, value, minute)
                                                   for metric, value in values.items()])
    for failure in failures:
        store.write_attempt(failure[0], [ended(*failure)])
    if log:
        (folder / "runs" / "aa").mkdir(parents=True)
        (folder / "runs" / "aa" / "log.txt").write_text(f"{log}\n")
    return folder


@settings(max_examples=2, deadline=None, phases=[Phase.explicit, Phase.generate],
          suppress_health_check=list(HealthCheck))
@example(described=[({"bb": (0, {"accuracy": 0.25}), "aa": (0, {"accuracy": 0.25})}, [("aa", "killed", 1)], "one"),
                    ({"aa": (1, {"accuracy": 0.75, "nmi": 0.25})}, [("aa", "killed", 0), ("aa", "killed", 1)], "two"),
                    ({"aa": (2, {"nmi": 0.5})}, [], "")])
@given(described=STORES)
def test_any_order_any_grouping_and_any_repetition_give_the_same_files(described):
    _same_whatever_the_order(described, orders=2)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(described=STORES)
def test_every_order_of_many_folders_gives_the_same_files(described):
    _same_whatever_the_order(described, orders=6)


def _same_whatever_the_order(described, orders):
    with TemporaryDirectory() as place:
        folder = Path(place)
        stores = [make(folder / str(number), each) for number, each in enumerate(described)]
        before = [tree(store) for store in stores]
        merged = merge_results(stores, folder / "all")
        whole = tree(folder / "all")
        for number, order in enumerate([*permutations(stores)][-orders:]):
            other = merge_results(order, folder / f"order {number}")
            assert tree(folder / f"order {number}") == whole
            assert sorted(other.clashes) == sorted(merged.clashes)
        for store in reversed(stores):
            merge_results([store], folder / "one by one")
        assert tree(folder / "one by one") == whole
        assert merge_results([*stores, *stores], folder / "all").written == 0
        assert tree(folder / "all") == whole
        assert [tree(store) for store in stores] == before
        assert set(said(folder / "all")) == {entry for store in stores for entry in said(store)}
        assert not [finding for finding in check_results(folder / "all") if finding.is_damage]


def test_two_values_of_one_score_clash_and_the_one_that_was_finished_first_counts(tmp_path):
    for name, value, minute in (("late", 0.9, 5), ("early", 0.1, 1)):
        Store(tmp_path / name).write_scores("aa", PROTOCOL, "test", [
            scored("aa", "accuracy", value, minute), scored("aa", name, 0.5, minute)])
    merged = merge_results([tmp_path / "late", tmp_path / "early"], tmp_path / "all")
    assert len(merged.clashes) == 1
    assert "accuracy of run aa" in merged.clashes[0]
    frame = load(tmp_path / "all").set_index("metric")["value"]
    assert frame.to_dict() == {"accuracy": 0.1, "late": 0.5, "early": 0.5}
    assert (tmp_path / "all" / "aside.parquet").exists()


def test_the_same_score_measured_twice_is_no_clash(tmp_path):
    for name, minute in (("one", 5), ("two", 1)):
        Store(tmp_path / name).write_scores("aa", PROTOCOL, "test", [scored("aa", "accuracy", 0.5, minute)])
    assert merge_results([tmp_path / "one", tmp_path / "two"], tmp_path / "all").clashes == []


def test_of_two_attempts_with_one_number_the_later_one_counts(tmp_path):
    for name, minute in (("one", 5), ("two", 1)):
        Store(tmp_path / name).write_attempt("aa", [ended("aa", name, minute)])
    merge_results([tmp_path / "one", tmp_path / "two"], tmp_path / "all")
    assert attempts(tmp_path / "all")[["attempt", "error"]].values.tolist() == [[1, "two"], [2, "one"]]
    assert load(tmp_path / "all")["error"].tolist() == ["one"]


def test_attempts_that_do_not_say_when_they_ended_keep_their_order(tmp_path, monkeypatch):
    for name, errors in (("one", ["z", "a"]), ("two", ["m"])):
        for number, error in enumerate(errors, 1):
            row = ended("aa", error, 0).model_copy(update={"finished_at": None, "attempt": number})
            Store(tmp_path / name).folder.write(_encoded(row), "rows", f"aa.attempt-{number}.parquet")
    for _ in range(2):
        merge_results([tmp_path / "two", tmp_path / "one"], tmp_path / "all")
        errors = attempts(tmp_path / "all")["error"].tolist()
        assert sorted(errors) == ["a", "m", "z"]
        assert errors[2] == "a"


def _encoded(row):
    from partbench.leaderboard.parquet import encode_rows

    return encode_rows([row])


def test_a_merge_that_is_killed_at_any_write_loses_nothing_and_is_finished_by_the_next(tmp_path, monkeypatch):
    one = make(tmp_path / "one", ({"aa": (1, {"accuracy": 0.5})}, [("bb", "killed", 3), ("bb", "no space", 0)], "one"))
    two = make(tmp_path / "two", ({"aa": (0, {"accuracy": 0.25}), "bb": (2, {"nmi": 0.5})}, [("bb", "killed", 1)], ""))
    merge_results([one, two], tmp_path / "whole")
    replace, whole = os.replace, tree(tmp_path / "whole")
    for step in (0, 1, 3, 4, 5, 6, 7, 9):
        into = tmp_path / f"into {step}"
        shutil.copytree(one, into)
        writes = iter(range(step))

        def killed(*names, writes=writes):
            if next(writes, None) is None:
                raise KeyboardInterrupt
            replace(*names)

        with monkeypatch.context() as patch:
            patch.setattr(durable.os, "replace", killed)
            try:
                merge_results([two], into)
            except KeyboardInterrupt:
                assert {*said(one)} <= {*said(into)}
        merge_results([two], into)
        assert tree(into) == whole


def test_torn_files_of_a_source_are_left_out_and_torn_ones_of_the_target_are_not_overwritten(tmp_path):
    one = make(tmp_path / "one", ({"aa": (1, {"accuracy": 0.5}), "bb": (1, {"accuracy": 0.5})}, [], ""))
    file = one / "rows" / f"aa.{PROTOCOL}.parquet"
    file.write_bytes(file.read_bytes()[:-9])
    items = one / "items" / f"bb.{PROTOCOL}.parquet"
    items.write_bytes(items.read_bytes()[:50] + b"x" + items.read_bytes()[51:])
    merged = merge_results([one], tmp_path / "all")
    assert sorted(line.rpartition("/")[2].partition(":")[0] for line in merged.skipped) == [file.name, items.name]
    assert load(tmp_path / "all")["run_id"].tolist() == ["bb"]
    with pytest.raises(UserError, match="harness store repair"):
        merge_results([tmp_path / "all"], one)


def test_links_are_not_followed_and_checkpoints_are_brought_together(tmp_path):
    for name, epochs in (("short", (1, 2)), ("long", (2, 3))):
        folder = make(tmp_path / name, ({"aa": (1, {"accuracy": 0.5})}, [], "")) / "runs" / "aa" / "checkpoints"
        folder.mkdir(parents=True)
        for epoch in epochs:
            (folder / f"epoch-{epoch:05d}.json").write_text(name)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "long" / "runs" / "aa" / "log.txt").symlink_to(tmp_path / "secret")
    merged = merge_results([tmp_path / "short", tmp_path / "long"], tmp_path / "all")
    found = tmp_path / "all" / "runs" / "aa" / "checkpoints"
    assert {file.name: file.read_text() for file in found.iterdir()} == {
        "epoch-00002.json": "long", "epoch-00003.json": "long"}
    assert [line for line in merged.skipped if "it is a link" in line]
    assert not (found.parent / "log.txt").exists()


def test_trials_of_learning_rates_are_merged_too(tmp_path):
    for name, run in (("one", "aa"), ("two", "bb")):
        make(tmp_path / name, ({}, [], ""))
        make(tmp_path / name / "rates", ({run: (1, {"accuracy": 0.5})}, [], ""))
    merge_results([tmp_path / "one", tmp_path / "two"], tmp_path / "all")
    assert set(load(tmp_path / "all" / "rates")["run_id"]) == {"aa", "bb"}
