"""`harness audit`: what the part metrics are worth on a data set. From annotations alone: no picture is opened."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import ceil
from typing import Any

import numpy as np
from torch import Tensor

from .. import datasets, metrics
from ..errors import UserError
from ..leaderboard.audited import Audit, Audited, Comparison, Curve, Part
from ..leaderboard.board import Column, Score
from ..metrics import MetricCard, Protocol
from .controls.peaks import (
    BEST_CONSTANT,
    Annotation,
    Explanation,
    PartEvidence,
    RunEvidence,
    control_peaks,
    rules,
    run_peaks,
)

_HALF_SIZES = range(8, 85, 4)  # canvas pixels at 224, scaled with the canvas
_STALE = 84
_POINT = 0.01
_FEWEST_CLASSES = 3  # that a spread can be reckoned from
_THRESHOLDS = tuple(hundredths / 100 for hundredths in range(50, 101, 5))


def audit_dataset(name: str, runs: Sequence[str] = (), *, protocol: Protocol, data_root: str | None = None,
                  options: Mapping[str, Any] | None = None, split: str = "test", out: str = "results",
                  run_evidence: RunEvidence) -> Audit:
    """Score the controls, and the peaks of runs, under a protocol and with its half-size and threshold varied.

    Args:
        name: data set.
        runs: ids under ``out``, or their first digits.
        data_root, options: of :func:`partbench.datasets.load`.
        split: scored on it; the best constant peak is fitted on train.
        run_evidence: where the peaks of runs come from.

    Raises:
        UserError: no such data set, split or run, no keypoint or no image in it, or a protocol that needs pictures.
    """
    dataset = datasets.load(name, data_root, **(options or {}))
    if not dataset.parts:
        raise UserError(f"{name} has no keypoints here, there is nothing to audit; with keypoints: {_with_keypoints()}")
    fitted, shown = (Annotation.of(dataset, part, protocol) for part in ("train", split))
    own = run_peaks(runs, name, shown, protocol, split, out, run_evidence)
    explanations = own | control_peaks(fitted, shown)
    cards = [card for card in metrics.registry.cards.values() if card.needs in ("peaks", "noisy_peaks")]
    half_sizes, stale = _half_sizes(protocol)
    thresholds = tuple(sorted({*_THRESHOLDS, protocol.threshold}))
    constant = shown.constant_scores(protocol)
    best, best_on_train = fitted.best_constant(protocol)
    return Audit(
        dataset=name, split=split, protocol=protocol, images=len(shown.labels), classes=len(shown.labels.unique()),
        columns=tuple(Column(card.name, card.unit, card.higher_is_better) for card in cards),
        parts=_parts(dataset.parts, shown, constant), constant=constant.float().numpy(),
        stale_constant=shown.constant_scores(_varied(protocol, half_size=stale)).float().numpy(),
        stale_half_size=stale, best=best, best_on_train=best_on_train, half_sizes=half_sizes, thresholds=thresholds,
        lines=tuple(Audited(title, _scores(explained(protocol), protocol, cards),
                            _curve(explained, [_varied(protocol, half_size=size) for size in half_sizes]),
                            _curve(explained, [_varied(protocol, threshold=share) for share in thresholds]))
                    for title, explained in explanations.items()),
        comparisons=_comparisons({title: explained(protocol) for title, explained in explanations.items()
                                  if not own or title in (*own, BEST_CONSTANT)}, protocol))


def _with_keypoints() -> str:
    cards = datasets.registry.cards.values()
    return ", ".join([*(card.name for card in cards if card.counts.get("parts") or card.generated),
                      "image_folder where its folder holds them"])


def _half_sizes(protocol: Protocol) -> tuple[tuple[int, ...], int]:
    """Half-sizes to try, and the stale one, on the protocol's canvas."""
    scale = protocol.canvas / 224
    tried = {round(size * scale) for size in _HALF_SIZES}
    return tuple(sorted({*tried, protocol.half_size})), round(_STALE * scale)


def _varied(protocol: Protocol, **changes: Any) -> Protocol:
    return protocol.model_copy(update=changes)


