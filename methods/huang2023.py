"""Huang et al. 2023: ProtoPNet with unit prototypes, own-class evidence only, and features that stay in place.

Huang et al., "Evaluation and Improvement of Interpretability for Self-Explainable Part-Prototype Networks",
ICCV 2023. Weights and rates are those of the public training script, which differ from its code's defaults.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from .backbone import Backbone
from .base import Batch, Explanation, Stage
from .cards.huang2023 import HUANG2023, Huang2023Settings
from .feature_alignment import feature_alignment
from .patch_method import PatchMethod
from .patch_prototypes import own_and_other, part_ids, pointwise
from .prototypes import full_precision

_WARM, _JOINT = 5, 7  # epochs of the public schedule


class Huang2023(PatchMethod):
    """A 1x1 convolution with a sigmoid, and m unit prototypes per class whose strongest projections make its logit.

    A class is scored by its own prototypes alone, with weights that sum to m (score aggregation). Shallow-deep feature
    alignment acts on the backbone, so only while that trains: a frozen one has no use for it. Prototypes are never
    replaced by training patches. The head computes in fp32 whatever autocast says.

    Attributes:
        prototypes: [C * m, D], unit vectors; prototype ``class * m + k``.
        aggregation: [C, m], what a softmax makes the weights of.
    """

    card = HUANG2023
    settings: Huang2023Settings

    def __init__(self, backbone: Backbone, classes: int, settings: Huang2023Settings):
        super().__init__(backbone, classes, settings)
        self.per_class, width = settings.prototypes_per_class, settings.dimension
        self.add_on = nn.Sequential(pointwise(backbone.width, width), nn.Sigmoid())
        self.prototypes = nn.Parameter(normalize(torch.rand(classes * self.per_class, width), dim=1))
        self.aggregation = nn.Parameter(torch.ones(classes, self.per_class))
        if self.per_class == 1:
            self.inert += ("aggregation",)  # the weight of one prototype is always 1

    def features(self, batch: Batch | Tensor) -> Tensor:
        """What is projected on the prototypes: fp32 [B, D, h, w] in (0, 1)."""
        return self._added_on(self.patch_features(batch))

    def _added_on(self, patches: Tensor) -> Tensor:
        with full_precision(patches):
            return self.add_on(patches.float())

    def forward(self, batch: Batch | Tensor) -> Tensor:
        return self._scores(projections(self.features(batch), self.prototypes).amax((2, 3))).sum(2)

    def _scores(self, pooled: Tensor) -> Tensor:
        """What every prototype adds to its class's logit: [B, C * m] -> [B, C, m]."""
        return aggregation_weights(self.aggregation) * pooled.unflatten(1, (self.classes, self.per_class))

    def loss(self, batch: Batch | Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Cross-entropy and the paper's weighted terms, fp32; ``alignment`` only while the backbone trains."""
        batch, weights = Batch.labelled(batch, labels), self.settings
        shallow, deep = self._shallow_and_deep(batch)
        features = self._added_on(deep)
        pooled, cells = projections(features, self.prototypes).flatten(2).max(2)
        cosines = projections(normalize(features, dim=1), self.prototypes).flatten(2).max(2).values
        own, other = own_and_other(-cosines, batch.labels, self.per_class)
        terms = {"cross_entropy": cross_entropy(self._scores(pooled).sum(2), batch.labels),
                 "cluster": weights.cluster * own.mean(),
                 "separation": -weights.separation * other.mean(),
                 "orthogonality": weights.orthogonality * orthogonality(self.prototypes, self.per_class)}
        if shallow is not None:
            strongest = cells.gather(1, part_ids(batch.labels, self.per_class))
            terms["alignment"] = weights.alignment * feature_alignment(
                shallow, deep, strongest, weights.alignment_threshold)
        return terms

    def _shallow_and_deep(self, batch: Batch) -> tuple[Tensor | None, Tensor]:
        """The backbone's maps; no shallow ones where they are not aligned."""
        if self.learns_features and self.settings.alignment:
            return self.backbone.shallow_and_deep(batch.images)
        return None, self.patch_features(batch)

    def explain(self, batch: Batch | Tensor, targets: Tensor | None = None, saliency: bool = True) -> Explanation:
        """Maps are projections on the target's prototypes; saliency is their sum, weighted as in the logit."""
        maps = projections(self.features(batch), self.prototypes)
        scores = self._scores(maps.amax((2, 3)))
        logits = scores.sum(2)
        targets = logits.argmax(1) if targets is None else targets
        parts, images = part_ids(targets, self.per_class), torch.arange(len(maps), device=maps.device)
        own = maps[images[:, None], parts]
        weights = aggregation_weights(self.aggregation)[targets]
        evidence = (weights[..., None, None] * own).sum(1) if saliency else None
        return Explanation(logits, own, parts, saliency=evidence, part_scores=scores[images, targets])

    def stages(self, epochs: int) -> list[Stage]:
        """Frozen: one stage. Fine-tuned: 5/12 of the epochs for the head alone, then everything with an optimiser of
        its own, whose rates go x1, x0.2, x0.04 for 2, 3 and 2 of every 7 joint epochs. Adam throughout; batch norms of
        a backbone that trains see both stages, as in the public code.
        """
        if not self.settings.finetune:
            return [self._stage("warm", epochs, self._head_groups)]
        warm = round(epochs * _WARM / (_WARM + _JOINT))
        joint = epochs - warm
        return [
            self._stage("warm", warm, self._head_groups, enter=lambda _: self.learn_features(False)),
            self._stage("joint", joint, lambda: self._head_groups() + self.feature_groups(),
                        enter=lambda _: self.learn_features(True),
                        # The public code steps its schedule first: the first fall comes after two epochs, not three.
                        schedule=lambda done: 0.2 ** int((_JOINT * done / joint + 1) / 3 + 1e-9)),
        ]

    def _stage(self, name: str, epochs: int, groups: Callable[[], list[dict[str, Any]]], **options: Any) -> Stage:
        return Stage(name, epochs, groups, torch.optim.Adam, after_step=self._renormalise, **options)

    def _head_groups(self) -> list[dict[str, Any]]:
        settings = self.settings
        return [{"params": list(self.add_on.parameters()), "lr": settings.add_on_rate,
                 "weight_decay": settings.weight_decay},
                {"params": [self.prototypes], "lr": settings.prototype_rate},
                {"params": [self.aggregation], "lr": settings.aggregation_rate}]

    @torch.no_grad()
    def _renormalise(self) -> None:
        self.prototypes.copy_(normalize(self.prototypes, dim=1))


def projections(features: Tensor, prototypes: Tensor) -> Tensor:
    """Length of every patch's projection on every prototype: z.p / |p|, the patch being taken as it is.

    Args:
        features: [B, D, h, w].
        prototypes: [K, D].

    Returns:
        fp32 [B, K, h, w].
    """
    with full_precision(features):
        products = normalize(prototypes.float(), dim=1) @ features.float().flatten(2)
        return products.unflatten(2, features.shape[2:])


def aggregation_weights(raw: Tensor) -> Tensor:
    """Weights [C, m] of the prototypes in their class's logit: m times a softmax, so that equal ones are 1."""
    return raw.shape[1] * raw.softmax(1)


def orthogonality(prototypes: Tensor, per_class: int) -> Tensor:
    """How far the prototypes [C * m, D] of each class are from orthonormal: summed absolute entries of P P^T - I."""
    with full_precision(prototypes):
        each = prototypes.float().unflatten(0, (-1, per_class))
        return (each @ each.transpose(1, 2) - torch.eye(per_class, device=each.device)).abs().sum()
