"""Part maps of methods that have prompts and no parts: where the prompts look in the last block.

Nobody trained these maps to be parts. The IVPT paper (Wang et al., ICLR 2026) scores plain VPT without saying how it
derived regions; these are the plainest reading of "the region of a prompt".
"""

import torch
from timm.models.vision_transformer import Block
from torch import Tensor

from .backbone import Backbone
from .prompting import project


def prompt_attention(block: Block, tokens: Tensor, prompts: Tensor, extra_keys: Tensor | None = None) -> Tensor:
    """How every prompt attends in a block.

    Args:
        block: of the backbone.
        tokens: [B, S, D] entering the block.
        prompts: [P, D] shared by the batch, or [B, P, D]: the queries, and keys like any token.
        extra_keys: [heads, n, d], keys that no token stands behind (E2VPT).

    Returns:
        Probabilities, fp32 [B, heads, P, n + P + S], over extra keys, prompts and tokens in this order: the last
        columns are the patches.
    """
    query, prompt_key = project(block, block.norm1(prompts), "qk")
    (key,) = project(block, block.norm1(tokens), "k")
    columns = [prompt_key, key] if extra_keys is None else [extra_keys.to(key.dtype), prompt_key, key]
    keys = torch.cat([column.expand(len(tokens), *column.shape[-3:]) for column in columns], 2)
    return (query * block.attn.scale @ keys.transpose(-2, -1)).float().softmax(-1)


def prompt_maps(backbone: Backbone, tokens: Tensor, prompts: Tensor, extra_keys: Tensor | None = None) -> Tensor:
    """Where every prompt looks in the last block: its attention to the patches, mean over heads, summing to one.

    Args:
        backbone: whose last block is read.
        tokens: [B, S, D] entering the last block.
        prompts: [P, D] or [B, P, D].
        extra_keys: as in :func:`prompt_attention`.

    Returns:
        fp32 [B, P, h, w].
    """
    attention = prompt_attention(backbone.vit.blocks[-1], tokens, prompts, extra_keys)
    return over_patches(attention.mean(1), backbone.grid)


def over_patches(attention: Tensor, grid: tuple[int, int]) -> Tensor:
    """The share of each patch in what falls on patches: [..., keys] -> [..., h, w], summing to one."""
    height, width = grid
    patches = attention[..., -height * width:]
    shares = patches / patches.sum(-1, keepdim=True).clamp_min(torch.finfo(patches.dtype).tiny)
    return shares.unflatten(-1, grid)
