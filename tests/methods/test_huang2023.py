"""Huang et al. 2023: the reference's worked numbers, what each stage moves, and what an explanation adds up to."""

import pytest
import torch
from torch.nn.functional import cosine_similarity, cross_entropy

from partbench.methods import Batch, create, load_backbone
from partbench.methods.feature_alignment import feature_alignment, similarity_rows, space_to_depth
from partbench.methods.huang2023 import aggregation_weights, orthogonality, projections
from partbench.methods.optimising import Optimisers, descend, set_rates

LABELS = torch.tensor([0, 2, 1, 2])
SMALL = {"prototypes_per_class": 3, "dimension": 16}


@pytest.fixture(scope="module")
def transformer():
    return load_backbone("vit_tiny_patch16_224", "random", 48)


@pytest.fixture(scope="module")
def network():
    return load_backbone("resnet18", "random", 64)


def pictures(backbone, count=4):
    side = backbone.image_size
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def build(backbone, name="huang2023", classes=3, seed=0, **settings):
    torch.manual_seed(seed)
    return create(name, backbone, classes, **SMALL | settings)


def cells(rows):
    """Feature rows [n, D] as maps [1, D, 1, n]."""
    return torch.tensor(rows).T[None, :, None]


def train(method, batch, epochs, steps=1):
    """The recipe with ``steps`` steps an epoch on one batch; yields (stage, its losses) after every stage."""
    stages = method.stages(epochs)
    optimisers = Optimisers(method, stages)
    for number, stage in enumerate(stages):
        losses, optimiser = [], optimisers.of(number)
        for step in range(stage.epochs * steps):
            stage.enter(step // steps)
            set_rates(optimiser, stage.schedule(step / steps))
            terms = method.train().loss(batch)
            optimiser.zero_grad()
            sum(terms.values()).backward()
            descend(stage, optimiser)
            losses.append(terms["cross_entropy"].item())
        yield stage, losses


def test_a_projection_keeps_the_length_of_the_patch_and_a_cosine_does_not():
    features, prototypes = cells([[3.0, 4.0]]), torch.tensor([[0.0, 2.0]])
    assert projections(features, prototypes).flatten().item() == pytest.approx(4.0)
    assert projections(features / 5, prototypes).flatten().item() == pytest.approx(0.8)


def test_aggregation_weights_start_at_one_and_sum_to_their_number():
    scores = torch.tensor([[0.2, 0.4, 0.6]])
    weights = aggregation_weights(torch.tensor([[1.0, 1.0, 2.0]]))
    torch.testing.assert_close(weights, torch.tensor([[0.635825, 0.635825, 1.728352]]), atol=2e-6, rtol=0)
    assert (weights * scores).sum().item() == pytest.approx(1.418505, abs=1e-6)
    assert (aggregation_weights(torch.ones(1, 3)) * scores).sum().item() == pytest.approx(1.2)


def test_orthogonality_sums_absolute_entries_per_class():
    first, second = [[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [1.0, 0.0]]
    assert [orthogonality(torch.tensor(found), 2).item() for found in (first, second, first + second)] == [
        pytest.approx(1.2), pytest.approx(2.0), pytest.approx(3.2)]


def test_feature_alignment_is_the_worked_example_and_moves_the_deep_map_only():
    shallow = cells([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]).requires_grad_()
    deep = cells([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]).requires_grad_()
    peaks = torch.tensor([[0, 2]])
    excess = torch.relu((similarity_rows(deep, peaks) - similarity_rows(shallow, peaks)).abs() - 0.1)
    expected = torch.tensor([[[0, 0.607107, 0.607107], [0.607107, 0, 0]]])
    torch.testing.assert_close(excess, expected, atol=1e-6, rtol=0)
    loss = feature_alignment(shallow, deep, peaks, 0.1)
    assert loss.item() == pytest.approx(0.303553, abs=1e-6)
    loss.backward()
    assert shallow.grad is None
    assert deep.grad.any()


def test_a_shallow_map_is_cut_into_the_blocks_of_the_deep_grid(network):
    shallow, deep = network.shallow_and_deep(pictures(network, 2))
    assert (tuple(shallow.shape[1:]), tuple(deep.shape[1:])) == ((64, 16, 16), (512, 2, 2))
    blocks = space_to_depth(shallow, (2, 2))
    assert blocks.shape == (2, 64 * 64, 2, 2)
    for row, column in ((0, 0), (0, 1), (1, 0)):
        block = shallow[:, :, 8 * row:8 * row + 8, 8 * column:8 * column + 8]
        assert torch.equal(blocks[:, :, row, column], block.flatten(1))
    assert space_to_depth(torch.rand(1, 3, 7, 4), (3, 2)).shape == (1, 3 * 2 * 2, 3, 2)


def test_the_loss_is_its_definition(transformer):
    method, images = build(transformer, "huang2023@finetune").eval(), pictures(transformer)
    terms = method.loss(images, LABELS)
    shallow, deep = transformer.shallow_and_deep(images)
    patches, prototypes = method.add_on(deep).flatten(2).transpose(1, 2), method.prototypes
    projected = patches @ prototypes.T
    cosines = cosine_similarity(patches[:, :, None], prototypes, dim=3).amax(1)
    logits = projected.amax(1).unflatten(1, (3, 3)).sum(2)
    own = torch.arange(9) // 3 == LABELS[:, None]
    peaks = torch.stack([projected[image, :, 3 * label:3 * label + 3].argmax(0) for image, label in enumerate(LABELS)])
    expected = {
        "cross_entropy": cross_entropy(logits, LABELS),
        "cluster": -0.8 * cosines.masked_fill(~own, -2).amax(1).mean(),
        "separation": 0.08 * cosines.masked_fill(own, -2).amax(1).mean(),
        "orthogonality": 1e-4 * orthogonality(method.prototypes, 3),
        "alignment": 0.5 * feature_alignment(shallow, deep, peaks, 0.1),
    }
    assert set(terms) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, msg=name)
    assert set(build(transformer).loss(images, LABELS)) == set(expected) - {"alignment"}


def test_a_frozen_head_on_vit_base_has_the_reference_s_179216_parameters():
    with torch.device("meta"):
        method = create("huang2023", load_backbone("vit_base_patch16_224.dino", "random", 224), 200)
    assert sum(p.numel() for p in method.parameters() if p.requires_grad) == 49_216 + 128_000 + 2_000


def test_an_explanation_adds_up_to_the_target_s_logit(transformer):
    method, images = build(transformer).eval(), pictures(transformer)
    with torch.no_grad():
        method.aggregation.copy_(torch.randn(3, 3))
        logits, evidence = method(images), method.explain(images, LABELS)
        predicted, alone = method.explain(images), method.explain(images[1:2], LABELS[1:2])
    torch.testing.assert_close(evidence.logits, logits)
    torch.testing.assert_close(evidence.part_scores.sum(1), logits[torch.arange(4), LABELS])
    weights = aggregation_weights(method.aggregation)[LABELS]
    torch.testing.assert_close(evidence.part_scores, weights * evidence.part_maps.amax((2, 3)))
    torch.testing.assert_close(evidence.saliency, torch.einsum("bk,bkhw->bhw", weights, evidence.part_maps))
    assert evidence.part_ids.tolist() == [[3 * label + part for part in range(3)] for label in LABELS.tolist()]
    assert torch.equal(predicted.part_ids[:, 0], 3 * logits.argmax(1))
    torch.testing.assert_close(alone.part_maps, evidence.part_maps[1:2])
    assert method.explain(images, saliency=False).saliency is None


def test_stored_tokens_give_what_images_give(transformer):
    method, images = build(transformer).eval(), pictures(transformer)
    assert method.prefix_blocks == transformer.depth
    stored = Batch(tokens=method.tokens(images), labels=LABELS)
    torch.testing.assert_close(method(stored), method(images))
    for name, value in method.loss(stored).items():
        torch.testing.assert_close(value, method.loss(images, LABELS)[name])


def test_the_stages_share_the_epochs_as_the_paper_s_12(transformer):
    frozen, finetuned = build(transformer), build(transformer, "huang2023@finetune")
    for epochs in (*range(1, 41), 360):
        assert [stage.epochs for stage in frozen.stages(epochs)] == [epochs]
        assert sum(stage.epochs for stage in finetuned.stages(epochs)) == epochs
        assert finetuned.stages(epochs)[1].epochs >= 1
    warm, joint = finetuned.stages(12)
    assert (warm.epochs, joint.epochs) == (5, 7)
    assert [joint.schedule(epoch) for epoch in range(7)] == pytest.approx([1, 1, 0.2, 0.2, 0.2, 0.04, 0.04])
    long = finetuned.stages(360)[1]
    assert [long.schedule(epoch) for epoch in (59, 60, 149, 150)] == pytest.approx([1, 0.2, 0.2, 0.04])


def test_rates_are_the_script_s_and_fall_by_layer_on_a_transformer_only(transformer, network):
    for backbone, last, before in ((transformer, 1e-5, 0.75e-5), (network, 1e-4, 1e-4)):
        _, joint = build(backbone, "huang2023@finetune").stages(12)
        add_on, prototypes, aggregation, *features = joint.param_groups()
        assert [group["lr"] for group in (add_on, prototypes, aggregation)] == [3e-3, 3e-3, 1e-6]
        assert [group["lr"] for group in features[:-3:-1]] == pytest.approx([last, before])
        assert {group["weight_decay"] for group in (add_on, *features)} == {1e-3}
        assert "weight_decay" not in prototypes


def test_warm_steps_leave_the_backbone_alone_and_joint_ones_move_all_of_it(transformer):
    method, batch = build(transformer, "huang2023@finetune"), Batch(pictures(transformer), LABELS)
    before = {name: value.clone() for name, value in method.named_parameters()}
    moved = []
    for _ in train(method, batch, 2):
        moved.append({name for name, value in method.named_parameters() if not torch.equal(value, before[name])})
    head = {"prototypes", "aggregation", "add_on.0.weight", "add_on.0.bias"}
    assert moved == [head, set(before)]
    assert not any(parameter.requires_grad for parameter in transformer.parameters())
    frozen = build(transformer)
    assert {name for name, _ in frozen.named_parameters()} == head


@pytest.mark.parametrize("name", ["huang2023", "huang2023@finetune"])
def test_prototypes_are_unit_vectors_and_every_stage_can_be_saved(transformer, name):
    method, batch = build(transformer, name), Batch(pictures(transformer), LABELS)
    for _ in train(method, batch, 3):
        torch.testing.assert_close(method.prototypes.norm(dim=1), torch.ones(9))
        other = build(transformer, name, seed=1)
        other.load_state_dict(method.state_dict())
        assert torch.equal(other.eval()(batch), method.eval()(batch))


@pytest.mark.parametrize("name", ["huang2023", "huang2023@finetune"])
@pytest.mark.parametrize("kind", ["transformer", "network"])
def test_it_learns_a_batch_by_heart(request, name, kind):
    backbone = request.getfixturevalue(kind)
    batch = Batch(pictures(backbone, 6), torch.tensor([0, 1, 2, 0, 1, 2]))
    rates = {"add_on_rate": 0.03, "prototype_rate": 0.03, "feature_rate": 1e-3}
    method = build(backbone, name, **rates)
    losses = [loss for _, found in train(method, batch, 12, steps=2) for loss in found]
    assert losses[-1] < 0.5 * losses[0]
    assert (method.eval()(batch).argmax(1) == batch.labels).float().mean() > 0.5


@pytest.mark.parametrize(("name", "side", "classes"), [
    ("vit_small_patch14_reg4_dinov2", 28, 2), ("deit_tiny_distilled_patch16_224", 32, 500),
    ("vit_medium_patch16_gap_240", 48, 2), ("vit_small_patch8_224", 16, 2)])
def test_any_backbone_trains_in_bf16_with_fp32_losses(name, side, classes):
    backbone = load_backbone(name, "random", side)
    method = build(backbone, "huang2023@finetune", classes).train()
    with torch.autocast("cpu", torch.bfloat16):
        terms = method.loss(pictures(backbone, 1), torch.tensor([1]))
    assert all(value.isfinite() and value.dtype == torch.float32 for value in terms.values())
    sum(terms.values()).backward()
    assert {name for name, p in method.named_parameters() if p.grad is None} <= set(method.inert)
    with torch.no_grad():
        assert method.eval().explain(pictures(backbone, 1)).part_maps.isfinite().all()


def test_tunables_are_settings_within_bounds_and_idle_ones_are_left_out(transformer):
    method = build(transformer, "huang2023@finetune")
    for name, tunable in method.tunables().items():
        for value in tunable.choices or (tunable.low, tunable.high):
            method.card.resolve(overrides={name: value})
    assert set(method.tunables()) - set(build(transformer).tunables()) == {"alignment", "feature_rate"}
    with pytest.raises(ValueError, match="labels"):
        method.loss(pictures(transformer))
