"""Part-shaping losses and prototype arithmetic, against their formulas written out."""

import pytest
import torch
from torch.nn.functional import one_hot

from partbench.methods.affine import Affine, Affines
from partbench.methods.prototypes import assign, fuse, group, proximity, regions
from partbench.methods.shaping import (
    background_presence,
    entropy,
    equivariance,
    orthogonality,
    presence,
    total_variation,
)


@pytest.fixture
def maps():
    torch.manual_seed(0)
    return torch.randn(3, 5, 6, 7).mul(2).softmax(1)


@pytest.fixture
def features():
    torch.manual_seed(1)
    return torch.randn(3, 16, 6, 7)


def test_softmax_is_the_same_with_and_without_the_squared_norm_of_the_features(features):
    prototypes = torch.randn(5, 16)
    difference = features[:, None] - prototypes[:, :, None, None]
    full = -difference.square().sum(2)
    torch.testing.assert_close(proximity(features, prototypes).softmax(1), full.softmax(1))
    torch.testing.assert_close(assign(features, prototypes, floor=0.0), full.softmax(1))


def test_assignment_is_a_distribution_with_no_zero_and_its_bias_is_inside_the_softmax(features):
    bias = torch.zeros(5, 6, 7)
    bias[2] = 1e4
    maps = assign(features, 100 * torch.randn(5, 16), bias)
    torch.testing.assert_close(maps.sum(1), torch.ones(3, 6, 7))
    assert maps.min() > 0


def test_distances_stay_fp32_under_autocast(features):
    prototypes = torch.randn(5, 16)
    with torch.autocast("cpu", torch.bfloat16):
        maps = assign(features, prototypes)
        means, _ = regions(features, maps)
    assert maps.dtype == means.dtype == torch.float32
    torch.testing.assert_close(maps, assign(features, prototypes), rtol=0, atol=0)


def test_pooling_by_matrix_product_equals_the_naive_formula(features, maps):
    for hard in (True, False):
        mask = one_hot(maps.argmax(1), 5).movedim(-1, 1) if hard else torch.ones_like(maps)
        weights = (maps * mask)[:, :, None]
        naive = (weights * features[:, None]).sum((3, 4)) / weights.sum((3, 4))
        means, empty = regions(features, maps, hard)
        torch.testing.assert_close(means, naive)
        assert not empty.any()


def test_an_empty_region_is_zero_and_marked_and_has_finite_gradients(features):
    logits = torch.zeros(3, 5, 6, 7)
    logits[:, 1] = 3.0
    logits.requires_grad_()
    means, empty = regions(features, logits.softmax(1))
    assert empty.tolist() == [[True, False, True, True, True]] * 3
    assert means[:, [0, 2, 3, 4]].abs().max() == 0
    means.sum().backward()
    assert logits.grad.isfinite().all()


def test_fusing_leaves_out_weight_zero_and_survives_no_weight_at_all():
    means = torch.tensor([[[2.0, 4.0], [100.0, 100.0]]])
    weights = torch.tensor([[[1e-20, 0.0], [0.0, 0.0]]])
    torch.testing.assert_close(fuse(means, weights), torch.tensor([[[2.0, 4.0], [0.0, 0.0]]]))


def test_grouped_maps_still_sum_to_one_and_keep_the_background(maps):
    grouped = group(maps, torch.randn(3, 4, 2).softmax(2))
    assert grouped.shape == (3, 3, 6, 7)
    torch.testing.assert_close(grouped.sum(1), torch.ones(3, 6, 7))
    torch.testing.assert_close(grouped[:, -1], maps[:, -1])


def test_presence_is_zero_for_a_part_that_fills_3x3_on_one_image_of_the_batch():
    parts = torch.zeros(4, 2, 6, 6)
    parts[1, 0, 1:4, 2:5] = 1
    assert presence(parts[:, :1]).item() == pytest.approx(0)
    assert presence(parts).item() == pytest.approx(0.5)


