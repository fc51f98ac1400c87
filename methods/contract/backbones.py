"""Backbones of a few thousand weights that the contract tries methods on, the same numbers every time."""

from functools import partial
from typing import Any

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from ..backbone import Backbone

_WIDTH, _DEPTH, _HEADS = 48, 4, 3
_LIKENESS = 5.0  # of queries and keys: how much more a token attends to its like than to others
_STEP = 0.15  # of the way that a block moves a token towards what it attends to
_QUIET = 0.5  # variance below which a token is not blown up to the size of the others
_FAINT = 0.2  # size of the class token before it takes anything up


def tiny_backbone(patch: int = 8, side: int = 32, registers: int = 0, class_token: bool = True) -> Backbone:
    """A random vision transformer of 4 blocks with 48 channels and 3 heads.

    Args:
        patch: side of a patch in pixels.
        side: of the images in pixels, a multiple of the patch.
        registers: register tokens after the class token.
        class_token: whether there is one; without it the model pools its patches.
    """
    return _built(patch, side, {"reg_tokens": registers, "class_token": class_token,
                                "global_pool": "token" if class_token else "avg"})


@torch.no_grad()
def likeness_backbone(patch: int, side: int, shown: Tensor) -> Backbone:
    """A backbone whose tokens attend to their like and whose class token is like what is ``shown``.

    It stands for a trained one. Tokens stay what they are, so a patch tells of its own pixels; what stands out from
    grey noise stays larger than the noise; and the class token takes up what it is like.

    Args:
        shown: images [N, 3, patch, patch] of single patches.
    """
    backbone = _built(patch, side, {"norm_layer": partial(nn.LayerNorm, eps=_QUIET)})
    vit, one = backbone.vit, torch.eye(_WIDTH)
    tokens = vit.patch_embed.proj(shown).flatten(1)
    vit.cls_token.copy_(_FAINT * tokens.mean(0))
    for block in vit.blocks:
        block.attn.qkv.weight.copy_(torch.cat([_LIKENESS * one, _LIKENESS * one, one]))
        block.attn.proj.weight.copy_(_STEP * one)
    return backbone


def _built(patch: int, side: int, options: dict[str, Any]) -> Backbone:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vit = VisionTransformer(side, patch, num_classes=0, embed_dim=_WIDTH, depth=_DEPTH, num_heads=_HEADS, **options)
    vit.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    return Backbone(vit, "a tiny vision transformer")
