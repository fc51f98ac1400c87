import pytest
import torch

from partbench.metrics import consistency, consistency_gain, part_hits
from partbench.metrics.part_consistency_gain import derangement


@pytest.fixture
def birds():
    """Six images of each of five classes, four keypoints, one of them steady enough for a constant peak."""
    generator = torch.Generator().manual_seed(0)
    keypoints = torch.randint(0, 225, (30, 4, 2), generator=generator)
    keypoints[:, 0] = 112 + keypoints[:, 0] % 30
    visible = torch.rand(30, 4, generator=generator) < 0.8
    return keypoints, visible, torch.arange(5).repeat(6)


@pytest.mark.parametrize("rule", ["pair", "global"])
@pytest.mark.parametrize("seed", range(3))
def test_peaks_that_ignore_the_image_gain_exactly_nothing(birds, rule, seed):
    keypoints, visible, labels = birds
    peaks, ids = torch.tensor([[[120, 120], [3, 9], [111, 130]]]).expand(30, -1, -1), torch.arange(3).expand(30, -1)
    assert consistency(part_hits(peaks, keypoints, visible), visible, labels, ids, rule=rule) > 0
    assert consistency_gain(peaks, keypoints, visible, labels, ids, seed, rule=rule) == 0


def test_peaks_that_know_only_the_class_gain_exactly_nothing(birds):
    keypoints, visible, labels = birds
    peaks = (labels * 20 + 60)[:, None, None].expand(-1, 1, 2)
    assert consistency_gain(peaks, keypoints, visible, labels, labels[:, None]) == 0


def test_peaks_that_follow_a_moving_part_keep_their_score():
    places = torch.tensor([[20, 20], [200, 20], [20, 200], [200, 200], [110, 110]])
    keypoints, labels = places.repeat(2, 1)[:, None], torch.arange(2).repeat_interleave(5)
    visible, ids = torch.ones(10, 1).bool(), torch.zeros(10, 1).long()
    assert consistency_gain(keypoints, keypoints, visible, labels, ids) == 1


def test_a_class_with_one_image_is_left_out(birds):
    keypoints, visible, labels = birds
    peaks, ids = keypoints[:, :2].clamp(max=223), torch.arange(2).expand(30, -1)
    gain = consistency_gain(peaks, keypoints, visible, labels, ids)
    lone = [torch.cat([value, value[:1]]) for value in (peaks, keypoints, visible)]
    assert consistency_gain(*lone, torch.cat([labels, torch.tensor([99])]), torch.cat([ids, ids[:1]])) == gain


def test_no_class_with_two_images_is_an_error():
    with pytest.raises(ValueError, match="at least two images"):
        consistency_gain(torch.zeros(2, 1, 2), torch.zeros(2, 1, 2), torch.ones(2, 1), torch.arange(2),
                         torch.zeros(2, 1).long())


def test_a_derangement_gives_every_image_the_peaks_of_another_of_its_class():
    labels = torch.randint(6, (60,), generator=torch.Generator().manual_seed(3))
    for draw in range(10):
        source = derangement(labels, 0, draw)
        assert torch.equal(labels[source], labels)
        assert torch.equal(source.sort()[0], torch.arange(60))
        assert (source != torch.arange(60)).all()


def test_derangements_are_seeded_and_uniform_over_cycles():
    labels = torch.zeros(4).long()
    drawn = [tuple(derangement(labels, 0, draw).tolist()) for draw in range(600)]
    assert drawn[0] == tuple(derangement(labels, 0, 0).tolist())
    counts = {cycle: drawn.count(cycle) for cycle in set(drawn)}
    assert len(counts) == 6  # 3! cyclic orders of four images
    assert min(counts.values()) > 70
