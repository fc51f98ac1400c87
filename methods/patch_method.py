"""What heads on patch features have in common: the patches of a frozen backbone, or of a copy that trains."""

from typing import Any

import torch
from pydantic import BaseModel
from torch import Tensor

from .backbone import Backbone
from .base import Batch, Method
from .layer_decay import layer_decay_groups

_FEATURE_RATES = {True: 1e-4, False: 1e-5}  # of a convolutional backbone, of a transformer


class PatchMethod(Method):
    """Base of the methods that see an image as the backbone's last patch features.

    ``settings`` has ``finetune``, and for a backbone that trains ``feature_rate``, ``layer_decay``, ``weight_decay``.

    Frozen, the tokens after the last block can be stored, and no epoch computes the backbone again. A convolutional
    backbone is one of zero blocks, whose tokens are the cells of its last feature map.

    Attributes:
        learns_features: whether gradients reach a backbone that trains. A stage that leaves the backbone alone sets
            this when it is entered: half of a step's cost is saved.
    """

    def __init__(self, backbone: Backbone, classes: int, settings: BaseModel):
        super().__init__(backbone, classes, settings, finetune=settings.finetune)
        self.prefix_blocks = None if settings.finetune else backbone.depth
        self.learns_features = settings.finetune
        # Attention pooling is part of some backbones and of no patch.
        self.inert = tuple(name for name, _ in self.named_parameters() if ".attn_pool." in name)

    def learn_features(self, learn: bool) -> None:
        """Let gradients reach the backbone from now on, or not; for :attr:`Stage.enter`."""
        self.learns_features = learn and self.finetuned is not None

    def patch_features(self, batch: Batch | Tensor) -> Tensor:
        """Patches [B, D, h, w] after the last block and the final norm."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.learns_features):
            tokens = self.backbone.run(self.tokens(batch), self.prefix_blocks or 0)
            return self.backbone.patches(self.backbone.norm(tokens))

    def feature_groups(self) -> list[dict[str, Any]]:
        """Parameter groups of the backbone that trains; rates decay by layer in a transformer only."""
        settings, convolutional = self.settings, self.backbone.convolutional
        rate = settings.feature_rate or _FEATURE_RATES[convolutional]
        decay = 1.0 if convolutional else settings.layer_decay
        return layer_decay_groups(self.backbone, rate, decay, settings.weight_decay)
