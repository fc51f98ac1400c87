"""What so many images can show."""

from math import inf

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import nct, t

from partbench.metrics import minimum_detectable_difference, sample_needed


def differences(classes=40, images=20, between=0.05, within=0.4, seed=0):
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), images)
    return generator.normal(0, between, classes)[labels] + generator.normal(0, within, len(labels)), labels


@pytest.mark.parametrize("classes", [5, 12, 40, 200])
def test_it_is_what_a_t_test_of_class_means_finds_four_times_out_of_five(classes):
    values = np.random.default_rng(classes).normal(0, 1, classes)

    exact = brentq(lambda away: nct.sf(t.ppf(0.975, classes - 1), classes - 1, away) - 0.8, 2, 5)
    exact *= values.std(ddof=1) / classes**0.5
    assert minimum_detectable_difference(values, np.arange(classes)) == pytest.approx(exact, rel=0.06)


def test_what_is_needed_for_the_detectable_difference_is_what_there_is():
    values, labels = differences()
    needed = sample_needed(minimum_detectable_difference(values, labels), values, labels)
    assert needed.classes in (40, 41)
    assert needed.images_per_class in (20, 21)


def test_half_the_difference_needs_four_times_the_classes_and_no_number_of_images_where_classes_differ():
    values, labels = differences(between=0.1)
    one, half = (sample_needed(difference, values, labels) for difference in (0.04, 0.02))
    assert half.classes == pytest.approx(4 * one.classes, rel=0.05)
    assert half.images_per_class == inf


def test_a_stricter_test_needs_more():
    values, labels = differences()
    usual = minimum_detectable_difference(values, labels)
    assert minimum_detectable_difference(values, labels, power=0.9) > usual
    assert minimum_detectable_difference(values, labels, alpha=0.01) > usual
    assert minimum_detectable_difference(values / 2, labels) == pytest.approx(usual / 2)


def test_where_methods_never_differ_any_difference_shows():
    assert minimum_detectable_difference(np.zeros(40), np.arange(40) % 10) == 0
    assert sample_needed(0.01, np.zeros(40), np.arange(40) % 10).classes == 2


def test_two_classes_are_hardly_enough():
    assert minimum_detectable_difference([0, 1, 0, 0], [0, 0, 1, 1]) > 1
    with pytest.raises(ValueError, match="two of them"):
        minimum_detectable_difference([0, 1], [0, 0])


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: minimum_detectable_difference([0, 1], [0]), "belong together"),
    (lambda: minimum_detectable_difference([0, np.nan], [0, 1]), "not finite"),
    (lambda: minimum_detectable_difference([0, 1], [0, 1], power=0.01), "alpha < power"),
    (lambda: sample_needed(0, [0, 1], [0, 1]), "above 0"),
    (lambda: sample_needed(np.nan, [0, 1], [0, 1]), "above 0"),
])
def test_what_cannot_be_planned_is_an_error(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()
