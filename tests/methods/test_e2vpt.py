"""E2VPT: its counts are the paper's, pruning removes what autograd finds least important, and rewinding goes back."""

from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from partbench.errors import UserError
from partbench.methods import Batch, Loaders, create, load_backbone
from partbench.methods.attention_parts import prompt_attention
from partbench.methods.cards import E2VPT
from partbench.methods.prompt_pruning import gather, kept, removed_segments, removed_tokens, spread
from partbench.methods.prompting import finish, project


@pytest.fixture(scope="module")
def batch():
    return Batch(images=torch.randn(4, 3, 48, 48, generator=torch.Generator().manual_seed(1)),
                 labels=torch.tensor([0, 1, 2, 0]))


def build(backbone, name="e2vpt", classes=3, **settings):
    torch.manual_seed(0)
    return create(name, backbone, classes, **settings).eval()


def prune(method, *batches):
    method.stages(2)[1].prepare(Loaders(batches, []))
    return method


def disturb(method):
    """Move everything that trains away from where it began."""
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return method


def in_the_sequence(method, images, prompts, without=()):
    """Logits of whole blocks on [keys and values | prompts | tokens], prompts ``without`` hidden as keys."""
    backbone, tokens = method.backbone, method.backbone.embed(images)
    for number, block in enumerate(backbone.vit.blocks):
        whole = torch.cat([prompts[number].expand(len(tokens), -1, -1), tokens], 1)
        normed = block.norm1(whole)
        query, key, value = project(block, normed, "qkv")
        keys, values = method.key_values[0][number], method.key_values[-1][number]
        key, value = (torch.cat([extra.expand(len(tokens), -1, -1, -1), own], 2)
                      for extra, own in ((keys, key), (values, value)))
        seen = torch.ones(key.shape[2], dtype=torch.bool)
        seen[[keys.shape[1] + prompt for prompt in without]] = False
        heads = scaled_dot_product_attention(query, key, value, attn_mask=seen.expand(query.shape[2], -1))
        tokens = finish(block, whole, normed, heads)[:, prompts.shape[1]:]
    return method.head(backbone.norm(tokens)[:, 0])


@pytest.mark.parametrize(("settings", "before", "after"), [
    ({"prompts": 5}, 245_960, 12 * 4 * 576 + 46_080 + 153_800), ({}, 292_040, 12 * 7 * 576 + 46_080 + 153_800),
    ({"share_key_values": False}, 338_120, 12 * 7 * 576 + 92_160 + 153_800),
    ({"prune_segments": 0.0}, 292_040, 12 * 7 * 768 + 46_080 + 153_800)])
def test_trainable_parameters_are_the_paper_s_before_and_after_pruning(settings, before, after):
    with torch.device("meta"):
        method = create("e2vpt", load_backbone("vit_base_patch16_224.orig_in21k", "random", 224), 200, **settings)
        counts = [sum(p.numel() for p in method.parameters())]
        prune(method, Batch(images=torch.empty(1, 3, 224, 224), labels=torch.empty(1, dtype=torch.long)))
    assert [*counts, sum(p.numel() for p in method.parameters())] == [before, after]


def test_without_key_values_and_pruning_it_is_vpt_deep(backbone, batch):
    method, other = build(backbone, "e2vpt@unpruned", key_values=0), build(backbone, "vpt_deep")
    torch.testing.assert_close(method(batch), other(batch))
    torch.testing.assert_close(method.explain(batch).saliency, other.explain(batch).saliency)
    assert dict(method.named_parameters()).keys() == dict(other.named_parameters()).keys()


@pytest.mark.parametrize("share", [True, False])
def test_key_values_join_every_head_and_lengthen_no_sequence(backbone, batch, share):
    method, without = build(backbone, share_key_values=share), build(backbone, key_values=0)
    torch.testing.assert_close(method(batch), in_the_sequence(method, batch.images, method.prompts),
                               atol=1e-5, rtol=1e-4)
    assert not torch.allclose(method(batch), without(batch), atol=1e-3)
    tokens, prompts = method.entering(batch)
    assert tokens.shape == backbone.embed(batch.images).shape
    assert (method.key_values[0] is method.key_values[-1]) == share
    rows = prompt_attention(backbone.vit.blocks[-1], tokens, prompts, method.key_values[0][-1])
    assert rows.shape[-1] == 5 + 10 + tokens.shape[1]
    torch.testing.assert_close(rows.sum(-1), torch.ones(rows.shape[:-1]))
    maps = rows[..., -9:].mean(1)
    torch.testing.assert_close(method.explain(batch).part_maps.flatten(2), maps / maps.sum(-1, keepdim=True))


def test_a_removed_prompt_is_a_hidden_key_and_the_others_keep_their_numbers(backbone, batch):
    method = prune(build(backbone, prune_segments=0.0), batch)
    gone = sorted(set(range(10)) - set(method.kept_tokens.tolist()))
    assert len(gone) == 3
    masked = in_the_sequence(method, batch.images, method.initial_prompts, gone)
    torch.testing.assert_close(method(batch), masked, atol=1e-5, rtol=1e-4)
    explanation = method.explain(batch)
    assert explanation.part_maps.shape == (4, 7, 3, 3)
    assert explanation.part_ids.tolist() == [method.kept_tokens.tolist()] * 4


