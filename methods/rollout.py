"""Attention rollout: how much of a token, after all blocks, came from each patch, attention and residual alike.

Abnar and Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020, arXiv:2005.00928, section 3.
"""

from collections.abc import Sequence

from torch import Tensor

from .backbone import Backbone
from .prototypes import full_precision


def rollout(backbone: Backbone, states: Sequence[Tensor], readout: Tensor) -> Tensor:
    """Rows of the product over blocks of (attention + identity) / 2, attention being the mean over heads.

    The product is taken from the last block backwards, so that rows alone are multiplied, never whole matrices.

    Args:
        backbone: whose blocks they are.
        states: tokens [B, S, D] entering each block, the first one first.
        readout: [S], the weight of each token in what is read after the last block, summing to one.

    Returns:
        fp32 [B, h, w]: the share of each patch; the rest up to one fell to class and register tokens.
    """
    flow = readout.float().expand(len(states[0]), 1, -1)
    for block, tokens in reversed(list(enumerate(states))):
        attention = backbone.attention_rows(tokens, block, slice(None)).mean(1)
        with full_precision(flow):
            # Rows of attention sum to one already: halving is the renormalisation after adding the identity.
            flow = (flow + flow @ attention) / 2
    return backbone.patches(flow.transpose(1, 2))[:, 0]
