"""One number of a run or of a control, as it goes into a row."""

import logging
from dataclasses import dataclass
from typing import Any

from ..metrics import MetricCard

log = logging.getLogger("partbench")


@dataclass(frozen=True)
class Score:
    """One number; ``value`` is None where the metric does not apply, and ``error`` says why."""

    metric: str
    level: str
    value: float | None
    interval: tuple[float | None, float | None] = (None, None)
    images: int = 0
    error: str = ""

    @classmethod
    def of(cls, metric: str, level: str, running: Any) -> "Score":
        """What an accumulator arrived at. A metric that these images cannot give leaves the others alone."""
        try:
            return cls(metric, level, float(running.compute()), running.interval(), running.images)
        except ValueError as error:
            log.warning("no %s on level %s: %s", metric, level, error)
            return cls(metric, level, None, images=running.images, error=str(error))

    def columns(self, card: MetricCard) -> dict[str, Any]:
        """The columns of a row that it fills."""
        low, high = self.interval
        return {
            "metric": self.metric, "level": self.level, "value": self.value, "ci_low": low, "ci_high": high,
            "n": self.images, "unit": card.unit, "higher_is_better": card.higher_is_better,
            "status": "not_applicable" if self.value is None else "done", "error": self.error,
        }
