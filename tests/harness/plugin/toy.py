"""A method of two stages that learns from 4 x 4 pixels in milliseconds, and records when its hooks are called."""

import os
import signal
import time

import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy
from toy_card import TOY

from partbench.methods import Batch, Explanation, Method, Stage


class Toy(Method):
    """Adam with dropout on all layers, then momentum SGD on the head, whose input ``prepare`` centres."""

    card = TOY

    def __init__(self, backbone, classes, settings):
        super().__init__(backbone, classes, settings)
        self.features, self.head = nn.Linear(48, 8), nn.Linear(8, classes)
        self.register_buffer("centre", torch.zeros(8))
        self.calls: list[tuple] = []

    def forward(self, batch):
        pixels = adaptive_avg_pool2d(Batch.of(batch).images, 4).flatten(1)
        hidden = nn.functional.dropout(self.features(pixels).relu(), self.settings.dropout, self.training)
        return self.head(hidden - self.centre)

    def loss(self, batch, labels=None):
        batch = Batch.of(batch, labels)
        if batch.epoch:
            time.sleep(float(os.environ.get("TOY_PAUSE", 0)))
        decay = 1e-3 * self.head.weight.square().sum()
        broken = self.calls and self.calls[-1] == ("enter", "head", self.settings.broken_epoch)
        return {"cross_entropy": cross_entropy(self(batch), batch.labels), "decay": decay / 0 if broken else decay}

    def stages(self, epochs):
        first, rate = epochs // 2, self.settings.rate
        return [
            Stage("features", first, lambda: [{"params": list(self.features.parameters()), "lr": 1e-2 * rate},
                                              {"params": list(self.head.parameters()), "lr": 3e-2 * rate}],
                  torch.optim.Adam, lambda done: 1 / (1 + done), **self._hooks("features")),
            Stage("head", epochs - first, lambda: [{"params": list(self.head.parameters()), "lr": 0.1 * rate}],
                  lambda groups: torch.optim.SGD(groups, momentum=0.9), clip=0.05, **self._hooks("head")),
        ]

    def _hooks(self, stage):
        def prepare(loaders):
            self.calls.append(("prepare", stage))
            if stage == "head":
                # From what was learnt, and with noise: both must come back as they were.
                seen = torch.cat([adaptive_avg_pool2d(batch.images, 4).flatten(1) for batch in loaders.augmented])
                self.centre.copy_(self.features(seen).relu().mean(0).detach() + 0.01 * torch.randn(8))

        def enter(epoch):
            self.calls.append(("enter", stage, epoch))
            if stage == "head" and epoch == self.settings.deadly_epoch:
                os.kill(os.getpid(), signal.SIGKILL)

        return {"prepare": prepare, "enter": enter, "after_step": lambda: self.calls.append(("step", stage))}

    def explain(self, batch, targets=None, saliency=True):
        batch = Batch.of(batch)
        maps = adaptive_avg_pool2d(batch.images, 4)
        ids = torch.arange(2, device=maps.device).expand(len(batch), 2)
        return Explanation(self(batch), maps[:, :2], ids, saliency=maps.mean(1) if saliency else None)
