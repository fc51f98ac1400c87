"""Tests from rows alone: what they tell apart, what they cannot, and how often they are wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from partbench.leaderboard.board import Score
from partbench.leaderboard.row_tests import RowTests
from partbench.metrics import holm

AMOUNTS = st.floats(1e-4, 0.3)
SCORES = st.builds(lambda value, seeds, error, deviation: Score(
    value, None, None, seeds, error, deviation if seeds > 1 else None),
    st.floats(0, 1), st.integers(1, 6), st.none() | AMOUNTS, AMOUNTS)


@given(st.lists(SCORES, min_size=2, max_size=6))
def test_the_p_value_is_where_both_errors_in_squares_reach_the_difference(scores):
    found = RowTests.of(scores)
    assert (found.p_values == found.p_values.T).all()
    one, other = found.p_values[0, 1], abs(found.differences[0, 1])
    tested = all(each.error for each in scores[:2]) or all(each.deviation for each in scores[:2])
    assert (one == 1) if not (tested and other) else (0 <= one <= 1)
    if tested and 1e-12 < one < 1:
        seeds = np.array([each.deviation**2 / each.seeds if each.deviation else 0.0 for each in scores[:2]])
        freedom = [max(each.seeds - 1, 1) for each in scores[:2]]
        welch = seeds.sum() ** 2 / (seeds**2 / freedom).sum() if seeds.any() else 1
        images = sum(each.error**2 for each in scores[:2]) if all(each.error for each in scores[:2]) else 0
        reach = stats.norm.isf(one / 2) ** 2 * images + stats.t.isf(one / 2, welch) ** 2 * seeds.sum()
        assert reach == pytest.approx(other**2, rel=1e-4)


@pytest.mark.parametrize(("seeds", "unlike", "images"), [(5, 1, 0.0), (5, 10, 0.5), (2, 1, 0.1), (3, 30, 2.0)])
def test_fifty_equal_methods_are_put_in_an_order_on_at_most_one_board_in_twenty(seeds, unlike, images):
    random, boards, wrong = np.random.default_rng(0), 120, 0
    deviation = np.where(np.arange(50) % 2, 1, 1 / unlike)
    for _ in range(boards):
        values = 0.5 + random.normal(0, images, 50) + random.normal(0, deviation, (seeds, 50))
        found = RowTests.of([Score(value, None, None, seeds, images or None, spread) for value, spread in
                             zip(values.mean(0), values.std(0, ddof=1), strict=True)])
        wrong += holm(found.p_values[np.triu_indices(50, 1)]).min() < 0.05
    assert wrong <= stats.binom.isf(0.01, boards, 0.05)


def test_equal_scores_are_tied_however_small_their_errors():
    assert (RowTests.of([Score(0.5, None, None, 5, 1e-9, 1e-9)] * 3).p_values == 1).all()


def test_neither_an_interval_nor_several_seeds_tell_nothing():
    found = RowTests.of([Score(0.1, None, None, 1), Score(0.9, None, None, 1), Score(0.9, None, None, 5, None, 0.01)])
    assert (found.p_values == 1).all()
    assert found.compared(0, 1).high == np.inf


def test_seeds_that_all_agree_are_as_certain_as_their_number():
    p_values = RowTests.of([Score(0.4, None, None, 5, None, 0.0), Score(0.5, None, None, 5, None, 0.0)]).p_values
    assert p_values[0, 1] == pytest.approx(2 / 252)


def test_an_interval_without_width_is_no_certainty(store, row, tmp_path):
    from partbench.leaderboard import boards, load

    store.write_scores("aa", "1a2b3c4d", "test", [row(run_id="aa", value=0.5, ci_low=0.5, ci_high=0.5)])
    assert boards(load(tmp_path))[0].lines[0].scores["accuracy"].error is None
