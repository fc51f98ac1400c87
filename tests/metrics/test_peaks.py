"""Where a map's bicubic surface is highest."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn.functional import avg_pool2d, interpolate

from partbench.metrics import bicubic_cells, flat_maps, peak_search, peaks

NONE = [-1, -1]


def one_hot(size, row, column):
    maps = torch.zeros(1, 1, size, size)
    maps[0, 0, row, column] = 1
    return maps


def surface(maps, image_size=224):
    """Float64 [N, K, image_size, image_size], by torch's weights of each axis."""
    y, x = (interpolate(torch.eye(size, dtype=torch.float64)[None, None], size=(image_size, size), mode="bicubic",
                        align_corners=False)[0, 0] for size in maps.shape[2:])
    return y @ maps.double() @ x.T


def first_maximum(maps, image_size=224):
    """The first pixel (x, y) within 1e-9 of the map's range below the maximum of its float64 surface."""
    pixels = surface(maps, image_size).flatten(2)
    spans = maps.flatten(2).double().amax(2) - maps.flatten(2).double().amin(2)
    first = (pixels >= (pixels.amax(2) - 1e-9 * spans)[..., None]).to(torch.uint8).argmax(2)
    return torch.stack([first % image_size, first // image_size], -1)


def random_maps(kind, number, size, seed=0):
    """Maps [number, 1, size, size] of one kind."""
    generator = torch.Generator().manual_seed(seed)
    shape = number, 1, size, size
    uniform, normal = torch.rand(shape, generator=generator), torch.randn(shape, generator=generator)
    every = torch.arange(number)[:, None]
    place = torch.randint(size * size, (number, 3), generator=generator)
    border = torch.ones(size, size)
    border[1:-1, 1:-1] = 0
    coarse = interpolate(uniform[..., :size // 3 + 1, :size // 3 + 1].contiguous(), size=(size, size), mode="nearest")
    spots = torch.zeros(number, size * size)
    spots[every, place[:, :1 + seed % 3]] = 1
    return {
        "uniform": uniform,
        "normal": normal,
        "negative": normal - 50,
        "spots": spots.view(shape),
        "two levels": (uniform > 0.7).float(),
        "five levels": (5 * uniform).floor() / 5,
        "plateaus": (4 * coarse).round(),
        "border": uniform * border + normal.abs() * 0.1,
        "smooth": avg_pool2d(normal, 5, 1, 2),
        "attention": (4 * normal).flatten(2).softmax(2).view(shape),
        "on a pedestal": 1000 + 0.01 * uniform,
        "huge": 3e38 * (2 * uniform - 1),
    }[kind]


KINDS = ["uniform", "normal", "negative", "spots", "two levels", "five levels", "plateaus", "border", "smooth",
         "attention", "on a pedestal", "huge"]


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


@pytest.mark.parametrize("size", [7, 14, 16, 37])
@pytest.mark.parametrize("kind", KINDS)
def test_the_peak_is_the_first_maximum_of_the_float64_surface(kind, size):
    maps = random_maps(kind, 100, size)
    has_peak = ~flat_maps(maps)
    assert torch.equal(peaks(maps)[has_peak], first_maximum(maps)[has_peak])


@pytest.mark.slow
@pytest.mark.parametrize("size", [7, 14, 16, 37])
@pytest.mark.parametrize("kind", KINDS)
def test_a_million_peaks_are_right(kind, size):
    for seed in range(84):
        maps = random_maps(kind, 250, size, seed)
        has_peak = ~flat_maps(maps)
        assert torch.equal(peaks(maps)[has_peak], first_maximum(maps)[has_peak])


@settings(deadline=None)
@given(st.data(), st.integers(1, 6), st.integers(1, 6), st.integers(1, 40), st.sampled_from([1.0, 1e-4, 1e30]))
def test_any_shape_has_its_peak_on_any_canvas(data, height, width, image_size, scale):
    values = data.draw(arrays("float32", (2, 2, height, width), elements=st.integers(-2, 2)))
    maps = torch.from_numpy(values) * scale
    has_peak = ~flat_maps(maps)
    assert torch.equal(peaks(maps, image_size)[has_peak], first_maximum(maps, image_size)[has_peak])


def test_torchs_own_surfaces_are_no_higher_anywhere_but_for_rounding():
    maps = random_maps("uniform", 200, 14).view(20, 10, 14, 14)
    found = peaks(maps)
    at = (found[..., 1] * 224 + found[..., 0])[..., None]
    for dtype, rounding in ((torch.float32, 1e-6), (torch.float64, 1e-12)):
        pixels = interpolate(maps.to(dtype), size=(224, 224), mode="bicubic", align_corners=False).flatten(2)
        assert (pixels.amax(2) - pixels.gather(2, at)[..., 0]).max() < rounding


@pytest.mark.parametrize("near_constant", ["none", "score"])
def test_peaks_depend_neither_on_the_batch_nor_on_the_layout(near_constant):
    maps = torch.cat([random_maps(kind, 20, 14) for kind in KINDS] + [torch.full((20, 1, 14, 14), 0.3)], 1)
    whole = peaks(maps, near_constant=near_constant)
    for size in (1, 7, 64):
        parts = torch.cat([peaks(some, near_constant=near_constant) for some in maps.split(size)])
        assert torch.equal(parts, whole)
    assert torch.equal(peaks(maps.flip(0).flip(1), near_constant=near_constant).flip(0).flip(1), whole)
    assert torch.equal(peaks(maps.to(memory_format=torch.channels_last), near_constant=near_constant), whole)
    assert torch.equal(peaks(maps.double().requires_grad_(), near_constant=near_constant), whole)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(peaks(maps, near_constant=near_constant), whole)


@pytest.mark.parametrize("at_once", [1, 10**9])
def test_peaks_do_not_depend_on_how_many_maps_and_cells_are_searched_at_once(at_once, monkeypatch):
    maps = torch.cat([random_maps("five levels", 30, 7), random_maps("two levels", 30, 7)], 1)
    whole = peaks(maps)
    monkeypatch.setattr(bicubic_cells, "_BOUNDS", at_once)
    monkeypatch.setattr(bicubic_cells, "_VALUES", at_once)
    bicubic_cells.cells_of.cache_clear()
    assert torch.equal(peaks(maps), whole)
    bicubic_cells.cells_of.cache_clear()


def test_memory_does_not_grow_with_the_number_of_maps(monkeypatch):
    sizes = []
    search = peak_search._positions
    monkeypatch.setattr(peak_search, "_positions", lambda maps, *how: sizes.append(maps.untyped_storage().nbytes())
                        or search(maps, *how))
    for images in (4000, 16000):
        peaks(torch.rand(images, 3, 14, 14).bfloat16()[:, :2])  # without its last map: not in one row of memory
    assert len(sizes) > 10
    assert max(sizes) < 4e6


def test_a_flat_map_has_no_peak_unless_the_protocol_scores_it():
    flat = one_hot(7, 3, 3) * 1e-7 + 0.3
    assert peaks(flat).tolist() == [[NONE]]
    assert peaks(1000 + 1e-4 * one_hot(7, 3, 3)).tolist() == [[NONE]]
    assert peaks(one_hot(7, 3, 3) * 1e-5).tolist() == [[[111, 111]]]
    first = interpolate(flat, size=(224, 224), mode="bicubic", align_corners=False).argmax().item()
    assert peaks(flat, near_constant="score").tolist() == [[[first % 224, first // 224]]]


def test_flat_maps_are_those_that_only_score_gives_a_peak():
    maps = torch.cat([random_maps("uniform", 8, 7) * 10.0**-torch.arange(8).view(8, 1, 1, 1),
                      torch.full((8, 1, 7, 7), 0.3), torch.full((8, 1, 7, 7), torch.nan)], 1)
    flat = flat_maps(maps)
    assert flat.tolist() == [[power > 5, True, False] for power in range(8)]
    assert torch.equal(peaks(maps), torch.where(flat[..., None], -1, peaks(maps, near_constant="score")))


@pytest.mark.parametrize("near_constant", ["none", "score"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_map_that_is_not_finite_has_no_peak_and_spoils_no_other(value, near_constant):
    maps = torch.cat([one_hot(7, 3, 3), one_hot(7, 3, 3)], 1)
    maps[0, 0, 0, 0] = value
    assert peaks(maps, near_constant=near_constant).tolist() == [[NONE, [111, 111]]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.uint8, torch.int64, torch.bool])
def test_any_type_of_number_is_searched_as_float32(dtype):
    assert peaks(one_hot(16, 5, 9).to(dtype)).tolist() == [[[132, 76]]]


def test_no_maps_are_fine_and_wrong_input_is_named():
    assert peaks(torch.rand(0, 3, 7, 7)).shape == (0, 3, 2)
    assert peaks(torch.rand(4, 0, 7, 7)).shape == (4, 0, 2)
    assert flat_maps(torch.rand(0, 3, 7, 7)).shape == (0, 3)
    for search in (peaks, flat_maps):
        with pytest.raises(ValueError, match=r"N, K, h, w.*\[3, 7, 7\]"):
            search(torch.rand(3, 7, 7))
        with pytest.raises(ValueError, match="N, K, h, w"):
            search(torch.rand(1, 1, 0, 7))
    with pytest.raises(ValueError, match="image_size"):
        peaks(torch.rand(1, 1, 7, 7), image_size=0)
    with pytest.raises(ValueError, match="near_constant"):
        peaks(torch.rand(1, 1, 7, 7), near_constant="both")
