import pytest
import torch

from partbench.metrics import part_hits


def hits(peak, *points, visible=True, **more):
    keypoints = torch.tensor([points])
    return part_hits(torch.tensor([[peak]]), keypoints, torch.full(keypoints.shape[:2], visible), **more)[0, 0].tolist()


def test_the_region_includes_both_ends():
    assert hits((60, 100), (24, 64), (60, 137), (96, 136), (97, 100), (23, 64)) == [True, False, True, False, False]


def test_the_region_stops_at_the_canvas():
    assert hits((220, 5), (224, 0), (200, -3), (184, 41), (184, 42), (225, 5)) == [True, False, True, False, False]


def test_fractions_are_truncated_toward_zero():
    assert hits((36, 36), (-0.7, 72.9), (-1.0, 0.0), (73.0, 0.0)) == [True, False, False]


def test_no_peak_and_invisible_keypoints_hit_nothing():
    assert hits((-1, -1), (0, 0), (10, 10)) == [False, False]
    assert hits((0, 0), (0, 0), visible=False) == [False]
    assert hits((0, 0), (float("nan"), 0.0), visible=False) == [False]


def test_a_keypoint_goes_to_the_canvas_as_the_reference_does():
    # Box (60, 27, 385, 331), keypoint (312, 182): 224 * (x - x1) / (x2 - x1), truncated.
    x, y = 224 * (312 - 60) / (385 - 60), 224 * (182 - 27) / (331 - 27)
    assert hits((173 + 36, 114 + 36), (x, y)) == [True]
    assert hits((173 + 37, 114), (x, y)) == hits((173, 114 + 37), (x, y)) == [False]


def test_size_and_canvas_can_be_set():
    assert hits((10, 10), (12, 8), (13, 10), (20, 10), half_size=2, image_size=11) == [False, False, False]
    assert hits((10, 10), (11, 8), (12, 10), half_size=2, image_size=11) == [True, False]


def test_shapes_that_do_not_belong_together_are_an_error():
    with pytest.raises(ValueError, match="do not belong together"):
        part_hits(torch.zeros(2, 1, 2), torch.zeros(3, 4, 2), torch.ones(3, 4))
