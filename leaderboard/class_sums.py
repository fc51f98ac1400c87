"""What each class adds to the scores of a run, read back from items/: what intervals over seeds and paired tests need.

numpy only, so that the page can be built without torch.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isclose
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from ..metrics import (
    Comparison,
    Resampled,
    class_interval,
    paired_statistic,
    ratio_of_sums,
    registry,
)
from .store import Store

if TYPE_CHECKING:
    import pyarrow

    from .board import Line

logger = logging.getLogger(__name__)
RESAMPLES = 2_000  # of everything that is drawn for a page or a table
_NAMED = 5  # runs that a line in the log names
Sums = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Labels, numerators and denominators [C]: a score is the ratio of the sums of the last two."""
_COLUMNS = ["metric", "level", "label", "value", "weight"]


class ClassSums:
    """The class sums of every run in a store; each file is read once, when it is asked for.

    ``ClassSums(store)(run_id, protocol_id, split)`` gives ``{(metric, level): (labels, numerators, denominators)}``:
    empty, with a line in the log, where the items are missing, torn or foreign.
    """

    def __init__(self, store: Store):
        self._store = store
        self._known: dict[tuple[str, str, str], dict[tuple[str, str], Sums]] = {}

    def __call__(self, run_id: str, protocol_id: str, split: str = "test") -> dict[tuple[str, str], Sums]:
        key = run_id, protocol_id, split
        if key not in self._known:
            try:
                self._known[key] = _by_score(self._store.read_items(*key, columns=_COLUMNS))
            except (UserError, ValueError) as error:
                # Rows without items are a user's choice; items that cannot be read are not.
                missing = isinstance(error.__cause__, FileNotFoundError)
                logger.log(logging.INFO if missing else logging.WARNING,
                           "run %s is not compared class by class: %s", run_id, error)
                self._known[key] = {}
        return self._known[key]

    def of(self, line: "Line", protocol_id: str, split: str, metric: str) -> "SeedSums | None":
        """What classes add to a line's score under all its seeds; None unless they give the very score."""
        score = line.scores.get(metric)
        if score is None or score.value is None:
            return None
        files = (self(run_id, protocol_id, split) for run_id in line.run_ids)
        found = [sums[metric, line.level] for sums in files if (metric, line.level) in sums]
        if len(found) != score.seeds:
            return None
        sums = SeedSums.of(found)
        if isclose(sums.value, score.value, rel_tol=1e-5, abs_tol=1e-6):
            return sums
        logger.warning("%s of runs %s is not compared class by class: its items give %.6f, its rows %.6f", metric,
                       ", ".join([*line.run_ids[:_NAMED], *["..."] * (len(line.run_ids) > _NAMED)]), sums.value,
                       score.value)
        return None


@dataclass(frozen=True)
class SeedSums:
    """What each class adds to one score under each training seed.

    Attributes:
        labels: [C], ascending.
        numerators, denominators: [S, C]; both 0 where a class has nothing to score under a seed.
    """

    labels: np.ndarray
    numerators: np.ndarray
    denominators: np.ndarray

    @classmethod
    def of(cls, seeds: Sequence[Sums]) -> "SeedSums":
        """Put seeds together. Classes without anything to score are left out."""
        scored = [(labels[under != 0], over[under != 0], under[under != 0]) for labels, over, under in seeds]
        labels = np.unique(np.concatenate([seed[0] for seed in scored]))
        over, under = (np.stack([_placed(labels, seed[0], seed[which]) for seed in scored]) for which in (1, 2))
        return cls(labels, over, under)

    @property
    def value(self) -> float:
        """The mean over seeds of the score."""
        return float((self.numerators.sum(1) / self.denominators.sum(1)).mean())

    def interval(self, metric: str) -> tuple[float, float]:
        """95 % interval over seeds and classes, within the bounds of the metric."""
        card = registry.cards.get(metric)
        bounds = (-inf, inf) if card is None else card.bounds
        return class_interval(self.scores(self.labels), len(self.labels), RESAMPLES, bounds=bounds)

    def compared(self, other: "SeedSums", resamples: int = RESAMPLES) -> Comparison:
        """This score against another of the same images, class by class."""
        labels = np.union1d(self.labels, other.labels)
        return paired_statistic(self.scores(labels), other.scores(labels), len(labels), resamples)

    def scores(self, labels: np.ndarray) -> list[Resampled]:
        """The score under each seed, as a function of how often each of ``labels`` is drawn."""
        return [ratio_of_sums(_placed(labels, self.labels, over), _placed(labels, self.labels, under))
                for over, under in zip(self.numerators, self.denominators, strict=True)]

    def shares(self, labels: np.ndarray) -> np.ndarray:
        """[C] whose mean is the score and whose spread is that of the score over classes, to first order."""
        ratios = self.numerators.sum(1, keepdims=True) / self.denominators.sum(1, keepdims=True)
        above = (self.numerators - ratios * self.denominators) / self.denominators.mean(1, keepdims=True)
        return self.value + _placed(labels, self.labels, above.mean(0) * len(labels) / len(self.labels))


def _placed(labels: np.ndarray, own: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values of some labels among all of them, 0 elsewhere."""
    placed = np.zeros(len(labels))
    placed[np.searchsorted(labels, own)] = values
    return placed


def _by_score(table: "pyarrow.Table") -> dict[tuple[str, str], Sums]:
    """Class sums by metric and level.

    Raises:
        ValueError: sums that no score can come from.
    """
    rows = table.filter(table["weight"].is_valid()).to_pandas()
    found = {}
    for (metric, level), sums in rows.groupby(["metric", "level"], sort=True, observed=True):
        labels, over, under = (sums[name].to_numpy(np.float64) for name in ("label", "value", "weight"))
        if not (np.isfinite([labels, over, under]).all() and (under >= 0).all() and under.any()):
            raise ValueError(f"its class sums of {metric} are not finite, negative or all empty")
        if len(np.unique(labels)) < len(labels):
            raise ValueError(f"its class sums of {metric} name a class twice")
        found[metric, level] = labels.astype(np.int64), over, under
    return found
