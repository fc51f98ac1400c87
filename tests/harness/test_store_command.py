"""`harness store`: what it prints, and its exit codes."""

import pytest

from partbench.leaderboard import Row, Store

RUN, OTHER, PROTOCOL = "0123456789abcdef", "fedcba9876543210", "1a2b3c4d"


@pytest.fixture
def write(tmp_path):
    """Write one score into a folder of results and return the file."""

    def one(folder, run_id=RUN, value=0.5):
        row = Row(run_id=run_id, metric="accuracy", protocol_id=PROTOCOL, method="ivpt", dataset="cub", value=value)
        Store(tmp_path / folder).write_scores(run_id, PROTOCOL, "test", [row])
        return tmp_path / folder / "rows" / f"{run_id}.{PROTOCOL}.parquet"

    return one


def test_a_torn_file_is_named_moved_aside_and_its_cost_is_told(harness, write, tmp_path):
    out = tmp_path / "results"
    file, _ = write("results"), write("results", OTHER)
    assert harness("store", "check", out).code == 0
    file.write_bytes(file.read_bytes()[:100])
    (out / "leases").mkdir()
    (out / "leases" / "holder-00000000-1-1-ab.json").write_text("{}")
    checked = harness("store", "check", out)
    assert checked.code == 1
    assert f"torn: rows/{file.name}" in checked.out
    repaired = harness("store", "repair", out)
    assert repaired.code == 0
    assert f"moved to {out}/aside: rows/{file.name}" in repaired.out
    assert f"run {RUN} will be scored again by its command" in repaired.out
    assert harness("store", "check", out).code == 0
    assert "0 moved aside" in harness("store", "repair", out).out


def test_a_merge_tells_clashes_and_exits_with_1(harness, write, tmp_path):
    write("one"), write("two"), write("two", OTHER)
    folders = tmp_path / "one", tmp_path / "two"
    assert harness("store", "merge", *folders, "--to", tmp_path / "all").code == 0
    write("one", value=0.25)
    merged = harness("store", "merge", *folders, "--to", tmp_path / "clash")
    assert merged.code == 1
    assert f"accuracy of run {RUN}" in merged.out
    assert "1 clashes" in merged.out
    assert set(Store(tmp_path / "clash").read()[0]["run_id"]) == {RUN, OTHER}


@pytest.mark.parametrize("command", [("check",), ("repair",), ("merge", "--to", "elsewhere")])
def test_a_folder_without_results_is_one_line(harness, tmp_path, command):
    ended = harness("store", command[0], tmp_path, *command[1:])
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "no results in" in ended.err


def test_checking_needs_no_torch(fresh, write, tmp_path):
    write("results")
    (ended,), imported = fresh(["store", "check", str(tmp_path / "results")])
    assert ended.code == 0
    assert not imported & {"torch", "ray"}
