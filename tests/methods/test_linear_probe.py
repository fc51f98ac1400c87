"""Linear probe: logistic regression on timm's own features, and five ways to explain one and the same training."""

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

from partbench.errors import UserError
from partbench.methods import Backbone, Batch, create, load_backbone
from partbench.methods.cards import LINEAR_PROBE

EXPLAINERS = ("attention", "grad_cam", "layer_cam", "eigen_cam", "rollout")


def build(backbone, classes=5, **settings):
    torch.manual_seed(0)
    return create("linear_probe", backbone, classes, **settings).eval()


def tiny(patch=16, size=48, **layout):
    torch.manual_seed(0)
    vit = VisionTransformer(img_size=size, patch_size=patch, embed_dim=32, depth=3, num_heads=4, num_classes=0,
                            **layout)
    vit.pretrained_cfg = {"mean": (0.5,) * 3, "std": (0.5,) * 3}
    return Backbone(vit, "tiny")


@pytest.mark.parametrize(("features", "expected"), [("class_token", 153_800), ("class_token_and_mean_patch", 307_400)])
def test_trainable_parameters_are_those_of_one_linear_layer(features, expected):
    with torch.device("meta"):
        method = create("linear_probe", load_backbone("vit_base_patch16_224.dino", "random", 224), 200,
                        features=features)
    assert sum(p.numel() for p in method.parameters() if p.requires_grad) == expected


def test_logits_are_linear_in_timm_s_class_token_and_mean_patch(backbone, images):
    tokens = backbone.vit.forward_features(images)
    token, both = build(backbone), build(backbone, features="class_token_and_mean_patch")
    torch.testing.assert_close(token(images), token.head(tokens[:, 0]), atol=1e-4, rtol=1e-4)
    features = torch.cat([tokens[:, 0], tokens[:, 1:].mean(1)], 1)
    torch.testing.assert_close(both(images), both.head(features), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("layout", [{"reg_tokens": 0}, {"reg_tokens": 4, "qk_norm": True}])
def test_without_a_class_token_the_mean_patch_is_read_and_asked_where_it_looks(layout):
    backbone = tiny(class_token=False, global_pool="avg", fc_norm=False, **layout)
    method, images = build(backbone), torch.randn(2, 3, 48, 48)
    patches = backbone.vit.forward_features(images)[:, backbone.prefix:]
    torch.testing.assert_close(method(images), method.head(patches.mean(1)), atol=1e-5, rtol=1e-4)
    tokens = method.tokens(images)
    rows = backbone.attention_rows(tokens, method.last, slice(backbone.prefix, None)).mean(2)[..., backbone.prefix:]
    torch.testing.assert_close(method.explain(images).part_maps.flatten(2), rows / rows.sum(2, keepdim=True))
    with pytest.raises(UserError, match="has no class token"):
        build(backbone, features="class_token_and_mean_patch")


def test_part_maps_are_the_class_token_s_heads_and_the_default_saliency_is_their_mean(backbone, images):
    method = build(backbone)
    rows = backbone.attention_rows(method.tokens(images), method.last, [0])[:, :, 0, 1:]
    explanation = method.explain(images)
    torch.testing.assert_close(explanation.part_maps.flatten(2), rows / rows.sum(2, keepdim=True))
    torch.testing.assert_close(explanation.saliency, explanation.part_maps.mean(1))
    assert explanation.part_ids.tolist() == [[0, 1, 2]] * 3
    assert method.explain(images, saliency=False).saliency is None


def test_explainers_explain_one_and_the_same_trained_probe(backbone, images):
    trained = build(backbone, explainer="rollout")
    explanations = []
    for explainer in EXPLAINERS:
        method = create("linear_probe", backbone, 5, explainer=explainer).eval()
        method.load_state_dict(trained.state_dict())
        explanations.append(method.explain(images))
    for explanation in explanations:
        torch.testing.assert_close(explanation.logits, explanations[0].logits, atol=0, rtol=0)
        torch.testing.assert_close(explanation.part_maps, explanations[0].part_maps, atol=0, rtol=0)
    assert len({tuple(explanation.saliency.flatten().tolist()) for explanation in explanations}) == len(EXPLAINERS)
    assert {next(iter(changed)) for changed in LINEAR_PROBE.variants.values()} == set(LINEAR_PROBE.explaining)


@pytest.mark.parametrize("explainer", EXPLAINERS)
@pytest.mark.parametrize("layout", [{"patch": 8}, {"patch": 14, "size": 56, "reg_tokens": 4, "init_values": 1e-1},
                                    {"reg_tokens": 1}, {"class_token": False, "global_pool": "avg"}])
def test_stored_tokens_and_single_images_give_the_same_explanation_on_every_layout(layout, explainer):
    backbone = tiny(**layout)
    method = build(backbone, explainer=explainer)
    images = torch.randn(3, 3, backbone.image_size, backbone.image_size)
    whole = method.explain(images)
    stored = method.explain(Batch(tokens=method.tokens(Batch(images=images))))
    torch.testing.assert_close(stored.saliency, whole.saliency, atol=0, rtol=0)
    torch.testing.assert_close(stored.logits, whole.logits, atol=0, rtol=0)
    for image, saliency in zip(images, whole.saliency, strict=True):
        torch.testing.assert_close(method.explain(image[None]).saliency[0], saliency, atol=1e-4, rtol=1e-3)
    with torch.autocast("cpu", torch.bfloat16):
        rough = method.explain(images, whole.logits.argmax(1))
    for value in (rough.logits, rough.part_maps, rough.saliency, whole.saliency):
        assert value.isfinite().all()
    assert rough.saliency.dtype == rough.part_maps.dtype == torch.float32


@pytest.mark.parametrize("features", ["class_token", "class_token_and_mean_patch"])
def test_the_head_alone_trains_from_stored_tokens_and_learns_a_batch_by_heart(backbone, features):
    method = build(backbone, 3, features=features, learning_rate=0.02).train()
    images = torch.randn(6, 3, 48, 48, generator=torch.Generator().manual_seed(2))
    batch = Batch(tokens=method.tokens(images), labels=torch.tensor([0, 1, 2, 0, 1, 2]))
    assert method.prefix_blocks == backbone.depth - 1
    (stage,) = method.stages(7)
    assert (stage.epochs, stage.schedule(7.0)) == (7, 0.0)
    optimiser, losses = stage.optimiser(stage.param_groups()), []
    for _ in range(60):
        loss = method.loss(batch)["cross_entropy"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    assert {name for name, p in method.named_parameters() if p.grad is not None} == {"head.weight", "head.bias"}
    assert all(p.grad is None for p in backbone.parameters())
