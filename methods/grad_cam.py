"""Grad-CAM of a transformer that reads its class token, and the two maps that its relatives are made of.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017. The
layer is the first norm of the last block: behind it the patches are not read any more, so their gradients are zero.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .backbone import Backbone


@dataclass(frozen=True)
class Evidence:
    """What a class activation map is made of.

    Attributes:
        logits: [B, C].
        activations: [B, D, h, w], the patches under the last block's first norm.
        gradients: [B, D, h, w], of each image's target logit with respect to them.
    """

    logits: Tensor
    activations: Tensor
    gradients: Tensor


def last_block_evidence(backbone: Backbone, tokens: Tensor, score: Callable[[Tensor], Tensor],
                        targets: Tensor | None = None) -> Evidence:
    """Activations and gradients at the patches of the last block; leaves no gradient on any parameter.

    Args:
        backbone: whose last block is looked into.
        tokens: [B, S, D] entering the last block.
        score: what is left of the method from ``norm1(tokens)`` [B, S, D] on: the logits [B, C], each image's from its
            own tokens alone. The residual branch, prompts and further keys are the caller's, as constants.
        targets: long [B]; None: the predicted class.
    """
    normed = backbone.vit.blocks[-1].norm1(tokens).detach().requires_grad_()
    with torch.enable_grad():
        logits = score(normed)
        targets = logits.argmax(1) if targets is None else targets
        # No image's logit depends on another image: one backward pass over the sum gives every image its own gradient.
        (gradients,) = torch.autograd.grad(logits.gather(1, targets[:, None]).sum(), normed)
    return Evidence(logits.detach(), *(backbone.patches(value.detach().float()) for value in (normed, gradients)))


def grad_cam(evidence: Evidence) -> Tensor:
    """Channels weighted by their mean gradient over the patches, summed, where positive: fp32 [B, h, w]."""
    weights = evidence.gradients.mean((2, 3), keepdim=True)
    return (weights * evidence.activations).sum(1).relu()
