"""Which prompts, and which segments of each, a trained model would miss least: the pruning of E2VPT.

Han et al., "E2VPT: An Effective and Efficient Approach for Visual Prompt Tuning", ICCV 2023, section 3.3. Importance
is the expected absolute gradient of the loss with respect to a mask of ones, as in the paper; the public code sorts
by the signed gradient, which removes first what the loss would rather have grow. A segment is a run of neighbouring
dimensions, as in the paper; the public code tiles its mask, so its segment j holds dimensions j, j + 16, j + 32...
"""

from collections.abc import Callable, Iterable
from math import floor

import torch
from torch import Tensor

from .base import Batch

SEGMENTS = 16
_FEWEST_SEGMENTS = 4  # kept of each token, as in the public code


def removed_tokens(prompts: int, share: float) -> int:
    """Tokens to remove of ``prompts``: the share, rounded down, but never the last one."""
    return min(_whole(prompts * share), prompts - 1)


def removed_segments(share: float) -> int:
    """Segments to remove of every token: the share of the 16, rounded down; four stay."""
    return min(_whole(SEGMENTS * share), SEGMENTS - _FEWEST_SEGMENTS)


def _whole(value: float) -> int:
    return floor(value + 1e-9)  # 0.29 * 100 is a little below 29


def importance(losses: Callable[[Batch, Tensor], Tensor], prompts: Tensor,
               batches: Iterable[Batch]) -> tuple[Tensor, Tensor]:
    """Mean over images of the absolute gradient of the loss with respect to token and segment masks.

    The masks are one, frozen, and shared by all layers; the gradient is taken for every image by itself, so that
    images that pull in opposite directions do not cancel.

    Args:
        losses: batch, and prompts [L, B, P, D], of its own for every image -> loss [B] of each image.
        prompts: [L, P, D].
        batches: what the mean is over.

    Returns:
        Importance of tokens [P] and of their segments [P, 16].
    """
    prompts, images = prompts.detach().unflatten(2, (SEGMENTS, -1)), 0
    tokens = prompts.new_zeros(prompts.shape[1])
    segments = prompts.new_zeros(prompts.shape[1:3])
    for batch in batches:
        with torch.enable_grad():
            mask = prompts.new_ones(len(batch), *prompts.shape[1:3], 1).requires_grad_()
            loss = losses(batch, (prompts[:, None] * mask).flatten(3)).sum()
        (gradient,) = torch.autograd.grad(loss, mask)
        gradient = gradient[..., 0]
        # A token's mask multiplies all of its segments: at one, its gradient is the sum of theirs.
        tokens += gradient.sum(2).abs().sum(0)
        segments += gradient.abs().sum(0)
        images += len(batch)
    return tokens / images, segments / images


def kept(importance: Tensor, removed: int) -> Tensor:
    """Positions that stay when the least important of the last dimension go, in order; of equals the first one goes.

    Args:
        importance: [..., N].
        removed: how many go.

    Returns:
        long [..., N - removed], ascending.
    """
    return importance.argsort(dim=-1, stable=True)[..., removed:].sort(-1).values


def gather(prompts: Tensor, tokens: Tensor, segments: Tensor) -> Tensor:
    """What stays of prompts [L, P, D]: the ``tokens`` [P'], and of each its ``segments`` [P', S'], [L, P', S' D/16]."""
    split = prompts[:, tokens].unflatten(2, (SEGMENTS, -1))
    return split.gather(2, _everywhere(segments, split)).flatten(2)


def spread(pruned: Tensor, segments: Tensor) -> Tensor:
    """Whole prompts [L, P', D] with zeros in the segments that are gone: the inverse of :func:`gather`."""
    split = pruned.unflatten(2, (segments.shape[1], -1))
    whole = split.new_zeros(*split.shape[:2], SEGMENTS, split.shape[3])
    return whole.scatter(2, _everywhere(segments, split), split).flatten(2)


def _everywhere(segments: Tensor, split: Tensor) -> Tensor:
    """Segments [P', S'] as an index into [L, P', _, D/16]."""
    return segments[None, :, :, None].expand(len(split), -1, -1, split.shape[3])
