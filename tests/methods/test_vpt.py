"""VPT: its short cuts change no number, its counts are the paper's, only prompts and head train."""

import pytest
import torch

from partbench.methods import Batch, Loaders, create, load_backbone

SIZES = {  # prefix tokens -> a timm model and a size at which it is small
    0: ("vit_base_patch16_siglip_224", 32),
    1: ("vit_tiny_patch16_224", 48),
    2: ("deit_tiny_distilled_patch16_224", 48),
    5: ("vit_small_patch14_reg4_dinov2", 42),
}
BOTH = pytest.mark.parametrize("name", ["vpt_shallow", "vpt_deep"])


def build(backbone, name="vpt_deep", classes=5, **settings):
    torch.manual_seed(0)
    return create(name, backbone, classes, **settings).eval()


def full_sequence(method, images):
    """Logits with every prompt a token between prefix and patches, through timm's own blocks."""
    backbone, count = method.backbone, method.prompts.shape[-2]
    tokens, prefix = backbone.embed(images), backbone.prefix
    whole = torch.cat([tokens[:, :prefix], tokens.new_empty(len(tokens), count, backbone.width), tokens[:, prefix:]], 1)
    for block in range(backbone.depth):
        if block == 0 or method.prompts.ndim == 3:
            prompts = method.prompts if method.prompts.ndim == 2 else method.prompts[block]
            whole = torch.cat([whole[:, :prefix], prompts.expand(len(whole), -1, -1), whole[:, prefix + count:]], 1)
        whole = backbone.run(whole, block, block + 1)
    normed = backbone.norm(whole)
    return method.head(normed[:, 0] if prefix else normed[:, count:].mean(1))


@pytest.mark.parametrize(("name", "prompts", "expected"), [
    ("vpt_shallow", 10, 161_480), ("vpt_shallow", 100, 230_600), ("vpt_deep", 10, 245_960), ("vpt_deep", 50, 614_600)])
def test_trainable_parameters_are_the_paper_s(name, prompts, expected):
    with torch.device("meta"):
        method = create(name, load_backbone("vit_base_patch16_224", "random", 224), 200, prompts=prompts)
    assert sum(p.numel() for p in method.parameters() if p.requires_grad) == expected


@BOTH
@pytest.mark.parametrize("prefix", SIZES)
def test_logits_equal_full_blocks_with_prompts_in_the_sequence(name, prefix):
    other = load_backbone(SIZES[prefix][0], "random", SIZES[prefix][1])
    images = torch.randn(2, 3, *[other.image_size] * 2, generator=torch.Generator().manual_seed(1))
    method = build(other, name, prompts=4)
    torch.testing.assert_close(method(images), full_sequence(method, images), atol=1e-4, rtol=1e-4)


@BOTH
def test_without_prompts_the_head_reads_timm_s_features(backbone, images, name):
    method = build(backbone, name)
    method.prompts = torch.nn.Parameter(method.prompts[..., :0, :])
    expected = method.head(backbone.vit.forward_features(images)[:, 0])
    torch.testing.assert_close(method(images), expected, atol=1e-5, rtol=1e-5)


