"""Batches for training and scoring: images decoded, transformed, normalised, in an order that a seed fixes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ..datasets import Sample, Split
from ..methods import Backbone, Batch
from .decoding import Pictures, Reader
from .seeds import derive, generator
from .spread.ranks import ALONE, Ranks

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
        return (images.to(self.device, non_blocking=True).float() / 255 - self.mean) / self.std

    def undone(self, images: Tensor) -> Tensor:
        """Normalised images [B, 3, H, W] as values in [0, 1]."""
        return images * self.std + self.mean


@dataclass(frozen=True)
class TrainLoader:
    """Shuffled, augmented batches of one split; the last, smaller batch of an epoch is dropped.

    Every draw (order, augmentation, warp) depends on seed, stage, epoch and image alone, so the batches are the same
    for any number of ``workers``, see :func:`~.decoding.decoding_workers`; these processes end with the loader.
    """

    split: Split
    transform: Transform
    normalise: Normalise
    batch_size: int
    seed: int
    stage: str
    warp: bool = False
    workers: int = 0
    ranks: Ranks = ALONE

    @property
    def whole(self) -> "TrainLoader":
        """The loader of whole batches, of which the processes that train together each take their share."""
        return self if self.ranks == ALONE else replace(self, ranks=ALONE)

    @property
    def steps(self) -> int:
        return max(1, len(self.split) // self.batch_size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from step ``start`` on, no picture of those before being opened.

        Read one epoch to its end, or leave it, before the next.
        """
        for step, batch in enumerate(self.drawn(epoch, self.order(epoch)[start:]), start):
            yield batch.with_warp(generator(self.seed, self.stage, "warp", epoch, step)) if self.warp else batch

    def order(self, epoch: int) -> list[list[int]]:
        """Indices of the images of each step: this process's share of them."""
        order = torch.randperm(len(self.split), generator=generator(self.seed, self.stage, "order", epoch)).tolist()
        steps = (order[step * self.batch_size:(step + 1) * self.batch_size] for step in range(self.steps))
        return [self.ranks.own(indices) for indices in steps]

    def drawn(self, epoch: int, batches: Iterable[Sequence[int]]) -> Iterator[Batch]:
        """Batches of images by their indices, under the augmentation that they have in an epoch, without the warp."""
        keys = ([(epoch, index) for index in indices] for indices in batches)
        for pictures in self._reader.batches(keys):
            yield replace(_batch(pictures, self.normalise), epoch=epoch)

    def __iter__(self) -> Iterator[Batch]:
        """The first epoch: what a stage's ``prepare`` sees."""
        return self.epoch(0)

    @cached_property
    def _reader(self) -> Reader:
        """Started by the first epoch, and kept for the others."""
        return Reader(_Augmented(self.split, self.transform, self.seed, self.stage), self.workers,
                      self.normalise.device.type == "cuda")


@dataclass(frozen=True)
class _Augmented:
    """(epoch, index) -> training sample, with a stream of random numbers of its own."""

    split: Split
    transform: Transform
    seed: int
    stage: str

    def __call__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        sample = self.split.read(index, masks=False)
        # torchvision's transforms draw from the global generator: it is put back. Of the CPU alone: a GPU's would not
        # be seeded in a worker process, and is not needed.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derive(self.seed, self.stage, "augment", epoch, sample.id))
            return self.transform(sample)


@dataclass(frozen=True)
class PlainLoader:
    """Every image of a split in file order, as it is scored; can be read again and again."""

    split: Split
    transform: Transform
    normalise: Normalise
    batch_size: int
    workers: int = 0

    def __iter__(self) -> Iterator[Batch]:
        batches = clean_batches(self.split, self.transform, self.normalise, self.batch_size, self.workers)
        return (clean.batch for clean in batches)


@dataclass(frozen=True)
class Clean:
    """A batch for scoring.

    Attributes:
        samples: as the view gives them; none where pictures were not read.
        batch: ids, labels, and the normalised images where pictures were read.
        tokens: [B, S, D] of the images, entering block ``prefix_blocks``, where they are known.
    """

    samples: list[Sample]
    batch: Batch
    tokens: Tensor | None = None

    @property
    def shown(self) -> Batch:
        """What a method is given: tokens where they are known, else images."""
        return self.batch if self.tokens is None else replace(self.batch, images=None, tokens=self.tokens)

    def relabelled(self, labels: Mapping[str, int]) -> "Clean":
        """The batch with other labels, by image id."""
        given = [labels[sample.id] for sample in self.samples]
        return Clean([replace(sample, label=label) for sample, label in zip(self.samples, given, strict=True)],
                     replace(self.batch, labels=torch.tensor(given, device=self.batch.labels.device)))


def clean_batches(split: Split, view: Transform, normalise: Normalise, batch_size: int, workers: int = 0,
                  indices: Sequence[int] | None = None, masks: bool = False) -> Iterator[Clean]:
    """Images of a split (all, in file order, or those of ``indices``), decoded once, by ``workers`` processes.

    ``masks``: with part and object masks, where the data set has them.
    """
    reader = Reader(_Viewed(split, view, masks), workers, normalise.device.type == "cuda")
    chosen = range(len(split)) if indices is None else indices
    keys = [chosen[start:start + batch_size] for start in range(0, len(chosen), batch_size)]
    for pictures in reader.batches(keys):
        # Copies: who keeps one sample must not keep its whole batch.
        samples = [replace(sample, image=image.clone())
                   for sample, image in zip(pictures.samples, pictures.images, strict=True)]
        yield Clean(samples, _batch(pictures, normalise))


@dataclass(frozen=True)
class _Viewed:
    """Index -> sample as it is scored."""

    split: Split
    view: Transform
    masks: bool

    def __call__(self, index: int) -> Sample:
        return self.view(self.split.read(index, self.masks))


def _batch(pictures: Pictures, normalise: Normalise) -> Batch:
    labels = torch.tensor([sample.label for sample in pictures.samples], device=normalise.device)
    return Batch(images=normalise(pictures.images), labels=labels, ids=tuple(sample.id for sample in pictures.samples))
