"""Other readings of consistency: over all classes at once, of parts shown often enough, and without a threshold."""

from torch import Tensor

from .part_consistency import Consistency, Tally


def consistency_soft(hits: Tensor, visible: Tensor, labels: Tensor, part_ids: Tensor, rule: str = "pair",
                     min_visible: int = 1) -> float:
    """Mean over terms of the share of images on which a term hits its best part: :func:`consistency` unquantised.

    Arguments, value and errors are those of :func:`consistency`.
    """
    return Tally.of(hits, visible, labels, part_ids).score(None, rule, min_visible)


class ConsistencyGlobal(Consistency):
    """:func:`consistency` with one term for each concept over all its classes, whatever rule the protocol has.

    A shared concept has to mark the same part in every class. A concept of one class scores as under the pair rule.
    """

    def reading(self) -> tuple[float | None, str, int]:
        return self.protocol.threshold, "global", self.protocol.min_visible


class ConsistencyMin3(Consistency):
    """:func:`consistency` of parts that at least three images of a term show.

    A part that is shown once and hit once makes a concept consistent otherwise.
    """

    def reading(self) -> tuple[float | None, str, int]:
        return self.protocol.threshold, self.protocol.rule, 3


class ConsistencySoft(Consistency):
    """Streaming :func:`consistency_soft`: how often each term hits its best part."""

    def reading(self) -> tuple[float | None, str, int]:
        return None, self.protocol.rule, self.protocol.min_visible
