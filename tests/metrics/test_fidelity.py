import pytest
import torch
from scipy.ndimage import gaussian_filter

from partbench.metrics import Protocol, auc, blurred, fidelity_subset, perturbation_curve, substrate, upsample_saliency
from partbench.metrics.substrates import blur, blur_profile

IMAGE = torch.tensor([[[4.0, 3], [2, 1]]]).repeat(3, 1, 1)
SALIENCY = torch.tensor([[0.9, 0.1], [0.5, 0.3]])


def pixel_sum(images):
    """A 'model' whose probability of class 1 is the sum of the first channel's pixels over ten."""
    score = images[:, 0].sum((1, 2)) / 10
    return torch.stack([1 - score, score], 1)


def curve(**options):
    return perturbation_curve(pixel_sum, IMAGE, SALIENCY, 1, substrate=torch.zeros_like(IMAGE), **options)


def close(values, expected):
    return torch.allclose(values, torch.tensor(expected), atol=1e-6)


def test_the_area_is_the_trapezoid_of_equal_widths():
    assert auc(torch.tensor([[1, 0.5, 0.25, 0, 0], [0, 0.5, 0.75, 1, 1]])).tolist() == [0.3125, 0.6875]


@pytest.mark.parametrize("step", [{"step_pixels": 1}, {"steps": 4}])
def test_pixels_go_one_by_one_the_most_salient_first(step):
    deletion, insertion = curve(**step), curve(**step, mode="insertion")
    assert close(deletion, [1, 0.6, 0.4, 0.3, 0])
    assert close(insertion, [0, 0.4, 0.6, 0.7, 1])
    assert close(auc(torch.stack([deletion, insertion])), [0.45, 0.55])


def test_a_shorter_last_step_is_as_wide_as_the_others():
    deletion, insertion = curve(step_pixels=3), curve(step_pixels=3, mode="insertion")
    assert close(deletion, [1, 0.3, 0])
    assert close(insertion, [0, 0.7, 1])
    assert close(auc(torch.stack([deletion, insertion])), [0.4, 0.6])


def test_steps_beyond_a_batch_and_beyond_the_pixels_make_one_curve():
    assert len(curve(steps=200)) == 201
    assert curve(steps=200)[[0, -1]].tolist() == [1, 0]


@pytest.mark.parametrize("saliency", [torch.ones(2, 2), torch.tensor([[0, float("nan")], [5, 1]]),
                                      torch.tensor([[0, 1], [2, float("inf")]])])
def test_without_a_usable_ranking_pixels_go_in_raster_order(saliency):
    values = perturbation_curve(pixel_sum, IMAGE, saliency, 1, steps=4)
    assert close(values, [1, 0.6, 0.3, 0.1, 0])


def test_ties_go_in_raster_order_on_large_maps_too():
    cells = torch.zeros(1, 64, 64)
    cells[0, 32:] = 1
    image = torch.arange(64.0 * 64).view(1, 64, 64).repeat(3, 1, 1)
    first = perturbation_curve(lambda images: (images[:, 0] == 0).flatten(1).float(), image, cells[0], 64 * 33 + 5,
                               step_pixels=1)
    assert first[:70].tolist() == [0.0] * 70  # the second row of the salient half has not had its turn
    assert first[64 + 5 + 1] == 1


def test_insertion_starts_from_the_blurred_image_and_ends_with_the_image():
    image = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))
    seen = []
    perturbation_curve(lambda batch: seen.append(batch) or torch.zeros(len(batch), 1), image, torch.rand(16, 16), 0,
                       steps=2, mode="insertion")
    assert torch.equal(seen[0][0], blur(image[None])[0])
    assert torch.equal(seen[0][-1], image)


def test_the_blur_kernel_is_rises():
    kernel = torch.outer(*[blur_profile(11, 5.0)] * 2)
    assert kernel.sum().item() == pytest.approx(1)
    assert kernel[5, 5].item() == pytest.approx(0.0088326, abs=5e-8)
    assert kernel[0, 5].item() == pytest.approx(0.0082665, abs=5e-8)
    assert kernel[0, 0].item() == pytest.approx(0.0077366, abs=5e-8)


@pytest.mark.parametrize(("size", "sigma"), [(11, 5.0), (25, 11.56), (5, 0.7), (1, 0.1)])
def test_the_blur_kernel_equals_scipys_filtered_impulse(size, sigma):
    impulse = torch.zeros(size, dtype=torch.float64)
    impulse[size // 2] = 1
    expected = torch.from_numpy(gaussian_filter(impulse.numpy(), sigma))
    assert torch.allclose(blur_profile(size, sigma), expected, atol=1e-12)


def test_zero_padding_darkens_the_border_and_reflection_does_not():
    white = torch.ones(1, 3, 224, 224)
    dark = blur(white)
    assert dark[0, 0, 0, 0].item() == pytest.approx(0.299, abs=5e-4)
    assert dark[0, 0, 0, 112].item() == pytest.approx(0.547, abs=5e-4)
    assert torch.allclose(blurred(white, Protocol()), white, atol=1e-5)
    assert torch.allclose(blurred(white, Protocol(insertion_substrate="blur_zero")), dark)


def test_the_blur_grows_with_the_image():
    point = torch.zeros(1, 1, 518, 518)
    point[..., 259, 259] = 1
    assert (blurred(point, Protocol()) > 0).sum() == 25 * 25
    assert blurred(torch.rand(1, 3, 8, 8), Protocol()).shape == (1, 3, 8, 8)


def test_the_deletion_substrate_is_one_colour_whatever_the_normalisation():
    images, half = torch.rand(2, 3, 4, 4), (0.5, 0.5, 0.5)
    grey = substrate(images, "deletion", Protocol(), half, half) * 0.5 + 0.5
    assert torch.allclose(grey, torch.tensor([0.485, 0.456, 0.406])[:, None, None].expand_as(images))
    assert not substrate(images, "deletion", Protocol(deletion_substrate="zeros"), half, half).any()
    assert torch.equal(substrate(images, "insertion", Protocol(), half, half), blurred(images, Protocol()))


def test_saliency_is_enlarged_bilinearly():
    assert upsample_saliency(torch.tensor([[[0.0, 1.0]]]), 4)[0, 0].tolist() == [0, 0.25, 0.75, 1]


@pytest.mark.parametrize("options", [{"mode": "erase"}, {"steps": 0}, {"step_pixels": 0}])
def test_an_impossible_curve_is_an_error(options):
    with pytest.raises(ValueError, match=r"mode|step"):
        curve(**options)
    with pytest.raises(ValueError, match="do not belong together"):
        perturbation_curve(pixel_sum, IMAGE, torch.rand(3, 3), 1)


def test_the_subset_is_fixed_spread_over_classes_and_blind_to_order():
    ids, labels = [f"image {i}" for i in range(60)], [i % 4 for i in range(57)] + [4, 4, 4]
    few = fidelity_subset(ids, labels, Protocol(fidelity_images=20))
    assert sorted(labels[i] for i in few).count(4) == 3
    assert max(sum(labels[i] == c for i in few) for c in range(4)) == 5
    backwards = fidelity_subset(ids[::-1], labels[::-1], Protocol(fidelity_images=20))
    assert {ids[i] for i in few} == {ids[::-1][i] for i in backwards}
    assert few != fidelity_subset(ids, labels, Protocol(fidelity_images=20, fidelity_seed=1))
    assert fidelity_subset(ids, labels, Protocol()) == list(range(60))
