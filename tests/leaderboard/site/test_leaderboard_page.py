"""The leaderboard page: what it says of who is best is what the tests of the board say."""

import re

import numpy as np
import pytest

from partbench.leaderboard import ClassSums, boards, build_report, load, rankings
from partbench.leaderboard.site.verdict import verdicts

EASE = np.random.default_rng(0).uniform(0.2, 0.8, 40)
NOISE = np.random.default_rng(1).normal(0, 0.01, (3, 40))
NOISE -= NOISE.mean(1, keepdims=True)


@pytest.fixture
def said(store, score, tmp_path):
    """The verdict on methods that score so much above the ease of the classes."""

    def make(*leads):
        for place, lead in enumerate(leads):
            score(f"a{place}", EASE + lead + NOISE[place], metric="accuracy", method=f"method_{place}")
        board, = boards(load(tmp_path), ClassSums(store))
        return verdicts(board, rankings(board))

    return make


def test_a_clear_winner_is_called_best(said):
    assert re.fullmatch(r"Accuracy: method_1 \([\d.]+ %\) is best: it beats all 2 others\.", *said(0.0, 0.1, 0.02))


def test_two_that_are_not_told_apart_both_beat_the_others(said):
    assert re.fullmatch(r"Accuracy: method_[12] \([\d.]+ %\) and method_[12] are not told apart; both beat the other\.",
                        *said(0.0, 0.1, 0.1))


def test_a_line_between_two_is_tied_with_the_best_and_not_with_all_others(said):
    told, = said(0.0, 0.0035, 0.007)
    assert "method_1 is not told apart from the best one seen, method_2" in told
    assert "beats the other" in told


def test_identical_scores_are_no_order(store, score, tmp_path):
    for run_id in ("aa", "bb", "cc"):
        score(run_id, EASE, metric="accuracy", method=f"method_{run_id}")
    html = build_report(tmp_path).read_text()
    assert html.count("<b>#1\u20133</b>") == 3
    assert "is best" not in html
    assert "are not told apart." in html


def test_a_method_that_is_missing_on_a_data_set_or_a_metric_is_shown_as_such(store, row, failed, tmp_path):
    for run_id, dataset, method, metric in (("aa", "cub", "one", "accuracy"), ("bb", "cub", "other", "stability"),
                                            ("cc", "cars", "one", "accuracy")):
        store.write_scores(run_id, "1a2b3c4d", "test", [row(metric, 0.5, run_id, dataset=dataset, method=method)])
    store.write_attempt("dd", [failed("dd", dataset="cars", method="other")])
    cars, cub = re.findall(r"<section.*?</section>", build_report(tmp_path).read_text(), re.S)[:2]
    assert "No scores here, but on other boards: other (failed)." in cars
    assert "1 run: failed" in cars
    assert re.search(r'<th scope="row">other</th><td>1<td>—<td>50\.0', cub)
    assert "No scores here" not in cub


def test_a_thousand_failures_are_counted_and_some_are_shown(store, row, failed, tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)
    for number in range(100):
        store.write_attempt(f"{number:x}", [failed(f"{number:x}", error="x" * 5000)])
    html = build_report(tmp_path).read_text()
    assert "100 runs: failed" in html
    assert "The first 20 of 100" in html
    assert len(html) < 40_000
