"""Simulated: a 95 % interval holds the truth in 92 to 98 % of data sets, and a test errs in 5 % of them.

Every data set has classes drawn from a population, 10 to 30 images each, and training seeds that share a deviation and
have luck of their own. The truth is the expected score. Quick runs of a few cases say no more than that nothing is
badly off; those marked slow are the claim.
"""

import numpy as np
import pytest

from partbench.metrics import (
    ARI,
    NMI,
    Protocol,
    class_interval,
    mean_interval,
    minimum_detectable_difference,
    paired_difference,
    pairwise_p_values,
    rank_intervals,
    registry,
)

SHARES, SCORES = 0.8, 0.5  # truth of Bernoulli and of continuous values


def images(generator, classes):
    """The class of each image."""
    return np.repeat(np.arange(classes), generator.integers(10, 31, classes))


def trained(generator, labels, kind, seeds, class_spread, seed_spread, luck):
    """Values [S, N]; ``luck`` is the share of an image's chance that every seed meets anew."""
    level = (generator.normal(0, class_spread, labels.max() + 1)[labels]
             + generator.normal(0, seed_spread, (seeds, 1)))
    shape = seeds, len(labels)
    if kind == "continuous":
        noise = (1 - luck) ** 0.5 * generator.normal(size=len(labels)) + luck**0.5 * generator.normal(size=shape)
        return SCORES + level + 0.2 * noise
    fortune = np.where(generator.random(shape) < luck, generator.random(shape), generator.random(len(labels)))
    return (fortune < SHARES + level).astype(float)


def mean_coverage(data_sets, kind, classes, seeds, class_spread, seed_spread, luck):
    generator = np.random.default_rng([classes, seeds])
    held, truth = 0, SHARES if kind == "bernoulli" else SCORES
    for _ in range(data_sets):
        labels = images(generator, classes)
        values = trained(generator, labels, kind, seeds, class_spread, seed_spread, luck)
        low, high = mean_interval(values, labels, resamples=1000)
        held += low <= truth <= high
    return held / data_sets


MEANS = [(kind, classes, seeds, class_spread, seed_spread, luck)
         for kind in ("bernoulli", "continuous") for classes in (20, 40, 200) for seeds in (1, 2, 3, 5)
         for class_spread in (0.0, 0.08) for seed_spread, luck in
         ([(0.0, 0.5)] if seeds == 1 else [(0.0, 0.5), (0.01, 0.5), (0.04, 1.0)])]


@pytest.mark.slow
@pytest.mark.parametrize("case", MEANS, ids=str)
def test_intervals_of_means_hold_the_truth_in_92_to_98_percent(case):
    assert 0.92 <= mean_coverage(1000, *case) <= 0.985


@pytest.mark.parametrize("case", [
    ("bernoulli", 20, 1, 0.0, 0.0, 0.5), ("continuous", 20, 1, 0.2, 0.0, 0.5), ("bernoulli", 20, 2, 0.03, 0.04, 0.5),
    ("continuous", 20, 3, 0.0, 0.0, 1.0), ("bernoulli", 40, 3, 0.03, 0.01, 0.5)], ids=str)
def test_intervals_of_means_are_not_badly_off(case):
    assert 0.91 <= mean_coverage(250, *case) <= 0.99


def part_evidence(generator, labels, rate, spread, torch):
    """Three concepts that hit their own part at a rate that differs by class; arguments of a part metric."""
    odds = np.log(rate / (1 - rate)) + generator.normal(0, spread, (labels.max() + 1, 3))
    hit = generator.random((len(labels), 3)) < 1 / (1 + np.exp(-odds[labels]))
    keypoints = np.stack([np.array([20, 100, 180]), np.full(3, 20)], 1)[None].repeat(len(labels), 0)
    visible = generator.random((len(labels), 3)) < 0.8
    ids = np.tile(np.arange(3), (len(labels), 1))
    return [torch.from_numpy(value) for value in
            (np.where(hit[..., None], keypoints, 200), keypoints, visible, labels, ids)]


def part_coverage(data_sets, name, classes, rate, spread):
    """Coverage of the expected score, which is that of all simulated data sets together."""
    import torch

    generator = np.random.default_rng(classes)
    scores, intervals = [], []
    for _ in range(data_sets):
        metric = registry.get(name).load()(Protocol())
        metric.update(*part_evidence(generator, images(generator, classes), rate, spread, torch))
        scores.append(metric.score())
        intervals.append(metric.interval(resamples=500))
    low, high = np.array(intervals).T
    return np.mean((low <= np.mean(scores) + 1e-9) & (np.mean(scores) - 1e-9 <= high))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["consistency", "consistency_min3", "consistency_soft", "consistency_gain",
                                  "consistency_global"])
@pytest.mark.parametrize("case", [(20, 0.8, 0.3), (20, 0.8, 1.0), (20, 0.9, 1.0), (40, 0.8, 0.5), (40, 0.9, 1.0)],
                         ids=str)
def test_intervals_of_part_scores_hold_the_expected_score(name, case):
    # With three terms, the global score is 0, 1/3, 2/3 or 1, and the expected one often in the middle of a step.
    most = 1.0 if name == "consistency_global" else 0.985
    assert 0.92 <= part_coverage(600, name, *case) <= most


def test_intervals_of_consistency_are_not_badly_off():
    assert 0.91 <= part_coverage(150, "consistency", 20, 0.8, 0.5) <= 0.99


