"""Distinctiveness by hand and against torchvision's IoU."""

import pytest
import torch
from torchvision.ops import box_iou

from partbench.metrics import Distinctiveness, Protocol, distinctiveness, peak_separation


def test_concepts_on_one_spot_score_0_and_concepts_apart_1():
    assert distinctiveness(torch.tensor([[[50, 60]] * 10])) == 0
    assert distinctiveness(torch.tensor([[[40, 40], [112, 40], [40, 112]]])) == 1


def test_a_shift_by_half_a_region_leaves_a_third_in_common():
    assert distinctiveness(torch.tensor([[[40, 40], [76, 40]]])) == pytest.approx(1 - 1 / 3)
    assert distinctiveness(torch.tensor([[[0, 0], [2, 2]]]), half_size=2) == pytest.approx(1 - 4 / 28)


def test_the_mean_is_over_pairs_and_then_over_images():
    peaks = torch.tensor([[[40, 40], [40, 40], [200, 200]], [[7, 7]] * 3])
    assert peak_separation(peaks).tolist() == [pytest.approx(2 / 3), 0]
    assert distinctiveness(peaks) == pytest.approx(1 / 3)


def test_regions_reach_over_the_edge_of_the_canvas_as_in_the_public_code():
    assert distinctiveness(torch.tensor([[[0, 0], [36, 0]]])) == distinctiveness(torch.tensor([[[90, 90], [126, 90]]]))


def test_equals_torchvisions_iou():
    peaks = torch.randint(224, (5, 7, 2), generator=torch.Generator().manual_seed(0))
    for own, value in zip(peaks.double(), peak_separation(peaks), strict=True):
        overlaps = box_iou(*[torch.cat([own - 36, own + 36], 1)] * 2)
        assert value.item() == pytest.approx(1 - overlaps[torch.ones(7, 7).triu(1) > 0].mean().item())


def test_maps_without_a_peak_are_left_out_and_images_with_one_peak_do_not_count():
    peaks = torch.tensor([[[40, 40], [-1, -1], [76, 40]], [[5, 5], [-1, -1], [-1, -1]], [[-1, -1]] * 3])
    assert peak_separation(peaks).isnan().tolist() == [False, True, True]
    assert distinctiveness(peaks) == pytest.approx(2 / 3)


@pytest.mark.parametrize("peaks", [torch.zeros(0, 3, 2), torch.zeros(2, 1, 2), torch.zeros(2, 0, 2),
                                   torch.full((2, 3, 2), -1)])
def test_no_image_with_two_peaks_is_an_error(peaks):
    with pytest.raises(ValueError, match="two peaks"):
        distinctiveness(peaks)


def test_peaks_of_another_shape_and_regions_without_area_are_an_error():
    with pytest.raises(ValueError, match=r"\[N, K, 2\], got \[3, 2\]"):
        distinctiveness(torch.zeros(3, 2))
    with pytest.raises(ValueError, match="half_size is 0"):
        distinctiveness(torch.zeros(3, 2, 2), half_size=0)


@pytest.mark.parametrize("batch", [1, 7, 64])
@pytest.mark.parametrize("concepts", [4, 1100])
def test_any_split_into_batches_gives_the_pure_functions_value(batch, concepts):
    generator = torch.Generator().manual_seed(0)
    peaks, labels = torch.randint(224, (9, concepts, 2), generator=generator), torch.arange(9) % 3
    peaks[0, 1:] = -1
    metric = Distinctiveness(Protocol(half_size=20))
    for some in torch.arange(9).split(batch):
        nothing = torch.zeros(len(some), 0)
        metric.update(peaks[some].to(torch.int16), nothing, nothing, labels[some], nothing)
    assert metric.compute().item() == distinctiveness(peaks, half_size=20)
