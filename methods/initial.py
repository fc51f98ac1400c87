"""Where training starts: prompts at random as in visual prompt tuning's public code, or as patches of images.

Wang et al., "Revisiting the Power of Prompt for Visual Tuning", ICML 2024, found that prompts do better when they start
as tokens of the training images. In small backbones it is the difference between learning and not learning: to the last
blocks of DeiT-Ti, ten random prompts draw 99 % of the class token's attention.
"""

from math import sqrt

import torch
from torch import Tensor

from .backbone import Backbone


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
