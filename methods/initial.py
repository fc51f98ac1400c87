"""Where training starts: prompts at random as in visual prompt tuning's public code, or as patches of images.

Wang et al., "Revisiting the Power of Prompt for Visual Tuning", ICML 2024, found that prompts do better when they start
as tokens of the training images. In small backbones it is the difference between learning and not learning: to the last
blocks of DeiT-Ti, ten random prompts draw 99 % of the class token's attention.
"""

from collections.abc import Iterable
from math import sqrt

import torch
from torch import Tensor

from .backbone import Backbone

START_BATCHES = 16
"""Batches of training images that a mean at the start is taken of."""


def initial_prompts(backbone: Backbone, *counts: int) -> Tensor:
    """Prompts [*counts, D], uniform within the Xavier bound whose inputs are the pixels of a patch.

    The bound is sqrt(6 / (3 p^2 + D)) for patches of p x p pixels: 0.0625 for ViT-B/16.
    """
    patch = backbone.image_size // backbone.grid[0]
    bound = sqrt(6 / (3 * patch * patch + backbone.width))
    return torch.empty(*counts, backbone.width).uniform_(-bound, bound)


def patches_as_prompts(backbone: Backbone, tokens: Tensor, count: int) -> Tensor:
    """Prompts [P, D]: patches of tokens [B, S, D], drawn by torch's global generator, different ones if that many."""
    patches = backbone.patches(tokens).flatten(2).transpose(1, 2).flatten(0, 1)
    order = torch.randperm(len(patches))  # on the CPU: the same draw on every device
    return patches[order[torch.arange(count) % len(order)].to(patches.device)]


def patches_by_block(backbone: Backbone, tokens: Tensor, blocks: int, count: int) -> Tensor:
    """Prompts [blocks, P, D]: for each of the first ``blocks``, patches that enter it.

    Args:
        tokens: [B, S, D] entering the first block, of training images.
    """
    found = []
    for block in range(blocks):
        found.append(patches_as_prompts(backbone, tokens, count))
        tokens = backbone.run(tokens, block, block + 1)
    return torch.stack(found)


def mean_patches(backbone: Backbone, tokens: Iterable[Tensor], start: int) -> Tensor:
    """The mean patch under the final norm, on its way through the last blocks: [depth - start + 1, D].

    Prototypes that begin around it differ by what a patch has of its own. Around zero, what all patches share is
    nearer to one of them by chance, and that one is everywhere: small supervised backbones have patches much alike.

    Args:
        tokens: batches [B, S, D] entering block ``start``.
        start: the first of the blocks; rows of the result are the inputs of these blocks, then the last one's output.
    """
    total, images = torch.zeros(1), 0
    for batch in tokens:
        states = [batch]
        for block in range(start, backbone.depth):
            states.append(backbone.run(states[-1], block, block + 1))
        patches = torch.stack([backbone.patches(backbone.norm(state.float())).mean((2, 3)).sum(0) for state in states])
        total, images = total.to(patches.device) + patches, images + len(batch)
    return total / images
