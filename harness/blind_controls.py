"""Blind controls: what peaks that no model has placed score on a data set. One row set for all methods."""

from collections.abc import Iterator

import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from .. import metrics
from ..datasets import PartDataset, Split, view
from ..leaderboard import Row, Store
from ..metrics.substrates import IMAGENET_MEAN
from .control_ids import BLIND, blind_id
from .evidence import Evidence, Record
from .items import items_table
from .loaders import Normalise, clean_batches
from .opened import opened
from .plan import Job, Plan
from .score import scores

_RANDOM_MAPS = 10  # per image: the mean score does not depend on it, its spread does
_BATCH = 32
_STD = (0.229, 0.224, 0.225)  # ImageNet's: the noise of the stability passes is defined on normalised images
_PATCH = 16  # pixels of a cell of the edge map


def write_controls(plan: Plan, console: Console) -> None:
    """Score every blind control once per data set, split and protocol of the plan."""
    for job in {blind_id("", job): job for job in plan.jobs}.values():
        store = Store(job.out)
        known = store.finished(job.protocol.id, job.split)
        missing = [name for name in BLIND if blind_id(name, job) not in known]
        dataset = opened(job) if missing else None
        if dataset is None or not dataset.parts:
            continue
        for name in missing:
            _write(store, name, _evidence(name, dataset, job, console), job)


def _write(store: Store, name: str, evidence: Evidence, job: Job) -> None:
    run_id = blind_id(name, job)
    found = scores(evidence, job.protocol)
    if not found:
        return
    facts = {"run_id": run_id, "method": "control", "variant": name, "dataset": job.spec.dataset,
             "dataset_fingerprint": job.spec.dataset_fingerprint, "backbone": job.spec.backbone,
             "image_size": job.spec.image_size, "split": job.split, "protocol": job.protocol.name,
             "protocol_id": job.protocol.id}
    where = run_id, job.protocol.id, job.split
    store.write_items(*where, items_table(evidence, found, run_id, job.split, job.protocol))
    store.write_scores(*where, [Row(**facts, **score.columns(metrics.registry.get(score.metric))) for score in found])


def _evidence(name: str, dataset: PartDataset, job: Job, console: Console) -> Evidence:
    split, canvas = dataset[job.split], job.protocol.canvas
    keypoints, visible, labels = annotation(split, job.protocol)
    ids = tuple(split.ids)
    places = _edges(split, job, console) if name == "edge_peaks" else _places(name, dataset, job, len(ids))
    evidence = Evidence()
    evidence.add("keypoints", "", ids, labels, keypoints=torch.where(visible[..., None], keypoints, 0).int(),
                 visible=visible)
    concepts = torch.arange(places.shape[2]).expand(len(ids), -1)
    flat = torch.zeros(places.shape[:3], dtype=torch.bool)
    values = {"part_ids": concepts, "peaks": places[:, 0].to(torch.int16), "flat": flat[:, 0],
              "strengths": torch.zeros(flat[:, 0].shape), "moved": places[:, 1:].to(torch.int16),
              "moved_flat": flat[:, 1:]}
    evidence.put("peaks", "final", Record(ids, labels, values))
    assert places.max() < canvas
    return evidence


def annotation(split: Split, protocol: metrics.Protocol) -> tuple[Tensor, Tensor, Tensor]:
    """Keypoints [N, P, 2] on the protocol's canvas, visibility [N, P] and labels [N], without decoding an image."""
    shown = view(protocol.part_view, protocol.canvas)
    samples = [shown(split.annotation(index)) for index in range(len(split))]
    return (torch.stack([sample.keypoints for sample in samples]), torch.stack([sample.visible for sample in samples]),
            torch.tensor([sample.label for sample in samples]))


def _places(name: str, dataset: PartDataset, job: Job, images: int) -> Tensor:
    """Peaks [N, 1 + D, K, 2], clean and under each noise draw."""
    protocol, draws = job.protocol, job.protocol.noise_draws
    if name == "random_peaks":
        return torch.stack([metrics.random_peaks(images, _RANDOM_MAPS, seed, protocol.canvas)
                            for seed in range(draws + 1)], 1)
    place = metrics.centre_peak(protocol.canvas)
    if name == "constant_peak":
        place, _ = metrics.best_constant_peak(
            *annotation(dataset["train"], protocol), protocol.half_size, protocol.canvas, protocol.threshold,
            protocol.min_visible)
    return torch.tensor(place).expand(images, 1 + draws, 1, 2)


def _edges(split: Split, job: Job, console: Console) -> Tensor:
    """Where an edge detector fires most: it sees the picture, and knows nothing of classes or parts."""
    protocol, size = job.protocol, job.spec.image_size
    cells = max(1, size // _PATCH)
    plain = Normalise(*(torch.tensor(value).view(3, 1, 1) for value in (IMAGENET_MEAN, _STD)), torch.device("cpu"))
    found = []
    batches = clean_batches(split, view(protocol.part_view, size), plain, _BATCH)
    steps = -(-len(split) // _BATCH)
    for clean in track(batches, "edge control", steps, console=console, transient=True):
        drawn = [clean.batch.images, *_noisy(clean.batch.images, clean.batch.ids, protocol)]
        maps = [metrics.edge_maps(images, (cells, cells))[:, None] for images in drawn]
        found.append(torch.stack([metrics.peaks(some, protocol.canvas) for some in maps], 1))
    return torch.cat(found)


def _noisy(images: Tensor, ids: tuple[str, ...], protocol: metrics.Protocol) -> Iterator[Tensor]:
    for draw in range(protocol.noise_draws):
        yield metrics.noisy(images, ids, draw, protocol)
