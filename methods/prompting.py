"""Prompts in a frozen ViT block, computing only what is used of them.

A prompt whose output is thrown away acts on the others through its key and value alone, and where only prompts are
read nothing else needs a query: both are exact, and cost a fraction of a longer sequence. A block is
permutation-equivariant, so where prompts stand in the sequence changes no number.
"""

from collections.abc import Callable, Iterable

import torch
from timm.layers import Mlp
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from . import learned_keys
from .frozen_linear import frozen_linear


def project(block: Block, normed: Tensor, parts: str) -> list[Tensor]:
    """Queries, keys or values (``parts``: a run of "qkv") of normalised tokens [..., S, D], each [..., heads, S, d]."""
    attention = block.attn
    first, last = "qkv".index(parts[0]), "qkv".index(parts[-1]) + 1
    rows = slice(first * attention.attn_dim, last * attention.attn_dim)
    bias = None if attention.qkv.bias is None else attention.qkv.bias[rows]
    flat = frozen_linear(normed, attention.qkv.weight[rows], bias)
    # Cut along the last dimension: gradients are then put together by one copy, in the order that the product takes.
    split = (part.unflatten(-1, (attention.num_heads, attention.head_dim)).transpose(-3, -2)
             for part in flat.chunk(last - first, -1))
    norms = {"q": attention.q_norm, "k": attention.k_norm, "v": nn.Identity()}
    return [norms[part](value) for part, value in zip(parts, split, strict=True)]


def finish(block: Block, tokens: Tensor, normed: Tensor, heads: Tensor) -> Tensor:
    """The rest of a block after attention: attended values [B, heads, S, d] of ``tokens`` [B, S, D] -> [B, S, D]."""
    attention = block.attn
    attended = attention.norm(heads.transpose(1, 2).flatten(2))
    if attention.gate is not None:
        attended = attended * attention.gate(normed).sigmoid()
    tokens = tokens + block.ls1(frozen_linear(attended, attention.proj.weight, attention.proj.bias))
    return tokens + block.ls2(_mlp(block.mlp, block.norm2(tokens)))


def _mlp(mlp: nn.Module, tokens: Tensor) -> Tensor:
    if type(mlp) is not Mlp or not isinstance(mlp.fc1, nn.Linear):  # gated ones, and those of other names
        return mlp(tokens)
    hidden = mlp.norm(mlp.act(frozen_linear(tokens, mlp.fc1.weight, mlp.fc1.bias)))
    return frozen_linear(hidden, mlp.fc2.weight, mlp.fc2.bias)


def without_prompts(block: Block, tokens: Tensor) -> Tensor:
    """One frozen block on [B, S, D], as timm computes it but for the last bits, see :mod:`.frozen_linear`."""
    normed = block.norm1(tokens)
    return finish(block, tokens, normed, scaled_dot_product_attention(*project(block, normed, "qkv")))


def _per_image(prompts: Tensor, batch: int) -> Tensor:
    return prompts if prompts.ndim == 4 else prompts.expand(batch, *prompts.shape)


