import pytest
import torch
from torch.nn.functional import interpolate

from partbench.metrics import part_assignment, pixel_assignment, pixel_parts


@pytest.mark.parametrize(("grid", "size"), [((7, 7), 224), ((16, 12), 100), ((37, 37), 30)])
def test_a_keypoint_gets_the_strongest_enlarged_map_at_its_pixel(grid, size):
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(4, 6, *grid, generator=generator).softmax(1)
    keypoints = torch.rand(4, 50, 2, generator=generator) * size
    surface = interpolate(maps, size=(size, size), mode="bilinear", align_corners=False)
    x, y = keypoints.long().unbind(-1)
    expected = torch.stack([image[:, v, u].argmax(0) for image, u, v in zip(surface, x, y, strict=True)])
    visible = torch.ones(4, 50).bool()
    assert torch.equal(part_assignment(maps[:, :-1], maps[:, -1], keypoints, visible, size), expected)


def test_a_keypoint_is_minus_one_where_nothing_can_be_assigned():
    maps = torch.zeros(1, 2, 4, 4)
    keypoints = torch.tensor([[[0.0, 0.0], [7.9, 7.9], [8.0, 1.0], [1.0, -0.1], [float("nan"), 1.0], [3.0, 3.0]]])
    visible = torch.tensor([[True, True, True, True, False, False]])
    assert part_assignment(maps, None, keypoints, visible, 8).tolist() == [[0, 0, -1, -1, -1, -1]]
    assert part_assignment(maps, torch.ones(1, 4, 4), keypoints, visible, 8).tolist() == [[2, 2, -1, -1, -1, -1]]


@pytest.mark.parametrize("size", [12, (9, 17)])
def test_every_pixel_gets_what_a_keypoint_on_it_would_get(size):
    maps = torch.rand(3, 5, 4, 6, generator=torch.Generator().manual_seed(1))
    height, width = (size, size) if isinstance(size, int) else size
    expected = interpolate(maps, size=(height, width), mode="bilinear", align_corners=False).argmax(1).flatten(1)
    assert torch.equal(pixel_assignment(maps[:, :-1], maps[:, -1], size), expected)
    assert torch.equal(pixel_assignment(maps, None, size), expected)
    if height == width:
        pixels = torch.cartesian_prod(torch.arange(height), torch.arange(width)).flip(1).repeat(3, 1, 1)
        under = part_assignment(maps, None, pixels, torch.ones(3, height * width).bool(), height)
        assert torch.equal(pixel_assignment(maps, None, size), under)


def test_ties_go_to_the_lowest_map_and_background_comes_last():
    assert not pixel_assignment(torch.ones(1, 3, 2, 2), torch.ones(1, 2, 2), 4).any()
    assert (pixel_assignment(torch.zeros(1, 3, 2, 2), torch.ones(1, 2, 2), 4) == 3).all()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_map_that_is_not_finite_wins_nowhere(value):
    maps = torch.full((1, 2, 2, 2), -1e6)
    maps[0, 0, 0, 0] = value
    assert (pixel_assignment(maps, None, 6) == 1).all()
    assert part_assignment(maps, None, torch.zeros(1, 1, 2), torch.ones(1, 1).bool(), 6).tolist() == [[1]]


def test_a_pixel_belongs_to_the_first_mask_that_holds_it_else_to_the_background():
    masks = torch.tensor([[[[1, 1, 0, 0]], [[0, 1, 1, 0]]]]).bool()
    assert pixel_parts(masks).tolist() == [[0, 0, 1, 2]]
    assert pixel_parts(masks[:, :0]).tolist() == [[0, 0, 0, 0]]


def test_wrong_shapes_are_errors_that_name_them():
    with pytest.raises(ValueError, match=r"\[2, 3, 4, 4\].*\[2, 5, 4\]"):
        pixel_assignment(torch.rand(2, 3, 4, 4), torch.rand(2, 5, 4), 8)
    with pytest.raises(ValueError, match="at least one map"):
        pixel_assignment(torch.rand(2, 0, 4, 4), None, 8)
    with pytest.raises(ValueError, match="do not belong together"):
        part_assignment(torch.rand(2, 3, 4, 4), None, torch.zeros(2, 5, 2), torch.ones(2, 4).bool(), 8)
    with pytest.raises(ValueError, match="must be bool"):
        pixel_parts(torch.rand(1, 2, 4, 4))
