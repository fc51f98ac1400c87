"""Ranks that tests leave possible."""

import numpy as np
import pytest

from partbench.metrics import paired_difference, pairwise_p_values, rank_intervals, tie_groups

SCORES = [0.7, 0.9, 0.5, 0.68]
APART = np.array([[1, 0.001, 0.001, 0.8], [0.001, 1, 0.001, 0.001], [0.001, 0.001, 1, 0.2], [0.8, 0.001, 0.2, 1]])


def test_ranks_and_groups_follow_from_who_is_significantly_better():
    assert rank_intervals(SCORES, APART).tolist() == [[2, 3], [1, 1], [3, 4], [2, 4]]
    assert tie_groups(SCORES, APART) == [[1], [0, 3], [2]]


def test_where_lower_is_better_ranks_turn_round():
    assert rank_intervals(SCORES, APART, higher_is_better=False).tolist() == [[2, 3], [4, 4], [1, 2], [1, 3]]
    assert tie_groups(SCORES, APART, higher_is_better=False) == [[2, 3], [0], [1]]


def test_many_pairs_need_smaller_p_values():
    p_values = np.full((4, 4), 0.02)
    assert rank_intervals(SCORES[:2], p_values[:2, :2]).tolist() == [[2, 2], [1, 1]]
    assert rank_intervals(SCORES, p_values).tolist() == [[1, 4]] * 4
    assert tie_groups(SCORES, p_values) == [[1, 0, 3, 2]]


def test_equal_scores_are_never_ranked_apart():
    assert rank_intervals([0.5, 0.5], np.zeros((2, 2))).tolist() == [[1, 2], [1, 2]]


def test_one_method_is_first_and_none_is_nothing():
    assert rank_intervals([0.3], [[1]]).tolist() == [[1, 1]]
    assert tie_groups([0.3], [[1]]) == [[0]]
    assert rank_intervals([], np.ones((0, 0))).tolist() == []
    assert tie_groups([], np.ones((0, 0))) == []


def test_methods_that_differ_are_told_apart():
    generator = np.random.default_rng(0)
    labels, ease = np.arange(400) % 20, generator.normal(0, 0.1, 400)
    methods = [mean + ease + generator.normal(0, 0.05, 400) for mean in (0.5, 0.51, 0.6)]
    p_values = pairwise_p_values(methods, lambda a, b: paired_difference(a, b, labels, resamples=500))
    assert (p_values == p_values.T).all()
    assert tie_groups([values.mean() for values in methods], p_values)[0] == [2]


@pytest.mark.parametrize(("scores", "p_values", "message"), [
    ([0.1, 0.2], np.ones((3, 3)), "belong together"),
    ([0.1, np.nan], np.ones((2, 2)), "not finite"),
    ([0.1, 0.2], [[1, 0.1], [0.2, 1]], "symmetric"),
    ([0.1, 0.2], [[1, 7], [7, 1]], "between 0 and 1"),
])
def test_what_cannot_be_ranked_is_an_error(scores, p_values, message):
    with pytest.raises(ValueError, match=message):
        rank_intervals(scores, p_values)
