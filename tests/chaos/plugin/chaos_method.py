"""A method that learns from 4 x 4 pixels with dropout and Adam, and breaks as its setting says."""

import os
import time

import faults
import torch
from chaos_card import CHAOS
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy, dropout

from partbench.methods import Batch, Explanation, Method, Stage

_BREAKS_IN = 1  # epochs before it: there is a checkpoint to go on from
_FITS = 3  # images


class Chaos(Method):
    """Wrong random numbers, a wrong state of the optimiser or an epoch done twice: its losses show them all."""

    card = CHAOS

    def __init__(self, backbone, classes, settings):
        super().__init__(backbone, classes, settings)
        self.features, self.head = nn.Linear(48, 16), nn.Linear(16, classes)
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.broken = False

    def forward(self, batch):
        pixels = adaptive_avg_pool2d(Batch.of(batch).images, 4).flatten(1)
        return self.head(dropout(self.features(pixels).relu(), 0.5, self.training))

    def loss(self, batch, labels=None):
        batch = Batch.labelled(batch, labels)
        time.sleep(float(os.environ.get("PARTBENCH_CHAOS_PAUSE", 0)))  # no setting: it is to change no id
        loss = cross_entropy(self(batch), batch.labels)
        if self.broken and self.settings.fault == "large_batch" and len(batch) > _FITS:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        if self.broken and self.settings.fault == "nan":
            loss = loss * float("nan")
        return {"cross_entropy": loss}

    def _enter(self, epoch):
        self.broken = epoch >= _BREAKS_IN
        if self.broken and hasattr(faults, self.settings.fault):
            getattr(faults, self.settings.fault)()

    def stages(self, epochs):
        groups = [{"params": list(self.parameters()), "lr": 1e-2}]
        return [Stage("chaos", epochs, lambda: groups, torch.optim.Adam, enter=self._enter,
                      after_step=lambda: self.steps.add_(1))]

    def explain(self, batch, targets=None, saliency=True):
        batch = Batch.of(batch)
        maps = adaptive_avg_pool2d(batch.images, 4)
        ids = torch.arange(3, device=maps.device).expand(len(batch), 3)
        return Explanation(self(batch), maps, ids, saliency=maps.mean(1) if saliency else None)