def test_the_order_of_prompts_in_a_block_changes_no_logit_and_permutes_the_last_block_s_maps(backbone, images):
    method, order = build(backbone, prompts=3), [2, 0, 1]
    logits, maps = method(images), method.explain(images).part_maps
    with torch.no_grad():
        method.prompts[0] = method.prompts[0, order]
        method.prompts[-1] = method.prompts[-1, order]
    torch.testing.assert_close(method(images), logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(method.explain(images).part_maps, maps[:, order], atol=1e-5, rtol=1e-5)


@BOTH
def test_there_are_at_most_ten_maps_each_a_distribution_over_patches(backbone, images, name):
    explanation = build(backbone, name, prompts=12).explain(images, saliency=False)
    assert explanation.part_maps.shape == (3, 10, 3, 3)
    assert explanation.part_ids.tolist() == [list(range(10))] * 3
    torch.testing.assert_close(explanation.part_maps.sum((2, 3)), torch.ones(3, 10))
    assert explanation.background is None
    assert explanation.saliency is None
    few = build(backbone, name, prompts=2).explain(images)
    assert few.part_maps.shape[1] == 2
    assert few.saliency.shape == (3, 3, 3)


@BOTH
def test_every_image_has_a_dropout_mask_of_its_own_and_evaluation_has_none(backbone, images, name):
    method = build(backbone, name, dropout=0.5)
    same = images[:1].expand(3, -1, -1, -1)
    torch.testing.assert_close(method(same)[1], method(same)[0])
    logits = method.train()(same)
    assert not torch.isclose(logits[0], logits[1]).all()
    assert not torch.isclose(logits[1], logits[2]).all()
    masks = method._dropped(torch.ones(2, 4), 3)
    assert set(masks.unique().tolist()) <= {0.0, 2.0}


@BOTH
def test_only_prompts_and_head_train_and_stored_tokens_give_the_same_numbers(backbone, images, name):
    method = build(backbone, name)
    stored = Batch(tokens=method.tokens(images), labels=torch.tensor([0, 1, 2]))
    assert method.prefix_blocks == 0
    torch.testing.assert_close(method(stored), method(images))
    torch.testing.assert_close(method.explain(stored).saliency, method.explain(images).saliency)
    method.loss(stored)["cross_entropy"].backward()
    moved = {name for name, p in method.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert moved == {"prompts", "head.weight", "head.bias"} == set(method.state_dict())
    assert (method.prompts.grad.flatten(-2).abs().amax(-1) > 0).all()
    with pytest.raises(ValueError, match="labels"):
        method.loss(images)


@BOTH
def test_bf16_gives_nearly_the_logits_and_maps_of_fp32(backbone, images, name):
    method = build(backbone, name)
    exact = method.explain(images)
    with torch.autocast("cpu", torch.bfloat16):
        rough = method.explain(images)
    torch.testing.assert_close(rough.logits.float(), exact.logits, atol=0.3, rtol=0.05)
    torch.testing.assert_close(rough.part_maps, exact.part_maps, atol=0.01, rtol=0.05)
    assert rough.saliency.isfinite().all()


def test_prompts_start_as_different_patches_that_enter_their_block_or_as_they_are(backbone, images):
    deep, tokens = build(backbone), backbone.embed(images)
    deep.stages(5)[0].prepare(Loaders([Batch(images=images)], []))
    for block in (0, 7, 11):
        patches = backbone.patches(backbone.run(tokens, 0, block)).flatten(2).transpose(1, 2).flatten(0, 1)
        nearest = torch.cdist(deep.prompts[block], patches, compute_mode="donot_use_mm_for_euclid_dist").min(1)
        assert nearest.values.max() < 1e-4
        assert len(nearest.indices.unique()) == 10
    assert deep.prompts.requires_grad
    shallow = build(backbone, "vpt_shallow")
    before = shallow.prompts.clone()
    shallow.stages(5)[0].prepare(Loaders([Batch(images=images)], []))
    torch.testing.assert_close(shallow.prompts, before, atol=0, rtol=0)
    many = build(backbone, "vpt_shallow", prompts=40, start="patches")  # more than the 27 patches there are
    many.stages(5)[0].prepare(Loaders([Batch(images=images)], []))
    assert len(many.prompts.unique(dim=0)) == 27


def test_the_recipe_warms_up_decays_and_spares_the_head_s_bias(backbone):
    method = build(backbone)
    (stage,) = method.stages(20)
    assert [stage.schedule(done) for done in (0, 1, 2, 20)] == pytest.approx([0, 0.5, 1, 0])
    rest, bias = stage.param_groups()
    assert bias == {"params": [method.head.bias], "lr": method.settings.learning_rate, "weight_decay": 0.0}
    assert rest["weight_decay"] == method.settings.weight_decay > 0
    assert stage.optimiser(stage.param_groups()).defaults["momentum"] == 0.9


@BOTH
def test_it_learns_a_batch_by_heart(backbone, name):
    method = build(backbone, name, classes=3, dropout=0).train()
    images = torch.randn(6, 3, 48, 48, generator=torch.Generator().manual_seed(2))
    labels, stage = torch.tensor([0, 1, 2, 0, 1, 2]), method.stages(1)[0]
    stage.prepare(Loaders([Batch(images=images)], []))
    optimiser, losses = stage.optimiser(stage.param_groups()), []
    for _ in range(30):
        loss = method.loss(images, labels)["cross_entropy"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
