"""From evidence to numbers: one :class:`Score` per metric and level."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from torch import Tensor

from ...metrics import MetricCard, Protocol, registry
from .evidence import Evidence
from .feeds import KINDS, feed

log = logging.getLogger("partbench")


@dataclass(frozen=True)
class Score:
    """One number; ``value`` is None where the metric does not apply, and ``error`` says why.

    Attributes:
        running: the accumulator that it came from.
    """

    metric: str
    level: str
    value: float | None
    interval: tuple[float | None, float | None] = (None, None)
    images: int = 0
    error: str = ""
    running: Any = None

    @classmethod
    def of(cls, metric: str, level: str, running: Any) -> "Score":
        """What an accumulator arrived at. A metric that these images cannot give leaves the others alone."""
        try:
            return cls(metric, level, float(running.compute()), running.interval(), running.images, running=running)
        except ValueError as error:
            log.warning("no %s on level %s: %s", metric, level, error)
            return cls(metric, level, None, images=running.images, error=str(error))

    def class_sums(self) -> tuple[Tensor, Tensor, Tensor] | None:
        """Numerators, denominators and labels [C] whose sums' ratio is the value; None where it is no such ratio."""
        return None if self.value is None else self.running.class_sums()

    def columns(self, card: MetricCard) -> dict[str, Any]:
        """The columns of a row that it fills."""
        # An unbounded score of a single class could be anything: rows hold finite numbers.
        low, high = (end if end is None or isfinite(end) else None for end in self.interval)
        return {
            "metric": self.metric, "level": self.level, "value": self.value, "ci_low": low, "ci_high": high,
            "n": self.images, "unit": card.unit, "higher_is_better": card.higher_is_better,
            "status": "not_applicable" if self.value is None else "done", "error": self.error,
        }


def scored_cards(protocol: Protocol) -> list[MetricCard]:
    """The metrics that a protocol scores."""
    return [card for card in registry.cards.values() if protocol.scores(card.name)]


def scores(evidence: Evidence, protocol: Protocol, class_specific: bool = False,
           heed: Callable[[], None] = lambda: None) -> list[Score]:
    """Every score that a protocol asks for and the evidence holds.

    Args:
        class_specific: part ids differ from class to class, so that metrics which compare them across classes do
            not apply; they get a score without value.
        heed: called before each.
    """
    found = []
    for card in scored_cards(protocol):
        if card.annotated_parts and not _annotated(evidence):
            continue
        if card.shared_parts and class_specific:
            if _annotated(evidence):
                found.append(Score(card.name, "final", None, error="part ids differ from class to class"))
            continue
        for level in _levels(evidence, KINDS[card.needs][0], protocol):
            given = feed(card.needs, evidence, level, protocol)
            if given is not None:
                heed()
                running = card.load()(protocol)
                running.update(*given)
                found.append(Score.of(card.name, level, running))
    return found


def _annotated(evidence: Evidence) -> bool:
    """Whether the images have keypoints at all."""
    known = evidence.get("keypoints")
    return known is not None and known["visible"].shape[1] > 0


def _levels(evidence: Evidence, kind: str, protocol: Protocol) -> list[str]:
    """The levels that a protocol scores: all, or the named one where the method has it, else the method's own."""
    levels = evidence.levels(kind)
    if protocol.level == "all" or levels == ["final"]:
        return levels
    return [protocol.level] if protocol.level in levels else ["final"]