def test_removed_segments_are_sixteenths_of_zeros(backbone, batch):
    method = prune(build(backbone), batch)
    whole = spread(method.prompts, method.kept_segments)
    segments = torch.zeros(7, 16, dtype=torch.bool).scatter(1, method.kept_segments, True)
    assert segments.sum(1).tolist() == [12] * 7
    expected = method.initial_prompts[:, method.kept_tokens] * segments.repeat_interleave(12, 1)
    torch.testing.assert_close(whole, expected, atol=0, rtol=0)
    torch.testing.assert_close(method(batch), in_the_sequence(method, batch.images, expected), atol=1e-5, rtol=1e-4)


def test_importance_is_the_mean_absolute_gradient_of_masks_image_by_image(backbone, batch):
    method = disturb(build(backbone))
    tokens, segments = torch.zeros(10), torch.zeros(10, 16)
    for image, label in zip(batch.images, batch.labels, strict=True):
        of_tokens, of_segments = (torch.ones(shape, requires_grad=True) for shape in ((10, 1), (10, 16)))
        masked = method.prompts * of_tokens * of_segments.repeat_interleave(12, 1)
        cross_entropy(in_the_sequence(method, image[None], masked), label[None]).backward()
        tokens += of_tokens.grad[:, 0].abs() / 4
        segments += of_segments.grad.abs() / 4
    method.zero_grad()
    halves = [Batch(images=batch.images[part], labels=batch.labels[part]) for part in (slice(3), slice(3, 4))]
    found = method.train()._importance(Loaders(halves, []))
    torch.testing.assert_close(found, (tokens, segments), atol=1e-6, rtol=1e-3)
    assert method.training
    assert all(parameter.grad is None for parameter in method.parameters())
    prune(method, *halves)
    assert method.kept_tokens.tolist() == sorted(tokens.argsort()[3:].tolist())


def test_rewinding_goes_back_to_the_values_that_training_began_with(backbone, batch):
    method = build(backbone)
    began = {name: parameter.detach().clone() for name, parameter in method.named_parameters()}
    prune(disturb(method), batch)
    began["prompts"] = gather(began["prompts"], method.kept_tokens, method.kept_segments)
    torch.testing.assert_close(dict(method.named_parameters()), began, atol=0, rtol=0)


def test_counts_to_remove_leave_a_prompt_and_four_segments_and_equals_go_in_order():
    assert [removed_tokens(10, share) for share in (0.0, 0.05, 0.3, 0.99)] == [0, 0, 3, 9]
    assert [removed_tokens(5, 0.99), removed_tokens(1, 0.9), removed_tokens(100, 0.29)] == [4, 0, 29]
    assert [removed_segments(share) for share in (0.0, 0.1, 0.25, 0.75)] == [0, 1, 4, 12]
    assert kept(torch.tensor([2.0, 1.0, 1.0, 0.5, 1.0]), 2).tolist() == [0, 2, 4]


@pytest.mark.parametrize("name", ["e2vpt", "e2vpt@unpruned"])
def test_stages_share_the_epochs(backbone, name):
    method = build(backbone, name)
    lengths = [[stage.epochs for stage in method.stages(epochs)] for epochs in range(1, 40)]
    assert [sum(length) for length in lengths] == list(range(1, 40))
    assert lengths[:5] == ([[1], [1, 1], [1, 2], [1, 3], [1, 4]] if name == "e2vpt" else [[1], [2], [3], [4], [5]])
    assert [stage.epochs for stage in build(backbone, learning_share=0.5).stages(200)] == [100, 100]


@pytest.mark.parametrize("share", [True, False])
def test_a_state_of_either_stage_fits_a_method_in_either(backbone, batch, share):
    learnt = disturb(build(backbone, share_key_values=share))
    pruned = build(backbone, share_key_values=share)
    pruned.load_state_dict(learnt.state_dict())
    prune(pruned, batch)
    torch.manual_seed(7)
    fresh = create("e2vpt", backbone, 3, share_key_values=share).eval()
    for method in (pruned, learnt, pruned):
        fresh.load_state_dict(method.state_dict())
        torch.testing.assert_close(fresh(batch), method(batch), atol=0, rtol=0)
        torch.testing.assert_close(fresh.explain(batch).part_ids, method.explain(batch).part_ids)
    # What is loaded trains: the groups of the second stage hold the pruned prompts.
    assert fresh.stages(2)[1].param_groups()[0]["params"][0] is fresh.prompts
    assert fresh.prompts.shape == (12, 7, 144)
    again = prune(build(backbone, share_key_values=share), batch)
    again.load_state_dict(learnt.state_dict())
    torch.testing.assert_close(prune(again, batch).state_dict(), pruned.state_dict())


def test_a_state_with_other_settings_is_refused(backbone):
    with pytest.raises(RuntimeError):
        build(backbone, prompts=8).load_state_dict(build(backbone).state_dict())
    with pytest.raises(RuntimeError):
        build(backbone, "e2vpt@unpruned").load_state_dict(build(backbone).state_dict())


def test_both_stages_learn_a_batch_by_heart_and_move_all_that_trains(backbone, batch):
    method = build(backbone, learning_rate=0.01, dropout=0.0).train()
    for stage in method.stages(2):
        stage.prepare(Loaders([batch], []))
        optimiser, losses = stage.optimiser(stage.param_groups()), []
        for _ in range(20):
            losses.append(method.loss(batch)["cross_entropy"])
            optimiser.zero_grad()
            losses[-1].backward()
            optimiser.step()
        assert all(parameter.grad.abs().max() > 0 for parameter in method.parameters())
        assert losses[-1] < 0.2 * losses[0]


def test_a_width_that_does_not_divide_into_segments_is_the_user_s_error():
    with pytest.raises(UserError, match="200 wide"):
        E2VPT.load()(SimpleNamespace(width=200, name="odd"), 3, E2VPT.resolve())
