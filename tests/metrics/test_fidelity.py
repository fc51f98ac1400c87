import numpy as np
import pytest
import torch
from scipy.ndimage import convolve, gaussian_filter

from partbench import metrics
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


def rise(model, image, saliency, mode, step):
    """The rules of RISE's evaluation, one picture after the other: its scores and their area."""
    impulse = np.zeros((11, 11))
    impulse[5, 5] = 1
    kernel = gaussian_filter(impulse, 5)
    blurry = np.stack([convolve(channel, kernel, mode="constant") for channel in image])
    picture, finish = (image.copy(), np.zeros_like(image)) if mode == "deletion" else (blurry, image)
    order = np.argsort(-saliency, axis=None, kind="stable")
    scores = [model(picture)]
    for first in range(0, saliency.size, step):
        for y, x in zip(*np.unravel_index(order[first:first + step], saliency.shape), strict=True):
            picture[:, y, x] = finish[:, y, x]
        scores.append(model(picture))
    return scores, (sum(scores) - scores[0] / 2 - scores[-1] / 2) / (len(scores) - 1)


@pytest.mark.parametrize("mode", ["deletion", "insertion"])
@pytest.mark.parametrize("step", [56, 56 * 8 + 3])
def test_curves_are_rises(mode, step):
    generator = torch.Generator().manual_seed(0)
    image, weight = torch.randn(3, 56, 56, generator=generator), torch.randn(5, 3, 56, 56, generator=generator) / 20
    saliency = upsample_saliency(torch.rand(1, 7, 7, generator=generator).round(decimals=1), 56)[0]

    def predict(images):
        return (images.flatten(1) @ weight.to(images).flatten(1).T).softmax(1)

    scores, area = rise(lambda picture: predict(torch.from_numpy(picture)[None])[0, 2].item(),
                        image.double().numpy(), saliency.numpy(), mode, step)
    found = perturbation_curve(predict, image, saliency, 2, mode=mode, step_pixels=step)
    assert found.tolist() == pytest.approx(scores, abs=1e-5)
    assert auc(found).item() == pytest.approx(area, abs=1e-5)


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


def test_a_model_that_answers_nonsense_is_an_error():
    for answer, message in [(torch.full((5, 2), torch.nan), "nan"), (torch.rand(5), "predict must give"),
                            (torch.rand(4, 2), "predict must give"), (torch.rand(5, 1), "1 classes")]:
        with pytest.raises(ValueError, match=message):
            perturbation_curve(lambda _, answer=answer: answer, IMAGE, SALIENCY, 1, steps=4)


def fed(name, curve, labels=(0, 0, 1)):
    metric = getattr(metrics, name)(Protocol())
    metric.update(torch.tensor(curve), torch.tensor(labels))
    return metric


def test_normalised_areas_are_parts_of_the_clean_probability():
    curve = [[0.5, 0.5, 0.25], [0.0, 0.25, 1.0], [0.0, 0.0, 0.5]]
    assert fed("InsertionNormalised", curve).image_values()[0].tolist() == [1.75, 0.375, 0.25]
    assert fed("DeletionNormalised", [row[::-1] for row in curve]).compute().item() == pytest.approx(2.375 / 3)
    assert fed("Insertion", curve).compute().item() == pytest.approx((0.4375 + 0.375 + 0.125) / 3)


@pytest.mark.parametrize(("name", "clean"), [("InsertionNormalised", -1), ("DeletionNormalised", 0)])
def test_an_image_whose_clean_probability_is_zero_has_no_normalised_curve(name, clean):
    curve = torch.full((3, 5), 0.5)
    curve[0, clean] = 0
    assert fed(name, curve.tolist()).compute().item() == 1
    assert fed(name, curve.tolist()).image_values()[1].tolist() == [0, 1]
    with pytest.raises(ValueError, match="nothing to divide by"):
        fed(name, [[0.0, 0.5, 0.0]] * 3).compute()


@pytest.mark.parametrize("name", ["Insertion", "Deletion", "InsertionNormalised", "DeletionNormalised"])
@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_a_broken_curve_is_an_error(name):
    with pytest.raises(ValueError, match="not finite"):
        fed(name, [[0.5, 0.5, 0.5], [0.5, float("nan"), 0.5], [0.5, 0.5, 0.5]]).compute()
    with pytest.raises(ValueError, match="must be"):
        fed(name, [0.5, 0.5, 0.5])
    with pytest.raises(ValueError, match="at least two points"):
        fed(name, [[0.5]] * 3)


def test_the_subset_is_fixed_spread_over_classes_and_blind_to_order():
    ids, labels = [f"image {i}" for i in range(60)], [i % 4 for i in range(57)] + [4, 4, 4]
    few = fidelity_subset(ids, labels, Protocol(fidelity_images=20))
    assert sorted(labels[i] for i in few).count(4) == 3
    assert max(sum(labels[i] == c for i in few) for c in range(4)) == 5
    backwards = fidelity_subset(ids[::-1], labels[::-1], Protocol(fidelity_images=20))
    assert {ids[i] for i in few} == {ids[::-1][i] for i in backwards}
    assert few != fidelity_subset(ids, labels, Protocol(fidelity_images=20, fidelity_seed=1))
    assert fidelity_subset(ids, labels, Protocol()) == list(range(60))
