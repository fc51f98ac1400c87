"""Two methods on the same images."""

from math import inf, isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from partbench.metrics import holm, paired_difference, paired_statistic, ratio_of_sums

LABELS = np.repeat(np.arange(25), 8)


def two_methods(difference, seed=0, seeds=(1, 1)):
    generator = np.random.default_rng(seed)
    shared = generator.normal(0.5, 0.2, 25)[LABELS] + generator.normal(0, 0.2, len(LABELS))
    return [shared + gain + generator.normal(0, 0.1, (count, len(LABELS)))
            for count, gain in zip(seeds, (difference, 0), strict=True)]


def test_with_one_value_a_class_it_is_the_paired_t_test():
    generator = np.random.default_rng(3)
    a, b = generator.normal(0.1, 0.2, (2, 15))
    found = paired_difference(a, b, np.arange(15))
    assert found.difference == pytest.approx((a - b).mean())
    assert found.p_value == pytest.approx(ttest_rel(a, b).pvalue, rel=0.05)
    assert found.effect_size == pytest.approx((a - b).mean() / (a - b).std(ddof=1), rel=0.02)


def test_what_is_hard_for_both_cancels():
    a, b = two_methods(0.03)
    found, alone = paired_difference(a, b, LABELS), paired_difference(a, np.full_like(a, 0.5), LABELS)
    assert 0 < found.low < 0.03 < found.high
    assert found.p_value < 0.05
    assert found.high - found.low < (alone.high - alone.low) / 3


def test_the_other_way_round_everything_changes_sign_but_the_p_value():
    a, b = two_methods(0.02, seeds=(2, 3))
    one, other = paired_difference(a, b, LABELS), paired_difference(b, a, LABELS)
    assert (other.difference, other.effect_size) == pytest.approx((-one.difference, -one.effect_size))
    assert other.p_value == pytest.approx(one.p_value)
    assert (other.low, other.high) == pytest.approx((-one.high, -one.low), abs=0.002)


def test_seeds_that_differ_make_the_difference_less_certain():
    a, b = two_methods(0.03, seeds=(3, 3))
    apart = np.array([[0.03], [0], [-0.03]])
    calm, wild = paired_difference(a, b, LABELS), paired_difference(a + apart, b, LABELS)
    assert wild.difference == pytest.approx(calm.difference)
    assert wild.low < calm.low
    assert wild.p_value > calm.p_value


def test_a_method_does_not_differ_from_itself():
    a, _ = two_methods(0)
    found = paired_difference(a, a, LABELS)
    assert (found.difference, found.low, found.high, found.p_value, found.effect_size) == (0, 0, 0, 1, 0)


def test_classes_that_all_agree_are_as_sure_as_equal_signs():
    found = paired_difference(np.ones(6), np.zeros(6), np.arange(6))
    assert found.p_value == pytest.approx(2 / 64)
    assert found.effect_size == inf


def test_one_class_says_nothing_about_others():
    same = ratio_of_sums([3], [4])
    found = paired_statistic(same, ratio_of_sums([1], [4]), 1)
    assert (found.difference, found.low, found.high, found.p_value) == (0.5, -inf, inf, 1)
    assert isnan(found.effect_size)
    with pytest.raises(ValueError, match="belong together"):
        paired_difference([1, 2], [1, 2, 3], [0, 1])


def test_scores_of_drawn_classes_compare_like_means():
    a, b = two_methods(0.03)
    sums, images = [np.bincount(LABELS, values[0]) for values in (a, b)], np.bincount(LABELS)
    found = paired_statistic(*(ratio_of_sums(column, images) for column in sums), 25)
    assert found == paired_difference(a, b, LABELS)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == pytest.approx([1, 1])
    assert holm([]).tolist() == []


@given(st.lists(st.floats(0, 1), max_size=12))
@settings(deadline=None)
def test_holm_keeps_the_order_and_lowers_nothing(p_values):
    adjusted = holm(p_values)
    assert (adjusted >= np.array(p_values)).all()
    assert (np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= 0).all()
    assert ((adjusted >= 0) & (adjusted <= 1)).all()


@pytest.mark.parametrize("wrong", [[np.nan], [1.2], [-0.1], [[0.5]]])
def test_holm_takes_chances_only(wrong):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm(wrong)
