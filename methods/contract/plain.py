"""Losses written as papers and public code write them: slow, large and easy to check.

What methods compute in another order, from stored tokens or without gradients that nobody needs, has to give the
gradients of these: tests hold both together, and benchmarks measure what it is worth. They work in any precision.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, cross_entropy, layer_norm, normalize, one_hot

from ..backbone import Backbone
from ..base import Batch
from ..e2vpt import E2VPT
from ..huang2023 import Huang2023
from ..ivpt import IVPT
from ..linear_probe import LinearProbe
from ..prompt_cam import PromptCAM
from ..protopnet import ProtoPNet
from ..vpt import VPTDeep, VPTShallow
from ..vpt_deep_proto import VPTDeepProto

_FLOOR = 1e-6  # of IVPT's probabilities


def block_with_prompts(backbone: Backbone, number: int, tokens: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
    """A whole block on [tokens, prompts]: what becomes of tokens [B, S, D] and of prompts [P, D] or [B, P, D]."""
    whole = backbone.vit.blocks[number](torch.cat([tokens, prompts.expand(len(tokens), -1, -1)], 1))
    return whole[:, :tokens.shape[1]], whole[:, tokens.shape[1]:]


def ivpt(method: IVPT, batch: Batch) -> Tensor:
    """Wang et al. 2026, design ``grouped``: level by level, both views with gradients, as the public code does.

    Region features are sums over [B, D, K, h, w], see :func:`_region_means`.
    """
    weights = method.settings
    levels, groupings, features = _ivpt_levels(method, batch.images)
    warped, _, _ = _ivpt_levels(method, batch.warped.images)
    means, _ = _region_means(features, levels[-1])
    concepts = method.modulation(means)
    target = levels[-1].detach()
    divergence = [(target * (target.log() - (grouped + 1e-10).log())).sum(1).mean()
                  for grouped in map(_grouped, levels[:-1], groupings)]
    return (weights.classification * cross_entropy(method.classifier(concepts[:, :-1]).mean(1), batch.labels)
            + weights.consistency * torch.stack(divergence).mean()
            + weights.orthogonality * _likeness(concepts)
            + weights.presence * _mean(levels, _absence)
            + weights.background_presence * _mean(levels, _background_absence)
            + weights.entropy * _mean(levels, _uncertainty)
            + weights.total_variation * _mean(levels, _variation)
            + weights.equivariance * torch.stack([
                _unlike(one, batch.affine.invert(other)) for one, other in zip(levels, warped, strict=True)]).mean())


def _ivpt_levels(method: IVPT, images: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Maps and groupings of every level, and the final patches [B, D, h, w]."""
    backbone, maps, groupings = method.backbone, [], []
    tokens = backbone.run(backbone.embed(images, dict(method.embeddings)), 0, method.first_block)
    for level, (grouping, prompting) in enumerate(zip(method.grouping, method.prompting, strict=True)):
        features = backbone.patches(backbone.norm(tokens.detach()))
        maps.append(_assigned(features, method.prototypes[level], method.bias[level]))
        means, empty = _region_means(features, maps[-1].detach())
        logits = grouping(means[:, :-1])
        if method.training and method.settings.grouping_noise:
            logits = logits - torch.empty_like(logits).exponential_().log()
        shares = torch.where(empty[:, :-1, None], 1 / logits.shape[2], logits.softmax(2))
        groupings.append(shares)
        kept = shares.detach() * ~empty[:, :-1, None]
        fused = (kept[..., None] * means[:, :-1, None]).sum(1) / kept.sum(1)[..., None]
        tokens, _ = block_with_prompts(backbone, method.first_block + level, tokens,
                                       prompting(layer_norm(fused, fused.shape[1:])))
    features = backbone.patches(backbone.norm(tokens))
    return [*maps, _assigned(features.detach(), method.prototypes[-1], method.bias[-1])], groupings, features


def _assigned(features: Tensor, prototypes: Tensor, bias: Tensor) -> Tensor:
    """Softmax over prototypes of the negative squared distance plus bias, [B, K, h, w]."""
    maps = (bias - _squared_distances(features, prototypes)).softmax(1) + _FLOOR
    return maps / maps.sum(1, keepdim=True)


def _squared_distances(features: Tensor, prototypes: Tensor) -> Tensor:
    """Of all patches to all prototypes [K, D], by the expanded square as public codes do it: [B, K, h, w]."""
    patches, own = features.square().sum(1, keepdim=True), prototypes.square().sum(1)[:, None, None]
    return patches - 2 * conv2d(features, prototypes[..., None, None]) + own


