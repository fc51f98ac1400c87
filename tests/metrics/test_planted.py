"""Scores against planted truth, by hand and against scipy."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from partbench.metrics import (
    Protocol,
    background_sensitivity,
    part_evidence,
    planted_evidence,
    planted_saliency,
    rank_correlation,
    registry,
)

NAN, INF = float("nan"), float("inf")
TRUE = torch.ones(1, 4, dtype=torch.bool)
DROP = torch.tensor([[0.1, 3.0, -0.2, 0.5]])
QUARTERS = torch.eye(4, dtype=torch.bool).view(1, 4, 2, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
"""Four parts, each a quarter of a picture of 4 x 4 pixels."""


@settings(deadline=None)
@given(st.integers(3, 15).flatmap(lambda parts: st.tuples(*[
    st.lists(st.integers(0, 5), min_size=parts, max_size=parts)] * 2)))
def test_the_rank_correlation_is_spearmans_with_average_ranks(pair):
    one, other = torch.tensor(pair, dtype=torch.float64)
    expected = 0.0 if len(one.unique()) == 1 or len(other.unique()) == 1 else spearmanr(one, other).statistic
    valid = torch.ones(1, len(one), dtype=torch.bool)
    assert planted_evidence(one[None], other[None], valid) == pytest.approx(expected)


def test_evidence_in_the_order_of_the_drops_scores_one_and_in_the_reverse_minus_one():
    assert planted_evidence(DROP.exp(), DROP, TRUE) == 1
    assert planted_evidence(-DROP, DROP, TRUE) == -1


def test_a_map_that_says_nothing_and_a_model_that_loses_nothing_score_zero():
    assert planted_evidence(torch.full((1, 4), 0.1), DROP, TRUE) == 0
    assert planted_evidence(DROP, torch.zeros(1, 4), TRUE) == 0


def test_parts_that_are_not_in_the_picture_are_not_looked_at():
    valid = torch.tensor([[True, True, False, True]])
    evidence = torch.tensor([[1.0, 3, NAN, 2]])
    assert planted_evidence(evidence, torch.tensor([[0.1, 3, INF, 0.5]]), valid) == 1


def test_images_with_two_parts_are_left_out_of_the_mean():
    valid = torch.tensor([[True] * 4, [True, True, False, False], [True] * 4])
    evidence = torch.cat([DROP, -DROP, torch.zeros(1, 4)])
    assert planted_evidence(evidence, DROP.expand(3, 4), valid) == 0.5


def test_without_three_parts_on_any_image_there_is_no_correlation():
    with pytest.raises(ValueError, match="at least 3 parts"):
        planted_evidence(DROP, DROP, torch.tensor([[True, True, False, False]]))
    with pytest.raises(ValueError, match="at least 3 parts"):
        planted_evidence(DROP[:0], DROP[:0], TRUE[:0])


@pytest.mark.parametrize("broken", [NAN, INF, -INF])
@pytest.mark.parametrize("side", [0, 1])
def test_a_valid_entry_that_is_not_finite_is_an_error(broken, side):
    sides = [DROP.clone(), DROP.clone()]
    sides[side][0, 2] = broken
    with pytest.raises(ValueError, match="not finite"):
        planted_evidence(*sides, TRUE)
    assert rank_correlation(*sides, TRUE).isnan().all()


def test_evidence_of_a_part_is_the_saliency_on_its_pixels():
    assert part_evidence(torch.ones(1, 3, 5), QUARTERS).tolist() == [[4, 4, 4, 4]]
    assert part_evidence(torch.arange(16.0).view(1, 4, 4), QUARTERS).tolist() == [[10, 18, 42, 50]]
    coarse = part_evidence(torch.tensor([[[0.0, 0], [0, 1]]]), QUARTERS)[0]
    assert coarse.argmax() == 3
    assert coarse.sum() == 4  # bilinear: the map's mass is kept, some of it on the neighbours


def test_saliency_counts_where_it_is_positive_and_on_a_discriminative_part():
    saliency = torch.full((1, 4, 4), -7.0)
    saliency[0, 0, 0], saliency[0, 3, 3], saliency[0, 0, 3] = 1, 2, 5
    share = [planted_saliency(saliency, QUARTERS, torch.tensor([chosen])) for chosen in (
        [True, False, False, False], [True, False, False, True], [True] * 4, [False, False, True, False])]
    assert share == [1 / 8, 3 / 8, 1, 0]


def test_saliency_without_positive_mass_has_no_share():
    assert planted_saliency(torch.zeros(1, 4, 4), QUARTERS, TRUE) == 0
    assert planted_saliency(-torch.ones(1, 4, 4), QUARTERS, TRUE) == 0


def test_images_that_show_no_discriminative_part_are_left_out():
    masks = QUARTERS.repeat(2, 1, 1, 1)
    masks[1, 0] = False
    first = torch.tensor([[True, False, False, False]]).expand(2, 4)
    assert planted_saliency(torch.ones(2, 4, 4), masks, first) == 0.25
    with pytest.raises(ValueError, match="shows a discriminative part"):
        planted_saliency(torch.ones(1, 4, 4), masks[1:], first[1:])


@pytest.mark.parametrize("broken", [NAN, INF, -INF])
def test_saliency_that_is_not_finite_is_an_error(broken):
    saliency = torch.ones(1, 4, 4)
    saliency[0, 1, 2] = broken
    with pytest.raises(ValueError, match="not finite"):
        planted_saliency(saliency, QUARTERS, TRUE)


def test_background_sensitivity_is_the_share_of_probability_that_moves():
    answer = torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0]])
    changed = torch.tensor([[[1.0, 0, 0], [0, 0, 1]], [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]]])
    assert background_sensitivity(answer, changed) == (0 + 1 + 0.25 + 0.25) / 4
    assert background_sensitivity(answer, answer[:, None]) == 0


@pytest.mark.parametrize(("answer", "changed", "message"), [
    (torch.empty(0, 3), torch.empty(0, 2, 3), "at least one"),
    (torch.ones(1, 3), torch.empty(1, 0, 3), "at least one"),
    (torch.ones(1, 3), torch.full((1, 2, 3), NAN), "not finite"),
    (torch.ones(1, 3), torch.ones(1, 2, 4), "belong together"),
    (torch.ones(1, 3), torch.ones(1, 3), "belong together"),
])
def test_answers_that_cannot_be_compared_are_an_error(answer, changed, message):
    with pytest.raises(ValueError, match=message):
        background_sensitivity(answer, changed)


@pytest.mark.parametrize("wrong", [
    lambda: planted_evidence(DROP, DROP[:, :3], TRUE),
    lambda: planted_evidence(DROP[0], DROP[0], TRUE[0]),
    lambda: planted_saliency(torch.ones(2, 4, 4), QUARTERS, TRUE),
    lambda: planted_saliency(torch.ones(1, 4, 4), QUARTERS, TRUE[:, :3]),
    lambda: part_evidence(torch.ones(4, 4), QUARTERS),
])
def test_tensors_that_do_not_belong_together_are_an_error(wrong):
    with pytest.raises(ValueError, match=r"belong together|\[N, P\]"):
        wrong()


def test_a_broken_image_is_an_error_of_the_score_and_not_of_the_pass():
    metric = registry.get("planted_evidence").load()(Protocol())
    metric.update(torch.full((1, 4), NAN), DROP, TRUE, torch.tensor([0]))
    metric.update(DROP, DROP, TRUE, torch.tensor([1]))
    with pytest.raises(ValueError, match="not finite"):
        metric.compute()
