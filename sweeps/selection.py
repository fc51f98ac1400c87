"""Which trial of a search is kept: the knee, or what users ask for, as in ``accuracy>=80%,max:consistency_gain``."""

import operator
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite, nan

from ..errors import UserError, unknown
from .front import feasible, finished, front, knee, ranks_of
from .records import Objective, TrialRecord

_COMPARISONS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}
_CONSTRAINT = re.compile(r"([^\s<>=:%]+)\s*(>=|<=|>|<)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*(%?)")
_GOAL = re.compile(r"(max|min)\s*:\s*([^\s<>=:%]+)")
_MEND = "write constraints and at most one goal, such as 'accuracy>=0.8,max:consistency_gain', or 'knee'"


@dataclass(frozen=True)
class Constraint:
    """What a trial must reach: ``limit`` is in the metric's unit, ``written`` as the user wrote it."""

    metric: str
    comparison: str
    limit: float
    written: str

    def __str__(self) -> str:
        return f"{self.metric}{self.comparison}{self.written}"

    def holds(self, trial: TrialRecord) -> bool:
        """A trial without the metric does not satisfy it."""
        return _COMPARISONS[self.comparison](_value(trial, self.metric), self.limit)

    def reached(self, trials: Iterable[TrialRecord]) -> str:
        """How near the trials come, in the words of an error."""
        highest = self.comparison.startswith(">")
        values = [value for trial in trials if isfinite(value := _value(trial, self.metric))]
        if not values:
            return "has no value"
        best = max(values) if highest else min(values)
        shown = f"{100 * best:.6g}%" if self.written.endswith("%") else f"{best:.6g}"
        return f"is {shown} at the {'highest' if highest else 'lowest'}"

    @property
    def mend(self) -> str:
        """What to do where no trial satisfies it."""
        # Tables show fractions as per cent, and users write what tables show.
        per_cent = self.limit > 1 and not self.written.endswith("%")
        return f"per cent are written {self.written}%" if per_cent else "loosen it, or add trials"


@dataclass(frozen=True)
class Goal:
    """The metric that is made as high, or as low, as it goes."""

    metric: str
    highest: bool


@dataclass(frozen=True)
class Selection:
    """Constraints, and what is best among the trials that satisfy them all: the goal, or without one the knee."""

    constraints: tuple[Constraint, ...] = ()
    goal: Goal | None = None

    @classmethod
    def parse(cls, text: str, known: Iterable[str]) -> "Selection":
        """Read what the user wrote.

        Args:
            text: ``knee``, or constraints (``>=``, ``>``, ``<=``, ``<``) and at most one ``max:`` or ``min:``, with
                commas between them. Numbers are in the metric's unit or, with ``%``, hundredths of it.
            known: names of metrics.

        Raises:
            UserError: empty, malformed, an unknown metric, or more than one goal.
        """
        if not text.strip():
            raise UserError(f"the selection is empty; {_MEND}")
        known = set(known)
        read = [_read(term.strip(), known) for term in text.split(",")]
        goals = [term for term in read if not isinstance(term, Constraint)]
        if len(goals) > 1:
            raise UserError(f"the selection '{text}' has more than one goal; keep one max:, min: or knee")
        return cls(tuple(term for term in read if isinstance(term, Constraint)), goals[0] if goals else None)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those the user named."""
        named = [constraint.metric for constraint in self.constraints]
        return tuple(dict.fromkeys(named + ([self.goal.metric] if self.goal else [])))

    def choose(self, trials: Iterable[TrialRecord], objectives: Sequence[Objective]) -> TrialRecord:
        """The trial that is best among all finished ones (not only the front) that satisfy the constraints.

        Where a consistency is an objective, constrained, or the goal, degenerate trials are chosen only if no other
        one satisfies. Trials that reach the goal equally are told apart by their rank in the objectives, then by
        number; for the knee see :func:`.front.knee`.

        Raises:
            UserError: no trial has finished, none has a metric's value, or none satisfies.
        """
        done = finished(trials, objectives)
        if not done:
            raise UserError("no trial of the search has finished; add trials, or see why they failed")
        self._require_values(done)
        satisfying = self._satisfying(done)
        minded = [*self.metrics, *(objective.metric for objective in objectives)]
        sound = [trial for trial, its in zip(satisfying, feasible(satisfying, minded), strict=True) if its]
        candidates = sound or satisfying
        if self.goal is None:
            return knee(front(candidates, objectives), objectives)
        rank_of = {trial.number: rank for trial, rank in zip(done, ranks_of(done, objectives), strict=True)}
        sign = -1 if self.goal.highest else 1
        return min(candidates, key=lambda trial: (sign * trial.values[self.goal.metric], rank_of[trial.number],
                                                  trial.number))

    def _require_values(self, done: list[TrialRecord]) -> None:
        had = {metric for trial in done for metric, value in trial.values.items() if isfinite(value)}
        for metric in self.metrics:
            if metric not in had:
                raise UserError(f"no finished trial has a value of '{metric}'; select by {', '.join(sorted(had))}")

    def _satisfying(self, done: list[TrialRecord]) -> list[TrialRecord]:
        left = [trial for trial in done if self.goal is None or isfinite(_value(trial, self.goal.metric))]
        for i, constraint in enumerate(self.constraints):
            held = [trial for trial in left if constraint.holds(trial)]
            if not held:
                among = f" of those with {' and '.join(map(str, self.constraints[:i]))}" if i else ""
                raise UserError(f"no finished trial{among} has {constraint}: {constraint.metric} "
                                f"{constraint.reached(left)}; {constraint.mend}")
            left = held
        return left


def _read(term: str, known: set[str]) -> Constraint | Goal | None:
    """A constraint, a goal, or None for the knee."""
    if term == "knee":
        return None
    if match := _GOAL.fullmatch(term):
        return Goal(_known(match[2], known), match[1] == "max")
    if match := _CONSTRAINT.fullmatch(term):
        metric, comparison, number, per_cent = match.groups()
        # Decimal, so that 80.3% is the very number that 0.803 is.
        return Constraint(_known(metric, known), comparison,
                          float(Decimal(number).scaleb(-2 if per_cent else 0)), number + per_cent)
    raise UserError(f"cannot read '{term}' in the selection; {_MEND}")


def _known(metric: str, known: set[str]) -> str:
    if metric not in known:
        raise unknown("metric", metric, known)
    return metric


def _value(trial: TrialRecord, metric: str) -> float:
    return trial.values.get(metric, nan)
