"""Foreground and background IoU by hand."""

import numpy as np
import pytest
import torch

from partbench.metrics import BackgroundIoU, ForegroundIoU, Protocol, foreground_iou, mask_overlap


def maps_of(labels, parts):
    """Part maps [N, K, h, w] and background [N, h, w] whose strongest map is ``labels`` [N, h, w], last the latter."""
    maps = torch.nn.functional.one_hot(torch.tensor(labels), parts + 1).permute(0, 3, 1, 2).float()
    return maps[:, :-1], maps[:, -1]


I1 = [[0, 2, 2], [1, 2, 2]]
MASK = torch.tensor([[1, 1, 0], [1, 0, 0]]).bool()


def test_i1_one_image():
    assert foreground_iou(*maps_of([I1], 2), MASK[None]) == pytest.approx((2 / 3, 3 / 4))


def test_i2_pixels_are_counted_over_the_data_set_and_not_per_image():
    masks = torch.stack([MASK, torch.zeros_like(MASK)])
    masks[1, 0, 0] = True
    assert foreground_iou(*maps_of([I1, [[2, 2, 2]] * 2], 2), masks)[0] == 2 / 4


def test_i3_the_background_is_the_map_given_as_such():
    overlap = mask_overlap(*maps_of([[[10, 10, 4, 3, 7]]], 10), torch.ones(1, 1, 5))
    assert overlap.tolist() == [[3, 0, 2, 0]]


def test_one_part_is_object_where_it_beats_the_background():
    assert foreground_iou(*maps_of([[[0, 1, 1], [0, 1, 1]]], 1), MASK[None]) == (2 / 3, 3 / 4)


def test_an_empty_union_scores_0():
    nothing, everything = torch.zeros(1, 2, 3), torch.ones(1, 2, 3)
    assert foreground_iou(*maps_of([[[2] * 3] * 2], 2), nothing) == (0, 1)
    assert foreground_iou(*maps_of([[[1] * 3] * 2], 2), everything) == (1, 0)


def test_a_tie_between_part_and_background_is_the_parts():
    assert mask_overlap(torch.ones(1, 2, 2, 2), torch.ones(1, 2, 2), torch.ones(1, 2, 2)).tolist() == [[4, 0, 0, 0]]


def test_maps_are_enlarged_corner_to_corner():
    row = torch.tensor([[[[1.0, 0.0]]]])
    # Values at 5 pixels: 1, .75, .5, .25, 0; with align_corners=False the ends would be flat.
    assert mask_overlap(row, torch.full((1, 1, 2), 0.7), torch.ones(1, 1, 5)).tolist() == [[2, 0, 3, 0]]


def test_without_a_background_map_there_is_no_foreground():
    with pytest.raises(ValueError, match="background map"):
        foreground_iou(torch.rand(1, 2, 4, 4), None, torch.ones(1, 8, 8))


@pytest.mark.parametrize(("maps", "background", "masks"), [
    ((2, 3, 4, 4), (2, 4, 4), (1, 8, 8)), ((1, 3, 4, 4), (1, 4, 5), (1, 8, 8)), ((1, 0, 4, 4), (1, 4, 4), (1, 8, 8)),
    ((1, 4, 4), (1, 4, 4), (1, 8, 8)), ((1, 3, 4, 4), (1, 4, 4), (8, 8)),
])
def test_tensors_that_do_not_belong_together_are_an_error(maps, background, masks):
    with pytest.raises(ValueError, match="belong together"):
        mask_overlap(torch.rand(maps), torch.rand(background), torch.ones(masks))


def test_no_image_is_an_error():
    with pytest.raises(ValueError, match="at least one image"):
        foreground_iou(torch.rand(0, 2, 4, 4), torch.rand(0, 4, 4), torch.ones(0, 8, 8))


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_broken_map_is_an_error_of_the_score_and_not_of_the_pass(broken):
    maps, background = maps_of([I1, I1], 2)
    maps[1, 0, 0, 0] = broken
    masks = MASK.expand(2, 2, 3)
    metric = ForegroundIoU(Protocol())
    metric.update(mask_overlap(maps, background, masks), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="not finite"):
        metric.compute()
    with pytest.raises(ValueError, match="not finite"):
        foreground_iou(maps, background, masks)


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_any_split_into_batches_and_either_precision_give_the_same(batch):
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(20, 6, 7, 7, generator=generator).softmax(1)
    masks, labels = torch.rand(20, 20, 20, generator=generator) < 0.7, torch.arange(20) % 4
    kinds = {"object": ForegroundIoU(Protocol()), "background": BackgroundIoU(Protocol())}
    for some in torch.arange(20).split(batch):
        overlap = mask_overlap(maps[some, :5].double(), maps[some, 5].double(), masks[some])
        for metric in kinds.values():
            metric.update(overlap, labels[some])
    expected = foreground_iou(maps[:, :5], maps[:, 5], masks)
    assert tuple(metric.compute().item() for metric in kinds.values()) == expected
    for metric, value in zip(kinds.values(), expected, strict=True):
        classes, statistic = metric.resampling()
        assert (classes, statistic(np.ones((1, 4)))[0]) == (4, value)
