import pytest
import torch

from partbench.metrics import stability

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


def test_shapes_that_do_not_belong_together_are_an_error():
    with pytest.raises(ValueError, match="do not belong together"):
        stability(CLEAN, NOISY[:3], LABELS, IDS)
