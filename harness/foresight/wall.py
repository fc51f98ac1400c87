"""How long runs take on the clock when some of them work side by side."""

import numpy as np


def wall_seconds(seconds: np.ndarray, at_once: int) -> np.ndarray:
    """[D] until the last run has ended, where the longest begins first and each next one takes the first free place.

    Args:
        seconds: [D, runs] draws of what each takes.
    """
    free = np.zeros((len(seconds), max(1, at_once)))
    rows = np.arange(len(seconds))
    for run in np.argsort(-np.median(seconds, axis=0), kind="stable"):
        free[rows, free.argmin(1)] += seconds[:, run]
    return free.max(1)
