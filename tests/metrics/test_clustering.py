import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from torch.nn.functional import interpolate

from partbench.metrics import ari, nmi, part_assignment


@pytest.mark.parametrize(("true", "predicted", "information", "rand"), [
    ([0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 1, 2], 0.739667, 0.444444),
    ([0, 0, 1, 1, 2, 2], [2, 2, 0, 0, 1, 1], 1, 1),
    ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2], 0.515804, 0.242424),
    ([0, 0, 1, 1], [0, 1, 0, 1], 0, -0.5),
    ([0, 0, 1, 1], [0, 0, 0, 0], 0, 0),
    ([0, 0, 0, 0], [1, 1, 1, 1], 1, 1),
    ([0, 1, 2, 3], [0, 0, 1, 1], 0.666667, 0),
])
def test_worked_examples(true, predicted, information, rand):
    true, predicted = torch.tensor(true), torch.tensor(predicted)
    assert nmi(true, predicted) == pytest.approx(information, abs=1e-6)
    assert ari(true, predicted) == pytest.approx(rand, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-2, 4), st.integers(0, 5)), min_size=1, max_size=40))
def test_both_equal_scikit_learns(pairs):
    true, predicted = (torch.tensor(labels) for labels in zip(*pairs, strict=True))
    assert nmi(true, predicted) == pytest.approx(normalized_mutual_info_score(true, predicted), abs=1e-9)
    assert ari(true, predicted) == pytest.approx(adjusted_rand_score(true, predicted), abs=1e-9)


def test_both_equal_scikit_learns_on_many_elements():
    generator = torch.Generator().manual_seed(0)
    true = torch.randint(15, (100_000,), generator=generator)
    predicted = (true + torch.randint(6, true.shape, generator=generator)) % 11
    assert nmi(true, predicted) == pytest.approx(normalized_mutual_info_score(true, predicted), abs=1e-9)
    assert ari(true, predicted) == pytest.approx(adjusted_rand_score(true, predicted), abs=1e-9)


def test_nothing_to_compare_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        nmi(torch.zeros(0), torch.zeros(0))


@pytest.mark.parametrize(("grid", "size"), [((7, 7), 224), ((16, 12), 100), ((37, 37), 30)])
def test_assignment_equals_the_argmax_of_the_enlarged_maps(grid, size):
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(4, 6, *grid, generator=generator).softmax(1)
    keypoints = torch.rand(4, 50, 2, generator=generator) * size
    surface = interpolate(maps, size=(size, size), mode="bilinear", align_corners=False)
    x, y = keypoints.long().unbind(-1)
    expected = torch.stack([image[:, v, u].argmax(0) for image, u, v in zip(surface, x, y, strict=True)])
    visible = torch.ones(4, 50).bool()
    assert torch.equal(part_assignment(maps[:, :-1], maps[:, -1], keypoints, visible, size), expected)


def test_assignment_is_minus_one_where_nothing_can_be_assigned():
    maps = torch.zeros(1, 2, 4, 4)
    keypoints = torch.tensor([[[0.0, 0.0], [7.9, 7.9], [8.0, 1.0], [1.0, -0.1], [float("nan"), 1.0], [3.0, 3.0]]])
    visible = torch.tensor([[True, True, True, True, False, False]])
    assert part_assignment(maps, None, keypoints, visible, 8).tolist() == [[0, 0, -1, -1, -1, -1]]
    assert part_assignment(maps, torch.ones(1, 4, 4), keypoints, visible, 8).tolist() == [[2, 2, -1, -1, -1, -1]]
