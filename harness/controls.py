"""Control rows: what peaks that know nothing of the image score on a data set."""

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor

from .. import datasets, metrics
from ..datasets import Split, view
from ..leaderboard import Row, Store
from .opened import opened
from .plan import Job, Plan
from .score import Score
from .spec import canonical

_MAPS = 10  # random peaks per image: their mean score does not depend on it, its spread does


def write_controls(plan: Plan) -> None:
    """Score every control once per data set, split and protocol of the plan."""
    for job in {control_id("", job): job for job in plan.jobs}.values():
        store = Store(job.out)
        names = ("random_peaks", "centre_peak", "constant_peak")
        missing = [name for name in names if control_id(name, job) not in store.finished(job.protocol.id, job.split)]
        if not missing:
            continue
        dataset = opened(job)
        if not dataset.parts:
            continue
        for name in missing:
            run_id = control_id(name, job)
            store.write_scores(run_id, job.protocol.id, job.split, list(_rows(name, run_id, dataset, job)))


def control_id(name: str, job: Job) -> str:
    """The run id of a control; the backbone only says beside whom it stands."""
    identity = {"control": name, "dataset": job.spec.dataset_fingerprint, "protocol": job.protocol.id,
                "split": job.split, "backbone": job.spec.backbone, "image_size": job.spec.image_size}
    return hashlib.sha256(canonical(identity).encode()).hexdigest()[:16]


def _annotation(split: Split, job: Job) -> tuple[Tensor, Tensor, Tensor]:
    """Keypoints on the protocol's canvas, visibility and labels of a split, without decoding an image."""
    shown = view(job.protocol.part_view, job.protocol.canvas)
    samples = [shown(split.annotation(index)) for index in range(len(split))]
    return (torch.stack([sample.keypoints for sample in samples]), torch.stack([sample.visible for sample in samples]),
            torch.tensor([sample.label for sample in samples]))


def _peaks(name: str, dataset: "datasets.PartDataset", job: Job, images: int) -> tuple[Tensor, Tensor]:
    """Clean peaks [N, K, 2] and, for each noise draw, the perturbed ones [D, N, K, 2]."""
    protocol, draws = job.protocol, job.protocol.noise_draws
    if name == "random_peaks":
        drawn = [metrics.random_peaks(images, _MAPS, seed, protocol.canvas) for seed in range(draws + 1)]
        return drawn[0], torch.stack(drawn[1:])
    if name == "centre_peak":
        place = metrics.centre_peak(protocol.canvas)
    else:
        place, _ = metrics.best_constant_peak(
            *_annotation(dataset["train"], job), protocol.half_size, protocol.canvas, protocol.threshold,
            protocol.min_visible)
    peaks = torch.tensor(place).expand(images, 1, 2)
    return peaks, peaks.expand(draws, -1, -1, -1)


def _rows(name: str, run_id: str, dataset: "datasets.PartDataset", job: Job) -> Iterator[Row]:
    keypoints, visible, labels = _annotation(dataset[job.split], job)
    peaks, moved = _peaks(name, dataset, job, len(labels))
    part_ids = torch.arange(peaks.shape[1]).expand(len(labels), -1)
    for metric in ("consistency", "consistency_gain", "stability"):
        card = metrics.registry.get(metric)
        running = card.load()(job.protocol)
        places = (peaks, moved) if metric == "stability" else (peaks,)
        running.update(*places, keypoints, visible, labels, part_ids)
        yield Row(
            **Score.of(metric, "final", running).columns(card), run_id=run_id, method="control", variant=name,
            dataset=job.spec.dataset, dataset_fingerprint=job.spec.dataset_fingerprint, backbone=job.spec.backbone,
            image_size=job.spec.image_size, split=job.split, protocol=job.protocol.name, protocol_id=job.protocol.id)