def _region_means(features: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Mean feature [B, K, D] of the patches where a prototype is the strongest, and whether there are none."""
    mine = maps * one_hot(maps.argmax(1), maps.shape[1]).movedim(3, 1)
    total = mine.sum((2, 3))
    sums = (features[:, :, None] * mine[:, None]).sum((3, 4)).transpose(1, 2)
    return sums / torch.where(total == 0, 1, total)[..., None], total == 0


def _grouped(maps: Tensor, shares: Tensor) -> Tensor:
    return torch.cat([torch.einsum("bkhw,bkn->bnhw", maps[:, :-1], shares), maps[:, -1:]], 1)


def _likeness(concepts: Tensor) -> Tensor:
    unit = normalize(concepts, dim=2)
    identity = torch.eye(unit.shape[1], dtype=unit.dtype, device=unit.device)
    return (unit @ unit.transpose(1, 2) - identity).square().mean()


def _mean(levels: list[Tensor], term: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.stack([term(maps) for maps in levels]).mean()


def _pooled(maps: Tensor) -> Tensor:
    return avg_pool2d(maps, [min(3, side) for side in maps.shape[2:]], stride=1)


def _absence(maps: Tensor) -> Tensor:
    return 1 - _pooled(maps[:, :-1]).amax((0, 2, 3)).mean()


def _background_absence(maps: Tensor) -> Tensor:
    pooled = _pooled(maps[:, -1:])[:, 0]
    y, x = (torch.linspace(-1, 1, side, dtype=maps.dtype, device=maps.device) ** 2 for side in pooled.shape[1:])
    distance = y[:, None] + x[None]
    return -(pooled * distance / distance.max()).amax((1, 2)).log().mean()


def _uncertainty(maps: Tensor) -> Tensor:
    return -(maps * maps.log()).sum(1).mean()


def _variation(maps: Tensor) -> Tensor:
    steps = (maps[:, :, 1:] - maps[:, :, :-1]).abs().sum() + (maps[..., 1:] - maps[..., :-1]).abs().sum()
    return steps / maps[:, 0].numel()


def _unlike(maps: Tensor, other: Tensor) -> Tensor:
    one, two = (normalize(values[:, :-1].flatten(2), dim=2, eps=1e-8) for values in (maps, other))
    return 1 - (one * two).sum(2).mean()


def prompt_cam(method: PromptCAM, batch: Batch) -> Tensor:
    """Chowdhury et al. 2025, depth ``deep``: prompts are tokens of whole blocks, and logits are read from theirs."""
    tokens = method.backbone.embed(batch.images)
    for block in range(method.last):
        tokens, _ = block_with_prompts(method.backbone, block, tokens, method.agnostic_prompts[block])
    _, read = block_with_prompts(method.backbone, method.last, tokens, method.class_prompts)
    return cross_entropy(method.head(method.backbone.norm(read))[..., 0], batch.labels)


def vpt_shallow(method: VPTShallow, batch: Batch) -> Tensor:
    """Jia et al. 2022, shallow: prompts are tokens of all blocks."""
    backbone, tokens = method.backbone, method.backbone.embed(batch.images)
    prompts = method._dropped(method.prompts, len(tokens)).expand(len(tokens), -1, -1)
    whole = backbone.norm(backbone.vit.blocks(torch.cat([tokens, prompts], 1))[:, :tokens.shape[1]])
    return cross_entropy(method.head(whole[:, backbone.readout].mean(1)), batch.labels)


def vpt_deep(method: VPTDeep, batch: Batch) -> Tensor:
    """Jia et al. 2022, deep: every block takes prompts of its own and drops their outputs."""
    tokens = _prompted(method, batch.images)
    return cross_entropy(method.head(tokens[:, method.backbone.readout].mean(1)), batch.labels)


def _prompted(method: VPTDeep, images: Tensor) -> Tensor:
    """Tokens [B, S, D] after all blocks and the final norm."""
    tokens = method.backbone.embed(images)
    for block, prompts in enumerate(method.prompts):
        tokens, _ = block_with_prompts(method.backbone, block, tokens, method._dropped(prompts, len(tokens)))
    return method.backbone.norm(tokens)


def e2vpt(method: E2VPT, batch: Batch) -> Tensor:
    """Han et al. 2023 before pruning: VPT-Deep, and keys and values of every head that no token stands behind."""
    backbone, tokens = method.backbone, method.backbone.embed(batch.images)
    for number, (block, prompts) in enumerate(zip(backbone.vit.blocks, method.prompts, strict=True)):
        whole = torch.cat([tokens, method._dropped(prompts, len(tokens)).expand(len(tokens), -1, -1)], 1)
        extra = [values[number].expand(len(tokens), -1, -1, -1) for values in (method.key_values[0],
                                                                               method.key_values[-1])]
        whole = whole + block.ls1(_attended(block.attn, block.norm1(whole), *extra))
        tokens = (whole + block.ls2(block.mlp(block.norm2(whole))))[:, :tokens.shape[1]]
    return cross_entropy(method.head(backbone.norm(tokens)[:, backbone.readout].mean(1)), batch.labels)


def _attended(attention: nn.Module, tokens: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attention of tokens [B, S, D] to themselves and to further keys and values [B, heads, n, d]."""
    query, key, value = attention.qkv(tokens).unflatten(2, (3, attention.num_heads, -1)).permute(2, 0, 3, 1, 4)
    scores = query @ torch.cat([key, keys], 2).transpose(2, 3) * attention.scale
    return attention.proj((scores.softmax(3) @ torch.cat([value, values], 2)).transpose(1, 2).flatten(2))


def vpt_deep_proto(method: VPTDeepProto, batch: Batch) -> Tensor:
    """IVPT's row "VPT-Deep (w/ Proto.)": part prototypes on VPT-Deep's patches, both views with gradients."""
    weights, views = method.settings, []
    for images in (batch.images, batch.warped.images):
        features = method.backbone.patches(_prompted(method, images))
        views.append((features, _assigned(features.detach(), method.prototypes, method.bias)))
    (features, maps), (_, warped) = views
    parts = method.modulation(_region_means(features, maps)[0])
    return (weights.classification * cross_entropy(method._scores(parts).mean(1), batch.labels)
            + weights.orthogonality * _likeness(parts)
            + weights.presence * _absence(maps)
            + weights.background_presence * _background_absence(maps)
            + weights.entropy * _uncertainty(maps)
            + weights.total_variation * _variation(maps)
            + weights.equivariance * _unlike(maps, batch.affine.invert(warped)))


def linear_probe(method: LinearProbe, batch: Batch) -> Tensor:
    """Logistic regression on what the whole backbone says."""
    backbone = method.backbone
    tokens = backbone.norm(backbone.vit.blocks(backbone.embed(batch.images)))
    read = tokens[:, backbone.readout].mean(1)
    if method.both:
        read = torch.cat([read, backbone.patches(tokens).mean((2, 3))], 1)
    return cross_entropy(method.head(read), batch.labels)


def protopnet(method: ProtoPNet, batch: Batch) -> Tensor:
    """Chen et al. 2019, frozen: gradients through the distances of all patches to all prototypes."""
    features, weights = method.add_on(_patches(method.backbone, batch)), method.settings
    distances = _squared_distances(features, method.prototypes).amin((2, 3))
    logits = method.last_layer(((distances + 1) / (distances + 1e-4)).log())
    own, other = _own_and_other(distances, batch.labels, method)
    wrong = method.last_layer.weight * ~method.own
    return (cross_entropy(logits, batch.labels) + weights.cluster * own.amin(1).mean()
            - weights.separation * other.amin(1).mean() + weights.sparsity * wrong.abs().sum())


def huang2023(method: Huang2023, batch: Batch) -> Tensor:
    """Huang et al. 2023, frozen."""
    features, weights = method.add_on(_patches(method.backbone, batch)), method.settings
    unit = normalize(method.prototypes, dim=1)
    pooled = conv2d(features, unit[..., None, None]).amax((2, 3)).unflatten(1, (-1, method.per_class))
    logits = (pooled * method.per_class * method.aggregation.softmax(1)).sum(2)
    cosines = conv2d(normalize(features, dim=1), unit[..., None, None]).amax((2, 3))
    own, other = _own_and_other(cosines, batch.labels, method)
    each = method.prototypes.unflatten(0, (-1, method.per_class))
    identity = torch.eye(method.per_class, dtype=each.dtype, device=each.device)
    return (cross_entropy(logits, batch.labels) - weights.cluster * own.amax(1).mean()
            + weights.separation * other.amax(1).mean()
            + weights.orthogonality * (each @ each.transpose(1, 2) - identity).abs().sum())


def _patches(backbone: Backbone, batch: Batch) -> Tensor:
    return backbone.patches(backbone.norm(backbone.run(backbone.embed(batch.images))))


def _own_and_other(values: Tensor, labels: Tensor, method: ProtoPNet | Huang2023) -> tuple[Tensor, Tensor]:
    """Values [B, C * m] of each image's class, [B, m], and of the other classes, [B, (C - 1) * m]."""
    own = torch.arange(values.shape[1], device=values.device) // method.per_class == labels[:, None]
    return values[own].unflatten(0, (len(values), -1)), values[~own].unflatten(0, (len(values), -1))


LOSSES: dict[str, Callable[..., Tensor]] = {
    "ivpt": ivpt, "prompt_cam": prompt_cam, "vpt_shallow": vpt_shallow, "vpt_deep": vpt_deep, "e2vpt": e2vpt,
    "vpt_deep_proto": vpt_deep_proto, "linear_probe": linear_probe, "protopnet": protopnet, "huang2023": huang2023}
"""The loss of a batch by a method's name: method and batch -> scalar. Those of parts need the batch's warped view."""
