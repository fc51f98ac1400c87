"""Both curves of many images: fused, shared ends asked once, and points placed where the curves move."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from partbench.metrics import auc, fidelity_curves, perturbation_curve
from partbench.metrics.adaptive import filled, first_points, looks_per_round, next_points

SIDE = 16
STEPS = 128
PLACE = torch.linspace(0, 1, STEPS + 1)


class Told:
    """A 'model' that says what a table of curves [B, 2, S + 1] says, and remembers what it was asked.

    A picture carries the image's number in its first channel, what was put into it in the second (0 the image, 1
    insertion's start, 2 deletion's end), so the number of replaced pixels can be read off.
    """

    def __init__(self, table, common_end=False):
        self.table, self.steps, self.asked, self.batches = table.float(), table.shape[-1] - 1, [], []
        self.table[:, 1, 0] = self.table[:, 0, -1]
        number = torch.arange(len(table)).float()[:, None, None].expand(-1, SIDE, SIDE)
        self.images, self.start, self.end = (
            torch.stack([number, torch.full_like(number, mark), number], 1) for mark in (0, 1, 2))
        if common_end:
            self.table[:, 1, -1] = self.table[0, 1, -1]
            self.end = self.end[:1].expand_as(self.end)
        generator = torch.Generator().manual_seed(0)
        self.saliency = torch.rand(len(table), SIDE, SIDE, generator=generator)

    def __call__(self, pictures):
        self.batches.append(len(pictures))
        values = []
        for picture in pictures:
            mark, image = picture[1], int(picture[0].max())
            mode = int((mark == 2).any())
            replaced = int((mark == 2).sum() if mode else (mark == 0).sum())
            step = round(replaced * self.steps / SIDE**2)
            self.asked.append((image, mode if replaced or not mode else 0, step))
            values.append(self.table[image, mode, step])
        return torch.stack(values)[:, None].expand(-1, 2)

    def curves(self, some=slice(None), **options):
        options = {"steps": self.steps, "forwards": 40, **options}
        images = self.images[some]
        return fidelity_curves(self, images, self.saliency[some], torch.ones(len(images), dtype=torch.long),
                               self.start[some], self.end[some], **options)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def jagged(images=5, spread=0.2):
    return (0.5 + spread * (noise(images, 2, STEPS + 1) - 0.5)).clamp(0, 1)


def test_every_step_is_the_single_curves():
    weight = torch.randn(4, 3 * SIDE * SIDE, generator=torch.Generator().manual_seed(0)) / 10

    def predict(pictures):
        return (pictures.flatten(1) @ weight.T).softmax(1)

    images, start, end = noise(3, 3, 3, SIDE, SIDE).unbind(0)
    saliency, targets = noise(3, SIDE, SIDE, seed=1), torch.tensor([0, 3, 1])
    saliency[2, 0, 0] = torch.nan
    curves = fidelity_curves(predict, images, saliency, targets, start, end, steps=50, forwards=None, batch_size=16)
    for i in range(3):
        for mode, substrate in (("insertion", start), ("deletion", end)):
            single = perturbation_curve(predict, images[i], saliency[i], targets[i], 50, mode, substrate[i])
            assert torch.allclose(getattr(curves, mode)[i], single, atol=1e-7)
    assert curves.known_insertion.all()
    assert curves.known_deletion.all()


@pytest.mark.parametrize(("common_end", "forwards"), [(False, 4 * (2 * STEPS + 1)), (True, 4 * 2 * STEPS + 1)])
def test_the_model_sees_no_picture_twice_and_the_shared_ends_once(common_end, forwards):
    told = Told(jagged(4), common_end)
    curves = told.curves(forwards=None)
    assert torch.equal(torch.stack([curves.insertion, curves.deletion], 1), told.table)
    assert curves.forwards == len(told.asked) == len(set(told.asked)) == forwards


def test_batches_are_full():
    told = Told(jagged(4))
    told.curves(forwards=None, batch_size=7)
    assert set(told.batches[:-1]) == {7}


@pytest.mark.parametrize("steps", [1, 2, 5, STEPS])
@pytest.mark.parametrize("forwards", [3, 4, 8, 40, 1000])
def test_an_image_gets_its_forwards_and_no_more(steps, forwards):
    told = Told(noise(3, 2, steps + 1))
    curves = told.curves(forwards=forwards)
    asked = [image for image, *_ in told.asked]
    assert [asked.count(i) for i in range(3)] == [min(forwards, 2 * steps + 1)] * 3
    assert curves.forwards == len(set(told.asked)) == len(asked)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
@pytest.mark.parametrize("forwards", [None, 40])
def test_neither_batches_nor_other_images_change_a_curve(batch_size, forwards):
    whole = Told(jagged(), common_end=True).curves(forwards=forwards)
    for some in (slice(None), slice(2, 3), slice(3, None)):
        part = Told(jagged(), common_end=True).curves(some, forwards=forwards, batch_size=batch_size)
        for name in ("insertion", "deletion", "known_insertion", "known_deletion"):
            assert torch.equal(getattr(part, name), getattr(whole, name)[some])


def test_what_is_known_is_the_models_answer_and_the_rest_is_straight():
    told = Told(jagged())
    curves = told.curves()
    for mode, (curve, known) in enumerate([(curves.insertion, curves.known_insertion),
                                           (curves.deletion, curves.known_deletion)]):
        assert torch.equal(curve[known], told.table[:, mode][known])
        bend = (curve[:, 2:] - 2 * curve[:, 1:-1] + curve[:, :-2]).abs()
        assert (bend[~known[:, 1:-1]] < 1e-6).all()


def test_piecewise_straight_curves_are_exact():
    corners = torch.arange(0, STEPS + 1, STEPS // 8)
    known = torch.zeros(3, 2, STEPS + 1, dtype=torch.bool)
    known[..., corners] = True
    told = Told(filled(noise(3, 2, STEPS + 1), known))
    curves = told.curves()
    assert torch.allclose(auc(curves.insertion), auc(told.table[:, 0]), atol=1e-6)
    assert torch.allclose(auc(curves.deletion[:, STEPS // 8:]), auc(told.table[:, 1, STEPS // 8:]), atol=1e-6)


@pytest.mark.parametrize(("curve", "bound"), [
    pytest.param(lambda t, at: torch.sigmoid((t - at) * 200), 0.001, id="steep"),
    pytest.param(lambda t, at: (t > at).float(), 0.001, id="a jump"),
    pytest.param(lambda t, at: 0.5 + 0.4 * torch.sin(3 * t + 9 * at), 0.001, id="smooth"),
    pytest.param(lambda t, at: (t > at) * 0.9 + 0.1 * noise(STEPS + 1, seed=int(at * 1e3)), 0.015, id="noisy jump"),
    # Four of s / sqrt(n), for 18 looks at uniform noise: nothing can do better than look.
    pytest.param(lambda t, at: noise(STEPS + 1, seed=int(at * 1e3)), 4 * 12**-0.5 * 18**-0.5, id="noise"),
])
def test_forty_forwards_find_the_area(curve, bound):
    insertion = torch.stack([curve(PLACE, at) for at in noise(12).tolist()])
    told = Told(torch.stack([insertion, insertion.flip(1)], 1))
    curves = told.curves()
    assert (auc(curves.insertion) - auc(told.table[:, 0])).abs().max() <= bound
    assert (auc(curves.deletion) - auc(told.table[:, 1])).abs().max() <= bound


def test_a_curve_that_moves_is_looked_at_more_than_one_that_does_not():
    table = torch.stack([torch.ones(STEPS + 1), jagged(1)[0, 0]])[None]
    curves = Told(table).curves()
    assert curves.known_deletion.sum() > 2 * curves.known_insertion.sum()


def test_rounding_in_the_model_moves_no_point():
    quiet, shaken = torch.ones(2, 2, STEPS + 1), torch.ones(2, 2, STEPS + 1) - 1e-6 * noise(2, 2, STEPS + 1)
    assert torch.equal(Told(quiet).curves().known_insertion, Told(shaken).curves().known_insertion)


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 60), st.integers(0, 130), st.integers(0, 2**31))
def test_a_round_asks_for_new_points_while_there_are_any(steps, looks, seed):
    values, known = noise(2, steps + 1, seed=seed), noise(2, steps + 1, seed=seed + 1) < 0.3
    known[:, [0, -1]] = True
    asked = next_points(values, known, looks)
    assert not (asked & known).any()
    assert asked.sum() == min(looks, (~known).sum())


def test_unknown_points_are_not_read():
    known = first_points(STEPS, 37).expand(2, -1)
    values = noise(2, STEPS + 1)
    assert torch.equal(next_points(values, known, 9), next_points(values.where(known, torch.nan), known, 9))
    assert sum(looks_per_round(23)) == 23
    assert filled(values.where(known, torch.nan), known).isfinite().all()


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_a_probability_that_is_not_finite_is_an_error(broken):
    told = Told(torch.full((1, 2, STEPS + 1), broken))
    with pytest.raises(ValueError, match=str(broken)):
        told.curves()


@pytest.mark.parametrize(("options", "message"), [
    ({"steps": 0}, "step"), ({"forwards": 2}, "forwards"), ({"batch_size": 0}, "batch"),
    ({"some": slice(0)}, "at least one image")])
def test_an_impossible_request_is_an_error(options, message):
    with pytest.raises(ValueError, match=message):
        Told(jagged()).curves(**options)


@pytest.mark.parametrize("wrong", [0, 1, 2, 3, 4])
def test_tensors_that_do_not_belong_together_are_an_error(wrong):
    told = Told(jagged(2))
    given = [told.images, told.saliency, torch.ones(2, dtype=torch.long), told.start, told.end]
    given[wrong] = given[wrong][:1]
    with pytest.raises(ValueError, match="belong together"):
        fidelity_curves(told, *given)


@pytest.mark.parametrize("target", [-1, 2])
def test_a_class_that_the_model_does_not_know_is_an_error(target):
    told = Told(jagged(2))
    with pytest.raises(ValueError, match="2 classes"):
        fidelity_curves(told, told.images, told.saliency, torch.tensor([0, target]), told.start, told.end)
