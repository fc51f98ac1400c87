"""Grad-CAM in the last block: what plain autograd through timm's own blocks gives, for any reader of the tokens."""

from functools import partial

import pytest
import torch

from partbench.methods import create, load_backbone
from partbench.methods.attention_parts import prompt_attention, prompt_maps
from partbench.methods.grad_cam import grad_cam, last_block_evidence

SIZES = {  # prefix tokens -> a timm model and a size at which it is small
    0: ("vit_base_patch16_siglip_224", 32),
    1: ("vit_tiny_patch16_224", 48),
    5: ("vit_small_patch14_reg4_dinov2", 42),
}


def pictures(backbone):
    return torch.randn(3, 3, *[backbone.image_size] * 2, generator=torch.Generator().manual_seed(3))


def oracle(method, images, targets):
    """Grad-CAM with a hook on timm's last block, every prompt a token of the sequence."""
    backbone, last, kept = method.backbone, method.backbone.vit.blocks[-1], {}
    prefix, end = backbone.prefix, backbone.prefix + method.settings.prompts
    tokens = backbone.embed(images)
    for block in range(backbone.depth):
        if block == backbone.depth - 1:
            hook = last.norm1.register_forward_hook(lambda *call: kept.update(normed=call[-1]))
        fresh = block == 0 or method.prompts.ndim == 3
        prompts = method.prompts[block] if method.prompts.ndim == 3 else method.prompts
        left, right = tokens[:, :prefix], tokens[:, prefix if block == 0 else end:]
        own = prompts.expand(len(images), -1, -1) if fresh else tokens[:, prefix:end]
        tokens = backbone.run(torch.cat([left, own, right], 1), block, block + 1)
    hook.remove()
    read = backbone.norm(tokens)
    read = read[:, 0] if backbone.vit.has_class_token else read[:, end:].mean(1)
    kept["normed"].retain_grad()
    method.head(read)[range(3), targets].sum().backward()
    evidence, gradient = kept["normed"][:, end:], kept["normed"].grad[:, end:]
    maps = torch.einsum("bsd,bd->bs", evidence, gradient.mean(1)).relu().unflatten(1, backbone.grid)
    method.zero_grad()
    return maps.detach()


@pytest.mark.parametrize("name", ["vpt_shallow", "vpt_deep"])
@pytest.mark.parametrize("prefix", SIZES)
def test_saliency_equals_grad_cam_with_hooks_on_the_full_sequence(name, prefix):
    torch.manual_seed(0)
    backbone = load_backbone(SIZES[prefix][0], "random", SIZES[prefix][1])
    method, targets = create(name, backbone, 4, prompts=3).eval(), torch.tensor([1, 0, 3])
    images = pictures(backbone)
    expected, explanation = oracle(method, images, targets), method.explain(images, targets)
    assert expected.amax() > 0
    torch.testing.assert_close(explanation.saliency, expected, atol=1e-5 * expected.amax().item(), rtol=1e-3)
    torch.testing.assert_close(explanation.logits, method(images), atol=1e-4, rtol=1e-4)
    assert all(parameter.grad is None for parameter in method.parameters())


def test_every_image_has_the_map_it_has_alone_and_no_target_means_the_predicted_class():
    backbone = load_backbone(*SIZES[1][:1], "random", SIZES[1][1])
    torch.manual_seed(0)
    method, images = create("vpt_deep", backbone, 4).eval(), pictures(backbone)
    together = method.explain(images)
    alone = [method.explain(image[None], method(image[None]).argmax(1)) for image in images]
    torch.testing.assert_close(together.saliency, torch.cat([one.saliency for one in alone]), atol=1e-6, rtol=1e-4)
    tokens, prompts = method.entering(images)
    evidence = last_block_evidence(backbone, tokens, partial(method._score, tokens, prompts))
    assert evidence.activations.shape == evidence.gradients.shape == (3, backbone.width, 3, 3)
    assert not any(value.requires_grad for value in (evidence.logits, evidence.activations, evidence.gradients))
    torch.testing.assert_close(grad_cam(evidence), together.saliency, atol=1e-6, rtol=1e-4)


def test_prompt_maps_are_the_head_mean_of_the_last_block_s_own_attention_over_patches():
    backbone = load_backbone(*SIZES[5][:1], "random", SIZES[5][1])
    tokens, last = backbone.run(backbone.embed(pictures(backbone)), 0, 11).detach(), backbone.depth - 1
    for prompts in (torch.randn(4, backbone.width), torch.randn(3, 4, backbone.width)):
        whole = torch.cat([prompts.expand(3, -1, -1), tokens], 1)
        rows = backbone.attention_rows(whole, last, slice(4))
        torch.testing.assert_close(prompt_attention(backbone.vit.blocks[last], tokens, prompts), rows)
        patches = rows[..., -9:].mean(1)
        expected = (patches / patches.sum(-1, keepdim=True)).unflatten(2, (3, 3))
        torch.testing.assert_close(prompt_maps(backbone, tokens, prompts), expected)


def test_extra_keys_take_attention_in_front_and_leave_its_proportions_over_the_rest():
    backbone = load_backbone(*SIZES[1][:1], "random", SIZES[1][1])
    tokens, prompts, block = backbone.embed(pictures(backbone)), torch.randn(2, backbone.width), backbone.vit.blocks[0]
    extra = torch.randn(backbone.heads, 5, backbone.width // backbone.heads)
    plain, more = prompt_attention(block, tokens, prompts), prompt_attention(block, tokens, prompts, extra)
    torch.testing.assert_close(more.sum(-1), torch.ones(3, backbone.heads, 2))
    assert more.shape[-1] == 5 + plain.shape[-1]
    torch.testing.assert_close(more[..., 5:] / more[..., 5:].sum(-1, keepdim=True), plain)
