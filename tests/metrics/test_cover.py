"""Comprehensiveness by hand."""

import pytest
import torch

from partbench.metrics import Comprehensiveness, Protocol, comprehensiveness, part_cover

NAN, INF = float("nan"), float("inf")
MASK = torch.tensor([[1, 1, 0], [1, 0, 0]]).bool()[None]


def cells(*values):
    """Maps [1, K, 2, 3], one for each dictionary of (row, column) to value."""
    maps = torch.zeros(1, len(values), 2, 3)
    for k, some in enumerate(values):
        for (row, column), value in some.items():
            maps[0, k, row, column] = value
    return maps


def test_the_union_of_what_the_maps_cover_is_held_against_the_object():
    maps = cells({(0, 0): 1.0}, {(0, 1): 8.0, (1, 2): 8.0})
    assert part_cover(maps, MASK).tolist() == [2 / 4]
    assert part_cover(cells({(0, 0): 1, (0, 1): 1, (1, 0): 1}), MASK).tolist() == [1]


def test_the_threshold_is_a_share_of_each_maps_own_range_and_inclusive():
    maps = cells({(0, 0): 4.0, (0, 1): 3.0, (1, 1): 2.0}) - 9
    assert part_cover(maps, MASK, threshold=0.75).tolist() == [2 / 3]
    assert part_cover(maps, MASK, threshold=0.5).tolist() == [2 / 4]
    assert part_cover(maps, MASK, threshold=0.76).tolist() == [1 / 3]


def test_only_the_strongest_maps_count():
    maps = cells({(1, 2): 0.1}, {(0, 0): 0.9}, {(0, 1): 0.8}, {(1, 0): 0.7})
    assert [part_cover(maps, MASK, count).item() for count in (1, 2, 3, 4, 9)] == [1 / 3, 2 / 3, 1, 3 / 4, 3 / 4]


def test_flat_and_broken_maps_cover_nothing():
    flat = torch.full((1, 1, 2, 3), 0.3)
    flat[0, 0, 0, 0] += 1e-7
    assert part_cover(flat, MASK).tolist() == [0]
    for broken in (NAN, INF, -INF):
        some = cells({(0, 0): broken}, {(0, 0): 1.0, (0, 1): 1.0})
        assert part_cover(some, MASK, maps=1).tolist() == [2 / 3]  # nor do they take a place among the strongest


def test_maps_are_enlarged_to_the_mask_and_the_range_is_that_of_the_surface():
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[0, :, :2] = True
    # Bilinear, half a cell at each end: 1, .75, .25, 0 in every row.
    assert part_cover(torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]]), mask).tolist() == [1]


def test_an_image_without_object_is_not_counted():
    masks = torch.cat([MASK, torch.zeros_like(MASK)])
    maps = cells({(0, 0): 1.0}).expand(2, 1, 2, 3)
    cover = part_cover(maps, masks)
    assert cover.isnan().tolist() == [False, True]
    assert comprehensiveness(maps, masks) == cover[0]
    with pytest.raises(ValueError, match="object mask"):
        comprehensiveness(maps[1:], masks[1:])
    with pytest.raises(ValueError, match="object mask"):
        comprehensiveness(maps[:0], masks[:0])


@pytest.mark.parametrize(("maps", "masks", "more", "message"), [
    ((2, 3, 4, 4), (1, 4, 4), {}, "belong together"),
    ((3, 4, 4), (1, 4, 4), {}, "belong together"),
    ((1, 0, 4, 4), (1, 4, 4), {}, "at least one map"),
    ((1, 3, 4, 4), (1, 4, 4), {"maps": 0}, "at least one map"),
    ((1, 3, 4, 4), (1, 4, 4), {"threshold": 1.0}, "threshold"),
])
def test_what_cannot_be_covered_is_an_error(maps, masks, more, message):
    with pytest.raises(ValueError, match=message):
        part_cover(torch.rand(maps), torch.ones(masks), **more)


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_any_split_into_batches_and_either_precision_give_the_same(batch):
    generator = torch.Generator().manual_seed(0)
    maps, masks = torch.randn(20, 6, 7, 7, generator=generator), torch.rand(20, 30, 30, generator=generator) < 0.4
    masks[3] = False
    labels = torch.arange(20) % 4
    metric = Comprehensiveness(Protocol())
    for some in torch.arange(20).split(batch):
        metric.update(part_cover(maps[some].double(), masks[some]), labels[some])
    assert metric.compute().item() == comprehensiveness(maps, masks)
    assert len(metric.image_values()[0]) == 19
