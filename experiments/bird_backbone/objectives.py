"""Two ways of training the backbone: with the pictures alone, or with the attributes of every part."""

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, l1_loss, log_softmax

from partbench.datasets.birds.parts import PARTS
from partbench.datasets.birds.traits import SHOWN_ON, TRAITS

PATCH = 8


class Masked(nn.Module):
    """Self-supervised: paint hidden patches from what is left (Xie et al., SimMIM, CVPR 2022)."""

    def __init__(self, vit: VisionTransformer, hidden: float = 0.6):
        super().__init__()
        self.vit, self.hidden = vit, hidden
        self.mask = nn.Parameter(torch.zeros(vit.embed_dim))
        self.paint = nn.Linear(vit.embed_dim, 3 * PATCH * PATCH)

    def forward(self, images: Tensor, shares: Tensor, traits: Tensor) -> dict[str, Tensor]:
        vit = self.vit
        tokens = vit.patch_embed(images)
        side = vit.patch_embed.grid_size[0]
        coarse = torch.rand(len(images), side // 2, side // 2) < self.hidden  # squares of 2 x 2 patches
        mask = coarse.repeat_interleave(2, 1).repeat_interleave(2, 2).flatten(1)
        tokens = torch.where(mask[..., None], self.mask.to(tokens.dtype), tokens)
        tokens = vit.norm(vit.blocks(vit.norm_pre(vit._pos_embed(tokens))))
        painted = self.paint(tokens[:, vit.num_prefix_tokens:]).float()
        cells = images.unflatten(2, (-1, PATCH)).unflatten(4, (-1, PATCH))
        true = cells.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
        true = (true - true.mean(-1, keepdim=True)) / (true.std(-1, keepdim=True) + 0.05)
        return {"pixels": l1_loss(painted[mask], true[mask])}


class Attributes(nn.Module):
    """Per-part attributes: which part each patch shows, and the traits of a part read from its patches.

    The class token answers for all traits at once.
    """

    def __init__(self, vit: VisionTransformer):
        super().__init__()
        self.vit = vit
        self.part = nn.Linear(vit.embed_dim, len(PARTS) + 1)
        sizes = [len(values) for values in TRAITS.values()]
        self.local = nn.ModuleList(nn.Linear(vit.embed_dim, size) for size in sizes)
        self.whole = nn.ModuleList(nn.Linear(vit.embed_dim, size) for size in sizes)
        shown = torch.zeros(len(TRAITS), len(PARTS))
        for row, trait in enumerate(TRAITS):
            shown[row, [PARTS.index(part) for part in SHOWN_ON[trait]]] = 1
        self.register_buffer("shown", shown, persistent=False)

    def forward(self, images: Tensor, shares: Tensor, traits: Tensor) -> dict[str, Tensor]:
        tokens = self.vit.forward_features(images)
        prefix = self.vit.num_prefix_tokens
        patches, whole = tokens[:, prefix:], tokens[:, 0]
        share = shares.flatten(2).transpose(1, 2)  # [B, S, P+1]
        parts = -(share * log_softmax(self.part(patches).float(), -1)).sum(-1).mean()
        weight = share[..., :-1] @ self.shown.T  # [B, S, T]
        area = weight.sum(1)
        pooled = (weight.transpose(1, 2) / area[..., None].clamp(min=1e-6)).to(patches.dtype) @ patches
        local, globally = [], []
        for number, (near, far) in enumerate(zip(self.local, self.whole, strict=True)):
            seen = area[:, number] > 0.3  # of a patch
            if seen.any():
                local.append(cross_entropy(near(pooled[seen, number]).float(), traits[seen, number]))
                globally.append(cross_entropy(far(whole[seen]).float(), traits[seen, number]))
        return {"parts": 2 * parts, "local traits": torch.stack(local).mean(),
                "global traits": torch.stack(globally).mean()}


OBJECTIVES = {"masked": Masked, "attributes": Attributes}
