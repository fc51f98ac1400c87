import pytest
import torch

from partbench.metrics import Protocol, noisy

PROTOCOL = Protocol()
IMAGES = torch.zeros(4, 3, 64, 64)
IDS = ["a", "b", "c", "d"]


def test_noise_depends_on_image_and_draw_and_not_on_the_batch():
    whole = noisy(IMAGES, IDS, 1, PROTOCOL)
    assert torch.equal(whole[2:3], noisy(IMAGES[2:3], IDS[2:3], 1, PROTOCOL))
    assert not torch.equal(whole[0], whole[1])
    assert not torch.equal(whole, noisy(IMAGES, IDS, 0, PROTOCOL))
    assert not torch.equal(whole, noisy(IMAGES, IDS, 1, Protocol(noise_seed=1)))


def test_noise_has_the_strength_of_the_reference_and_leaves_the_global_generator_alone():
    state = torch.get_rng_state()
    noise = noisy(IMAGES, IDS, 0, PROTOCOL)
    assert torch.equal(state, torch.get_rng_state())
    assert noise.abs().max() == 0.25
    assert noise.std().item() == pytest.approx(0.1628, abs=2e-3)
    assert (noise.abs() == 0.25).float().mean().item() == pytest.approx(0.211, abs=5e-3)


def test_every_image_needs_an_id():
    with pytest.raises(ValueError, match="as many ids"):
        noisy(IMAGES, IDS[:3], 0, PROTOCOL)
