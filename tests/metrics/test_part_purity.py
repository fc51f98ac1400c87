"""Purity by hand."""

import numpy as np
import pytest
import torch

from partbench.metrics import Protocol, Purity, concept_purity, purity

PARTS = torch.tensor([[50, 50], [100, 100], [150, 150]])


def scene(*concepts):
    """Tensors of images on which each concept peaks on the named part, by falling strength; None: on no part."""
    number, places = len(concepts[0]), [*PARTS.tolist(), [5, 200]]
    return {
        "peaks": torch.tensor([[places[-1 if part is None else part] for part in row]
                               for row in zip(*concepts, strict=True)]),
        "strengths": torch.linspace(2, 1, number)[:, None].repeat(1, len(concepts)),
        "keypoints": PARTS.expand(number, 3, 2),
        "visible": torch.ones(number, 3, dtype=torch.bool),
        "part_ids": torch.arange(len(concepts)).expand(number, -1),
    }


def test_the_share_of_patches_on_the_most_common_part_averaged_over_concepts():
    some = scene([0, 1, 1, 2], [2, 2, 2, 2], [None] * 4)
    assert concept_purity(**some).tolist() == [0.5, 1, 0]
    assert purity(**some) == 0.5


def test_only_the_strongest_patches_are_looked_at():
    some = scene([0] * 3 + [1] * 9)
    assert [purity(**some, images=images) for images in (1, 3, 4, 6, 10, 12, 50)] == pytest.approx(
        [1, 1, 3 / 4, 1 / 2, 7 / 10, 9 / 12, 9 / 12])


def test_equal_strengths_share_the_last_places():
    some = scene([0, 1, 1, 2])
    some["strengths"][1:] = 1.0  # one patch is first; three, two of them on part 1, share one place
    assert purity(**some, images=2) == pytest.approx(1 / 2)
    assert purity(**some, images=3) == pytest.approx((2 * 2 / 3) / 3)


def test_the_order_of_the_images_does_not_matter():
    generator = torch.Generator().manual_seed(0)
    some = scene(*torch.randint(3, (4, 40), generator=generator).tolist())
    some["strengths"] = torch.randint(5, (40, 4), generator=generator).float()
    mixed = {name: value[torch.randperm(40, generator=torch.Generator().manual_seed(1))]
             for name, value in some.items()}
    assert concept_purity(**mixed).tolist() == pytest.approx(concept_purity(**some).tolist())
    assert purity(**{**some, "strengths": some["strengths"].double()}) == purity(**some)


def test_a_patch_reaches_half_its_side_from_the_peak_both_ends_inclusive():
    some = scene([0])
    for reach, expected in ((16, 1), (17, 0)):
        some["peaks"] = (PARTS[0] + torch.tensor([reach, -reach])).view(1, 1, 2)
        assert purity(**some) == expected


def test_a_part_that_is_not_shown_is_in_no_patch():
    some = scene([0, 0])
    some["visible"] = torch.tensor([[False, True, True], [True, True, True]])
    assert purity(**some) == 0.5


def test_a_map_without_a_peak_has_no_patch_and_a_concept_without_one_scores_0():
    some = scene([0, 0, 1], [2, 2, 2])
    some["peaks"][:2, 0], some["peaks"][:, 1] = -1, -1
    some["strengths"][:2, 0] = float("nan")
    assert concept_purity(**some).tolist() == [1, 0]


def test_a_broken_strength_is_an_error():
    some = scene([0, 0])
    some["strengths"][1] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        purity(**some)


@pytest.mark.parametrize("empty", [
    {name: value[:0] for name, value in scene([0]).items()},
    {**scene([0]), "keypoints": torch.zeros(1, 0, 2), "visible": torch.zeros(1, 0)},
    {**scene([0]), "images": 0},
])
def test_nothing_to_look_at_is_an_error(empty):
    with pytest.raises(ValueError, match="at least one"):
        purity(**empty)


@pytest.mark.parametrize("name", ["peaks", "strengths", "keypoints", "visible", "part_ids"])
def test_tensors_that_do_not_belong_together_are_an_error(name):
    some = scene([0, 1], [1, 2])
    with pytest.raises(ValueError, match="belong together"):
        purity(**{**some, name: some[name][:1]})


def fed(some, labels, batch, protocol=None):
    metric = Purity(protocol or Protocol())
    for rows in torch.arange(len(labels)).split(batch):
        rest = [some[name][rows] for name in ("peaks", "strengths", "keypoints", "visible")]
        metric.update(*rest, labels[rows], some["part_ids"][rows])
    return metric


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_any_split_into_batches_gives_the_pure_functions_value(batch):
    some = scene(*torch.randint(3, (4, 40), generator=torch.Generator().manual_seed(0)).tolist())
    metric = fed(some, torch.arange(40) % 5, batch, Protocol(purity_images=7, purity_side=20))
    assert metric.compute().item() == purity(**some, images=7, side=20)


def test_the_interval_draws_concepts_where_they_are_shared_and_classes_where_they_are_not():
    labels = torch.tensor([0, 0, 1, 1])
    some = scene([0, 1, 1, 2], [2, 2, 2, 2], [None] * 4)
    units, statistic = fed(some, labels, 4).resampling()
    assert units == 3
    assert statistic(np.array([[1, 1, 1], [2, 0, 1], [0, 0, 3.0]])) == pytest.approx([0.5, 1 / 3, 0])
    some["part_ids"] = some["part_ids"] + 3 * labels[:, None]  # of the first class 1/2, 1, 0; of the second the same
    some["peaks"][2:] = PARTS[0]
    units, statistic = fed(some, labels, 4).resampling()
    assert units == 2
    assert statistic(np.eye(2)) == pytest.approx([0.5, 1])
