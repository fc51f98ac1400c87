"""Evidence of an earlier evaluation that serves another protocol, so that its passes need not be made again.

It serves where both protocols agree in everything that shaped it. A smaller subset of images and fewer noise draws are
part of the larger.
"""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from ...leaderboard import Store
from ...metrics import Protocol, fidelity_subset
from ...metrics.protocol import SUBSETS
from ..forwards import needs_of
from .evidence import Evidence, Record
from .feeds import KINDS
from .items import evidence_of, protocol_of

log = logging.getLogger("partbench")

_PARTS = ("part_view", "canvas", "part_target")
_SUBSET = ("fidelity_view", "saliency_target", "fidelity_seed")
_CURVES = (*_SUBSET, "fidelity_steps", "fidelity_forwards")
_BLUR = ("insertion_substrate", "blur_sigma", "blur_kernel")
_DISCOVERY = ("assignment_view", "assignment_normalised", "canvas")

SHAPED_BY: dict[str, tuple[str, ...]] = {
    "logits": ("accuracy_view",),
    "peaks": _PARTS,
    "noisy_peaks": (*_PARTS, "noise_std", "noise_clip", "noise_seed"),
    "strengths": _PARTS,
    "cover": (*_PARTS, "cover_maps", "cover_threshold"),
    "assignment": (*_DISCOVERY, "assignment"),
    "overlap": ("assignment_view", "assignment_normalised"),
    "centroids": _DISCOVERY,
    "insertion": (*_CURVES, *_BLUR),
    "deletion": (*_CURVES, "deletion_substrate"),
    "occlusion": (*_SUBSET, *_BLUR, "occlusion_radius"),
    "removal": _SUBSET,
    "planted": _SUBSET,
    "background": _SUBSET,
}
"""Protocol fields that the evidence behind each need depends on; the others only say how it is scored."""

_SUBSET_OF = {need: name for name, about in SUBSETS.items() for need in about}
"""Field that says on how many images a need is met, where that is not all of them."""


@dataclass(frozen=True)
class Source:
    """The evidence of one evaluation, and the protocol it was made under."""

    protocol: Protocol
    evidence: Evidence


@dataclass
class Reused:
    """What earlier evaluations give a protocol.

    Attributes:
        served: needs that are met.
        missing: need -> why no evidence serves it.
    """

    evidence: Evidence = field(default_factory=Evidence)
    served: set[str] = field(default_factory=set)
    missing: dict[str, str] = field(default_factory=dict)


def sources(store: Store, run_id: str, split: str) -> list[Source]:
    """Every evaluation of a run on a split whose items can be read."""
    found = []
    for table in store.all_items(run_id, split):
        protocol = protocol_of(table)
        if protocol is None:
            continue
        try:
            found.append(Source(protocol, evidence_of(table)))
        except (ValueError, KeyError, TypeError) as error:
            log.warning("skipped items of run %s under protocol %s: %s", run_id, protocol.name, error)
    return found


def reuse(known: Iterable[Source], wanted: Protocol, needs: Collection[str]) -> Reused:
    """Take from ``known`` what serves ``wanted``; a need is met whole or not at all."""
    result, known = Reused(), list(known)
    for need in sorted(needs):
        reasons = [_obstacle(need, source, wanted) for source in known]
        usable = [source for source, reason in zip(known, reasons, strict=True) if not reason]
        if usable:
            _take(need, usable[-1], wanted, result)
        else:
            result.missing[need] = reasons[-1] if reasons else "the run has no items"
    for need in result.missing:
        # Their passes will bring these kinds anew.
        result.evidence.drop(KINDS[need])
    return result


def _obstacle(need: str, source: Source, wanted: Protocol) -> str:
    """Why the evidence does not serve; empty where it does. A need that the source never met leaves no evidence."""
    given = source.protocol
    for name in SHAPED_BY[need]:
        if getattr(given, name) != getattr(wanted, name):
            return f"{name} is {getattr(wanted, name)}, its items have {getattr(given, name)}"
    if need not in needs_of(given):
        return f"its items were made for {given.name}, which does not score it"
    if need == "noisy_peaks" and wanted.noise_draws > given.noise_draws:
        return f"noise_draws is {wanted.noise_draws}, its items have {given.noise_draws}"
    name = _SUBSET_OF.get(need)
    if name and getattr(wanted, name) != getattr(given, name):
        everything = source.evidence.get("logits", "final")
        if getattr(wanted, name) > getattr(given, name) and (
                everything is None or len(everything) > getattr(given, name)):
            return f"{name} is {getattr(wanted, name)}, its items have {getattr(given, name)}"
        if everything is None:
            return f"{name} is {getattr(wanted, name)}, and its items do not say which images those are"
    return ""


def _take(need: str, source: Source, wanted: Protocol, result: Reused) -> None:
    for place, kind in enumerate(KINDS[need]):
        for level in source.evidence.levels(kind) if place == 0 else [""]:
            record = source.evidence.get(kind, level)
            if record is not None:
                result.evidence.put(kind, level, _subset(need, record, source, wanted))
    result.served.add(need)


def _subset(need: str, record: Record, source: Source, wanted: Protocol) -> Record:
    name = _SUBSET_OF.get(need)
    if name is None or getattr(wanted, name) >= getattr(source.protocol, name):
        return record
    everything = source.evidence.get("logits", "final")
    chosen = fidelity_subset(everything.ids, everything.labels.tolist(), wanted, getattr(wanted, name))
    return record.rows(tuple(everything.ids[index] for index in chosen))
