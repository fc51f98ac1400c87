"""ProtoPNet: a class is scored by how much some patch of the image looks like one of its prototypical training patches.

Chen et al., "This Looks Like That: Deep Learning for Interpretable Image Recognition", NeurIPS 2019. Where paper and
public code differ this follows the code.
"""

import logging
from itertools import accumulate, pairwise
from math import floor
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .backbone import Backbone
from .base import Batch, Explanation, Loaders, Stage
from .cards.protopnet import PROTOPNET, ProtoPNetSettings
from .patch_method import PatchMethod
from .patch_prototypes import NearestImages, nearest_patches, own_and_other, part_ids, pointwise
from .prototypes import full_precision, squared_distances

log = logging.getLogger("partbench")

_EPSILON = 1e-4  # in the similarity
# The public schedule: epochs of warm-up, joint epochs before each push, and last-layer passes after each push.
_WARM, _JOINT, _LAST = 5, (6, 10, 10), 20
_DECAY_EVERY = 5  # joint epochs; the first decay is one epoch early, as the public code steps its schedule first
_SHORT_SHARE = 0.2  # of the epochs for the last layer where they are fewer than published
_SHOWN = 10  # classes that a warning lists


class ProtoPNet(PatchMethod):
    """Two 1x1 convolutions with a sigmoid, m prototypes per class, and a last layer on their log similarities.

    A push replaces every prototype by the nearest training patch of its class; the last layer is trained after it,
    never with the prototypes. The head computes in fp32 whatever autocast says.

    Attributes:
        prototypes: [C * m, D]; prototype ``class * m + k``.
        source_image: long [C * m], the training image, in file order, that a prototype is a patch of; -1 for none.
        source_cell: long [C * m], that patch in raster order on the grid; -1 for none.
        source_distance: [C * m], squared distance that the last push moved the prototype; infinite for none.
    """

    card = PROTOPNET
    settings: ProtoPNetSettings

    def __init__(self, backbone: Backbone, classes: int, settings: ProtoPNetSettings):
        super().__init__(backbone, classes, settings)
        self.per_class, width = settings.prototypes_per_class, settings.dimension
        count = classes * self.per_class
        self.add_on = nn.Sequential(pointwise(backbone.width, width), nn.ReLU(), pointwise(width, width), nn.Sigmoid())
        self.prototypes = nn.Parameter(torch.rand(count, width))
        self.last_layer = nn.Linear(count, classes, bias=False)
        own = torch.arange(count) // self.per_class == torch.arange(classes)[:, None]
        self.register_buffer("own", own, persistent=False)
        nn.init.constant_(self.last_layer.weight, -0.5)
        self.last_layer.weight.data[own] = 1.0
        self.register_buffer("source_image", torch.full((count,), -1))
        self.register_buffer("source_cell", torch.full((count,), -1))
        self.register_buffer("source_distance", torch.full((count,), torch.inf))
        self._patches_learn = True

    def features(self, batch: Batch | Tensor) -> Tensor:
        """What prototypes are compared with: fp32 [B, D, h, w] in (0, 1)."""
        patches = self.patch_features(batch)
        with full_precision(patches):
            return self.add_on(patches.float())

    def forward(self, batch: Batch | Tensor) -> Tensor:
        return self._logits(nearest_patches(self.features(batch), self.prototypes)[0])

    def _logits(self, distances: Tensor) -> Tensor:
        with full_precision(distances):
            return self.last_layer(log_similarity(distances))

    def loss(self, batch: Batch | Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Cross-entropy, and the weighted cluster, separation and L1 terms."""
        batch = Batch.labelled(batch, labels)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self._patches_learn):
            distances, _ = nearest_patches(self.features(batch), self.prototypes)
        own, other = own_and_other(distances, batch.labels, self.per_class)
        weights = self.settings
        return {"cross_entropy": cross_entropy(self._logits(distances), batch.labels),
                "cluster": weights.cluster * own.mean(),
                "separation": -weights.separation * other.mean(),
                "sparsity": weights.sparsity * self.last_layer.weight.masked_fill(self.own, 0).abs().sum()}

    def explain(self, batch: Batch | Tensor, targets: Tensor | None = None, saliency: bool = True) -> Explanation:
        """Maps are log similarities to the target's prototypes; saliency is their sum, weighted by the last layer."""
        features = self.features(batch)
        distances, _ = nearest_patches(features, self.prototypes)
        logits = self._logits(distances)
        targets = logits.argmax(1) if targets is None else targets
        parts = part_ids(targets, self.per_class)
        maps = log_similarity(squared_distances(features, self.prototypes[parts]))
        weights = self.last_layer.weight[targets[:, None], parts]
        evidence = (weights[..., None, None] * maps).sum(1) if saliency else None
        scores = weights * log_similarity(distances.gather(1, parts))
        return Explanation(logits, maps, parts, saliency=evidence, part_scores=scores)

    @torch.no_grad()
    def push(self, loaders: Loaders) -> None:
        """Replace every prototype by the nearest patch of its class's training images, all at once.

        Equal patches for several prototypes are left as they are. A class without an image keeps its prototypes.
        """
        training = self.training
        self.eval()
        nearest = NearestImages(self.prototypes, self.classes)
        for batch in loaders.plain:
            features = self.features(batch)
            own = self.prototypes[part_ids(batch.labels, self.per_class)]
            nearest.add(features, *nearest_patches(features, own), batch.labels)
        self.train(training)
        found = nearest.image >= 0
        if not found.all():
            unseen = ((~found).nonzero()[::self.per_class, 0] // self.per_class).tolist()
            log.warning("protopnet: no training image shows class %s%s; prototypes there stay as they were",
                        ", ".join(map(str, unseen[:_SHOWN])), " and others" if len(unseen) > _SHOWN else "")
        self.prototypes.copy_(torch.where(found[:, None], nearest.patch, self.prototypes))
        self.source_image.copy_(nearest.image)
        self.source_cell.copy_(nearest.cell)
        self.source_distance.copy_(nearest.distance)

    def stages(self, epochs: int) -> list[Stage]:
        """Warm-up, then push and last layer; fine-tuned, joint training and another push twice more. Adam throughout.

        Published, three pushes: 5 epochs of warm-up, 6 + 10 + 10 joint ones, and 20 passes over the last layer after
        each push. From 91 epochs on (30 of those of ``--preset paper`` are one of the paper's) the stages have these
        proportions. With fewer, the last layer, which moves by little more than its rate a step, has a fifth of the
        epochs: at equal budget these are better spent on the prototypes. A frozen backbone has one warm-up, push and
        last layer. The last layer's optimiser and the joint one, with its rates x0.1 every 5 of 26 joint epochs, go on
        from where they were. Unless ``start`` is uniform, a push comes before everything. Batch norms of a backbone
        that trains see every stage, as in the public code.
        """
        share = self._last_layer_share(epochs)
        if not self.settings.finetune:
            warm, last = _apportion(epochs, [1 - share, share])
            return [self._warm(warm), self._last_layer(1, last)]
        patches, cycle = (1 - share) / (_WARM + sum(_JOINT)), share / len(_JOINT)
        parts = [_WARM * patches, *(part for joint in _JOINT for part in (joint * patches, cycle))]
        warm, *rest = _apportion(epochs, parts)
        stages, total = [self._warm(warm)], sum(rest[::2])
        for number, (joint, last) in enumerate(zip(rest[::2], rest[1::2], strict=True), 1):
            before = sum(rest[:2 * number - 2:2])
            stages += [self._joint(number, joint, before, total), self._last_layer(number, last)]
        return stages

    def _last_layer_share(self, epochs: int) -> float:
        if self.settings.last_layer_share is not None:
            return self.settings.last_layer_share
        last = _LAST * len(_JOINT)
        published = _WARM + sum(_JOINT) + last
        return _SHORT_SHARE if epochs < published else last / published

    def _warm(self, epochs: int) -> Stage:
        options = {"prepare": self.push} if self.settings.start == "patches" else {}
        return Stage("warm", epochs, self._patch_groups, torch.optim.Adam, enter=lambda _: self._learn(patches=True),
                     **options)

    def _joint(self, number: int, epochs: int, before: int, total: int) -> Stage:
        """Joint stage ``number``, after ``before`` of ``total`` joint epochs."""
        def schedule(done: float) -> float:
            return 0.1 ** floor((sum(_JOINT) * (before + done) / total + 1) / _DECAY_EVERY + 1e-9)

        return Stage(f"joint {number}", epochs, lambda: self._patch_groups() + self.feature_groups(), torch.optim.Adam,
                     schedule, enter=lambda _: self._learn(patches=True, features=True),
                     continues="joint 1" if number > 1 else None)

    def _last_layer(self, number: int, epochs: int) -> Stage:
        groups = [{"params": [self.last_layer.weight], "lr": self.settings.last_layer_rate}]
        return Stage(f"last layer {number}", epochs, lambda: groups, torch.optim.Adam, prepare=self.push,
                     enter=lambda _: self._learn(), continues="last layer 1" if number > 1 else None)

    def _learn(self, patches: bool = False, features: bool = False) -> None:
        """Which gradients the loss computes from now on, besides the last layer's."""
        self._patches_learn = patches
        self.learn_features(features)

    def _patch_groups(self) -> list[dict[str, Any]]:
        settings = self.settings
        return [{"params": list(self.add_on.parameters()), "lr": settings.add_on_rate,
                 "weight_decay": settings.weight_decay},
                {"params": [self.prototypes], "lr": settings.prototype_rate}]


def log_similarity(distances: Tensor) -> Tensor:
    """ln((d + 1) / (d + 1e-4)) of squared distances: from 9.21 at equality down to 0."""
    return ((distances + 1) / (distances + _EPSILON)).log()


def _apportion(epochs: int, shares: list[float]) -> list[int]:
    """Whole epochs that sum to ``epochs``, by shares that sum to one; the first stage gets one at least."""
    ends = [0, *(max(1, floor(epochs * share + 1e-9)) for share in accumulate(shares))]
    return [end - start for start, end in pairwise(ends)]
