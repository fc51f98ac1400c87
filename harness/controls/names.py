"""Names and run ids of control rows: what a method has to beat. No torch."""

import hashlib
from collections.abc import Collection

from ...metrics.protocol import Protocol
from ..forwards import needs_of
from ..spec import RunSpec, canonical

BLIND = ("random_peaks", "centre_peak", "constant_peak", "edge_peaks")
"""Peaks that no model has placed: once for a data set."""

_CURVES = frozenset({"insertion", "deletion"})
_PEAKS = frozenset({"peaks", "strengths"})
OF_A_METHOD: dict[str, frozenset[str]] = {
    "untrained": frozenset({"logits", "noisy_peaks", "cover", "assignment"}) | _PEAKS | _CURVES,
    "swapped": frozenset({"noisy_peaks"}) | _PEAKS | _CURVES,
    "shuffled": frozenset({"logits"}) | _PEAKS | _CURVES,
    "gaussian": _CURVES,
    "edges": _CURVES,
    "random": _CURVES,
}
"""Lie detectors of one run, and the needs of metrics that they have evidence for: its method before training, its maps
on other images, asked for other labels, and saliency that never saw its model."""


def blind_id(name: str, spec: RunSpec, protocol: Protocol, split: str) -> str:
    """The run id of a blind control; the backbone only says beside whom it stands."""
    return _digest({"control": name, "dataset": spec.dataset_fingerprint, "protocol": protocol.id, "split": split,
                    "backbone": spec.backbone, "image_size": spec.image_size})


def control_id(name: str, run_id: str, protocol: Protocol, split: str) -> str:
    """The run id of a control that belongs to a run."""
    return _digest({"control": name, "run": run_id, "protocol": protocol.id, "split": split})


def missing_controls(run_id: str, protocol: Protocol, split: str, known: Collection[str]) -> list[str]:
    """The controls of a run that have no rows yet; ``known`` are the ids that have."""
    return [name for name, met in OF_A_METHOD.items()
            if met & needs_of(protocol) and control_id(name, run_id, protocol, split) not in known]


def _digest(identity: dict) -> str:
    return hashlib.sha256(canonical(identity).encode()).hexdigest()[:16]
