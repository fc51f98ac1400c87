"""Frozen linear layers: torch's outputs and gradients, whoever multiplies."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from partbench.methods import load_backbone
from partbench.methods.frozen_linear import frozen_linear

SIZES = st.integers(1, 40)


@settings(deadline=None, max_examples=40)
@given(images=st.integers(0, 3), tokens=SIZES, width=SIZES, outputs=SIZES, bias=st.booleans(), skip=st.integers(0, 3),
       seed=st.integers(0, 99))
def test_outputs_and_gradients_are_those_of_a_linear_layer(images, tokens, width, outputs, bias, skip, seed):
    generator = torch.Generator().manual_seed(seed)
    leaf = torch.randn(images, tokens + skip, width, generator=generator, requires_grad=True)
    weight = torch.randn(outputs, width, generator=generator)
    offset = torch.randn(outputs, generator=generator) if bias else None
    inputs = leaf[:, skip:]
    found, expected = frozen_linear(inputs, weight, offset), functional.linear(inputs, weight, offset)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    towards = torch.randn(expected.shape, generator=generator)
    torch.testing.assert_close(*(torch.autograd.grad(one, leaf, towards, retain_graph=True)[0]
                                 for one in (found, expected)), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("trained", "kind", "bf16"), [(True, torch.float32, False), (False, torch.float64, False),
                                                 (False, torch.float32, True)])
def test_what_it_is_not_made_for_is_a_linear_layer(trained, kind, bf16):
    inputs, weight = torch.randn(3, 5, dtype=kind, requires_grad=True), torch.randn(4, 5, dtype=kind)
    weight.requires_grad_(trained)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        found = frozen_linear(inputs, weight)
        assert found.dtype == (torch.bfloat16 if bf16 else kind)
        assert torch.equal(found, functional.linear(inputs, weight))
    found.sum().backward()
    assert inputs.grad is not None
    assert (weight.grad is not None) == trained


def test_a_backbone_computes_what_timm_computes():
    backbone = load_backbone("vit_tiny_patch16_224", "random", 32)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = backbone.vit.forward_features(images)
        assert torch.equal(backbone.norm(backbone.run(backbone.embed(images))), expected)
        backbone.onednn = True
        torch.testing.assert_close(backbone.norm(backbone.run(backbone.embed(images))), expected, atol=1e-4, rtol=1e-4)
