"""Learning-rate schedules: epochs finished, as a fraction that grows by the step -> factor on the rate."""

from collections.abc import Callable
from math import cos, floor, pi


def warm_cosine(epochs: int) -> Callable[[float], float]:
    """A linear rise from zero over the first tenth of ``epochs``, then half a cosine down to zero."""
    warm = 0.1 * epochs
    return lambda done: done / warm if done < warm else (1 + cos(pi * (done - warm) / (epochs - warm))) / 2


def halving(epochs: int) -> Callable[[float], float]:
    """IVPT's public schedule: half the rate every 4 of 25 epochs, stretched to ``epochs``."""
    return lambda done: 0.5 ** floor(6.25 * floor(done) / epochs)
