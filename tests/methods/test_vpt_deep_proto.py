"""VPT-Deep with prototypes: what each loss moves, what the maps are, how many numbers train."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import layer_norm

from partbench.methods import Affine, Batch, Loaders, create, load_backbone

FINE = {"prototypes", "bias"}
SHAPE = {"presence", "background_presence", "entropy", "total_variation", "equivariance"}
TERMS = SHAPE | {"classification", "orthogonality"}


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("vit_tiny_patch16_224", "random", 64)


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(0)
    return Batch(torch.randn(3, 3, 64, 64, generator=generator), torch.tensor([0, 3, 1]))


def build(backbone, classes=4, **settings):
    torch.manual_seed(0)
    return create("vpt_deep_proto", backbone, classes, **settings).eval()


def whole_patches(method, images):
    """Final patches with every prompt a token between prefix and patches, through timm's own blocks."""
    backbone, count = method.backbone, method.settings.prompts
    tokens, prefix = backbone.embed(images), backbone.prefix
    for block in range(backbone.depth):
        prompts = method.prompts[block].expand(len(tokens), -1, -1)
        whole = backbone.run(torch.cat([tokens[:, :prefix], prompts, tokens[:, prefix:]], 1), block, block + 1)
        tokens = torch.cat([whole[:, :prefix], whole[:, prefix + count:]], 1)
    return backbone.patches(backbone.norm(tokens))


def reached(method, value):
    """Names of the parameters that a value has a gradient other than zero into."""
    names, parameters = zip(*method.named_parameters(), strict=True)
    gradients = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
    return {name for name, gradient in zip(names, gradients, strict=True) if gradient is not None and gradient.any()}


def test_trainable_parameters_are_those_of_the_reference():
    with torch.device("meta"):
        method = create("vpt_deep_proto", load_backbone("vit_base_patch16_224", "random", 224), 200)
    counts = {name: p.numel() for name, p in method.named_parameters() if p.requires_grad}
    assert counts["prototypes"] == 8_448
    assert counts["modulation.weight"] + counts["modulation.bias"] == 16_896
    assert counts["bias"] == 11 * 14 * 14
    assert sum(counts.values()) - counts["bias"] == 271_104


