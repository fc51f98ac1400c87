"""Class sums: read back from items, trusted only where they give the rows' scores, and what seeds make of them."""

import logging

import numpy as np
import pandas as pd
import pytest

from partbench.leaderboard import ClassSums, boards, load
from partbench.metrics import class_interval, ratio_of_sums

PROTOCOL = "1a2b3c4d"
SHARES = np.linspace(0.3, 0.9, 20)


def test_class_sums_come_back_by_metric_and_level_without_the_evidence_beside_them(store, score):
    score("aa", SHARES)
    score("aa", SHARES / 2, level="public", split="val")
    sums = ClassSums(store)
    (labels, numerators, denominators), = sums("aa", PROTOCOL).values()
    assert labels.tolist() == list(range(20))
    assert (numerators / denominators).tolist() == pytest.approx(SHARES)
    assert list(sums("aa", PROTOCOL, "val")) == [("consistency", "public")]


@pytest.mark.parametrize("spoil", [
    lambda file: file.unlink(),
    lambda file: file.write_bytes(file.read_bytes()[:-9]),
    lambda file: pd.DataFrame({"metric": ["consistency"]}).to_parquet(file)])
def test_missing_torn_and_foreign_items_are_no_sums_and_one_line_in_the_log(store, score, tmp_path, caplog, spoil):
    caplog.set_level("INFO")
    score("aa", SHARES)
    spoil(tmp_path / "items" / f"aa.{PROTOCOL}.parquet")
    sums = ClassSums(store)
    assert sums("aa", PROTOCOL) == sums("aa", PROTOCOL) == {}
    assert len(caplog.records) == 1


@pytest.mark.parametrize("items", [
    pd.DataFrame({"metric": ["purity"], "value": [1.0]}),
    pd.DataFrame({"metric": ["purity"] * 2, "level": "final", "label": [3, 3], "value": 1.0, "weight": 2.0}),
    pd.DataFrame({"metric": ["purity"] * 2, "level": "final", "label": [3, 4], "value": [1.0, None], "weight": 2.0}),
    pd.DataFrame({"metric": ["purity"] * 2, "level": "final", "label": [3, 4], "value": 1.0, "weight": 0.0})])
def test_sums_that_no_score_can_come_from_are_not_trusted(store, items, caplog):
    store.write_items("aa", PROTOCOL, "test", items)
    assert ClassSums(store)("aa", PROTOCOL) == {}
    assert len(caplog.records) == 1


def test_a_line_of_two_seeds_has_its_interval_over_seeds_and_classes(store, score, tmp_path):
    for seed, run_id in enumerate(("aa", "bb")):
        score(run_id, SHARES + 0.02 * seed, seed=seed)
    found, = boards(load(tmp_path), ClassSums(store))[0].lines
    seeds = [ratio_of_sums(30 * (SHARES + 0.02 * seed), np.full(20, 30.0)) for seed in (0, 1)]
    shown = found.scores["consistency"]
    assert (shown.low, shown.high) == pytest.approx(class_interval(seeds, 20, 2_000, bounds=(0, 1)))
    assert shown.low < shown.value < shown.high


def test_without_class_sums_the_interval_is_the_mean_of_the_seeds(store, score, tmp_path, caplog):
    for seed, run_id in enumerate(("aa", "bb")):
        score(run_id, SHARES, seed=seed)
    (tmp_path / "items" / f"bb.{PROTOCOL}.parquet").unlink()
    for sums in (None, ClassSums(store)):
        shown = boards(load(tmp_path), sums)[0].lines[0].scores["consistency"]
        assert (shown.low, shown.high) == pytest.approx((SHARES.mean() - 0.03, SHARES.mean() + 0.03))


def test_items_of_another_evaluation_are_left_alone(store, score, tmp_path, caplog):
    score("aa", SHARES, value=0.123)
    board, = boards(load(tmp_path), ClassSums(store))
    assert board.class_sums(board.lines[0], "consistency") is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
