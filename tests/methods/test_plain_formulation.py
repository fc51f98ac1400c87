"""Gradients of what methods compute are those of the formulas as papers and public code write them."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from partbench.methods import Batch, create, registry
from partbench.methods.contract import plain
from partbench.methods.contract.backbones import tiny_backbone
from partbench.methods.learned_keys import attend

CLASSES = 4
SETTINGS = {
    "ivpt": {"prototypes": (6, 5, 4), "grouping_noise": False},
    "ivpt@public": {"prototypes": (6, 5, 4), "grouping_noise": False},
    "prompt_cam": {"agnostic_prompts": 3},
    "prompt_cam@faithful": {},
    "vpt_shallow": {"prompts": 3, "dropout": 0},
    "vpt_deep": {"prompts": 3, "dropout": 0},
    "e2vpt": {"prompts": 3, "dropout": 0, "key_values": 2},
    "vpt_deep_proto": {"prompts": 3, "dropout": 0, "parts": 3, "part_dropout": 0},
    "linear_probe": {},
    "protopnet": {"prototypes_per_class": 3, "dimension": 16},
    "huang2023": {"prototypes_per_class": 3, "dimension": 16},
}


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(4, 3, 40, 40, generator=generator)
    return Batch(images, torch.tensor([0, 3, 1, 0])).with_warp(generator)


def build(name, double=False, **settings):
    """The same method every time; ``double``: with its backbone, in float64."""
    backbone = tiny_backbone(side=40)
    torch.manual_seed(0)
    method = create(name, backbone, CLASSES, **settings)
    for value in method.parameters():  # also what starts at zero or equal has to show in the loss
        value.data.add_(0.05 * torch.randn_like(value))
    if double:
        backbone.double()
    return (method.double() if double else method).train()


def doubled(batch):
    warped = replace(batch.warped, images=batch.warped.images.double())
    return replace(batch, images=batch.images.double(), warped=warped)


def gradients(method, loss):
    moved = [parameter for parameter in method.parameters() if parameter.requires_grad]
    found = torch.autograd.grad(loss, moved, allow_unused=True)
    names = (name for name, parameter in method.named_parameters() if parameter.requires_grad)
    return {name: gradient for name, gradient in zip(names, found, strict=True) if gradient is not None}


def total(method, batch):
    return torch.stack(list(method.loss(batch).values())).sum()


def alike(found, expected, tolerance=1e-5):
    """Equal to within a share of the gradient's scale, which is that of the whole method's or of the parameter's."""
    largest = max(value.abs().max().item() for value in expected.values())
    for name in found.keys() | expected.keys():
        reference = expected.get(name, torch.zeros(()))
        apart = (found.get(name, torch.zeros(())).double() - reference.double()).abs().max().item()
        assert apart <= tolerance * max(reference.abs().max().item(), 1e-2 * largest), name


def from_tokens(method, batch):
    """The batch with tokens that enter block ``prefix_blocks`` in the place of images, in both views."""
    with torch.no_grad():
        views = [replace(view, images=None, tokens=method.tokens(view)) for view in (batch, batch.warped)]
    return replace(views[0], warped=views[1])


def test_every_method_has_a_plain_formulation():
    own = {name for name, card in registry.cards.items() if card.implementation.startswith("partbench.")}
    assert own == set(plain.LOSSES) == {name.partition("@")[0] for name in SETTINGS}


@pytest.mark.parametrize("name", SETTINGS)
def test_gradients_are_those_of_the_plain_formulation_in_float64(name, batch):
    reference, method = build(name, double=True, **SETTINGS[name]), build(name, **SETTINGS[name])
    loss = plain.LOSSES[name.partition("@")[0]](reference, doubled(batch))
    assert total(method, batch).item() == pytest.approx(loss.item(), rel=1e-5)
    alike(gradients(method, total(method, batch)), gradients(reference, loss))


@pytest.mark.parametrize("name", sorted(card.name for card in registry.cards.values() if card.prefix(card.settings())))
def test_gradients_from_stored_tokens_are_those_from_images(name, batch):
    method, losses = build(name), []
    for shown in (batch, from_tokens(method, batch)):
        torch.manual_seed(1)  # noise and dropout
        losses.append(gradients(method, total(method, shown)))
    alike(*losses)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("count", [1, 5, 16])
def test_attention_to_learned_keys_has_the_gradients_of_attention(shared, count):
    torch.manual_seed(count)
    query, key, value = torch.randn(3, 2, 4, 7, 8, dtype=torch.float64)
    learned = [torch.randn(4, count, 8, dtype=torch.float64) if shared else torch.randn(2, 4, count, 8).double()
               for _ in range(2)]
    outputs, found = [], []
    for way in (lambda own: attend(query, own, (key, value)),
                lambda own: scaled_dot_product_attention(
                    query, torch.cat([own[0], key], 2), torch.cat([own[1], value], 2))):
        leaves = [leaf.clone().requires_grad_() for leaf in learned]
        outputs.append(way([leaf.expand(2, 4, count, 8) for leaf in leaves]))
        found.append(torch.autograd.grad(outputs[-1].sin().sum(), leaves))
    torch.testing.assert_close(outputs[0], outputs[1])
    torch.testing.assert_close(found[0], found[1])
