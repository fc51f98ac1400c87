"""IVPT: what each loss moves, what each level looks like, how many numbers train."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import layer_norm

from partbench.errors import UserError
from partbench.methods import Affine, Batch, create, load_backbone

COUNTS = (6, 5, 4, 3)
TERMS = {"classification", "consistency", "presence", "background_presence", "entropy", "total_variation",
         "equivariance", "orthogonality"}
SHAPE = {"presence", "background_presence", "entropy", "total_variation", "equivariance"}


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("vit_tiny_patch16_224", weights="random", image_size=64)


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(0)
    return Batch(torch.randn(3, 3, 64, 64, generator=generator), torch.tensor([0, 3, 1]))


def build(backbone, name="ivpt", classes=4, **settings):
    torch.manual_seed(0)
    return create(name, backbone, classes, **{"prototypes": COUNTS, **settings})


def reached(method, value):
    """Names of the parameters that a value has a gradient other than zero into, as ``group.index``."""
    names, parameters = zip(*method.named_parameters(), strict=True)
    gradients = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
    found = {name for name, gradient in zip(names, gradients, strict=True) if gradient is not None and gradient.any()}
    return {".".join(name.split(".")[:2]) for name in found}


def numbered(name, levels):
    return {f"{name}.{level}" for level in levels}


def test_each_loss_moves_exactly_the_parameters_of_the_reference_table(backbone, batch):
    method = build(backbone, train_embeddings=True).train()
    terms = method.loss(batch)
    final = (numbered("prototypes", [3]) | numbered("bias", [3]) | numbered("prompting", range(3))
             | {"modulation.weight", "modulation.bias", "embeddings.cls_token", "embeddings.pos_embed"})
    early = numbered("prototypes", range(3)) | numbered("bias", range(3))
    table = dict.fromkeys(SHAPE, early | numbered("prototypes", [3]) | numbered("bias", [3]))
    table["classification"] = final | {"classifier.weight"}
    table["orthogonality"] = final
    table["consistency"] = early | numbered("grouping", range(3))
    assert {name: reached(method, value) for name, value in terms.items()} == table
    assert not any(parameter.requires_grad for parameter in backbone.parameters())


def test_the_warped_pass_without_autograd_gives_the_gradients_of_the_full_one(backbone, batch):
    method = build(backbone).eval()
    tokens = method.tokens(batch)
    parameters = [*method.prototypes, *method.bias]
    full, cheap = (torch.autograd.grad(sum(maps.square().sum() for maps in method._look(tokens, maps_only).maps),
                                       parameters) for maps_only in (False, True))
    torch.testing.assert_close(full, cheap)


def test_levels_have_their_counts_and_everything_is_a_distribution(backbone, batch):
    method = build(backbone).train()
    view = method._look(method.tokens(batch))
    assert [tuple(maps.shape) for maps in view.maps] == [(3, count, 4, 4) for count in COUNTS]
    assert [tuple(shares.shape) for shares in view.groupings] == [(3, count - 1, 2) for count in COUNTS[:-1]]
    for values in (*view.maps, *(shares.transpose(1, 2) for shares in view.groupings)):
        torch.testing.assert_close(values.sum(1), torch.ones_like(values[:, 0]))
    assert method._scores(method._concepts(view)).shape == (3, 2, 4)


def test_the_last_blocks_get_one_prompt_per_concept_and_the_others_none(backbone, batch, monkeypatch):
    seen, original = {}, backbone.run_with_prompts

    def spy(tokens, block, prompts):
        output = original(tokens, block, prompts)
        seen[block] = tokens.shape[1], prompts.shape[1], output.shape[1]
        return output

    monkeypatch.setattr(backbone, "run_with_prompts", spy)
    build(backbone)(batch.images)
    assert seen == dict.fromkeys((9, 10, 11), (17, 2, 17))


def test_explanation_has_final_and_public_maps_that_partition_with_their_background(backbone, batch):
    explanation = build(backbone).eval().explain(batch)
    levels = explanation.all_levels()
    assert {name: level.part_maps.shape[1] for name, level in levels.items()} == {"final": 2, "public": 4}
    for level in levels.values():
        torch.testing.assert_close(level.part_maps.sum(1) + level.background, torch.ones(3, 4, 4))
        assert level.part_ids.tolist() == [list(range(level.part_maps.shape[1]))] * 3
    assert set(build(backbone, prototypes=(5, 3)).explain(batch).levels) == {"public"}
    assert not build(backbone, prototypes=(3,)).explain(batch).levels


def test_saliency_is_each_concepts_map_weighted_by_its_positive_margin_over_the_mean_class(backbone, batch):
    method = build(backbone).eval()
    targets = torch.tensor([2, 0, 3])
    explanation = method.explain(batch, targets)
    scores = method._scores(method._concepts(method._look(method.tokens(batch))))
    torch.testing.assert_close(scores.mean(1), explanation.logits)
    expected = torch.zeros(3, 4, 4)
    for image, target in enumerate(targets):
        for concept in range(2):
            margin = scores[image, concept, target] - scores[image, concept].mean()
            expected[image] += max(margin, 0) * explanation.part_maps[image, concept]
    torch.testing.assert_close(explanation.saliency, expected)
    assert method.explain(batch, saliency=False).saliency is None


def test_evaluation_is_deterministic_and_training_draws_noise_only_if_asked(backbone, batch):
    method = build(backbone).eval()
    assert torch.equal(method(batch), method(batch.images))
    method.train()
    assert not torch.equal(method(batch), method(batch))
    quiet = build(backbone, grouping_noise=False).train()
    assert torch.equal(quiet(batch), quiet(batch))


def test_an_image_without_any_part_gives_finite_outputs_and_gradients(backbone, batch):
    method = build(backbone).train()
    with torch.no_grad():
        for bias in method.bias:
            bias[-1] = 1e4
    terms = method.loss(batch)
    sum(terms.values()).backward()
    assert all(value.isfinite() for value in terms.values())
    assert all(p.grad.isfinite().all() for p in method.parameters() if p.grad is not None)
    assert method.explain(batch).saliency.isfinite().all()


def test_an_empty_prototype_takes_no_part_in_a_prompt(backbone, batch):
    method = build(backbone).eval()
    tokens = method.tokens(batch)
    features = method._features(tokens)
    with torch.no_grad():
        method.bias[0][1] = -1e4
        maps = method._assign(0, features)
        prompts, shares = method._prompts(0, features, maps)
    assert (shares[:, 1] == 0.5).all()
    for image in range(3):
        strongest = maps[image].argmax(0)
        present = [part for part in range(5) if (strongest == part).any()]
        assert 1 not in present
        masks = [(strongest == part) * maps[image, part] for part in present]
        means = torch.stack([(features[image] * mask).sum((1, 2)) / mask.sum() for mask in masks])
        weights = shares[image, present]
        fused = (weights.T @ means) / weights.sum(0)[:, None]
        torch.testing.assert_close(prompts[image], method.prompting[0](layer_norm(fused, (2, 192))))


@pytest.mark.parametrize("settings", [
    {}, {"prototypes": (3, 2)}, {"prototypes": (2, 2, 2)}, {"prototypes": (4,)}, {"train_embeddings": True},
    *({"name": f"ivpt@{v}"} for v in ("public", "last_layer", "bias", "regions", "cross_layer")),
], ids=str)
def test_every_variant_and_the_smallest_counts_train_one_step(backbone, batch, settings):
    method = build(backbone, **settings).train()
    stage = method.stages(2)[0]
    optimiser = stage.optimiser(stage.param_groups())
    for _ in range(2):
        terms = method.loss(batch)
        optimiser.zero_grad()
        sum(terms.values()).backward()
        norm = torch.nn.utils.clip_grad_norm_(method.parameters(), stage.clip)
        optimiser.step()
        assert norm.isfinite()
        assert all(term.isfinite() and term.dtype == torch.float32 for term in terms.values())
    design = method.settings.design
    grouped = design == "grouped" and len(method.settings.prototypes) > 1
    assert set(terms) == (TERMS if grouped else TERMS - {"consistency"})
    assert len(method.prototypes) == (len(method.settings.prototypes) if design in ("grouped", "cross_layer") else 1)
    assert bool(len(method.bias)) == (design != "last_layer")


def test_cross_layer_prompts_with_every_region_of_a_level(backbone, batch):
    method = build(backbone, "ivpt@cross_layer")
    features = method._features(method.tokens(batch))
    prompts, grouping = method._prompts(0, features, method._assign(0, features))
    assert prompts.shape == (3, 5, 192)
    assert grouping is None


@pytest.mark.parametrize(("name", "image_size", "prefix"), [
    ("vit_medium_patch16_gap_240", 64, 0), ("deit_tiny_distilled_patch16_224", 64, 2),
    ("vit_small_patch14_reg4_dinov2", 56, 5)])  # the last with LayerScale and registers outside the positions
def test_backbones_with_any_prefix_train_their_embeddings(name, image_size, prefix, batch):
    other = load_backbone(name, weights="random", image_size=image_size)
    assert other.prefix == prefix
    side = other.image_size
    method = build(other, train_embeddings=True, prototypes=(4, 3)).train()
    terms = method.loss(Batch(batch.images[..., :side, :side], batch.labels))
    sum(terms.values()).backward()
    assert all(value.isfinite() for value in terms.values())
    assert all(p.grad is not None and p.grad.any() for p in method.embeddings.values())


def test_a_loss_of_weight_zero_is_left_out_and_no_second_view_is_made_for_it(backbone, batch, monkeypatch):
    monkeypatch.setattr(Batch, "with_warp", lambda *_: pytest.fail("a second view was made"))
    method = build(backbone, equivariance=0, entropy=0)
    assert method.views == ("clean",)
    assert set(method.loss(batch)) == TERMS - {"equivariance", "entropy"}
    assert build(backbone).views == ("clean", "warped")


def test_weights_scale_their_terms_and_given_labels_replace_the_batchs(backbone, batch):
    affine = Affine(0.0, (0.0, 0.0), 1.0)
    both = replace(batch, warped=batch, affine=affine)
    plain, heavy = (build(backbone, **weights).eval().loss(both) for weights in ({}, dict.fromkeys(TERMS, 2.0)))
    for name in TERMS:
        torch.testing.assert_close(heavy[name], 2 * plain[name])
    other = build(backbone).eval().loss(both, torch.tensor([1, 1, 1]))["classification"]
    assert other != plain["classification"]
    assert plain["equivariance"].abs() < 1e-5
    with pytest.raises(ValueError, match="labels"):
        build(backbone).loss(batch.images)


def test_stored_tokens_give_what_images_give(backbone, batch):
    method = build(backbone).eval()
    stored = Batch(tokens=backbone.run(backbone.embed(batch.images), 0, method.prefix_blocks))
    assert method.prefix_blocks == 9
    torch.testing.assert_close(method(stored), method(batch))


def test_bf16_autocast_trains_with_fp32_losses_near_the_fp32_ones(backbone, batch):
    method = build(backbone).eval()
    both = replace(batch, warped=batch, affine=Affine(0.0, (0.0, 0.0), 1.0))
    exact = method.loss(both)
    with torch.autocast("cpu", torch.bfloat16):
        terms = method.loss(both)
    for name, value in terms.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, exact[name], rtol=0.05, atol=0.05)


ROWS = [  # backbone, side, trainable numbers of the reference implementation at 200 classes
    ("vit_small_patch14_reg4_dinov2", 518, 1_302_191),
    ("vit_base_patch14_reg4_dinov2", 518, 3_708_719),
    ("vit_base_patch14_reg4_dinov2", 224, 2_792_720),
    ("vit_base_patch14_dinov2", 518, 3_706_415),
    ("vit_large_patch14_reg4_dinov2", 518, 5_968_431),
    ("deit_small_distilled_patch16_224", 224, 786_860),
    ("deit_base_distilled_patch16_224", 224, 2_742_572),
]
TOTALS = [22_844_207, 89_260_079, 88_344_080, 89_257_775, 308_964_911, 22_388_780, 88_413_740]


@pytest.mark.parametrize(("row", "total"), zip(ROWS, TOTALS, strict=True), ids=lambda value: str(value))
def test_parameter_counts_are_the_reference_implementations_less_its_frozen_norms(row, total):
    name, side, trainable = row
    with torch.device("meta"):
        backbone = load_backbone(name, weights="random", image_size=side)
        method = create("ivpt@public", backbone, 200)
        frozen = create("ivpt", backbone, 200)
    own = sum(p.numel() for p in method.parameters() if p.requires_grad)
    embeddings = sum(p.numel() for p in method.embeddings.values())
    assert own == trainable
    assert sum(p.numel() for p in frozen.parameters()) == trainable - embeddings
    whole = own - embeddings + sum(p.numel() for p in backbone.parameters())
    assert whole == total - 2 * 4 * 4 * backbone.width


def test_the_state_dict_restores_everything_trained_and_holds_no_backbone(backbone, batch):
    method = build(backbone, train_embeddings=True).eval()
    torch.manual_seed(1)
    other = create("ivpt@public", backbone, 4, prototypes=COUNTS).eval()
    for parameter in method.parameters():
        parameter.data.add_(0.01 * torch.randn_like(parameter))
    other.load_state_dict(method.state_dict())
    assert torch.equal(other(batch), method(batch))
    assert set(method.state_dict()) == {name for name, _ in method.named_parameters()}
    assert not any("block" in name for name in method.state_dict())


def test_the_recipe_halves_the_rates_every_four_of_25_epochs(backbone):
    (stage,) = build(backbone, train_embeddings=True).stages(25)
    assert [stage.schedule(epoch) for epoch in range(25)] == [0.5 ** (epoch // 4) for epoch in range(25)]
    assert stage.schedule(3.99) == 1.0
    fine, head = stage.param_groups()
    assert (fine["lr"], head["lr"], stage.clip, stage.epochs) == (2e-4, 1e-2, 2.0, 25)
    assert len(fine["params"]) + len(head["params"]) == len(list(build(backbone, train_embeddings=True).parameters()))
    assert len(fine["params"]) == 4 + 4 + 2


def test_more_levels_than_blocks_is_one_clear_line(backbone):
    build(backbone, prototypes=(2,) * 13)
    with pytest.raises(UserError, match=r"14 levels .* 12 blocks; give at most 13 counts"):
        build(backbone, prototypes=(2,) * 14)


def test_tunables_are_settings_within_bounds(backbone):
    method = build(backbone)
    tunables = method.tunables()
    ladder = tunables.pop("prototypes")
    for name, tunable in tunables.items():
        for value in (tunable.low, math.sqrt(tunable.low * tunable.high), tunable.high):
            assert name in type(method.settings).model_fields
            method.card.resolve(overrides={name: value})
    assert (ladder.fewest, ladder.most) == (1, 5)
    single = build(backbone, "ivpt@regions").tunables()
    assert "consistency" not in single
    assert single["prototypes"].most == 1
