"""What an audit of the part metrics on one data set found; page and table draw from here. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..metrics import Protocol
from .board import Column, Score


@dataclass(frozen=True)
class Curve:
    """Consistency and its gain, fractions, at every value of one setting; no gain where no class has two images."""

    consistency: tuple[float, ...]
    gain: tuple[float | None, ...]


@dataclass(frozen=True)
class Audited:
    """Scores of one explanation: a control, or one level of a run.

    Attributes:
        scores: by metric, under the audit's protocol.
        half_sizes, thresholds: one value for each of :attr:`Audit.half_sizes` and :attr:`Audit.thresholds`.
    """

    name: str
    scores: Mapping[str, Score]
    half_sizes: Curve
    thresholds: Curve


@dataclass(frozen=True)
class Part:
    """Where an annotated part stands.

    Attributes:
        shown: images that show it.
        place: its mean (x, y) on the canvas, None where no image shows it.
        consistency: of the constant peak there; None where the place is off the canvas.
    """

    name: str
    shown: int
    place: tuple[float, float] | None
    consistency: float | None


@dataclass(frozen=True)
class Comparison:
    """What a paired test of two explanations can see on these classes.

    Attributes:
        difference: between the two, a fraction.
        detectable: smallest true difference that the test finds here with 80 % power at the 5 % level, a fraction.
        classes, images: how many it takes to find a difference of one point.
    """

    metric: str
    first: str
    second: str
    difference: float
    detectable: float
    classes: int
    images: int


@dataclass(frozen=True, eq=False)
class Audit:
    """An audit.

    Attributes:
        images, classes: of the split.
        columns: metrics of the table.
        constant: [S, S], consistency of the constant peak at [y, x], a fraction, as float32.
        stale_constant: the same at ``stale_half_size``.
        stale_half_size: a public script's default, made for a canvas of 518 pixels and used on one of 224; scaled.
        best: the best constant peak on the training images.
        best_on_train: its consistency there.
        half_sizes, thresholds: the values that were tried.
    """

    dataset: str
    split: str
    protocol: Protocol
    images: int
    classes: int
    columns: tuple[Column, ...]
    parts: tuple[Part, ...]
    constant: np.ndarray
    stale_constant: np.ndarray
    stale_half_size: int
    best: tuple[int, int]
    best_on_train: float
    half_sizes: tuple[int, ...]
    thresholds: tuple[float, ...]
    lines: tuple[Audited, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def best_here(self) -> float:
        """Consistency of the best constant peak on these images."""
        x, y = self.best
        return float(self.constant[y, x])

    @property
    def constant_mean(self) -> float:
        """Consistency of a constant peak, the mean over all places."""
        return float(self.constant.mean())

    @property
    def stale_constant_mean(self) -> float:
        return float(self.stale_constant.mean())

    @property
    def title(self) -> str:
        return f"{self.dataset} · protocol {self.protocol.name}" + (f" · split {self.split}" * (self.split != "test"))
