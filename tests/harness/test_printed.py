"""The leaderboard that a command prints again: the same, at once, and never somebody else's."""

import json

import pytest
from rich.console import Console

from partbench.harness.console import printed
from partbench.harness.console.printed import FILE, print_leaderboard
from partbench.leaderboard import Row, Store

PROTOCOL = "0123456789ab"


@pytest.fixture
def shown(tmp_path, capsys):
    """What is printed on a screen of some columns."""
    def show(width: int = 100) -> tuple[str, str]:
        print_leaderboard(str(tmp_path), Console(width=width), Console(stderr=True, width=200))
        return capsys.readouterr()
    add(tmp_path, 0)
    return show


def add(out, seed: int, method: str = "ivpt") -> None:
    Store(out).write_scores(f"run{seed}", PROTOCOL, "test", [Row(
        run_id=f"run{seed}", method=method, dataset="cub", seed=seed, metric="accuracy", value=0.5, unit="fraction",
        protocol="partbench", protocol_id=PROTOCOL)])


@pytest.fixture
def nothing_worked_out(monkeypatch):
    def fail(*_, **__):
        raise AssertionError("the table was worked out again")
    return lambda: monkeypatch.setattr(printed, "leaderboard_table", fail)


def test_nothing_is_worked_out_again_where_nothing_is_new(shown, tmp_path, nothing_worked_out):
    (tmp_path / "rows" / "foreign.parquet").write_bytes(b"no parquet")
    first = shown()
    assert "ivpt" in first.out
    assert "foreign.parquet" in first.err
    nothing_worked_out()
    assert shown() == first


def test_new_rows_another_width_and_new_items_are_new(shown, tmp_path, nothing_worked_out):
    shown()
    add(tmp_path, 1, "prompt_cam")
    assert "prompt_cam" in shown().out
    nothing_worked_out()
    with pytest.raises(AssertionError, match="worked out"):
        shown(width=60)
    (tmp_path / "items").mkdir()
    (tmp_path / "items" / f"run0.{PROTOCOL}.parquet").write_bytes(b"PAR1")
    with pytest.raises(AssertionError, match="worked out"):
        shown()


@pytest.mark.parametrize("change", [
    {"table": "\x1b]0;title\x07\x1b[2J"}, {"table": "name\u202egnp.exe"}, {"table": 3}, {"table": None},
    {"problems": ["\x1b[2J"]}, {"problems": "none"}, {"problems": None}])
def test_a_file_that_is_not_ours_is_not_printed(change, shown, tmp_path):
    first = shown()
    file = tmp_path / FILE
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    assert shown() == first
    for text in ("", "[]", '{"of"', "[" * 10**5):
        file.write_text(text)
        assert shown() == first
