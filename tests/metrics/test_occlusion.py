"""Covering parts of real images, by hand and on a model whose answer is known."""

import pytest
import torch

from partbench.metrics import (
    OcclusionAgreement,
    Protocol,
    covered_parts,
    disc_evidence,
    occlusion_agreement,
    on_image,
    planted_evidence,
    upsample_saliency,
)

NAN = float("nan")
KEYPOINTS = torch.tensor([[5.9, 4.2], [12.0, 3.0], [0.0, 9.5], [9.0, 12.0]])
"""Four parts of a picture 14 pixels high and 16 wide; the third lies on the border."""
SHOWN = torch.ones(4, dtype=torch.bool)
IMAGE, NOTHING = torch.ones(3, 14, 16), torch.zeros(3, 14, 16)


def test_a_part_can_be_covered_where_it_is_visible_and_on_the_image():
    keypoints = torch.tensor([[0.0, 0], [15.9, 13.9], [16, 5], [5, 14], [-0.1, 5], [NAN, NAN], [5, 5]])
    shown = torch.tensor([True] * 6 + [False])
    assert on_image(keypoints, shown, 14, 16).tolist() == [True, True, False, False, False, False, False]
    assert on_image(keypoints, shown, 14).tolist() == [True] + [False] * 6
    assert on_image(keypoints.expand(2, 7, 2), shown.expand(2, 7), 14, 16).shape == (2, 7)


def test_the_disc_is_centred_on_the_keypoints_pixel_and_cut_by_the_border():
    covered = covered_parts(IMAGE, NOTHING, KEYPOINTS, SHOWN, radius=2)
    assert covered.shape == (4, 3, 14, 16)
    assert (covered == 0).sum((1, 2, 3)).tolist() == [3 * 13, 3 * 13, 3 * 9, 3 * 12]
    hidden = (covered[0, 0] == 0).nonzero()
    assert hidden.double().mean(0).tolist() == [4, 5]
    assert covered_parts(IMAGE, NOTHING, KEYPOINTS, SHOWN, radius=0)[1, 0, 3, 12] == 0


def test_only_visible_parts_on_the_image_are_covered_in_their_order():
    shown = torch.tensor([False, True, False, True])
    everything = covered_parts(IMAGE, NOTHING, KEYPOINTS, SHOWN, 3)
    assert torch.equal(covered_parts(IMAGE, NOTHING, KEYPOINTS, shown, 3), everything[shown])
    assert covered_parts(IMAGE, NOTHING, KEYPOINTS, torch.zeros(4, dtype=torch.bool), 3).shape == (0, 3, 14, 16)


def test_parts_in_one_pixel_give_one_picture_and_one_evidence():
    keypoints = torch.tensor([[4.1, 4.9], [4.9, 4.0]])
    one, other = covered_parts(IMAGE, NOTHING, keypoints, SHOWN[:2], 3)
    assert torch.equal(one, other)
    assert len(disc_evidence(torch.rand(14, 16), keypoints, SHOWN[:2], 3).unique()) == 1


def test_evidence_is_the_mean_saliency_on_the_disc_that_was_covered():
    saliency = torch.rand(14, 16, generator=torch.Generator().manual_seed(0)) - 0.5
    covered = covered_parts(IMAGE, NOTHING, KEYPOINTS, SHOWN, 3)[:, 0] == 0
    expected = [saliency[disc].double().mean().item() for disc in covered]
    assert disc_evidence(saliency, KEYPOINTS, SHOWN, 3).tolist() == pytest.approx(expected)


def test_a_part_that_is_not_on_the_image_has_no_evidence():
    shown = torch.tensor([True, False, True, True])
    assert disc_evidence(torch.rand(14, 16), KEYPOINTS, shown, 3).isnan().tolist() == [False, True, False, False]
    assert disc_evidence(torch.full((14, 16), NAN), KEYPOINTS, SHOWN, 3).isnan().all()


