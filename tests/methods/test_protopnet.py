"""ProtoPNet: the public code's numbers, its push, and training that can stop anywhere."""

import logging
from itertools import pairwise

import pytest
import torch

from partbench.methods import Batch, Loaders, create, load_backbone
from partbench.methods.optimising import Optimisers, descend, set_rates
from partbench.methods.patch_prototypes import nearest_patches, own_and_other, percentile_box
from partbench.methods.protopnet import log_similarity

CLASSES = 3
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
POOLED = torch.tensor([[0.5, 1, 2, 3], [4, 0.25, 1.5, 0.75]])


def images(size: int = 48) -> torch.Tensor:
    return torch.randn(6, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def resnet():
    return load_backbone("resnet18", "random", 64)


def build(backbone, name="protopnet", classes=CLASSES, **settings):
    torch.manual_seed(0)
    return create(name, backbone, classes, **{"prototypes_per_class": 2, "dimension": 16, **settings})


def batches(size=6, pictures=None, labels=LABELS):
    pictures = images() if pictures is None else pictures
    whole = [Batch(images=some, labels=theirs)
             for some, theirs in zip(pictures.split(size), labels.split(size), strict=True)]
    return Loaders(whole, whole)


def step(method, stage, optimiser, epoch, batch):
    stage.enter(epoch)
    method.train()
    set_rates(optimiser, stage.schedule(epoch + 1 - 1e-9))
    terms = method.loss(batch)
    optimiser.zero_grad()
    torch.stack(list(terms.values())).sum().backward()
    descend(stage, optimiser)
    return terms


def fit(method, epochs, loaders, stop=None, start=(0, 0), optimisers=None):
    """Every stage with one step an epoch; ``stop`` ends after that many epochs, ``start`` goes on from there."""
    stages = method.stages(epochs)
    optimisers, (first, epoch), done = optimisers or Optimisers(method, stages), start, 0
    for number in range(first, len(stages)):
        begin = epoch if number == first else 0
        if not begin:
            stages[number].prepare(loaders)
        optimiser = optimisers.of(number)
        for at in range(begin, stages[number].epochs):
            step(method, stages[number], optimiser, at, loaders.augmented[0])
            done += 1
            if done == stop:
                return optimisers, (number, at + 1)
    return optimisers, None


@pytest.mark.parametrize(("distance", "similarity"), [
    (0, 9.210340), (1e-4, 8.517293), (0.5, 1.098412), (1, 0.693047), (128, 0.00778136)])
def test_log_similarity_is_the_public_code_s(distance, similarity):
    assert log_similarity(torch.tensor(float(distance))).item() == pytest.approx(similarity, rel=1e-5)


def test_the_loss_of_the_worked_example(backbone, monkeypatch):
    method = build(backbone, classes=2)
    monkeypatch.setattr("partbench.methods.protopnet.nearest_patches", lambda *_: (POOLED, None))
    expected = torch.tensor([[1.444928, -0.202666], [1.153195, 0.441845]])
    torch.testing.assert_close(method(images()[:2]), expected, atol=1e-5, rtol=0)
    own, other = own_and_other(POOLED, torch.tensor([0, 1]), 2)
    assert (own.mean().item(), other.mean().item()) == (0.625, 1.125)
    terms = {name: term.item() for name, term in method.loss(images()[:2], torch.tensor([0, 1])).items()}
    assert terms == pytest.approx({"cross_entropy": 0.643423, "cluster": 0.5, "separation": -0.09, "sparsity": 2e-4},
                                  abs=1e-6)
    assert sum(terms.values()) == pytest.approx(1.053623, abs=1e-6)


def test_the_nearest_own_prototype_may_be_farther_than_the_dimension():
    own, _ = own_and_other(torch.tensor([[130.0, 200, 1, 2]]), torch.tensor([0]), 2)
    assert own.item() == 130


def test_the_box_holds_every_value_from_the_95th_percentile_on():
    surface = torch.zeros(10, 10)
    surface[2:4, 3:6] = torch.tensor([[5.0, 6, 7], [8, 9, 10]])
    assert percentile_box(surface) == (2, 4, 3, 6)


@pytest.mark.parametrize(("classes", "dimension", "expected"), [(200, 128, 770_944)])
def test_trainable_parameters_are_the_reference_s(classes, dimension, expected):
    with torch.device("meta"):
        vit = load_backbone("vit_base_patch16_224.dino", "random", 224)
        method = build(vit, classes=classes, dimension=dimension, prototypes_per_class=10)
    assert sum(p.numel() for p in method.parameters() if p.requires_grad) == expected
    assert method.last_layer.weight.numel() == 400_000


def test_nearest_patches_are_the_minimum_of_all_distances_in_value_and_gradient(monkeypatch):
    monkeypatch.setattr("partbench.methods.patch_prototypes._MOST_VALUES", 100)  # several chunks
    features = torch.rand(5, 8, 3, 4, requires_grad=True)
    prototypes = torch.rand(7, 8, requires_grad=True)
    distances, cells = nearest_patches(features, prototypes)
    full = (features.flatten(2)[:, None] - prototypes[:, :, None]).square().sum(2)
    torch.testing.assert_close(distances, full.amin(2))
    assert torch.equal(cells, full.argmin(2))
    weights = torch.rand(5, 7)
    given = torch.autograd.grad((distances * weights).sum(), (features, prototypes))
    torch.testing.assert_close(given, torch.autograd.grad((full.amin(2) * weights).sum(), (features, prototypes)))


def test_a_push_makes_every_prototype_a_patch_of_its_class_and_says_which(backbone):
    method = build(backbone).eval()
    method.push(batches())
    features = method.features(images()).flatten(2)
    for prototype in range(CLASSES * 2):
        image, cell = method.source_image[prototype], method.source_cell[prototype]
        assert LABELS[image] == prototype // 2
        torch.testing.assert_close(method.prototypes[prototype], features[image, :, cell])
    distances, cells = nearest_patches(method.features(images()), method.prototypes)
    columns = torch.arange(CLASSES * 2)
    torch.testing.assert_close(log_similarity(distances[method.source_image, columns]),
                               torch.full((6,), 9.210340), atol=1e-3, rtol=0)
    assert torch.equal(cells[method.source_image, columns], method.source_cell)


def test_a_push_finds_what_a_search_over_all_patches_of_the_class_finds_whatever_the_batch(backbone):
    method = build(backbone)
    features, before = method.features(images()).flatten(2), method.prototypes.detach().clone()
    distances = (features[:, None] - before[None, :, :, None]).square().sum(2)  # [N, P, h*w]
    foreign = LABELS[:, None] != torch.arange(6) // 2
    best = distances.amin(2).masked_fill(foreign, torch.inf)
    for size in (1, 4, 6):
        method = build(backbone)
        method.push(batches(size))
        assert torch.equal(method.source_image, best.argmin(0))
        torch.testing.assert_close(method.source_distance, best.amin(0))


def test_of_equal_images_the_first_is_the_source_and_prototypes_may_share_a_patch(backbone):
    method = build(backbone)
    with torch.no_grad():
        method.prototypes[1] = method.prototypes[0]
    twice = torch.cat([images(), images()])
    method.push(batches(4, twice, LABELS.repeat(2)))
    assert method.source_image.max() < 6
    assert torch.equal(method.prototypes[0], method.prototypes[1])


def test_a_class_without_an_image_keeps_its_prototypes_and_warns(backbone, caplog):
    method = build(backbone)
    before = method.prototypes.detach().clone()
    with caplog.at_level(logging.WARNING, "partbench"):
        method.push(batches(6, images(), torch.tensor([0, 0, 2, 0, 2, 2])))
    assert torch.equal(method.prototypes[2:4], before[2:4])
    assert not torch.isclose(method.prototypes[:2], before[:2]).all()
    assert method.source_image[2:4].tolist() == [-1, -1]
    assert "class 1;" in caplog.text


@pytest.mark.parametrize(("start", "pushed"), [("patches", True), ("uniform", False)])
def test_prototypes_start_as_patches_unless_the_published_uniform_start_is_asked_for(backbone, start, pushed):
    method = build(backbone, start=start)
    method.stages(5)[0].prepare(batches())
    assert (method.source_image >= 0).all() == pushed


def test_evidence_is_the_logit_s_own_share_and_ids_belong_to_the_target(backbone):
    method, targets = build(backbone).eval(), torch.tensor([2, 0, 1, 1, 0, 2])
    with torch.no_grad():
        explanation = method.explain(images(), targets)
    assert explanation.part_maps.shape == (6, 2, 3, 3)
    assert explanation.part_ids.tolist() == [[2 * target, 2 * target + 1] for target in targets]
    torch.testing.assert_close(explanation.saliency, explanation.part_maps.sum(1))  # own weights are 1 at first
    torch.testing.assert_close(explanation.part_scores, explanation.part_maps.amax((2, 3)), atol=1e-3, rtol=1e-3)
    distances, _ = nearest_patches(method.features(images()), method.prototypes)
    similarity = log_similarity(distances)
    others = similarity.sum(1) - explanation.part_scores.sum(1)
    logit = explanation.logits[torch.arange(6), targets]
    torch.testing.assert_close(logit, explanation.part_scores.sum(1) - 0.5 * others)


@pytest.mark.parametrize("kind", ["backbone", "resnet"])
def test_stored_tokens_give_the_numbers_of_images_on_a_frozen_backbone(kind, request):
    frozen = request.getfixturevalue(kind)
    method, pictures = build(frozen), images(frozen.image_size)
    assert method.prefix_blocks == frozen.depth
    stored = Batch(tokens=frozen.run(frozen.embed(pictures)), labels=LABELS)
    torch.testing.assert_close(method(stored), method(pictures))
    torch.testing.assert_close(method.explain(stored).part_maps, method.explain(pictures).part_maps)


@pytest.mark.parametrize("name", ["protopnet@frozen", "protopnet@finetune"])
@pytest.mark.parametrize("epochs", [*range(1, 41), 91, 2730])
def test_stages_share_every_epoch_and_end_with_the_last_layer(backbone, name, epochs):
    stages = build(backbone, name).stages(epochs)
    assert sum(stage.epochs for stage in stages) == epochs
    assert min(stage.epochs for stage in stages) >= 0
    assert stages[0].epochs >= 1
    assert stages[-1].name.startswith("last layer")
    assert stages[-1].epochs >= (epochs > 1)


def test_from_91_epochs_on_the_published_schedule_and_its_rates(backbone):
    stages = build(backbone, "protopnet@finetune").stages(91)
    assert [stage.epochs for stage in stages] == [5, 6, 20, 10, 20, 10, 20]
    joint = [stage for stage in stages if stage.name.startswith("joint")]
    factors = [stage.schedule(epoch + 0.5) for stage in joint for epoch in range(stage.epochs)]
    expected = [1.0] * 4 + [0.1] * 5 + [0.01] * 5 + [1e-3] * 5 + [1e-4] * 5 + [1e-5] * 2
    assert factors == pytest.approx(expected)
    assert [stage.continues for stage in stages] == [None, None, None, "joint 1", "last layer 1", "joint 1",
                                                     "last layer 1"]


def test_each_stage_moves_its_own_parameters_alone(resnet):
    method, loaders = build(resnet, "protopnet@finetune"), batches(6, images(64))
    stages, moved = method.stages(14), {}
    optimisers = Optimisers(method, stages)
    for number, stage in enumerate(stages[:3]):
        stage.prepare(loaders)
        before = {name: p.detach().clone() for name, p in method.named_parameters()}
        for epoch in range(2):  # the last batch norm of a residual block starts at zero and lets nothing through
            step(method, stage, optimisers.of(number), epoch, loaders.augmented[0])
        moved[stage.name] = {name for name, p in method.named_parameters() if not torch.equal(p, before[name])}
    head = {name for name, _ in method.named_parameters() if name.startswith(("add_on", "prototypes"))}
    features = {name for name, _ in method.named_parameters() if name.startswith("finetuned")}
    assert moved == {"warm": head, "joint 1": head | features, "last layer 1": {"last_layer.weight"}}


@pytest.mark.parametrize(("name", "stops"), [("protopnet@frozen", (4, 9)), ("protopnet@finetune", (2, 4, 6, 9))])
def test_training_that_stops_in_any_stage_goes_on_to_the_same_model(name, stops):
    backbone, epochs, loaders = load_backbone("vit_tiny_patch16_224", "random", 32), 10, batches(6, images(32))
    whole = build(backbone, name, last_layer_share=0.5)
    fit(whole, epochs, loaders)
    for stop in stops:
        method = build(backbone, name, last_layer_share=0.5)
        optimisers, position = fit(method, epochs, loaders, stop)
        resumed = create(name, backbone, CLASSES, prototypes_per_class=2, dimension=16, last_layer_share=0.5)
        resumed.load_state_dict(method.state_dict())
        loaded = Optimisers(resumed, resumed.stages(epochs))
        loaded.load(optimisers.state(), position[0])
        fit(resumed, epochs, loaders, start=position, optimisers=loaded)
        for key, value in whole.state_dict().items():
            assert torch.equal(resumed.state_dict()[key], value), (stop, key)


@pytest.mark.parametrize("kind", ["backbone", "resnet"])
def test_frozen_it_learns_a_batch_by_heart_and_an_image_alone_scores_the_same(kind, request):
    given = request.getfixturevalue(kind)
    method, loaders = build(given), batches(6, images(given.image_size))
    before = method.loss(loaders.augmented[0])["cross_entropy"].item()
    fit(method, 40, loaders)
    method.eval()
    with torch.no_grad():
        assert method.loss(loaders.augmented[0])["cross_entropy"] < 0.7 * before
        together = method(loaders.augmented[0])
        assert (together.argmax(1) == LABELS).all()
        alone = torch.cat([method(picture[None]) for picture in images(given.image_size)])
        torch.testing.assert_close(alone, together, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("kind", ["backbone", "resnet"])
def test_fine_tuned_the_joint_stage_learns_a_batch_by_heart(kind, request):
    given = request.getfixturevalue(kind)
    method, batch = build(given, "protopnet@finetune"), Batch(images=images(given.image_size), labels=LABELS)
    stage = next(stage for stage in method.stages(91) if stage.name == "joint 1")
    optimiser = Optimisers(method, [stage]).of(0)
    losses = [step(method, stage, optimiser, 0, batch)["cross_entropy"].item() for _ in range(15)]
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize(("model", "size", "classes"), [
    ("vit_small_patch14_reg4_dinov2", 42, 500), ("vit_wee_patch16_reg1_gap_256", 48, 2)])
def test_any_prefix_and_class_count_trains_a_single_image_in_bf16(model, size, classes):
    method = build(load_backbone(model, "random", size), "protopnet@finetune", classes).train()
    with torch.autocast("cpu", torch.bfloat16):
        terms = method.loss(images(size)[:1], torch.tensor([1]))
    assert all(term.dtype == torch.float32 and term.isfinite() for term in terms.values())
    sum(terms.values()).backward()
    assert all(parameter.grad is not None for parameter in method.parameters())


def test_attention_pooling_of_a_backbone_that_trains_is_declared_inert():
    with torch.device("meta"):
        method = build(load_backbone("vit_base_patch16_siglip_224", "random", 32), "protopnet@finetune")
        method.patch_features(torch.zeros(2, 3, 32, 32)).sum().backward()
    still = {name for name, parameter in method.finetuned.named_parameters("finetuned") if parameter.grad is None}
    assert still == set(method.inert) != set()


def test_without_a_transformer_the_rates_of_the_backbone_do_not_decay(backbone, resnet):
    vit, cnn = (build(given, "protopnet@finetune").feature_groups() for given in (backbone, resnet))
    assert {group["lr"] for group in cnn} == {1e-4}
    rates = [group["lr"] for group in vit]
    assert rates[-1] == 1e-5
    assert all(one == pytest.approx(0.75 * other) for one, other in pairwise(rates))
