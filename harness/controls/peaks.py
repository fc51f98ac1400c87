"""Peaks to score beside each other: those of controls on a data set, and those of runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from ... import metrics
from ...datasets import PartDataset, view
from ...errors import UserError
from ...leaderboard import Store
from ...metrics import Protocol
from ..results.run_folders import known_run
from ..scoring.feeds import feed
from ..scoring.reuse import reuse, sources

BEST_CONSTANT = "best constant peak"
_MAPS = 10  # random peaks per image: their mean score does not depend on it, its spread does


@dataclass(frozen=True, eq=False)
class PartEvidence:
    """What the part metrics score.

    Attributes:
        peaks: long [N, K, 2], (x, y) on the protocol's canvas.
        keypoints: [N, P, 2], on the same.
        visible: bool [N, P].
        labels: long [N].
        part_ids: long [N, K].
        moved: long [D, N, K, 2], peaks of D noisy passes; None where there were none.
    """

    peaks: Tensor
    keypoints: Tensor
    visible: Tensor
    labels: Tensor
    part_ids: Tensor
    moved: Tensor | None = None


Explanation = Callable[[Protocol], PartEvidence]
"""Evidence under a protocol; the best constant peak depends on it."""

RunEvidence = Callable[[str, str, Protocol, str], Mapping[str, PartEvidence]]
"""(out, run id, protocol, split) -> the run's evidence by level; a UserError where that takes model passes."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """Keypoints [N, P, 2] on a protocol's canvas, visibility [N, P] and labels [N] of a split."""

    keypoints: Tensor
    visible: Tensor
    labels: Tensor

    @classmethod
    def of(cls, dataset: PartDataset, split: str, protocol: Protocol) -> "Annotation":
        """Read it.

        Raises:
            UserError: no such split, or no picture in it.
        """
        pictures, shown = dataset[split], view(protocol.part_view, protocol.canvas)
        if not len(pictures):
            raise UserError(f"split {split} of {dataset.name} holds no picture; choose another with --split")
        # Boxes are known without the pictures; other views follow from a picture's size.
        read = pictures.annotation if protocol.part_view == "box" else partial(pictures.read, masks=False)
        samples = [shown(read(index)) for index in range(len(pictures))]
        return cls(torch.stack([sample.keypoints for sample in samples]),
                   torch.stack([sample.visible for sample in samples]),
                   torch.tensor([sample.label for sample in samples]))

    def constant_scores(self, protocol: Protocol) -> Tensor:
        """Consistency of every constant peak, float64 [S, S]."""
        return metrics.constant_peak_scores(self.keypoints, self.visible, self.labels, **rules(protocol))

    def best_constant(self, protocol: Protocol) -> tuple[tuple[int, int], float]:
        """The best constant peak (x, y), and its consistency."""
        return metrics.best_constant_peak(self.keypoints, self.visible, self.labels, **rules(protocol))

    def marked(self, peaks: Tensor, moved: Tensor) -> PartEvidence:
        """With peaks [N, K, 2] and perturbed ones [D, N, K, 2]; map k is concept k."""
        part_ids = torch.arange(peaks.shape[1]).expand(len(peaks), -1)
        return PartEvidence(peaks, self.keypoints, self.visible, self.labels, part_ids, moved)


def rules(protocol: Protocol) -> dict[str, Any]:
    """The part of a protocol that consistency of peaks depends on, as arguments."""
    return {"half_size": protocol.half_size, "image_size": protocol.canvas, "threshold": protocol.threshold,
            "min_visible": protocol.min_visible}


def control_peaks(fitted: Annotation, shown: Annotation) -> dict[str, Explanation]:
    """The controls on ``shown`` by name; the best constant peak is fitted on ``fitted``, under each protocol anew."""
    images = len(shown.labels)

    def chance(protocol: Protocol) -> PartEvidence:
        drawn = [metrics.random_peaks(images, _MAPS, seed, protocol.canvas) for seed in range(protocol.noise_draws + 1)]
        return shown.marked(drawn[0], torch.stack(drawn[1:]))

    def always(place: tuple[int, int], protocol: Protocol) -> PartEvidence:
        peaks = torch.tensor(place).expand(images, 1, 2)
        return shown.marked(peaks, peaks.expand(protocol.noise_draws, -1, -1, -1))

    best = cache(lambda protocol: fitted.best_constant(protocol)[0])
    return {"random peaks": chance,
            "centre peak": lambda protocol: always(metrics.centre_peak(protocol.canvas), protocol),
            BEST_CONSTANT: lambda protocol: always(best(protocol), protocol)}


def run_peaks(runs: Sequence[str], dataset: str, shown: Annotation, protocol: Protocol, split: str, out: str,
              run_evidence: RunEvidence) -> dict[str, Explanation]:
    """Every level of every run by name; ``runs`` are ids under ``out``, or their first digits.

    Raises:
        UserError: no such run, or one on other images than ``shown``.
    """
    found: dict[str, Explanation] = {}
    for run_id in (known_run(run, out).name for run in runs):
        title = _title(run_id, dataset, out)
        for level, evidence in run_evidence(out, run_id, protocol, split).items():
            if not torch.equal(evidence.labels.bincount(), shown.labels.bincount()):
                raise UserError(f"run {run_id} was scored on other images than {dataset} has here; give the --labels "
                                "and --set that it was run with")
            found[title if level == "final" else f"{title} · {level}"] = lambda _, evidence=evidence: evidence
    return found


def _title(run_id: str, dataset: str, out: str) -> str:
    """``ivpt@bias 01234567``."""
    frame, _ = Store(out).current()
    rows = frame[(frame.run_id == run_id) & (frame.dataset == dataset)]
    if not len(rows):
        raise UserError(f"run {run_id} has no row on {dataset}; see: harness list runs --out {out}")
    row = rows.iloc[0]
    return f"{row.method}@{row.variant} {run_id[:8]}" if row.variant else f"{row.method} {run_id[:8]}"


def stored_evidence(out: str, run_id: str, protocol: Protocol, split: str) -> dict[str, PartEvidence]:
    """A run's evidence by level from its items; without noisy passes where they do not serve the protocol.

    Raises:
        UserError: no items of the run hold peaks that serve the protocol.
    """
    known = sources(Store(out), run_id, split)
    for need in ("noisy_peaks", "peaks"):
        found = reuse(known, protocol, {need})
        if need in found.served:
            given = {level: feed(need, found.evidence, level, protocol) for level in found.evidence.levels("peaks")}
            return {level: PartEvidence(values[0], *values[-4:], *(values[1:-4])) for level, values in given.items()}
    raise UserError(f"run {run_id} has no peaks for protocol {protocol.name} on {split} ({found.missing[need]}); "
                    f"make them: harness run --config {out}/runs/{run_id}/spec.json --protocol {protocol.name}")
