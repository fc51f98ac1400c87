"""Comparisons: the same classes, one board, ranks that say no more than the tests behind them."""

import numpy as np
import pytest

from partbench.errors import UserError
from partbench.leaderboard import ClassSums, boards, compare, load
from partbench.leaderboard.comparison import rankings

PROTOCOL = "1a2b3c4d"
EASE = np.random.default_rng(0).uniform(0.2, 0.8, 40)  # what all methods share: some classes are easy
NOISE = np.random.default_rng(1).normal(0, 0.01, (4, 40))


@pytest.fixture
def ranked(store, score, tmp_path):
    """Rankings of a board of methods that score so much on average above or below its classes' ease."""

    def make(*leads, **columns):
        for place, lead in enumerate(leads):
            score(f"a{place}", EASE + lead + NOISE[place], method=f"method_{place}", **columns)
        return rankings(boards(load(tmp_path), ClassSums(store))[0])

    return make


def test_a_small_lead_on_every_class_ranks_and_a_lead_within_the_noise_does_not(ranked):
    (found,), = ranked(0.0, 0.05, 0.0501)
    assert [line.name for line in found.lines] == ["method_0", "method_1", "method_2"]
    assert found.ranks == [(3, 3), (1, 2), (1, 2)]
    assert sorted(line.name for line in found.groups[0]) == ["method_1", "method_2"]
    assert 0.002 < found.detectable < 0.02


def test_where_lower_is_better_the_lowest_is_first(ranked):
    (found,), = ranked(0.0, 0.05, metric="empty_rate", higher_is_better=False)
    assert found.ranks == [(1, 1), (2, 2)]


def test_a_class_that_one_method_has_nothing_to_score_in_still_counts_for_the_other(store, score, tmp_path):
    score("aa", EASE, method="one")
    score("bb", EASE[:30], method="other")
    pair = compare(tmp_path, "consistency").iloc[0]
    assert pair["difference"] == pytest.approx(EASE.mean() - EASE[:30].mean())
    assert pair["ci_low"] < pair["difference"] < pair["ci_high"]


def test_every_pair_of_a_board_is_a_row_with_its_corrected_p_value(ranked, tmp_path):
    ranked(0.0, 0.05, 0.0501)
    table = compare(tmp_path, "consistency")
    assert table[["first", "second", "protocol_id"]].values.tolist() == [
        [f"method_{one}", f"method_{other}", PROTOCOL] for one, other in ((0, 1), (0, 2), (1, 2))]
    assert (table["p_holm"] >= table["p_value"]).all()
    assert (table[["difference", "effect_size"]][:2] < 0).all(axis=None)


def test_protocols_of_one_name_and_one_run_under_two_never_meet(store, score, tmp_path):
    for protocol_id, lead in ((PROTOCOL, 0.0), ("99", 0.1)):
        for run_id in ("aa", "bb"):
            score(run_id, EASE + lead * (run_id == "aa"), method=f"method_{run_id}", protocol_id=protocol_id)
    score("cc", EASE, method="method_cc", protocol_id="99")
    found = boards(load(tmp_path), ClassSums(store))
    assert len({board.title for board in found}) == 2
    assert {board.protocol_id: [line.run_ids for line in board.lines] for board in found} == {
        PROTOCOL: [("aa",), ("bb",)], "99": [("aa",), ("bb",), ("cc",)]}
    table = compare(tmp_path, "consistency")
    assert table["protocol_id"].tolist() == [PROTOCOL, "99", "99", "99"]
    assert table["difference"].tolist() == pytest.approx([0, 0.1, 0.1, 0])


def test_lines_that_saw_other_files_are_not_compared(ranked, score, tmp_path):
    score("bb", EASE, method="method_b", dataset_fingerprint="ff")
    ranked(0.0, 0.05)
    assert set(compare(tmp_path, "consistency")[["first", "second"]].values.ravel()) == {"method_0", "method_1"}


def test_a_control_is_not_ranked_and_is_told_apart_class_by_class(store, score, ranked, tmp_path):
    score("cc", EASE + NOISE[3], method="control", variant="constant_peak", backbone="")
    (found,), = ranked(0.0, 0.02)
    assert len(found.lines) == 2
    alone, = boards(load(tmp_path))
    paired, = boards(load(tmp_path), ClassSums(store))
    verdicts = [[board.separated(line, "consistency") for line in board.lines] for board in (alone, paired)]
    assert verdicts == [[False, False], [False, True]]


def test_a_score_below_its_control_is_not_told_apart_however_certain(store, score, tmp_path):
    score("cc", EASE + NOISE[3] + 0.1, method="control", variant="constant_peak", backbone="")
    score("aa", EASE)
    board, = boards(load(tmp_path), ClassSums(store))
    assert board.separated(board.lines[0], "consistency") is False


def test_lines_without_class_sums_are_tested_from_their_rows_and_say_so(store, score, tmp_path):
    score("aa", EASE, method="one")
    score("bb", EASE + 0.05 + NOISE[1], method="two")
    score("cc", EASE + 0.06 + NOISE[2], method="three")
    (tmp_path / "items" / f"cc.{PROTOCOL}.parquet").unlink()
    table = compare(tmp_path, "consistency").set_index(["first", "second"])
    assert table["test"].to_dict() == {("one", "three"): "rows", ("one", "two"): "classes", ("three", "two"): "rows"}
    assert table["p_value"].idxmin() == ("one", "two")
    assert (table["ci_low"] < table["difference"]).all()


def test_a_pair_has_the_numbers_of_the_paired_test_whoever_else_is_on_the_board(store, score, tmp_path):
    for place, (method, seed) in enumerate((("one", 0), ("one", 1), ("two", 0), ("two", 1), ("three", 0))):
        score(f"a{place}", EASE[: 40 - 5 * (method == "two")] + NOISE[place % 4, : 40 - 5 * (method == "two")] * place,
              method=method, seed=seed)
    (found,), = rankings(boards(load(tmp_path), ClassSums(store))[0])
    for one, other in ((0, 1), (0, 2), (1, 2)):
        alone = found._sums[one].compared(found._sums[other])
        assert found.p_values[one, other] == pytest.approx(alone.p_value, rel=2e-3)
        assert found.effects[one, other] == pytest.approx(alone.effect_size)
        assert found.effects[other, one] == pytest.approx(-alone.effect_size)


def test_a_metric_that_nobody_scored_is_a_user_error(ranked, tmp_path):
    ranked(0.0)
    with pytest.raises(UserError, match="did you mean 'consistency'"):
        compare(tmp_path, "consistensy")


def test_a_board_of_one_line_compares_nothing(ranked, tmp_path):
    assert ranked(0.0) == []
    assert compare(tmp_path, "consistency").empty
