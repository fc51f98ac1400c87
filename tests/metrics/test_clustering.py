import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from partbench import metrics
from partbench.metrics import Protocol, ari, nmi, pair_counts


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


def scikit_learns(metric, true, predicted):
    score = adjusted_rand_score if isinstance(metric, metrics.ARI) else normalized_mutual_info_score
    return pytest.approx(score(true, predicted), abs=1e-9)


@pytest.fixture
def pixels():
    """Annotated and assigned part of 2,000 pixels on each of 30 images, some not scored; and labels."""
    generator = torch.Generator().manual_seed(0)
    true = torch.randint(-1, 7, (30, 2000), generator=generator)
    assigned = (true // 2 + torch.randint(3, true.shape, generator=generator)) - 1
    return true, assigned, torch.randint(6, (30,), generator=generator)


@pytest.mark.parametrize("accumulator", [metrics.NMI, metrics.ARI])
@pytest.mark.parametrize("batch", [1, 7, 30])
def test_pixels_are_streamed_whether_counted_before_or_not(accumulator, batch, pixels):
    true, assigned, labels = pixels
    streamed, counted = accumulator(Protocol()), accumulator(Protocol())
    for some in torch.arange(30).split(batch):
        streamed.update(assigned[some], labels[some], true[some])
        parts, found, counts = pair_counts(true[some], assigned[some])
        counted.update(found, labels[some], parts, counts)
    scored = (true >= 0) & (assigned >= 0)
    assert streamed.compute() == scikit_learns(streamed, true[scored], assigned[scored])
    assert counted.compute() == streamed.compute()
    assert counted.interval(resamples=50) == streamed.interval(resamples=50)
    assert sum(state.numel() for state in streamed.cells) < true.numel() / 10  # tables, never pixels


@pytest.mark.slow
@pytest.mark.parametrize("accumulator", [metrics.NMI, metrics.ARI])
def test_ten_million_pixels_equal_scikit_learns(accumulator):
    generator = torch.Generator().manual_seed(0)
    true = torch.randint(41, (200, 50_000), generator=generator)
    assigned = true // 2 + torch.randint(3, true.shape, generator=generator)
    metric = accumulator(Protocol())
    for some in torch.arange(200).split(16):
        metric.update(assigned[some], some, true[some])
    assert metric.compute() == scikit_learns(metric, true.flatten(), assigned.flatten())


def test_without_annotated_parts_a_column_is_one():
    assignment, labels = torch.tensor([[0, 1, -1], [0, 2, 1]]), torch.tensor([0, 1])
    metric, same = metrics.NMI(Protocol()), metrics.NMI(Protocol())
    metric.update(assignment, labels)
    same.update(assignment, labels, torch.arange(3).expand(2, 3))
    assert metric.compute() == same.compute() == pytest.approx(nmi(torch.tensor([0, 1, 0, 1, 2]),
                                                                   torch.tensor([0, 1, 0, 2, 1])), abs=1e-12)


def test_pairs_are_counted_image_by_image_and_filled_up():
    true = torch.tensor([[0, 0, 1, -1], [2, 2, 2, 2]])
    assigned = torch.tensor([[1, 1, 0, 0], [3, 3, 3, -1]])
    parts, found, counts = pair_counts(true, assigned)
    assert parts.tolist() == [[0, 1], [2, -1]]
    assert found.tolist() == [[1, 0], [3, -1]]
    assert counts.tolist() == [[2, 1], [3, 0]]
    assert [value.shape for value in pair_counts(-torch.ones(2, 3).long(), true[:, :3])] == [(2, 0)] * 3
    assert [value.shape for value in pair_counts(true[:0], true[:0])] == [(0, 0)] * 3


def test_nothing_scored_is_an_error():
    for images in (torch.full((2, 3), -1), torch.zeros(2, 0).long()):
        metric = metrics.NMI(Protocol())
        metric.update(images, torch.tensor([0, 1]))
        with pytest.raises(ValueError, match="visible keypoint"):
            metric.compute()


def test_wrong_shapes_are_errors_that_name_them():
    metric = metrics.ARI(Protocol())
    with pytest.raises(ValueError, match=r"\[2, 3\].*\[2, 4\]"):
        pair_counts(torch.zeros(2, 3).long(), torch.zeros(2, 4).long())
    with pytest.raises(ValueError, match=r"\[2, 3\].*\[3\]"):
        metric.update(torch.zeros(2, 3).long(), torch.zeros(3).long())
    with pytest.raises(ValueError, match=r"\[2, 3\].*\[2, 1\]"):
        metric.update(torch.zeros(2, 3).long(), torch.zeros(2).long(), torch.zeros(2, 3).long(), torch.ones(2, 1))
