import pytest
import torch
from torch.nn.functional import interpolate

from partbench.metrics import peaks

NONE = [-1, -1]


def one_hot(size, row, column):
    maps = torch.zeros(1, 1, size, size)
    maps[0, 0, row, column] = 1
    return maps


@pytest.mark.parametrize(("size", "expected"), [
    (7, {0: 5, 1: 47, 2: 79, 3: 111, 4: 143, 5: 175, 6: 218}),
    (14, {0: 2, 13: 221} | {row: 16 * row + 7 for row in range(1, 13)}),
    (16, {0: 2, 1: 20, 14: 202, 15: 221} | {row: 14 * row + 6 for row in range(2, 14)}),
    (37, {0: 0, 36: 223}),
])
def test_a_single_cell_peaks_where_the_reference_says(size, expected):
    for row, pixel in expected.items():
        assert peaks(one_hot(size, row, size // 2))[0, 0, 1] == pixel


def test_a_peak_is_x_then_y():
    assert peaks(one_hot(16, 5, 9)).tolist() == [[[132, 76]]]


def test_two_neighbouring_cells_of_095_beat_a_lone_one():
    maps = one_hot(7, 1, 1)
    maps[0, 0, 4, 4] = maps[0, 0, 4, 5] = 0.95
    assert peaks(maps).tolist() == [[[159, 143]]]


def test_the_peak_is_the_first_maximum_of_torchs_surface():
    maps = torch.rand(60, 5, 9, 12, generator=torch.Generator().manual_seed(0))
    surface = interpolate(maps, size=(64, 64), mode="bicubic", align_corners=False)
    first = surface.flatten(2).argmax(2)
    assert torch.equal(peaks(maps, image_size=64), torch.stack([first % 64, first // 64], -1))


@pytest.mark.parametrize("chunk", [1, 10**9])
def test_many_maps_are_searched_in_pieces(chunk, monkeypatch):
    maps = torch.rand(7, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    whole = peaks(maps)
    monkeypatch.setattr("partbench.metrics.peak_search._SURFACE_PIXELS", chunk)
    assert torch.equal(peaks(maps), whole)


def test_a_flat_map_has_no_peak_unless_the_protocol_scores_it():
    flat = one_hot(7, 3, 3) * 1e-7 + 0.3
    assert peaks(flat).tolist() == [[NONE]]
    assert peaks(1000 + 1e-4 * one_hot(7, 3, 3)).tolist() == [[NONE]]
    assert peaks(one_hot(7, 3, 3) * 1e-5).tolist() == [[[111, 111]]]
    assert peaks(flat, near_constant="score").tolist() != [[NONE]]


@pytest.mark.parametrize("near_constant", ["none", "score"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_map_that_is_not_finite_has_no_peak_and_spoils_no_other(value, near_constant):
    maps = torch.cat([one_hot(7, 3, 3), one_hot(7, 3, 3)], 1)
    maps[0, 0, 0, 0] = value
    assert peaks(maps, near_constant=near_constant).tolist() == [[NONE, [111, 111]]]


def test_half_precision_and_no_maps_are_fine_and_wrong_shapes_are_not():
    assert peaks(one_hot(16, 5, 9).bfloat16()).tolist() == [[[132, 76]]]
    assert peaks(torch.rand(0, 3, 7, 7)).shape == (0, 3, 2)
    with pytest.raises(ValueError, match="N, K, h, w"):
        peaks(torch.rand(3, 7, 7))
