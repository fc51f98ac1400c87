"""Prompt-CAM: its short cuts change no number, its counts are the paper's, its heads rank as brute force ranks them."""

import pytest
import torch

from partbench.methods import Batch, Loaders, create, load_backbone
from partbench.methods.prompting import finish


def build(backbone, name="prompt_cam", classes=5, **settings):
    torch.manual_seed(0)
    return create(name, backbone, classes, **settings).eval()


@pytest.mark.parametrize(("name", "expected"), [
    ("prompt_cam@faithful", 1_843_969), ("prompt_cam@shallow", 154_369), ("prompt_cam", 238_849)])
def test_trainable_parameters_are_the_paper_s(name, expected):
    with torch.device("meta"):
        method = create(name, load_backbone("vit_base_patch16_224.dino", "random", 224), 200)
    assert sum(p.numel() for p in method.parameters() if p.requires_grad) == expected


def test_logits_equal_full_blocks_with_prompts_in_the_sequence(backbone, images):
    method = build(backbone, agnostic_prompts=4)
    tokens, prefix = backbone.embed(images), backbone.prefix
    for block in range(backbone.depth):
        prompts = method.agnostic_prompts[block] if block < method.last else method.class_prompts
        whole = torch.cat([tokens[:, :prefix], prompts.expand(3, -1, -1), tokens[:, prefix:]], 1)
        whole, end = backbone.run(whole, block, block + 1), prefix + len(prompts)
        tokens = torch.cat([whole[:, :prefix], whole[:, end:]], 1)
    logits = method.head(backbone.norm(whole[:, prefix:end])).squeeze(-1)
    torch.testing.assert_close(method(images), logits, atol=1e-4, rtol=1e-4)


def test_shallow_prompts_evolve_through_every_block(backbone, images):
    method = build(backbone, "prompt_cam@shallow")
    tokens, prefix = backbone.embed(images), backbone.prefix
    whole = torch.cat([tokens[:, :prefix], method.class_prompts.expand(3, -1, -1), tokens[:, prefix:]], 1)
    logits = method.head(backbone.norm(backbone.run(whole)[:, prefix:prefix + 5])).squeeze(-1)
    torch.testing.assert_close(method(images), logits, atol=1e-4, rtol=1e-4)


def test_permuting_class_prompts_permutes_logits_and_permuting_agnostic_ones_changes_nothing(backbone, images):
    method = build(backbone)
    before, order = method(images), torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        method.agnostic_prompts[0] = method.agnostic_prompts[0].flip(0)
        torch.testing.assert_close(method(images), before, atol=1e-5, rtol=1e-5)
        method.class_prompts.copy_(method.class_prompts[order])
    torch.testing.assert_close(method(images), before[:, order], atol=1e-5, rtol=1e-5)


def test_an_isolated_class_scores_the_same_whichever_others_are_loaded(backbone, images):
    method = build(backbone, "prompt_cam@isolate")
    before = method(images)
    with torch.no_grad():
        method.class_prompts[1:] = 7.0
    torch.testing.assert_close(method(images)[:, 0], before[:, 0])


def test_maps_are_the_last_block_s_attention_over_patches(backbone, images):
    method, targets = build(backbone), torch.tensor([4, 0, 2])
    tokens, prompts = method.entering(Batch(images=images))
    rows = backbone.attention_rows(torch.cat([prompts.expand(3, -1, -1), tokens], 1), method.last, list(range(5)))
    rows = rows[torch.arange(3), :, targets][..., -9:]
    explanation = method.explain(images, targets)
    torch.testing.assert_close(explanation.part_maps.flatten(2), rows / rows.sum(-1, keepdim=True))
    torch.testing.assert_close(method.head_maps(images, targets), explanation.part_maps)
    assert explanation.part_ids.tolist() == [[12, 13, 14], [0, 1, 2], [6, 7, 8]]


@pytest.mark.parametrize("name", ["prompt_cam", "prompt_cam@isolate", "prompt_cam@shallow"])
def test_greedy_head_ranking_equals_brute_force(backbone, images, name):
    method, targets = build(backbone, name), torch.tensor([1, 3, 0])
    tokens, prompts = method.entering(Batch(images=images))
    attention, values = method._attend(tokens, prompts, targets)
    block = backbone.vit.blocks[method.last]

    def score(image, blurred):
        rows = attention[image].clone()
        for head in blurred:
            rows[head] = 0
            rows[head, -9:] = 1 / 9
        prompt = (prompts[targets[image]] if prompts.ndim == 2 else prompts[image, targets[image]])[None, None]
        heads = (rows[None, :, None] @ values[image][None])
        return method.head(backbone.norm(finish(block, prompt, block.norm1(prompt), heads))).item()

    for image in range(3):
        torch.testing.assert_close(score(image, []), method(images)[image, targets[image]].item(), atol=1e-5, rtol=1e-5)
        order = []
        while len(order) < backbone.heads:
            left = [head for head in range(backbone.heads) if head not in order]
            order.append(max(left, key=lambda head, image=image, order=tuple(order): score(image, [*order, head])))
        assert method.head_ranking(images, targets)[image].tolist() == order[::-1]


def test_only_prompts_and_head_train_and_stored_tokens_give_the_same_numbers(backbone, images):
    method = build(backbone, agnostic_prompts=0)
    assert method.prefix_blocks == backbone.depth - 1
    stored = Batch(tokens=method.tokens(Batch(images=images)), labels=torch.tensor([0, 1, 2]))
    torch.testing.assert_close(method(stored), method(images))
    method.loss(stored)["cross_entropy"].backward()
    moved = {name for name, p in method.named_parameters() if p.grad is not None and p.grad.abs().max() > 1e-6}
    # The head's bias is the same for all classes: the softmax does not see it.
    assert moved == {"class_prompts", "head.weight"}


def test_class_prompts_start_at_the_mean_class_token(backbone, images):
    method = build(backbone, classes=200)
    method.stages(5)[0].prepare(Loaders([Batch(images=images)], []))
    mean = backbone.run(backbone.embed(images), 0, method.last)[:, 0].mean(0)
    torch.testing.assert_close(method.class_prompts.mean(0), mean, atol=0.02, rtol=0)
    random = build(backbone, classes=200, start="random")
    before = random.class_prompts.clone()
    random.stages(5)[0].prepare(Loaders([Batch(images=images)], []))
    torch.testing.assert_close(random.class_prompts, before, atol=0, rtol=0)


@pytest.mark.parametrize("name", ["prompt_cam", "prompt_cam@faithful", "prompt_cam@shallow", "prompt_cam@isolate"])
def test_every_variant_learns_a_batch_by_heart(backbone, name):
    method = build(backbone, name, classes=3).train()
    images = torch.randn(6, 3, 48, 48, generator=torch.Generator().manual_seed(2))
    labels, stage = torch.tensor([0, 1, 2, 0, 1, 2]), method.stages(1)[0]
    stage.prepare(Loaders([Batch(images=images)], []))
    optimiser, losses = stage.optimiser(stage.param_groups()), []
    for _ in range(60):
        loss = method.loss(images, labels)["cross_entropy"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
