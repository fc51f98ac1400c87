"""Boards: what may be compared - one data set, split, backbone and protocol each.

Tables, figures and the report all draw from here, so that they cannot disagree. ``collect.boards`` fills them.
"""

from dataclasses import dataclass, field

CONTROL = "control"


@dataclass(frozen=True)
class Score:
    """A mean over seeds; the interval is the mean of the seeds' intervals. ``value`` None: does not apply."""

    value: float | None
    low: float | None
    high: float | None
    seeds: int


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

    @property
    def is_control(self) -> bool:
        return self.name.partition("@")[0] == CONTROL

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
    """Lines that may be compared with each other, and controls that know nothing of the images."""

    dataset: str
    split: str
    backbone: str
    protocol: str
    protocol_id: str
    columns: list[Column] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    controls: list[Line] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def title(self) -> str:
        where = f"{self.dataset} · {self.backbone or 'no backbone'}"
        what = f"protocol {self.protocol or self.protocol_id or 'unknown'}"
        return f"{where} · {what}" + (f" · split {self.split}" if self.split != "test" else "")

    def score(self, line: Line, metric: str) -> Score | None:
        """A line's score, or that of its first other level: accuracy belongs to the method, not to a level."""
        same = [other for other in self.lines if other.group == line.group]
        scores = [other.scores[metric] for other in (line, *same) if metric in other.scores]
        return scores[0] if scores else None

    def best_control(self, metric: str) -> Line | None:
        """The control that a method has to beat."""
        scored = [c for c in self.controls if metric in c.scores and c.scores[metric].value is not None]
        sign = next((1 if c.higher_is_better else -1 for c in self.columns if c.metric == metric), 1)
        return max(scored, key=lambda c: sign * c.scores[metric].value, default=None)
