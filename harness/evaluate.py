"""One pass per view over a split: explanations in, scores out. Names no method, and a metric only by what it needs.

Maps live for one batch; what stays are peaks, part labels, curves and effects, inside the metrics' accumulators.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .. import metrics
from ..datasets import PartDataset, Sample, Split, view
from ..methods import Batch, Explanation, Method
from ..metrics import Protocol
from .gallery import Gallery
from .interventions import Evidence, discriminative_parts, forwards_each, redraw
from .items import Items
from .loaders import Clean, Normalise, clean_batches
from .progress import Reporter
from .score import Score


@dataclass
class Evaluation:
    """Scores one trained method on one split under one protocol.

    Attributes:
        split: its name.
        pictures: its samples.
        normalise: uint8 images to what the backbone takes.
        workers: processes that decode images.
        explain_seconds, score_seconds: time in the model, and in everything after it.
    """

    method: Method
    dataset: PartDataset
    split: str
    protocol: Protocol
    normalise: Normalise
    batch_size: int
    reporter: Reporter
    workers: int = 0
    explain_seconds: float = 0.0
    score_seconds: float = 0.0
    pictures: Split = field(init=False)
    items: Items = field(init=False)
    _running: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pictures = self.dataset[self.split]
        self.items = Items(self.protocol)

    @torch.no_grad()
    def run(self) -> tuple[list[Score], Gallery]:
        """Every score, and what the gallery shows."""
        self.method.eval()
        fidelity = {self.pictures.ids[index] for index in self._subset(self.protocol.fidelity_images)}
        gallery = Gallery.choose(self.pictures)
        kept = self._whole_images(fidelity | set(gallery.ids))
        self._parts()
        self._fidelity([sample for sample in kept if sample.id in fidelity])
        self._interventions()
        gallery.fill([sample for sample in kept if sample.id in gallery.ids], self._explain_images)
        return self._scores(), gallery

    def _cards(self, need: str) -> list[metrics.MetricCard]:
        """Metrics that take ``need`` and mean something for this method's parts."""
        shared = not self.method.card.class_specific
        return [card for card in metrics.registry.cards.values()
                if card.needs == need and (shared or not card.shared_parts)]

    def _update(self, need: str, level: str, *values: Tensor) -> None:
        for card in self._cards(need):
            key = (card.name, level)
            if key not in self._running:
                self._running[key] = card.load()(self.protocol)
            self._running[key].update(*values)

    def _scores(self) -> list[Score]:
        with self._scoring():
            found = [Score.of(name, level, running) for (name, level), running in self._running.items()]
        if self.method.card.class_specific and self.dataset.parts:
            # Ids of parts differ from class to class: there is nothing to compare across classes.
            found += [Score(card.name, "final", None) for card in metrics.registry.cards.values() if card.shared_parts]
        return found

    @contextmanager
    def _scoring(self) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.score_seconds += time.monotonic() - started

    def _explain(self, batch: Batch, targets: Tensor | None = None, saliency: bool = False) -> Explanation:
        started = time.monotonic()
        explanation = self.method.explain(batch, targets, saliency=saliency)
        if batch.images.is_cuda:
            torch.cuda.synchronize()
        self.explain_seconds += time.monotonic() - started
        return explanation

    def _explain_images(self, images: Tensor) -> Explanation:
        return self._explain(Batch(images=self.normalise(images)), saliency=True)

    def _explain_target(self, images: Tensor, labels: Tensor) -> tuple[Explanation, int]:
        """One image's saliency for the class that the protocol follows, and that class."""
        targets = self._target(self.protocol.saliency_target, labels)
        explanation = self._explain(Batch(images=images), targets, saliency=True)
        return explanation, int(explanation.logits.argmax(1) if targets is None else targets)

    def _target(self, name: str, labels: Tensor) -> Tensor | None:
        return labels if name == "label" else None

    def _passes(self, name: str) -> Iterator[Clean]:
        shown = view(name, self.method.backbone.image_size)
        yield from clean_batches(self.pictures, shown, self.normalise, self.batch_size, self.workers)

    def _subset(self, images: int) -> list[int]:
        return metrics.fidelity_subset(self.pictures.ids, self.pictures.labels.tolist(), self.protocol, images)

    def _annotation(self, clean: Clean) -> tuple[Tensor, Tensor]:
        """Keypoints [N, P, 2] on the protocol's canvas, and their visibility [N, P]."""
        scale = self.protocol.canvas / self.method.backbone.image_size
        keypoints = torch.stack([sample.keypoints for sample in clean.samples]) * scale
        return keypoints, torch.stack([sample.visible for sample in clean.samples])

    def _whole_images(self, keep: set[str]) -> list[Sample]:
        """The clean pass over whole images: the prediction, and which map holds which part. Returns ``keep``."""
        kept: list[Sample] = []
        for clean in self._passes(self.protocol.accuracy_view):
            explanation = self._explain(clean.batch)
            with self._scoring():
                labels = clean.batch.labels.cpu()
                logits = explanation.logits.float().cpu()
                self._update("logits", "final", logits, labels)
                self.items.values("accuracy", "final", clean.batch.ids, labels, logits.argmax(1) == labels)
                if self.dataset.parts and self._cards("assignment"):
                    self._assign(clean, explanation)
                kept += [sample for sample in clean.samples if sample.id in keep]
            self.reporter.step("score images", len(labels), 1.0)
        return kept

    def _assign(self, clean: Clean, explanation: Explanation) -> None:
        keypoints, visible = self._annotation(clean)
        for level, maps in explanation.all_levels().items():
            background = None if maps.background is None else maps.background.float().cpu()
            assignment = metrics.part_assignment(
                maps.part_maps.float().cpu(), background, keypoints, visible, self.protocol.canvas)
            labels = clean.batch.labels.cpu()
            self._update("assignment", level, assignment, labels)
            self.items.values("assignment", level, clean.batch.ids, labels, assignment)

    def _parts(self) -> None:
        """Clean and noisy passes over the part view, both from one decoded image."""
        if not self.dataset.parts:
            return
        for clean in self._passes(self.protocol.part_view):
            targets = self._target(self.protocol.part_target, clean.batch.labels)
            peaks = self._peaks(self._explain(clean.batch, targets))
            noisy = [self._peaks(self._explain(self._noisy(clean.batch, draw), targets))
                     for draw in range(self.protocol.noise_draws)]
            with self._scoring():
                known = (*self._annotation(clean), clean.batch.labels.cpu())
                for level, (places, part_ids) in peaks.items():
                    moved = torch.stack([draw[level][0] for draw in noisy])
                    self._update("peaks", level, places, *known, part_ids)
                    self._update("noisy_peaks", level, places, moved, *known, part_ids)
                    for draw, drawn in enumerate((places, *moved)):
                        self.items.peaks("peaks", level, clean.batch.ids, known[2], drawn, part_ids, *known[:2], draw)
            self.reporter.step("score parts", len(clean.samples), 1.0 + self.protocol.noise_draws)

    def _peaks(self, explanation: Explanation) -> dict[str, tuple[Tensor, Tensor]]:
        """Per level: peaks [N, K, 2] and part ids [N, K]."""
        with self._scoring():
            return {level: (metrics.peaks(maps.part_maps.float(), self.protocol.canvas,
                                          self.protocol.near_constant).cpu(), maps.part_ids.cpu())
                    for level, maps in explanation.all_levels().items()}

    def _noisy(self, batch: Batch, draw: int) -> Batch:
        return Batch(images=metrics.noisy(batch.images, batch.ids, draw, self.protocol), ids=batch.ids)

    def _fidelity(self, samples: list[Sample]) -> None:
        """Insertion and deletion of the target's probability, on the protocol's subset."""
        def predict(images: Tensor) -> Tensor:
            return self.method(images).float().softmax(1)

        backbone = self.method.backbone
        for sample in samples:
            images = self.normalise(sample.image[None])
            labels = torch.tensor([sample.label], device=images.device)
            explanation, target = self._explain_target(images, labels)
            saliency = metrics.upsample_saliency(explanation.saliency.float(), images.shape[-1])[0]
            with self._scoring():
                for mode in ("insertion", "deletion"):
                    substrate = metrics.substrate(images, mode, self.protocol, backbone.mean, backbone.std)[0]
                    curve = metrics.perturbation_curve(predict, images[0], saliency, target,
                                                       self.protocol.fidelity_steps, mode, substrate)
                    self._update(mode, "final", curve[None].cpu(), labels.cpu())
                    self.items.values(mode, "final", (sample.id,), labels.cpu(), curve[None].cpu())
            self.reporter.step("score fidelity", 1, 2.0 * (self.protocol.fidelity_steps + 1))

    def _interventions(self) -> None:
        """What the answer owes to each part and to the background, where pictures can be drawn again."""
        if not self.dataset.planted:
            return
        discriminative = discriminative_parts(self.dataset)
        shown = view(self.protocol.fidelity_view, self.method.backbone.image_size)
        for index in self._subset(self.protocol.planted_images):
            drawn = redraw(self.dataset, self.split, index, shown)
            images, labels = self.normalise(drawn.images), torch.tensor([drawn.sample.label])
            explanation, target = self._explain_target(images[:1], labels.to(images.device))
            with self._scoring():
                self._feed(drawn.sample.id, labels, drawn.evidence(
                    self.method(images).cpu(), target, explanation.saliency.cpu(), discriminative[labels[0]]))
            self.reporter.step("score interventions", 1, forwards_each(self.dataset))

    def _feed(self, name: str, labels: Tensor, evidence: Evidence) -> None:
        """Hand one picture's evidence to the metrics that need it, and keep what their scores follow from."""
        for need, values in evidence.items():
            self._update(need, "final", *values, labels)
        held, drop, valid = evidence["removal"]
        shares, counted = metrics.discriminative_share(*evidence["planted"])
        kept = {"part_evidence": held.where(valid, torch.nan), "score_drop": drop,
                "planted_saliency": shares.where(counted, torch.nan),
                "background_sensitivity": metrics.total_variation(*evidence["background"])}
        for item, values in kept.items():
            self.items.values(item, "final", (name,), labels, values)


def scoring_cost(images: int, protocol: Protocol, redrawn: int = 0) -> float:
    """Forward passes of one image that an evaluation takes, for the time left.

    ``redrawn`` of them for each image that is drawn again: see :func:`~.interventions.forwards_each`.
    """
    fidelity = min(images, protocol.fidelity_images) * 2 * (protocol.fidelity_steps + 1)
    return images * (2.0 + protocol.noise_draws) + fidelity + min(images, protocol.planted_images) * redrawn
