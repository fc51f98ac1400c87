import pytest
import torch

from partbench import metrics
from partbench.metrics import Protocol, empty_rate, stability

CLEAN = torch.tensor([[1, 0], [0, 0], [1, 1], [0, 1]]).bool()[:, None]
NOISY = torch.tensor([[1, 0], [0, 0], [1, 0], [1, 0]]).bool()[:, None]
LABELS, IDS = torch.zeros(4).long(), torch.zeros(4, 1).long()


def test_a_flip_to_another_part_is_a_change():
    assert stability(CLEAN, NOISY, LABELS, IDS) == 0.5


def test_draws_of_noise_are_averaged():
    assert stability(CLEAN, torch.stack([NOISY, CLEAN]), LABELS, IDS) == 0.75


def test_a_concept_that_hits_nothing_is_stable_but_not_active():
    nothing = torch.zeros(4, 1, 2).bool()
    assert stability(nothing, nothing, LABELS, IDS) == 1
    with pytest.raises(ValueError, match="some concept hits a part"):
        stability(nothing, nothing, LABELS, IDS, active_only=True)


def test_active_images_are_those_with_a_hit_in_the_clean_pass():
    assert stability(CLEAN, NOISY, LABELS, IDS, active_only=True) == pytest.approx(1 / 3)
    two = torch.cat([CLEAN, torch.zeros_like(CLEAN)], 1), torch.cat([NOISY, torch.zeros_like(NOISY)], 1)
    ids = torch.arange(2).repeat(4, 1)
    assert stability(*two, LABELS, ids) == 0.75
    assert stability(*two, LABELS, ids, active_only=True) == pytest.approx(1 / 3)  # the other pair is left out


def test_every_pair_weighs_the_same_however_many_images_it_has():
    labels = torch.tensor([0] * 4 + [1] * 6)
    clean = torch.ones(10, 1, 1).bool()
    noisy = clean.clone()
    noisy[:2] = False
    assert stability(clean, noisy, labels, torch.zeros(10, 1).long()) == 0.75


def test_the_empty_rate_is_the_share_of_concepts_that_hit_nothing():
    assert empty_rate(CLEAN) == 0.25
    assert empty_rate(torch.cat([CLEAN, torch.zeros_like(CLEAN)], 1)) == 0.625
    for hits in (CLEAN[:0], CLEAN[:, :0], CLEAN[0]):
        with pytest.raises(ValueError, match="at least one image"):
            empty_rate(hits)


@pytest.fixture
def seen():
    """Peaks of two concepts on four images, one of which never hits a part; and what is annotated."""
    keypoints, visible = torch.tensor([[20, 20], [200, 200]]).expand(4, 2, 2), torch.ones(4, 2).bool()
    peaks, noisy = torch.full((4, 2, 2), 110), torch.full((1, 4, 2, 2), 110)
    peaks[:, 0] = torch.tensor([[20, 20], [110, 110], [200, 200], [20, 20]])
    noisy[0, :, 0] = torch.tensor([[20, 20], [110, 110], [20, 20], [30, 10]])
    return peaks, noisy, keypoints, visible, LABELS, torch.arange(2).repeat(4, 1)


def test_stability_active_leaves_out_what_hits_nothing(seen):
    for name, score in (("Stability", (3 / 4 + 1) / 2), ("StabilityActive", 2 / 3)):
        metric = getattr(metrics, name)(Protocol())
        metric.update(*seen)
        assert metric.compute().item() == pytest.approx(score)
    metric = metrics.EmptyRate(Protocol())
    metric.update(seen[0], *seen[2:])
    assert metric.compute().item() == 5 / 8


def test_active_stability_of_nothing_is_undefined(seen):
    metric = metrics.StabilityActive(Protocol())
    metric.update(torch.full_like(seen[0], -1), *seen[1:])
    with pytest.raises(ValueError, match="some concept hits a part"):
        metric.compute()


def test_noisy_peaks_of_other_images_are_an_error(seen):
    with pytest.raises(ValueError, match=r"\[4, 2, 2\].*\[1, 3, 2, 2\]"):
        metrics.Stability(Protocol()).update(seen[0], seen[1][:, :3], *seen[2:])


def test_shapes_that_do_not_belong_together_are_an_error():
    with pytest.raises(ValueError, match="do not belong together"):
        stability(CLEAN, NOISY[:3], LABELS, IDS)