def test_a_flat_map_says_nothing_though_the_border_cuts_a_disc():
    drop = torch.tensor([[0.1, 3.0, -0.2, 0.5]])
    for flat in (torch.full((14, 16), 0.1), torch.zeros(14, 16),
                 upsample_saliency(torch.full((1, 3, 3), 0.1), 16)[0, :14]):
        evidence = disc_evidence(flat, KEYPOINTS, SHOWN, 3)[None]
        assert occlusion_agreement(evidence, drop, SHOWN[None]) == 0
    faint = torch.rand(14, 16) * 1e-9  # small values are not a flat map
    assert len(disc_evidence(faint, KEYPOINTS, SHOWN, 3).unique()) == 4


def answers(images, weight):
    """Log-probability of the first of two classes, whose logit is a weighted sum of the pixels."""
    logit = (images.double() * weight).sum((1, 2, 3))
    return torch.stack([logit, torch.zeros_like(logit)], 1).log_softmax(1)[:, 0]


def test_a_map_of_what_the_model_uses_agrees_and_its_opposite_disagrees():
    weight = torch.zeros(14, 16)
    for part, (x, y) in enumerate([(5, 4), (12, 3), (9, 12)]):
        weight[y - 1:y + 2, x - 1:x + 2] = part - 0.5
    shown = torch.tensor([True, True, False, True])
    scores = answers(torch.cat([IMAGE[None], covered_parts(IMAGE, NOTHING, KEYPOINTS, shown, 2)]), weight)
    drop = torch.full((1, 4), NAN, dtype=torch.float64)
    drop[0, shown] = scores[0] - scores[1:]
    for saliency, expected in ((weight, 1), (-weight, -1), (100 + 7 * weight, 1)):
        evidence = disc_evidence(saliency, KEYPOINTS, shown, 2)[None]
        assert occlusion_agreement(evidence, drop, shown[None]) == pytest.approx(expected)


def test_the_measure_is_that_of_planted_evidence():
    generator = torch.Generator().manual_seed(0)
    evidence, drop = torch.randn(2, 30, 6, generator=generator)
    valid = torch.rand(30, 6, generator=generator) < 0.5
    assert occlusion_agreement(evidence, drop, valid) == planted_evidence(evidence, drop, valid)


def test_fewer_than_three_parts_on_every_image_are_an_error():
    two = torch.tensor([[True, True, False, False]])
    for valid in (two, two[:0]):
        with pytest.raises(ValueError, match="at least 3 parts"):
            occlusion_agreement(torch.rand(len(valid), 4), torch.rand(len(valid), 4), valid)


@pytest.mark.parametrize("wrong", [
    lambda: covered_parts(IMAGE, NOTHING[:, :4], KEYPOINTS, SHOWN, 2),
    lambda: covered_parts(IMAGE[0], NOTHING[0], KEYPOINTS, SHOWN, 2),
    lambda: covered_parts(IMAGE, NOTHING, KEYPOINTS[:3], SHOWN, 2),
    lambda: disc_evidence(IMAGE, KEYPOINTS, SHOWN, 2),
    lambda: disc_evidence(IMAGE[0], KEYPOINTS, SHOWN, -1),
    lambda: occlusion_agreement(torch.rand(2, 4), torch.rand(2, 3), torch.ones(2, 4)),
])
def test_tensors_that_do_not_belong_together_are_an_error(wrong):
    with pytest.raises(ValueError, match=r"belong together|must be|radius of 0"):
        wrong()


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_any_split_into_batches_gives_the_pure_functions_value(batch):
    generator = torch.Generator().manual_seed(0)
    evidence, drop = torch.randn(2, 30, 6, generator=generator)
    valid, labels = torch.rand(30, 6, generator=generator) < 0.6, torch.arange(30) % 5
    metric = OcclusionAgreement(Protocol())
    for some in torch.arange(30).split(batch):
        metric.update(evidence[some].double(), drop[some], valid[some], labels[some])
    assert metric.compute().item() == occlusion_agreement(evidence, drop, valid)


def test_a_broken_image_is_an_error_of_the_score_and_not_of_the_pass():
    metric = OcclusionAgreement(Protocol())
    metric.update(torch.full((1, 4), NAN), torch.rand(1, 4), SHOWN[None], torch.tensor([0]))
    with pytest.raises(ValueError, match="not finite"):
        metric.compute()
