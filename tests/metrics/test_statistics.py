"""Intervals: what they hold, what they depend on, and what they say where there is next to nothing to go by."""

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from partbench.metrics import ConsistencyGain, Protocol, Stability, class_interval, mean_interval, ratio_of_sums
from partbench.metrics.statistics import student_t

LABELS = np.repeat(np.arange(30), 7)


def drawn(seed=0, seeds=1, between=0.1):
    """Values [S, 210] of 30 classes."""
    generator = np.random.default_rng(seed)
    return 0.5 + generator.normal(0, between, 30)[LABELS] + generator.normal(0, 0.2, (seeds, len(LABELS)))


def test_with_one_image_a_class_it_is_the_t_interval_of_the_classes():
    values = np.random.default_rng(1).normal(0.5, 0.1, 12)
    values = np.concatenate([values, 1 - values])  # no skewness
    low, high = mean_interval(values, np.arange(24))
    half = t.ppf(0.975, 23) * values.std(ddof=1) / 24**0.5
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.03 * half)


def test_images_of_a_class_that_are_all_alike_count_as_one():
    values = np.random.default_rng(1).random(20)
    once, often = mean_interval(values, np.arange(20)), mean_interval(np.repeat(values, 9), np.arange(20).repeat(9))
    assert often == pytest.approx(once)


def test_the_quantiles_are_those_of_students_t():
    for degrees in (1, 1.5, 4, 199, 5793):
        for outside in (0.5, 0.05, 0.01):
            assert student_t(degrees, outside) == pytest.approx(t.ppf(1 - outside / 2, degrees), rel=1e-5)


def test_it_is_the_same_every_time_and_another_with_another_seed():
    values = drawn()
    assert mean_interval(values, LABELS, resamples=200) == mean_interval(values, LABELS, resamples=200)
    assert mean_interval(values, LABELS, resamples=200) != mean_interval(values, LABELS, resamples=200, seed=1)


@given(st.integers(0, 1000), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_neither_the_order_of_images_nor_the_names_of_classes_matter(seed, seeds):
    values, generator = drawn(seed, seeds), np.random.default_rng(seed)
    order = generator.permutation(len(LABELS))
    given = mean_interval(values, LABELS, resamples=100)
    assert mean_interval(values[:, order], LABELS[order] * 3 + 5, resamples=100) == pytest.approx(given)
    assert mean_interval(values[::-1], LABELS, resamples=100) == pytest.approx(given)


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0, 0.3, 1])), min_size=1, max_size=30), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_it_holds_its_estimate_and_stays_in_bounds(images, seeds):
    labels, values = np.array([label for label, _ in images]), np.array([value for _, value in images])
    values = np.stack([np.roll(values, shift) for shift in range(seeds)])
    low, high = mean_interval(values, labels, resamples=50, bounds=(0, 1))
    assert 0 <= low <= values.mean() + 1e-12
    assert values.mean() - 1e-12 <= high <= 1


def test_fewer_classes_and_fewer_and_more_different_seeds_widen_it():
    def width(values, labels):
        low, high = mean_interval(values, labels, resamples=1000)
        return high - low

    values, apart = drawn(seeds=4), np.array([[0.03], [-0.03], [0.03], [-0.03]])
    assert width(values[0, LABELS < 10], LABELS[LABELS < 10]) > width(values[0], LABELS)
    assert width(values[:2] + apart[:2], LABELS) > width(values + apart, LABELS) > width(values, LABELS)
    assert width(values[[0, 0, 0]], LABELS) == pytest.approx(width(values[0], LABELS))  # copies are no seeds


def test_classes_weigh_as_they_are_told():
    values, labels = np.repeat([0.0, 1, 0, 1], [1, 9, 1, 9]), np.repeat(np.arange(4), [1, 9, 1, 9])
    by_image = mean_interval(values, labels, bounds=(0, 1))
    by_class = mean_interval(values, labels, np.ones(4), bounds=(0, 1))
    assert sum(by_class) / 2 == pytest.approx(0.5, abs=0.01)
    assert by_image[0] < 0.9 < by_image[1]
    only = mean_interval(values, labels, [0, 1, 0, 0])
    assert only == (1, 1)


