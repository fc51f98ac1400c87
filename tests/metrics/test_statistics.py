import numpy as np
import pytest

from partbench.metrics import class_bootstrap
from partbench.metrics.statistics import bootstrap_interval


def test_the_interval_of_many_classes_is_that_of_their_mean():
    values = np.random.default_rng(1).normal(0.5, 0.1, 400)
    low, high = class_bootstrap(values, np.ones(400), resamples=2000)
    spread = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - spread, abs=0.2 * spread)
    assert high == pytest.approx(values.mean() + spread, abs=0.2 * spread)


def test_it_is_the_same_every_time_and_another_with_another_seed():
    over, under = np.arange(10), np.full(10, 10)
    assert class_bootstrap(over, under) == class_bootstrap(over, under)
    assert class_bootstrap(over, under, resamples=50) != class_bootstrap(over, under, resamples=50, seed=1)


def test_classes_weigh_by_their_count():
    low, high = class_bootstrap([9, 0], [9, 1], resamples=500)
    assert (low, high) == (0, 1)
    assert class_bootstrap([3], [4]) == (0.75, 0.75)


def test_the_interval_of_a_biased_statistic_still_holds_its_estimate():
    low, high = bootstrap_interval(lambda weights: (weights > 0).sum(1) / weights.shape[1], 20)
    assert high == 1
    assert low < 0.7


def test_no_class_is_an_error():
    with pytest.raises(ValueError, match="at least one class"):
        class_bootstrap([], [])
