"""A third party's method: patches vote, at first for all they are worth, then less what they say on average."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy, dropout
from votes_card import VOTES

from partbench.methods import Batch, Explanation, Method, Stage


class Votes(Method):
    """Two stages: before the second, the mean patch of the training images is kept in a buffer and taken away."""

    card = VOTES

    def __init__(self, backbone, classes, settings):
        super().__init__(backbone, classes, settings)
        self.prefix_blocks = backbone.depth
        self.head = nn.Conv2d(backbone.width, classes, 1)
        self.register_buffer("mean", torch.zeros(backbone.width))

    def patches(self, batch):
        return self.backbone.patches(self.backbone.norm(self.tokens(batch)))

    def votes(self, batch):
        patches = self.patches(batch) - self.mean[:, None, None]
        return self.head(dropout(patches, 0.1, self.training))

    def forward(self, batch):
        return self.votes(batch).mean((2, 3))

    def loss(self, batch, labels=None):
        batch = Batch.of(batch, labels)
        return {"cross_entropy": cross_entropy(self(batch), batch.labels)}

    def explain(self, batch, targets=None, saliency=True):
        votes = self.votes(batch)
        logits = votes.mean((2, 3))
        targets = logits.argmax(1) if targets is None else targets
        maps = votes[torch.arange(len(votes)), targets][:, None]
        return Explanation(logits, maps, targets[:, None], saliency=maps[:, 0] if saliency else None)

    def stages(self, epochs):
        groups = [{"params": list(self.head.parameters()), "lr": self.settings.learning_rate}]
        return [Stage("raw", epochs - epochs // 2, lambda: groups, torch.optim.Adam),
                Stage("centred", epochs // 2, lambda: groups, torch.optim.Adam, prepare=self.centre)]

    @torch.no_grad()
    def centre(self, loaders):
        self.mean.copy_(torch.cat([self.patches(batch) for batch in loaders.plain]).mean((0, 2, 3)))
