"""Batches for training and scoring: images decoded, transformed, normalised, in an order that a seed fixes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..datasets import Sample, Split
from ..methods import Backbone, Batch
from .seeds import derive, generator

Transform = Callable[[Sample], Sample]


@dataclass(frozen=True)
class Normalise:
    """uint8 images [B, 3, H, W] -> float with the backbone's mean and std, and back to the device."""

    mean: Tensor
    std: Tensor
    device: torch.device

    @classmethod
    def of(cls, backbone: Backbone, device: torch.device) -> "Normalise":
        mean, std = (torch.tensor(value, device=device).view(3, 1, 1) for value in (backbone.mean, backbone.std))
        return cls(mean, std, device)

    def __call__(self, images: Tensor) -> Tensor:
        return (images.to(self.device).float() / 255 - self.mean) / self.std


@dataclass(frozen=True)
class TrainLoader:
    """Shuffled, augmented batches of one split; the last, smaller batch of an epoch is dropped.

    Every draw (order, augmentation, warp) depends on seed, stage, epoch and image alone.
    """

    split: Split
    transform: Transform
    normalise: Normalise
    batch_size: int
    seed: int
    stage: str
    warp: bool = False

    @property
    def steps(self) -> int:
        return max(1, len(self.split) // self.batch_size)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        order = torch.randperm(len(self.split), generator=generator(self.seed, self.stage, "order", epoch))
        for step in range(self.steps):
            chosen = order[step * self.batch_size:(step + 1) * self.batch_size].tolist()
            yield self._batch(chosen, epoch, step)

    def __iter__(self) -> Iterator[Batch]:
        """The first epoch: what a stage's ``prepare`` sees."""
        return self.epoch(0)

    def _batch(self, chosen: list[int], epoch: int, step: int) -> Batch:
        images, ids = [], []
        # torchvision's transforms draw from the global generator: give each image its own stream, then put it back.
        with torch.random.fork_rng(devices=[]):
            for index in chosen:
                sample = self.split.read(index, masks=False)
                torch.manual_seed(derive(self.seed, self.stage, "augment", epoch, sample.id))
                images.append(self.transform(sample).image)
                ids.append(sample.id)
        labels = torch.as_tensor(self.split.labels[chosen], device=self.normalise.device)
        batch = Batch(images=self.normalise(torch.stack(images)), labels=labels, ids=tuple(ids), epoch=epoch)
        return batch.with_warp(generator(self.seed, self.stage, "warp", epoch, step)) if self.warp else batch


@dataclass(frozen=True)
class Clean:
    """A batch for scoring: the samples as the view gives them, and the normalised images."""

    samples: list[Sample]
    batch: Batch


def clean_batches(split: Split, view: Transform, normalise: Normalise, batch_size: int) -> Iterator[Clean]:
    """Every image of a split once, in file order, decoded once."""
    for start in range(0, len(split), batch_size):
        samples = [view(split[index]) for index in range(start, min(start + batch_size, len(split)))]
        images = normalise(torch.stack([sample.image for sample in samples]))
        labels = torch.tensor([sample.label for sample in samples], device=normalise.device)
        yield Clean(samples, Batch(images=images, labels=labels, ids=tuple(sample.id for sample in samples)))