def with_prompts(block: Block, tokens: Tensor, prompts: Tensor,
                 key_values: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """One block on [tokens, prompts], outputs of the tokens only.

    Args:
        tokens: [B, S, D] entering the block.
        prompts: [P, D] shared by the batch (keys and values are then computed once), or [B, P, D].
        key_values: further keys and values, each [heads, n, d], that no token stands behind (E2VPT).

    Returns:
        [B, S, D].
    """
    normed = block.norm1(tokens)
    query, key, value = project(block, normed, "qkv")
    learned = _learned(block, len(tokens), prompts, key_values)
    if learned[0].shape[2] <= learned_keys.MOST and torch.is_grad_enabled() and not query.requires_grad:
        heads = learned_keys.attend(query, learned, (key, value))
    else:
        heads = scaled_dot_product_attention(query, *_joined(learned, (key, value)))
    return finish(block, tokens, normed, heads)


def read_tokens(block: Block, tokens: Tensor, read: slice, prompts: Tensor | None = None,
                key_values: tuple[Tensor, Tensor] | None = None, normed: Tensor | None = None) -> Tensor:
    """One block on [tokens, prompts], outputs of some tokens only: of a last block that is the class token's.

    Args:
        tokens: [B, S, D] entering the block.
        read: which tokens, Q of them.
        prompts: [P, D] shared by the batch, or [B, P, D]; None for none.
        key_values: as in :func:`with_prompts`.
        normed: what attention sees of the tokens, [B, S, D]; None: the tokens under the block's first norm.

    Returns:
        [B, Q, D].
    """
    normed = block.norm1(tokens) if normed is None else normed
    (query,) = project(block, normed[:, read], "q")
    key, value = project(block, normed, "kv")
    prompts = tokens.new_empty(0, tokens.shape[2]) if prompts is None else prompts
    learned = _learned(block, len(tokens), prompts, key_values)
    heads = scaled_dot_product_attention(query, *_joined(learned, (key, value)))
    return finish(block, tokens[:, read], normed[:, read], heads)


def _learned(block: Block, batch: int, prompts: Tensor, key_values: tuple[Tensor, Tensor] | None) -> list[Tensor]:
    """Keys and values [B, heads, n + P, d] beside the tokens' own: those that are given, and those of prompts."""
    columns = project(block, block.norm1(prompts), "kv")
    if key_values is not None:
        columns = [torch.cat([extra.to(own.dtype).expand(*own.shape[:-2], -1, -1), own], -2)
                   for extra, own in zip(key_values, columns, strict=True)]
    return [_per_image(column, batch) for column in columns]


def _joined(first: Iterable[Tensor], second: Iterable[Tensor]) -> list[Tensor]:
    return [torch.cat(columns, 2) for columns in zip(first, second, strict=True)]


def evolve(run: Callable[[Tensor], Tensor], tokens: Tensor, prompts: Tensor, prefix: int) -> tuple[Tensor, Tensor]:
    """Blocks on [tokens, prompts] in which the prompts are tokens like the others: shallow prompting.

    Args:
        run: the blocks, on tokens [B, S, D].
        tokens: [B, S, D] entering the first of them.
        prompts: [P, D] shared by the batch, or [B, P, D]; they stand between prefix and patches.
        prefix: number of class and register tokens.

    Returns:
        Tokens [B, S, D] and prompts [B, P, D] after the last of them.
    """
    end = prefix + prompts.shape[-2]
    whole = run(torch.cat([tokens[:, :prefix], prompts.expand(len(tokens), -1, -1), tokens[:, prefix:]], 1))
    return torch.cat([whole[:, :prefix], whole[:, end:]], 1), whole[:, prefix:end]


def read_prompts(block: Block, tokens: Tensor, prompts: Tensor, isolate: bool = False) -> Tensor:
    """One block on [tokens, prompts], outputs of the prompts only.

    Args:
        tokens: [B, S, D] entering the block.
        prompts: [P, D] shared by the batch, or [B, P, D].
        isolate: a prompt sees itself and the tokens, not the other prompts.

    Returns:
        [B, P, D].
    """
    batch, count = len(tokens), prompts.shape[-2]
    key, value = project(block, block.norm1(tokens), "kv")
    normed = block.norm1(prompts)
    query, prompt_key, prompt_value = (_per_image(p, batch) for p in project(block, normed, "qkv"))
    mask = None
    if isolate:
        itself = torch.eye(count, dtype=torch.bool, device=tokens.device)
        mask = torch.cat([itself, itself.new_ones(count, tokens.shape[1])], 1)
    heads = scaled_dot_product_attention(
        query, torch.cat([prompt_key, key], 2), torch.cat([prompt_value, value], 2), attn_mask=mask)
    return finish(block, prompts.expand(batch, -1, -1), normed, heads)


def attend_one(block: Block, tokens: Tensor, prompts: Tensor, chosen: Tensor,
               isolate: bool = False) -> tuple[Tensor, Tensor]:
    """How one prompt per image attends in a block, without the attention of the others.

    Args:
        tokens: [B, S, D] entering the block.
        prompts: [P, D] or [B, P, D].
        chosen: long [B], the prompt that is read on each image.
        isolate: as in :func:`read_prompts`.

    Returns:
        Attention [B, heads, K] and the values [B, heads, K, d] it weighs; the last columns are the patches.
    """
    images = torch.arange(len(tokens), device=tokens.device)
    key, value = project(block, block.norm1(tokens), "kv")
    query, prompt_key, prompt_value = (_per_image(p, len(tokens)) for p in project(block, block.norm1(prompts), "qkv"))
    query = query[images, :, chosen].unsqueeze(2)
    if isolate:
        prompt_key, prompt_value = (p[images, :, chosen].unsqueeze(2) for p in (prompt_key, prompt_value))
    keys, values = torch.cat([prompt_key, key], 2), torch.cat([prompt_value, value], 2)
    attention = (query * block.attn.scale @ keys.transpose(-2, -1)).float().softmax(-1).squeeze(2)
    return attention, values
