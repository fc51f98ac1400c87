"""Random numbers that are the same on every machine: a stream for every purpose, named by what it is for."""

from collections.abc import Sequence
from hashlib import sha256
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """A stream of draws, fixed by the words that name it.

    Only ``Random.random`` and ``randbytes`` are used: their sequence for a seed does not change between Python
    versions, which other methods do not promise.
    """

    def __init__(self, *name: object):
        self._random = Random(int.from_bytes(sha256(":".join(map(str, name)).encode()).digest()))

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._random.random()

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def whole(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self._random.random() * (high - low + 1))

    def one_of(self, options: Sequence[T]) -> T:
        return options[int(self._random.random() * len(options))]

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)