@pytest.mark.parametrize(("name", "size"), [("vit_tiny_patch16_224", 64), ("vit_small_patch14_reg4_dinov2", 42)])
def test_maps_and_logits_follow_the_formulas(name, size):
    other = load_backbone(name, "random", size)
    method, images = build(other, parts=3), torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    features, (height, width) = whole_patches(method, images), other.grid
    with torch.no_grad():
        method.bias.normal_()
    distances = torch.stack([(features - q[:, None, None]).square().sum(1) for q in method.prototypes], 1)
    maps = (method.bias - distances).softmax(1) + 1e-6
    maps = maps / maps.sum(1, keepdim=True)
    regions = torch.zeros(2, 4, other.width)
    for image in range(2):
        strongest = maps[image].argmax(0)
        for part in range(4):
            weights = maps[image, part] * (strongest == part)
            if weights.any():
                regions[image, part] = (weights * features[image]).sum((1, 2)) / weights.sum()
    scores = layer_norm(regions, (4, other.width))[:, :3] @ method.classifier.weight.T
    explanation = method.explain(images, torch.tensor([1, 2]))
    torch.testing.assert_close(explanation.part_maps, maps[:, :3], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(explanation.background, maps[:, 3], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(explanation.logits, scores.mean(1), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(method(images), explanation.logits)
    saliency = torch.zeros(2, height, width)
    for image, target in enumerate((1, 2)):
        for part in range(3):
            margin = scores[image, part, target] - scores[image, part].mean()
            saliency[image] += margin.clamp(min=0) * maps[image, part]
    torch.testing.assert_close(explanation.saliency, saliency, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(explanation.part_scores.sum(1), explanation.logits[range(2), [1, 2]])


def test_each_loss_moves_what_it_should_and_labels_reach_the_prompts_of_every_block(backbone, batch):
    method = build(backbone).train()
    terms = method.loss(batch)
    final = FINE | {"prompts", "modulation.weight", "modulation.bias"}
    table = dict.fromkeys(SHAPE, FINE) | {"orthogonality": final, "classification": final | {"classifier.weight"}}
    assert {name: reached(method, value) for name, value in terms.items()} == table
    (gradient,) = torch.autograd.grad(terms["classification"], method.prompts)
    assert (gradient.abs().amax((1, 2)) > 0).all()
    assert not any(parameter.requires_grad for parameter in backbone.parameters())


def test_the_warped_pass_without_autograd_gives_the_gradients_of_the_full_one(backbone, batch):
    method = build(backbone)
    fine = [method.prototypes, method.bias]
    cheap = torch.autograd.grad(method._warped_maps(Batch(warped=batch)).square().sum(), fine)
    full = torch.autograd.grad(method._assign(method._features(batch)).square().sum(), fine)
    torch.testing.assert_close(cheap, full)


def test_parts_and_background_share_every_patch(backbone, batch):
    explanation = build(backbone, parts=6).explain(batch)
    torch.testing.assert_close(explanation.part_maps.sum(1) + explanation.background, torch.ones(3, 4, 4))
    assert explanation.part_ids.tolist() == [list(range(6))] * 3
    assert explanation.part_scores.shape == (3, 6)
    assert build(backbone).explain(batch, saliency=False).saliency is None


def test_whole_parts_are_dropped_in_training_alone(backbone):
    method, parts = build(backbone, parts=5, part_dropout=0.5), torch.ones(64, 6, backbone.width)
    kept = method.classifier(torch.ones(backbone.width))
    torch.testing.assert_close(method._scores(parts), kept.expand(64, 5, -1))
    scores = method.train()._scores(parts)
    left_out = (scores == 0).all(2)
    assert left_out.any()
    torch.testing.assert_close(scores[~left_out], 2 * kept.expand(int((~left_out).sum()), -1))


def test_a_loss_of_weight_zero_is_left_out_and_no_second_view_is_made_for_it(backbone, batch, monkeypatch):
    method, both = build(backbone), replace(batch, warped=batch, affine=Affine(0.0, (0.0, 0.0), 1.0))
    plain, heavy = method.loss(both), build(backbone, **dict.fromkeys(TERMS, 2.0)).loss(both)
    assert set(plain) == TERMS
    for name, value in plain.items():
        torch.testing.assert_close(heavy[name], 2 * value)
    assert plain["equivariance"].abs() < 1e-5
    monkeypatch.setattr(Batch, "with_warp", lambda *_: pytest.fail("a second view was made"))
    without = build(backbone, equivariance=0, entropy=0)
    assert (method.views, without.views) == (("clean", "warped"), ("clean",))
    assert set(without.loss(batch)) == TERMS - {"equivariance", "entropy"}
    with pytest.raises(ValueError, match="labels"):
        method.loss(batch.images)


def test_stored_tokens_and_bf16_give_what_images_in_fp32_give(backbone, batch):
    method = build(backbone)
    stored = replace(batch, images=None, tokens=backbone.embed(batch.images))
    stored = replace(stored, warped=stored, affine=Affine(0.0, (0.0, 0.0), 1.0))
    torch.testing.assert_close(method(stored), method(batch))
    exact = method.loss(stored)
    with torch.autocast("cpu", torch.bfloat16):
        terms = method.loss(stored)
    for name, value in terms.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, exact[name], rtol=0.05, atol=0.05)


def test_an_image_without_any_part_gives_finite_outputs_and_gradients(backbone, batch):
    method = build(backbone).train()
    with torch.no_grad():
        method.bias[-1] = 1e4
    sum(method.loss(batch).values()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in method.parameters())
    assert method.explain(batch).saliency.isfinite().all()


def test_the_recipe_is_ivpt_s_with_a_rate_of_the_prompts_own(backbone):
    method = build(backbone)
    (stage,) = method.stages(25)
    assert [stage.schedule(epoch) for epoch in range(25)] == [0.5 ** (epoch // 4) for epoch in range(25)]
    rates = [(group["lr"], len(group["params"])) for group in stage.param_groups()]
    assert rates == [(method.settings.prompt_rate, 1), (2e-4, 2), (1e-2, 3)]
    assert (stage.clip, stage.epochs, stage.augmentation) == (2.0, 25, "affine_crop_flip")


def test_it_learns_a_batch_by_heart_and_its_state_is_all_of_it(backbone, batch):
    method = build(backbone, dropout=0, part_dropout=0, equivariance=0).train()
    stage = method.stages(1)[0]
    stage.prepare(Loaders([batch], []))
    optimiser, losses = stage.optimiser(stage.param_groups()), []
    for _ in range(15):
        terms = method.loss(batch)
        optimiser.zero_grad()
        sum(terms.values()).backward()
        optimiser.step()
        losses.append(terms["classification"].item())
    assert losses[-1] < 0.2 * losses[0]
    torch.manual_seed(1)
    other = create("vpt_deep_proto", backbone, 4)
    other.load_state_dict(method.state_dict())
    torch.testing.assert_close(other.eval()(batch), method.eval()(batch), atol=0, rtol=0)


def test_prototypes_start_around_the_mean_patch_that_the_prompts_leave(backbone, batch):
    method = build(backbone, dropout=0.0)
    before = method.prototypes.clone()
    method.stages(3)[0].prepare(Loaders([batch], []))
    mean = whole_patches(method, batch.images).mean((0, 2, 3))
    torch.testing.assert_close(method.prototypes, before + mean, atol=1e-4, rtol=1e-4)