def test_one_class_speaks_for_its_images_and_one_image_for_nothing():
    values = np.random.default_rng(0).random(50)
    assert mean_interval(values, np.zeros(50)) == pytest.approx(mean_interval(values, np.arange(50)), abs=0.02)
    assert mean_interval([0.7], [3], bounds=(0, 1)) == (0, 1)
    assert class_interval(ratio_of_sums([3], [4]), 1) == (-inf, inf)


def test_without_spread_there_is_no_width_but_at_a_bound():
    half = np.full(200, 0.5)
    assert mean_interval(half, np.arange(200) % 20, bounds=(0, 1)) == pytest.approx((0.5, 0.5))
    low, high = mean_interval(half + 0.5, np.arange(200) % 20, bounds=(0, 1))
    assert high == 1
    assert low**200 == pytest.approx(0.025)  # 200 of 200 by chance: Clopper and Pearson's limit
    low, high = class_interval(ratio_of_sums(np.zeros(40), np.full(40, 10)), 40, bounds=(0, 1))
    assert (low, (1 - high) ** 40) == pytest.approx((0, 0.025))


def test_two_seeds_that_agree_by_chance_do_not_hide_the_classes():
    right = np.eye(8)[:2]  # each seed is right on one class of eight, and on another one
    low, high = class_interval([ratio_of_sums(row, np.ones(8)) for row in right], 8, bounds=(0, 1))
    assert low < 0.05
    assert high > 0.25


def test_a_biased_score_is_not_pushed_by_its_bias_again():
    def seen(weights):  # a draw misses a third of the classes
        return (weights > 0).mean(1)

    low, high = class_interval(seen, 20, bounds=(0, 1))
    assert low < high == 1


def test_draws_without_a_score_do_not_count():
    empty = np.r_[np.zeros(3), np.ones(3)]
    low, high = class_interval(ratio_of_sums(empty * [0, 0, 0, 1, 2, 3], empty), 6)
    assert low < 2 < high
    with pytest.raises(ValueError, match="not finite"):
        class_interval(ratio_of_sums(np.zeros(3), np.zeros(3)), 3)


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: mean_interval([], []), "at least one image"),
    (lambda: mean_interval([0.5, np.nan], [0, 1]), "not finite"),
    (lambda: mean_interval([0.5, np.inf], [0, 1]), "not finite"),
    (lambda: mean_interval([0.5, 0.5], [0]), "belong together"),
    (lambda: mean_interval(np.ones((1, 2, 3)), [0, 1, 2]), "belong together"),
    (lambda: mean_interval([0.5, 0.5], [0, 1], [1]), "one per class"),
    (lambda: mean_interval([0.5, 0.5], [0, 1], [0, 0]), "not all 0"),
    (lambda: mean_interval([0.5, 0.5], [0, 1], resamples=0), "one resample"),
    (lambda: class_interval([], 3), "at least one score"),
    (lambda: class_interval(ratio_of_sums([], []), 0), "one class"),
    (lambda: ratio_of_sums([1, 2], [1]), "must be"),
    (lambda: ratio_of_sums([1, np.nan], [1, 1]), "not finite"),
])
def test_what_cannot_be_resampled_is_an_error(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_what_images_add_to_stability_makes_up_its_score():
    import torch

    generator = torch.Generator().manual_seed(0)
    labels, part_ids = torch.randint(4, (30,), generator=generator), torch.randint(3, (30, 2), generator=generator)
    peaks, noisy = (torch.randint(224, (*shape, 2), generator=generator) for shape in ((30, 2), (2, 30, 2)))
    metric = Stability(Protocol())
    metric.update(peaks, noisy, peaks.flip(1), torch.ones(30, 2, dtype=torch.bool), labels, part_ids)
    over, under, classes = metric.class_sums()
    assert classes.tolist() == [0, 1, 2, 3]
    assert (over.sum() / under.sum()).item() == pytest.approx(metric.score())


def test_classes_that_gain_nothing_add_nothing():
    import torch

    labels = torch.tensor([0, 0, 1, 2, 2])
    keypoints, still = torch.randint(224, (5, 3, 2)), torch.full((5, 1, 2), 100)
    metric = ConsistencyGain(Protocol())
    metric.update(still, keypoints, torch.ones(5, 3, dtype=torch.bool), labels, torch.zeros(5, 1, dtype=torch.long))
    over, under, classes = metric.class_sums()
    assert (over.tolist(), under.tolist(), classes.tolist()) == ([0, 0], [1, 1], [0, 2])
    assert metric.interval() == (0, 0)
