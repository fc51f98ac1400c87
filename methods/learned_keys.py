"""Attention of tokens without gradient to a few learned keys among many: gradients that cost next to nothing.

The tokens that enter the first prompted block are constant. Of the gradients of its attention those of queries and of
most keys and values are thrown away, and they are nearly all of the cost: for the rest it is enough to know how much
every query attends to the learned keys.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

MOST = 16  # learned keys: for more of them plain attention is cheaper


def attend(query: Tensor, learned: tuple[Tensor, Tensor], constant: tuple[Tensor, Tensor]) -> Tensor:
    """Attention over [learned, constant] keys and values, with gradients into the learned ones alone.

    Args:
        query: [B, heads, S, d], without gradient.
        learned: keys and values, each [B, heads, n, d].
        constant: keys and values, each [B, heads, m, d], without gradient.

    Returns:
        [B, heads, S, d]; scaled as usual, by the root of d.
    """
    return _Attention.apply(query, *constant, *learned)


class _Attention(torch.autograd.Function):
    """Values are longer by one number for each learned key, which marks it: what comes out for that number is the
    probability of the key, from any kernel for attention.
    """

    @staticmethod
    def forward(context: Any, query: Tensor, key: Tensor, value: Tensor, learned_key: Tensor,
                learned_value: Tensor) -> Tensor:
        count, width = learned_key.shape[2:]
        marks = torch.eye(count, dtype=value.dtype, device=value.device).expand(*value.shape[:2], -1, -1)
        values = torch.cat([torch.cat([learned_value, marks], 3), pad(value, (0, count))], 2)
        keys = pad(torch.cat([learned_key, key], 2), (0, count))
        attended = scaled_dot_product_attention(pad(query, (0, count)), keys, values, scale=width ** -0.5)
        output, probabilities = attended[..., :width].contiguous(), attended[..., width:].contiguous()
        context.save_for_backward(query, learned_value, output, probabilities)
        return output

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, learned_value, output, probabilities = context.saved_tensors
        of_value = probabilities.transpose(2, 3) @ gradient
        # Of a softmax, whose other columns are not needed: how much each one's output lies above the mean output.
        above = gradient @ learned_value.transpose(2, 3) - (gradient * output).sum(3, keepdim=True)
        of_key = (probabilities * above).transpose(2, 3) @ query * query.shape[3] ** -0.5
        return None, None, None, of_key, of_value
