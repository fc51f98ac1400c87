"""Estimates in words: minutes, memory, GPU-hours, and time on the clock."""

from collections.abc import Iterator

import numpy as np

from ..config import RunConfig
from .estimate import RANGE, Foretold, Span
from .learned import Learned
from .wall import wall_seconds


def spelt(span: Span | None, factor: float = 1.0, unit: str = "") -> str:
    """``13 (9.1 to 20)``, or ``unknown``."""
    if span is None:
        return "unknown"
    low, middle, high = (_number(value * factor) for value in (span.low, span.middle, span.high))
    return f"{middle} ({low} to {high}){unit}"


def told(config: RunConfig, learned: Learned, foretold: Foretold) -> Iterator[str]:
    """Lines on what all runs take together, and where that is known from."""
    known, machine = foretold.known, learned.machine
    yield _source(config, learned)
    if not known.any():
        return
    seconds = foretold.seconds[:, known]
    runs = f"{known.sum()} runs" if known.sum() > 1 else "1 run"
    line = f"{spelt(Span.of(seconds.sum(1)), 1 / 60)} minutes for {runs}"
    if not known.all():
        line += f", and an unknown time for {(~known).sum()} more"
    if machine.at_once is not None:
        beside = f"{machine.at_once} at a time" if machine.at_once > 1 else "one after the other"
        clock = Span.of(wall_seconds(seconds, machine.at_once))
        line += f"; {spelt(clock, 1 / 60)} minutes on the clock, {beside}"
    if machine.gpus:
        line += f"; {spelt(Span.of(seconds.sum(1)), machine.gpus / 3600)} GPU-hours"
    yield line
    largest = foretold.memory.max(1)
    if np.isfinite(largest).all():
        yield f"{spelt(Span.of(largest), 1 / 1024)} GiB of {_kind(machine.gpus)} memory for the largest of them"


def _source(config: RunConfig, learned: Learned) -> str:
    """What the estimates rest on, and how wide their ranges are."""
    hardware, runs = learned.estimator.hardware, learned.estimator.runs
    ranges = f"; in brackets the range of {RANGE:.0%} of all cases"
    if learned.probed:
        return (f"time: from a forward pass measured on {hardware} just now, memory: unknown, for no finished run in "
                f"{config.out} was on it{ranges}")
    if not runs:
        return f"time and memory: unknown, for no finished run in {config.out} was on {hardware}"
    return f"time and memory: from {runs} finished run{'s' * (runs > 1)} on {hardware} in {config.out}" + ranges


def _kind(gpus: float) -> str:
    return "GPU" if gpus else "main"


def _number(value: float) -> str:
    """Two digits: no estimate is better."""
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.05 else "<0.1"