def test_background_presence_is_zero_in_a_corner_and_large_in_the_centre():
    corner, centre = torch.zeros(1, 7, 7), torch.zeros(1, 7, 7)
    corner[0, :3, -3:] = 1
    centre[0, 2:5, 2:5] = 1
    assert background_presence(corner).item() == pytest.approx(0)
    # Best at the middle of a border: distance 1 of 2 (squared), three of the window's nine patches.
    assert background_presence(centre).item() == pytest.approx(-torch.tensor(1 / 2 * 3 / 9).log().item())


def test_entropy_is_log_k_when_undecided_and_nothing_when_decided(maps):
    assert entropy(torch.full((2, 5, 3, 3), 0.2)).item() == pytest.approx(torch.tensor(5.0).log().item())
    assert entropy(one_hot(maps.argmax(1), 5).movedim(-1, 1).float()).item() < 1e-4


def test_total_variation_counts_both_directions_and_all_channels_per_patch():
    maps = torch.zeros(1, 2, 4, 4)
    maps[0, 0, 1, 1] = 1
    maps[0, 1, 0, 0] = 1
    assert total_variation(maps).item() == pytest.approx((4 + 2) / 16)


def test_equivariance_is_zero_for_the_identity_and_for_a_quarter_turn_followed_and_not_when_ignored(maps):
    square = maps[..., :6]
    assert equivariance(square, square, Affine(0.0, (0.0, 0.0), 1.0)).item() == pytest.approx(0, abs=1e-6)
    turn = Affine(90.0, (0.0, 0.0), 1.0)
    assert equivariance(square, turn.apply(square), turn).item() == pytest.approx(0, abs=1e-5)
    assert equivariance(square, square, turn).item() > 0.1


def test_orthogonality_is_zero_for_orthogonal_concepts_and_counts_pairs_of_equal_ones():
    assert orthogonality(torch.eye(4)[None, :3]).item() == pytest.approx(0)
    assert orthogonality(torch.ones(2, 3, 4)).item() == pytest.approx(6 / 9)


@pytest.mark.parametrize("grid", [(1, 1), (2, 2), (2, 5)])
def test_map_losses_work_on_a_grid_smaller_than_the_pooling_window(grid):
    maps = torch.randn(2, 3, *grid).softmax(1)
    for value in (presence(maps[:, :-1]), background_presence(maps[:, -1]), entropy(maps), total_variation(maps)):
        assert value.isfinite()


def test_losses_and_gradients_are_finite_for_maps_of_exact_zeros_and_ones(maps):
    hard = one_hot(maps.argmax(1), 5).movedim(-1, 1).float()
    hard[:, -1] = 0
    hard.requires_grad_()
    warp = Affine(45.0, (0.1, 0.1), 1.4)
    total = (presence(hard[:, :-1]) + background_presence(hard[:, -1]) + entropy(hard) + total_variation(hard)
             + equivariance(hard[:, :-1, :, :6], hard[:, :-1, :, :6], warp) + orthogonality(torch.zeros(2, 3, 4)))
    total.backward()
    assert total.isfinite()
    assert hard.grad.isfinite().all()


@pytest.mark.parametrize("side", [7, 14, 37])
def test_warps_of_each_image_undone_at_once_are_undone_one_by_one(side):
    generator = torch.Generator().manual_seed(side)
    each = Affines(tuple(Affine.draw(generator) for _ in range(16)))
    images, maps = torch.randn(16, 3, 32, 32), torch.randn(16, 5, side, side)
    one_by_one = torch.cat([one.invert(values[None]) for one, values in zip(each.each, maps, strict=True)])
    changed = (each.invert(maps) != one_by_one).flatten(1).any(1)
    assert changed.float().mean() < 0.2  # a point between two pixels may go either way
    assert (each.invert(maps) != one_by_one).float().mean() < 1e-3
    assert torch.equal(each.apply(images)[3:5], each.between(3, 5).apply(images[3:5]))
    torch.testing.assert_close(equivariance(maps[3:5], maps[4:6], each.between(3, 5)), torch.stack([
        equivariance(maps[n, None], maps[n + 1, None], each.each[n]) for n in (3, 4)]).mean())
