"""From evidence to what each metric's ``update`` takes, by what its card needs."""

from collections.abc import Callable

import torch
from torch import Tensor

from ...metrics import Protocol
from .evidence import Evidence, Record

Feed = tuple[Tensor, ...]
Feeder = Callable[[Evidence, str, Protocol], Feed | None]

CURVES = ("insertion", "deletion")
KINDS: dict[str, tuple[str, ...]] = {
    "logits": ("logits",),
    "peaks": ("peaks", "keypoints"),
    "noisy_peaks": ("peaks", "keypoints"),
    "strengths": ("peaks", "keypoints"),
    "cover": ("cover",),
    "assignment": ("assignment",),
    "overlap": ("overlap",),
    "centroids": ("centroids", "landmarks"),
    "insertion": ("insertion_curve",),
    "deletion": ("deletion_curve",),
    "occlusion": ("occlusion",),
    "removal": ("removal",),
    "planted": ("planted",),
    "background": ("background",),
}
"""Evidence that a need is made of; the first kind is the one that has levels."""


def feed(need: str, evidence: Evidence, level: str, protocol: Protocol) -> Feed | None:
    """Arguments for ``update`` of a metric with this need; None where there is no such evidence on the level."""
    if any(evidence.get(kind, level if place == 0 else "") is None for place, kind in enumerate(KINDS[need])):
        return None
    record = evidence.get(KINDS[need][0], level)
    return _FEEDERS.get(need, _as_kept)(record, evidence, protocol)


def _as_kept(record: Record, evidence: Evidence, protocol: Protocol) -> Feed:
    """The tensors in the order in which they were kept, then the labels."""
    return (*record.values.values(), record.labels)


def _peaks(record: Record, evidence: Evidence, protocol: Protocol) -> Feed:
    return (_found(record["peaks"], record["flat"], protocol), *_known(record, evidence))


def _noisy_peaks(record: Record, evidence: Evidence, protocol: Protocol) -> Feed | None:
    draws = protocol.noise_draws
    if record["moved"].shape[1] < draws:
        return None
    moved = _found(record["moved"], record["moved_flat"], protocol)[:, :draws]
    return _found(record["peaks"], record["flat"], protocol), moved.transpose(0, 1), *_known(record, evidence)


def _strengths(record: Record, evidence: Evidence, protocol: Protocol) -> Feed:
    return _found(record["peaks"], record["flat"], protocol), record["strengths"], *_known(record, evidence)


def _found(peaks: Tensor, flat: Tensor, protocol: Protocol) -> Tensor:
    """Peaks were searched in flat maps too; most protocols see none there."""
    return torch.where(flat[..., None], -1, peaks).long() if protocol.near_constant == "none" else peaks.long()


def _known(record: Record, evidence: Evidence) -> Feed:
    keypoints = evidence.get("keypoints").rows(record.ids)
    return keypoints["keypoints"], keypoints["visible"], record.labels, record["part_ids"]


def _assignment(record: Record, evidence: Evidence, protocol: Protocol) -> Feed:
    counted = (record["true"], record["counts"]) if "counts" in record.values else ()
    return record["assignment"], record.labels, *counted


def _centroids(record: Record, evidence: Evidence, protocol: Protocol) -> Feed:
    landmarks = evidence.get("landmarks").rows(record.ids)
    return (record["centroids"], record["active"], landmarks["keypoints"], landmarks["visible"], landmarks["boxes"],
            record.labels, record["fit"])


_FEEDERS: dict[str, Callable[[Record, Evidence, Protocol], Feed | None]] = {
    "peaks": _peaks,
    "noisy_peaks": _noisy_peaks,
    "strengths": _strengths,
    "assignment": _assignment,
    "centroids": _centroids,
}
