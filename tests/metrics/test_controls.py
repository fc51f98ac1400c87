from math import exp

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from partbench.metrics import (
    best_constant_peak,
    centre_gaussian,
    centre_peak,
    consistency,
    constant_peak_scores,
    edge_maps,
    part_hits,
    peaks,
    random_peaks,
)


def test_random_peaks_are_seeded_and_on_the_canvas():
    drawn = random_peaks(500, 4, 0, 50)
    assert drawn.shape == (500, 4, 2)
    assert (drawn.min(), drawn.max()) == (0, 49)
    assert torch.equal(drawn, random_peaks(500, 4, 0, 50))
    assert not torch.equal(drawn, random_peaks(500, 4, 1, 50))


def test_the_centre_is_the_middle_of_the_canvas():
    assert centre_peak(224) == (112, 112)


def annotated(seed, images=9, parts=3, size=12, classes=3):
    generator = torch.Generator().manual_seed(seed)
    keypoints = torch.rand(images, parts, 2, generator=generator) * (size + 5) - 2.5
    return keypoints, torch.rand(images, parts, generator=generator) < 0.7, torch.arange(images) % classes


def tried(keypoints, visible, labels, half_size, size, threshold, min_visible=1):
    def score(place):
        hits = part_hits(torch.tensor(place).expand(len(labels), 1, 2), keypoints, visible, half_size, size)
        return consistency(hits, visible, labels, torch.zeros(len(labels), 1).long(), threshold, "pair", min_visible)
    return torch.tensor([[score((x, y)) for x in range(size)] for y in range(size)], dtype=torch.float64)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 14), st.integers(1, 2), st.sampled_from([0.1, 0.6, 2 / 3, 1.0]))
def test_every_constant_peak_scores_as_its_consistency(seed, half_size, min_visible, threshold):
    known = annotated(seed)
    scores = constant_peak_scores(*known, half_size, 12, threshold, min_visible)
    assert scores.dtype == torch.float64
    assert torch.equal(scores, tried(*known, half_size, 12, threshold, min_visible))
    (x, y), value = best_constant_peak(*known, half_size, 12, threshold, min_visible)
    assert value == scores.max() == scores[y, x]
    assert 12 * y + x == (scores.flatten() == value).nonzero()[0]  # the first in raster order


def test_a_class_of_more_images_than_are_counted_at_once_scores_the_same():
    known = annotated(3, images=700, classes=2)
    assert torch.equal(constant_peak_scores(*known, 5, 12, 0.3), tried(*known, 5, 12, 0.3))


def test_order_dtype_and_what_is_not_visible_change_nothing():
    keypoints, visible, labels = annotated(5, images=30)
    expected = constant_peak_scores(keypoints, visible, labels, 2, 12, 0.4)
    assert 0 < expected.max() < 1
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    hidden = torch.where(visible[..., None], keypoints, torch.nan)
    for known in ((keypoints[order], visible[order], labels[order]), (keypoints.double(), visible, labels),
                  (keypoints.int(), visible.int(), 7 * labels), (hidden, visible, labels)):
        assert torch.equal(constant_peak_scores(*known, 2, 12, 0.4), expected)


def test_a_visible_keypoint_that_is_nowhere_counts_as_shown_and_is_never_hit():
    keypoints = torch.tensor([[[3.0, 3.0]], [[torch.nan, 3.0]], [[3.0, torch.inf]]])
    scores = constant_peak_scores(keypoints, torch.ones(3, 1), torch.zeros(3), 1, 8, 1 / 3)
    assert scores.sum() == 9
    assert not constant_peak_scores(keypoints, torch.ones(3, 1), torch.zeros(3), 1, 8, 0.34).any()


def test_parts_that_no_image_shows_score_nothing():
    assert not constant_peak_scores(torch.zeros(2, 3, 2), torch.zeros(2, 3), torch.zeros(2)).any()


@pytest.mark.parametrize("shapes", [((0, 1, 2), (0, 1), (0,)), ((2, 0, 2), (2, 0), (2,))])
def test_no_image_and_no_part_are_errors(shapes):
    with pytest.raises(ValueError, match="at least one image"):
        best_constant_peak(*map(torch.zeros, shapes))


@pytest.mark.parametrize("shapes", [((2, 1), (2, 1), (2,)), ((2, 1, 3), (2, 1), (2,)), ((2, 1, 2), (2, 2), (2,)),
                                    ((2, 1, 2), (2, 1), (3,)), ((2, 1, 2), (2, 1), (2, 1))])
def test_shapes_that_do_not_belong_together_are_named(shapes):
    with pytest.raises(ValueError, match=f"keypoints .* do not belong together: .*{shapes[0][-1]}"):
        constant_peak_scores(*map(torch.zeros, shapes))


def test_the_gaussian_is_symmetric_and_peaks_in_the_middle():
    bump = centre_gaussian(14, 16)
    assert torch.equal(bump, bump.flip(0))
    assert torch.equal(bump, bump.flip(1))
    assert (peaks(bump[None, None])[0, 0] - 112).abs().max() <= 16
    assert centre_gaussian(1, 8)[0, 0] == pytest.approx(exp(-((3.5 / 2) ** 2) / 2))  # one deviation: two cells
    assert centre_gaussian(1, 1).item() == 1
    assert bump.min() > 0
    with pytest.raises(ValueError, match="at least one row"):
        centre_gaussian(0, 4)


def test_edges_are_where_the_luminance_changes_and_not_at_the_frame():
    images = torch.zeros(2, 3, 32, 32)
    images[0, :, :, 20:] = 1
    maps = edge_maps(images, (4, 4))
    assert maps.shape == (2, 4, 4)
    assert (maps[0, :, 2] > 0).all()
    assert not maps[0, :, [0, 1, 3]].any()
    assert not maps[1].any()
    assert torch.allclose(edge_maps(images.mT, (4, 4)), maps.mT)
    assert maps[0, 0, 2] == pytest.approx(4 * 2 / 8)  # two of eight columns see Sobel's full step


def test_edges_do_not_depend_on_batch_or_precision():
    images = torch.rand(7, 3, 45, 37, generator=torch.Generator().manual_seed(0))
    maps = edge_maps(images, (5, 6))
    assert torch.equal(maps, torch.cat([edge_maps(image[None], (5, 6)) for image in images]))
    assert torch.allclose(maps.double(), edge_maps(images.double(), (5, 6)), atol=1e-6)
    assert edge_maps((255 * images).byte(), (5, 6)).isfinite().all()
    assert edge_maps(torch.full((1, 3, 8, 8), torch.nan), (2, 2)).isnan().all()


@pytest.mark.parametrize(("shape", "grid"), [((3, 8, 8), (2, 2)), ((1, 1, 8, 8), (2, 2)), ((1, 3, 0, 8), (2, 2)),
                                             ((1, 3, 8, 8), (0, 2))])
def test_edges_of_nothing_are_an_error(shape, grid):
    with pytest.raises(ValueError, match="must not be empty"):
        edge_maps(torch.zeros(shape), grid)
