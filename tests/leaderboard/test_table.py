"""Summary and terminal table: only what may be compared stands together."""

import pandas as pd
import pytest
from rich.console import Console

from partbench.leaderboard import boards, leaderboard_table, load, summary
from partbench.leaderboard.rows import to_frame, to_table


def frame(*rows):
    return to_frame(to_table(rows))


def shown(data, width=100):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))
    console.print(leaderboard_table(data, width))
    return console.export_text()


def test_seeds_are_averaged_and_counted(row):
    table = summary(frame(row(value=0.7, run_id="a", seed=0), row(value=0.8, run_id="b", seed=1)))
    assert table[["seeds", "accuracy"]].values.tolist() == [[2, "75.0 [70.1, 76.2]"]]


def test_protocols_never_share_a_line_or_a_table(row):
    data = frame(row(run_id="a"), row(run_id="b", protocol_id="99", protocol="huang2023", value=0.2))
    assert sorted(summary(data)["accuracy"]) == ["20.0 [70.1, 76.2]", "73.3 [70.1, 76.2]"]
    assert [[line.run_ids for line in board.lines] for board in boards(data)] == [[("b",)], [("a",)]]


@pytest.mark.parametrize("difference", [{"epochs": 3}, {"settings": {"depth": "shallow"}}, {"fit_on": "train+val"},
                                        {"dataset_fingerprint": "ff"}, {"image_size": 112}, {"weights": "other"}])
def test_different_experiments_are_never_averaged_and_say_how_they_differ(row, difference):
    table = summary(frame(row(run_id="a", seed=0), row(run_id="b", seed=1, **difference)))
    assert table["seeds"].tolist() == [1, 1]
    name = "depth shallow" if "settings" in difference else next(iter(difference)).replace("_", " ")
    assert any(name in setup for setup in table["setup"])


def test_runs_that_repeat_a_seed_differ_in_something_unseen_and_stay_apart(row):
    table = summary(frame(row(run_id="aaaa", seed=0), row(run_id="bbbb", seed=0, value=0.1)))
    assert sorted(table["setup"]) == ["rerun aaaa", "rerun bbbb"]


def test_what_a_search_scored_on_val_stands_on_no_board(row, failed):
    trials = [row(run_id="a", split="val", sweep="s"), row(run_id="b", split="val", sweep="s", value=0.9),
              failed("c", split="val", sweep="s")]
    assert boards(frame(*trials)) == []
    assert [[line.run_ids for line in board.lines] for board in boards(frame(*trials, row(run_id="d", split="val")))
            ] == [[("d",)]]


def test_a_setting_that_a_search_found_is_told_by_its_sweep_and_two_of_one_sweep_apart(row):
    paper = row(run_id="a", settings={"rate": 1, "depth": 2})
    found = [row(run_id=run, sweep="s", settings={"rate": rate, "depth": 3}) for run, rate in (("b", 5), ("c", 6))]
    assert sorted(summary(frame(paper, found[0]))["setup"]) == ["", "sweep s"]
    one, other, alone = sorted(summary(frame(paper, *found))["setup"], reverse=True)
    assert one.startswith("sweep s, setting ")
    assert other.startswith("sweep s, setting ")
    assert one != other
    assert alone == ""


def test_controls_come_last_on_every_backbones_board(row):
    control = row("consistency", 0.625, "c", method="control", variant="constant_peak", backbone="deit")
    data = frame(row("consistency", 0.1, "a"), row("consistency", 0.2, "b", backbone="dinov2"), control)
    assert summary(data)["method"].tolist() == ["ivpt", "control@constant_peak"] * 2
    assert [board.best_control("consistency").run_ids for board in boards(data)] == [("c",)] * 2


def test_a_metric_that_does_not_apply_and_one_not_asked_for_look_different(row):
    data = frame(row(run_id="a"), row("nmi", None, "a", status="not_applicable"), row(run_id="b", variant="bias"))
    assert summary(data)["nmi"].tolist() == ["n/a", ""]


def test_a_level_without_accuracy_takes_its_methods(row):
    board, = boards(frame(row(), row("consistency", 0.2, level="public")))
    public = next(line for line in board.lines if line.level == "public")
    assert board.score(public, "accuracy").value == 0.733


def test_failed_runs_are_visible_with_status_and_error(row, failed):
    text = shown(frame(row(), failed("b", error="worker \x1b[31mlost [red]x[/]", status="out_of_memory")))
    assert "out of memory: ivpt seed 0 (b) worker  [31mlost [red]x[/]" in text


def test_units_other_than_fractions_are_not_per_cent(row):
    assert summary(frame(row("ari", 0.15, unit="", ci_low=None)))["ari"].tolist() == ["0.150"]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_terminal_table_keeps_its_width(row, width):
    metrics = ["accuracy", "consistency", "consistency_gain", "stability", "nmi", "insertion", "comprehensiveness"]
    data = frame(*(row(metric, variant="a_very_long_variant_name" * 3) for metric in metrics))
    assert max(map(len, shown(data, width).splitlines())) <= width


def test_an_empty_store_has_empty_tables(store, tmp_path):
    assert summary(load(tmp_path)).empty
    assert "no rows yet" in shown(load(tmp_path))
    assert isinstance(summary(load(tmp_path)), pd.DataFrame)