def _parts(names: Sequence[str], shown: Annotation, constant: Tensor) -> tuple[Part, ...]:
    """Where each part stands, and what a constant peak there scores [S, S]."""
    found = []
    for name, places, visible in zip(names, shown.keypoints.unbind(1), shown.visible.unbind(1), strict=True):
        if not visible.any():
            found.append(Part(name, 0, None, None))
            continue
        x, y = places[visible].double().mean(0).tolist()
        on_canvas = 0 <= x < len(constant) and 0 <= y < len(constant)
        found.append(Part(name, int(visible.sum()), (x, y), constant[int(y), int(x)].item() if on_canvas else None))
    return tuple(found)


def _scores(evidence: PartEvidence, protocol: Protocol, cards: Sequence[MetricCard]) -> dict[str, Score]:
    """Every metric of peaks; stability only where there were noisy passes."""
    found = {}
    for card in cards:
        if card.needs == "peaks" or evidence.moved is not None:
            found[card.name] = _score(_filled(card, evidence, protocol))
    return found


def _filled(card: MetricCard, evidence: PartEvidence, protocol: Protocol) -> Any:
    """The metric's accumulator with the evidence in it."""
    moved = (evidence.moved,) if card.needs == "noisy_peaks" else ()
    running = card.load()(protocol)
    running.update(evidence.peaks, *moved, evidence.keypoints, evidence.visible, evidence.labels, evidence.part_ids)
    return running


def _score(running: Any) -> Score:
    """What an accumulator arrived at; without value where these images cannot give one."""
    try:
        return Score(float(running.compute()), *running.interval(), seeds=1)
    except ValueError:
        return Score(None, None, None, seeds=1)


def _curve(explained: Explanation, protocols: Sequence[Protocol]) -> Curve:
    points = [_point(explained(protocol), protocol) for protocol in protocols]
    return Curve(tuple(score for score, _ in points), tuple(gain for _, gain in points))


def _point(evidence: PartEvidence, protocol: Protocol) -> tuple[float, float | None]:
    """Consistency and its gain, None where no class has two images."""
    known = evidence.keypoints, evidence.visible
    hits = metrics.part_hits(evidence.peaks, *known, protocol.half_size, protocol.canvas)
    score = metrics.consistency(hits, evidence.visible, evidence.labels, evidence.part_ids, protocol.threshold,
                                protocol.rule, protocol.min_visible)
    if evidence.labels.bincount().max() < 2:
        return score, None
    return score, metrics.consistency_gain(
        evidence.peaks, *known, evidence.labels, evidence.part_ids, seed=protocol.gain_seed, rule=protocol.rule,
        derangements=protocol.gain_derangements, **rules(protocol))


def _comparisons(explained: Mapping[str, PartEvidence], protocol: Protocol) -> tuple[Comparison, ...]:
    """What a paired test sees of every two explanations, by how their difference spreads over classes."""
    labels = next(iter(explained.values())).labels
    each = len(labels) / len(labels.unique())
    found = []
    for metric in ("consistency", "consistency_gain"):
        values = {name: _by_class(metric, evidence, protocol) for name, evidence in explained.items()}
        for first, second in combinations(values, 2):
            apart = values[first] - values[second]
            if len(apart) < _FEWEST_CLASSES or np.ptp(apart) == 0:
                continue
            units = np.arange(len(apart))
            classes = metrics.sample_needed(_POINT, apart, units).classes
            found.append(Comparison(metric, first, second, float(apart.mean()),
                                    metrics.minimum_detectable_difference(apart, units), classes, ceil(classes * each)))
    return tuple(found)


def _by_class(metric: str, evidence: PartEvidence, protocol: Protocol) -> np.ndarray:
    """A metric's value in each class that has one, in the order of labels; empty where classes have none."""
    if metric == "consistency_gain" and evidence.labels.bincount().max() < 2:
        return np.zeros(0)
    sums = _filled(metrics.registry.get(metric), evidence, protocol).class_sums()
    return np.zeros(0) if sums is None else (sums[0] / sums[1]).numpy()
