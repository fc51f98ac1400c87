"""How long runs take and how much memory, learned from what finished runs took.

Seconds per multiply-add and MiB are log-normal given hardware, method, backbone and data set, so a method that never
ran is taken for the others by the cost of its steps, with a wider range. The standard deviations below were fitted to
eight folders of real runs (CUB-200-2011 at 112 and 224 px, drawn birds at 96 px; nine methods).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from time import time

import numpy as np

from ..plan import Job
from .cost import Cost
from .observed import Observation, Place
from .regression import Model, Regression

RANGE = 0.8
"""Of an estimate's range: so often the truth lies in it."""
_LOW, _HIGH = (1 - RANGE) / 2, (1 + RANGE) / 2
_DRAWS = 1000
_OVERHEAD = 4.0, 0.5  # seconds of a run that are neither training nor scoring, and their logarithm's deviation

SPEED: Model[Place] = Model(
    shared=[(lambda place: place.basis, 2.0),
            (lambda place: (place.basis, place.threads, place.precision, place.workers), 0.5),
            (lambda place: (place.basis, place.kind), 0.3),
            (lambda place: (place.basis, place.backbone, place.image_size), 0.35),
            (lambda place: (place.basis, place.backbone, place.image_size, place.kind), 0.25),
            (lambda place: (place.basis, place.dataset, place.kind), 0.4),
            (lambda place: (place.basis, place.method, place.variant), 0.15),
            (lambda place: (place.basis, place.method, place.kind), 0.1),
            (lambda place: (place.basis, place.method, place.variant, place.kind), 0.1)],
    near=[(lambda place: log(place.work), 0.25, 2.0), (lambda place: place.day, 0.25, 0.5)],
    noise=0.18, about=-24.0)
"""Of the logarithm of seconds per multiply-add: a core does some 25 G of them in a second."""

MEMORY: Model[Place] = Model(
    shared=[(lambda place: place.hardware, 1.0),
            (lambda place: (place.hardware, place.backbone, place.image_size), 0.5),
            (lambda place: (place.hardware, place.dataset), 0.3),
            (lambda place: (place.hardware, place.method), 0.25),
            (lambda place: (place.hardware, place.method, place.variant), 0.1)],
    near=[(lambda place: log(max(1, place.batch_size)), 0.2, 1.0)],
    noise=0.08, about=7.5)
"""Of the logarithm of MiB."""


@dataclass(frozen=True)
class Span:
    """A number that is estimated: as often above the middle as below, and mostly between low and high."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, draws: np.ndarray) -> "Span":
        """[D] draws."""
        return cls(*np.quantile(draws, (_LOW, 0.5, _HIGH)).tolist())

    def __mul__(self, factor: float) -> "Span":
        return Span(self.low * factor, self.middle * factor, self.high * factor)


@dataclass(frozen=True)
class Foretold:
    """Joint draws of what runs take.

    Attributes:
        seconds, memory: [D, runs] in seconds and MiB; NaN for a run that nothing is known of.
    """

    seconds: np.ndarray
    memory: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """bool [runs] whose time is."""
        return np.isfinite(self.seconds).all(0)

    def time_of(self, run: int) -> Span | None:
        return _span(self.seconds[:, run])

    def memory_of(self, run: int) -> Span | None:
        return _span(self.memory[:, run])


def _span(draws: np.ndarray) -> Span | None:
    return Span.of(draws) if np.isfinite(draws).all() else None


class Estimator:
    """What observations say of runs on some hardware.

    Args:
        hardware: as rows name it.
        observed: from any hardware; what was measured on other hardware is left out.
    """

    def __init__(self, hardware: str, observed: Iterable[Observation]):
        self.hardware = hardware
        own = [found for found in observed if found.place.hardware == hardware]
        timed = [found for found in own if found.place.kind != "memory"]
        sized = [found for found in own if found.place.kind == "memory"]
        self.runs = len(sized)
        self._bases = {found.place.basis for found in timed}
        self._speed = Regression(SPEED, [found.place for found in timed],
                                     [log(found.value / found.place.work) for found in timed]) if timed else None
        self._memory = Regression(MEMORY, [found.place for found in sized],
                                      [log(found.value) for found in sized]) if sized else None

    def knows(self, job: Job) -> bool:
        """Whether anything that was observed says how fast the run will be."""
        return self._place("train", job).basis in self._bases

    def foretell(self, jobs: Sequence[Job], costs: Sequence[Cost]) -> Foretold:
        """Time and memory of runs; the same every time for the same observations."""
        random, today = np.random.default_rng(0), round(time() / 86400, 2)
        seconds = np.full((_DRAWS, len(jobs)), np.nan)
        memory = np.full((_DRAWS, len(jobs)), np.nan)
        known = [run for run, job in enumerate(jobs) if self.knows(job)]
        if known and self._speed:
            middle, deviation = _OVERHEAD
            seconds[:, known] = middle * np.exp(deviation * random.standard_normal((_DRAWS, len(known))))
            parts = [(run, self._place(kind, jobs[run], day=today, forwards=forwards)) for run in known
                     for kind, forwards in (("train", costs[run].training), ("score", costs[run].scoring)) if forwards]
            drawn = np.exp(self._speed.draws([place for _, place in parts], _DRAWS, random))
            np.add.at(seconds.T, [run for run, _ in parts], (drawn * [place.work for _, place in parts]).T)
        if jobs and self._memory:
            places = [self._place("memory", job, day=today) for job in jobs]
            memory[:] = np.exp(self._memory.draws(places, _DRAWS, random))
        return Foretold(seconds, memory)

    def _place(self, kind: str, job: Job, day: float = 0.0, forwards: float = 1.0) -> Place:
        spec = job.spec
        return Place(kind, spec.method, spec.variant, spec.backbone, spec.image_size, spec.dataset, self.hardware,
                     spec.threads, spec.precision, spec.batch_size, job.workers, day, forwards)
