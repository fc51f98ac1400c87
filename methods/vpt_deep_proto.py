"""VPT-Deep with part prototypes: prompts in every block, and a head that classifies by the parts it finds at the end.

A row of the comparison in Wang et al., "Exploring Interpretability for Visual Prompt Tuning with Cross-layer Concepts"
(IVPT), ICLR 2026, which does not say how it was built and whose code does not hold it. Here it is VPT-Deep (Jia et al.,
ECCV 2022) whose class-token head is replaced by the last layer of IVPT: the part head of PDiscoFormer (Aniraj et al.,
ECCV 2024) with a spatial bias and regions of hard assignment.
"""

from collections.abc import Callable
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout1d

from .across import drawn
from .backbone import Backbone
from .base import Batch, Explanation, Loaders, Stage
from .cards.vpt_deep_proto import VPT_DEEP_PROTO, VPTDeepProtoSettings
from .prototypes import assign, full_precision, regions
from .schedules import halving
from .shaping import background_presence, entropy, equivariance, orthogonality, presence, total_variation
from .vpt import VPTDeep

_START_BATCHES = 16  # enough images for a mean


class VPTDeepProto(VPTDeep):
    """K part prototypes and one of the background share the patches; logits are the mean of the parts' class scores.

    Maps stop the gradient at the patches, so the shaping losses of the maps move prototypes and bias alone; prompts
    learn through the region features.
    """

    card = VPT_DEEP_PROTO
    settings: VPTDeepProtoSettings

    def __init__(self, backbone: Backbone, classes: int, settings: VPTDeepProtoSettings):
        super().__init__(backbone, classes, settings)
        self.views = ("clean", "warped") if settings.equivariance else ("clean",)

    def _build_head(self) -> None:
        count, width = self.settings.parts + 1, self.backbone.width
        self.prototypes = nn.Parameter(0.05 * torch.randn(count, width))
        self.bias = nn.Parameter(torch.zeros(count, *self.backbone.grid))
        self.modulation = nn.LayerNorm((count, width))
        self.classifier = nn.Linear(width, self.classes, bias=False)
        nn.init.trunc_normal_(self.classifier.weight, std=0.02)

    def forward(self, batch: Batch | Tensor) -> Tensor:
        features = self._features(batch)
        return self._scores(self._parts(features, self._assign(features))).mean(1)

    def _features(self, batch: Batch | Tensor) -> Tensor:
        """Patches [B, D, h, w] after the last block, under the final norm."""
        tokens, prompts = self.entering(batch)
        tokens = self.backbone.run_with_prompts(tokens, self.last, prompts)
        with full_precision(tokens):
            return self.backbone.patches(self.backbone.norm(tokens.float()))

    def _assign(self, features: Tensor) -> Tensor:
        """Share of each prototype in each patch, [B, K + 1, h, w], background last; no gradient into the patches."""
        return assign(features.detach(), self.prototypes, self.bias)

    def _parts(self, features: Tensor, maps: Tensor) -> Tensor:
        """Modulated region features [B, K + 1, D], background last, with gradient into patches and maps."""
        means, _ = regions(features, maps)
        with full_precision(means):
            return self.modulation(means)

    def _scores(self, parts: Tensor) -> Tensor:
        """Class scores of each part [B, K, C]; while training, whole parts are left out. The background has none."""
        with full_precision(parts):
            return self.classifier(self._dropped_parts(parts[:, :-1]))

    def _dropped_parts(self, parts: Tensor) -> Tensor:
        """Parts [B, K, D], each left out of an image's logits or made up for those that are."""
        if not self.training:
            return parts
        rate, count = self.settings.part_dropout, parts.shape[1]
        return parts * drawn(lambda batch: dropout1d(parts.new_ones(batch, count, 1), rate), len(parts))

    def loss(self, batch: Batch | Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Cross-entropy and the part-shaping losses, weighted, fp32. A term of weight zero is left out."""
        batch = Batch.labelled(batch, labels)
        if self.settings.equivariance and batch.warped is None:
            batch = batch.with_warp()
        features = self._features(batch)
        with full_precision(features):
            terms = self._terms(batch, features, self._assign(features))
            return {name: weight * terms[name]() for name in terms if (weight := getattr(self.settings, name))}

    def _terms(self, batch: Batch, features: Tensor, maps: Tensor) -> dict[str, Callable[[], Tensor]]:
        """The terms, each computed when called."""
        parts = self._parts(features, maps)
        return {
            "classification": lambda: cross_entropy(self._scores(parts).mean(1), batch.labels),
            "presence": lambda: presence(maps[:, :-1]),
            "background_presence": lambda: background_presence(maps[:, -1]),
            "entropy": lambda: entropy(maps),
            "total_variation": lambda: total_variation(maps),
            "equivariance": lambda: equivariance(maps[:, :-1], self._warped_maps(batch)[:, :-1], batch.affine),
            "orthogonality": lambda: orthogonality(parts),
        }

    def _warped_maps(self, batch: Batch) -> Tensor:
        with torch.no_grad():  # exact: the maps stop the gradient at the patches
            features = self._features(batch.warped)
        return self._assign(features)

    @torch.no_grad()
    def explain(self, batch: Batch | Tensor, targets: Tensor | None = None, saliency: bool = True) -> Explanation:
        """Part maps are the prototypes' shares of every patch.

        Saliency is the sum of the part maps, each weighted by how far its score for the target lies above its mean
        score over classes, where it does.
        """
        features = self._features(batch)
        maps = self._assign(features)
        scores = self._scores(self._parts(features, maps))
        logits, part_maps = scores.mean(1), maps[:, :-1]
        targets = logits.argmax(1) if targets is None else targets
        part_ids = torch.arange(part_maps.shape[1], device=maps.device).expand(part_maps.shape[:2])
        own = scores.gather(2, targets[:, None, None].expand(-1, scores.shape[1], 1))[..., 0]
        evidence = ((own - scores.mean(2)).relu()[..., None, None] * part_maps).sum(1) if saliency else None
        return Explanation(logits, part_maps, part_ids, maps[:, -1], evidence, part_scores=own / own.shape[1])

    def stages(self, epochs: int) -> list[Stage]:
        """IVPT's recipe: Adam, half the rates every 4 of 25 epochs."""
        return [Stage("train", epochs, self._param_groups, torch.optim.Adam, clip=2.0, schedule=halving(epochs),
                      augmentation="affine_crop_flip", prepare=self._start)]

    @torch.no_grad()
    def _start(self, loaders: Loaders) -> None:
        """As VPT-Deep's, and prototypes around the mean patch that these prompts leave.

        Nobody published where they start. Around zero, what all patches share is nearer to one of them by chance, and
        that one is everywhere.
        """
        super()._start(loaders)
        features = [self._features(batch) for batch in islice(loaders.augmented, _START_BATCHES)]
        self.prototypes.add_(torch.cat(features).mean((0, 2, 3)))

    def _param_groups(self) -> list[dict[str, Any]]:
        settings = self.settings
        return [{"params": [self.prompts], "lr": settings.prompt_rate},
                {"params": [self.prototypes, self.bias], "lr": settings.prototype_rate},
                {"params": [*self.modulation.parameters(), *self.classifier.parameters()], "lr": settings.head_rate}]
