"""Part of each class, chosen by a hash: neither order nor other classes nor a random generator have a say."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np


def share_of_each_class(keys: Sequence[str], labels: np.ndarray, share: float,
                        among: np.ndarray | None = None) -> np.ndarray:
    """The rows of each class whose keys have the smallest SHA-256, bool [N].

    Args:
        keys: N texts, such as ids.
        labels: int [N].
        share: of a class that is chosen: at least 1 row and never all, so of a single row none.
        among: bool [N], rows that can be chosen and that ``share`` counts; None: all.
    """
    digests = np.array([sha256(key.encode()).hexdigest() for key in keys])
    chosen = np.zeros(len(keys), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero((labels == label) & (True if among is None else among))
        count = min(max(1, round(len(rows) * share)), len(rows) - 1)
        if count > 0:
            chosen[rows[np.argsort(digests[rows])[:count]]] = True
    return chosen