def cluster_coverage(data_sets, metric, classes, alike):
    """NMI or ARI of parts that classes confuse in ways of their own; the larger ``alike``, the more in common."""
    generator, common = np.random.default_rng(classes), np.full((8, 6), 0.02)
    common[np.arange(8), np.arange(8) % 6] += 0.3
    scores, intervals = [], []
    for _ in range(data_sets):
        habits = generator.dirichlet(common.ravel() / common.sum() * alike, classes)
        tables = generator.multinomial(6 * generator.integers(10, 31, classes), habits).astype(float)

        def score(weights, tables=tables):
            return metric.index((weights @ tables).reshape(-1, 8, 6))

        scores.append(score(np.ones((1, classes)))[0])
        intervals.append(class_interval(score, classes, resamples=500))
    low, high = np.array(intervals).T
    return np.mean((low <= np.mean(scores)) & (np.mean(scores) <= high))


@pytest.mark.slow
@pytest.mark.parametrize("metric", [NMI, ARI])
@pytest.mark.parametrize("case", [(20, 50), (20, 500), (40, 50), (40, 500), (200, 50)], ids=str)
def test_intervals_of_nmi_and_ari_hold_the_expected_score(metric, case):
    assert 0.92 <= cluster_coverage(1000, metric, *case) <= 0.98


@pytest.mark.parametrize("metric", [NMI, ARI])
def test_intervals_of_nmi_and_ari_are_not_badly_off(metric):
    assert 0.91 <= cluster_coverage(150, metric, 20, 100) <= 0.99


def comparisons(data_sets, kind, classes, seeds, class_spread, seed_spread, gain=0.0):
    """Comparisons of two methods that share images and what is hard about them."""
    generator = np.random.default_rng([classes, *seeds])
    for _ in range(data_sets):
        labels = images(generator, classes)
        shared = trained(generator, labels, "continuous", 1, 0.1, 0.0, 0.0)
        a, b = (shared + trained(generator, labels, kind, count, class_spread, seed_spread, 0.5) for count in seeds)
        yield paired_difference(a + gain, b, labels, resamples=500)


TESTS = [(kind, classes, seeds, class_spread, seed_spread)
         for kind in ("bernoulli", "continuous") for classes in (5, 20, 40)
         for seeds, seed_spread in (((1, 1), 0.0), ((2, 2), 0.01), ((3, 3), 0.04), ((3, 5), 0.0))
         for class_spread in (0.0, 0.05)]


@pytest.mark.slow
@pytest.mark.parametrize("case", TESTS, ids=str)
def test_equal_methods_are_called_different_in_5_percent(case):
    found = list(comparisons(1000, *case))
    assert np.mean([one.p_value < 0.05 for one in found]) < 0.07
    assert 0.93 <= np.mean([one.low <= 0 <= one.high for one in found]) <= 0.99


def test_equal_methods_are_seldom_called_different():
    found = list(comparisons(300, "bernoulli", 20, (1, 1), 0.03, 0.0))
    assert 0.02 < np.mean([one.p_value < 0.05 for one in found]) < 0.08


def ranked(data_sets, truth, classes=40):
    """How often the rank intervals of methods with these expected scores hold all true ranks."""
    generator, truth = np.random.default_rng(0), np.array(truth)
    best = np.array([(1 + (truth > own).sum(), (truth >= own).sum()) for own in truth])  # of equals, all their ranks
    held = 0
    for _ in range(data_sets):
        labels = images(generator, classes)
        shared = trained(generator, labels, "continuous", 1, 0.1, 0.0, 0.0)[0]
        methods = [mean + shared + trained(generator, labels, "continuous", 1, 0.03, 0.0, 1.0)[0] for mean in truth]
        p_values = pairwise_p_values(methods, lambda a, b: paired_difference(a, b, labels, resamples=200))  # noqa: B023
        found = rank_intervals([values.mean() for values in methods], p_values)
        held += (found[:, 0] <= best[:, 0]).all() and (best[:, 1] <= found[:, 1]).all()
    return held / data_sets


@pytest.mark.slow
@pytest.mark.parametrize("truth", [[0.0] * 6, [0, 0, 0.01, 0.02, 0.05, 0.1], [0, 0.05, 0.1, 0.15, 0.2, 0.25]], ids=str)
def test_rank_intervals_hold_all_true_ranks_at_once(truth):
    assert ranked(300, truth) >= 0.93


def test_rank_intervals_are_not_badly_off():
    assert ranked(20, [0.0, 0.0, 0.02]) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("classes", [10, 40, 200])
def test_the_detectable_difference_is_found_four_times_out_of_five(classes):
    generator = np.random.default_rng(classes)
    pilots = []
    for _ in range(200):
        labels = images(generator, classes)
        pilots.append(minimum_detectable_difference(
            trained(generator, labels, "continuous", 1, 0.05, 0.0, 0.0)[0]
            - trained(generator, labels, "continuous", 1, 0.05, 0.0, 0.0)[0], labels))
    found = 0
    for _ in range(1000):
        labels = images(generator, classes)
        a, b = (trained(generator, labels, "continuous", 1, 0.05, 0.0, 0.0) for _ in range(2))
        found += paired_difference(a + np.mean(pilots), b, labels, resamples=200).p_value < 0.05
    assert 0.75 <= found / 1000 <= 0.86
