"""Views and augmentations: keypoints, boxes and masks stay where the pixels go."""

import pickle
from dataclasses import replace

import pytest
import torch

from partbench import datasets
from partbench.datasets import Sample
from partbench.datasets.geometry import affine, flip
from partbench.datasets.views import crop_window
from partbench.errors import UserError


def dotted(width=120, height=90, box=(20.7, 10.2, 70.9, 60.4)):
    """One dot per channel, at the pixel centres (41.5, 30.5), (60.5, 52.5), (77.5, 37.5); masks hold the same dots."""
    keypoints = torch.tensor([[41.5, 30.5], [60.5, 52.5], [77.5, 37.5]])
    image = torch.zeros(3, height, width, dtype=torch.uint8)
    for channel, (x, y) in enumerate(keypoints.int().tolist()):
        image[channel, y - 2:y + 3, x - 2:x + 3] = 255
    return Sample("7", image, 1, box, keypoints, torch.tensor([True, False, True]), image > 0, (image > 0).any(0))


def centre(pixels):
    """Centre of mass (x, y) of [H, W], in continuous coordinates."""
    weight = pixels.double()
    y, x = (torch.arange(side) + 0.5 for side in weight.shape)
    return torch.stack([(weight * x).sum(), (weight * y[:, None]).sum()]) / weight.sum()


def assert_dots_under_keypoints(sample, size):
    """Only whole dots are asked: a dot cut by the border has its centre of mass elsewhere."""
    found = 0
    margin = 4 * size / 60
    for channel, point in enumerate(sample.keypoints.double()):
        if ((point > margin) & (point < size - margin)).all():
            found += 1
            assert (centre(sample.image[channel]) - point).abs().max() < 0.6
            assert (centre(sample.part_masks[channel]) - point).abs().max() < 0.9
    assert torch.equal(sample.object_mask, sample.part_masks.any(0))
    assert sample.visible.tolist() == [True, False, True]
    assert sample.image.shape == (3, size, size)
    return found


@pytest.mark.parametrize("size", [64, 112, 224])
@pytest.mark.parametrize("name", ["full", "box"])
@pytest.mark.parametrize("shape", [(120, 90), (90, 120)])
def test_views_keep_dots_under_keypoints(name, size, shape):
    assert assert_dots_under_keypoints(datasets.view(name, size)(dotted(*shape)), size) >= 2


@pytest.mark.parametrize("size", [64, 224])
@pytest.mark.parametrize("name", datasets.augmentations())
def test_augmentations_keep_dots_under_keypoints(name, size):
    torch.manual_seed(0)
    transform = datasets.augmentation(name, size)
    assert sum(assert_dots_under_keypoints(transform(dotted()), size) for _ in range(20)) > 20


def test_a_mirror_is_exact_to_the_pixel():
    sample = flip(dotted())
    assert [centre(sample.image[c]).tolist() for c in range(3)] == sample.keypoints.double().tolist()


def test_a_turn_is_clockwise_and_about_the_centre():
    sample = dotted(100, 100)
    sample = replace(sample, keypoints=torch.tensor([[50.0, 20.0]]))
    assert affine(sample, 90, [0, 0], 1.0).keypoints.tolist() == [[pytest.approx(80), pytest.approx(50)]]


def test_box_view_crops_whole_pixels_as_huang_et_al():
    assert crop_window((60.7, 27.2, 325.9, 304.4)) == (60, 27, 385, 331)
    sample = replace(dotted(), image=None, part_masks=None, object_mask=None, box=(60.7, 27.2, 325.9, 304.4),
                     keypoints=torch.tensor([[312.0, 182.0]]))
    assert datasets.view("box", 224)(sample).keypoints.int().tolist() == [[173, 114]]


def test_box_view_gives_the_same_annotation_with_and_without_pixels():
    sample = dotted()
    bare = replace(sample, image=None, part_masks=None, object_mask=None)
    with_pixels, without = (datasets.view("box", 96)(s) for s in (sample, bare))
    assert without.image is None
    assert torch.equal(with_pixels.keypoints, without.keypoints)
    assert with_pixels.box == without.box == pytest.approx((0.96, 0.32, 97.234, 96.64), abs=1e-2)


@pytest.mark.parametrize("box", [(-8.5, 20.2, 100.0, 80.0), (30.0, 10.0, 90.4, 120.0), (40.0, 30.0, 300.0, 300.0)])
def test_a_box_that_leaves_the_picture_moves_no_keypoint_off_its_dot(box):
    assert assert_dots_under_keypoints(datasets.view("box", 224)(dotted(box=box)), 224) >= 1


@pytest.mark.parametrize("box", [(50.2, 40.9, 0.3, 0.2), (500.0, 400.0, 20.0, 20.0), (-50.0, -50.0, 10.0, 10.0)])
def test_a_box_without_a_pixel_still_gives_a_picture(box):
    sample = datasets.view("box", 32)(dotted(box=box))
    assert sample.image.shape == (3, 32, 32)
    assert sample.keypoints.isfinite().all()


def test_full_view_without_pixels_is_an_error_and_unknown_names_are_answered():
    with pytest.raises(ValueError, match="needs the image"):
        datasets.view("full", 32)(replace(dotted(), image=None))
    with pytest.raises(UserError, match="did you mean 'full'"):
        datasets.view("ful", 32)
    with pytest.raises(UserError, match="did you mean 'affine_crop_flip'"):
        datasets.augmentation("affine_crop", 32)


def test_a_keypoint_outside_the_crop_stays_outside_and_visible():
    sample = datasets.view("box", 64)(replace(dotted(), box=(70.0, 20.0, 30.0, 30.0)))
    assert sample.keypoints[0, 0] < 0
    assert sample.visible[0]


@pytest.mark.parametrize("name", datasets.augmentations())
def test_the_same_seed_draws_the_same_and_another_draws_another(name):
    transform = pickle.loads(pickle.dumps(datasets.augmentation(name, 64)))
    sample = dotted()
    before = sample.image.clone()
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(torch.stack([transform(sample).image for _ in range(3)]))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.equal(sample.image, before)


def test_real_and_generated_pictures_go_through_every_transform(tiny_cub):
    sample = datasets.load("cub", root=tiny_cub)["train"][0]
    for transform in [datasets.view(name, 48) for name in ("full", "box")] + \
                     [datasets.augmentation(name, 48) for name in datasets.augmentations()]:
        assert transform(sample).image.shape == (3, 48, 48)
