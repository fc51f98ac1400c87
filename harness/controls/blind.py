"""Blind controls: what peaks that no model has placed score on a data set. One row set for all methods."""

from collections.abc import Iterator

import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from ... import metrics
from ...datasets import PartDataset, Split, view
from ...leaderboard import Row, Store
from ...metrics.substrates import IMAGENET_MEAN
from ..loaders import Normalise, clean_batches
from ..opened import opened
from ..plan import Job, Plan
from ..scoring.evidence import Evidence
from ..scoring.items import items_table
from ..scoring.score import scores
from .names import BLIND, blind_id
from .peaks import BEST_CONSTANT, Annotation, control_peaks

_PEAKS = {"random_peaks": "random peaks", "centre_peak": "centre peak", "constant_peak": BEST_CONSTANT}
_BATCH = 32
_STD = (0.229, 0.224, 0.225)  # ImageNet's: the noise of the stability passes is defined on normalised images
_PATCH = 16  # pixels of a cell of the edge map


def write_controls(plan: Plan, console: Console) -> None:
    """Score every blind control once per data set, split and protocol of the plan."""
    for job in {_id("", job): job for job in plan.jobs}.values():
        store = Store(job.out)
        known = store.finished(job.protocol.id, job.split)
        missing = [name for name in BLIND if _id(name, job) not in known]
        dataset = opened(job) if missing else None
        if dataset is None or not dataset.parts:
            continue
        for name in missing:
            _write(store, name, _evidence(name, dataset, job, console), job)


def _id(name: str, job: Job) -> str:
    return blind_id(name, job.spec, job.protocol, job.split)


def _write(store: Store, name: str, evidence: Evidence, job: Job) -> None:
    run_id = _id(name, job)
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
    split, protocol = dataset[job.split], job.protocol
    shown = Annotation.of(dataset, job.split, protocol)
    if name == "edge_peaks":
        found = _edges(split, job, console)
        known = shown.marked(found[:, 0], found[:, 1:].transpose(0, 1))
    else:
        known = control_peaks(Annotation.of(dataset, "train", protocol), shown)[_PEAKS[name]](protocol)
    ids, flat = tuple(split.ids), torch.zeros(len(known.labels), 1 + len(known.moved), known.peaks.shape[1]).bool()
    evidence = Evidence()
    evidence.add("keypoints", "", ids, known.labels, visible=known.visible,
                 keypoints=torch.where(known.visible[..., None], known.keypoints, 0).int())
    evidence.add("peaks", "final", ids, known.labels, part_ids=known.part_ids, peaks=known.peaks.to(torch.int16),
                 flat=flat[:, 0], strengths=torch.zeros(flat[:, 0].shape),
                 moved=known.moved.transpose(0, 1).to(torch.int16), moved_flat=flat[:, 1:])
    return evidence


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
