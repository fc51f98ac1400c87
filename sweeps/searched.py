"""A search with what was made of it: what its page and its figures are drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .front import feasible, front
from .halving import YARDSTICK
from .records import SearchRecord, TrialRecord
from .tested import Tested


@dataclass(frozen=True)
class Searched:
    """One method's search and what followed from it.

    Attributes:
        record: the trials.
        importances: metric -> parameter -> its share of what sets the best trials apart, at least 0.
        chosen: the trial whose setting is recommended; None while there is none.
        notes: what a reader should be warned of, a sentence each.
        tests: every look at test, in the order of time.
    """

    record: SearchRecord
    importances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    chosen: TrialRecord | None = None
    notes: Sequence[str] = ()
    tests: Sequence[Tested] = ()

    @cached_property
    def front(self) -> tuple[TrialRecord, ...]:
        """Finished trials that no other one beats in every objective, in the order of the first."""
        return front(self.record.trials, self.record.objectives)

    @cached_property
    def sound(self) -> tuple[TrialRecord, ...]:
        """Finished trials, without the degenerate ones where an objective is a consistency."""
        done = self.record.finished
        return tuple(trial for trial, counts in zip(done, feasible(done, self.metrics), strict=True) if counts)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Of the objectives."""
        return tuple(objective.metric for objective in self.record.objectives)

    @property
    def paper(self) -> TrialRecord | None:
        """The trial with the paper's setting, however it ended; None before it has begun."""
        return next((trial for trial in self.record.trials if trial.number == YARDSTICK), None)
