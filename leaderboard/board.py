"""Boards: what may be compared - one data set, split, backbone and protocol each.

Tables, figures and the report all draw from here, so that they cannot disagree. ``collect.boards`` fills them.
"""

from dataclasses import dataclass, field
from functools import cached_property
from math import hypot

from .class_sums import ClassSums, SeedSums

CONTROL = "control"
_LEVEL = 0.05  # below it, a p-value says that two scores differ


@dataclass(frozen=True)
class Score:
    """A mean over seeds with its 95 % interval. ``value`` None: does not apply.

    The interval of several seeds is over seeds and classes. Where what classes add to the score is not known, it is the
    mean of the seeds' intervals, which speaks of trained models as they are.

    Attributes:
        error: standard error that the choice of images gives each seed's score, by the rows' own intervals; None where
            a row has none. They are common to all seeds, so more seeds do not make it smaller.
        deviation: standard deviation over seeds; None for one.
    """

    value: float | None
    low: float | None
    high: float | None
    seeds: int
    error: float | None = None
    deviation: float | None = None


@dataclass(frozen=True)
class Column:
    """What a metric's rows say of it."""

    metric: str
    unit: str
    higher_is_better: bool

    @property
    def title(self) -> str:
        return self.metric.replace("_", " ")


@dataclass(frozen=True)
class Line:
    """One method at one level: repetitions of one experiment with different seeds."""

    name: str
    level: str
    setup: str
    group: int
    run_ids: tuple[str, ...]
    seeds: int
    scores: dict[str, Score]
    train_seconds: float | None = None
    trainable_parameters: int | None = None
    dataset_fingerprint: str = ""

    @property
    def is_control(self) -> bool:
        return self.name.partition("@")[0] == CONTROL

    @property
    def judges(self) -> str:
        """The method whose lie detector it is; empty for a method, and for a control that stands beside them all."""
        return self.name.partition("@")[2].rpartition("+")[0] if self.is_control else ""

    @property
    def title(self) -> str:
        return f"{self.name} ({self.setup})" if self.setup else self.name


@dataclass(frozen=True)
class Failure:
    """A run without scores, and why."""

    name: str
    seed: int
    status: str
    error: str
    run_id: str


@dataclass(frozen=True)
class Board:
    """Lines that may be compared with each other, and controls that know nothing of the images.

    ``images``: how many were scored, the most that a row of a line tells.
    """

    dataset: str
    split: str
    backbone: str
    protocol: str
    protocol_id: str
    columns: list[Column] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    controls: list[Line] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    sums: ClassSums | None = field(default=None, repr=False, compare=False)
    images: int | None = None

    @property
    def title(self) -> str:
        where = f"{self.dataset} · {self.backbone or 'no backbone'}"
        # The id as well: two protocols of one name are two boards.
        what = f"protocol {self.protocol or 'unknown'}" + (f" ({self.protocol_id})" if self.protocol_id else "")
        return f"{where} · {what}" + (f" · split {self.split}" if self.split != "test" else "")

    def score(self, line: Line, metric: str) -> Score | None:
        """A line's score, or that of its first other level: accuracy belongs to the method, not to a level."""
        same = [other for other in self.lines if other.group == line.group]
        scores = [other.scores[metric] for other in (line, *same) if metric in other.scores]
        return scores[0] if scores else None

    def class_sums(self, line: Line, metric: str) -> SeedSums | None:
        """What each class adds to a line's score; None where that is not known."""
        return None if self.sums is None else self.sums.of(line, self.protocol_id, self.split, metric)

    def best_control(self, metric: str, line: Line | None = None) -> Line | None:
        """The control that ``line`` has to beat: a blind one, or one of its own on its level; None: any control."""
        scored = [c for c in self.controls if metric in c.scores] if line is None else [
            c for judged in ("", line.name) for c in self._floors.get((metric, judged), ()) if _stands_beside(c, line)]
        scored = [c for c in scored if c.scores[metric].value is not None]
        sign = self._sign(metric)
        return max(scored, key=lambda c: sign * c.scores[metric].value, default=None)

    def separated(self, line: Line, metric: str) -> bool | None:
        """Whether a score is better than its best control's: by a paired test over classes, at the 5 % level.

        Where class sums of either are not known, it has to be better by more than both intervals allow for. They count
        as those of independent scores, which is too strict where images are shared. None where there is no such score
        or no control.
        """
        score, control = line.scores.get(metric), self.best_control(metric, line)
        if line.is_control or score is None or score.value is None or control is None:
            return None
        floor, sign = control.scores[metric], self._sign(metric)
        ahead = sign * (score.value - floor.value)
        ours, theirs = self.class_sums(line, metric), self.class_sums(control, metric)
        if ours and theirs and line.dataset_fingerprint == control.dataset_fingerprint:
            return ahead > 0 and ours.compared(theirs).p_value < _LEVEL
        return ahead > hypot(_reach(score, -sign), _reach(floor, sign))

    @cached_property
    def _floors(self) -> dict[tuple[str, str], list[Line]]:
        """Controls by metric and by the method that they judge: tables ask for every cell."""
        floors: dict[tuple[str, str], list[Line]] = {}
        for control in self.controls:
            for metric in control.scores:
                floors.setdefault((metric, control.judges), []).append(control)
        return floors

    def _sign(self, metric: str) -> int:
        return next((1 if c.higher_is_better else -1 for c in self.columns if c.metric == metric), 1)


def _stands_beside(control: Line, line: Line) -> bool:
    return not control.judges or (control.judges == line.name and control.setup == line.setup
                                  and control.level in (line.level, "final"))


def _reach(score: Score, direction: int) -> float:
    """How far its interval goes up (1) or down (-1)."""
    end = score.high if direction > 0 else score.low
    return 0.0 if end is None else abs(end - score.value)
