import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from partbench.metrics import best_constant_peak, centre_peak, consistency, part_hits, random_peaks


def test_random_peaks_are_seeded_and_on_the_canvas():
    drawn = random_peaks(500, 4, 0, 50)
    assert drawn.shape == (500, 4, 2)
    assert (drawn.min(), drawn.max()) == (0, 49)
    assert torch.equal(drawn, random_peaks(500, 4, 0, 50))
    assert not torch.equal(drawn, random_peaks(500, 4, 1, 50))


def test_the_centre_is_the_middle_of_the_canvas():
    assert centre_peak(224) == (112, 112)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 6), st.integers(1, 2))
def test_the_best_constant_peak_is_found_as_by_trying_every_position(seed, half_size, min_visible):
    generator = torch.Generator().manual_seed(seed)
    size, count = 12, 9
    keypoints = torch.randint(-2, size + 3, (count, 3, 2), generator=generator)
    visible, labels = torch.rand(count, 3, generator=generator) < 0.7, torch.arange(count) % 3
    ids = torch.zeros(count, 1).long()

    def score(x, y):
        hits = part_hits(torch.tensor([x, y]).expand(count, 1, 2), keypoints, visible, half_size, size)
        return consistency(hits, visible, labels, ids, 0.6, min_visible=min_visible)

    tried = {(x, y): score(x, y) for y in range(size) for x in range(size)}
    best, value = best_constant_peak(keypoints, visible, labels, half_size, size, 0.6, min_visible)
    assert value == pytest.approx(max(tried.values()))
    assert best == next(place for place, at in tried.items() if at == pytest.approx(value))


def test_no_image_is_an_error():
    with pytest.raises(ValueError, match="at least one image"):
        best_constant_peak(torch.zeros(0, 1, 2), torch.zeros(0, 1), torch.zeros(0))
