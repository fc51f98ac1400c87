"""Schema versions: older row files are read with defaults, and stand beside newer rows of the same experiment."""

import pytest
from pyarrow import parquet as pq

from partbench.leaderboard import SCHEMA_VERSION, Row, boards, load
from partbench.leaderboard.rows import schema, to_table
from partbench.leaderboard.versions import ADDED, mark

RUN, PROTOCOL = "0123456789abcdef", "1a2b3c4d"


@pytest.fixture
def write_old(store, tmp_path):
    """Write rows as version 1 did; keyword arguments replace metadata."""

    def write(*rows, name=None, **metadata):
        old = [each.model_copy(update={"schema_version": 1}) for each in rows]
        table = to_table(old).select(schema(1).names).replace_schema_metadata({b"partbench": mark(1), **metadata})
        pq.write_table(table, tmp_path / (name or f"rows/{rows[0].run_id}.{PROTOCOL}.parquet"))

    return write


def test_every_version_adds_columns_of_rows_and_the_newest_is_ours():
    added = [name for names in ADDED.values() for name in names]
    assert set(added) <= set(schema().names)
    assert schema(1).names == [name for name in schema().names if name not in added]
    assert max(ADDED) == SCHEMA_VERSION == Row.model_fields["schema_version"].default


def test_rows_of_version_1_count_and_have_defaults(store, row, write_old, tmp_path):
    write_old(row())
    assert store.finished(PROTOCOL, "test") == {RUN}
    frame, problems = store.read()
    assert problems == []
    assert frame[["value", "precision", "batch_size", "rate_factor", "accumulation", "coupled_batch", "workers",
                  "schema_version"]].values.tolist() == [[0.733, "", 0, 1.0, 1, 0, 1, 1]]
    store.build()
    assert load(tmp_path).equals(frame)


def test_a_leaderboard_of_version_1_that_stands_alone_is_read(row, write_old, tmp_path):
    from partbench.leaderboard.names import digest

    write_old(row(), name="leaderboard.parquet", listing=digest([]), problems="[]")
    assert load(tmp_path)[["value", "workers"]].values.tolist() == [[0.733, 1]]


NEW = {"precision": "fp32", "batch_size": 64}


def test_a_new_seed_joins_the_old_line_of_its_experiment(store, row, write_old, tmp_path):
    write_old(row(run_id="a", seed=0))
    store.write_scores("b", PROTOCOL, "test", [row(run_id="b", seed=1, **NEW)])
    line, = boards(load(tmp_path))[0].lines
    assert (line.run_ids, line.setup) == (("a", "b"), "")


def test_an_old_line_that_could_be_either_of_two_new_ones_stays_alone(store, row, write_old, tmp_path):
    write_old(row(run_id="a", seed=0))
    for run, size in (("b", 32), ("c", 64)):
        store.write_scores(run, PROTOCOL, "test", [row(run_id=run, seed=1, **NEW | {"batch_size": size})])
    lines = boards(load(tmp_path))[0].lines
    assert sorted(line.setup for line in lines) == [
        "", "batch size 32", "batch size 64"]


@pytest.mark.parametrize(("changes", "told"), [
    ({"precision": "bf16"}, "precision bf16"), ({"batch_size": 8}, "batch size 8"),
    ({"rate_factor": 0.3}, "rate factor 0.3"), ({"views": 8}, "views 8"),
    ({"coupled_batch": 32, "accumulation": 2}, "coupled batch 32")])
def test_what_training_depends_on_sets_experiments_apart(store, row, tmp_path, changes, told):
    for run, seed, facts in (("a", 0, NEW), ("b", 1, NEW | changes)):
        store.write_scores(run, PROTOCOL, "test", [row(run_id=run, seed=seed, **facts)])
    assert told in {line.setup for line in boards(load(tmp_path))[0].lines}


def test_accumulation_alone_and_workers_are_no_other_experiment(store, row, tmp_path):
    for run, seed, facts in (("a", 0, {}), ("b", 1, {"accumulation": 4}), ("c", 2, {"workers": 2})):
        store.write_scores(run, PROTOCOL, "test", [row(run_id=run, seed=seed, **NEW | facts)])
    line, = boards(load(tmp_path))[0].lines
    assert line.seeds == 3
